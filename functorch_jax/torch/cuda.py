"""`torch.cuda`: what programs ask about GPUs, answered from the devices that JAX has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

from functorch_jax.torch._device import device as torch_device
from functorch_jax.torch._device import jax_device

_current = [0]


def _gpus() -> list[Any]:
    try:
        return jax.local_devices(backend="gpu")
    except RuntimeError:
        return []


def is_available() -> bool:
    """Whether JAX has a GPU. Source: torch.cuda.is_available."""
    return bool(_gpus())


def device_count() -> int:
    """How many GPUs JAX has. Source: torch.cuda.device_count."""
    return len(_gpus())


def current_device() -> int:
    """The index of the GPU that `set_device` chose. Source: torch.cuda.current_device."""
    if not _gpus():
        raise AssertionError("Torch not compiled with CUDA enabled")
    return _current[0]


def set_device(device: Any) -> None:
    """Choose the GPU that "cuda" names. Source: torch.cuda.set_device."""
    jax_device(device if not isinstance(device, int) else f"cuda:{device}")
    _current[0] = device if isinstance(device, int) else torch_device(device).index or 0


@contextlib.contextmanager
def device(device: Any) -> Iterator[None]:
    """Choose a GPU for a block. Source: torch.cuda.device."""
    before = _current[0]
    if device is not None:
        set_device(device)
    try:
        yield
    finally:
        _current[0] = before


def get_device_name(device: Any = None) -> str:
    """What the GPU calls itself. Source: torch.cuda.get_device_name."""
    found = jax_device("cuda" if device is None else device if not isinstance(device, int) else f"cuda:{device}")
    return getattr(found, "device_kind", "")


def synchronize(device: Any = None) -> None:
    """Wait until the work that was started is done. Source: torch.cuda.synchronize."""
    if _gpus():
        jax.effects_barrier()
        jax.device_put(0.0, _gpus()[0]).block_until_ready()


def _seed(seed: int) -> None:
    """Every device draws from the one default generator, which `torch.manual_seed` sets."""


manual_seed = manual_seed_all = _seed


def empty_cache() -> None:
    """Nothing to do: XLA keeps no cache that a program may empty. Source: torch.cuda.empty_cache."""


def _memory(name: str) -> int:
    gpus = _gpus()
    return int((gpus[_current[0]].memory_stats() or {}).get(name, 0)) if gpus else 0


def memory_allocated(device: Any = None) -> int:
    """Bytes in use on the GPU. Source: torch.cuda.memory_allocated."""
    return _memory("bytes_in_use")


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use on the GPU. Source: torch.cuda.max_memory_allocated."""
    return _memory("peak_bytes_in_use")


memory_reserved = memory_allocated
max_memory_reserved = max_memory_allocated


def reset_peak_memory_stats(device: Any = None) -> None:
    """Accepted; XLA keeps its peak. Source: torch.cuda.reset_peak_memory_stats."""


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether bfloat16 works on the GPU. Source: torch.cuda.is_bf16_supported."""
    return is_available()


def is_initialized() -> bool:
    """Whether there is a GPU in use. Source: torch.cuda.is_initialized."""
    return is_available()
