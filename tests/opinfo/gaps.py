"""Checks that fail over PyTorch's operator database, each with its reason: strict expected failures.

A key is (entry, check); "entry, *" would hide what works, so every check stands by itself.
"""

from __future__ import annotations

__all__ = ["GAPS"]

LINALG: dict[tuple[str, str], str] = {}

NN: dict[tuple[str, str], str] = {}

A_TO_M: dict[tuple[str, str], str] = {}

N_TO_Z: dict[tuple[str, str], str] = {}

GAPS = LINALG | NN | A_TO_M | N_TO_Z
