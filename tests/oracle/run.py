"""Runs a row on a torch namespace, and writes what it gives as plain JSON values: its answer."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict, defaultdict, deque
from typing import Any

import numpy as np

from tests.oracle.case import Leaf, Row, map_leaves, materialise

Answer = Any


class RowError(Exception):
    """The row itself is at fault, or PyTorch does not do what it says."""


def run(row: Row, t: Any) -> Answer:
    """The answer of `row` on the torch namespace `t`.

    An error row gives {"error": names of the classes, "message": text}; any other an encoded result, with the
    derivatives that `row.grad` asks for.
    """
    inputs = [map_leaves(lambda leaf: _tensor(t, leaf), x) for x in materialise(row)]
    if row.kind == "error":
        try:
            _call(row, t, inputs)
        except Exception as e:
            return {"error": [c.__name__ for c in type(e).__mro__[:-1]], "message": str(e)}
        return {"error": None, "message": "nothing was raised"}
    answer = {"result": encode(_call(row, t, inputs))}
    if row.grad:
        answer |= _derivatives(row, t)
    return answer


def _call(row: Row, t: Any, inputs: list[Any]) -> Any:
    t.manual_seed(0)
    with warnings.catch_warnings(), t.enable_grad():  # also puts back a grad mode that the program leaves switched
        warnings.simplefilter("ignore")
        default = t.get_default_dtype()
        try:
            return row.program(t, *inputs)
        finally:
            t.set_default_dtype(default)


def _tensor(t: Any, leaf: Leaf) -> Any:
    array = leaf.array
    return t.tensor(array, dtype=getattr(t, leaf.dtype))


# ---- derivatives -----------------------------------------------------------------------------------------------------


def _derivatives(row: Row, t: Any) -> dict[str, Answer]:
    """The reverse gradients and forward tangents of every inexact output with respect to every inexact input."""
    leaves: list[Any] = []
    template = [map_leaves(lambda leaf: _Slot(leaves, _tensor(t, leaf)), x) for x in materialise(row)]
    places = [i for i, x in enumerate(leaves) if x.is_floating_point() or x.is_complex()]
    if not places:
        raise RowError("grad asks for derivatives, but no input is floating or complex")
    primals = tuple(leaves[i] for i in places)

    def objective(*xs: Any) -> Any:
        chosen = {**dict(enumerate(leaves)), **dict(zip(places, xs, strict=True))}
        inputs = [_fill(x, chosen) for x in template]
        out = _tensors(_call(row, t, inputs))
        return tuple(x for x in out if x.is_floating_point() or x.is_complex())

    out, vjp_fn = t.func.vjp(objective, *primals)
    answer = {"gradient": encode(vjp_fn(tuple(_direction(t, x, i) for i, x in enumerate(out))))}
    if row.grad is True:
        tangents = tuple(_direction(t, x, i) for i, x in enumerate(primals))
        out, moved = t.func.jvp(objective, primals, tangents)
        if t.__name__ == "torch":
            # PyTorch gives float64 tangents where a tensor with no axes meets a Python float
            moved = tuple(m.to(x.dtype) for m, x in zip(moved, out, strict=True))
        answer["tangent"] = encode(moved)
    return answer


class _Slot:
    def __init__(self, leaves: list[Any], tensor: Any) -> None:
        self.index = len(leaves)
        leaves.append(tensor)


def _fill(x: Any, chosen: dict[int, Any]) -> Any:
    if isinstance(x, _Slot):
        return chosen[x.index]
    if type(x) in (list, tuple):
        return type(x)(_fill(e, chosen) for e in x)
    if type(x) in (dict, OrderedDict):
        return type(x)((k, _fill(e, chosen)) for k, e in x.items())
    return x


def _tensors(x: Any) -> list[Any]:
    if _is_tensor(x):
        return [x]
    if isinstance(x, (tuple, list)):
        return [leaf for e in x for leaf in _tensors(e)]
    if isinstance(x, dict):
        return [leaf for e in x.values() for leaf in _tensors(e)]
    return []


def _direction(t: Any, x: Any, index: int) -> Any:
    """A fixed cotangent or tangent for `x`: no two entries alike, none zero."""
    shape = tuple(x.shape)
    place = np.arange(math.prod(shape), dtype=np.float64).reshape(shape) + 2 * index
    direction = np.round(1 + 0.75 * np.cos(place), 3)
    if x.is_complex():
        direction = direction + 1j * np.round(0.5 + 0.25 * np.sin(place), 3)
    return t.tensor(direction, dtype=x.dtype)


# ---- results as JSON values ------------------------------------------------------------------------------------------


def _is_tensor(x: Any) -> bool:
    return any(c.__name__ == "Tensor" and "torch" in c.__module__ for c in type(x).__mro__)


def encode(x: Any) -> Answer:
    """`x` as JSON values: exact numbers, dtypes, shapes, container types by name, keys in their order."""
    if x is None or isinstance(x, (bool, str)):
        return x
    if type(x) is int:
        return x
    if type(x) is float:
        return x if math.isfinite(x) else {"float": repr(x)}
    if type(x) is complex:
        return {"complex": [_number(x.real), _number(x.imag)]}
    if _is_tensor(x):
        return _encode_tensor(x)
    return _encode_container(x)


def _encode_container(x: Any) -> Answer:
    kind = type(x)
    if kind in (tuple, list):
        return {kind.__name__: [encode(e) for e in x]}
    if kind in (dict, OrderedDict, defaultdict):
        return {kind.__name__: [[encode(k), encode(v)] for k, v in x.items()]}
    if kind is deque or kind is set:
        return {kind.__name__: [encode(e) for e in (sorted(x) if kind is set else x)]}
    if kind.__name__ == "Size":
        return {"Size": list(x)}
    if isinstance(x, tuple) and kind.__module__.endswith("return_types"):
        fields = getattr(x, "_fields", None) or kind.__match_args__
        return {"return_type": kind.__name__, "fields": [[f, encode(e)] for f, e in zip(fields, x, strict=True)]}
    if hasattr(x, "_fields"):
        return {"namedtuple": kind.__name__, "fields": [[f, encode(e)] for f, e in zip(x._fields, x, strict=True)]}
    if kind.__name__ in ("dtype", "device", "layout", "memory_format"):
        return {kind.__name__: str(x).removeprefix("torch.")}
    raise RowError(f"a result of type {kind.__module__}.{kind.__qualname__} cannot be recorded")


def _encode_tensor(x: Any) -> Answer:
    x = x.detach()
    dtype = str(x.dtype).removeprefix("torch.")
    array = _to_numpy(x)
    answer: dict[str, Any] = {"tensor": dtype, "shape": list(array.shape)}
    if array.dtype.kind == "c":
        answer["values"] = [[_number(v.real), _number(v.imag)] for v in array.ravel()]
    else:
        answer["values"] = [_number(v) for v in array.ravel()]
    return answer


def _to_numpy(x: Any) -> np.ndarray[Any, Any]:
    if hasattr(x, "array"):
        array = np.asarray(x.array)
        return array if array.dtype.kind in "biufc" else array.astype(np.float32)
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    if x.dtype.is_floating_point and x.dtype.itemsize < 4:
        x = x.float()
    return x.numpy()


def _number(v: Any) -> Any:
    """A number that JSON can hold and that reads back the same: the shortest text which does."""
    if isinstance(v, (bool, np.bool_)):
        return bool(v)
    if isinstance(v, (int, np.integer)):
        return int(v)
    if not math.isfinite(v):
        return repr(float(v))
    return float(str(v))


def decode(numbers: list[Any], dtype: str) -> np.ndarray[Any, Any]:
    """The values of an encoded tensor, flat, at NumPy's widest precision for their kind."""
    if dtype.startswith("complex"):
        return np.array([complex(float(re), float(im)) for re, im in numbers], dtype=np.complex128)
    if "float" in dtype:
        return np.array([float(v) for v in numbers], dtype=np.float64)
    return np.array(numbers, dtype=bool if dtype == "bool" else object)
