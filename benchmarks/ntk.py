"""The empirical neural tangent kernel: products of per-sample Jacobians with respect to the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import functorch_jax as ft
from benchmarks import harness, models


def kernel(vmap: Any, jacrev: Any, einsum: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    """K[i, j] = J(x_i) J(x_j)^T, a matrix over the outputs for each pair of samples."""
    jacobians = vmap(jacrev(lambda params, x: forward(params, x)), (None, 0))

    def compute(params: Any, x1: Any, x2: Any) -> Any:
        total = None
        for a, b in zip(jacobians(params, x1), jacobians(params, x2), strict=True):
            a, b = a.reshape(*a.shape[:2], -1), b.reshape(*b.shape[:2], -1)
            part = einsum("naf,mbf->nmab", a, b)
            total = part if total is None else total + part
        return total

    return compute


def main() -> None:
    variants = harness.ways(
        lambda t: kernel(t.func.vmap, t.func.jacrev, t.einsum, models.mlp(t)),
        kernel(jax.vmap, jax.jacrev, jnp.einsum, models.mlp_by_hand),
        (models.dense(0, (64, 128, 128, 10)), models.random(1, 20, 64), models.random(2, 10, 64)),
        kernel(ft.vmap, ft.jacrev, jnp.einsum, models.mlp_by_hand),
    )
    harness.report("NTK of an MLP 64-128-128-10, 20 × 10 samples", variants)
