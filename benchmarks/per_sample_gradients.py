"""Per-sample gradients: `vmap(grad(loss), in_dims=(None, 0, 0))`, of an MLP and of two convolutional networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import functorch_jax as ft
from benchmarks import harness, models


def per_sample(t: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    return t.func.vmap(t.func.grad(models.loss_of_one(t, forward)), in_dims=(None, 0, 0))


def by_hand(loss: Callable[..., Any]) -> Callable[..., Any]:
    return jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))


def plain(loss: Callable[..., Any]) -> Callable[..., Any]:
    return ft.vmap(ft.grad(loss), in_dims=(None, 0, 0))


def run(title: str, network: Any, hand: Any, hand_with_nn: Any, params: Any, x: Any) -> None:
    y = np.random.default_rng(9).integers(0, 10, len(x))
    loss = models.loss_by_hand(hand)
    variants = harness.ways(lambda t: per_sample(t, network(t)), by_hand(loss), (params, x, y), plain(loss))
    on_jax = jax.tree.map(jax.numpy.asarray, (params, x, y))
    with_nn = by_hand(models.loss_with_jax_nn(hand_with_nn))
    variants["by hand with jax.nn, eager"] = lambda: with_nn(*on_jax)
    harness.report(title, variants)


def main() -> None:
    run(
        "MLP 784-256-256-10, batch 64",
        models.mlp,
        models.mlp_by_hand,
        models.mlp_by_hand,
        models.dense(0, (784, 256, 256, 10)),
        models.random(1, 64, 784),
    )
    for title, channels, side, hidden, batch in (
        ("CNN on 8×8 images, 22 thousand parameters, batch 50", (16, 32), 8, 128, 50),
        ("CNN on 28×28 images, 1.2 million parameters, batch 64", (32, 64), 28, 128, 64),
    ):
        run(
            title,
            models.cnn,
            models.cnn_by_hand(),
            models.cnn_by_hand(jax.nn.relu),
            models.conv_params(channels, side, hidden),
            models.random(1, batch, 1, side, side),
        )
