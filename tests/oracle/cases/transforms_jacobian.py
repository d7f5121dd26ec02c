"""jacrev, jacfwd and hessian: shapes and nesting, dtypes, chunks, randomness, and every misuse."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import numpy as np

from tests.oracle.case import case, complexes, error, floats, right, values

Pair = namedtuple("Pair", "a b")
BOTH = ("jacrev", "jacfwd")
ALL = (*BOTH, "hessian")


def each(names, title, program, *inputs, **options):
    """The row for each name; `program(j, t, *inputs)` is given the transform."""
    return [
        case(f"{name}: {title}", lambda t, *xs, name=name: program(getattr(t.func, name), t, *xs), *inputs, **options)
        for name in names
    ]


def each_refuse(names, title, program, *inputs, **options):
    return [
        error(f"{name}: {title}", lambda t, *xs, name=name: program(getattr(t.func, name), t, *xs), *inputs, **options)
        for name in names
    ]


def mv(m, v):
    return v * (m * m).sum()


def mv_pair(m, v):
    return v * m.sum(), (v * v).sum() * (m**2).sum()


def mv_dict(m, p):
    return {"o": p["p"] * m.sum() * p["q"], "r": (p["p"] ** 2).sum() * p["q"]}


V, M = floats(3), floats(2, 4)
P = {"p": floats(3), "q": floats()}

SHAPES = [
    *each(BOTH, "vector to vector", lambda j, t, v: j(lambda v: v * v.sum())(v), V),
    *each(BOTH, "scalar to scalar", lambda j, t, x: j(t.sin)(x), floats()),
    *each(BOTH, "one element to one element", lambda j, t, x: j(t.sin)(x), floats(1)),
    *each(BOTH, "matrix to matrix", lambda j, t, m: j(lambda m: m[:, :3].sum(0).reshape(3, 1) * m.sum())(m), M),
    *each(BOTH, "output is a tuple", lambda j, t, v: j(lambda v: (v * v, v.sum()))(v), V),
    *each(BOTH, "output is a list", lambda j, t, v: j(lambda v: [v * v, v.sum()])(v), V),
    *each(BOTH, "output is a dict", lambda j, t, v: j(lambda v: {"b": v * v, "a": v.sum()})(v), V),
    *each(BOTH, "output is a namedtuple", lambda j, t, v: j(lambda v: Pair(v * v, v.sum()))(v), V),
    *each(BOTH, "output is an OrderedDict", lambda j, t, v: j(lambda v: OrderedDict(b=v * v, a=v.sum()))(v), V),
    *each(BOTH, "output is a tuple of one", lambda j, t, v: j(lambda v: (v * v,))(v), V),
    *[
        row
        for argnums in (0, 1, (0,), (0, 1), (1, 0), -1)
        for row in each(("jacrev",) if argnums == -1 else BOTH, f"argnums={argnums} of a matrix and a vector", lambda j, t, m, v, argnums=argnums: j(mv, argnums)(m, v), M, V)
    ],
    *each(BOTH, "two outputs and two arguments", lambda j, t, m, v: j(mv_pair, (0, 1))(m, v), M, V),
    *each(BOTH, "an argument that is a dict", lambda j, t, m, p: j(lambda m, p: p["p"] * m.sum() * p["q"], 1)(m, p), M, P),
    *each(BOTH, "dicts in and out, two arguments", lambda j, t, m, p: j(mv_dict, (0, 1))(m, p), M, P),
    *each(BOTH, "with aux", lambda j, t, v: j(lambda v: (v * v, {"s": v.sum()}), has_aux=True)(v), V),
    *each(BOTH, "with aux, tuple output, two arguments", lambda j, t, m, v: j(lambda m, v: (mv_pair(m, v), m + 1), (0, 1), has_aux=True)(m, v), M, V),
    *each(BOTH, "of a constant", lambda j, t, v, c: j(lambda v: c * 2)(v), V, floats(2)),
    *each(ALL, "of a linear function", lambda j, t, v, w: j(lambda v: (v * w).sum())(v), V, floats(3)),
    *each(ALL, "empty input to a scalar", lambda j, t, v: j(lambda v: (v**3).sum())(v), floats(0)),
    *each(BOTH, "empty matrix to itself", lambda j, t, m: j(lambda m: m * m)(m), floats(0, 2)),
    *each(BOTH, "empty output", lambda j, t, v: j(lambda v: v[:0] * 2)(v), V),
    *each(BOTH, "of the identity", lambda j, t, v: j(lambda v: v)(v), V),
    *each(("hessian",), "scalar output, two arguments", lambda j, t, v, w: j(lambda v, w: (v**2 * w[:, None]).sum() * w.sum(), (0, 1))(v, w), V, floats(2)),
    *each(("hessian",), "argnums=(0,)", lambda j, t, v: j(lambda v: (v**3).sum(), (0,))(v), V),
    *each(("hessian",), "vector output", lambda j, t, v: j(lambda v: v**2 * v.sum())(v), V),
    *each(("hessian",), "an argument that is a dict", lambda j, t, p: j(lambda p: (p["p"] ** 2).sum() * p["q"] ** 2)(p), P),
    *each(("hessian",), "output is a dict", lambda j, t, v: j(lambda v: {"b": (v**3).sum(), "a": v * v})(v), V),
    case("jacfwd: argnums=None means every argument", lambda t, m, v: t.func.jacfwd(mv, None)(m, v), M, V),
]

COMPOSED = [
    case("jacfwd of jacrev", lambda t, v: t.func.jacfwd(t.func.jacrev(lambda v: (v**3).sum() * v))(v), V),
    case("jacrev of jacfwd", lambda t, v: t.func.jacrev(t.func.jacfwd(lambda v: (v**3).sum() * v))(v), V),
    case("jacrev of jacrev", lambda t, v: t.func.jacrev(t.func.jacrev(lambda v: (v**3).sum() * v))(v), V),
    case("jacfwd of jacfwd", lambda t, v: t.func.jacfwd(t.func.jacfwd(lambda v: (v**3).sum() * v))(v), V),
    *each(ALL, "under vmap", lambda j, t, m: t.vmap(j(lambda v: (v**3).sum() * v))(m), floats(2, 3)),
    *each(BOTH, "under grad", lambda j, t, v: t.func.grad(lambda v: j(lambda v: v**3)(v).sum())(v), V),
    *each(BOTH, "of vmap", lambda j, t, v: j(t.vmap(t.sin))(v), V),
    *each(ALL, "values may be read inside", lambda j, t, v: j(lambda v: (v**2 * float(v.sum()) + v[0].item()).sum() if v.sum() > -100 else v.sum())(v), V),
    *each(BOTH, "complex intermediates", lambda j, t, v: j(lambda v: (v * (1 + 2j)).abs())(v), V),
    *each(BOTH, "the argument is a Python object", lambda j, t, v: j(lambda v, n, s: v**n, 0)(v, 3, "s"), V),
    *each(BOTH, "an index as argument", lambda j, t, v, i: j(lambda v, i: v[i] * 2, 0)(v, i), V, [0, 2, 2]),
    case("jacrev: in-place on another argument", lambda t, x, y: t.func.jacrev(written, (1,))(x.clone(), y), floats(4), floats(2)),
    case("jacfwd: in-place on another argument", lambda t, x, y: t.func.jacfwd(written, (1,))(x.clone(), y), floats(4), floats(2)),
    case("jacfwd: in-place on another argument happens once", lambda t, x, y: [t.func.jacfwd(added, 1)(x, y), x], floats(2), floats(2)),
]


def written(x, y):
    x[:2] = y
    return x * 2


def added(x, y):
    x.add_(1)
    return x * y


DTYPES = [
    *each(BOTH, "mixed input dtypes", lambda j, t, a, b: j(lambda a, b: a * b, (0, 1))(a, b), floats(2), floats(2, dtype="float64")),
    *each(BOTH, "float64 to float32", lambda j, t, a: j(lambda a: a.float() * 2)(a), floats(2, dtype="float64")),
    *each(BOTH, "float32 to float64 and float32", lambda j, t, a: j(lambda a: (a.double() * 2, a * 3))(a), floats(2)),
    *each(ALL, "float64", lambda j, t, a: j(lambda a: (a**3).sum())(a), floats(2, dtype="float64")),
    *each(BOTH, "bfloat16", lambda j, t, a: j(lambda a: a * 2)(a), floats(2, dtype="bfloat16")),
    case("jacfwd: an integer output", lambda t, a: t.func.jacfwd(lambda a: a.argsort())(a), floats(3)),
]

CHUNKS = [
    *[
        case(f"jacrev: chunk_size={size}", lambda t, v, size=size: t.func.jacrev(lambda v: (v * v.sum(), v.sum()), chunk_size=size)(v), floats(5))
        for size in (1, 2, 3, 5, 100)
    ],
    case("jacrev: chunk_size with argnums and aux", lambda t, m, v: t.func.jacrev(lambda m, v: (mv_pair(m, v), v + 1), (0, 1), has_aux=True, chunk_size=2)(m, v), M, V),
    case("jacrev: chunk_size=1 is a loop", lambda t, v: t.func.jacrev(lambda v: v**2, chunk_size=1)(v), V),
    case("jacrev: _preallocate_and_copy", lambda t, v: t.func.jacrev(lambda v: v**2, chunk_size=2, _preallocate_and_copy=True)(v), V),
    *[
        error(
            f"jacrev: chunk_size={size} is refused at once",
            lambda t, size=size: t.func.jacrev(t.sin, chunk_size=size),
            fragment="jacrev: `chunk_size` should be greater than 0",
        )
        for size in (0, -1)
    ],
    error("jacrev: chunk_size=1.5", lambda t, v: t.func.jacrev(t.sin, chunk_size=1.5)(v), V, fragment=".", raises="TypeError"),
    error("jacrev: has_aux by position", lambda t: t.func.jacrev(t.sin, 0, True), fragment="positional argument"),
]

RANDOM = [
    case("jacrev: a random function draws once", lambda t, v: t.func.jacrev(lambda v: v * t.rand(()))(v).diagonal().unique().numel(), V),
    *each_refuse(
        ("jacfwd", "hessian"), "a random function", lambda j, t, v: j(lambda v: (v * t.rand(3)).sum())(v), V,
        fragment="called random operation while in randomness error mode",
    ),
    case("jacfwd: randomness='same'", lambda t, v: t.func.jacfwd(lambda v: v * t.rand(()), randomness="same")(v).diagonal().unique().numel(), V),
    case("jacfwd: randomness='different'", lambda t, v: t.func.jacfwd(lambda v: v * t.rand(3), randomness="different")(v).shape, V),
    error("jacfwd: another randomness", lambda t, v: t.func.jacfwd(t.sin, randomness="some")(v), V, fragment="Only allowed values for randomness"),
]

MISUSE = [
    *each_refuse(ALL, "keyword arguments", lambda j, t, v: j(lambda v, k: v * k)(v, k=2.0), V, fragment="unexpected keyword argument"),
    *each_refuse(("jacrev",), "an integer output", lambda j, t, v: j(lambda v: v.argsort())(v), V, fragment=r"vjp\(f, \.\.\.\): All outputs of f must be floating-point or complex Tensors"),
    *[
        row
        for name, prefix in (("jacrev", r"vjp\(f, \*primals\): "), ("jacfwd", r"jvp\(f, primals, tangents\): "))
        for row in [
            *[
                r
                for out in (None, ())
                for r in each_refuse((name,), f"the output is {out!r}", lambda j, t, v, out=out: j(lambda v: out)(v), V, fragment=f"{prefix}Expected f to be a function that has non-empty output")
            ],
            *[
                r
                for title, f in {"a float": lambda v: 1.0, "a tensor and None": lambda v: (v, None)}.items()
                for r in each_refuse((name,), f"the output is {title}", lambda j, t, v, f=f: j(f)(v), V, fragment=rf"{prefix}expected f\(\*primals\) to return only tensors, got unsupported type")
            ],
            *[
                r
                for title, f in {"a tensor": lambda v: v, "a list": lambda v: [v, v], "three": lambda v: (v, v, v)}.items()
                for r in each_refuse((name,), f"with aux, the output is {title}", lambda j, t, v, f=f: j(f, has_aux=True)(v), V, fragment=rf"{prefix}output of function f should be a tuple: \(output, aux\)")
            ],
            *each_refuse((name,), "aux is a number", lambda j, t, v: j(lambda v: (v, 1), has_aux=True)(v), V, fragment="Expected tensors, got unsupported type"),
        ]
    ],
    *each_refuse(("jacfwd",), "a number as input", lambda j, t: j(lambda v: v * 2)(1.0), fragment="has no attribute 'numel'"),
    *each_refuse(("jacrev",), "a complex input", lambda j, t, z: j(lambda z: z * z)(z), complexes(2), fragment="jacrev: Expected all inputs to be real but received complex tensor at flattened input idx: 0"),
    *each_refuse(("jacrev",), "a complex input that is not differentiated", lambda j, t, v, z: j(lambda v, z: v)(v, z), V, complexes(2), fragment="jacrev: Expected all inputs to be real but received complex tensor at flattened input idx: 1"),
    *each_refuse(("jacfwd", "hessian"), "a complex input", lambda j, t, z: j(lambda z: z.abs().sum())(z), complexes(2), fragment="jacfwd: Expected all inputs to be real but received complex tensor at flattened input idx: 0"),
    *each_refuse(("jacrev", "hessian"), "a complex output", lambda j, t, v: j(lambda v: v * 1j)(v), V, fragment="jacrev: Expected all outputs to be real"),
    *each_refuse(("jacfwd",), "a complex output", lambda j, t, v: j(lambda v: v * 1j)(v), V, fragment="jacfwd: Expected all outputs to be real"),
]

BETTER = [
    right(
        f"{name}: holomorphic=True gives the complex Jacobian",
        lambda t, z, name=name: getattr(t.func, name)(lambda z: z * z, holomorphic=True)(z),
        values([1 + 2j, 3 - 1j]),
        expected=lambda z: [[2 * z[0], 0], [0, 2 * z[1]]],
        why="PyTorch refuses complex inputs",
    )
    for name in BOTH
] + [
    right(
        f"{name}: chunk_size",
        lambda t, v, name=name: getattr(t.func, name)(lambda v: (v**3).sum(), chunk_size=2)(v),
        values([1.0, 2.0, 3.0]),
        expected=expected,
        why="PyTorch has it for jacrev alone",
    )
    for name, expected in (("jacfwd", [3.0, 12.0, 27.0]), ("hessian", [[6.0, 0, 0], [0, 12.0, 0], [0, 0, 18.0]]))
] + [
    right(
        "jacfwd: argnums=-1 of a matrix and a vector",
        lambda t, m, v: t.func.jacfwd(mv, -1)(m, v),
        M,
        V,
        expected=lambda m, v: (np.eye(3) * (m * m).sum()).astype("float32"),
        why="PyTorch gives zeros for a negative argnum",
    ),
    right(
        "jacfwd: a float does not widen a scalar's tangent",
        lambda t, v: t.func.jacfwd(lambda v: v.sum() * 2.0)(v),
        values([1.0, 2.0]),
        expected=lambda v: (v * 0 + 2).astype("float32"),
        why="PyTorch gives float64",
    ),
]

CASES = [*SHAPES, *COMPOSED, *DTYPES, *CHUNKS, *RANDOM, *MISUSE, *BETTER]
