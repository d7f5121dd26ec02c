"""The logistic-normal law. Source: torch.distributions.logistic_normal."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.normal import Normal
from functorch_jax.torch.distributions.transformed_distribution import TransformedDistribution
from functorch_jax.torch.distributions.transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Points of a simplex: normal numbers, turned into probabilities by breaking sticks.

    Args:
        loc, scale: of shape (..., n), for draws of n + 1 probabilities.
    Source: torch.distributions.LogisticNormal.
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base: Any = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(LogisticNormal, _instance))

    loc = property(lambda self: self.base_dist.base_dist.loc)
    scale = property(lambda self: self.base_dist.base_dist.scale)
