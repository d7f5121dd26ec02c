"""The Wishart law. Source: torch.distributions.wishart."""

from __future__ import annotations

import math
from typing import Any

from functorch_jax import torch
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions._matrices import log_diagonal, of_one
from functorch_jax.torch.distributions.chi2 import Chi2
from functorch_jax.torch.distributions.exp_family import ExponentialFamily
from functorch_jax.torch.distributions.multivariate_normal import _factor_of
from functorch_jax.torch.distributions.utils import as_size, floor_of, lazy_property, standard_normal

__all__ = ["Wishart"]


def _log_mvgamma(x: Tensor, p: int) -> Tensor:
    return torch.mvlgamma(x, p)


class Wishart(ExponentialFamily):
    """The law of sums of outer products of normal vectors: positive definite n x n matrices.

    Args:
        df: degrees of freedom, above n - 1.
        covariance_matrix, precision_matrix, scale_tril: of the vectors, as for `MultivariateNormal`; one of the three.
    Raises: ValueError for none or several of them, or for too small a df.
    Source: torch.distributions.Wishart.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        name, matrix = of_one(given)
        if isinstance(df, (int, float)):
            batch = Size(matrix.shape[:-2])
            self.df = torch.tensor(df, dtype=matrix.dtype)
        else:
            batch = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        events = matrix.shape[-2:]
        known = known_value(self.df)
        if known is not None and (known <= events[-1] - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {events[-1] - 1}.")
        setattr(self, name, matrix.expand(*batch, -1, -1))
        self.df = self.df.expand(batch)
        self._event_shape = Size(events)
        super().__init__(batch, events, validate_args=validate_args)
        self._unbroadcasted_scale_tril = _factor_of(name, matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Wishart, _instance)
        batch_shape = as_size(batch_shape)
        for name in ("covariance_matrix", "precision_matrix", "scale_tril"):
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand(tuple(batch_shape + self._event_shape)))
        new.df = self.df.expand(batch_shape)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        return self._expanded(new, batch_shape)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(tuple(self._batch_shape + self._event_shape))

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._whole(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    mean = property(lambda self: self.df.view(tuple(self._batch_shape) + (1, 1)) * self.covariance_matrix)

    @property
    def mode(self) -> Tensor:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = torch.where(factor <= 0, torch.nan, factor)
        return factor.view(tuple(self._batch_shape) + (1, 1)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        outer = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.view(tuple(self._batch_shape) + (1, 1)) * (v.pow(2) + outer)

    def rsample(self, sample_shape: Any = Size(), max_try_correction: Any = None) -> Tensor:  # noqa: B008
        """Drawn by Bartlett's decomposition. What is singular by rounding is not drawn again."""
        if max_try_correction != 0:
            # PyTorch takes every good draw for a singular one and draws again: for its numbers, so do we
            self._bartlett_sampling(sample_shape)
        return self._bartlett_sampling(sample_shape)

    def _bartlett_sampling(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        sample_shape = as_size(sample_shape)
        n = self._event_shape[-1]
        chi2 = Chi2(df=self.df.unsqueeze(-1) - torch.arange(n, dtype=self.df.dtype), validate_args=False)
        diagonal = floor_of(chi2.rsample(sample_shape).sqrt(), torch.finfo(self.df.dtype).tiny)
        rows, columns = torch.tril_indices(n, n, offset=-1)
        normal: Any = standard_normal((*sample_shape, *self._batch_shape, n * (n - 1) // 2), self.df)
        place = torch.zeros(n, n, dtype=torch.int64)
        place[rows, columns] = torch.arange(n * (n - 1) // 2)
        below = normal[..., place].tril(-1) if n > 1 else torch.zeros_like(diagonal).unsqueeze(-1)
        factor = self._unbroadcasted_scale_tril @ (below + diagonal.diag_embed())
        return factor @ factor.mT

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        nu, p = self.df, self._event_shape[-1]
        factor = self._unbroadcasted_scale_tril
        return (
            -nu * (p * math.log(2.0) / 2 + log_diagonal(factor))
            - _log_mvgamma(nu / 2, p)
            + (nu - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - torch.cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        digammas = torch.digamma(nu.unsqueeze(-1) / 2 - torch.arange(p, dtype=nu.dtype) / 2).sum(-1)
        return (
            (p + 1) * (p * math.log(2.0) / 2 + log_diagonal(self._unbroadcasted_scale_tril))
            + _log_mvgamma(nu / 2, p)
            - (nu - p - 1) / 2 * digammas
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> Any:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-torch.linalg.slogdet(-2 * x).logabsdet + math.log(2.0) * p) + _log_mvgamma(half, p)
