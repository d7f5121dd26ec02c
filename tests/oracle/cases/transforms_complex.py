"""Complex numbers in PyTorch's convention: its cotangents are the conjugates of JAX's."""

from __future__ import annotations

from tests.oracle.case import case, complexes, error, floats, right, values

Z = values(1 + 2j)
ZS = values([1 + 2j, -0.5 + 0.25j, 3 - 1j])

REAL_VALUED = {
    "abs squared": lambda t, z: z.abs() ** 2,
    "z times its conjugate": lambda t, z: (z * z.conj()).real,
    "real": lambda t, z: z.real,
    "imag": lambda t, z: z.imag,
    "real of the square": lambda t, z: (z * z).real,
    "imag of the square": lambda t, z: (z**2).imag,
    "abs": lambda t, z: z.abs(),
    "angle": lambda t, z: z.angle(),
    "real of sgn": lambda t, z: t.sgn(z).real,
    "real of exp": lambda t, z: z.exp().real,
    "imag of log": lambda t, z: z.log().imag,
    "real of the reciprocal": lambda t, z: (1 / z).real,
    "view_as_real": lambda t, z: (t.view_as_real(z) ** 2).sum(),
    "real of sqrt": lambda t, z: z.sqrt().real,
}

HOLOMORPHIC = {
    "square": lambda t, z: z * z,
    "cube by power": lambda t, z: z**3,
    "times a constant": lambda t, z: z * (1 + 2j),
    "conj": lambda t, z: z.conj(),
    "exp": lambda t, z: z.exp(),
    "sin": lambda t, z: z.sin(),
    "reciprocal": lambda t, z: 1 / z,
    "abs as complex": lambda t, z: z.abs() + 0j,
    "complex of parts": lambda t, z: t.complex(z.imag, z.real),
}

UNITS = {"1": 1 + 0j, "1j": 1j, "a mixture": 0.5 - 2j}

GRAD = [
    *[case(f"grad of {name}", lambda t, z, f=f: t.func.grad(lambda z: f(t, z))(z), Z) for name, f in REAL_VALUED.items()],
    *[
        case(f"grad and value of the sum of {name}", lambda t, z, f=f: t.func.grad_and_value(lambda z: f(t, z).sum())(z), ZS)
        for name, f in REAL_VALUED.items()
        if name not in ("view_as_real",)
    ],
    case("grad of abs at zero", lambda t, z: t.func.grad(lambda z: z.abs())(z), values(0j)),
    case("grad of abs squared, complex128", lambda t, z: t.func.grad(lambda z: (z.abs() ** 2).sum())(z), complexes(3, dtype="complex128")),
    case("grad of grad, through a real part", lambda t, w: t.func.grad(lambda w: t.func.grad(lambda w: (w**3).real)(w).real)(w), Z),
    case("grad of grad, through an imaginary part", lambda t, w: t.func.grad(lambda w: t.func.grad(lambda w: (w**3).real)(w).imag)(w), Z),
    case("grad of a real and a complex argument", lambda t, x, w: t.func.grad(lambda x, w: (x * w).real, (0, 1))(x, w), values(2.0), values(1 + 0j)),
    case("grad of a real input with complex intermediates", lambda t, x: t.func.grad(lambda x: (x * (1 + 2j)).abs())(x), values(3.0)),
    case("grad of a real input through exp(ix)", lambda t, x: t.func.grad(lambda x: (1j * x).exp().imag)(x), values(3.0)),
    case("grad of a complex input that is not used", lambda t, z, x: t.func.grad(lambda z: x * 2)(z), Z, values(3.0)),
    case("grad with complex aux", lambda t, z: t.func.grad(lambda z: (z.abs(), z * z), has_aux=True)(z), Z),
    case("vmap of grad", lambda t, z: t.vmap(t.func.grad(lambda z: (z * z).real))(z), ZS),
    case("a step against the gradient descends", lambda t, z: bool(((z - 0.1 * t.func.grad(lambda z: z.abs() ** 2)(z)).abs() < z.abs()).item()), Z),
    case("grad of a complex matmul", lambda t, a, b: t.func.grad(lambda a, b: (a @ b).abs().sum(), (0, 1))(a, b), complexes(2, 3), complexes(3, 2)),
    case("grad through an in-place write of a real part", lambda t, x: t.func.grad(lambda x: (x * 1j + 1).mul_(2j).real.sum())(x), floats(3)),
]

VJP = [
    *[
        case(f"vjp of {name}, cotangent {c}", lambda t, z, c, f=f: t.func.vjp(lambda z: f(t, z), z)[1](c), Z, values(unit))
        for name, f in HOLOMORPHIC.items()
        for c, unit in UNITS.items()
    ],
    *[
        case(f"vjp of a real input times 1+2j, cotangent {c}", lambda t, x, c: t.func.vjp(lambda x: x * (1 + 2j), x)[1](c), values(3.0), values(unit))
        for c, unit in UNITS.items()
    ],
    case("vjp of a complex to real function", lambda t, z, c: t.func.vjp(lambda z: z.abs(), z)[1](c), ZS, floats(3)),
    case("vjp of two complex primals", lambda t, z, w, c: t.func.vjp(lambda z, w: z * w.conj(), z, w)[1](c), ZS, complexes(3), complexes(3)),
    case("vjp of vjp", lambda t, z, c: t.func.vjp(lambda z: t.func.vjp(lambda z: z**3, z)[1](c)[0], z)[1](c), ZS, complexes(3)),
    case("vmap of vjp", lambda t, z, c: t.vmap(lambda z, c: t.func.vjp(lambda z: z.exp(), z)[1](c))(z, c), ZS, complexes(3)),
    case("vjp of a sum over a broadcast", lambda t, z, w, c: t.func.vjp(lambda z, w: z * w, z, w)[1](c), Z, ZS, complexes(3)),
]

JVP = [
    # with an axis: PyTorch widens the tangent of a tensor without axes that meets a Python number
    *[
        case(f"jvp of {name}, tangent {c}", lambda t, z, c, f=f: t.func.jvp(lambda z: f(t, z), (z,), (c,)), values([1 + 2j]), values([unit]))
        for name, f in {**HOLOMORPHIC, **REAL_VALUED}.items()
        for c, unit in UNITS.items()
        if c != "a mixture"
    ],
    case("jvp along a real tangent", lambda t, z: t.func.jvp(lambda z: z * z, (z,), (t.ones(()),)), Z),
    case("jvp of jvp", lambda t, z, c: t.func.jvp(lambda z: t.func.jvp(lambda z: z**3, (z,), (c,))[1], (z,), (c,)), ZS, complexes(3)),
    case("jvp of grad", lambda t, z, c: t.func.jvp(t.func.grad(lambda z: (z**3).real.sum()), (z,), (c,)), ZS, complexes(3)),
    case("grad of jvp", lambda t, z, c: t.func.grad(lambda z: t.func.jvp(lambda z: z**3, (z,), (c,))[1].real.sum())(z), ZS, complexes(3)),
    case("linearize", lambda t, z, c: t.func.linearize(lambda z: z * z, z)[1](c), ZS, complexes(3)),
    case("vmap", lambda t, z: t.vmap(lambda z: z * 1j)(z), ZS),
    case("jacrev of a real function with complex intermediates", lambda t, x: t.func.jacrev(lambda x: (x * (1 + 1j)).exp().abs())(x), floats(2)),
    case("hessian of a real function with complex intermediates", lambda t, x: t.func.hessian(lambda x: (x * (1 + 1j)).exp().abs().sum())(x), floats(2)),
]

MISUSE = [
    error("grad of a complex output", lambda t, z: t.func.grad(lambda z: z * z)(z), Z, fragment="grad can be implicitly created only for real scalar outputs but got torch.complex64"),
    error("grad of a complex output without imaginary part", lambda t, z: t.func.grad(lambda z: z.abs() + 0j)(z), Z, fragment="grad can be implicitly created only for real scalar outputs"),
    error("real cotangent of a complex output", lambda t, z: t.func.vjp(lambda z: z * z, z)[1](t.ones(())), Z, fragment="required to have the same dtype"),
    error("complex cotangent of a real output", lambda t, z: t.func.vjp(lambda z: z.abs(), z)[1](z), Z, fragment="required to have the same dtype"),
]

BETTER = [
    right(
        "hessian with holomorphic=True",
        lambda t, z: t.func.hessian(lambda z: (z**3).sum(), holomorphic=True)(z),
        values([1 + 2j, 3 - 1j]),
        expected=lambda z: [[6 * z[0], 0], [0, 6 * z[1]]],
        why="PyTorch refuses complex inputs",
    ),
]

CASES = [*GRAD, *VJP, *JVP, *MISUSE, *BETTER]
