"""What families of elementwise ops share: derivatives stated as slopes, and PyTorch's refusals of a dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from functorch_jax.torch._dtype import category
from functorch_jax.torch._promote import type_name

__all__ = ["abs_", "c_name", "elementwise", "need_tensors", "refuse", "sign_", "unsupported"]


def elementwise(*slopes: Callable[..., Any] | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function of arrays of one shape the derivative of PyTorch: one slope an argument, None where it is zero.

    A slope is a function of the result and the arguments. It is only computed when a tangent arrives, so it may divide
    by zero where its argument is a constant; and it may use the function itself, so every order of derivative exists.
    """

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        primal = jax.custom_jvp(fn)

        def jvp(primals: Any, tangents: Any) -> Any:
            out = primal(*primals)
            terms = [
                slope(out, *primals) * t
                for slope, t in zip(slopes, tangents, strict=True)
                if slope is not None and not isinstance(t, SymbolicZero)
            ]
            return out, jnp.broadcast_to(sum(terms), out.shape) if terms else jnp.zeros_like(out)

        primal.defjvp(jvp, symbolic_zeros=True)
        return primal

    return decorate


def unsupported(kernel: str, dtype: Any) -> NotImplementedError:
    """The error of a kernel that PyTorch does not have for a dtype."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{type_name(dtype)}'")


def refuse(kernel: str, x: Any, kinds: str) -> None:
    """Raise it if `x` is of one of `kinds`: "b" bool, "i" integer, "f" floating, "c" complex."""
    if "bifc"[category(x.dtype)] in kinds:
        raise unsupported(kernel, x.dtype)


def sign_(x: Any) -> Any:
    """The sign of real numbers, 0 for nan."""
    return jnp.where(jnp.isnan(x), 0, jnp.sign(x)).astype(x.dtype) if category(x.dtype) == 2 else jnp.sign(x)


def abs_(x: Any) -> Any:
    """The absolute value, with slope 0 at 0."""
    # jnp.abs has slope 1 at 0
    return x * sign_(x) if category(x.dtype) == 2 else jnp.abs(x)


def need_tensors(name: str, **arguments: Any) -> None:
    """Raise PyTorch's error for a Python number among arguments that must be tensors; they come first, in order."""
    for i, (argument, x) in enumerate(arguments.items(), 1):
        if not hasattr(x, "shape"):
            raise TypeError(f"{name}(): argument '{argument}' (position {i}) must be Tensor, not {type(x).__name__}")


_C_NAMES = {
    "float32": "float",
    "float64": "double",
    "int64": "long int",
    "int32": "int",
    "complex64": "c10::complex<float>",
}


def c_name(dtype: Any) -> str:
    """The name that some of PyTorch's messages use, such as "double"."""
    name = str(dtype)
    return _C_NAMES.get(name, name)
