"""Elementwise functions of two tensors (arithmetic and comparisons have files of their own), and `where`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import elementwise, need_tensors, refuse
from functorch_jax.torch._op import NAMESPACES, Op, function, op, row
from functorch_jax.torch._promote import broadcast, cast, promote, type_name
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.arithmetic import pow


def _pair(name: str, fn: Callable[[Any, Any], Any], refused: str, minimum: int = 0) -> Callable[[Any, Any], Any]:
    """The op of two arguments that computes `fn` on arrays of one shape and dtype."""

    def pure(input: Any, other: Any) -> Any:
        need_tensors(name, input=input, other=other)
        x, y = promote(input, other, minimum=minimum)
        refuse(f"{name}_cpu", x, refused)
        return fn(*jnp.broadcast_arrays(x, y))

    return pure


# ---- the greater and the smaller -------------------------------------------------------------------------------------


def _share(mine: Any, other: Any, loses: Callable[[Any, Any], Any]) -> Any:
    """The slope of maximum and minimum: half at a tie, and 1 beside a nan on either side."""
    return jnp.where(mine == other, 0.5, jnp.where(loses(mine, other), 0, 1)).astype(mine.dtype)


_maximum = elementwise(
    lambda out, x, y: _share(x, y, jnp.less),
    lambda out, x, y: _share(y, x, jnp.less),
)(jnp.maximum)
_minimum = elementwise(
    lambda out, x, y: _share(x, y, jnp.greater),
    lambda out, x, y: _share(y, x, jnp.greater),
)(jnp.minimum)


def _extremum(name: str, fn: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def pure(input: Any, other: Any) -> Any:
        need_tensors(name, input=input, other=other)
        x, y = promote(input, other)
        if category(x.dtype) == 3:
            raise RuntimeError(f"{name} not implemented for complex tensors.")
        return fn(*jnp.broadcast_arrays(x, y))

    return pure


maximum = _extremum("maximum", _maximum)
minimum = _extremum("minimum", _minimum)
row("torch Tensor", "maximum", maximum)
row("torch Tensor", "minimum", minimum)
# a tie goes to the first argument whole
row("torch Tensor", "fmax", _extremum("fmax", lambda a, b: jnp.where((a >= b) | (b != b), a, b)))
row("torch Tensor", "fmin", _extremum("fmin", lambda a, b: jnp.where((a <= b) | (b != b), a, b)))

# ---- functions with slopes of PyTorch's ------------------------------------------------------------------------------


def _over(x: Any, square: Any) -> Any:
    return jnp.where(square == 0, 0, x / jnp.where(square == 0, 1, square))


@elementwise(
    lambda out, y, x: _over(x, x * x + y * y),
    lambda out, y, x: _over(-y, x * x + y * y),
)
def _atan2(y: Any, x: Any) -> Any:
    return jnp.arctan2(y, x)


@elementwise(lambda out, x, y: x / out, lambda out, x, y: y / out)
def _hypot(x: Any, y: Any) -> Any:
    return jnp.hypot(x, y)


@elementwise(
    lambda out, x, y: jnp.where((x == 0) & (y <= 0), 0, jnp.log(jnp.where((x == 0) & (y <= 0), 1, y))),
    lambda out, x, y: x / y,
)
def _xlogy(x: Any, y: Any) -> Any:
    return jnp.where(jnp.isnan(y), y, jnp.where(x == 0, 0, x * jnp.log(y)))


@elementwise(
    lambda out, x, y: jnp.where((x == 0) & (y <= -1), 0, jnp.log1p(jnp.where((x == 0) & (y <= -1), 0, y))),
    lambda out, x, y: x / (1 + y),
)
def _xlog1py(x: Any, y: Any) -> Any:
    return jnp.where(jnp.isnan(y), y, jnp.where(x == 0, 0, x * jnp.log1p(y)))


def _zeta(x: Any, q: Any) -> Any:
    # a pole at each whole q that is not positive, where JAX has nan, and nothing for x below 1
    pole = (x > 1) & (q <= 0) & (q == jnp.floor(q))
    return jnp.where(x < 1, jnp.nan, jnp.where(pole, jnp.inf, jax.scipy.special.zeta(x, jnp.where(pole, 1, q))))


@elementwise(lambda out, x, y: jnp.where(x == 0, 0, out / jnp.where(x == 0, 1, x)), None)
def _copysign(x: Any, y: Any) -> Any:
    return jnp.copysign(x, y)


@elementwise(lambda out, x, y: (x != y).astype(x.dtype), None)
def _nextafter(x: Any, y: Any) -> Any:
    return jnp.nextafter(x, y)


def logaddexp(x: Any, y: Any) -> Any:
    """The logarithm of exp(x) + exp(y), for arrays of one shape and dtype."""
    if category(x.dtype) < 3:
        return jnp.logaddexp(x, y)
    # JAX's imaginary part is the principal one, PyTorch's goes on from that of the larger
    larger, smaller = jnp.where(x.real < y.real, y, x), jnp.where(x.real < y.real, x, y)
    infinite = ~jnp.isfinite(larger.real) & (larger.real == smaller.real)
    value = larger + jnp.log1p(jnp.exp(jnp.where(infinite, 0, smaller - larger)))
    return jnp.where(infinite, larger, value)


PAIRS: dict[str, tuple[str, Callable[[Any, Any], Any], str, int, dict[str, Any]]] = {
    # name: (namespaces, function, dtypes that PyTorch refuses, lowest category it computes in, options of `op`)
    "atan2": ("torch Tensor", _atan2, "c", 2, {"aliases": "arctan2", "inplace": True}),
    "hypot": ("torch Tensor", _hypot, "bic", 0, {"inplace": True}),
    "xlogy": ("torch Tensor special", _xlogy, "c", 2, {"scalars": "input other", "inplace": True}),
    "xlog1py": ("special", _xlog1py, "c", 2, {"scalars": "input other"}),
    "zeta": ("special", _zeta, "c", 2, {"scalars": "input other"}),
    "copysign": ("torch Tensor", _copysign, "c", 2, {"scalars": "other", "inplace": True}),
    "logaddexp": ("torch Tensor", logaddexp, "bi", 0, {}),
    "logaddexp2": ("torch Tensor", jnp.logaddexp2, "bi", 0, {}),
    "nextafter": ("torch Tensor", _nextafter, "bic", 0, {"inplace": True}),
    "gcd": ("torch Tensor", jnp.gcd, "bfc", 0, {"inplace": True}),
    "lcm": ("torch Tensor", jnp.lcm, "bfc", 0, {"inplace": True}),
}

for _name, (_places, _function, _refused, _lowest, _options) in PAIRS.items():
    row(_places, _name, _pair(_name, _function, _refused, _lowest), **_options)


@op(inplace=True)
def ldexp(input: Any, other: Any) -> Any:
    x, y = promote(input, pow(2.0, other))
    return x * y


@op(inplace=True)
def heaviside(input: Any, values: Any) -> Any:
    if input.dtype != values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    broadcast(input, values)
    one, zero = jnp.ones((), input.dtype), jnp.zeros((), input.dtype)
    return jnp.where(input == 0, lax.stop_gradient(values), jnp.where(input > 0, one, zero))


# ---- where -----------------------------------------------------------------------------------------------------------


def _where(condition: Any, input: Any, other: Any) -> Any:
    if condition.dtype not in (jnp.bool_, jnp.uint8):
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {type_name(condition.dtype)}"
        )
    broadcast(condition, input, other)
    x, y = promote(input, other)
    return jnp.where(cast(condition, jnp.bool_), x, y)


_select = Op(_where, "where", "input other")


@function("torch")
def where(condition: Tensor, *args: Any, **kwargs: Any) -> Any:
    """`input` where `condition` holds and `other` elsewhere; with `condition` alone, the indices where it holds.

    Source: torch.where.
    """
    if not args and not kwargs:
        return NAMESPACES["torch"]["nonzero"](condition, as_tuple=True)
    return _select(condition, *args, **kwargs)


@function("Tensor", name="where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Any:
    return _select(condition, self, other)
