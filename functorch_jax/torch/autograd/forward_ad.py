"""Forward mode with dual tensors. Source: torch.autograd.forward_ad."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple

from functorch_jax import jaxapi
from functorch_jax.grad_mode import is_grad_enabled, resync
from functorch_jax.torch import _engine
from functorch_jax.torch._graph import Node, node_type, state
from functorch_jax.torch._tape import edge_of
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_levels: list[_Level] = []


class _Level(NamedTuple):
    trace: Any
    start: int  # nodes that were recorded since have an `order` of at least this


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, or None. Source: torch.autograd.forward_ad.UnpackedDualTensor."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Start forward mode; returns the level, 0. Source: torch.autograd.forward_ad.enter_dual_level."""
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(_Level(jaxapi.open_dual(), _engine.now()))
    state.dual = []
    resync()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End forward mode: the tangents are gone. Source: torch.autograd.forward_ad.exit_dual_level."""
    if not _levels:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not entered: Dual level must be a positive number."
        )
    if level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created.")
    trace = _levels.pop().trace
    jaxapi.close_dual(trace)
    written, state.dual = state.dual, None
    for tensor in written:
        tensor._array = jaxapi.split_dual(trace, tensor._array)[0]
    resync()


class dual_level:
    """A block in which tensors may have tangents.

    Example:
        >>> import functorch_jax.torch.autograd.forward_ad as fwAD
        >>> from functorch_jax import torch
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(torch.tensor(3.0), torch.tensor(1.0))
        ...     fwAD.unpack_dual(x * x).tangent
        tensor(6.)

    Source: torch.autograd.forward_ad.dual_level.
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with a tangent. Source: torch.autograd.forward_ad.make_dual.

    Raises: RuntimeError outside of a level or for a tangent of another size, ValueError for integers.
    """
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    array, moved = tensor.array, tangent.array
    if not jaxapi.is_inexact(array):
        raise ValueError(f"Expected primal to be floating point or complex, but got: {tensor.dtype}")
    if not jaxapi.is_inexact(moved):
        raise ValueError(f"Expected tangent to be floating point or complex, but got: {tangent.dtype}")
    if array.shape != moved.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(array.shape)} while the given forward gradient is of size "
            f"{list(moved.shape)}."
        )
    dual = wrap(jaxapi.make_dual(_levels[-1].trace, array, moved.astype(array.dtype)))
    here = jaxapi.trace_ref()
    edges = [edge_of(tensor, here), edge_of(tangent, here)]
    if any(node is not None for node, _ in edges):
        dual._node = _types[_Dual](edges, [(array.shape, array.dtype)], here)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent (None where there is none). Source: torch.autograd.forward_ad.unpack_dual."""
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    primal, tangent = _split(tensor, _levels[-1])
    return UnpackedDualTensor(tensor if tangent is None else primal, tangent)


# ---- the history of the parts ----------------------------------------------------------------------------------------


class _Dual(Node):
    """`make_dual`. A gradient of the dual goes to its primal; the tangent gets its own by way of `_Tangent`."""

    __slots__ = ()

    def pull(self, gradients: list[Any]) -> list[Any]:
        return [gradients[0], None]

    pull_recorded = pull


class _Primal(Node):
    """The primal of a dual tensor."""

    __slots__ = ()

    def pull(self, gradients: list[Any]) -> list[Any]:
        return gradients

    pull_recorded = pull


class _Tangent(Node):
    """The tangent of a dual tensor: reverse over forward.

    A backward pass through the graph of the dual, on dual tensors, gives for the cotangent c of the tangent at every
    edge the dual g + ε dg, where g is the gradient of ⟨c, tangent⟩ in the tangent there, and dg that in the primal.
    """

    __slots__ = ("bounds", "inner", "level")
    bounds: list[tuple[Node, int]]  # where the dual graph ends: at make_dual, and at tensors without a tangent
    inner: tuple[Node, int]
    level: _Level

    def _pull(self, gradients: list[Any], create: bool) -> list[Any]:
        with jaxapi.within_dual(self.level.trace):
            # the tangent has itself no tangent, nor has its gradient
            cotangent = _split(gradients[0] if create else wrap(gradients[0]), self.level)[0]
            found = _engine.run([self.inner], [cotangent], True, create, self.bounds, False, stop=True)
            result = []
            for node, nr in self.bounds:
                gradient = found.get((node, nr))
                parts = (None, None) if gradient is None else _split(_engine.finished(gradient), self.level)
                result += [parts[1], parts[0]] if isinstance(node, _Dual) else [parts[1]]
        return result if create else [None if x is None else x.array for x in result]

    def pull(self, gradients: list[Any]) -> list[Any]:
        return self._pull(gradients, False)

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        return self._pull(gradients, True)


_types = {_Dual: node_type("AliasBackward0", _Dual), _Primal: node_type("AliasBackward0", _Primal)}


def _outside(node: Node, level: _Level) -> bool:
    return node.order < level.start or isinstance(node, (_Dual, _Primal, _Tangent))


def _split(tensor: Any, level: _Level) -> tuple[Tensor, Tensor | None]:
    """The parts of a dual tensor, each with its history."""
    primal, tangent = jaxapi.split_dual(level.trace, tensor.array)
    if tangent is None:
        return (wrap(primal) if tensor.node is None else tensor), None
    value, moved = wrap(primal), wrap(tangent)
    if tensor.node is None or not is_grad_enabled():
        return value, moved
    edge, kinds, here = (tensor.node, tensor._nr), [(primal.shape, primal.dtype)], tensor.node.trace
    value._node = _types[_Primal]([edge], kinds, here)
    if _outside(edge[0], level):
        bounds = [edge]
    else:
        bounds = _engine.boundary([edge[0]], lambda node: _outside(node, level))
    edges = [e for node, nr in bounds for e in (node.edges if isinstance(node, _Dual) else [(node, nr)])]
    node = node_type("TangentBackward", _Tangent)(edges, kinds, here)
    node.inner, node.bounds, node.level = edge, bounds, level
    moved._node = node
    return value, moved
