"""Elementwise functions of one tensor, as tables; deviations from jax.numpy as functions with their reason."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch import return_types
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import abs_, elementwise, refuse, sign_, unsupported
from functorch_jax.torch._function import as_input
from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import cast, promote, to_float
from functorch_jax.torch._tensor import unwrap

# ---- functions that take integers to floats --------------------------------------------------------------------------


def _of_float(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def pure(input: Any) -> Any:
        return fn(to_float(input))

    return pure


FLOATING: dict[str, tuple[Callable[[Any], Any], str]] = {  # name: (function of floats, aliases)
    "exp": (jnp.exp, ""),
    "exp2": (jnp.exp2, ""),
    "expm1": (jnp.expm1, ""),
    "log": (jnp.log, ""),
    "log2": (jnp.log2, ""),
    "log10": (jnp.log10, ""),
    "log1p": (jnp.log1p, ""),
    "sqrt": (jnp.sqrt, ""),
    "rsqrt": (lax.rsqrt, ""),
    "sin": (jnp.sin, ""),
    "cos": (jnp.cos, ""),
    "tan": (jnp.tan, ""),
    "asin": (jnp.arcsin, "arcsin"),
    "acos": (jnp.arccos, "arccos"),
    "atan": (jnp.arctan, "arctan"),
    "sinh": (jnp.sinh, ""),
    "cosh": (jnp.cosh, ""),
    "tanh": (jnp.tanh, ""),
    "asinh": (jnp.arcsinh, "arcsinh"),
    "acosh": (jnp.arccosh, "arccosh"),
    "atanh": (jnp.arctanh, "arctanh"),
    "sigmoid": (jax.nn.sigmoid, ""),
    "sinc": (jnp.sinc, ""),
    "rad2deg": (jnp.rad2deg, ""),
    "deg2rad": (jnp.deg2rad, ""),
}

for _name, (_fn, _aliases) in FLOATING.items():
    row("torch Tensor", _name, _of_float(_fn), aliases=_aliases, inplace=True)


# ---- rounding --------------------------------------------------------------------------------------------------------


def _rounding(name: str, fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def pure(input: Any) -> Any:
        if category(input.dtype) == 3:
            raise NotImplementedError(f"{name} is not supported for complex inputs")
        refuse(f"{name}_vml_cpu", input, "b")
        return fn(input) if category(input.dtype) == 2 else input

    return pure


for _name, _fn, _aliases in (("floor", jnp.floor, ""), ("ceil", jnp.ceil, ""), ("trunc", jnp.trunc, "fix")):
    row("torch Tensor", _name, _rounding(_name, _fn), aliases=_aliases, inplace=True)


@op(inplace=True)
def round(input: Any, *, decimals: int = 0) -> Any:
    refuse("round_vml_cpu", input, "bc")
    if category(input.dtype) < 2:
        if decimals:
            raise unsupported("round_cpu", input.dtype)
        return input
    if decimals == 0:
        return jnp.round(input)
    scale = 10.0 ** max(decimals, -decimals)
    return jnp.round(input * scale) / scale if decimals > 0 else jnp.round(input / scale) * scale


@op(inplace=True)
def frac(input: Any) -> Any:
    refuse("frac_cpu", input, "bic")
    return input - jnp.trunc(input)


def _check_frexp(input: Any) -> None:
    if category(as_input(input, "frexp").array.dtype) != 2:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")


def _exponent(x: Any) -> Any:
    return jnp.where(jnp.isfinite(x), jnp.frexp(x)[1], 0).astype(jnp.int32)


@elementwise(lambda out, x: jnp.exp2(-_exponent(lax.stop_gradient(x)).astype(x.dtype)))
def _mantissa(x: Any) -> Any:
    return jnp.frexp(x)[0]


@op(check=_check_frexp)
def frexp(input: Any) -> Any:
    """Each number as a mantissa in [0.5, 1) times a power of 2, by mantissa and exponent. Source: torch.frexp."""
    return return_types.frexp(_mantissa(input), _exponent(lax.stop_gradient(input)))


# ---- sign and size ---------------------------------------------------------------------------------------------------


@op(inplace=True, aliases="absolute")
def abs(input: Any) -> Any:
    refuse("abs_cpu", input, "b")
    return abs_(input)


@op(inplace=True)
def sign(input: Any) -> Any:
    if category(input.dtype) == 3:
        raise NotImplementedError("torch.sign does not support complex numbers. Please use torch.sgn instead.")
    return input if input.dtype == jnp.bool_ else sign_(input)


@op(inplace=True)
def sgn(input: Any) -> Any:
    if category(input.dtype) < 3:
        return sign(input)
    size = jnp.abs(input)
    return jnp.where(size == 0, 0, input / jnp.where(size == 0, 1, size))


@op()
def signbit(input: Any) -> Any:
    return jnp.signbit(input) if category(input.dtype) == 2 else input < 0


# ---- complex numbers -------------------------------------------------------------------------------------------------


@op()
def angle(input: Any) -> Any:
    if category(input.dtype) == 3:
        return _angle(input)
    x = to_float(input)
    return lax.stop_gradient(jnp.where(jnp.isnan(x), x, jnp.where(x < 0, jnp.pi, 0)).astype(x.dtype))


def _angle(z: Any) -> Any:
    zero = z == 0
    z = jnp.where(zero, 1, z)
    return jnp.where(zero, 0, jnp.arctan2(z.imag, z.real))


# ---- bounds ----------------------------------------------------------------------------------------------------------


def _at_least(x: Any, low: Any) -> Any:
    # the slope at the bound belongs to x; jnp.clip shares it
    return jnp.where((x < low) | jnp.isnan(low), low, x)


def _at_most(x: Any, high: Any) -> Any:
    return jnp.where((x > high) | jnp.isnan(high), high, x)


def _check_bounds(input: Any, min: Any, max: Any) -> None:
    """Raise for bools, which PyTorch bounds by a single tensor alone."""
    given = [b for b in (min, max) if b is not None]
    if category(unwrap(input).dtype) or any(category(jnp.result_type(unwrap(b))) for b in given):
        return
    numbers = any(isinstance(b, bool) for b in given)
    if numbers or len(given) == 2:
        side = "clamp_max" if min is None else "clamp_min" if max is None else "clamp"
        raise unsupported(f"{side}_scalar_cpu" if numbers else "clamp_cpu", unwrap(input).dtype)


@op(scalars="min max", inplace=True, aliases="clip", check=_check_bounds)
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    for bound in (min, max):
        if isinstance(bound, str):
            raise TypeError("clamp() received an invalid combination of arguments: the bounds are numbers or tensors")
    if category(input.dtype) == 3:
        raise NotImplementedError("clamp is not supported for complex types")
    x, *bounds = promote(input, *(b for b in (min, max) if b is not None))
    bounds = [jnp.broadcast_to(b, jnp.broadcast_shapes(x.shape, b.shape)) for b in bounds]
    if min is not None:
        x = _at_least(x, bounds[0])
    return x if max is None else _at_most(x, bounds[-1])


@op(scalars="min", inplace=True, check=lambda input, min: _check_bounds(input, min, None))
def clamp_min(input: Any, min: Any) -> Any:
    return clamp(input, min, None)


@op(scalars="max", inplace=True, check=lambda input, max: _check_bounds(input, None, max))
def clamp_max(input: Any, max: Any) -> Any:
    return clamp(input, None, max)


@op(scalars="nan posinf neginf", inplace=True)
def nan_to_num(input: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if category(input.dtype) < 2:
        return input
    if category(input.dtype) == 3:
        return lax.complex(nan_to_num(input.real, nan, posinf, neginf), nan_to_num(input.imag, nan, posinf, neginf))
    limits = jnp.finfo(input.dtype)
    high = cast(limits.max if posinf is None else posinf, input.dtype)
    low = cast(limits.min if neginf is None else neginf, input.dtype)
    x = jnp.where(jnp.isnan(input), cast(0.0 if nan is None else nan, input.dtype), input)
    return jnp.where(x == jnp.inf, high, jnp.where(x == -jnp.inf, low, x))


# ---- special functions -----------------------------------------------------------------------------------------------


@elementwise(lambda out, x: _polygamma(1, x))
def _digamma(x: Any) -> Any:
    # a pole of its own sign at each zero
    return jnp.where(x == 0, -1 / x, jax.scipy.special.digamma(jnp.where(x == 0, 1, x)))


@elementwise(lambda out, x: _digamma(x))
def _lgamma(x: Any) -> Any:
    return lax.lgamma(x)


def _cotangent_slope(n: int) -> Any:
    """The polynomial whose value at cot(t) is the n-th derivative of cot at t."""
    polynomial = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        polynomial = -np.polynomial.Polynomial([1, 0, 1]) * polynomial.deriv()
    return polynomial


@functools.cache
def _polygamma_of(n: int) -> Callable[[Any], Any]:
    slope = _cotangent_slope(n).coef[::-1]

    @elementwise(lambda out, x: _polygamma(n + 1, x))
    def polygamma_n(x: Any) -> Any:
        # JAX's holds for positive numbers; the others are their reflections
        positive = jax.scipy.special.polygamma(n, jnp.where(x > 0, x, 1 - x))
        past = x - jnp.round(x)
        cotangent = 1 / jnp.tan(math.pi * jnp.where(past == 0, 0.25, past))
        reflected = (-1) ** n * positive - math.pi ** (n + 1) * jnp.polyval(jnp.asarray(slope, x.dtype), cotangent)
        return jnp.where(x > 0, positive, jnp.where(past == 0, jnp.inf if n % 2 else -jnp.inf, reflected))

    return polygamma_n


def _polygamma(n: int, x: Any) -> Any:
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _digamma(x) if n == 0 else _polygamma_of(n)(x)


@elementwise(lambda out, x: _i1(x))
def _i0(x: Any) -> Any:
    return jax.scipy.special.i0e(x) * jnp.exp(jnp.abs(x))


@elementwise(lambda out, x: _i0(x) - jnp.where(x == 0, 0.5, out / jnp.where(x == 0, 1, x)))
def _i1(x: Any) -> Any:
    return jax.scipy.special.i1e(x) * jnp.exp(jnp.abs(x))


@elementwise(lambda out, x: _i1e(x) - sign_(x) * out)
def _i0e(x: Any) -> Any:
    return jax.scipy.special.i0e(x)


@elementwise(lambda out, x: _i0e(x) - out * (sign_(x) + 1 / jnp.where(x == 0, 1, x)) - jnp.where(x == 0, 0.5, 0))
def _i1e(x: Any) -> Any:
    return jax.scipy.special.i1e(x)


def _erfcx(x: Any) -> Any:
    return jnp.exp(x * x) * jax.scipy.special.erfc(x)


SPECIAL: dict[str, tuple[Callable[[Any], Any], str]] = {  # torch.special's name: (function, names in torch and Tensor)
    "erf": (jax.scipy.special.erf, "erf"),
    "erfc": (jax.scipy.special.erfc, "erfc"),
    "erfinv": (jax.scipy.special.erfinv, "erfinv"),
    "gammaln": (_lgamma, "lgamma"),
    "digamma": (_digamma, "digamma"),
    "psi": (_digamma, ""),
    "i0": (_i0, "i0"),
    "i0e": (_i0e, ""),
    "i1": (_i1, ""),
    "i1e": (_i1e, ""),
    "ndtr": (jax.scipy.special.ndtr, ""),
    "ndtri": (jax.scipy.special.ndtri, ""),
    "log_ndtr": (jax.scipy.special.log_ndtr, ""),
    "entr": (jax.scipy.special.entr, ""),
    "expit": (jax.nn.sigmoid, ""),
    "exp2": (jnp.exp2, ""),
    "expm1": (jnp.expm1, ""),
    "log1p": (jnp.log1p, ""),
    "sinc": (jnp.sinc, ""),
}

for _name, (_fn, _names) in SPECIAL.items():
    row("special", _name, _of_float(_fn))
    for _other in _names.split():
        row("torch Tensor", _other, _of_float(_fn), inplace=True)

row("special", "round", round)


@op("torch Tensor special", scalars="eps", inplace=True)
def logit(input: Any, eps: Any = None) -> Any:
    x = to_float(input)
    if eps is not None:
        x = clamp(x, cast(eps, x.dtype), 1 - cast(eps, x.dtype))
    return jnp.log(x / (1 - x))


@op("torch special", name="polygamma")
def polygamma(n: int, input: Any) -> Any:
    return _polygamma(n, to_float(input))


@op("Tensor", name="polygamma", inplace=True)
def _polygamma_method(input: Any, n: int) -> Any:
    return polygamma(n, input)


_LOG_PI = 1.1447298858494002


@op(inplace=True)
def mvlgamma(input: Any, p: int) -> Any:
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, and is {p}")
    x = to_float(input)
    return sum((_lgamma(x - j / 2) for j in range(p)), jnp.full_like(x, p * (p - 1) / 4 * _LOG_PI))


row("special", "multigammaln", mvlgamma)
