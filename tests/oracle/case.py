"""The row format of recorded truth, and what rows are written with.

    from tests.oracle.case import case, error, floats

    CASES = [
        case("amax over every axis", lambda t, x: t.amax(x, dim=()), floats(3, 4)),
        case("clamp at its bounds", lambda t, x: t.clamp(x, 0, 1), [-1., 0., .5, 1., 2.], grad=True),
        error("sizes do not match", lambda t, x, y: x + y, floats(3), floats(4), fragment="must match the size"),
    ]

A program takes `t`, which is PyTorch or `functorch_jax.torch`, and its inputs as tensors; it may return any tree of
tensors and Python values. An input is a spec (`floats(3, 4)`, `values(3.0)`), a list of numbers, a NumPy array, a
tuple, list or dict of those, or any other Python value, which is passed on as it is. The generator is seeded before
each run.
"""

from __future__ import annotations

import importlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = [
    "Leaf",
    "Row",
    "bools",
    "case",
    "complexes",
    "error",
    "floats",
    "functorch",
    "ints",
    "right",
    "values",
]

Program = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """One behaviour: a program, its inputs, and how to judge what it does."""

    name: str
    program: Program
    inputs: tuple[Any, ...]
    kind: str  # "case", "error" or "right"
    grad: bool | str = False
    fragment: str | None = None
    raises: str | None = None
    expected: Any = None
    why: str | None = None
    rtol: float | None = None
    atol: float | None = None
    reason: str | None = None
    gap: str | None = None


def case(
    name: str,
    program: Program,
    *inputs: Any,
    grad: bool | str = False,
    rtol: float | None = None,
    atol: float | None = None,
    reason: str | None = None,
    gap: str | None = None,
) -> Row:
    """A program that must give what PyTorch gives: structure, shapes, dtypes exactly, values to the dtype's tolerance.

    Args:
        grad: also compare the reverse gradient (for a fixed cotangent) and the forward tangent (for a fixed tangent)
            of every floating and complex output with respect to every such input; "reverse" for only the former.
        rtol, atol: other tolerances than the dtype's, which need a `reason`.
        gap: why ours differs today. The row must then fail, so that it is noticed when it no longer does.
    """
    if (rtol is not None or atol is not None) and not reason:
        raise ValueError(f"row {name!r}: rtol and atol need a reason")
    if grad not in (False, True, "reverse"):
        raise ValueError(f"row {name!r}: grad is True, False or 'reverse', not {grad!r}")
    return Row(name, program, inputs, "case", grad, rtol=rtol, atol=atol, reason=reason, gap=gap)


def error(
    name: str, program: Program, *inputs: Any, fragment: str, raises: str | None = None, gap: str | None = None
) -> Row:
    """A program that PyTorch refuses: ours raises PyTorch's class, and `fragment` (a regex) is found in both messages.

    Args:
        raises: the name of the class that ours must be an instance of, when PyTorch's own is a private one: one that
            PyTorch's derives from.
    """
    return Row(name, program, inputs, "error", fragment=fragment, raises=raises, gap=gap)


def right(
    name: str,
    program: Program,
    *inputs: Any,
    expected: Any,
    why: str,
    fragment: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    reason: str | None = None,
    gap: str | None = None,
) -> Row:
    """A program whose right answer is not PyTorch's, on purpose.

    Args:
        expected: the answer as Python and NumPy values, or a function of the inputs as NumPy arrays that gives it; or
            an exception class, with a `fragment` of the message. An array's dtype must be met; lists and numbers
            stand for any dtype.
        why: what PyTorch does, and why this is better.
    """
    options = {"fragment": fragment, "rtol": rtol, "atol": atol, "reason": reason, "gap": gap}
    return Row(name, program, inputs, "right", expected=expected, why=why, **options)  # type: ignore[arg-type]


# ---- inputs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leaf:
    """A tensor to be: its values, and the name of its dtype where NumPy has no such dtype."""

    array: np.ndarray[Any, Any]
    dtype: str


@dataclass(frozen=True)
class Spec:
    """Values that depend on the row's name and the input's place alone."""

    shape: tuple[int, ...]
    dtype: str
    draw: Callable[[np.random.RandomState, tuple[int, ...]], Any]


def floats(
    *shape: int,
    dtype: str = "float32",
    positive: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Spec:
    """Normal values; positive ones away from zero; or uniform ones between `low` and `high`."""

    def draw(rng: np.random.RandomState, shape: tuple[int, ...]) -> Any:
        if low is not None or high is not None:
            x = rng.uniform(0.0 if low is None else low, 1.0 if high is None else high, shape)
        else:
            x = rng.standard_normal(shape)
        return np.round(np.abs(x) + 0.1 if positive else x, 4)

    return Spec(shape, dtype, draw)


def ints(*shape: int, low: int = 0, high: int = 10, dtype: str = "int64") -> Spec:
    """Integers from `low` up to, not including, `high`."""
    return Spec(shape, dtype, lambda rng, shape: rng.randint(low, high, shape))


def bools(*shape: int) -> Spec:
    return Spec(shape, "bool", lambda rng, shape: rng.randint(0, 2, shape) > 0)


def complexes(*shape: int, dtype: str = "complex64") -> Spec:
    return Spec(
        shape,
        dtype,
        lambda rng, shape: np.round(rng.standard_normal(shape) + 1j * rng.standard_normal(shape), 4),
    )


def values(data: Any, dtype: str | None = None) -> Leaf:
    """These very values: a number for a tensor with no axes, a list, or an array; the dtype as PyTorch infers it."""
    array = np.asarray(data)
    if dtype is None:
        dtype = array.dtype.name
        if not isinstance(data, np.ndarray):
            dtype = {"float64": "float32", "complex128": "complex64"}.get(dtype, dtype)
    return Leaf(array, dtype)


def materialise(row: Row) -> list[Any]:
    """The inputs of `row` with a `Leaf` for each tensor."""
    return [_materialise(x, f"{row.name}/{i}") for i, x in enumerate(row.inputs)]


def _materialise(x: Any, seed: str) -> Any:
    if isinstance(x, Spec):
        rng = np.random.RandomState(zlib.crc32(seed.encode()))
        return Leaf(np.asarray(x.draw(rng, x.shape)), x.dtype)
    if isinstance(x, np.ndarray) or (isinstance(x, list) and _numeric(x)):
        return values(x)
    if type(x) in (list, tuple):
        return type(x)(_materialise(e, f"{seed}/{i}") for i, e in enumerate(x))
    if type(x) in (dict, OrderedDict):
        return type(x)((k, _materialise(e, f"{seed}/{k}")) for k, e in x.items())
    return x


def _numeric(x: list[Any]) -> bool:
    return all(isinstance(e, (bool, int, float, complex)) or (isinstance(e, list) and _numeric(e)) for e in x)


def map_leaves(fn: Callable[[Leaf], Any], x: Any) -> Any:
    """`x` with `fn` applied to every `Leaf`."""
    if isinstance(x, Leaf):
        return fn(x)
    if type(x) in (list, tuple):
        return type(x)(map_leaves(fn, e) for e in x)
    if type(x) in (dict, OrderedDict):
        return type(x)((k, map_leaves(fn, e)) for k, e in x.items())
    return x


# ---- for programs ----------------------------------------------------------------------------------------------------


def functorch(t: Any) -> Any:
    """The functorch that belongs to `t`: PyTorch's package, or functorch_jax."""
    name = "functorch" if t.__name__ == "torch" else "functorch_jax"
    importlib.import_module(f"{name}.experimental.control_flow")
    return importlib.import_module(name)


def check_unique(rows: Sequence[Row]) -> None:
    """Raises ValueError when two rows have one name."""
    seen: set[str] = set()
    for row in rows:
        if row.name in seen:
            raise ValueError(f"two rows are called {row.name!r}")
        seen.add(row.name)


def with_gaps(rows: Sequence[Row], gaps: dict[str, str]) -> list[Row]:
    """The rows, those named in `gaps` marked with its reason. Raises ValueError for a name that no row has."""
    unknown = set(gaps) - {row.name for row in rows}
    if unknown:
        raise ValueError(f"gaps of rows that do not exist: {sorted(unknown)}")
    return [replace(row, gap=gaps[row.name]) if row.name in gaps else row for row in rows]
