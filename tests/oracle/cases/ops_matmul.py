"""Products of vectors and matrices, einsum, and the errors of sizes and dtypes that do not fit."""

from tests.oracle.case import bools, case, complexes, error, floats, ints

NAN = float("nan")
V3, V4, M34, M45 = floats(3), floats(4), floats(3, 4), floats(4, 5)
B234, B245 = floats(2, 3, 4), floats(2, 4, 5)
DOUBLE = floats(4, 5, dtype="float64")

SHAPES = {  # matmul of every pair of ranks
    "1 and 1": (V4, V4), "2 and 1": (M34, V4), "1 and 2": (V4, M45), "2 and 2": (M34, M45), "3 and 1": (B234, V4),
    "1 and 3": (V4, B245), "3 and 2": (B234, M45), "2 and 3": (M34, B245), "3 and 3": (B234, B245),
    "broadcast": (floats(2, 1, 3, 4), floats(5, 4, 2)), "4 and 4": (floats(2, 2, 3, 4), floats(1, 2, 4, 2)), "empty": (floats(3, 0), floats(0, 2)),
}
CASES = []
for name, inputs in SHAPES.items():
    CASES.append(case(f"matmul: {name}", lambda t, x, y: (t.matmul(x, y), x @ y), *inputs, grad=True))

EQUATIONS = {  # einsum, with explicit and implicit outputs
    "ij,jk->ik": (M34, M45), "ij,jk": (M34, M45), "bij,bjk->bik": (B234, B245), "i,j->ij": (V3, V4), "i,i": (V4, V4), "ij->ji": (M34,),
    "ij->": (M34,), "ij->j": (M34,), "ii->i": (floats(3, 3),), "ii": (floats(3, 3),), "...i->...": (B234,), "...ij,...jk->...ik": (B234, M45),
    "bij,j->bi": (B234, V4), "i j, j k -> k i": (M34, M45), "iJ->Ji": (M34,), "ij,kj,k->i": (M34, floats(5, 4), floats(5)), "ij,ij->ij": (M34, floats(1, 4)),
    "ij,ij": (M34, floats(1, 4)), "i...,...->i...": (M34, V4), "a,b,c->abc": (V3, V4, floats(2)), "ij,jk->": (M34, M45), "bhid,bhjd->bhij": (floats(2, 2, 3, 4), floats(2, 2, 5, 4)),
}
for equation, inputs in EQUATIONS.items():
    CASES.append(case(f"einsum: {equation} of {len(inputs[0].shape)} axes", lambda t, *xs, e=equation: t.einsum(e, *xs), *inputs, grad=True))

CASES += [
    case("einsum: a list of operands", lambda t, x, y: t.einsum("ij,jk->ik", [x, y]), M34, M45),
    case("einsum: lists of subscripts", lambda t, x, y: (t.einsum(x, [0, 1], y, [1, 2], [0, 2]), t.einsum(x, [0, 1], y, [1, 2]), t.einsum(x, [1, 0]), t.einsum(x, [0, ...], [...]), t.einsum(x, [30, 2])), M34, M45, grad=True),
    case("einsum: integers, no axes", lambda t, x, y: (t.einsum("i,i", x, x), t.einsum("->", y.sum())), ints(3), V3),
    case("einsum: an outer product promotes", lambda t, x, y: t.einsum("i,j->ij", x, y), V3, floats(2, dtype="float64")),
    case("einsum: complex", lambda t, x, y: t.einsum("ij,jk->ik", x, y), complexes(2, 3), complexes(3, 2), grad="reverse"),
    case("einsum: vmap", lambda t, x, y: t.vmap(lambda x: t.einsum("ij,jk->ik", x, y))(x), B234, M45, grad=True),

    # ---- by name ----
    case("mm", lambda t, x, y: (t.mm(x, y), x.mm(y)), M34, M45, grad=True),
    case("bmm", lambda t, x, y: (t.bmm(x, y), x.bmm(y)), B234, B245, grad=True),
    case("mv", lambda t, x, y: (t.mv(x, y), x.mv(y)), M34, V4, grad=True),
    case("dot and vdot", lambda t, x, y: (t.dot(x, y), x.dot(y), t.vdot(x, y)), V4, V4, grad=True),
    case("dot and vdot of complex numbers", lambda t, x, y: (t.dot(x, y), t.vdot(x, y)), complexes(3), complexes(3), grad="reverse"),
    case("outer and ger", lambda t, x, y: (t.outer(x, y), x.ger(y)), V3, V4, grad=True),
    case("outer promotes", lambda t, x, y: t.outer(x, y), ints(3), V4),
    case("inner", lambda t, x, y, z: (t.inner(x, y), x.inner(x), t.inner(x, z)), M34, V4, floats(), grad=True),
    case("matmul of integers and complex numbers", lambda t, x, y: (x @ x, t.mm(x, x), y @ y), ints(3, 3), complexes(2, 2)),
    case("matmul: float64 and float16", lambda t, x, y: (x @ x.T, y @ y.T), DOUBLE, floats(2, 2, dtype="float16")),
    case("matmul: out", lambda t, x, y: (t.matmul(x, y, out=(o := t.empty(3, 5))), o), M34, M45),
    case("matmul: vmap over either side", lambda t, x, y: (t.vmap(t.matmul, in_dims=(0, None))(x, y), t.vmap(t.mv, in_dims=(None, 1))(y.T, y)), B234, M45, grad=True),
    case("matmul: second derivative", lambda t, x, y: t.func.hessian(lambda x: ((x @ y) ** 2).sum())(x), floats(2, 2), floats(2, 2)),
    case("linalg.matmul", lambda t, x, y: t.linalg.matmul(x, y), M34, M45),

    # ---- added to something ----
    case("addmm", lambda t, c, x, y: (t.addmm(c, x, y), c.addmm(x, y, beta=0.5, alpha=2)), floats(3, 5), M34, M45, grad=True),
    case("addmm: broadcast", lambda t, c, x, y: (t.addmm(c, x, y), t.addmm(c[0], x, y, alpha=-1.5)), floats(5), M34, M45, grad=True),
    case("addmm: beta 0 ignores nan", lambda t, c, x, y: t.addmm(c * NAN, x, y, beta=0), floats(3, 5), M34, M45),
    case("addmm of integers", lambda t, x: t.addmm(x, x, x, beta=2, alpha=3), ints(2, 2)),
    case("addmv", lambda t, c, x, y: (t.addmv(c, x, y), c.addmv(x, y, beta=2, alpha=0.5)), V3, M34, V4, grad=True),
    case("addr", lambda t, c, x, y: (t.addr(c, x, y), c.addr(x, y, beta=2, alpha=0.5)), M34, V3, V4, grad=True),
    case("baddbmm", lambda t, c, x, y: (t.baddbmm(c, x, y), c.baddbmm(x, y, beta=0.5, alpha=2)), floats(2, 3, 5), B234, B245, grad=True),
    case("baddbmm: broadcast", lambda t, c, x, y: t.baddbmm(c, x, y), floats(5), B234, B245, grad=True),
    case("addbmm", lambda t, c, x, y: (t.addbmm(c, x, y), c.addbmm(x, y, beta=0.5, alpha=2)), floats(3, 5), B234, B245, grad=True),
    case("added in place", lambda t, c, x, y: (c.clone().addmm_(x, y), c[:, 0].clone().addmv_(x, y[:, 0], alpha=2), c.clone().addr_(x[:, 0], y[0])), floats(3, 5), M34, M45),
    case("addbmm_ and baddbmm_ in place", lambda t, c, x, y: (c[0].clone().addbmm_(x, y), c.clone().baddbmm_(x, y)), floats(2, 3, 5), B234, B245),

    # ---- contractions ----
    case("tensordot", lambda t, x, y: (t.tensordot(x, y, 1), t.tensordot(x, x, 2), t.tensordot(x, x), t.tensordot(x, y, 0)), M34, M45, grad=True),
    case("tensordot: lists of dims", lambda t, x, y: (t.tensordot(x, y, dims=([2, 0], [1, 0])), t.tensordot(x, y, ([0], [0])), t.tensordot(x, y, dims=([-1], [1]))), B234, floats(2, 4, 2), grad=True),
    case("kron", lambda t, x, y, z: (t.kron(x, x), t.kron(x, y), y.kron(x), t.kron(z, x)), floats(2), floats(2, 3), ints(2, 2), grad=True),
    case("chain_matmul", lambda t, x, y: (t.chain_matmul(x, y, y.T), t.chain_matmul(x)), M34, M45, grad=True),

    # ---- errors ----
    error("matmul: sizes", lambda t, x: x @ x, M34, fragment=r"mat1 and mat2 shapes cannot be multiplied \(3x4 and 3x4\)"),
    error("matmul: vector and matrix", lambda t, x, y: x @ y, V3, M45, fragment=r"mat1 and mat2 shapes cannot be multiplied \(1x3 and 4x5\)"),
    error("matmul: matrix and vector", lambda t, x, y: x @ y, M34, V3, fragment=r"size mismatch, got input \(3\), mat \(3x4\), vec \(3\)"),
    error("matmul: vectors", lambda t, x, y: x @ y, V3, V4, fragment="inconsistent tensor size"),
    error("matmul: batch and matrix", lambda t, x, y: x @ y, B234, floats(3, 5), fragment=r"mat1 and mat2 shapes cannot be multiplied \(6x4 and 3x5\)"),
    error("matmul: batches", lambda t, x, y: x @ y, B234, floats(3, 4, 5), fragment="must match the size of tensor b"),
    error("matmul: batches of sizes", lambda t, x, y: x @ y, B234, floats(2, 3, 5), fragment=r"Expected size for first two dimensions of batch2 tensor to be: \[2, 4\] but got: \[2, 3\]"),
    error("matmul: no axes", lambda t, x, y: t.matmul(x, y), floats(), V3, fragment="both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
    error("matmul: dtypes", lambda t, x, y: x @ y, M34, DOUBLE, fragment="expected m1 and m2 to have the same dtype, but got: float != double"),
    error("matmul: dtypes of a vector", lambda t, x, y: x @ y, M34, floats(4, dtype="float64"), fragment="same dtype"),
    error("matmul: bools", lambda t, x: x @ x, bools(3, 3), fragment="not implemented for 'Bool'"),
    error("matmul: a number", lambda t, x: x @ 2, M34, fragment="unsupported operand"),
    error("mm: not a matrix", lambda t, x, y: t.mm(x, y), V4, M45, fragment="self must be a matrix"),
    error("mm: second not a matrix", lambda t, x, y: t.mm(x, y), M34, V4, fragment="mat2 must be a matrix"),
    error("mv: sizes", lambda t, x, y: t.mv(x, y), M34, V3, fragment="size mismatch"),
    error("mv: two vectors", lambda t, x: t.mv(x, x), V3, fragment=r"vector \+ matrix @ vector expected"),
    error("dot: dtypes", lambda t, x, y: t.dot(x, y), V3, floats(3, dtype="float64"), fragment="dot : expected both vectors to have same dtype, but found Float and Double"),
    error("dot: matrices", lambda t, x: t.dot(x, x), M34, fragment="1D tensors expected, but got 2D and 2D tensors"),
    error("dot: bools", lambda t, x: t.dot(x, x), bools(3), fragment='"dot" not implemented for .Bool'),
    error("bmm: not a batch", lambda t, x: t.bmm(x, x), M34, fragment="batch1 must be a 3D tensor"),
    error("bmm: sizes", lambda t, x: t.bmm(x, x), B234, fragment=r"Expected size for first two dimensions of batch2 tensor to be: \[2, 4\] but got: \[2, 3\]"),
    error("bmm: dtypes", lambda t, x, y: t.bmm(x, y), B234, floats(2, 4, 5, dtype="float64"), fragment="expected scalar type Float but found Double"),
    error("outer: matrix", lambda t, x, y: t.outer(x, y), M34, V3, fragment="outer: Expected 1-D argument self, but got 2-D"),
    error("inner: sizes", lambda t, x, y: t.inner(x, y), M34, V3, fragment=r"inner\(\) the last dimension must match on both input tensors but got shapes \[3, 4\] and \[3\]"),
    error("addmm: dtypes", lambda t, c, x, y: t.addmm(c, x, y), floats(3, 5, dtype="float64"), M34, M45, fragment="must have the same dtype"),
    error("addmm: input does not expand", lambda t, c, x, y: t.addmm(c, x, y), floats(3), M34, M45, fragment=r"The expanded size of the tensor \(5\) must match the existing size \(3\) at non-singleton dimension 1"),
    error("addmm: sizes", lambda t, c, x: t.addmm(c, x, x), floats(3, 5), M34, fragment="mat1 and mat2 shapes cannot be multiplied"),
    error("addmv: sizes", lambda t, c, x, y: t.addmv(c, x, y), V4, M34, V4, fragment=r"size mismatch, got input \(4\), mat \(3x4\), vec \(4\)"),
    error("einsum: sizes", lambda t, x: t.einsum("ij,jk", x, x), M34, fragment=r"einsum\(\): subscript j has size 3 for operand 1 which does not broadcast with previously seen size 4"),
    error("einsum: diagonal of a rectangle", lambda t, x: t.einsum("ii->i", x), M34, fragment=r"einsum\(\): subscript i is repeated for operand 0 but the sizes don't match"),
    error("einsum: too many operands", lambda t, x: t.einsum("ij", x, x), M34, fragment=r"einsum\(\): more operands were provided than specified in the equation"),
    error("einsum: too few operands", lambda t, x: t.einsum("ij,jk", x), M34, fragment=r"einsum\(\): fewer operands were provided than specified in the equation"),
    error("einsum: unknown output", lambda t, x: t.einsum("ij->ik", x), M34, fragment="output subscript k does not appear in the equation for any input operand"),
    error("einsum: output twice", lambda t, x: t.einsum("ij->jj", x), M34, fragment="output subscript j appears more than once in the output"),
    error("einsum: number of subscripts", lambda t, x: t.einsum("ijk", x), M34, fragment=r"the number of subscripts in the equation \(3\)"),
    error("einsum: invalid subscript", lambda t, x: t.einsum("a1", x), M34, fragment="invalid subscript given at index 1"),
    error("einsum: dtypes", lambda t, x, y: t.einsum("ij,jk->ik", x, y), M34, DOUBLE, fragment="expected scalar type Float but found Double"),
    error("tensordot: sizes", lambda t, x: t.tensordot(x, x, 1), M34, fragment="contracted dimensions need to match, but first has size 4 in dim -1 and second has size 3 in dim 0"),
    error("tensordot: number of dims", lambda t, x: t.tensordot(x, x, dims=([0], [0, 1])), M34, fragment="both dimension lists should have same length"),
    error("tensordot: too many dims", lambda t, x: t.tensordot(x, x, 5), M34, fragment="tensordot expects dims < ndim_a or ndim_b, but got dims=5"),
    error("tensordot: dtypes", lambda t, x, y: t.tensordot(x, y, 1), M34, DOUBLE, fragment="both inputs should have same dtype"),
    error("chain_matmul: vectors", lambda t, x: t.chain_matmul(x, x), V3, fragment="Tensor dimension is 1, expected 2 instead"),
    error("mm with a number", lambda t, x: t.mm(x, 3), floats(2, 2), fragment=r"mm\(\): argument 'mat2' \(position 2\) must be Tensor, not int"),
]
