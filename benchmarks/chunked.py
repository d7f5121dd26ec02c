"""What `chunk_size` saves in memory and costs in time: `vmap` and `jacrev`, compiled.

Memory is XLA's own account of the compiled program: the temporary buffers, next to arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import functorch_jax as ft
from benchmarks import harness, models
from functorch_jax import torch

CHUNKS = (None, 64, 16, 4)


def measure(title: str, program: Callable[[int | None], Callable[..., Any]], args: Any) -> None:
    compiled = {f"chunk_size={c}": jax.jit(program(c)).lower(*args).compile() for c in CHUNKS}
    memory = {name: c.memory_analysis().temp_size_in_bytes for name, c in compiled.items()}
    times = harness.measure({name: lambda c=c: c(*args) for name, c in compiled.items()})
    whole = next(iter(memory))
    rows = []
    for name in compiled:
        seconds = sorted(times[name])[len(times[name]) // 2]
        ratio = memory[name] / memory[whole]
        rows.append([name, harness.size(memory[name]), f"{ratio:.3f}", harness.duration(seconds)])
    harness.table(title, ["", "temporary memory", "ratio", "median time"], rows)


def main() -> None:
    params = jax.tree.map(jnp.asarray, models.dense(0, (784, 256, 256, 10)))
    x, y = jnp.asarray(models.random(1, 256, 784)), jnp.arange(256) % 10
    gradient = ft.grad(models.loss_by_hand(models.mlp_by_hand))

    def norm(params: Any, x: Any, y: Any) -> Any:
        return jnp.sqrt(sum((g**2).sum() for g in gradient(params, x, y)))

    measure(
        "vmap: norms of 256 per-sample gradients of an MLP 784-256-256-10",
        lambda c: ft.vmap(norm, in_dims=(None, 0, 0), chunk_size=c),
        (params, x, y),
    )

    tensors = jax.tree.map(torch.from_jax, (params, x, y))
    loss = models.loss_of_one(torch, models.mlp(torch))

    def tensor_norm(params: Any, x: Any, y: Any) -> Any:
        return torch.sqrt(sum((g**2).sum() for g in ft.grad(loss)(params, x, y)))

    measure(
        "the same on tensors",
        lambda c: ft.vmap(tensor_norm, in_dims=(None, 0, 0), chunk_size=c),
        tensors,
    )

    wide = jax.tree.map(jnp.asarray, models.dense(5, (256, 8192, 256)))
    measure(
        "jacrev of an MLP 256-8192-256",
        lambda c: ft.jacrev(lambda x: models.mlp_by_hand(wide, x), chunk_size=c),
        (jnp.asarray(models.random(1, 256)),),
    )
