"""Samplers for several processes. Source: torch.utils.data.distributed."""

from __future__ import annotations

from functorch_jax.torch.utils.data.sampler import DistributedSampler as DistributedSampler

__all__ = ["DistributedSampler"]
