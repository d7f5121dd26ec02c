"""The stack of functorch transforms that are running, and what each must do when it ends.

A level remembers the JAX trace its function runs on, so that a write can tell a value made inside from a captured
one, the randomness rule of a vmap, and every captured box that was written: under `grad`, `vjp` and `jvp` such a write
becomes an extra output, and is stored in the box once the transform has returned.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from functorch_jax import jaxapi
from functorch_jax.tree import Box

__all__ = ["Level", "current", "open_level", "outside", "recorded", "recorder", "stack"]

F = TypeVar("F", bound=Callable[..., Any])

_current: ContextVar[Level | None] = ContextVar("functorch_jax_level", default=None)


class Level:
    """One running transform: its kind ("grad", "jvp", "vmap", "jacfwd"), depth (1 outermost) and trace."""

    __slots__ = ("depth", "kind", "originals", "outer", "outer_trace", "randomness", "state", "trace")

    def __init__(self, kind: str, outer: Level | None, outer_trace: Any, randomness: str | None) -> None:
        self.kind = kind
        self.outer = outer
        self.depth: int = 1 if outer is None else outer.depth + 1
        self.randomness = randomness
        self.outer_trace = outer_trace
        self.trace: Any = None
        self.originals: dict[int, tuple[Box, Any, Any]] = {}
        self.state: dict[str, Any] = {}

    def remember(self, box: Box, array: Any) -> None:
        """Note that the captured `box`, which holds `array`, is about to be written."""
        self.originals.setdefault(id(box), (box, array, box.history))

    def written(self) -> tuple[list[Box], list[Any]]:
        """The captured boxes that were written and their new arrays; the boxes get their old arrays back."""
        boxes = [box for box, *_ in self.originals.values()]
        arrays = [box.array for box in boxes]
        self.restore()
        return boxes, arrays

    def restore(self) -> None:
        """Undo every write to a captured box."""
        for box, array, history in self.originals.values():
            box.reset(array)
            box.history = history
        self.originals.clear()


def current() -> Level | None:
    """The innermost running transform."""
    return _current.get()


def stack() -> list[Level]:
    """The running transforms, innermost first."""
    levels = []
    level = _current.get()
    while level is not None:
        levels.append(level)
        level = level.outer
    return levels


@contextlib.contextmanager
def open_level(kind: str, outer_trace: Any, randomness: str | None = None) -> Iterator[Level]:
    """Run a transform's function: call this where its trace is current. A raise undoes writes to captured boxes."""
    level = Level(kind, _current.get(), outer_trace, randomness)
    level.trace = jaxapi.trace_ref()
    token = _current.set(level)
    try:
        yield level
    except BaseException:
        level.restore()
        raise
    finally:
        _current.reset(token)


@contextlib.contextmanager
def outside(level: Level | None) -> Iterator[None]:
    """Run as if `level` and what is inside of it had not been opened."""
    if level is None:
        yield
        return
    token = _current.set(level.outer)
    try:
        yield
    finally:
        _current.reset(token)


class Recorder:
    """What records calls of outermost transforms: imperative autograd puts itself here."""

    run: Callable[[Any, Any, Any], Any] | None = None
    boxes: list[Box] | None = None  # the captured boxes that the running call has written


recorder = Recorder()


def recorded(call: F) -> F:
    """A transformed function whose calls imperative autograd sees as one operation."""

    @functools.wraps(call)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = recorder.run
        if run is None or _current.get() is not None:
            return call(*args, **kwargs)
        return run(call, args, kwargs)

    return wrapper  # type: ignore[return-value]


def store(boxes: Sequence[Box], arrays: Sequence[Any]) -> None:
    """Write what a transform computed for captured boxes, after it has returned."""
    if recorder.boxes is not None:
        recorder.boxes.extend(boxes)
    for box, array in zip(boxes, arrays, strict=True):
        box.overwrite(array)
