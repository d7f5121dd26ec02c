"""`vjp`, and the reverse pass that `jacrev` shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functorch_jax import jaxapi, levels, tree
from functorch_jax.grad_mode import is_grad_enabled, reverse_mode
from functorch_jax.transforms.arguments import (
    Inputs,
    Linear,
    Outputs,
    array_of,
    check_aux,
    check_tensor_outputs,
    is_tensor,
    split_aux,
)

__all__ = ["vjp"]

_PREFIX = "vjp(f, *primals)"


class Pullback(NamedTuple):
    """A function run once for reverse mode: its output, aux, and the map from output to input cotangents."""

    outputs: Outputs
    arrays: list[Any]
    aux: Any
    linear: Linear | None

    def pull(self, cotangents: list[Any]) -> list[Any]:
        return list(self.linear(cotangents)) if self.linear is not None else []


def run(func: Callable[..., Any], inputs: Inputs, has_aux: bool, prefix: str = _PREFIX) -> Pullback:
    """Run `func(value)` on the tree of `inputs` and keep what its reverse pass needs.

    `pull` takes and gives JAX's cotangents (those of complex values are the conjugates of PyTorch's).
    """
    outer = jaxapi.trace_ref()
    kept: dict[str, Any] = {}

    def flat(*arrays: Any) -> Any:
        with levels.open_level("grad", outer) as level, reverse_mode():
            value, inner = inputs.rebuild(arrays, variable=True)
            output, aux = split_aux(func(value), has_aux, prefix)
            check_tensor_outputs(output, prefix)
            check_aux(aux)
            kept["output"], out = Outputs.of(output, inner)
            for array in out:
                if not jaxapi.is_inexact(array):
                    raise RuntimeError(
                        "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with "
                        f"dtype torch.{array.dtype.name}"
                    )
            kept["aux"], aux_arrays = Outputs.of(aux)
            kept["boxes"], written = level.written()
        return out, (aux_arrays, written)

    pull: Callable[[list[Any]], Any] | None = None
    if inputs.arrays:
        out, pull, (aux, written) = jax.vjp(flat, *inputs.arrays, has_aux=True)
    else:
        out, (aux, written) = flat()
    levels.store(kept["boxes"], written)
    return Pullback(kept["output"], out, kept["aux"].wrap(aux), Linear(pull) if pull is not None else None)


@levels.recorded
def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Value of a function and its vector-Jacobian product.

    Args:
        func: takes the primals and returns a tree of floating or complex tensors; with `has_aux`, (that tree, aux).
        *primals: trees of floating or complex tensors.
        has_aux: whether `func` returns (output, aux).

    Returns: `(output, vjp_fn)`, with `has_aux` `(output, vjp_fn, aux)`. `vjp_fn(cotangents)` takes one tree built like
        the output and returns a tuple with one entry for each primal. It may be called many times, mapped and
        differentiated. Cotangents of complex outputs follow PyTorch's convention, the conjugate of JAX's.

    Raises:
        RuntimeError: an output is no tensor or not differentiable, or the cotangents do not fit the output.
        ValueError: a primal is no tensor.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import vjp
        >>> out, vjp_fn = vjp(lambda x: x**2, jnp.float32(3.0))
        >>> print(out, *vjp_fn(jnp.float32(1.0)))
        9.0 6.0

    Source: torch.func.vjp.
    """
    inputs = Inputs(tuple(primals)).check_reverse()
    result = run(lambda value: func(*value), inputs, has_aux)
    output = result.outputs.wrap(result.arrays, inputs)
    kinds = [(a.shape, a.dtype) for a in result.arrays]
    spent = False

    @levels.recorded
    def wrapper(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> tuple[Any, ...]:
        nonlocal spent
        if spent:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they "
                "have already been freed): an earlier call of vjp_fn had retain_graph=False"
            )
        arrays = _checked_cotangents(cotangents, result.outputs, kinds)
        gradients = [_conj(g) for g in result.pull([_conj(a) for a in arrays])]
        spent = not retain_graph
        if not (is_grad_enabled() if create_graph is None else create_graph):
            gradients = [jaxapi.stop_reverse(g) for g in gradients]
        return inputs.wrap(gradients)

    wrapper.linear = result.linear  # type: ignore[attr-defined]
    return (output, wrapper, result.aux) if has_aux else (output, wrapper)


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def _checked_cotangents(cotangents: Any, outputs: Outputs, kinds: Sequence[Any]) -> list[Any]:
    """An array for each output, cast to its dtype. Raises what PyTorch raises for those that do not fit."""
    leaves = tree.flatten_like(outputs.spec, cotangents)
    if leaves is None:
        raise RuntimeError(
            f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
            f"cotangents: {tree.flatten(cotangents)[1]}, primal output: {outputs.spec}"
        )
    arrays = []
    for i, (leaf, (shape, dtype)) in enumerate(zip(leaves, kinds, strict=True)):
        if leaf is None:
            if shape != ():
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            arrays.append(jnp.ones((), dtype))
            continue
        if not is_tensor(leaf):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(leaf).__name__}")
        array = array_of(leaf)
        if array.shape != shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {_size(array.shape)} and output[{i}] has a shape "
                f"of {_size(shape)}."
            )
        if jnp.iscomplexobj(array) != jnp.issubdtype(dtype, jnp.complexfloating):
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
                f"dtype: grad_output[{i}] has a dtype of torch.{array.dtype.name} and output[{i}] has a dtype of "
                f"torch.{dtype.name}."
            )
        arrays.append(array.astype(dtype))
    return arrays


def _size(shape: Any) -> str:
    return f"torch.Size([{', '.join(map(str, shape))}])"
