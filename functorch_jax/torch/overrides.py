"""Overriding of functions by `__torch_function__`, for the program's own functions. Source: torch.overrides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functorch_jax.torch._names import missing
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
    "is_tensor_like",
]  # fmt: skip


def _overriding(args: Iterable[Any]) -> list[Any]:
    return [x for x in args if hasattr(type(x), "__torch_function__")]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether a class of these arguments has `__torch_function__`. Source: torch.overrides.has_torch_function."""
    return bool(_overriding(relevant_args))


def has_torch_function_unary(x: Any) -> bool:
    """As `has_torch_function`, of one argument."""
    return has_torch_function((x,))


def has_torch_function_variadic(*args: Any) -> bool:
    """As `has_torch_function`, of several arguments."""
    return has_torch_function(args)


def handle_torch_function(public_api: Any, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """Ask `__torch_function__` of the arguments that have it, the most derived class first.

    A function of the program's own may call it; PyTorch's functions here do not ask.

    Raises: TypeError if none of them answers.

    Source: torch.overrides.handle_torch_function.
    """
    asked = _overriding(relevant_args)
    kinds = tuple(dict.fromkeys(type(x) for x in asked))
    for x in sorted(asked, key=lambda x: -len(type(x).__mro__)):
        answer = x.__torch_function__(public_api, kinds, args, kwargs)
        if answer is not NotImplemented:
            return answer
    name = getattr(public_api, "__qualname__", public_api)
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {list(kinds)}")


def is_tensor_like(inp: Any) -> bool:
    """Whether `inp` is a tensor, or has `__torch_function__`. Source: torch.overrides.is_tensor_like."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def __getattr__(name: str) -> Any:
    raise missing("torch.overrides", name, lambda: __all__)
