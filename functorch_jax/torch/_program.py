"""`functorch_jax.jit`: one XLA program of a function of tensors, with the state that it uses as inputs and outputs.

What is state: the generators that it draws from, and the tensors, parameters and buffers that it reads and writes
without being given them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from functorch_jax import grad_mode, jaxapi, levels, tree
from functorch_jax.torch import _ambient, _autocast, _tape, _threefry
from functorch_jax.torch._generator import Generator
from functorch_jax.torch._graph import Rule, state
from functorch_jax.torch._tensor import Tensor, unwrap, wrap

__all__ = ["jit"]


def jit(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` compiled as a whole, as `jax.jit` does, with PyTorch's notion of state.

    Args:
        fn: a function or module. Its arguments are trees of tensors, JAX and NumPy arrays, modules and Python values;
            every other Python value makes a program of its own, and so do other shapes and dtypes.

    Returns: a function of the same arguments. Random numbers come from JAX's counter-based generator: the state of
        each generator that is drawn from is an input and an output of the program, so numbers differ from call to
        call and are the same for the same seed. Tensors and modules that `fn` finds in its closure, its globals, its
        defaults or on the object that it is a method of are inputs as well, and those that are written in place are
        written after the call. What else it reads as Python is read once, when the program is traced. Called inside a
        transform or inside another compiled function it runs as it stands, as part of that.

    Example:
        >>> import functorch_jax
        >>> from functorch_jax import torch
        >>> dropped = functorch_jax.jit(lambda x: torch.nn.functional.dropout(x))
        >>> _ = torch.manual_seed(0)
        >>> x = torch.ones(64)
        >>> bool((dropped(x) == dropped(x)).all())
        False

    Errors: TypeError for what cannot be called, and for a Python argument that cannot be hashed; RuntimeError where
        `fn` asks for the value of a tensor. State is then as it was.
    """
    if not callable(fn):
        raise TypeError(f"functorch_jax.jit(f): f must be callable, not {type(fn).__name__}")
    program = _Program(fn)

    def call(*args: Any, **kwargs: Any) -> Any:
        if jaxapi.trace_ref() is not None:
            return fn(*args, **kwargs)
        return program(args, kwargs)

    return functools.update_wrapper(call, fn) if hasattr(fn, "__name__") else call


# ---- what a function finds without being given it --------------------------------------------------------------------

_LIBRARIES = ("functorch_jax", "jax", "numpy", "torch", "functorch")


def _found(fn: Any) -> tuple[list[Any], list[Any]]:
    """The tensors and the modules that `fn` can reach, each once."""
    tensors: dict[int, Any] = {}
    modules: dict[int, Any] = {}
    seen: set[int] = set()
    todo = [fn]
    while todo:
        x = todo.pop()
        if x is None or isinstance(x, (int, float, str, type, types.ModuleType)) or id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Tensor):
            tensors[id(x.root)] = x.root
        elif isinstance(x, (list, tuple, set, frozenset)):
            todo.extend(x)
        elif isinstance(x, dict):
            todo.extend(x.values())
        elif isinstance(x, types.FunctionType):
            if not _of_library(x):
                todo.extend(_of_function(x))
        elif isinstance(x, types.MethodType):
            todo += [x.__self__, x.__func__]
        elif isinstance(x, functools.partial):
            todo += [x.func, x.args, x.keywords]
        elif hasattr(x, "_parameters") and hasattr(x, "_modules"):
            modules[id(x)] = x
            todo.append(vars(x))
        elif not _of_library(type(x)) and hasattr(x, "__dict__"):
            todo.append(vars(x))
    return list(tensors.values()), list(modules.values())


def _of_library(x: Any) -> bool:
    return (getattr(x, "__module__", None) or "builtins").partition(".")[0] in (*_LIBRARIES, "builtins")


def _of_function(fn: types.FunctionType) -> Iterator[Any]:
    for cell in fn.__closure__ or ():
        with contextlib.suppress(ValueError):  # still empty
            yield cell.cell_contents
    yield fn.__defaults__
    yield fn.__kwdefaults__
    yield getattr(fn, "__wrapped__", None)
    codes = [fn.__code__]
    while codes:
        code = codes.pop()
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
        yield [fn.__globals__[name] for name in code.co_names if name in fn.__globals__]


# ---- the program -----------------------------------------------------------------------------------------------------


class _Same:
    """An object as part of a key: equal to itself alone."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


@dataclasses.dataclass(frozen=True)
class _Key:
    """All that a program depends on but the shapes and dtypes of its inputs."""

    spec: Any  # of (args, kwargs)
    leaves: tuple[Any, ...]  # for each leaf: ("given", i, requires_grad), ("found", i), ("array", i) or (type, value)
    given: int  # how many tensors are given
    found: tuple[_Same, ...]
    modes: tuple[Any, ...]
    generators: tuple[_Same, ...]


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["outputs", "given", "found", "states"], meta_fields=["notes"]
)
@dataclasses.dataclass
class _Result:
    """What a program gives: arrays, and notes of what they are, made when it was traced."""

    outputs: Any  # arrays among the leaves of what the function returns
    given: Any  # new values of given tensors, by place
    found: Any  # new values of found tensors, by place
    states: Any  # of each generator
    notes: Any


class _Notes:
    """Compared by identity: there is one for each trace."""

    def __init__(self, spec: Any, leaves: Any, reseeded: Any) -> None:
        self.spec = spec
        self.leaves = leaves  # ("tensor", i), ("array", i), ("given", i), ("found", i) or ("value", value)
        self.reseeded = reseeded


class _Program:
    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.generators: list[Generator] = []
        self.rule = Rule("compiled", self.run)
        self.used: dict[Any, list[bool]] = {}
        self.lock = threading.Lock()

    def __call__(self, args: Any, kwargs: Any) -> Any:
        leaves, spec = tree.flatten((args, kwargs))
        found, modules = _found([self.fn, [x for x in leaves if not isinstance(x, Tensor)]])
        place = {id(x): i for i, x in enumerate(found)}
        given: dict[int, tuple[int, Tensor]] = {}
        arrays: list[Any] = []
        kinds = []
        for x in leaves:
            if isinstance(x, Tensor):
                if id(x) in place:
                    kinds.append(("found", place[id(x)]))
                else:
                    kinds.append(("given", given.setdefault(id(x), (len(given), x))[0], x._requires_grad))  # type: ignore[arg-type]
            elif isinstance(x, (jax.Array, np.ndarray)):
                kinds.append(("array", len(arrays)))
                arrays.append(x)
            else:
                kinds.append((type(x), _Same(x) if hasattr(x, "_parameters") else _hashable(x)))  # type: ignore[arg-type]
        tensors = [x for _, x in given.values()]
        modes = (
            _ambient.ambient(),
            grad_mode.is_grad_enabled(),
            grad_mode.is_inference_mode_enabled(),
            _autocast.current(),
            tuple(m.training for m in modules),
        )
        key = _Key(spec, tuple(kinds), len(tensors), tuple(map(_Same, found)), modes, ())
        result = self.advanced(key, [*tensors, *found, *arrays])
        for i, value in result.given.items():
            tensors[i].overwrite(value)
        for i, value in result.found.items():
            found[i].overwrite(value)
        outputs = {
            "tensor": lambda i: result.outputs[i],
            "array": lambda i: result.outputs[i].array,
            "given": lambda i: tensors[i],
            "found": lambda i: found[i],
            "value": lambda x: x,
        }
        return tree.unflatten(result.notes.spec, [outputs[kind](x) for kind, x in result.notes.leaves])

    def advanced(self, key: _Key, inputs: list[Any]) -> _Result:
        """What the program gives for these inputs, in tensors; the generators that it draws from are advanced."""
        while True:
            generators = tuple(self.generators)
            key = dataclasses.replace(key, generators=tuple(map(_Same, generators)))
            try:
                with contextlib.ExitStack() as stack:
                    for generator in sorted(generators, key=id):
                        stack.enter_context(generator._lock)
                    words = [g.counter.words() for g in generators]
                    result: _Result = _tape.call(self.rule, key, self.tracked(key, [*inputs, *words]))
                    for generator, after, seed in zip(generators, result.states, result.notes.reseeded, strict=True):
                        if seed is not None:
                            generator.manual_seed(seed)
                        generator.counter.advance(after.array)
                return result
            except _threefry.Missing as missing:
                with self.lock:
                    if missing.generator not in self.generators:
                        self.generators.append(missing.generator)

    def tracked(self, key: _Key, inputs: list[Any]) -> list[Any]:
        """The inputs, those that no floating output depends on as arrays: the tape would keep them for nothing."""
        if not (state.live and grad_mode.is_grad_enabled() and _tape.tracked(inputs)):
            return inputs
        shapes = [jax.ShapeDtypeStruct(x.shape, unwrap(x).dtype) for x in inputs]
        signature = key, tuple((x.shape, x.dtype) for x in shapes)
        used = self.used.get(signature)
        if used is None:

            def floating(*xs: Any) -> list[Any]:
                return [x for x in jax.tree_util.tree_leaves(self.run(key, xs)) if jaxapi.is_inexact(x)]

            used = self.used[signature] = jaxapi.used_inputs(floating, *shapes)
        return [x if u else unwrap(x) for x, u in zip(inputs, used, strict=True)]

    def run(self, key: _Key, inputs: Any) -> _Result:
        """The function on tracers; whatever happens, tensors hold afterwards what they held before."""
        own = [same.it for same in key.found]
        given, rest = inputs[: key.given], inputs[key.given :]
        found, rest = rest[: len(own)], rest[len(own) :]
        arrays, words = rest[: len(rest) - len(key.generators)], rest[len(rest) - len(key.generators) :]
        held = [x._array for x in own]
        states = _threefry.States([same.it for same in key.generators], words)
        with levels.open_level("jit", None) as level, _threefry.opened(states):
            try:
                for x, array in zip(own, found, strict=True):
                    x.reset(array)
                tensors = [wrap(array) for array in given]
                return self.traced(key, tensors, own, arrays, level, states)
            finally:
                level.restore()
                for x, array in zip(own, held, strict=True):
                    x.reset(array)

    def traced(self, key: _Key, tensors: Any, own: Any, arrays: Any, level: Any, states: Any) -> _Result:
        leaves = []
        for kind, value, *more in key.leaves:
            if kind == "given":
                tensors[value]._requires_grad = more[0]
                leaves.append(tensors[value])
            elif kind == "found" or kind == "array":
                leaves.append((own if kind == "found" else arrays)[value])
            else:
                leaves.append(value.it if isinstance(value, _Same) else value)
        before = [x.array for x in tensors]
        args, kwargs = tree.unflatten(key.spec, leaves)
        out, spec = tree.flatten(self.fn(*args, **kwargs))
        identity = {id(x): ("given", i) for i, x in enumerate(tensors)} | {
            id(x): ("found", i) for i, x in enumerate(own)
        }
        outputs: list[Any] = []
        notes: list[Any] = []
        for x in out:
            if id(x) in identity:
                notes.append(identity[id(x)])
            elif isinstance(x, (Tensor, jax.Array, np.ndarray)):
                notes.append(("tensor" if isinstance(x, Tensor) else "array", len(outputs)))
                outputs.append(x.array if isinstance(x, Tensor) else x)
            else:
                notes.append(("value", x))
        boxes, values = level.written()
        new = {id(box): value for box, value in zip(boxes, values, strict=True)}
        strange = [box for box in boxes if not any(box is x for x in own)]
        if strange:
            raise RuntimeError(
                f"functorch_jax.jit: the function wrote into a tensor of shape {tuple(strange[0].array.shape)} that it "
                "was not given and does not hold in its closure, globals or module: pass that tensor as an argument"
            )
        return _Result(
            outputs,
            {i: x.array for i, x in enumerate(tensors) if x.array is not before[i]},
            {i: new[id(x)] for i, x in enumerate(own) if id(x) in new},
            states.words(),
            _Notes(spec, notes, [states.reseeded.get(id(same.it)) for same in key.generators]),
        )


def _hashable(x: Any) -> Any:
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"functorch_jax.jit: an argument of type {type(x).__name__} is neither a tensor nor an array and cannot be "
            "hashed, so it cannot tell one program from another. Pass a tensor, or a Python value that can be hashed"
        ) from None
    return x
