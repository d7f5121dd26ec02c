"""Functions of `torch.nn.functional`: everything that the op tables register under that namespace."""

from __future__ import annotations

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._op import NAMESPACES

globals().update(NAMESPACES["nn.functional"])


def __getattr__(name: str) -> object:
    if name in NAMESPACES["nn.functional"]:
        return NAMESPACES["nn.functional"][name]
    raise AttributeError(f"torch.nn.functional.{name} is not supported yet")
