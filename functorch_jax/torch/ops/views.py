"""Views: ops whose result shows part of a tensor, and writes through to it.

Each of the few kinds of view has a `put`, the inverse: `put(base, value, ...)` is `base` with the elements that the
view shows replaced. PyTorch's many names for them are functions that work out the arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import dtype as torch_dtype
from functorch_jax.torch._function import tensor_function, view_op
from functorch_jax.torch._promote import wrap_dim, wrap_dims
from functorch_jax.torch._size import size_from
from functorch_jax.torch._strides import RULES, contiguous_strides, is_contiguous, layout_of, reshaped_strides
from functorch_jax.torch._tensor import Tensor

__all__ = ["BLOCK", "RESHAPED", "part", "put_by_index", "take_block"]


def put_by_index(view: Callable[..., Any]) -> Callable[..., Any]:
    """The `put` of any view: what it does to the numbers 0, 1, 2, ... tells where its elements come from."""

    def put(base: Any, value: Any, *args: Any) -> Any:
        where = view(jnp.arange(base.size).reshape(base.shape), *args)
        return base.reshape(-1).at[where].set(value).reshape(base.shape)

    return put


# ---- blocks: what integers and slices select -------------------------------------------------------------------------


def _cut(x: Any, plan: Any, starts: Any) -> Any:
    lengths = tuple(length for length, _ in plan)
    if lengths == x.shape:
        return x
    if isinstance(starts, tuple):
        return lax.slice(x, starts, tuple(s + n for s, n in zip(starts, lengths, strict=True)))
    return lax.dynamic_slice(x, [starts[i] for i in range(x.ndim)], lengths)


def block(input: Any, plan: Any, starts: Any, shape: Any) -> Any:
    """The elements from `starts` on: `plan` has (length, step) for each axis; `shape` is that of the result.

    `starts` is a tuple, part of the compiled program, or an array, so that `x[0]` and `x[1]` share one.
    """
    x = _cut(input, plan, starts)
    if any(step != 1 for _, step in plan):
        x = lax.slice(x, (0,) * x.ndim, x.shape, tuple(step for _, step in plan))
    return x.reshape(shape)


def _put_block(base: Any, value: Any, plan: Any, starts: Any, shape: Any) -> Any:
    value = value.reshape(tuple(-(-length // step) for length, step in plan))
    if any(step != 1 for _, step in plan):
        value = _cut(base, plan, starts).at[tuple(slice(None, None, step) for _, step in plan)].set(value)
    if value.shape == base.shape:
        return value
    return lax.dynamic_update_slice(base, value, [starts[i] for i in range(base.ndim)])


def _block_strides(shape: Any, strides: Any, offset: int, plan: Any, starts: Any, out: Any) -> Any:
    offset += sum(int(s) * t for s, t in zip(starts, strides, strict=True))
    counts = tuple(-(-length // step) for length, step in plan)
    kept = reshaped_strides(counts, tuple(t * step for t, (_, step) in zip(strides, plan, strict=True)), out)
    return kept or contiguous_strides(out), offset


BLOCK = view_op(block, _put_block)
RULES["block"] = _block_strides


def take_block(input: Tensor, starts: list[int], plan: list[tuple[int, int]], shape: list[int]) -> Tensor:
    """The view of a block. The starts are an argument of the compiled program, unless that is being traced anyway."""
    at = tuple(starts) if jaxapi.is_traced(input.array) else np.array(starts, np.int64)
    return BLOCK(input, tuple(plan), at, tuple(shape))


def part(input: Tensor, dim: int, start: int, length: int, *, keep: bool = True) -> Tensor:
    """`length` elements from `start` on along one axis; without the axis when not `keep`."""
    shape = list(input.array.shape)
    starts, plan = [0] * len(shape), [(n, 1) for n in shape]
    starts[dim], plan[dim] = start, (length, 1)
    shape[dim : dim + 1] = [length] if keep else []
    return take_block(input, starts, plan, shape)


def _whole(x: Any, what: str = "int()") -> int:
    """An int given as a number or as a tensor."""
    return x if type(x) is int else x.__index__()


@tensor_function()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    shape = input.array.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    dim, start, length = wrap_dim(dim, len(shape)), _whole(start), _whole(length)
    size = shape[dim]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return part(input, dim, start, length)


@tensor_function()
def select(input: Tensor, dim: int, index: Any) -> Tensor:
    shape = input.array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, len(shape))
    index = _whole(index)
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return part(input, dim, index % shape[dim], 1, keep=False)


@tensor_function()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    shape = input.array.shape
    if not shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, len(shape))
    return tuple(part(input, dim, i, 1, keep=False) for i in range(shape[dim]))


def _parts(input: Tensor, dim: int, lengths: list[int]) -> tuple[Tensor, ...]:
    start, result = 0, []
    for length in lengths:
        result.append(part(input, dim, start, length))
        start += length
    return tuple(result)


@tensor_function(aliases="unsafe_split")
def split(input: Tensor, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> Any:
    sizes = split_size if split_size_or_sections is None else split_size_or_sections
    shape = input.array.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, len(shape))
    size = shape[dim]
    if isinstance(sizes, (tuple, list)):
        sizes = [_whole(n) for n in sizes]
        if sum(sizes) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={sizes}"
            )
        if min(sizes, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
            )
        return _parts(input, dim, sizes)
    step = _whole(sizes)
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    if step == 0 and size != 0:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
    lengths = [min(step, size - i) for i in range(0, size, step)] if size else [0]
    return _parts(input, dim, lengths)


@tensor_function(aliases="unsafe_split_with_sizes")
def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> Any:
    return split(input, list(split_sizes), dim)


@tensor_function(aliases="unsafe_chunk")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> Any:
    shape = input.array.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = shape[wrap_dim(dim, len(shape))]
    if size == 0:
        return _parts(input, wrap_dim(dim, len(shape)), [0] * chunks)
    return split(input, -(-size // chunks), dim)


@tensor_function()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0, **names: Any) -> Any:
    given = names.get("indices", names.get("sections", indices_or_sections))
    shape = input.array.shape
    if not shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = wrap_dim(dim, len(shape))
    size = shape[dim]
    if isinstance(given, Tensor):
        given = given.tolist()
    if isinstance(given, int):
        if given <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        small, larger = divmod(size, given)
        return _parts(input, dim, [small + 1] * larger + [small] * (given - larger))
    edges = [0, *(slice(None, i).indices(size)[1] for i in map(_whole, given)), size]
    return tuple(part(input, dim, a, max(b - a, 0)) for a, b in zip(edges[:-1], edges[1:], strict=True))


def _split_along(name: str, dim_of: Callable[[int], int], least: int) -> None:
    def fn(input: Tensor, indices_or_sections: Any) -> Any:
        ndim = input.array.ndim
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {ndim} "
                "dimensions!"
            )
        if not isinstance(indices_or_sections, (int, tuple, list, Tensor)):
            raise TypeError(
                f"{name}() received an invalid combination of arguments: indices_or_sections is an int or a tuple of "
                f"ints, not {type(indices_or_sections).__name__}"
            )
        dim = dim_of(ndim)
        size = input.array.shape[dim]
        if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or size % indices_or_sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {size} is not "
                f"divisible by the split_size {indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, dim)

    tensor_function(name=name)(fn)


_split_along("hsplit", lambda ndim: 0 if ndim == 1 else 1, 1)
_split_along("vsplit", lambda ndim: 0, 2)
_split_along("dsplit", lambda ndim: 2, 3)


# ---- shapes ----------------------------------------------------------------------------------------------------------


def reshaped(input: Any, shape: Any) -> Any:
    return input.reshape(shape)


def _put_shape(base: Any, value: Any, *_: Any) -> Any:
    return value.reshape(base.shape)


RESHAPED = view_op(reshaped, _put_shape)
RULES["reshaped"] = lambda shape, strides, offset, new: (
    reshaped_strides(shape, strides, new) or contiguous_strides(new),
    offset,
)


def sized(shape: Any, numel: int) -> tuple[int, ...]:
    """`shape` with its -1 filled in. Raises RuntimeError in PyTorch's words when it does not fit."""
    for i, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    known = math.prod(n for n in shape if n != -1)
    holes = sum(n == -1 for n in shape)
    if holes > 1:
        raise RuntimeError("only one dimension can be inferred")
    if holes and known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if holes and known and numel % known == 0:
        return tuple(numel // known if n == -1 else n for n in shape)
    if holes or known != numel:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(shape)


def retyped(input: Any, dtype: Any) -> Any:
    """The same bits under another dtype, the last axis longer or shorter where the width differs."""
    old, new = np.dtype(input.dtype).itemsize, np.dtype(dtype).itemsize
    if old == new:
        return lax.bitcast_convert_type(input, dtype)
    if not input.ndim:
        raise RuntimeError("self.dim() cannot be 0 to view as a dtype of another element size")
    if old > new:
        return lax.bitcast_convert_type(input, dtype).reshape(*input.shape[:-1], -1)
    if input.shape[-1] * old % new:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {new // old} to view a dtype of {old} bytes as one of {new}, but got "
            f"{input.shape[-1]}"
        )
    return lax.bitcast_convert_type(input.reshape(*input.shape[:-1], -1, new // old), dtype)


RETYPED = view_op(retyped, lambda base, value, dtype: retyped(value, base.dtype).reshape(base.shape))


def _fits(input: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether the elements can be seen under `shape` where they lie."""
    return is_contiguous(input) or reshaped_strides(input.array.shape, layout_of(input)[0], shape) is not None


@tensor_function()
def reshape(input: Tensor, *shape: Any, **named: Any) -> Tensor:
    """A view where PyTorch's is one, else a copy. Source: torch.reshape."""
    wanted = sized(size_from((named["shape"],) if named else shape, "shape"), input.array.size)
    result = RESHAPED(input, wanted)
    return result if _fits(input, wanted) else result.clone()


@tensor_function("Tensor")
def view(input: Tensor, *size: Any, **named: Any) -> Tensor:
    if named:
        size = (named.get("size", named.get("dtype")),)
    if len(size) == 1 and type(size[0]) is torch_dtype:
        return RETYPED(input, size[0])
    wanted = sized(size_from(size), input.array.size)
    if not _fits(input, wanted):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return RESHAPED(input, wanted)


@tensor_function("Tensor")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    return view(input, other.shape)


@tensor_function("Tensor")
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    return reshape(input, other.shape)


@tensor_function()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    shape = input.array.shape
    start, end = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, (1,))
    if start == end:
        return input
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@tensor_function()
def ravel(input: Tensor) -> Tensor:
    return input if input.array.ndim == 1 else reshape(input, (-1,) if input.array.size else (0,))


@tensor_function()
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    shape = input.array.shape
    dim, wanted = wrap_dim(dim, len(shape)), list(size_from((sizes,), "sizes"))
    if not wanted:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if -1 in wanted and known and shape[dim] % known == 0:
        wanted[wanted.index(-1)] = shape[dim] // known
    if math.prod(wanted) != shape[dim] or -1 in wanted:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[dim]}) in the "
            "input tensor"
        )
    return reshape(input, (*shape[:dim], *wanted, *shape[dim + 1 :]))


@tensor_function()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    shape = input.array.shape
    if dim is None:
        drop = set(range(len(shape)))
    elif isinstance(dim, int):
        drop = {wrap_dim(dim, len(shape))}
    else:
        drop = set(wrap_dims(tuple(dim), len(shape))) if len(dim) else set()
    return RESHAPED(input, tuple(n for i, n in enumerate(shape) if not (n == 1 and i in drop)))


@tensor_function()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    shape = input.array.shape
    dim = wrap_dim(_whole(dim), len(shape) + 1)
    return RESHAPED(input, (*shape[:dim], 1, *shape[dim:]))
