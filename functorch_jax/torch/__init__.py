"""PyTorch's namespace over JAX: `from functorch_jax import torch`.

Importing it enables 64-bit types in JAX, because PyTorch's integers are 64 bits wide (see `_x64.py`).
"""

# ruff: noqa: F401 (names are what this module is for)
from __future__ import annotations

import contextlib
import importlib
import importlib.util
from typing import Any

from functorch_jax.torch import _x64  # first: it changes what JAX makes of a Python number

# isort: split
from functorch_jax.torch import _copies, _exchange, _factories, _info, _methods, _print, _tracking, ops, serialization

# isort: split
from functorch_jax.grad_mode import (
    enable_grad,
    inference_mode,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from functorch_jax.torch import _compile, _layout, _legacy, _names, _operators, _settings, amp, version
from functorch_jax.torch._device import device, get_default_device, set_default_device
from functorch_jax.torch._dtype import DTYPES, dtype
from functorch_jax.torch._info import CONSTANTS, finfo, iinfo
from functorch_jax.torch._layout import layout, memory_format
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._settings import backends
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor

__version__ = "2.13.0"

globals().update(DTYPES)
globals().update(NAMESPACES["torch"])
globals().update(_legacy.TYPES)
globals().update(_layout.NAMES)
globals().update(CONSTANTS)

with contextlib.suppress(ImportError):  # einops finds our tensors by it, where einops is installed
    importlib.import_module("functorch_jax.einops_backend")

# modules of this package that load when they are first named: `torch.nn`, `torch.func`, `torch.linalg`, ...
_HERE = __name__


def _submodule(name: str) -> Any:
    path = f"{_HERE}.{name}"
    return importlib.import_module(path) if importlib.util.find_spec(path) is not None else None


# modules that PyTorch calls private and programs use
_PRIVATE = ("_C", "_dynamo", "_higher_order_ops", "_inductor")

# functions of torch that live on a lower floor
_ELSEWHERE = {
    "vmap": "functorch_jax.transforms",
    "OutOfMemoryError": "functorch_jax.torch.cuda",
    **dict.fromkeys(("Event", "Stream"), "functorch_jax.torch.cuda.streams"),
    "GradScaler": "functorch_jax.torch.amp",
    **dict.fromkeys(
        ("is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_anomaly_enabled"),
        "functorch_jax.torch.autograd.anomaly_mode",
    ),
    **dict.fromkeys(("cond", "scan", "while_loop"), "functorch_jax.experimental.control_flow"),
}


def __getattr__(name: str) -> Any:
    if name.startswith("_") and name not in _PRIVATE and _names.why(f"torch.{name}") is None:
        raise AttributeError(f"module 'torch' has no attribute '{name}'")
    if name in _ELSEWHERE:
        value = getattr(importlib.import_module(_ELSEWHERE[name]), name)
    elif name in NAMESPACES["torch"]:
        value = NAMESPACES["torch"][name]
    else:
        value = None if name.startswith("_") and name not in _PRIVATE else _submodule(name)
    if value is None:
        raise _names.MissingName(f"module 'torch' has no attribute '{name}'", "torch", name, lambda: list(globals()))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({n for n in globals() if not n.startswith("_")} | {"nn", "func", "linalg", *_ELSEWHERE})
