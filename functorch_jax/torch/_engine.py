"""The backward pass: gradients go from node to node, the latest recorded first."""

from __future__ import annotations

import heapq
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence, Set
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax import grad_mode, jaxapi, levels
from functorch_jax.torch._graph import FREED, AccumulateGrad, Node, sequence, state
from functorch_jax.torch._promote import cast, type_name
from functorch_jax.torch._tape import edge_of
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = [
    "FREED",
    "boundary",
    "call_node",
    "finished",
    "initial",
    "note_traceback",
    "release",
    "retain",
    "root_edge",
    "run",
    "running",
]

_add = jax.jit(jnp.add)
_storing = threading.RLock()
_running: ContextVar[Any] = ContextVar("functorch_jax_backward", default=None)


def _as_tensor(x: Any) -> Any:
    return x if x is None or isinstance(x, Tensor) else wrap(x)


def _as_array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else x


class _Pass:
    """One run of the engine. With `recorded`, gradients are tensors and their computation is recorded in turn."""

    def __init__(self, recorded: bool, retain: bool, accumulate: bool) -> None:
        self.recorded = recorded
        self.retain = retain
        self.accumulate = accumulate  # into the `grad` of leaves
        self.pending: dict[Node, list[Any]] = {}
        self.captured: dict[tuple[Node, int], Any] = {}
        self.wanted: set[tuple[Node, int]] | None = None
        self.stop: set[Node] = set()  # the pass goes no further than these, which hold wanted edges
        self.visits: Any = frozenset()  # the nodes that it comes to
        self.afterwards: list[Any] = []  # what to call when the pass has ended, well or not

    def add(self, node: Node, i: int, gradient: Any) -> None:
        slots = self.pending.get(node)
        if slots is None:
            slots = self.pending[node] = [None] * len(node.kinds)
        old = slots[i]
        if old is None:
            slots[i] = gradient
        else:
            slots[i] = old + gradient if self.recorded else _add(old, gradient)

    def run(self, roots: Sequence[tuple[tuple[Node, int], Any]]) -> None:
        counts = _dependencies([edge[0] for edge, _ in roots], self.stop)
        useful = None if self.wanted is None else _useful(counts, {n for n, _ in self.wanted})
        self.visits = counts if useful is None else useful
        for (node, i), gradient in roots:
            self.add(node, i, gradient)
        heap: list[tuple[bool, int, Node]] = []
        for node in self.pending:
            if counts[node] == 0:
                heapq.heappush(heap, _turn(node))
        while heap:
            node = heapq.heappop(heap)[2]
            gradients = self.pending.pop(node, None)
            if node in self.stop:
                self.captured.update({(node, i): g for i, g in enumerate(gradients or ()) if g is not None})
                continue
            if useful is not None and node not in useful:
                continue
            inputs = self.visit(node, [None] * len(node.kinds) if gradients is None else gradients, useful)
            for k, (nxt, i) in enumerate(node.edges):
                if nxt is None:
                    continue
                if inputs is not None and inputs[k] is not None:
                    self.add(nxt, i, inputs[k])
                counts[nxt] -= 1
                if counts[nxt] == 0:
                    heapq.heappush(heap, _turn(nxt))

    def visit(self, node: Node, gradients: list[Any], useful: Any) -> Any:
        if node.tensor_hooks is not None or node.retained is not None:
            self._tensor_hooks(node, gradients)
        if self.wanted is not None:
            for i, gradient in enumerate(gradients):
                if (node, i) in self.wanted:
                    self.captured[node, i] = gradient
        if isinstance(node, AccumulateGrad):
            self._leaf(node, gradients[0])
            return None
        if node.prehooks:
            gradients = self._prehooks(node, gradients)
        if self.wanted is not None and not any(n in useful for n, _ in node.edges if n is not None):
            return None
        try:
            if node.linear and all(g is None for g in gradients):
                inputs: Any = [None] * len(node.edges)
            else:
                inputs = node.pull_recorded(gradients) if self.recorded else node.pull(gradients)
        except Exception:
            if state.anomaly:
                _show(node)
            raise
        if state.anomaly and state.check_nan:
            _check_nan(node, inputs)
        if node.hooks:
            inputs = self._hooks(node, inputs, gradients)
        if not self.retain:
            node.free()
        return inputs

    def _native(self, x: Any) -> Any:
        return _as_tensor(x) if self.recorded else _as_array(x)

    def _tensor_hooks(self, node: Node, gradients: list[Any]) -> None:
        for i, hooks in (node.tensor_hooks or {}).items():
            for hook in list(hooks.values()):
                gradients[i] = self._hooked(hook, gradients[i])
        for i, ref in (node.retained or {}).items():
            tensor = ref()
            if tensor is not None and gradients[i] is not None:
                self._store(tensor, gradients[i])

    def _hooked(self, hook: Any, gradient: Any) -> Any:
        changed = hook(_as_tensor(gradient))
        if changed is None:
            return gradient
        if gradient is None:
            raise RuntimeError("can't replace a None gradient with a non-None value")
        return self._checked(hook, changed, gradient)

    def _checked(self, hook: Any, changed: Any, gradient: Any) -> Any:
        """What a hook gave in the place of a gradient. Raises PyTorch's error when it cannot take it."""
        if changed is None:
            return None
        if not isinstance(changed, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(changed).__name__}'")
        old, new = _as_array(gradient), changed.array
        if old is not None and new.shape != old.shape:
            raise RuntimeError(
                f"hook '{_name(hook)}' has changed the size of value: the gradient given to it is of size "
                f"{list(old.shape)} and it returned one of size {list(new.shape)}"
            )
        if old is not None and new.dtype != old.dtype:
            raise RuntimeError(
                f"hook '{_name(hook)}' has changed the type of value (was torch.{type_name(old.dtype)}Tensor got "
                f"torch.{type_name(new.dtype)}Tensor)"
            )
        return self._native(changed)

    def _replaced(self, hook: Any, changed: Any, old: Sequence[Any]) -> list[Any]:
        changed = changed if isinstance(changed, tuple) else (changed,)
        if len(changed) != len(old):
            raise RuntimeError(
                f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(changed)}, but expected "
                f"{len(old)})"
            )
        return [self._checked(hook, new, g) for new, g in zip(changed, old, strict=True)]

    def _prehooks(self, node: Node, gradients: list[Any]) -> list[Any]:
        for hook in list(node.prehooks.values()):
            changed = hook(tuple(map(_as_tensor, gradients)))
            if changed is not None:
                gradients = self._replaced(hook, changed, gradients)
        return gradients

    def _hooks(self, node: Node, inputs: Any, gradients: list[Any]) -> Any:
        full = node.spread(inputs)
        for hook in list(node.hooks.values()):
            changed = hook(tuple(map(_as_tensor, full)), tuple(map(_as_tensor, gradients)))
            if changed is not None:
                full = self._replaced(hook, changed, full)
        return [full[place] for place in node.layout[1]]

    def _leaf(self, node: AccumulateGrad, gradient: Any) -> None:
        leaf = node.variable
        for hook in list(leaf._hooks.values()) if leaf._hooks else ():
            gradient = self._hooked(hook, gradient)
        if (node, 0) in self.captured:
            self.captured[node, 0] = gradient
        if not self.accumulate or (self.wanted is not None and (node, 0) not in self.wanted):
            return
        if node.prehooks:
            gradient = self._prehooks(node, [gradient])[0]
        if gradient is not None:
            self._store(leaf, gradient)
        if node.hooks:
            self._hooks(node, (), [gradient])
        for hook in list(leaf._post_hooks.values()) if leaf._post_hooks else ():
            hook(leaf)

    def _store(self, tensor: Tensor, gradient: Any) -> None:
        with _storing:  # passes on other threads may come to the same leaf
            self._accumulate(tensor, gradient)

    def _accumulate(self, tensor: Tensor, gradient: Any) -> None:
        old = tensor._grad
        if old is None:
            if self.recorded:
                tensor._grad = gradient
            else:
                tensor._grad = new = wrap(gradient)
                new._untracked = False
                if state.dual is not None:
                    state.dual.append(new)
        elif self.recorded:
            tensor._grad = old + gradient
        else:
            old.overwrite(_add(old.array, gradient))


def _name(hook: Any) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


def _turn(node: Node) -> tuple[bool, int, Node]:
    """When a node that is ready is visited: leaves at once, in the order of their use, so that their gradients need not
    wait; then the latest."""
    return (False, node.order, node) if isinstance(node, AccumulateGrad) else (True, -node.order, node)


def now() -> int:
    """A point in time: nodes that are recorded from here on have an `order` of at least this."""
    return next(sequence)


def _dependencies(roots: Sequence[Node], stop: Set[Node] = frozenset()) -> dict[Node, int]:
    """Every node that is reached, with the number of edges into it."""
    counts = dict.fromkeys(roots, 0)
    stack = [node for node in counts if node not in stop]
    while stack:
        for node, _ in stack.pop().edges:
            if node is None:
                continue
            if node in counts:
                counts[node] += 1
            else:
                counts[node] = 1
                if node not in stop:
                    stack.append(node)
    return counts


def _useful(nodes: Any, wanted: set[Node]) -> set[Node]:
    """The nodes from which one of `wanted` is reached."""
    found: set[Node] = set()
    # a node is recorded after those it leads to; leaves come first
    for node in sorted(nodes, key=lambda n: -1 if isinstance(n, AccumulateGrad) else n.order):
        if node in wanted or any(n in found for n, _ in node.edges if n is not None):
            found.add(node)
    return found


# ---- entering --------------------------------------------------------------------------------------------------------


_INSIDE = (
    ". Inside of a function that is being transformed, the tape sees what is computed from tensors that were made "
    "there (x.detach().requires_grad_()), and no captured ones: take the gradient outside, or use functorch's "
    "transforms"
)


def root_edge(i: int, tensor: Any, here: Any) -> tuple[Node, int]:
    """The edge of something to differentiate on the trace `here`. Raises PyTorch's error for what has none."""
    if not isinstance(tensor, Tensor):
        if isinstance(tensor, tuple):  # a GradientEdge
            return tensor[0], tensor[1]
        raise TypeError(f"element {i} of tensors must be a Tensor, not {type(tensor).__name__}")
    node, nr = edge_of(tensor, here)
    if node is None:
        if tensor.requires_grad and (tensor._node is not None or tensor._requires_grad):
            raise RuntimeError(
                f"element {i} of tensors was made outside of the function that a transform is running, and the tape "
                "must live inside of it: it does not require grad and does not have a grad_fn here. Differentiate it "
                "outside, or use functorch's transforms inside (grad, vjp, jacrev)"
            )
        hint = "" if levels.current() is None else _INSIDE
        raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn{hint}")
    return node, nr


def initial(i: int, tensor: Any, gradient: Any, batched: bool = False) -> Any:
    """The cotangent to start from: `gradient` checked, or the 1 of a scalar."""
    array = tensor.array if isinstance(tensor, Tensor) else jax.ShapeDtypeStruct(*tensor[0].kinds[tensor[1]])
    if gradient is None:
        if array.size != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got torch.{array.dtype.name}"
            )
        return wrap(jnp.ones(array.shape, array.dtype))
    if not isinstance(gradient, (Tensor, jax.Array)):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    given = _as_array(gradient)
    shape = given.shape[1:] if batched else given.shape
    if shape != array.shape:
        if batched:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{i}] has a shape of {_size(given.shape)} and "
                f"output[{i}] has a shape of {_size(array.shape)}."
            )
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {_size(given.shape)} and output[{i}] has a shape of "
            f"{_size(array.shape)}."
        )
    if jnp.iscomplexobj(given) != jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{i}] has a dtype of torch.{given.dtype.name} and output[{i}] has a dtype of "
            f"torch.{array.dtype.name}."
        )
    return gradient if given.dtype == array.dtype else _cast(gradient, array.dtype)


def _cast(gradient: Any, dtype: Any) -> Any:
    if isinstance(gradient, Tensor):
        from functorch_jax.torch._dtype import torch_dtype

        return gradient.to(torch_dtype(dtype))  # type: ignore[attr-defined]
    return cast(gradient, dtype)


def _size(shape: Any) -> str:
    return f"torch.Size([{', '.join(map(str, shape))}])"


def run(
    tensors: Sequence[Any],
    gradients: Sequence[Any],
    retain: bool,
    create: bool,
    wanted: Sequence[tuple[Node, int]] | None = None,
    accumulate: bool = True,
    edges: Sequence[tuple[Node, int]] | None = None,
    stop: bool = False,
) -> dict[tuple[Node, int], Any]:
    """Run the backward pass; the gradients at the edges `wanted`, or with `accumulate` in the leaves' `grad`.

    The pass starts at `edges`: where the tensors were made, unless given. With `stop` it ends at those wanted.
    """
    roots = []
    here = jaxapi.trace_ref()
    for i, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
        edge = root_edge(i, tensor, here) if edges is None else edges[i]
        value = initial(i, tensor, gradient)
        roots.append((edge, _as_tensor(value) if create else _as_array(value)))
    work = _Pass(create, retain, accumulate)
    work.wanted = None if wanted is None else set(wanted)
    if stop:
        work.stop = {node for node, _ in wanted or ()}
    token = _running.set(work)
    try:
        with grad_mode.set_grad_enabled(create):
            work.run(roots)
    finally:
        _running.reset(token)
        for call in work.afterwards:
            call()
    return work.captured


def running() -> Any:
    """The backward pass that is running; it has `visits`, the nodes that it comes to, and `afterwards`."""
    return _running.get()


def finished(gradient: Any) -> Tensor:
    """A gradient that the engine gives, as the tensor that the caller gets."""
    return _as_tensor(gradient)  # type: ignore[no-any-return]


def retain(tensor: Tensor, node: Node, nr: int) -> None:
    """Have the backward pass put the gradient at an edge into the `grad` of `tensor`."""
    if node.retained is None:
        node.retained = {}
    node.retained[nr] = weakref.ref(tensor)


def boundary(roots: Sequence[Node], outside: Callable[[Node], bool]) -> list[tuple[Node, int]]:
    """The edges by which the graph above `roots` hangs on nodes that are `outside` of it, and on leaves."""
    found: dict[tuple[Node, int], None] = {}
    seen = set(roots)
    stack = list(seen)
    while stack:
        for node, nr in stack.pop().edges:
            if node is None:
                continue
            if not node.edges or outside(node):
                found[node, nr] = None
            elif node not in seen:
                seen.add(node)
                stack.append(node)
    return list(found)


def release(edges: Sequence[tuple[Node, int]]) -> None:
    """Free what the nodes that are reached from `edges` keep."""
    for node in _dependencies([node for node, _ in edges]):
        node.free()


def call_node(node: Node, gradients: Sequence[Any]) -> Any:
    """What `node(gradient, ...)` gives: tensors, one for each input."""
    slots = [_as_tensor(g) for g in gradients]
    slots += [None] * (len(node.kinds) - len(slots))
    if isinstance(node, AccumulateGrad):
        with grad_mode.no_grad():
            _Pass(False, True, True)._leaf(node, _as_array(slots[0]))
        return None
    if grad_mode.is_grad_enabled():
        result = [_as_tensor(g) for g in node.pull_recorded(slots)]
    else:
        result = [_as_tensor(g) for g in node.pull([_as_array(g) for g in slots])]
    result = node.spread(result)
    return result[0] if len(result) == 1 else tuple(result)


# ---- anomaly mode ----------------------------------------------------------------------------------------------------

_tracebacks: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()


def note_traceback(node: Node) -> None:
    _tracebacks[node] = "".join(traceback.format_stack()[:-2])


def _show(node: Node) -> None:
    warnings.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
        f"{_tracebacks.get(node, 'no traceback: the forward ran without anomaly detection')}",
        stacklevel=2,
    )


def _check_nan(node: Node, inputs: Sequence[Any]) -> None:
    for i, gradient in enumerate(inputs):
        array = _as_array(gradient)
        if array is None or jaxapi.is_traced(array) or jaxapi.is_batched(array):
            continue
        if bool(jnp.isnan(jaxapi.peel_all(array)).any()):
            _show(node)
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
