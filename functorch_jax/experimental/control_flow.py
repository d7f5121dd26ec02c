"""Control flow that every transform understands: `cond`, `map`, `while_loop`, `scan`.

Where values are there (eagerly, under grad, jvp and the Jacobians) the branch that is taken, or each step, simply
runs. Where they are not (a mapped predicate, a program being compiled) these become `lax.cond`, `lax.map`,
`lax.while_loop` and `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi, tree
from functorch_jax.transforms.arguments import Inputs, Outputs, array_of, is_tensor, like

__all__ = ["cond", "map", "scan", "while_loop"]


class _Staged:
    """A function on trees of tensors as one on lists of arrays; it remembers the structure of its last output."""

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Inputs]) -> None:
        self.func = func
        self.inputs = inputs
        self.outputs: Outputs | None = None

    def __call__(self, *arrays: Any) -> list[Any]:
        flat = iter(arrays)
        values = [i.rebuild([next(flat) for _ in i.leaves])[0] for i in self.inputs]
        output = self.func(*values)
        _check_tensors(output, "the function given to a control-flow operator must return tensors")
        self.outputs, out = Outputs.of(output)
        return out

    def shapes(self, arrays: Sequence[Any]) -> Any:
        """(structure, shapes and dtypes) of the output, without running anything."""
        out = jax.eval_shape(self, *arrays)
        assert self.outputs is not None
        return self.outputs.spec, [(a.shape, a.dtype) for a in out]


def _check_tensors(value: Any, message: str) -> None:
    for leaf in tree.flatten(value)[0]:
        if not is_tensor(leaf):
            raise RuntimeError(f"{message}, got {type(leaf)}")


def _is_abstract(array: Any) -> bool:
    """Whether Python cannot branch on `array` here: it is mapped, or part of a program being compiled."""
    return jaxapi.is_batched(array) or jaxapi.is_traced(array)


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Any = ()) -> Any:
    """`true_fn(*operands)` where `pred` holds, else `false_fn(*operands)`, under every transform.

    Args:
        pred: a bool, an int, or a tensor of one element. Under vmap it may differ from row to row.
        true_fn, false_fn: take the operands and return trees of tensors of the same structure, shapes and dtypes.
        operands: tuple or list of trees of tensors.

    Raises:
        RuntimeError: `pred`, the operands or the branches are not as above.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import vmap
        >>> from functorch_jax.experimental.control_flow import cond
        >>> print(vmap(lambda x: cond(x > 0, jnp.sin, jnp.cos, (x,)))(jnp.zeros(2)))
        [1. 1.]

    Source: torch.cond.
    """
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError(f"Expect both branches to be callable. Got {true_fn!r} and {false_fn!r}")
    if not isinstance(operands, (tuple, list)) or not all(is_tensor(x) for x in tree.flatten(operands)[0]):
        raise RuntimeError(
            "Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, "
            f"but got {operands!r}"
        )
    if not is_tensor(pred):
        if not isinstance(pred, (bool, int)):
            raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {type(pred)}")
        return (true_fn if pred else false_fn)(*operands)
    condition = array_of(pred)
    if condition.size != 1:
        raise RuntimeError(
            f"Expected pred to be bool or single-element tensor, but got a tensor of shape {tuple(condition.shape)}"
        )
    inputs = [Inputs(operand).read() for operand in operands]
    arrays = [array for each in inputs for array in each.arrays]
    branches = [_Staged(true_fn, inputs), _Staged(false_fn, inputs)]
    _check_same_outputs(*(branch.shapes(arrays) for branch in branches))
    if not _is_abstract(condition):
        return (true_fn if bool(condition.reshape(()) != 0) else false_fn)(*operands)
    out = lax.cond(condition.reshape(()) != 0, *branches, *arrays)
    assert branches[0].outputs is not None
    return branches[0].outputs.wrap(out)


def _check_same_outputs(true: Any, false: Any) -> None:
    (true_spec, true_kinds), (false_spec, false_kinds) = true, false
    if true_spec != false_spec:
        raise RuntimeError(
            f"Unmatched output spec from torch.cond branches: true branch {true_spec} vs false branch {false_spec}."
        )
    for (shape, dtype), (other_shape, other_dtype) in zip(true_kinds, false_kinds, strict=True):
        if len(shape) != len(other_shape):
            raise RuntimeError(f"torch.cond: expected same dim in both branches, got shapes {shape} and {other_shape}")
        if dtype != other_dtype:
            raise RuntimeError(f"torch.cond: expected same dtype in both branches, got {dtype} and {other_dtype}")
        if shape != other_shape:
            raise RuntimeError(f"torch.cond: expected same shape in both branches, got {shape} and {other_shape}")


def map(f: Callable[..., Any], xs: Any, *args: Any) -> Any:
    """`f(x, *args)` for each x along the first axis of `xs`, stacked.

    Args:
        f: takes one slice (built like `xs`) and `args`; returns a tree of tensors.
        xs: tree of tensors with the same, non-zero, first dimension.
        *args: passed to every call as they are; need not be tensors.

    Raises:
        RuntimeError: `xs` has other leaves, or leading dimensions that are empty or differ.

    Source: functorch.experimental.control_flow.map.
    """
    inputs = Inputs(xs)
    size = _leading_size(inputs, "map", "Mapped xs")
    if not jaxapi.under_jit():
        rows = [_row(inputs, i) for i in range(size)]
        return _stacked([f(row, *args) for row in rows], 0)
    staged = _Staged(lambda x: f(x, *args), [inputs])
    out = lax.map(lambda row: staged(*row), tuple(inputs.arrays))
    assert staged.outputs is not None
    return staged.outputs.wrap(out)


def _leading_size(inputs: Inputs, name: str, what: str) -> int:
    if not inputs.leaves or not all(is_tensor(leaf) for leaf in inputs.leaves):
        raise RuntimeError(f"{what} can only consist of tensors. Got xs {inputs.leaves!r}.")
    inputs.read()
    sizes = [a.shape[0] if a.ndim else 0 for a in inputs.arrays]
    if any(n == 0 for n in sizes):
        raise RuntimeError("Leading dimensions of mapped xs cannot be 0.")
    if len(set(sizes)) > 1:
        raise RuntimeError(f"Leading dimensions of mapped xs must be consistent. Got shapes with sizes {sizes}.")
    return sizes[0]


def _row(inputs: Inputs, i: int) -> Any:
    return inputs.wrap([a[i] for a in inputs.arrays])


def _stacked(values: list[Any], dim: int) -> Any:
    """Trees of tensors, one a step, as one tree with the steps along `dim`."""
    columns = []
    first, spec = tree.flatten(values[0])
    for column in zip(*(tree.flatten(value)[0] for value in values), strict=True):
        _check_tensors(list(column), "map and scan need a function that returns tensors")
        columns.append(jnp.stack([array_of(leaf) for leaf in column], dim))
    return tree.unflatten(spec, [like(leaf, array) for leaf, array in zip(first, columns, strict=True)])


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Any) -> Any:
    """Repeat `carried = body_fn(*carried)` while `cond_fn(*carried)` holds; returns the last `carried`.

    Args:
        cond_fn: returns a bool or a tensor of one element. Under vmap each row stops on its own.
        body_fn: returns a tuple built like `carried_inputs`, of the same shapes and dtypes.
        carried_inputs: tuple or list of trees of tensors (ints are taken too).

    Raises:
        RuntimeError: not callable, or `carried_inputs` is no tuple or list.

    Reverse mode works wherever values are there; a compiled loop has forward mode only, as in JAX.

    Source: torch.while_loop (torch._higher_order_ops.while_loop).
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple of possibly nested tensors, got {carried_inputs!r}")
    carried = tuple(carried_inputs)
    while True:
        test = cond_fn(*carried)
        condition = array_of(test) if is_tensor(test) else jnp.asarray(bool(test))
        if condition.size != 1:
            raise RuntimeError(f"cond_fn must return a boolean scalar tensor, got shape {tuple(condition.shape)}")
        if _is_abstract(condition):
            return _staged_while(cond_fn, body_fn, carried)
        if not bool(condition.reshape(()) != 0):
            return carried
        new = body_fn(*carried)
        new = tuple(new) if isinstance(new, (tuple, list)) else (new,)
        if len(new) != len(carried):
            raise RuntimeError(
                f"body_fn should return the same number of outputs as carried_inputs ({len(carried)}), got {len(new)}"
            )
        carried = new


def _staged_while(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried: tuple[Any, ...]) -> Any:
    carried = tree.tree_map(lambda x: x if is_tensor(x) else jnp.asarray(x), carried)
    inputs = Inputs(carried).read()

    def test(arrays: Sequence[Any]) -> Any:
        out = cond_fn(*inputs.rebuild(arrays)[0])
        return (array_of(out) if is_tensor(out) else jnp.asarray(out)).reshape(()) != 0

    def step(arrays: Sequence[Any]) -> Sequence[Any]:
        out = body_fn(*inputs.rebuild(arrays)[0])
        leaves = tree.flatten_like(inputs.spec, tuple(out) if isinstance(out, (tuple, list)) else (out,))
        if leaves is None:
            raise RuntimeError("body_fn must return a tuple built like carried_inputs")
        return [array_of(leaf) for leaf in leaves]

    return inputs.wrap(lax.while_loop(test, step, inputs.arrays))


def scan(combine_fn: Callable[..., Any], init: Any, xs: Any, *, dim: int = 0, reverse: bool = False) -> tuple[Any, Any]:
    """`carry, y = combine_fn(carry, x)` for each slice x of `xs`; returns the last carry and the stacked ys.

    Args:
        combine_fn: takes the carry and a slice, returns (new carry, y), the carry built as it was.
        init: the first carry, a tree of tensors.
        xs: tree of tensors; sliced along `dim`.
        dim: the axis of `xs` to scan, and of the ys to stack along.
        reverse: start from the last slice; ys keep the order of `xs`.

    Raises:
        RuntimeError: `combine_fn` is not callable, or `xs` are empty or of different sizes.

    Source: torch.scan (torch._higher_order_ops.scan).
    """
    if not callable(combine_fn):
        raise RuntimeError(f"Combine_fn must be a callable, but got {combine_fn!r}")
    if not isinstance(dim, int):
        raise RuntimeError(f"Dim must be an int, but got {type(dim)}")
    moved = tree.tree_map(lambda x: like(x, jnp.moveaxis(array_of(x), dim, 0)) if is_tensor(x) else x, xs)
    inputs = Inputs(moved)
    size = _leading_size(inputs, "scan", "scan: xs")
    if not jaxapi.under_jit():
        carry, ys = init, []
        for i in range(size)[::-1] if reverse else range(size):
            carry, y = _pair(combine_fn(carry, _row(inputs, i)))
            ys.append(y)
        return carry, _stacked(ys[::-1] if reverse else ys, dim)
    carried = Inputs(init).read()
    kept: dict[str, Outputs] = {}

    def step(carry: list[Any], row: list[Any]) -> tuple[list[Any], list[Any]]:
        new, y = _pair(combine_fn(carried.rebuild(carry)[0], inputs.rebuild(row)[0]))
        leaves = tree.flatten_like(carried.spec, new)
        if leaves is None:
            raise RuntimeError("scan: combine_fn must return a carry built like init")
        kept["y"], arrays = Outputs.of(y)
        return [array_of(leaf) for leaf in leaves], arrays

    last, ys = lax.scan(step, carried.arrays, inputs.arrays, reverse=reverse)
    return carried.wrap(last), kept["y"].wrap([jnp.moveaxis(y, 0, dim) for y in ys])


def _pair(value: Any) -> tuple[Any, Any]:
    if not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise RuntimeError("scan: combine_fn must return the pair (carry, y)")
    return value[0], value[1]
