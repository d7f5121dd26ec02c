"""`chunk_vmap`: vmap in a given number of chunks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from functorch_jax.transforms import vmap
from functorch_jax.transforms.vmap import mapped_size

__all__ = ["chunk_vmap"]


def chunk_vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", chunks: int = 2
) -> Callable[..., Any]:
    """`vmap` that runs `func` on at most `chunks` parts of the rows, one after the other.

    Args:
        func, in_dims, out_dims, randomness: as for `vmap`.
        chunks: into how many parts to cut the rows; 1 is `vmap` itself.

    Raises:
        RuntimeError: when called, if `chunks` is not positive.

    Source: functorch.experimental.chunk_vmap.
    """
    if chunks == 1:
        return vmap(func, in_dims, out_dims, randomness)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if chunks <= 0:
            raise RuntimeError(f"chunk_vmap: expects `chunks` to be greater than 0 (got {chunks})")
        size = mapped_size(func, in_dims, args)
        chunk_size = max(1, -(-size // chunks))
        return vmap(func, in_dims, out_dims, randomness, chunk_size=chunk_size)(*args, **kwargs)

    return wrapper
