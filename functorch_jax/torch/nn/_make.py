"""How layers make their parameters and read their arguments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import np_dtype
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.nn.parameter import Parameter

__all__ = ["empty", "fields_repr", "parameter", "tuple_of"]


def empty(*shape: int, device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor to be filled."""
    if device is not None:
        return NAMESPACES["torch"]["empty"](shape, device=device, dtype=dtype)
    return wrap(jnp.zeros(shape, default_dtype() if dtype is None else np_dtype(dtype)))


def parameter(*shape: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter to be filled."""
    return Parameter(empty(*shape, device=device, dtype=dtype))


def tuple_of(n: int, value: Any) -> tuple[Any, ...]:
    """`n` numbers: those given, or one number `n` times."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


def fields_repr(module: Any, *names: str) -> str:
    """`name=value, ...` of the named attributes."""
    return ", ".join(f"{name}={getattr(module, name)!r}" for name in names)
