"""Elementwise functions: values, derivatives, dtypes, in-place forms, kinks and poles, errors."""

from tests.oracle.case import bools, case, complexes, error, floats, ints, right, values

NAN, INF = float("nan"), float("inf")

# ---- functions that take integers to floats: name -> inputs in their domain ------------------------------------------

ANY = floats(5)
POSITIVE = floats(5, positive=True)
UNIT = floats(5, low=-0.95, high=0.95)
FLOATING = {
    "exp": ANY, "exp2": ANY, "expm1": ANY, "log": POSITIVE, "log2": POSITIVE, "log10": POSITIVE, "log1p": POSITIVE,
    "sqrt": POSITIVE, "rsqrt": POSITIVE, "sin": ANY, "cos": ANY, "tan": UNIT, "asin": UNIT, "acos": UNIT, "atan": ANY,
    "sinh": ANY, "cosh": ANY, "tanh": ANY, "asinh": ANY, "acosh": floats(5, low=1.1, high=4), "atanh": UNIT,
    "sigmoid": ANY, "sinc": ANY, "rad2deg": ANY, "deg2rad": ANY, "erf": ANY, "erfc": ANY, "erfinv": UNIT,
    "lgamma": POSITIVE, "digamma": POSITIVE, "i0": ANY, "reciprocal": POSITIVE,
    "arcsin": UNIT, "arccos": UNIT, "arctan": ANY, "arcsinh": ANY, "arccosh": floats(5, low=1.1, high=4), "arctanh": UNIT,
}
COMPLEX = ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "rsqrt", "sinh", "cosh")

CASES = []
for name, inputs in FLOATING.items():
    CASES += [
        case(name, lambda t, x, n=name: getattr(t, n)(x), inputs, grad=True),
        case(f"{name}: float64", lambda t, x, n=name: getattr(x, n)(), floats(4, dtype="float64", low=0.1, high=0.9) if "cosh" not in name else floats(4, dtype="float64", low=1.1, high=3), grad=True),
        case(f"{name}: integers", lambda t, x, n=name: getattr(t, n)(x), [1, 1]),
        case(f"{name}_: in place", lambda t, x, n=name: getattr(x * 1, f"{n}_")(), inputs),
    ]
for name in COMPLEX:
    CASES.append(case(f"{name}: complex", lambda t, x, n=name: getattr(t, n)(x), complexes(4), grad="reverse"))
for name in ("exp", "log", "sin", "tanh", "sigmoid", "sqrt", "erf", "lgamma", "digamma", "sinc", "i0", "logit", "atan", "square"):
    CASES.append(case(f"{name}: second derivative", lambda t, x, n=name: t.func.hessian(lambda x: getattr(t, n)(x).sum())(x), floats(2, low=0.2, high=0.8)))
for name, at in {
    "log": [0.0, -1.0, INF], "log1p": [-1.0, -2.0], "sqrt": [0.0, -1.0], "rsqrt": [0.0], "asin": [1.0, 2.0], "acosh": [1.0],
    "atanh": [1.0], "erfinv": [1.0, -1.0], "lgamma": [0.0, -1.5, 3.0], "digamma": [0.0, -0.0, 1.0, -1.5], "sinc": [0.0], "i0": [0.0, 1.0, -1.0],
    "tanh": [INF, -INF, NAN], "exp": [INF, -INF, NAN], "sigmoid": [-200.0, 200.0, INF], "reciprocal": [0.0],
}.items():
    CASES.append(case(f"{name} at the edge of its domain", lambda t, x, n=name: getattr(t, n)(x), at, grad="reverse"))

# ---- torch.special -----------------------------------------------------------------------------------------------------

for name, inputs in {
    "erf": ANY, "erfc": ANY, "erfinv": UNIT, "gammaln": POSITIVE, "digamma": POSITIVE, "psi": POSITIVE, "i0": ANY, "i0e": ANY,
    "i1": ANY, "i1e": ANY, "ndtr": ANY, "log_ndtr": ANY, "entr": POSITIVE, "expit": ANY, "exp2": ANY, "expm1": ANY, "log1p": POSITIVE,
    "sinc": ANY, "logit": floats(5, low=0.1, high=0.9),
}.items():
    CASES.append(case(f"special.{name}", lambda t, x, n=name: getattr(t.special, n)(x), inputs, grad=True, rtol=2e-5, atol=2e-5, reason="the two libraries approximate differently"))
CASES += [
    case("special.ndtri", lambda t, x: t.special.ndtri(x), floats(5, low=0.1, high=0.9), grad=True, rtol=2e-5, atol=2e-5, reason="the two libraries approximate differently"),
    case("special.xlog1py", lambda t, x, y: t.special.xlog1py(x, y), [0.0, 0.0, 1.0, 2.0], [-1.0, 2.0, 1.0, 0.5], grad="reverse"),
    case("special.xlogy", lambda t, x, y: t.special.xlogy(x, y), floats(3), floats(3, positive=True), grad=True),
    case("special.logsumexp", lambda t, x: t.special.logsumexp(x, 1), floats(2, 3), grad=True),
    case("special.zeta", lambda t, x, y: t.special.zeta(x, y), [2.0, 3.0], [1.0, 2.5]),
    case("special.polygamma", lambda t, x: t.special.polygamma(1, x), POSITIVE),
    case("special.multigammaln", lambda t, x: t.special.multigammaln(x, 2), floats(3, low=2, high=5), grad=True),
    case("special.round", lambda t, x: t.special.round(x, decimals=1), floats(3)),

    # ---- rounding ----
    case("floor, ceil, trunc, fix, round", lambda t, x: (x.floor(), x.ceil(), x.trunc(), x.fix(), x.round()), [-1.5, -0.5, 0.5, 1.5, 2.5, 0.4], grad=True),
    case("rounding of integers", lambda t, x: (x.floor(), x.ceil(), x.trunc(), x.round()), ints(4)),
    case("round: decimals", lambda t, x: (t.round(x, decimals=2), x.round(decimals=-1)), [123.456, -0.005, 15.0, 2.675], grad=True),
    case("frac", lambda t, x: t.frac(x), [-1.5, 2.25, 3.0], grad=True),
    case("rounding in place", lambda t, x: (x.clone().floor_(), x.clone().ceil_(), x.clone().trunc_(), x.clone().round_(), x.clone().frac_()), floats(3)),

    # ---- sign and size ----
    case("abs at 0", lambda t, x: (x.abs(), t.absolute(x)), [0.0, -0.0, -1.0, 2.0, INF, -INF], grad=True),
    case("abs of nan has derivative 0", lambda t, x: x.abs(), [NAN], grad="reverse"),
    case("abs of integers", lambda t, x: x.abs(), values([-3, 3, -128], "int8")),
    case("abs of complex numbers", lambda t, x: x.abs(), complexes(3), grad="reverse"),
    case("abs_", lambda t, x: x.clone().abs_(), floats(3)),
    case("sign and sgn", lambda t, x: (x.sign(), x.sgn()), [-2.0, 0.0, 3.0, NAN], grad=True),
    case("sign of integers and bools", lambda t, x, y: (x.sign(), y.sign(), y.sgn()), [-2, 0, 3], [True, False]),
    case("sgn of complex numbers", lambda t, x: x.sgn(), values([3 + 4j, 0j, -1j]), grad="reverse"),
    case("sign_", lambda t, x: x.clone().sign_(), floats(3)),
    case("signbit", lambda t, x, y: (t.signbit(x), y.signbit()), [-1.0, 0.0, -0.0, 2.0], [-1, 0, 1]),
    case("angle of reals", lambda t, x: t.angle(x), [-1.0, 0.0, 2.0, NAN], grad=True),
    case("angle of integers", lambda t, x: t.angle(x), [-1, 0, 2]),
    case("angle of complex numbers", lambda t, x: x.angle(), complexes(3), grad="reverse"),
    case("angle of complex 0", lambda t, x: x.angle(), values([0j, 1 + 0j]), grad="reverse"),

    # ---- bounds ----
    case("clamp at its bounds", lambda t, x: t.clamp(x, 0, 1), [-1.0, 0.0, 0.5, 1.0, 2.0], grad=True),
    case("clamp: one bound", lambda t, x: (x.clamp(min=0.5), x.clamp(max=0.5), x.clamp_min(0.5), x.clamp_max(0.5)), [-1.0, 0.5, 2.0], grad=True),
    case("clamp: nan", lambda t, x: t.clamp(x, 0, 1), [NAN, INF, -INF]),
    case("clamp: tensor bounds", lambda t, x, a, b: t.clamp(x, a, b), [-1.0, 0.5, 3.0, 1.0], [0.0, 0.5, 0.0, 2.0], [1.0, 2.0, 2.0, 1.0], grad="reverse"),
    case("clamp: tensor bounds, forward", lambda t, x, a, b: t.clamp(x, a, b), [-1.0, 0.7, 3.0], [0.0, 0.5, 0.0], [1.0, 2.0, 2.0], grad=True),
    case("clamp: a tensor bound broadcasts", lambda t, x, a: t.clamp(x, min=a), floats(2, 3), floats(3), grad=True),
    case("clamp: min above max", lambda t, x: x.clamp(2, 1), floats(3), grad=True),
    case("clamp: nan bound", lambda t, x, a: x.clamp(min=a), [1.0, 2.0], [NAN, 0.0]),
    case("clamp: ints", lambda t, x: (x.clamp(2, 5), x.clamp(0.5), x.clip(max=3)), ints(4)),
    case("clamp: promotes with a tensor bound", lambda t, x, a: x.clamp(min=a), ints(3), floats(3)),
    case("clamp_ and kin in place", lambda t, x: (x.clone().clamp_(-0.5, 0.5), x.clone().clip_(0), x.clone().clamp_min_(0), x.clone().clamp_max_(0)), floats(4)),
    case("clip is clamp", lambda t, x: t.clip(x, -0.5, 0.5), floats(4), grad=True),
    case("nan_to_num", lambda t, x: (t.nan_to_num(x), x.nan_to_num(1.0, posinf=2.0, neginf=-2.0)), [NAN, INF, -INF, 1.5], grad=True),
    case("nan_to_num: integers, in place", lambda t, x, y: (x.nan_to_num(), y.clone().nan_to_num_()), [1, 2], [NAN, 1.0]),

    # ---- logit ----
    case("logit", lambda t, x: (t.logit(x), x.logit(0.1)), floats(4, low=0.2, high=0.8), grad=True),
    case("logit at its ends", lambda t, x: t.logit(x), [0.0, 1.0, 0.5]),
    case("logit: eps at the bound", lambda t, x: t.logit(x, eps=0.1), [0.1, 0.9, 0.05, 0.5], grad="reverse"),
    case("logit: integers", lambda t, x: t.logit(x), [1, 2]),
    case("polygamma", lambda t, x: (t.polygamma(0, x), t.polygamma(1, x), x.polygamma(2)), floats(3, positive=True), grad=True),
    case("mvlgamma", lambda t, x: t.mvlgamma(x, 3), floats(3, low=2, high=5), grad=True),

    # ---- two arguments ----
    case("maximum and minimum: ties", lambda t, x, y: (t.maximum(x, y), t.minimum(x, y)), [1.0, 2.0, 3.0], [2.0, 2.0, 1.0], grad=True),
    case("maximum and minimum of nan: both sides get the gradient", lambda t, x, y: (t.maximum(x, y), t.minimum(x, y)), [NAN, 1.0], [1.0, NAN], grad="reverse"),
    case("maximum promotes and broadcasts", lambda t, x, y: (x.maximum(y), x.minimum(y)), ints(2, 1), floats(3)),
    case("fmax and fmin: ties go to the first", lambda t, x, y: (t.fmax(x, y), t.fmin(x, y)), [1.0, 2.0, NAN, 1.0], [2.0, 2.0, 1.0, NAN], grad="reverse"),
    case("fmax of bools and ints", lambda t, x, y: (t.fmax(x, x), t.fmin(y, y)), bools(3), ints(3)),
    case("atan2 in every quadrant", lambda t, x, y: (t.atan2(x, y), x.arctan2(y)), [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], grad=True),
    case("atan2 at 0", lambda t, x, y: t.atan2(x, y), [0.0, -0.0, 1.0], [0.0, -1.0, 0.0], grad="reverse"),
    case("atan2: integers", lambda t, x, y: t.atan2(x, y), ints(3), ints(3)),
    case("hypot", lambda t, x, y: t.hypot(x, y), floats(3), floats(3), grad=True),
    case("hypot at 0", lambda t, x, y: t.hypot(x, y), [0.0, 3.0], [0.0, 4.0], grad="reverse"),
    case("xlogy", lambda t, x, y: t.xlogy(x, y), [0.0, 0.0, 1.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.5, NAN], grad="reverse"),
    case("xlogy with numbers", lambda t, x: (t.xlogy(2, x), x.xlogy(3.0), t.xlogy(x, 2)), floats(3, positive=True), grad=True),
    case("xlogy: second derivative", lambda t, x, y: t.func.hessian(lambda x, y: t.xlogy(x, y).sum(), argnums=(0, 1))(x, y), floats(2, positive=True), floats(2, positive=True)),
    case("copysign", lambda t, x, y: (t.copysign(x, y), x.copysign(-1)), [1.0, -2.0, 0.0], [-1.0, 2.0, -1.0], grad="reverse"),
    case("copysign: integers", lambda t, x: t.copysign(x, -1), ints(3)),
    case("polygamma of negative numbers", lambda t, x: [t.polygamma(n, x) for n in range(4)], [-2.3, -0.4, -7.5], grad="reverse"),
    case("polygamma at poles", lambda t, x: (t.polygamma(2, x), t.polygamma(3, x)), [0.0, -1.0, -2.0]),
    case("digamma of negative numbers", lambda t, x: x.digamma(), [-2.3, -0.4], grad=True),
    case("logaddexp of complex numbers", lambda t, x, y: t.logaddexp(x, y * 5), complexes(3), complexes(3)),
    case("logaddexp", lambda t, x, y: (t.logaddexp(x, y), t.logaddexp2(x, y)), floats(3), floats(3), grad=True),
    case("logaddexp at infinity", lambda t, x, y: t.logaddexp(x, y), [-INF, INF, INF], [-INF, INF, 1.0]),
    case("ldexp", lambda t, x, y: t.ldexp(x, y), floats(3), ints(3), grad=True),
    case("heaviside", lambda t, x, y: t.heaviside(x, y), [-1.0, 0.0, 2.0], [0.5, 0.5, 0.5]),
    case("nextafter", lambda t, x, y: t.nextafter(x, y), [1.0, -1.0, 3.0], [2.0, -2.0, 3.0], grad=True),
    case("gcd and lcm", lambda t, x, y: (t.gcd(x, y), t.lcm(x, y)), [12, 0, -8], [18, 5, 12]),
    case("two arguments in place", lambda t, x, y: (x.clone().atan2_(y), x.clone().hypot_(y), x.clone().xlogy_(y), x.clone().copysign_(y)), floats(3, positive=True), floats(3, positive=True)),
    case("two arguments, out", lambda t, x, y: (t.maximum(x, y, out=(o := t.empty(3))), o), floats(3), floats(3)),

    case("in-place functions", lambda t, x: tuple(getattr(t, n)(x.clone()) for n in ("abs_", "exp_", "sqrt_", "neg_", "round_", "sigmoid_", "tanh_", "square_")), floats(3, positive=True)),

    # ---- where ----
    case("where", lambda t, x, y: t.where(x > 0, x, y), floats(3, 1), floats(3, 4), grad=True),
    case("where: numbers", lambda t, x: (t.where(x > 0, x, 0.0), t.where(x > 0, 1, x), t.where(x > 0, 1.0, 2), t.where(x > 0, 1, 2)), floats(4)),
    case("where promotes", lambda t, c, x, y: (t.where(c, x, 2.5), t.where(c, x, y)), bools(3), ints(3), floats(3, dtype="float64")),
    case("where as a method", lambda t, x: x.where(x > 0, -x), floats(4), grad=True),
    case("where: uint8 condition", lambda t, c, x: t.where(c, x, -x), values([1, 0, 1], "uint8"), floats(3)),
    case("where: nan leaks from the branch not taken", lambda t, x: t.where(x > 0, t.log(x), x), [0.0, 1.0], grad="reverse"),
    case("where: the condition alone", lambda t, x: t.where(x > 0), [[1.0, -1.0], [0.0, 2.0]]),
    case("where: out", lambda t, x: (t.where(x > 0, x, -x, out=(o := t.empty(3))), o), floats(3)),

    # ---- under transforms ----
    case("vmap of clamp with a mapped bound", lambda t, x, m: t.vmap(lambda x, m: x.clamp(min=m))(x, m), floats(3, 2), floats(3), grad=True),
    case("vmap of where", lambda t, x: t.vmap(lambda x: t.where(x > 0, x, 0.0))(x), floats(3, 2), grad=True),
    right("fmax: a tie goes to the first in forward mode too", lambda t, x, y: t.func.jvp(t.fmax, (x, y), (t.ones(1), t.zeros(1)))[1], [2.0], [2.0], expected=[1.0],
          why="PyTorch's reverse mode gives the tie to the first argument and its forward mode to the second"),
    right("atan2(0, 0): derivative 0 in forward mode too", lambda t, x, y: t.func.jvp(t.atan2, (x, y), (t.ones(1), t.ones(1)))[1], [0.0], [0.0], expected=[0.0],
          why="PyTorch's reverse mode gives 0 and its forward mode nan"),

    # ---- errors ----
    error("clamp without bounds", lambda t, x: t.clamp(x), floats(3), fragment="At least one of 'min' or 'max' must not be None"),
    error("clamp with a str", lambda t, x: t.clamp(x, "a"), floats(3), fragment=r"clamp\(\) received an invalid combination of arguments"),
    error("clamp of complex numbers", lambda t, x: t.clamp(x, 0, 1), complexes(3), fragment="clamp is not supported for complex types"),
    error("abs of bools", lambda t, x: x.abs(), bools(3), fragment='"abs_cpu" not implemented for .Bool'),
    error("sign of complex numbers", lambda t, x: x.sign(), complexes(3), fragment="Please use torch.sgn instead"),
    error("floor of bools", lambda t, x: x.floor(), bools(3), fragment="not implemented for 'Bool'"),
    error("polygamma of a negative order", lambda t, x: t.polygamma(-1, x), floats(3), fragment=r"polygamma\(n, x\) does not support negative n"),
    error("floor of complex numbers", lambda t, x: x.floor(), complexes(3), fragment="floor is not supported for complex inputs"),
    error("round of complex numbers", lambda t, x: x.round(), complexes(3), fragment="not implemented for 'ComplexFloat'"),
    error("round of ints with decimals", lambda t, x: x.round(decimals=1), ints(3), fragment='"round_cpu" not implemented for .Long'),
    error("frac of ints", lambda t, x: x.frac(), ints(3), fragment='"frac_cpu" not implemented for .Long'),
    error("exp_ of ints", lambda t, x: x.exp_(), ints(3), fragment="result type Float can't be cast to the desired output type Long"),
    error("logaddexp with a number first", lambda t, x: t.logaddexp(1, x), floats(3), fragment="argument 'input' .* must be Tensor, not int"),
    error("maximum with a number", lambda t, x: t.maximum(x, 2.0), floats(3), fragment=r"maximum\(\): argument 'other' \(position 2\) must be Tensor, not float"),
    error("maximum of complex numbers", lambda t, x: t.maximum(x, x), complexes(3), fragment="maximum not implemented for complex tensors"),
    error("hypot of ints", lambda t, x: t.hypot(x, x), ints(3), fragment='"hypot_cpu" not implemented for .Long'),
    error("gcd of floats", lambda t, x: t.gcd(x, x), floats(3), fragment='"gcd_cpu" not implemented for .Float'),
    error("heaviside of two dtypes", lambda t, x, y: t.heaviside(x, y), floats(3), floats(3, dtype="float64"), fragment="heaviside is not yet implemented for tensors with different dtypes"),
    error("where: condition must be bool", lambda t, x: t.where(x, x, x), floats(3), fragment="where expected condition to be a boolean tensor, but got a tensor with dtype Float"),
    error("where: sizes do not match", lambda t, c, x, y: t.where(c, x, y), bools(3), floats(3), floats(4), fragment="must match the size of tensor"),
    error("a number in place of a tensor", lambda t: t.sin(3.0), fragment=r"sin\(\): argument 'input' \(position 1\) must be Tensor, not float"),
    error("None in place of a tensor", lambda t: t.exp(None), fragment=r"exp\(\): argument 'input' \(position 1\) must be Tensor, not NoneType"),
]
