"""`torch.special`: values far from and near zero, derivatives, and dtypes."""

from __future__ import annotations

from tests.oracle.case import Row, case, error, floats, ints, right, values

LOOSE = {"rtol": 1e-5, "atol": 1e-6, "reason": "approximations of several functions differ in the last bits"}
AT = values([-30.0, -2.5, -0.5, 0.0, 0.3, 1.0, 4.0, 60.0])
POSITIVE = values([0.05, 0.5, 1.0, 3.0, 20.0])
ONCE = ["erf", "erfc", "expit", "exp2", "expm1", "ndtr", "log_ndtr", "i0e", "i1e", "psi", "digamma"]
POLYNOMIALS = [
    f"{kind}_polynomial_{letter}"
    for kind, letters in {"chebyshev": "tuvw", "shifted_chebyshev": "tuvw", "laguerre": "l", "legendre": "p"}.items()
    for letter in letters
] + ["hermite_polynomial_h", "hermite_polynomial_he"]

CASES: list[Row] = [
    *[case(name, lambda t, x, name=name: getattr(t.special, name)(x), floats(6), grad=True, **LOOSE) for name in ONCE],
    *[case(f"{name} of integers", lambda t, x, name=name: getattr(t.special, name)(x), ints(4), **LOOSE) for name in ("erf", "expit", "i0", "gammaln")],
    case("sinc", lambda t, x: t.special.sinc(x), floats(6), grad=True, rtol=2e-4, reason="PyTorch's slope cancels near 0"),
    case("gammaln", lambda t, x: t.special.gammaln(x), POSITIVE, grad=True, **LOOSE),
    case("i0 and i1", lambda t, x: (t.special.i0(x), t.special.i1(x)), floats(6), grad=True, **LOOSE),
    case("entr", lambda t, x: t.special.entr(x), POSITIVE, grad=True, **LOOSE),
    case("logit", lambda t, x: t.special.logit(x), floats(5, low=0.1, high=0.9), grad=True, **LOOSE),
    case("ndtri and erfinv", lambda t, x: (t.special.ndtri(x), t.special.erfinv(x)), floats(5, low=0.1, high=0.9), grad=True, **LOOSE),
    case("xlogy and xlog1py", lambda t, x, y: (t.special.xlogy(x, y), t.special.xlog1py(x, y)), floats(5), floats(5, positive=True), grad=True, **LOOSE),
    case("multigammaln", lambda t, x: t.special.multigammaln(x + 2, 3), floats(4, positive=True), grad=True, **LOOSE),
    case("polygamma", lambda t, x: t.special.polygamma(1, x), floats(4, positive=True), grad=True, rtol=1e-4, reason="PyTorch's approximation is coarser"),
    case("softmax, log_softmax, logsumexp", lambda t, x: (t.special.softmax(x, 1), t.special.log_softmax(x, 0), t.special.logsumexp(x, 1)), floats(3, 4), grad=True),
    case("gammainc and gammaincc", lambda t, a, x: (t.special.gammainc(a, x), t.special.gammaincc(a, x)), POSITIVE, floats(5, positive=True), **LOOSE),
    case("igamma and igammac", lambda t, a, x: (t.igamma(a, x), t.igammac(a, x), a.igamma(x)), POSITIVE, floats(5, positive=True), **LOOSE),
    case("zeta", lambda t, x, q: t.special.zeta(x + 2, q), floats(4, positive=True), floats(4, positive=True), **LOOSE),
    case("erfcx", lambda t, x: t.special.erfcx(x), values([-2.0, 0.0, 0.5, 3.0, 11.0, 1e6]), grad=True, rtol=1e-5, reason="PyTorch's tangent rounds in float32"),
    case("erfcx in float64", lambda t, x: t.special.erfcx(x), values([-2.0, 0.0, 0.5, 3.0, 9.9, 10.1, 30.0], "float64")),
    *[case(name, lambda t, x, name=name: getattr(t.special, name)(x), AT, **LOOSE) for name in ("bessel_j0", "bessel_j1", "spherical_bessel_j0")],
    *[case(f"{name} in float64", lambda t, x, name=name: getattr(t.special, name)(x), values([-60.0, -3.0, 0.0, 1.5, 49.0, 51.0], "float64")) for name in ("bessel_j0", "bessel_j1")],
    *[case(name, lambda t, x, name=name: getattr(t.special, name)(x), AT, **LOOSE) for name in ("bessel_y0", "bessel_y1")],
    case("airy_ai", lambda t, x: t.special.airy_ai(x), values([-11.0, -9.0, -2.5, 0.0, 0.3, 4.0, 200.0]), **LOOSE),
    right("airy_ai and bessel_y1 in float64, near a zero", lambda t, x, y: (t.special.airy_ai(x), t.special.bessel_y1(y)),
          values([-2.3308270676691727, -10.3, 5.5], "float64"), values([5.43609022556391, 48.3], "float64"),
          expected=([0.00510494987980476, -0.23210801885483, 3.36853119085998e-5], [-0.00217986050880593, 0.105820370457027]),
          why="PyTorch's are right to seven digits"),
    right("airy_ai, second derivative", lambda t, x: t.func.vmap(t.func.grad(t.func.grad(t.special.airy_ai)))(x), values([-2.0, 1.0], "float64"),
          expected=[-2.0 * 0.22740742820168557, 0.1352924163128814], why="PyTorch has no derivative of airy_ai"),
    case("zeta at its poles", lambda t, x, q: t.special.zeta(x[:, None], q), [-2, 0, 1, 2, 3], [-3, -1, 0, 1, 2], **LOOSE),
    case("vmap over degrees", lambda t, x, n: t.func.vmap(t.special.laguerre_polynomial_l)(x, n), floats(3), [0, 1, 3], **LOOSE),
    case("a polynomial's degree is rounded to zero", lambda t, x, n: t.special.legendre_polynomial_p(x, n), floats(4), values([-1.5, -0.5, 0.9, 2.7])),
    *[
        case(name, lambda t, x, name=name: getattr(t.special, name)(x), POSITIVE, **LOOSE)
        for name in ("modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1")
    ],
    *[case(name, lambda t, x, name=name: [getattr(t.special, name)(x, n) for n in (0, 1, 2, 5)], floats(5, low=0.05, high=0.95), **LOOSE) for name in POLYNOMIALS],
    case("polynomials of several degrees", lambda t, x: t.special.legendre_polynomial_p(x, t.tensor([0, 1, 2, 3])), floats(4, low=-0.9, high=0.9), **LOOSE),
    right("bessel_j0, gradient", lambda t, x: t.func.grad(lambda x: t.special.bessel_j0(x).sum())(x), values([0.0, 1.0]), expected=[0.0, -0.4400506],
          why="PyTorch has no derivative of bessel_j0"),
    case("under vmap and grad", lambda t, x: t.vmap(t.func.grad(t.special.erf))(x), floats(4), **LOOSE),
    error("expit of a number", lambda t: t.special.expit(3.0), fragment=r"argument 'input' \(position 1\) must be Tensor, not float"),
    error("a negative order of polygamma", lambda t, x: t.special.polygamma(-1, x), floats(2), fragment="does not support negative n"),
    error("multigammaln of no dimension", lambda t, x: t.special.multigammaln(x, 0), floats(2), fragment="p has to be greater than or equal to 1"),
    error("into integers", lambda t, x: t.special.erf(x, out=t.zeros(2, dtype=t.int64)), floats(2), fragment="result type Float can't be cast to the desired output type Long"),
    error("shapes that do not broadcast", lambda t, x, y: t.special.zeta(x, y), floats(2), floats(3), fragment=r"size of tensor a \(2\) must match the size of tensor b \(3\)"),
]
