"""Mixtures. Source: torch.distributions.mixture_same_family."""

from __future__ import annotations

from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.categorical import Categorical
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import as_size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A mixture of laws of one family.

    Args:
        mixture_distribution: a `Categorical` over the components.
        component_distribution: a law whose last batch axis is the components.
    Raises: ValueError for another mixture law, or for shapes that do not fit.
    Source: torch.distributions.MixtureSameFamily.
    """

    arg_constraints: ClassVar[Any] = {}
    has_rsample = False

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("The Mixture distribution needs to be an instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        mixed, shape = mixture_distribution.batch_shape, component_distribution.batch_shape
        for size1, size2 in zip(reversed(mixed), reversed(shape[:-1]), strict=False):
            if size1 != 1 and size2 != 1 and size1 != size2:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                    f"`component_distribution.batch_shape`({shape[:-1]})"
                )
        km = mixture_distribution.param_shape[-1]
        kc = shape[-1]
        if km is not None and kc is not None and km != kc:
            raise ValueError(
                f"`mixture_distribution component` ({km}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({kc})"
            )
        self._num_component = km
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        super().__init__(shape[:-1], event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        batch_shape = as_size(batch_shape)
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        new._component_distribution = self._component_distribution.expand((*batch_shape, self._num_component))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims
        return self._expanded(new, batch_shape)

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return torch.sum(self._weights() * self._component_distribution.mean, dim=-1 - self._event_ndims)

    @property
    def variance(self) -> Tensor:
        weights, dim = self._weights(), -1 - self._event_ndims
        within = torch.sum(weights * self._component_distribution.variance, dim=dim)
        away = self._component_distribution.mean - self.mean.unsqueeze(dim)
        return within + torch.sum(weights * away.pow(2.0), dim=dim)

    def cdf(self, x: Any) -> Tensor:
        x = x.unsqueeze(-1 - self._event_ndims)
        return torch.sum(self._component_distribution.cdf(x) * self._mixture_distribution.probs, dim=-1)

    def log_prob(self, x: Any) -> Tensor:
        self._checked(x)
        x = x.unsqueeze(-1 - self._event_ndims)
        weights = torch.log_softmax(self._mixture_distribution.logits, dim=-1)
        return torch.logsumexp(self._component_distribution.log_prob(x) + weights, dim=-1)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            axis = drawn.dim() - 1 - self._event_ndims
            index = chosen.reshape(*chosen.shape, *(1,) * (self._event_ndims + 1))
            shape = list(drawn.shape)
            shape[axis] = 1
            return torch.gather(drawn, axis, index.expand(shape)).squeeze(axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
