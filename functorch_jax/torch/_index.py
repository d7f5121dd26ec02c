"""What stands between the brackets of `x[...]`, in two steps as PyTorch takes them: a block, then index tensors.

Integers, slices, None and Ellipsis select a block, which is a view. The tensors, lists and masks that are left index
axes of that block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._data import array_from
from functorch_jax.torch._dtype import category
from functorch_jax.torch._tensor import Tensor, concrete

__all__ = ["Index", "check_bounds", "mask_positions", "parse"]

_WRONG = "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})"


class Index(NamedTuple):
    """A parsed index: the block, and for each axis of it None, an array of positions, or a mask over several axes."""

    starts: list[int]
    plan: list[tuple[int, int]]
    shape: list[int]
    arrays: list[Any]

    @property
    def whole(self) -> bool:
        """Whether the block is the tensor itself."""
        return not any(self.starts) and all(step == 1 for _, step in self.plan)


def _width(item: Any) -> int:
    """How many axes of the tensor an entry uses up."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    if isinstance(item, (jax.Array, np.ndarray)) and item.dtype in (np.bool_, np.uint8):
        return item.ndim
    return 1


def _entry(item: Any) -> Any:
    """An entry with tensors, lists and NumPy values turned into arrays or plain ints."""
    if isinstance(item, Tensor):
        item = item.array
    if item is None or item is Ellipsis or isinstance(item, (slice, bool, int)):
        return item
    if isinstance(item, (list, tuple, range, str)):
        item = array_from(item)
        if category(item.dtype) == 2:
            item = item.astype(jnp.int64)  # [] is a list of no integers; PyTorch cuts fractions off here
    if isinstance(item, np.bool_):
        return bool(item)
    if isinstance(item, (np.ndarray, jax.Array)):
        if item.dtype not in (np.bool_, np.uint8) and item.dtype.name not in ("int8", "int16", "int32", "int64"):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return _known_number(item)
    if hasattr(item, "__index__"):
        return item.__index__()
    raise IndexError(_WRONG.format(type(item).__name__))


def _known_number(item: Any) -> Any:
    """An integer with no axes as an int, which selects a view, wherever it has one value."""
    if item.ndim or item.dtype in (np.bool_, np.uint8) or jaxapi.is_batched(item):
        return item
    value = jaxapi.peel_all(item)
    return item if isinstance(value, jaxapi.Tracer) else int(value)


def _is_index_part(item: Any) -> bool:
    return (
        item is None or item is Ellipsis or isinstance(item, (slice, list, tuple, range, Tensor, np.ndarray, jax.Array))
    )


def _is_int(item: Any) -> bool:
    return type(item) is int or (isinstance(item, int) and not isinstance(item, bool))


def parse(index: Any, shape: tuple[int, ...]) -> Index:
    """The parts of `index` for a tensor of this shape. Raises IndexError, TypeError, ValueError as PyTorch does."""
    if isinstance(index, list) and any(_is_index_part(i) for i in index):
        index = tuple(index)  # PyTorch takes a list with anything but numbers in it for a tuple
    entries = [_entry(i) for i in index] if isinstance(index, tuple) else [_entry(index)]
    used = sum(map(_width, entries))
    if used > len(shape):
        if not shape and all(_is_int(e) or isinstance(e, slice) for e in entries):
            kind = "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
            if isinstance(entries[0], slice):
                raise IndexError("slice() cannot be applied to a 0-dim tensor.")
            raise IndexError(f"{kind}convert a 0-dim tensor to a number")
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    starts: list[int] = []
    plan: list[tuple[int, int]] = []
    result: list[int] = []
    arrays: list[Any] = []

    def keep(count: int) -> None:
        for _ in range(count):
            n = shape[len(starts)]
            starts.append(0)
            plan.append((n, 1))
            result.append(n)
            arrays.append(None)

    seen = False
    for entry in entries:
        if entry is None:
            result.append(1)
            arrays.append(None)
        elif entry is Ellipsis:
            keep(0 if seen else len(shape) - used)
            seen = True
        elif isinstance(entry, bool):
            result.append(1)
            arrays.append(jnp.zeros(1 if entry else 0, jnp.int64))
        elif isinstance(entry, int):
            dim, n = len(starts), shape[len(starts)]
            if not -n <= entry < n:
                raise IndexError(f"index {entry} is out of bounds for dimension {dim} with size {n}")
            starts.append(entry % n)
            plan.append((1, 1))
        elif isinstance(entry, slice):
            start, length, step = _slice(entry, shape[len(starts)])
            starts.append(start)
            plan.append(((length - 1) * step + 1 if length else 0, step))
            result.append(length)
            arrays.append(None)
        elif entry.dtype in (np.bool_, np.uint8):
            _mask(entry, shape, starts, plan, result, arrays)
        else:
            at = len(arrays)
            keep(1)
            arrays[at] = jnp.asarray(entry)
    keep(len(shape) - len(starts))
    return Index(starts, plan, result, arrays)


def _mask(mask: Any, shape: tuple[int, ...], starts: Any, plan: Any, result: Any, arrays: Any) -> None:
    mask = jnp.asarray(mask)
    mask = mask if mask.dtype == np.bool_ else mask != 0
    first = len(starts)
    for i, n in enumerate(mask.shape):
        if shape[first + i] != n:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {i} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {first + i}"
            )
    if not mask.ndim:
        result.append(1)
        arrays.append(mask.reshape(1))  # a mask over an axis that is added for it
        return
    for i, n in enumerate(mask.shape):
        starts.append(0)
        plan.append((n, 1))
        result.append(n)
        arrays.append(mask if i == 0 else ...)


def _slice(entry: slice, size: int) -> tuple[int, int, int]:
    """(start, length, step) of a slice. Raises ValueError for a step that is not positive."""
    bounds = [None if b is None else _bound(b) for b in (entry.start, entry.stop, entry.step)]
    if bounds[2] is not None and bounds[2] <= 0:
        raise ValueError("slice step cannot be zero" if bounds[2] == 0 else "step must be greater than zero")
    start, stop, step = slice(*bounds).indices(size)
    return start, len(range(start, stop, step)), step


def _bound(x: Any) -> int:
    if isinstance(x, Tensor):
        return int(concrete(x, "slice index"))
    if not hasattr(x, "__index__"):
        raise TypeError("slice indices must be integers or None or have an __index__ method")
    return x.__index__()


def mask_positions(arrays: list[Any], what: str) -> list[Any]:
    """The index arrays with each mask replaced by the positions of its true elements, one array an axis.

    Raises RuntimeError where a mask has no value: under vmap, and while a program is being compiled.
    """
    result: list[Any] = []
    for array in arrays:
        if array is None or array is ...:
            result.append(array)
        elif array.dtype == np.bool_:
            result[len(result) :] = [jnp.asarray(i) for i in np.nonzero(np.asarray(known_mask(array, what)))]
        else:
            result.append(array)
    return [a for a in result if a is not ...]


def known_mask(mask: Any, what: str) -> Any:
    """The value of a mask. Raises RuntimeError under vmap and while a program is being compiled."""
    if jaxapi.is_batched(mask):
        raise RuntimeError(
            f"vmap: {what}: Attempting to batch over indexing with a boolean mask, whose result has another "
            "shape in each row. Write torch.where(mask, x, other) or x.masked_fill(mask, value)"
        )
    return concrete(mask, what)


def check_bounds(arrays: Any, shape: Any, kind: type[Exception] = IndexError, text: str = "") -> None:
    """Raise for an index that is out of range, wherever its value is known (mapped and tracked ones included)."""
    for dim, array in enumerate(arrays):
        if array is None or array is ...:
            continue
        values = jaxapi.peel_all(array)
        if isinstance(values, jaxapi.Tracer) or not values.size:
            continue
        values = np.asarray(values)
        size = shape[dim]
        low, high = int(values.min()), int(values.max())
        if low < -size or high >= size:
            bad = low if low < -size else high
            message = text or "index {index} is out of bounds for dimension {dim} with size {size}"
            raise kind(message.format(index=bad, dim=dim, size=size))
