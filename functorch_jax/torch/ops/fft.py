"""Discrete Fourier transforms: one axis at a time, so that any number of axes works by PyTorch's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import category
from functorch_jax.torch._factories import factory
from functorch_jax.torch._op import NAMESPACES, op, row
from functorch_jax.torch._promote import to_float, type_name, wrap_dim, wrap_dims

Axis = Callable[[Any, Any, int, Any], Any]


def _one_axis(fn: Callable[..., Any]) -> Axis:
    def along(x: Any, n: Any, axis: int, norm: Any) -> Any:
        return fn(x, n=n, axis=axis, norm=norm)

    return along


FFT, IFFT, RFFT, IRFFT, HFFT, IHFFT = map(
    _one_axis, (jnp.fft.fft, jnp.fft.ifft, jnp.fft.rfft, jnp.fft.irfft, jnp.fft.hfft, jnp.fft.ihfft)
)


# ---- checks ----------------------------------------------------------------------------------------------------------


def _prepared(x: Any, name: str, norm: Any, real: bool) -> Any:
    """`x` in a dtype that is transformed."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if category(x.dtype) >= 2 and x.dtype.itemsize < 4:
        raise RuntimeError(f"Unsupported dtype {type_name(x.dtype)}")
    if real and category(x.dtype) == 3:
        raise RuntimeError(f"{name} expects a real input tensor, but got {type_name(x.dtype)}")
    return to_float(x)


def _axis(dim: int, x: Any) -> int:
    if x.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, x.ndim)


def _points(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


_HALVES = (IRFFT, HFFT)  # their input holds half of a symmetric axis


def _length(along: Axis, x: Any, n: Any, axis: int) -> int:
    """How long the axis is before a transform to, or after one from, a symmetric half."""
    if n is None:
        n = 2 * (x.shape[axis] - 1) if along in _HALVES else x.shape[axis]
    _points(n)
    return n


# ---- one axis --------------------------------------------------------------------------------------------------------


def _transform(name: str, along: Axis, real: bool) -> None:
    def transform(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        x = _prepared(input, name, norm, real)
        axis = _axis(dim, x)
        return along(x, _length(along, x, n, axis), axis, norm)

    transform.__name__ = name
    transform.__doc__ = f"Source: torch.fft.{name}."
    row("fft", name, transform)


# ---- several axes ----------------------------------------------------------------------------------------------------


def _shape_and_axes(x: Any, s: Any, dim: Any) -> tuple[list[Any], list[int]]:
    """For each transformed axis the length wanted (None for its own), and the axis."""
    if isinstance(dim, int):
        dim = (dim,)
    if isinstance(s, int):
        s = (s,)
    if dim is None:
        if s is not None and len(s) > x.ndim:
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
        axes = list(range(x.ndim)) if s is None else list(range(x.ndim - len(s), x.ndim))
    else:
        axes = [wrap_dim(d, x.ndim) for d in dim]
        if len(set(axes)) != len(axes):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(axes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    return [None if n in (None, -1) else n for n in (s or [None] * len(axes))], axes


def _transform_n(name: str, last: Axis, others: Axis, last_first: bool, real: bool, two: bool) -> None:
    """A transform over several axes: `last` over the last of them and `others` over the rest."""

    def run(input: Any, s: Any, dim: Any, norm: Any) -> Any:
        x = _prepared(input, name, norm, real)
        lengths, axes = _shape_and_axes(x, s, dim)
        if not axes:
            if last is not others:
                raise RuntimeError(f"{name} must transform at least one axis")
            return x.astype(jnp.result_type(x.dtype, np.complex64))
        kinds = [*[others] * (len(axes) - 1), last]
        *steps, final = [(k, _length(k, x, n, a), a) for k, n, a in zip(kinds, lengths, axes, strict=True)]
        for along, n, a in [final, *steps] if last_first else [*steps, final]:
            x = along(x, n, a, norm)
        return x

    def transform(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        return run(input, s, dim, norm)

    def transform_2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
        return run(input, s, dim, norm)

    chosen = transform_2 if two else transform
    chosen.__name__ = name
    chosen.__doc__ = f"Source: torch.fft.{name}."
    row("fft", name, chosen)


for _name, _along, _others, _last_first, _real in [
    ("fft", FFT, FFT, False, False),
    ("ifft", IFFT, IFFT, False, False),
    ("rfft", RFFT, FFT, True, True),
    ("irfft", IRFFT, IFFT, False, False),
    ("hfft", HFFT, FFT, False, False),
    ("ihfft", IHFFT, IFFT, True, True),
]:
    _transform(_name, _along, _real)
    _transform_n(f"{_name}2", _along, _others, _last_first, _real, two=True)
    _transform_n(f"{_name}n", _along, _others, _last_first, _real, two=False)


# ---- helpers ---------------------------------------------------------------------------------------------------------


@op("fft")
def fftshift(input: Any, dim: Any = None) -> Any:
    return jnp.fft.fftshift(input, wrap_dims(dim, input.ndim))


@op("fft")
def ifftshift(input: Any, dim: Any = None) -> Any:
    return jnp.fft.ifftshift(input, wrap_dims(dim, input.ndim))


def _frequencies(name: str, fn: Callable[..., Any]) -> None:
    def make(n: int, d: float = 1.0, *, dtype: Any = None) -> Any:
        return jnp.asarray(fn(n, d), dtype or default_dtype())

    make.__name__ = make.__qualname__ = f"_{name}"
    call = factory(make)
    NAMESPACES["torch"].pop(f"_{name}")
    NAMESPACES["fft"][name] = call


_frequencies("fftfreq", np.fft.fftfreq)
_frequencies("rfftfreq", np.fft.rfftfreq)
