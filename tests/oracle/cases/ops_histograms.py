"""Histograms, numerical gradients, `frexp`, `fill` and functions in place."""

from __future__ import annotations

from tests.oracle.case import case, error, floats, functorch, right

X = [1.0, 2.0, 2.5, 3.0, 7.0]
P = floats(6, 2)
SQUARES = [0.0, 1.0, 4.0, 9.0, 16.0]
WHOLE = [True, False, True]


def tensors(t, *rows):
    return [t.tensor(row) for row in rows]


CASES = [
    case("histogram", lambda t, x: (t.histogram(x, 4), x.histogram(4, range=(0.0, 4.0)), t.histogram(x[:0], 2), t.histogram(x[:1], 3)), X),
    case("histogram: edges", lambda t, x, e: t.histogram(x, e), X, [1.0, 2.0, 3.0, 10.0]),
    case("histogram: weights, density", lambda t, x: t.histogram(x, 4, weight=x, density=True), X),
    case("histogramdd", lambda t, x, w: (t.histogramdd(x, [2, 3]), t.histogramdd(x, 2, range=[0.0, 1.0, -1.0, 1.0], weight=w, density=True)), P, floats(6, positive=True)),
    case("histogramdd: edges", lambda t, x: t.histogramdd(x, tensors(t, [-1.0, 0.0, 2.0], [-1.0, 1.0])), P),
    error("histogram of ints", lambda t: t.histogram(t.tensor([1, 2]), 3), fragment='"histogramdd" not implemented for .Long'),
    error("histogram: no bins", lambda t, x: t.histogram(x, 0), X, fragment="bins must be > 0, but got 0 for dimension 0"),
    error("histogram: an infinite range", lambda t, x: t.histogram(x / 0, 3), X, fragment="dimension 0's range .* is not finite"),
    error("histogram: weights of another shape", lambda t, x: t.histogram(x, 3, weight=x[:2]), X, fragment="it should have the same shape as the input tensor"),
    error("histogramdd: bins for one dimension of two", lambda t, x: t.histogramdd(x, [2]), P, fragment="size of bins must be equal to the innermost dimension"),
    case("gradient", lambda t, x: (t.gradient(x), t.gradient(x, edge_order=2), t.gradient(x, spacing=0.5)), SQUARES, grad=True),
    case("gradient of a matrix", lambda t, x: (t.gradient(x, spacing=[2.0, 0.5]), t.gradient(x, dim=1)), floats(3, 4), grad=True),
    case("gradient: coordinates", lambda t, x, at: t.gradient(x, spacing=(at,), edge_order=2), SQUARES, [0.0, 1.0, 3.0, 4.0, 6.0], grad=True),
    error("gradient of one element", lambda t, x: t.gradient(x[:1]), SQUARES, fragment="each dimension size to be at least edge_order.1"),
    error("gradient: spacing of another length", lambda t, x: t.gradient(x, spacing=[1.0, 2.0]), SQUARES, fragment="but got a list of length 2"),
    error("gradient: edge_order 3", lambda t, x: t.gradient(x, edge_order=3), SQUARES, fragment="only supports edge_order=1 and edge_order=2"),
    right("gradient: too few coordinates", lambda t, x: t.gradient(x, spacing=(t.arange(3.0),)), SQUARES, expected=RuntimeError, fragment="the coordinates along dimension 0 are 3", why="PyTorch reads some of them for all elements"),
    case("frexp", lambda t, x: (t.frexp(x), x.frexp()), [1.0, -3.0, 0.0, float("inf"), float("nan")]),
    case("frexp: slopes", lambda t, x: t.frexp(x)[0], [1.5, -3.0, 0.0, 20.0], grad=True),
    error("frexp of ints", lambda t: t.frexp(t.tensor([1])), fragment="only supports floating-point dtypes"),
    case("fill", lambda t, x, v: (t.fill(x, v), t.fill(x, 2)), X, floats(), grad=True),
    error("fill with a vector", lambda t, x: t.fill(x, x), X, fragment="fill_ only supports 0-dimension value tensor"),
    case("is_same_size", lambda t, x: (t.is_same_size(x, x), x.is_same_size(x[:1])), X),
    case("functions in place", lambda t: (t.index_put_(t.zeros(3), [t.tensor([1])], t.tensor([2.0])), t.as_strided_(t.arange(6.0), (2,), (2,)), t.conj_physical_(t.tensor([1j])))),
    case("constant_pad_nd", lambda t, x: (t.constant_pad_nd(x, (1, -1)), t.constant_pad_nd(x, (1, 1), 2.5)), X, grad=True),
    error("constant_pad_nd: one side", lambda t, x: t.constant_pad_nd(x, (1,)), X, fragment="Length of pad must be even but instead it equals 1"),
    case("bools that add and have bounds", lambda t, b: (t.index_add(b, 0, t.tensor([1, 1, 0]), b), t.clamp_min(b, b), t.clamp(b, max=b)), WHOLE),
    error("bools under a number", lambda t, b: t.clamp_min(b, True), WHOLE, fragment='"clamp_min_scalar_cpu" not implemented for .Bool'),
    case("index_reduce of a number", lambda t, x: t.index_reduce(x, 0, t.tensor([0]), x, "mean"), floats()),
    case("gather nowhere by an index of bytes", lambda t, x: t.gather(x, 0, t.zeros(0, dtype=t.uint8)), X),
    case("floor division of several ranks", lambda t, x, y: (x // y, t.div(x, y, rounding_mode="floor")), floats(2, 1, 3), floats(2, 3, positive=True)),
    case("copies of views", lambda t, x: (t.alias_copy(x), t.as_strided_copy(x, (2,), (2,)), t.detach_copy(x), t.expand_copy(x[0], (2,)), t.diagonal_copy(x[:4].reshape(2, 2))), X),
    case("as_strided_scatter: an offset", lambda t, x: t.as_strided_scatter(x, t.zeros(2), (2,), (2,), storage_offset=1), X),
    case("vmap of bincount, rows of one length", lambda t: functorch(t).vmap(t.bincount)(t.tensor([[1, 2], [2, 0]]))),
    case("vmap of histogram", lambda t, x: functorch(t).vmap(lambda x: t.histogram(x, 2, range=(-1.0, 1.0))[0])(x), floats(2, 4)),
]  # fmt: skip
