"""Python functions on tensors, called as PyTorch's are: NumPy's keywords work, and the first argument is checked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import jax

from functorch_jax.torch._op import _KEYWORDS, Op, function, store_out
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["as_input", "tensor_function", "view_op"]

F = TypeVar("F", bound=Callable[..., Any])


def as_input(x: Any, name: str, position: int = 1, argument: str = "input") -> Tensor:
    """`x` as a tensor. Raises TypeError in PyTorch's words for what is none."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, jax.Array):
        return wrap(x)
    raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {type(x).__name__}")


def tensor_function(
    where: str = "torch Tensor", *, name: str | None = None, aliases: str = "", out: bool = False
) -> Callable[[F], F]:
    """Register a function whose first argument is a tensor; `axis` means `dim`, and so on.

    Args:
        where, name, aliases: as `op` has them.
        out: the function may be called with `out=`, a tensor that the result is written into.

    Returns: a decorator that gives the function back as it is registered.
    """

    def decorate(fn: F) -> F:
        main = name or fn.__name__
        known = inspect.signature(fn).parameters

        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            target = None
            if kwargs:
                target = kwargs.pop("out", None) if out else None
                kwargs = {k if k in known else _KEYWORDS.get(k, k): v for k, v in kwargs.items()}
            if args:
                if not isinstance(args[0], Tensor):
                    args = (as_input(args[0], main), *args[1:])
            elif "input" in kwargs:
                kwargs["input"] = as_input(kwargs["input"], main)
            result = fn(*args, **kwargs)
            return result if target is None else store_out(target, result.array, main)

        call.__name__ = call.__qualname__ = main
        function(where, name=main, aliases=aliases)(call)
        return call  # type: ignore[return-value]

    return decorate


def view_op(get: Callable[..., Any], put: Callable[..., Any], *, name: str = "", jit: bool = True) -> Op:
    """A view to build others on: called with a tensor, it gives a tensor that writes through."""
    return Op(get, name or get.__name__, "", False, put, jit)
