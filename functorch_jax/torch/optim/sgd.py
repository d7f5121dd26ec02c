"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, decayed, options

__all__ = ["SGD"]


class SGD(RuleOptimizer):
    """Gradient descent, with momentum.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: step size, a number or a tensor of one element.
        momentum: what is kept of the last direction.
        dampening: what is left out of the gradient as it joins the momentum.
        weight_decay: times the parameter, added to its gradient.
        nesterov: step along the direction that the momentum will have.
        maximize: go up instead of down.
        foreach, fused: accepted; every step is one compiled program.
        differentiable: gradients flow through the step itself.

    Errors: ValueError for negative options, and for `nesterov` without momentum or with dampening.
    Example:
        >>> from functorch_jax import torch
        >>> p = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = torch.optim.SGD([p], lr=0.5)
        >>> p.grad = torch.tensor([1.0, 2.0])
        >>> optimizer.step()
        >>> p
        Parameter containing:
        tensor([0.5000, 0.0000], requires_grad=True)

    Source: torch.optim.SGD.
    """

    _numbers = "lr momentum dampening weight_decay"
    _flags = "nesterov maximize"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check(
            not nesterov or (momentum > 0 and dampening == 0),
            "Nesterov momentum requires a momentum and zero dampening",
        )
        names = "lr momentum dampening weight_decay nesterov maximize foreach differentiable fused"
        super().__init__(params, options(locals(), names))

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def _extra(self, group: dict[str, Any], params: list[Any]) -> Any:
        if not group["momentum"] or not group["dampening"]:
            return None
        # the first gradient joins undampened
        return tuple(not isinstance(self.state[p].get("momentum_buffer"), Tensor) for p in params)

    @staticmethod
    def _scalars(o: Options) -> Any:
        return (), {"share": 1 - o.dampening}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, *buffers: Any) -> Any:
        p, g = decayed(o, p, g)
        if not buffers:
            return (p - o.lr * g,)
        share = o.share if "dampening" in o.on and not (o.extra and o.extra[o.index]) else 1
        buffer = o.momentum * buffers[0] + share * g
        return p - o.lr * (g + o.momentum * buffer if o.nesterov else buffer), buffer
