"""What steers `torch.compile`: accepted, and without effect while nothing is compiled. Source: torch.compiler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from functorch_jax.torch._compile import compile, is_compiling
from functorch_jax.torch._names import missing

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling",
    "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance",
]  # fmt: skip


def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn` itself, as a function and as a decorator. Source: torch.compiler.disable."""
    return (lambda fn: fn) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """`fn` itself. Source: torch.compiler.allow_in_graph."""
    return fn


def assume_constant_result(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself. Source: torch.compiler.assume_constant_result."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Accepted: XLA has no CUDA graphs to mark. Source: torch.compiler.cudagraph_mark_step_begin."""


def reset() -> None:
    """Accepted: there is nothing compiled to forget. Source: torch.compiler.reset."""


def set_stance(stance: str = "default", *, skip_guard_eval_unsafe: bool = False, **kwargs: Any) -> Any:
    """Accepted, also as a context manager. Source: torch.compiler.set_stance."""
    return contextlib.nullcontext()


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """What `backend=` of `torch.compile` may name. Source: torch.compiler.list_backends."""
    return ["inductor"]


def is_dynamo_compiling() -> bool:
    """False: there is no TorchDynamo. Source: torch.compiler.is_dynamo_compiling."""
    return False


is_exporting = is_dynamo_compiling


def __getattr__(name: str) -> Any:
    raise missing("torch.compiler", name, lambda: __all__)
