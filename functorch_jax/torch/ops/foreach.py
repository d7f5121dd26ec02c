"""The `torch._foreach_*` family: one op over a list of tensors. XLA fuses them where the caller is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from functorch_jax.torch._op import NAMESPACES, function
from functorch_jax.torch._tensor import Tensor

UNARY = """
    abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round
    rsqrt sigmoid sign sin sinh sqrt tan tanh trunc
"""
BINARY = "add sub mul div pow maximum minimum clamp_min clamp_max"
ORDERED = {"maximum": "clamp_min", "minimum": "clamp_max"}  # what takes numbers where the op takes tensors only


def _list(name: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, Iterable):
        raise TypeError(
            f"_foreach_{name}() received an invalid combination of arguments: a list of Tensors was expected, not "
            f"{type(tensors).__name__}"
        )
    found = list(tensors)
    if not found:
        raise RuntimeError("Tensor list must have at least one tensor.")
    return found


def _spread(name: str, tensors: list[Tensor], other: Any) -> list[Any]:
    """`other` for each tensor: one of a list, or the same number or tensor again."""
    if isinstance(other, Tensor) or not isinstance(other, (list, tuple)):
        return [other] * len(tensors)
    if len(other) != len(tensors):
        if any(isinstance(each, Tensor) for each in other):
            raise RuntimeError(
                f"Tensor lists must have the same number of tensors, got {len(tensors)} and {len(other)}"
            )
        raise RuntimeError("Tensor list must have same number of elements as scalar list.")
    return list(other)


def _register(name: str, compute: Callable[..., Any]) -> None:
    """`_foreach_name`, a tuple of results, and `_foreach_name_`, which writes each before the next is computed."""

    def call(self: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return tuple(compute(self, *args, **kwargs))

    def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        for tensor, value in zip(_list(name, self), compute(self, *args, **kwargs), strict=True):
            tensor.copy_(value)
        return self

    call.__doc__ = f"`{name}` of each tensor of a list. Source: torch._foreach_{name}."
    write.__doc__ = f"`{name}` of each tensor of a list, written into it. Source: torch._foreach_{name}_."
    for suffix, each in (("", call), ("_", write)):
        each.__name__ = each.__qualname__ = f"_foreach_{name}{suffix}"
        function("torch")(each)


def _unary(name: str) -> None:
    _register(name, lambda self: (NAMESPACES["torch"][name](x) for x in _list(name, self)))


def _binary(name: str) -> None:
    def compute(self: Any, other: Any, **kwargs: Any) -> Iterable[Any]:
        op, with_number = NAMESPACES["torch"][name], NAMESPACES["torch"][ORDERED.get(name, name)]
        if name == "pow" and not isinstance(self, (list, tuple)):  # a number to the power of each tensor
            return (op(self, y) for y in _list(name, other))
        tensors = _list(name, self)
        others = _spread(name, tensors, other)
        return (
            (op if isinstance(y, Tensor) else with_number)(x, y, **kwargs) for x, y in zip(tensors, others, strict=True)
        )

    _register(name, compute)


def _ternary(name: str) -> None:
    def compute(self: Any, tensor1: Any, tensor2: Any, value: Any = 1, scalars: Any = None) -> Iterable[Any]:
        tensors = _list(name, self)
        value = value if scalars is None else scalars
        values = value.tolist() if isinstance(value, Tensor) and value.ndim else value
        rest = [_spread(name, tensors, each) for each in (tensor1, tensor2, values)]
        op = NAMESPACES["torch"][name]
        return (op(x, a, b, value=v) for x, a, b, v in zip(tensors, *rest, strict=True))

    _register(name, compute)


def _lerp(self: Any, tensors1: Any, weights: Any) -> Iterable[Any]:
    tensors = _list("lerp", self)
    rest = [_spread("lerp", tensors, each) for each in (tensors1, weights)]
    return (NAMESPACES["torch"]["lerp"](x, y, w) for x, y, w in zip(tensors, *rest, strict=True))


for _name in UNARY.split():
    _unary(_name)
for _name in BINARY.split():
    _binary(_name)
for _name in ("addcmul", "addcdiv"):
    _ternary(_name)
_register("lerp", _lerp)


@function("torch")
def _foreach_norm(self: Any, ord: Any = 2, dtype: Any = None) -> tuple[Any, ...]:
    """The norm of each tensor of a list, as a vector. Source: torch._foreach_norm."""
    return tuple(NAMESPACES["linalg"]["vector_norm"](x, ord, dtype=dtype) for x in _list("norm", self))


@function("torch")
def _foreach_max(self: Any) -> tuple[Any, ...]:
    return tuple(NAMESPACES["torch"]["amax"](x) for x in _list("max", self))


@function("torch")
def _foreach_mm(self: Any, mat2: Any) -> tuple[Any, ...]:
    tensors = _list("mm", self)
    return tuple(NAMESPACES["torch"]["mm"](x, y) for x, y in zip(tensors, _spread("mm", tensors, mat2), strict=True))


@function("torch")
def _foreach_clone(self: Any) -> tuple[Any, ...]:
    return tuple(x.clone() for x in _list("clone", self))


@function("torch")
def _foreach_zero_(self: Any) -> Any:
    for x in _list("zero", self):
        x.zero_()
    return self


@function("torch")
def _foreach_copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    tensors = _list("copy", self)
    for x, y in zip(tensors, _spread("copy", tensors, src), strict=True):
        x.copy_(y)
    return self
