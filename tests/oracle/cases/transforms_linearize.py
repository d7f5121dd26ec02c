"""linearize: value and tangent function, its strict checks, and its composition with other transforms."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from tests.oracle.case import case, error, floats, ints, right, values

Pair = namedtuple("Pair", "a b")


def pushed(f):
    """Value of `f` at the first half of the inputs, and tangent along the second half."""

    def program(t, *xs):
        n = len(xs) // 2
        out, jvp_fn = t.func.linearize(f, *xs[:n])
        return out, jvp_fn(*xs[n:])

    return program


V = (floats(3), floats(3))

RESULTS = [
    case("one primal", pushed(lambda x: x.sin()), *V),
    case("two primals", pushed(lambda x, y: x * y), *V, *V),
    case("a primal that is a dict", pushed(lambda p: p["a"] * p["b"]), {"a": floats(3), "b": floats(3)}, {"a": floats(3), "b": floats(3)}),
    case("a nested primal", pushed(lambda p: p[0] * p[1][0]), [floats(3), [floats(3)]], [floats(3), [floats(3)]]),
    case("output is a tuple", pushed(lambda x: (x.sin(), x.sum())), *V),
    case("output is a dict", pushed(lambda x: {"b": x.sin(), "a": x.sum()}), *V),
    case("output is a namedtuple", pushed(lambda x: Pair(x.sin(), x.sum())), *V),
    case("None in the output passes through", pushed(lambda x: (x.sin(), None)), *V),
    case("Python values in the output pass through", pushed(lambda x: (x.sin(), 1, "s")), *V),
    case("an integer output has an integer zero tangent", pushed(lambda x: (x.sin(), x.argsort())), *V),
    case("an unused primal", pushed(lambda x, y: x * 2), *V, *V),
    case("called several times", lambda t, x, v: [f(w) for f in [t.func.linearize(t.sin, x)[1]] for w in (v, v * 2, x)], *V),
    case("float64", pushed(lambda x: x.exp()), floats(3, dtype="float64"), floats(3, dtype="float64")),
    case("complex", pushed(lambda x: x * x), values([1 + 2j, 3j]), values([1j, 1 + 0j])),
    case("empty", pushed(lambda x: x * 2), floats(0, 3), floats(0, 3)),
    case("vmap of jvp_fn gives a Jacobian", lambda t, x: t.vmap(t.func.linearize(lambda x: x * x.sum(), x)[1])(t.eye(3)), floats(3)),
    case("jvp_fn after linearize, differentiated", lambda t, x, v: (lambda f: t.func.grad(lambda v: (f(v) ** 2).sum())(v))(t.func.linearize(t.sin, x)[1]), *V),
    case("a captured tensor is a constant", lambda t, x, v, c: t.func.linearize(lambda x: x * c, x)[1](v), *V, floats(3)),
]

MISUSE = [
    *[
        error(
            f"structure of tangents: {title}",
            lambda t, x, make=make: t.func.linearize(lambda p: p["a"] * 2, {"a": x})[1](*make(x)),
            floats(3),
            fragment="to have the same argspec as the primals",
        )
        for title, make in {
            "a tensor for a dict": lambda x: (x,),
            "one too many": lambda x: ({"a": x}, x),
            "none": lambda x: (),
            "another key": lambda x: ({"b": x},),
        }.items()
    ],
    *[
        error(
            f"tangent of shape {shape}",
            lambda t, x, v: t.func.linearize(t.sin, x)[1](v),
            floats(3),
            floats(*shape),
            fragment="in flattened pytree doesn't match the shape",
        )
        for shape in ((2,), (), (1, 3))
    ],
    *[
        error(
            f"tangent of dtype {dtype}",
            lambda t, x, v: t.func.linearize(t.sin, x)[1](v),
            floats(3),
            floats(3, dtype=dtype),
            fragment="in flattened pytree doesn't match the dtype",
        )
        for dtype in ("float64", "float16")
    ],
    error("a number as tangent", lambda t, x: t.func.linearize(t.sin, x)[1](1.0), values(1.0), fragment="'float' object has no attribute"),
    error("a number as primal", lambda t: t.func.linearize(lambda x: x * 2, 1.0), fragment="'float' object has no attribute"),
    error("an integer primal", lambda t, x: t.func.linearize(lambda x: x * 2, x), ints(3), fragment="Expected primal to be floating point or complex"),
    error("keyword arguments", lambda t, x: t.func.linearize(lambda x, k: x, x, k=1), floats(3), fragment="unexpected keyword argument"),
]

# ---- where PyTorch fails ---------------------------------------------------------------------------------------------


def tangent(t, f, x):
    return t.func.linearize(f, x)[1](t.ones_like(x))


def calls(t, x):
    seen = []

    def f(x):
        seen.append(1)
        return x * 2

    t.func.linearize(f, x)[1](x)
    return len(seen)


BETTER = [
    right(
        "linearize inside grad, with respect to the tangent",
        lambda t, x, v: t.func.grad(lambda v: t.func.linearize(t.sin, x)[1](v).sum())(v),
        *V,
        expected=lambda x, v: np.cos(x).astype("float32"),
        why="PyTorch gives zeros, silently",
    ),
    right(
        "grad through linearize with respect to the primal",
        lambda t, x: t.func.grad(lambda x: tangent(t, lambda x: x**3, x))(x),
        values(2.0),
        expected=lambda x: (6 * x).astype("float32"),
        why="PyTorch gives zero or uninitialised memory, silently",
    ),
    right(
        "jvp through linearize",
        lambda t, x: t.func.jvp(lambda x: tangent(t, lambda x: x**3, x), (x,), (t.ones(()),)),
        values(2.0),
        expected=lambda x: ((3 * x**2).astype("float32"), (6 * x).astype("float32")),
        why="PyTorch: nested forward mode AD is not supported",
    ),
    right(
        "linearize of linearize",
        lambda t, x: tangent(t, lambda x: tangent(t, lambda x: x**3, x), x),
        values(2.0),
        expected=lambda x: (6 * x).astype("float32"),
        why="PyTorch: nested forward mode AD is not supported",
    ),
    right(
        "vmap over linearize",
        lambda t, x: t.vmap(lambda x: tangent(t, lambda x: x**3, x))(x),
        values([1.0, 2.0]),
        expected=lambda x: (3 * x**2).astype("float32"),
        why="PyTorch has no batching rule for making dual numbers",
    ),
    right(
        "a branch on a value inside linearize",
        lambda t, x: tangent(t, lambda x: x**2 if x > 0 else x, x),
        values(2.0),
        expected=lambda x: (2 * x).astype("float32"),
        why="PyTorch traces symbolically and refuses",
    ),
    right(
        "float() of a value inside linearize",
        lambda t, x: tangent(t, lambda x: x * float(x), x),
        values(2.0),
        expected=lambda x: x.astype("float32"),
        why="PyTorch traces symbolically and refuses",
    ),
    right("the function runs once", calls, floats(3), expected=1, why="PyTorch runs it twice, so in-place effects happen twice"),
    right(
        "value and tangent of a random function share one draw",
        lambda t, x: (lambda out, f: t.allclose(out, f(x)))(*t.func.linearize(lambda x: x * t.rand(3), x)),
        floats(3),
        expected=True,
        why="PyTorch runs the function twice and draws twice",
    ),
]

CASES = [*RESULTS, *MISUSE, *BETTER]
