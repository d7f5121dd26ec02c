"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, decayed, lerp, options

__all__ = ["NAdam"]


class NAdam(RuleOptimizer):
    """`Adam` that steps along the mean gradient as it will be.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        betas: how much of the mean, and of the mean square, is kept each step.
        eps: added to the denominator.
        weight_decay: times the parameter, added to its gradient.
        momentum_decay: how fast the first of `betas` comes into force.
        decoupled_weight_decay: shrink the parameter instead, as `AdamW` does.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options and betas outside of [0, 1).
    Source: torch.optim.NAdam.
    """

    _numbers = "lr betas:beta1,beta2 eps weight_decay momentum_decay"
    _flags = "decoupled_weight_decay maximize"
    _shared = "step mu_product"

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        names = (
            "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize foreach capturable differentiable"
        )
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "mu_product": 1.0, "exp_avg": 0.0, "exp_avg_sq": 0.0}

    @staticmethod
    def _scalars(o: Options, step: Any, product: Any) -> Any:
        step = step + 1
        now = o.beta1 * (1 - 0.5 * 0.96 ** (step * o.momentum_decay))
        after = o.beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * o.momentum_decay))
        product = product * now
        return (step, product), {
            "size": o.lr * (1 - now) / (1 - product),
            "mean_size": o.lr * after / (1 - product * after),
            "root": jnp.sqrt(1 - o.beta2**step),
            "new1": 1 - o.beta1,
            "new2": 1 - o.beta2,
        }

    @staticmethod
    def _update(o: Options, p: Any, g: Any, mean: Any, square: Any) -> Any:
        p, g = decayed(o, p, g)
        mean = lerp(mean, g, o.new1)
        square = o.beta2 * square + o.new2 * g * g
        denominator = jnp.sqrt(square) / o.root + o.eps
        return p - o.size * (g / denominator) - o.mean_size * (mean / denominator), mean, square
