"""Adagrad."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, decayed, options

__all__ = ["Adagrad"]


class Adagrad(RuleOptimizer):
    """Steps in proportion to the gradient over the root of the sum of all squared gradients so far.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        lr_decay: how fast the step size falls.
        weight_decay: times the parameter, added to its gradient.
        initial_accumulator_value: where the sums begin.
        eps: added to the denominator.
        maximize: go up instead of down.
        foreach, fused: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options.
    Source: torch.optim.Adagrad.
    """

    _numbers = "lr lr_decay weight_decay eps"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        names = "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused"
        super().__init__(params, options(locals(), names))
        for group in self.param_groups:
            self._states(group, group["params"])

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "sum": group["initial_accumulator_value"]}

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        return (step + 1,), {"size": o.lr / (1 + step * o.lr_decay)}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, total: Any) -> Any:
        p, g = decayed(o, p, g)
        total = total + g * g
        return p - o.size * (g / (jnp.sqrt(total) + o.eps)), total
