"""One step of an optimizer over many small parameters, and over a few large ones; gradients are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from functorch_jax import torch

SIZES = {"60 matrices, 16 x 16": (60, (16, 16)), "4 matrices, 512 x 512": (4, (512, 512))}
OPTIMIZERS: dict[str, dict[str, Any]] = {"SGD": {"lr": 1e-3, "momentum": 0.9}, "Adam": {"lr": 1e-3}}


def arrays(count: int, shape: tuple[int, ...]) -> list[Any]:
    draw = np.random.default_rng(0).standard_normal
    return [draw(shape).astype(np.float32) for _ in range(count)]


def on_tensors(t: Any, name: str, values: list[Any], **options: Any) -> Callable[[], Any]:
    params = [t.nn.Parameter(t.from_numpy(x.copy())) for x in values]
    for parameter, x in zip(params, values, strict=True):
        parameter.grad = t.from_numpy(x * 0.1)
    optimizer = getattr(t.optim, name)(params, **OPTIMIZERS[name], **options)

    def step() -> Any:
        optimizer.step()
        return params[-1].jax() if hasattr(params[-1], "jax") else None

    return step


def sgd(p: Any, g: Any, state: Any, step: Any) -> Any:
    (buffer,) = state
    buffer = 0.9 * buffer + g
    return p - 1e-3 * buffer, (buffer,)


def adam(p: Any, g: Any, state: Any, step: Any) -> Any:
    mean, square = state
    mean = 0.9 * mean + 0.1 * g
    square = 0.999 * square + 0.001 * g * g
    size = 1e-3 / (1 - 0.9**step)
    return p - size * mean / (jnp.sqrt(square / (1 - 0.999**step)) + 1e-8), (mean, square)


RULES: dict[str, tuple[Callable[..., Any], int]] = {"SGD": (sgd, 1), "Adam": (adam, 2)}


def on_arrays(name: str, values: list[Any]) -> Callable[[], Any]:
    rule, count = RULES[name]

    @jax.jit
    def update(params: Any, grads: Any, states: Any, step: Any) -> Any:
        out = [rule(*each, step + 1) for each in zip(params, grads, states, strict=True)]
        return [p for p, _ in out], [s for _, s in out], step + 1

    grads = [jnp.asarray(x * 0.1) for x in values]
    held: list[Any] = [[jnp.asarray(x) for x in values]]
    held += [[(jnp.zeros_like(x),) * count for x in grads], jnp.float32(0)]

    def step() -> Any:
        held[:] = update(held[0], grads, held[1], held[2])
        return held[0][-1]

    return step


def main() -> None:
    real = harness.pytorch()
    for size, (count, shape) in SIZES.items():
        values = arrays(count, shape)
        for name in OPTIMIZERS:
            calls = {"jax.numpy, compiled": on_arrays(name, values), "ours": on_tensors(torch, name, values)}
            if real is not None:
                calls["PyTorch"] = on_tensors(real, name, values, foreach=False)
                calls["PyTorch, foreach"] = on_tensors(real, name, values, foreach=True)
            harness.compare(f"{name}, {size}", calls, "jax.numpy, compiled")
