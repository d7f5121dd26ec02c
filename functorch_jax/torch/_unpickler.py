"""A reader of pickles that cannot run code: what `torch.load` reads checkpoints with.

It interprets the pickle's opcodes itself and calls nothing but the functions of one table, each of which checks its
arguments. Any other name, any other way to make or fill an object, is refused by name.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["CALLS", "VALUES", "Restricted", "allowed", "full_name", "refuse"]

VALUES: dict[str, Any] = {"numpy.ndarray": np.ndarray}
"""Names that stand for a value, such as a dtype."""

CALLS: dict[str, Callable[..., Any]] = {}
"""Names that may be called, with the function that is called in their place."""

allowed: dict[str, Any] = {}
"""What the user has allowed in addition (`torch.serialization.add_safe_globals`)."""

_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_BAD_DATA = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def full_name(value: Any) -> str:
    """The name by which a pickle refers to a class or function."""
    return f"{value.__module__}.{value.__qualname__}"


def refuse(name: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(
        f"Unsupported global: GLOBAL {name} was not an allowed global by default: it is no part of tensors, their "
        "containers or plain Python data, and calling it could run any code. If you trust the file, allow this name by "
        f"torch.serialization.add_safe_globals([{name}]) or torch.serialization.safe_globals([{name}]), or unpickle "
        "without any limit with torch.load(..., weights_only=False)"
    )


class _Call:
    """A name of `CALLS` on the stack. Nothing but REDUCE can do anything with it."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name = name
        self.make = make


class Restricted:
    """Reads one pickle.

    Args:
        persistent_load: makes an object of a persistent id, which the pickle gives as plain data.
        encoding: of the byte strings in pickles that Python 2 wrote; "bytes" keeps them as they are.
    """

    def __init__(self, persistent_load: Callable[[Any], Any], encoding: str = "utf-8") -> None:
        self.persistent_load = persistent_load
        self.encoding = encoding
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def load(self, file: Any) -> Any:
        """The object in `file`, which is left just behind it. Raises pickle.UnpicklingError, EOFError when empty."""
        start = file.tell()
        if not file.read(1):
            raise EOFError("Ran out of input")
        file.seek(start)
        opcodes = pickletools.genops(file)
        while True:
            try:
                opcode, arg, _ = next(opcodes)
            except StopIteration:
                break
            except _BAD_DATA as e:
                raise pickle.UnpicklingError(f"this is no pickle, or a damaged one: {e}") from e
            step = _STEPS.get(opcode.name)
            if step is None:
                raise pickle.UnpicklingError(f"Unsupported operand {opcode.name}, which no checkpoint needs")
            if opcode.name == "BINPERSID":  # may call the user's map_location: its errors are its own
                self.stack.append(self.persistent_load(self.pop()))
                continue
            try:
                step(self, arg)
            except _BAD_DATA as e:
                raise pickle.UnpicklingError(f"the pickle holds what torch.save does not write: {e}") from e
        if len(self.stack) != 1:
            raise pickle.UnpicklingError("the pickle ends with more or less than one object")
        return _result(self.stack.pop())

    def pop(self) -> Any:
        if not self.stack:
            raise pickle.UnpicklingError("the pickle takes more than it has made")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def find(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise TypeError("the name of a global is no string")
        known = f"{_PYTHON_2.get(module, module)}.{name}"
        if known in CALLS:
            self.stack.append(_Call(known, CALLS[known]))
        elif known in VALUES:
            self.stack.append(VALUES[known])
        elif known in allowed:
            self.stack.append(allowed[known])
        else:
            raise refuse(known)

    def reduce(self) -> None:
        args, func = self.pop(), self.pop()
        if type(args) is not tuple:
            raise TypeError("the arguments of a call are no tuple")
        if type(func) is _Call:
            self.stack.append(func.make(*args))
        elif _is_allowed(func):
            self.stack.append(func(*args))
        else:
            raise pickle.UnpicklingError(f"Unsupported call of {_describe(func)}")

    def new_object(self, cls: Any, args: Any, kwargs: Any) -> None:
        if not _is_allowed(cls):
            raise pickle.UnpicklingError(f"Unsupported making of an object of {_describe(cls)}")
        self.stack.append(cls.__new__(cls, *args, **kwargs))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if type(target) is OrderedDict:
            _set_attributes(target, state)
        elif type(target) is np.ndarray:
            _fill_array(target, state)
        elif isinstance(target, np.dtype):
            _set_byte_order(target, state)
        elif not _is_allowed(type(target)):
            raise pickle.UnpicklingError(f"Unsupported state for an object of {_describe(type(target))}")
        elif hasattr(target, "__setstate__"):
            target.__setstate__(state)
        else:
            inside, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
            target.__dict__.update(inside or {})
            for name, value in (slots or {}).items():
                setattr(target, name, value)

    def text(self, arg: str) -> Any:
        """A string of Python 2, which the disassembler has read as latin-1."""
        raw = arg.encode("latin-1")
        return raw if self.encoding == "bytes" else raw.decode(self.encoding)


def _is_allowed(value: Any) -> bool:
    return any(value is each for each in allowed.values())


def _describe(value: Any) -> str:
    if type(value) is _Call:
        return value.name
    return full_name(value) if isinstance(value, type) else f"an object of {full_name(type(value))}"


def _result(value: Any) -> Any:
    if type(value) is _Call:
        raise pickle.UnpicklingError(f"the pickle holds {value.name} and nothing else")
    return value


# ---- opcodes ---------------------------------------------------------------------------------------------------------


def _push(machine: Restricted, arg: Any) -> None:
    machine.stack.append(arg)


def _constant(value: Any) -> Callable[[Restricted, Any], None]:
    return lambda machine, _: machine.stack.append(value)


def _fresh(kind: type) -> Callable[[Restricted, Any], None]:
    return lambda machine, _: machine.stack.append(kind())


def _mark(machine: Restricted, _: Any) -> None:
    machine.marked.append(machine.stack)
    machine.stack = []


def _of_mark(kind: Callable[[list[Any]], Any]) -> Callable[[Restricted, Any], None]:
    def step(machine: Restricted, _: Any) -> None:
        items = machine.pop_mark()
        machine.stack.append(kind(items))

    return step


def _tuple(n: int) -> Callable[[Restricted, Any], None]:
    def step(machine: Restricted, _: Any) -> None:
        items = [machine.pop() for _ in range(n)]
        machine.stack.append(tuple(reversed(items)))

    return step


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _grow(kinds: tuple[type, ...], add: Callable[[Any, list[Any]], None], many: int = 0) -> Callable[..., None]:
    """A step that adds to the container below: what was pushed since the mark, or `many` items."""

    def step(machine: Restricted, _: Any) -> None:
        items = [machine.pop() for _ in range(many)][::-1] if many else machine.pop_mark()
        target = machine.stack[-1]
        if type(target) not in kinds and not _is_allowed(type(target)):
            raise TypeError(f"items are added to an object of {full_name(type(target))}")
        add(target, items)

    return step


def _add_pairs(target: Any, items: list[Any]) -> None:
    for key, value in _pairs(items).items():
        target[key] = value


def _put(machine: Restricted, arg: Any) -> None:
    machine.memo[arg] = machine.stack[-1]


def _stack_global(machine: Restricted, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.find(module, name)


def _new_object(machine: Restricted, with_names: bool) -> None:
    kwargs = machine.pop() if with_names else {}
    args = machine.pop()
    machine.new_object(machine.pop(), args, kwargs)


_LISTS, _DICTS = (list,), (dict, OrderedDict, Counter)
_STEPS: dict[str, Callable[[Restricted, Any], Any]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, arg: None),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _push),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), lambda machine, arg: _push(machine, machine.text(arg))),
    "BYTEARRAY8": lambda machine, arg: _push(machine, bytearray(arg)),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "MARK": _mark,
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.pop_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "EMPTY_LIST": _fresh(list),
    "EMPTY_DICT": _fresh(dict),
    "EMPTY_SET": _fresh(set),
    "EMPTY_TUPLE": _constant(()),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "TUPLE": _of_mark(tuple),
    "LIST": _of_mark(list),
    "DICT": _of_mark(_pairs),
    "FROZENSET": _of_mark(frozenset),
    "APPEND": _grow(_LISTS, lambda target, items: target.extend(items), 1),
    "APPENDS": _grow(_LISTS, lambda target, items: target.extend(items)),
    "SETITEM": _grow(_DICTS, _add_pairs, 2),
    "SETITEMS": _grow(_DICTS, _add_pairs),
    "ADDITEMS": _grow((set,), lambda target, items: target.update(items)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, arg: _push(machine, machine.memo[arg])),
    "GLOBAL": lambda machine, arg: machine.find(*arg.split(" ", 1)),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda machine, _: machine.reduce(),
    "NEWOBJ": lambda machine, _: _new_object(machine, False),
    "NEWOBJ_EX": lambda machine, _: _new_object(machine, True),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: None,  # in `load`
}


# ---- plain Python and NumPy ------------------------------------------------------------------------------------------


def _call(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a pickle call the function under these names."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        CALLS.update(dict.fromkeys(names, fn))
        return fn

    return decorate


def _check(condition: bool, what: str) -> None:
    if not condition:
        raise TypeError(f"unusual arguments of {what}")


@_call("collections.OrderedDict")
def _ordered_dict(items: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict([(key, value) for key, value in items])


@_call("collections.Counter")
def _counter(items: Any = None) -> Counter[Any]:
    _check(items is None or type(items) is dict, "Counter")
    return Counter(items)


@_call("builtins.set")
def _set(items: Any = ()) -> set[Any]:
    _check(type(items) in (list, tuple), "set")
    return set(items)


@_call("builtins.frozenset")
def _frozenset(items: Any = ()) -> frozenset[Any]:
    return frozenset(_set(items))


@_call("builtins.complex")
def _complex(real: Any, imag: Any = 0.0) -> complex:
    _check(type(real) in (int, float) and type(imag) in (int, float), "complex")
    return complex(real, imag)


@_call("_codecs.encode")
def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    # how protocols before 3 spell bytes
    _check(type(text) is str and encoding in ("latin1", "latin-1", "utf-8"), "encode")
    return text.encode(encoding)


@_call("builtins.bytes")
def _bytes() -> bytes:
    return b""


@_call("builtins.bytearray")
def _bytearray(content: Any = b"", encoding: Any = None) -> bytearray:
    return bytearray(content if type(content) is bytes else _encode(content, encoding))


def _set_attributes(target: OrderedDict[Any, Any], state: Any) -> None:
    """Attributes of a dictionary: a state_dict's `_metadata`."""
    _check(type(state) is dict, "the attributes of an OrderedDict")
    for name in state:
        if type(name) is not str or hasattr(OrderedDict, name):
            raise ValueError(f"OrderedDict.{name} is to be overwritten")
    vars(target).update(state)


@_call("numpy.dtype")
def _numpy_dtype(name: Any, *_: Any) -> np.dtype[Any]:
    # a copy, because `_set_byte_order` changes it
    _check(type(name) is str and re.fullmatch(r"[biufc]\d{1,2}", name) is not None, f"numpy.dtype ({name!r})")
    return np.dtype(name, False, True)  # type: ignore[call-overload, no-any-return]


def _set_byte_order(target: np.dtype[Any], state: Any) -> None:
    usual = type(state) is tuple and state[0] == 3 and state[1] in ("<", ">", "|", "=")
    _check(usual and state[2:] == (None, None, None, -1, -1, 0), "the state of a numpy.dtype")
    target.__setstate__(state)  # type: ignore[attr-defined]


@_call("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
def _new_array(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    _check(kind is np.ndarray and shape == (0,), "numpy's _reconstruct")
    return np.ndarray((0,), np.uint8)


def _fill_array(target: np.ndarray[Any, Any], state: Any) -> None:
    _check(type(state) is tuple and len(state) == 5, "the state of a numpy.ndarray")
    _, shape, dtype, fortran, raw = state
    _check(type(shape) is tuple and all(type(n) is int and n >= 0 for n in shape), "numpy.ndarray")
    _check(isinstance(dtype, np.dtype) and dtype.kind in "biufc" and type(raw) is bytes, "numpy.ndarray")
    _check(len(raw) == math.prod(shape) * dtype.itemsize, "numpy.ndarray (the number of bytes)")
    target.__setstate__((1, shape, dtype, bool(fortran), raw))  # type: ignore[arg-type]


@_call("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
def _numpy_scalar(dtype: Any, raw: Any) -> Any:
    _check(isinstance(dtype, np.dtype) and type(raw) is bytes and len(raw) == dtype.itemsize, "numpy's scalar")
    return np.frombuffer(raw, dtype)[0]
