"""The recorded graph, for programs that look at it.

Source: torch.autograd.graph.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

from functorch_jax import jaxapi
from functorch_jax.torch._graph import Node, state
from functorch_jax.torch._tape import edge_of
from functorch_jax.torch._tensor import Tensor

__all__ = ["GradientEdge", "Node", "get_gradient_edge", "save_on_cpu", "saved_tensors_hooks"]


class GradientEdge(NamedTuple):
    """Where in the graph a gradient arrives: a node and which of its outputs.

    Source: torch.autograd.graph.GradientEdge.
    """

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of `tensor` arrives. Source: torch.autograd.graph.get_gradient_edge.

    Raises: RuntimeError for a tensor that requires no grad.
    """
    node, nr = edge_of(tensor, jaxapi.trace_ref())
    if node is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(node, nr)


class saved_tensors_hooks:
    """A block in which what the tape keeps goes through `pack_hook`, and through `unpack_hook` in the backward pass.

    Source: torch.autograd.graph.saved_tensors_hooks.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self._hooks = (pack_hook, unpack_hook)

    def __enter__(self) -> None:
        state.packing = (*state.packing, self._hooks)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        state.packing = state.packing[:-1]


class save_on_cpu:
    """Accepted: what the tape keeps stays where it is. Source: torch.autograd.graph.save_on_cpu."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass
