"""Adamax."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, decayed, lerp, options

__all__ = ["Adamax"]


class Adamax(RuleOptimizer):
    """`Adam` with the largest gradient so far, which fades, in the place of the root of the mean square.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        betas: how much of the mean, and of the largest gradient, is kept each step.
        eps: added to the size of each gradient.
        weight_decay: times the parameter, added to its gradient.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options and betas outside of [0, 1).
    Source: torch.optim.Adamax.
    """

    _numbers = "lr betas:beta1,beta2 eps weight_decay"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        names = "lr betas eps weight_decay foreach maximize differentiable capturable"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "exp_avg": 0.0, "exp_inf": 0.0}

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        step = step + 1
        return (step,), {"size": o.lr / (1 - o.beta1**step), "new": 1 - o.beta1}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, mean: Any, largest: Any) -> Any:
        p, g = decayed(o, p, g)
        mean = lerp(mean, g, o.new)
        largest = jnp.maximum(o.beta2 * largest, jnp.abs(g) + o.eps)
        return p - o.size * (mean / largest), mean, largest
