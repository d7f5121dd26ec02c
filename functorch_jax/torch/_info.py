"""What dtypes are like and how they combine: `finfo`, `iinfo`, `promote_types`, `result_type`; the default dtype."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch import _ambient
from functorch_jax.torch._data import number_dtype
from functorch_jax.torch._dtype import DTYPES, category, np_dtype, torch_dtype
from functorch_jax.torch._dtype import dtype as dtype_class
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import result_dtype
from functorch_jax.torch._tensor import Tensor

__all__ = ["CONSTANTS", "finfo", "iinfo"]

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None}


class finfo:
    """Limits of a floating dtype: `max`, `min`, `eps`, `tiny`, ... Source: torch.finfo."""

    bits: int
    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    resolution: float
    dtype: str

    def __init__(self, type: Any = None) -> None:
        kind = _ambient.default_dtype() if type is None else np_dtype(type)
        if category(kind) < 2:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        info = jnp.finfo(kind)
        for name in ("eps", "max", "min", "tiny", "smallest_normal"):
            setattr(self, name, float(getattr(info, name)))
        self.resolution = float(f"{float(info.resolution):.0e}")
        self.bits = int(info.bits)
        self.dtype = torch_dtype(info.dtype).name

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:
    """Limits of an integer dtype. Source: torch.iinfo."""

    def __init__(self, type: Any) -> None:
        kind = np_dtype(type)
        if category(kind) != 1:
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        info = np.iinfo(kind)
        self.bits, self.max, self.min, self.dtype = info.bits, int(info.max), int(info.min), kind.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


@function("torch")
def promote_types(type1: Any, type2: Any) -> dtype_class:
    return torch_dtype(jnp.promote_types(np_dtype(type1), np_dtype(type2)))


@function("torch")
def result_type(tensor1: Any, tensor2: Any) -> dtype_class:
    pair = [x.array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)]
    if all(isinstance(x, (bool, int, float, complex)) for x in pair):
        return torch_dtype(max((number_dtype(x) for x in pair), key=category))
    return torch_dtype(result_dtype(*pair))


@function("torch")
def can_cast(from_: Any, to: Any) -> bool:
    a, b = np_dtype(from_), np_dtype(to)
    return category(a) <= category(b)


@function("torch")
def get_default_dtype() -> dtype_class:
    return torch_dtype(_ambient.default_dtype())


@function("torch")
def set_default_dtype(d: Any, /) -> None:
    """The dtype of floating tensors made without one. Source: torch.set_default_dtype."""
    if not isinstance(d, dtype_class) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _ambient.update(default_dtype=d.np)


@function("torch")
def set_default_tensor_type(t: Any, /) -> None:
    """Like `set_default_dtype`, by the name or class of a legacy type. Source: torch.set_default_tensor_type."""
    if isinstance(t, str):
        from functorch_jax.torch._legacy import TYPES

        name = t.split(".")[-1]
        if name not in TYPES:
            raise TypeError(f"invalid type object: {t}")
        t = TYPES[name]
    set_default_dtype(t.dtype if hasattr(t, "dtype") else DTYPES.get(str(t)))


@function("torch")
def set_float32_matmul_precision(precision: str) -> None:
    """How precise float32 products are: "highest", "high" or "medium". Source: torch.set_float32_matmul_precision."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"Float32 matmul precision must be one of 'highest', 'high', 'medium', got {precision}")
    _ambient.update(matmul_precision=precision)


@function("torch")
def get_float32_matmul_precision() -> str:
    return _ambient.ambient().matmul_precision
