"""What Python's operators do with tensors, and in-place methods that are functions too: tables of PyTorch's ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from functorch_jax.torch import ops  # noqa: F401  (operators stand for ops)
from functorch_jax.torch._op import NAMESPACES, function
from functorch_jax.torch._tensor import Tensor

_METHODS = NAMESPACES["Tensor"]
_NUMBERS = (bool, int, float, complex)
_ARRAYS = (Tensor, jax.Array, np.ndarray)


def _operand(x: Any) -> Any:
    """`x` as an op takes it; NotImplemented for what has no place in arithmetic."""
    if isinstance(x, _ARRAYS) or type(x) in _NUMBERS:
        return x
    if isinstance(x, np.generic):
        return x.item()
    return x if isinstance(x, _NUMBERS) else NotImplemented


BINARY = {  # operator: op
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
    "matmul": "matmul",
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
UNARY = {"neg": "neg", "pos": "positive", "abs": "abs", "invert": "bitwise_not"}


IN_PLACE_FUNCTIONS = """
    abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_ atanh_ ceil_ clamp_
    clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ erf_ erfc_ exp2_ exp_ expm1_ fix_ floor_ frac_ gcd_ i0_ lcm_ ldexp_
    log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ round_ rsqrt_ sigmoid_ sin_ sinc_
    sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_
"""  # torch.exp_(x) is x.exp_()


def _straight(op: Callable[..., Any]) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else op(self, other)

    return method


def _reflected(op: Callable[..., Any]) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else op(other, self)

    return method


def _unary(op: Callable[..., Any]) -> Callable[[Tensor], Any]:
    return lambda self: op(self)


def _product(self: Tensor, other: Any) -> Any:
    return _METHODS["matmul"](self, other) if isinstance(other, _ARRAYS) else NotImplemented


def _reflected_product(self: Tensor, other: Any) -> Any:
    return _METHODS["matmul"](other, self) if isinstance(other, _ARRAYS) else NotImplemented


def _inverted(self: Tensor) -> Any:
    if self.dtype.is_floating_point or self.dtype.is_complex:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return _METHODS["bitwise_not"](self)


def _install() -> None:
    for name, op in BINARY.items():
        setattr(Tensor, f"__{name}__", _straight(_METHODS[op]))
        setattr(Tensor, f"__r{name}__", _reflected(_METHODS[op]))
        if f"{op}_" in _METHODS:
            setattr(Tensor, f"__i{name}__", _straight(_METHODS[f"{op}_"]))
    for name in COMPARISONS:
        setattr(Tensor, f"__{name}__", _straight(_METHODS[name]))
    for name, op in UNARY.items():
        setattr(Tensor, f"__{name}__", _unary(_METHODS[op]))
    for name in IN_PLACE_FUNCTIONS.split():
        function("torch", name=name)(_METHODS[name])
    Tensor.__matmul__ = _product  # type: ignore[attr-defined]
    Tensor.__rmatmul__ = _reflected_product  # type: ignore[attr-defined]
    Tensor.__invert__ = _inverted  # type: ignore[attr-defined]


_install()
