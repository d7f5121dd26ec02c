"""`x[...]`, `x[...] = v`, `gather`, `scatter` and their kin."""

from __future__ import annotations

from tests.oracle.case import bools, case, error, floats, ints, right, values

X = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
F = floats(2, 3)
C = floats(2, 3, 4)


def L(t, data):
    return t.tensor(data)


READ = {
    "int": lambda t, x: (x[1], x[-1], x[0, 2]),
    "slices": lambda t, x: (x[:, 1:], x[::2], x[:, ::2], x[:-1], x[1:0], x[-5:1], x[5:]),
    "None and Ellipsis": lambda t, x: (x[None], x[..., 0], x[0, ...], x[..., None, :], x[:, None, 1:]),
    "bool scalars": lambda t, x: (x[True], x[False]),
    "int tensor": lambda t, x: (x[L(t, [1, 0, 1])], x[L(t, [[0, 1], [1, 1]])]),
    "negative int tensor": lambda t, x: x[L(t, [-1, 0])],
    "0-dim int tensor": lambda t, x: (x[L(t, 1)], x[L(t, 1), L(t, 0)]),
    "two int tensors": lambda t, x: x[L(t, [0, 1]), L(t, [2, 0])],
    "broadcast int tensors": lambda t, x: x[L(t, [[0], [1]]), L(t, [0, 2])],
    "list": lambda t, x: (x[[1, 0]], x[:, [0, 2]], x[[0, 1], [1, 2]], x[[]]),
    "nested list (taken for a tuple)": lambda t, x: x[[[0, 1], [1, 0]]],
    "range": lambda t, x: x[range(2)],
    "bool list": lambda t, x: x[[True, False]],
    "mask of one axis": lambda t, x: (x[L(t, [True, False])], x[:, L(t, [True, False, True])]),
    "mask of every axis": lambda t, x: x[L(t, [[True, False, True], [False, True, False]])],
    "0-dim mask": lambda t, x: (x[L(t, True)], x[L(t, False)]),
    "uint8 mask": lambda t, x: x[t.tensor([1, 0], dtype=t.uint8)],
    "int32 index": lambda t, x: x[t.tensor([1, 0], dtype=t.int32)],
    "slice by 0-dim tensors": lambda t, x: x[L(t, 0) : L(t, 1)],
    "iteration": lambda t, x: [r * 2 for r in x],
    "unpacking": lambda t, x: list(x[0]),
}

READ_3D = {
    "adjacent": lambda t, x: x[:, L(t, [0, 2]), L(t, [1, 3])],
    "apart": lambda t, x: x[L(t, [0, 1]), :, L(t, [1, 3])],
    "int before a slice": lambda t, x: x[0, :, L(t, [0, 1])],
    "int and tensor": lambda t, x: (x[:, 0, L(t, [1])], x[L(t, [0, 1]), 0]),
    "None between": lambda t, x: x[L(t, [0]), None, L(t, [1])],
    "None after": lambda t, x: x[0, L(t, [0, 1]), :, None],
    "mask of two axes": lambda t, x: x[L(t, [[True, False, True], [False, False, True]])],
    "mask and int": lambda t, x: x[L(t, [[True, False, True], [False, False, True]]), 0],
    "mask and tensor": lambda t, x: x[L(t, [[True, False, True], [False, False, True]]), L(t, [0, 1, 2])],
    "mask at the end": lambda t, x: x[..., L(t, [True, False, False, True])],
    "mask between": lambda t, x: x[0, L(t, [True, False, True]), 1:],
    "slices and tensor": lambda t, x: x[1:, :, L(t, [3, 0])],
}


def assigned(index, value):
    def program(t, x):
        y = x * 1
        y[index(t)] = value(t, x)
        return y

    return program


WRITE = {
    "int, number": (lambda t: 0, lambda t, x: 7),
    "int, row": (lambda t: 0, lambda t, x: x[1] ** 2),
    "column": (lambda t: (slice(None), 1), lambda t, x: x[:, 0] * 3),
    "slice with a step": (lambda t: (slice(None), slice(None, None, 2)), lambda t, x: x[:, 1:] * 3),
    "Ellipsis": (lambda t: ..., lambda t, x: x[0] * x),
    "None": (lambda t: None, lambda t, x: x[0, 0] * 2),
    "broadcast": (lambda t: slice(None), lambda t, x: x[0] * 2),
    "extra axes of length 1": (lambda t: slice(0, 1), lambda t, x: x[None, 1:]),
    "int tensor": (lambda t: t.tensor([1, 0]), lambda t, x: x * x),
    "int tensor, row": (lambda t: t.tensor([1, 0]), lambda t, x: x[0] * x[1]),
    "int tensors": (lambda t: (t.tensor([0, 1]), t.tensor([2, 0])), lambda t, x: x[0, :2] * 4),
    "lists": (lambda t: ([0, 1], [1, 2]), lambda t, x: x[0, :2] * 4),
    "slice and tensor": (lambda t: (slice(1, None), t.tensor([0, 2])), lambda t, x: x[1, 1:] * 4),
    "0-dim tensors": (lambda t: (t.tensor(1), 0), lambda t, x: x[0, 1] * 4),
    "mask, number": (lambda t: t.tensor([True, False]), lambda t, x: 0.5),
    "mask, 0-dim": (lambda t: t.tensor([True, False]), lambda t, x: x[1, 1] * 2),
    "mask, row": (lambda t: t.tensor([True, True]), lambda t, x: x[1] * 2),
    "mask, column": (lambda t: t.tensor([True, True]), lambda t, x: x[:, :1] * 2),
    "mask of every axis, values": (
        lambda t: t.tensor([[True, False, True], [False, True, False]]),
        lambda t, x: x[0] * 9,
    ),
    "mask of the last axis": (lambda t: (slice(None), t.tensor([True, False, True])), lambda t, x: x[:, 1:] * 2),
    "bool scalars": (lambda t: True, lambda t, x: x[0] * 2),
    "False writes nothing": (lambda t: False, lambda t, x: 3.0),
}


def changed(change):
    def program(t, x):
        y = x.clone()
        change(t, y)
        return y

    return program


CHANGED = {
    "value cast to the tensor's dtype": lambda t, y: y.__setitem__(0, t.tensor([1, 2, 3])),
    "bool value": lambda t, y: y.__setitem__((0, 0), True),
    "augmented row": lambda t, y: y.__setitem__(0, y[0] + 1),
    "duplicates: the last wins": lambda t, y: y.__setitem__(t.tensor([0, 0]), t.tensor([[1.0, 2, 3], [4, 5, 6]])),
    "index_put_": lambda t, y: y.index_put_((t.tensor([0, 1]), t.tensor([1, 1])), t.tensor([5.0, 6.0])),
    "index_put_ accumulates": lambda t, y: y.index_put_((t.tensor([0, 0]),), t.tensor(1.0), accumulate=True),
    "index_put_ by a mask": lambda t, y: y.index_put_((t.tensor([True, False]),), t.tensor(1.0)),
    "index_add_": lambda t, y: y.index_add_(0, t.tensor([0, 0]), y.clone(), alpha=2),
    "index_copy_": lambda t, y: y.index_copy_(1, t.tensor([2, 0]), y[:, :2].clone()),
    "index_fill_": lambda t, y: y.index_fill_(1, t.tensor([-1, 0]), 8.0),
    "scatter_": lambda t, y: y.scatter_(1, t.tensor([[0], [2]]), 9.0),
    "scatter_add_": lambda t, y: y.scatter_add_(0, t.tensor([[0, 1, 0]]), t.ones(1, 3)),
    "scatter_reduce_": lambda t, y: y.scatter_reduce_(0, t.tensor([[0, 1, 0]]), t.ones(1, 3), "amax"),
    "put_": lambda t, y: y.put_(t.tensor([0, -1]), t.tensor([5.0, 6.0])),
    "put_ accumulates": lambda t, y: y.put_(t.tensor([0, 0]), t.tensor([5.0, 6.0]), accumulate=True),
    "masked_fill_": lambda t, y: y.masked_fill_(t.tensor([True, False, True]), 0.5),
    "masked_scatter_": lambda t, y: y.masked_scatter_(y > 2, t.arange(9.0)),
    "fill_diagonal_": lambda t, y: y.fill_diagonal_(5.0),
    "write into a row": lambda t, y: y[0].mul_(y[1]),
}

FAMILY = {
    "gather": lambda t, x: (x.gather(1, L(t, [[2, 0], [1, 1]])), t.gather(x, 0, L(t, [[1, 0, 1]]))),
    "gather of part": lambda t, x: x.gather(0, L(t, [[1]])),
    "index_select": lambda t, x: (x.index_select(1, L(t, [2, 0, 2])), t.index_select(x, 0, L(t, 1))),
    "take": lambda t, x: t.take(x, L(t, [[0, 5], [-1, 0]])),
    "take_along_dim": lambda t, x: (t.take_along_dim(x, L(t, [[2], [0]]), 1), t.take_along_dim(x, L(t, [4]))),
    "take_along_dim broadcasts": lambda t, x: t.take_along_dim(x, L(t, [[0, 1, -1]]), 1),
    "scatter of a number": lambda t, x: x.scatter(1, L(t, [[0], [2]]), 9.0),
    "scatter": lambda t, x: t.scatter(x, 1, L(t, [[2, 0, 1], [1, 0, 2]]), x * x),
    "scatter_add": lambda t, x: x.scatter_add(1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x),
    "scatter_reduce sum": lambda t, x: x.scatter_reduce(1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x, "sum"),
    "scatter_reduce mean": lambda t, x: x.scatter_reduce(1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x, "mean"),
    "scatter_reduce amax": lambda t, x: x.scatter_reduce(1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x, "amax"),
    "scatter_reduce amin, alone": lambda t, x: x.scatter_reduce(
        1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x, "amin", include_self=False
    ),
    "index_add": lambda t, x: t.index_add(x, 1, L(t, [0, 0]), x[:, 1:] * 2),
    "index_copy": lambda t, x: x.index_copy(1, L(t, [2, 0]), x[:, :2] * 2),
    "index_fill": lambda t, x: (x.index_fill(1, L(t, [0, 2]), -1), x.index_fill(0, L(t, [0]), x[0, 0])),
    "index_put": lambda t, x: t.index_put(x, (L(t, [0, 1]), L(t, [1, 1])), x[0, :2] * 2),
    "put": lambda t, x: x.put(L(t, [0, -1]), x[0, :2] * 3),
    "masked_fill": lambda t, x: (x.masked_fill(x > 0, -1), t.masked_fill(x, x < 0, x[0, 0])),
    "masked_select": lambda t, x: x.masked_select(L(t, [True, False, True])),
    "masked_scatter": lambda t, x: x.masked_scatter(L(t, [True, False, True]), x * 2),
    "select_scatter": lambda t, x: t.select_scatter(x, x[0] * 2, 0, 1),
    "slice_scatter": lambda t, x: t.slice_scatter(x, x[:, :1] * 2, 1, 1, 2),
    "diagonal_scatter": lambda t, x: t.diagonal_scatter(x, x[0, :2] * 2),
}

PLAIN = {
    "scatter, reduce=multiply": (lambda t, x: x.scatter(0, L(t, [[0, 1, 0]]), 2.0, reduce="multiply"), F),
    "scatter_reduce prod": (
        lambda t, x: x.scatter_reduce(1, L(t, [[0, 0, 2], [1, 1, 1]]), x * x, "prod"),
        F,
    ),
    "index_reduce": (
        lambda t, x: [x.index_reduce(1, L(t, [0, 0, 2]), x, r) for r in ("prod", "mean", "amax", "amin")],
        F,
    ),
    "out= of what picks and places": (
        lambda t, x: [
            t.gather(x, 1, L(t, [[0, 2]]), out=t.zeros(1, 2)),
            t.scatter(x, 1, L(t, [[0, 2]]), 9.0, out=t.zeros(2, 3)),
            t.take(x, L(t, [5, 0]), out=t.zeros(0)),
            t.index_select(x, 0, L(t, [1]), out=t.zeros(1, 3)),
            t.masked_select(x, x > 2, out=t.zeros(0)),
            t.nonzero(x, out=t.zeros(0, dtype=t.int64)),
            t.diag(x, out=t.zeros(2)),
        ],
        X,
    ),
    "scatter_reduce of bools": (
        lambda t, x: [
            x.scatter_reduce(0, L(t, [0, 0, 1]), x, kind, include_self=kind != "amin")
            for kind in ("sum", "prod", "amax", "amin")
        ],
        bools(3),
    ),
    "scatter_add and put of bools": (
        lambda t, x: (x.scatter_add(0, L(t, [0, 0, 1]), x), x.put(L(t, [0, 0, 1]), x, True)),
        bools(3),
    ),
    "scatter_reduce of integers": (lambda t, x: x.scatter_reduce(0, L(t, [0, 0, 1]), x, "mean"), ints(3)),
    "masked_fill broadcasts": (lambda t, m: t.tensor(1.0).masked_fill(m, 2.0), bools(3)),
    "masked_fill keeps the dtype": (lambda t, x: x.masked_fill(L(t, [True, False, True]), 1.5), ints(3)),
    "nonzero": (lambda t, x: (t.nonzero(x > 2), x.nonzero(as_tuple=True), t.argwhere(x)), X),
    "nonzero of 0-dim": (lambda t: (t.nonzero(t.tensor(1.0)), t.nonzero(t.tensor(0.0)), t.argwhere(t.tensor(1.0))),),
    "where with one argument": (lambda t, x: t.where(x > 2), X),
    "gather of 0-dim": (lambda t, x: (x[0, 0].gather(0, L(t, 0)), x[0, 0].gather(0, L(t, [0, 0]))), X),
    "len and in": (lambda t, x: (len(x), 3.0 in x, 9.0 in x, t.tensor(1.0) in x), X),
    "reversed": (lambda t, x: reversed(x), X),
    "int tensor set to a fraction": (lambda t, x: (x.__setitem__(0, 2.7), x)[1], ints(3)),
    "a batch of indices under vmap": (
        lambda t, x, i: t.vmap(lambda r, j: r[j.long()])(x, i),
        F,
        values([2, 0]),
    ),
    "unmapped table, mapped indices": (lambda t, x, i: t.vmap(lambda j: x[j])(i), F, values([[1, 0], [0, 0]])),
    "slices under vmap": (lambda t, x: t.vmap(lambda r: (r[0], r[1:], r[None, ::2], r[..., -1]))(x), F),
    "setitem under vmap": (lambda t, x: t.vmap(lambda r: (r.clone().__setitem__(0, 1.0), r * 2)[1])(x), F),
    "a write to a clone under vmap": (
        lambda t, x: t.vmap(lambda r: r.clone().index_fill_(0, L(t, [0]), 3.0))(x),
        F,
    ),
    "gather under vmap": (lambda t, x: t.vmap(lambda r: r.gather(0, L(t, [2, 0])))(x), F),
    "masked_fill under vmap": (lambda t, x: t.vmap(lambda r: r.masked_fill(r > 0, 0.0))(x), F),
    "iteration under vmap": (lambda t, x: t.vmap(lambda r: t.stack([v * 2 for v in r]))(x), F),
    "a mask under grad": (lambda t, x: t.func.grad(lambda x: (x[x > 0] ** 2).sum())(x), F),
    "an index by its value under grad": (lambda t, x: t.func.grad(lambda x: x[0][int(x[0, 0] > 0)] ** 2)(x), F),
}


def duplicates(t, x):
    """Every writer of a place gets the gradient, the last one stays."""

    def f(v):
        y = t.zeros(3)
        y[t.tensor([0, 0, 1])] = v
        return (y * t.tensor([2.0, 3.0, 5.0])).sum()

    return t.func.grad(f)(x)


def duplicates_scatter(t, x):
    return t.func.grad(lambda v: (t.zeros(3).scatter(0, t.tensor([0, 0, 1]), v) * t.tensor([2.0, 3.0, 5.0])).sum())(x)


ERRORS = [
    ("int out of range", lambda t, x: x[2], "index 2 is out of bounds for dimension 0 with size 2"),
    ("second int out of range", lambda t, x: x[0, 3], "index 3 is out of bounds for dimension 1 with size 3"),
    ("too many", lambda t, x: x[0, 0, 0], "too many indices for tensor of dimension 2"),
    ("negative step", lambda t, x: x[::-1], "step must be greater than zero"),
    ("step 0", lambda t, x: x[0:2:0], "slice step cannot be zero"),
    ("float", lambda t, x: x[1.0], "only integers, slices"),
    ("string", lambda t, x: x["a"], "invalid data type 'str'"),
    ("float tensor", lambda t, x: x[t.tensor(1.0)], "tensors used as indices must be long, int, byte or bool tensors"),
    ("tensor out of range", lambda t, x: x[t.tensor([5])], "index 5 is out of bounds for dimension 0 with size 2"),
    ("0-dim tensor out of range", lambda t, x: x[t.tensor(5)], "index 5 is out of bounds for dimension 0 with size 2"),
    ("mask of another length", lambda t, x: x[t.tensor([True, False, True])], r"The shape of the mask \[3\] at index 0 does not match the shape of the indexed tensor \[2, 3\] at index 0"),
    ("tensors that do not broadcast", lambda t, x: x[t.tensor([0, 1]), t.tensor([0, 1, 2])], r"could not be broadcast together with shapes \[2\], \[3\]"),
    ("int into 0-dim", lambda t, x: x[0, 0][0], "invalid index of a 0-dim tensor"),
    ("set: wrong size", lambda t, x: x.__setitem__(0, t.tensor([1.0, 2.0])), r"The expanded size of the tensor \(3\) must match the existing size \(2\)"),
    ("set: wrong size at a tensor", lambda t, x: x.__setitem__(t.tensor([0, 1]), t.tensor([1.0, 2.0])), r"value tensor of shape \[2\] cannot be broadcast to indexing result of shape \[2, 3\]"),
    ("set: wrong size at a mask", lambda t, x: x.__setitem__(t.tensor([True, False]), t.tensor([1.0, 2.0])), r"value tensor of shape \[2\] cannot be broadcast to indexing result of shape \[1, 3\]"),
    ("set: complex into real", lambda t, x: x.__setitem__(0, 1j), "value cannot be converted to type float"),
    ("set: a string", lambda t, x: x.__setitem__(0, "a"), "can't assign a str to a torch.FloatTensor"),
    ("set: a list", lambda t, x: x.__setitem__(0, [1, 2, 3]), "can't assign a list to a torch.FloatTensor"),
    ("set: out of range", lambda t, x: x.__setitem__(5, 1.0), "index 5 is out of bounds for dimension 0 with size 2"),
    ("gather out of range", lambda t, x: x.gather(1, t.tensor([[3], [0]])), "index 3 is out of bounds for dimension 1 with size 3"),
    ("gather of -1", lambda t, x: x.gather(1, t.tensor([[-1]])), "index -1 is out of bounds"),
    ("gather by floats", lambda t, x: x.gather(1, t.tensor([[0.0]])), r"gather\(\): Expected dtype int32/int64 for index"),
    ("gather of another rank", lambda t, x: x.gather(0, t.tensor([0])), "Index tensor must have the same number of dimensions as input tensor"),
    ("gather too wide", lambda t, x: x.gather(0, t.tensor([[0, 0, 0, 0]])), "to be no larger than self"),
    ("index_select out of range", lambda t, x: x.index_select(0, t.tensor([2])), "index out of range in self"),
    ("index_select of -1", lambda t, x: x.index_select(0, t.tensor([-1])), "index out of range in self"),
    ("index_select by a matrix", lambda t, x: x.index_select(0, t.tensor([[1]])), "Index is supposed to be a vector"),
    ("take out of range", lambda t, x: x.take(t.tensor([7])), "out of range: tried to access index 7 on a tensor of 6 elements"),
    ("scatter out of range", lambda t, x: x.scatter(0, t.tensor([[0, 5, 0]]), 1.0), "index 5 is out of bounds for dimension 0 with size 2"),
    ("scatter of another dtype", lambda t, x: x.scatter(0, t.tensor([[0, 1, 0]]), t.tensor([[1, 2, 3]])), "Expected self.dtype to be equal to src.dtype"),
    ("scatter of too little", lambda t, x: x.scatter(0, t.tensor([[0, 0, 0]]), t.tensor([[1.0, 2.0]])), r"to be no larger size than src \[1, 2\]"),
    ("scatter_reduce by an unknown name", lambda t, x: x.scatter_reduce(0, t.tensor([[0]]), x, "foo"), "reduce argument must be either sum, prod, mean, amax or amin"),
    ("index_add out of range", lambda t, x: x.index_add(0, t.tensor([0, 5]), x), "index 5 is out of bounds for dimension 0 with size 2"),
    ("index_add, counts differ", lambda t, x: x.index_add(0, t.tensor([0]), x), r"Number of indices \(1\) should be equal to source.size\(dim\): \(2\)"),
    ("index_add of another dtype", lambda t, x: x.index_add(0, t.tensor([0, 1]), x.double()), "must have the same scalar type"),
    ("index_copy out of range", lambda t, x: x.index_copy(0, t.tensor([0, 5]), x), r"index_copy_\(\): index 5 is out of bounds"),
    ("index_copy of other rows", lambda t, x: x.index_copy(0, t.tensor([0, 1]), t.ones(2, 2)), "must have same slice shapes"),
    ("index_fill out of range", lambda t, x: x.index_fill(0, t.tensor([5]), 1.0), "index 5 is out of bounds for dimension 0 with size 2"),
    ("index_put of another dtype", lambda t, x: x.index_put((t.tensor([0]),), t.tensor(1)), "Index put requires the source and destination dtypes match"),
    ("masked_fill by integers", lambda t, x: x.masked_fill(t.tensor([1, 0, 1]), 1.0), "masked_fill_ only supports boolean masks"),
    ("masked_fill of a vector", lambda t, x: x.masked_fill(x > 2, t.tensor([1.0])), "only supports a 0-dimensional value tensor"),
    ("masked_fill_ cannot grow", lambda t, x: x[0].masked_fill_(x > 2, 1.0), r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]"),
    ("masked_select by integers", lambda t, x: x.masked_select(t.tensor([1, 0, 1])), "expected BoolTensor for mask"),
    ("masked_scatter of too little", lambda t, x: x.masked_scatter(x > 2, t.tensor([1.0])), "Number of elements of source < number of ones in mask"),
    ("len of 0-dim", lambda t, x: len(x[0, 0]), r"len\(\) of a 0-d tensor"),
    ("iteration over 0-dim", lambda t, x: list(x[0, 0]), "iteration over a 0-d tensor"),
    ("in, with a string", lambda t, x: "a" in x, "Tensor.__contains__ only supports Tensor or scalar"),
    ("vmap: a mask", lambda t, x: t.vmap(lambda r: r[r > 0])(x), "Attempting to batch over indexing with a boolean mask"),
    ("vmap: nonzero", lambda t, x: t.vmap(lambda r: r.nonzero())(x), "Attempted to vmap over aten::nonzero"),
    ("vmap: masked_select", lambda t, x: t.vmap(lambda r: r.masked_select(r > 0))(x), "Attempted to vmap over `mask` in torch.masked_select"),
    ("vmap: an index out of range", lambda t, x: t.vmap(lambda r: r[5])(x), "out of bounds"),
    ("vmap: a mapped value into a captured tensor", lambda t, x: (lambda o: t.vmap(lambda r: o.__setitem__(0, r[0]))(x))(t.zeros(3)), "vmap: (inplace|index_put_|aten)"),
]  # fmt: skip

CASES = [
    *[case(f"read: {name}", program, F, grad=True) for name, program in READ.items()],
    *[case(f"read three axes: {name}", program, C, grad="reverse") for name, program in READ_3D.items()],
    *[case(f"write: {name}", assigned(*parts), F, grad=True) for name, parts in WRITE.items()],
    *[case(f"changed: {name}", changed(change), X) for name, change in CHANGED.items()],
    *[case(name, program, F, grad=True) for name, program in FAMILY.items()],
    *[case(name, program, *inputs) for name, (program, *inputs) in PLAIN.items()],
    case("duplicate writers: gradient", duplicates, floats(3)),
    case("duplicate writers of scatter: gradient", duplicates_scatter, floats(3)),
    right(
        "vmap: a mask set to a number",
        lambda t, x: t.vmap(lambda r: (lambda c: (c.__setitem__(c > 0, 0.0), c)[1])(r.clone()))(x),
        [[1.0, -1.0], [-2.0, 3.0]],
        expected=[[0.0, -1.0], [-2.0, 0.0]],
        why="PyTorch refuses a mapped mask; with one value for every true place the result has a fixed shape",
    ),
    right(
        "vmap: a write into a fresh tensor",
        lambda t, x: t.vmap(lambda r: (lambda o: (o.__setitem__(0, r[1]), o)[1])(t.zeros(2)))(x),
        [[1.0, -1.0], [-2.0, 3.0]],
        expected=[[-1.0, 0.0], [3.0, 0.0]],
        why="PyTorch refuses to write a mapped value into a tensor made inside; it belongs to the function all the same",
    ),
    *[error(name, program, X, fragment=fragment) for name, program, fragment in ERRORS],
    case("index_put of bools that accumulate", lambda t, x: t.index_put(x > 9, (t.tensor([0, 1, 0]),), t.tensor([True, False, False]), accumulate=True), floats(3)),
]
