"""The generalized Pareto law. Source: torch.distributions.generalized_pareto."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import broadcast_all, is_scalar, uniform

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: `loc`, `scale`, and the tail's `concentration`, 0 for an exponential one.

    Source: torch.distributions.GeneralizedPareto.
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        shape = Size() if is_scalar(loc, scale, concentration) else self.loc.shape
        super().__init__(shape, validate_args=validate_args)

    def _flat(self) -> Tensor:
        """Where the concentration is 0 to rounding."""
        return torch.isclose(self.concentration, torch.zeros_like(self.concentration))

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc))

    def _z(self, x: Any) -> Tensor:
        return (x - self.loc) / self.scale

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        z, flat = self._z(value), self._flat()
        k = torch.where(flat, torch.ones_like(self.concentration), self.concentration)
        curved = (1 + 1 / k) * torch.log1p(torch.where(flat, 0, k * z))
        return -self.scale.log() - torch.where(flat, z, curved)

    def log_survival_function(self, value: Any) -> Tensor:
        self._checked(value)
        z, flat = self._z(value), self._flat()
        k = torch.where(flat, torch.ones_like(self.concentration), self.concentration)
        return torch.where(flat, -z, -torch.log1p(torch.where(flat, 0, k * z)) / k)

    def log_cdf(self, value: Any) -> Tensor:
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Tensor:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Tensor:
        flat = self._flat()
        k = torch.where(flat, torch.ones_like(self.concentration), self.concentration)
        logs = torch.log1p(-value)
        return self.loc + self.scale * torch.where(flat, -logs, torch.expm1(-k * logs) / k)

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        return torch.where(k < 1, self.loc + self.scale / (1 - torch.where(k < 1, k, 0.5)), torch.inf)

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        low = torch.where(k < 0.5, k, 0.25)
        return torch.where(k < 0.5, self.scale**2 / ((1 - low) ** 2 * (1 - 2 * low)), torch.inf)

    def entropy(self) -> Tensor:
        return (torch.log(self.scale) + self.concentration + 1).expand(self._batch_shape)

    mode = property(lambda self: self.loc)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        k = self.concentration
        bounded = k < 0
        upper = torch.where(bounded, self.loc - self.scale / torch.where(bounded, k, -1), torch.inf)
        return constraints.interval(self.loc, upper)
