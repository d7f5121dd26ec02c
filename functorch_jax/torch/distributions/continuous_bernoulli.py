"""The continuous Bernoulli law. Source: torch.distributions.continuous_bernoulli."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions._binary import Binary
from functorch_jax.torch.distributions.exp_family import ExponentialFamily
from functorch_jax.torch.distributions.utils import broadcast_all, clamp_probs, uniform

__all__ = ["ContinuousBernoulli"]


F = torch.nn.functional


class ContinuousBernoulli(Binary, ExponentialFamily):
    """Numbers in [0, 1] of density proportional to p^x (1 - p)^(1 - x).

    Args:
        probs, logits: p, or its log-odds; one of the two.
        lims: between these p counts as a half, where the formulas lose their digits.
    Source: torch.distributions.ContinuousBernoulli.
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: Any = (0.499, 0.501), validate_args: bool | None = None
    ) -> None:
        shape = self._set(probs, logits)
        if "probs" in self.__dict__:
            if validate_args is not None:
                self._validate_args = validate_args
            if self._validate_args:
                known = known_value(self.probs)
                if known is not None and not ((known >= 0) & (known <= 1)).all():
                    raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(ContinuousBernoulli, _instance)
        new._lims = self._lims
        return self._expanded(self._expand_given(new, batch_shape), batch_shape)

    def _outside_unstable_region(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        return torch.where(self._outside_unstable_region(), self.probs, self._lims[0])

    def _cont_bern_log_norm(self) -> Tensor:
        cut = self._cut_probs()
        below = torch.where(cut <= 0.5, cut, 0.0)
        above = torch.where(cut >= 0.5, cut, 1.0)
        log_norm = torch.log((torch.log1p(-cut) - torch.log(cut)).abs()) - torch.where(
            cut <= 0.5, torch.log1p(-2.0 * below), torch.log(2.0 * above - 1.0)
        )
        x = (self.probs - 0.5) ** 2
        return torch.where(
            self._outside_unstable_region(), log_norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        )

    @property
    def mean(self) -> Tensor:
        cut = self._cut_probs()
        mean = cut / (2.0 * cut - 1.0) + 1.0 / (torch.log1p(-cut) - torch.log(cut))
        x = self.probs - 0.5
        return torch.where(self._outside_unstable_region(), mean, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x**2) * x)

    @property
    def variance(self) -> Tensor:
        cut = self._cut_probs()
        variance = cut * (cut - 1.0) / (1.0 - 2.0 * cut) ** 2 + 1.0 / (torch.log1p(-cut) - torch.log(cut)) ** 2
        x = (self.probs - 0.5) ** 2
        near = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return torch.where(self._outside_unstable_region(), variance, near)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        return self.icdf(uniform(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Tensor:
        self._checked(value)
        cut = self._cut_probs()
        raised = torch.pow(cut, value) * torch.pow(1.0 - cut, 1.0 - value)
        inside = torch.where(self._outside_unstable_region(), (raised + cut - 1.0) / (2.0 * cut - 1.0), value)
        return torch.where(value <= 0.0, 0.0, torch.where(value >= 1.0, 1.0, inside))

    def icdf(self, value: Any) -> Tensor:
        cut = self._cut_probs()
        out = (torch.log1p(-cut + value * (2.0 * cut - 1.0)) - torch.log1p(-cut)) / (torch.log(cut) - torch.log1p(-cut))
        return torch.where(self._outside_unstable_region(), out, value)

    def entropy(self) -> Tensor:
        none, sure = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (none - sure) - self._cont_bern_log_norm() - none

    @property
    def _natural_params(self) -> Any:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = torch.where(outside, x, self._lims[0] - 0.5)
        log_norm = torch.log((torch.special.expm1(cut)).abs()) - torch.log(cut.abs())
        return torch.where(outside, log_norm, 0.5 * x + x**2 / 24.0 - x**4 / 2880.0)
