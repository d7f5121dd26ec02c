"""Singular values and principal components of low rank, from random projections (Halko, Martinsson and Tropp, 2011)."""

from __future__ import annotations

from functorch_jax.torch._op import NAMESPACES, function
from functorch_jax.torch._tensor import Tensor


def _range(A: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that nearly span the range of A; each iteration sharpens them."""
    torch, qr = NAMESPACES["torch"], NAMESPACES["linalg"]["qr"]
    Q = qr(A @ torch["randn"](A.shape[-1], q, dtype=A.dtype)).Q
    for _ in range(niter):
        Q = qr(A @ qr(A.mH @ Q).Q).Q
    return Q  # type: ignore[no-any-return]


@function("torch")
def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V of a matrix of about rank `q`, or of `A - M`; the projection is drawn from the default generator.

    Args:
        A: (..., m, n).
        q: how many singular values; a few more than the rank make them better.
        niter: iterations that make them better still, at the cost of two products each.
        M: what to subtract, that broadcasts to A.

    Returns:
        U (..., m, q), S (..., q) and V (..., n, q).

    Errors:
        ValueError: A has fewer than two axes.

    Source: torch.svd_lowrank.
    """
    m, n = A.shape[-2:]
    if M is not None:
        A = A - M.broadcast_to(A.shape)
    wide = m < n
    B = A.mH if wide else A
    Q = _range(B, 6 if q is None else q, 2 if niter is None else niter)
    U, S, Vh = NAMESPACES["linalg"]["svd"](Q.mH @ B, full_matrices=False)
    left, right = Q @ U, Vh.mH
    return (right, S, left) if wide else (left, S, right)


@function("torch")
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Principal components of the rows of A, by `svd_lowrank`, once their mean is subtracted.

    Errors:
        ValueError: `q` is negative or more than min(m, n), or `niter` is negative.

    Source: torch.pca_lowrank.
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(dim=-2, keepdim=True) if center else A, q, niter=niter)
