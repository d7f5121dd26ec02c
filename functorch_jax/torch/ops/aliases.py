"""Views of the whole tensor under another light: without its derivative, by its real part, conjugated."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import category
from functorch_jax.torch._function import tensor_function, view_op
from functorch_jax.torch._op import fit, function
from functorch_jax.torch._promote import broadcast, cast
from functorch_jax.torch._strides import RULES
from functorch_jax.torch._tensor import Tensor, unwrap

# ---- without the derivative ------------------------------------------------------------------------------------------


def detached(input: Any) -> Any:
    return lax.stop_gradient(input) if isinstance(input, jaxapi.Tracer) else input


def _put_detached(base: Any, value: Any) -> Any:
    return jaxapi.keep_derivative(base, value) if jaxapi.is_tracked(base) else value


def inner(input: Any) -> Any:
    """The value without what the innermost transform tracks about it."""
    level = jaxapi.peel(input)
    return input if level is None else level.inner if level.kind == "grad" else lax.stop_gradient(input)


DETACHED = view_op(detached, _put_detached, jit=False)


def _put_inner(base: Any, value: Any) -> Any:
    return jaxapi.keep_innermost_derivative(base, value) if jaxapi.is_tracked(base) else value


INNER = view_op(inner, _put_inner, jit=False)


@tensor_function()
def detach(input: Tensor) -> Tensor:
    """A view without derivative: no transform, forward or reverse, sees through it. Source: torch.Tensor.detach."""
    return DETACHED(input)


@function()
def detach_(self: Tensor) -> Tensor:
    if self._parent is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._requires_grad = False
    self._node = None
    self.reset(detached(self._array))
    return self


def _set_data(self: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    new = value.array
    if self._parent is not None or new.shape != self._array.shape or new.dtype != self._array.dtype:
        # it leaves what it was a view of, and what was tracked about the old values does not fit the new ones
        self._parent = None
        self.reset(new)
    else:
        INNER(self).overwrite(detached(new))


Tensor.data = property(lambda self: INNER(self), _set_data, doc="The values, untracked by the innermost transform.")


# ---- complex numbers -------------------------------------------------------------------------------------------------

REAL = view_op(lambda input: input.real, lambda base, value: lax.complex(value, base.imag), name="real")
IMAG = view_op(lambda input: input.imag, lambda base, value: lax.complex(base.real, value), name="imag")
CONJ = view_op(lambda input: jnp.conj(input), lambda base, value: jnp.conj(value), name="conj")
PAIRS = view_op(
    lambda input: jnp.stack([input.real, input.imag], -1),
    lambda base, value: lax.complex(value[..., 0], value[..., 1]),
    name="view_as_real",
)
NUMBERS = view_op(
    lambda input: lax.complex(input[..., 0], input[..., 1]),
    lambda base, value: jnp.stack([value.real, value.imag], -1),
    name="view_as_complex",
)
for _name, _start in (("real", 0), ("imag", 1)):
    RULES[_name] = lambda shape, strides, offset, start=_start: (tuple(2 * s for s in strides), 2 * offset + start)
RULES["view_as_real"] = lambda shape, strides, offset: ((*(2 * s for s in strides), 1), 2 * offset)
RULES["view_as_complex"] = lambda shape, strides, offset: (tuple(s // 2 for s in strides[:-1]), offset // 2)


def _is_complex(input: Tensor) -> bool:
    return category(input.array.dtype) == 3


@tensor_function("torch")
def real(input: Tensor) -> Tensor:
    return REAL(input) if _is_complex(input) else input


@tensor_function("torch")
def imag(input: Tensor) -> Tensor:
    if not _is_complex(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return IMAG(input)


def _set_real(self: Tensor, value: Any) -> None:
    real(self).copy_(value)


def _set_imag(self: Tensor, value: Any) -> None:
    imag(self).copy_(value)


Tensor.real = property(real, _set_real)
Tensor.imag = property(imag, _set_imag)


@tensor_function()
def conj(input: Tensor) -> Tensor:
    return CONJ(input) if _is_complex(input) else input


@tensor_function()
def view_as_real(input: Tensor) -> Tensor:
    if not _is_complex(input):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return PAIRS(input)


@tensor_function()
def view_as_complex(input: Tensor) -> Tensor:
    array = input.array
    if category(array.dtype) != 2 or array.dtype.itemsize < 4:
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{input.type().split('.')[-1][:-6]}"
        )
    if not array.ndim or array.shape[-1] != 2:
        raise RuntimeError(
            "Tensor must have a last dimension of size 2"
            if array.ndim
            else "Input tensor must have one or more dimensions"
        )
    return NUMBERS(input)


def _itself(input: Tensor) -> Tensor:
    return input


for _name in ("resolve_conj", "resolve_neg"):
    tensor_function(name=_name)(_itself)
for _name in ("is_conj", "is_neg"):
    tensor_function(name=_name)(lambda input: False)


@function()
def conj_physical_(self: Tensor) -> Tensor:
    self.check_writable()
    self.overwrite(conj_physical(self))
    return self


@tensor_function(out=True)
def conj_physical(input: Tensor) -> Tensor:
    return conj(input).clone() if _is_complex(input) else input


@function("Tensor")
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of `src`, broadcast and cast. Source: torch.Tensor.copy_."""
    from functorch_jax.torch.ops.axes import expanded_shape

    self.check_writable()
    target = self.array
    if not isinstance(src, Tensor):
        if not isinstance(src, (bool, int, float, complex)) and not hasattr(src, "shape"):
            raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    value = jnp.asarray(unwrap(src))
    if value.shape != target.shape:
        if len(value.shape) <= len(target.shape):
            broadcast(target, value)
        expanded_shape(value, target.shape)
        value = jnp.broadcast_to(value, target.shape)
    self.overwrite(fit(src, target) if isinstance(src, Tensor) and src.requires_grad else cast(value, target.dtype))
    return self
