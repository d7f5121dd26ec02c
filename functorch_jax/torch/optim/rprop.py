"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._tensor import Tensor, unwrap
from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, options

__all__ = ["Rprop"]


class Rprop(RuleOptimizer):
    """Steps along the signs of the gradient, longer while a sign stays and shorter when it turns.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: the first step, a number or a tensor of one element.
        etas: what a step is multiplied by when the sign has turned, and when it has stayed.
        step_sizes: the smallest and the largest step.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for a negative `lr`, and unless 0 < etas[0] < 1 < etas[1].
    Source: torch.optim.Rprop.
    """

    _numbers = "etas:shorter,longer step_sizes:shortest,longest"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check(0.0 < etas[0] < 1.0 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, options(locals(), "lr etas step_sizes foreach maximize differentiable capturable"))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        lr = group["lr"]
        return {"step": 0.0, "prev": 0.0, "step_size": unwrap(lr).reshape(()) if isinstance(lr, Tensor) else lr}

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        return (step + 1,), {}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, previous: Any, size: Any) -> Any:
        turn = g * previous
        factor = jnp.where(turn > 0, o.longer, jnp.where(turn < 0, o.shorter, 1))
        size = jnp.clip(size * factor, o.shortest, o.longest)
        g = jnp.where(turn < 0, 0, g)
        return p - jnp.sign(g) * size, g, size
