"""einops, NumPy, matplotlib, tqdm and Python itself take tensors."""

from __future__ import annotations

import io
import json
import math
import warnings
from typing import Any

import einops
import matplotlib
import numpy as np
import tqdm

from tests.oracle.case import case, error, floats, values

matplotlib.use("Agg")


def kept(array: Any) -> Any:
    """An array of NumPy's, or a number, as an answer that can be recorded."""
    array = np.asarray(array)
    return [str(array.dtype), array.shape, array.tolist()]


def drawn(draw: Any) -> Any:
    """What `draw` gives on an empty plot."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kept(draw(axes))
    finally:
        pyplot.close(figure)



NUMPY = {
    "asarray": lambda t, x: kept(np.asarray(x)),
    "asarray with a dtype": lambda t, x: kept(np.asarray(x, dtype=np.float64)),
    "array copies": lambda t, x: kept(np.array(x)),
    "stack": lambda t, x: kept(np.stack([x, x])),
    "mean of a plain array": lambda t, x: float(np.mean(np.asarray(x))),
    "a list of 0-dim tensors": lambda t, x: kept(np.array(list(x[0]), dtype=np.float32)),
    "allclose": lambda t, x: [np.allclose(x, x), np.array_equal(x, x + 1)],
    "interp": lambda t, x: kept(np.interp(0.5, np.asarray(x[0]), np.asarray(x[1]))),
    "assert_allclose": lambda t, x: np.testing.assert_allclose(x, x.numpy()),
    "shape and ndim": lambda t, x: [np.shape(x), np.ndim(x)],
    "isfinite": lambda t, x: bool(np.all(np.isfinite(np.asarray(x)))),
    "array times tensor": lambda t, x: np.float32(2) * x,
    "indexing an array": lambda t, x: kept(np.arange(5)[t.tensor([0, 3])]),
    "savetxt": lambda t, x: np.array2string(np.asarray(x), precision=2),
}
PYTHON = {
    "math": lambda t, x: [math.sqrt(x.abs().sum()), math.exp(x[0, 0]), math.isnan(x[0, 0]), math.floor(x[0, 0]), math.log(x.abs().sum())],
    "len, iter, zip, enumerate": lambda t, x: [len(x), [row.sum() for row in x], [a + b for a, b in zip(x, x)], [i for i, _ in enumerate(x)]],
    "unpacking": lambda t, x: (lambda a, b: [b, a])(*x),
    "reversed, list, tuple": lambda t, x: [list(reversed(x)), tuple(x[0])],
    "sum, max, min, sorted": lambda t, x: [sum(x), max(x[0]), min(x[0]), sorted(x[0])],
    "any, all": lambda t, x: [any(x[0] > 100), all(x[0] < 100)],
    "formats": lambda t, x: [f"{x[0, 0]:.3f}", f"{x.sum():8.2e}", f"{t.tensor(3)}", f"{t.tensor(7):03d}", str(t.ones(2))],
    "range and an index": lambda t, x: [list(range(t.tensor(3))), [10, 20, 30][t.tensor(1)], "ab" * t.tensor(2)],
    "round, abs, divmod, pow": lambda t, x: [round(x[0, 0].item(), 2), abs(x), pow(x, 2)],
    "in": lambda t, x: [1.0 in t.ones(2), 5 in t.ones(2)],
    "bool and if": lambda t, x: 1 if x[0, 0] < 100 else 2,
    "json of a list": lambda t, x: json.loads(json.dumps(t.arange(3).tolist())),
    "hash, set, dict": lambda t, x: [len({x, x}), {x: 1}[x]],
    "complex": lambda t, x: [complex(t.tensor(1 + 2j)), float(t.tensor(2)), int(t.tensor(2.7))],
}
PLOTS = {
    "plot": lambda t, x: drawn(lambda axes: np.asarray(axes.plot(x[0], x[1])[0].get_xydata())),
    "plot of one": lambda t, x: drawn(lambda axes: np.asarray(axes.plot(x[0])[0].get_ydata())),
    "imshow": lambda t, x: drawn(lambda axes: np.asarray(axes.imshow(x).get_array())),
    "hist": lambda t, x: drawn(lambda axes: axes.hist(x.flatten(), bins=3)[1]),
    "scatter": lambda t, x: drawn(lambda axes: np.asarray(axes.scatter(x[0], x[1], c=x[0]).get_offsets())),
    "bar": lambda t, x: drawn(lambda axes: [bar.get_height().item() for bar in axes.bar(t.arange(3), x[0])]),
    "fill_between": lambda t, x: drawn(lambda axes: len(axes.fill_between(t.arange(3), x[0], x[1]).get_paths())),
    "errorbar": lambda t, x: drawn(lambda axes: np.asarray(axes.errorbar(t.arange(3), x[0], yerr=x[1].abs())[0].get_ydata())),
    "contourf": lambda t, x: drawn(lambda axes: axes.contourf(t.arange(3), t.arange(2), x, levels=3).levels),
}
EINOPS = {
    "rearrange": lambda t, x: einops.rearrange(x, "a (b c) -> c (a b)", c=2),
    "rearrange a list": lambda t, x: einops.rearrange([x, x], "n a b -> a n b"),
    "reduce": lambda t, x: [einops.reduce(x, "a b -> a", how) for how in ("sum", "mean", "max", "min", "prod")],
    "repeat": lambda t, x: einops.repeat(x, "a b -> a (b c)", c=2),
    "einsum": lambda t, x: einops.einsum(x, x, "a b, c b -> a c"),
    "pack and unpack": lambda t, x: einops.unpack(*einops.pack([x, x[:, 0]], "a *"), "a *"),
}

CASES = [
    *[case(f"NumPy: {name}", f, floats(2, 3)) for name, f in NUMPY.items()],
    *[case(f"Python: {name}", f, floats(2, 3)) for name, f in PYTHON.items()],
    *[case(f"matplotlib: {name}", f, floats(2, 3)) for name, f in PLOTS.items()],
    *[case(f"einops: {name}", f, floats(2, 4), grad=True) for name, f in EINOPS.items()],
    case("einops: shapes", lambda t, x: [kept(einops.asnumpy(x)), einops.parse_shape(x, "a b")], floats(2, 4)),
    error("einops: a shape that does not fit", lambda t, x: einops.rearrange(x, "a (b c) -> a b c", c=3), floats(2, 4), fragment="can't divide axis of length 4 in chunks of 3"),
    case("tqdm over a tensor", lambda t, x: [row.sum() for row in tqdm.tqdm(x, disable=True)], floats(2, 3)),
    case("tqdm counts a tensor", lambda t, x: (lambda bar: [bar.total, bar.close()])(tqdm.tqdm(x, disable=False, file=io.StringIO())), floats(2, 3)),
    case("tqdm shows a tensor", lambda t, x: tqdm.tqdm.format_meter(1, 2, 1.0, postfix=f"loss {x:.2f}").rpartition(",")[2], values(1.5)),
    error("NumPy of what requires grad", lambda t, x: np.asarray(x.requires_grad_()), floats(2), fragment="Can't call numpy"),
    error("math of two numbers", lambda t, x: math.sqrt(x), floats(2), fragment="one element"),
    error("a format for many numbers", lambda t, x: f"{x:.2f}", floats(2), fragment="unsupported format string"),
    error("an index that is no integer", lambda t, x: [1, 2][x[0]], floats(2), fragment="can be converted to an index"),
]  # fmt: skip
