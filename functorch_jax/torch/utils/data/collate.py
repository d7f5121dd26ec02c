"""How items become a batch. Source: torch.utils.data._utils.collate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from functorch_jax.torch._dtype import DTYPES
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["default_collate", "default_convert"]


def _tensor(array: Any) -> Tensor:
    return wrap(jax.numpy.asarray(array))


def default_convert(data: Any) -> Any:
    """NumPy arrays in `data` as tensors; all else as it is."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biufc":
        return _tensor(data)
    if isinstance(data, (Tensor, str, bytes)):
        return data
    return _mapped(default_convert, data)


def _mapped(fn: Any, data: Any) -> Any:
    if isinstance(data, Mapping):
        return type(data)((k, fn(v)) for k, v in data.items())  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(fn, data))
    if isinstance(data, (tuple, list)):
        return [fn(v) for v in data]
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack the tensors, arrays and numbers in a list of like items, in the containers that hold them.

    Raises:
        TypeError: for items of another kind.
        RuntimeError: for sequences of different lengths.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return NAMESPACES["torch"]["stack"](list(batch), 0)
    if isinstance(first, (jax.Array, np.ndarray, np.generic)) and not isinstance(first, (np.str_, np.bytes_)):
        if np.asarray(first).dtype.kind not in "biufc":
            raise TypeError(_message(first))
        return _tensor(np.stack([np.asarray(x) for x in batch]))
    if isinstance(first, bool):
        return NAMESPACES["torch"]["tensor"](list(batch))
    if isinstance(first, float):
        return NAMESPACES["torch"]["tensor"](list(batch), dtype=DTYPES["float64"])
    if isinstance(first, int):
        return NAMESPACES["torch"]["tensor"](list(batch))
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        collated = {k: default_collate([item[k] for item in batch]) for k in first}
        return collated if type(first) is dict else type(first)(collated)  # type: ignore[call-arg]
    if isinstance(first, (tuple, list)):
        if any(len(item) != len(first) for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(_message(first))


def _message(item: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        f"{type(item)}. Pass collate_fn= to say what a batch of it is"
    )
