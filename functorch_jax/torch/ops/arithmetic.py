"""Arithmetic between tensors and numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import c_name, elementwise, refuse, unsupported
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast, promote, result_dtype, to_float, type_name
from functorch_jax.torch._tensor import unwrap

# ---- sums and products -----------------------------------------------------------------------------------------------


def _scaled(x: Any, alpha: Any) -> Any:
    if isinstance(alpha, int) and alpha == 1:
        return x
    kind = category(jnp.result_type(alpha))
    if kind == 2 and category(x.dtype) < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if kind == 3 and category(x.dtype) < 3:
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    if kind == 0 and x.dtype != jnp.bool_:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    return x * cast(alpha, x.dtype)


@op(scalars="input other alpha", inplace=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    x, y = promote(input, other)
    return jnp.add(x, _scaled(y, alpha))


def _check_subtraction(x: Any, y: Any) -> None:
    kinds = category(jnp.result_type(x)), category(jnp.result_type(y))
    if kinds == (0, 0):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    if 0 in kinds:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


@op(scalars="input other alpha", inplace=True, aliases="subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    _check_subtraction(input, other)
    x, y = promote(input, other)
    return jnp.subtract(x, _scaled(y, alpha))


@op("torch", scalars="input other alpha")
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return sub(other, input, alpha=alpha)


@op(scalars="input other", inplace=True, aliases="multiply")
def mul(input: Any, other: Any) -> Any:
    return jnp.multiply(*promote(input, other))


@op(inplace=True, aliases="negative")
def neg(input: Any) -> Any:
    if input.dtype == jnp.bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return jnp.negative(input)


@op()
def positive(input: Any) -> Any:
    if input.dtype == jnp.bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# ---- division --------------------------------------------------------------------------------------------------------


def check_divisor(input: Any, other: Any, *options: Any) -> None:
    """Raise what PyTorch raises when an integer is divided by zero. Values that a program computes are not checked."""
    if options == (None,):
        return  # a true division
    x, y = unwrap(input), unwrap(other)
    if category(jnp.result_type(x)) == 1 and category(jnp.result_type(y)) < 2:
        y = jaxapi.peel_all(y)
        if not isinstance(y, jaxapi.Tracer) and not np.all(np.asarray(y)):
            raise RuntimeError("ZeroDivisionError")


def _floor_quotient(x: Any, y: Any) -> Any:
    if category(x.dtype) < 2:
        return jnp.floor_divide(x, y)
    # from the exact remainder, as Python: flooring the rounded quotient is off by one where that rounds up
    x, y = jnp.broadcast_arrays(x, y)
    rest = lax.rem(x, y)
    quotient = (x - rest) / y
    quotient = jnp.where((rest != 0) & ((y < 0) != (rest < 0)), quotient - 1, quotient)
    floored = jnp.floor(quotient)
    floored = jnp.where(quotient - floored > 0.5, floored + 1, floored)
    floored = jnp.where(quotient == 0, jnp.copysign(jnp.zeros_like(x), x / y), floored)
    return lax.stop_gradient(jnp.where(y == 0, x / y, floored))


def _truncated_quotient(x: Any, y: Any) -> Any:
    return lax.div(*jnp.broadcast_arrays(x, y)) if category(x.dtype) < 2 else jnp.trunc(x / y)


@op(scalars="input other", inplace=True, aliases="divide", check=check_divisor)
def div(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if rounding_mode is None:
        return jnp.divide(*promote(input, other, minimum=2))
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    x, y = promote(input, other)
    refuse(f"div_{rounding_mode}_cpu", x, "bc")
    return (_floor_quotient if rounding_mode == "floor" else _truncated_quotient)(x, y)


@op(scalars="input other", inplace=True)
def true_divide(input: Any, other: Any) -> Any:
    return div(input, other)


@op(scalars="input other", inplace=True, check=check_divisor)
def floor_divide(input: Any, other: Any) -> Any:
    return div(input, other, rounding_mode="floor")


@op(scalars="input other", inplace=True, check=check_divisor)
def remainder(input: Any, other: Any) -> Any:
    x, y = promote(input, other)
    refuse("remainder_cpu", x, "bc")
    return jnp.remainder(x, y)


@op(scalars="other", inplace=True, check=check_divisor)
def fmod(input: Any, other: Any) -> Any:
    x, y = promote(input, other)
    refuse("fmod_cpu", x, "bc")
    return lax.rem(*jnp.broadcast_arrays(x, y))


@op(inplace=True)
def reciprocal(input: Any) -> Any:
    return 1 / to_float(input)


# ---- powers ----------------------------------------------------------------------------------------------------------


def _power_slope(out: Any, x: Any, y: Any) -> Any:
    # 0 for exponent 0, also at x = 0
    return jnp.where(y == 0, 0, y * power(x, jnp.where(y == 0, 1, y) - 1))


def _exponent_slope(out: Any, x: Any, y: Any) -> Any:
    flat = (x == 0) & (y >= 0)
    return jnp.where(flat, 0, out * jnp.log(jnp.where(flat, 1, x)))


@elementwise(_power_slope, _exponent_slope)
def power(x: Any, y: Any) -> Any:
    """x**y for floating arrays of one shape and dtype."""
    return lax.pow(x, y)


def _integer_power(x: Any, y: Any) -> Any:
    of_negative = jnp.where(x == 1, 1, jnp.where(x == -1, jnp.where(y % 2 == 0, 1, -1), 0))
    return jnp.where(y < 0, of_negative, jnp.power(x, jnp.maximum(y, 0))).astype(x.dtype)


def _constant_power(x: Any, exponent: Any) -> Any:
    """x**exponent for a Python number: products where PyTorch multiplies."""
    if category(x.dtype) < 2:
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return lax.integer_pow(x, int(exponent))
    if exponent == 0:
        return jnp.ones_like(x)
    if exponent == 0.5:
        return jnp.sqrt(x)
    if not isinstance(exponent, complex) and abs(exponent) <= 4 and exponent == int(exponent):
        return lax.integer_pow(x, int(exponent))
    return _power_of(x, jnp.full_like(x, exponent))


def _power_of(x: Any, y: Any) -> Any:
    x, y = jnp.broadcast_arrays(x, y)
    if category(x.dtype) < 2:
        return _integer_power(x, y)
    return jnp.power(x, y) if category(x.dtype) == 3 else power(x, y)


@op(scalars="input", inplace=True)
def pow(input: Any, exponent: Any) -> Any:
    if isinstance(exponent, (bool, int, float, complex)):
        dtype = result_dtype(input, exponent)
        if dtype == jnp.bool_:
            raise unsupported("pow", dtype)
        return _constant_power(cast(input, dtype), exponent)
    x, y = promote(input, exponent)
    refuse("pow", x, "b")
    return _power_of(x, y)


def _check_base(input: Any, *_: Any) -> None:
    if input.array.dtype not in (np.float64, np.complex128):
        raise RuntimeError(
            f"the base given to float_power_ has dtype {type_name(input.array.dtype)} but the operation's result "
            "requires dtype Double"
        )


@op(scalars="input")
def float_power(input: Any, exponent: Any) -> Any:
    is_complex = category(result_dtype(input, exponent)) == 3
    dtype = np.dtype(np.complex128 if is_complex else np.float64)
    if isinstance(exponent, (bool, int, float, complex)):
        return _constant_power(cast(input, dtype), exponent)
    return _power_of(cast(input, dtype), cast(exponent, dtype))


@op("Tensor", check=_check_base)
def float_power_(input: Any, exponent: Any, *, inplace: bool = True) -> Any:
    return float_power(input, exponent)


@op(inplace=True)
def square(input: Any) -> Any:
    return pow(input, 2)


# ---- fused forms -----------------------------------------------------------------------------------------------------


@op(scalars="value", inplace=True)
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    x, a, b = promote(input, tensor1, tensor2)
    return x + cast(value, x.dtype) * a * b


@op(scalars="value", inplace=True)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    if category(tensor1.dtype) < 2 and category(tensor2.dtype) < 2:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported: use input + value * torch.trunc(tensor1 / tensor2) "
            "for integers, or true_divide for a true division"
        )
    x, a, b = promote(input, tensor1, tensor2)
    return x + cast(value, x.dtype) * a / b


@op(scalars="weight", inplace=True)
def lerp(input: Any, end: Any, weight: Any) -> Any:
    for name, x in (("end", end), ("weight", weight)):
        if x.dtype != input.dtype and not (name == "weight" and x.ndim == 0):
            raise RuntimeError(f"expected dtype {c_name(input.dtype)} for `{name}` but got dtype {c_name(x.dtype)}")
    refuse("lerp_kernel_scalar", input, "bi")
    x, y, w = promote(input, end, cast(weight, input.dtype))
    # from the nearer end, so that weights 0 and 1 give the ends exactly
    return jnp.where(jnp.abs(w) < 0.5, x + w * (y - x), y - (y - x) * (1 - w))
