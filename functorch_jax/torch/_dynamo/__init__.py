"""The names of TorchDynamo that programs set or call: accepted, without effect. Source: torch._dynamo."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._names import missing
from functorch_jax.torch._settings import _module
from functorch_jax.torch.compiler import allow_in_graph as allow_in_graph
from functorch_jax.torch.compiler import assume_constant_result as assume_constant_result
from functorch_jax.torch.compiler import disable as disable
from functorch_jax.torch.compiler import is_dynamo_compiling as is_compiling  # noqa: F401
from functorch_jax.torch.compiler import reset as reset

config = _module("_dynamo.config", suppress_errors=False, cache_size_limit=8, recompile_limit=8, verbose=False)


def graph_break(msg: str = "") -> None:
    """Accepted: there is no graph to break. Source: torch._dynamo.graph_break."""


def mark_dynamic(t: Any, index: Any, **kwargs: Any) -> None:
    """Accepted: every new shape is compiled anew. Source: torch._dynamo.mark_dynamic."""


mark_static = mark_dynamic


def __getattr__(name: str) -> Any:
    raise missing("torch._dynamo", name, lambda: ["config", "disable", "is_compiling", "reset"])
