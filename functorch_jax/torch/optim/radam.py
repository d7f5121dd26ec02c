"""RAdam: Adam with a rectified first phase."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, decayed, lerp, options

__all__ = ["RAdam"]


class RAdam(RuleOptimizer):
    """`Adam` that divides by the root of the mean square only once enough gradients have been seen to trust it.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        betas: how much of the mean, and of the mean square, is kept each step.
        eps: added to the denominator.
        weight_decay: times the parameter, added to its gradient.
        decoupled_weight_decay: shrink the parameter instead, as `AdamW` does.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options and betas outside of [0, 1).
    Source: torch.optim.RAdam.
    """

    _numbers = "lr betas:beta1,beta2 eps weight_decay"
    _flags = "decoupled_weight_decay maximize"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        names = "lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay differentiable"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "exp_avg": 0.0, "exp_avg_sq": 0.0}

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        step = step + 1
        bias = 1 - o.beta2**step
        longest = 2 / (1 - o.beta2) - 1
        length = longest - 2 * step * o.beta2**step / bias
        trusted = length > 5
        # a root of what is positive, also where it is not used
        safe = jnp.where(trusted, length, 6.0)
        rectified = jnp.sqrt((safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe))
        return (step,), {
            "trusted": trusted,
            "size": o.lr / (1 - o.beta1**step),
            "factor": rectified * jnp.sqrt(bias),
            "new1": 1 - o.beta1,
            "new2": 1 - o.beta2,
        }

    @staticmethod
    def _update(o: Options, p: Any, g: Any, mean: Any, square: Any) -> Any:
        p, g = decayed(o, p, g)
        mean = lerp(mean, g, o.new1)
        square = o.beta2 * square + o.new2 * g * g
        factor = jnp.where(o.trusted > 0, o.factor / (jnp.sqrt(square) + o.eps), 1)
        return p - o.size * mean * factor, mean, square
