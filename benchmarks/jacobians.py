"""Jacobians of an MLP with respect to its input, by reverse and by forward mode."""

from __future__ import annotations

import jax

import functorch_jax as ft
from benchmarks import harness, models


def main() -> None:
    params, x = models.dense(0, (128, 256, 256, 128)), models.random(1, 128)
    for name, theirs in (("jacrev", jax.jacrev), ("jacfwd", jax.jacfwd)):
        variants = harness.ways(
            lambda t, name=name: getattr(t.func, name)(models.mlp(t), argnums=1),
            theirs(models.mlp_by_hand, 1),
            (params, x),
            getattr(ft, name)(models.mlp_by_hand, argnums=1),
        )
        harness.report(f"{name} of an MLP 128-256-256-128", variants)
