"""Eigenvalues, singular values, QR, and what is made of them: pseudo-inverses, ranks, least squares."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch import return_types
from functorch_jax.torch._dtype import category
from functorch_jax.torch._op import function, op
from functorch_jax.torch._promote import type_name
from functorch_jax.torch.ops.linalg import (
    _check_converged,
    _check_finite,
    _checked,
    adjoint,
    check_floating,
    check_matrices,
    check_square,
    mirrored,
    product,
    read_hermitian,
    real_dtype,
)

# ---- eigenvalues -----------------------------------------------------------------------------------------------------


def _check_triangle(UPLO: str) -> None:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")


@op("linalg")
def eigh(input: Any, UPLO: str = "L") -> Any:
    """Eigenvalues in ascending order and eigenvectors of Hermitian matrices. Source: torch.linalg.eigh."""
    check_square(input, "linalg.eigh")
    _check_triangle(UPLO)
    vectors, values = lax.linalg.eigh(read_hermitian(input, UPLO.upper() == "U"), symmetrize_input=False)
    return return_types.linalg_eigh(values, vectors)


@op("linalg")
def eigvalsh(input: Any, UPLO: str = "L") -> Any:
    check_square(input, "linalg.eigvalsh")
    _check_triangle(UPLO)
    return lax.linalg.eigh(read_hermitian(input, UPLO.upper() == "U"), symmetrize_input=False)[1]


@jax.custom_jvp
def _spectrum(x: Any) -> Any:
    """Eigenvalues and eigenvectors of length 1, complex ones."""
    return tuple(jnp.linalg.eig(x))


@_spectrum.defjvp
def _spectrum_jvp(primals: Any, tangents: Any) -> Any:
    values, vectors = _spectrum(primals[0])
    turn = jnp.linalg.solve(vectors, product(tangents[0].astype(vectors.dtype), vectors))
    apart = values[..., None, :] - values[..., :, None]
    own = jnp.eye(values.shape[-1], dtype=bool)
    moved = product(vectors, jnp.where(own, 0, turn / jnp.where(own, 1, apart)))
    along = jnp.sum((jnp.conj(vectors) * moved).real, axis=-2, keepdims=True)  # what would change their length
    return (values, vectors), (jnp.diagonal(turn, axis1=-2, axis2=-1), moved - vectors * along)


def _eig(input: Any) -> Any:
    check_square(input, "linalg.eig")
    return return_types.linalg_eig(*_spectrum(input))


def _eigvals(input: Any) -> Any:
    check_square(input, "linalg.eigvals")
    return _spectrum(input)[0]


_checked("linalg:eig", _eig, _check_finite)
_checked("linalg:eigvals", _eigvals, _check_finite)


# ---- singular values -------------------------------------------------------------------------------------------------


def _check_svd(x: Any) -> None:
    check_matrices(x, "linalg.svd")
    if category(x.dtype) < 2 or x.dtype.itemsize < 4:
        raise NotImplementedError(f"\"linalg_svd_cpu\" not implemented for '{type_name(x.dtype)}'")


def _completed(basis: Any) -> Any:
    """Orthonormal columns with more of them, up to a basis; the new ones carry no derivative."""
    if basis.shape[-1] == basis.shape[-2]:
        return basis
    whole = jnp.linalg.qr(lax.stop_gradient(basis), mode="complete")[0]
    return jnp.concatenate([basis, whole[..., :, basis.shape[-1] :]], axis=-1)


def _svd(x: Any, full: bool) -> tuple[Any, Any, Any]:
    _check_svd(x)
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    return (_completed(u), s, adjoint(_completed(adjoint(vh)))) if full else (u, s, vh)


def _linalg_svd(input: Any, full_matrices: bool = True, *, driver: Any = None) -> Any:
    return return_types.linalg_svd(*_svd(input, full_matrices))


def _svdvals(input: Any, *, driver: Any = None) -> Any:
    _check_svd(input)
    return jnp.linalg.svd(input, compute_uv=False)


def _torch_svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    if not compute_uv:
        m, n = input.shape[-2:]
        u, v = (jnp.zeros((*input.shape[:-2], k, k), input.dtype) for k in (m, n))
        return return_types.svd(u, _svdvals(input), v)
    u, s, vh = _svd(input, not some)
    return return_types.svd(u, s, adjoint(vh))


_checked("linalg:svd", _linalg_svd, _check_converged)
_checked("linalg:svdvals", _svdvals, lambda name, *rest: _check_converged("linalg.svd", *rest))
_checked("torch:svd Tensor:svd", _torch_svd, lambda name, *rest: _check_converged("linalg.svd", *rest))


# ---- QR --------------------------------------------------------------------------------------------------------------


def _qr(x: Any, complete: bool) -> tuple[Any, Any]:
    check_matrices(x, "linalg.qr")
    check_floating(x, "linalg.qr", low=True)
    m, n = x.shape[-2:]
    if m < n:
        # the first columns decide Q; written so, wide matrices have a derivative
        q, r = jnp.linalg.qr(x[..., :m])
        return q, jnp.concatenate([r, product(adjoint(q), x[..., m:])], axis=-1)
    if m > n and complete:
        q, r = jnp.linalg.qr(x)
        return _completed(q), jnp.concatenate([r, jnp.zeros((*r.shape[:-2], m - n, n), r.dtype)], axis=-2)
    return jnp.linalg.qr(x)


@op("linalg", name="qr")
def _linalg_qr(input: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    q, r = _qr(input, mode == "complete")
    return return_types.linalg_qr(jnp.zeros((0,), q.dtype) if mode == "r" else q, r)


@op(name="qr")
def _torch_qr(input: Any, some: bool = True) -> Any:
    return return_types.qr(*_qr(input, not some))


# ---- pseudo-inverses and ranks ---------------------------------------------------------------------------------------


@jax.custom_jvp
def _pinv(x: Any, atol: Any, rtol: Any) -> Any:
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    largest = s[..., :1] if s.shape[-1] else jnp.zeros((*s.shape[:-1], 1), s.dtype)
    limit = jnp.maximum(atol[..., None], rtol[..., None] * largest).astype(s.dtype)
    keep = s > limit
    inverted = jnp.where(keep, 1 / jnp.where(keep, s, 1), 0)
    return product(adjoint(vh) * inverted[..., None, :].astype(x.dtype), adjoint(u))


@_pinv.defjvp
def _pinv_jvp(primals: Any, tangents: Any) -> Any:
    x, atol, rtol = primals
    dx = tangents[0]
    p = _pinv(x, atol, rtol)
    m, n = x.shape[-2:]
    dxh, ph = adjoint(dx), adjoint(p)
    left = jnp.eye(n, dtype=x.dtype) - product(p, x)
    right = jnp.eye(m, dtype=x.dtype) - product(x, p)
    return p, -product(p, dx, p) + product(p, ph, dxh, right) + product(left, dxh, ph, p)


def _tolerances(x: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    batch, real = x.shape[:-2], real_dtype(x.dtype)
    default = max(x.shape[-2:], default=0) * jnp.finfo(x.dtype).eps
    if rtol is None:
        rtol = default if atol is None else jnp.where(jnp.asarray(atol) > 0, 0.0, default)
    atol = 0.0 if atol is None else atol
    return jnp.broadcast_to(jnp.asarray(atol, real), batch), jnp.broadcast_to(jnp.asarray(rtol, real), batch)


@op("linalg")
def pinv(input: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """The pseudo-inverse. Source: torch.linalg.pinv."""
    if input.ndim < 2 or category(input.dtype) < 2 or input.dtype.itemsize < 4:
        raise RuntimeError(
            f"linalg.pinv({type_name(input.dtype)}{{{list(input.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    x = read_hermitian(input, upper=False) if hermitian else input
    return _pinv(x, *_tolerances(x, atol, rcond if rtol is None else rtol))


@op(name="pinverse")
def pinverse(input: Any, rcond: Any = 1e-15) -> Any:
    return pinv(input, rcond)


@op("linalg")
def matrix_rank(input: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """How many singular values count as more than zero. Source: torch.linalg.matrix_rank."""
    check_matrices(input, "torch.linalg.matrix_rank", "input")
    check_floating(input, "linalg.matrix_rank")
    if 0 in input.shape[-2:]:
        return jnp.zeros(input.shape[:-2], np.int64)
    atol, rtol = _tolerances(input, tol if atol is None else atol, 0.0 if tol is not None else rtol)
    x = mirrored(input, upper=False) if hermitian else input
    s = jnp.linalg.svd(lax.stop_gradient(x), compute_uv=False)
    limit = jnp.maximum(atol, rtol * s[..., 0])
    return jnp.sum(s > limit[..., None], axis=-1).astype(np.int64)


# ---- least squares ---------------------------------------------------------------------------------------------------


@op("linalg")
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: Any = None) -> Any:
    """The solution of least norm that minimises |A X - B|. Source: torch.linalg.lstsq."""
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype != B.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype")
    vector = B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]
    b = B[..., None] if vector else B
    if b.ndim < 2 or A.shape[-2] != b.shape[-2]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-{1 if vector or B.ndim == 1 else 2})")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), but got {driver}")
    m, n = A.shape[-2:]
    rtol = max(m, n) * float(jnp.finfo(A.dtype).eps) if rcond is None else rcond
    x = product(pinv(A, rtol), b)
    s = jnp.linalg.svd(lax.stop_gradient(A), compute_uv=False)
    none = jnp.zeros((0,), s.dtype)
    rank = jnp.sum(s > jnp.asarray(rtol, s.dtype) * s[..., :1], axis=-1).astype(np.int64)
    residuals = none
    if m > n and driver in ("gels", "gelsd", "gelss"):  # the default driver, gelsy, gives none
        error = product(A, x) - b
        residuals = jnp.sum((error * jnp.conj(error)).real, axis=-2)
    return return_types.linalg_lstsq(
        x[..., 0] if vector else x,
        residuals,
        jnp.zeros((0,), np.int64) if driver == "gels" else rank,
        s if driver in ("gelsd", "gelss") else none,
    )


# ---- names that PyTorch has removed ----------------------------------------------------------------------------------


def _removed(name: str, instead: str) -> None:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"This function was deprecated since version 1.9 and is now removed. Use {instead} in place of torch.{name}"
        )

    call.__name__ = call.__qualname__ = name
    function("torch", name=name)(call)


for _name, _instead in {
    "symeig": "torch.linalg.eigh",
    "eig": "torch.linalg.eig",
    "solve": "torch.linalg.solve",
    "lstsq": "torch.linalg.lstsq",
    "matrix_rank": "torch.linalg.matrix_rank",
}.items():
    _removed(_name, _instead)
