"""A training step as programs write it: the model, `loss.backward()`, `optimizer.step()`; nothing compiled by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, models
from functorch_jax import torch

MLP = (784, 256, 256, 10)
BATCH = 64
LEARNING_RATE = 1e-3


def mlp(t: Any) -> Any:
    nn = t.nn
    return nn.Sequential(
        nn.Linear(MLP[0], MLP[1]), nn.Tanh(), nn.Linear(MLP[1], MLP[2]), nn.Tanh(), nn.Linear(MLP[2], MLP[3])
    )


def cnn(t: Any) -> Any:
    nn = t.nn
    features = (nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    return nn.Sequential(*features, nn.Linear(32 * 12 * 12, 64), nn.ReLU(), nn.Linear(64, 10))


def parts(t: Any, make: Callable[[Any], Any], x: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Any]]:
    """The whole step, and its beginnings: the forward pass alone, then with the backward pass."""
    t.manual_seed(0)
    model, inputs, labels = make(t), t.from_numpy(x), t.from_numpy(y)
    params = list(model.parameters())
    optimizer = t.optim.Adam(params, lr=LEARNING_RATE)

    def ready(tensors: list[Any]) -> Any:
        return [each.jax() for each in tensors] if t is torch else None

    def forward() -> Any:
        return t.nn.functional.cross_entropy(model(inputs), labels)

    def backward() -> Any:
        optimizer.zero_grad()
        forward().backward()
        return ready([p.grad for p in params])

    def step() -> Any:
        backward()
        optimizer.step()
        return ready([p.detach() for p in params])

    return {"forward": lambda: ready([forward().detach()]), "and backward": backward, "and Adam": step}


def by_hand(forward: Callable[..., Any], params: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """The whole step as one compiled function on arrays."""

    def loss(params: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(forward(params, x)), y[:, None], 1).mean()

    @jax.jit
    def update(params: Any, means: Any, squares: Any, count: Any) -> Any:
        grads = jax.grad(loss)(params)
        means = [0.9 * m + 0.1 * g for m, g in zip(means, grads, strict=True)]
        squares = [0.999 * s + 0.001 * g * g for s, g in zip(squares, grads, strict=True)]
        size = LEARNING_RATE / (1 - 0.9**count)
        root = (1 - 0.999**count) ** 0.5
        moved = zip(params, means, squares, strict=True)
        return [p - size * m / (jnp.sqrt(s) / root + 1e-8) for p, m, s in moved], means, squares, count + 1

    zeros = [jnp.zeros_like(p) for p in params]
    state = [[jnp.asarray(p) for p in params], zeros, zeros, jnp.float32(1)]

    def step() -> Any:
        state[:] = update(*state)
        return state

    return step


def main() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, BATCH)
    programs = {
        "MLP": (mlp, (BATCH, MLP[0]), models.mlp_by_hand, models.dense(0, MLP)),
        "CNN": (cnn, (BATCH, 1, 28, 28), models.cnn_by_hand(), models.conv_params((16, 32), 28, 64)),
    }
    original = harness.pytorch()
    for name, (make, shape, hand, params) in programs.items():
        x = rng.standard_normal(shape).astype(np.float32)
        ours = parts(torch, make, x, y)
        theirs = parts(original, make, x, y) if original else {}
        for part, call in ours.items():
            variants = {"ours, eager": call}
            if part == "and Adam":
                variants["by hand, one jit"] = by_hand(hand, params, x, y)
            if original:
                variants["PyTorch, eager"] = theirs[part]
            reference = "PyTorch, eager" if original else "ours, eager"
            harness.compare(f"{name}, batch of {BATCH}: {part}", variants, reference)


if __name__ == "__main__":
    main()
