"""What every transform does with its arguments and results: check, take the arrays out, put them back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi, tree
from functorch_jax.tree import Box, Spec

ARRAYS = (jax.Array, np.ndarray)


def name_of(func: Callable[..., Any]) -> str:
    """How messages call `func`: its name, `functools.partial(name, ...)`, or its repr."""
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


def is_tensor(x: Any) -> bool:
    """Whether a leaf is something that transforms see inside: a Box, a JAX array or a NumPy array."""
    return isinstance(x, (Box, *ARRAYS))


def array_of(leaf: Any) -> Any:
    """The JAX array in a leaf for which `is_tensor` holds."""
    if isinstance(leaf, Box):
        return leaf.read()
    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf


def like(leaf: Any, array: Any) -> Any:
    """`array` as the kind of thing that `leaf` is."""
    return leaf.from_array(array) if isinstance(leaf, Box) else array


def type_name(x: Any) -> str:
    return str(type(x))


# ---- argnums ---------------------------------------------------------------------------------------------------------

Argnums = int | tuple[int, ...]


def checked_argnums(argnums: Any, count: int) -> Argnums:
    """`argnums` with negative positions counted from the end of `count` positional arguments.

    Raises RuntimeError as PyTorch does for what is no int or tuple of ints, out of range, empty or repeated.
    """
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if isinstance(argnums, int):
        return _wrapped(int(argnums), count)
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    for argnum in argnums:
        if not isinstance(argnum, int):
            raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    wrapped = tuple(_wrapped(argnum, count) for argnum in argnums)
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"argnums elements must be unique, got {wrapped}")
    return wrapped


def _wrapped(argnum: int, count: int) -> int:
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def picked(args: Sequence[Any], argnums: Argnums) -> Any:
    """The argument at `argnums`, or the tuple of those."""
    return args[argnums] if isinstance(argnums, int) else tuple(args[i] for i in argnums)


def replaced(args: Sequence[Any], argnums: Argnums, values: Any) -> list[Any]:
    """`args` with `values` at `argnums`."""
    new = list(args)
    pairs = [(argnums, values)] if isinstance(argnums, int) else zip(argnums, values, strict=True)
    for i, value in pairs:
        new[i] = value
    return new


# ---- inputs ----------------------------------------------------------------------------------------------------------


class Inputs:
    """A tree of tensors going into a transform: its leaves, structure and arrays."""

    def __init__(self, value: Any) -> None:
        self.leaves, self.spec = tree.flatten(value)
        self.arrays: list[Any] = []

    def read(self) -> Inputs:
        self.arrays = [array_of(leaf) for leaf in self.leaves]
        return self

    def check_reverse(self) -> Inputs:
        """Raise PyTorch's error for a leaf that reverse mode cannot differentiate."""
        for leaf in self.leaves:
            if not is_tensor(leaf):
                raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
        self.read()
        for array in self.arrays:
            if not jaxapi.is_inexact(array):
                raise RuntimeError(
                    "only Tensors of floating point dtype can require gradients, and the function is to be "
                    f"differentiated with respect to one of {array.dtype}"
                )
        return self

    def check_forward(self, what: str = "primal") -> Inputs:
        """Raise PyTorch's error for a leaf that forward mode cannot differentiate."""
        self.read()
        for array in self.arrays:
            if not jaxapi.is_inexact(array):
                raise ValueError(f"Expected {what} to be floating point or complex, but got: {_torch_name(array)}")
        return self

    def rebuild(self, arrays: Sequence[Any], *, variable: bool = False) -> tuple[Any, list[Any]]:
        """The tree around other arrays (tracers), and its leaves. `variable`: they may not be written in place."""
        leaves = [
            leaf.from_array(array, variable=variable) if isinstance(leaf, Box) else array
            for leaf, array in zip(self.leaves, arrays, strict=True)
        ]
        return tree.unflatten(self.spec, leaves), leaves

    def wrap(self, arrays: Sequence[Any]) -> Any:
        """Results, one for each leaf, as the kinds of thing that went in."""
        return tree.unflatten(self.spec, [like(l, a) for l, a in zip(self.leaves, arrays, strict=True)])

    def written(self, inner: Sequence[Any]) -> list[int]:
        """Which of the leaves that `rebuild` made were written in place."""
        return [i for i, leaf in enumerate(inner) if isinstance(leaf, Box) and leaf.writes()]


def _torch_name(array: Any) -> str:
    return f"torch.{np.dtype(array.dtype).name}"


# ---- outputs ---------------------------------------------------------------------------------------------------------


class Outputs:
    """What a function returned: arrays for JAX, and all that is needed to put them back around the results.

    It holds no tracer: it outlives the trace.
    """

    def __init__(self, spec: Spec, kinds: list[Any], same: list[int | None]) -> None:
        self.spec = spec
        self.kinds = kinds
        self.same = same

    @staticmethod
    def of(value: Any, inner: Sequence[Any] = ()) -> tuple[Outputs, list[Any]]:
        """The outputs and their arrays. `inner` are the input leaves, so that one returned as it is, is recognised."""
        leaves, spec = tree.flatten(value)
        position = {id(leaf): i for i, leaf in enumerate(inner) if isinstance(leaf, Box) and not leaf.writes()}
        kinds = [_kind(leaf) for leaf in leaves]
        return Outputs(spec, kinds, [position.get(id(leaf)) for leaf in leaves]), [array_of(leaf) for leaf in leaves]

    def wrap(self, arrays: Sequence[Any], inputs: Inputs | None = None) -> Any:
        leaves = [kind(array) for kind, array in zip(self.kinds, arrays, strict=True)]
        if inputs is not None:
            leaves = [leaf if i is None else inputs.leaves[i] for leaf, i in zip(leaves, self.same, strict=True)]
        return tree.unflatten(self.spec, leaves)


def _kind(leaf: Any) -> Callable[[Any], Any]:
    """How to put an array back into what `leaf` was, without keeping `leaf`."""
    return type(leaf).from_array if isinstance(leaf, Box) else lambda array: array


class Linear:
    """A linear map of JAX's with the arrays that it keeps, which imperative autograd may exchange for tensors."""

    def __init__(self, map: Callable[..., Any]) -> None:
        self.leaves, self.treedef = jax.tree_util.tree_flatten(map)

    def __call__(self, *args: Any) -> Any:
        leaves = [leaf.read() if isinstance(leaf, Box) else leaf for leaf in self.leaves]
        return jax.tree_util.tree_unflatten(self.treedef, leaves)(*args)


def split_aux(value: Any, has_aux: bool, prefix: str) -> tuple[Any, Any]:
    """(output, aux) of what a function returned. Raises RuntimeError when it should be a pair and is not."""
    if not has_aux:
        return value, ()
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(
            f"{prefix}: output of function f should be a tuple: (output, aux) if has_aux is True, got {type(value)}"
        )
    return value[0], value[1]


def check_aux(aux: Any) -> None:
    """Raise PyTorch's error for an aux leaf that is no tensor."""
    for leaf in tree.flatten(aux)[0]:
        if not is_tensor(leaf):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")


def check_tensor_outputs(value: Any, prefix: str, call: str = "f(*primals)") -> None:
    """Raise PyTorch's error for a function that returned nothing, or something that is no tensor."""
    leaves, _ = tree.flatten(value)
    if value is None or not leaves:
        raise RuntimeError(f"{prefix}: Expected f to be a function that has non-empty output (got output = {value!r})")
    for leaf in leaves:
        if not is_tensor(leaf):
            raise RuntimeError(f"{prefix}: expected {call} to return only tensors, got unsupported type {type(leaf)}")
