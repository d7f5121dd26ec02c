"""`x[...]` and `x[...] = v`, iteration, and the `index_*` family."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._data import number_dtype
from functorch_jax.torch._dtype import category
from functorch_jax.torch._function import as_input, tensor_function
from functorch_jax.torch._index import Index, check_bounds, mask_positions, parse
from functorch_jax.torch._op import Op, fitted, function
from functorch_jax.torch._promote import broadcast, cast, type_name, wrap_dim
from functorch_jax.torch._tensor import Tensor, concrete, unwrap
from functorch_jax.torch.ops.axes import expanded_shape
from functorch_jax.torch.ops.views import part, take_block

# ---- x[...] ----------------------------------------------------------------------------------------------------------


def _positions(arrays: Any) -> tuple[Any, ...]:
    return tuple(slice(None) if a is None else a for a in arrays)


def picked(input: Any, arrays: Any) -> Any:
    """The elements at index arrays, None standing for a whole axis."""
    return input[_positions(arrays)]


PICKED = Op(picked, "index", "", False, None, True)


def _block_of(input: Tensor, index: Index) -> Tensor:
    if index.whole and tuple(index.shape) == input.array.shape and any(a is not None for a in index.arrays):
        return input
    return take_block(input, index.starts, index.plan, index.shape)


def _check_shapes(arrays: list[Any]) -> None:
    given = [a for a in arrays if a is not None]
    try:
        broadcast(*given)
    except RuntimeError:
        shapes = ", ".join(str(list(a.shape)) for a in given)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None


@function("Tensor")
def __getitem__(self: Tensor, index: Any) -> Tensor:
    if type(index) is int and self.array.ndim:
        n = self.array.shape[0]
        if -n <= index < n:
            return part(self, 0, index % n, 1, keep=False)
    parsed = parse(index, self.array.shape)
    block = _block_of(self, parsed)
    if not any(a is not None for a in parsed.arrays):
        return block
    arrays = mask_positions(parsed.arrays, "x[mask]")
    _check_shapes(arrays)
    check_bounds(arrays, block.array.shape)
    return PICKED(block, arrays)


# ---- x[...] = v ------------------------------------------------------------------------------------------------------


def placed(input: Any, arrays: Any, values: Any, accumulate: Any = False) -> Any:
    """`input` with `values`, broadcast, at index arrays: the last of several for one place, or added."""
    values = cast(values, input.dtype)
    if accumulate and input.dtype == jnp.bool_:  # bools add up as "or"
        return input.at[_positions(arrays)].max(values)
    if accumulate:
        return input.at[_positions(arrays)].add(values)
    if not jaxapi.is_inexact(input):
        return input.at[_positions(arrays)].set(values)
    # as rows of a matrix: the indexed axes first, the others behind them
    at = [i for i, a in enumerate(arrays) if a is not None]
    order = (*at, *(i for i in range(input.ndim) if i not in at))
    sizes = [input.shape[i] for i in at]
    matrix = jnp.transpose(input, order)
    count = math.prod(sizes)
    wrapped = [jnp.where(arrays[i] < 0, arrays[i] + n, arrays[i]) for i, n in zip(at, sizes, strict=True)]
    index = jnp.zeros((), jnp.int64)
    for positions, n in zip(wrapped, sizes, strict=True):
        index = index * n + positions
    values = jnp.broadcast_to(values, _result_shape(arrays, input.shape))
    if at[-1] - at[0] == len(at) - 1:
        values = jnp.moveaxis(values, range(at[0], at[0] + index.ndim), range(index.ndim))
    width = math.prod(matrix.shape[len(at) :])
    out = jaxapi.put_rows(matrix.reshape(count, width), index.reshape(-1), values.reshape(index.size, width)).reshape(
        matrix.shape
    )
    return jnp.transpose(out, tuple(order.index(i) for i in range(input.ndim)))


PLACED = Op(placed, "index_put", "values", False, None, True)


def _as_value(self: Tensor, value: Any) -> Any:
    """The value of an assignment as an array. Raises TypeError for what PyTorch does not assign."""
    array = self.array
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, int, float, complex)):
        if category(number_dtype(value)) == 3 and category(array.dtype) < 3:
            raise RuntimeError(f"value cannot be converted to type {array.dtype} without overflow")
        return value
    if isinstance(value, (np.generic, jnp.ndarray)):
        return Tensor.from_array(jnp.asarray(value))
    kind = (
        type(value).__name__
        if type(value).__module__ == "builtins"
        else f"{type(value).__module__}.{type(value).__name__}"
    )
    raise TypeError(f"can't assign a {kind} to a {self.type()}")


def _shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.array.shape) if isinstance(value, Tensor) else ()


def _without_leading_ones(value: Any, ndim: int) -> Any:
    """PyTorch lets an assigned value have more axes than the place, as long as they are of length 1."""
    shape = _shape_of(value)
    extra = len(shape) - ndim
    if extra > 0 and all(n == 1 for n in shape[:extra]):
        return value.reshape(shape[extra:])
    return value


@function("Tensor")
def __setitem__(self: Tensor, index: Any, value: Any) -> None:
    value = _as_value(self, value)
    parsed = parse(index, self.array.shape)
    block = _block_of(self, parsed)
    block.check_writable()
    if not any(a is not None for a in parsed.arrays):
        _assign(block, _without_leading_ones(value, block.array.ndim))
        return
    if _assign_masked(block, parsed.arrays, value):
        return
    arrays = mask_positions(parsed.arrays, "x[mask] = value")
    _put(block, arrays, value, accumulate=False)


def _assign(block: Tensor, value: Any) -> None:
    array = block.array
    if isinstance(value, Tensor):
        expanded_shape(value, array.shape)
        block.copy_(value)
    else:
        block.overwrite(jnp.full(array.shape, value, array.dtype))


def _assign_masked(block: Tensor, arrays: list[Any], value: Any) -> bool:
    """Assign under a single mask, where what goes to each true place is known without counting them."""
    at = [i for i, a in enumerate(arrays) if a is not None and a is not ...]
    if len(at) != 1 or arrays[at[0]].dtype != np.bool_:
        return False
    mask = arrays[at[0]]
    rest = block.array.shape[at[0] + mask.ndim :]
    shape = _shape_of(value)
    if at[0] or (len(shape) > len(rest) and any(n != 1 for n in shape[: len(shape) - len(rest)])):
        return False
    value = _without_leading_ones(value, len(rest))
    if isinstance(value, Tensor):
        try:
            expanded_shape(value, rest)
        except RuntimeError:
            return False
    block.overwrite(MASKED(block, mask, value))
    return True


def masked(input: Any, mask: Any, value: Any) -> Any:
    """`input` with `value` where `mask` is true; the mask covers the first axes."""
    mask = mask.reshape(mask.shape + (1,) * (input.ndim - mask.ndim))
    return jnp.where(mask, cast(value, input.dtype), input)


MASKED = Op(masked, "index_put", "value", False, None, True)


def _put(self: Tensor, arrays: list[Any], value: Any, *, accumulate: bool) -> None:
    _check_shapes(arrays)
    shape = self.array.shape
    check_bounds(arrays, shape)
    place = _result_shape(arrays, shape)
    value = _without_leading_ones(value, len(place))
    given = _shape_of(value)
    try:
        fits = np.broadcast_shapes(given, place) == place
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(given)} cannot be broadcast to indexing result of shape "
            f"{list(place)}"
        )
    self.overwrite(PLACED(self, arrays, value, accumulate))


def _result_shape(arrays: list[Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    at = [i for i, a in enumerate(arrays) if a is not None]
    common = np.broadcast_shapes(*(arrays[i].shape for i in at))
    rest = [n for i, n in enumerate(shape) if i >= len(arrays) or arrays[i] is None]
    first = at[0] if at[-1] - at[0] == len(at) - 1 else 0
    return (*rest[:first], *common, *rest[first:])


# ---- iteration -------------------------------------------------------------------------------------------------------


@function("Tensor")
def __len__(self: Tensor) -> int:
    if not self.array.ndim:
        raise TypeError("len() of a 0-d tensor")
    return self.array.shape[0]


@function("Tensor")
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if not self.array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter([part(self, 0, i, 1, keep=False) for i in range(self.array.shape[0])])


@function("Tensor")
def __reversed__(self: Tensor) -> Tensor:
    return self.flip((0,)) if self.array.ndim else self


@function("Tensor")
def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, (Tensor, bool, int, float, complex)):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
    return bool(np.any(np.asarray(concrete(self == element, "in"))))


# ---- index_put and its kin -------------------------------------------------------------------------------------------


def _index_arrays(self: Tensor, indices: Any) -> list[Any]:
    parsed = parse(tuple(slice(None) if i is None else i for i in indices), self.array.shape)
    return mask_positions(parsed.arrays, "index_put(mask)")


@function()
def index_put_(self: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    self.check_writable()
    values = as_input(values, "index_put_", 2, "values")
    if values.array.dtype != self.array.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {type_name(self.array.dtype)} for the "
            f"destination and {type_name(values.array.dtype)} for the source."
        )
    if len(indices) == 1 and not accumulate:
        parsed = parse(tuple(indices), self.array.shape)
        if _assign_masked(self, parsed.arrays, values):
            return self
    _put(self, _index_arrays(self, indices), values, accumulate=bool(accumulate))
    return self


@tensor_function()
def index_put(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    return index_put_(input.clone(), indices, values, accumulate)


def check_index(index: Any, dim: int, size: int, text: str = "", kind: type[Exception] = IndexError) -> None:
    """Raise for an index array with a value outside 0 .. size - 1."""
    values = jaxapi.peel_all(unwrap(index))
    if isinstance(values, jaxapi.Tracer) or not values.size:
        return
    values = np.asarray(values)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= size:
        message = text or "index {index} is out of bounds for dimension {dim} with size {size}"
        raise kind(message.format(index=low if low < 0 else high, dim=dim, size=size))


def _vector(index: Any, name: str, *, kind: str = "int32 or int64") -> Tensor:
    index = as_input(index, name, 3, "index")
    if index.array.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"{name}(): Expected dtype {kind} for index")
    if index.array.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return index


def rows(input: Any, dim: Any, index: Any) -> Any:
    if not input.ndim:
        return input if not index.ndim else jnp.broadcast_to(input, index.shape).reshape(())
    return jnp.take(input, index.reshape(-1), axis=dim, mode="clip")


ROWS = Op(rows, "index_select", "", False, None, True)


@tensor_function(out=True)
def index_select(input: Tensor, dim: int, index: Any) -> Tensor:
    index = _vector(index, "index_select")
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    check_index(index, dim, shape[dim] if shape else 1, "index out of range in self")
    return ROWS(input, dim, index)


def _row_positions(input: Any, dim: int, index: Any) -> tuple[Any, ...]:
    return (slice(None),) * dim + (index.reshape(-1),)


def row_add(input: Any, dim: Any, index: Any, source: Any, alpha: Any) -> Any:
    source = source * cast(alpha, source.dtype)
    if not input.ndim:
        return input | source.any() if input.dtype == bool else input + source.sum()
    places = input.at[_row_positions(input, dim, index)]
    source = source.reshape(_row_shape(input, dim, index))
    return places.max(source) if input.dtype == bool else places.add(source)


def row_copy(input: Any, dim: Any, index: Any, source: Any) -> Any:
    if not input.ndim:
        return source.reshape(())
    return placed(input, (None,) * dim + (index.reshape(-1),), source.reshape(_row_shape(input, dim, index)))


def row_fill(input: Any, dim: Any, index: Any, value: Any) -> Any:
    if not input.ndim:
        return cast(value, input.dtype)
    return input.at[_row_positions(input, dim, index)].set(cast(value, input.dtype))


def _row_shape(input: Any, dim: int, index: Any) -> tuple[int, ...]:
    return (*input.shape[:dim], index.size, *input.shape[dim + 1 :])


ROW_ADD = Op(row_add, "index_add", "alpha", False, None, True)
ROW_COPY = Op(row_copy, "index_copy", "", False, None, True)
ROW_FILL = Op(row_fill, "index_fill", "value", False, None, True)


def _check_source(name: str, input: Tensor, dim: int, index: Tensor, source: Any) -> Tensor:
    source = as_input(source, name, 4, "source")
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            f"{name}_(): self ({type_name(input.array.dtype)}) and source ({type_name(source.array.dtype)}) must have "
            "the same scalar type"
        )
    rest = [(n, m) for i, (n, m) in enumerate(zip(input.array.shape, source.array.shape, strict=False)) if i != dim]
    if any(n != m for n, m in rest):
        ours, theirs = (" ".join(map(str, side)) for side in zip(*rest, strict=True))
        raise RuntimeError(
            f"{name}_(): Source/destination tensor must have same slice shapes. Destination slice shape: {ours} at "
            f"dimension {dim} and source slice shape: {theirs} at dimension {dim}."
        )
    n = source.array.shape[dim] if source.array.ndim else 1
    if index.array.size != n:
        raise RuntimeError(
            f"{name}_(): Number of indices ({index.array.size}) should be equal to source.size(dim): ({n}), for "
            f"dim: {dim}"
        )
    return source


@tensor_function(out=True)
def index_add(input: Tensor, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
    index = _vector(index, "index_add")
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    source = _check_source("index_add", input, dim, index, source)
    check_index(index, dim, shape[dim] if shape else 1, kind=RuntimeError)
    return ROW_ADD(input, dim, index, source, alpha)


@tensor_function(out=True)
def index_copy(input: Tensor, dim: int, index: Any, source: Any) -> Tensor:
    index = _vector(index, "index_copy")
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    source = _check_source("index_copy", input, dim, index, source)
    text = "index_copy_(): index {index} is out of bounds for dimension {dim} with size {size}"
    check_index(index, dim, shape[dim] if shape else 1, text)
    return ROW_COPY(input, dim, index, source)


@tensor_function()
def index_fill(input: Tensor, dim: int, index: Any, value: Any) -> Tensor:
    index = _vector(index, "index_fill", kind="int64")
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    size = shape[dim] if shape else 1
    check_bounds([index.array], [size], text=f"index {{index}} is out of bounds for dimension {dim} with size {size}")
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    return ROW_FILL(input, dim, index, value)


_REDUCE = {"prod": "multiply", "mean": "add", "amax": "max", "amin": "min"}


def row_reduce(input: Any, dim: Any, index: Any, source: Any, reduce: Any, include_self: Any) -> Any:
    from functorch_jax.torch.ops.scattering import reduce_into

    if not input.ndim:
        return reduce_into(input[None], 0, index.reshape(-1), source.reshape(-1), reduce, include_self)[0]
    full = index.reshape((-1,) + (1,) * (input.ndim - dim - 1))
    return reduce_into(input, dim, jnp.broadcast_to(full, source.shape), source, reduce, include_self)


ROW_REDUCE = Op(row_reduce, "index_reduce", "", False, None, True)


@tensor_function(out=True)
def index_reduce(input: Tensor, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    if reduce not in _REDUCE:
        raise RuntimeError(f"reduce argument must be either of 'prod', 'mean', 'amax' or 'amin', got {reduce}.")
    index = _vector(index, "index_reduce")
    shape = input.array.shape
    dim = wrap_dim(dim, len(shape))
    source = _check_source("index_reduce", input, dim, index, source)
    check_index(index, dim, shape[dim] if shape else 1, kind=RuntimeError)
    return ROW_REDUCE(input, dim, index, source, reduce, include_self)


def in_place(name: str, fn: Any) -> None:
    """Register `name`: `fn` written into its first argument."""

    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.check_writable()
        self.overwrite(fitted(self, fn(self, *args, **kwargs), name))
        return self

    change.__name__ = change.__qualname__ = name
    function("Tensor")(change)


for _fn in (index_add, index_copy, index_fill, index_reduce):
    in_place(f"{_fn.__name__}_", _fn)


# ---- positions in row-major order ------------------------------------------------------------------------------------


@function("torch")
def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """Where in a tensor of `shape` each position in row-major order is, one tensor an axis.

    Raises TypeError for indices or a shape that are no integers, ValueError for a shape with negative ones.
    Source: torch.unravel_index.
    """
    indices = as_input(indices, "unravel_index", argument="indices")
    if category(indices.array.dtype) != 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, tuple, list)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple((indices // step) % n for step, n in zip(steps, sizes, strict=True))
