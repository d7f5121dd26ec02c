"""The Hessian of a scalar network with respect to its input, for one point and for a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

import functorch_jax as ft
from benchmarks import harness, models


def scalar(forward: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: forward(params, x).sum()


def main() -> None:
    params = models.dense(0, (64, 128, 128, 1))
    hand = scalar(models.mlp_by_hand)
    variants = harness.ways(
        lambda t: t.func.hessian(scalar(models.mlp(t)), argnums=1),
        jax.hessian(hand, 1),
        (params, models.random(1, 64)),
        ft.hessian(hand, argnums=1),
    )
    harness.report("hessian of an MLP 64-128-128-1", variants)
    variants = harness.ways(
        lambda t: t.func.vmap(t.func.hessian(scalar(models.mlp(t)), argnums=1), in_dims=(None, 0)),
        jax.vmap(jax.hessian(hand, 1), (None, 0)),
        (params, models.random(1, 16, 64)),
        ft.vmap(ft.hessian(hand, argnums=1), (None, 0)),
    )
    harness.report("vmap of hessian, batch 16", variants)
