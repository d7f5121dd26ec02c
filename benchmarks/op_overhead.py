"""One operation on a tiny tensor, called eagerly: what a call costs beside the arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from functorch_jax import torch

OPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "x + x": lambda t, x, m: x + x,
    "x * 0.1": lambda t, x, m: x * 0.1,
    "sin(x)": lambda t, x, m: t.sin(x),
    "x.sum()": lambda t, x, m: x.sum(),
    "m.sum(0)": lambda t, x, m: m.sum(0),
    "m @ x": lambda t, x, m: m @ x,
    "x[0]": lambda t, x, m: x[0],
    "m.reshape(16)": lambda t, x, m: m.reshape(16),
    "where(x > 0, x, 0.0)": lambda t, x, m: t.where(x > 0, x, 0.0),
}


def main() -> None:
    x, m = np.arange(4, dtype=np.float32), np.ones((4, 4), np.float32)
    worlds: dict[str, tuple[Any, Any]] = {"jax.numpy": (jnp, jnp.asarray), "ours": (torch, torch.from_numpy)}
    if (real := harness.pytorch()) is not None:
        worlds["PyTorch"] = (real, real.from_numpy)
    rows = []
    for name, op in OPS.items():
        calls = {
            world: (lambda t=t, a=array(x), b=array(m), op=op: op(t, a, b)) for world, (t, array) in worlds.items()
        }
        times = {world: float(np.median(ts)) for world, ts in harness.measure(calls, harness.SECONDS / 5).items()}
        ratio = times["ours"] / times["jax.numpy"]
        rows.append([name, *(harness.duration(times[world]) for world in worlds), f"{ratio:.2f}"])
    harness.table("one call", ["", *worlds, "ours to jax.numpy"], rows)
