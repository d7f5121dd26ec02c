"""Tensors from data and shapes: `tensor`, `zeros`, `arange` and their kin."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._op import function
from functorch_jax.torch._size import size_from
from functorch_jax.torch._tensor import Tensor, wrap


def legacy_tensor(*args: Any, **kwargs: Any) -> Tensor:
    """What `torch.Tensor(...)` means: a shape, or data of the default dtype."""
    if len(args) == 1 and not isinstance(args[0], int):
        return wrap(jnp.asarray(args[0], default_dtype()))
    return wrap(jnp.zeros(size_from(args), default_dtype()))


@function("torch")
def from_jax(array: Any) -> Tensor:
    """The tensor around a JAX array, without a copy."""
    return wrap(jnp.asarray(array))
