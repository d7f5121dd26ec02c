"""RMSprop."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, decayed, lerp, options

__all__ = ["RMSprop"]


class RMSprop(RuleOptimizer):
    """Steps in proportion to the gradient over the root of its mean square.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        alpha: how much of the mean square is kept each step.
        eps: added to the denominator.
        weight_decay: times the parameter, added to its gradient.
        momentum: what is kept of the last direction.
        centered: divide by the standard deviation instead.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options.
    Source: torch.optim.RMSprop.
    """

    _numbers = "lr alpha eps weight_decay momentum"
    _flags = "centered maximize"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check(alpha >= 0.0, f"Invalid alpha value: {alpha}")
        names = "lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        state = {"step": 0.0, "square_avg": 0.0}
        if group["momentum"]:
            state["momentum_buffer"] = 0.0
        if group["centered"]:
            state["grad_avg"] = 0.0
        return state

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        return (step + 1,), {"new": 1 - o.alpha}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, square: Any, *more: Any) -> Any:
        p, g = decayed(o, p, g)
        own = dict(zip(o.names[1:], more, strict=True))
        square = o.alpha * square + o.new * g * g
        variance = square
        if o.centered:
            own["grad_avg"] = lerp(own["grad_avg"], g, o.new)
            variance = square - own["grad_avg"] ** 2
        step = g / (jnp.sqrt(variance) + o.eps)
        if "momentum" in o.on:
            own["momentum_buffer"] = step = o.momentum * own["momentum_buffer"] + step
        return (p - o.lr * step, square, *own.values())
