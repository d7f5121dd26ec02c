"""What a tensor says about imperative autograd: `requires_grad_`, `grad`, `backward`, hooks and their kin."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from functorch_jax import jaxapi, levels
from functorch_jax.torch import _engine
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tape import accumulator
from functorch_jax.torch._tensor import Tensor

import functorch_jax.torch._transform_tape  # noqa: F401  isort: skip (puts itself around the transforms)


@function("Tensor")
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for derivatives with respect to this tensor. Source: torch.Tensor.requires_grad_.

    Inside a transform it works on tensors made there, for a tape that lives inside the function.
    """
    if levels.current() is not None and not self.made_here():
        raise RuntimeError(
            "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) "
            "inside of a function being transformed by a functorch transform, on a tensor that was made outside of it. "
            "This is unsupported, please attempt to use the functorch transforms (e.g. grad, vjp, jacrev, jacfwd, "
            "hessian), or call requires_grad_() outside of a function being transformed, or on a tensor made inside."
        )
    self.requires_grad = requires_grad
    return self


@function("Tensor")
def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Add the gradient of this tensor to the `grad` of the leaves it was computed from. Source: torch.Tensor.backward.

    Args:
        gradient: the cotangent; may be left out for a scalar.
        retain_graph: keep what a second backward needs; `create_graph` unless given.
        create_graph: record the backward too, for higher derivatives.
        inputs: the tensors whose `grad` is wanted; all leaves unless given.

    Raises: RuntimeError for a tensor with no history, a cotangent of another shape, or a graph that has been freed.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (x**2).backward()
        >>> x.grad
        tensor(6.)
    """
    from functorch_jax.torch import autograd

    autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)


@function("Tensor")
def retain_grad(self: Tensor) -> None:
    """Have `backward` keep the gradient of this tensor, which is no leaf. Source: torch.Tensor.retain_grad."""
    level = levels.current()
    if level is not None and self.requires_grad and not self._has_tape():  # type: ignore[attr-defined]
        raise RuntimeError(
            "You are attempting to call Tensor.retain_grad() inside of a function being transformed by a functorch "
            "transform. This is unsupported: return the value as an output and differentiate with respect to it instead"
        )
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    node = self.node
    if node is None:
        return
    _engine.retain(self, node, self._nr)


@function("Tensor")
def _has_tape(self: Tensor) -> bool:
    return self.node is not None and self.node.trace is jaxapi.trace_ref() and levels.current() is None


@function("Tensor")
def register_hook(self: Tensor, hook: Callable[[Any], Any]) -> Any:
    """Have `hook(gradient)` run when the gradient of this tensor is there; what it returns replaces the gradient.

    Returns: a handle whose `remove()` takes the hook off. Source: torch.Tensor.register_hook.
    """
    from functorch_jax.torch.nn._hooks import RemovableHandle

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if jaxapi.is_tracked(self.array) and levels.current() is not None:
        _hook_transform(self, hook)
    node = self.node
    if node is None:
        if self._hooks is None:
            self._hooks = OrderedDict()
        hooks = self._hooks
    else:
        if node.tensor_hooks is None:
            node.tensor_hooks = {}
        hooks = node.tensor_hooks.setdefault(self._nr, OrderedDict())
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _hook_transform(self: Tensor, hook: Callable[[Any], Any]) -> None:
    """Let the reverse pass of a transform that runs call `hook` too: what is computed from here on goes through it."""
    from functorch_jax.torch._tensor import wrap

    def change(cotangent: Any) -> Any:
        changed = hook(wrap(cotangent))
        return cotangent if changed is None else changed.array

    self._array = jaxapi.hooked(self.array, change)


@function("Tensor")
def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Any], Any]) -> Any:
    """Have `hook(self)` run after a gradient was added to `grad`.

    Raises: RuntimeError for a tensor that is no leaf or requires no grad.
    Source: torch.Tensor.register_post_accumulate_grad_hook.
    """
    from functorch_jax.torch.nn._hooks import RemovableHandle

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._post_hooks is None:
        self._post_hooks = OrderedDict()
    handle = RemovableHandle(self._post_hooks)
    self._post_hooks[handle.id] = hook
    return handle


def _get_grad(self: Tensor) -> Any:
    if self._grad is None and self.node is not None and not _retains(self):
        warnings.warn(
            "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
            "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
            "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make "
            "sure you access the leaf Tensor instead.",
            UserWarning,
            stacklevel=3,
        )
    return self._grad


def _set_grad(self: Tensor, value: Any) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
    if value is self and value is not None:
        raise RuntimeError("can't assign Variable as its own grad")
    if value is not None and value.array.dtype != self.array.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{_scalar(value)}' to a tensor with grad_dtype "
            f"'{_scalar(self)}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype)."
        )
    if value is not None and value.array.shape != self.array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size '{list(self.shape)}'. "
            "Please ensure that the gradient and the tensor are the same size"
        )
    self._grad = value


def _scalar(x: Tensor) -> str:
    return type_name(x.array.dtype).lower()


def _retains(self: Tensor) -> bool:
    node = self.node
    ref = None if node is None or node.retained is None else node.retained.get(self._nr)
    return ref is not None and ref() is self


def _grad_fn(self: Tensor) -> Any:
    node = self.node
    if node is not None and node.trace is not self._trace and self._parent is None:
        return None
    return node


for _name, _value in {
    "grad": property(_get_grad, _set_grad, lambda self: setattr(self, "_grad", None)),
    "grad_fn": property(_grad_fn),
    "is_leaf": property(lambda self: self.node is None and (self._requires_grad or not self.requires_grad)),
    "retains_grad": property(_retains),
    "output_nr": property(lambda self: self._nr if self.node is not None else 0),
    "_grad_accumulator": property(accumulator),
}.items():
    setattr(Tensor, _name, _value)
