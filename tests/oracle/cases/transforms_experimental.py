"""functorch.experimental: control flow and old names; debug_unwrap and what escapes from a transform."""

from __future__ import annotations

import copy

import numpy as np

from tests.oracle.case import case, error, floats, functorch, right, values

V = floats(3)
X = floats(2, 3)


def control(t):
    return functorch(t).experimental.control_flow


def double(x):
    return x * 2


def negate(x):
    return -x


TRUTHS = {"True": True, "False": False, "1": 1, "0": 0}

COND = [
    *[case(f"cond: {name}", lambda t, x, p=p: control(t).cond(p, double, negate, (x,)), V) for name, p in TRUTHS.items()],
    *[
        case(f"cond: predicate {p.array.tolist()!r}", lambda t, x, p: control(t).cond(p, double, negate, (x,)), V, p)
        for p in (values(True), values(False), values([True]), values([[False]]), values(1), values(0.0))
    ],
    case("cond: a predicate computed from the operand", lambda t, x: control(t).cond(x.sum() > 0, double, negate, (x,)), V),
    case("cond: operands in a list", lambda t, x: control(t).cond(x.sum() > 0, double, negate, [x]), V),
    case("cond: two operands", lambda t, x, y: control(t).cond(x.sum() > 0, lambda x, y: x + y, lambda x, y: x - y, (x, y)), V, V),
    case("cond: operands in a tree", lambda t, x, y: control(t).cond(x.sum() > 0, lambda p: p["a"] + p["b"][0], lambda p: p["a"] - 1, ({"a": x, "b": [y]},)), V, V),
    case("cond: closures without operands", lambda t, x: control(t).cond(x.sum() > 0, lambda: x * 2, lambda: -x), V),
    case("cond: several outputs", lambda t, x: control(t).cond(x.sum() > 0, lambda x: (x * 2, x.sum()), lambda x: (-x, x.sum() * 3), (x,)), V),
    case("cond: outputs in a dict", lambda t, x: control(t).cond(x.sum() > 0, lambda x: {"b": x * 2, "a": x + 1}, lambda x: {"b": -x, "a": x - 1}, (x,)), V),
    case("cond: nested", lambda t, x: control(t).cond(x.sum() > 0, double, lambda x: t.cond(x[0] > 0, lambda x: x + 1, lambda x: x - 1, (x,)), (x,)), V),
    case("cond: torch.cond is the same", lambda t, x: t.cond(x.sum() > 0, double, negate, (x,)), V),
    case("vmap of cond, mapped predicate", lambda t, x: t.vmap(lambda x: t.cond(x.sum() > 0, double, negate, (x,)))(x), floats(4, 3)),
    case("vmap of cond, predicate not mapped", lambda t, x, p: t.vmap(lambda x: t.cond(p, double, negate, (x,)))(x), X, values(True)),
    error("cond: a predicate of several elements", lambda t, x: control(t).cond(x > 0, double, negate, (x,)), V, fragment="Expected pred to be bool or single-element tensor"),
    error("cond: operands a tensor", lambda t, x: control(t).cond(x.sum() > 0, double, negate, x), V, fragment="Expect operands to be a tuple of possibly nested"),
    error("cond: an operand that is an int", lambda t, x: control(t).cond(x.sum() > 0, lambda x, n: x, lambda x, n: x, (x, 1)), V, fragment="Expect operands to be a tuple of possibly nested"),
    error("cond: a branch that cannot be called", lambda t, x: control(t).cond(x.sum() > 0, double, 3, (x,)), V, fragment="Expect both branches to be callable"),
    error("cond: branches of two structures", lambda t, x: control(t).cond(x.sum() > 0, lambda x: (x * 2, x + 1), negate, (x,)), V, fragment="Unmatched output spec from torch.cond branches", raises="RuntimeError"),
    error("cond: branches of two dtypes", lambda t, x: control(t).cond(x.sum() > 0, double, lambda x: x.double(), (x,)), V, fragment="expected same dtype", raises="RuntimeError"),
    error("cond: branches of two ranks", lambda t, x: control(t).cond(x.sum() > 0, double, lambda x: x.sum(), (x,)), V, fragment="expected same dim", raises="RuntimeError"),
]

BETTER = "PyTorch cannot transform its control-flow operators"


def branches(t, x):
    return t.cond(x.sum() > 0, lambda x: x * x, lambda x: x * 3, (x,))


def slope(x):
    return np.where(x.sum() > 0, 2 * x, 3).astype("float32")


TRANSFORMED = [
    right("grad of cond", lambda t, x: t.func.grad(lambda x: branches(t, x).sum())(x), V, expected=slope, why=BETTER),
    right("jvp of cond", lambda t, x: t.func.jvp(lambda x: branches(t, x), (x,), (t.ones(3),))[1], V, expected=slope, why=BETTER),
    right("jacrev of cond", lambda t, x: t.func.jacrev(lambda x: branches(t, x))(x), V, expected=lambda x: np.diag(slope(x)), why=BETTER),
    right("jacfwd of cond", lambda t, x: t.func.jacfwd(lambda x: branches(t, x))(x), V, expected=lambda x: np.diag(slope(x)), why=BETTER),
    right("vmap of grad of cond", lambda t, x: t.vmap(t.func.grad(lambda x: branches(t, x).sum()))(x), values([[1.0, 2.0], [-1.0, -2.0]]),
          expected=[[2.0, 4.0], [3.0, 3.0]], why=BETTER),
    right("hessian of cond", lambda t, x: t.func.hessian(lambda x: branches(t, x).sum())(x), values([1.0, 2.0]), expected=[[2.0, 0.0], [0.0, 2.0]], why=BETTER),
    right("grad of map", lambda t, x: t.func.grad(lambda x: control(t).map(lambda r: r * r, x).sum())(x), X, expected=lambda x: (2 * x).astype("float32"), why=BETTER),
    right("vmap of map", lambda t, x: t.vmap(lambda x: control(t).map(lambda r: r * 2, x))(x), X, expected=lambda x: (2 * x).astype("float32"), why=BETTER),
    right("jvp of map", lambda t, x: t.func.jvp(lambda x: control(t).map(lambda r: r * r, x), (x,), (x,))[1], V, expected=lambda x: (2 * x * x).astype("float32"), why=BETTER),
    right("map of the identity", lambda t, x: control(t).map(lambda r: r, x), X, expected=lambda x: x.astype("float32"), why="PyTorch refuses an output that is an input"),
    right("cond whose branch returns its operand", lambda t, x: t.cond(x.sum() > -100, lambda x: x, lambda x: -x, (x,)), V, expected=lambda x: x.astype("float32"), why="PyTorch refuses an output that is an input"),
]

MAP = [
    case("map: one tensor", lambda t, x: control(t).map(lambda r: r * 2, x), X),
    case("map: with arguments", lambda t, x, y: control(t).map(lambda r, y: r * y, x, y), X, V),
    case("map: with an argument that is no tensor", lambda t, x: control(t).map(lambda r, n: r * n, x, 3), X),
    case("map: a tree", lambda t, x, y: control(t).map(lambda p: p["a"] * p["b"][0], {"a": x, "b": [y]}), X, floats(2)),
    case("map: several outputs", lambda t, x: control(t).map(lambda r: (r * 2, {"s": r.sum()}), x), X),
    case("map: of scalars", lambda t, x: control(t).map(lambda e: e * e, x), V),
    error("map: an empty leading axis", lambda t, x: control(t).map(lambda r: r * 2, x), floats(0, 3), fragment="Leading dimensions of mapped xs cannot be 0"),
    error("map: leading axes differ", lambda t, x, y: control(t).map(lambda p: p[0] * p[1], (x, y)), X, floats(3, 3), fragment="must be consistent"),
    error("map: not a tensor", lambda t: control(t).map(lambda r: r, [1, 2]), fragment="Mapped xs can only consist of tensors"),
]

NAMES = [
    case(
        "functorch.experimental has the old names",
        lambda t: [callable(getattr(functorch(t).experimental, n)) for n in "chunk_vmap functionalize hessian jacfwd jvp replace_all_batch_norm_modules_".split()],
    ),
    case(
        "functorch.experimental's names are torch.func's",
        lambda t: [getattr(functorch(t).experimental, n) is getattr(t.func, n) for n in "functionalize hessian jacfwd jvp".split()],
    ),
]

# ---- debugging and escapes -------------------------------------------------------------------------------------------


def inside(run):
    """What the program notes while it runs inside a transform."""

    def program(t, x):
        notes = []
        run(t, x, notes.append)
        return notes

    return program


def escaped_grad(t, x):
    kept = []
    t.func.grad(lambda x: (kept.append(x * 2), x.sum())[1])(x)
    return kept[0] + 1


def escaped_vmap(t, x):
    kept = []
    t.vmap(lambda x: (kept.append(x * 2), x)[1])(x)
    return kept[0] + 1


DEBUG = [
    case("repr inside vmap names the level", inside(lambda t, x, note: t.vmap(lambda x: (note(repr(x).split("value")[0]), x)[1])(x)), X),
    case("repr inside grad names the level", inside(lambda t, x, note: t.func.grad(lambda x: (note(repr(x).split("value")[0]), x.sum())[1])(x)), V),
    case("repr inside jvp names the level", inside(lambda t, x, note: t.func.jvp(lambda x: (note(repr(x).split("value")[0]), x)[1], (x,), (x,))), V),
    case("repr inside vmap of grad", inside(lambda t, x, note: t.vmap(t.func.grad(lambda x: (note(repr(x).count("lvl")), x.sum())[1]))(x)), X),
    case("repr of two levels is nested outside-in", inside(lambda t, x, note: t.vmap(lambda x: t.vmap(lambda x: (note([repr(x).index("lvl=2") < repr(x).index("lvl=1"), repr(x).count("BatchedTensor")]), x)[1])(x))(x)), X),
    case("debug_unwrap under vmap", inside(lambda t, x, note: t.vmap(lambda x: (note(t.func.debug_unwrap(x)), x)[1])(x)), X),
    case("debug_unwrap under grad", inside(lambda t, x, note: t.func.grad(lambda x: (note(t.func.debug_unwrap(x * 2)), x.sum())[1])(x)), V),
    case("debug_unwrap under vmap of grad", inside(lambda t, x, note: t.vmap(t.func.grad(lambda x: (note(t.func.debug_unwrap(x)), x.sum())[1]))(x)), X),
    case("debug_unwrap of one level", inside(lambda t, x, note: t.vmap(lambda x: t.vmap(lambda x: (note(t.func.debug_unwrap(x, recurse=False).shape), x)[1])(x))(x)), floats(2, 3, 4)),
    case("debug_unwrap of a plain tensor", lambda t, x: t.func.debug_unwrap(x) is x, V),
    error("debug_unwrap of no tensor", lambda t: t.func.debug_unwrap(1.0), fragment=".", raises="TypeError"),
    case("a tensor that escaped from grad still works", escaped_grad, V),
    error("a tensor that escaped from vmap", escaped_vmap, X, fragment="Either your tensor may have escaped from inside a function being vmapped"),
    case("repr of a tensor that escaped from vmap", lambda t, x: len(escaped_repr(t, x)) > 0, X),
    right("deepcopy under vmap", lambda t, x: t.vmap(lambda x: copy.deepcopy(x) + 1)(x), X, expected=lambda x: (x + 1).astype("float32"), why="PyTorch cannot access the storage"),
]


def escaped_repr(t, x):
    kept = []
    t.vmap(lambda x: (kept.append(x * 2), x)[1])(x)
    return repr(kept[0])


CASES = [*COND, *TRANSFORMED, *MAP, *NAMES, *DEBUG]
