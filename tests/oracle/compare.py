"""Whether two answers agree: structure, shapes and dtypes exactly, values to the dtype's tolerance."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tests.oracle.case import Row
from tests.oracle.run import Answer, decode

TOLERANCE = {  # dtype: (relative, absolute)
    "float64": (1e-7, 1e-7),
    "complex128": (1e-7, 1e-7),
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
}
PYTHON_FLOAT = TOLERANCE["float32"]  # most come out of a float32 tensor


def differences(row: Row, got: Answer, wanted: Answer) -> list[str]:
    """What is wrong with `got`, as lines to read; empty when it agrees with PyTorch's answer."""
    if row.kind == "error":
        return _error_differences(row, got, wanted)
    found: list[str] = []
    for part in wanted:
        if part not in got:
            found.append(f"{part} is missing")
        else:
            _compare(row, part, got[part], wanted[part], found)
    return found


def _error_differences(row: Row, got: Answer, wanted: Answer) -> list[str]:
    if got["error"] is None:
        return [f"nothing was raised, but PyTorch raises {wanted['error'][0]}"]
    found = []
    needed = row.raises or wanted["error"][0]
    if needed not in got["error"]:
        found.append(f"raised {got['error'][0]}, but PyTorch raises {needed}; ours says: {got['message']}")
    if not re.search(row.fragment or "", got["message"]):
        found.append(f"the fragment {row.fragment!r} is not in the message: {got['message']}")
    return found


def _compare(row: Row, path: str, got: Answer, wanted: Answer, found: list[str]) -> None:
    if isinstance(wanted, dict) and isinstance(got, dict) and list(wanted) == list(got):
        if "tensor" in wanted:
            return _compare_tensors(row, path, got, wanted, found)
        kind = next(iter(wanted))
        if kind in ("dict", "OrderedDict", "defaultdict"):
            return _compare_entries(row, path, got[kind], wanted[kind], found)
        if "fields" in wanted and got[kind] == wanted[kind]:
            return _compare_entries(row, path, got["fields"], wanted["fields"], found)
        if kind in ("tuple", "list", "deque") and len(got[kind]) == len(wanted[kind]):
            for i, (g, w) in enumerate(zip(got[kind], wanted[kind], strict=True)):
                _compare(row, f"{path}[{i}]", g, w, found)
            return None
    if type(wanted) is float and type(got) is float:
        rtol, atol = tolerance(row, None)
        if not math.isclose(got, wanted, rel_tol=rtol, abs_tol=atol):
            found.append(f"{path}: {got!r}, but PyTorch has {wanted!r}")
    elif type(wanted) is not type(got) or wanted != got:
        found.append(f"{path}: {brief(got)}, but PyTorch has {brief(wanted)}")
    return None


def _compare_entries(row: Row, path: str, got: list[Any], wanted: list[Any], found: list[str]) -> None:
    if [k for k, _ in got] != [k for k, _ in wanted]:
        found.append(f"{path}: keys {[k for k, _ in got]}, but PyTorch has {[k for k, _ in wanted]}")
        return
    for (key, g), (_, w) in zip(got, wanted, strict=True):
        _compare(row, f"{path}[{key!r}]", g, w, found)


def _compare_tensors(row: Row, path: str, got: Answer, wanted: Answer, found: list[str]) -> None:
    for part, name in (("tensor", "dtype"), ("shape", "shape")):
        if got[part] != wanted[part]:
            found.append(f"{path}: {name} {got[part]}, but PyTorch has {wanted[part]}")
    if got["shape"] != wanted["shape"] or got["tensor"] != wanted["tensor"]:
        return
    dtype = wanted["tensor"]
    mine, theirs = decode(got["values"], dtype), decode(wanted["values"], dtype)
    if not close(row, mine, theirs, dtype):
        found.append(f"{path}: {brief(got['values'])}, but PyTorch has {brief(wanted['values'])}")


def close(row: Row, got: Any, wanted: Any, dtype: str) -> bool:
    """Whether two arrays agree to the tolerance of `dtype`; integers and bools exactly."""
    if "float" not in dtype and "complex" not in dtype:
        return bool(np.array_equal(got, wanted))
    rtol, atol = tolerance(row, dtype)
    if "complex" in dtype:
        parts = ((np.real(got), np.real(wanted)), (np.imag(got), np.imag(wanted)))
        # an error is measured against the whole number, not against a part that may be tiny
        atol = atol + rtol * np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))
        return all(np.allclose(g, w, rtol, atol, equal_nan=True) for g, w in parts)
    return bool(np.allclose(got, wanted, rtol, atol, equal_nan=True))


def tolerance(row: Row, dtype: str | None) -> tuple[float, float]:
    """(relative, absolute) tolerance for values of `dtype`, or for a Python float."""
    rtol, atol = PYTHON_FLOAT if dtype is None else TOLERANCE.get(dtype, PYTHON_FLOAT)
    return rtol if row.rtol is None else row.rtol, atol if row.atol is None else row.atol


def brief(answer: Answer) -> str:
    """An answer short enough for a line of a report."""
    text = repr(answer)
    return text if len(text) < 400 else f"{text[:400]}…"


# ---- rows with an answer of their own --------------------------------------------------------------------------------


def departures(row: Row, got: Answer, wanted: Any, path: str = "result") -> list[str]:
    """What is wrong with the encoded result `got`, where `wanted` is the row's own Python and NumPy value."""
    if isinstance(got, dict) and "tensor" in got:
        if not isinstance(wanted, (np.ndarray, np.generic, list, int, float, complex)):
            return [f"{path}: a tensor, but {wanted!r} is right"]
        want = np.asarray(wanted)
        if list(want.shape) != got["shape"]:
            return [f"{path}: shape {got['shape']}, but {list(want.shape)} is right"]
        if isinstance(wanted, (np.ndarray, np.generic)) and want.dtype.name != got["tensor"]:
            return [f"{path}: dtype {got['tensor']}, but {want.dtype.name} is right"]
        have = decode(got["values"], got["tensor"])
        if not close(row, have, want.ravel(), got["tensor"]):
            return [f"{path}: {brief(got['values'])}, but {brief(want.tolist())} is right"]
        return []
    if isinstance(got, dict) and isinstance(wanted, (tuple, list, dict)):
        kind = next(iter(got))
        if kind not in (type(wanted).__name__, "namedtuple", "return_type"):
            return [f"{path}: a {kind}, but a {type(wanted).__name__} is right"]
        entries = got["fields"] if "fields" in got else got[kind]
        if len(entries) != len(wanted):
            return [f"{path}: {len(entries)} entries, but {len(wanted)} are right"]
        if isinstance(wanted, dict):
            if [k for k, _ in entries] != list(wanted):
                return [f"{path}: keys {[k for k, _ in entries]}, but {list(wanted)} are right"]
            wanted = list(wanted.values())
        parts = [e[1] for e in entries] if "fields" in got or "dict" in kind.lower() else entries
        return [
            d for i, (g, w) in enumerate(zip(parts, wanted, strict=True)) for d in departures(row, g, w, f"{path}[{i}]")
        ]
    if type(got) is float and isinstance(wanted, (int, float)):
        rtol, atol = tolerance(row, None)
        return (
            [] if math.isclose(got, wanted, rel_tol=rtol, abs_tol=atol) else [f"{path}: {got}, but {wanted} is right"]
        )
    return [] if type(got) is type(wanted) and got == wanted else [f"{path}: {brief(got)}, but {wanted!r} is right"]
