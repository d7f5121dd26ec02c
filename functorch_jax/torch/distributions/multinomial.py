"""The multinomial law. Source: torch.distributions.multinomial."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.binomial import Binomial
from functorch_jax.torch.distributions.categorical import Categorical
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import as_size, broadcast_all

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each index comes up in `total_count` draws of a categorical law.

    Args:
        total_count: how many, the same for all.
        probs, logits: as for `Categorical`.
    Raises: NotImplementedError for a total_count that is no int.
    Source: torch.distributions.Multinomial.
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        shape = self._categorical.param_shape
        super().__init__(self._categorical.batch_shape, shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Multinomial, _instance)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(as_size(batch_shape))
        return self._expanded(new, batch_shape)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)
    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = Size()) -> Any:  # noqa: B008
        drawn = self._categorical.sample(Size((self.total_count,)) + as_size(sample_shape))
        counted: Any = torch.nn.functional.one_hot(drawn, self.event_shape[0])
        return counted.sum(0).to(self.probs.dtype)

    def entropy(self) -> Any:
        n = self.total_count
        counts = Binomial(n, probs=self.probs)
        values: Any = counts.enumerate_support(expand=False)
        values = values[1:]
        weights = torch.exp(counts.log_prob(values))
        spread = (weights * torch.lgamma(values + 1)).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + spread

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        ways = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        logits = torch.where((value == 0) & (logits == -math.inf), 0, logits)
        return ways + (logits * value).sum(-1)
