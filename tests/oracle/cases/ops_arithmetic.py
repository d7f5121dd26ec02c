"""Arithmetic between tensors and numbers: values, derivatives, dtypes, in-place forms, operators, errors."""

import operator

import numpy as np

from tests.oracle.case import bools, case, complexes, error, floats, ints, right, values

NAN, INF = float("nan"), float("inf")

# ---- every op with tensors, numbers and mixed dtypes -----------------------------------------------------------------

PAIRS = {  # op: whether it takes complex numbers
    "add": True,
    "sub": True,
    "mul": True,
    "div": True,
    "true_divide": True,
    "remainder": False,
    "fmod": False,
    "subtract": True,
    "multiply": True,
    "divide": True,
}

CASES = []
for name, with_complex in PAIRS.items():
    CASES += [
        case(f"{name}: broadcast", lambda t, x, y, n=name: getattr(t, n)(x, y), floats(3, 1), floats(1, 4, positive=True), grad=True),
        case(f"{name}: number", lambda t, x, n=name: getattr(x, n)(2.5), floats(3), grad=True),
        case(f"{name}: int tensor and float number", lambda t, x, n=name: getattr(x, n)(2.5), ints(4)),
        case(f"{name}: int tensors", lambda t, x, y, n=name: getattr(t, n)(x, y), ints(4), ints(4, low=1)),
        case(f"{name}: float32 with float64", lambda t, x, y, n=name: getattr(t, n)(x, y), floats(3), floats(3, dtype="float64", positive=True), grad=True),
        case(f"{name}: a 0-dim float64 does not promote", lambda t, x, y, n=name: getattr(t, n)(x, y), floats(3), values(np.array(2.5))),
        case(f"{name}_: in place", lambda t, x, y, n=name: getattr(x * 1, n + "_")(y), floats(3), floats(3, positive=True), grad=True),
        case(f"{name}: out", lambda t, x, y, n=name: (out := t.empty(3), getattr(t, n)(x, y, out=out) is out), floats(3), floats(3, positive=True)),
        case(f"{name}: float16", lambda t, x, n=name: getattr(t, n)(x, 3), floats(3, dtype="float16")),
    ]
    if with_complex:
        CASES.append(case(f"{name}: complex", lambda t, x, y, n=name: getattr(t, n)(x, y), complexes(3), complexes(3), grad="reverse"))

# ---- operators -------------------------------------------------------------------------------------------------------

for symbol, fn in {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow,
}.items():
    CASES += [
        case(f"x {symbol} y", lambda t, x, y, f=fn: f(x, y), floats(3, positive=True), floats(3, positive=True)),
        case(f"x {symbol} 2", lambda t, x, f=fn: f(x, 2), floats(3, positive=True)),
        case(f"2 {symbol} x", lambda t, x, f=fn: f(2, x), floats(3, positive=True)),
        case(f"2.5 {symbol} int x", lambda t, x, f=fn: f(2.5, x), ints(3, low=1)),
        case(f"7 {symbol} int x", lambda t, x, f=fn: f(7, x), ints(3, low=1)),
    ]
for symbol, fn in {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv, "//=": operator.ifloordiv,
    "%=": operator.imod, "**=": operator.ipow,
}.items():
    CASES.append(case(f"x {symbol} 2 writes into x", lambda t, x, f=fn: (y := x.clone(), f(y, 2) is y), floats(3, positive=True)))

CASES += [
    case("-x, +x, abs(x)", lambda t, x: (-x, +x, abs(x)), floats(3), grad=True),
    case("numpy number on the right", lambda t, x: x * np.float64(2), floats(3)),
    case("a tensor with no axes and a number", lambda t, x: (x + 1, x * 2.5, 3 / x), values(2)),
    case("unsupported operand gives NotImplemented", lambda t, x: (x.__add__("a") is NotImplemented, x.__mul__(None) is NotImplemented), floats(2)),

    # ---- alpha and friends ----
    case("add alpha", lambda t, x, y: t.add(x, y, alpha=2.5), floats(3), floats(3), grad=True),
    case("sub alpha", lambda t, x, y: x.sub(y, alpha=-3), floats(3), floats(3), grad=True),
    case("rsub", lambda t, x: (t.rsub(x, 1), t.rsub(x, 2.0, alpha=3)), floats(3), grad=True),
    case("add bools", lambda t, x, y: (x + y, x + 1), bools(4), bools(4)),
    case("add_ alpha in place", lambda t, x, y: x.clone().add_(y, alpha=-0.1), floats(3), floats(3)),
    case("integers overflow", lambda t, x: x * x, values([100, -100], "int8")),
    case("uint8 underflow", lambda t, x: (x - 3, -x), values([1, 5], "uint8")),
    case("float32 += float64 stays float32", lambda t, x, y: x.clone().add_(y), floats(3), floats(3, dtype="float64")),
    case("neg and positive", lambda t, x: (t.neg(x), t.negative(x), t.positive(x), x.clone().neg_()), ints(3)),

    # ---- division ----
    case("div floor", lambda t, x, y: t.div(x, y, rounding_mode="floor"), [-7.0, 7.0, -1.0, 5.5], [2.0, -2.0, 3.0, 0.5]),
    case("div trunc", lambda t, x, y: t.div(x, y, rounding_mode="trunc"), [-7.0, 7.0, -1.0, 5.5], [2.0, -2.0, 3.0, 0.5]),
    case("div rounding: gradient is 0", lambda t, x: t.div(x, 2, rounding_mode="floor") + t.div(x, 2, rounding_mode="trunc"), floats(3), grad=True),
    case("div floor of integers", lambda t, x, y: (x.div(y, rounding_mode="floor"), x.div(y, rounding_mode="trunc"), x // y), [-7, 7, -7, 7], [2, -2, -2, 2]),
    case("floor_divide by zero and of infinity", lambda t, x, y: t.floor_divide(x, y), [1.0, -1.0, 0.0, INF, NAN, 1.0], [0.0, 0.0, 0.0, 1.0, 1.0, INF]),
    case("floor_divide where the quotient rounds up", lambda t, x, y: x // y, [1.0, 0.3, 6.0], [0.1, 0.1, 0.2]),
    case("floor_divide keeps the sign of zero", lambda t, x: 1 / (x // 5.0), [-0.0, 0.0]),
    case("floor_divide in place", lambda t, x: (x.clone().floor_divide_(2), x.clone().div_(3, rounding_mode="trunc")), ints(4)),
    case("remainder follows the divisor, fmod the dividend", lambda t, x, y: (t.remainder(x, y), t.fmod(x, y)), [-7.0, 7.0, -7.0, 7.0], [3.0, -3.0, -3.0, 3.0], grad=True),
    case("remainder of integers", lambda t, x, y: (x % y, t.fmod(x, y)), [-7, 7, -7, 7], [3, -3, -3, 3]),
    case("remainder and fmod by 0 and inf", lambda t, x, y: (t.remainder(x, y), t.fmod(x, y)), [1.0, -1.0, 1.0, INF], [0.0, INF, INF, 1.0]),
    case("remainder of a number", lambda t, x: t.remainder(7, x), [3, -3]),
    case("reciprocal", lambda t, x: (t.reciprocal(x), x.clone().reciprocal_()), [1.0, -2.0, 0.0], grad="reverse"),
    case("reciprocal of integers and bools", lambda t, x, y: (x.reciprocal(), y.reciprocal()), [1, 0, -2], [True, False]),
    case("int // 0. and int % 0.", lambda t, x: (x // 0.0, x % 0.0), [1, 2]),
    case("int / 0", lambda t, x: x / 0, [1, 0, -1]),
    right("floor_divide has derivative 0", lambda t, x: t.func.grad(lambda x: (x // 2.0).sum())(x), [3.0, -3.0], expected=[0.0, 0.0],
          why="PyTorch has no derivative for floor_divide; that of its synonym div(rounding_mode='floor') is 0"),

    # ---- powers ----
    case("pow: numbers that PyTorch computes by products and roots", lambda t, x: tuple(x**p for p in (0, 1, 2, 3, 0.5, -0.5, -1, -2, 4, 2.5, 7, -3)), floats(4, positive=True), grad=True),
    case("pow at 0", lambda t, x: tuple(x**p for p in (0, 0.0, 1, 1.0, 2, 2.0, 3, 2.5)), [0.0, -0.0], grad=True),
    case("pow of negative numbers", lambda t, x: tuple(x**p for p in (2, 3, 2.0, 3.0, 7, -1, -3, 2.5)), [-2.0, -0.5], grad=True),
    case("pow: tensor exponent at 0", lambda t, x, y: x**y, [0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 2.0, 0.5, 0.0, 2.0], grad="reverse"),
    case("pow: tensor exponent", lambda t, x, y: t.pow(x, y), floats(3, 1, positive=True), floats(1, 4), grad=True),
    case("pow: number base", lambda t, x: (t.pow(2, x), 0.5**x), floats(3), grad=True),
    case("pow: zero base", lambda t, x: 0.0**x, [0.0, 1.0, -1.0], grad="reverse"),
    case("pow: second derivative", lambda t, x: t.func.hessian(lambda x: (x**3 + x**2.5).sum())(x), floats(2, positive=True)),
    case("pow: second derivative, tensor exponent", lambda t, x, y: t.func.hessian(lambda x, y: (x**y).sum(), argnums=(0, 1))(x, y), floats(2, positive=True), floats(2)),
    case("pow: integers", lambda t, x, y: (x**2, x**y, 2**y, x**0), ints(4, low=-5, high=5), ints(4, high=4)),
    case("pow: integers to negative tensor powers", lambda t, x, y: x**y, [1, -1, 2, 3, -1], [-1, -3, -2, 2, -2]),
    case("pow: ints and float numbers", lambda t, x: (x**0.5, x**2.0), ints(4)),
    case("pow: bool", lambda t, x: (x**2, t.square(x)), bools(3)),
    case("pow: nan and inf", lambda t, x: (x**0, x**2, x**0.5, x**-1), [NAN, INF, -INF]),
    case("pow: complex", lambda t, x: (x**2, x**3, x**0.5), complexes(3), grad="reverse"),
    case("pow_ in place", lambda t, x: (x.clone().pow_(2), x.clone().square_()), floats(3)),
    case("square", lambda t, x: x.square(), floats(3), grad=True),
    case("float_power", lambda t, x, y: (t.float_power(x, 2), t.float_power(y, 0.5), t.float_power(2, x)), ints(3), floats(3, positive=True)),
    case("float_power_", lambda t, x: x.clone().float_power_(2), floats(3, dtype="float64")),

    # ---- fused forms ----
    case("addcmul", lambda t, x, y, z: (t.addcmul(x, y, z, value=0.5), x.addcmul(y, z)), floats(3), floats(2, 1), floats(3), grad=True),
    case("addcmul: integers", lambda t, x, y, z: (t.addcmul(x, y, z, value=2), t.addcmul(x, y, z, value=2.5)), ints(3), ints(3), ints(3)),
    case("addcmul promotes", lambda t, x, y: t.addcmul(x, x, y), floats(3), floats(3, dtype="float64")),
    case("addcdiv", lambda t, x, y, z: t.addcdiv(x, y, z, value=-0.5), floats(3), floats(3), floats(3, positive=True), grad=True),
    case("addcmul_ and addcdiv_ in place", lambda t, x, y: (x.clone().addcmul_(y, y, value=2), x.clone().addcdiv_(y, y, value=-2)), floats(3), floats(3, positive=True)),
    case("lerp", lambda t, x, y: (t.lerp(x, y, 0.25), x.lerp(y, 0.75)), floats(3), floats(3), grad=True),
    case("lerp: tensor weight", lambda t, x, y, w: t.lerp(x, y, w), floats(3), floats(3), floats(2, 3, low=0, high=1), grad=True),
    case("lerp: the ends are exact", lambda t, x, y: (t.lerp(x, y, 1.0), t.lerp(x, y, 0.0)), [1e8, -1e8], [1.0, 3.0]),
    case("lerp_ in place", lambda t, x, y: x.clone().lerp_(y, 0.1), floats(3), floats(3)),

    # ---- under transforms ----
    case("vmap of arithmetic with a number", lambda t, x: t.vmap(lambda x: x * 2.5 + 1)(x), ints(4)),
    case("vmap: a mapped scalar does not promote", lambda t, x, y: t.vmap(lambda x, y: x + y)(x, y), floats(3, 2), floats(3, dtype="float64")),
    case("second derivative of division", lambda t, x: t.func.hessian(lambda x: (1 / x).sum())(x), floats(3, positive=True)),

    # ---- errors ----
    error("sizes do not match", lambda t, x, y: x + y, floats(3), floats(4), fragment="must match the size of tensor b"),
    error("int // 0", lambda t, x: x // 0, ints(3), fragment="ZeroDivisionError"),
    error("int % 0", lambda t, x: x % 0, ints(3), fragment="ZeroDivisionError"),
    error("int // int tensor with a 0", lambda t, x: t.floor_divide(7, x), [1, 0], fragment="ZeroDivisionError"),
    error("fmod by int 0", lambda t, x: t.fmod(x, 0), ints(3), fragment="ZeroDivisionError"),
    error("div trunc by int 0", lambda t, x: t.div(x, 0, rounding_mode="trunc"), ints(3), fragment="ZeroDivisionError"),
    error("div rounding mode", lambda t, x: t.div(x, 2, rounding_mode="x"), floats(3), fragment="div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'x'"),
    error("int ** -1", lambda t, x: x**-1, ints(3), fragment="Integers to negative integer powers are not allowed"),
    error("bool ** bool", lambda t, x: x**x, bools(3), fragment='"pow" not implemented for .Bool'),
    error("bool - bool", lambda t, x: x - x, bools(3), fragment="with two bool tensors is not supported"),
    error("bool - 1", lambda t, x: x - 1, bools(3), fragment="with a bool tensor is not supported"),
    error("1 - bool", lambda t, x: 1 - x, bools(3), fragment="with a bool tensor is not supported"),
    error("-bool", lambda t, x: -x, bools(3), fragment="Negation, the `-` operator, on a bool tensor is not supported"),
    error("+bool", lambda t, x: +x, bools(3), fragment=r"The `\+` operator, on a bool tensor is not supported"),
    error("bool // bool", lambda t, x: x // x, bools(3), fragment="not implemented for 'Bool'"),
    error("bool % bool", lambda t, x: x % x, bools(3), fragment='"remainder_cpu" not implemented for .Bool'),
    error("alpha float of integers", lambda t, x: x.add(1, alpha=1.5), ints(3), fragment="argument alpha must not be a floating point number"),
    error("int += 1.5", lambda t, x: x.add_(1.5), ints(3), fragment="result type Float can't be cast to the desired output type Long"),
    error("int.div_", lambda t, x: x.div_(2), ints(3), fragment="result type Float can't be cast to the desired output type Long"),
    error("in-place result is larger", lambda t, x, y: x.add_(y), floats(3), floats(2, 3), fragment="doesn't match the broadcast shape"),
    error("addcdiv of integers", lambda t, x: t.addcdiv(x, x, x), ints(3), fragment="Integer division with addcdiv is no longer supported"),
    error("lerp of other dtypes", lambda t, x, y: t.lerp(x, y, 0.5), floats(3), floats(3, dtype="float64"), fragment="expected dtype float for `end` but got dtype double"),
    error("lerp of integers", lambda t, x: t.lerp(x, x, 0.5), ints(3), fragment="not implemented for 'Long'"),
    error("float_power_ of float32", lambda t, x: x.float_power_(2), floats(3), fragment="the base given to float_power_ has dtype Float"),
    error("tensor + str", lambda t, x: x + "a", floats(3), fragment="unsupported operand"),
    error("in-place write to a leaf that requires grad", lambda t, x: x.requires_grad_().add_(1), floats(3), fragment="a leaf Variable that requires grad is being used in an in-place operation"),
]
