"""Reductions and normalisations of the elements that a mask keeps: `torch.masked`.

An element that the mask (True where it counts) leaves out is replaced by one that changes nothing: 0 in a sum, the
lowest number in a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._dtype import category, torch_dtype
from functorch_jax.torch._elementwise import refuse, unsupported
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import cast, to_float, type_name, wrap_dim, wrap_dims
from functorch_jax.torch._sums import count, total
from functorch_jax.torch.ops.extrema import _middle_index, amax, amin, at
from functorch_jax.torch.ops.functional_activations import log_softmax, softmax
from functorch_jax.torch.ops.reductions import logsumexp, vector_norm

# ---- masks -----------------------------------------------------------------------------------------------------------


def _aligned(x: Any, mask: Any) -> Any:
    """The mask as bools of the shape of `x`. Raises IndexError and RuntimeError in PyTorch's words."""
    if mask.ndim > x.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    first = x.ndim - mask.ndim
    for i, n in enumerate(mask.shape):
        if n not in (1, x.shape[first + i]):
            raise RuntimeError(
                f"The expanded size of the tensor ({x.shape[first + i]}) must match the existing size ({n}) at "
                f"non-singleton dimension {first + i}.  Target sizes: {list(x.shape)}.  Tensor sizes: "
                f"{list(mask.shape)}"
            )
    return jnp.broadcast_to(mask != 0, x.shape)


def _kept(x: Any, mask: Any, neutral: Any) -> Any:
    """`x`, with `neutral` in place of what the mask leaves out."""
    return x if mask is None else jnp.where(_aligned(x, mask), x, jnp.asarray(neutral, x.dtype))


def _end(name: str, x: Any, sign: int) -> Any:
    """The lowest (`sign` -1) or highest number of the dtype of `x`."""
    kind = category(x.dtype)
    if kind == 0:
        raise NotImplementedError(f"identity of {name} on torch.bool input")
    if kind == 3:
        raise TypeError(f"masked.{name}: complex numbers have no order, got {type_name(x.dtype)}")
    if kind == 2:
        return sign * math.inf
    return np.iinfo(x.dtype).max if sign > 0 else np.iinfo(x.dtype).min


def _below(name: str, x: Any, mask: Any) -> Any:
    return x if mask is None else _kept(x, mask, _end(name, x, -1))


def _above(name: str, x: Any, mask: Any) -> Any:
    return x if mask is None else _kept(x, mask, _end(name, x, 1))


def _number(x: Any, mask: Any, axes: Any) -> Any:
    """How many elements count, with the axes kept."""
    if mask is None:
        shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
        return jnp.full(shape, count(x, axes), x.real.dtype)
    return total(cast(_aligned(x, mask), x.real.dtype), axes, True)


def _sums(x: Any, dtype: Any) -> Any:
    """`x` in the dtype that it is added up in."""
    x = x if dtype is None else cast(x, dtype)
    return cast(x, np.int64) if category(x.dtype) < 2 and dtype in (None, np.bool_) else x


def _to(x: Any, dtype: Any) -> Any:
    return x if dtype is None else cast(x, dtype)


# ---- reductions ------------------------------------------------------------------------------------------------------


@op("masked", name="sum")
def _sum(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The sum of what the mask keeps. Source: torch.masked.sum."""
    x = _sums(input, dtype)
    return total(_kept(x, mask, 0), wrap_dims(dim, x.ndim), keepdim)


@op("masked")
def prod(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The product of what the mask keeps. Source: torch.masked.prod."""
    x = _sums(_to(input, dtype), None)
    return jnp.prod(_kept(x, mask, 1), axis=wrap_dims(dim, x.ndim), keepdims=keepdim)


def _bound(name: str, reduce: Callable[..., Any], fill: Callable[..., Any]) -> None:
    def bound(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
        return _to(reduce(fill(name, input, mask), dim, keepdim), dtype)

    row("masked", name, bound)


_bound("amax", amax, _below)
_bound("amin", amin, _above)


def _position(name: str, fn: Callable[..., Any], fill: Callable[..., Any]) -> None:
    def position(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
        if dim is not None and type(dim) is not int:
            raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
        x = fill(name, input, mask)
        if category(x.dtype) in (0, 3):
            raise RuntimeError(f"{name}(): does not support {'bool' if x.dtype == bool else 'complex'} input")
        axis = None if dim is None else wrap_dim(dim, x.ndim)
        if x.ndim and 0 in (x.shape if axis is None else x.shape[axis : axis + 1]):
            raise IndexError(f"{name}(): Expected reduction dim {axis or 0} to have non-zero size.")
        # PyTorch gives positions in the dtype of the input
        return cast(fn(x, axis=axis if x.ndim else None, keepdims=keepdim), input.dtype if dtype is None else dtype)

    row("masked", name, position)


_position("argmax", jnp.argmax, _below)
_position("argmin", jnp.argmin, _above)


@op("masked")
def mean(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The mean of what the mask keeps, nan of nothing. Source: torch.masked.mean."""
    which, kind = ("Input", input.dtype) if dtype is None else ("Optional", dtype)
    if category(kind) < 2:
        raise ValueError(
            f"mean(): Could not infer output dtype. {which} dtype must be either a floating point or complex dtype. "
            f"Got: {torch_dtype(kind)}"
        )
    x = _to(input, dtype)
    axes = wrap_dims(dim, x.ndim)
    out = total(_kept(x, mask, 0), axes, True) / _number(x, mask, axes)
    return out if keepdim else jnp.squeeze(out, axes)


def _variance(input: Any, dim: Any, unbiased: Any, correction: Any, keepdim: bool, dtype: Any, mask: Any) -> Any:
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if input.dtype == np.bool_:
        raise RuntimeError("masked.var and masked.std do not take a bool tensor")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    x = to_float(input)
    axes = wrap_dims(dim, x.ndim)
    number = _number(x, mask, axes)
    off = _kept(x - total(_kept(x, mask, 0), axes, True) / number, mask, 0)
    spread = total(off * jnp.conj(off), axes, True) / jnp.maximum(number - correction, 0)
    return _to(spread if keepdim else jnp.squeeze(spread, axes), dtype)


@op("masked")
def var(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """The variance of what the mask keeps, of a sample unless `correction=0`. Source: torch.masked.var."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask)


@op("masked")
def std(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """The root of `var`. Source: torch.masked.std."""
    return jnp.sqrt(to_float(_variance(input, dim, unbiased, correction, keepdim, dtype, mask)))


@op("masked")
def norm(
    input: Any, ord: Any = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The norm of vectors of what the mask keeps. Source: torch.masked.norm."""
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    x = _to(input, dtype)
    if category(x.dtype) < 2:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {type_name(x.dtype)}"
        )
    # for every negative order an infinite entry is one that does not count
    return vector_norm(_kept(x, mask, 0 if ord >= 0 else math.inf), ord, wrap_dims(dim, x.ndim), keepdim)


row(
    "masked",
    "logsumexp",
    lambda input, dim=None, *, keepdim=False, dtype=None, mask=None: cast(
        logsumexp(_kept(input, mask, -math.inf) if category(input.dtype) == 3 else _below("logsumexp", input, mask),
                  wrap_dims(dim, input.ndim), keepdim),
        input.dtype if dtype is None else dtype,
    ),
)  # fmt: skip


def _check_rows(input: Any, dim: Any, keepdim: bool, dtype: Any, mask: Any) -> None:
    if mask is None or category(input.array.dtype) >= 2:
        return
    value = known_value(mask)
    if value is not None and input.ndim and not np.asarray(_aligned(input.array, value)).any(_first(dim, input)).all():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")


def _first(dim: Any, x: Any) -> int:
    """The axis of a median: the first of those given."""
    return (*wrap_dims(dim, x.ndim), 0)[0]


@op("masked", check=_check_rows)
def median(input: Any, dim: Any = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The lower of the middle elements that the mask keeps, nan of none. Source: torch.masked.median."""
    if category(input.dtype) == 3:
        raise unsupported("median_cpu", input.dtype)
    axis = _first(dim, input)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"median(): Expected reduction dim {axis} to have non-zero size.")
    x = _kept(to_float(input), mask, math.nan)
    if x.ndim:
        x = at(x, _middle_index(lax.stop_gradient(x), axis, True), axis, keepdim)
    return cast(x, input.dtype)


# ---- results of the shape of the input -------------------------------------------------------------------------------


def _running(name: str, fn: Callable[..., Any], neutral: int) -> None:
    def running(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
        x = _to(input, dtype)
        refuse(f"{name}_out_cpu", x, "b")
        axis = wrap_dim(dim, x.ndim)
        x = _kept(x, mask, neutral)
        return fn(x, axis=axis) if x.ndim else x

    row("masked", name, running)


_running("cumsum", lax.cumsum, 0)
_running("cumprod", jnp.cumprod, 1)


@op("masked", name="softmax")
def _softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """`softmax` of what the mask keeps, 0 elsewhere. Source: torch.masked.softmax."""
    x = _to(input, dtype)
    return softmax(_below("amax", x, mask), dim)


@op("masked", name="log_softmax")
def _log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    x = _to(input, dtype)
    return log_softmax(_below("amax", x, mask), dim)


@op("masked")
def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    x = _to(input, dtype)
    return softmax(-_above("amin", x, mask), dim)


@op("masked")
def normalize(input: Any, ord: Any, dim: Any, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None) -> Any:
    """What the mask keeps, divided by its norm; 0 elsewhere. Source: torch.masked.normalize."""
    x = _to(input, dtype)
    size = norm(x, ord, dim, keepdim=True, mask=mask)
    return _kept(x, mask, 0) / jnp.maximum(size, jnp.asarray(eps, size.dtype))


@op("masked")
def logaddexp(input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    """The logarithm of the sum of exponentials, of which masks leave some out. Source: torch.masked.logaddexp."""
    x, y = _below("logaddexp", input, input_mask), _below("logaddexp", other, other_mask)
    refuse("logaddexp_cpu", x, "bi")
    return cast(jnp.logaddexp(x, y), input.dtype if dtype is None else dtype)
