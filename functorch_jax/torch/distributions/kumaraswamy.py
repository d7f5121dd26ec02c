"""The law of Kumaraswamy. Source: torch.distributions.kumaraswamy."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.transformed_distribution import TransformedDistribution
from functorch_jax.torch.distributions.transforms import AffineTransform, PowerTransform
from functorch_jax.torch.distributions.uniform import Uniform
from functorch_jax.torch.distributions.utils import as_size, broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


def _log_moment(a: Tensor, b: Tensor, n: int) -> Tensor:
    """The n-th moment of Kumaraswamy's law."""
    power = 1 + n / a
    return torch.exp(torch.lgamma(power) + torch.lgamma(b) - torch.lgamma(power + b)) * b


class Kumaraswamy(TransformedDistribution):
    """A law on (0, 1) much like `Beta`, with a plain `cdf`. Source: torch.distributions.Kumaraswamy."""

    arg_constraints: ClassVar[Any] = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zeros = torch.zeros_like(self.concentration0)
        steps = [
            PowerTransform(exponent=self.concentration0.reciprocal()),
            AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=self.concentration1.reciprocal()),
        ]
        super().__init__(Uniform(zeros, zeros + 1, validate_args=validate_args), steps, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Kumaraswamy, _instance)
        new.concentration1 = self.concentration1.expand(as_size(batch_shape))
        new.concentration0 = self.concentration0.expand(as_size(batch_shape))
        return super().expand(batch_shape, new)

    mean = property(lambda self: _log_moment(self.concentration1, self.concentration0, 1))

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        log_mode = a.reciprocal() * (-b).log1p() - (-a * b).log1p()
        return torch.where((a < 1) | (b < 1), torch.nan, log_mode.exp())

    @property
    def variance(self) -> Tensor:
        return _log_moment(self.concentration1, self.concentration0, 2) - self.mean.pow(2)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = torch.digamma(b + 1) + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - torch.log(a) - torch.log(b)
