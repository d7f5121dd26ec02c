"""The chi-squared law. Source: torch.distributions.chi2."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The chi-squared law of `df` degrees of freedom. Source: torch.distributions.Chi2."""

    arg_constraints: ClassVar[Any] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Chi2, _instance)
        new.concentration, new.rate = self.concentration.expand(batch_shape), self.rate.expand(batch_shape)
        return self._expanded(new, batch_shape)

    @property
    def df(self) -> Any:
        return self.concentration * 2
