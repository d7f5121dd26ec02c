"""What views show, as new tensors; and the names around shapes that stand alone."""

from tests.oracle.case import case, complexes, error, floats, ints

X = floats(2, 3)
COPIES = {
    "narrow_copy": lambda t, x: (x.narrow_copy(1, 1, 2), t.narrow_copy(x, 1, 0, 2)),
    "permute_copy, select_copy": lambda t, x: (t.permute_copy(x, (1, 0)), t.select_copy(x, 1, -1)),
    "slice_copy": lambda t, x: (t.slice_copy(x), t.slice_copy(x, 1, 0, 9, 2)),
    "split_copy": lambda t, x: (t.split_copy(x, 2, 1), t.split_with_sizes_copy(x, (1, 2), -1), t.unbind_copy(x)),
    "t_copy, transpose_copy": lambda t, x: (t.t_copy(x), t.transpose_copy(x, 0, 1)),
    "squeeze_copy, unsqueeze_copy": lambda t, x: (
        t.squeeze_copy(x[:1]),
        t.squeeze_copy(x[:1], 1),
        t.unsqueeze_copy(x, 1),
    ),
    "unfold_copy": lambda t, x: t.unfold_copy(x, 1, 2, 1),
    "view_copy": lambda t, x: (t.view_copy(x, (3, -1)), t.view_copy(x, (6,))),
}


def is_a_copy(t, x):
    y = t.select_copy(x, 0, 0)
    y.fill_(7)
    return x, y


def into_out(t, x):
    parts = [t.zeros(2, 1), t.zeros(2, 2)]
    return t.split_with_sizes_copy(x, (1, 2), 1, out=parts), parts, t.t_copy(x, out=t.zeros(3, 2))


CASES = [
    *[case(name, program, X, grad=True) for name, program in COPIES.items()],
    case("view_as_real_copy", lambda t, z: t.view_as_real_copy(z), complexes(3), grad=True),
    case("view_as_complex_copy", lambda t, x: t.view_as_complex_copy(x[:, :2].clone()), X),
    case("view_copy as another dtype", lambda t, x: t.view_copy(x, t.int32), X),
    case("a copy is not written through", is_a_copy, X),
    case("out=", into_out, X),
    case("sum_to_size", lambda t, x: (x.sum_to_size(2, 1), x.sum_to_size((3,)), x.sum_to_size(())), X, grad=True),
    case("sum_to_size of bools", lambda t, x: ((x > 0).sum_to_size(1, 3), (x > 0).sum_to_size(2, 3)), X),
    case("unravel_index", lambda t, i: (t.unravel_index(i, (2, 3)), t.unravel_index(i, 4)), [0, 4, 5, -1]),
    case("nonzero_static", lambda t, x: (t.nonzero_static(x, size=2), x.nonzero_static(size=4, fill_value=9)), [[0.0, 1.0], [2.0, 3.0]]),
    case("resize_as_", lambda t, x: (t.resize_as_(x.clone(), t.ones(2, 2)), x.clone().resize_as_(t.ones(3))), X),
    error("narrow_copy beyond the end", lambda t, x: t.narrow_copy(x, 1, 2, 2), X, fragment="exceeds dimension size"),
    error("slice_copy backwards", lambda t, x: t.slice_copy(x, 0, 0, 2, -1), X, fragment="step must be"),
    error("slice_copy of 0-dim", lambda t, x: t.slice_copy(x[0, 0]), X, fragment=r"slice\(\) cannot be applied to a 0-dim tensor"),
    error("sum_to_size to another size", lambda t, x: x.sum_to_size(2), X, fragment="is not expandable to size"),
    error("unravel_index of floats", lambda t, x: t.unravel_index(x, (2, 3)), X, fragment="expected 'indices' to be integer dtype"),
    error("unravel_index: negative shape", lambda t, i: t.unravel_index(i, (2, -3)), ints(2), fragment="'shape' cannot have negative values"),
    error("nonzero_static: negative size", lambda t, x: t.nonzero_static(x, size=-1), X, fragment="'size' must be an non-negative integer"),
]  # fmt: skip
