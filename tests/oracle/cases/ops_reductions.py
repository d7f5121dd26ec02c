"""Sums, means, spreads, norms, extrema, middle elements, running totals: values, derivatives, ties, nan, errors."""

from tests.oracle.case import bools, case, complexes, error, floats, ints, values

NAN, INF = float("nan"), float("inf")
MATRIX = floats(3, 4)

# ---- every way of naming dimensions ----------------------------------------------------------------------------------

CASES = []
for name in ("sum", "mean", "nansum", "nanmean", "amax", "amin", "std", "var"):
    CASES += [
        case(f"{name}: all", lambda t, x, n=name: (getattr(t, n)(x), getattr(x, n)()), MATRIX, grad=True),
        case(f"{name}: dim", lambda t, x, n=name: (getattr(t, n)(x, 0), getattr(x, n)(dim=-1)), MATRIX, grad=True),
        case(f"{name}: keepdim", lambda t, x, n=name: getattr(x, n)(dim=1, keepdim=True), MATRIX, grad=True),
        case(f"{name}: several dims", lambda t, x, n=name: (getattr(x, n)((0, 2)), getattr(x, n)([1, -1], keepdim=True)), floats(2, 3, 4), grad=True),
        case(f"{name}: no dims means all", lambda t, x, n=name: getattr(x, n)(dim=()), MATRIX),
        case(f"{name}: float64", lambda t, x, n=name: getattr(x, n)(dim=0), floats(3, 4, dtype="float64")),
        case(f"{name}: float16", lambda t, x, n=name: getattr(x, n)(dim=0), floats(3, 4, dtype="float16")),
        case(f"{name}: axis and keepdims", lambda t, x, n=name: getattr(x, n)(axis=1, keepdims=True), MATRIX),
        case(f"{name}: vmap", lambda t, x, n=name: t.vmap(lambda x: (getattr(x, n)(), getattr(x, n)(dim=0)))(x), floats(2, 3, 4), grad=True),
        case(f"{name}: second derivative", lambda t, x, n=name: t.func.hessian(lambda x: getattr(x * x, n)(dim=0).sum())(x), floats(3)),
        error(f"{name}: dim out of range", lambda t, x, n=name: getattr(x, n)(dim=2), floats(2, 2), fragment="Dimension out of range"),
        error(f"{name}: dim twice", lambda t, x, n=name: getattr(x, n)(dim=(0, 0)), floats(2, 2), fragment="dim 0 appears multiple times in the list of dims"),
    ]
    if name not in ("nanmean", "nansum"):
        CASES.append(case(f"{name}: out", lambda t, x, n=name: (getattr(t, n)(x, dim=1, out=(o := t.empty(3))), o), MATRIX))

for name in ("max", "min", "median", "nanmedian", "mode"):
    CASES += [
        case(f"{name}: dim", lambda t, x, n=name: (getattr(t, n)(x, 0), getattr(x, n)(dim=-1, keepdim=True)), MATRIX, grad=True),
        case(f"{name}: fields", lambda t, x, n=name: (getattr(x, n)(1).values, getattr(x, n)(1).indices), MATRIX, grad=True),
        case(f"{name}: ties", lambda t, x, n=name: getattr(x, n)(dim=0).values, [1.0, 3.0, 3.0, 2.0, 1.0], grad="reverse"),
        case(f"{name}: no axes", lambda t, x, n=name: getattr(x, n)(dim=0), values(3.0), grad=True),
        case(f"{name}: vmap", lambda t, x, n=name: t.vmap(lambda x: getattr(x, n)(dim=0).values)(x), floats(2, 3, 4), grad=True),
        error(f"{name}: dim of size 0", lambda t, x, n=name: getattr(x, n)(dim=0), floats(0, 3), fragment="Expected reduction dim 0 to have non-zero size"),
    ]

CASES += [
    # ---- sums, means, products ----
    case("sum of integers and bools is int64", lambda t, x, y, z: (x.sum(), y.sum(0), z.sum()), ints(3, dtype="int32"), bools(3), ints(3, dtype="uint8")),
    case("sum: dtype", lambda t, x: (x.sum(dtype=t.float64), t.sum(x, 0, dtype=t.int64), x.sum(1, True, dtype=t.float64)), MATRIX),
    case("sum and mean of complex numbers", lambda t, x: (x.sum(), x.mean(0)), complexes(3), grad="reverse"),
    case("sum and mean of nothing", lambda t: (t.zeros(0).sum(), t.zeros(0).mean(), t.zeros(0, 2).sum(0), t.zeros(0, 2).mean(1), t.zeros(2, 0).mean(1))),
    case("sum of a tensor with no axes", lambda t, x: (x.sum(), x.sum(0), x.mean(-1)), values(2.0), grad=True),
    case("sum and mean with nan and inf", lambda t, x: (x.sum(0), x.mean(1)), [[NAN, INF, 1.0], [1.0, -INF, 2.0]]),
    case("mean of integers to a dtype", lambda t, x: x.mean(dtype=t.float32), ints(4)),
    case("mean of large float16", lambda t, x: x.mean(), values([60000.0, 60000.0], "float16")),
    case("sum over a leading axis that a large block follows", lambda t, x: (t.outer(x, t.arange(40000.0) / 40000).reshape(3, 200, 200) * 2).sum(0)[:3, :4], floats(3), grad=True),
    case("mean over leading axes that a large block follows", lambda t, x: (t.outer(x, t.arange(40000.0) / 40000).reshape(2, 3, 200, 200) * 2).mean((0, 1), keepdim=True)[..., 5, 7:9], floats(6), grad=True),
    case("sum over axes apart, a large block after one", lambda t, x: t.outer(x, t.arange(80000.0) / 80000).reshape(2, 2, 2, 40000).sum((0, 2))[:, 100:102], floats(4), grad=True),
    case("inf and nan over a leading axis that a large block follows", lambda t, x: (x[:, None] * t.ones(40000)).sum(0)[:2], [INF, -INF, 1.0]),
    case("a large operand that broadcasts", lambda t, x: (t.outer(x, t.arange(40000.0)) / 40000 * (x[0] * t.ones(40000)).tanh()).sum(1), floats(3), grad=True),
    case("nansum, nanmean skip nan", lambda t, x: (x.nansum(), x.nanmean(), x.nansum(1), x.nanmean(0)), [[NAN, 1.0], [2.0, NAN]], grad=True),
    case("nansum of integers", lambda t, x: x.nansum(), ints(3)),
    case("prod", lambda t, x: (t.prod(x), x.prod(0), x.prod(1, keepdim=True)), MATRIX, grad=True),
    case("prod with zeros", lambda t, x: x.prod(1), [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]], grad=True),
    case("prod of integers, bools, nothing", lambda t, x, y: (x.prod(), y.prod(), t.zeros(0).prod(), x.prod(dtype=t.float32)), ints(3, dtype="int32"), bools(3)),
    case("count_nonzero", lambda t, x: (t.count_nonzero(x), x.count_nonzero(0), x.count_nonzero(dim=(0, 1))), [[0.0, 1.0, NAN], [0.0, 0.0, 2.0]]),
    case("logsumexp", lambda t, x: (t.logsumexp(x, 0), x.logsumexp(1, keepdim=True), x.logsumexp((0, 1))), MATRIX, grad=True),
    case("logsumexp at infinity", lambda t, x: x.logsumexp(1), [[-INF, -INF], [INF, 1.0], [-INF, 2.0]]),
    case("logsumexp: gradient beside -inf", lambda t, x: x.logsumexp(0), [-INF, 2.0, 3.0], grad=True),
    case("logsumexp of integers", lambda t, x: x.logsumexp(0), ints(3)),
    case("logsumexp of nothing", lambda t: t.zeros(0).logsumexp(0)),

    # ---- spreads ----
    case("std and var: unbiased", lambda t, x: (t.std(x, False), x.var(0, False), x.std(dim=1, unbiased=True), x.var(0, True, True)), MATRIX, grad=True),
    case("std and var: correction", lambda t, x: (x.std(correction=0), x.var(dim=0, correction=2), x.std(1, correction=0.5)), MATRIX, grad=True),
    case("std of a constant vector", lambda t, x: (x.std(), x.var()), [2.0, 2.0, 2.0], grad="reverse"),
    case("std and var of one element", lambda t, x: (x.std(), x.var(), x.std(correction=0)), [2.0], grad="reverse"),
    case("var of complex numbers", lambda t, x: (x.var(), x.std(0)), complexes(4), grad="reverse"),
    case("std_mean and var_mean", lambda t, x: (t.std_mean(x), t.var_mean(x, 0), t.std_mean(x, dim=1, correction=0, keepdim=True), t.var_mean(x, False)), MATRIX, grad=True),

    # ---- norms ----
    case("norm: p", lambda t, x: tuple(x.norm(p) for p in (0, 1, 2, 3, 0.5, 1.5, -1, INF, -INF, "fro")), floats(5), grad=True),
    case("norm: dims", lambda t, x: (x.norm(dim=0), t.norm(x, 1, 1), x.norm(2, (0, 1)), x.norm("fro", dim=(0, 1)), x.norm(p=3, dim=-1, keepdim=True)), MATRIX, grad=True),
    case("norm at 0", lambda t, x: tuple(x.norm(p) for p in (1, 2, 3, 1.5, 0.5, "fro")), [0.0, 0.0], grad="reverse"),
    case("norm of zero rows", lambda t, x: x.norm(dim=1), [[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], grad="reverse"),
    case("norm: inf with ties", lambda t, x: (x.norm(INF), x.norm(-INF)), [1.0, -2.0, 2.0, -1.0], grad="reverse"),
    case("norm: nuclear", lambda t, x: x.norm("nuc"), MATRIX, grad="reverse", rtol=1e-4, atol=1e-5, reason="singular vectors"),
    case("norm: nuclear over two dims", lambda t, x: (x.norm("nuc", dim=(0, 2)), x.norm("nuc", dim=(1, 2), keepdim=True)), floats(2, 3, 3)),
    case("norm: complex, dtype, nothing", lambda t, x, y: (x.norm(), x.norm(1), y.norm(dtype=t.float64), t.zeros(0).norm()), complexes(3), floats(3)),
    case("norm: out", lambda t, x: (t.norm(x, 2, 0, out=(o := t.empty(4))), o), MATRIX),
    case("norm: second derivative", lambda t, x: t.func.hessian(lambda x: x.norm() + x.norm(3))(x), floats(3)),
    case("norm: per sample", lambda t, x: t.vmap(lambda x: x.norm())(x), floats(3, 2), grad=True),
    case("dist", lambda t, x, y: (t.dist(x, y), x.dist(y, 1), t.dist(x, y, p=INF)), floats(3), floats(3), grad=True),
    case("dist: the number of differences", lambda t, x, y: t.dist(x, y, 0), floats(3), floats(3)),
    case("dist of a point from itself", lambda t, x, y: t.dist(x, y), [1.0, 2.0], [1.0, 2.0], grad="reverse"),
    case("dist promotes and broadcasts", lambda t, x, y: t.dist(x, y), floats(3), floats(2, 1, dtype="float64")),

    # ---- extrema ----
    case("max and min: all", lambda t, x: (t.max(x), x.min()), MATRIX, grad=True),
    case("max and min: all, ties share", lambda t, x: (x.max(), x.min()), [1.0, 3.0, 3.0, 1.0], grad="reverse"),
    case("max: all, of infinities", lambda t, x: (x.max(), x.min()), [INF, 1.0, INF, -INF], grad="reverse"),
    case("max of nan", lambda t, x: (x.max(), x.min(), x.max(0), x.min(0)), [1.0, NAN, 3.0], grad="reverse"),
    case("max and min of another tensor", lambda t, x, y: (t.max(x, y), x.min(y), t.max(x, other=y)), floats(3), floats(2, 1), grad=True),
    case("max of ints and bools", lambda t, x, y: (x.max(), x.max(0), y.max(), y.max(0), y.min(0), x.max(x)), ints(3), bools(3)),
    case("max: out", lambda t, x: (t.max(x, 0, out=(a := t.empty(4), b := t.empty(4, dtype=t.int64))).values is a, a, b), MATRIX),
    case("max: result unpacks and prints its name", lambda t, x: (type(x.max(0)).__name__, x.max(0)[1], [*x.min(1)]), MATRIX),
    case("amax and amin: ties share, nan", lambda t, x: (x.amax(), x.amin(0), x.amax((0, 1), keepdim=True)), [[1.0, 3.0], [3.0, 1.0]], grad=True),
    case("amax of nan", lambda t, x: (x.amax(), x.amin()), [1.0, NAN, 3.0]),
    case("amax of bools and ints", lambda t, x, y: (x.amax(), y.amin(0)), bools(3), ints(3)),
    case("aminmax", lambda t, x: (t.aminmax(x), x.aminmax(dim=0), x.aminmax(dim=1, keepdim=True)), MATRIX, grad=True),
    case("argmax and argmin", lambda t, x: (t.argmax(x), x.argmin(), x.argmax(0), x.argmin(1, keepdim=True), x.argmax(dim=-1), x.argmax(keepdim=True)), MATRIX),
    case("argmax: ties and nan", lambda t, x, y: (x.argmax(), x.argmin(), y.argmax(), y.argmin()), [1.0, 3.0, 3.0, 1.0], [1.0, NAN, 3.0, NAN]),
    case("argmax of ints and no axes", lambda t, x, y: (x.argmax(), y.argmax(), y.argmin(0)), ints(4), values(2.0)),
    case("cummax and cummin", lambda t, x: (t.cummax(x, 0), x.cummin(1)), MATRIX, grad=True),
    case("cummax: the last of equals", lambda t, x: (x.cummax(0), x.cummin(0)), [1.0, 3.0, 3.0, 2.0, 1.0], grad="reverse"),
    case("cummax: nan stays", lambda t, x: (x.cummax(0), x.cummin(0)), [1.0, NAN, 3.0, NAN]),
    case("cummax of ints, no axes", lambda t, x, y: (x.cummax(0), y.cummin(0)), ints(4), values(2.0)),

    # ---- middle and most frequent elements ----
    case("median: the lower of two", lambda t, x: (t.median(x), x.median(0)), [4.0, 1.0, 3.0, 2.0], grad=True),
    case("median: all, ties share", lambda t, x: x.median(), [1.0, 2.0, 2.0, 5.0], grad="reverse"),
    case("median with nan", lambda t, x: (x.median(), x.median(0), x.nanmedian(), x.nanmedian(0)), [1.0, NAN, 3.0, 2.0], grad="reverse"),
    case("median of ints, nothing", lambda t, x: (x.median(), t.zeros(0).median()), ints(5)),
    case("mode: the smallest of the most frequent", lambda t, x, y: (x.mode(), t.mode(y)), [3, 1, 2, 1, 2], [2, 2, 1, 1, 1, 3, 3, 3]),
    case("mode of all different, of rows", lambda t, x, y: (x.mode(), y.mode(0), y.mode(1)), [3.0, 1.0, 2.0], [[1, 2, 2], [1, 3, 2]]),

    # ---- running totals ----
    case("cumsum and cumprod", lambda t, x: (t.cumsum(x, 0), x.cumsum(-1), t.cumprod(x, 1)), MATRIX, grad=True),
    case("cumprod with zeros", lambda t, x: x.cumprod(0), [2.0, 0.0, 3.0, 0.0], grad=True),
    case("cumsum of ints, bools, dtype", lambda t, x, y: (x.cumsum(0), y.cumsum(0), x.cumsum(0, dtype=t.float32), x.cumprod(0)), ints(4, dtype="int32"), bools(3)),
    case("cumsum in place keeps the dtype", lambda t, x, y: (x.clone().cumsum_(0), y.clone().cumprod_(0)), ints(4, dtype="int32"), floats(3)),
    case("cumsum of a tensor with no axes", lambda t, x: (x.cumsum(0), x.logcumsumexp(0)), values(3.0)),
    case("logcumsumexp of complex numbers goes round", lambda t, x: (x * 3).logcumsumexp(0), complexes(5)),
    case("tangent of the variance of nothing", lambda t, x: t.func.jvp(lambda x: x[:0].var(), (x,), (x,)), floats(2)),
    case("logcumsumexp", lambda t, x: t.logcumsumexp(x, 0), MATRIX, grad=True),

    case("norm at 0: forward mode", lambda t, x: t.func.jvp(lambda x: x.norm(), (x,), (t.ones(2),))[1], [0.0, 0.0]),
    case("norm at 0: second derivative", lambda t, x: t.func.hessian(lambda x: x.norm() ** 2)(x), [0.0, 0.0]),

    # ---- differences, integrals, covariance ----
    case("diff", lambda t, x: (t.diff(x), x.diff(2), x.diff(dim=0), t.diff(x, 9), t.diff(x, prepend=x[:, :1], append=x)), MATRIX, grad=True),
    case("diff of ints and bools", lambda t, x, y: (x.diff(), y.diff()), ints(4), bools(4)),
    case("trapezoid", lambda t, y, x: (t.trapezoid(y), t.trapezoid(y, x), t.trapz(y, dx=2, dim=0), t.trapezoid(y, y)), MATRIX, floats(4), grad=True),
    case("trapezoid of ints and nothing", lambda t, x: (t.trapezoid(x), t.trapezoid(t.zeros(0))), ints(4)),
    case("cumulative_trapezoid", lambda t, y, x: (t.cumulative_trapezoid(y), t.cumulative_trapezoid(y, x), t.cumulative_trapezoid(y, dx=0.5, dim=0)), MATRIX, floats(4), grad=True),
    case("cov", lambda t, x: (t.cov(x), x.cov(correction=0), t.cov(x[0])), MATRIX, grad=True),
    case("cov: weights", lambda t, x, f, a: (x.cov(fweights=f), x.cov(aweights=a), x.cov(fweights=f, aweights=a, correction=0), x.cov(fweights=f, aweights=a)), MATRIX, ints(4, low=1, high=4), floats(4, positive=True)),
    case("cov of ints, complex numbers and one observation", lambda t, x, z: (x.cov(), z.cov(), t.cov(t.tensor(3.0))), ints(4), complexes(2, 3)),
    case("corrcoef", lambda t, x, z: (t.corrcoef(x), x[0].corrcoef(), z.corrcoef()), MATRIX, complexes(2, 3)),
    case("corrcoef: derivative", lambda t, x: t.corrcoef(x)[0, 1], MATRIX, grad=True),
    error("diff of a tensor with no axes", lambda t, x: x.diff(), values(1.0), fragment="diff expects input to be at least one-dimensional"),
    error("trapezoid: sizes", lambda t, y, x: t.trapezoid(y, x), MATRIX, floats(3), fragment="There must be one `x` value for each sample point"),
    error("cov of three dims", lambda t, x: x.cov(), floats(2, 2, 2), fragment="expected input to have two or fewer dimensions"),
    error("cov: float fweights", lambda t, x, f: x.cov(fweights=f), MATRIX, floats(4), fragment="expected fweights to have integral dtype"),

    # ---- errors ----
    error("mean of integers", lambda t, x: x.mean(), ints(3), fragment=r"mean\(\): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long"),
    error("mean of bools", lambda t, x: x.mean(), bools(3), fragment="Got: Bool"),
    error("mean to an integer dtype", lambda t, x: x.mean(dtype=t.int64), floats(3), fragment="Optional dtype must be either a floating point or complex dtype. Got: Long"),
    error("nanmean of integers", lambda t, x: x.nanmean(), ints(3), fragment="expected input to have floating point or complex dtype but got Long"),
    error("std of integers", lambda t, x: x.std(), ints(3), fragment="std and var only support floating point and complex dtypes"),
    error("prod over two dims", lambda t, x: x.prod((0, 1)), MATRIX, fragment=r"prod\(\) received an invalid combination of arguments"),
    error("logsumexp without dim", lambda t, x: x.logsumexp(), floats(3), fragment=r"logsumexp\(\) missing 1 required positional argument"),
    error("cumsum without dim", lambda t, x: x.cumsum(), floats(3), fragment=r"cumsum\(\) missing 1 required positional argument"),
    error("cumsum: dim out of range", lambda t, x: x.cumsum(1), floats(3), fragment="Dimension out of range"),
    error("logcumsumexp of integers", lambda t, x: x.logcumsumexp(0), ints(3), fragment='"logcumsumexp_out_cpu" not implemented for .Long'),
    error("norm of integers", lambda t, x: x.norm(), ints(3), fragment="Expected a floating point or complex tensor as input. Got Long"),
    error("norm: unknown order", lambda t, x: x.norm("inf"), floats(3), fragment="Order inf not supported"),
    error("norm: nuclear of a vector", lambda t, x: x.norm("nuc"), floats(3), fragment="must have at least 2 dimensions"),
    error("norm: inf of nothing", lambda t: t.zeros(0).norm(INF), fragment="cannot compute the inf norm on an empty tensor"),
    error("dist of integers", lambda t, x: t.dist(x, x), ints(3), fragment="input dtype should be either floating point or complex. Got Long"),
    error("max of nothing", lambda t: t.zeros(0).max(), fragment=r"max\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
    error("amax of nothing", lambda t: t.zeros(0).amax(), fragment=r"amax\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
    error("argmax of nothing", lambda t: t.zeros(0).argmax(), fragment=r"argmax\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
    error("argmax of a dim of size 0", lambda t: t.zeros(0, 3).argmax(0), fragment=r"argmax\(\): Expected reduction dim 0 to have non-zero size"),
    error("max of complex numbers", lambda t, x: x.max(), complexes(3), fragment='"max_all" not implemented for .ComplexFloat'),
    error("max with a tuple of dims", lambda t, x: x.max((0, 1)), MATRIX, fragment=r"max\(\) received an invalid combination of arguments"),
    error("max: dim out of range", lambda t, x: x.max(5), floats(3), fragment="Dimension out of range"),
    error("argmax of bools", lambda t, x: x.argmax(), bools(3), fragment=r"argmax\(\): does not support bool input"),
    error("argmax of complex numbers", lambda t, x: x.argmax(), complexes(3), fragment=r"argmax\(\): does not support complex input"),
    error("aminmax over two dims", lambda t, x: t.aminmax(x, dim=(0, 1)), MATRIX, fragment=r"aminmax\(\): argument 'dim' must be int, not tuple"),
    error("median of bools", lambda t, x: x.median(), bools(3), fragment='"median_cpu" not implemented for .Bool'),
]
