"""Products with weights, embeddings and one-hot codes."""

from __future__ import annotations

from tests.oracle.case import Row, case, error, floats
from tests.oracle.cases.nn_norm_loss import _f

CASES: list[Row] = [
    case("linear", _f("linear"), floats(2, 3), floats(4, 3), floats(4), grad=True),
    case("linear without bias, more axes", _f("linear"), floats(2, 5, 3), floats(4, 3), grad=True),
    case("linear of a vector", _f("linear"), floats(3), floats(4, 3), floats(4), grad=True),
    case("linear by a vector", _f("linear"), floats(2, 3), floats(3)),
    error(
        "linear, sizes",
        _f("linear"),
        floats(2, 3),
        floats(4, 2),
        fragment=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x4\)",
    ),
    error("linear, sizes, more axes", _f("linear"), floats(2, 2, 3), floats(4, 2), fragment=r"\(4x3 and 2x4\)"),
    error("linear, dtypes", _f("linear"), floats(2, 3, dtype="float64"), floats(4, 3), fragment="double != float"),
    error("linear, bias", _f("linear"), floats(2, 3), floats(4, 3), floats(3), fragment="must match the existing size"),
    error(
        "linear of a number",
        _f("linear"),
        floats(),
        floats(4, 3),
        fragment="both arguments to linear need to be at least 1D",
    ),
    case("bilinear", _f("bilinear"), floats(2, 3), floats(2, 4), floats(5, 3, 4), floats(5), grad=True),
    case("embedding", lambda t, i, w: t.nn.functional.embedding(i, w), [[0, 2], [1, 2]], floats(3, 4), grad=True),
    case(
        "embedding, padding_idx",
        lambda t, i, w: t.nn.functional.embedding(i, w, padding_idx=-1),
        [[0, 2], [1, 2]],
        floats(3, 4),
        grad=True,
    ),
    case(
        "embedding, max_norm", lambda t, i, w: (t.nn.functional.embedding(i, w, max_norm=1.0), w), [0, 2], floats(3, 4)
    ),
    case("torch.embedding", lambda t, i, w: t.embedding(w, i), [0, 2], floats(3, 4)),
    case(
        "vmap of grad of embedding",
        lambda t, i, w: t.func.vmap(t.func.grad(lambda w, i: t.nn.functional.embedding(i, w).pow(2).sum()), (None, 0))(
            w, i
        ),
        [[0, 2], [1, 1]],
        floats(3, 4),
    ),
    error(
        "embedding out of range",
        lambda t, i, w: t.nn.functional.embedding(i, w),
        [5],
        floats(3, 2),
        fragment="index out of range in self",
    ),
    error(
        "embedding, negative",
        lambda t, i, w: t.nn.functional.embedding(i, w),
        [-1],
        floats(3, 2),
        fragment="index out of range in self",
    ),
    error(
        "embedding of floats",
        lambda t, i, w: t.nn.functional.embedding(i, w),
        [1.0],
        floats(3, 2),
        fragment="to have one of the following scalar types: Long, Int",
    ),
    error(
        "embedding of a vector",
        lambda t, i, w: t.nn.functional.embedding(i, w),
        [1],
        floats(3),
        fragment="'weight' must be 2-D",
    ),
    case("one_hot", _f("one_hot"), [[0, 2], [1, 1]]),
    case("one_hot, classes", _f("one_hot", 5), [0, 2]),
    case("one_hot of a number", lambda t: t.nn.functional.one_hot(t.tensor(1), 3)),
    case("vmap of one_hot", lambda t, i: t.func.vmap(lambda i: t.nn.functional.one_hot(i, 4))(i), [0, 2]),
    error("one_hot out of range", _f("one_hot", 3), [5], fragment="Class values must be smaller than num_classes"),
    error("one_hot, negative", _f("one_hot", 3), [-1], fragment="Class values must be non-negative"),
    error("one_hot of floats", _f("one_hot", 3), [1.0], fragment="one_hot is only applicable to index tensor"),
]
