"""The stack of running transforms, and writes to what they captured."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import functorch_jax as ft
from functorch_jax import jaxapi, levels
from functorch_jax.tree import Box

X = jnp.arange(1.0, 4.0)


class Cell(Box):
    """The least that a box can be; it counts what is done to it."""

    __slots__ = ("array", "history", "log")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.history = None
        self.log: list[str] = []

    def reset(self, array: Any) -> None:
        self.array = array
        self.log.append("reset")

    def overwrite(self, array: Any) -> None:
        self.array = array
        self.log.append("overwrite")


def kinds() -> list[str]:
    return [level.kind for level in levels.stack()]


def seen_by(transform: Callable[[Any], Any]) -> list[str]:
    """The kinds of transform that run, innermost first, while `transform` calls its function."""
    seen: list[list[str]] = []

    def f(x: Any) -> Any:
        seen.append(kinds())
        return x * x

    transform(f)
    return seen[0]


STACKS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "grad": (lambda f: ft.grad(lambda x: f(x).sum())(X), ["grad"]),
    "vjp": (lambda f: ft.vjp(f, X), ["grad"]),
    "jacrev": (lambda f: ft.jacrev(f)(X), ["grad"]),
    "jvp": (lambda f: ft.jvp(f, (X,), (X,)), ["jvp"]),
    "linearize": (lambda f: ft.linearize(f, X), ["jvp"]),
    "jacfwd": (lambda f: ft.jacfwd(f)(X), ["jacfwd"]),
    "hessian": (lambda f: ft.hessian(f)(X), ["grad", "jacfwd"]),
    "vmap": (lambda f: ft.vmap(f)(X), ["vmap"]),
    "vmap in chunks": (lambda f: ft.vmap(f, chunk_size=2)(X), ["vmap"]),
    "vmap of grad": (lambda f: ft.vmap(ft.grad(f))(X), ["grad", "vmap"]),
    "grad of vmap": (lambda f: ft.grad(lambda x: ft.vmap(f)(x).sum())(X), ["vmap", "grad"]),
    "functionalize": (lambda f: ft.functionalize(f)(X), []),
    "compiled": (lambda f: jax.jit(ft.vmap(f))(X), ["vmap"]),
    "jax.vmap": (lambda f: jax.vmap(f)(X), []),
}


@pytest.mark.parametrize("name", STACKS)
def test_what_runs_is_on_the_stack(name: str) -> None:
    transform, expected = STACKS[name]
    assert seen_by(transform) == expected
    assert kinds() == [] and levels.current() is None


def test_depth_and_outer() -> None:
    with levels.open_level("grad", None) as outside, levels.open_level("vmap", None, "same") as inside:
        assert (outside.depth, inside.depth) == (1, 2)
        assert inside.outer is outside and outside.outer is None
        assert (outside.randomness, inside.randomness) == (None, "same")
        assert levels.current() is inside
        assert levels.stack() == [inside, outside]
    assert levels.stack() == []


def test_the_trace_of_a_level_is_the_one_its_function_runs_on() -> None:
    traces: list[Any] = []

    def f(x: Any) -> Any:
        level = levels.current()
        assert level is not None
        traces.append(level.trace)
        assert level.trace() is jaxapi.base_trace()
        with ft.no_grad():
            assert level.trace() is jaxapi.base_trace()
        assert level.outer_trace is (None if level.outer is None else level.outer.trace)
        return x * x

    ft.vmap(ft.grad(f))(X)
    assert all(trace() is None for trace in traces), "a trace is kept alive after its transform has returned"


@pytest.mark.parametrize("depth", [1, 2])
def test_a_raise_pops_the_levels_and_undoes_writes(depth: int) -> None:
    cell = Cell("before")
    with pytest.raises(KeyError), contextlib.ExitStack() as stack:
        opened = [stack.enter_context(levels.open_level("grad", None)) for _ in range(depth)]
        opened[0].remember(cell, cell.array)
        cell.array = "written"
        raise KeyError
    assert levels.current() is None
    assert cell.array == "before" and cell.log == ["reset"]


def test_written_gives_new_values_and_puts_old_ones_back() -> None:
    a, b = Cell("a0"), Cell("b0")
    with levels.open_level("grad", None) as level:
        for new in ("a1", "a2"):  # only what it held before the first write is remembered
            level.remember(a, a.array)
            a.array = new
        level.remember(b, b.array)
        b.array = "b1"
        boxes, arrays = level.written()
        assert (a.array, b.array) == ("a0", "b0")
        assert level.written() == ([], [])
    assert boxes == [a, b] and arrays == ["a2", "b1"]
    levels.store(boxes, arrays)
    assert (a.array, b.array) == ("a2", "b1")
    assert a.log == ["reset", "overwrite"]


def test_a_level_that_ends_well_undoes_nothing() -> None:
    cell = Cell("before")
    with levels.open_level("vmap", None) as level:
        level.remember(cell, cell.array)
        cell.array = "written"
    assert cell.array == "written" and cell.log == []


def test_threads_have_stacks_of_their_own() -> None:
    inside: list[list[str]] = []
    with levels.open_level("grad", None):
        thread = threading.Thread(target=lambda: inside.append(kinds()))
        thread.start()
        thread.join()
        assert kinds() == ["grad"]
    assert inside == [[]]


def test_tasks_have_stacks_of_their_own() -> None:
    async def task(kind: str) -> list[list[str]]:
        seen = []
        with levels.open_level(kind, None):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(kinds())
        return seen

    async def both() -> list[list[list[str]]]:
        return list(await asyncio.gather(task("grad"), task("vmap")))

    assert asyncio.run(both()) == [[["grad"]] * 3, [["vmap"]] * 3]
    assert kinds() == []
