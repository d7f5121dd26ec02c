"""`gather`, `scatter` and their kin; `take` and `put_`; what masks select and fill; where tensors are not zero."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._data import number_dtype
from functorch_jax.torch._dtype import category
from functorch_jax.torch._function import as_input, tensor_function
from functorch_jax.torch._index import check_bounds, known_mask
from functorch_jax.torch._op import Op, op
from functorch_jax.torch._promote import broadcast, cast, type_name, wrap_dim
from functorch_jax.torch._tensor import Tensor, concrete, unwrap, wrap
from functorch_jax.torch.ops.indexing import check_index, in_place
from functorch_jax.torch.ops.view_copies import sliced

# ---- along one axis --------------------------------------------------------------------------------------------------


def _places(shape: tuple[int, ...], dim: int, index: Any) -> Any:
    """The position in row-major order that each entry of `index`, along `dim`, stands for."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    place = index.astype(jnp.int64) * (strides[dim] if shape else 1)
    for i, step in enumerate(strides):
        if i != dim:
            n = index.shape[i]
            place = place + (jnp.arange(n) * step).reshape((n,) + (1,) * (index.ndim - i - 1))
    return place


def gathered(input: Any, dim: Any, index: Any) -> Any:
    if not input.ndim:
        return jnp.broadcast_to(input, index.shape)
    cut = tuple(slice(None) if i == dim else slice(n) for i, n in enumerate(index.shape))
    return jnp.take_along_axis(input[cut], index, axis=dim, mode="clip")


GATHERED = Op(gathered, "gather", "", False, None, True)


def _index_for(name: str, input: Tensor, dim: int, index: Any) -> tuple[int, Tensor]:
    index = as_input(index, name, 3, "index")
    dim = wrap_dim(dim, input.array.ndim)
    if index.array.size and index.array.dtype.name not in ("int32", "int64"):
        kind = "int32/int64" if name == "gather" else "int64"
        raise RuntimeError(f"{name}(): Expected dtype {kind} for index")
    if index.array.size and max(index.array.ndim, 1) != max(input.array.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    return dim, index


@tensor_function(out=True)
def gather(input: Tensor, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    dim, index = _index_for("gather", input, dim, index)
    shape, wanted = input.array.shape, index.array.shape
    if not index.array.size:
        return input.flatten()[:0].reshape(wanted)
    if any(n > m for i, (n, m) in enumerate(zip(wanted, shape, strict=False)) if i != dim):
        axis = next(i for i, (n, m) in enumerate(zip(wanted, shape, strict=False)) if i != dim and n > m)
        raise RuntimeError(
            f"Size does not match at dimension {axis} expected index {list(wanted)} to be no larger than self "
            f"{list(shape)} apart from dimension {dim}"
        )
    check_index(index, dim, shape[dim] if shape else 1, kind=RuntimeError)
    return GATHERED(input, dim, index)


def scattered(input: Any, dim: Any, index: Any, src: Any, reduce: Any) -> Any:
    src = cast(src, input.dtype)
    if not src.ndim:
        src = jnp.broadcast_to(src, index.shape)
    src = src[tuple(slice(n) for n in index.shape)].reshape(-1)
    place = _places(input.shape, dim, index).reshape(-1)
    flat = input.reshape(-1)
    if reduce == "add":
        flat = added(flat, place, src)
    elif reduce == "multiply":
        flat = _multiplied(flat, place, src)
    elif jaxapi.is_inexact(flat):
        flat = jaxapi.put_rows(flat[:, None], place, src[:, None])[:, 0]
    else:
        flat = flat.at[place].set(src)
    return flat.reshape(input.shape)


def added(flat: Any, place: Any, src: Any) -> Any:
    """`flat` with `src` added at places; bools add to whether one of them is true."""
    return flat.at[place].max(src) if flat.dtype == bool else flat.at[place].add(src)


SCATTERED = Op(scattered, "scatter", "src", False, None, True)


def _scatter(name: str, input: Tensor, dim: int, index: Any, src: Any, reduce: str | None) -> Tensor:
    dim, index = _index_for(name, input, dim, index)
    shape, wanted = input.array.shape, index.array.shape
    if not index.array.size:
        return input.clone()
    if isinstance(src, Tensor):
        if src.array.dtype != input.array.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        given = src.array.shape
        small = any(n > m for i, (n, m) in enumerate(zip(wanted, shape, strict=False)) if i != dim)
        if small or len(given) != len(wanted) or any(n > m for n, m in zip(wanted, given, strict=True)):
            raise RuntimeError(
                f"Expected index {list(wanted)} to be no larger than self {list(shape)} apart from dimension {dim} and "
                f"to be no larger size than src {list(given)}"
            )
    check_index(index, dim, shape[dim] if shape else 1, kind=RuntimeError)
    return SCATTERED(input, dim, index, src, reduce)


@tensor_function(out=True)
def scatter(
    input: Tensor, dim: int, index: Any, src: Any = None, value: Any = None, *, reduce: str | None = None
) -> Tensor:
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    return _scatter("scatter", input, dim, index, value if src is None else src, reduce)


@tensor_function(out=True)
def scatter_add(input: Tensor, dim: int, index: Any, src: Any) -> Tensor:
    return _scatter("scatter", input, dim, index, as_input(src, "scatter_add", 4, "src"), "add")


@jax.custom_jvp
def _multiplied(flat: Any, place: Any, src: Any) -> Any:
    return flat.at[place].min(src) if flat.dtype == bool else flat.at[place].multiply(src)


@_multiplied.defjvp
def _multiplied_jvp(primals: Any, tangents: Any) -> Any:
    # the factor beside each one is the product without it; where just one of them is 0, the product of the others
    flat, place, src = primals
    d_flat, _, d_src = tangents
    out = _multiplied(flat, place, src)
    zeros = (flat == 0).astype(jnp.int32).at[place].add((src == 0).astype(jnp.int32))
    others = _multiplied(jnp.where(flat == 0, 1, flat), place, jnp.where(src == 0, 1, src))

    def beside(x: Any, product: Any, rest: Any, count: Any) -> Any:
        return jnp.where(
            x == 0, jnp.where(count == 1, rest, 0), jnp.where(count == 0, product / jnp.where(x == 0, 1, x), 0)
        )

    d_out = beside(flat, out, others, zeros) * d_flat
    d_out = d_out.at[place].add(beside(src, out[place], others[place], zeros[place]) * d_src)
    return out, d_out


_EMPTY = {"sum": 0, "mean": 0, "prod": 1, "amax": -np.inf, "amin": np.inf}


def empty_value(reduce: str, dtype: Any) -> Any:
    """What a reduction of nothing is."""
    if reduce in ("amax", "amin") and category(dtype) < 2:
        lowest, highest = (False, True) if category(dtype) == 0 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return np.array(lowest if reduce == "amax" else highest, dtype)
    return np.array(_EMPTY[reduce], dtype)


def reduce_into(input: Any, dim: Any, index: Any, src: Any, reduce: Any, include_self: Any) -> Any:
    """`input` with the entries of `src` that share a place combined: their sum, product, mean or extreme."""
    src = src[tuple(slice(n) for n in index.shape)].reshape(-1)
    place = _places(input.shape, dim, index).reshape(-1)
    flat = input.reshape(-1)
    if not include_self:
        touched = jnp.zeros(flat.shape, bool).at[place].set(True)
        flat = jnp.where(touched, empty_value(reduce, flat.dtype), flat)
    if reduce == "prod":
        out = _multiplied(flat, place, src)
    elif reduce in ("amax", "amin"):
        out = flat.at[place].max(src) if reduce == "amax" else flat.at[place].min(src)
    else:
        out = added(flat, place, src)
    if reduce == "mean":
        count = jnp.full(flat.shape, int(include_self)).at[place].add(1)
        count = jnp.maximum(count, 1)
        out = out / count.astype(out.dtype) if jnp.issubdtype(out.dtype, jnp.inexact) else out // count
    return out.reshape(input.shape).astype(input.dtype)


REDUCED = Op(reduce_into, "scatter_reduce", "", False, None, True)


@tensor_function(out=True)
def scatter_reduce(input: Tensor, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    src = as_input(src, "scatter_reduce", 4, "src")
    dim, index = _index_for("scatter", input, dim, index)
    if not index.array.size:
        return input.clone()
    if src.array.dtype != input.array.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    check_index(index, dim, input.array.shape[dim] if input.array.ndim else 1, kind=RuntimeError)
    return REDUCED(input, dim, index, src, reduce, include_self)


@tensor_function(out=True)
def take_along_dim(input: Tensor, indices: Any, dim: int | None = None) -> Tensor:
    indices = as_input(indices, "take_along_dim", 2, "indices")
    if indices.array.dtype != np.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {type_name(indices.array.dtype)}"
        )
    if dim is None:
        return take_along_dim(input.reshape(-1), indices.reshape(-1), 0)
    ndim = input.array.ndim
    if ndim != indices.array.ndim:
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {ndim} "
            f"dimensions for input, and {indices.array.ndim} dimensions for indices"
        )
    dim = wrap_dim(dim, ndim)
    size = input.array.shape[dim]
    check_bounds(
        [indices.array], [size], RuntimeError, f"index {{index}} is out of bounds for dimension {dim} with size {size}"
    )
    return ALONG(input, indices, dim)


def along(input: Any, indices: Any, dim: Any) -> Any:
    shape = broadcast(jnp.take(input, jnp.zeros(1, int), axis=dim), jnp.take(indices, jnp.zeros(1, int), axis=dim))
    input = jnp.broadcast_to(input, (*shape[:dim], input.shape[dim], *shape[dim + 1 :]))
    indices = jnp.broadcast_to(indices, (*shape[:dim], indices.shape[dim], *shape[dim + 1 :]))
    return jnp.take_along_axis(input, indices, axis=dim)


ALONG = Op(along, "take_along_dim", "", False, None, True)

# ---- by position in row-major order ----------------------------------------------------------------------------------

TAKEN = Op(lambda input, index: input.reshape(-1)[index], "take", "", False, None, True)


def _check_taken(name: str, input: Tensor, index: Any) -> Tensor:
    index = as_input(index, name, 2, "index")
    if index.array.dtype != np.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {type_name(index.array.dtype)}")
    size = input.array.size
    check_bounds(
        [index.array], [size], text=f"out of range: tried to access index {{index}} on a tensor of {size} elements."
    )
    return index


@tensor_function(out=True)
def take(input: Tensor, index: Any) -> Tensor:
    return TAKEN(input, _check_taken("take", input, index))


def put_flat(input: Any, index: Any, source: Any, accumulate: Any) -> Any:
    flat, at, source = input.reshape(-1), index.reshape(-1), source.reshape(-1)
    if not flat.size:
        return input
    if accumulate:
        flat = added(flat, at, source)
    elif jaxapi.is_inexact(flat):
        flat = jaxapi.put_rows(flat[:, None], jnp.where(at < 0, at + flat.size, at), source[:, None])[:, 0]
    else:
        flat = flat.at[at].set(source)
    return flat.reshape(input.shape)


PUT = Op(put_flat, "put", "", False, None, True)


@tensor_function()
def put(input: Tensor, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    index = _check_taken("put_", input, index)
    source = as_input(source, "put_", 3, "source")
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{type_name(input.array.dtype)} and source.dtype = {type_name(source.array.dtype)}"
        )
    if index.array.size != source.array.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.array.size}, index.numel() = {index.array.size}"
        )
    return PUT(input, index, source, bool(accumulate))


# ---- masks -----------------------------------------------------------------------------------------------------------


def filled(input: Any, mask: Any, value: Any) -> Any:
    broadcast(input, mask)
    return jnp.where(mask, cast(value, input.dtype), input)


FILLED = Op(filled, "masked_fill", "value", False, None, True)


@tensor_function()
def masked_fill(input: Tensor, mask: Any, value: Any) -> Tensor:
    mask = as_input(mask, "masked_fill", 2, "mask")
    if mask.array.dtype != np.bool_:
        name = {"int64": "long int", "uint8": "unsigned char", "float32": "float", "float64": "double"}
        kind = name.get(mask.array.dtype.name, mask.array.dtype.name)
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {kind}")
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    kind = value.array.dtype if isinstance(value, Tensor) else number_dtype(value)
    if category(kind) == 3 and category(input.array.dtype) < 3:
        raise RuntimeError(f"value cannot be converted to type {input.array.dtype} without overflow")
    return FILLED(input, mask, value)


@tensor_function(out=True)
def masked_select(input: Tensor, mask: Any) -> Tensor:
    mask = as_input(mask, "masked_select", 2, "mask")
    if mask.array.dtype != np.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    if jaxapi.is_batched(mask.array):
        raise RuntimeError(
            "vmap: Attempted to vmap over `mask` in torch.masked_select, whose result has another shape in each row. "
            "Write torch.where(mask, x, other) or x.masked_fill(mask, value)"
        )
    shape = broadcast(input.array, mask.array)
    places = np.flatnonzero(np.broadcast_to(np.asarray(known_mask(mask.array, "masked_select")), shape))
    return TAKEN(input.expand(shape), wrap(jnp.asarray(places)))


def spread(input: Any, mask: Any, source: Any) -> Any:
    mask = jnp.broadcast_to(mask, input.shape)
    order = jnp.cumsum(mask.reshape(-1)) - 1
    values = source.reshape(-1)[jnp.clip(order, 0, max(source.size - 1, 0))] if source.size else input.reshape(-1)
    return jnp.where(mask, values.reshape(input.shape), input)


SPREAD = Op(spread, "masked_scatter", "", False, None, True)


@tensor_function()
def masked_scatter(input: Tensor, mask: Any, source: Any) -> Tensor:
    mask, source = as_input(mask, "masked_scatter", 2, "mask"), as_input(source, "masked_scatter", 3, "source")
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{type_name(input.array.dtype)} and {type_name(source.array.dtype)}"
        )
    if mask.array.dtype != np.bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    shape = broadcast(input.array, mask.array)
    known = jaxapi.peel_all(mask.array)
    if not isinstance(known, jaxapi.Tracer) and not jaxapi.is_batched(mask.array):
        if np.broadcast_to(np.asarray(known), shape).sum() > source.array.size:
            raise RuntimeError("Number of elements of source < number of ones in mask")
    return SPREAD(input if input.array.shape == shape else input.expand(shape), mask, source)


for _fn in (scatter, scatter_add, scatter_reduce, put, masked_fill, masked_scatter):
    in_place(f"{_fn.__name__}_", _fn)

# ---- where not zero --------------------------------------------------------------------------------------------------


def _positions(input: Tensor) -> tuple[Any, ...]:
    if jaxapi.is_batched(unwrap(input)):
        raise RuntimeError(
            "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
            "aten::nonzero. Write torch.where(condition, x, other) instead"
        )
    return np.nonzero(np.atleast_1d(np.asarray(concrete(input, "nonzero()"))))


@tensor_function(out=True)
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    positions = _positions(input)
    if as_tuple:
        return tuple(wrap(jnp.asarray(p)) for p in positions)
    if not input.array.ndim:
        return wrap(jnp.zeros((len(positions[0]), 0), jnp.int64))
    return wrap(jnp.asarray(np.stack(positions, 1)))


@op()
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The positions that are not zero, cut or filled up to `size` rows. Source: torch.nonzero_static."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    if not input.ndim:
        return jnp.zeros((size, 0), jnp.int64)
    if not input.size:
        return jnp.full((size, input.ndim), fill_value, jnp.int64)
    positions = jnp.nonzero(input, size=size, fill_value=fill_value)
    return jnp.stack([cast(p, jnp.int64) for p in positions], 1)


@tensor_function()
def argwhere(input: Tensor) -> Tensor:
    return nonzero(input)


# ---- a part replaced, as a new tensor --------------------------------------------------------------------------------


def _replaced(name: str, view: Any) -> None:
    def fn(input: Tensor, src: Any, *args: Any, **kwargs: Any) -> Tensor:
        result = input.clone()
        target = view(result, *args, **kwargs)
        src = as_input(src, name, 2, "src")
        if target.array.shape != src.array.shape:
            raise RuntimeError(
                f"expected src to have a size equal to the slice of self. src size = {list(src.array.shape)}, slice "
                f"size = {list(target.array.shape)}"
            )
        target.copy_(src)
        return result

    tensor_function(name=name, out=True)(fn)


_replaced("select_scatter", lambda x, dim, index: x.select(dim, index))
_replaced("slice_scatter", sliced)
_replaced("diagonal_scatter", lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2))
_replaced("as_strided_scatter", lambda x, size, stride, storage_offset=None: x.as_strided(size, stride, storage_offset))
