"""`torch.segment_reduce`: reductions of neighbours along an axis."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import unsupported
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import wrap_dim
from functorch_jax.torch._tensor import unwrap
from functorch_jax.torch.ops.scattering import empty_value, reduce_into

_REDUCTIONS = {"sum": "sum", "mean": "mean", "prod": "prod", "max": "amax", "amax": "amax", "min": "amin",
               "amin": "amin"}  # fmt: skip


def _check_lengths(
    data: Any, reduce: Any, lengths: Any, indices: Any, offsets: Any, axis: Any, unsafe: Any, initial: Any
) -> None:
    known = jaxapi.peel_all(unwrap(lengths))
    if unsafe or lengths is None or isinstance(known, jaxapi.Tracer):
        return
    known = np.asarray(known)
    if (known < 0).any():
        raise RuntimeError("lengths contains negative value!")
    size = unwrap(data).shape[wrap_dim(axis, unwrap(data).ndim)]
    if (known.sum(-1) != size).any():
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when "
            "!unsafe."
        )


@op("torch", check=_check_lengths)
def segment_reduce(
    data: Any,
    reduce: str,
    *,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Any:
    """The sum, mean, product, largest or smallest of each segment of `data` along `axis`.

    Args:
        reduce: "sum", "mean", "prod", "max" or "min".
        lengths: of the segments, along its last axis, which is `axis`; the axes before it are those of `data`.
        offsets: in place of lengths: where each segment starts, and where the last one ends.
        initial: takes part in every segment, and is what an empty one gives.

    Raises RuntimeError for a reduction that is none of these, and lengths that do not add up to the axis.
    Source: torch.segment_reduce.
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if category(data.dtype) != 2:
        raise unsupported("_segment_reduce_cpu", data.dtype)
    given = offsets if lengths is None else lengths
    axis, kind = wrap_dim(axis, data.ndim), _REDUCTIONS[reduce]
    if axis != given.ndim - 1:
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of lengths but got {axis}.")
    edges = given
    if lengths is not None:
        edges = jnp.pad(jnp.cumsum(lengths, -1), [(0, 0)] * axis + [(1, 0)])
    # which segment each element along the axis is in; what is in none goes to one at the end, which is cut off
    count, places = edges.shape[-1] - 1, jnp.arange(data.shape[axis])
    rows = edges.reshape(-1, count + 1)
    segment = jax.vmap(lambda row: jnp.searchsorted(row, places, side="right") - 1)(rows)
    segment = segment.reshape(*edges.shape[:-1], data.shape[axis])
    segment = jnp.where(segment < 0, count, jnp.minimum(segment, count))
    index = jnp.broadcast_to(segment.reshape(*segment.shape, *[1] * (data.ndim - axis - 1)), data.shape)
    start = empty_value(kind, data.dtype) if initial is None else jnp.asarray(initial, data.dtype)
    shape = (*data.shape[:axis], count + 1, *data.shape[axis + 1 :])
    result = reduce_into(jnp.broadcast_to(start, shape), axis, index, data, "sum" if kind == "mean" else kind, True)
    result = jax.lax.slice_in_dim(result, 0, count, axis=axis)
    if kind == "mean":
        n = jnp.diff(edges, axis=-1)
        n = jnp.maximum(n, 1 if initial is not None else 0).reshape(*n.shape, *[1] * (data.ndim - axis - 1))
        result = result / n.astype(result.dtype)
    return result
