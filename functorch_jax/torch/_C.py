"""The few names of PyTorch's C++ module that programs use. Source: torch._C."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._device import device as device
from functorch_jax.torch._dtype import dtype as dtype
from functorch_jax.torch._generator import Generator as Generator
from functorch_jax.torch._layout import layout as layout
from functorch_jax.torch._layout import memory_format as memory_format
from functorch_jax.torch._names import missing
from functorch_jax.torch._size import Size as Size
from functorch_jax.torch._tensor import Tensor as _TensorBase

TensorBase = _TensorBase


def _get_tracing_state() -> None:
    """None: nothing is traced by TorchScript."""


def _log_api_usage_once(event: str) -> None:
    """Accepted: nothing is logged."""


def __getattr__(name: str) -> Any:
    raise missing("torch._C", name, lambda: list(globals()))
