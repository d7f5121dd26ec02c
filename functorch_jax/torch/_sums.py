"""Sums over axes, and broadcasts, formulated so that XLA's CPU backend is never slow at them.

A reduction over an axis that a large block follows walks memory in strides there: on jaxlib 0.10 a mean over the first
axis of (64, 128, 9216) takes 26 s when it is fused with what computes its argument (jax-ml/jax#37465). A contraction
with a vector of ones reads the same memory in order. The derivative of a broadcast is such a sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi

__all__ = ["count", "spread", "total"]

# Elements after a reduced axis, from which sums are contractions. Not to be raised: beyond it jaxlib 0.10's fused
# reductions over a leading axis of three are not only slow but wrong, by errors of order 1.
_BLOCK = 2**15
_CONTRACTED = ("float32", "float64", "complex64", "complex128")


def count(x: Any, axes: Sequence[int]) -> int:
    """How many elements a reduction over `axes` takes together."""
    return math.prod(x.shape[a] for a in axes)


def total(x: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The sum of `x` over `axes` (counted from 0), in its dtype."""
    axes = sorted(axes)
    runs = _runs(axes)
    if x.dtype.name not in _CONTRACTED or jax.default_backend() != "cpu" or not any(_strided(x, r) for r in runs):
        return jnp.sum(x, axis=tuple(axes), keepdims=keepdims, dtype=x.dtype)
    kept = [1 if a in axes else n for a, n in enumerate(x.shape)]
    for run in reversed(runs):
        x = _contract(x, run) if _strided(x, run) else jnp.sum(x, axis=run)
    return x.reshape(kept) if keepdims else x


def _runs(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """`axes` as runs of neighbours."""
    runs: list[tuple[int, ...]] = []
    for a in axes:
        if runs and runs[-1][-1] == a - 1:
            runs[-1] += (a,)
        else:
            runs.append((a,))
    return runs


def _strided(x: Any, run: Sequence[int]) -> bool:
    return math.prod(x.shape[run[-1] + 1 :]) >= _BLOCK and count(x, run) > 1


def _contract(x: Any, run: Sequence[int]) -> Any:
    ones = jnp.ones([x.shape[a] for a in run], x.dtype)
    return lax.dot_general(ones, x, ((tuple(range(len(run))), run), ((), ())), precision=lax.Precision.HIGHEST)


def _kept_sum(x: Any, axes: Sequence[int]) -> Any:
    return total(x, axes, True)


def spread(x: Any, shape: Sequence[int]) -> Any:
    """`x` broadcast to `shape`, with a cotangent that is summed by `total`."""
    if x.shape == tuple(shape):
        return x
    x = x.reshape((1,) * (len(shape) - x.ndim) + x.shape)
    grown = [i for i, n in enumerate(x.shape) if n != shape[i]]
    if grown and math.prod(shape[grown[0] + 1 :]) >= _BLOCK and jax.default_backend() == "cpu":
        return jaxapi.spread(x, shape, _kept_sum)
    return jnp.broadcast_to(x, shape)


def aligned(x: Any, shape: Sequence[int]) -> Any:
    """`x` as an operand of an elementwise function whose result has `shape`: broadcast only where that matters."""
    if x.size >= _BLOCK and x.shape != tuple(shape):
        return spread(x, shape)
    return x
