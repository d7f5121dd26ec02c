"""What einops needs to know to work on our tensors.

einops looks through the subclasses of its `AbstractBackend` for one that knows a tensor's type, so importing this
module is all there is to do: `torch.Tensor` does it when einops is installed.
"""

from __future__ import annotations

import sys
from typing import Any

from einops._backends import AbstractBackend

__all__ = ["FunctorchJaxBackend"]


class FunctorchJaxBackend(AbstractBackend):
    """einops' operations in terms of the methods of `functorch_jax.torch.Tensor`."""

    framework_name = "functorch_jax.torch"

    def __init__(self) -> None:
        self.torch = sys.modules[self.framework_name]

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, self.torch.Tensor)

    def from_numpy(self, x: Any) -> Any:
        return self.torch.from_numpy(x)

    def to_numpy(self, x: Any) -> Any:
        return x.detach().numpy()

    def shape(self, x: Any) -> tuple[int, ...]:
        return tuple(x.shape)

    def reshape(self, x: Any, shape: Any) -> Any:
        return x.reshape(shape)

    def transpose(self, x: Any, axes: Any) -> Any:
        return x.permute(axes)

    def reduce(self, x: Any, operation: str, reduced_axes: Any) -> Any:
        if operation == "min":
            return x.amin(dim=tuple(reduced_axes))
        if operation == "max":
            return x.amax(dim=tuple(reduced_axes))
        if operation in ("sum", "mean"):
            return getattr(x, operation)(dim=tuple(reduced_axes))
        for axis in sorted(reduced_axes, reverse=True):
            x = getattr(x, operation)(dim=axis)
        return x

    def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
        return self.torch.stack(tensors)

    def add_axes(self, x: Any, n_axes: int, pos2len: dict[int, int]) -> Any:
        sizes = [-1] * n_axes
        for axis, length in pos2len.items():
            x = x.unsqueeze(axis)
            sizes[axis] = length
        return x.expand(sizes)

    def tile(self, x: Any, repeats: Any) -> Any:
        return x.repeat(repeats)

    def concat(self, tensors: list[Any], axis: int) -> Any:
        return self.torch.cat(tensors, dim=axis)

    def add_axis(self, x: Any, new_position: int) -> Any:
        return x.unsqueeze(new_position)

    def is_float_type(self, x: Any) -> bool:
        return x.dtype.is_floating_point

    def einsum(self, pattern: str, *x: Any) -> Any:
        return self.torch.einsum(pattern, *x)
