"""A tensor, by the name it had long ago. Source: torch.autograd.variable."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._tensor import Tensor

__all__ = ["Variable"]


class _Variable(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if data is None:
            data = Tensor()
        tensor = data.detach()
        return tensor.requires_grad_() if requires_grad else tensor


class Variable(metaclass=_Variable):
    """A tensor, by the name it had long ago. Source: torch.autograd.Variable."""
