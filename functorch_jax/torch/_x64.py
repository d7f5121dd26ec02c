"""Turns on JAX's 64-bit types, unless FUNCTORCH_JAX_X64=0 asks to keep 32 bits (for TPUs, say)."""

from __future__ import annotations

import os
import warnings

import jax

ENABLED = os.environ.get("FUNCTORCH_JAX_X64", "1") != "0"

if ENABLED:
    jax.config.update("jax_enable_x64", True)
else:
    warnings.warn(
        "FUNCTORCH_JAX_X64=0: JAX stays at 32 bits, so torch.int64, torch.float64 and torch.complex128 tensors hold "
        "int32, float32 and complex64 values",
        stacklevel=2,
    )
