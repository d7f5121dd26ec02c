"""Windows for spectra: symmetric ones by default, where `torch.hann_window` and its kin are periodic.

Source: torch.signal.windows.

>>> from functorch_jax import torch
>>> torch.signal.windows.hann(5)
tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch import _layout
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import np_dtype, torch_dtype
from functorch_jax.torch._factories import finish
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]

Shape = Callable[..., Any]


def _window(family: str) -> Callable[[Shape], Callable[..., Tensor]]:
    """A window of a function `shape(n, **options)` of the number of points in a whole period, or on both its ends.

    It gives the function of the place, 0 to n - 1. `family` is what messages call the window.
    """

    def decorate(shape: Shape) -> Callable[..., Tensor]:
        @functools.wraps(shape)
        def window(
            M: int,
            *,
            sym: bool = True,
            dtype: Any = None,
            layout: Any = None,
            device: Any = None,
            requires_grad: bool = False,
            **options: Any,
        ) -> Tensor:
            kind = default_dtype() if dtype is None else np_dtype(dtype)
            if not hasattr(M, "__index__"):
                raise TypeError(f"{family}: the window length must be an integer, got {type(M).__name__}")
            M = M.__index__()
            if M < 0:
                raise ValueError(f"{family} requires non-negative window length, got M={M}")
            if layout not in (None, _layout.NAMES["strided"]):
                raise ValueError(f"{family} is implemented for strided tensors only, got: {layout}")
            if kind not in (np.float32, np.float64):
                raise ValueError(f"{family} expects float32 or float64 dtypes, got: {torch_dtype(kind)}")
            if shape.__name__ == "exponential" and sym and options.get("center") is not None:
                raise ValueError("Center must be None for symmetric windows")
            points = shape(M if sym else M + 1, **options)
            values = np.ones(M) if M <= 1 else points(np.arange(M, dtype=np.float64))
            return finish(jnp.asarray(values, kind), device, requires_grad, None, f"{shape.__name__}()")

        del window.__wrapped__  # type: ignore[attr-defined]  # a caller passes M and these keywords
        return window

    return decorate


@_window("bartlett")
def bartlett(n: int) -> Shape:
    """A triangle. Source: torch.signal.windows.bartlett."""
    return lambda x: 1 - np.abs(2 * x / (n - 1) - 1)


@_window("cosine")
def cosine(n: int) -> Shape:
    """Half a sine wave, without its zeros. Source: torch.signal.windows.cosine."""
    return lambda x: np.sin(math.pi * (x + 0.5) / n)


@_window("exponential")
def exponential(n: int, *, center: float | None = None, tau: float = 1.0) -> Shape:
    """Decay on both sides of `center`, by 1/e in `tau` points. Source: torch.signal.windows.exponential."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    middle = (n - 1) / 2 if center is None else center
    return lambda x: np.exp(-np.abs(x - middle) / tau)


@_window("gaussian")
def gaussian(n: int, *, std: float = 1.0) -> Shape:
    """A bell of standard deviation `std` points. Source: torch.signal.windows.gaussian."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return lambda x: np.exp(-(((x - (n - 1) / 2) / std) ** 2) / 2)


@_window("kaiser")
def kaiser(n: int, *, beta: float = 12.0) -> Shape:
    """A Bessel function of half a circle; the larger `beta`, the narrower. Source: torch.signal.windows.kaiser."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return lambda x: np.i0(beta * np.sqrt(np.maximum(1 - (2 * x / (n - 1) - 1) ** 2, 0))) / np.i0(beta)


def _cosines(n: int, a: Any) -> Shape:
    """Cosines of the multiples of one period, their signs in turn."""
    return lambda x: sum((-1) ** k * w * np.cos(2 * math.pi * k * x / (n - 1)) for k, w in enumerate(a))


@_window("general_cosine")
def general_cosine(n: int, *, a: Any) -> Shape:
    """A sum of cosines with the weights `a`. Source: torch.signal.windows.general_cosine."""
    if not hasattr(a, "__iter__"):
        raise TypeError("Coefficients must be a list/tuple")
    if len(a) == 0:
        raise ValueError("Coefficients cannot be empty")
    return _cosines(n, [float(w) for w in a])


@_window("general_cosine")
def general_hamming(n: int, *, alpha: float = 0.54) -> Shape:
    """A cosine on a pedestal. Source: torch.signal.windows.general_hamming."""
    return _cosines(n, (alpha, 1 - alpha))


@_window("general_cosine")
def hamming(n: int) -> Shape:
    """A cosine on a pedestal of 0.08. Source: torch.signal.windows.hamming."""
    return _cosines(n, (0.54, 0.46))


@_window("general_cosine")
def hann(n: int) -> Shape:
    """A whole cosine wave. Source: torch.signal.windows.hann."""
    return _cosines(n, (0.5, 0.5))


@_window("blackman")
def blackman(n: int) -> Shape:
    """A sum of two cosines. Source: torch.signal.windows.blackman."""
    return _cosines(n, (0.42, 0.5, 0.08))


@_window("general_cosine")
def nuttall(n: int) -> Shape:
    """A sum of three cosines with low side lobes. Source: torch.signal.windows.nuttall."""
    return _cosines(n, (0.3635819, 0.4891775, 0.1365995, 0.0106411))


def __getattr__(name: str) -> object:
    place = "torch.signal.windows"
    raise MissingName(f"module '{place}' has no attribute '{name}'", place, name, lambda: __all__)
