"""Functions of the elements that a mask keeps. Source: torch.masked.

>>> from functorch_jax import torch
>>> torch.masked.sum(torch.tensor([1.0, 2.0, 3.0]), mask=torch.tensor([True, False, True]))
tensor(4.)
"""

from __future__ import annotations

from functorch_jax.torch import ops  # noqa: F401  (fills the namespace)
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._op import NAMESPACES

__all__ = [*NAMESPACES["masked"]]

globals().update(NAMESPACES["masked"])


def __getattr__(name: str) -> object:
    raise MissingName(f"module 'torch.masked' has no attribute '{name}'", "torch.masked", name, lambda: __all__)
