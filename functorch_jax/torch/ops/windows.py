"""Windows for spectra: `hann_window` and its kin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import category
from functorch_jax.torch._factories import factory
from functorch_jax.torch._promote import type_name

Steps = Callable[..., Any]


def _points(name: str, length: Any, periodic: bool, dtype: Any, shape: Callable[[int, Any, Steps], Any]) -> Any:
    """A window over `length` points, or the first `length` of one more that closes the period.

    `shape(n, x, step)` gives it for the numbers x = 0 … n - 1. `step(f, x, c)` is f(x, c), with what goes in and what
    comes out rounded to the dtype as PyTorch does in each of its operations.
    """
    if isinstance(length, bool) or not hasattr(length, "__index__"):
        raise TypeError(f"{name}(): argument 'window_length' (position 1) must be int, not {type(length).__name__}")
    length = length.__index__()
    dtype = np.dtype(dtype or default_dtype())
    if category(dtype) == 3:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{type_name(dtype)}'")
    if category(dtype) < 2:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {type_name(dtype)}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if length <= 1:
        return jnp.ones(length, dtype)
    wide = np.float64 if dtype == np.float64 else np.float32

    def rounded(x: Any) -> Any:
        return np.asarray(x, wide).astype(dtype).astype(wide)

    def step(f: Callable[..., Any], *args: Any) -> Any:
        return rounded(f(*map(rounded, args)))

    n = length + 1 if periodic else length
    return jnp.asarray(np.asarray(shape(n, np.arange(n), step))[:length].astype(dtype))


def _cosines(alpha: float, beta: float) -> Callable[[int, Any, Steps], Any]:
    def shape(n: int, x: Any, step: Steps) -> Any:
        waves = step(np.cos, step(np.multiply, x, 2 * math.pi / (n - 1)))
        return step(np.add, step(np.multiply, waves, -beta), alpha)

    return shape


def _triangle(n: int, x: Any, step: Steps) -> Any:
    x = step(np.multiply, x, 2 / (n - 1))
    middle = (n - 1) // 2 + 1
    return np.concatenate([x[:middle], step(np.subtract, 2, x[middle:])])


def _blackman(n: int, x: Any, step: Steps) -> Any:
    x = step(np.multiply, x, math.pi / (n - 1))
    slow, fast = (step(np.multiply, step(np.cos, step(np.multiply, x, k)), w) for k, w in ((2, 0.5), (4, 0.08)))
    return step(np.add, step(np.subtract, fast, slow), 0.42)


@factory
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Any:
    """Half a cosine wave up and down. Source: torch.hann_window."""
    return _points("hann_window", window_length, periodic, dtype, _cosines(0.5, 0.5))


@factory
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None
) -> Any:
    """A cosine on a pedestal: `alpha - beta * cos`. Source: torch.hamming_window."""
    return _points("hamming_window", window_length, periodic, dtype, _cosines(alpha, beta))


@factory
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Any:
    """A triangle. Source: torch.bartlett_window."""
    return _points("bartlett_window", window_length, periodic, dtype, _triangle)


@factory
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Any:
    """A sum of two cosines. Source: torch.blackman_window."""
    return _points("blackman_window", window_length, periodic, dtype, _blackman)


@factory
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None) -> Any:
    """A Bessel function of half a circle; the larger `beta`, the narrower. Source: torch.kaiser_window."""

    def shape(n: int, x: Any, step: Steps) -> Any:
        half = (n - 1) / 2
        circle = np.sqrt(np.maximum(1 - ((x - half) / half) ** 2, 0))
        return np.i0(beta * circle) / np.i0(beta)

    return _points("kaiser_window", window_length, periodic, dtype, shape)
