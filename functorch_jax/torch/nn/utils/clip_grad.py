"""Clipping the gradients that `backward()` left in parameters."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax.torch._tensor import Tensor, concrete, wrap

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _listed(parameters: Any) -> list[Any]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


@functools.partial(jax.jit, static_argnums=0)
def _total_norm(norm_type: float, arrays: list[Any]) -> Any:
    norms = jnp.stack([jnp.linalg.norm(array.ravel(), norm_type) for array in arrays])
    return jnp.linalg.norm(norms, norm_type)


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all `tensors` seen as one vector.

    Errors: RuntimeError when the norm is not finite and `error_if_nonfinite` is set.
    Source: torch.nn.utils.get_total_norm.
    """
    arrays = [tensor.array for tensor in _listed(tensors)]
    total = wrap(_total_norm(float(norm_type), arrays) if arrays else jnp.zeros((), jnp.float32))
    if error_if_nonfinite and not jnp.isfinite(concrete(total, "get_total_norm()")):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so it "
            "cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Scale the gradients down so that `total_norm`, if it is theirs, becomes at most `max_norm`.

    Source: torch.nn.utils.clip_grads_with_norm_.
    """
    factor = jnp.minimum(max_norm / (total_norm.array + 1e-6), 1.0)
    for parameter in _listed(parameters):
        gradient = parameter._grad
        if gradient is not None:
            gradient.overwrite(gradient.array * factor.astype(gradient.array.dtype))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of `parameters` down to a total norm of at most `max_norm`; returns the norm before.

    Source: torch.nn.utils.clip_grad_norm_.
    """
    parameters = _listed(parameters)
    gradients = [parameter._grad for parameter in parameters if parameter._grad is not None]
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """The old name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters: Iterable[Any] | Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clip each element of the gradients to [-clip_value, clip_value]. Source: torch.nn.utils.clip_grad_value_."""
    for parameter in _listed(parameters):
        if parameter._grad is not None:
            parameter._grad.overwrite(jnp.clip(parameter._grad.array, -float(clip_value), float(clip_value)))
