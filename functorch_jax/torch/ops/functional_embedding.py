"""Embeddings, and bags of them: sums, means and maxima of rows of a table."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import Op, function
from functorch_jax.torch._promote import cast, type_name
from functorch_jax.torch._tensor import Tensor


def _shared_lookup(weight: Any, index: Any) -> Any:
    """`weight[index]`, whose cotangents are divided by how often the row was looked up."""
    found = jax.ShapeDtypeStruct((*index.shape, weight.shape[1]), weight.dtype)
    rows = weight.shape[0]

    def pull(known: Any, cotangents: Any) -> Any:
        return [_shared_sum(cotangents[0], known[0], rows)]

    return jaxapi.user_linear(lambda known, x: [x[0][known[0]]], pull, [index], [weight], [found])[0]


def _shared_sum(values: Any, index: Any, rows: int) -> Any:
    """For each row the mean of the values that its index has; the derivative is that of their sum, as in PyTorch."""
    table = jax.ShapeDtypeStruct((rows, values.shape[-1]), values.dtype)

    def push(known: Any, x: Any) -> Any:
        times = jnp.zeros(rows, values.dtype).at[known[0]].add(1)[known[0]]
        return [jnp.zeros(table.shape, table.dtype).at[known[0]].add(x[0] / times[..., None])]

    def pull(known: Any, cotangents: Any) -> Any:
        return [_shared_lookup(cotangents[0], known[0])]

    return jaxapi.user_linear(push, pull, [index], [values], [table])[0]


def _lookup(indices: Any, weight: Any, padding_idx: int | None, by_frequency: bool) -> Any:
    if by_frequency:
        rows = _shared_lookup(weight, jnp.clip(indices, 0, weight.shape[0] - 1))
    else:
        rows = jnp.take(weight, indices, axis=0, mode="clip")
    if padding_idx is None:
        return rows
    return jnp.where(jnp.expand_dims(indices == padding_idx, -1), jaxapi.stop_reverse(rows), rows)


_embedding = Op(_lookup, "embedding")


def _check_indices(input: Any, weight: Any) -> None:
    _check_integers("indices", 1, input, "embedding")
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    known = known_value(input)
    if known is not None and known.size and (known.min() < 0 or known.max() >= weight.shape[0]):
        raise IndexError("index out of range in self")


@function("nn.functional")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` by index.

    Args:
        input: integers of any shape.
        weight: (V, D).
        padding_idx: the row that gets no gradient.
        max_norm: rows that are looked up and have a larger norm are scaled down to it first, in place.
        norm_type: which norm that is.
        scale_grad_by_freq: divide the gradient of each row by how often it is looked up.
        sparse: accepted; gradients are dense.

    Returns: the shape of `input`, and D.
    Errors: IndexError for an index out of range, RuntimeError for indices that are no integers.
    Source: torch.nn.functional.embedding.
    """
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    _check_indices(input, weight)
    if max_norm is not None:
        with grad_mode.no_grad():
            embedding_renorm_(weight.detach(), input, max_norm, norm_type)
    return _embedding(input, weight, padding_idx, bool(scale_grad_by_freq))


@function("torch", name="embedding")
def _torch_embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` by index. Source: torch.embedding."""
    _check_indices(indices, weight)
    return _embedding(indices, weight, None if padding_idx < 0 else padding_idx, bool(scale_grad_by_freq))


def _bags(
    weight: Any,
    input: Any,
    offsets: Any,
    weights: Any,
    mode: str,
    padding_idx: int | None,
    by_frequency: bool,
    bags: int,
) -> Any:
    """One row for each of `bags` stretches of `input`, which begin at `offsets`."""
    rows = _shared_lookup(weight, input) if by_frequency else weight[input]
    place = jnp.arange(input.shape[0])
    bag = jnp.searchsorted(offsets, place, side="right") - 1
    kept = jnp.ones(input.shape, bool) if padding_idx is None else input != padding_idx
    out = jnp.zeros((bags, weight.shape[1]), rows.dtype)
    if mode == "max":
        low = jnp.where(kept[:, None], lax.stop_gradient(rows), -jnp.inf)
        top = jnp.full(out.shape, -jnp.inf, rows.dtype).at[bag].max(low)
        # the first of equal ones gets the derivative
        first = jnp.where(kept[:, None] & (low == top[bag]), place[:, None], input.shape[0])
        first = jnp.full(out.shape, input.shape[0]).at[bag].min(first)
        found = jnp.take_along_axis(rows, jnp.minimum(first, max(input.shape[0] - 1, 0)), 0) if place.size else out
        return jnp.where(first < input.shape[0], found, 0)
    if weights is not None:
        rows = rows * weights[:, None]
    out = out.at[bag].add(jnp.where(kept[:, None], rows, 0))
    if mode == "sum":
        return out
    count = jnp.zeros(bags, rows.dtype).at[bag].add(kept.astype(rows.dtype))
    return out / jnp.maximum(count, 1)[:, None]


_embedding_bag = Op(_bags, "embedding_bag")


def _rescaled(weight: Any, indices: Any, max_norm: Any, norm_type: float) -> Any:
    """`weight` with the rows in `indices` scaled down to the norm allowed."""
    norms = jnp.linalg.norm(weight, norm_type, axis=1, keepdims=True)
    used = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True)[:, None]
    bound = cast(max_norm, weight.dtype)
    return jnp.where(used & (norms > bound), weight * (bound / (norms + 1e-7)), weight)


_renorm = Op(_rescaled, "embedding_renorm_", "max_norm")


def _check_integers(name: str, position: int, indices: Tensor, call: str) -> None:
    if indices.array.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"Expected tensor for argument #{position} '{name}' to have one of the following scalar types: Long, Int; "
            f"but got torch.{type_name(indices.array.dtype)}Tensor instead (while checking arguments for {call})"
        )


@function("torch")
def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scale the rows of `input` that `indices` name down to a norm of `max_norm`, in place.

    Source: torch.embedding_renorm_.
    """
    _check_integers("indices", 2, indices, "embedding_renorm_")
    input.check_writable()
    input.overwrite(_renorm(input, indices, max_norm, norm_type).array)
    return input


@function("nn.functional")
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of `weight` that each bag of indices names.

    Args:
        input: (B, N) indices, a bag a row; or all bags one after the other in one axis, which begin at `offsets`.
        weight: (V, D).
        per_sample_weights: of the shape of `input`; what each row is multiplied by, for mode "sum".
        include_last_offset: the last of `offsets` is where the last bag ends.
        padding_idx: entries with this index take no part.

    Returns: (B, D); zeros for an empty bag.
    Errors: ValueError for axes, offsets and modes that do not fit; RuntimeError for indices that are no integers or out
        of range; NotImplementedError for weights with another mode than "sum".
    Source: torch.nn.functional.embedding_bag.
    """
    _check_integers("indices", 1, input, "embedding_bag")
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have "
            f"the same shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        rows, columns = input.shape
        starts: Any = np.arange(rows) * columns
        bags = rows
    elif input.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.ndim != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        known = known_value(offsets, rows_first=True)
        if known is not None and known.size:
            first, last = known[..., 0], known[..., -1]
            if (first != 0).any():
                raise RuntimeError(
                    f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                    f"However, got {first[first != 0][0]}"
                )
            if last.max() > input.array.shape[0]:
                raise RuntimeError(
                    f"offsets[-1] can not be greater than input's length {input.array.shape[0]} but got offsets[-1] "
                    f"of {last.max()}"
                )
        bags = offsets.array.shape[0] - int(include_last_offset)
        starts = offsets.array[:bags]
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    if padding_idx is not None:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise RuntimeError(
                f"padding_idx must be within the number of embeddings, -{weight.shape[0]} through "
                f"{weight.shape[0] - 1}, but got {padding_idx}"
            )
        padding_idx %= weight.shape[0]
    known = known_value(input)
    if known is not None and known.size and (known.min() < 0 or known.max() >= weight.shape[0]):
        place = int(np.argmax((known.reshape(-1) < 0) | (known.reshape(-1) >= weight.shape[0])))
        raise RuntimeError(
            f"Index {place} of input takes value {known.reshape(-1)[place]} which is not in the valid range "
            f"[0, {weight.shape[0]})"
        )
    if max_norm is not None:
        with grad_mode.no_grad():
            embedding_renorm_(weight.detach(), input, max_norm, norm_type)
    flat = input.reshape(-1)  # type: ignore[attr-defined]
    weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)  # type: ignore[attr-defined]
    return _embedding_bag(
        weight, flat, jnp.asarray(starts), weights, mode, padding_idx, bool(scale_grad_by_freq), int(bags)
    )
