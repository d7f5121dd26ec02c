"""The law of von Mises. Source: torch.distributions.von_mises."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


def _log_i0(x: Tensor) -> Tensor:
    return torch.special.i0e(x).log() + x.abs()


class VonMises(Distribution):
    """A law of angles, in [-pi, pi).

    Args:
        loc: the most likely angle.
        concentration: how narrow it is.
    Source: torch.distributions.VonMises.
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        kappa = self.concentration
        return kappa * torch.cos(value - self.loc) - math.log(2 * math.pi) - _log_i0(kappa)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Drawn by rejection as Best and Fisher do; PyTorch's numbers, eagerly."""
        from functorch_jax.torch.ops.random_gamma import von_mises

        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            angle = von_mises(self.concentration.double().expand(shape)) + self.loc.double()
            return (torch.remainder(angle + math.pi, 2 * math.pi) - math.pi).to(self.loc.dtype)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)
