"""Checks that fail over PyTorch's operator database, each with its reason: strict expected failures.

A key is (entry, check); "entry, *" would hide what works, so every check stands by itself.
"""

from __future__ import annotations

__all__ = ["GAPS"]

LINALG: dict[tuple[str, str], str] = {}

NN: dict[tuple[str, str], str] = {}

A_TO_M: dict[tuple[str, str], str] = {}

_SPARSE = "JAX arrays are dense: there are no sparse tensors here"
N_TO_Z: dict[tuple[str, str], str] = {
    (name, check): _SPARSE
    for name in ("sparse.sampled_addmm", "sparse.mm:reduce", "to_sparse")
    for check in ("forward", "gradient", "second", "forward-mode")
    if (name, check) != ("sparse.mm:reduce", "second")
}

GAPS = LINALG | NN | A_TO_M | N_TO_Z
