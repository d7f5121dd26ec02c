"""Products with triangular factors of covariances, batched, for the multivariate laws."""

from __future__ import annotations

from typing import Any

from functorch_jax import torch
from functorch_jax.torch._tensor import Tensor


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """Matrices times vectors, batch shapes broadcast."""
    return torch.matmul(matrix, vector.unsqueeze(-1)).squeeze(-1)


def batch_mahalanobis(factor: Tensor, x: Tensor) -> Tensor:
    """The squared length of `x` in the metric of the inverse of `factor @ factor.T`."""
    shape = torch.broadcast_shapes(factor.shape[:-2], x.shape[:-1])
    n = x.shape[-1]
    factor, x = factor.expand(*shape, n, n), x.expand(*shape, n)
    return torch.linalg.solve_triangular(factor, x.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of `precision`."""
    flipped = torch.linalg.cholesky(torch.flip(precision, (-2, -1)))
    inverse = torch.transpose(torch.flip(flipped, (-2, -1)), -2, -1)
    eye = torch.eye(precision.shape[-1], dtype=precision.dtype)
    return torch.linalg.solve_triangular(inverse, eye.expand(inverse.shape), upper=False)


def log_diagonal(factor: Tensor) -> Tensor:
    """Half the logarithm of the determinant of `factor @ factor.T`."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def of_one(given: dict[str, Any]) -> tuple[str, Tensor]:
    """The one matrix that is not None. Raises ValueError for none or several, or for a vector."""
    known = [(name, value) for name, value in given.items() if value is not None]
    if len(known) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    name, value = known[0]
    if value.dim() < 2:
        raise ValueError(
            f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            if name != "scale_tril"
            else "scale_tril matrix must be at least two-dimensional, with optional leading batch dimensions"
        )
    return known[0]
