"""The law of Lewandowski, Kurowicka and Joe. Source: torch.distributions.lkj_cholesky."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.beta import Beta
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import broadcast_all, standard_normal

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of n x n correlation matrices, of density proportional to their determinant to a power.

    Args:
        dim: n, at least 2.
        concentration: 1 for the uniform law over correlation matrices; larger is nearer the identity.
    Raises: ValueError for a dim below 2.
    Source: torch.distributions.LKJCholesky.
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        rest = torch.arange(dim - 1, dtype=self.concentration.dtype)
        offset = torch.cat([torch.zeros(1, dtype=rest.dtype), rest])
        first = offset + 0.5
        second = self.concentration.unsqueeze(-1) + 0.5 * (dim - 2) - 0.5 * offset
        self._beta = Beta(first, second)
        super().__init__(self.concentration.shape, Size((dim, dim)), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(LKJCholesky, _instance)
        new.dim = self.dim
        new._beta = self._beta.expand((*batch_shape, self.dim))
        return super().expand(batch_shape, new)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Drawn by the onion method: row by row, a direction and a length."""
        with torch.no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = standard_normal(self._extended_shape(sample_shape), self.concentration).tril(-1)
            length = normal.norm(dim=-1, keepdim=True)
            first = torch.arange(self.dim).view(-1, 1) == 0
            direction = torch.where(first, 0.0, normal / torch.where(first, 1.0, length))
            w = torch.sqrt(y) * direction
            tiny = torch.finfo(w.dtype).tiny
            return w + torch.clamp(1 - torch.sum(w**2, dim=-1), min=tiny).sqrt().diag_embed()

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        n, alpha = self.dim - 1, self.concentration
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = 2 * (alpha - 1).unsqueeze(-1) + self.dim - torch.arange(2, self.dim + 1)
        unnormalised = torch.sum(order * diagonal.log(), dim=-1)
        more = alpha + 0.5 * n
        norm = torch.mvlgamma(more - 0.5, n) - torch.lgamma(more) * n + 0.5 * n * math.log(math.pi)
        return unnormalised - norm
