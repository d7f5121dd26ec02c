"""How tensors print: plain, shortened, with options, and inside transforms."""

from __future__ import annotations

import numpy as np

from tests.oracle.case import case, error, floats

NAN, INF = float("nan"), float("inf")

SHOWN = {
    "floats": [0.5, -1.25, 3.0],
    "whole floats": [[1.0, 2.0], [3.0, -4.0]],
    "ints": [[1, -200], [30, 4]],
    "bools": [True, False],
    "0-dim": 3.14159,
    "0-dim int": 7,
    "nan and inf": [NAN, INF, -1.0],
    "nan and fractions": [NAN, -INF, 0.1],
    "only nan": [NAN, NAN],
    "small": [1e-5, 1.0],
    "tiny": [1e-8],
    "large": [1e9, 1.0],
    "large whole": [123456789.0],
    "ratio of 1000": [0.001, 1.0],
    "ratio above 1000": [0.0009, 1.0],
    "negative zero": -0.0,
    "zeros": [0.0, -0.0],
    "complex": [1 + 2j, -1.5 - 1e-3j],
    "whole complex": [1 + 2j, 3 - 4j],
    "complex nan": [complex(NAN, 1), 2j],
    "empty": [],
    "empty matrix": np.zeros((0, 3), np.float32),
    "empty ints": np.zeros((2, 0), np.int64),
    "float64": np.array([1.5, 2.0]),
    "int32": np.arange(3, dtype=np.int32),
    "uint8": np.arange(3, dtype=np.uint8),
    "float16": np.array([0.1, 2], np.float16),
    "long vector": np.arange(40.0, dtype=np.float32) / 7,
    "long ints": np.arange(60),
    "three axes": np.arange(12.0, dtype=np.float32).reshape(2, 3, 2),
    "four axes": np.arange(16).reshape(2, 2, 2, 2),
    "shortened": np.arange(2000.0, dtype=np.float32).reshape(40, 50),
    "shortened vector": np.arange(1001),
    "shortened three axes": np.arange(1500).reshape(10, 10, 15),
    "wide dtype suffix": np.arange(11.0) / 3,
}


def shown(data):
    return lambda t: repr(t.tensor(data))


OPTIONS = {
    "precision": {"precision": 2},
    "linewidth": {"linewidth": 30},
    "edgeitems": {"edgeitems": 1, "threshold": 5},
    "threshold": {"threshold": 10},
    "scientific": {"sci_mode": True},
    "not scientific": {"sci_mode": False},
    "full": {"profile": "full"},
    "short": {"profile": "short"},
}


def printed(options):
    def program(t):
        t.set_printoptions(**options)
        try:
            return [
                repr(t.arange(24.0).reshape(4, 6) / 7),
                repr(t.tensor([1e-6, 1.0])),
                str(t.arange(40)),
                f"{t.ones(2, dtype=t.float64)}",
            ]
        finally:
            t.set_printoptions(profile="default", sci_mode=None)

    return program


def seen_in(wrap, shape=(2, 3)):
    """What a tensor prints inside a transform."""

    def program(t):
        seen = []

        def look(x):
            seen.append(repr(x))
            return x.sum()

        wrap(t, look)(t.arange(float(np.prod(shape))).reshape(shape))
        return seen

    return program


INSIDE = {
    "grad": lambda t, f: t.func.grad(f),
    "vmap": lambda t, f: t.vmap(f),
    "vmap of axis 1": lambda t, f: t.vmap(f, in_dims=1),
    "vmap of grad": lambda t, f: t.vmap(t.func.grad(f)),
    "grad of vmap": lambda t, f: t.func.grad(lambda x: t.vmap(f)(x).sum()),
    "grad of grad": lambda t, f: t.func.grad(lambda x: t.func.grad(f)(x).sum()),
    "jvp": lambda t, f: lambda x: t.func.jvp(f, (x,), (x,)),
    "vmap of vmap": lambda t, f: t.vmap(t.vmap(f)),
}

FORMATS = {
    "0-dim": lambda t: (f"{t.tensor(3)}", f"{t.tensor(2.5)}", f"{t.tensor(3):d}", f"{t.tensor(3.14159):.2f}"),
    "0-dim, aligned": lambda t: (f"{t.tensor(2.5):>8}", f"{t.tensor(12345.6):,.1f}", f"{t.tensor(True)}"),
    "vector": lambda t: (f"{t.ones(2)}", str(t.ones(2))),
    "percent": lambda t: tuple(f % t.tensor(x) for f, x in (("%d", 3), ("%.2f", 1.5), ("%s", [1]))),
    "requires_grad": lambda t: (
        repr(t.ones(2, requires_grad=True)),
        repr(t.ones(30, 2, requires_grad=True)[:0].detach()),
    ),
    "parameter": lambda t: repr(t.nn.Parameter(t.ones(2))),
    "meta": lambda t: (repr(t.empty(2, 3, device="meta")), repr(t.zeros(2, device="meta", dtype=t.int64))),
    "list of tensors": lambda t: repr([t.ones(1), t.tensor(2)]),
    "dtype, Size, device": lambda t: (repr(t.float32), repr(t.Size([2, 3])), repr(t.device("cpu"))),
    "default dtype": lambda t: default_double(t),
    "format under grad": lambda t: under_grad(t),
}


def default_double(t):
    t.set_default_dtype(t.float64)
    try:
        return repr(t.ones(2)), repr(t.ones(2, dtype=t.float32)), repr(t.tensor(1j))
    finally:
        t.set_default_dtype(t.float32)


def under_grad(t):
    seen = []
    t.func.grad(lambda x: (seen.append(f"{x:.3f}"), x * x)[1])(t.tensor(2.5))
    return seen


CASES = [
    *[case(name, shown(data)) for name, data in SHOWN.items()],
    *[case(f"options: {name}", printed(options)) for name, options in OPTIONS.items()],
    *[case(f"inside {name}", seen_in(wrap)) for name, wrap in INSIDE.items()],
    case("inside vmap, 0-dim", seen_in(INSIDE["vmap"], (3,))),
    case("inside vmap of vmap, three axes", seen_in(INSIDE["vmap of vmap"], (2, 2, 3))),
    *[case(f"format: {name}", program) for name, program in FORMATS.items()],
    error("format of several numbers", lambda t, x: f"{x:.2f}", floats(2), fragment="unsupported format string passed to Tensor.__format__"),
    error("an unknown format of one number", lambda t, x: f"{x:q}", floats(), fragment="Unknown format code 'q' for object of type 'float'"),
    error("an unknown option", lambda t: t.set_printoptions(digits=3), fragment="unexpected keyword argument 'digits'"),
    case("an unknown profile changes nothing", lambda t: (t.set_printoptions(profile="wide"), str(t.ones(2)))[1]),
]
