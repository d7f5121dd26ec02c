"""Recording: a call of an op on tensors that require grad leaves a node behind.

An op is recorded when grad mode is on and one of its tensors requires grad and was made where the op runs: at the top,
or inside the same transform. What a transformed function reads from outside of it is found by `read`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch._graph import AccumulateGrad, Node, OpNode, Packed, Rule, Saved, is_inexact, node_type, state
from functorch_jax.torch._graph_names import backward_name
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["accumulator", "call", "edge_of", "record", "trace_of", "tracked", "unpack", "written_back"]

# ops that keep their result for the backward, and those that keep nothing: what an in-place write may not change
_KEEPS_RESULT = frozenset(
    "exp sigmoid tanh sqrt rsqrt reciprocal softmax log_softmax relu relu6 elu selu celu hardtanh cumprod tan exp2 "
    "expm1 cholesky inv det logdet slogdet leaky_relu threshold".split()
)


def tracked(values: Any) -> bool:
    """Whether one of these arguments, or of the lists among them, requires grad."""
    for v in values:
        if isinstance(v, Tensor):
            if v._node is not None or v._requires_grad or (v._parent is not None and v.node is not None):
                return True
        elif type(v) in (list, tuple) and tracked(v):
            return True
    return False


def accumulator(leaf: Tensor) -> AccumulateGrad:
    """The node in which the graph of a leaf ends: one and the same as long as something holds it."""
    ref = leaf._accumulator
    node = None if ref is None else ref()
    if node is None:
        import weakref

        node = AccumulateGrad(leaf)
        leaf._accumulator = weakref.ref(node)
    return node


def edge_of(tensor: Any, here: Any) -> tuple[Node | None, int]:
    """The node that made `tensor`, and which of its outputs it is; (None, 0) for a constant."""
    if not isinstance(tensor, Tensor):
        return None, 0
    node = tensor.node
    if node is not None:
        return (node, tensor._nr) if node.trace is here else (None, 0)
    if tensor._requires_grad and tensor._trace is here and is_inexact(tensor._array):
        return accumulator(tensor), 0
    return None, 0


def trace_of(tensor: Any) -> Any:
    """The trace on which the graph of `tensor` was recorded; for a leaf, where it was made."""
    if isinstance(tensor, tuple):  # a GradientEdge
        return tensor[0].trace
    if not isinstance(tensor, Tensor):
        return None
    node = tensor.node
    return tensor._trace if node is None else node.trace


def record(rule: Rule, key: Any, tensors: Sequence[Any], arrays: Sequence[Any], result: Any, name: str = "") -> Any:
    """`result` in tensors, with a node when one of `tensors` (parallel to `arrays`) requires grad here."""
    here = jaxapi.trace_ref()
    edges, positions = [], []
    for i, t in enumerate(tensors):
        if t is not None:
            edge = edge_of(t, here)
            if edge[0] is not None and is_inexact(arrays[i]):
                edges.append(edge)
                positions.append(i)
    leaves, treedef = jax.tree_util.tree_flatten(result)
    given = tuple(i for i, x in enumerate(leaves) if is_inexact(x))
    outputs = [wrap(x) for x in leaves]
    if edges and given:
        at = tuple(positions)
        node = node_type(name or backward_name(rule.name, key, arrays), OpNode)(
            edges, [(x.shape, x.dtype) for x in leaves], here
        )
        node.rule, node.key, node.positions = rule, key, at
        needs, node._layout = rule.needs(key, at, given, arrays)
        node.arrays = tuple(a if need else (a.shape, a.dtype) for a, need in zip(arrays, needs, strict=True))
        node.saved = tuple(
            Saved(t, a) if need and isinstance(t, Tensor) else None
            for t, a, need in zip(tensors, arrays, needs, strict=True)
        )
        if state.packing:
            _pack(node)
        for i in given:
            outputs[i]._node = node
            outputs[i]._nr = i
        node.result = Saved(outputs[0], leaves[0]) if rule.name in _KEEPS_RESULT else None
        if node.result is not None:
            node.result.node = node.result.array = None  # no circle, and nothing kept: the version is all that counts
        if state.anomaly:
            from functorch_jax.torch import _engine

            _engine.note_traceback(node)
    return _rebuild(treedef, outputs)


def _pack(node: Any) -> None:
    hooks = state.packing[-1]
    node.arrays = tuple(Packed(a, hooks) if hasattr(a, "aval") else a for a in node.arrays)
    for saved in node.saved:
        if saved is not None:
            saved.array = None


def _rebuild(treedef: Any, outputs: list[Any]) -> Any:
    if len(outputs) == 1 and jax.tree_util.treedef_is_leaf(treedef):
        return outputs[0]
    return jax.tree_util.tree_unflatten(treedef, outputs)


def call(rule: Rule, key: Any, inputs: Sequence[Any]) -> Any:
    """Run a rule on tensors, arrays and numbers, and record it when it should be."""
    arrays = [x.read() if isinstance(x, Tensor) else x for x in inputs]
    result = rule.run(key, *arrays)
    if state.live and grad_mode.is_grad_enabled():
        return record(rule, key, [x if isinstance(x, Tensor) else None for x in inputs], arrays, result)
    leaves, treedef = jax.tree_util.tree_flatten(result)
    return _rebuild(treedef, [wrap(x) for x in leaves])


def keep_retaining(tensor: Tensor, node: Any, nr: int) -> None:
    """Let `retain_grad` follow a tensor whose history is about to become this one."""
    retained = tensor._node.retained
    ref = retained.get(tensor._nr)
    if ref is not None and ref() is tensor and node is not None:
        del retained[tensor._nr]
        node.retained = {**(node.retained or {}), nr: ref}


def written_back(node: Any, targets: Sequence[Tensor]) -> None:
    """Say that what `node` gives is about to be written into `targets`: it keeps their values from before."""
    for saved in getattr(node, "saved", ()) or ():
        if saved is not None:
            for target in targets:
                saved.forget(target.root)


def unpack(saved: Saved, array: Any = None) -> Tensor:
    """A tensor that a node kept, with its history; `array` is its value when hooks packed it."""
    array = saved.array if array is None else array
    if saved.leaf is not None and saved.leaf._array is array:
        return saved.leaf
    tensor = wrap(array)
    tensor._trace = saved.trace  # so that a transform sees a tensor from outside
    tensor._untracked = False
    if saved.leaf is not None:
        tensor._node, tensor._nr = accumulator(saved.leaf), 0
    else:
        tensor._node, tensor._nr = saved.node, saved.nr
    if tensor._node is not None:
        tensor._trace = tensor._node.trace
    return tensor


# ---- writing ---------------------------------------------------------------------------------------------------------

_WRITTEN = Rule("copy", lambda key, arrays: arrays[1])


def written(target: Tensor, value: Any) -> Tensor:
    """`value` as what an in-place operation makes of a tracked `target`: a tensor with a history."""
    source = value if isinstance(value, Tensor) else None
    array = value.array if source is not None else value
    if source is not None and edge_of(source, jaxapi.trace_ref())[0] is not None:
        return source
    old = target.array
    return record(_WRITTEN, None, [target, None], [old, array], array, "CopyBackwards")  # type: ignore[no-any-return]


def write_through(view: Tensor, value: Any) -> Tensor:
    """The value of the tensor that `view` shows part of, once `value` is written into it."""
    op, key, arrays = view._view
    parent = view._parent
    assert parent is not None
    rule = op.put_rule
    source = value if isinstance(value, Tensor) else None
    inputs = [parent.array, value.array if source is not None else value, *arrays]
    result = rule.run(key, *inputs)
    tensors = [parent, source, *([None] * len(arrays))]
    return record(rule, key, tensors, inputs, result, "CopySlices")  # type: ignore[no-any-return]
