"""Comparisons, tests of values, logic and bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import need_tensors, refuse
from functorch_jax.torch._op import NAMESPACES, function, op, row
from functorch_jax.torch._promote import broadcast, promote, type_name, wrap_dims
from functorch_jax.torch._tensor import Tensor, concrete

# ---- comparisons -----------------------------------------------------------------------------------------------------


def _comparison(name: str, fn: Callable[[Any, Any], Any], ordered: bool) -> Callable[[Any, Any], Any]:
    def pure(input: Any, other: Any) -> Any:
        if isinstance(other, str) or other is None:
            raise TypeError(f"{name}() received an invalid combination of arguments: `other` is a Tensor or a number")
        need_tensors(name, input=input)
        x, y = promote(input, other)
        if ordered:
            refuse(f"{name}_cpu", x, "c")
        return fn(x, y)

    return pure


for _name, _fn, _alias in (
    ("eq", jnp.equal, ""),
    ("ne", jnp.not_equal, "not_equal"),
    ("lt", jnp.less, "less"),
    ("le", jnp.less_equal, "less_equal"),
    ("gt", jnp.greater, "greater"),
    ("ge", jnp.greater_equal, "greater_equal"),
):
    row(
        "torch Tensor",
        _name,
        _comparison(_name, _fn, _name not in ("eq", "ne")),
        aliases=_alias,
        scalars="other",
        inplace=True,
    )


# ---- tests of values -------------------------------------------------------------------------------------------------


@op()
def isnan(input: Any) -> Any:
    return input != input


@op()
def isinf(input: Any) -> Any:
    return jnp.isinf(input)


@op()
def isfinite(input: Any) -> Any:
    return jnp.isfinite(input)


def _infinite(name: str, limit: float) -> Callable[[Any], Any]:
    def pure(input: Any) -> Any:
        if category(input.dtype) == 3:
            raise RuntimeError(f"{name} does not support complex inputs.")
        return input == limit if category(input.dtype) == 2 else jnp.zeros(input.shape, jnp.bool_)

    return pure


row("torch Tensor", "isposinf", _infinite("isposinf", float("inf")))
row("torch Tensor", "isneginf", _infinite("isneginf", float("-inf")))


@op()
def isreal(input: Any) -> Any:
    return input.imag == 0 if category(input.dtype) == 3 else jnp.ones(input.shape, jnp.bool_)


@op()
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    if input.dtype != other.dtype:
        raise RuntimeError(f"{type_name(input.dtype)} did not match {type_name(other.dtype)}")
    if rtol < 0 or atol < 0:
        name, value = ("rtol", rtol) if rtol < 0 else ("atol", atol)
        raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    x, y = promote(input, other)
    if category(x.dtype) < 2:
        x, y = x.astype(jnp.float64), y.astype(jnp.float64)
    close = (x == y) | (jnp.isfinite(y) & (jnp.abs(x - y) <= atol + jnp.abs(rtol * y)))
    return close | (isnan(x) & isnan(y)) if equal_nan else close


_close = NAMESPACES["torch"]["isclose"]


@function()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close to each other, as a Python bool. Source: torch.allclose."""
    return bool(concrete(_close(input, other, rtol, atol, equal_nan).all(), "allclose()"))


@function()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape and equal elements, as a Python bool. Source: torch.equal."""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
    if input.shape != other.shape:
        return False
    return bool(concrete((input == other).all(), "equal()"))


# ---- logic -----------------------------------------------------------------------------------------------------------


def _logical(name: str, fn: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def pure(input: Any, other: Any) -> Any:
        need_tensors(name, input=input, other=other)
        broadcast(input, other)
        return fn(input != 0, other != 0)

    return pure


for _name, _fn in (("logical_and", jnp.logical_and), ("logical_or", jnp.logical_or), ("logical_xor", jnp.logical_xor)):
    row("torch Tensor", _name, _logical(_name, _fn), inplace=True)


@op(inplace=True)
def logical_not(input: Any) -> Any:
    return input == 0


# ---- bits ------------------------------------------------------------------------------------------------------------


def _bitwise(kernel: str, fn: Callable[[Any, Any], Any], refused: str) -> Callable[[Any, Any], Any]:
    def pure(input: Any, other: Any) -> Any:
        x, y = promote(input, other)
        refuse(kernel, x, refused)
        return fn(x, y)

    return pure


def _width(x: Any) -> int:
    return x.dtype.itemsize * 8


def _left(x: Any, y: Any) -> Any:
    fits = (y >= 0) & (y < _width(x))
    return jnp.where(fits, lax.shift_left(*jnp.broadcast_arrays(x, jnp.where(fits, y, 0))), 0)


def _right(x: Any, y: Any) -> Any:
    # a shift by too much, or by a negative count, leaves the sign alone
    fits = (y >= 0) & (y < _width(x))
    return jnp.right_shift(x, jnp.where(fits, y, _width(x) - 1))


for _name, _kernel, _fn, _refused in (
    ("bitwise_and", "bitwise_and_cpu", jnp.bitwise_and, "fc"),
    ("bitwise_or", "bitwise_or_cpu", jnp.bitwise_or, "fc"),
    ("bitwise_xor", "bitwise_xor_cpu", jnp.bitwise_xor, "fc"),
    ("bitwise_left_shift", "lshift_cpu", _left, "bfc"),
    ("bitwise_right_shift", "rshift_cpu", _right, "bfc"),
):
    row("torch Tensor", _name, _bitwise(_kernel, _fn, _refused), scalars="input other", inplace=True)


@op(inplace=True)
def bitwise_not(input: Any) -> Any:
    refuse("bitwise_not_cpu", input, "fc")
    return jnp.invert(input)


# ---- any and all -----------------------------------------------------------------------------------------------------


def _quantifier(fn: Callable[..., Any]) -> Callable[..., Any]:
    def pure(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        # no dimension at all leaves each element to itself, unlike in sum()
        axes = () if dim == () else wrap_dims(dim, input.ndim)
        result = fn(input != 0, axis=axes, keepdims=keepdim)
        return result.astype(input.dtype) if input.dtype == jnp.uint8 else result

    return pure


row("torch Tensor", "any", _quantifier(jnp.any))
row("torch Tensor", "all", _quantifier(jnp.all))
