"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, decayed, lerp, options

__all__ = ["ASGD"]


class ASGD(RuleOptimizer):
    """Gradient descent that also keeps the mean of the parameters over the steps, as `state[p]["ax"]`.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: the first step size, a number or a tensor of one element.
        lambd: decay of parameters and of the step size.
        alpha: power of the decay of the step size.
        t0: the step at which averaging begins.
        weight_decay: times the parameter, added to its gradient.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for a negative `lr` or `weight_decay`.
    Source: torch.optim.ASGD.
    """

    _numbers = "lr lambd alpha t0 weight_decay"
    _shared = "step eta mu"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        names = "lr lambd alpha t0 weight_decay foreach maximize differentiable capturable"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "eta": group["lr"], "mu": 1.0, "ax": 0.0}

    @staticmethod
    def _scalars(o: Options, step: Any, eta: Any, mu: Any) -> Any:
        step = step + 1
        new_eta = o.lr / (1 + o.lambd * o.lr * step) ** o.alpha
        new_mu = 1 / jnp.maximum(1, step - o.t0)
        return (step, new_eta, new_mu), {"size": eta, "shrunk": 1 - o.lambd * eta, "share": mu}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, average: Any) -> Any:
        p, g = decayed(o, p, g)
        p = p * o.shrunk - o.size * g
        return p, jnp.where(o.share == 1, p, lerp(average, p, o.share))
