"""Adam, with weight decay in the gradient or decoupled."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, decayed, lerp, options

__all__ = ["Adam"]


class Adam(RuleOptimizer):
    """Steps in proportion to the mean gradient over the root of the mean squared gradient.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        betas: how much of the mean, and of the mean square, is kept each step.
        eps: added to the denominator.
        weight_decay: times the parameter, added to its gradient.
        amsgrad: divide by the largest mean square so far.
        maximize: go up instead of down.
        foreach, fused, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.
        decoupled_weight_decay: shrink the parameter instead, as `AdamW` does.

    Errors: ValueError for negative options and betas outside of [0, 1).
    Source: torch.optim.Adam.
    """

    _numbers = "lr betas:beta1,beta2 eps weight_decay"
    _flags = "amsgrad maximize decoupled_weight_decay"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check(
            capturable or not foreach or not isinstance(lr, Tensor),
            "lr as a Tensor is not supported for capturable=False and foreach=True",
        )
        check(
            isinstance(betas[0], Tensor) == isinstance(betas[1], Tensor),
            "betas must be either both floats or both Tensors",
        )
        for i in range(2):
            if isinstance(betas[i], Tensor):
                check(
                    capturable or not foreach,
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True",
                )
                check(np.prod(betas[i].shape) == 1, f"Tensor betas[{i}] must be 1-element")
        names = (
            "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused decoupled_weight_decay"
        )
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        state = {"step": 0.0, "exp_avg": 0.0, "exp_avg_sq": 0.0}
        return {**state, "max_exp_avg_sq": 0.0} if group["amsgrad"] else state

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        step = step + 1
        return (step,), {
            "size": o.lr / (1 - o.beta1**step),
            "root": jnp.sqrt(1 - o.beta2**step),
            "new1": 1 - o.beta1,
            "new2": 1 - o.beta2,
        }

    @staticmethod
    def _update(o: Options, p: Any, g: Any, mean: Any, square: Any, *top: Any) -> Any:
        p, g = decayed(o, p, g)
        mean = lerp(mean, g, o.new1)
        square = o.beta2 * square + o.new2 * g * g
        top = tuple(jnp.maximum(each, square) for each in top)
        p = p - o.size * (mean / (jnp.sqrt(top[0] if top else square) / o.root + o.eps))
        return (p, mean, square, *top)
