"""Settings of PyTorch's that have no counterpart in XLA: accepted, remembered, without effect."""

from __future__ import annotations

import os
import types
from typing import Any

import jax

from functorch_jax.torch._op import function

__all__ = ["backends"]

_threads = {"intra": os.cpu_count() or 1, "inter": os.cpu_count() or 1}


@function("torch")
def set_num_threads(int: int) -> None:
    """Accepted and remembered: XLA chooses its threads itself."""
    _threads["intra"] = int


@function("torch")
def get_num_threads() -> int:
    return _threads["intra"]


@function("torch")
def set_num_interop_threads(int: int) -> None:
    _threads["inter"] = int


@function("torch")
def get_num_interop_threads() -> int:
    return _threads["inter"]


@function("torch")
def set_flush_denormal(mode: bool) -> bool:
    return False


_deterministic = {"on": False, "warn": False}


@function("torch")
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    _deterministic.update(on=bool(mode), warn=bool(warn_only))


@function("torch")
def are_deterministic_algorithms_enabled() -> bool:
    return _deterministic["on"]


@function("torch")
def is_deterministic_algorithms_warn_only_enabled() -> bool:
    return _deterministic["warn"]


@function("torch")
def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """0 or "default", 1 or "warn", 2 or "error": remembered. Source: torch.set_deterministic_debug_mode."""
    names: dict[int | str, int] = {"default": 0, "warn": 1, "error": 2}
    mode = names.get(debug_mode, debug_mode)
    if mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected `default`, `warn`, `error` or 0, 1, 2, but got {debug_mode}"
        )
    _deterministic.update(on=mode != 0, warn=mode == 1)


@function("torch")
def get_deterministic_debug_mode() -> int:
    return 0 if not _deterministic["on"] else 1 if _deterministic["warn"] else 2


_warn = [False]


@function("torch")
def set_warn_always(b: bool) -> None:
    """Accepted and remembered. Source: torch.set_warn_always."""
    _warn[0] = bool(b)


@function("torch")
def is_warn_always_enabled() -> bool:
    return _warn[0]


@function("torch")
def is_vulkan_available() -> bool:
    return False


@function("torch")
def _assert_async(input: Any, assert_msg: str = "Expected Tensor with single nonzero value, but got zero") -> None:
    """Raise if `input` is zero, where its value is known; nothing while it is being compiled."""
    from functorch_jax import jaxapi

    if not isinstance(jaxapi.peel_all(input.array), jaxapi.Tracer) and not bool(input):
        raise RuntimeError(assert_msg)


@function("torch")
def get_device(input: Any) -> int:
    """The index of the tensor's device; -1 on the CPU. Source: torch.get_device."""
    return input.get_device()


@function("torch")
def compiled_with_cxx11_abi() -> bool:
    return True


@function("torch")
def _assert(condition: Any, message: str) -> None:
    assert condition, message


@function("torch")
def typename(obj: Any) -> str:
    """The name of an object's type, with its module. Source: torch.typename."""
    from functorch_jax.torch._tensor import Tensor

    if isinstance(obj, Tensor):
        return obj.type()
    module = type(obj).__module__
    return type(obj).__qualname__ if module == "builtins" else f"{module}.{type(obj).__qualname__}"


class _Open(types.ModuleType):
    """A module whose settings may be assigned and read back."""

    def __init__(self, name: str, **values: Any) -> None:
        super().__init__(name, "Settings that are accepted and have no effect on XLA.")
        self.__dict__.update(values)


def _module(name: str, **values: Any) -> _Open:
    return _Open(f"functorch_jax.torch.{name}", **values)


backends = _module(
    "backends",
    cudnn=_module(
        "backends.cudnn", benchmark=False, deterministic=False, enabled=True, allow_tf32=True,
        is_available=lambda: False, version=lambda: None,
    ),
    cuda=_module(
        "backends.cuda", matmul=_module("backends.cuda.matmul", allow_tf32=False), is_built=lambda: _has("gpu"),
        enable_flash_sdp=lambda on: None, enable_math_sdp=lambda on: None, enable_mem_efficient_sdp=lambda on: None,
        flash_sdp_enabled=lambda: False, math_sdp_enabled=lambda: True, mem_efficient_sdp_enabled=lambda: False,
    ),
    mps=_module("backends.mps", is_available=lambda: False, is_built=lambda: False),
    mkl=_module("backends.mkl", is_available=lambda: False),
    mkldnn=_module("backends.mkldnn", is_available=lambda: False, enabled=False),
    openmp=_module("backends.openmp", is_available=lambda: False),
    opt_einsum=_module("backends.opt_einsum", enabled=True, strategy="auto", is_available=lambda: True),
)  # fmt: skip


def _has(platform: str) -> bool:
    try:
        return bool(jax.devices(platform))
    except RuntimeError:
        return False
