"""Triangles and diagonals of matrices, `trace` and `cross`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import category
from functorch_jax.torch._factories import factory
from functorch_jax.torch._function import tensor_function
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import broadcast, promote, wrap_dim
from functorch_jax.torch._tensor import Tensor


def _triangle(name: str, keep: Any) -> None:
    def fn(input: Any, diagonal: int = 0) -> Any:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows, columns = (jnp.arange(n) for n in input.shape[-2:])
        return jnp.where(keep(columns[None, :] - rows[:, None], diagonal), input, jnp.zeros((), input.dtype))

    fn.__name__ = name
    op(inplace=True)(fn)


_triangle("tril", lambda distance, k: distance <= k)
_triangle("triu", lambda distance, k: distance >= k)


def _indices(name: str, rows: int, columns: int, offset: int, find: Any, dtype: Any) -> Any:
    for which, n in (("row", rows), ("col", columns)):
        if n < 0:
            raise RuntimeError(f"{which} must be non-negative, got{n}")
    kind = np.dtype(np.int64) if dtype is None else dtype
    if category(kind) != 1:
        raise RuntimeError(f"\"{name}\" not implemented for '{kind}'")
    return jnp.asarray(np.stack(find(rows, offset, columns)).astype(kind))


@factory
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    return _indices("tril_indices", row, col, offset, np.tril_indices, dtype)


@factory
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    return _indices("triu_indices", row, col, offset, np.triu_indices, dtype)


@op()
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    ndim = input.ndim + 1
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = input.shape[-1] + abs(offset)
    eye = jnp.arange(n)[None, :] - jnp.arange(n)[:, None] == offset
    # row i (from the first one that has an element) holds element i; the rest is zero
    padded = jnp.pad(input, [(0, 0)] * (input.ndim - 1) + [(max(-offset, 0), max(offset, 0))])
    square = jnp.where(eye, padded[..., :, None], jnp.zeros((), input.dtype))
    return jnp.moveaxis(square, (-2, -1), (first, second))


@tensor_function(out=True)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix; the diagonal of a matrix, copied. Source: torch.diag."""
    ndim = input.array.ndim
    if ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return input.diag_embed(diagonal) if ndim == 1 else input.diagonal(diagonal).clone()


@tensor_function()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    return input.flatten().diag_embed(offset)


@op()
def trace(input: Any) -> Any:
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    values = jnp.diagonal(input)
    return values.astype(jnp.int64).sum() if category(input.dtype) < 2 else values.sum()


@op()
def cross(input: Any, other: Any, dim: Any = None) -> Any:
    x, y = promote(input, other)
    shape = broadcast(x, y)
    x, y = jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape)
    if dim is None:
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = shape.index(3)
    dim = wrap_dim(dim, x.ndim)
    if shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {x.shape[dim]} and {y.shape[dim]}"
        )
    a, b = jnp.moveaxis(x, dim, 0), jnp.moveaxis(y, dim, 0)
    parts = [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]
    return jnp.stack(parts, axis=dim)
