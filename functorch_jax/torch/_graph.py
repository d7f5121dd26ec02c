"""The nodes of the graph that imperative autograd records, and the rules that they differentiate by.

A `Rule` is a pure function on arrays with its backward, which is a rule again. A node keeps the arrays that the
backward of its rule reads, and no others; the backward computes again, in one compiled call, what it needs of the
forward.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax import jaxapi

__all__ = ["AccumulateGrad", "Node", "OpNode", "Rule", "node_type", "sequence", "state"]

sequence = itertools.count()


class State:
    """Whether any tensor of this process ever required grad (until then nothing looks), and anomaly mode."""

    live = False
    anomaly = False
    check_nan = True
    packing: tuple[Any, ...] = ()  # pairs (pack, unpack) of what is kept, the last in force
    packing_refused: str | None = None  # what the error says where such hooks are off
    mutation = False  # whether what is kept may be written
    dual: Any = None  # with dual tensors: those that were written meanwhile, whose tangents must not outlive them
    lift: Any = None  # inside a transform that is recorded: (tensor, its array) -> the array to compute with


state = State()


def is_inexact(x: Any) -> bool:
    return jaxapi.is_inexact(x)


def aval_of(x: Any) -> Any:
    """What a compiled program is made for: shape and dtype of an array, the type of a number."""
    aval = getattr(x, "aval", None)
    return (aval.shape, aval.dtype) if aval is not None else getattr(x, "shape", type(x))


Layout = tuple[int, tuple[int, ...]]  # how many inputs PyTorch's node has, and the places of the edges among them
_OF_TWO = frozenset("add sub subtract mul multiply div divide true_divide".split())  # numbers are inputs of these too


class Rule:
    """`body(key, arrays)`, a pure function that gives a tree of arrays, and how to run and differentiate it."""

    __slots__ = ("_back", "_needs", "body", "jit", "name", "run")

    def __init__(self, name: str, body: Callable[[Any, Any], Any], jit: bool = True) -> None:
        self.name = name
        self.body = body
        self.jit = jit
        self._back: Rule | None = None
        self._needs: dict[Any, tuple[tuple[bool, ...], Layout]] = {}

        def run(key: Any, *arrays: Any) -> Any:
            return body(key, arrays)

        run.__name__ = run.__qualname__ = name  # what JAX calls the compiled program
        self.run: Callable[..., Any] = jax.jit(run, static_argnums=0) if jit else run

    @property
    def back(self) -> Rule:
        """The vector-Jacobian product. Its key is (key, positions to differentiate, outputs with a cotangent, blanks).

        Its arrays are those of the rule that are no blank, then the cotangents. `blanks` has (shape, dtype) for an
        array that was not kept because nothing reads its values.
        """
        if self._back is None:
            self._back = Rule(f"{self.name}_backward", self._pull, self.jit)
        return self._back

    def _pull(self, key: Any, arrays: Any) -> list[Any]:
        own, positions, given, blanks = key
        rest = iter(arrays)
        full = [next(rest) if blank is None else jnp.zeros(*blank) for blank in blanks]
        cotangents = list(rest)

        def primal(*xs: Any) -> list[Any]:
            values = list(full)
            for i, x in zip(positions, xs, strict=True):
                values[i] = x
            leaves = jax.tree_util.tree_leaves(self.body(own, values))
            return [leaves[i] for i in given]

        _, pull = jax.vjp(primal, *(full[i] for i in positions))
        return [_conj(g) for g in pull([_conj(c) for c in cotangents])]

    def needs(self, key: Any, positions: tuple[int, ...], given: tuple[int, ...], arrays: Sequence[Any]) -> Any:
        """For each array whether the backward reads its values; and the places of the `positions` in PyTorch's node."""
        signature = (key, positions, given, tuple(map(aval_of, arrays)))
        found = self._needs.get(signature)
        if found is None:
            looked = self._look(key, positions, given, arrays)
            found = self._needs[signature] = looked, self._layout(positions, arrays)
        return found

    def _layout(self, positions: tuple[int, ...], arrays: Sequence[Any]) -> Layout:
        slots = [
            i
            for i, a in enumerate(arrays)
            if i in positions or (i < 2 if self.name in _OF_TWO else hasattr(a, "aval") and is_inexact(a))
        ]
        return len(slots), tuple(slots.index(i) for i in positions)

    def _look(self, key: Any, positions: Any, given: Any, arrays: Sequence[Any]) -> tuple[bool, ...]:
        if not self.jit:
            return (True,) * len(arrays)
        shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) if hasattr(a, "aval") else a for a in arrays]
        leaves = jax.tree_util.tree_leaves(jax.eval_shape(lambda *xs: self.body(key, xs), *shapes))
        cotangents = [jax.ShapeDtypeStruct(leaves[i].shape, leaves[i].dtype) for i in given]
        used = jaxapi.used_inputs(
            lambda *xs: self._pull((key, positions, given, (None,) * len(arrays)), xs), *shapes, *cotangents
        )
        return tuple(u or not hasattr(a, "aval") for u, a in zip(used, arrays, strict=False))


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


# ---- nodes -----------------------------------------------------------------------------------------------------------

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


_QUALIFIED = ("AccumulateGrad", "CopySlices")  # nodes whose name() PyTorch gives with its namespace


class InputMetadata:
    """What a node knows of an output: shape, dtype, device."""

    is_nested_tensor = is_cpp_nested_tensor = False

    def __init__(self, shape: Any, dtype: Any) -> None:
        from functorch_jax.torch._device import get_default_device
        from functorch_jax.torch._dtype import torch_dtype

        self.shape, self.dtype, self.device = list(shape), torch_dtype(dtype), get_default_device()


class Node:
    """One recorded operation. `next_functions` are the nodes that made its inputs.

    Source: torch.autograd.graph.Node.
    """

    __slots__ = (
        "__weakref__",
        "_metadata",
        "edges",
        "freed",
        "hooks",
        "kinds",
        "order",
        "prehooks",
        "retained",
        "tensor_hooks",
        "trace",
    )

    linear = True  # no gradients in, none out: nothing is run then

    def __init__(self, edges: Sequence[tuple[Node | None, int]], kinds: Sequence[Any], trace: Any) -> None:
        self.edges = edges
        self.kinds = kinds  # (shape, dtype) of each output
        self.trace = trace
        self.order = next(sequence)
        self.freed = False
        self.hooks: Any = None
        self.prehooks: Any = None
        self.tensor_hooks: Any = None  # output: its hooks
        self.retained: Any = None  # output: weak reference to the tensor whose grad is kept
        self._metadata: Any = None

    @property
    def layout(self) -> Layout:
        return len(self.edges), tuple(range(len(self.edges)))

    def spread(self, values: Sequence[Any], blank: Any = None) -> list[Any]:
        """What there is for each edge, with `blank` for the other inputs that PyTorch's node has."""
        count, places = self.layout
        full = [blank] * count
        for place, value in zip(places, values, strict=True):
            full[place] = value
        return full

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple(self.spread(self.edges, (None, 0)))

    @property
    def metadata(self) -> dict[Any, Any]:
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    def name(self) -> str:
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in _QUALIFIED else name

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    def _sequence_nr(self) -> int:
        return self.order

    @property
    def _input_metadata(self) -> list[Any]:
        return [InputMetadata(shape, dtype) for shape, dtype in self.kinds]

    def register_hook(self, fn: Callable[..., Any]) -> Any:
        """Have `fn(grad_inputs, grad_outputs)` run after this node's backward; what it returns replaces the former."""
        from functorch_jax.torch.nn._hooks import RemovableHandle

        if self.hooks is None:
            self.hooks = OrderedDict()
        handle = RemovableHandle(self.hooks)
        self.hooks[handle.id] = fn
        return handle

    def register_prehook(self, fn: Callable[..., Any]) -> Any:
        """Have `fn(grad_outputs)` run before this node's backward; what it returns replaces them."""
        from functorch_jax.torch.nn._hooks import RemovableHandle

        if self.prehooks is None:
            self.prehooks = OrderedDict()
        handle = RemovableHandle(self.prehooks)
        self.prehooks[handle.id] = fn
        return handle

    def __call__(self, *gradients: Any) -> Any:
        """The gradients of the inputs for these of the outputs."""
        from functorch_jax.torch import _engine

        return _engine.call_node(self, gradients)

    # what the engine calls: gradients of the outputs in, of the inputs out; None stands for zero

    def pull(self, gradients: list[Any]) -> Sequence[Any]:
        """On arrays, with no derivative of their own."""
        raise NotImplementedError

    def pull_recorded(self, gradients: list[Any]) -> Sequence[Any]:
        """On tensors, recorded again."""
        raise NotImplementedError

    def free(self) -> None:
        self.freed = True

    def blank(self, i: int) -> Any:
        return jnp.zeros(*self.kinds[i])


_types: dict[tuple[str, type], type] = {}


def node_type(name: str, base: type) -> Any:
    """The class of nodes that print as `name`."""
    found = _types.get((name, base))
    if found is None:
        found = _types[name, base] = type(name, (base,), {"__slots__": (), "__module__": "torch.autograd.functions"})
    return found


def _gone() -> None:
    return None


class Saved:
    """A tensor as a node keeps it: its array and where it came from; and the version it must still have."""

    __slots__ = ("array", "leaf", "node", "nr", "of", "trace", "version")
    of: Callable[[], Any]

    def __init__(self, tensor: Any, array: Any) -> None:
        self.array = array
        self.trace = tensor._trace
        self.node = tensor._node
        self.nr = tensor._nr
        self.leaf = tensor if tensor._requires_grad else None
        root = tensor.root
        self.of = _gone if state.mutation else weakref.ref(root)
        self.version = root._version - root._silent

    def forget(self, root: Any) -> None:
        """Do not mind writes to `root`: this is the value from before one."""
        if self.of() is root:
            self.of = _gone

    def check(self, maker: Node | None = None) -> None:
        """Raise for a value that was written since; `maker` is the node that made it, when not noted here."""
        root = self.of()
        if root is not None and root._version - root._silent != self.version:
            kind = root.type().removeprefix("torch.")
            shape = root.shape if self.array is None else self.array.shape
            maker = self.node if maker is None else maker
            source = "" if maker is None else f", which is output {self.nr} of {maker.name()},"
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"[torch.{kind} {list(shape)}]{source} is at version {root._version - root._silent}; "
                f"expected version {self.version} instead. Hint: enable anomaly detection to find the operation that "
                "failed to compute its gradient, with torch.autograd.set_detect_anomaly(True)."
            )


class Packed:
    """A kept array as the hooks of the user packed it."""

    __slots__ = ("unpack", "value")

    def __init__(self, array: Any, hooks: Any) -> None:
        from functorch_jax import grad_mode
        from functorch_jax.torch._tensor import wrap

        tensor = wrap(array)
        with grad_mode.no_grad():
            self.value = hooks[0](tensor)
        if tensor._version:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place, which could change what others hold: "
                "write to a clone"
            )
        self.unpack = hooks[1]

    def array(self) -> Any:
        tensor = self.unpack(self.value)
        if not hasattr(tensor, "array"):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(tensor).__name__}"
            )
        return tensor.array


class OpNode(Node):
    """A call of a rule."""

    __slots__ = ("_layout", "arrays", "key", "positions", "result", "rule", "saved")
    _layout: Layout
    arrays: tuple[Any, ...]  # (shape, dtype) for one whose values the backward does not read
    saved: tuple[Any, ...]
    result: Saved | None
    rule: Rule

    @property
    def layout(self) -> Layout:
        return self._layout

    def pull(self, gradients: list[Any]) -> list[Any]:
        key, arrays = self._call(gradients)
        found = self.rule.back.run(key, *arrays, *(g for g in gradients if g is not None))
        return self._spread(found)

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        from functorch_jax.torch import _tape

        key, arrays = self._call(gradients)
        kept = [s for s, blank in zip(self.saved, key[3], strict=True) if blank is None]
        inputs = [a if s is None else _tape.unpack(s, a) for a, s in zip(arrays, kept, strict=True)]
        return self._spread(_tape.call(self.rule.back, key, [*inputs, *(g for g in gradients if g is not None)]))

    def _call(self, gradients: list[Any]) -> Any:
        if self.freed:
            raise RuntimeError(FREED)
        if self.result is not None:
            self.result.check(self)
        else:
            for saved in self.saved:
                if saved is not None:
                    saved.check()
        given = tuple(i for i, g in enumerate(gradients) if g is not None)
        blanks = tuple(a if type(a) is tuple else None for a in self.arrays)
        return (self.key, self.positions, given, blanks), [
            a.array() if type(a) is Packed else a for a in self.arrays if type(a) is not tuple
        ]

    def _spread(self, found: Sequence[Any]) -> list[Any]:
        """One gradient for each edge: the edges are those of the positions."""
        return list(found)

    def free(self) -> None:
        self.freed = any(type(a) is Packed or (type(a) is not tuple and hasattr(a, "dtype")) for a in self.arrays)
        if self.freed:
            self.arrays = self.saved = ()
            self.result = None


class AccumulateGrad(Node):
    """Where the graph ends: it adds to the `grad` of a leaf."""

    __slots__ = ("variable",)

    def __init__(self, variable: Any) -> None:
        super().__init__((), [(variable.array.shape, variable.array.dtype)], variable._trace)
        self.variable = variable


AccumulateGrad.__module__ = "torch.autograd.functions"
