"""Views: what they show, what a write through them does, their strides, and their derivatives."""

from __future__ import annotations

from tests.oracle.case import case, complexes, error, floats

X = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
F = floats(2, 3)
C = floats(2, 3, 4)
Z = complexes(2, 3)

SHOWN = {
    "view with -1": lambda t, x: x.view(-1, 2),
    "view of a Size": lambda t, x: x.view(t.Size([3, 2])),
    "view by keyword": lambda t, x: x.view(size=(3, 2)),
    "view_as": lambda t, x: x.view_as(t.zeros(3, 2)),
    "reshape": lambda t, x: t.reshape(x, (3, 2)),
    "reshape by keyword": lambda t, x: x.reshape(shape=(6,)),
    "reshape of a transpose": lambda t, x: x.t().reshape(6),
    "reshape_as": lambda t, x: x.reshape_as(t.zeros(6, 1)),
    "flatten": lambda t, x: t.flatten(x),
    "ravel": lambda t, x: t.ravel(x),
    "unflatten": lambda t, x: t.unflatten(x, -1, (-1, 1)),
    "squeeze": lambda t, x: x.view(1, 2, 1, 3).squeeze(),
    "squeeze of one axis": lambda t, x: t.squeeze(x.view(1, 2, 3, 1), dim=-1),
    "squeeze of axes": lambda t, x: t.squeeze(x.view(1, 2, 3, 1), (0, 1)),
    "unsqueeze": lambda t, x: t.unsqueeze(x, 1),
    "unsqueeze with NumPy's axis": lambda t, x: t.unsqueeze(x, axis=-1),
    "transpose": lambda t, x: t.transpose(x, 0, 1),
    "swapaxes and swapdims": lambda t, x: (t.swapaxes(x, 0, 1), x.swapdims(-1, 0)),
    "t": lambda t, x: (x.t(), t.t(x[0])),
    "T and mT": lambda t, x: (x.T, x.mT),
    "H and mH and adjoint": lambda t, x: (x.H, x.mH, t.adjoint(x)),
    "permute": lambda t, x: x.permute(1, 0),
    "permute by keyword": lambda t, x: t.permute(x, dims=(-1, 0)),
    "movedim": lambda t, x: t.movedim(x, 0, -1),
    "moveaxis of several": lambda t, x: t.moveaxis(x, (0, 1), (1, 0)),
    "expand": lambda t, x: x.expand(2, -1, -1),
    "expand_as": lambda t, x: x.expand_as(t.zeros(4, 2, 3)),
    "broadcast_to": lambda t, x: t.broadcast_to(x, (2, 2, 3)),
    "narrow": lambda t, x: t.narrow(x, 1, 1, 2),
    "narrow from the end": lambda t, x: x.narrow(1, -2, 1),
    "select": lambda t, x: (t.select(x, 0, -1), x.select(1, 2)),
    "diagonal": lambda t, x: (t.diagonal(x), x.diagonal(1), x.diagonal(-1, 1, 0)),
    "unfold": lambda t, x: x.unfold(1, 2, 1),
    "as_strided": lambda t, x: t.as_strided(x, (2, 2), (1, 2), 1),
    "chunk": lambda t, x: (t.chunk(x, 2), x.chunk(5, 1)),
    "split": lambda t, x: (t.split(x, 2, dim=1), x.split([1, 2], dim=1), x.split(split_size=1)),
    "split_with_sizes": lambda t, x: t.split_with_sizes(x, [2, 1], 1),
    "tensor_split": lambda t, x: (t.tensor_split(x, 2, 1), x.tensor_split((1, 2), 1)),
    "hsplit and vsplit": lambda t, x: (t.hsplit(x, 3), t.hsplit(x, [1]), t.vsplit(x, 2)),
    "dsplit": lambda t, x: t.dsplit(x.view(1, 1, 6), 2),
    "unbind": lambda t, x: (t.unbind(x), x.unbind(1)),
    "unsafe_chunk and unsafe_split": lambda t, x: (x.unsafe_chunk(2), x.unsafe_split(1)),
    "real of a real tensor": lambda t, x: (x.real, t.real(x)),
    "conj of a real tensor": lambda t, x: (x.conj(), t.conj(x), x.resolve_conj()),
    "broadcast_tensors": lambda t, x: t.broadcast_tensors(x, x[:1], x[0]),
    "atleast_nd": lambda t, x: (t.atleast_1d(x[0, 0]), t.atleast_2d(x[0]), t.atleast_3d(x[0]), t.atleast_3d(x)),
}
"""Each also with its gradient and tangent."""

COMPLEX = {
    "real": lambda t, z: z.real,
    "imag": lambda t, z: t.imag(z),
    "conj": lambda t, z: z.conj() * 1,
    "view_as_real": lambda t, z: t.view_as_real(z),
    "view_as_complex": lambda t, z: t.view_as_complex(t.view_as_real(z)),
    "mH": lambda t, z: z.mH * 1,
    "conj_physical": lambda t, z: t.conj_physical(z),
}


def written(view, write):
    """The base and the view after a write through the view, and the view after a write to the base."""

    def program(t, x):
        base = x.clone()
        seen = view(t, base)
        write(t, seen)
        after = (base.clone(), seen.clone())
        base.zero_()
        return after, seen

    return program


THROUGH = {
    "view": lambda t, x: x.view(6),
    "view of a view": lambda t, x: x.view(6).view(3, 2),
    "transpose": lambda t, x: x.t(),
    "column": lambda t, x: x[:, 1],
    "step": lambda t, x: x[:, ::2],
    "None and Ellipsis": lambda t, x: x[None, ..., 1:],
    "unsqueeze and squeeze": lambda t, x: x.unsqueeze(0).squeeze(0),
    "diagonal": lambda t, x: x.diagonal(1),
    "unfold": lambda t, x: x.unfold(1, 1, 2),
    "narrow of a transpose": lambda t, x: x.t().narrow(0, 1, 2),
    "flatten": lambda t, x: x.flatten(),
    "flatten of a transpose (a copy)": lambda t, x: x.t().flatten(),
    "reshape of a column": lambda t, x: x[:, 0].reshape(2, 1),
    "contiguous": lambda t, x: x.contiguous(),
    "contiguous of a transpose (a copy)": lambda t, x: x.t().contiguous(),
    "movedim": lambda t, x: x.movedim(0, 1),
    "split": lambda t, x: x.split([1, 2], 1)[1],
    "unbind": lambda t, x: x.unbind(1)[2],
    "chunk": lambda t, x: x.chunk(2)[1],
    "as_strided": lambda t, x: x.as_strided((2, 2), (1, 2)),
    "as_strided of a view": lambda t, x: x[1:].as_strided((2,), (1,)),
    "a row of an expanded tensor": lambda t, x: x.expand(2, 2, 3)[1],
    "detach": lambda t, x: x.detach(),
    "data": lambda t, x: x.data,
    "advanced index (a copy)": lambda t, x: x[t.tensor([0, 1])],
    "mT of a batch": lambda t, x: x.view(1, 2, 3).mT,
}

WRITES = {
    "fill": lambda t, v: v.fill_(9.0),
    "copy": lambda t, v: v.copy_(t.arange(float(v.numel())).view(v.shape)),
}

THROUGH_COMPLEX = {
    "real": lambda t, z: z.real,
    "imag": lambda t, z: z.imag,
    "conj": lambda t, z: z.conj(),
    "view_as_real": lambda t, z: t.view_as_real(z),
    "mH": lambda t, z: z.mH,
    "imag of conj": lambda t, z: z.conj().imag,
}

STRIDES = {
    "base": lambda t, x: x,
    "transpose": lambda t, x: x.mT,
    "slices": lambda t, x: x[:, ::2, 1],
    "None": lambda t, x: x[:, None],
    "expand": lambda t, x: x[:1].expand(5, -1, -1),
    "select": lambda t, x: x.select(1, 2),
    "diagonal": lambda t, x: x.diagonal(1, 1, 2),
    "unfold": lambda t, x: x.unfold(2, 2, 2),
    "permute and narrow": lambda t, x: x.permute(2, 0, 1).narrow(0, 1, 2),
    "view of a slice": lambda t, x: x[1].view(-1),
    "squeeze": lambda t, x: x[:, :1].squeeze(1),
    "contiguous": lambda t, x: x.mT.contiguous(),
    "as_strided": lambda t, x: x.as_strided((2, 2), (5, 3), 4),
    "empty": lambda t, x: x[:0],
    "flatten of a part": lambda t, x: x[:, 1:].flatten(1),
}


def laid_out(view):
    def program(t, x):
        v = view(t, x)
        return v.shape, v.stride(), v.storage_offset(), v.is_contiguous(), v

    return program


def in_place(name, *args):
    def program(t, x):
        x = x.clone()
        y = getattr(x, name)(*args)
        x[0] = 7
        return y is x, x, x.shape, x.stride()

    return program


def rewritten(change):
    """The result of a change to a clone, with the derivative through it."""

    def program(t, x):
        y = x * 1
        change(t, y, x)
        return y

    return program


WRITTEN_WITH_DERIVATIVE = {
    "row": lambda t, y, x: y[0].copy_(x[1] ** 2),
    "column times": lambda t, y, x: y[:, 1].mul_(x[:, 0]),
    "transpose": lambda t, y, x: y.t().add_(x.t() * x.t()),
    "diagonal": lambda t, y, x: y.diagonal().mul_(3),
    "chain": lambda t, y, x: y.view(3, 2).t()[0].mul_(x[0]),
    "expanded row": lambda t, y, x: y.expand(2, 2, 3)[0].copy_(x * 5),
    "through detach": lambda t, y, x: y.detach().mul_(2),
    "through data": lambda t, y, x: y.data.mul_(2),
}


def set_data(change):
    def program(t, x):
        x = x.clone()
        change(t, x)
        return x

    return program


ERRORS = [
    ("unbind of 0-dim", lambda t, x: x[0, 0].unbind(), "Dimension specified as 0 but tensor has no dimensions"),
    ("narrow from a float", lambda t, x: x.narrow(0, t.tensor(1.0), 1), "start must be an 0-dim integral Tensor"),
    ("view of the wrong size", lambda t, x: x.view(4), r"shape '\[4\]' is invalid for input of size 6"),
    ("view with two -1", lambda t, x: x.view(-1, -1), "only one dimension can be inferred"),
    ("view that does not divide", lambda t, x: x.view(-1, 4), "is invalid for input of size 6"),
    ("view with -2", lambda t, x: x.view(-2, 3), "invalid shape dimension -2"),
    ("view across a transpose", lambda t, x: x.t().view(6), r"Use \.reshape\(\.\.\.\) instead"),
    ("view of nothing with -1", lambda t, x: x[:0].view(-1, 0), "cannot reshape tensor of 0 elements"),
    ("reshape of the wrong size", lambda t, x: x.reshape(4), "is invalid for input of size 6"),
    (
        "squeeze out of range",
        lambda t, x: x.squeeze(5),
        r"Dimension out of range \(expected to be in range of \[-2, 1\]",
    ),
    ("unsqueeze out of range", lambda t, x: x.unsqueeze(3), r"expected to be in range of \[-3, 2\], but got 3"),
    ("transpose out of range", lambda t, x: x.transpose(0, 2), "Dimension out of range"),
    ("permute, too few", lambda t, x: x.permute(0), "does not match the length of the desired ordering"),
    ("permute, twice", lambda t, x: x.permute(0, 0), r"permute\(\): duplicate dims are not allowed"),
    ("t of three axes", lambda t, x: x[None].t(), r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"),
    ("mT of a vector", lambda t, x: x[0].mT, "only supported on matrices or batches of matrices"),
    ("H of three axes", lambda t, x: x[None].H, r"only supported on matrices \(2-D tensors\)"),
    ("expand to another size", lambda t, x: x.expand(3, 3), r"must match the existing size \(2\) at non-singleton"),
    ("expand, -1 in front", lambda t, x: x.expand(-1, 2, 3), "isn't allowed in a leading, non-existing dimension 0"),
    ("expand, too few", lambda t, x: x.expand(3), "the number of sizes provided"),
    ("write to an expanded tensor", lambda t, x: x.expand(2, 2, 3).add_(1), "refers to a single memory location"),
    ("narrow too long", lambda t, x: x.narrow(0, 1, 2), r"start \(1\) \+ length \(2\) exceeds dimension size \(2\)"),
    (
        "select out of range",
        lambda t, x: x.select(0, 2),
        r"select\(\): index 2 out of range for tensor of size \[2, 3\]",
    ),
    ("chunk into 0", lambda t, x: x.chunk(0), "chunk expects `chunks` to be greater than 0, got: 0"),
    ("split by 0", lambda t, x: x.split(0), "split_size can only be 0 if dimension size is 0"),
    ("split, sizes that do not add up", lambda t, x: x.split([1, 2]), "expects split_sizes to sum exactly to 2"),
    ("split by -1", lambda t, x: x.split(-1), "split expects split_size be non-negative"),
    ("hsplit that does not divide", lambda t, x: t.hsplit(x, 2), "is not divisible by the split_size 2"),
    ("vsplit of a vector", lambda t, x: t.vsplit(x[0], 1), "requires a tensor with at least 2 dimension"),
    ("unflatten into the wrong size", lambda t, x: x.unflatten(1, (2, 2)), "don't multiply up to the size of dim 1"),
    ("flatten backwards", lambda t, x: x.flatten(1, 0), "start_dim cannot come after end_dim"),
    ("unfold too long", lambda t, x: x.unfold(1, 4, 1), "maximum size for tensor at dimension 1 is 3 but size is 4"),
    ("diagonal of one axis", lambda t, x: x.diagonal(0, 0, 0), "diagonal dimensions cannot be identical"),
    ("imag of a real tensor", lambda t, x: x.imag, "imag is not implemented for tensors with non-complex dtypes"),
    ("movedim, lengths differ", lambda t, x: x.movedim((0, 1), (1,)), "should contain the same number of dims"),
    ("as_strided beyond the end", lambda t, x: x.as_strided((9,), (1,)), "out of bounds for storage"),
    ("view_as_complex of three", lambda t, x: t.view_as_complex(x), "last dimension of size 2"),
    ("view_as_real of reals", lambda t, x: t.view_as_real(x), "only supported for complex tensors"),
    (
        "broadcast_tensors that do not fit",
        lambda t, x: t.broadcast_tensors(x, x[:, :2]),
        "must match the size of tensor b",
    ),
    ("copy_ of the wrong size", lambda t, x: x.copy_(x[:, :2]), "must match the size of tensor b"),
    ("not a tensor", lambda t, x: t.squeeze([1]), r"argument 'input' \(position 1\) must be Tensor, not list"),
]

CASES = [
    *[case(name, program, F, grad=True) for name, program in SHOWN.items()],
    *[case(f"complex: {name}", program, Z, grad="reverse") for name, program in COMPLEX.items()],
    *[
        case(f"{how} through {name}", written(view, write), X)
        for name, view in THROUGH.items()
        for how, write in WRITES.items()
    ],
    *[
        case(f"fill through {name} of complex numbers", written(view, WRITES["fill"]), Z)
        for name, view in THROUGH_COMPLEX.items()
    ],
    *[case(f"strides: {name}", laid_out(view), C) for name, view in STRIDES.items()],
    case("squeeze_", lambda t, x: in_place("squeeze_")(t, x.view(2, 1, 3)), X),
    case("unsqueeze_", in_place("unsqueeze_", 0), X),
    case("t_", in_place("t_"), X),
    case("transpose_", in_place("transpose_", 0, 1), X),
    case("swapaxes_", in_place("swapaxes_", 0, 1), X),
    *[
        case(f"derivative of a write: {name}", rewritten(change), F, grad=True)
        for name, change in WRITTEN_WITH_DERIVATIVE.items()
    ],
    case("data set", set_data(lambda t, x: setattr(x, "data", x.data * 2)), X),
    case("data set to another shape", set_data(lambda t, x: setattr(x, "data", t.ones(1))), X),
    case("real set", set_data(lambda t, x: setattr(x, "real", t.tensor(3.0))), Z),
    case("view as int32", lambda t, x: x.view(t.int32), X),
    case("view as int64", lambda t, x: x[:, :2].contiguous().view(t.int64), X),
    case("view as uint8", lambda t, x: x.view(t.uint8), X),
    case("write through another dtype", set_data(lambda t, x: x.view(t.int32)[0].fill_(0)), X),
    case("tensor_split by a tensor", lambda t, x: x.tensor_split(t.tensor([1]), 1), X),
    case("broadcast_shapes", lambda t: t.broadcast_shapes((2, 1), (3,), 1)),
    case("0-dim views", lambda t, x: (x[0, 0].T, x[0, 0].view(1), x[0, 0].squeeze(), x[0, 0].expand(2)), X),
    case("_base", lambda t, x: (x[0]._base is x, x._base), X),
    *[error(name, program, X, fragment=fragment) for name, program, fragment in ERRORS],
]
