"""Fractional max pooling: maxima over windows whose places are drawn."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._op import NAMESPACES, Op, function
from functorch_jax.torch._tensor import Tensor


def _starts(size: int, out: int, window: int, sample: Any) -> Any:
    """Where the windows of one axis begin: (..., out) for samples (...) from 0 to 1."""
    if out == 1:
        return jnp.full((*sample.shape, 1), size - window)
    # in the samples' own precision, as the places are rounded down
    alpha = jnp.asarray((size - window) / (out - 1), sample.dtype)
    steps = jnp.arange(out - 1, dtype=sample.dtype)
    first = jnp.trunc((steps + sample[..., None]) * alpha) - jnp.trunc(sample * alpha)[..., None]
    return jnp.concatenate([first.astype(int), jnp.full((*sample.shape, 1), size - window)], -1)


def _pooled(input: Any, samples: Any, window: tuple[int, ...], out: tuple[int, ...]) -> Any:
    """The maxima and their flat places, of (N, C, *axes)."""
    n = len(window)
    sizes = input.shape[2:]
    order = range(n - 1, -1, -1) if n == 2 else range(n)  # of two axes PyTorch's first sample is for the last
    flat = jnp.zeros(input.shape[:2] + (1,) * (2 * n), int)
    for axis, which in zip(range(n), order, strict=True):
        begin = _starts(sizes[axis], out[axis], window[axis], samples[:, :, which])
        places = begin[..., None] + jnp.arange(window[axis])
        shape = [1] * (2 * n)
        shape[axis], shape[n + axis] = out[axis], window[axis]
        flat = flat * sizes[axis] + places.reshape(*input.shape[:2], *shape)
    flat = flat.reshape(*input.shape[:2], *out, math.prod(window))
    values = input.reshape(*input.shape[:2], math.prod(sizes))
    windows = jnp.take_along_axis(
        values, flat.reshape(*input.shape[:2], math.prod(out) * math.prod(window)), 2
    ).reshape(flat.shape)
    where = jnp.argmax(windows, -1)[..., None]
    return jnp.take_along_axis(windows, where, -1)[..., 0], jnp.take_along_axis(flat, where, -1)[..., 0]


_fractional = Op(_pooled, "fractional_max_pool")


def _both(
    n: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Any, Any]:
    name = f"fractional_max_pool{n}d"
    if input.ndim not in (n + 1, n + 2):
        wrong = IndexError if input.ndim < n + 1 else RuntimeError
        raise wrong(f"{name}(): Dimension out of range: expected {n + 1}D or {n + 2}D input, got {list(input.shape)}")
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    window = (kernel_size,) * n if isinstance(kernel_size, int) else tuple(kernel_size)
    sizes = input.shape[-n:]
    if output_size is None:
        ratios = (output_ratio,) * n if isinstance(output_ratio, float) else tuple(output_ratio)
        output_size = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True))
    out = (output_size,) * n if isinstance(output_size, int) else tuple(output_size)
    for axis, size, wanted, width in zip(("time", "height", "width")[-n:], sizes, out, window, strict=True):
        if wanted + width - 1 > size - (n == 3):  # of three axes PyTorch wants one element to spare
            raise RuntimeError(f"{name}(): pool {axis} {width} too large relative to input {axis} {size}")
    single = input.ndim == n + 1
    x: Any = input.unsqueeze(0) if single else input  # type: ignore[attr-defined]
    if samples is None:
        draw = NAMESPACES["torch"]["rand"]
        samples = draw(*x.shape[:2], n, dtype=x.dtype, device=x.device)
    values, places = _fractional(x, samples, window, out)
    return (values.squeeze(0), places.squeeze(0)) if single else (values, places)


def _define(n: int) -> None:
    name = f"fractional_max_pool{n}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        return _both(n, input, kernel_size, output_size, output_ratio, _random_samples)

    def pool(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        pair = _both(n, input, kernel_size, output_size, output_ratio, _random_samples)
        return pair if return_indices else pair[0]

    for suffix, fn in (("", pool), ("_with_indices", with_indices)):
        fn.__name__ = fn.__qualname__ = name + suffix
        fn.__doc__ = (
            f"Maxima over drawn windows of the last {n} axes, of a size or a ratio.\n\n    Errors: ValueError without "
            f"either; RuntimeError when the windows do not fit.\n    Source: torch.nn.functional.{name}{suffix}."
        )
        function("nn.functional")(fn)


for _n in (2, 3):
    _define(_n)
