"""Fourier transforms: everything that the op tables register under `torch.fft`. Source: torch.fft."""

from __future__ import annotations

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor as Tensor

__all__ = [*NAMESPACES["fft"]]

globals().update(NAMESPACES["fft"])


def __getattr__(name: str) -> object:
    raise MissingName(f"module 'torch.fft' has no attribute '{name}'", "torch.fft", name, lambda: __all__)
