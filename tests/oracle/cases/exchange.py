"""Arrays of NumPy, buffers and DLPack as tensors."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats


def dlpack(t: Any) -> Any:
    return importlib.import_module(f"{t.__name__}.utils.dlpack")


CASES: list[Row] = [
    case("from_numpy", lambda t: [t.from_numpy(np.array([[0, 1], [2, 3]], kind)) for kind in ("float64", "float16", "int32", "uint8", "bool", "complex64")]),
    case("from_numpy of strides", lambda t: t.from_numpy(np.arange(6.0).reshape(2, 3).T[1:])),
    case("numpy may be written", lambda t, x: (lambda a: (a.__setitem__(0, 5.0), a.flags.writeable, a.tolist()))(x.numpy())[1:], floats(2)),
    case("NumPy functions take tensors", lambda t, x: (np.asarray(x).tolist(), np.asarray(x, dtype=np.float64).dtype.name, np.array(x).flags.writeable, float(np.sum(x.numpy()))), floats(2, 2)),
    case("frombuffer", lambda t: (t.frombuffer(bytearray(b"12345678"), dtype=t.int16), t.frombuffer(bytearray(b"12345678"), dtype=t.int32, offset=4), t.frombuffer(bytearray(b"12345678"), dtype=t.uint8, count=3), t.frombuffer(np.ones(2), dtype=t.float64))),
    case("asarray", lambda t, x: (t.asarray([1, 2], dtype=t.float32), t.asarray(np.float64(3)), t.asarray(x) is x, t.asarray(x, copy=True) is x, t.asarray(bytearray(b"1234"))), floats(2)),
    case("asarray that requires grad", lambda t: [t.asarray(v, requires_grad=True).requires_grad for v in ([1.0], t.ones(2), np.ones(2))]),
    case("DLPack from NumPy", lambda t: t.from_dlpack(np.arange(3.0))),
    case("DLPack to NumPy", lambda t, x: (np.from_dlpack(x).tolist(), np.from_dlpack(x > 0).tolist()), floats(2, 2)),
    case("DLPack to and fro", lambda t, x: (t.from_dlpack(x), dlpack(t).from_dlpack(dlpack(t).to_dlpack(x)), dlpack(t).from_dlpack(x.bool())), floats(2)),
    case("DLPack of a view", lambda t, x: (t.from_dlpack(x.t()), np.from_dlpack(x[1:]).tolist()), floats(2, 2)),
    case("where a tensor is", lambda t, x: tuple(int(n) for n in x.__dlpack_device__()), floats(2)),
    error("from_numpy of a list", lambda t: t.from_numpy([1]), fragment=r"expected np.ndarray \(got list\)"),
    error("from_numpy of strings", lambda t: t.from_numpy(np.array(["a"])), fragment="can't convert np.ndarray of type"),
    error("frombuffer of nothing", lambda t: t.frombuffer(bytearray(b""), dtype=t.int32), fragment=r"both buffer length \(0\) and count \(-1\) must not be 0"),
    error("frombuffer beyond the end", lambda t: t.frombuffer(bytearray(8), dtype=t.int32, offset=9), fragment=r"offset \(9 bytes\) must be non-negative and no greater than buffer length \(8 bytes\) minus 1"),
    error("frombuffer of too many", lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=3), fragment=r"requested buffer length \(3 \* 4 bytes\) after offset \(0 bytes\) must not be greater"),
    error("frombuffer of odd bytes", lambda t: t.frombuffer(bytearray(9), dtype=t.int32), fragment="must be a multiple of element size"),
    error("frombuffer of no buffer", lambda t: t.frombuffer(3, dtype=t.int32), fragment="object does not implement Python buffer protocol"),
    error("asarray of a list without a copy", lambda t: t.asarray([1, 2], copy=False), fragment="can't alias arbitrary sequence into a tensor"),
    error("asarray of another dtype without a copy", lambda t, x: t.asarray(x, dtype=t.float64, copy=False), floats(2), fragment="can't alias tensor with dtype 'Float' into dtype 'Double'"),
    error("DLPack of what requires grad", lambda t: np.from_dlpack(t.ones(2, requires_grad=True)), fragment="Can't export tensors that require gradient"),
    error("DLPack from what requires grad", lambda t: t.from_dlpack(t.ones(2, requires_grad=True)), fragment="Can't export tensors that require gradient"),
    error("DLPack from a number", lambda t: t.from_dlpack(3), fragment="from_dlpack received an invalid capsule"),
    error("a capsule twice", lambda t, x: (lambda c: [dlpack(t).from_dlpack(c) for _ in range(2)])(dlpack(t).to_dlpack(x)), floats(2), fragment="DLTensor capsules can be consumed only once"),
]
