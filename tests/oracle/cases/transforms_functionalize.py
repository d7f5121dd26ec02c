"""functionalize: the same results, mutations of arguments carried out, composition, and misuse."""

from __future__ import annotations

from tests.oracle.case import case, error, floats, right, values

V = floats(3)


def mutate(x):
    y = x * 2
    y.add_(1)
    y[0] = 5.0
    return y.view(-1) * x


def add_view(x):
    y = x * 2
    y.add_(1)
    y[1:].mul_(3)
    return y.view(-1) * x


def mutate_argument(x):
    x.add_(1)
    return x * 2


CASES = [
    case("the same result", lambda t, x: t.func.functionalize(mutate)(x), V),
    case("remove='mutations_and_views'", lambda t, x: t.func.functionalize(mutate, remove="mutations_and_views")(x), V),
    case("a mutated argument is changed after the call", lambda t, x: [t.func.functionalize(mutate_argument)(x), x], V),
    case("a mutated keyword argument is changed after the call", lambda t, x, y: [t.func.functionalize(lambda x, y: y.mul_(x))(x, y=y), y], V, V),
    case("a mutated view of an argument", lambda t, x: [t.func.functionalize(lambda x: x[1:].mul_(2))(x), x], V),
    case("an argument in a tree", lambda t, x, y: [t.func.functionalize(lambda p: p["a"].add_(p["b"][0]))({"a": x, "b": [y]}), x, y], V, V),
    case("outputs that are no tensors", lambda t, x: t.func.functionalize(lambda x: (x * 2, 3, "s", None))(x), V),
    case("output tree", lambda t, x: t.func.functionalize(lambda x: {"b": x * 2, "a": [x]})(x), V),
    case("a returned argument is the same object", lambda t, x: t.func.functionalize(lambda x: x)(x) is x, V),
    case("arguments that are no tensors", lambda t, x: t.func.functionalize(lambda x, n, s: x * n * len(s))(x, 3, "ab"), V),
    case("several outputs", lambda t, x: t.func.functionalize(lambda x: (x + 1, x.add_(1)))(x), V),
    case("vmap of functionalize", lambda t, x: t.vmap(t.func.functionalize(mutate))(x), floats(2, 3)),
    case("functionalize of vmap", lambda t, x: t.func.functionalize(t.vmap(mutate))(x), floats(2, 3)),
    case("grad of functionalize", lambda t, x: t.func.grad(lambda x: t.func.functionalize(add_view)(x).sum())(x), V),
    case("functionalize of grad", lambda t, x: t.func.functionalize(t.func.grad(lambda x: mutate(x).sum()))(x), V),
    case("jvp of functionalize", lambda t, x: t.func.jvp(t.func.functionalize(add_view), (x,), (x,)), V),
    case("functionalize of jvp", lambda t, x: t.func.functionalize(lambda x: t.func.jvp(mutate, (x,), (x,)))(x), V),
    case("jacrev of functionalize", lambda t, x: t.func.jacrev(t.func.functionalize(lambda x: x.clone().mul_(x)))(x), V),
    right(
        "grad of functionalize with an item set",
        lambda t, x: t.func.grad(lambda x: t.func.functionalize(mutate)(x).sum())(x),
        values([1.0, 2.0, 3.0]),
        expected=[5.0, 9.0, 13.0],
        why="PyTorch has no derivative for the copy that it makes of the write",
    ),
    right(
        "functionalize twice",
        lambda t, x: t.func.functionalize(t.func.functionalize(mutate))(x),
        values([1.0, 2.0, 3.0]),
        expected=[5.0, 10.0, 21.0],
        why="PyTorch fails in an internal assertion",
    ),
    case("a write into zeros made inside", lambda t, x: t.func.functionalize(lambda x: t.zeros(3).copy_(x))(x), V),
    case("the name is kept", lambda t: t.func.functionalize(mutate).__name__),
    right(
        "a captured tensor written with an argument",
        lambda t, x, c: [t.func.functionalize(lambda x: c.add_(x) * 2)(x), c],
        V,
        V,
        expected=lambda x, c: [(2 * (x + c)).astype("float32"), (x + c).astype("float32")],
        why="PyTorch refuses to mutate a captured tensor",
    ),
    *[
        error(f"remove={remove!r}", lambda t, x, r=remove: t.func.functionalize(mutate, remove=r)(x), V, fragment="received invalid argument for remove=")
        for remove in ("views", None, "")
    ],
    error("remove by position", lambda t: t.func.functionalize(mutate, "mutations"), fragment="positional argument"),
]
