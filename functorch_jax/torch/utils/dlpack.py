"""Tensors from and to DLPack capsules. Source: torch.utils.dlpack."""

from __future__ import annotations

from functorch_jax.torch._exchange import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
