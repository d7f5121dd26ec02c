"""Norms of all axes but one, and weights that are directions times such norms."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._op import op
from functorch_jax.torch.ops.functional_norm import p_norm


@op("torch")
def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm of `v` over every axis but `dim`; over all of them for `dim` -1. Source: torch.norm_except_dim."""
    if dim == -1:
        return p_norm(v.reshape(-1), pow, 0).reshape(())
    if not 0 <= dim < v.ndim:
        raise RuntimeError(f"norm_except_dim: dim {dim} is out of range for {v.ndim} axes")
    shape = [1] * v.ndim
    shape[dim] = v.shape[dim]
    return p_norm(jnp.moveaxis(v, dim, 0).reshape(v.shape[dim], -1), pow, 1).reshape(shape)


@op("torch", name="_weight_norm")
def weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    """`v` with the norms `g` over every axis but `dim`. Source: torch._weight_norm."""
    return v * (g / norm_except_dim(v, 2, dim))
