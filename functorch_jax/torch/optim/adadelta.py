"""Adadelta."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, decayed, options

__all__ = ["Adadelta"]


class Adadelta(RuleOptimizer):
    """Steps whose size is the root of the mean squared step so far over that of the mean squared gradient.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: times each step, a number or a tensor of one element.
        rho: how much of the means is kept each step.
        eps: added below both roots.
        weight_decay: times the parameter, added to its gradient.
        maximize: go up instead of down.
        foreach, capturable: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options and a `rho` outside of [0, 1].
    Source: torch.optim.Adadelta.
    """

    _numbers = "lr rho eps weight_decay"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check(0.0 <= rho <= 1.0, f"Invalid rho value: {rho}")
        names = "lr rho eps weight_decay maximize capturable foreach differentiable"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0.0, "square_avg": 0.0, "acc_delta": 0.0}

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        return (step + 1,), {"new": 1 - o.rho}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, square: Any, steps: Any) -> Any:
        p, g = decayed(o, p, g)
        square = o.rho * square + o.new * g * g
        delta = jnp.sqrt(steps + o.eps) / jnp.sqrt(square + o.eps) * g
        return p - o.lr * delta, square, o.rho * steps + o.new * delta * delta
