"""`torch.linalg` and the functions of linear algebra in `torch`: values, gradients, return types and refusals."""

from __future__ import annotations

import math
from typing import Any

from tests.oracle.case import Row, case, complexes, error, floats, ints, right, values

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]
BATCH = floats(2, 3, 3)


def definite(t: Any, x: Any) -> Any:
    """A positive-definite matrix made of any."""
    return x @ x.mH + 2 * t.eye(x.shape[-1], dtype=x.dtype)


def shifted(t: Any, x: Any) -> Any:
    """A matrix that is far from singular."""
    return x + 4 * t.eye(x.shape[-1], dtype=x.dtype)


def rebuilt_eigh(t: Any, x: Any) -> Any:
    """What does not depend on the signs of eigenvectors."""
    values, vectors = t.linalg.eigh(definite(t, x))
    return values, vectors.abs(), vectors @ t.diag_embed(values.to(vectors.dtype)) @ vectors.mH


def rebuilt_svd(t: Any, x: Any, **options: Any) -> Any:
    u, s, vh = t.linalg.svd(x, **options)
    k = s.shape[-1]
    return s, (u[..., :k] * s.to(u.dtype).unsqueeze(-2)) @ vh[..., :k, :], u[..., :k].abs()


def names(result: Any) -> Any:
    return type(result).__name__, [tuple(x.shape) for x in result]


CASES: list[Row] = [
    # inverses and systems
    case("inv", lambda t, x: t.linalg.inv(shifted(t, x)), floats(3, 3), grad=True),
    case("inv of a batch", lambda t, x: t.linalg.inv(shifted(t, x)), BATCH, grad=True),
    case("inv of complex", lambda t, x: t.linalg.inv(shifted(t, x)), complexes(3, 3), grad="reverse"),
    case("inverse", lambda t, x: (t.inverse(shifted(t, x)), shifted(t, x).inverse()), floats(3, 3, dtype="float64")),
    case("inv of nan is nan", lambda t: t.linalg.inv(t.full((2, 2), math.nan))),
    case("inv_ex", lambda t, x: t.linalg.inv_ex(shifted(t, x)), floats(3, 3)),
    case("inv_ex of a singular matrix", lambda t, x: t.linalg.inv_ex(x).info, values(SINGULAR)),
    case("inv under vmap", lambda t, x: t.vmap(t.linalg.inv)(shifted(t, x)), BATCH, grad=True),
    error("inv of a singular matrix", lambda t, x: t.linalg.inv(x), values(SINGULAR), fragment=r"The diagonal element 2 is zero"),
    error("inv of a singular matrix in a batch", lambda t: t.linalg.inv(t.stack([t.eye(2), t.zeros(2, 2)])),
          fragment=r"\(Batch element 1\): The diagonal element 1 is zero"),
    error("inv of a singular matrix under grad", lambda t, x: t.func.grad(lambda x: t.linalg.inv(x).sum())(x), values(SINGULAR),
          fragment="singular"),
    error("inv of no square", lambda t, x: t.linalg.inv(x), floats(2, 3), fragment="must be batches of square matrices, but they are 2 by 3"),
    error("inv of integers", lambda t, x: t.linalg.inv(x), ints(2, 2), fragment="Expected a floating point or complex tensor as input. Got Long"),
    error("inv of a vector", lambda t, x: t.linalg.inv(x), floats(3), fragment="must have at least 2 dimensions"),
    case("solve a vector", lambda t, a, b: t.linalg.solve(shifted(t, a), b), floats(3, 3), floats(3), grad=True),
    case("solve a matrix", lambda t, a, b: t.linalg.solve(shifted(t, a), b), floats(3, 3), floats(3, 2), grad=True),
    case("solve a batch of vectors", lambda t, a, b: t.linalg.solve(shifted(t, a), b), BATCH, floats(2, 3)),
    case("solve broadcasts", lambda t, a, b: t.linalg.solve(shifted(t, a), b), floats(3, 3), floats(2, 3, 4), grad=True),
    case("solve from the right", lambda t, a, b: t.linalg.solve(shifted(t, a), b, left=False), floats(3, 3), floats(2, 3), grad=True),
    case("solve_ex", lambda t, a, b: t.linalg.solve_ex(shifted(t, a), b), floats(3, 3), floats(3, 2)),
    error("solve with a singular matrix", lambda t, x: t.linalg.solve(x, t.ones(2)), values(SINGULAR), fragment="singular"),
    error("solve with sizes that do not match", lambda t: t.linalg.solve(t.eye(2), t.ones(3)), fragment=r"Incompatible shapes of A and B for the equation AX = B \(2x2 and 3x1\)"),
    error("solve with two dtypes", lambda t: t.linalg.solve(t.eye(2), t.ones(2).double()), fragment="to have the same dtype"),
    case("solve_triangular", lambda t, a, b: t.linalg.solve_triangular(shifted(t, a), b, upper=True), floats(3, 3), floats(3, 2), grad=True),
    case("solve_triangular, lower, from the right", lambda t, a, b: t.linalg.solve_triangular(shifted(t, a), b, upper=False, left=False), floats(3, 3), floats(2, 3), grad=True),
    case("solve_triangular, ones on the diagonal", lambda t, a, b: t.linalg.solve_triangular(a, b, upper=False, unitriangular=True), floats(3, 3), floats(3, 2), grad=True),
    case("triangular_solve", lambda t, a, b: t.triangular_solve(b, shifted(t, a)), floats(3, 3), floats(3, 2), grad="reverse"),
    case("triangular_solve, transposed", lambda t, a, b: t.triangular_solve(b, shifted(t, a), transpose=True).solution, floats(3, 3), floats(3, 2)),
    error("solve_triangular of a vector", lambda t: t.linalg.solve_triangular(t.eye(2), t.ones(2), upper=True), fragment="tensor B must have at least 2"),
    # determinants and powers
    case("det", lambda t, x: (t.linalg.det(x), t.det(x), x.det()), floats(3, 3), grad=True),
    case("det of a batch", lambda t, x: t.linalg.det(x), BATCH, grad=True),
    case("det of a larger matrix", lambda t, x: t.linalg.det(x), floats(5, 5, dtype="float64"), grad=True),
    case("det of a singular matrix", lambda t, x: t.det(x), values(SINGULAR), grad="reverse"),
    case("det of complex", lambda t, x: t.det(x), complexes(3, 3), grad="reverse"),
    case("slogdet", lambda t, x: (t.linalg.slogdet(x), t.slogdet(x)), floats(3, 3)),
    case("slogdet, gradient", lambda t, x: t.linalg.slogdet(x).logabsdet, floats(3, 3), grad=True),
    case("slogdet of a singular matrix", lambda t: t.linalg.slogdet(t.zeros(2, 2))),
    case("logdet", lambda t, x: t.logdet(definite(t, x)), floats(3, 3), grad=True),
    case("logdet of a negative determinant", lambda t: t.logdet(-t.eye(1))),
    error("det of integers", lambda t, x: t.det(x), ints(2, 2), fragment="Expected a floating point or complex"),
    error("logdet of no square", lambda t, x: t.logdet(x), floats(2, 3), fragment="must be batches of square matrices"),
    *[
        case(f"matrix_power {n}", lambda t, x, n=n: t.linalg.matrix_power(shifted(t, x), n), floats(3, 3), grad=n != 0,
             **({"rtol": 1e-5, "reason": "five products, in another order"} if n == 5 else {}))
        for n in (-2, -1, 0, 1, 2, 3, 5)
    ],
    error("matrix_power of a singular matrix", lambda t, x: t.linalg.matrix_power(x, -1), values(SINGULAR), fragment="singular"),
    error("matrix_power of a float", lambda t: t.linalg.matrix_power(t.eye(2), 2.0), fragment="must be int, not float"),
    case("matrix_exp", lambda t, x: (t.linalg.matrix_exp(x), t.matrix_exp(x)), floats(3, 3, dtype="float64"), grad=True),
    case("matrix_exp of a batch", lambda t, x: t.matrix_exp(x), floats(2, 2, 2, dtype="float64"), grad=True),
    # Cholesky and LU
    case("cholesky", lambda t, x: t.linalg.cholesky(definite(t, x)), floats(3, 3), grad=True),
    case("cholesky, upper", lambda t, x: t.linalg.cholesky(definite(t, x), upper=True), floats(3, 3), grad=True),
    case("cholesky of a batch", lambda t, x: t.linalg.cholesky(definite(t, x)), BATCH, grad=True),
    case("torch.cholesky", lambda t, x: (t.cholesky(definite(t, x)), definite(t, x).cholesky(upper=True)), BATCH, grad="reverse"),
    case("cholesky of complex", lambda t, x: t.linalg.cholesky(definite(t, x)), complexes(3, 3), grad="reverse"),
    case("cholesky reads the lower triangle, and its gradient is symmetric", lambda t, x: t.linalg.cholesky(x), values([[4.0, 7.0], [2.0, 5.0]]), grad="reverse"),
    case("cholesky_ex", lambda t, x: t.linalg.cholesky_ex(definite(t, x)), floats(3, 3)),
    case("cholesky_solve", lambda t, x, b: t.cholesky_solve(b, t.linalg.cholesky(definite(t, x))), floats(3, 3), floats(3, 2), grad=True),
    case("cholesky_solve, upper", lambda t, x, b: t.cholesky_solve(b, t.linalg.cholesky(definite(t, x), upper=True), upper=True), floats(3, 3), floats(3, 2)),
    case("cholesky_inverse", lambda t, x: t.cholesky_inverse(t.linalg.cholesky(definite(t, x))), floats(3, 3), grad="reverse"),
    error("cholesky of what is not definite", lambda t: t.linalg.cholesky(-t.eye(2)), fragment=r"not positive-definite \(the leading minor of order 1"),
    error("cholesky of what is not definite further down", lambda t: t.linalg.cholesky(t.tensor([[1.0, 2.0], [2.0, 1.0]])), fragment=r"leading minor of order 2"),
    error("cholesky of a batch, one not definite", lambda t: t.linalg.cholesky(t.stack([t.eye(2), -t.eye(2)])), fragment=r"\(Batch element 1\)"),
    error("cholesky of no square", lambda t, x: t.linalg.cholesky(x), floats(2, 3), fragment="must be batches of square"),
    case("lu", lambda t, x: t.linalg.lu(x), floats(3, 3), grad=True),
    case("lu of a tall matrix", lambda t, x: t.linalg.lu(x), floats(4, 2)),
    case("lu_factor", lambda t, x: t.linalg.lu_factor(x), floats(3, 3)),
    case("lu_factor_ex", lambda t, x: t.linalg.lu_factor_ex(x), floats(3, 3)),
    case("lu and lu_unpack", lambda t, x: (t.lu(x), t.lu_unpack(*t.lu(x))), floats(3, 3)),
    case("lu_solve", lambda t, x, b: (t.linalg.lu_solve(*t.linalg.lu_factor(x), b), t.lu_solve(b, *t.lu(x))), floats(3, 3), floats(3, 2), grad=True),
    case("lu_solve, adjoint", lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b, adjoint=True), floats(3, 3), floats(3, 2)),
    case("lu_solve from the right", lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b, left=False), floats(3, 3), floats(2, 3)),
    error("lu_factor of zeros", lambda t: t.linalg.lu_factor(t.zeros(2, 2)), fragment=r"U\[1,1\] is zero"),
    # eigenvalues
    case("eigh", rebuilt_eigh, floats(3, 3, dtype="float64")),
    case("eigh of complex", rebuilt_eigh, complexes(3, 3, dtype="complex128")),
    case("eigh names its fields", lambda t: names(t.linalg.eigh(t.eye(2)))),
    case("eigh reads the lower triangle", lambda t, x: t.linalg.eigh(x).eigenvalues, values([[1.0, 9.0], [2.0, 3.0]])),
    case("eigh reads the upper triangle", lambda t, x: t.linalg.eigvalsh(x, UPLO="U"), values([[1.0, 9.0], [2.0, 3.0]])),
    case("eigenvectors, gradient", lambda t, x: t.linalg.eigh(definite(t, x)).eigenvectors.abs(), floats(3, 3, dtype="float64"), grad=True),
    case("eigvalsh", lambda t, x: t.linalg.eigvalsh(definite(t, x)), floats(3, 3, dtype="float64"), grad=True),
    case("eigvalsh of equal eigenvalues", lambda t, x: t.linalg.eigvalsh(x), values([[2.0, 0.0], [0.0, 2.0]]), grad="reverse"),
    case("eigvalsh under vmap", lambda t, x: t.vmap(t.linalg.eigvalsh)(definite(t, x)), floats(2, 3, 3, dtype="float64")),
    case("eigvals", lambda t, x: t.sort(t.linalg.eigvals(x).abs()).values, floats(4, 4, dtype="float64")),
    case("eig rebuilds", lambda t, x: (lambda w, v: ((v * w) @ t.linalg.inv(v)).real)(*t.linalg.eig(x)), floats(4, 4, dtype="float64")),
    case("eig names its fields", lambda t: names(t.linalg.eig(t.eye(2)))),
    case("eigvals, gradient", lambda t, x: t.linalg.eigvals(definite(t, x)).real.sum(), floats(3, 3, dtype="float64"), grad=True),
    error("eig of nan", lambda t: t.linalg.eig(t.full((2, 2), math.nan)), fragment="should not contain infs or NaNs"),
    error("eigh of no square", lambda t, x: t.linalg.eigh(x), floats(2, 3), fragment="must be batches of square"),
    error("eigh with an unknown triangle", lambda t: t.linalg.eigh(t.eye(2), "X"), fragment="Expected UPLO argument to be 'L' or 'U', but got X"),
    # singular values
    case("svd", rebuilt_svd, floats(3, 3, dtype="float64")),
    case("svd of a tall matrix", rebuilt_svd, floats(4, 2, dtype="float64")),
    case("svd of a wide matrix, reduced", lambda t, x: rebuilt_svd(t, x, full_matrices=False), floats(2, 4, dtype="float64")),
    case("svd names its fields", lambda t: (names(t.linalg.svd(t.ones(4, 2))), names(t.svd(t.ones(4, 2))), names(t.svd(t.ones(4, 2), some=False)))),
    case("svd, full bases are orthonormal", lambda t, x: (lambda u: u.mT @ u)(t.linalg.svd(x).U), floats(4, 2, dtype="float64")),
    case("svdvals", lambda t, x: t.linalg.svdvals(x), floats(4, 3, dtype="float64"), grad=True),
    case("svd, gradient of singular vectors", lambda t, x: t.linalg.svd(x, full_matrices=False).U.abs(), floats(4, 3, dtype="float64"), grad=True),
    case("svd without vectors", lambda t, x: t.svd(x, compute_uv=False).S, floats(4, 3, dtype="float64")),
    error("svd of nan", lambda t: t.linalg.svd(t.full((2, 2), math.nan)), fragment="contained non-finite values"),
    case("pinv", lambda t, x: t.linalg.pinv(x), floats(4, 3, dtype="float64"), grad=True),
    case("pinv of a batch", lambda t, x: t.linalg.pinv(x), floats(2, 3, 4, dtype="float64"), grad=True),
    case("pinv of a singular matrix", lambda t, x: t.linalg.pinv(x), values(SINGULAR)),
    case("pinv with tolerances", lambda t: (t.linalg.pinv(t.diag(t.tensor([4.0, 1.0])), atol=2.0), t.linalg.pinv(t.diag(t.tensor([4.0, 1.0])), rtol=0.5))),
    case("pinv, Hermitian", lambda t, x: t.linalg.pinv(definite(t, x), hermitian=True), floats(3, 3, dtype="float64")),
    case("pinverse", lambda t, x: t.pinverse(x), floats(3, 2, dtype="float64")),
    error("pinv of a vector", lambda t: t.linalg.pinv(t.ones(3)), fragment="expected a tensor with 2 or more dimensions"),
    case("matrix_rank", lambda t: (t.linalg.matrix_rank(t.ones(3, 3)), t.linalg.matrix_rank(t.eye(3).expand(2, 3, 3)), t.linalg.matrix_rank(t.zeros(0, 3)))),
    case("matrix_rank with tolerances", lambda t: [t.linalg.matrix_rank(t.diag(t.tensor([4.0, 1.0])), **o) for o in ({"tol": 2.0}, {"atol": 2.0}, {"rtol": 0.1})]),
    # QR and least squares
    case("qr", lambda t, x: t.linalg.qr(x), floats(3, 3), grad=True),
    case("qr of a tall matrix", lambda t, x: t.linalg.qr(x), floats(4, 2), grad=True),
    case("qr of a wide matrix", lambda t, x: t.linalg.qr(x), floats(2, 4), grad=True),
    case("qr, complete", lambda t, x: names(t.linalg.qr(x, "complete")), floats(4, 2)),
    case("qr, complete, rebuilds", lambda t, x: (lambda q, r: q @ r)(*t.linalg.qr(x, "complete")), floats(4, 2)),
    case("qr, only R", lambda t, x: t.linalg.qr(x, "r"), floats(4, 2)),
    case("torch.qr", lambda t, x: (t.qr(x), names(t.qr(x, some=False))), floats(4, 2)),
    case("qr of complex", lambda t, x: t.linalg.qr(x), complexes(3, 3)),
    error("qr with an unknown mode", lambda t: t.linalg.qr(t.eye(2), "bad"), fragment="qr received unrecognized mode 'bad'"),
    case("lstsq", lambda t, a, b: t.linalg.lstsq(a, b), floats(4, 2), floats(4, 3)),
    case("lstsq, gradient", lambda t, a, b: t.linalg.lstsq(a, b).solution, floats(4, 2, dtype="float64"), floats(4, 3, dtype="float64"), grad=True),
    case("lstsq of a batch", lambda t, a, b: t.linalg.lstsq(a, b), floats(2, 4, 2), floats(2, 4, 1)),
    case("lstsq with fewer equations", lambda t, a, b: t.linalg.lstsq(a, b).solution, floats(2, 4), floats(2, 1)),
    case("lstsq by gelsd", lambda t, a, b: t.linalg.lstsq(a, b, driver="gelsd"), floats(4, 2), floats(4, 3)),
    case("lstsq by gels", lambda t, a, b: t.linalg.lstsq(a, b, driver="gels"), floats(4, 2), floats(4, 3)),
    error("lstsq with sizes that do not match", lambda t: t.linalg.lstsq(t.ones(2, 3), t.ones(3)), fragment="should match other.size"),
    # norms
    *[
        case(f"vector_norm {p}", lambda t, x, p=p: (t.linalg.vector_norm(x, p), t.linalg.norm(x, p, dim=1)), floats(3, 4), grad=p != 0)
        for p in (2, 1, 3, 0.5, 0, -1, math.inf, -math.inf)
    ],
    case("vector_norm over axes", lambda t, x: (t.linalg.vector_norm(x, dim=(0, 2)), t.linalg.vector_norm(x, dim=-1, keepdim=True)), floats(2, 3, 4)),
    case("vector_norm in another dtype", lambda t, x: t.linalg.vector_norm(x, dtype=t.float64), floats(3)),
    case("vector_norm at zero", lambda t, x: t.linalg.vector_norm(x), values([0.0, 0.0]), grad=True),
    case("vector_norm of complex", lambda t, x: t.linalg.vector_norm(x), complexes(3), grad="reverse"),
    *[
        case(f"matrix_norm {p}", lambda t, x, p=p: (t.linalg.matrix_norm(x, p), t.linalg.matrix_norm(x, p, keepdim=True)), floats(2, 3, 4, dtype="float64"), grad=True)
        for p in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    ],
    case("matrix_norm over other axes", lambda t, x: (t.linalg.matrix_norm(x, 1, dim=(0, 2)), t.linalg.matrix_norm(x, dim=(2, 0))), floats(2, 3, 4)),
    case("linalg.norm chooses", lambda t, x: (t.linalg.norm(x), t.linalg.norm(x, 2), t.linalg.norm(x[0], 2), t.linalg.norm(x, "nuc"), t.linalg.norm(x, dim=1), t.linalg.norm(x, 1, dim=(0, 1))), floats(3, 4)),
    case("frobenius_norm and nuclear_norm", lambda t, x: (t.frobenius_norm(x, dim=(0, 1)), t.nuclear_norm(x)), floats(3, 4)),
    error("matrix_norm of an unknown order", lambda t, x: t.linalg.matrix_norm(x, 3), floats(2, 3), fragment="Order 3 not supported"),
    error("matrix_norm of a vector", lambda t, x: t.linalg.matrix_norm(x), floats(3), fragment="must have at least 2 dimensions"),
    error("vector_norm of integers", lambda t, x: t.linalg.vector_norm(x), ints(3), fragment="Expected a floating point or complex"),
    error("vector_norm inf of nothing", lambda t: t.linalg.vector_norm(t.ones(0), math.inf), fragment="cannot compute the inf norm on an empty tensor"),
    error("linalg.norm of a cube", lambda t, x: t.linalg.norm(x, 2), floats(2, 2, 2), fragment="the input must be 1D or 2D. Got 3D"),
    case("renorm", lambda t, x: t.renorm(x, 2, 0, 1.0), floats(3, 4), grad=True),
    case("cond", lambda t, x: [t.linalg.cond(shifted(t, x), p) for p in (None, 2, -2, "fro", "nuc", 1, math.inf)], floats(3, 3, dtype="float64")),
    error("cond of an unknown norm", lambda t: t.linalg.cond(t.eye(2), "x"), fragment="invalid norm type: x"),
    # distances
    *[case(f"cdist {p}", lambda t, x, y, p=p: t.cdist(x, y, p=p), floats(3, 4), floats(2, 4), grad="reverse") for p in (2.0, 1.0, 3.0, math.inf, 0.0)],
    case("cdist of batches", lambda t, x, y: t.cdist(x, y), floats(2, 3, 4), floats(5, 4)),
    case("cdist of equal rows", lambda t, x: t.cdist(x, x), values([[1.0, 2.0], [1.0, 2.0]]), grad="reverse"),
    case("pdist", lambda t, x: (t.pdist(x), t.nn.functional.pdist(x, 1.0)), floats(4, 3), grad="reverse"),
    error("cdist of other widths", lambda t, x, y: t.cdist(x, y), floats(2, 3), floats(2, 4), fragment="same number of columns. X1: 3 X2: 4"),
    error("cdist of vectors", lambda t, x: t.cdist(x, x), floats(3), fragment="cdist only supports at least 2D tensors, X1 got: 1D"),
    right("cdist in forward mode", lambda t, x, y: t.func.jvp(lambda x: t.cdist(x, y), (x,), (t.ones_like(x),))[1],
          values([[3.0, 4.0]]), values([[0.0, 0.0]]), expected=[[1.4]], why="PyTorch has no forward derivative of cdist"),
    # products
    case("cross", lambda t, x, y: (t.linalg.cross(x, y), t.linalg.cross(x.T, y.T, dim=0)), floats(2, 3), floats(2, 3), grad=True),
    case("cross broadcasts", lambda t, x, y: t.linalg.cross(x, y), floats(1, 3), floats(2, 3)),
    error("cross of pairs", lambda t: t.linalg.cross(t.ones(2), t.ones(2)), fragment="inputs dimension -1 must have length 3. Got 2 and 2"),
    case("vecdot", lambda t, x, y: t.linalg.vecdot(x, y), floats(2, 3), floats(3), grad=True),
    case("vecdot of complex", lambda t, x, y: t.linalg.vecdot(x, y), complexes(2, 3), complexes(2, 3)),
    case("multi_dot", lambda t, *xs: t.linalg.multi_dot(xs), floats(2, 3), floats(3, 5), floats(5, 2), grad=True),
    case("multi_dot with vectors at the ends", lambda t, *xs: t.linalg.multi_dot(xs), floats(3), floats(3, 5), floats(5)),
    error("multi_dot of one", lambda t, x: t.linalg.multi_dot([x]), floats(2, 2), fragment="expected at least 2 tensors but got 1"),
    error("multi_dot of sizes that do not match", lambda t, x: t.linalg.multi_dot([x, x]), floats(2, 3), fragment=r"tensors 0 and 1 with shapes \[2, 3\] and \[2, 3\]"),
    case("tensorinv", lambda t, x: t.linalg.tensorinv(shifted(t, x).reshape(2, 2, 4)), floats(4, 4)),
    case("tensorsolve", lambda t, x, b: t.linalg.tensorsolve(shifted(t, x).reshape(2, 2, 4), b), floats(4, 4), floats(2, 2)),
    case("vander", lambda t, x: (t.linalg.vander(x), t.linalg.vander(x, N=4), t.vander(x), t.vander(x, N=2, increasing=True)), floats(3)),
    case("diagonal", lambda t, x: (t.linalg.diagonal(x), t.linalg.diagonal(x, offset=1)), floats(2, 3, 4), grad=True),
    case("matmul", lambda t, x, y: t.linalg.matmul(x, y), floats(2, 3), floats(3, 2)),
    # what is gone
    *[
        error(f"torch.{name} is gone", lambda t, name=name: getattr(t, name)(t.eye(2)), fragment="deprecated since version 1.9 and is now removed")
        for name in ("symeig", "eig", "matrix_rank")
    ],
    case("LinAlgError is a RuntimeError", lambda t: issubclass(t.linalg.LinAlgError, RuntimeError)),
    case("geqrf, ormqr and householder_product", lambda t, a, x: (lambda q, tau: (q, tau, t.ormqr(q, tau, x), t.ormqr(q, tau, x.mT, left=False, transpose=True), t.linalg.householder_product(q, tau)))(*t.geqrf(a)), floats(4, 3), floats(4, 2)),
    case("householder_product and ormqr, slopes", lambda t, a, tau, x: (t.linalg.householder_product(a, tau), t.ormqr(a, tau, x)), floats(4, 3), floats(3), floats(4, 2), grad="reverse"),
    case("eig, slopes", lambda t, a: (lambda e: (e.eigenvalues.sum().real, (e.eigenvectors.abs() ** 3).sum()))(t.linalg.eig(a)), floats(3, 3), grad=True, rtol=1e-3, atol=1e-4, reason="eigenvectors of float32 matrices"),
    case("svd_lowrank", lambda t, a, b: (lambda u, s, v: (u @ t.diag(s) @ v.mH, s))(*t.svd_lowrank(a @ b, 2)), floats(5, 2), floats(2, 4), rtol=1e-3, atol=1e-4, reason="two factorisations one upon the other"),
    case("pca_lowrank", lambda t, a: t.pca_lowrank(a, 3)[1], floats(6, 3), rtol=1e-3, atol=1e-4, reason="two factorisations one upon the other"),
    case("ldl_factor and ldl_solve", lambda t, a, b: (lambda f: (f.LD, f.pivots, t.linalg.ldl_solve(f.LD, f.pivots, b)))(t.linalg.ldl_factor(a + a.mT)), floats(4, 4), floats(4, 2), rtol=1e-3, atol=1e-4, reason="elimination in another order"),
    case("norms of empty matrices", lambda t: [t.linalg.norm(t.zeros(s), o) for s in ((0, 5), (5, 0)) for o in (1, 2, float("inf"), "fro", "nuc")]),
    case("inv_ex and solve_ex of empty matrices", lambda t: (*t.linalg.inv_ex(t.zeros(2, 0, 0)), *t.linalg.solve_ex(t.zeros(0, 0), t.zeros(0, 3)))),
    case("cov and corrcoef of one variable", lambda t, x: (t.cov(x), t.corrcoef(x)), floats(1, 4)),
    case("tensordot over an axis of one element", lambda t, a, b: t.tensordot(a, b, dims=([0], [0])), floats(1, 2), floats(3, 2), grad=True),
    case("addmm of integers with fractions", lambda t, a: t.addmm(a, a, a, beta=1.6, alpha=2.7), ints(2, 2)),
    case("kron of bools and vander of a number", lambda t, a: (t.kron(a > 0, a > 0), t.linalg.vander(a[0, 0], N=3)), floats(2, 2)),
    error("pca_lowrank of more than the rank can be", lambda t, a: t.pca_lowrank(a, 9), floats(4, 6), fragment=r"q\(=9\) must be non-negative integer and not greater than min\(m, n\)=4"),
    error("more reflectors than columns", lambda t, a, tau: t.linalg.householder_product(a, tau), floats(3, 2), floats(3), fragment=r"input.shape\[-1\] must be greater than or equal to tau.shape\[-1\]"),
]
