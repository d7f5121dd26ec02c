"""Special functions: everything that the op tables register under `torch.special`. Source: torch.special."""

from __future__ import annotations

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor as Tensor

__all__ = [*NAMESPACES["special"]]

globals().update(NAMESPACES["special"])


def __getattr__(name: str) -> object:
    raise MissingName(f"module 'torch.special' has no attribute '{name}'", "torch.special", name, lambda: __all__)
