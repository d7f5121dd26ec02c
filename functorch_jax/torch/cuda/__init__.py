"""`torch.cuda`: what programs ask about GPUs, answered from the devices that JAX has."""

from __future__ import annotations

import contextlib
import importlib
import types
from collections.abc import Iterator
from typing import Any

import jax

from functorch_jax.torch._device import device as torch_device
from functorch_jax.torch._device import jax_device
from functorch_jax.torch._names import missing
from functorch_jax.torch.cuda.random import get_rng_state as get_rng_state
from functorch_jax.torch.cuda.random import get_rng_state_all as get_rng_state_all
from functorch_jax.torch.cuda.random import initial_seed as initial_seed
from functorch_jax.torch.cuda.random import manual_seed as manual_seed
from functorch_jax.torch.cuda.random import manual_seed_all as manual_seed_all
from functorch_jax.torch.cuda.random import seed as seed
from functorch_jax.torch.cuda.random import seed_all as seed_all
from functorch_jax.torch.cuda.random import set_rng_state as set_rng_state
from functorch_jax.torch.cuda.random import set_rng_state_all as set_rng_state_all
from functorch_jax.torch.cuda.streams import Event as Event
from functorch_jax.torch.cuda.streams import Stream as Stream
from functorch_jax.torch.cuda.streams import current_stream as current_stream
from functorch_jax.torch.cuda.streams import default_stream as default_stream
from functorch_jax.torch.cuda.streams import set_stream as set_stream
from functorch_jax.torch.cuda.streams import stream as stream

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


class OutOfMemoryError(RuntimeError):
    """What a program catches when a GPU is full; JAX raises its own `JaxRuntimeError` there.

    Source: torch.cuda.OutOfMemoryError.
    """


def _no_gpu() -> None:
    if not _gpus():
        raise AssertionError("Torch not compiled with CUDA enabled")


def get_device_properties(device: Any = None) -> types.SimpleNamespace:
    """Name, memory and compute capability of the GPU. Source: torch.cuda.get_device_properties."""
    _no_gpu()
    major, minor = get_device_capability(device)
    name = get_device_name(device)
    return types.SimpleNamespace(
        name=name, major=major, minor=minor, total_memory=_memory("bytes_limit"), multi_processor_count=0
    )


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of the GPU. Source: torch.cuda.get_device_capability."""
    _no_gpu()
    found = str(getattr(_gpus()[_current[0]], "compute_capability", "0.0"))
    major, _, minor = found.partition(".")
    return int(major), int(minor or 0)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of the GPU. Source: torch.cuda.mem_get_info."""
    _no_gpu()
    total = _memory("bytes_limit")
    return total - _memory("bytes_in_use"), total


def memory_stats(device: Any = None) -> dict[str, Any]:
    """What JAX knows about the GPU's memory, by JAX's names. Source: torch.cuda.memory_stats."""
    return dict(_gpus()[_current[0]].memory_stats() or {}) if _gpus() else {}


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """`memory_stats` as text. Source: torch.cuda.memory_summary."""
    return "\n".join(f"{name}: {value}" for name, value in memory_stats(device).items())


def ipc_collect() -> None:
    """Accepted: XLA shares no memory between processes. Source: torch.cuda.ipc_collect."""


def init() -> None:
    """Accepted: JAX initialises its devices itself. Source: torch.cuda.init."""
    _no_gpu()


reset_max_memory_allocated = reset_max_memory_cached = reset_accumulated_memory_stats = reset_peak_memory_stats


def __getattr__(name: str) -> Any:
    if name in ("amp", "streams"):
        return importlib.import_module(f"{__name__}.{name}")
    raise missing("torch.cuda", name, lambda: list(globals()))
