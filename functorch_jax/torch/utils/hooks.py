"""The handle that takes a hook off again. Source: torch.utils.hooks."""

from __future__ import annotations

from functorch_jax.torch.nn._hooks import RemovableHandle as RemovableHandle

__all__ = ["RemovableHandle"]
