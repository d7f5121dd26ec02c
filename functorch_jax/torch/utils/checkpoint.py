"""Recomputing in the backward pass what the forward pass need not keep. Source: torch.utils.checkpoint."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from functorch_jax import grad_mode, jaxapi, levels, tree
from functorch_jax.torch import _autocast, _engine
from functorch_jax.torch._graph import FREED, Node, node_type, state
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "CheckpointError",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]


class CheckpointError(RuntimeError):
    """Raised when recomputing gives something else. Source: torch.utils.checkpoint.CheckpointError."""


def noop_context_fn() -> tuple[Any, Any]:
    """Two contexts that do nothing. Source: torch.utils.checkpoint.noop_context_fn."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Any:
    """Accepted: recomputing always runs to its end here. Source: torch.utils.checkpoint.set_checkpoint_early_stop."""
    yield


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call `function`, and keep of it nothing but its inputs: the backward pass calls it again.

    Tensors that it captures are found, and it works inside transforms too.

    Args:
        use_reentrant: PyTorch's two ways, which are one here; None warns, as there.
        context_fn: gives the contexts for the forward call and for calling again.
        preserve_rng_state: draw the same random numbers when calling again.

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch.utils.checkpoint import checkpoint
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> checkpoint(lambda x: x**3, x, use_reentrant=False).backward()
        >>> x.grad
        tensor(12.)

    Source: torch.utils.checkpoint.checkpoint.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. use_reentrant=False is "
            "recommended.",
            stacklevel=2,
        )
    if use_reentrant is not False and kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if use_reentrant is True:
        check_backward_validity(args)
    if use_reentrant is True and (context_fn is not noop_context_fn or debug):
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    first, second = context_fn()
    if not state.live or not grad_mode.is_grad_enabled() or levels.current() is not None:
        with first:
            return function(*args, **kwargs)
    random = _random_state() if preserve_rng_state else None
    start = _engine.now()
    with first:
        result = function(*args, **kwargs)
    leaves, _ = tree.flatten(result)
    outputs = [x for x in leaves if isinstance(x, Tensor) and x.node is not None and x.node.order >= start]
    if not outputs:
        return result
    edges = _engine.boundary([x.node for x in outputs], lambda node: node.order < start)
    node = node_type("CheckpointBackward", _Again)(
        edges, [(x.array.shape, x.array.dtype) for x in outputs], jaxapi.trace_ref()
    )
    where = [i for i, x in enumerate(leaves) if any(x is out for out in outputs)]
    node.call = (function, args, kwargs, second, random, where, _autocast.current())
    for k, x in enumerate(outputs):
        x._node, x._nr = node, k
    return result


def _random_state() -> Any:
    from functorch_jax import torch

    return torch.get_rng_state()


@contextlib.contextmanager
def _where_made(trace: Any) -> Iterator[None]:
    """Run outside of the transforms that have begun since a call was recorded: under vmap, the pass alone is mapped."""
    if jaxapi.trace_ref() is trace:
        yield
        return
    level = next((each for each in levels.stack() if each.outer_trace is trace), None)
    before, state.lift = state.lift, None
    try:
        with levels.outside(level), jaxapi.set_current_trace(jaxapi.EVAL_TRACE if trace is None else trace()):
            yield
    finally:
        state.lift = before


class _Again(Node):
    """A checkpointed call: its backward calls the function again and goes through what that records."""

    __slots__ = ("call",)
    call: Any

    def _pull(self, gradients: list[Any], create: bool) -> list[Any]:
        from functorch_jax import torch

        if self.call is None:
            raise RuntimeError(FREED)
        function, args, kwargs, context, random, where, precision = self.call
        present = None if random is None else torch.get_rng_state()
        token = _autocast.enter(precision) if _autocast.seen else None
        try:
            if random is not None:
                torch.set_rng_state(random)
            start = _engine.now()
            with _where_made(self.trace), grad_mode.enable_grad(), context:
                leaves, _ = tree.flatten(function(*args, **kwargs))
        finally:
            if present is not None:
                torch.set_rng_state(present)
            if token is not None:
                _autocast.leave(token)
        if len(leaves) <= where[-1] or any(leaves[i].node is None or leaves[i].node.order < start for i in where):
            raise CheckpointError(
                "torch.utils.checkpoint: the function recorded something else when it was called again"
            )
        outputs = [leaves[i] for i in where]
        if [(x.array.shape, x.array.dtype) for x in outputs] != list(self.kinds):
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                f"during the forward pass: {[x.shape for x in outputs]} and {[shape for shape, _ in self.kinds]}"
            )
        pairs = [(x, g) for x, g in zip(outputs, gradients, strict=True) if g is not None]
        edges = [(node, nr) for node, nr in self.edges if node is not None]
        roots = [(x.node, x._nr) for x, _ in pairs]
        captured = _engine.run(
            [x for x, _ in pairs], [g for _, g in pairs], create, create, edges, False, roots, stop=True
        )
        return [captured.get(edge) for edge in edges]

    def pull(self, gradients: list[Any]) -> list[Any]:
        return self._pull(gradients, False)

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        return self._pull(gradients, True)

    def free(self) -> None:
        self.freed, self.call = True, None


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn where no tensor among `inputs` requires grad. Source: torch.utils.checkpoint.check_backward_validity."""
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors without their history, each requiring grad as before. Source: torch.utils.checkpoint.detach_variable.

    Raises: RuntimeError for anything but a tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)  # type: ignore[attr-defined]


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Accepted: there is nothing to log. Source: torch.utils.checkpoint.set_checkpoint_debug_enabled."""
    yield


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run functions one after another, in `segments` checkpointed groups (the last is kept as it is).

    Source: torch.utils.checkpoint.checkpoint_sequential.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments

    def group(part: list[Any]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in part:
                x = step(x)
            return x

        return run

    end = size * (segments - 1)
    for k in range(0, end, size):
        input = checkpoint(group(steps[k : k + size]), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return group(steps[end:])(input)
