"""Pooling: the maximum, the average or a norm over windows.

Windows are folded along one axis at a time, from strided slices. That is faster than `lax.reduce_window` on a CPU,
above all for gradients, and gives PyTorch's: the first of equal maxima takes it all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import abs_, sign_
from functorch_jax.torch._op import NAMESPACES, Op, function, row
from functorch_jax.torch._tensor import Tensor

_FOLDED = 16  # windows of up to so many elements along an axis are folded slice by slice


class Windows(NamedTuple):
    """Where the windows along one axis lie."""

    size: int  # of the axis
    number: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def reach(self) -> int:
        """How far the last window extends, from where the first begins."""
        return (self.number - 1) * self.stride + self.dilation * (self.kernel - 1) + 1

    def indices(self) -> np.ndarray[Any, Any]:
        """(count, kernel) places in the padded axis."""
        return np.arange(self.number)[:, None] * self.stride + np.arange(self.kernel) * self.dilation


def _numbers(value: Any, n: int, name: str, what: str) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(values) not in (1, n):
        words = {1: "one int", 2: "two ints", 3: "three ints"}[n]
        raise RuntimeError(f"{name}: {what} must either be a single int, or a tuple of {words}")
    return tuple(int(v) for v in (values * n if len(values) == 1 else values))


def _windows(
    x: Any, n: int, name: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[Windows]:
    """The windows along each of the last `n` axes. Raises RuntimeError in PyTorch's words for impossible settings."""
    kernel = _numbers(kernel_size, n, name, "kernel_size")
    strides = kernel if stride is None or stride == () else _numbers(stride, n, name, "stride")
    pads, dilations = _numbers(padding, n, name, "padding"), _numbers(dilation, n, name, "dilation")
    if any(s == 0 for s in strides):
        raise RuntimeError("stride should not be zero")
    if any(k <= 0 for k in kernel):
        raise RuntimeError(f"kernel size should be greater than zero, but got {list(kernel)}")
    out = []
    for size, k, s, p, d in zip(x.shape[-n:], kernel, strides, pads, dilations, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if 2 * p > (k - 1) * d + 1:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )
        span = size + 2 * p - d * (k - 1) - 1
        count = (math.ceil(span / s) if ceil_mode else span // s) + 1
        if ceil_mode and (count - 1) * s >= size + p:
            count -= 1  # the last window must begin inside
        out.append(Windows(size, count, k, s, p, d))
    if any(w.number < 1 for w in out):
        if n == 1:
            raise RuntimeError(f"{name}() Invalid computed output size: {out[0].number}")
        given = "x".join(map(str, x.shape[-n - 1 :]))
        computed = "x".join(map(str, (x.shape[-n - 1], *(w.number for w in out))))
        raise RuntimeError(
            f"Given input size: ({given}). Calculated output size: ({computed}). Output size is too small"
        )
    return out


def _check_rank(x: Any, n: int, message: str) -> None:
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(message)


def _slices(x: Any, axis: int, w: Windows) -> list[Any]:
    """For each place in the window, its elements of all windows; `x` reaches as far as the windows do."""
    if w.stride == w.kernel and w.dilation == 1:
        split = x.reshape(*x.shape[:axis], w.number, w.kernel, *x.shape[axis + 1 :])
        return [lax.index_in_dim(split, i, axis + 1, keepdims=False) for i in range(w.kernel)]
    starts = [i * w.dilation for i in range(w.kernel)]
    return [lax.slice_in_dim(x, i, i + (w.number - 1) * w.stride + 1, w.stride, axis) for i in starts]


def _fit(x: Any, axis: int, w: Windows, value: Any) -> Any:
    """`x` padded or cut so that it begins and ends where the windows do."""
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (w.padding, w.reach - w.padding - w.size, 0)
    return x if config[axis] == (0, 0, 0) else lax.pad(x, jnp.asarray(value, x.dtype), config)


# ---- maximum ---------------------------------------------------------------------------------------------------------


def _lowest(dtype: Any) -> Any:
    return -jnp.inf if category(dtype) >= 2 else jnp.iinfo(dtype).min


def _max_along(x: Any, places: Any, axis: int, w: Windows) -> tuple[Any, Any]:
    """The maximum of each window along `axis`, and the entry of `places` (or None) there."""
    x = _fit(x, axis, w, _lowest(x.dtype))
    if places is not None:
        places = _fit(places, axis, w, 0)
    if w.kernel > _FOLDED:
        return _max_at(x, places, axis, w.indices())
    best, *rest = _slices(x, axis, w)
    at: Any
    others: list[Any]
    at, *others = _slices(places, axis, w) if places is not None else [None]
    for i, value in enumerate(rest):
        later = value > best
        if category(x.dtype) >= 2:
            later |= jnp.isnan(value)
        best = jnp.where(later, value, best)
        if places is not None:
            at = jnp.where(later, others[i], at)
    return best, at


def _max_at(x: Any, places: Any, axis: int, indices: Any) -> tuple[Any, Any]:
    """The same from a table of indices, (windows, elements)."""
    spread = jnp.take(x, jnp.asarray(indices), axis=axis)
    chosen = jnp.expand_dims(jnp.argmax(spread, axis=axis + 1), axis + 1)

    def pick(values: Any) -> Any:
        return jnp.take_along_axis(values, chosen, axis=axis + 1).squeeze(axis + 1)

    if places is None:
        return pick(spread), None
    return pick(spread), pick(jnp.take(places, jnp.asarray(indices), axis=axis))


def _reduced(x: Any, windows: Sequence[Windows]) -> Any:
    """The maxima by XLA's own reduction, whose derivative would give ties and padding other shares than PyTorch."""
    outer = (1,) * (x.ndim - len(windows))
    for i, w in enumerate(windows):
        x = _fit(x, len(outer) + i, w, _lowest(x.dtype))
    kernel, stride, dilation = (outer + tuple(w[i] for w in windows) for i in (2, 3, 5))
    return lax.reduce_window(lax.stop_gradient(x), -jnp.inf, lax.max, kernel, stride, "VALID", window_dilation=dilation)


def _places(x: Any, n: int) -> Any:
    """The index of each element in its flattened image."""
    image = x.shape[-n:]
    return jnp.broadcast_to(jnp.arange(math.prod(image)).reshape(image), x.shape)


def _max_pool(n: int, indices: bool) -> Callable[..., Any]:
    name = f"max_pool{n}d"

    def max_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Any:
        windows = _windows(input, n, name, kernel_size, stride, padding, dilation, ceil_mode)
        _check_rank(input, n, f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")
        x, at = input, _places(input, n) if indices else None
        for axis in range(input.ndim - 1, input.ndim - 1 - n, -1):
            x, at = _max_along(x, at, axis, windows[axis - input.ndim])
        if category(x.dtype) == 2 and all(w.kernel <= _FOLDED for w in windows):
            # XLA would compute the folds again wherever their value is used; a window reduction it computes once
            x = jaxapi.keep_derivative(x, _reduced(input, windows))
        return (x, at) if indices else x

    max_pool.__name__ = max_pool.__qualname__ = f"{name}_with_indices" if indices else name
    return max_pool


def _adaptive_windows(size: int, count: int) -> list[tuple[int, int]]:
    return [(i * size // count, -((i + 1) * size // -count)) for i in range(count)]


def _adaptive_sizes(input: Any, n: int, name: str, output_size: Any) -> list[int]:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got {list(input.shape)}")
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(sizes) != n:
        raise RuntimeError(f"{name}: output_size must be {n}")
    return [int(s) if out is None else int(out) for s, out in zip(input.shape[-n:], sizes, strict=True)]


def _adaptive_max_pool(n: int, indices: bool) -> Callable[..., Any]:
    name = f"adaptive_max_pool{n}d"

    def adaptive_max_pool(input: Any, output_size: Any) -> Any:
        sizes = _adaptive_sizes(input, n, name, output_size)
        x, at = input, _places(input, n) if indices else None
        for axis in range(input.ndim - 1, input.ndim - 1 - n, -1):
            size, count = x.shape[axis], sizes[axis - input.ndim]
            if size % count == 0 and size // count <= _FOLDED:
                x, at = _max_along(x, at, axis, Windows(size, count, size // count, size // count))
                continue
            bounds = _adaptive_windows(size, count)
            longest = max(end - start for start, end in bounds)
            # windows are of two lengths: the shorter ones repeat their last element
            table = np.array([[min(start + i, end - 1) for i in range(longest)] for start, end in bounds])
            x, at = _max_at(x, at, axis, table)
        return (x, at) if indices else x

    adaptive_max_pool.__name__ = adaptive_max_pool.__qualname__ = f"{name}_with_indices" if indices else name
    return adaptive_max_pool


# ---- average ---------------------------------------------------------------------------------------------------------


def _sum_along(x: Any, axis: int, w: Windows) -> Any:
    x = _fit(x, axis, w, 0)
    if w.kernel <= _FOLDED:
        first, *rest = _slices(x, axis, w)
        return sum(rest, first)
    band = np.zeros((x.shape[axis], w.number))
    for i, row_ in enumerate(w.indices()):
        band[row_, i] = 1
    return _contract(x, axis, band)


def _contract(x: Any, axis: int, matrix: Any) -> Any:
    """`x` with `matrix` (from, to) applied along `axis`."""
    out = lax.dot_general(x, jnp.asarray(matrix, x.dtype), (((axis,), (0,)), ((), ())), precision=lax.Precision.HIGHEST)
    return jnp.moveaxis(out, -1, axis)


def _counts(w: Windows, include_padding: bool) -> np.ndarray[Any, Any]:
    """How many elements each window along an axis has."""
    start = np.arange(w.number) * w.stride - w.padding
    end = np.minimum(start + w.kernel, w.size + w.padding)
    return end - start if include_padding else np.minimum(end, w.size) - np.maximum(start, 0)


def _divide(x: Any, divisor: Any) -> Any:
    if category(x.dtype) < 2:
        return lax.div(x, jnp.broadcast_to(jnp.asarray(divisor, x.dtype), x.shape))
    return x / jnp.asarray(divisor, x.dtype)


def _avg_pool(n: int) -> Callable[..., Any]:
    name = f"avg_pool{n}d"

    def avg_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        _check_rank(input, n, f"Expected {n + 1}D or {n + 2}D (batch mode) tensor for input of {name}")
        windows = _windows(input, n, name, kernel_size, stride, padding, 1, ceil_mode)
        x = input
        for axis in range(input.ndim - 1, input.ndim - 1 - n, -1):
            x = _sum_along(x, axis, windows[axis - input.ndim])
        if divisor_override is not None:
            return _divide(x, divisor_override)
        divisor = np.ones(())
        for w in windows:
            divisor = divisor[..., None] * _counts(w, count_include_pad)
        return _divide(x, divisor.flat[0] if (divisor == divisor.flat[0]).all() else divisor)

    avg_pool.__name__ = avg_pool.__qualname__ = name
    return avg_pool


def _adaptive_avg_pool(n: int) -> Callable[..., Any]:
    name = f"adaptive_avg_pool{n}d"

    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        sizes = _adaptive_sizes(input, n, name, output_size)
        if all(s == 1 for s in sizes):
            return jnp.mean(input, axis=tuple(range(input.ndim - n, input.ndim)), keepdims=True)
        x = input
        for axis in range(input.ndim - 1, input.ndim - 1 - n, -1):
            size, count = x.shape[axis], sizes[axis - input.ndim]
            if count == size:
                continue
            matrix = np.zeros((size, count))
            for i, (start, end) in enumerate(_adaptive_windows(size, count)):
                matrix[start:end, i] = 1 / (end - start)
            x = _contract(x, axis, matrix)
        return x

    adaptive_avg_pool.__name__ = adaptive_avg_pool.__qualname__ = name
    return adaptive_avg_pool


# ---- norm ------------------------------------------------------------------------------------------------------------


def _lp_pool(n: int) -> Callable[..., Any]:
    average = _avg_pool(n)

    def lp_pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        mean = average(input**norm_type, kernel_size, stride, 0, ceil_mode)
        elements = math.prod(_numbers(kernel_size, n, f"lp_pool{n}d", "kernel_size"))
        size = abs_(mean)
        return (sign_(mean) * jnp.where(size <= 0, 0, size) * elements) ** (1.0 / norm_type)

    lp_pool.__name__ = lp_pool.__qualname__ = f"lp_pool{n}d"
    return lp_pool


# ---- undoing a maximum -----------------------------------------------------------------------------------------------


def _max_unpool(n: int) -> Callable[..., Any]:
    name = f"max_unpool{n}d"

    def max_unpool(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Any:
        kernel = _numbers(kernel_size, n, name, "kernel_size")
        strides = kernel if stride is None else _numbers(stride, n, name, "stride")
        pads = _numbers(padding, n, name, "padding")
        if input.shape != indices.shape:
            raise RuntimeError(
                f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got "
                "indices "
                f"tensor with shape: {list(indices.shape)}"
            )
        default = [
            (size - 1) * s + k - 2 * p for size, k, s, p in zip(input.shape[-n:], kernel, strides, pads, strict=True)
        ]
        image = tuple(default if output_size is None else list(output_size)[-n:])
        for d, (given, usual) in enumerate(zip(image, default, strict=True)):
            low, high = usual - strides[d], usual + strides[d]
            if output_size is not None and not low < given < high:
                raise ValueError(f'invalid output_size "{list(image)}" (dim {d} must be between {low} and {high})')
        lead = input.shape[:-n]
        rows = math.prod(lead)
        places = indices.reshape(rows, math.prod(input.shape[-n:])) + jnp.arange(rows)[:, None] * math.prod(image)
        flat = jnp.zeros((rows * math.prod(image), 1), input.dtype)
        # of two values for one place one stays, and in PyTorch both get its cotangent
        out = jaxapi.put_rows(flat, places.reshape(-1), input.reshape(-1, 1))
        return out.reshape(*lead, *image)

    max_unpool.__name__ = max_unpool.__qualname__ = name
    return max_unpool


# ---- registration ----------------------------------------------------------------------------------------------------


def _optional_indices(name: str, settings: Sequence[str]) -> None:
    """Register `name` with its `return_indices`, and `name_with_indices`, from one pair of ops."""
    n = int(name[-2])
    make = _adaptive_max_pool if name.startswith("adaptive") else _max_pool
    plain, both = (Op(fn, name) for fn in (make(n, False), make(n, True)))

    def with_indices(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("return_indices", None)
        return both(input, *args, **kwargs)

    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        place = len(settings)  # of return_indices, given by position
        if len(args) > place:
            kwargs["return_indices"], args = args[place], args[:place]
        if kwargs.pop("return_indices", False):
            return with_indices(input, *args, **kwargs)
        return plain(input, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The maximum over windows of {n} axes. Source: torch.nn.functional.{name}."
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    with_indices.__doc__ = f"`{name}`, and where each maximum lies. Source: torch.nn.functional.{name}."
    function("nn.functional", name=name)(call)
    function("nn.functional", name=f"{name}_with_indices")(with_indices)


for _n in (1, 2, 3):
    _optional_indices(f"max_pool{_n}d", ["kernel_size", "stride", "padding", "dilation", "ceil_mode"])
    _optional_indices(f"adaptive_max_pool{_n}d", ["output_size"])
    row("torch", f"max_pool{_n}d", _max_pool(_n, False))
    row("nn.functional", f"avg_pool{_n}d", _avg_pool(_n))
    row("nn.functional", f"adaptive_avg_pool{_n}d", _adaptive_avg_pool(_n))
    row("nn.functional", f"lp_pool{_n}d", _lp_pool(_n))
    row("nn.functional", f"max_unpool{_n}d", _max_unpool(_n))

for _name in ("avg_pool1d", "adaptive_avg_pool1d"):
    function("torch", name=_name)(NAMESPACES["nn.functional"][_name])
row("torch", "adaptive_max_pool1d", _adaptive_max_pool(1, True))
row("torch", "max_pool1d_with_indices", _max_pool(1, True))
