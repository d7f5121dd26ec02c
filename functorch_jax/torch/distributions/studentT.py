"""Student's t law. Source: torch.distributions.studentT."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.chi2 import Chi2
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import broadcast_all, standard_normal

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t law of `df` degrees of freedom, shifted and scaled. Source: torch.distributions.StudentT."""

    arg_constraints: ClassVar[Any] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(StudentT, _instance)
        new._chi2 = self._chi2.expand(batch_shape)
        return super().expand(batch_shape, new)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.df <= 1, torch.nan, self.loc)

    mode = property(lambda self: self.loc)

    @property
    def variance(self) -> Tensor:
        wide = self.df > 2
        ratio = self.df / torch.where(wide, self.df - 2, 1)
        m = torch.where(wide, self.scale.pow(2) * ratio, torch.inf)
        return torch.where(self.df <= 1, torch.nan, m)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        x = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * (x * torch.rsqrt(self._chi2.rsample(sample_shape) / self.df))

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        y = (value - self.loc) / self.scale
        z = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + torch.lgamma(0.5 * self.df)
            - torch.lgamma(0.5 * (self.df + 1.0))
        )
        return -0.5 * (self.df + 1.0) * torch.log1p(y**2.0 / self.df) - z

    def entropy(self) -> Tensor:
        half, more = self.df / 2, (self.df + 1) / 2
        log_beta = torch.lgamma(half) + math.lgamma(0.5) - torch.lgamma(more)
        return self.scale.log() + more * (torch.digamma(more) - torch.digamma(half)) + 0.5 * self.df.log() + log_beta
