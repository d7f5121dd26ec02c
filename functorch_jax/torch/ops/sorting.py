"""Sorting, selecting by rank, counting, and searching in sorted sequences."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch import return_types
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import refuse, unsupported
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast, wrap_dim
from functorch_jax.torch._sums import total
from functorch_jax.torch._tensor import concrete, unwrap
from functorch_jax.torch.ops.extrema import chosen

# ---- sorting ---------------------------------------------------------------------------------------------------------


def _order(x: Any, axis: int, descending: bool) -> Any:
    if category(x.dtype) == 3:
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    return jnp.argsort(lax.stop_gradient(x), axis=axis, descending=descending, stable=True)


@op()
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return chosen(return_types.sort, input, None, axis, True)
    return chosen(return_types.sort, input, _order(input, axis, descending), axis, True)


@op()
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    axis = wrap_dim(dim, input.ndim)
    return cast(_order(input, axis, descending), jnp.int64) if input.ndim else jnp.zeros((), jnp.int64)


@op()
def msort(input: Any) -> Any:
    return sort(input, 0)[0]


@op()
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The `k` largest (or smallest) elements along `dim`, and where they are. Source: torch.topk."""
    axis = wrap_dim(dim, input.ndim)
    if category(input.dtype) in (0, 3):
        raise RuntimeError(f"topk does not support {'bool' if category(input.dtype) == 0 else 'complex'} dtypes on CPU")
    if not 0 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.ndim == 0:
        return chosen(return_types.topk, input, None, axis, True)
    if largest:
        _, index = lax.top_k(jnp.moveaxis(lax.stop_gradient(input), axis, -1), k)
        index = jnp.moveaxis(index, -1, axis)
    else:
        index = lax.slice_in_dim(_order(input, axis, False), 0, k, axis=axis)
    return chosen(return_types.topk, input, index, axis, True)


@op()
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    axis = wrap_dim(dim, input.ndim)
    if not 1 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    if input.ndim == 0:
        return chosen(return_types.kthvalue, input, None, axis, keepdim)
    index = lax.slice_in_dim(_order(input, axis, False), k - 1, k, axis=axis)
    return chosen(return_types.kthvalue, input, index, axis, keepdim)


# ---- distinct elements: the shape of the result depends on values ----------------------------------------------------


def _picked(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    parts = [values]
    parts += [jnp.asarray(inverse, jnp.int64)] if return_inverse else []
    parts += [jnp.asarray(counts, jnp.int64)] if return_counts else []
    return tuple(parts) if len(parts) > 1 else values


@op(jit=False)
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """The distinct elements, or slices along `dim`, in order. Needs the values. Source: torch.unique."""
    x = np.asarray(concrete(input, "unique()"))
    axis = None if dim is None else wrap_dim(dim, x.ndim)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = inverse.reshape(x.shape if axis is None else -1)
    return _picked(jnp.asarray(values), inverse, counts, return_inverse, return_counts)


@op(jit=False)
def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The elements, or slices along `dim`, that differ from the one before. Source: torch.unique_consecutive."""
    x = np.asarray(concrete(input, "unique_consecutive()"))
    rows = x.reshape(-1) if dim is None else np.moveaxis(x, wrap_dim(dim, x.ndim), 0)
    starts = np.ones(len(rows), bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
    values = rows[starts]
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    if dim is None:
        inverse = inverse.reshape(x.shape)
    else:
        values = np.moveaxis(values, 0, wrap_dim(dim, x.ndim))
    return _picked(jnp.asarray(values), inverse, counts, return_inverse, return_counts)


@op("torch", scalars="elements test_elements")
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    return jnp.isin(elements, test_elements, invert=invert)


# ---- searching -------------------------------------------------------------------------------------------------------


def _search(boundaries: Any, values: Any, right: bool, out_int32: bool) -> Any:
    boundaries = lax.stop_gradient(boundaries)
    values = lax.stop_gradient(values)
    if not values.size or not boundaries.size:
        found = jnp.zeros(values.shape, jnp.int64)
    elif boundaries.ndim == 1:
        found = jnp.searchsorted(boundaries, values, side="right" if right else "left")
    else:
        rows = jax.vmap(lambda b, v: jnp.searchsorted(b, v, side="right" if right else "left"))
        n = math.prod(boundaries.shape[:-1])
        found = rows(boundaries.reshape(n, -1), values.reshape(n, -1)).reshape(values.shape)
    return cast(found, jnp.int32 if out_int32 else jnp.int64)


@op("torch", scalars="input")
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Any = None,
    sorter: Any = None,
) -> Any:
    """Where each value would be put into its sorted sequence. Source: torch.searchsorted."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    if sorted_sequence.ndim != 1 and sorted_sequence.shape[:-1] != input.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sorted_sequence.shape)} and "
            f"input value tensor {list(input.shape)}"
        )
    if sorter is not None:
        sorted_sequence = jnp.take_along_axis(sorted_sequence, sorter, axis=-1)
    return _search(sorted_sequence, input, right or side == "right", out_int32)


@op("torch", scalars="input")
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The bucket between boundaries that each value falls in. Source: torch.bucketize."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _search(boundaries, input, right, out_int32)


# ---- counting --------------------------------------------------------------------------------------------------------


def _common_length(input: Any) -> int:
    """How many bins each row of a vmap needs, where the rows are known and need as many; otherwise 0."""
    axes = []
    while (level := jaxapi.peel(input)) is not None:
        axes += [] if level.axis is None or level.kind != "vmap" else [level.axis]
        input = level.inner
    if isinstance(input, jaxapi.Tracer):
        return 0
    rows = [np.asarray(input)]
    for axis in reversed(axes):
        rows = [part for row in rows for part in np.moveaxis(row, axis, 0)]
    lengths = [int(row.max()) + 1 if row.size else 0 for row in rows]
    if len(set(lengths)) > 1:
        raise RuntimeError(
            f"stack expects each tensor to be equal size, but got {sorted(set(lengths))} bins from bincount() "
            "under vmap: give minlength"
        )
    return lengths[0] if lengths else 0


@op(jit=False)
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each integer occurs, or what its weights add up to. Needs the values. Source: torch.bincount."""
    refuse("bincount_cpu", input, "bfc")
    if jaxapi.is_batched(input):
        minlength = minlength or _common_length(input)
    if minlength and jaxapi.is_batched(input):
        # the rows of a vmap must have one length: it is taken at its word, and what lies beyond is not counted
        values = jnp.zeros(input.shape, input.dtype)
        input = jnp.where(input < 0, minlength, input)
    else:
        values = concrete(input, "bincount()")
    if values.ndim != 1 or (values.size and int(values.min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and weights.shape != values.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    length = max(int(values.max()) + 1 if values.size else 0, minlength)
    if weights is None:
        weights = jnp.ones(values.shape, jnp.int64)
    elif category(weights.dtype) < 2:
        weights = cast(weights, jnp.float64)
    return jnp.zeros(length, weights.dtype).at[input].add(weights, mode="drop")


def _check_range(input: Any, bins: int, min: Any, max: Any) -> None:
    values = jaxapi.peel_all(unwrap(input))
    if min == max and values.size and not isinstance(values, jaxapi.Tracer):
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise RuntimeError(f"torch.histc: range of [{low}, {high}] is not finite")


@op(check=_check_range)
def histc(input: Any, bins: int = 100, min: Any = 0, max: Any = 0) -> Any:
    """How many elements fall in each of `bins` equal bins from `min` to `max`. Source: torch.histc."""
    if category(input.dtype) != 2:
        raise unsupported("histogram_cpu", input.dtype)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if min > max:
        raise RuntimeError("torch.histc: max must be larger than min")
    x = lax.stop_gradient(input).reshape(-1)
    low, high = jnp.asarray(min, x.dtype), jnp.asarray(max, x.dtype)
    if min == max and x.size:
        low, high = x.min(), x.max()
    low, high = jnp.where(low == high, low - 1, low), jnp.where(low == high, high + 1, high)
    place = jnp.clip(((x - low) / (high - low) * bins).astype(jnp.int64), 0, bins - 1)
    return jnp.zeros(bins, x.dtype).at[place].add(((x >= low) & (x <= high)).astype(x.dtype))


# ---- quantiles -------------------------------------------------------------------------------------------------------

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _check_q(input: Any, q: Any, *_: Any) -> None:
    values = jaxapi.peel_all(unwrap(q))
    if isinstance(values, (int, float)):
        if not 0 <= values <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {values:g}")
    elif not isinstance(values, jaxapi.Tracer) and not np.all((np.asarray(values) >= 0) & (np.asarray(values) <= 1)):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")


def _quantile(input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nan: bool) -> Any:
    if input.dtype not in (jnp.float32, jnp.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if not input.size:
        raise RuntimeError("quantile() input tensor must be non-empty")
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}"
        )
    if isinstance(q, (int, float)) or jaxapi.is_weak(q):
        q = cast(q, input.dtype)
    if q.dtype != input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    axis = wrap_dim(dim or 0, input.ndim)
    x = input.reshape(-1, 1) if dim is None or not input.ndim else jnp.moveaxis(input, axis, 0)
    ordered = jnp.sort(x, axis=0)  # nan last
    nan = jnp.isnan(x)
    present = total(cast(~nan, jnp.int64), (0,)) if skip_nan else jnp.full(x.shape[1:], x.shape[0])
    rank = q.reshape(-1, *([1] * (x.ndim - 1))) * jnp.maximum(present - 1, 0).astype(q.dtype)
    if interpolation in ("lower", "higher", "nearest"):
        rank = {"lower": jnp.floor, "higher": jnp.ceil, "nearest": jnp.round}[interpolation](rank)
    below = jnp.floor(rank)
    low = jnp.take_along_axis(ordered, below.astype(jnp.int64), axis=0)
    high = jnp.take_along_axis(ordered, jnp.ceil(rank).astype(jnp.int64), axis=0)
    weight = jnp.full_like(rank, 0.5) if interpolation == "midpoint" else rank - below
    result = jnp.where(weight < 0.5, low + weight * (high - low), high - (high - low) * (1 - weight))
    invalid = present == 0 if skip_nan else jnp.any(nan, axis=0)
    result = jnp.where(invalid, jnp.nan, result)
    kept = _kept(input.shape, None if dim is None else axis, keepdim)
    return result.reshape(*q.shape, *kept)


def _kept(shape: tuple[int, ...], axis: int | None, keepdim: bool) -> tuple[int, ...]:
    """The shape that is left of `shape` when `axis` (all, when None) is reduced."""
    if keepdim:
        return tuple(1 if axis is None or i == axis else n for i, n in enumerate(shape))
    return () if axis is None else tuple(n for i, n in enumerate(shape) if i != axis)


@op(check=_check_q)
def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The q-th quantile along `dim`, or of all elements. Source: torch.quantile."""
    return _quantile(input, q, dim, keepdim, interpolation, False)


@op(check=_check_q)
def nanquantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    return _quantile(input, q, dim, keepdim, interpolation, True)
