"""Adafactor: squared gradients kept as a row and a column."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, check_lr, lerp

__all__ = ["Adafactor"]


class Adafactor(RuleOptimizer):
    """Steps in proportion to the size of the parameter, with little memory.

    Of the mean squared gradients of a parameter with at least two axes, only the means over its last two axes are kept.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of them with options of their own.
        lr: bound of the relative step size, a number or a tensor of one element.
        beta2_decay: power of the step count that makes the share of the newest gradient.
        eps: what mean squares are at least (None for the precision of the dtype), and what the size of a parameter is.
        d: bound on the size of a step before it is scaled.
        weight_decay: shrinks the parameter itself.
        maximize: go up instead of down.
        foreach: accepted; every step is one compiled program.

    Errors: ValueError for options out of their range; RuntimeError for complex parameters.
    Source: torch.optim.Adafactor.
    """

    _numbers = "lr beta2_decay eps:eps1,eps2 d weight_decay"
    _shared = "step"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        check(beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}")
        check(eps[0] is None or eps[0] >= 0.0, f"epsilon1 should be >= 0 but is: {eps[0]}")
        check(eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}")
        check(d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}")
        check(weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        shape = parameter.array.shape
        if len(shape) < 2:
            return {"step": 0.0, "variance": 0.0}
        return {
            "step": 0.0,
            "row_var": lambda: _zeros(parameter, (*shape[:-1], 1)),
            "col_var": lambda: _zeros(parameter, (*shape[:-2], 1, shape[-1])),
        }

    def _extra(self, group: dict[str, Any], params: list[Any]) -> Any:
        for parameter in params:
            if parameter.is_complex():
                raise RuntimeError("Adafactor does not support complex parameters")
        # the precision of each parameter, where it stands for eps
        return None if group["eps"][0] is not None else tuple(float(jnp.finfo(p.array.dtype).eps) for p in params)

    @staticmethod
    def _scalars(o: Options, step: Any) -> Any:
        step = step + 1
        return (step,), {"new": step**o.beta2_decay, "relative": jnp.minimum(o.lr, 1 / jnp.sqrt(step))}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, *kept: Any) -> Any:
        eps = o.eps1 if o.extra is None else o.extra[o.index]
        size = jnp.maximum(o.eps2, _root_mean_square(p)) * o.relative
        if "weight_decay" in o.on:
            p = p * o.kept
        if p.ndim < 2:
            kept = (lerp(kept[0], g * g, o.new),)
            square = kept[0]
        else:
            row = lerp(kept[0], jnp.mean(g * g, -1, keepdims=True), o.new)
            column = lerp(kept[1], jnp.mean(g * g, -2, keepdims=True), o.new)
            kept = (row, column)
            square = row * column / jnp.maximum(jnp.mean(row, -2, keepdims=True), eps)
        step = g / jnp.sqrt(jnp.maximum(square, eps * eps))
        return (p - size / jnp.maximum(1, _root_mean_square(step) / o.d) * step, *kept)


def _root_mean_square(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(x * x))


def _zeros(parameter: Any, shape: Any) -> Tensor:
    return wrap(jnp.zeros(shape, parameter.array.dtype))
