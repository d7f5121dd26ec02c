"""Differences and integrals of samples, and how variables vary together."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._dtype import category
from functorch_jax.torch._function import as_input
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast, result_dtype, to_float, type_name, wrap_dim, wrap_dims
from functorch_jax.torch._sums import total
from functorch_jax.torch._tensor import unwrap
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


def _check_gradient(input: Any, spacing: Any, dim: Any, edge_order: int) -> None:
    x = as_input(input, "gradient").array
    axes = wrap_dims(None if dim is None else dim, x.ndim) if dim != () else ()
    if x.dtype == jnp.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if isinstance(spacing, (list, tuple)):
        if len(spacing) != len(axes):
            where = (
                f", or a list of length equal to 'self.dim() = {x.ndim}', since dim argument was not given, but got a "
                f"list of length {len(spacing)}"
                if dim is None
                else " or it's spacing and dim arguments to have the same length, but got a spacing argument of length "
                f"{len(spacing)} and a dim argument of length {len(axes)}."
            )
            raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar{where}")
        for at, axis in zip(map(unwrap, spacing), axes, strict=True):
            if getattr(at, "ndim", 1) != 1:
                raise RuntimeError(
                    "torch.gradient expected each element of spacing to have one dimension, but got an element with "
                    f"{at.ndim} dimensions!"
                )
            if hasattr(at, "ndim") and at.size != x.shape[axis]:
                raise RuntimeError(
                    f"torch.gradient: the coordinates along dimension {axis} are {at.size}, but its size is "
                    f"{x.shape[axis]}: give one for each element"
                )
    elif getattr(unwrap(spacing), "ndim", 0):
        raise TypeError(
            "gradient() received an invalid combination of arguments: spacing is a number, a sequence of numbers, or a "
            "sequence of tensors of coordinates"
        )
    if any(x.shape[axis] < edge_order + 1 for axis in axes):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")


def _slopes(x: Any, steps: Any, edge_order: int) -> Any:
    """The derivative along the first axis from the widths of the intervals, which may be one number."""

    def at(i: slice | int) -> Any:
        return steps if steps.ndim == 0 else steps[i].reshape((-1,) + (1,) * (x.ndim - 1))

    before, after = at(slice(None, -1)), at(slice(1, None))
    rise = x[1:] - x[:-1]
    secants = rise / at(slice(None))
    # the slope of the parabola through three points
    inner = (secants[:-1] * after + secants[1:] * before) / (before + after)
    first, last = secants[:1], secants[-1:]
    if edge_order == 2:
        first = first - at(slice(0, 1)) * (secants[1:2] - first) / (at(slice(0, 1)) + at(slice(1, 2)))
        last = last + at(slice(-1, None)) * (last - secants[-2:-1]) / (at(slice(-1, None)) + at(slice(-2, -1)))
    return jnp.concatenate([first, inner, last])


@op("torch", scalars="spacing", check=_check_gradient)
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The derivative of samples along each of `dim` (every axis, by default), from their neighbours.

    Args:
        spacing: the distance of neighbours; or one for each axis; or the coordinates along each axis, as tensors.
        edge_order: 1 for the slope to the neighbour at the ends, 2 for that of a parabola.

    Returns: a tuple of tensors of the shape of `input`.
    Raises: RuntimeError and TypeError for what does not fit. Source: torch.gradient.
    """
    axes = wrap_dims(dim, input.ndim) if dim != () else ()
    if input.dtype == jnp.bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    if spacing is None:
        spacing = 1
    each = spacing if isinstance(spacing, (list, tuple)) else [spacing] * len(axes)
    result = []
    for axis, step in zip(axes, each, strict=True):
        kind = result_dtype(to_float(input), step)
        x = jnp.moveaxis(cast(input, kind), axis, 0)
        step = cast(step, kind)
        steps = step if step.ndim == 0 else step[1:] - step[:-1]
        result.append(jnp.moveaxis(_slopes(x, steps, edge_order), 0, axis))
    return tuple(result)


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
            weights = w if weights is None else weights * w
    if weights is None:
        freedom = jnp.asarray(max(x.shape[1] - correction, 0), x.real.dtype)
        off = x - average(x, (1,), True)
        weighted = off
    else:
        mass = jnp.sum(weights)  # in the dtype of the weights, as PyTorch does it
        freedom = jnp.maximum(mass - correction * (1 if aweights is None else jnp.sum(weights * aweights) / mass), 0)
        weights, mass, freedom = (cast(w, x.real.dtype) for w in (weights, mass, freedom))
        off = x - jnp.sum(x * weights, axis=1, keepdims=True) / mass
        weighted = off * weights
    result = jnp.matmul(weighted, jnp.conj(off.T), precision=precision()) / freedom
    return result if input.ndim == 2 and len(input) != 1 else result.reshape(())


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
