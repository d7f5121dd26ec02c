"""PyTorch's dtypes: objects of their own, each naming the NumPy dtype that JAX computes with."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch import _x64  # noqa: F401  (before anything makes an array)

__all__ = ["DTYPES", "dtype", "np_dtype", "torch_dtype"]

_BY_NAME: dict[str, dtype] = {}
_BY_NUMPY: dict[np.dtype[Any], dtype] = {}


class dtype:
    """An element type such as `torch.float32`; one object each, compared by identity.

    Source: torch.dtype.
    """

    __slots__ = ("name", "np")

    name: str
    np: np.dtype[Any]

    def __init__(self, name: str, numpy_dtype: Any) -> None:
        self.name = name
        self.np = np.dtype(numpy_dtype)
        _BY_NAME[name] = self
        _BY_NUMPY[self.np] = self

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _named, (self.name,)

    @property
    def is_floating_point(self) -> bool:
        return bool(jnp.issubdtype(self.np, jnp.floating))

    @property
    def is_complex(self) -> bool:
        return bool(jnp.issubdtype(self.np, jnp.complexfloating))

    @property
    def is_signed(self) -> bool:
        return self.np.kind not in "ub"

    @property
    def itemsize(self) -> int:
        return self.np.itemsize

    def to_real(self) -> dtype:
        return _BY_NAME[{"complex64": "float32", "complex128": "float64"}.get(self.name, self.name)]

    def to_complex(self) -> dtype:
        return _BY_NAME["complex128" if self.name in ("float64", "complex128") else "complex64"]


def _named(name: str) -> dtype:
    return _BY_NAME[name]


for _name, _np in {
    "bool": np.bool_,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "float16": np.float16,
    "bfloat16": jnp.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "float8_e4m3fn": jnp.float8_e4m3fn,
    "float8_e5m2": jnp.float8_e5m2,
}.items():
    dtype(_name, _np)

_ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
}

DTYPES: dict[str, dtype] = {**_BY_NAME, **{alias: _BY_NAME[name] for alias, name in _ALIASES.items()}}
"""Every dtype by each of its names: what the torch namespace exports."""


def torch_dtype(numpy_dtype: Any) -> dtype:
    """The torch dtype of an array's dtype. Raises TypeError where PyTorch has none."""
    try:
        return _BY_NUMPY[np.dtype(numpy_dtype)]
    except KeyError:
        raise TypeError(f"torch has no dtype for {numpy_dtype}") from None


def np_dtype(value: Any) -> np.dtype[Any]:
    """The NumPy dtype of a torch dtype, or of what NumPy and Python programs write for one."""
    if type(value) is dtype:
        return value.np
    if value is float or value is complex:
        return np.dtype(np.float64 if value is float else np.complex128)
    if value is int or value is bool:
        return np.dtype(np.int64 if value is int else np.bool_)
    raise TypeError(f"dtype must be a torch.dtype, not {type(value).__name__}")


def category(numpy_dtype: Any) -> int:
    """PyTorch's order of kinds: 0 bool, 1 integer, 2 floating, 3 complex."""
    if jnp.issubdtype(numpy_dtype, jnp.complexfloating):
        return 3
    if jnp.issubdtype(numpy_dtype, jnp.floating):
        return 2
    return 0 if np.dtype(numpy_dtype) == np.bool_ else 1
