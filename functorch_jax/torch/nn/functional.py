"""Functions of `torch.nn.functional`: everything that the op tables register under that namespace."""

from __future__ import annotations

import importlib
import math as math
from collections.abc import Callable
from typing import Any

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._names import missing
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor as Tensor
from functorch_jax.torch.overrides import handle_torch_function as handle_torch_function
from functorch_jax.torch.overrides import has_torch_function as has_torch_function
from functorch_jax.torch.overrides import has_torch_function_unary as has_torch_function_unary
from functorch_jax.torch.overrides import has_torch_function_variadic as has_torch_function_variadic

globals().update(NAMESPACES["nn.functional"])


def assert_int_or_pair(arg: Any, arg_name: str, message: str) -> None:
    """Raise AssertionError unless `arg` is an int or two of them. Source: torch.nn.functional.assert_int_or_pair."""
    assert isinstance(arg, int) or len(arg) == 2, message.format(arg_name)


def boolean_dispatch(
    arg_name: str, arg_index: int, default: bool, if_true: Any, if_false: Any, module_name: str, func_name: str
) -> Callable[..., Any]:
    """A function that calls one of two, by the value of a flag. Source: torch.nn.functional.boolean_dispatch."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        flag = kwargs[arg_name] if arg_name in kwargs else args[arg_index] if arg_index < len(args) else default
        return (if_true if flag else if_false)(*args, **kwargs)

    fn.__name__ = func_name
    return fn


def __getattr__(name: str) -> object:
    if name in NAMESPACES["nn.functional"]:
        return NAMESPACES["nn.functional"][name]
    if name in ("torch", "grad"):  # modules that PyTorch's own imports there
        return importlib.import_module({"torch": "functorch_jax.torch", "grad": "functorch_jax.torch.nn.grad"}[name])
    raise missing("torch.nn.functional", name, lambda: NAMESPACES["nn.functional"])
