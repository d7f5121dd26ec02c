"""Joining, repeating, reordering, triangles and diagonals."""

from __future__ import annotations

from tests.oracle.case import case, error, floats, ints

F = floats(2, 3)
G = floats(2, 3)
V = floats(3)
W = floats(4)
I = ints(3)

PROGRAMS = {
    "cat": (lambda t, x, y: t.cat([x, y]), F, G),
    "cat of the last axis": (lambda t, x, y: t.cat((x, y), dim=-1), F, G),
    "cat with NumPy's axis": (lambda t, x, y: t.concatenate((x, y), axis=1), F, G),
    "concat": (lambda t, x, y: t.concat([x, y[:1]]), F, G),
    "stack": (lambda t, x, y: t.stack([x, y]), F, G),
    "stack in the middle": (lambda t, x, y: t.stack((x, y), dim=1), F, G),
    "hstack": (lambda t, x, y: (t.hstack([x, y]), t.hstack([x[0], y[0]])), F, G),
    "vstack and row_stack": (lambda t, x, y: (t.vstack([x, y[0]]), t.row_stack([x[0], y[0]])), F, G),
    "dstack": (lambda t, x, y: (t.dstack([x, y]), t.dstack([x[0], y[0]])), F, G),
    "column_stack": (lambda t, x, y: (t.column_stack([x, y[:, 0]]), t.column_stack([x[0], y[0]])), F, G),
    "block_diag": (lambda t, x, y: t.block_diag(x, y[0], y[0, 0]), F, G),
    "cartesian_prod": (lambda t, x, y: t.cartesian_prod(x, y), V, W),
    "combinations": (lambda t, x: (t.combinations(x), t.combinations(x, 3)), W),
    "combinations with replacement": (lambda t, x: t.combinations(x, with_replacement=True), V),
    "meshgrid, ij": (lambda t, x, y: t.meshgrid(x, y, indexing="ij"), V, W),
    "meshgrid, xy": (lambda t, x, y: t.meshgrid([x, y], indexing="xy"), V, W),
    "tile": (lambda t, x: (t.tile(x, (2, 2, 1)), x.tile(2)), F),
    "repeat": (lambda t, x: (x.repeat(2, 1, 1), x.repeat((1, 2))), F),
    "repeat_interleave": (lambda t, x: (t.repeat_interleave(x, 2), x.repeat_interleave(2, dim=1)), F),
    "repeat_interleave by a tensor": (lambda t, x: x.repeat_interleave(t.tensor([0, 1, 2]), 1), F),
    "roll": (lambda t, x: (t.roll(x, 1), x.roll(-1, 0), t.roll(x, shifts=(1, -1), dims=(0, 1))), F),
    "flip": (lambda t, x: (t.flip(x, [0, 1]), x.flip(0), x.flip(0, -1)), F),
    "fliplr and flipud": (lambda t, x: (t.fliplr(x), t.flipud(x)), F),
    "rot90": (lambda t, x: (t.rot90(x), t.rot90(x, -1, [0, 1]), t.rot90(x, 2)), F),
    "tril": (lambda t, x: (t.tril(x), x.tril(-1), t.tril(x, diagonal=1)), F),
    "triu": (lambda t, x: (t.triu(x), x.triu(1)), F),
    "tril of a batch": (lambda t, x: t.tril(x), floats(2, 3, 3)),
    "diag of a vector": (lambda t, x: (t.diag(x), x.diag(1), t.diag(x, -1)), V),
    "diag of a matrix": (lambda t, x: (t.diag(x), x.diag(1)), F),
    "diag_embed": (lambda t, x: (t.diag_embed(x), t.diag_embed(x, 1), t.diag_embed(x, -1, 0, 2)), F),
    "diagflat": (lambda t, x: (t.diagflat(x), t.diagflat(x[0], 1)), F),
    "trace": (lambda t, x: t.trace(x), F),
    "cross": (lambda t, x, y: (t.cross(x, y, dim=1), x.cross(y, -1)), F, G),
}

PLAIN = {
    "cat promotes": (lambda t, x, y: t.cat([x, y]), V, I),
    "cat of bools and ints": (lambda t, x: t.cat([t.tensor([True]), x]), I),
    "cat skips an empty vector": (lambda t, x: t.cat([x, t.tensor([])]), F),
    "stack promotes": (lambda t, x, y: t.stack([x, y]), V, I),
    "trace of integers": (lambda t, x: t.trace(x), ints(3, 3, dtype="int32")),
    "repeat_interleave of counts": (lambda t, x: t.repeat_interleave(x), I),
    "repeat_interleave with output_size": (
        lambda t, x: x.repeat_interleave(t.tensor([1, 2, 1]), output_size=4),
        V,
    ),
    "tril_indices": (lambda t: (t.tril_indices(3, 3), t.tril_indices(2, 4, offset=1, dtype=t.int32)),),
    "triu_indices": (lambda t: (t.triu_indices(3, 3), t.triu_indices(4, 2, -1)),),
    "triu_ in place": (lambda t, x: (x.triu_(), x), F),
    "tril of integers": (lambda t, x: t.tril(x), ints(3, 3)),
    "flip of no axis": (lambda t, x: x.flip([]), F),
    "combinations of none": (lambda t, x: t.combinations(x, 0).shape, V),
    "vmap of cat": (lambda t, x, y: t.vmap(lambda a, b: t.cat([a, b]), in_dims=(0, None))(x, y[0]), F, G),
    "vmap of diag": (lambda t, x: t.vmap(t.diag)(x), F),
    "vmap of roll and flip": (lambda t, x: t.vmap(lambda a: a.roll(1) + a.flip(0))(x), F),
}

ERRORS = [
    ("roll of 0-dim", lambda t, x: x[0, 0].roll(1, 0), "Dimension specified as 0 but tensor has no dimensions"),
    ("cat of nothing", lambda t, x: t.cat([]), "expected a non-empty list of Tensors"),
    ("cat of other ranks", lambda t, x: t.cat([x, x[0]]), "Tensors must have same number of dimensions: got 2 and 1"),
    ("cat of other sizes", lambda t, x: t.cat([x, x[:, :2]]), "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2"),
    ("cat of 0-dim", lambda t, x: t.cat([x[0, 0]]), r"zero-dimensional tensor \(at position 0\) cannot be concatenated"),
    ("cat of numbers", lambda t, x: t.cat([x, 1]), "expected Tensor as element 1 in argument 0, but got int"),
    ("cat out of range", lambda t, x: t.cat([x, x], 2), "Dimension out of range"),
    ("stack of other sizes", lambda t, x: t.stack([x, x[0]]), "stack expects each tensor to be equal size"),
    ("stack of nothing", lambda t, x: t.stack([]), "stack expects a non-empty TensorList"),
    ("repeat, too few", lambda t, x: x.repeat(2), "can not be smaller than number of dimensions of tensor"),
    ("repeat_interleave, lengths differ", lambda t, x: x.repeat_interleave(t.tensor([1, 2]), 1), "repeats must have the same size as input along dim"),
    ("roll, lengths differ", lambda t, x: t.roll(x, (1, 1), 0), "shifts and dimensions must align"),
    ("flip twice", lambda t, x: t.flip(x, (0, 0)), "dim 0 appears multiple times in the list of dims"),
    ("fliplr of a vector", lambda t, x: t.fliplr(x[0]), "Input must be >= 2-d."),
    ("rot90 of a vector", lambda t, x: t.rot90(x[0]), "expected total dims >= 2"),
    ("tril of a vector", lambda t, x: t.tril(x[0]), "input tensor must have at least 2 dimensions"),
    ("diag of three axes", lambda t, x: t.diag(x[None]), r"Supports 1D or 2D tensors. Got 3D"),
    ("trace of a vector", lambda t, x: t.trace(x[0]), "trace: expected a matrix"),
    ("cross of the wrong length", lambda t, x: t.cross(x, x, dim=0), "must have length 3"),
    ("meshgrid of matrices", lambda t, x: t.meshgrid(x, indexing="ij"), "Expected 0D or 1D tensor"),
    ("meshgrid, indexing", lambda t, x: t.meshgrid(x[0], indexing="yx"), 'indexing must be one of "xy" or "ij"'),
    ("combinations of a matrix", lambda t, x: t.combinations(x), "Expect a 1D vector"),
]  # fmt: skip

CASES = [
    *[case(name, program, *inputs, grad=True) for name, (program, *inputs) in PROGRAMS.items()],
    *[case(name, program, *inputs) for name, (program, *inputs) in PLAIN.items()],
    *[error(name, program, F, fragment=fragment) for name, program, fragment in ERRORS],
]
