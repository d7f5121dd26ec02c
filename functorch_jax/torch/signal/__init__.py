"""Windows for spectra, in `torch.signal.windows`. Source: torch.signal."""

from __future__ import annotations

from functorch_jax.torch._names import MissingName
from functorch_jax.torch.signal import windows as windows

__all__ = ["windows"]


def __getattr__(name: str) -> object:
    raise MissingName(f"module 'torch.signal' has no attribute '{name}'", "torch.signal", name, lambda: __all__)
