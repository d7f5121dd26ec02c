"""grad and grad_and_value: results, aux, and every misuse."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

from tests.oracle.case import case, error, floats, ints, right, values

Pair = namedtuple("Pair", "out aux")
Point = namedtuple("Point", "x y")
BOTH = ("grad", "grad_and_value")


@dataclass
class Record:
    n: int


def both(title, program, *inputs, **options):
    """The row for each of the two; `program(g, t, *inputs)` is given the transform."""
    return [
        case(f"{name}: {title}", lambda t, *xs, name=name: program(getattr(t.func, name), t, *xs), *inputs, **options)
        for name in BOTH
    ]


def both_refuse(title, program, *inputs, **options):
    return [
        error(f"{name}: {title}", lambda t, *xs, name=name: program(getattr(t.func, name), t, *xs), *inputs, **options)
        for name in BOTH
    ]


XY = (values(2.0), values(3.0))

RESULTS = [
    *both("of a product", lambda g, t, x, y: g(lambda x, y: x * y)(x, y), *XY),
    *both("with argnums=(0,)", lambda g, t, x, y: g(lambda x, y: x * y, argnums=(0,))(x, y), *XY),
    *both("with argnums=(1, 0)", lambda g, t, x, y: g(lambda x, y: x * y, argnums=(1, 0))(x, y), *XY),
    *both("with aux", lambda g, t, x, y: g(lambda x, y: (x * y, (x + y, [y])), has_aux=True)(x, y), *XY),
    *both("with aux and argnums", lambda g, t, x, y: g(lambda x, y: (x * y, {"s": x + y}), argnums=(0, 1), has_aux=True)(x, y), *XY),
    *both("with an integer tensor as aux", lambda g, t, x, i: g(lambda x: (x * 2, i + 1), has_aux=True)(x), values(2.0), ints(3)),
    *both("with a namedtuple of output and aux", lambda g, t, x: g(lambda x: Pair(x * 2, x + 1), has_aux=True)(x), values(2.0)),
    *[
        row
        for aux in ((), [], {})
        for row in both(f"with aux {aux!r}", lambda g, t, x, aux=aux: g(lambda x: (x * 2, aux), has_aux=True)(x), values(2.0))
    ],
    *both("aux is not differentiated", lambda g, t, x: g(lambda x: (x * 2, x**2), has_aux=True)(x), values(3.0)),
    *both("of a dict", lambda g, t, x, y: g(lambda p: (p["w"] * p["b"]).sum())({"w": x, "b": y}), floats(3), floats()),
    *both("of a namedtuple", lambda g, t, x, y: g(lambda p: (p.x * p.y).sum())(Point(x, y)), floats(3), floats()),
    *both("of an OrderedDict", lambda g, t, x, y: g(lambda p: (p["w"] * p["b"]).sum())(OrderedDict(w=x, b=y)), floats(3), floats()),
    *both("of an empty tuple", lambda g, t, x: g(lambda e: x * 2)(()), values(2.0)),
    *both("the same tensor twice", lambda g, t, x: g(lambda a, b: a * a * b, argnums=(0, 1))(x, x), values(2.0)),
    *both("keyword arguments pass through", lambda g, t, x, y: g(lambda x, *, k, n=1: (x * k).sum() * n)(x, k=y, n=2), floats(3), floats(3)),
    *both("output independent of the input", lambda g, t, x, y: g(lambda x: y * 2)(x), values(2.0), values(1.0)),
    *both("output that is an integer", lambda g, t, x: g(lambda x: x.sum().long())(x), floats(3)),
    *both("output that is a bool", lambda g, t, x: g(lambda x: (x > 0).all())(x), floats(3)),
    *both("of an empty input", lambda g, t, x: g(lambda x: x.sum())(x), floats(0, 3)),
    *both("of the identity", lambda g, t, x: g(lambda x: x)(x), values(2.0)),
    *both("of a detached value", lambda g, t, x: g(lambda x: x.detach() * x)(x), values(3.0)),
    *both("of a float64 output", lambda g, t, x: g(lambda x: x.double().sum())(x), floats(3)),
    *both("data-dependent control flow", lambda g, t, x: g(lambda x: x.sin() if x > 0 else x.cos())(x), values(1.0)),
    *both("a loop that depends on a value", lambda g, t, x: g(looped)(x), values(2.0)),
    *both("decorates a function", lambda g, t, x: decorated(g)(x), values(2.0)),
    *both("of a function with defaults", lambda g, t, x: g(lambda x, n=3: x**n)(x), values(2.0)),
    *both("composed with itself", lambda g, t, x: t.func.grad(lambda x: first(g(lambda x: x**3)(x)))(x), values(2.0)),
    *both("under vmap", lambda g, t, x: t.vmap(g(lambda x: x.sin().sum()))(x), floats(3, 2)),
    *both("under vmap with aux", lambda g, t, x: t.vmap(g(lambda x: (x.sin().sum(), x.cos()), has_aux=True))(x), floats(3, 2)),
    case("value, not gradient, is the second of grad_and_value", lambda t, x: t.func.grad_and_value(lambda x: x * 5)(x)[1], values(2.0)),
    case("aux of an outer grad", lambda t, x: t.func.grad(lambda x: aux_then(t, x), has_aux=True)(x), values(2.0)),
    case("per-sample gradients", lambda t, w, x, y: t.vmap(t.func.grad(lambda w, x, y: ((x @ w - y) ** 2).sum()), (None, 0, 0))(w, x, y), floats(3, 2), floats(4, 3), floats(4, 2)),
    case("grad of a vmap", lambda t, x: t.func.grad(lambda x: t.vmap(t.sin)(x).sum())(x), floats(3)),
    case("the result of grad(sum) may be changed after a clone", lambda t, x: t.func.grad(lambda x: x.sum())(x).clone().mul_(2), floats(3)),
    right(
        "the result of grad(sum) may be changed in place",
        lambda t, x: t.func.grad(lambda x: x.sum())(x).mul_(2),
        floats(3),
        expected=lambda x: [2.0, 2.0, 2.0],
        why="PyTorch gives an expanded tensor, whose entries share one place in memory",
    ),
]


def first(pair):
    return pair[0] if isinstance(pair, tuple) else pair


def aux_then(t, x):
    gradient, aux = t.func.grad(lambda x: (x**3, x**2), has_aux=True)(x)
    return gradient, aux * 2


def looped(x):
    out = x
    while float(out) < 100:
        out = out * x
    return out


def decorated(g):
    @g
    def square(x):
        return x * x

    return square


SCALAR = r"grad_and_value\(f\)\(\*args\): Expected f\(\*args\) to return a scalar Tensor, got tensor with 1 dims"
A_TENSOR = r"grad_and_value\(f\)\(\*args\): Expected f\(\*args\) to return a Tensor, got <class"
A_PAIR = r"grad_and_value\(f\)\(\*args\): output of function f should be a tuple: \(output, aux\)"

MISUSE = [
    *[
        row
        for title, make in {
            "a float": lambda x: 1.0,
            "None": lambda x: None,
            "a tuple": lambda x: (x, x),
            "a list": lambda x: [x],
            "a dict": lambda x: {"x": x},
        }.items()
        for row in both_refuse(f"the output is {title}", lambda g, t, x, make=make: g(make)(x), values(2.0), fragment=A_TENSOR)
    ],
    *both_refuse("the output has an axis", lambda g, t, x: g(lambda x: x * 2)(x), floats(3), fragment=SCALAR),
    *both_refuse("the output has one element and an axis", lambda g, t, x: g(lambda x: x.sum().reshape(1))(x), floats(3), fragment=SCALAR),
    *both_refuse(
        "the output has two axes",
        lambda g, t, x: g(lambda x: x * 2)(x),
        floats(2, 3),
        fragment="to return a scalar Tensor, got tensor with 2 dims",
    ),
    *[
        row
        for title, make in {
            "a tensor": lambda x: x.sum(),
            "a list": lambda x: [x.sum(), x],
            "three": lambda x: (x.sum(), x, x),
            "one": lambda x: (x.sum(),),
        }.items()
        for row in both_refuse(
            f"with aux, the output is {title}", lambda g, t, x, make=make: g(make, has_aux=True)(x), floats(3), fragment=A_PAIR
        )
    ],
    *[
        row
        for aux in (1, 1.0, "s", True, None, Record(1))
        for row in both_refuse(
            f"aux is of type {type(aux).__name__}",
            lambda g, t, x, aux=aux: g(lambda x: (x.sum(), (x, aux)), has_aux=True)(x),
            floats(3),
            fragment=r"Expected tensors, got unsupported type <class",
        )
    ],
    *both_refuse(
        "the output is complex",
        lambda g, t, x: g(lambda x: (x * (1 + 2j)).sum())(x),
        floats(3),
        fragment="grad can be implicitly created only for real scalar outputs but got torch.complex64",
    ),
    *both_refuse("the function raises", lambda g, t, x: g(raises)(x), floats(3), fragment="from inside"),
    *both_refuse("the function takes fewer arguments", lambda g, t, x: g(lambda x: x)(x, x), values(1.0), fragment="positional argument"),
]


def raises(x):
    raise ValueError("from inside")


CASES = [*RESULTS, *MISUSE]
