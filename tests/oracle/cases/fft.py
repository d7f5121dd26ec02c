"""`torch.fft`: transforms over one and several axes, lengths, norms, dtypes, gradients and refusals."""

from __future__ import annotations

from tests.oracle.case import Row, bools, case, complexes, error, floats, ints

FLAT = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
REAL = ("rfft", "ihfft")
SUMS = {"rtol": 1e-5, "atol": 1e-5, "reason": "sums in another order"}


def given(name: str, *shape: int) -> object:
    return floats(*shape) if name.startswith(REAL) else complexes(*shape)


CASES: list[Row] = [
    *[case(name, lambda t, x, name=name: getattr(t.fft, name)(x), given(name, 3, 5), grad="reverse", **SUMS) for name in FLAT],
    *[case(f"{name} of float64", lambda t, x, name=name: getattr(t.fft, name)(x), floats(4, dtype="float64"), grad=True) for name in FLAT],
    *[case(f"{name} of integers", lambda t, x, name=name: getattr(t.fft, name)(x), ints(4), **SUMS) for name in FLAT],
    *[case(f"{name} of another length", lambda t, x, name=name: [getattr(t.fft, name)(x, n=n) for n in (3, 8)], given(name, 5), **SUMS) for name in FLAT],
    *[
        case(f"{name}, norm {norm}", lambda t, x, name=name, norm=norm: getattr(t.fft, name)(x, dim=0, norm=norm), given(name, 4, 3), **SUMS)
        for name in FLAT for norm in ("forward", "backward", "ortho")
    ],
    *[case(f"{name}{k}", lambda t, x, name=name, k=k: getattr(t.fft, f"{name}{k}")(x), given(name, 2, 3, 4), **SUMS) for name in FLAT for k in ("2", "n")],
    *[
        case(f"{name}n over chosen axes", lambda t, x, name=name: getattr(t.fft, f"{name}n")(x, s=(3, 4), dim=(2, 0), norm="ortho"), given(name, 2, 3, 4), **SUMS)
        for name in FLAT
    ],
    case("fftn of a shape", lambda t, x: (t.fft.fftn(x, s=(3,)), t.fft.fftn(x, s=(-1, 2)), t.fft.fftn(x, dim=())), floats(2, 3), **SUMS),
    case("fftn over four axes", lambda t, x: t.fft.fftn(x), floats(2, 3, 2, 3), **SUMS),
    case("fft of bools", lambda t, x: t.fft.fft(x), bools(4), **SUMS),
    case("fft under vmap", lambda t, x: t.vmap(t.fft.fft)(x), complexes(3, 4), **SUMS),
    case("there and back", lambda t, x: t.fft.irfft(t.fft.rfft(x), n=5), floats(3, 5), grad=True, **SUMS),
    case("fftfreq", lambda t: (t.fft.fftfreq(5), t.fft.fftfreq(4, d=0.5, dtype=t.float64), t.fft.rfftfreq(5), t.fft.rfftfreq(4, 2.0))),
    case("fftshift", lambda t, x: (t.fft.fftshift(x), t.fft.ifftshift(x), t.fft.fftshift(x, dim=1), t.fft.ifftshift(x, dim=(0,))), floats(3, 5), grad=True),
    error("fft of no points", lambda t, x: t.fft.fft(x, n=0), floats(4), fragment=r"Invalid number of data points \(0\) specified"),
    error("irfft of one point", lambda t, x: t.fft.irfft(x), floats(1), fragment=r"Invalid number of data points \(0\) specified"),
    error("an unknown norm", lambda t, x: t.fft.fft(x, norm="bad"), floats(4), fragment='Invalid normalization mode: "bad"'),
    error("fft of 16 bits", lambda t, x: t.fft.fft(x), floats(4, dtype="float16"), fragment="Unsupported dtype Half"),
    error("rfft of complex", lambda t, x: t.fft.rfft(x), complexes(4), fragment="rfft expects a real input tensor, but got ComplexFloat"),
    error("fft of a number", lambda t: t.fft.fft(t.ones(())), fragment="Dimension specified as -1 but tensor has no dimensions"),
    error("fft2 of a vector", lambda t, x: t.fft.fft2(x), floats(3), fragment="Dimension out of range"),
    error("fftn over one axis twice", lambda t, x: t.fft.fftn(x, dim=(0, 0)), floats(2, 3), fragment="FFT dims must be unique"),
    error("fftn of too long a shape", lambda t, x: t.fft.fftn(x, s=(2, 3, 4)), floats(2, 3), fragment="Got shape with 3 values but input tensor only has 2"),
    error("fft2 of too short a shape", lambda t, x: t.fft.fft2(x, s=(3,)), floats(2, 3), fragment="dim and shape arguments must have the same length"),
    error("rfftn over no axis", lambda t, x: t.fft.rfftn(x, dim=()), floats(2, 3), fragment="must transform at least one axis"),
]
