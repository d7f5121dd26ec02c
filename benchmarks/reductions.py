"""The trap of reductions over a leading axis in jaxlib 0.10's CPU code, and that `sum` and `mean` do not meet it.

A sum over the first axis of an array that the same program computes is fused into a loop that walks memory in strides
(jax-ml/jax#37465). A contraction with a vector of ones reads it in order.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, models
from functorch_jax import torch

SHAPES = ((64, 1024), (64, 65536), (64, 16, 9216), (256, 64, 1024))


def main() -> None:
    for shape in SHAPES:
        x, scale = models.random(0, *shape), models.random(1, shape[0])
        over = (slice(None), *[None] * (len(shape) - 1))
        a, s = jnp.asarray(x), jnp.asarray(scale)
        tensor, factor = torch.from_jax(a), torch.from_jax(s)
        ones = jnp.ones(shape[0])
        naive = jax.jit(lambda a, s, over=over: (a * s[over]).mean(0))
        contraction = jax.jit(lambda a, s, over=over, n=shape[0]: jnp.tensordot(ones, a * s[over], 1) / n)
        ours = jax.jit(lambda a, s, over=over: (a * s[over]).mean(0))
        np.testing.assert_allclose(naive(a, s), ours(tensor, factor).jax(), atol=1e-5)
        variants = {
            "contraction, jit": lambda f=contraction, a=a, s=s: f(a, s),
            "ours on tensors, jit": lambda f=ours, a=tensor, s=factor: f(a, s),
            "jax.numpy, jit": lambda f=naive, a=a, s=s: f(a, s),
        }
        harness.compare(f"(x * scale).mean(0), x {shape}", variants, "contraction, jit", harness.SECONDS / 2)
