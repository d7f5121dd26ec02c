"""Settings that change what an op computes: part of every op's compilation key, so that none is ever stale."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jax import lax

__all__ = ["Ambient", "ambient", "default_dtype", "precision", "update"]


class Ambient(NamedTuple):
    """`default_dtype` of new floating tensors and the precision of float32 products."""

    default_dtype: np.dtype[Any] = np.dtype(np.float32)
    matmul_precision: str = "highest"


_ambient = Ambient()


def ambient() -> Ambient:
    return _ambient


def update(**changes: Any) -> None:
    """Change a setting for the whole process, as PyTorch's are."""
    global _ambient
    _ambient = _ambient._replace(**changes)


def default_dtype() -> np.dtype[Any]:
    """The NumPy dtype of floating tensors made without a dtype."""
    return _ambient.default_dtype


def precision() -> Any:
    """What to pass as `precision=` to a product of matrices or a convolution.

    "highest" is PyTorch's default; "high" and "medium" let an accelerator use fewer bits, as in PyTorch.
    """
    if _ambient.matmul_precision == "highest":
        return lax.Precision.HIGHEST
    return lax.Precision.HIGH if _ambient.matmul_precision == "high" else lax.Precision.DEFAULT
