"""`functionalize` and `debug_unwrap`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from functorch_jax import jaxapi
from functorch_jax.transforms.arguments import array_of, is_tensor, like

__all__ = ["debug_unwrap", "functionalize"]


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """The same function, with in-place operations taken out of the program it makes.

    JAX's programs never have any: a write to a tensor puts a new array into its handle. So this checks its arguments
    and calls `func`; writes to the inputs are seen by the caller, as in PyTorch.

    Args:
        func: any function.
        remove: "mutations" or "mutations_and_views".

    Raises:
        RuntimeError: another value of `remove`.

    Source: torch.func.functionalize.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are: "
            "remove='mutations' and remove='mutations_and_views'"
        )

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def debug_unwrap(tensor: Any, *, recurse: bool = True) -> Any:
    """The value inside a tensor that a transform has wrapped, for looking at while debugging.

    Args:
        tensor: a tensor inside a transformed function; any other tensor is returned as it is.
        recurse: take off every transform, not only the innermost.

    Raises:
        TypeError: it is no tensor.

    Source: torch.func.debug_unwrap.
    """
    if not is_tensor(tensor):
        raise TypeError(f"debug_unwrap: expected a Tensor, got {type(tensor).__name__}")
    array = array_of(tensor)
    level = jaxapi.peel(array)
    if level is None:
        return tensor
    array = jaxapi.peel_all(array) if recurse else level.inner
    return like(tensor, array)
