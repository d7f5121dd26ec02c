"""Decompositions, inverses and solutions of linear systems, of matrices and batches of matrices.

A matrix that has no inverse, or is not positive-definite, is found by looking at the result: `LinAlgError` is raised
where values are known (eagerly, and under every transform that is not compiled); a compiled program gives inf or nan.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch import return_types
from functorch_jax.torch._ambient import precision
from functorch_jax.torch._dtype import category
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import Op, function, op, row
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor

__all__ = ["LinAlgError", "adjoint", "check_matrices", "check_square", "real_dtype"]


class _LinAlgError(RuntimeError):
    """A matrix without the property that an operation needs. Source: torch.linalg.LinAlgError."""


LinAlgError = _LinAlgError


# ---- checks ----------------------------------------------------------------------------------------------------------


def check_matrices(x: Any, name: str, letter: str = "A") -> None:
    """Raise RuntimeError in PyTorch's words for what is no (batch of) matrices."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(x: Any, name: str, letter: str = "A") -> None:
    """Raise RuntimeError in PyTorch's words for what is no (batch of) square floating matrices."""
    check_matrices(x, name, letter)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )
    check_floating(x, name)


def check_floating(x: Any, name: str, *, low: bool = False) -> None:
    """Raise RuntimeError for integers, and unless `low` for 16-bit numbers."""
    if category(x.dtype) < 2:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {type_name(x.dtype)}")
    if x.dtype.itemsize < 4 and not low:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {type_name(x.dtype)}")


def _check_same(x: Any, y: Any, name: str) -> None:
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {type_name(x.dtype)} and B of type "
            f"{type_name(y.dtype)} instead"
        )


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def real_dtype(dtype: Any) -> Any:
    return np.zeros((), dtype).real.dtype


def product(*factors: Any) -> Any:
    return functools.reduce(lambda x, y: jnp.matmul(x, y, precision=precision()), factors)


def _finite(x: Any) -> Any:
    """For each matrix of a NumPy batch whether all of it is finite."""
    return np.isfinite(x).all(axis=(-2, -1)) if x.ndim > 1 else np.isfinite(x).all(keepdims=True)


def _place(bad: Any) -> tuple[Any, str]:
    """The index of the first bad matrix of a batch, and how a message names it."""
    index = np.unravel_index(int(np.argmax(bad)), bad.shape) if bad.ndim else ()
    return index, f"(Batch element {int(np.argmax(bad))}): " if bad.ndim else ""


def _raise_singular(name: str, matrices: Any) -> None:
    """Raise for the first matrix of a NumPy batch that elimination finds singular."""
    with jax.ensure_compile_time_eval():
        lu = np.asarray(lax.linalg.lu(jnp.asarray(matrices))[0])
    diagonal = np.diagonal(lu, axis1=-2, axis2=-1)
    zero = diagonal == 0
    if not zero.any():
        return
    index, where = _place(zero.any(axis=-1))
    if name == "linalg.solve":
        raise LinAlgError(f"torch.linalg.solve: {where}The solver failed because the input matrix is singular.")
    raise LinAlgError(
        f"{name}: {where}The diagonal element {int(np.argmax(zero[index])) + 1} is zero, the inversion could not be "
        "completed because the input matrix is singular."
    )


def _check_solved(name: str, result: Tensor, matrix: Any) -> None:
    value = known_value(result)
    if value is None or np.isfinite(value).all():
        return
    matrices = known_value(matrix)
    if matrices is not None and np.isfinite(matrices).all():
        _raise_singular(name, matrices)


def _check_factored(name: str, result: Any, matrix: Any) -> None:
    value = known_value(result)
    if value is None or np.isfinite(value).all():
        return
    matrices = known_value(matrix)
    if matrices is None:
        return
    index, where = _place(~_finite(value))
    bad = np.asarray(matrices[index])
    bad = np.tril(bad) + np.tril(bad, -1).conj().T
    order = next((k for k in range(1, len(bad) + 1) if not np.linalg.det(bad[:k, :k]).real > 0), len(bad))
    raise LinAlgError(
        f"{name}: {where}The factorization could not be completed because the input is not positive-definite (the "
        f"leading minor of order {order} is not positive-definite)."
    )


def _check_converged(name: str, result: Any, matrix: Any) -> None:
    value = known_value(matrix)
    if value is not None and not np.isfinite(value).all():
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix contained non-finite values."
        )


def _check_finite(name: str, result: Any, matrix: Any) -> None:
    value = known_value(matrix)
    if value is not None and not np.isfinite(value).all():
        raise RuntimeError(f"torch.{name}: input tensor should not contain infs or NaNs.")


def _checked(spellings: str, fn: Callable[..., Any], failure: Callable[..., None], which: int = 0) -> None:
    """Register a pure function whose failures show in its result.

    Args:
        spellings: pairs "namespace:name". The first one is what messages call it.
        failure: called with that name, the result as tensors, and the matrix, argument number `which`.
    """
    pairs = [tuple(s.split(":")) for s in spellings.split()]
    call_name = ".".join(pairs[0]) if pairs[0][0] == "linalg" else pairs[0][1]
    record = Op(fn, pairs[0][1])

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = record(*args, **kwargs)
        kwargs.pop("out", None)
        failure(call_name, result, record.bind(args, kwargs)[which])
        return result

    for namespace, name in pairs:
        function(namespace, name=name)(call)


# ---- inverses and systems --------------------------------------------------------------------------------------------


def inv(input: Any) -> Any:
    check_square(input, "linalg.inv")
    return jnp.linalg.inv(input)


_checked("linalg:inv torch:inverse Tensor:inverse", inv, _check_solved)


def _pivots_zero(input: Any) -> Any:
    """The number of the first zero on the diagonal of U, or 0: what LAPACK reports."""
    if 0 in input.shape:
        return jnp.zeros(input.shape[:-2], np.int32)
    lu = lax.linalg.lu(lax.stop_gradient(input))[0]
    zero = jnp.diagonal(lu, axis1=-2, axis2=-1) == 0
    return jnp.where(zero.any(-1), jnp.argmax(zero, -1) + 1, 0).astype(np.int32)


@op("linalg")
def inv_ex(input: Any, *, check_errors: bool = False) -> Any:
    return return_types.linalg_inv_ex(inv(input), _pivots_zero(input))


def is_vector(A: Any, B: Any) -> bool:
    """Whether `B` is a (batch of) vectors for the matrices `A`: PyTorch's rule for `solve`."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    check_square(A, "linalg.solve")
    _check_same(A, B, "linalg.solve")
    vector = is_vector(A, B)
    b = B[..., None] if vector else B
    if not left and not vector:
        return jnp.swapaxes(solve(jnp.swapaxes(A, -1, -2), jnp.swapaxes(B, -1, -2)), -1, -2)
    if A.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({A.shape[-2]}x{A.shape[-1]} and "
            f"{b.shape[-2]}x{b.shape[-1]})"
        )
    batch = jnp.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    x = jnp.linalg.solve(jnp.broadcast_to(A, batch + A.shape[-2:]), jnp.broadcast_to(b, batch + b.shape[-2:]))
    return x[..., 0] if vector else x


_checked("linalg:solve", solve, _check_solved)


@op("linalg")
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    return return_types.linalg_solve_ex(solve(A, B, left=left), _pivots_zero(A))


def _triangular(A: Any, B: Any, *, upper: bool, left: bool, unit: bool, transpose: bool = False) -> Any:
    batch = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return lax.linalg.triangular_solve(
        jnp.broadcast_to(A, batch + A.shape[-2:]),
        jnp.broadcast_to(B, batch + B.shape[-2:]),
        left_side=left,
        lower=not upper,
        transpose_a=transpose,
        unit_diagonal=unit,
    )


@op("linalg")
def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    check_square(A, "linalg.solve_triangular")
    check_matrices(B, "linalg.solve_triangular", "B")
    _check_same(A, B, "linalg.solve_triangular")
    return _triangular(A, B, upper=upper, left=left, unit=unitriangular)


@op()
def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    check_square(A, "triangular_solve")
    solution = _triangular(A, input, upper=upper, left=True, unit=unitriangular, transpose=transpose)
    return return_types.triangular_solve(solution, A)


@op("torch Tensor linalg")
def det(input: Any) -> Any:
    check_square(input, "linalg.det")
    # small ones as polynomials: their derivative is right where the matrix is singular too, on every JAX
    if input.shape[-1] == 2:
        return _minor(input, 0, 1, 0, 1)
    if input.shape[-1] == 3:
        return sum(
            sign * input[..., 0, i] * _minor(input, 1, 2, j, k)
            for sign, i, j, k in ((1, 0, 1, 2), (-1, 1, 0, 2), (1, 2, 0, 1))
        )
    return _det(input)


@jax.custom_jvp
def _det(x: Any) -> Any:
    return jnp.linalg.det(x)


@_det.defjvp
def _det_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    value = _det(x)
    singular = (value == 0)[..., None, None]
    regular = value[..., None, None] * jnp.linalg.inv(jnp.where(singular, jnp.eye(x.shape[-1], dtype=x.dtype), x)).mT
    # JAX's own rule divides by the determinant; where that is zero the cofactors come from the singular values
    fixed = lax.cond(singular.any(), _cofactors, jnp.zeros_like, lax.stop_gradient(x))
    return value, (jnp.where(singular, fixed, regular) * dx).sum((-2, -1))


def _cofactors(x: Any) -> Any:
    u, s, vh = jnp.linalg.svd(x)
    others = jnp.where(jnp.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    turn = jnp.linalg.det(u) * jnp.linalg.det(vh)
    return jnp.conj(jnp.einsum("...ij,...j,...jk->...ik", u, others, vh) * jnp.conj(turn)[..., None, None])


def _minor(x: Any, top: int, bottom: int, left: int, right: int) -> Any:
    return x[..., top, left] * x[..., bottom, right] - x[..., top, right] * x[..., bottom, left]


def _slogdet(input: Any, name: str) -> Any:
    check_square(input, name)
    sign, size = jnp.linalg.slogdet(input)
    return sign, size


row("linalg", "slogdet", lambda input: return_types.linalg_slogdet(*_slogdet(input, "linalg.slogdet")))
row("torch Tensor", "slogdet", lambda input: return_types.slogdet(*_slogdet(input, "linalg.slogdet")))


@op()
def logdet(input: Any) -> Any:
    sign, size = _slogdet(input, "logdet")
    if category(input.dtype) == 3:
        return jnp.log(sign) + size
    return jnp.where(sign < 0, np.asarray(np.nan, input.dtype), size)


def matrix_power(input: Any, n: int) -> Any:
    if not isinstance(n, int):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    check_square(input, "linalg.matrix_power")
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        return jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape)
    result, square = None, input
    while True:
        if n & 1:
            result = square if result is None else product(result, square)
        n >>= 1
        if not n:
            return result
        square = product(square, square)


_checked(
    "linalg:matrix_power torch:matrix_power Tensor:matrix_power",
    matrix_power,
    lambda name, *rest: _check_solved("linalg.inv", *rest),
)


@op("linalg Tensor torch", name="matrix_exp")
def _matrix_exp(input: Any) -> Any:
    check_square(input, "linalg.matrix_exp")
    if input.ndim == 2:
        return jax.scipy.linalg.expm(input)
    flat = input.reshape(-1, *input.shape[-2:])
    return jax.vmap(jax.scipy.linalg.expm)(flat).reshape(input.shape)


# ---- Cholesky --------------------------------------------------------------------------------------------------------


def hermitian_from(x: Any, upper: bool) -> Any:
    """The Hermitian matrix that one triangle of `x` gives, with the derivative of the mean of `x` and its adjoint.

    PyTorch reads one triangle and spreads the gradient over both.
    """
    half = (x + adjoint(x)) / 2
    return half + lax.stop_gradient(mirrored(x, upper) - half)


def mirrored(x: Any, upper: bool) -> Any:
    """The Hermitian matrix that one triangle of `x` gives."""
    beside = jnp.triu(x, 1) if upper else jnp.tril(x, -1)
    diagonal = jnp.where(jnp.eye(x.shape[-1], dtype=bool), x.real, 0)
    return beside + adjoint(beside) + diagonal.astype(x.dtype)


def read_hermitian(x: Any, upper: bool) -> Any:
    """`mirrored`, with the derivative of `x` as it is: what PyTorch's spectral functions do."""
    return x + lax.stop_gradient(mirrored(x, upper) - x)


def _cholesky(input: Any, upper: bool, name: str) -> Any:
    check_square(input, name)
    lower = jnp.linalg.cholesky(hermitian_from(input, upper), symmetrize_input=False)
    return adjoint(lower) if upper else lower


def _linalg_cholesky(input: Any, *, upper: bool = False) -> Any:
    return _cholesky(input, upper, "linalg.cholesky")


def _torch_cholesky(input: Any, upper: bool = False) -> Any:
    return _cholesky(input, upper, "cholesky")


_checked("linalg:cholesky", _linalg_cholesky, _check_factored)
_checked("torch:cholesky Tensor:cholesky", _torch_cholesky, _check_factored)


@op("linalg")
def cholesky_ex(input: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    factor = _cholesky(input, upper, "linalg.cholesky")
    failed = ~jnp.isfinite(factor).all((-2, -1))
    return return_types.linalg_cholesky_ex(factor, failed.astype(np.int32))


@op()
def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Any:
    check_square(input2, "cholesky_solve", "A")
    lower = adjoint(input2) if upper else input2
    half = _triangular(lower, input, upper=False, left=True, unit=False)
    return _triangular(adjoint(lower), half, upper=True, left=True, unit=False)


@op()
def cholesky_inverse(input: Any, upper: bool = False) -> Any:
    check_square(input, "cholesky_inverse")
    eye = jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape)
    return cholesky_solve(eye, input, upper)


# ---- LU --------------------------------------------------------------------------------------------------------------


def _lu(x: Any, name: str) -> tuple[Any, Any, Any]:
    check_matrices(x, name)
    check_floating(x, name)
    return lax.linalg.lu(x)


def _triangles(lu: Any) -> tuple[Any, Any]:
    m, n = lu.shape[-2:]
    k = min(m, n)
    lower = jnp.tril(lu[..., :, :k], -1) + jnp.eye(m, k, dtype=lu.dtype)
    return lower, jnp.triu(lu[..., :k, :])


def _permutation(order: Any, dtype: Any) -> Any:
    """The matrix P with A = P L U, from the order of rows."""
    return jax.nn.one_hot(order, order.shape[-1], axis=-2, dtype=dtype)


def _factored(name: str, result: Any, matrix: Any) -> None:
    value = known_value(result[0])
    if value is None:
        return
    zero = np.diagonal(value, axis1=-2, axis2=-1) == 0
    if zero.any():
        index, where = _place(zero.any(axis=-1))
        k = int(np.argmax(zero[index])) + 1
        raise RuntimeError(
            f"torch.{name}: {where}U[{k},{k}] is zero and using it on lu_solve would result in a division by zero. "
            "linalg.lu and linalg.lu_factor_ex give the factors all the same"
        )


def _lu_factor(input: Any, *, pivot: bool = True) -> Any:
    lu, pivots, _ = _lu(input, "linalg.lu_factor")
    return return_types.linalg_lu_factor(lu, (pivots + 1).astype(np.int32))


_checked("linalg:lu_factor", _lu_factor, _factored)


@op("linalg")
def lu_factor_ex(input: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    lu, pivots, _ = _lu(input, "linalg.lu_factor")
    return return_types.linalg_lu_factor_ex(lu, (pivots + 1).astype(np.int32), _pivots_zero(input))


@op(name="lu")
def _torch_lu(input: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    lu, pivots, _ = _lu(input, "lu")
    factors = (lu, (pivots + 1).astype(np.int32))
    return (*factors, _pivots_zero(input)) if get_infos else factors


@op("linalg", name="lu")
def _linalg_lu(input: Any, *, pivot: bool = True) -> Any:
    lu, _, order = _lu(input, "linalg.lu")
    return return_types.linalg_lu(_permutation(order, input.dtype), *_triangles(lu))


@op("torch")
def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    order = lax.linalg.lu_pivots_to_permutation(LU_pivots - 1, LU_data.shape[-2])
    return return_types.lu_unpack(_permutation(order, LU_data.dtype), *_triangles(LU_data))


def _solved_by_lu(LU: Any, pivots: Any, B: Any) -> Any:
    order = lax.linalg.lu_pivots_to_permutation(pivots - 1, LU.shape[-1])
    batch = jnp.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    b = jnp.broadcast_to(B, batch + B.shape[-2:])
    order = jnp.broadcast_to(order, batch + order.shape[-1:])
    b = jnp.take_along_axis(b, order[..., None], axis=-2)
    return _triangular(LU, _triangular(LU, b, upper=False, left=True, unit=True), upper=True, left=True, unit=False)


@op("linalg", name="lu_solve")
def _linalg_lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    if pivots.dtype != np.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    if left and not adjoint:
        return _solved_by_lu(LU, pivots, B)
    lower, upper = _triangles(LU)
    order = lax.linalg.lu_pivots_to_permutation(pivots - 1, LU.shape[-1])
    whole = product(_permutation(order, LU.dtype), lower, upper)
    if adjoint:
        whole = jnp.conj(jnp.swapaxes(whole, -1, -2))
    return solve(whole, B, left=left)


@op(name="lu_solve")
def _torch_lu_solve(input: Any, LU_data: Any, LU_pivots: Any) -> Any:
    return _solved_by_lu(LU_data, LU_pivots, input)
