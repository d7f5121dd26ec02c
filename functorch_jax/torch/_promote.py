"""PyTorch's type promotion, for arrays inside a pure op function.

A Python number arrives weakly typed. Dimensioned tensors decide before 0-dim tensors, and those before numbers, unless
the lower-ranked one is of a higher category (bool < integer < floating < complex).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import category, torch_dtype
from functorch_jax.torch._sums import aligned

__all__ = ["broadcast", "cast", "promote", "result_dtype", "to_float", "type_name"]

TYPE_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}


def type_name(dtype: Any) -> str:
    """The name that PyTorch's messages use, such as "Float" or "Long"."""
    name = np.dtype(dtype).name
    return TYPE_NAMES.get(name, name)


def _number_dtype(kind: int) -> np.dtype[Any]:
    """The dtype that a Python number of this category asks for on its own."""
    if kind == 3:
        return torch_dtype(default_dtype()).to_complex().np
    if kind == 2:
        return default_dtype()
    return np.dtype(np.int64 if kind == 1 else np.bool_)


def result_dtype(*arrays: Any) -> np.dtype[Any]:
    """The dtype that PyTorch computes `arrays` in."""
    dimensioned: np.dtype[Any] | None = None
    scalar: np.dtype[Any] | None = None
    number = -1
    for x in arrays:
        if isinstance(x, (bool, int, float, complex)) or jaxapi.is_weak(x):
            number = max(number, category(jnp.result_type(x)))
        elif x.ndim:
            dimensioned = x.dtype if dimensioned is None else jnp.promote_types(dimensioned, x.dtype)
        else:
            scalar = x.dtype if scalar is None else jnp.promote_types(scalar, x.dtype)
    result = dimensioned
    if scalar is not None and (result is None or category(scalar) > category(result)):
        # a 0-dim tensor of a higher category brings its category, and its own width
        result = scalar if result is None else jnp.promote_types(result, scalar)
    if number >= 0 and (result is None or number > category(result)):
        if result is None or number < 3:
            return _number_dtype(number)
        return torch_dtype(result).to_complex().np if category(result) == 2 else _number_dtype(3)
    assert result is not None
    return np.dtype(result)


def cast(x: Any, dtype: Any) -> Any:
    """`x` as a strongly typed array of `dtype`."""
    dtype = np.dtype(dtype)
    x = jnp.asarray(x)
    if x.dtype == dtype and not jaxapi.is_weak(x):
        return x
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(dtype, jnp.complexfloating):
        x = x.real
    if jnp.issubdtype(x.dtype, jnp.floating) and np.dtype(dtype).kind in "iu":
        return _truncated(x, np.dtype(dtype))
    return lax.convert_element_type(x, dtype)


def _truncated(x: Any, dtype: np.dtype[Any]) -> Any:
    """Floats as integers, as PyTorch has them on a CPU: out of range is the lowest one, and narrow ones wrap."""
    if jaxapi.is_weak(x) or (dtype.kind == "u" and dtype.itemsize > 1):
        return lax.convert_element_type(x, dtype)
    wide = dtype if dtype.name == "int32" else np.dtype(np.int64)
    low = float(np.iinfo(wide).min)
    x = x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)
    inside = (x >= low) & (x < -low)
    whole = jnp.where(inside, lax.convert_element_type(x, wide), np.array(np.iinfo(wide).min, wide))
    return lax.convert_element_type(whole, dtype)


def broadcast(*arrays: Any) -> tuple[int, ...]:
    """The common shape. Raises RuntimeError in PyTorch's words when there is none."""
    shape: list[int] = []
    for x in arrays:
        other = np.shape(x)
        n = max(len(shape), len(other))
        a = [1] * (n - len(shape)) + shape
        b = [1] * (n - len(other)) + list(other)
        for i, (p, q) in enumerate(zip(a, b, strict=True)):
            if p != q and p != 1 and q != 1:
                raise RuntimeError(
                    f"The size of tensor a ({p}) must match the size of tensor b ({q}) at non-singleton dimension {i}"
                )
        shape = [q if p == 1 else p for p, q in zip(a, b, strict=True)]
    return tuple(shape)


def promote(*arrays: Any, minimum: int = 0) -> list[Any]:
    """`arrays` cast to the dtype that PyTorch computes them in, their shapes checked.

    `minimum=2` also takes integers to the default floating dtype.
    """
    shape = broadcast(*arrays)
    dtype = result_dtype(*arrays)
    if category(dtype) < minimum:
        dtype = default_dtype()
    return [aligned(cast(x, dtype), shape) for x in arrays]


def to_float(x: Any) -> Any:
    """`x`, with integers and bools taken to the default floating dtype."""
    return cast(x, default_dtype()) if category(x.dtype) < 2 else x


def wrap_dim(dim: int, ndim: int, *, name: str = "dim") -> int:
    """A dimension counted from 0. Raises IndexError in PyTorch's words."""
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim % size


def wrap_dims(dims: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Dimensions counted from 0; None and () mean all. Raises RuntimeError for one named twice."""
    if dims is None or dims == ():
        return tuple(range(ndim))
    wrapped = tuple(wrap_dim(d, ndim) for d in ((dims,) if isinstance(dims, int) else dims))
    for i, d in enumerate(wrapped):
        if d in wrapped[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return () if ndim == 0 else wrapped
