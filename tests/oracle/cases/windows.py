"""Windows and short-time Fourier transforms."""

from __future__ import annotations

from tests.oracle.case import Row, case, complexes, error, floats

NAMES = ["hann", "hamming", "bartlett", "blackman", "kaiser"]
SIGNAL_WINDOWS = {
    "bartlett": {}, "blackman": {}, "cosine": {}, "exponential": {"tau": 2.0}, "gaussian": {"std": 1.5}, "general_cosine": {"a": [0.5, 0.3, 0.2]},
    "general_hamming": {"alpha": 0.6}, "hamming": {}, "hann": {}, "kaiser": {"beta": 5.0}, "nuttall": {},
}
SIGNAL, WINDOW = floats(2, 40), floats(8, positive=True)
LOOSE = {"rtol": 1e-4, "atol": 1e-5, "reason": "the two libraries' Fourier transforms round differently"}
ROUGH = {"rtol": 1e-5, "atol": 1e-6, "reason": "cosines and Bessel functions differ in the last bits"}


def both(name, *args, **kwargs):
    """The window, periodic and not."""
    return lambda t: [getattr(t, f"{name}_window")(n, periodic, *args, **kwargs) for n in (0, 1, 2, 5, 8) for periodic in (True, False)]


def stft(t, x, w, **options):
    return t.stft(x, 8, window=w, **{"return_complex": True, **options})


def istft(t, s, w, **options):
    return t.istft(s, 8, window=w, **options)


CASES: list[Row] = [
    *[case(f"{name}_window", both(name), **ROUGH) for name in NAMES],
    *[case(f"{name}_window in float64", lambda t, name=name: getattr(t, f"{name}_window")(6, dtype=t.float64), **ROUGH) for name in NAMES],
    *[case(f"{name}_window in bfloat16", lambda t, name=name: getattr(t, f"{name}_window")(5, dtype=t.bfloat16), rtol=8e-3, atol=1e-6, reason="the last bit of a bfloat16") for name in NAMES],
    case("hamming_window, coefficients", both("hamming", 0.5, 0.4), **ROUGH),
    case("kaiser_window, beta", both("kaiser", 5.0), **ROUGH),
    case("a window that requires grad", lambda t: t.hann_window(4, requires_grad=True).requires_grad),
    case("a window by keywords", lambda t: t.hann_window(window_length=4, periodic=False, dtype=t.float64), **ROUGH),
    *[error(f"{name}_window, negative length", lambda t, name=name: getattr(t, f"{name}_window")(-1), fragment="requires non-negative window_length, got window_length=-1") for name in NAMES],
    error("hann_window of integers", lambda t: t.hann_window(3, dtype=t.int64), fragment="hann_window expects floating point dtypes"),
    error("hann_window of complex numbers", lambda t: t.hann_window(3, dtype=t.complex64), fragment="not implemented for 'ComplexFloat'"),
    error("hann_window, length", lambda t: t.hann_window(3.5), fragment="must be int, not float"),
    case("stft", stft, SIGNAL, WINDOW, grad=True, **LOOSE),
    case("stft, one signal", lambda t, x, w: x.stft(8, 3, window=w, return_complex=True), floats(30), WINDOW, grad=True, **LOOSE),
    case("stft as real numbers", lambda t, x, w: stft(t, x, w, return_complex=False), SIGNAL, WINDOW, grad=True, **LOOSE),
    case("stft, normalized", lambda t, x, w: stft(t, x, w, normalized=True), SIGNAL, WINDOW, **LOOSE),
    case("stft, two sides", lambda t, x, w: stft(t, x, w, onesided=False), SIGNAL, WINDOW, **LOOSE),
    *[case(f"stft, {mode} padding", lambda t, x, w, mode=mode: stft(t, x, w, pad_mode=mode), SIGNAL, WINDOW, **LOOSE) for mode in ("constant", "replicate", "circular")],
    case("stft, not centred", lambda t, x, w: stft(t, x, w, center=False, hop_length=5), SIGNAL, WINDOW, **LOOSE),
    case("stft, short window", lambda t, x, w: t.stft(x, 13, 4, 8, w, return_complex=True), SIGNAL, WINDOW, grad=True, **LOOSE),
    case("stft, short window, no values", lambda t, x: t.stft(x, 12, 4, 7, return_complex=True), SIGNAL, **LOOSE),
    *[case(f"stft, align_to_window={a}", lambda t, x, w, a=a: t.stft(x, 12, 4, 8, w, center=False, return_complex=True, align_to_window=a), SIGNAL, WINDOW, **LOOSE) for a in (True, False)],
    case("stft of complex numbers", lambda t, x, w: t.stft(x, 8, window=w), complexes(2, 30), WINDOW, **LOOSE),
    case("stft with a complex window", lambda t, x, w: t.stft(x, 8, window=w), SIGNAL, complexes(8), **LOOSE),
    case("stft, window in float64", lambda t, x: stft(t, x, t.hann_window(8, dtype=t.float64)), SIGNAL, **LOOSE),
    case("stft under vmap", lambda t, x, w: t.vmap(lambda x: stft(t, x, w))(x), SIGNAL, WINDOW, **LOOSE),
    error("stft, return_complex", lambda t, x, w: t.stft(x, 8, window=w), SIGNAL, WINDOW, fragment="stft requires the return_complex parameter be given for real inputs"),
    error("stft, window", lambda t, x, w: t.stft(x, 16, window=w, return_complex=True), SIGNAL, WINDOW, fragment="expected a 1D window tensor of size equal to win_length=16, but got window with size"),
    error("stft, win_length", lambda t, x: t.stft(x, 8, win_length=9, return_complex=True), SIGNAL, fragment="expected 0 < win_length <= n_fft, but got win_length=9"),
    error("stft, hop_length", lambda t, x: t.stft(x, 8, hop_length=0, return_complex=True), SIGNAL, fragment="expected hop_length > 0, but got hop_length=0"),
    error("stft, n_fft", lambda t, x: t.stft(x, 50, center=False, return_complex=True), SIGNAL, fragment="expected 0 < n_fft < 40, but got n_fft=50"),
    error("stft, padding too wide", lambda t, x: t.stft(x, 90, return_complex=True), SIGNAL, fragment="Padding size should be less than the corresponding input dimension"),
    error("stft of integers", lambda t, x: t.stft(x.long(), 8, return_complex=True), SIGNAL, fragment="expected a tensor of floating point or complex values"),
    error("stft, axes", lambda t, x: t.stft(x[None], 8, return_complex=True), SIGNAL, fragment="expected a 1D or 2D tensor"),
    error("stft, one side of complex numbers", lambda t, x: t.stft(x, 8, onesided=True, return_complex=True), complexes(2, 30), fragment="Cannot have onesided output if window or input is complex"),
    error("stft, pad_mode", lambda t, x: t.stft(x, 8, pad_mode="mirror", return_complex=True), SIGNAL, fragment="Unrecognised padding mode mirror"),
    error("stft, align_to_window", lambda t, x: t.stft(x, 8, align_to_window=True, return_complex=True), SIGNAL, fragment="align_to_window should only be set when center = false"),
    case("istft", istft, complexes(2, 5, 9), WINDOW, grad=True, **LOOSE),
    case("istft of stft", lambda t, x, w: istft(t, stft(t, x, w), w, length=40), SIGNAL, WINDOW, grad=True, **LOOSE),
    case("istft of stft, short window", lambda t, x, w: t.istft(t.stft(x, 13, 4, 8, w, return_complex=True), 13, 4, 8, w), SIGNAL, WINDOW, **LOOSE),
    case("istft, one signal", lambda t, s, w: s.istft(8, window=w), complexes(5, 9), WINDOW, **LOOSE),
    case("istft, no window", lambda t, s: t.istft(s, 8), complexes(5, 9), **LOOSE),
    case("istft, normalized", lambda t, s, w: istft(t, s, w, normalized=True), complexes(2, 5, 9), WINDOW, **LOOSE),
    case("istft, not centred", lambda t, s, w: istft(t, s, w, center=False, hop_length=3), complexes(2, 5, 9), WINDOW, **LOOSE),
    *[case(f"istft, length {n}", lambda t, s, w, n=n: istft(t, s, w, length=n), complexes(2, 5, 9), WINDOW, **LOOSE) for n in (10, 20, 23)],
    case("istft under vmap, windows too", lambda t, s, w: t.vmap(lambda s, w: istft(t, s, w))(s, t.stack([w, w * 0.5])), complexes(2, 5, 9), WINDOW, **LOOSE),
    case("istft under two vmaps, windows last", lambda t, s, w: t.vmap(t.vmap(lambda s, w: istft(t, s, w), in_dims=(0, 1)), in_dims=(None, 0))(s, t.stack([w, w * 0.5], 1).expand(3, 8, 2)), complexes(2, 5, 9), WINDOW, **LOOSE),
    case("istft, two sides", lambda t, s, w: istft(t, s, w, onesided=False), complexes(2, 8, 9), WINDOW, **LOOSE),
    case("istft of complex numbers", lambda t, s, w: istft(t, s, w, onesided=False, return_complex=True), complexes(2, 8, 9), WINDOW, grad=True, **LOOSE),
    case("istft under vmap", lambda t, s: t.vmap(lambda s: istft(t, s, t.hann_window(8)))(s), complexes(2, 5, 9), **LOOSE),
    error("istft of real numbers", lambda t, s: t.istft(s, 8), floats(2, 5, 9), fragment="istft requires a complex-valued input tensor"),
    error("istft, frequencies", lambda t, s: t.istft(s, 10), complexes(2, 5, 9), fragment="to match n_fft / 2 \\+ 1 when onesided=True, but got 5"),
    error("istft, frequencies of two sides", lambda t, s: t.istft(s, 8, onesided=False), complexes(2, 5, 9), fragment="to match n_fft when onesided=False, but got 5"),
    error("istft, hop_length", lambda t, s: t.istft(s, 8, hop_length=9), complexes(2, 5, 9), fragment="expected 0 < hop_length <= win_length"),
    error("istft, win_length", lambda t, s: t.istft(s, 8, win_length=9), complexes(2, 5, 9), fragment="expected 0 < win_length <= n_fft"),
    error("istft, window", lambda t, s, w: t.istft(s, 8, window=w[:5]), complexes(2, 5, 9), WINDOW, fragment="window has to be 1D and length of `win_length`"),
    error("istft of nothing", lambda t, s: t.istft(s[..., :0], 8), complexes(2, 5, 9), fragment="input tensor cannot be empty"),
    error("istft, axes", lambda t, s: t.istft(s[None], 8), complexes(2, 5, 9), fragment="expected a tensor with 3 or 4 dimensions, but got 5"),
    error("istft, gaps", lambda t, s: t.istft(s, 8, hop_length=8, window=t.hann_window(8)), complexes(2, 5, 9), fragment="window overlap add min: 1"),
    error("istft, one side of complex numbers", lambda t, s: t.istft(s, 8, return_complex=True), complexes(2, 5, 9), fragment="Cannot have onesided output"),
    error("istft with a complex window", lambda t, s, w: t.istft(s, 8, window=w), complexes(2, 8, 9), complexes(8), fragment="Complex windows are incompatible with return_complex=False"),
    case("diff, prepended and appended", lambda t, x, p: (t.diff(x, 2, prepend=p, append=p), x.diff(dim=0), t.diff(x > 0)), floats(3, 5), floats(3, 1)),
    case("cumulative_trapezoid", lambda t, y, x: (t.cumulative_trapezoid(y), t.cumulative_trapezoid(y, x), t.cumulative_trapezoid(y, dx=2, dim=0)), floats(3, 4), floats(4), grad=True),
    *[
        case(f"signal.windows.{name}", lambda t, name=name, options=options: [getattr(t.signal.windows, name)(n, sym=sym, dtype=t.float64, **options) for n in (0, 1, 5, 8) for sym in (True, False)], **ROUGH)
        for name, options in SIGNAL_WINDOWS.items()
    ],
    error("a signal window of negative length", lambda t: t.signal.windows.hann(-1), fragment="requires non-negative window length, got M=-1"),
    error("a gaussian window of no width", lambda t: t.signal.windows.gaussian(5, std=0), fragment="Standard deviation must be positive, got: 0"),
    error("a symmetric exponential window with a centre", lambda t: t.signal.windows.exponential(5, center=1.0), fragment="Center must be None for symmetric windows"),
]
