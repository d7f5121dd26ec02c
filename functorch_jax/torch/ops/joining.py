"""Tensors put together (`cat`, `stack`), repeated (`tile`, `repeat`), reordered (`roll`, `flip`), and grids of them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._function import as_input, tensor_function
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import cast, result_dtype, wrap_dim, wrap_dims
from functorch_jax.torch._size import size_from
from functorch_jax.torch._tensor import Tensor, concrete, wrap
from functorch_jax.torch.ops.axes import EXPANDED
from functorch_jax.torch.ops.views import reshape, unsqueeze

# ---- together --------------------------------------------------------------------------------------------------------


@op("torch", aliases="concat concatenate")
def cat(tensors: Any, dim: int = 0) -> Any:
    if not len(tensors):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if not hasattr(x, "shape"):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
        if not x.ndim:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    dtype = result_dtype(*tensors)
    # PyTorch has long let an empty vector stand for nothing, whatever the shape of the others
    parts = [x for x in tensors if x.shape != (0,)] or [tensors[0]]
    first = parts[0]
    dim = wrap_dim(dim, first.ndim)
    for i, x in enumerate(parts[1:], 1):
        if x.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {x.ndim}")
        for d, (n, m) in enumerate(zip(first.shape, x.shape, strict=True)):
            if d != dim and n != m:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for "
                    f"tensor number {i} in the list."
                )
    return jnp.concatenate([cast(x, dtype) for x in parts], axis=dim)


@op("torch")
def stack(tensors: Any, dim: int = 0) -> Any:
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, x in enumerate(tensors):
        if not hasattr(x, "shape"):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
        if x.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(x.shape)} at entry {i}"
            )
    dtype = result_dtype(*tensors)
    return jnp.stack([cast(x, dtype) for x in tensors], axis=wrap_dim(dim, tensors[0].ndim + 1))


def _named_stack(name: str, aliases: str, shaped: Callable[[Any], Any], dim: Callable[[Any], int]) -> None:
    def fn(tensors: Any) -> Any:
        if not len(tensors):
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        parts = [shaped(x) for x in tensors]
        return cat(parts, dim(parts[0]))

    fn.__name__ = name
    op("torch", aliases=aliases)(fn)


_named_stack("hstack", "", jnp.atleast_1d, lambda x: 0 if x.ndim == 1 else 1)
_named_stack("vstack", "row_stack", jnp.atleast_2d, lambda x: 0)
_named_stack("dstack", "", jnp.atleast_3d, lambda x: 2)
_named_stack("column_stack", "", lambda x: x.reshape(x.size, 1) if x.ndim < 2 else x, lambda x: 1)


@function("torch")
def block_diag(*tensors: Any) -> Tensor:
    """The matrices along the diagonal of one matrix of zeros. Source: torch.block_diag."""
    return BLOCKS([as_input(x, "block_diag", i + 1) for i, x in enumerate(tensors)] or [wrap(jnp.zeros((1, 0)))])


def blocks(tensors: Any) -> Any:
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} dimensions"
            )
    dtype = result_dtype(*tensors)
    matrices = [jnp.atleast_2d(cast(x, dtype)) for x in tensors]
    width = sum(m.shape[1] for m in matrices)
    rows, before = [], 0
    for m in matrices:
        rows.append(jnp.pad(m, ((0, 0), (before, width - before - m.shape[1]))))
        before += m.shape[1]
    return jnp.concatenate(rows)


BLOCKS = Op(blocks, "block_diag", "", False, None, True)


def _at_least(ndim: int, places: dict[int, tuple[int, ...]]) -> None:
    def fn(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            return tuple(fn(t) for t in tensors[0])
        if len(tensors) != 1:
            return tuple(fn(t) for t in tensors)
        x = as_input(tensors[0], fn.__name__)
        for dim in places.get(x.array.ndim, ()):
            x = unsqueeze(x, dim)
        return x

    fn.__name__ = fn.__qualname__ = f"atleast_{ndim}d"
    function("torch")(fn)


_at_least(1, {0: (0,)})
_at_least(2, {0: (0, 0), 1: (0,)})
_at_least(3, {0: (0, 0, 0), 1: (0, 2), 2: (2,)})


@function("torch")
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinates of every point of a grid, as views. Source: torch.meshgrid."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.",
            UserWarning,
            stacklevel=2,
        )
        indexing = "ij"
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    inputs = [as_input(x, "meshgrid") for x in tensors]
    for x in inputs:
        if x.array.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x!r}")
        if x.array.dtype != inputs[0].array.dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    n = len(inputs)
    axes = list(range(n))
    if indexing == "xy" and n > 1:
        axes[:2] = [1, 0]
    shape = [0] * n
    for x, axis in zip(inputs, axes, strict=True):
        shape[axis] = x.array.size
    return tuple(
        EXPANDED(reshape(x, tuple(-1 if i == axis else 1 for i in range(n))), tuple(shape))
        for x, axis in zip(inputs, axes, strict=True)
    )


@function("torch")
def cartesian_prod(*tensors: Any) -> Tensor:
    """Every combination of one element of each. Source: torch.cartesian_prod."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    for x in tensors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    from functorch_jax.torch._op import NAMESPACES

    grids = meshgrid(*tensors, indexing="ij")
    return NAMESPACES["torch"]["stack"]([g.flatten() for g in grids], dim=1)


@tensor_function("torch")
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """The combinations of `r` elements, one a row. Source: torch.combinations."""
    if input.array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    index = np.array(list(choose(range(input.array.size), r)), np.int64).reshape(-1, r)
    return input[wrap(jnp.asarray(index))]


# ---- again -----------------------------------------------------------------------------------------------------------


@op(varargs=True)
def tile(input: Any, dims: Any) -> Any:
    return jnp.tile(input, dims)


@op("Tensor", varargs=True)
def repeat(input: Any, repeats: Any) -> Any:
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in repeats):
        raise RuntimeError("Trying to create tensor with negative dimension")
    return jnp.tile(input, repeats)


REPEATED = Op(
    lambda input, repeats, dim: jnp.repeat(input, repeats, axis=dim), "repeat_interleave", "", False, None, True
)
TAKEN = Op(lambda input, index, dim: jnp.take(input, index, axis=dim), "repeat_interleave", "", False, None, True)


@tensor_function()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element as many times as `repeats` says; given alone, `repeats` of the indices.

    Source: torch.repeat_interleave.
    """
    if repeats is None:
        counts = np.asarray(_counts(input))
        return wrap(jnp.asarray(np.repeat(np.arange(counts.size), counts)))
    if dim is None:
        input, dim = input.flatten(), 0
    dim = wrap_dim(dim, input.array.ndim)
    n = input.array.shape[dim]
    if not isinstance(repeats, Tensor):
        if isinstance(repeats, (tuple, list)):
            repeats = wrap(jnp.asarray(repeats, jnp.int64))
        elif repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        else:
            return REPEATED(input, int(repeats), dim)
    if repeats.array.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.array.ndim and repeats.array.size not in (1, n):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.array.size} and "
            f"input.size({dim}) = {n}"
        )
    if output_size is not None and (jaxapi.is_batched(repeats.array) or jaxapi.is_traced(repeats.array)):
        index = jnp.repeat(jnp.arange(n), jnp.broadcast_to(repeats.array, (n,)), total_repeat_length=output_size)
        return TAKEN(input, wrap(index), dim)
    counts = np.broadcast_to(np.asarray(_counts(repeats)), (n,))
    return TAKEN(input, wrap(jnp.asarray(np.repeat(np.arange(n), counts))), dim)


def _counts(repeats: Tensor) -> Any:
    if jaxapi.is_batched(repeats.array):
        raise RuntimeError(
            "vmap: stack expects each tensor to be equal size: repeat_interleave with mapped `repeats` has another "
            "shape in each row; give output_size"
        )
    return concrete(repeats, "repeat_interleave()")


# ---- in another order ------------------------------------------------------------------------------------------------


@op()
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if not dims and len(shifts) == 1:
        return jnp.roll(input.reshape(-1), shifts[0]).reshape(input.shape)
    if dims and not input.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    return jnp.roll(input, shifts, tuple(wrap_dim(d, input.ndim) for d in dims))


FLIPPED = Op(lambda input, dims: jnp.flip(input, dims), "flip", "", False, None, True)


@tensor_function()
def flip(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    if "dims" in named:
        dims = (named["dims"],)
    order = size_from(dims, "dims")
    return FLIPPED(input, wrap_dims(order, input.array.ndim) if order else ())


@op()
def fliplr(input: Any) -> Any:
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return jnp.fliplr(input)


@op()
def flipud(input: Any) -> Any:
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return jnp.flipud(input)


@op()
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    a, b = (wrap_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return jnp.rot90(input, k, (a, b))
