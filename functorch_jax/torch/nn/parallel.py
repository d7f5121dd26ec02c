"""Wrappers for training on several GPUs, over one device: transparent. Source: torch.nn.parallel."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._names import missing
from functorch_jax.torch.nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Calls `module`, on the whole batch; parameters stand under "module.", as in PyTorch.

    The batch is not split over devices: JAX does that by sharding, for any function.

    Args:
        module: what to call.
        device_ids, output_device, dim: accepted.

    Source: torch.nn.DataParallel.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device = output_device

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def __getattr__(name: str) -> Any:
    raise missing("torch.nn.parallel", name, lambda: __all__)
