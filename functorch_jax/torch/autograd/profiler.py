"""The profiler by its older name, as harmless as `torch.profiler`. Source: torch.autograd.profiler."""

from __future__ import annotations

from functorch_jax.torch.profiler import profile as profile
from functorch_jax.torch.profiler import record_function as record_function

__all__ = ["profile", "record_function"]
