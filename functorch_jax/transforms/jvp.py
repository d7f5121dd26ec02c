"""`jvp` and `linearize`: forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi, levels, tree
from functorch_jax.grad_mode import forward_mode, resync
from functorch_jax.levels import Level
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

__all__ = ["jvp", "linearize"]

_PREFIX = "jvp(f, primals, tangents)"
_TENSOR = object()  # marks the place of a tensor among the leaves that linearize passes through


def write_back(level: Level, inputs: Inputs, inner: Sequence[Any], kept: dict[str, Any]) -> list[Any]:
    """The arrays to return for everything the function wrote in place: captured boxes, and its own arguments.

    The boxes they belong to are left in `kept["boxes"]`, for `levels.store` once the transform has returned.
    """
    boxes, arrays = level.written()
    for i in inputs.written(inner):
        boxes.append(inputs.leaves[i])
        arrays.append(inner[i].array)
    kept["boxes"] = boxes
    return arrays


@levels.recorded
def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """Value of a function and its Jacobian-vector product.

    Args:
        func: takes the primals and returns a tree of tensors; with `has_aux`, (that tree, aux).
        primals: tuple of the arguments, trees of floating or complex tensors.
        tangents: tuple of directions, built like `primals` and of the same shapes.
        strict: raise when an output does not depend on the inputs, instead of giving a zero tangent.
        has_aux: whether `func` returns (output, aux).

    Returns: `(output, tangent)`, with `has_aux` `(output, tangent, aux)`. Tangents have the outputs' dtypes.

    Raises:
        RuntimeError: primals is no tuple, tangents are built differently, or an output is no tensor.
        ValueError: a primal or tangent is of an integer dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import jvp
        >>> print(*jvp(jnp.square, (jnp.float32(3.0),), (jnp.float32(2.0),)))
        9.0 12.0

    Source: torch.func.jvp.
    """
    inputs, directions = _checked(primals, tangents)
    outer = jaxapi.trace_ref()
    kept: dict[str, Any] = {}

    def flat(*arrays: Any) -> Any:
        with levels.open_level("jvp", outer) as level, forward_mode():
            value, inner = inputs.rebuild(arrays)
            output, aux = split_aux(func(*value), has_aux, _PREFIX)
            check_tensor_outputs(output, _PREFIX)
            check_aux(aux)
            kept["output"], out = Outputs.of(output, inner)
            if strict:
                _check_dependent(out, level)
            kept["aux"], aux_arrays = Outputs.of(aux)
            return out, (aux_arrays, write_back(level, inputs, inner, kept))

    out, tangent, (aux, written) = jax.jvp(flat, inputs.arrays, directions, has_aux=True)
    resync()
    levels.store(kept["boxes"], written)
    output = kept["output"].wrap(out, inputs)
    output_tangent = kept["output"].wrap([dense_tangent(t, o) for t, o in zip(tangent, out, strict=True)])
    return (output, output_tangent, kept["aux"].wrap(aux)) if has_aux else (output, output_tangent)


def dense_tangent(tangent: Any, out: Any) -> Any:
    """The tangent as PyTorch has it: integer outputs get integer zeros, where JAX has a dtype for "no tangent"."""
    return jnp.zeros_like(out) if tangent.dtype == jax.dtypes.float0 else tangent


def _checked(primals: Any, tangents: Any) -> tuple[Inputs, list[Any]]:
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_PREFIX}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals). "
            f"Got: {type(primals)}"
        )
    inputs = Inputs(primals)
    tangent_leaves = tree.flatten_like(inputs.spec, tangents)
    if tangent_leaves is None:
        raise RuntimeError(
            f"{_PREFIX}: Expected primals and tangents to have the same python structure. For example, if primals is "
            "a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{inputs.spec} and tangents with structure {tree.flatten(tangents)[1]}"
        )
    if not inputs.leaves:
        raise RuntimeError(f"{_PREFIX}: Expected primals to contain at least one Tensor")
    for what, leaves in (("primals", inputs.leaves), ("tangents", tangent_leaves)):
        for leaf in leaves:
            if not is_tensor(leaf):
                raise RuntimeError(f"{_PREFIX}: Expected {what} to only contain Tensors, got {type(leaf)}")
    inputs.check_forward()
    directions = Inputs(tangents)
    directions.leaves = tangent_leaves
    directions.check_forward("tangent")
    for primal, direction in zip(inputs.arrays, directions.arrays, strict=True):
        if primal.shape != direction.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                f"not supported. Tensor is of size {list(primal.shape)} while the given forward gradient is of size "
                f"{list(direction.shape)}."
            )
    return inputs, [_as(d, p.dtype) for d, p in zip(directions.arrays, inputs.arrays, strict=True)]


def _as(direction: Any, dtype: Any) -> Any:
    if jnp.iscomplexobj(direction) and not jnp.issubdtype(dtype, np.complexfloating):
        raise RuntimeError(
            "Expected a real tangent for a real primal: the forward gradient is complex and the tensor is "
            f"torch.{dtype.name}"
        )
    return direction.astype(dtype)


def _check_dependent(out: Sequence[Any], level: Level) -> None:
    for array in out:
        if not (isinstance(array, jaxapi.Tracer) and array._trace is level.trace()):
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not "
                "allowed with strict=True."
            )


@levels.recorded
def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Value of a function and its Jacobian at a point as a linear function.

    Args:
        func: takes the primals and returns a tree of tensors; other leaves pass through unchanged.
        *primals: trees of floating or complex tensors.

    Returns: `(output, jvp_fn)`; `jvp_fn(*tangents)` takes one tangent for each primal, of exactly its structure, shapes
        and dtypes, and gives the directional derivative without running `func` again.

    Raises:
        RuntimeError: tangents do not fit the primals.
        ValueError: a primal is of an integer dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import linearize
        >>> out, jvp_fn = linearize(jnp.square, jnp.float32(3.0))
        >>> print(out, jvp_fn(jnp.float32(1.0)))
        9.0 6.0

    Source: torch.func.linearize.
    """
    inputs = Inputs(tuple(primals))
    for leaf in inputs.leaves:
        if not is_tensor(leaf):
            raise AttributeError(
                f"linearize: every leaf of the primals must be a Tensor: '{type(leaf).__name__}' object has no "
                "attribute 'dtype'"
            )
    inputs.check_forward()
    outer = jaxapi.trace_ref()
    kept: dict[str, Any] = {}

    def flat(*arrays: Any) -> Any:
        with levels.open_level("jvp", outer) as level, forward_mode():
            value, inner = inputs.rebuild(arrays)
            leaves, kept["spec"] = tree.flatten(func(*value))
            kept["leaves"] = [_TENSOR if is_tensor(leaf) else leaf for leaf in leaves]
            kept["output"], out = Outputs.of([leaf for leaf in leaves if is_tensor(leaf)])
            return out, write_back(level, inputs, inner, kept)

    out, pushed, written = jax.linearize(flat, *inputs.arrays, has_aux=True)
    push = Linear(pushed)
    resync()
    levels.store(kept["boxes"], written)

    def assemble(arrays: Sequence[Any]) -> Any:
        tensors = iter(kept["output"].wrap(arrays))
        return tree.unflatten(kept["spec"], [next(tensors) if x is _TENSOR else x for x in kept["leaves"]])

    shapes = [(a.shape, a.dtype) for a in inputs.arrays]

    @levels.recorded
    def jvp_fn(*tangents: Any) -> Any:
        directions = _checked_tangents(tangents, inputs.spec, shapes)
        return assemble([dense_tangent(t, o) for t, o in zip(push(*directions), out, strict=True)])

    jvp_fn.linear = push  # type: ignore[attr-defined]
    return assemble(out), jvp_fn


def _checked_tangents(tangents: Any, spec: tree.Spec, shapes: Sequence[Any]) -> list[Any]:
    leaves = tree.flatten_like(spec, tangents)
    if leaves is None:
        raise RuntimeError(
            f"Expected the tangents {tree.flatten(tangents)[1]} to have the same argspec as the primals {spec}"
        )
    arrays = []
    for i, (leaf, (shape, dtype)) in enumerate(zip(leaves, shapes, strict=True)):
        if not is_tensor(leaf):
            raise AttributeError(f"jvp_fn: tangent {i}: '{type(leaf).__name__}' object has no attribute 'shape'")
        array = array_of(leaf)
        for what, got, wanted in (("shape", array.shape, shape), ("dtype", array.dtype, dtype)):
            if got != wanted:
                raise RuntimeError(
                    f"Expected tangent {i} to match its primal: {what} {got} in flattened pytree doesn't match the "
                    f"{what} {wanted} of the primal"
                )
        arrays.append(array)
    return arrays
