"""vmap: in_dims, out_dims, what is mapped and what is not, what it looks like inside, and every misuse."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from functools import partial

import numpy as np

from tests.oracle.case import case, error, floats, ints, right, values

Pair = namedtuple("Pair", "a b")

T = floats(2, 3, 5)
X = floats(2, 3)
V = floats(3)


def shape_of(**options):
    """The shape that the function sees, and the result."""

    def program(t, x):
        seen = []

        def f(x):
            seen.append(x.shape)
            return x * 2

        return [t.vmap(f, **options)(x), seen]

    return program


def both(p):
    a, b = p.values() if isinstance(p, dict) else p
    return a * b


IN_DIMS = [
    *[case(f"in_dims={d}", shape_of(in_dims=d), T) for d in (0, 1, 2, -1, -3, (1,), (-2,))],
    case("in_dims: one tensor is mapped", lambda t, x, y: t.vmap(lambda x, y: x * y, (0, None))(x, y), X, V),
    case("in_dims: negative dims count on each argument", lambda t, x, y: t.vmap(lambda x, y: x.sum() + y.sum(), -1)(x, y), floats(2, 3), floats(4, 2, 3)),
    case("in_dims: different dims", lambda t, x, y: t.vmap(lambda x, y: x * y, (0, 1))(x, y), floats(2, 3), floats(3, 2)),
    case("in_dims: inside a list", lambda t, x, y: t.vmap(both, ([0, None],))([x, y]), X, V),
    case("in_dims: inside a dict", lambda t, x, y: t.vmap(both, ({"a": 0, "b": None},))({"a": x, "b": y}), X, V),
    case("in_dims: inside an OrderedDict", lambda t, x, y: t.vmap(both, ({"a": 0, "b": None},))(OrderedDict(a=x, b=y)), X, V),
    case("in_dims: inside a namedtuple", lambda t, x, y: t.vmap(both, (Pair(0, None),))(Pair(x, y)), X, V),
    case("in_dims: inside a tuple", lambda t, x, y: t.vmap(both, ((0, None),))((x, y)), X, V),
    case("in_dims: None for a value that is no tensor", lambda t, x: t.vmap(lambda x, d: x * d["k"], (0, {"k": None}))(x, {"k": 2}), X),
    case("in_dims: None for a whole tree", lambda t, x: t.vmap(lambda x, d: x * d["k"] + len(d["s"]), (0, None))(x, {"k": 2, "s": "ab"}), X),
    case("in_dims: an int stands for a whole list", lambda t, x, y: t.vmap(both, (0,))([x, y]), X, X),
    case("in_dims: an int stands for a whole dict", lambda t, x, y: t.vmap(both)({"a": x, "b": y}), X, X),
    case("in_dims: None with a function argument", lambda t, x: t.vmap(lambda x, f: f(x), (0, None))(x, t.sin), X),
    case("keyword arguments are not mapped", lambda t, x: t.vmap(lambda x, s: x * s)(x, s=x), X),
    case("in_dims of no keyword argument", lambda t, x: t.vmap(lambda x, *, k=1, y=None: x * k + y, (0,))(x, k=3, y=x[0]), X),
    case("an argument that is an empty tuple", lambda t, x: t.vmap(lambda x, e: x * 2)(x, ()), X),
    case("batch size 1", lambda t, x: t.vmap(t.sin)(x), floats(1, 3)),
    case("batch size 0", lambda t, x: t.vmap(lambda x: x * 2)(x), floats(0, 3)),
    case("nested, each with its dim", lambda t, x: t.vmap(t.vmap(lambda x: x.sum(), 1), 1)(x), T),
    case("nested, outer argument unmapped inside", lambda t, x, y: t.vmap(lambda x: t.vmap(lambda y: x @ y)(y))(x), X, floats(4, 3)),
    case("as a decorator with options", lambda t, x: partial(t.vmap, in_dims=1)(t.sum)(x), X),
    case("of a method of a tensor", lambda t, x: t.vmap(t.Tensor.sin)(x), X),
    case("of an operator", lambda t, x: t.vmap(t.mul)(x, x), X),
    case("of a partial", lambda t, x: t.vmap(partial(t.sum, dim=0))(x), X),
    case("a captured tensor", lambda t, x, w: t.vmap(lambda x: x @ w)(x), X, floats(3, 2)),
    case("result of an unused argument", lambda t, x, y: t.vmap(lambda x, y: x)(x, y), X, X),
]

STRUCTURE = "in_dims is not compatible with the structure of `inputs`"


def identity(*xs):
    return xs[0]


def refused(title, in_dims, make, fragment, **options):
    """`make(t)` gives the arguments of the call."""
    return error(f"in_dims: {title}", lambda t: t.vmap(identity, in_dims)(*make(t)), fragment=fragment, **options)


def one(t):
    return (t.ones(2, 3),)


IN_DIMS_MISUSE = [
    *[
        refused(f"{d!r} at the top", d, one, r"expected `in_dims` to be int or a \(potentially nested\) tuple")
        for d in ([0], {0}, "0", {"x": 0}, None, 0.0)
    ],
    refused("a wrong number", (0, 0), one, STRUCTURE),
    refused("a list for a tuple", ([0, 0],), lambda t: (((t.ones(2), t.ones(2))),), STRUCTURE),
    refused("a tuple for a list", ((0, 0),), lambda t: ([t.ones(2), t.ones(2)],), STRUCTURE),
    refused("a tuple for a namedtuple", ((0, 0),), lambda t: (Pair(t.ones(2), t.ones(2)),), STRUCTURE),
    refused("a missing key", ({"a": 0},), lambda t: ({"a": t.ones(2), "b": t.ones(2)},), STRUCTURE),
    refused("a tuple for a tensor", ((0,),), one, STRUCTURE),
    *[
        refused(f"{d!r} inside", d, one, f"Got in_dim={d[0]} for an input but in_dim must be either an integer dimension or None")
        for d in ((0.0,), ("a",))
    ],
    refused("True", (True,), one, "must be int, not bool"),
    *[
        refused(f"an int for {title}", (0, 0), lambda t, bad=bad: (t.ones(2), bad), "Got in_dim=0 for an input but the input is of type")
        for title, bad in (("an int", 1), ("None", None), ("a string", "s"))
    ],
    *[
        refused(f"{d} for a matrix", d, one, f"Got in_dim={d} for some input, but that input is a Tensor of dimensionality 2")
        for d in (2, 3, -3)
    ],
    refused("a tensor without axes", 0, lambda t: (t.ones(()),), "Got in_dim=0 for some input, but that input is a Tensor of dimensionality 0"),
    refused("all None", (None,), one, "Expected at least one Tensor to vmap over"),
    refused("an empty tree", 0, lambda t: ((),), "Expected at least one Tensor to vmap over"),
    error("no arguments", lambda t: t.vmap(lambda: t.ones(2))(), fragment="got no inputs"),
    error("only keyword arguments", lambda t: t.vmap(lambda x=None: x)(x=t.ones(2)), fragment="got no inputs"),
    error("sizes differ", lambda t, x, y: t.vmap(t.mul)(x, y), floats(2, 3), floats(3), fragment=r"Expected all tensors to have the same size in the mapped dimension, got sizes \[2, 3\]"),
    case("wrong in_dims fail only at the call", lambda t: callable(t.vmap(identity, [0]))),
    right(
        "in_dims: an int for a NumPy array",
        lambda t, x: t.vmap(lambda x, n: x + t.tensor(1.0) * n, (0, 0))(x, np.ones(2, np.float32)),
        values([1.0, 2.0]),
        expected=[2.0, 3.0],
        why="PyTorch maps tensors alone; here any array is mapped",
    ),
    right(
        "in_dims: a dict is matched by key",
        lambda t, x, v: t.vmap(lambda p: p["a"].sum() + p["b"], ({"b": None, "a": 0},))({"a": x, "b": v}),
        floats(2, 3),
        floats(3),
        expected=lambda x, v: (x.sum(1)[:, None] + v).astype("float32"),
        why="PyTorch matches by position, and maps the wrong tensor",
    ),
]

# ---- out_dims --------------------------------------------------------------------------------------------------------

OUT_DIMS = [
    *[case(f"out_dims={d}", lambda t, x, d=d: t.vmap(lambda x: x * 2, out_dims=d)(x), T) for d in (0, 1, 2, -1, -2, -3, (1,))],
    case("out_dims: an int for a tuple", lambda t, x: t.vmap(lambda x: (x, x * 2), out_dims=1)(x), X),
    case("out_dims: a tuple", lambda t, x: t.vmap(lambda x: (x, x * 2), out_dims=(0, 1))(x), X),
    case("out_dims: a list", lambda t, x: t.vmap(lambda x: [x, x * 2], out_dims=[0, 1])(x), X),
    case("out_dims: a dict", lambda t, x: t.vmap(lambda x: {"b": x, "a": x * 2}, out_dims={"b": 0, "a": 1})(x), X),
    case("out_dims: a namedtuple", lambda t, x: t.vmap(lambda x: Pair(x, x * 2), out_dims=Pair(0, 1))(x), X),
    case("out_dims: an int stands for a subtree", lambda t, x: t.vmap(lambda x: (x, {"a": x, "b": x}), out_dims=(0, 1))(x), X),
    case("out_dims: None for a tensor that is not mapped", lambda t, x, y: t.vmap(lambda x: (x, y), out_dims=(0, None))(x), X, V),
    case("out_dims: None for a Python value", lambda t, x: t.vmap(lambda x: (x, 3, None, "s"), out_dims=(0, None, None, None))(x), X),
    case("out_dims: None for everything", lambda t, x, y: t.vmap(lambda x: y * 2, out_dims=None)(x), X, V),
    case("a tensor that is not mapped is expanded", lambda t, x, y: t.vmap(lambda x: y)(x), X, V),
    right(
        "a tensor that is not mapped, out_dims=1",
        lambda t, x, y: t.vmap(lambda x: y, out_dims=1)(x),
        X,
        V,
        expected=lambda x, y: np.stack([y, y], 1).astype("float32"),
        why="PyTorch expands the vector along the wrong axis, and fails",
    ),
    case("a tensor made inside", lambda t, x: t.vmap(lambda x: t.ones(2))(x), X),
    case("output is a list", lambda t, x: t.vmap(lambda x: [x, [x.sum()]])(x), X),
    case("output is a dict in its order", lambda t, x: t.vmap(lambda x: {"z": x, "a": x.sum()})(x), X),
    case("output is a namedtuple", lambda t, x: t.vmap(lambda x: Pair(x, x.sum()))(x), X),
    case("output is PyTorch's own named result", lambda t, x: t.vmap(lambda x: t.sort(x))(x), X),
    *[case(f"output is {e!r}", lambda t, x, e=e: t.vmap(lambda x: e)(x), X) for e in ((), {}, [])],
    case("of the identity gives the argument itself", lambda t, x: t.vmap(lambda x: x)(x) is x, X),
    case("in_dims and out_dims move an axis", lambda t, x: t.vmap(lambda x: x, 1, 0)(x), T),
    case("integers and bools", lambda t, x, i: t.vmap(lambda x, i: (i + 1, x > 0))(x, i), X, ints(2, 3)),
]

COMPATIBLE = "out_dims is not compatible with the structure of"

OUT_DIMS_MISUSE = [
    *[
        error(f"out_dims: {d!r} for a tensor", lambda t, x, d=d: t.vmap(identity, out_dims=d)(x), X, fragment=COMPATIBLE)
        for d in ([1], (0, 0))
    ],
    error("out_dims: too few", lambda t, x: t.vmap(lambda x: (x, x), out_dims=(0,))(x), X, fragment=COMPATIBLE),
    error("out_dims: too many", lambda t, x: t.vmap(lambda x: (x, x), out_dims=(0, 0, 0))(x), X, fragment=COMPATIBLE),
    error("out_dims: a list for a tuple", lambda t, x: t.vmap(lambda x: (x, x), out_dims=[0, 0])(x), X, fragment=COMPATIBLE),
    error("out_dims: a tuple for a list", lambda t, x: t.vmap(lambda x: [x, x], out_dims=(0, 0))(x), X, fragment=COMPATIBLE),
    *[
        error(f"out_dims: {d!r}", lambda t, x, d=d: t.vmap(identity, out_dims=d)(x), X, fragment="must be an int, None or a python collection of ints")
        for d in ("lol", ("lol",), 0.0)
    ],
    *[
        error(f"out_dims: {d} for a result with three axes", lambda t, x, d=d: t.vmap(identity, out_dims=d)(x), T, fragment="Dimension out of range")
        for d in (3, -4)
    ],
    error("out_dims: None for a mapped tensor", lambda t, x: t.vmap(identity, out_dims=None)(x), X, fragment="can not return a BatchedTensor when out_dim is None"),
    *[
        error(
            f"output is {type(out).__name__}",
            lambda t, x, out=out: t.vmap(lambda x: out)(x),
            X,
            fragment=f"must only return Tensors, got type <class '{type(out).__name__}'>",
        )
        for out in (1.0, 1, "s", None, object())
    ],
    error("output holds a shape", lambda t, x: t.vmap(lambda x: (x, x.shape))(x), X, fragment="must only return Tensors, got type <class 'int'>"),
    error("the error names the function", lambda t, x: t.vmap(named)(x), X, fragment=r"vmap\(named, \.\.\.\): `named`"),
    error("the error names a partial", lambda t, x: t.vmap(partial(named, k=1))(x), X, fragment=r"vmap\(functools\.partial\(named, \.\.\.\), \.\.\.\)"),
    error("the error names a module", lambda t, x: t.vmap(t.nn.Flatten(), (0, None))(x), X, fragment=r"vmap\(Flatten\("),
]


def named(x, k=None):
    return 1.0


# ---- inside ----------------------------------------------------------------------------------------------------------


def look(t, x):
    seen = []

    def f(x):
        seen.append([x.shape, x.dim(), x.numel(), len(x), x.size(0), x.ndim])
        return x

    t.vmap(f)(x)
    return seen


INSIDE = [
    case("shape queries see one example", look, T),
    case("a mapped scalar promotes as a scalar", lambda t, x, v: t.vmap(lambda x: x + v)(x), floats(2, dtype="float64"), V),
    case("an integer scalar with a mapped float", lambda t, x, i: t.vmap(lambda x, i: x * i)(x, i), X, ints(2)),
    case("dims are wrapped on one example", lambda t, x: t.vmap(lambda x: x.sum(-1))(x), T),
    case("broadcasting is of one example", lambda t, x, y: t.vmap(lambda x, y: x + y)(x, y), floats(2, 3, 1), floats(2, 5)),
    case("indexing is of one example", lambda t, x: t.vmap(lambda x: (x[0], x[..., -1], x[None], x[1:]))(x), T),
    case("matmul of examples", lambda t, x, y: t.vmap(t.mm)(x, y), floats(2, 3, 4), floats(2, 4, 2)),
    case("dot of examples", lambda t, x, y: t.vmap(t.dot)(x, y), X, X),
    case("all pairs", lambda t, x, y: t.vmap(lambda x: t.vmap(lambda y: t.dot(x, y))(y))(x), X, floats(4, 3)),
    case("iteration over an example", lambda t, x: t.vmap(lambda x: sum(r * i for i, r in enumerate(x)))(x), T),
    error("indexing past an example", lambda t, x: t.vmap(lambda x: x[3])(x), X, fragment="out of"),
    error("the function raises", lambda t, x: t.vmap(raises)(x), X, fragment="from inside", raises="KeyError"),
]


def raises(x):
    raise KeyError("from inside")


CASES = [*IN_DIMS, *IN_DIMS_MISUSE, *OUT_DIMS, *OUT_DIMS_MISUSE, *INSIDE]
