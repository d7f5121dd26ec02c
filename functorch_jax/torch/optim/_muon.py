"""Muon: orthogonalised momentum for matrices."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from functorch_jax.torch.optim._rules import Options, RuleOptimizer, check, check_lr, lerp

__all__ = ["Muon"]


class Muon(RuleOptimizer):
    """Steps along the nearest orthogonal matrix to the momentum, for parameters with two axes.

    Args:
        params: matrices, (name, matrix) pairs, or dicts of them with options of their own.
        lr: step size.
        weight_decay: shrinks the parameter itself.
        momentum: what is kept of the mean gradient each step.
        nesterov: look one gradient ahead.
        ns_coefficients: of x, x³ and x⁵ in the iteration that makes the matrix orthogonal.
        eps: what the norm of the momentum is at least.
        ns_steps: how many such iterations, in bfloat16.
        adjust_lr_fn: how the step size depends on the shape: "original" (None too) or "match_rms_adamw".

    Errors: ValueError for options out of their range, and for parameters that are no matrices.
    Source: torch.optim.Muon.
    """

    _numbers = "lr weight_decay momentum ns_coefficients:a,b,c eps"
    _flags = "nesterov ns_steps adjust_lr_fn"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        check(momentum >= 0.0, f"momentum should be >= 0 but is: {momentum}")
        check(weight_decay >= 0.0, f"weight decay should be >= 0 but is: {weight_decay}")
        check(
            adjust_lr_fn in (None, "original", "match_rms_adamw"),
            f"Adjust learning rate function {adjust_lr_fn} is not supported",
        )
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                check(
                    parameter.ndim == 2,
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {parameter.size()}",
                )

    def _initial(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"momentum_buffer": 0.0}

    @staticmethod
    def _scalars(o: Options) -> Any:
        return (), {"new": 1 - o.momentum}

    @staticmethod
    def _update(o: Options, p: Any, g: Any, mean: Any) -> Any:
        mean = lerp(mean, g, o.new)
        ahead = lerp(g, mean, o.momentum) if o.nesterov else mean
        rows, columns = p.shape
        if o.adjust_lr_fn == "match_rms_adamw":
            ratio = 0.2 * math.sqrt(max(rows, columns))
        else:
            ratio = math.sqrt(max(1, rows / columns))
        return p * o.kept - o.lr * ratio * _orthogonal(o, ahead).astype(p.dtype), mean


def _orthogonal(o: Options, x: Any) -> Any:
    """The matrix with the singular vectors of `x` and singular values near 1, by Newton and Schulz's iteration."""
    wide = x.shape[0] <= x.shape[1]
    x = (x if wide else x.T).astype(jnp.bfloat16)
    norm = jnp.linalg.norm(x.astype(jnp.float32)).astype(x.dtype)
    x = x / jnp.maximum(norm, o.eps.astype(x.dtype))
    a, b, c = (k.astype(jnp.float32) for k in (o.a, o.b, o.c))
    for _ in range(o.ns_steps):
        # factors in bfloat16, sums in float32, as matrix units have it
        gram = _product(x, x.T).astype(x.dtype)
        step = (b * gram + c * _product(gram, gram)).astype(x.dtype)
        x = (a * x + _product(step, x)).astype(x.dtype)
    return x if wide else x.T


def _product(x: Any, y: Any) -> Any:
    return jnp.matmul(x, y, preferred_element_type=jnp.float32)
