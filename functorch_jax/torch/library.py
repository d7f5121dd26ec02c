"""`torch.library.custom_op`: a function of tensors as an op, eagerly. Source: torch.library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax.torch._names import missing, why

__all__ = ["CustomOpDef", "custom_op", "register_fake"]

_ops: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """What `custom_op` makes: called, it calls the function. Source: torch.library.CustomOpDef."""

    def __init__(self, name: str, fn: Callable[..., Any]) -> None:
        self._name = name
        self._fn = fn
        self.__doc__ = fn.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._name})>"

    def register_fake(self, fn: Any) -> Any:
        """Accepted: JAX finds shapes by running the function itself."""
        return fn

    def register_kernel(self, device_types: Any, fn: Any = None) -> Any:
        """Accepted; the function that defined the op is what runs."""
        return (lambda fn: fn) if fn is None else fn

    def __getattr__(self, name: str) -> Any:
        reason = why(f"torch.library.{name}")
        words = f": {reason}" if reason else ""
        raise AttributeError(f"'CustomOpDef' object has no attribute '{name}'{words}")


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: Any,
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """`fn` under the name "namespace::op", as a function and as a decorator.

    It is differentiated, mapped and compiled through its body, so that it needs no registered derivative.

    Raises: ValueError for a name without a namespace.

    Source: torch.library.custom_op.
    """
    if name.count("::") != 1:
        raise ValueError(f"custom_op(): the name must be 'namespace::op', not {name!r}")
    if fn is None:
        return lambda fn: custom_op(name, fn, mutates_args=mutates_args)
    _ops[name] = CustomOpDef(name, fn)
    return _ops[name]


def register_fake(op: Any, func: Any = None, /, **kwargs: Any) -> Any:
    """Accepted: JAX finds shapes by running the function itself. Source: torch.library.register_fake."""
    return (lambda fn: fn) if func is None else func


def __getattr__(name: str) -> Any:
    raise missing("torch.library", name, lambda: __all__)
