"""`torch.device`: PyTorch's names for JAX's devices.

"cpu", "cuda" and "tpu" (and "cuda:1") name devices that JAX lists; "meta" holds shapes without values. A name without
a device behind it is an error where it is used, unless `functorch_jax.config.device` is "auto": then it means JAX's
default device.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax

from functorch_jax import jaxapi
from functorch_jax.config import config

__all__ = ["default_device", "device", "device_of", "jax_device", "set_default_device", "to_device"]

# PyTorch's device types, with the platform of JAX that each means; those without one can be named but not used
_PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "tpu": "tpu", "mps": "METAL", "xla": "tpu", "meta": "meta"}
_UNUSABLE = ("ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "lazy", "vulkan", "hpu")
_TYPES = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "rocm": "cuda", "tpu": "tpu", "METAL": "mps"}
_MISSING = {
    # the class and words of a PyTorch that was built without the device
    "cuda": (AssertionError, "Torch not compiled with CUDA enabled"),
    "mps": (RuntimeError, "PyTorch is not linked with support for mps devices"),
}

_default: ContextVar[device | None] = ContextVar("functorch_jax_default_device", default=None)


class device:
    """Where a tensor lives: `torch.device("cuda:1")`, `torch.device("cuda", 1)`, or a JAX device.

    As a context manager it is where the factories put new tensors.

    Source: torch.device.
    """

    __slots__ = ("_token", "index", "type")

    type: str
    index: int | None

    def __new__(cls, type: Any = None, index: int | None = None) -> device:
        if isinstance(type, device) and index is None:
            return type
        if isinstance(type, jax.Device):
            type, index = _TYPES.get(type.platform, type.platform), None if type.platform == "cpu" else type.id
        elif isinstance(type, int) and not isinstance(type, bool):
            type, index = _accelerator(), type
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be a str, an int or a device, not {_name(type)}")
        match = re.fullmatch(r"([a-z]+)(?::(\d+))?", type)
        if match is None:
            raise RuntimeError(f"Invalid device string: '{type}'")
        kind, number = match[1], match[2]
        if kind not in _PLATFORMS and kind not in _UNUSABLE:
            raise RuntimeError(f"Expected one of {', '.join(_PLATFORMS)} device type at start of device string: {type}")
        if number is not None:
            if index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed: {type}")
            index = int(number)
        self = object.__new__(cls)
        self.type, self.index, self._token = kind, index, []
        return self

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        self._token.append(_default.set(self))
        return self

    def __exit__(self, *exc: Any) -> None:
        _default.reset(self._token.pop())

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with device(str(self)):
                return func(*args, **kwargs)

        return wrapper


def _name(x: Any) -> str:
    return type(x).__name__


def _accelerator() -> str:
    platform = jax.default_backend()
    if platform == "cpu" and config.device != "auto":
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return _TYPES.get(platform, "cuda") if platform != "cpu" else "cuda"


@functools.lru_cache(maxsize=64)
def _devices(platform: str) -> tuple[jax.Device, ...]:
    try:
        return tuple(jax.local_devices(backend=platform))
    except RuntimeError:
        return ()


def jax_device(value: Any, call: str = "device()") -> jax.Device | str | None:
    """The JAX device that `value` (a name, an index, a `torch.device`) means; "meta"; None for no choice.

    Raises what PyTorch raises for a device that the machine lacks.
    """
    if value is None or isinstance(value, jax.Device):
        return value
    if not isinstance(value, (device, str, int)) or isinstance(value, bool):
        raise TypeError(f"{call}: argument 'device' must be torch.device, not {_name(value)}")
    want = value if isinstance(value, device) else device(value)
    if want.type == "meta":
        return "meta"
    found = _devices(_PLATFORMS.get(want.type, want.type))
    if not found:
        if config.device == "auto":
            return None
        kind, message = _MISSING.get(want.type, (RuntimeError, f"JAX finds no {want.type} device on this machine"))
        hint = '. JAX finds no such device; functorch_jax.config.device = "auto" takes its default one instead'
        raise kind(message + hint)
    if want.index is None or want.type == "cpu":
        return found[0]
    if want.index >= len(found):
        if config.device == "auto":
            return found[-1]
        raise RuntimeError(f"invalid device ordinal: {want}, and this machine has {len(found)} of them")
    return found[want.index]


def set_default_device(value: Any) -> None:
    """Where factories put new tensors from here on; None for JAX's default. Source: torch.set_default_device."""
    _default.set(None if value is None else device(value))


def get_default_device() -> device:
    """Where factories put new tensors. Source: torch.get_default_device."""
    return _default.get() or device(_first())


def default_device() -> device | None:
    """The device chosen by `set_default_device` or a `with torch.device(...)` block."""
    return _default.get()


@functools.lru_cache(maxsize=1)
def _first() -> jax.Device:
    return jax.local_devices()[0]


@functools.lru_cache(maxsize=64)
def _torch_device(where: jax.Device) -> device:
    return device(where)


def device_of(array: Any) -> device:
    """The device of an array, of what a tracer wraps, or the default one for a value without a place yet."""
    array = jaxapi.peel_all(array)
    if isinstance(array, jax.ShapeDtypeStruct):
        return device("meta")
    if isinstance(array, jaxapi.Tracer) or not isinstance(array, jax.Array):
        return get_default_device()
    return _torch_device(next(iter(array.devices())))


def to_device(array: Any, where: Any) -> Any:
    """`array` on the device that `jax_device` gave; unchanged when it is there already."""
    if where is None:
        return array
    if where == "meta":
        return jax.ShapeDtypeStruct(array.shape, array.dtype)
    inside = jaxapi.peel_all(array)
    if isinstance(inside, jax.Array) and not isinstance(inside, jaxapi.Tracer) and inside.devices() == {where}:
        return array
    if isinstance(inside, jax.ShapeDtypeStruct):
        raise NotImplementedError(
            "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of "
            "torch.nn.Module.to() when moving module from meta to a different device."
        )
    return jax.device_put(array, where)
