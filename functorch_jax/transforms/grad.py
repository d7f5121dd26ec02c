"""`grad` and `grad_and_value`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax import jaxapi, levels
from functorch_jax.grad_mode import reverse_mode
from functorch_jax.transforms.arguments import (
    Inputs,
    Outputs,
    array_of,
    check_aux,
    checked_argnums,
    is_tensor,
    picked,
    replaced,
    split_aux,
)

__all__ = ["grad", "grad_and_value"]

_PREFIX = "grad_and_value(f)(*args)"


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Gradient of a scalar function, as a function of the same arguments.

    Args:
        func: returns a tensor of shape (), or with `has_aux` the pair (that tensor, tree of tensors).
        argnums: position or tuple of positions to differentiate; negative ones count from the end.
        has_aux: whether `func` returns (output, aux).

    Returns: a function giving tensors with the shape, dtype and tree of the chosen argument (a tuple of them for a
        tuple of argnums); with `has_aux`, the pair (gradients, aux). Keyword arguments are passed through and are not
        differentiated. The gradient of a complex input is the direction of steepest ascent, the conjugate of JAX's.

    Raises:
        RuntimeError: the output is no tensor of shape (), argnums is out of range or repeated, or an input is integer.
        ValueError: an input to differentiate is no tensor.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import grad
        >>> print(grad(lambda x: x**3)(jnp.float32(2.0)))
        12.0

    Source: torch.func.grad.
    """
    value_and_gradient = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = value_and_gradient(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Gradient and value of a scalar function: (gradient, value), with `has_aux` (gradient, (value, aux)).

    Arguments and errors are those of `grad`. JAX's `value_and_grad` gives them the other way round.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import grad_and_value
        >>> print(*grad_and_value(lambda x: x**3)(jnp.float32(2.0)))
        12.0 8.0

    Source: torch.func.grad_and_value.
    """

    @levels.recorded
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        positions = checked_argnums(argnums, len(args))
        inputs = Inputs(picked(args, positions)).check_reverse()
        outer = jaxapi.trace_ref()
        kept: dict[str, Any] = {}

        def objective(arrays: list[Any]) -> Any:
            with levels.open_level("grad", outer) as level, reverse_mode():
                value, _ = inputs.rebuild(arrays, variable=True)
                result = func(*replaced(args, positions, value), **kwargs)
                output, aux = split_aux(result, has_aux, _PREFIX)
                _check_scalar(output)
                check_aux(aux)
                kept["output"], (out,) = Outputs.of(output)
                kept["aux"], aux_arrays = Outputs.of(aux)
                kept["boxes"], written = level.written()
            if jaxapi.is_inexact(out):
                return out, (None, aux_arrays, written)
            return jnp.zeros(()), (out, aux_arrays, written)  # an integer output has the gradient zero

        if inputs.arrays:
            (out, (exact, aux, written)), gradient = jax.value_and_grad(objective, has_aux=True)(inputs.arrays)
        else:
            (out, (exact, aux, written)), gradient = objective([]), []
        levels.store(kept["boxes"], written)
        value = kept["output"].wrap([out if exact is None else exact])
        gradients = inputs.wrap([g.conj() if jnp.iscomplexobj(g) else g for g in gradient])
        return (gradients, (value, kept["aux"].wrap(aux))) if has_aux else (gradients, value)

    return wrapper


def _check_scalar(output: Any) -> None:
    if not is_tensor(output):
        raise RuntimeError(f"{_PREFIX}: Expected f(*args) to return a Tensor, got {type(output)}")
    array = array_of(output)
    if array.ndim:
        raise RuntimeError(
            f"{_PREFIX}: Expected f(*args) to return a scalar Tensor, got tensor with {array.ndim} dims. Maybe you "
            "wanted to use the vjp or jacrev APIs instead?"
        )
    if jnp.iscomplexobj(array):
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got torch.{array.dtype.name}"
        )
