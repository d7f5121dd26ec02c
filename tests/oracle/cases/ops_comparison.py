"""Comparisons, tests of values, logic, bits, any and all."""

import operator

import numpy as np

from tests.oracle.case import bools, case, complexes, error, floats, ints, values

NAN, INF = float("nan"), float("inf")

CASES = []
for name, symbol in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    fn = getattr(operator, name)
    CASES += [
        case(f"{name}: tensors", lambda t, x, y, n=name: (getattr(t, n)(x, y), getattr(x, n)(y)), ints(2, 3, high=3), ints(3, high=3)),
        case(f"{name}: number", lambda t, x, n=name: (getattr(t, n)(x, 1), getattr(t, n)(x, 0.5)), ints(4, high=3)),
        case(f"x {symbol} y", lambda t, x, y, f=fn: (f(x, y), f(x, 0), f(0, x), f(x, np.float32(0))), floats(3), floats(3)),
        case(f"{name}: nan", lambda t, x, f=fn: (f(x, x), f(x, 1.0)), [NAN, INF, 1.0]),
        case(f"{name}: mixed dtypes", lambda t, x, y, f=fn: f(x, y), ints(3), floats(3, dtype="float64")),
        case(f"{name}_: in place keeps the dtype", lambda t, x, n=name: getattr(x.clone(), f"{n}_")(1), floats(3)),
        case(f"{name}: out", lambda t, x, n=name: (getattr(t, n)(x, 1, out=(o := t.empty(3, dtype=t.bool))), o), floats(3)),
    ]
for alias in ("not_equal", "less", "less_equal", "greater", "greater_equal"):
    CASES.append(case(alias, lambda t, x, y, n=alias: (getattr(t, n)(x, y), getattr(x, f"{n}_")(y)), floats(3), floats(3)))

for name, fn in {"and": operator.and_, "or": operator.or_, "xor": operator.xor}.items():
    CASES += [
        case(f"bitwise_{name}", lambda t, x, y, n=f"bitwise_{name}": (getattr(t, n)(x, y), getattr(x, n)(6), getattr(x.clone(), f"{n}_")(y)), ints(4), ints(4)),
        case(f"bitwise_{name}: bools", lambda t, x, y, f=fn: (f(x, y), f(x, True), f(True, x), f(x, 1)), bools(4), bools(4)),
        case(f"bitwise_{name}: operators", lambda t, x, y, f=fn: (f(x, y), f(x, 3), f(3, x)), ints(4), bools(4)),
        case(f"logical_{name}", lambda t, x, y, n=f"logical_{name}": (getattr(t, n)(x, y), getattr(x, n)(y), getattr(x.clone(), f"{n}_")(y)), [0.0, 1.0, NAN, 0.0], [True, False, True, False]),
    ]

CASES += [
    case("== with what is no tensor", lambda t, x: (x == "a", x == None, x != None, x != "a"), floats(3)),  # noqa: E711
    case("None in a list of tensors", lambda t, x: (None in [x], [None, x].index(None)), floats(3)),
    case("eq of complex numbers", lambda t, x: (x == x, x != 0), complexes(3)),
    case("comparison carries no derivative", lambda t, x: (x > 0) * x, floats(4), grad=True),

    # ---- tests of values ----
    case("isnan, isinf, isfinite", lambda t, x: (t.isnan(x), t.isinf(x), t.isfinite(x), x.isnan(), x.isinf(), x.isfinite()), [NAN, INF, -INF, 1.0]),
    case("isnan, isinf, isfinite of integers", lambda t, x: (t.isnan(x), t.isinf(x), t.isfinite(x)), ints(3)),
    case("isnan of complex numbers", lambda t, x: (x.isnan(), x.isinf(), x.isfinite()), values([complex(NAN, 0), complex(0, INF), 1j])),
    case("isposinf, isneginf", lambda t, x, y: (t.isposinf(x), t.isneginf(x), y.isposinf()), [NAN, INF, -INF, 1.0], ints(2)),
    case("isreal", lambda t, x, y: (t.isreal(x), y.isreal()), values([1 + 0j, 1j]), floats(2)),
    case("isclose", lambda t, x, y: (t.isclose(x, y), x.isclose(y, rtol=0.1), t.isclose(x, y, equal_nan=True)), [1.0, 1.05, NAN, INF, INF, 1.0], [1.0 + 1e-7, 1.0, NAN, INF, -INF, INF]),
    case("isclose of integers", lambda t, x, y: t.isclose(x, y, atol=1), ints(4, high=4), ints(4, high=4)),
    case("allclose and equal give Python bools", lambda t, x: (t.allclose(x, x + 1e-9), x.allclose(x + 1), t.equal(x, x), x.equal(x + 1), t.equal(x, x[:1])), floats(3)),
    case("allclose with nan", lambda t, x: (t.allclose(x, x), t.allclose(x, x, equal_nan=True)), [NAN, 1.0]),
    case("equal of two dtypes", lambda t, x, y: t.equal(x, y), [1, 2], [1.0, 2.0]),
    case("allclose and equal inside grad", lambda t, x: t.func.grad(lambda x: x.sum() * (2 if t.allclose(x, x) and t.equal(x, x) else 1))(x), floats(3)),

    # ---- logic and bits ----
    case("logical_not", lambda t, x: (t.logical_not(x), x.clone().logical_not_(), t.logical_not(x, out=t.zeros(3, dtype=t.uint8))), [0.0, 1.0, NAN]),
    case("logical ops broadcast", lambda t, x, y: t.logical_and(x, y), bools(2, 1), ints(3, high=2)),
    case("bitwise_not and ~", lambda t, x, y: (~x, t.bitwise_not(x), ~y, x.clone().bitwise_not_()), ints(3), bools(3)),
    case("in-place bit operators", lambda t, x: (operator.iand(x.clone(), 6), operator.ior(x.clone(), 6), operator.ixor(x.clone(), 6), operator.ilshift(x.clone(), 1), operator.irshift(x.clone(), 1)), ints(4)),
    case("shifts", lambda t, x: (x << 2, x >> 1, 1 << x, t.bitwise_left_shift(x, 3), x.bitwise_right_shift(x)), ints(4, high=6)),
    case("shifts by too much", lambda t, x, y: (x << y, x >> y, -x >> y), [1, 2, 3, 4], [64, 65, -1, 1]),
    case("shifts of int8", lambda t, x: (x << 1, x >> 1), values([-100, 100], "int8")),

    # ---- any and all ----
    case("any and all", lambda t, x: (x.any(), x.all(), t.any(x, 0), t.all(x, dim=1, keepdim=True), x.any((0, 1)), x.all(-1)), bools(2, 3)),
    case("any and all of numbers", lambda t, x: (x.any(), x.all()), [0.0, NAN, 2.0]),
    case("any and all of uint8 stay uint8", lambda t, x: (x.any(), x.all(), x.any(0)), values([0, 2], "uint8")),
    case("any and all of nothing", lambda t: (t.zeros(0).any(), t.zeros(0).all(), t.zeros(0, 2).all(0))),
    case("any and all over no dimension", lambda t, x: (x.any(dim=()), x.all(dim=())), floats(3)),
    case("vmap of any and all", lambda t, x: t.vmap(lambda x: (x.any(), x.all()))(x), bools(3, 2)),

    # ---- errors ----
    error("lt of complex numbers", lambda t, x: x < x, complexes(3), fragment='"lt_cpu" not implemented for .ComplexFloat'),
    error("lt with None", lambda t, x: x < None, floats(3), fragment="not supported between instances"),
    error("eq with a str", lambda t, x: t.eq(x, "a"), floats(3), fragment=r"eq\(\) received an invalid combination of arguments"),
    error("eq: sizes do not match", lambda t, x, y: x == y, floats(3), floats(4), fragment="must match the size of tensor b"),
    error("isclose of two dtypes", lambda t, x, y: t.isclose(x, y), floats(3), floats(3, dtype="float64"), fragment="Float did not match Double"),
    error("isclose: negative rtol", lambda t, x: t.isclose(x, x, rtol=-1), floats(3), fragment="rtol must be greater than or equal to zero"),
    error("isneginf of complex numbers", lambda t, x: t.isneginf(x), complexes(3), fragment="isneginf does not support complex inputs"),
    error("float & float", lambda t, x: x & x, floats(3), fragment='"bitwise_and_cpu" not implemented for .Float'),
    error("~float", lambda t, x: ~x, floats(3), fragment=r"~ \(operator.invert\) is only implemented on integer and Boolean-type tensors"),
    error("float << 1", lambda t, x: x << 1, floats(3), fragment='"lshift_cpu" not implemented for .Float'),
    error("any: dim out of range", lambda t, x: x.any(3), bools(2, 2), fragment="Dimension out of range"),
    error("logical_and with a number", lambda t, x: t.logical_and(x, 1), bools(2), fragment="argument 'other' .* must be Tensor, not int"),
    error("equal with a number", lambda t, x: t.equal(x, 1), floats(2), fragment="must be Tensor, not int"),
]
