"""Largest, smallest and middle elements, and where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch import return_types
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import refuse, unsupported
from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import cast, wrap_dim, wrap_dims
from functorch_jax.torch._sums import total
from functorch_jax.torch.ops.pointwise_binary import maximum, minimum

# ---- shared ----------------------------------------------------------------------------------------------------------


def at(x: Any, index: Any, axis: int, keepdim: bool) -> Any:
    """The elements of `x` at `index`, which has length 1 along `axis`; they alone get the derivative."""
    values = jnp.take_along_axis(x, index, axis=axis)
    return values if keepdim else jnp.squeeze(values, axis)


def chosen(kind: Any, x: Any, index: Any, axis: int, keepdim: bool) -> Any:
    """The named result of values and their indices."""
    if x.ndim == 0:
        return kind(x, jnp.zeros((), jnp.int64))
    index = cast(index, jnp.int64)
    return kind(at(x, index, axis, keepdim), index if keepdim else jnp.squeeze(index, axis))


def _check_not_empty(name: str, x: Any, axes: Sequence[int]) -> None:
    for a in axes:
        if x.ndim and x.shape[a] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size.")


def _check_any(name: str, x: Any, error: type[Exception] = RuntimeError) -> None:
    if x.size == 0:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )


def evenly(x: Any, value: Any) -> Any:
    """`value`, found in `x`, with its derivative shared by all elements equal to it (all nans, if it is one)."""
    if category(x.dtype) < 2:
        return value
    value = lax.stop_gradient(value)
    mask = jnp.where(jnp.isnan(value), jnp.isnan(x), x == value)
    axes = range(x.ndim)
    equal = total(cast(mask, x.dtype), axes)
    return jaxapi.keep_derivative(total(jnp.where(mask, x, 0), axes) / equal, value)


def nan_aware(fn: Callable[..., Any], x: Any, axis: int) -> Any:
    """argmax or argmin along `axis`, kept; the first nan wins."""
    return fn(x.astype(jnp.int8) if x.dtype == jnp.bool_ else x, axis=axis, keepdims=True)


# ---- max and min -----------------------------------------------------------------------------------------------------


def _extremum(name: str, reduce: Any, arg: Any, kind: Any, pairwise: Any) -> Callable[..., Any]:
    def pure(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if other is not None or hasattr(dim, "shape"):
            return pairwise(input, dim if other is None else other)
        if dim is not None and type(dim) is not int:
            raise TypeError(f"{name}() received an invalid combination of arguments: dim must be an int")
        if category(input.dtype) == 3:
            raise unsupported(f"{name}_all", input.dtype)
        if dim is None:
            _check_any(name, input)
            return evenly(input, reduce(input))
        axis = wrap_dim(dim, input.ndim)
        if input.ndim == 0:
            return chosen(kind, input, None, axis, keepdim)
        _check_not_empty(name, input, (axis,))
        return chosen(kind, input, nan_aware(arg, input, axis), axis, keepdim)

    return pure


row("torch Tensor", "max", _extremum("max", jnp.max, jnp.argmax, return_types.max, maximum))
row("torch Tensor", "min", _extremum("min", jnp.min, jnp.argmin, return_types.min, minimum))


def _bound(name: str, reduce: Any) -> Callable[..., Any]:
    def pure(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        refuse(f"{name}_cpu", input, "c")
        axes = wrap_dims(dim, input.ndim)
        if dim in ((), None):
            _check_any(name, input)
        _check_not_empty(name, input, axes)
        return reduce(input, axis=axes, keepdims=keepdim)

    return pure


amax, amin = _bound("amax", jnp.max), _bound("amin", jnp.min)
row("torch Tensor", "amax", amax)
row("torch Tensor", "amin", amin)


@op()
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is not None and type(dim) is not int:
        raise TypeError(f"aminmax(): argument 'dim' must be int, not {type(dim).__name__}")
    return return_types.aminmax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def _position(name: str, fn: Any) -> Callable[..., Any]:
    def pure(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        kind = category(input.dtype)
        if kind in (0, 3):
            raise RuntimeError(f"{name}(): does not support {'bool' if kind == 0 else 'complex'} input")
        if dim is None:
            if input.size == 0:
                raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
            index = cast(fn(input), jnp.int64)
            return index.reshape((1,) * input.ndim) if keepdim else index
        axis = wrap_dim(dim, input.ndim)
        if input.ndim == 0:
            return jnp.zeros((), jnp.int64)
        _check_not_empty(name, input, (axis,))
        return cast(fn(input, axis=axis, keepdims=keepdim), jnp.int64)

    return pure


row("torch Tensor", "argmax", _position("argmax", jnp.argmax))
row("torch Tensor", "argmin", _position("argmin", jnp.argmin))


# ---- running extrema -------------------------------------------------------------------------------------------------


def _running(kind: Any, better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def pure(input: Any, dim: int) -> Any:
        axis = wrap_dim(dim, input.ndim)
        if input.ndim == 0:
            return kind(input, jnp.zeros((), jnp.int64))

        def later(a: Any, b: Any) -> Any:
            # the last of equals, and a nan for good
            (x, i), (y, j) = a, b
            take = (y != y) | ((x == x) & better(y, x))
            return jnp.where(take, y, x), jnp.where(take, j, i)

        place = lax.broadcasted_iota(jnp.int64, input.shape, axis)
        _, index = lax.associative_scan(later, (lax.stop_gradient(input), place), axis=axis)
        return kind(jnp.take_along_axis(input, index, axis=axis), index)

    return pure


row("torch Tensor", "cummax", _running(return_types.cummax, jnp.greater_equal))
row("torch Tensor", "cummin", _running(return_types.cummin, jnp.less_equal))


# ---- middle and most frequent elements -------------------------------------------------------------------------------


def _middle(name: str, kind: Any, skip_nan: bool) -> Callable[..., Any]:
    def pure(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        refuse("median_cpu", input, "bc")
        if dim is None:
            if input.size == 0:
                return jnp.full((), jnp.nan, input.dtype)
            x = input.reshape(-1)
            return evenly(x, at(x, _middle_index(lax.stop_gradient(x), 0, skip_nan), 0, False))
        axis = wrap_dim(dim, input.ndim)
        if input.ndim == 0:
            return chosen(kind, input, None, axis, keepdim)
        _check_not_empty(name, input, (axis,))
        return chosen(kind, input, _middle_index(lax.stop_gradient(input), axis, skip_nan), axis, keepdim)

    return pure


def _middle_index(x: Any, axis: int, skip_nan: bool) -> Any:
    """Where the lower of the middle elements is; or the first nan, unless those are skipped."""
    nan = x != x
    order = jnp.argsort(x, axis=axis)  # nan last
    n = x.shape[axis] - (jnp.sum(nan, axis=axis, keepdims=True) if skip_nan else 0)
    middle = jnp.maximum((n - 1) // 2, 0)
    index = jnp.take_along_axis(order, jnp.broadcast_to(middle, _one(x.shape, axis)), axis=axis)
    if skip_nan:
        return index
    return jnp.where(jnp.any(nan, axis=axis, keepdims=True), jnp.argmax(nan, axis=axis, keepdims=True), index)


def _one(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    return tuple(1 if i == axis else n for i, n in enumerate(shape))


row("torch Tensor", "median", _middle("median", return_types.median, skip_nan=False))
row("torch Tensor", "nanmedian", _middle("nanmedian", return_types.nanmedian, skip_nan=True))


@op()
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element, the smallest of several, and the last place it has. Source: torch.mode."""
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return chosen(return_types.mode, input, None, axis, keepdim)
    _check_not_empty("mode", input, (axis,))
    x = jnp.moveaxis(lax.stop_gradient(input), axis, -1)
    order = jnp.argsort(x, axis=-1, stable=True)
    ordered = jnp.take_along_axis(x, order, axis=-1)
    place = lax.broadcasted_iota(jnp.int64, x.shape, x.ndim - 1)
    starts = jnp.concatenate([jnp.ones_like(place[..., :1]), ordered[..., 1:] != ordered[..., :-1]], axis=-1)
    run = place - lax.cummax(jnp.where(starts != 0, place, 0), axis=x.ndim - 1)  # equal elements before this one
    end = jnp.argmax(run, axis=-1, keepdims=True)
    index = jnp.moveaxis(jnp.take_along_axis(order, end, axis=-1), -1, axis)
    return chosen(return_types.mode, input, index, axis, keepdim)
