"""A training step on the tape (forward, backward, Adam), eager, beside PyTorch's.

PyTorch runs on one thread: the threads of two libraries that compete for few cores would make it look slow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import harness, models
from functorch_jax import torch


def mlp(t: Any) -> Any:
    nn = t.nn
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn(t: Any) -> Any:
    nn = t.nn
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 64, 10),
    )  # fmt: skip


def training(t: Any, network: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[], Any]:
    """One step of training, as programs write it."""
    net = network(t)
    optimizer = t.optim.Adam(net.parameters(), lr=1e-3)
    x, y = t.from_numpy(models.random(0, *shape)), t.arange(shape[0]) % 10

    def step() -> Any:
        optimizer.zero_grad()
        loss = t.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main() -> None:
    real = harness.pytorch()
    if real is not None:
        real.set_num_threads(1)
    for title, network, shape in (
        ("MLP 64-128-128-10, batch 64", mlp, (64, 64)),
        ("CNN on 3×32×32, batch 32", cnn, (32, 3, 32, 32)),
    ):
        calls = {"ours": training(torch, network, shape)}
        if real is not None:
            calls["PyTorch"] = training(real, network, shape)
        harness.compare(f"training step, {title}", calls, "PyTorch" if real is not None else "ours")
