"""Images resized, and sampled at places of a grid."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._op import Op, function
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.functional_pool import _adaptive_avg_pool

stop = lax.stop_gradient
Array = np.ndarray[Any, Any]

_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}  # mode: number of axes it is for
_ALIGNABLE = "linear | bilinear | bicubic | trilinear"


# ---- weights of resizing: a matrix (from, to) for each axis ----------------------------------------------------------


def _cubic(x: Array, a: float) -> Array:
    """The kernel of cubic convolution."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _source(count: int, scale: float, align_corners: bool, clamped: bool) -> Array:
    """Where each element of the result lies in the input."""
    to = np.arange(count)
    if align_corners:
        return to * scale
    at = (to + 0.5) * scale - 0.5
    return np.maximum(at, 0) if clamped else at


def _weights(size: int, count: int, scale: float, cubic: bool, align_corners: bool) -> Array:
    at = _source(count, scale, align_corners, clamped=not cubic)
    base = np.floor(at).astype(int)
    offsets = range(-1, 3) if cubic else range(2)
    matrix = np.zeros((size, count))
    for offset in offsets:
        place = base + offset
        distance = at - place
        weight = _cubic(distance, -0.75) if cubic else np.maximum(1 - np.abs(distance), 0)
        np.add.at(matrix, (np.clip(place, 0, size - 1), np.arange(count)), weight)
    return matrix


def _smooth_weights(size: int, count: int, scale: float, cubic: bool, align_corners: bool) -> Array:
    """The same with the kernel as wide as the step, so that downsizing averages."""
    stretch = max(scale, 1.0)
    support = (2.0 if cubic else 1.0) * stretch
    matrix = np.zeros((size, count))
    for i in range(count):
        center = scale * (i + 0.5)
        start, end = max(int(center - support + 0.5), 0), min(int(center + support + 0.5), size)
        x = (np.arange(start, end) + 0.5 - center) / stretch
        weight = _cubic(x, -0.5) if cubic else np.maximum(1 - np.abs(x), 0)
        matrix[start:end, i] = weight / weight.sum()
    return matrix


def _scale(size: int, count: int, factor: float | None, align_corners: bool) -> float:
    if align_corners:
        return (size - 1) / (count - 1) if count > 1 else 0.0
    return 1.0 / factor if factor else size / count


def _resize(
    input: Any,
    sizes: Sequence[int],
    factors: Sequence[float | None],
    mode: str,
    align_corners: bool,
    antialias: bool,
) -> Any:
    n = len(sizes)
    if mode == "area":
        return _adaptive_avg_pool(n)(input, sizes)
    x = input
    for i, (count, factor) in enumerate(zip(sizes, factors, strict=True)):
        axis = 2 + i
        size = x.shape[axis]
        scale = _scale(size, count, factor, align_corners)
        if mode in ("nearest", "nearest-exact"):
            shift = 0.5 if mode == "nearest-exact" else 0.0
            at = np.floor((np.arange(count, dtype=np.float32) + np.float32(shift)) * np.float32(scale)).astype(int)
            x = _nearest(x, axis, np.minimum(at, size - 1))
        elif count != size or factor not in (None, 1.0):
            make = _smooth_weights if antialias else _weights
            matrix = make(size, count, scale, mode == "bicubic", align_corners)
            out = lax.dot_general(
                x, jnp.asarray(matrix, x.dtype), (((axis,), (0,)), ((), ())), precision=lax.Precision.HIGHEST
            )
            x = jnp.moveaxis(out, -1, axis)
    return x


def _nearest(x: Any, axis: int, at: Array) -> Any:
    size, count = x.shape[axis], len(at)
    if count % size == 0 and (at == np.arange(count) // (count // size)).all():
        # repeating by broadcasting: the gradient is a sum, not a scatter
        times = count // size
        shape = (*x.shape[: axis + 1], times, *x.shape[axis + 1 :])
        return jnp.broadcast_to(jnp.expand_dims(x, axis + 1), shape).reshape(
            *x.shape[:axis], count, *x.shape[axis + 1 :]
        )
    return jnp.take(x, jnp.asarray(at), axis=axis)


_resized = Op(_resize, "interpolate")


@function("nn.functional")
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the last axes of (N, C, ...) to `size` or by `scale_factor`.

    Errors: ValueError and NotImplementedError for settings that do not go together.
    Source: torch.nn.functional.interpolate.
    """
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(f"align_corners option can only be set with the interpolating modes: {_ALIGNABLE}")
    elif align_corners is None:
        align_corners = False
    n = input.ndim - 2
    spatial = list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    factors: list[float | None] = [None] * n
    if size is not None:
        sizes = list(size) if isinstance(size, (tuple, list)) else [size] * n
        if len(sizes) != n:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial "
                "dimensions "
                f"of {spatial} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
                "format and "
                "output size in (o1, o2, ...,oK) format."
            )
    elif scale_factor is not None:
        given = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * n
        if len(given) != n:
            raise ValueError(
                "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
                f"dimensions of {spatial} and scale_factor of shape {scale_factor}. Please provide input tensor "
                "in (N, C, "
                "d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
            )
        sizes = [math.floor(float(s) * float(f)) for s, f in zip(spatial, given, strict=True)]
        if not recompute_scale_factor:
            factors = [float(f) for f in given]
    else:
        raise ValueError("either size or scale_factor should be defined")
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if antialias and not (mode in ("bilinear", "bicubic") and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    if mode in _LINEAR and n in (1, 2, 3) and _LINEAR[mode] != n:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {_LINEAR[mode] + 2}D input")
    if n not in (1, 2, 3) or (mode not in _LINEAR and mode not in ("nearest", "area", "nearest-exact")):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest "
            "| linear | "
            f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    return _resized(input, [int(s) for s in sizes], factors, mode, bool(align_corners), antialias)


@function("nn.functional")
def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Tensor:
    """The old name of `interpolate`, which warns. Source: torch.nn.functional.upsample."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


@function("nn.functional")
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` by nearest neighbours, which warns. Source: torch.nn.functional.upsample_nearest."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="nearest")


@function("nn.functional")
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` bilinearly with aligned corners, which warns. Source: torch.nn.functional.upsample_bilinear."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# ---- grids -----------------------------------------------------------------------------------------------------------


def _base(size: int, align_corners: bool, dtype: Any) -> Any:
    """The coordinates, from -1 to 1, of the elements along an axis."""
    if size == 1:
        return jnp.zeros(1, dtype)
    ends = np.linspace(-1, 1, size)
    return jnp.asarray(ends if align_corners else ends * (size - 1) / size, dtype)


def _affine(theta: Any, size: Sequence[int], align_corners: bool) -> Any:
    axes = [_base(s, align_corners, theta.dtype) for s in size[2:]]
    mesh = jnp.meshgrid(*axes, indexing="ij")
    points = jnp.stack([*reversed(mesh), jnp.ones_like(mesh[0])], axis=-1)  # x first, then y
    return jnp.einsum("...j,nij->n...i", points, theta, precision=lax.Precision.HIGHEST)


_affine_grid = Op(_affine, "affine_grid")


def _warn_default(name: str) -> None:
    warnings.warn(
        "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
        f"align_corners=True if the old behavior is desired. See the documentation of {name} for details.",
        stacklevel=3,
    )


@function("nn.functional")
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The places that `grid_sample` reads to move an image by the affine maps `theta`.

    Source: torch.nn.functional.affine_grid.
    """
    if align_corners is None:
        _warn_default("grid_sample")
        align_corners = False
    size = tuple(size)
    rows = {4: (2, 3), 5: (3, 4)}.get(len(size))
    if rows is None:
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{Size(size)}."
        )
    if theta.ndim != 3 or tuple(theta.shape[-2:]) != rows:
        raise ValueError(
            f"Expected a batch of {rows[0]}D affine matrices of shape Nx{rows[0]}x{rows[1]} for size {size}. Got "
            f"{theta.shape}."
        )
    return _affine_grid(theta, size, bool(align_corners))


def _clip(x: Any, size: int) -> Any:
    """Into the image; at its border and outside the slope is zero."""
    return jnp.where(x <= 0, 0, jnp.where(x >= size - 1, size - 1, x)).astype(x.dtype)


def _reflect(x: Any, size: int, align_corners: bool) -> Any:
    """Mirrored at the borders as often as it takes."""
    low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
    if span == 0:
        return jnp.zeros_like(x)
    from_low = jnp.abs(x - low)
    flips = jnp.floor(from_low / span)
    extra = from_low - stop(flips) * span
    return jnp.where(flips % 2 == 0, extra + low, span - extra + low)


def _pixel(x: Any, size: int, align_corners: bool) -> Any:
    """From coordinates between -1 and 1 to places of elements."""
    return (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2


def _within(x: Any, size: int, padding_mode: str, align_corners: bool) -> Any:
    if padding_mode == "border":
        return _clip(x, size)
    if padding_mode == "reflection":
        return _clip(_reflect(x, size, align_corners), size)
    return x


def _read(images: Any, places: Sequence[Any]) -> Any:
    """(N, C, P) values of (N, C, ...) images at integral places (N, P) along each axis; zero outside."""
    sizes = images.shape[2:]
    inside: Any = True
    flat: Any = 0
    for at, size in zip(places, sizes, strict=True):
        inside = inside & (at >= 0) & (at <= size - 1)
        flat = flat * size + jnp.clip(at, 0, size - 1).astype(np.int64)
    rows = images.reshape(*images.shape[:2], -1)
    values = jnp.take_along_axis(rows, flat[:, None, :], axis=2)
    return jnp.where(inside[:, None, :], values, 0)


def _sample(input: Any, grid: Any, mode: str, padding_mode: str, align_corners: bool) -> Any:
    sizes = input.shape[2:]
    n = len(sizes)
    points = grid.reshape(grid.shape[0], -1, n)
    # grids give x first and images have it last
    at = [_pixel(points[..., n - 1 - i], size, align_corners) for i, size in enumerate(sizes)]
    if mode == "bicubic":
        out = _sample_cubic(input, at, padding_mode, align_corners)
    else:
        at = [_within(x, size, padding_mode, align_corners) for x, size in zip(at, sizes, strict=True)]
        if mode == "nearest":
            out = _read(input, [jnp.round(x) for x in at])
        else:
            low = [stop(jnp.floor(x)) for x in at]
            out = 0
            for corner in itertools.product((0, 1), repeat=n):
                parts = zip(at, low, corner, strict=True)
                weight = math.prod((x - f if c else f + 1 - x) for x, f, c in parts)
                out = out + _read(input, [f + c for f, c in zip(low, corner, strict=True)]) * weight[:, None, :]
    return out.reshape(*input.shape[:2], *grid.shape[1:-1])


def _cubic_taps(t: Any) -> list[Any]:
    """The weights of the four elements around, by the distance from the second."""
    a = -0.75
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _sample_cubic(input: Any, at: Sequence[Any], padding_mode: str, align_corners: bool) -> Any:
    low = [stop(jnp.floor(x)) for x in at]
    taps = [_cubic_taps(x - f) for x, f in zip(at, low, strict=True)]
    out: Any = 0
    for i, j in itertools.product(range(4), repeat=2):
        places = [
            _within(f + k - 1, size, padding_mode, align_corners)
            for f, k, size in zip(low, (i, j), input.shape[2:], strict=True)
        ]
        out = out + _read(input, places) * (taps[0][i] * taps[1][j])[:, None, :]
    return out


_sampled = Op(_sample, "grid_sample")


@function("nn.functional")
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Values of `input` at the places in `grid`, in coordinates from -1 to 1.

    Source: torch.nn.functional.grid_sample.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        _warn_default("grid_sample")
        align_corners = False
    given = f"got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
    if input.ndim not in (4, 5) or grid.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but " + given
        )
    if grid.shape[0] != input.shape[0]:
        raise RuntimeError(f"grid_sampler(): expected grid and input to have same batch size, but {given}")
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    if mode == "bicubic" and input.ndim == 5:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    return _sampled(input, grid, mode, padding_mode, bool(align_corners))
