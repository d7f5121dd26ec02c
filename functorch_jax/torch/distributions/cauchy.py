"""The Cauchy law. Source: torch.distributions.cauchy."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import broadcast_all, cauchy, is_scalar

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """The Cauchy law of this median `loc` and half width `scale`. Source: torch.distributions.Cauchy."""

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(Size() if is_scalar(loc, scale) else self.loc.shape, validate_args=validate_args)

    def _constant(self, value: float) -> Tensor:
        return torch.full(tuple(self._extended_shape()), value, dtype=self.loc.dtype)

    mean = property(lambda self: self._constant(math.nan))
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self._constant(math.inf))

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        return self.loc + cauchy(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value: Any) -> Tensor:
        self._checked(value)
        return torch.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Any) -> Tensor:
        return torch.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()
