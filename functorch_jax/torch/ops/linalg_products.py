"""Norms of vectors and matrices, distances between rows, and products with shapes of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import category
from functorch_jax.torch._op import NAMESPACES, function, op
from functorch_jax.torch._promote import cast, promote, type_name, wrap_dim, wrap_dims
from functorch_jax.torch._sums import total
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.linalg import check_floating, check_matrices, check_square, inv, product, solve
from functorch_jax.torch.ops.reductions import vector_norm as _vector_norm

# ---- norms -----------------------------------------------------------------------------------------------------------


def _floating(x: Any, dtype: Any, name: str) -> Any:
    if dtype is not None:
        x = cast(x, dtype)
    if category(x.dtype) < 2:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {type_name(x.dtype)}")
    return x


def _dims(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (tuple, list)) else dim


@op("linalg")
def vector_norm(input: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    x = _floating(input, dtype, "linalg.vector_norm")
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}")
    return _vector_norm(x, ord, wrap_dims(_dims(dim), x.ndim), keepdim)


def _matrix_norm(x: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    check_matrices(x, "linalg.matrix_norm")
    dims = _dims(dim)
    if not isinstance(dims, tuple) or len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    axes = wrap_dims(dims, x.ndim)
    if ord == "fro":
        return _vector_norm(x, 2, axes, keepdim)
    if 0 in (x.shape[a] for a in axes) and ord in (1, 2, math.inf, -1, -math.inf):  # what there is none of is 0 long
        kept = None if ord == 2 or ord > 0 else axes[1] if ord == -1 else axes[0]
        if kept is not None and x.shape[kept] == 0:
            raise IndexError(f"amin(): Expected reduction dim {kept} to have non-zero size.")
        out = jnp.zeros([1 if i in axes else n for i, n in enumerate(x.shape)], x.real.dtype)
        return out if keepdim else jnp.squeeze(out, axes)
    if ord in ("nuc", 2, -2):
        values = jnp.linalg.svd(jnp.moveaxis(x, axes, (-2, -1)), compute_uv=False)
        out = values.sum(-1) if ord == "nuc" else values.max(-1) if ord == 2 else values.min(-1)
        return jnp.expand_dims(out, axes) if keepdim else out
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    summed, kept = axes if abs(ord) == 1 else axes[::-1]
    sums = _vector_norm(x, 1, (summed,), True)
    out = (jnp.max if ord > 0 else jnp.min)(sums, axis=kept, keepdims=True)
    return out if keepdim else jnp.squeeze(out, axes)


@op("linalg")
def matrix_norm(input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    return _matrix_norm(_floating(input, dtype, "linalg.matrix_norm"), ord, dim, keepdim)


@op("linalg", name="norm")
def _norm(input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    x = _floating(input, dtype, "linalg.vector_norm")
    dim = _dims(dim)
    if ord is None or (dim is None and x.ndim == 1 and not isinstance(ord, str)):
        return _vector_norm(x, 2 if ord is None else ord, wrap_dims(dim, x.ndim), keepdim)
    if dim is None:
        if x.ndim != 2:
            raise RuntimeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.ndim}D."
            )
        dim = (0, 1)
    if isinstance(ord, str) or (isinstance(dim, tuple) and len(dim) == 2):
        return _matrix_norm(x, ord, dim, keepdim)
    return _vector_norm(x, ord, wrap_dims(dim, x.ndim), keepdim)


@op("torch")
def frobenius_norm(input: Any, dim: Any, keepdim: bool = False) -> Any:
    return _vector_norm(_floating(input, None, "linalg.vector_norm"), 2, wrap_dims(_dims(dim), input.ndim), keepdim)


@op("torch")
def nuclear_norm(input: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    return _matrix_norm(_floating(input, None, "linalg.matrix_norm"), "nuc", dim, keepdim)


@op(inplace=True)
def renorm(input: Any, p: Any, dim: int, maxnorm: float) -> Any:
    """`input` with each slice along `dim` scaled down to a p-norm of at most `maxnorm`. Source: torch.renorm."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    keep = wrap_dim(dim, input.ndim)
    norms = _vector_norm(input, p, [i for i in range(input.ndim) if i != keep], True)
    return input * jnp.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1).astype(input.dtype)


@op("linalg")
def cond(input: Any, p: Any = None) -> Any:
    """How far a matrix is from being singular: the norm of it times that of its inverse. Source: torch.linalg.cond."""
    check_matrices(input, "linalg.cond")
    check_floating(input, "linalg.cond")
    if p is None or p in (2, -2):
        s = jnp.linalg.svd(input, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_square(input, f"linalg.cond(ord={p})")
    product_of_norms = _matrix_norm(input, p, (-2, -1), False) * _matrix_norm(inv(input), p, (-2, -1), False)
    return jnp.where(jnp.isnan(product_of_norms), math.inf, product_of_norms)


# ---- distances -------------------------------------------------------------------------------------------------------


@op("torch")
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    """The p-norm distances between all rows of `x1` and all of `x2`. Source: torch.cdist."""
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    for name, x in (("X1", x1), ("X2", x2)):
        if category(x.dtype) != 2:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {type_name(x.dtype)}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    x, y = promote(x1[..., :, None, :], x2[..., None, :, :])
    return _vector_norm(x - y, p, (max(x.ndim, y.ndim) - 1,))


@op("torch nn.functional")
def pdist(input: Any, p: float = 2.0) -> Any:
    """The p-norm distances between all pairs of rows. Source: torch.pdist."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(input.shape[0], 1)
    return _vector_norm(input[first] - input[second], p, (1,))


# ---- products --------------------------------------------------------------------------------------------------------


@op("linalg", name="cross")
def _cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    x, y = promote(input, other)
    if x.ndim != y.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = wrap_dim(dim, x.ndim)
    if x.shape[axis] != 3 or y.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {x.shape[axis]} and {y.shape[axis]}"
        )
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    return jnp.cross(jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape), axis=axis)


@op("linalg")
def vecdot(input: Any, y: Any, *, dim: int = -1) -> Any:
    x, other = promote(input, y)
    return total(jnp.conj(x) * other, (wrap_dim(dim, max(x.ndim, other.ndim)),))


@op("linalg")
def multi_dot(tensors: Sequence[Any]) -> Any:
    """The product of matrices in the order that costs least. Source: torch.linalg.multi_dot."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    factors = list(tensors)
    first, last = factors[0].ndim == 1, factors[-1].ndim == 1
    factors[0] = factors[0][None] if first else factors[0]
    factors[-1] = factors[-1][:, None] if last else factors[-1]
    for i, x in enumerate(factors):
        if x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
        if i and factors[i - 1].shape[1] != x.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i - 1} and {i} with shapes {list(factors[i - 1].shape)} and {list(x.shape)} "
                "cannot be multiplied"
            )
    out = _chain(factors)
    out = out[0] if first else out
    return out[..., 0] if last else out


def _chain(factors: list[Any]) -> Any:
    """The product, bracketed by the usual dynamic programme."""
    n = len(factors)
    sizes = [x.shape[0] for x in factors] + [factors[-1].shape[1]]
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            options = [cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i][j] = min(options)
            split[i][j] = i + options.index(cost[i][j])

    def between(i: int, j: int) -> Any:
        return factors[i] if i == j else product(between(i, split[i][j]), between(split[i][j] + 1, j))

    return between(0, n - 1)


@op("linalg")
def tensorinv(input: Any, ind: int = 2) -> Any:
    rows, columns = input.shape[:ind], input.shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(columns)} != {math.prod(rows)}"
        )
    return inv(input.reshape(math.prod(rows), -1)).reshape(columns + rows)


@op("linalg")
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    if dims is not None:
        A = jnp.moveaxis(A, dims, range(A.ndim - len(dims), A.ndim))
    unknown = A.shape[B.ndim :]
    return solve(A.reshape(-1, math.prod(unknown)), B.reshape(-1)).reshape(unknown)


@op("linalg", name="vander")
def _linalg_vander(input: Any, *, N: int | None = None) -> Any:
    x = jnp.atleast_1d(cast(input, np.int64) if category(input.dtype) == 0 else input)
    n = x.shape[-1] if N is None else N
    powers = [jnp.ones_like(x)]
    for _ in range(n - 1):
        powers.append(powers[-1] * x)
    return jnp.stack(powers[:n], axis=-1)


@op("torch")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    out = _linalg_vander(x, N=N)
    return out if increasing else jnp.flip(out, axis=-1)


@function("linalg", name="diagonal")
def _linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of the last two axes. Source: torch.linalg.diagonal."""
    return NAMESPACES["torch"]["diagonal"](A, offset, dim1, dim2)  # type: ignore[no-any-return]
