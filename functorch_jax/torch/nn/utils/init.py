"""Making a module without filling its parameters."""

from __future__ import annotations

import inspect
from typing import Any

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters have no particular values; the random state stays as it is.

    Errors: RuntimeError for what is no Module; ValueError for one without a `device` argument.
    Source: torch.nn.utils.skip_init.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = NAMESPACES["torch"]["get_rng_state"]()
    try:
        return module_cls(*args, **kwargs)
    finally:
        NAMESPACES["torch"]["set_rng_state"](state)
