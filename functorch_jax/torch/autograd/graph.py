"""The recorded graph, for programs that look at it.

Source: torch.autograd.graph.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from functorch_jax import jaxapi
from functorch_jax.torch import _engine
from functorch_jax.torch._graph import Node, state
from functorch_jax.torch._tape import edge_of
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
    "set_override_stale_capture_stream",
    "set_warn_on_accumulate_grad_stream_mismatch",
]


class GradientEdge(NamedTuple):
    """Where in the graph a gradient arrives: a node and which of its outputs.

    Source: torch.autograd.graph.GradientEdge.
    """

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of `tensor` arrives. Source: torch.autograd.graph.get_gradient_edge.

    Raises: RuntimeError for a tensor that requires no grad.
    """
    node, nr = edge_of(tensor, jaxapi.trace_ref())
    if node is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(node, nr)


# ---- hooks on what the tape keeps ------------------------------------------------------------------------------------


def _hooks_allowed() -> None:
    if state.packing_refused is not None:
        raise RuntimeError(state.packing_refused)


class saved_tensors_hooks:
    """A block in which what the tape keeps goes through `pack_hook`, and through `unpack_hook` in the backward pass.

    Source: torch.autograd.graph.saved_tensors_hooks.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self._hooks = (pack_hook, unpack_hook)

    def __enter__(self) -> None:
        _hooks_allowed()
        state.packing = (*state.packing, self._hooks)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        state.packing = state.packing[:-1]


class save_on_cpu:
    """Accepted: what the tape keeps stays where it is. Source: torch.autograd.graph.save_on_cpu."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        pass

    def __enter__(self) -> None:
        _hooks_allowed()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block in which hooks on what the tape keeps raise RuntimeError with this message.

    Raises: RuntimeError, with the message, where such hooks are in force already.
    Source: torch.autograd.graph.disable_saved_tensors_hooks.
    """
    if state.packing:
        raise RuntimeError(error_message)
    before, state.packing_refused = state.packing_refused, error_message
    try:
        yield
    finally:
        state.packing_refused = before


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """A block in which tensors that the tape keeps may be written: the backward pass has their values from before.

    Arrays of JAX do not change, so nothing is copied, and the backward pass may also come after the block.

    Raises: RuntimeError inside another such block. Source: torch.autograd.graph.allow_mutation_on_saved_tensors.
    """
    if state.mutation:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    state.mutation = True
    try:
        yield _AllowMutationOnSavedContext()
    finally:
        state.mutation = False


class _AllowMutationOnSavedContext:
    def clear(self) -> None:
        """Nothing is kept here."""


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write to a tensor, or to each of several, that was made unseen.

    A backward pass that needs their values from before raises. Raises: RuntimeError for anything else than tensors.
    Source: torch.autograd.graph.increment_version.
    """
    tensors = (tensor,) if isinstance(tensor, Tensor) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for each in tensors:
        if not isinstance(each, Tensor):
            raise RuntimeError("increment_version expects each element of the iterable to be a tensor")
        each.root._version += 1


# ---- one hook for several gradients ----------------------------------------------------------------------------------


class _MultiHandle:
    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all") -> Any:
    """Have `fn` run in each backward pass that comes to some of `tensors`.

    Args:
        tensors: those whose gradients are wanted; with mode "all", all require grad.
        fn: with mode "all" it gets the list of their gradients when the last is there, None for a tensor that the pass
            does not come to; with mode "any" the first gradient, once a pass. What it returns is ignored.

    Returns: a handle with `remove()`. Raises: ValueError for another mode, AssertionError for a tensor that requires no
        grad. Source: torch.autograd.graph.register_multi_grad_hook.

    Example:
        >>> from functorch_jax import torch
        >>> x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> handle = torch.autograd.graph.register_multi_grad_hook((x, y), lambda grads: print(grads[0]))
        >>> (x * y * 3).sum().backward()
        tensor([3., 3.])
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        tensors = [tensor for tensor in tensors if tensor.requires_grad]
    nodes = [edge_of(tensor, jaxapi.trace_ref())[0] for tensor in tensors]
    if any(node is None for node in nodes):
        raise AssertionError("Expected gradient function to be set: each tensor must require grad")
    lock = threading.Lock()
    seen: dict[Any, list[Any]] = {}  # of each running pass: gradients so far, and how many are still to come

    def arrived(i: int, gradient: Any) -> None:
        work = _engine.running()
        with lock:
            if work not in seen:
                expected = 1 if mode == "any" else sum(node in work.visits for node in nodes)
                seen[work] = [[None] * len(nodes), expected]
                work.afterwards.append(lambda: seen.pop(work, None))
            entry = seen[work]
            entry[0][i] = gradient
            entry[1] -= 1
        if entry[1] == 0:
            fn(gradient if mode == "any" else entry[0])

    return _MultiHandle([t.register_hook(lambda g, i=i: arrived(i, g)) for i, t in enumerate(tensors)])  # type: ignore[attr-defined]


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Accepted: there are no streams. Source: torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch."""


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Accepted: there are no streams. Source: torch.autograd.graph.set_override_stale_capture_stream."""
