"""The derivatives of convolutions, as functions. Source: torch.nn.grad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor
from functorch_jax.transforms import vjp

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _pair(n: int) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    conv = NAMESPACES["nn.functional"][f"conv{n}d"]

    def by_input(
        input_size: Any,
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        at = grad_output.new_zeros(input_size)
        return vjp(lambda x: conv(x, weight, None, stride, padding, dilation, groups), at)[1](grad_output)[0]

    def by_weight(
        input: Tensor,
        weight_size: Any,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        at = grad_output.new_zeros(weight_size)
        return vjp(lambda w: conv(input, w, None, stride, padding, dilation, groups), at)[1](grad_output)[0]

    for function, name in ((by_input, f"conv{n}d_input"), (by_weight, f"conv{n}d_weight")):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"The gradient of `conv{n}d`. Source: torch.nn.grad.{name}."
    return by_input, by_weight


conv1d_input, conv1d_weight = _pair(1)
conv2d_input, conv2d_weight = _pair(2)
conv3d_input, conv3d_weight = _pair(3)
