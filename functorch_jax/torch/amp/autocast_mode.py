"""`torch.autocast`: products of matrices and convolutions in bfloat16 or float16, the rest as it was.

Which op runs in which precision is the table in `_autocast.py`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax

from functorch_jax.config import config
from functorch_jax.torch import _autocast
from functorch_jax.torch._device import device as torch_device
from functorch_jax.torch._dtype import DTYPES, np_dtype, torch_dtype
from functorch_jax.torch._op import NAMESPACES, function

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_DEVICES = ("cpu", "cuda", "tpu", "xla", "mps", "xpu")
_default = {"cpu": DTYPES["bfloat16"], "cuda": DTYPES["float16"]}


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows this kind of device. Source: torch.amp.is_autocast_available."""
    return torch_device(device_type).type in _DEVICES


def _usable(kind: str) -> bool:
    if kind != "cuda" or config.device == "auto":
        return True
    try:
        return bool(jax.local_devices(backend="gpu"))
    except RuntimeError:
        return False


class autocast:
    """In its block, or in the function it decorates, run products of matrices and convolutions in a lower precision.

    Ops that need the precision (losses, decompositions, Fourier transforms) run in float32, all others in what they
    are given, as in PyTorch. float64 is never changed. It holds inside `jax.jit` and under every transform.

    Args:
        device_type: "cpu", "cuda" or "tpu". "cuda" without a GPU warns and does nothing, as in PyTorch; with
            `functorch_jax.config.device = "auto"` it works on whatever device there is.
        dtype: torch.bfloat16 or torch.float16; by default float16 for "cuda" and bfloat16 elsewhere.
        enabled: False makes a region in which nothing is changed.
        cache_enabled: accepted; XLA does what PyTorch's cache of weights is for.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast("cpu"):
        ...     print((x @ x).dtype, (x + x).dtype)
        torch.bfloat16 torch.float32

    Source: torch.autocast.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        kind = torch_device(device_type).type
        if not is_autocast_available(kind):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = kind
        self.fast_dtype = get_autocast_dtype(kind) if dtype is None else dtype
        if enabled and not _usable(kind):
            warnings.warn(
                f"User provided device_type of '{kind}', but JAX finds none on this machine. Disabling autocast "
                '(functorch_jax.config.device = "auto" uses the device that there is)',
                stacklevel=2,
            )
            enabled = False
        if enabled and self.fast_dtype not in (DTYPES["bfloat16"], DTYPES["float16"]):
            warnings.warn(
                f"In {kind} autocast, but the target dtype {self.fast_dtype} is not supported: it is bfloat16 or "
                "float16. Disabling autocast",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._tokens: list[Any] = []

    def __enter__(self) -> autocast:
        state = _autocast.State(self.device, np_dtype(self.fast_dtype)) if self._enabled else None
        self._tokens.append(_autocast.enter(state))
        return self

    def __exit__(self, *exc: Any) -> None:
        _autocast.leave(self._tokens.pop())

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return wrapper


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str = "cuda", cast_inputs: Any = None
) -> Callable[..., Any]:
    """For `forward` of an autograd.Function: run it with its inputs cast to `cast_inputs`, and without autocast.

    Without `cast_inputs` it runs in the region it is called in. Source: torch.amp.custom_fwd.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if cast_inputs is None or _autocast.current() is None:
            return fwd(*args, **kwargs)
        kind = np_dtype(cast_inputs)
        with autocast(device_type, enabled=False):
            return fwd(
                *(_autocast._to(each, kind) for each in args), **{k: _autocast._to(v, kind) for k, v in kwargs.items()}
            )

    return wrapper


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str = "cuda") -> Callable[..., Any]:
    """For `backward` of an autograd.Function; it runs as it is. Source: torch.amp.custom_bwd."""
    return functools.partial(custom_bwd, device_type=device_type) if bwd is None else bwd


# ---- torch.is_autocast_enabled and its kin ---------------------------------------------------------------------------


@function("torch")
def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether an `autocast` region is running, for this kind of device. Source: torch.is_autocast_enabled."""
    state = _autocast.current()
    return state is not None and state.device == (device_type or "cuda")


@function("torch")
def is_autocast_cpu_enabled() -> bool:
    return is_autocast_enabled("cpu")


@function("torch")
def get_autocast_dtype(device_type: str) -> Any:
    """The lower precision of a kind of device: in the running region, or by default."""
    state = _autocast.current()
    if state is not None and state.device == device_type:
        return torch_dtype(state.dtype)
    return _default.get(device_type, DTYPES["bfloat16"])


@function("torch")
def get_autocast_cpu_dtype() -> Any:
    return get_autocast_dtype("cpu")


@function("torch")
def get_autocast_gpu_dtype() -> Any:
    return get_autocast_dtype("cuda")


@function("torch")
def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Change the default precision of regions for a kind of device. Source: torch.set_autocast_dtype."""
    _default[device_type] = dtype


@function("torch")
def set_autocast_cpu_dtype(dtype: Any) -> None:
    set_autocast_dtype("cpu", dtype)


@function("torch")
def set_autocast_gpu_dtype(dtype: Any) -> None:
    set_autocast_dtype("cuda", dtype)


@function("torch")
def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Begin or end autocast here, without a block. Source: torch.set_autocast_enabled."""
    kind, on = ("cuda", device_type) if enabled is None else (device_type, enabled)
    _autocast.enter(_autocast.State(kind, np_dtype(get_autocast_dtype(kind))) if on else None)


@function("torch")
def set_autocast_cpu_enabled(enabled: bool) -> None:
    set_autocast_enabled("cpu", enabled)


_cache = [True]


@function("torch")
def is_autocast_cache_enabled() -> bool:
    return _cache[0]


@function("torch")
def set_autocast_cache_enabled(enabled: bool) -> None:
    """Accepted and remembered: XLA does what the cache of cast weights is for."""
    _cache[0] = bool(enabled)


@function("torch")
def clear_autocast_cache() -> None:
    """Accepted: there is no cache. Source: torch.clear_autocast_cache."""


NAMESPACES["torch"]["autocast"] = autocast
