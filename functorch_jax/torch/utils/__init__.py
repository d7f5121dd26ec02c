"""Tools around tensors: trees of containers and loading of data. Source: torch.utils."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from functorch_jax.torch._names import MissingName

_HERE = __name__


def __getattr__(name: str) -> Any:
    path = f"{_HERE}.{name}"
    if not name.startswith("__") and importlib.util.find_spec(path) is not None:
        return importlib.import_module(path)
    raise MissingName(f"module 'torch.utils' has no attribute '{name}'", "torch.utils", name, lambda: ["data"])
