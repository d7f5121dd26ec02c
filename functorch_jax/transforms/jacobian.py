"""`jacrev`, `jacfwd` and `hessian`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi, levels, tree
from functorch_jax.grad_mode import forward_mode, resync
from functorch_jax.transforms import vjp as reverse
from functorch_jax.transforms.arguments import (
    Argnums,
    Inputs,
    Outputs,
    array_of,
    check_aux,
    check_tensor_outputs,
    checked_argnums,
    is_tensor,
    like,
    picked,
    replaced,
    split_aux,
)
from functorch_jax.transforms.chunks import check_chunk_size, map_rows
from functorch_jax.transforms.jvp import dense_tangent, write_back
from functorch_jax.transforms.vmap import check_randomness

__all__ = ["hessian", "jacfwd", "jacrev"]

_JVP = "jvp(f, primals, tangents)"


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Jacobian by reverse mode: one row of it for each element of the output.

    Args:
        func: returns a tree of real floating tensors; with `has_aux`, (that tree, aux).
        argnums: position or tuple of positions to differentiate.
        has_aux: whether `func` returns (output, aux).
        chunk_size: rows computed at a time; None for all at once. Less memory, more time.
        _preallocate_and_copy: accepted for PyTorch's sake; XLA decides how results are laid out.
        holomorphic: differentiate a complex function of complex inputs, which is refused otherwise.

    Returns: a function of positional arguments that gives, for each output leaf and input leaf, a tensor of shape
        `out.shape + in.shape`: the output's tree outside, then the tuple of argnums, then the input's tree. With
        `has_aux`, the pair (Jacobian, aux).

    Raises:
        RuntimeError: complex arguments or outputs without `holomorphic`, integer outputs, or misuse of argnums.
        ValueError: an input to differentiate is no tensor, or `chunk_size` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import jacrev
        >>> print(jacrev(jnp.sin)(jnp.zeros(2)))
        [[1. 0.]
         [0. 1.]]

    Source: torch.func.jacrev.
    """
    check_chunk_size(chunk_size, "jacrev: `chunk_size` should be greater than 0.")

    @levels.recorded
    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        positions = checked_argnums(argnums, len(args))
        _check_real_inputs("jacrev", args, holomorphic)
        inputs = Inputs(picked(args, positions)).check_reverse()
        result = reverse.run(lambda value: func(*replaced(args, positions, value)), inputs, has_aux)
        _check_holomorphic("jacrev", result.arrays, inputs.arrays, holomorphic)
        shapes = [a.shape for a in result.arrays]
        basis = _basis(result.arrays)
        rows = map_rows(lambda *row: result.pull(list(row)), basis, chunk_size) if inputs.arrays else []
        blocks = [[_block(r, s, 0) for r in rows] for rows, s in zip(_split(rows, shapes, axis=0), shapes, strict=True)]
        jacobian = _assemble(result.outputs, blocks, inputs)
        return (jacobian, result.aux) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Jacobian by forward mode: one column of it for each element of the inputs.

    Args:
        func: returns a tree of real tensors; with `has_aux`, (that tree, aux).
        argnums: position or tuple of positions to differentiate; None for all.
        has_aux: whether `func` returns (output, aux).
        randomness: what random operations in `func` do: "error", "same" or "different", as in `vmap`. There is one run
            of `func` for all columns, so the two permissions mean the same.
        chunk_size: columns computed at a time; None for all at once. `func` then runs once, linearized.
        holomorphic: differentiate a complex function of complex inputs, which is refused otherwise.

    Returns, Raises: as `jacrev`, with the dtype of the output in every block. Integer outputs give zeros.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import jacfwd
        >>> print(jacfwd(jnp.sin)(jnp.zeros(2)))
        [[1. 0.]
         [0. 1.]]

    Source: torch.func.jacfwd.
    """
    check_randomness(randomness)
    check_chunk_size(chunk_size, "jacfwd: `chunk_size` should be greater than 0.")

    @levels.recorded
    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        positions = tuple(range(len(args))) if argnums is None else checked_argnums(argnums, len(args))
        _check_real_inputs("jacfwd", args, holomorphic)
        inputs = Inputs(picked(args, positions))
        for leaf in inputs.leaves:
            if not is_tensor(leaf):
                raise AttributeError(f"jacfwd: '{type(leaf).__name__}' object has no attribute 'numel'")
        inputs.check_forward()
        outer = jaxapi.trace_ref()
        kept: dict[str, Any] = {}

        def flat(*arrays: Any) -> Any:
            with levels.open_level("jacfwd", outer, randomness) as level, forward_mode():
                level.state.update(kept.get("rows", {}))
                value, inner = inputs.rebuild(arrays)
                output, aux = split_aux(func(*replaced(args, positions, value)), has_aux, _JVP)
                check_tensor_outputs(output, _JVP)
                check_aux(aux)
                kept["output"], out = Outputs.of(output)
                _check_holomorphic("jacfwd", out, inputs.arrays, holomorphic)
                kept["aux"], aux_arrays = Outputs.of(aux)
                return out, (aux_arrays, write_back(level, inputs, inner, kept))

        if randomness == "different" and inputs.arrays:
            out, columns, (aux, written) = _columns_of_draws(flat, inputs.arrays, kept)
        else:
            out, columns, (aux, written) = _columns(flat, inputs.arrays, chunk_size)
        resync()
        levels.store(kept["boxes"], written)
        shapes = [a.shape for a in inputs.arrays]
        split = _split(columns, shapes, axis=-1)
        blocks = [[_block(split[i][o], s, -1) for i, s in enumerate(shapes)] for o in range(len(out))]
        jacobian = _assemble(kept["output"], blocks, inputs)
        return (jacobian, kept["aux"].wrap(aux)) if has_aux else jacobian

    return wrapper


def hessian(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Matrix of second derivatives: `jacfwd(jacrev(func))`.

    Arguments are those of `jacfwd`; the result has the output's tree outside, then the inputs' twice, and shapes
    `out.shape + in.shape + in.shape`.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import hessian
        >>> print(hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0])))
        [[ 6.  0.]
         [ 0. 12.]]

    Source: torch.func.hessian.
    """
    inner = jacrev(func, argnums, chunk_size=chunk_size, holomorphic=holomorphic)
    return jacfwd(inner, argnums, chunk_size=chunk_size, holomorphic=holomorphic)


# ---- the pieces ------------------------------------------------------------------------------------------------------


def _basis(arrays: Sequence[Any]) -> list[Any]:
    """The unit vectors of the space of these arrays together: for each, (total size, *its shape)."""
    sizes = [math.prod(a.shape) for a in arrays]
    total = sum(sizes)
    if len(arrays) == 1:
        return [jnp.eye(total, dtype=arrays[0].dtype).reshape(total, *arrays[0].shape)]
    basis, start = [], 0
    for array, size in zip(arrays, sizes, strict=True):
        columns = jnp.eye(total, size, k=-start, dtype=array.dtype)
        basis.append(columns.reshape(total, *array.shape))
        start += size
    return basis


def _split(stacked: Sequence[Any], shapes: Sequence[tuple[int, ...]], axis: int) -> list[list[Any]]:
    """Cut the axis over all unit vectors into one part for each of `shapes`."""
    if len(shapes) == 1:
        return [list(stacked)]
    edges = np.cumsum([math.prod(s) for s in shapes])[:-1].tolist()
    parts = [jnp.split(a, edges, axis) for a in stacked]
    return [[part[i] for part in parts] for i in range(len(shapes))]


def _block(array: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Give the axis over unit vectors the shape of what they span."""
    rest = array.shape[1:] if axis == 0 else array.shape[:-1]
    return array.reshape(*shape, *rest) if axis == 0 else array.reshape(*rest, *shape)


def _assemble(outputs: Outputs, blocks: Sequence[Sequence[Any]], inputs: Inputs) -> Any:
    return tree.unflatten(
        outputs.spec,
        [tree.unflatten(inputs.spec, [like(l, b) for l, b in zip(inputs.leaves, row, strict=True)]) for row in blocks],
    )


def _columns(flat: Callable[..., Any], primals: list[Any], chunk_size: int | None) -> Any:
    """Outputs, their tangents along every unit vector (last axis), and aux."""
    basis = _basis(primals) if primals else []
    total = basis[0].shape[0] if basis else 0
    if chunk_size is None or chunk_size >= total:

        def push(*directions: Any) -> Any:
            out, tangents, aux = jax.jvp(flat, primals, list(directions), has_aux=True)
            return out, [dense_tangent(t, o) for t, o in zip(tangents, out, strict=True)], aux

        return jax.vmap(push, out_axes=(None, -1, None), axis_size=total)(*basis)
    out, push_linear, aux = jax.linearize(flat, *primals, has_aux=True)
    columns = map_rows(
        lambda *d: [dense_tangent(t, o) for t, o in zip(push_linear(*d), out, strict=True)], basis, chunk_size, -1
    )
    return out, columns, aux


def _columns_of_draws(flat: Callable[..., Any], primals: list[Any], kept: dict[str, Any]) -> Any:
    """`_columns` of a function that draws numbers of its own for each unit vector; output and aux are of the first."""
    basis = _basis(primals)
    size = basis[0].shape[0]

    def push(*directions: Any) -> Any:
        trace = jaxapi.trace_ref()
        assert trace is not None
        kept["rows"] = {
            "batch_size": size,
            "lift": lambda array: jaxapi.batch_tracer(trace(), array),
            "rows": trace,
        }
        out, tangents, aux = jax.jvp(flat, primals, list(directions), has_aux=True)
        return out, [dense_tangent(t, o) for t, o in zip(tangents, out, strict=True)], aux

    out, columns, aux = jax.vmap(push, out_axes=(0, -1, 0), axis_size=size)(*basis)
    first = jax.tree_util.tree_map(lambda x: x[0], (out, aux))
    return first[0], columns, first[1]


def _check_real_inputs(name: str, args: Sequence[Any], holomorphic: bool) -> None:
    if holomorphic:
        return
    for i, leaf in enumerate(tree.flatten(tuple(args))[0]):
        if is_tensor(leaf) and jnp.iscomplexobj(array_of(leaf)):
            raise RuntimeError(
                f"{name}: Expected all inputs to be real but received complex tensor at flattened input idx: {i}. "
                "For the complex Jacobian of a holomorphic function, pass holomorphic=True"
            )


def _check_holomorphic(name: str, out: Sequence[Any], inputs: Sequence[Any], holomorphic: bool) -> None:
    for i, array in enumerate(out):
        if jnp.iscomplexobj(array) != holomorphic:
            if holomorphic:
                raise RuntimeError(f"{name}: holomorphic=True needs complex outputs, but output {i} is real")
            raise RuntimeError(
                f"{name}: Expected all outputs to be real but received complex tensor at flattened output idx: {i}. "
                "For the complex Jacobian of a holomorphic function, pass holomorphic=True"
            )
    if holomorphic and not all(map(jnp.iscomplexobj, inputs)):
        raise RuntimeError(f"{name}: holomorphic=True needs complex inputs, but an input to differentiate is real")
