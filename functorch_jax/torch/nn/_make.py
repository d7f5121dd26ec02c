"""How layers make their parameters and read their arguments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax import levels
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.nn.parameter import Parameter

__all__ = ["empty", "fields_repr", "parameter", "tuple_of"]


def empty(*shape: int, device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor to be filled: under a vmap with randomness='different', one for each row."""
    tensor = NAMESPACES["torch"]["empty"](shape, device=device, dtype=dtype)
    rows = [each for each in reversed(levels.stack()) if each.kind == "vmap" and each.randomness == "different"]
    if rows:
        array = jnp.zeros((*(level.state["batch_size"] for level in rows), *shape), tensor.array.dtype)
        for level in rows:
            array = level.state["lift"](array)
        tensor = wrap(array)
    return tensor


def parameter(*shape: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter to be filled."""
    return Parameter(empty(*shape, device=device, dtype=dtype))


def tuple_of(n: int, value: Any) -> tuple[Any, ...]:
    """`n` numbers: those given, or one number `n` times."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


def fields_repr(module: Any, *names: str) -> str:
    """`name=value, ...` of the named attributes."""
    return ", ".join(f"{name}={getattr(module, name)!r}" for name in names)
