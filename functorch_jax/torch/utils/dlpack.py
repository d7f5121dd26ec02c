"""Tensors from and to DLPack capsules. Source: torch.utils.dlpack."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._exchange import from_dlpack as from_dlpack
from functorch_jax.torch._tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule of the tensor's memory, without a copy, to be used once. Source: torch.utils.dlpack.to_dlpack."""
    return tensor.__dlpack__()
