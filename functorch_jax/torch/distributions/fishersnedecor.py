"""The law of Fisher and Snedecor. Source: torch.distributions.fishersnedecor."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.gamma import Gamma
from functorch_jax.torch.distributions.utils import broadcast_all, is_scalar

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """The F law: the ratio of two chi-squared variables, each over its degrees of freedom.

    Source: torch.distributions.FisherSnedecor.
    """

    arg_constraints: ClassVar[Any] = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(Size() if is_scalar(df1, df2) else self.df1.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(FisherSnedecor, _instance)
        new._gamma1, new._gamma2 = self._gamma1.expand(batch_shape), self._gamma2.expand(batch_shape)
        return super().expand(batch_shape, new)

    @property
    def mean(self) -> Tensor:
        df2 = torch.where(self.df2 <= 2, torch.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return torch.where(self.df1 <= 2, torch.nan, mode)

    @property
    def variance(self) -> Tensor:
        df2 = torch.where(self.df2 <= 4, torch.nan, self.df2)
        return 2 * df2.pow(2) * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2).pow(2) * (df2 - 4))

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        tiny = torch.finfo(self.df1.dtype).tiny
        x1 = self._gamma1.rsample(sample_shape)
        x2 = self._gamma2.rsample(sample_shape).clamp(min=tiny)
        return (x1 / x2).clamp(min=tiny)

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        norm = (half1 + half2).lgamma() - half1.lgamma() - half2.lgamma()
        tail = (half1 - 1) * value.log() - (half1 + half2) * torch.log1p(ratio * value)
        return norm + half1 * ratio.log() + tail
