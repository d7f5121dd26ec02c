"""What Python's operators do with tensors: a table of PyTorch's ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from functorch_jax.torch._op import NAMESPACES
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
    Tensor.__matmul__ = _product  # type: ignore[attr-defined]
    Tensor.__rmatmul__ = _reflected_product  # type: ignore[attr-defined]
    Tensor.__invert__ = _inverted  # type: ignore[attr-defined]


_install()
