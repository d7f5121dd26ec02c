"""Tensors made under `inference_mode`: constants that reverse mode refuses to keep for its backward pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functorch_jax import grad_mode, jaxapi, levels
from functorch_jax.tree import Box

seen = False
"""Whether there ever was such a tensor inside a transform: until then an op need not look."""

# ops whose derivative does not need the values of their arguments
KEEPS_NOTHING = frozenset(
    "add sub neg cat stack clone sum mean view reshape expand permute transpose unsqueeze squeeze select slice getitem "
    "detach copy_ zeros_like ones_like eq ne lt le gt ge".split()
)


def note() -> None:
    """An inference tensor was made; it matters only inside a transform."""
    global seen
    seen = seen or levels.current() is not None


def check(name: str, values: Iterable[Any]) -> None:
    """Raise PyTorch's error when the op `name` would keep an inference tensor for a backward pass."""
    if name in KEEPS_NOTHING or not grad_mode.is_grad_enabled():
        return
    tensors = [v for v in values if isinstance(v, Box)]
    if not any(getattr(t, "_inference", False) for t in tensors):
        return
    reverse = {level.trace() for level in levels.stack() if level.kind == "grad"}
    if reverse and any(_tracked_by(t.array, reverse) for t in tensors):
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Clone it outside of inference mode to get a normal "
            "tensor and use that, or compute it under no_grad"
        )


def _tracked_by(array: Any, traces: set[Any]) -> bool:
    while (level := jaxapi.peel(array)) is not None:
        if array._trace in traces:
            return True
        array = level.inner
    return False
