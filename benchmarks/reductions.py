"""The trap of reductions over a leading axis in jaxlib 0.10's CPU code, and that `sum` and `mean` do not meet it.

A sum over the first axis of an array that the same program computes is fused with what computes it. With jaxlib 0.10
that is slow for some shapes (jax-ml/jax#37465), and for some with more than 32768 elements after the axis it is wrong.
A contraction with a vector of ones is neither, and that is what `sum` and `mean` do where it matters.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, models
from functorch_jax import torch

SHAPES = ((64, 1024), (64, 65536), (64, 16, 1024), (64, 16, 9216), (256, 64, 1024))


def main() -> None:
    for shape in SHAPES:
        x, scale = models.random(0, *shape), models.random(1, shape[0])
        over = (slice(None), *[None] * (len(shape) - 1))
        a, s, ones = jnp.asarray(x), jnp.asarray(scale), jnp.ones(shape[0], jnp.float32)
        programs = {
            "contraction, jit": jax.jit(lambda a, s, o=over, ones=ones: jnp.tensordot(ones, a * s[o], 1) / len(ones)),
            "ours on tensors, jit": jax.jit(lambda a, s, o=over: (a * s[o]).mean(0)),
            "jax.numpy, jit": jax.jit(lambda a, s, o=over: (a * s[o]).mean(0)),
        }
        arguments = dict.fromkeys(programs, (a, s))
        arguments["ours on tensors, jit"] = (torch.from_jax(a), torch.from_jax(s))
        variants = {name: lambda f=f, args=arguments[name]: f(*args) for name, f in programs.items()}
        harness.compare(f"(x * scale).mean(0), x {shape}", variants, "contraction, jit", min(3.0, harness.SECONDS))
        right = (x.astype(np.float64) * scale[over]).mean(0)
        errors = {name: np.abs(np.asarray(call()) - right).max() for name, call in variants.items()}
        print("largest error: " + ", ".join(f"{name} {error:.1g}" for name, error in errors.items()))
