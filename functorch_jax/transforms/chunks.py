"""Mapping over an axis in chunks, so that peak memory falls.

Eagerly this is a Python loop, as in PyTorch: the function runs once a chunk. In a program that is being compiled it is
a `lax.map`, so that XLA keeps one chunk alive at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi


def check_chunk_size(chunk_size: Any, message: str) -> None:
    """Raise ValueError with `message` for a chunk size below 1, TypeError for one that is no int."""
    if chunk_size is None:
        return
    if chunk_size <= 0:
        raise ValueError(message)
    if not isinstance(chunk_size, int):
        raise TypeError(f"chunk_size must be an int or None, got {type(chunk_size).__name__}")


def map_rows(fun: Callable[..., Any], arrays: Sequence[Any], chunk_size: int | None, out_axis: int = 0) -> Any:
    """`jax.vmap(fun)` over the leading axis of `arrays`, `chunk_size` rows at a time.

    `fun` gives a list of arrays; results have the mapped axis at `out_axis`.
    """
    mapped = jax.vmap(fun, out_axes=out_axis)
    size = arrays[0].shape[0]
    if chunk_size is None or chunk_size >= size:
        return mapped(*arrays)
    if jaxapi.under_jit():
        return _compiled(fun, arrays, chunk_size, out_axis)
    if chunk_size == 1:  # no vmap at all, so that what cannot be batched still works
        rows = [fun(*(a[i] for a in arrays)) for i in range(size)]
        return [jnp.stack(column, out_axis) for column in zip(*rows, strict=True)]
    parts = [mapped(*(a[i : i + chunk_size] for a in arrays)) for i in range(0, size, chunk_size)]
    return [jnp.concatenate(column, out_axis) for column in zip(*parts, strict=True)]


def _compiled(fun: Callable[..., Any], arrays: Sequence[Any], chunk_size: int, out_axis: int) -> Any:
    out = lax.map(lambda row: fun(*row), tuple(arrays), batch_size=chunk_size)
    return [jnp.moveaxis(a, 0, out_axis) for a in out]
