"""Sorting, selecting by rank, distinct elements, searching, counting, quantiles."""

import numpy as np

from tests.oracle.case import bools, case, complexes, error, floats, ints, values

NAN, INF = float("nan"), float("inf")
MATRIX = floats(3, 4)
TIES = [3.0, 1.0, 2.0, 3.0]

CASES = [
    # ---- sorting ----
    case("sort", lambda t, x: (t.sort(x), x.sort(0), x.sort(dim=1, descending=True)), MATRIX, grad=True),
    case("sort: fields", lambda t, x: (x.sort().values, x.sort().indices), MATRIX, grad=True),
    case("sort: stable", lambda t, x: (x.sort(stable=True), x.sort(stable=True, descending=True)), TIES, grad=True),
    case("sort: nan", lambda t, x: (x.sort(), x.sort(descending=True)), [1.0, NAN, 3.0, -INF]),
    case("sort of ints, bools, no axes", lambda t, x, y, z: (x.sort(stable=True), y.sort(stable=True), z.sort()), ints(5), bools(4), values(2.0)),
    case("sort: out", lambda t, x: (t.sort(x, out=(a := t.empty(3, 4), b := t.empty(3, 4, dtype=t.int64))).values is a, a, b), MATRIX),
    case("argsort", lambda t, x: (t.argsort(x), x.argsort(0), x.argsort(dim=1, descending=True), x.argsort(-1, True)), MATRIX),
    case("argsort: stable", lambda t, x: t.argsort(x, stable=True), TIES),
    case("msort", lambda t, x: t.msort(x), MATRIX, grad=True),
    case("sort: vmap", lambda t, x: t.vmap(lambda x: x.sort(descending=True))(x), MATRIX, grad=True),
    case("sort: second derivative", lambda t, x: t.func.hessian(lambda x: (x.sort().values ** 3 * t.arange(3.0)).sum())(x), floats(3)),
    case("topk", lambda t, x: (t.topk(x, 2), x.topk(2, 0), x.topk(3, dim=1, largest=False)), MATRIX, grad=True),
    case("topk: values of ties", lambda t, x: (x.topk(2).values, x.topk(3, largest=False).values), TIES),
    case("topk: nan", lambda t, x: (x.topk(2), x.topk(2, largest=False)), [1.0, NAN, 3.0, 2.0]),
    case("topk of ints, no axes, none", lambda t, x, y: (x.topk(2, largest=False).values, y.topk(1), x.topk(0)), ints(5), values(2.0)),
    case("topk: vmap", lambda t, x: t.vmap(lambda x: x.topk(2))(x), MATRIX, grad=True),
    case("kthvalue", lambda t, x: (t.kthvalue(x, 2), x.kthvalue(1, 0), x.kthvalue(3, dim=1, keepdim=True)), MATRIX, grad=True),
    case("kthvalue: nan is largest", lambda t, x: x.kthvalue(3), [1.0, NAN, 3.0]),
    case("kthvalue: no axes", lambda t, x: x.kthvalue(1), values(2.0)),

    # ---- distinct elements ----
    case("unique", lambda t, x: (t.unique(x), x.unique(return_inverse=True), x.unique(return_counts=True), x.unique(True, True, True)), ints(2, 5, high=4)),
    case("unique: dim", lambda t, x: (t.unique(x, dim=0), x.unique(dim=1, return_inverse=True, return_counts=True)), [[1, 2, 1], [0, 1, 0], [1, 2, 1]]),
    case("unique: floats, nan, bools, nothing", lambda t, x, y: (x.unique(return_counts=True), y.unique(), t.zeros(0).unique()), [2.0, NAN, 1.0, NAN], bools(4)),
    case("unique inside grad", lambda t, x: t.func.grad(lambda x: x.sum() * x.unique().shape[0])(x), [1.0, 1.0, 2.0]),
    case("unique_consecutive", lambda t, x: (t.unique_consecutive(x), x.unique_consecutive(return_inverse=True, return_counts=True)), [1, 1, 2, 2, 1]),
    case("unique_consecutive: dim", lambda t, x: t.unique_consecutive(x, dim=0, return_inverse=True, return_counts=True), [[1, 1], [1, 1], [2, 1]]),
    case("isin", lambda t, x, y: (t.isin(x, y), t.isin(x, 3), t.isin(2, y), t.isin(x, y, invert=True)), ints(2, 3, high=5), ints(3, high=5)),

    # ---- searching ----
    case("searchsorted", lambda t, b, x: (t.searchsorted(b, x), t.searchsorted(b, x, right=True), t.searchsorted(b, x, side="right"), t.searchsorted(b, 3)), [1, 3, 3, 5], [[3, 6], [0, 4]]),
    case("unique_consecutive of a number and of nothing", lambda t, x: (x[0].unique_consecutive(), x[:0].unique_consecutive(return_counts=True)), floats(2)),
    case("searchsorted: nothing", lambda t, x: (t.searchsorted(x[:0], x), t.searchsorted(x, x[:0])), [1.0, 2.0]),
    case("searchsorted: rows", lambda t, b, x: t.searchsorted(b, x, right=True), [[1, 3, 5], [2, 4, 6]], [[3, 6], [1, 9]]),
    case("searchsorted: int32, floats, sorter", lambda t, b, x: (t.searchsorted(b.sort().values, x, out_int32=True), t.searchsorted(b, x, sorter=b.argsort())), floats(5), floats(2, 2)),
    case("searchsorted: vmap", lambda t, b, x: t.vmap(t.searchsorted, in_dims=(None, 0))(b, x), [1.0, 2.0, 3.0], floats(2, 3)),
    case("bucketize", lambda t, x, b: (t.bucketize(x, b), t.bucketize(x, b, right=True), t.bucketize(2.0, b), t.bucketize(x, b, out_int32=True)), [[0.5, 1.0], [2.0, 9.0]], [1.0, 2.0, 3.0]),

    # ---- counting ----
    case("bincount", lambda t, x: (t.bincount(x), x.bincount(minlength=12)), ints(6, high=5)),
    case("bincount: weights", lambda t, x, w: x.bincount(w), ints(6, high=5), floats(6)),
    case("bincount: weights of other dtypes, nothing", lambda t, x, v, w: (x.bincount(v), x.bincount(w), x[:0].bincount()), ints(4, high=3), floats(4, dtype="float64"), ints(4)),
    case("histc", lambda t, x: (t.histc(x, 3), x.histc(4, 0, 4), x.histc(2, 1, 2), t.histc(x, bins=5, min=-1, max=3)), TIES),
    case("histc of equal elements, of nothing", lambda t, x: (x.histc(3), t.zeros(0).histc(3)), [1.0, 1.0]),

    # ---- quantiles ----
    case("quantile", lambda t, x: (t.quantile(x, 0.4), x.quantile(0.25, dim=0), x.quantile(0.9, dim=1, keepdim=True), x.quantile(0.5, keepdim=True)), MATRIX, grad=True),
    case("quantile: several", lambda t, x, q: (x.quantile(q), x.quantile(q, dim=1), x.quantile(q, 0, True), x.quantile(q, keepdim=True)), MATRIX, [0.1, 0.5, 1.0]),
    case("quantile: interpolation", lambda t, x: tuple(x.quantile(0.4, interpolation=i) for i in ("linear", "lower", "higher", "midpoint", "nearest")), floats(4), grad=True),
    case("quantile: nan", lambda t, x: (x.quantile(0.5), x.nanquantile(0.5), x.nanquantile(t.tensor([0.0, 1.0]))), [1.0, NAN, 3.0, 2.0]),
    case("nanquantile", lambda t, x: (t.nanquantile(x, 0.3), x.nanquantile(0.3, dim=1), x.nanquantile(0.3, dim=0, keepdim=True)), [[1.0, NAN, 2.0], [NAN, NAN, NAN], [3.0, 1.0, 2.0]]),
    case("quantile: float64", lambda t, x: x.quantile(0.3), floats(5, dtype="float64"), grad=True),
    case("quantile: vmap", lambda t, x: t.vmap(lambda x: x.quantile(0.3))(x), MATRIX, grad=True),

    # ---- errors ----
    error("sort: dim out of range", lambda t, x: x.sort(2), floats(3), fragment="Dimension out of range"),
    error("sort of complex numbers", lambda t, x: x.sort(), complexes(3), fragment="Sort does not support complex dtypes on CPU"),
    error("topk: k out of range", lambda t, x: x.topk(9), floats(3), fragment="selected index k out of range"),
    error("topk of bools", lambda t, x: x.topk(1), bools(3), fragment="topk does not support bool dtypes on CPU"),
    error("kthvalue: k out of range", lambda t, x: x.kthvalue(0), floats(3), fragment=r"kthvalue\(\): selected number k out of range for dimension 0"),
    error("searchsorted: rows do not match", lambda t, b, x: t.searchsorted(b, x), floats(2, 3), floats(2), fragment="boundaries tensor should be 1 dimension or the first N-1 dimensions"),
    error("searchsorted: side", lambda t, b: t.searchsorted(b, 1.0, side="x"), floats(3), fragment="side can only be 'left' or 'right' but got x"),
    error("searchsorted: side against right", lambda t, b: t.searchsorted(b, 1.0, side="left", right=True), floats(3), fragment="side and right can't be set to opposites"),
    error("bucketize: boundaries of two dims", lambda t, x: t.bucketize(x, x), MATRIX, fragment=r"boundaries tensor must be 1 dimension, but got dim\(2\)"),
    error("bincount of floats", lambda t, x: x.bincount(), floats(3), fragment='"bincount_cpu" not implemented for .Float'),
    error("bincount of negative ints", lambda t, x: x.bincount(), [1, -1], fragment="bincount only supports 1-d non-negative integral inputs"),
    error("bincount of a matrix", lambda t, x: x.bincount(), ints(2, 2), fragment="bincount only supports 1-d non-negative integral inputs"),
    error("bincount: weights of another size", lambda t, x, w: x.bincount(w), ints(3), floats(2), fragment="weights should be 1-d and have the same length as input"),
    error("histc of ints", lambda t, x: x.histc(3), ints(3), fragment="not implemented for 'Long'"),
    error("histc: no bins", lambda t, x: x.histc(0), floats(3), fragment="bins must be > 0, but got 0"),
    error("histc: max below min", lambda t, x: x.histc(3, 2, 1), floats(3), fragment="max must be larger than min"),
    error("histc: range of nan", lambda t, x: x.histc(3), [1.0, NAN], fragment="is not finite"),
    error("quantile: q above 1", lambda t, x: x.quantile(2.0), floats(3), fragment=r"quantile\(\) q must be in the range \[0, 1\] but got 2"),
    error("quantile: q tensor above 1", lambda t, x: x.quantile(x * 0 + 2), floats(3), fragment=r"quantile\(\) q values must be in the range \[0, 1\]"),
    error("quantile of ints", lambda t, x: x.quantile(0.5), ints(3), fragment=r"quantile\(\) input tensor must be either float or double dtype"),
    error("quantile of nothing", lambda t: t.zeros(0).quantile(0.5), fragment=r"quantile\(\) input tensor must be non-empty"),
    error("quantile: q of another dtype", lambda t, x, q: x.quantile(q), floats(3), values(np.array([0.5])), fragment=r"quantile\(\) q tensor must be same dtype as the input tensor"),
    error("quantile: q of two dims", lambda t, x, q: x.quantile(q), floats(3), [[0.5]], fragment=r"quantile\(\) q must be a scalar or 1D tensor"),
    error("quantile: unknown interpolation", lambda t, x: x.quantile(0.5, interpolation="x"), floats(3), fragment="interpolation must be one of linear, lower, higher, midpoint or nearest, but got x"),
    error("unique inside vmap", lambda t, x: t.vmap(lambda x: x.unique())(x), floats(2, 3), fragment="vmap"),
]
