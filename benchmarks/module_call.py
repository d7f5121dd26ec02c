"""What `functional_call` adds to a compiled call: a module of 100 parameters against the same arrays by themselves."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks import harness
from functorch_jax import functional_call, torch

LAYERS, WIDTH = 50, 16


def main() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(*[torch.nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS)])
    params = dict(model.named_parameters())
    arrays = {name: p.jax() for name, p in params.items()}
    x = torch.ones(4, WIDTH)

    def raw(arrays, x):
        for i in range(LAYERS):
            x = jnp.matmul(x, arrays[f"{i}.weight"].T, precision="highest") + arrays[f"{i}.bias"]
        return x

    module = jax.jit(lambda params, x: functional_call(model, params, (x,)))
    plain = jax.jit(raw)
    bare = x.jax()
    variants = {
        "functional_call, jit": lambda: module(params, x),
        "jax.numpy on arrays, jit": lambda: plain(arrays, bare),
    }
    harness.compare(f"one call, {len(params)} parameters", variants, "jax.numpy on arrays, jit")
