"""What a tensor says about imperative autograd: `requires_grad_`, `grad`, `is_leaf` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax import levels
from functorch_jax.torch._op import function
from functorch_jax.torch._tensor import Tensor


@function("Tensor")
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for derivatives with respect to this tensor. Source: torch.Tensor.requires_grad_."""
    if levels.current() is not None:
        raise RuntimeError(
            "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) "
            "inside of a function being transformed by a functorch transform. This is unsupported, please attempt to "
            "use the functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside "
            "of a function being transformed instead."
        )
    self.requires_grad = requires_grad
    return self


@function("Tensor")
def retain_grad(self: Tensor) -> None:
    level = levels.current()
    if level is not None and self.requires_grad:
        raise RuntimeError(
            "You are attempting to call Tensor.retain_grad() inside of a function being transformed by a functorch "
            "transform. This is unsupported: return the value as an output and differentiate with respect to it instead"
        )
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")


@function("Tensor")
def register_hook(self: Tensor, hook: Callable[[Any], Any]) -> Any:
    raise NotImplementedError(
        "Tensor.register_hook is not supported yet: write the change of the gradient as a torch.autograd.Function"
    )


def _set_grad(self: Tensor, value: Any) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
    if value is not None and value.array.shape != self.array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size '{list(self.shape)}'. "
            "Please ensure that the gradient and the tensor are the same size"
        )
    self._grad = value


def _default(name: str, value: property) -> None:
    """Give `Tensor` what imperative autograd has not given it."""
    if not hasattr(Tensor, name):
        setattr(Tensor, name, value)


_default("grad", property(lambda self: self._grad, _set_grad, lambda self: setattr(self, "_grad", None)))
_default("grad_fn", property(lambda self: None))
_default("is_leaf", property(lambda self: self._requires_grad or not self.requires_grad))
_default("retains_grad", property(lambda self: False))
_default("output_nr", property(lambda self: 0))
