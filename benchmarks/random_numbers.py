"""Random numbers: PyTorch's own, made on the host, against PyTorch; and JAX's, made by a "threefry" generator.

Host draws run on one thread in both: PyTorch's generator is one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import harness

LARGE, SMALL = 10_000_000, 100_000
DRAWS: dict[str, Callable[[Any, int], Any]] = {
    "randn": lambda t, n: t.randn(n),
    "rand": lambda t, n: t.rand(n),
    "randint": lambda t, n: t.randint(0, 1000, (n,)),
    "bernoulli_": lambda t, n: t.empty(n).bernoulli_(0.3),
    "exponential_": lambda t, n: t.empty(n).exponential_(),
}
ONE_BY_ONE: dict[str, Callable[[Any, int], Any]] = {  # by rejection or exchange, for which NumPy has no one call
    "poisson": lambda t, n: t.poisson(t.full((n,), 20.0)),
    "binomial": lambda t, n: t.binomial(t.full((n,), 40.0), t.full((n,), 0.4)),
    "randperm": lambda t, n: t.randperm(n),
    "multinomial": lambda t, n: t.multinomial(t.ones(n // 100, 100), 10),
}


def run(name: str, draw: Callable[[Any, int], Any], n: int) -> None:
    from functorch_jax import torch

    real = harness.pytorch()
    fast = torch.Generator(impl="threefry")
    variants = {"ours": lambda: draw(torch, n).jax()}
    if name in ("randn", "rand"):
        variants["ours, threefry"] = lambda: getattr(torch, name)(n, generator=fast).jax()
    if real is not None:
        variants["PyTorch"] = lambda: draw(real, n)
    harness.compare(f"{name} of {n:,}", variants, "ours" if real is None else "PyTorch", harness.SECONDS / 2)


def main() -> None:
    for name, draw in DRAWS.items():
        run(name, draw, LARGE)
    for name, draw in ONE_BY_ONE.items():
        run(name, draw, SMALL)
