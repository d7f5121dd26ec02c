"""Histograms with their bin edges, in one dimension and in several."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch import return_types
from functorch_jax.torch._elementwise import c_name, unsupported
from functorch_jax.torch._function import as_input
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast
from functorch_jax.torch._tensor import unwrap

# ---- what is refused -------------------------------------------------------------------------------------------------


def _check(x: Any, bins: list[Any], limits: Any, weight: Any) -> None:
    """Raise PyTorch's errors for points (..., dimensions) and bins, one a dimension: a number or edges."""
    if x.dtype.name not in ("float32", "float64"):
        raise unsupported("histogramdd", x.dtype)
    for i, edges in enumerate(bins):
        if isinstance(edges, int):
            if edges <= 0:
                raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {edges} for dimension {i}")
            continue
        if edges.ndim != 1:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got {edges.ndim} dimensions in the "
                f"bins tensor for dimension {i}"
            )
        if not edges.size:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins tensor "
                f"for dimension {i}"
            )
        if edges.size == 1:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got 0 for dimension {i}")
        if edges.dtype != x.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
                f"{c_name(x.dtype)} and bins for dimension {i} with dtype {c_name(edges.dtype)}"
            )
    if weight is not None:
        _check_weight(x, weight)
    if isinstance(bins[0] if bins else None, int):
        _check_range(x, limits)


def _check_weight(x: Any, weight: Any) -> None:
    if weight.shape != x.shape[:-1]:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor "
            f"excluding its innermost dimension, but got input with shape {list(x.shape)} and weight with shape "
            f"{list(weight.shape)}"
        )
    if weight.dtype != x.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same "
            f"dtype, but got input({c_name(x.dtype)}), and weight({c_name(weight.dtype)})"
        )


def _check_range(x: Any, limits: Any) -> None:
    n = x.shape[-1]
    if limits is not None:
        if len(limits) != 2 * n:
            raise RuntimeError(
                f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} elements, but got "
                f"{len(limits)}"
            )
        lows, highs = limits[::2], limits[1::2]
    else:
        values = jaxapi.peel_all(x)
        if isinstance(values, jaxapi.Tracer) or values is not x or not values.size:
            return  # found out from values, and where those are not known nothing is checked
        points = np.asarray(values).reshape(-1, n)
        lows, highs = points.min(0), points.max(0)
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if not (math.isfinite(low) and math.isfinite(high)):
            raise RuntimeError(f"torch.histogramdd: dimension {i}'s range [{low:g}, {high:g}] is not finite")
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {i}"
            )


def _check_one(input: Any, bins: Any, range: Any, weight: Any, density: bool) -> None:
    if isinstance(bins, (float, list, tuple)) or (range is not None and not isinstance(bins, int)):
        raise TypeError(
            "histogram() received an invalid combination of arguments: bins is an int, perhaps with a range, or a "
            f"tensor of edges, not {type(bins).__name__}"
        )
    x, weight = as_input(input, "histogram").array, unwrap(weight)
    _check(x.reshape(-1, 1), [unwrap(bins)], range, None if weight is None else weight.reshape(-1))


def _bins_of(n: int, bins: Any) -> list[Any]:
    return [bins] * n if isinstance(bins, int) else list(bins)


def _check_several(input: Any, bins: Any, range: Any, weight: Any, density: bool) -> None:
    x = as_input(input, "histogramdd").array
    if not isinstance(bins, (int, list, tuple)):
        raise TypeError(
            "histogramdd() received an invalid combination of arguments: bins is an int, or a sequence of ints or of "
            f"tensors of edges, not {type(bins).__name__}"
        )
    if x.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    each = [unwrap(b) for b in _bins_of(x.shape[-1], bins)]
    for i, edges in enumerate(each):
        if not isinstance(edges, int) and not hasattr(edges, "ndim"):
            raise TypeError(f"expected Tensor as element {i} in argument 1, but got {type(edges).__name__}")
    if len(each) != x.shape[-1]:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    _check(x, each, range, unwrap(weight))


# ---- counting --------------------------------------------------------------------------------------------------------


def _edges(x: Any, bins: Any, limits: Any) -> Any:
    """The edges of the bins for the coordinates `x` of points."""
    if not isinstance(bins, int):
        return lax.stop_gradient(bins)
    if limits is not None:
        low, high = (jnp.asarray(v, x.dtype) for v in limits)
    elif not x.size:
        low, high = jnp.zeros((), x.dtype), jnp.ones((), x.dtype)
    else:
        low, high = x.min(), x.max()
    low, high = jnp.where(low == high, low - 0.5, low), jnp.where(low == high, high + 0.5, high)
    # from the nearer end, as linspace
    step, i = (high - low) / bins, jnp.arange(bins + 1)
    return jnp.where(i <= bins // 2, low + i * step, high - (bins - i) * step).astype(x.dtype)


def _counted(points: Any, bins: list[Any], limits: Any, weight: Any, density: bool) -> tuple[Any, tuple[Any, ...]]:
    points = lax.stop_gradient(points)
    columns = [points[:, i] for i in range(points.shape[1])]
    edges = tuple(
        _edges(x, b, None if limits is None else limits[2 * i : 2 * i + 2])
        for i, (x, b) in enumerate(zip(columns, bins, strict=True))
    )
    shape = tuple(len(e) - 1 for e in edges)
    place, inside = jnp.zeros(len(points), jnp.int64), jnp.ones(len(points), bool)
    for x, e, n in zip(columns, edges, shape, strict=True):
        # each bin has its left edge, and the last one both
        place = place * n + jnp.clip(jnp.searchsorted(e, x, side="right") - 1, 0, max(n - 1, 0))
        inside &= (x >= e[0]) & (x <= e[-1])
    weight = jnp.ones(len(points), points.dtype) if weight is None else lax.stop_gradient(weight)
    count = jnp.zeros(math.prod(shape), points.dtype).at[place].add(jnp.where(inside, weight, 0)).reshape(shape)
    if density:
        count = count / count.sum()
        for i, e in enumerate(edges):
            count = count / jnp.diff(e).reshape([-1 if j == i else 1 for j in range(count.ndim)])
    return cast(count, points.dtype), edges


@op(check=_check_one)
def histogram(input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """How many elements, or how much weight, each bin has, and the edges of the bins.

    Args:
        input: float32 or float64, of any shape.
        bins: the number of bins of one width, or a tensor of edges.
        range: the lowest and the highest edge, when `bins` is a number; by default the extremes of the elements.
        weight: of the shape and dtype of `input`.
        density: divide by the sum and by the width of each bin.

    Returns: (hist, bin_edges).
    Raises: RuntimeError and TypeError for what does not fit. Source: torch.histogram.
    """
    weight = None if weight is None else weight.reshape(-1)
    count, edges = _counted(input.reshape(-1, 1), [bins], range, weight, density)
    return return_types.histogram(count, edges[0])


@op("torch", check=_check_several)
def histogramdd(input: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """`histogram` of points (..., n) in n dimensions: a count for each cell, and the edges of each dimension.

    `bins` is a number, or a sequence of n numbers or of n tensors; `range` has the two ends of each dimension in turn.

    Returns: (hist, bin_edges). Source: torch.histogramdd.
    """
    n = input.shape[-1]
    weight = None if weight is None else weight.reshape(-1)
    points = input.reshape(math.prod(input.shape[:-1]), n)
    return return_types.histogramdd(*_counted(points, _bins_of(n, bins), range, weight, density))
