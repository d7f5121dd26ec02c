"""functorch's programs on JAX."""

from __future__ import annotations

import importlib
from typing import Any

from functorch_jax.config import config

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "torch":
        return importlib.import_module("functorch_jax.torch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
