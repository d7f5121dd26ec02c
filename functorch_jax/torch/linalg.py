"""Linear algebra: everything that the op tables register under `torch.linalg`. Source: torch.linalg."""

from __future__ import annotations

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.ops.linalg import LinAlgError

__all__ = ["LinAlgError", *NAMESPACES["linalg"]]

globals().update(NAMESPACES["linalg"])


def __getattr__(name: str) -> object:
    raise MissingName(f"module 'torch.linalg' has no attribute '{name}'", "torch.linalg", name, lambda: __all__)
