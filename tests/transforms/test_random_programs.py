"""Random small programs under random stacks of up to three transforms.

A program is an expression over one vector, evaluated on PyTorch, on our tensors, on jax.numpy or on NumPy. What it must
give is known independently: from PyTorch where it is run live, and else from finite differences in double precision,
from loops over rows, and from JAX's own transforms.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functorch_jax as ft
from functorch_jax import torch

LIVE = os.environ.get("FUNCTORCH_JAX_ORACLE") == "live"
SIZE = 2  # of the vector, and of every axis that vmap maps
SWAPPED = np.array([1, 0])
Expr = tuple[Any, ...]
Fn = Callable[[Any], Any]


def examples(count: int) -> Any:
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# ---- programs --------------------------------------------------------------------------------------------------------


@st.composite
def vectors(draw: Any, depth: int, blocks: bool) -> Expr:
    """An expression for a vector; with `blocks`, parts of it are computed under no_grad."""
    if depth == 0:
        return ("x",)
    v = vectors(depth - 1, blocks)
    kinds = ["sin", "cos", "tanh", "decay", "mul", "add", "scale", "matvec", "where", "flip", "shift"]
    kind = draw(st.sampled_from([*kinds, *(["no_grad"] * 4 if blocks else [])]))
    if kind == "no_grad":
        return ("no_grad", draw(vectors(depth, blocks=False)))
    if kind in ("mul", "add", "where"):
        return (kind, draw(v), draw(v))
    if kind in ("scale", "shift"):
        return (kind, draw(scalars(depth - 1, blocks)), draw(v))
    if kind == "matvec":
        return (kind, draw(v), draw(v), draw(v))
    return (kind, draw(v))


@st.composite
def scalars(draw: Any, depth: int, blocks: bool) -> Expr:
    """An expression for one number."""
    kind = draw(st.sampled_from(["sum", "dot", "item"]))
    v = vectors(depth, blocks)
    if kind == "item":
        return (kind, draw(v), draw(st.integers(-SIZE, SIZE - 1)))
    return (kind, draw(v), draw(v)) if kind == "dot" else (kind, draw(v))


def evaluate(e: Expr, x: Any, t: Any, no_grad: Any) -> Any:
    """The value of an expression at `x`, over a namespace that has sin, cos, tanh, exp, matmul and where."""
    if e[0] == "x":
        return x
    if e[0] == "no_grad":
        with no_grad() as stop:
            inner = evaluate(e[1], x, t, no_grad)
        return stop(inner) if callable(stop) else inner
    a, *rest = (evaluate(part, x, t, no_grad) if isinstance(part, tuple) else part for part in e[1:])
    match e[0]:
        case "sin" | "cos" | "tanh":
            return getattr(t, e[0])(a)
        case "decay":
            return t.exp(-a)
        case "mul" | "scale":
            return a * rest[0]
        case "add" | "shift":
            return a + rest[0]
        case "where":
            return t.where(x > 0, a, rest[0])
        case "flip":
            return a[SWAPPED]
        case "matvec":
            return t.matmul(a[:, None] * rest[0][None, :], rest[1])
        case "sum":
            return a.sum()
        case "dot":
            return (a * rest[0]).sum()
        case "item":
            return a[rest[0]]
    raise AssertionError(e)


# ---- stacks of transforms --------------------------------------------------------------------------------------------

ORDER = {"grad": 1, "jvp": 1, "vjp": 1, "jacrev": 1, "jacfwd": 1, "hessian": 2, "vmap": 0}
REVERSE = ("grad", "vjp", "jacrev", "vmap")
FORWARD = ("jvp", "jacfwd", "vmap")


def stacks(names: Any = tuple(ORDER), most: int = 3) -> Any:
    """Up to three transforms, innermost first, of no more than third order."""
    lists = st.lists(st.sampled_from(names), min_size=1, max_size=most)
    return lists.filter(lambda stack: sum(ORDER[name] for name in stack) <= 3)


def point(stack: list[str], seed: int) -> np.ndarray:
    """Where to evaluate: an axis for each vmap, and no value near 0, where the programs branch."""
    rng = np.random.default_rng(seed)
    shape = (SIZE,) * (1 + stack.count("vmap"))
    return rng.uniform(0.4, 1.1, shape) * rng.choice([-1, 1], shape)


def direction(shape: Any) -> np.ndarray:
    return np.cos(np.arange(math.prod(shape)) + 1.0).reshape(tuple(shape))


class World(NamedTuple):
    """Something that runs programs and transforms."""

    transforms: Any
    namespace: Any
    array: Callable[[np.ndarray], Any]
    no_grad: Any
    numpy: Callable[[Any], np.ndarray] = np.asarray

    def __call__(self, program: Expr, stack: list[str]) -> Callable[[np.ndarray], np.ndarray]:
        def f(x: Any) -> Any:
            return evaluate(program, x, self.namespace, self.no_grad)

        for name in stack:
            f = self.under(name, f)
        return lambda x: self.numpy(f(self.array(x)))

    def under(self, name: str, f: Fn) -> Fn:
        if name == "grad":
            return self.transforms.grad(lambda x: f(x).sum())
        if name == "jvp":
            return lambda x: self.transforms.jvp(f, (x,), (self.array(direction(x.shape)),))[1]
        if name == "vjp":
            return lambda x: self.pulled(*self.transforms.vjp(f, x))
        return getattr(self.transforms, name)(f)

    def pulled(self, out: Any, pull: Fn) -> Any:
        return pull(self.array(direction(out.shape)))[0]


@contextlib.contextmanager
def stopping() -> Any:
    """What no_grad is to a program that is only differentiated in reverse: its result is a constant."""
    yield jax.lax.stop_gradient


TENSORS = World(ft, torch, torch.from_numpy, torch.no_grad)
ARRAYS = World(ft, jnp, jnp.asarray, ft.no_grad)
JAX = World(jax, jnp, jnp.asarray, stopping)


class Differences:
    """Transforms on NumPy functions: seven-point differences, and loops."""

    weights = ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60))
    step = 0.03

    def along(self, f: Fn, x: np.ndarray, d: np.ndarray) -> np.ndarray:
        h = self.step
        return sum(w * (f(x + k * h * d) - f(x - k * h * d)) for k, w in self.weights) / h

    def jacfwd(self, f: Fn) -> Fn:
        def jacobian(x: np.ndarray) -> np.ndarray:
            units = np.eye(x.size).reshape(x.size, *x.shape)
            columns = np.stack([self.along(f, x, unit) for unit in units], -1)
            return columns.reshape(*columns.shape[:-1], *x.shape)

        return jacobian

    jacrev = jacfwd

    def hessian(self, f: Fn) -> Fn:
        return self.jacfwd(self.jacfwd(f))

    grad = jacfwd

    def jvp(self, f: Fn, primals: Any, tangents: Any) -> Any:
        return f(*primals), self.along(f, primals[0], tangents[0])

    def vjp(self, f: Fn, x: np.ndarray) -> Any:
        out = f(x)
        return out, lambda cotangent: [self.jacfwd(lambda y: (f(y) * cotangent).sum())(x)]

    def vmap(self, f: Fn) -> Fn:
        return lambda x: np.stack([f(row) for row in x])


NUMPY = World(Differences(), np, np.asarray, contextlib.nullcontext)

seeds = st.integers(0, 9)


def same(got: np.ndarray, wanted: np.ndarray, tolerance: float) -> None:
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * max(1.0, np.abs(wanted).max(initial=0)))


# ---- the laws --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _double() -> Any:
    """The precision that differences need; a test before this one may have left 32 bits."""
    with jax.enable_x64(True):
        yield


@examples(30)
@given(vectors(3, blocks=False), stacks(), seeds)
def test_against_differences_and_loops(program: Expr, stack: list[str], seed: int) -> None:
    x = point(stack, seed)
    same(ARRAYS(program, stack)(x), NUMPY(program, stack)(x), 1e-4)


@examples(20)
@given(vectors(3, blocks=True), stacks(), seeds)
def test_tensors_give_what_arrays_give(program: Expr, stack: list[str], seed: int) -> None:
    x = point(stack, seed)
    same(TENSORS(program, stack)(x), ARRAYS(program, stack)(x), 1e-9)


@examples(12)
@given(vectors(3, blocks=True), stacks(most=2), seeds)
def test_vmap_of_anything_is_a_loop(program: Expr, stack: list[str], seed: int) -> None:
    x = point([*stack, "vmap"], seed)
    loop = np.stack([ARRAYS(program, stack)(row) for row in x])
    same(ARRAYS(program, [*stack, "vmap"])(x), loop, 1e-9)


@examples(25)
@given(vectors(3, blocks=True), stacks(REVERSE), seeds)
def test_no_grad_makes_constants_for_reverse_mode(program: Expr, stack: list[str], seed: int) -> None:
    x = point(stack, seed)
    same(ARRAYS(program, stack)(x), JAX(program, stack)(x), 1e-9)


@examples(15)
@given(vectors(3, blocks=True), stacks(FORWARD), seeds)
def test_no_grad_is_nothing_to_forward_mode(program: Expr, stack: list[str], seed: int) -> None:
    x = point(stack, seed)
    same(ARRAYS(program, stack)(x), NUMPY(program, stack)(x), 1e-4)


@examples(7)
@given(vectors(3, blocks=True), stacks(), seeds)
def test_compiled_is_as_eager(program: Expr, stack: list[str], seed: int) -> None:
    x = point(stack, seed)
    compiled = World(ft, jnp, jnp.asarray, ft.no_grad, lambda x: x)(program, stack)
    same(np.asarray(jax.jit(compiled)(x)), ARRAYS(program, stack)(x), 1e-9)


@pytest.mark.oracle
@pytest.mark.skipif(not LIVE, reason="set FUNCTORCH_JAX_ORACLE=live to run PyTorch")
@examples(60)
@given(vectors(3, blocks=True), stacks(), seeds)
def test_against_pytorch(program: Expr, stack: list[str], seed: int) -> None:
    import torch as real

    theirs = World(real.func, real, real.from_numpy, real.no_grad, lambda x: x.detach().numpy())
    x = point(stack, seed)
    same(TENSORS(program, stack)(x), theirs(program, stack)(x), 1e-9)
