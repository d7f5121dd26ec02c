"""An ensemble of MLPs run as one: `vmap` over their stacked parameters."""

from __future__ import annotations

import jax
import numpy as np

import functorch_jax as ft
from benchmarks import harness, models


def main() -> None:
    members = [models.dense(10 * i, (784, 128, 128, 10)) for i in range(10)]
    params = [np.stack(layer) for layer in zip(*members, strict=True)]
    for title, axis, batch in (
        ("10 MLPs 784-128-128-10 on one batch of 64", None, (64, 784)),
        ("10 MLPs 784-128-128-10, each on its own batch of 64", 0, (10, 64, 784)),
    ):
        variants = harness.ways(
            lambda t, axis=axis: t.func.vmap(models.mlp(t), in_dims=(0, axis)),
            jax.vmap(models.mlp_by_hand, in_axes=(0, axis)),
            (params, models.random(1, *batch)),
            ft.vmap(models.mlp_by_hand, in_dims=(0, axis)),
        )
        harness.report(title, variants)
