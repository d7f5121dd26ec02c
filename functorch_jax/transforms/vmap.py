"""`vmap`: run a function once for all rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi, levels, tree
from functorch_jax.config import config
from functorch_jax.grad_mode import resync
from functorch_jax.transforms.arguments import Inputs, array_of, is_tensor, like, name_of
from functorch_jax.transforms.chunks import check_chunk_size
from functorch_jax.transforms.errors import DataDependenceError, data_dependent
from functorch_jax.tree import Box

__all__ = ["check_randomness", "vmap"]

_RANDOMNESS = ("error", "different", "same")
Dims = Any  # int, None, or a tree of those


def check_randomness(randomness: Any) -> None:
    """Raise RuntimeError for a randomness flag that PyTorch does not know."""
    if randomness not in _RANDOMNESS:
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")


def vmap(
    func: Callable[..., Any],
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over an axis of its arguments.

    Args:
        func: takes one row and returns a tree of tensors (anything where `out_dims` is None).
        in_dims: the axis to map of each positional argument: an int for all, or a tuple of trees of ints, with None for
            what every row shares. Negative ones count from the end. Keyword arguments are never mapped.
        out_dims: where the mapped axis goes in each output: an int for all or a tree of ints; None for what is the same
            in every row and is returned as it is.
        randomness: what a random operation in `func` does: "error" raises, "same" draws once for all rows, "different"
            draws for each row.
        chunk_size: rows computed at a time; None for all at once.

    Raises:
        ValueError: in_dims or out_dims do not fit the arguments or results, or sizes differ.
        RuntimeError: `func` branches on a mapped value (see `functorch_jax.config.vmap_branches`), or writes one into
            a tensor that is not mapped.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import vmap
        >>> print(vmap(jnp.dot)(jnp.ones((2, 3)), jnp.ones((2, 3))))
        [3. 3.]

    Source: torch.func.vmap.
    """
    check_randomness(randomness)
    check_chunk_size(chunk_size, f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @levels.recorded
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        mapped = _Mapped(func, in_dims, out_dims, randomness, args, kwargs)
        return mapped.run(chunk_size)

    return wrapper


class _Mapped:
    """One call of a mapped function: the arguments checked, and the ways to run it."""

    def __init__(
        self, func: Callable[..., Any], in_dims: Dims, out_dims: Dims, randomness: str, args: Any, kwargs: Any
    ) -> None:
        self.func = func
        self.name = name_of(func)
        self.out_dims = out_dims
        self.randomness = randomness
        self.kwargs = kwargs
        self.inputs = Inputs(args)
        self.dims = self._checked_in_dims(in_dims, args)
        self.size = self._checked_size()
        self.mapped = [i for i, dim in enumerate(self.dims) if dim is not None]
        self.arrays = [array_of(self.inputs.leaves[i]) for i in self.mapped]
        self.axes = [dim for dim in self.dims if dim is not None]

    # -- checking arguments --------------------------------------------------------------------------------------------

    def _checked_in_dims(self, in_dims: Any, args: Any) -> list[int | None]:
        call = f"vmap({self.name}, in_dims={in_dims}, ...)(<inputs>)"
        if type(in_dims) is bool:
            raise TypeError(f"{call}: in_dims must be int or tuple, not bool")
        if not isinstance(in_dims, (int, tuple)):
            raise ValueError(
                f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
                f"inputs, got: {type(in_dims)}."
            )
        if not args:
            raise ValueError(
                f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
                "vmap over a function with no inputs. The latter is unsupported."
            )
        flat = tree.broadcast_prefix(in_dims, self.inputs.spec, lambda x: not isinstance(x, (tuple, list, dict)))
        if flat is None:
            raise ValueError(
                f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
                f"{tree.flatten(in_dims)[1]} but inputs has structure {self.inputs.spec}."
            )
        return [self._checked_in_dim(call, dim, leaf) for dim, leaf in zip(flat, self.inputs.leaves, strict=True)]

    @staticmethod
    def _checked_in_dim(call: str, dim: Any, leaf: Any) -> int | None:
        if type(dim) is bool:
            raise TypeError(f"{call}: an in_dim must be int, not bool")
        if dim is None:
            return None
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
            )
        if not is_tensor(leaf):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        ndim = array_of(leaf).ndim
        if not -ndim <= dim < ndim:
            raise ValueError(
                f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {ndim} so "
                f"expected in_dim to satisfy -{ndim} <= in_dim < {ndim}."
            )
        return dim % ndim

    def _checked_size(self) -> int:
        sizes = [
            array_of(leaf).shape[dim]
            for dim, leaf in zip(self.dims, self.inputs.leaves, strict=True)
            if dim is not None
        ]
        if not sizes:
            raise ValueError(
                f"vmap({self.name})(<inputs>): Expected at least one Tensor to vmap over: every in_dim is None"
            )
        if len(set(sizes)) > 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                f"{sizes} for the mapped dimension"
            )
        return sizes[0]

    # -- running -------------------------------------------------------------------------------------------------------

    def run(self, chunk_size: int | None) -> Any:
        if chunk_size is not None and chunk_size < self.size:
            if jaxapi.under_jit():
                return self._run_compiled_chunks(chunk_size)
            return self._run_chunks(chunk_size)
        if config.vmap_branches == "error":
            return self._run_rows(self.arrays, self.size)
        undo = _Snapshot(self.inputs)
        try:
            return self._run_rows(self.arrays, self.size)
        except DataDependenceError:
            undo.restore()
            return self._run_chunks(1, loop=True)

    def _call(self, arrays: Sequence[Any]) -> tuple[Any, list[tuple[int, Box]]]:
        """Run the function on these for the mapped leaves: its output, and the boxes it was given, by position."""
        leaves = list(self.inputs.leaves)
        inner: list[tuple[int, Box]] = []
        for i, array in zip(self.mapped, arrays, strict=True):
            leaves[i] = like(leaves[i], array)
            if isinstance(leaves[i], Box):
                inner.append((i, leaves[i]))
        return self.func(*tree.unflatten(self.inputs.spec, leaves), **self.kwargs), inner

    def _run_rows(self, arrays: Sequence[Any], size: int) -> Any:
        outer = jaxapi.trace_ref()
        kept: dict[str, Any] = {}

        def flat(*rows: Any) -> Any:
            with levels.open_level("vmap", outer, self.randomness) as level:
                level.state["batch_size"] = size
                level.state["lift"] = lambda array: jaxapi.batch_tracer(level.trace(), array)
                output, inner = self._call(rows)
                leaves, kept["spec"] = tree.flatten(output)
                dims = self._checked_out_dims(kept["spec"], leaves)
                position = {id(box): i for i, box in inner}
                kept["same"] = [position.get(id(leaf)) for leaf in leaves]
                kept["dims"] = dims
                kept["kinds"], outputs, out_axes = self._outputs(leaves, dims, level)
                written_inputs = [(i, box) for i, box in inner if box.writes()]
                boxes, written = level.written()
                kept["boxes"] = boxes + [self.inputs.leaves[i] for i, _ in written_inputs]
                kept["count"] = len(outputs)
                outputs += written + [box.array for _, box in written_inputs]
                out_axes += [None] * len(written) + [self.dims[i] for i, _ in written_inputs]
                level.state.clear()
            return outputs, out_axes

        try:
            results = jaxapi.vmap_flat(flat, self.axes, size)(*arrays)
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
            if jaxapi.under_jit():
                raise
            branch = isinstance(error, jax.errors.TracerBoolConversionError)
            raise data_dependent("bool()" if branch else "its value was asked for", error.__traceback__) from error
        resync()
        levels.store(kept["boxes"], results[kept["count"] :])
        return self._assemble(kept, results[: kept["count"]])

    def _outputs(self, leaves: list[Any], dims: list[int | None], level: levels.Level) -> Any:
        """For each leaf how to put it back; the arrays to return; their axes."""
        trace = level.trace()
        kinds: list[Any] = []
        arrays: list[Any] = []
        axes: list[int | None] = []
        for leaf, dim in zip(leaves, dims, strict=True):
            if dim is None and not is_tensor(leaf):
                kinds.append((False, leaf))
                continue
            if not is_tensor(leaf):
                raise ValueError(
                    f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type {type(leaf)}. Did you "
                    "mean to set out_dims= to None for output?"
                )
            array = array_of(leaf)
            if dim is None and jaxapi.is_batched(array, trace):
                raise ValueError(
                    f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when out_dim is None"
                )
            if dim is not None:
                rank = array.ndim + 1
                if not -rank <= dim < rank:
                    raise IndexError(
                        f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})"
                    )
                dim %= rank
            kinds.append((True, type(leaf).from_array if isinstance(leaf, Box) else None))
            arrays.append(array)
            axes.append(dim)
        return kinds, arrays, axes

    def _assemble(self, kept: dict[str, Any], results: Sequence[Any]) -> Any:
        rest = iter(results)
        leaves = []
        for (tensor, kind), same, dim in zip(kept["kinds"], kept["same"], kept["dims"], strict=True):
            if not tensor:
                leaves.append(kind)
                continue
            array = next(rest)
            if same is not None and dim is not None and dim % array.ndim == self.dims[same]:
                leaves.append(self.inputs.leaves[same])  # the very tensor that came in
            else:
                leaves.append(array if kind is None else kind(array))
        return tree.unflatten(kept["spec"], leaves)

    def _checked_out_dims(self, spec: tree.Spec, leaves: list[Any]) -> list[int | None]:
        out_dims = self.out_dims
        call = f"vmap({self.name}, ..., out_dims={out_dims})"

        def is_leaf(x: Any) -> bool:
            return x is None or type(x) is int or not isinstance(x, (tuple, list, dict))

        if any(not (d is None or type(d) is int) for d in tree.flatten(out_dims)[0]):
            raise ValueError(
                f"{call}: `out_dims` must be an int, None or a python collection of ints representing where in the "
                f"outputs the vmapped dimension should appear."
            )
        if spec.is_leaf() and isinstance(out_dims, tuple) and len(out_dims) == 1:
            out_dims = out_dims[0]  # a 1-tuple for a single tensor
        dims = tree.broadcast_prefix(out_dims, spec, is_leaf)
        if dims is None:
            raise ValueError(
                f"{call}: out_dims is not compatible with the structure of `outputs`. out_dims has structure "
                f"{tree.flatten(self.out_dims)[1]} but outputs has structure {spec}."
            )
        return dims

    # -- chunks and loops ----------------------------------------------------------------------------------------------

    def _run_chunks(self, chunk_size: int, loop: bool = False) -> Any:
        """Run the function once a chunk and join the results; as a loop, on bare rows with nothing mapped."""
        run = self._run_row if loop else self._run_slice
        return self._join([run(start, chunk_size) for start in range(0, self.size, chunk_size)], loop)

    def _slices(self, start: int, count: int) -> list[Any]:
        return [
            lax.slice_in_dim(a, start, min(start + count, self.size), axis=axis)
            for a, axis in zip(self.arrays, self.axes, strict=True)
        ]

    def _run_slice(self, start: int, count: int) -> tuple[Any, Any]:
        arrays = self._slices(start, count)
        leaves, spec = tree.flatten(self._run_rows(arrays, arrays[0].shape[self.axes[0]]))
        return leaves, spec

    def _run_row(self, start: int, count: int) -> tuple[Any, Any]:
        rows = [jnp.squeeze(a, axis) for a, axis in zip(self._slices(start, 1), self.axes, strict=True)]
        output, inner = self._call(rows)
        for i, box in inner:
            if box.writes():
                leaf = self.inputs.leaves[i]
                leaf.overwrite(_set_row(array_of(leaf), box.array, start, self.dims[i]))
        return tree.flatten(output)

    def _join(self, parts: list[tuple[list[Any], tree.Spec]], loop: bool) -> Any:
        leaves, spec = parts[0]
        dims = self._checked_out_dims(spec, leaves)
        joined = []
        for column, dim in zip(zip(*(part[0] for part in parts), strict=True), dims, strict=True):
            first = column[0]
            if dim is None:
                joined.append(column[-1])
                continue
            arrays = [array_of(leaf) for leaf in column]
            axis = dim % (arrays[0].ndim + 1) if loop else dim
            array = jnp.stack(arrays, axis) if loop else jnp.concatenate(arrays, axis)
            joined.append(type(first).from_array(array) if isinstance(first, Box) else array)
        return tree.unflatten(spec, joined)

    def _run_compiled_chunks(self, chunk_size: int) -> Any:
        """A `lax.map` over the whole chunks, and one call for the rows left over."""
        count = self.size // chunk_size
        kept: dict[str, Any] = {}

        def body(chunk: tuple[Any, ...]) -> list[Any]:
            arrays = [jnp.moveaxis(a, 0, axis) for a, axis in zip(chunk, self.axes, strict=True)]
            leaves, spec = tree.flatten(self._run_rows(arrays, chunk_size))
            dims = self._checked_out_dims(spec, leaves)
            kept.update(spec=spec, dims=dims, leaves=[_Place(leaf) if is_tensor(leaf) else leaf for leaf in leaves])
            return [
                array_of(leaf) if dim is None else jnp.moveaxis(array_of(leaf), dim, 0)
                for leaf, dim in zip(leaves, dims, strict=True)
                if is_tensor(leaf)
            ]

        def chunks(array: Any, axis: int) -> Any:
            front = jnp.moveaxis(array, axis, 0)[: count * chunk_size]
            return front.reshape(count, chunk_size, *front.shape[1:])

        stacked = tuple(chunks(a, axis) for a, axis in zip(self.arrays, self.axes, strict=True))
        results = iter(lax.map(body, stacked))
        leaves = []
        for leaf, dim in zip(kept["leaves"], kept["dims"], strict=True):
            if isinstance(leaf, _Place):
                array = next(results)
                rows = array[-1] if dim is None else jnp.moveaxis(array.reshape(-1, *array.shape[2:]), 0, dim)
                leaves.append(leaf.fill(rows))
            else:
                leaves.append(leaf)
        parts = [(leaves, kept["spec"])]
        if count * chunk_size < self.size:
            parts.append(self._run_slice(count * chunk_size, chunk_size))
        return self._join(parts, loop=False)


class _Place:
    """Where a tensor stood among the outputs, and of what kind it was."""

    def __init__(self, leaf: Any) -> None:
        self.fill = type(leaf).from_array if isinstance(leaf, Box) else lambda array: array


def _set_row(array: Any, value: Any, row: int, axis: int | None) -> Any:
    assert axis is not None
    return array.at[(slice(None),) * axis + (row,)].set(value)


class _Snapshot:
    """The arrays of the mapped boxes, to put back before a second attempt."""

    def __init__(self, inputs: Inputs) -> None:
        self.boxes = [(leaf, leaf.array) for leaf in inputs.leaves if isinstance(leaf, Box)]

    def restore(self) -> None:
        for box, array in self.boxes:
            if box.array is not array:
                box.overwrite(array)


def mapped_size(func: Callable[..., Any], in_dims: Dims, args: tuple[Any, ...]) -> int:
    """The number of rows that `vmap(func, in_dims)(*args)` maps. Raises what that call would."""
    return _Mapped(func, in_dims, 0, "error", args, {}).size
