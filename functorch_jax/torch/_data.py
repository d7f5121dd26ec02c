"""Arrays from Python data: what `torch.tensor` accepts and the dtype that it infers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import torch_dtype
from functorch_jax.torch._promote import cast, result_dtype
from functorch_jax.torch._tensor import Tensor

__all__ = ["array_from", "number_dtype"]

_SEQUENCES = (list, tuple, range)


def number_dtype(x: Any) -> np.dtype[Any]:
    """The dtype of a tensor made of the Python number `x`."""
    if isinstance(x, bool):
        return np.dtype(np.bool_)
    if isinstance(x, int):
        return np.dtype(np.int64)
    return default_dtype() if isinstance(x, float) else torch_dtype(default_dtype()).to_complex().np


def array_from(data: Any, dtype: np.dtype[Any] | None = None) -> Any:
    """A JAX array of the values of `data`, with nothing shared and no derivative.

    Raises ValueError, TypeError or RuntimeError in PyTorch's words for data that makes no tensor.
    """
    if isinstance(data, (Tensor, jax.Array)):
        array = lax.stop_gradient(data.array if isinstance(data, Tensor) else data)
        return array if dtype is None else cast(array, dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        return _from_numpy(np.asarray(data), dtype)
    if isinstance(data, (bool, int, float, complex)):
        return jnp.asarray(_checked(np.asarray(data), number_dtype(data) if dtype is None else dtype))
    if not isinstance(data, _SEQUENCES) and not _is_sequence(data):
        if isinstance(data, (str, bytes)):
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        if hasattr(data, "__array__") and not isinstance(data, type):
            return _from_numpy(np.asarray(data), dtype)
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    shape = _shape_of(data)
    leaves: list[Any] = []
    _collect(data, shape, 0, leaves)
    if dtype is None:
        dtype = _common_dtype(leaves)
    if any(isinstance(x, (Tensor, jax.Array)) for x in leaves):
        parts = [lax.stop_gradient(cast(_scalar(x), dtype)) for x in leaves]
        return jnp.stack(parts).reshape(shape)
    values = np.empty(len(leaves), dtype=object)
    values[:] = leaves
    return jnp.asarray(_checked(_tight(values), dtype).reshape(shape))


def _from_numpy(x: np.ndarray[Any, Any], dtype: np.dtype[Any] | None) -> Any:
    if x.dtype.kind in "OSUMmV" and x.dtype.name not in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        raise TypeError(
            f"can't convert np.ndarray of type {x.dtype}. The only supported types are: float64, float32, float16, "
            "complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool."
        )
    if dtype is None:
        return jnp.array(x, copy=True)
    return jnp.array(_checked(x, dtype), copy=True)


def _checked(x: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """`x` as `dtype`, wrapping as C does; integers that no int64 holds are refused."""
    if x.dtype == object:
        raise ValueError("Overflow when unpacking long long")
    if x.dtype.kind == "c" and np.dtype(dtype).kind not in "c":
        raise TypeError("must be real number, not complex")
    if x.dtype == np.uint64 and dtype == np.int64 and x.size and x.max() > np.iinfo(np.int64).max:
        raise ValueError("Overflow when unpacking long long")
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _tight(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of Python numbers with the NumPy dtype that they need."""
    return np.array(values.tolist()) if values.size else np.zeros(0)


def _is_sequence(x: Any) -> bool:
    return not isinstance(x, (str, bytes, dict, set, type)) and hasattr(x, "__len__") and hasattr(x, "__getitem__")


def _shape_of(data: Any) -> tuple[int, ...]:
    """The shape that the first elements promise."""
    shape: list[int] = []
    while True:
        if isinstance(data, (Tensor, jax.Array)):
            return (*shape, *data.shape) if not isinstance(data, Tensor) or data.ndim == 0 else tuple(shape)
        if isinstance(data, (np.ndarray, np.generic)):
            return (*shape, *data.shape)
        if isinstance(data, (str, bytes)) or not _is_sequence(data):
            return tuple(shape)
        shape.append(len(data))
        if not len(data):
            return tuple(shape)
        data = data[0]


def _collect(data: Any, shape: tuple[int, ...], depth: int, leaves: list[Any]) -> None:
    if depth == len(shape):
        if isinstance(data, (Tensor, jax.Array, np.ndarray)):
            if data.size != 1 if not isinstance(data, Tensor) else data.array.size != 1:
                raise ValueError("only one element tensors can be converted to Python scalars")
        elif not isinstance(data, (bool, int, float, complex, np.generic)):
            if isinstance(data, (str, bytes)):
                raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
            if _is_sequence(data):
                raise TypeError(f"must be real number, not {type(data).__name__}")
            raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
        leaves.append(data)
        return
    if isinstance(data, (str, bytes)) or not (_is_sequence(data) or isinstance(data, (Tensor, jax.Array))):
        raise TypeError(f"not a sequence: {type(data).__name__}")
    if len(data) != shape[depth]:
        raise ValueError(f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})")
    if isinstance(data, np.ndarray) and data.shape == shape[depth:]:
        leaves.extend(data.reshape(-1))
        return
    for item in data:
        _collect(item, shape, depth + 1, leaves)


def _scalar(x: Any) -> Any:
    if isinstance(x, Tensor):
        x = x.array
    return jnp.reshape(x, ()) if hasattr(x, "shape") else x


def _common_dtype(leaves: list[Any]) -> np.dtype[Any]:
    kinds = {type(x) for x in leaves}
    if kinds <= {bool, int, float, complex}:
        if not kinds:
            return default_dtype()
        for kind in (complex, float, int):
            if kind in kinds:
                return number_dtype(kind(0))
        return np.dtype(np.bool_)
    seen: set[np.dtype[Any]] = set()
    samples: list[Any] = []
    for x in leaves:
        dtype = number_dtype(x) if type(x) in (bool, int, float, complex) else np.dtype(_scalar(x).dtype)
        if dtype not in seen:
            seen.add(dtype)
            samples.append(jax.ShapeDtypeStruct((1,), dtype))
    return result_dtype(*samples)
