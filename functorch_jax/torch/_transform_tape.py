"""A whole transform on the tape: `vmap(grad(f))(params, x)` is recorded as one operation.

While the outermost transform runs, every tensor made outside that requires grad, argument or captured, becomes an input
of one reverse pass at the moment it is read (`jaxapi.tap`): nothing needs to be known before. For derivatives of the
derivative the transform runs once more, as a function of the inputs that were found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax import grad_mode, jaxapi, levels, tree
from functorch_jax.torch._graph import FREED, Node, Saved, is_inexact, node_type, state
from functorch_jax.torch._tape import edge_of, unpack
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.transforms.arguments import Linear
from functorch_jax.tree import Box

__all__ = ["TransformNode"]


class _Inputs:
    """The outer tensors that a running transform has read, each as the value to compute with."""

    def __init__(self, outer: Any) -> None:
        self.outer = outer  # the trace outside of the transform
        self.entries: dict[int, tuple[Tensor, Any, Any, Saved]] = {}
        self.tapped: set[int] = set()  # the ids of the values to compute with
        self.found: dict[int, Any] = {}  # input: its cotangent
        self.token: Any = None
        self.trace: Any = None

    def lift(self, tensor: Tensor, array: Any) -> Any:
        entry = self.entries.get(id(tensor))
        if entry is not None:
            return entry[2] if entry[1] is array else array
        if tensor._trace is not self.outer or not is_inexact(array) or id(array) in self.tapped:
            return array
        node = tensor._node
        if not tensor._requires_grad if node is None else node.trace is not self.outer:
            return array
        root = tensor.root
        if any(id(root) in level.originals for level in levels.stack()):
            return array  # written inside: what it holds is no input
        with jaxapi.set_current_trace(self.trace):
            tapped = jaxapi.tap(array, self.token, self.sink, len(self.entries))
        self.entries[id(tensor)] = (tensor, array, tapped, Saved(tensor, array))
        self.tapped.add(id(tapped))
        return tapped

    def sink(self, index: int, cotangent: Any) -> None:
        self.found[index] = cotangent if index not in self.found else self.found[index] + cotangent


@contextlib.contextmanager
def _lifting(lift: Callable[[Tensor, Any], Any] | None) -> Iterator[None]:
    before, state.lift = state.lift, lift
    try:
        yield
    finally:
        state.lift = before


class _Results:
    """Where the arrays of a transform's result are: in tensors, and in what a `vjp_fn` keeps."""

    def __init__(self, result: Any, boxes: Sequence[Box]) -> None:
        leaves, _ = tree.flatten(result)
        functions = [f for leaf in leaves if (f := getattr(leaf, "linear", None)) is not None and isinstance(f, Linear)]
        seen: dict[int, Any] = {}
        for leaf in [*leaves, *boxes]:
            if isinstance(leaf, Tensor) and leaf._parent is None:
                seen.setdefault(id(leaf), leaf)
        self.tensors = list(seen.values())
        self.functions = functions

    def arrays(self) -> list[Any]:
        return [t._array for t in self.tensors] + [x for f in self.functions for x in f.leaves]

    def clear(self) -> None:
        """Let go of the arrays, which are about to be replaced."""
        for tensor in self.tensors:
            tensor._array = None
        for function in self.functions:
            function.leaves[:] = [None] * len(function.leaves)


def _record(run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    if not state.live or not grad_mode.is_grad_enabled() or state.lift is not None:
        return run(*args, **kwargs)
    inputs = _Inputs(jaxapi.trace_ref())
    kept: dict[str, Any] = {}

    def flat(token: Any) -> list[Any]:
        inputs.token, inputs.trace = token, jaxapi.current_trace()
        before, levels.recorder.boxes = levels.recorder.boxes, []
        try:
            with jaxapi.transparent_trace(), _lifting(inputs.lift):
                kept["result"] = run(*args, **kwargs)
            kept["parts"] = _Results(kept["result"], levels.recorder.boxes)
        finally:
            levels.recorder.boxes = before
            inputs.trace = inputs.token = None
        arrays = kept["parts"].arrays()
        kept["inexact"] = [i for i, x in enumerate(arrays) if is_inexact(x)]
        kept["tracked"] = (
            [isinstance(x, jaxapi.Tracer) and jaxapi.same_trace(x._trace, trace) for x in arrays]
            if (trace := getattr(token, "_trace", None)) is not None
            else [False] * len(arrays)
        )
        # nothing that outlives the pass may hold a value of it
        inputs.entries = {k: (t, a, None, s) for k, (t, a, _, s) in inputs.entries.items()}
        kept["parts"].clear()
        return [jax.lax.stop_gradient(x) if not is_inexact(x) else x for x in arrays]

    arrays, pull = jax.vjp(flat, jnp.zeros(()))
    parts: _Results = kept["parts"]
    entries = list(inputs.entries.values())
    if not entries or not any(kept["tracked"]):
        node = None
    else:
        here = jaxapi.trace_ref()
        edges = [edge_of(t, here) for t, *_ in entries]
        edges = [(s.node, s.nr) if s.node is not None else edge for edge, (*_, s) in zip(edges, entries, strict=True)]
        node = node_type(_name(run), TransformNode)(edges, [(a.shape, a.dtype) for a in arrays], here)
        node.call = (run, args, kwargs)
        node.inputs, node.backward = inputs, pull
        node.inexact = kept["inexact"]
    for i, tensor in enumerate(parts.tensors):
        tensor._array = arrays[i]
        if node is not None and kept["tracked"][i] and i in node.inexact and not tensor._requires_grad:
            tensor._node, tensor._nr, tensor._untracked = node, i, False
    _finish_functions(parts, arrays, node, kept["tracked"])
    return kept["result"]


def _finish_functions(parts: _Results, arrays: list[Any], node: Any, tracked: list[bool]) -> None:
    """Give each `vjp_fn` what it keeps as tensors, so that its calls are recorded."""
    start = len(parts.tensors)
    for function in parts.functions:
        for k in range(len(function.leaves)):
            i = start + k
            piece: Any = arrays[i]
            if node is not None and tracked[i] and i in node.inexact:
                piece = wrap(piece)
                piece._node, piece._nr = node, i
            function.leaves[k] = piece
        start += len(function.leaves)


def _name(run: Any) -> str:
    return "TransformBackward"


class TransformNode(Node):
    """A call of a transform."""

    __slots__ = ("backward", "call", "inexact", "inputs")
    backward: Any
    call: Any

    def _check(self) -> None:
        if self.freed:
            raise RuntimeError(FREED)
        for *_, saved in self.inputs.entries.values():
            saved.check()

    def pull(self, gradients: list[Any]) -> list[Any]:
        self._check()
        full = [self._cotangent(i, g) for i, g in enumerate(gradients)]
        self.inputs.found = {}
        self.backward(full)
        found, self.inputs.found = self.inputs.found, {}
        return [None if i not in found else _conj(found[i]) for i in range(len(self.edges))]

    def _cotangent(self, i: int, gradient: Any) -> Any:
        shape, dtype = self.kinds[i]
        if not jnp.issubdtype(dtype, jnp.inexact):
            import numpy as np

            return np.zeros(shape, jax.dtypes.float0)
        return jnp.zeros(shape, dtype) if gradient is None else _conj(gradient)

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        """Run the transform again, as a function of what it read, and differentiate that in turn."""
        self._check()
        run, args, kwargs = self.call
        entries = list(self.inputs.entries.values())
        now = [unpack(saved) for *_, saved in entries]
        given = [i for i, g in enumerate(gradients) if g is not None]

        def again(cotangents: list[Tensor]) -> list[Tensor]:
            def flat(*arrays: Any) -> list[Any]:
                outer = state.lift
                swapped = {id(t): (a, x) for (t, a, *_), x in zip(entries, arrays, strict=True)}
                # a tensor that a node keeps is made anew each time it is read
                kept = {
                    (id(a), id(s.node), s.nr): (a, x)
                    for (_, a, _, s), x in zip(entries, arrays, strict=True)
                    if s.node is not None
                }

                def lift(tensor: Tensor, array: Any) -> Any:
                    found = swapped.get(id(tensor)) or kept.get((id(array), id(tensor._node), tensor._nr))
                    if found is not None:
                        return found[1] if array is found[0] else array
                    return array if outer is None else outer(tensor, array)

                before, levels.recorder.boxes = levels.recorder.boxes, []
                try:
                    with jaxapi.transparent_trace(), _lifting(lift):
                        result = run(*args, **kwargs)
                    parts = _Results(result, levels.recorder.boxes)
                finally:
                    boxes, levels.recorder.boxes = levels.recorder.boxes, before
                found = parts.arrays()
                for box in boxes:
                    box.reset(box._array)
                return [found[i] for i in given]

            before = [(t, t._array) for t, *_ in entries if t._parent is None]
            _, pull = jax.vjp(flat, *(t.read() for t in now))
            for t, array in before:
                if t._array is not array:
                    t.reset(array)
            return [wrap(_conj(g)) for g in pull([_conj(c.read()) for c in cotangents])]

        return list(_record(again, ([g for g in gradients if g is not None],), {}))

    def free(self) -> None:
        self.freed = True
        self.backward = self.call = None
        self.inputs = _Inputs(None)


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


levels.recorder.run = _record
