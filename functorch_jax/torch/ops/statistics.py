"""Differences and integrals of samples, and how variables vary together."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._dtype import category
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast, to_float, type_name, wrap_dim
from functorch_jax.torch._sums import total
from functorch_jax.torch.ops.reductions import average


def _between(x: Any, axis: int) -> tuple[Any, Any]:
    """The elements of `x` without the first and without the last."""
    n = x.shape[axis]
    return lax.slice_in_dim(x, 1, n, axis=axis), lax.slice_in_dim(x, 0, n - 1, axis=axis)


@op()
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The `n`-th differences along `dim`. Source: torch.diff."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input.ndim)
    x = jnp.concatenate([p for p in (prepend, input, append) if p is not None], axis=axis)
    for _ in range(min(n, x.shape[axis])):
        after, before = _between(x, axis)
        x = after ^ before if x.dtype == jnp.bool_ else after - before
    return x


def _slabs(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """The area between each sample and the next."""
    if y.ndim == 0:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    axis = wrap_dim(dim, y.ndim)
    y = to_float(y)
    if x is None:
        after, before = _between(y, axis) if y.shape[axis] else (y, y)
        return (after + before) / 2 * cast(1 if dx is None else dx, y.dtype), axis
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape([-1 if i == axis else 1 for i in range(y.ndim)])
    step = jnp.diff(to_float(x), axis=axis if x.ndim == y.ndim else axis - y.ndim)
    after, before = _between(y, axis)
    return (after + before) / 2 * step, axis


@op("torch", aliases="trapz")
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral along `dim` by the trapezoidal rule. Source: torch.trapezoid."""
    slabs, axis = _slabs("trapezoid", y, x, dx, dim)
    return total(slabs, (axis,))


@op("torch")
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    slabs, axis = _slabs("cumulative_trapezoid", y, x, dx, dim)
    return lax.cumsum(slabs, axis=axis)


@op()
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance of variables (rows) over observations (columns). Source: torch.cov."""
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype == jnp.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    if fweights is not None and category(fweights.dtype) != 1:
        raise RuntimeError(
            f"cov(): expected fweights to have integral dtype but got fweights with {type_name(fweights.dtype)} dtype"
        )
    x = jnp.atleast_2d(to_float(input))
    weights = None
    for w in (fweights, aweights):
        if w is not None:
            weights = cast(w, x.real.dtype) * (1 if weights is None else weights)
    if weights is None:
        freedom = jnp.asarray(max(x.shape[1] - correction, 0), x.real.dtype)
        off = x - average(x, (1,), True)
        weighted = off
    else:
        mass = jnp.sum(weights)
        off = x - jnp.sum(x * weights, axis=1, keepdims=True) / mass
        squares = mass if aweights is None else jnp.sum(weights * cast(aweights, weights.dtype)) / mass
        freedom = jnp.maximum(mass - correction * (1 if aweights is None else squares), 0)
        weighted = off * weights
    result = jnp.matmul(weighted, jnp.conj(off.T), precision=precision()) / freedom
    return result if input.ndim == 2 else result.reshape(())


@op()
def corrcoef(input: Any) -> Any:
    """The correlation of variables (rows) over observations (columns). Source: torch.corrcoef."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    spread = jnp.sqrt(jnp.diagonal(c).real)
    c = c / spread[:, None] / spread
    if category(c.dtype) == 3:
        return lax.complex(jnp.clip(c.real, -1, 1), jnp.clip(c.imag, -1, 1))
    return jnp.clip(c, -1, 1)
