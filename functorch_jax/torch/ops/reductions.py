"""Sums, means, spreads and norms over dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import abs_, refuse
from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import cast, to_float, type_name, wrap_dim, wrap_dims
from functorch_jax.torch._size import size_from
from functorch_jax.torch._sums import count, total
from functorch_jax.torch.ops.pointwise_binary import logaddexp

# ---- sums and products -----------------------------------------------------------------------------------------------


def _summand(input: Any, dtype: Any) -> Any:
    """`input` in the dtype that sums and products are taken in: int64 for all integers."""
    if dtype is not None:
        return cast(input, dtype)
    return cast(input, jnp.int64) if category(input.dtype) < 2 else input


@op()
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over `dim` (all dimensions when it is None or empty). Source: torch.sum."""
    return total(_summand(input, dtype), wrap_dims(dim, input.ndim), keepdim)


@op("Tensor", varargs=True)
def sum_to_size(input: Any, size: Any) -> Any:
    """The sum over the dimensions by which `input` is larger than `size`. Source: torch.Tensor.sum_to_size."""
    size = size_from((size,))
    extra = input.ndim - len(size)
    if extra < 0 or any(n not in (1, m) for n, m in zip(size, input.shape[max(extra, 0) :], strict=False)):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(input.shape)}}}.")
    grown = [i for i, n in enumerate(input.shape) if i < extra or size[i - extra] != n]
    return sum(input, tuple(grown), True).reshape(size) if grown or not size else input


@op()
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return sum(jnp.where(jnp.isnan(input), jnp.zeros((), input.dtype), input), dim, keepdim, dtype=dtype)


def _mean_input(name: str, input: Any, dtype: Any) -> Any:
    which, kind = ("Input", input.dtype) if dtype is None else ("Optional", dtype)
    if category(kind) < 2:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. {which} dtype must be either a floating point or complex dtype. "
            f"Got: {type_name(kind)}"
        )
    return input if dtype is None else cast(input, dtype)


@op()
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over `dim` (all dimensions when it is None or empty). Source: torch.mean."""
    x = _mean_input("mean", input, dtype)
    return average(x, wrap_dims(dim, x.ndim), keepdim)


def average(x: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The mean of a floating array over axes counted from 0."""
    if x.dtype.itemsize == 2:  # a sum of half precision numbers may overflow where their mean does not
        return cast(average(x.astype(jnp.float32), axes, keepdims), x.dtype)
    n = count(x, axes)
    # 0 / 0 is nan, the mean of nothing
    return total(x, axes, keepdims) / jnp.asarray(n, x.dtype)


@op()
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if category(input.dtype) < 2:
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {type_name(input.dtype)}"
        )
    present = sum(~jnp.isnan(input), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / cast(present, input.dtype if dtype is None else dtype)


@op()
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if isinstance(dim, tuple):
        raise TypeError("prod() received an invalid combination of arguments: dim must be an int")
    x = _summand(input, dtype)
    return jnp.prod(x, axis=wrap_dims(dim, x.ndim), keepdims=keepdim, dtype=x.dtype)


@op()
def count_nonzero(input: Any, dim: Any = None) -> Any:
    return total(cast(input != 0, jnp.int64), wrap_dims(dim, input.ndim))


@op()
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    x = to_float(input)
    axes = wrap_dims(dim, x.ndim)
    if x.ndim and any(x.shape[a] == 0 for a in axes):
        return total(jnp.zeros_like(x), axes, keepdim) - jnp.asarray(jnp.inf, x.dtype)
    return jax.scipy.special.logsumexp(x, axis=axes, keepdims=keepdim)


row("special", "logsumexp", logsumexp)


# ---- spreads ---------------------------------------------------------------------------------------------------------


def _moments(input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> tuple[Any, Any]:
    """The variance and the mean, for every way of calling `var`."""
    if category(input.dtype) < 2:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    if isinstance(dim, bool):  # var(x, False) is about the bias
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    axes = wrap_dims(dim, input.ndim)
    center = average(input, axes, True)
    off = input - center
    square = (off * jnp.conj(off)).real if category(input.dtype) == 3 else off * off
    freedom = max(count(input, axes) - correction, 0)
    spread = total(square, axes, keepdim) / jnp.asarray(freedom, square.dtype)
    return spread, center if keepdim else center.reshape(spread.shape)


def _variance(input: Any, *settings: Any) -> tuple[Any, Any]:
    spread, center = _moments(input, *settings)
    # that of nothing is a constant
    return spread if input.size else jnp.full_like(spread, jnp.nan), center


def root(x: Any) -> Any:
    """The square root, with slope 0 at 0: what the norm of a zero vector needs."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


@op()
def var(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The variance over `dim`, of a sample unless `correction=0`. Source: torch.var."""
    return _variance(input, dim, unbiased, keepdim, correction)[0]


@op()
def std(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The standard deviation over `dim`, of a sample unless `correction=0`. Source: torch.std."""
    return root(_moments(input, dim, unbiased, keepdim, correction)[0])


@op("torch")
def var_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    return _variance(input, dim, unbiased, keepdim, correction)


@op("torch")
def std_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    spread, center = _moments(input, dim, unbiased, keepdim, correction)
    return root(spread), center


# ---- norms -----------------------------------------------------------------------------------------------------------


def vector_norm(x: Any, p: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The p-norm of the vectors that `axes` span. Its slope is 0 where the norm, or for p < 1 the entry, is 0."""
    if p in (math.inf, -math.inf):
        if count(x, axes) == 0:
            raise RuntimeError(
                "linalg.vector_norm cannot compute the inf norm on an empty tensor because the operation does not have "
                "an identity"
            )
        return (jnp.max if p > 0 else jnp.min)(abs_(x), axis=tuple(axes), keepdims=keepdims)
    if p == 0:
        return total(cast(x != 0, x.real.dtype), axes, keepdims)
    if p == 1:
        return total(abs_(x), axes, keepdims)
    if p == 2:
        square = (x * jnp.conj(x)).real if category(x.dtype) == 3 else x * x
        return root(total(square, axes, keepdims))
    size = abs_(x)
    zero = size == 0
    powers = jnp.where(zero, 0.0 if p > 0 else math.inf, jnp.where(zero, 1, size) ** p)
    together = total(powers, axes, keepdims)
    flat = (together == 0) | (together == math.inf)
    at_flat = jnp.where((together == 0) == (p > 0), 0, math.inf)
    return jnp.where(flat, at_flat, jnp.where(flat, 1, together) ** (1 / p)).astype(size.dtype)


def _nuclear(x: Any, dim: Any, keepdim: bool) -> Any:
    if x.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    axes = wrap_dims((-2, -1) if dim is None else dim, x.ndim)
    values = jnp.linalg.svd(jnp.moveaxis(x, axes, (-2, -1)), compute_uv=False)
    result = jnp.sum(values, axis=-1)
    return jnp.expand_dims(result, axes) if keepdim else result


@op()
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The p-norm of the vectors (for "nuc" and "fro" the matrices) that `dim` spans. Source: torch.norm."""
    x = input if dtype is None else cast(input, dtype)
    if category(x.dtype) < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got " + type_name(x.dtype)
        )
    if p == "nuc":
        return _nuclear(x, dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    return vector_norm(x, 2 if p in (None, "fro") else p, wrap_dims(dim, x.ndim), keepdim)


@op()
def dist(input: Any, other: Any, p: Any = 2) -> Any:
    difference = input - other
    if category(difference.dtype) < 2:
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. "
            f"Got {type_name(difference.dtype)} instead."
        )
    return vector_norm(difference, p, range(difference.ndim))


# ---- running totals --------------------------------------------------------------------------------------------------


def _running(fn: Any, input: Any, dim: int, dtype: Any) -> Any:
    x = _summand(input, dtype)
    axis = wrap_dim(dim, x.ndim)
    return fn(x, axis=axis) if x.ndim else x


@op(inplace=True)
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    return _running(lax.cumsum, input, dim, dtype)


@op(inplace=True)
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    return _running(jnp.cumprod, input, dim, dtype)


def _complex_cumlogsumexp(x: Any, axis: int) -> Any:
    # one after the other, since the imaginary part tells how often the sum went round
    rows = jnp.moveaxis(x, axis, 0)
    start = jnp.full_like(rows[0], -jnp.inf)
    _, sums = lax.scan(lambda so_far, row: (logaddexp(row, so_far),) * 2, start, rows)
    return jnp.moveaxis(sums, 0, axis)


@op()
def logcumsumexp(input: Any, dim: int) -> Any:
    refuse("logcumsumexp_out_cpu", input, "bi")
    running = _complex_cumlogsumexp if category(input.dtype) == 3 else lax.cumlogsumexp
    return _running(running, input, dim, None)
