"""`torch.compile`, and what programs ask about it. A region runs as it stands unless it asks for one XLA program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax import jaxapi
from functorch_jax.torch._op import function

__all__ = ["compile", "is_compiling"]


@function("torch")
def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """`model` itself, a function or a module: the same answers, computed op by op, each op compiled by itself.

    It takes PyTorch's options, as a function and as a decorator, and compiles nothing further: random numbers stay
    PyTorch's own. `backend="openxla"` compiles the whole as one program, which is `functorch_jax.jit(model)`: there
    random numbers come from JAX's generator, new ones at each call. The result has no `_orig_mod`.

    Example:
        >>> from functorch_jax import torch
        >>> @torch.compile(fullgraph=True)
        ... def f(x):
        ...     return x.sin() + 1
        >>> f(torch.zeros(2))
        tensor([1., 1.])

    Raises: RuntimeError if both `mode` and `options` are given; TypeError for what cannot be called.

    Source: torch.compile.
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if model is None:
        return lambda model: compile(model, backend=backend)
    if not callable(model):
        raise TypeError(f"torch.compile(): a function or a module is needed, not {type(model).__name__}")
    if backend == "openxla" and not disable:
        from functorch_jax.torch._program import jit

        return jit(model)
    return model


def is_compiling() -> bool:
    """Whether the running code is being compiled, by `jax.jit` around it. Source: torch.compiler.is_compiling."""
    return jaxapi.trace_ref() is not None and _is_tracing()


def _is_tracing() -> bool:
    import jax.numpy as jnp

    return isinstance(jaxapi.peel_all(jnp.zeros(())), jaxapi.Tracer)
