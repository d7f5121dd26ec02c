"""`ExponentialFamily`: laws whose entropy follows from their normaliser. Source: torch.distributions.exp_family."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import sum_rightmost

__all__ = ["ExponentialFamily"]


def normalizer_gradients(law: Any) -> tuple[Tensor, tuple[Tensor, ...], Any]:
    """The log-normaliser of a law at its natural parameters, its gradients, and those parameters."""
    from functorch_jax.transforms import grad_and_value

    parameters = law._natural_params

    def total(*values: Tensor) -> Any:
        each = law._log_normalizer(*values)
        return each.sum(), each

    gradients, (_, each) = grad_and_value(total, argnums=tuple(range(len(parameters))), has_aux=True)(*parameters)
    return each, gradients, parameters


class ExponentialFamily(Distribution):
    """A law whose log-density is `<t(x), theta> - F(theta) + k(x)`. Source: torch.distributions.ExponentialFamily."""

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def entropy(self) -> Any:
        """`F(theta) - <theta, F'(theta)>` less the mean of the carrier measure."""
        each, gradients, parameters = normalizer_gradients(self)
        result = each - self._mean_carrier_measure
        for value, gradient in zip(parameters, gradients, strict=True):
            result = result - sum_rightmost(value * gradient, len(self._event_shape))
        return result
