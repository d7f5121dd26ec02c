"""`torch.distributed` of a PyTorch built without it: it says that it is not available. Source: torch.distributed."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._names import missing

__all__ = ["is_available", "is_initialized"]


def is_available() -> bool:
    """False: programs that ask run in one process. Source: torch.distributed.is_available."""
    return False


def is_initialized() -> bool:
    """False. Source: torch.distributed.is_initialized."""
    return False


def __getattr__(name: str) -> Any:
    raise missing("torch.distributed", name, lambda: __all__)
