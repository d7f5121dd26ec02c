"""Sequences of different lengths: padded to one tensor, or packed without padding.

Lengths are Python values: under a transform they must be known, as they decide shapes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import Op
from functorch_jax.torch._promote import broadcast, cast
from functorch_jax.torch._tensor import Tensor, concrete, wrap
from functorch_jax.torch.ops.recurrent import places

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class PackedSequence_(NamedTuple):
    """The fields of a `PackedSequence`."""

    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(PackedSequence_):
    """Sequences without padding: the first steps of all, then the second steps of those that have one, and so on.

    Made by `pack_sequence` and `pack_padded_sequence`; recurrent layers take and return it. `batch_sizes` says how many
    sequences each step has, `sorted_indices` how they were sorted by length (None when they came sorted).

    Source: torch.nn.utils.rnn.PackedSequence.
    """

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        if batch_sizes is None and sorted_indices is None and unsorted_indices is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError(f"Expected data to be a list or tuple of length 2, got {type(data).__name__}")
            data, batch_sizes = data
        if unsorted_indices is None and isinstance(sorted_indices, Tensor):
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Any) -> PackedSequence:
        return self if data is self.data else type(self)(data, *self[1:])

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences with the data as `Tensor.to` gives it."""
        return self._with(self.data.to(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        return self._with(self.data.cpu(*args, **kwargs))

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        return self._with(self.data.cuda(*args, **kwargs))

    def pin_memory(self) -> PackedSequence:
        return self

    @property
    def is_cuda(self) -> bool:
        return bool(self.data.is_cuda)

    def is_pinned(self) -> bool:
        return False

    def double(self) -> PackedSequence:
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        return self._with(self.data.long())

    def int(self) -> PackedSequence:
        return self._with(self.data.int())

    def short(self) -> PackedSequence:
        return self._with(self.data.short())

    def char(self) -> PackedSequence:
        return self._with(self.data.char())

    def byte(self) -> PackedSequence:
        return self._with(self.data.byte())


def _constant(values: Any) -> Tensor:
    """Numbers as a tensor that stays known inside every transform."""
    with jax.ensure_compile_time_eval():
        return wrap(jnp.asarray(np.asarray(values, np.int64)))


def _known(lengths: Any) -> np.ndarray[Any, Any]:
    if isinstance(lengths, Tensor):
        lengths = concrete(lengths, "the lengths of sequences")
    return np.asarray(lengths).astype(np.int64)


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes this one; None for None. Source: torch.nn.utils.rnn.invert_permutation."""
    return None if permutation is None else _inverse(permutation)


_inverse = Op(lambda permutation: jnp.argsort(permutation), "invert_permutation")

# ---- packing ---------------------------------------------------------------------------------------------------------


_packed = Op(lambda input, batch, rows: input[:, batch].reshape(-1, *input.shape[2:])[rows], "pack_padded_sequence")


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Sequences padded to one tensor (time, batch, ...), packed.

    Args:
        input: (batch, time, ...) with `batch_first`.
        lengths: how long each is; a list or a tensor of known values.
        enforce_sorted: whether they must come sorted by length, longest first; otherwise they are sorted here.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.tensor([[1, 2, 3], [4, 0, 0]])
        >>> torch.nn.utils.rnn.pack_padded_sequence(x, [3, 1], batch_first=True).data
        tensor([1, 4, 2, 3])

    Errors: RuntimeError for lengths that are not sorted, not positive, too large or not one for each sequence.
    Source: torch.nn.utils.rnn.pack_padded_sequence.
    """
    sizes = _known(lengths)
    if sizes.ndim != 1:
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {sizes.ndim}D cpu Long tensor")
    x = input.transpose(0, 1) if batch_first else input
    if x.dim() < 2:
        raise IndexError(f"a padded batch needs axes for time and for the batch, but has shape {list(input.shape)}")
    if 0 in x.shape:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != x.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={x.shape[1]})"
        )
    if sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes.max() > x.shape[0]:
        raise RuntimeError(f"Expected all lengths to be at most {x.shape[0]}, the padded one, but got {sizes.max()}")
    order = np.arange(len(sizes))
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    elif (np.diff(sizes) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. Pass "
            "`enforce_sorted=False` to have the sequences sorted"
        )
    batch_sizes = (sizes > np.arange(sizes[0])[:, None]).sum(1)
    data = _packed(x, order, places(batch_sizes).packed)
    if enforce_sorted:
        return PackedSequence(data, _constant(batch_sizes))
    return PackedSequence(data, _constant(batch_sizes), _constant(order), _constant(np.argsort(order)))


def _padded_again(data: Any, padded: Any, running: Any, value: Any) -> Any:
    rows = data.at[padded].get(mode="fill", fill_value=0)
    return jnp.where(running.reshape(*running.shape, *(1,) * (data.ndim - 1)), rows, cast(value, data.dtype))


_padded = Op(_padded_again, "pad_packed_sequence", "value")


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    """A packed sequence, padded: the tensor (time, batch, ...) and the lengths.

    Args:
        total_length: how long to make it, at least as long as the longest.

    Errors: ValueError for a `total_length` that is too short.
    Source: torch.nn.utils.rnn.pad_packed_sequence.
    """
    layout = places(sequence.batch_sizes)
    padded, running, back = layout.padded, layout.running, sequence.unsorted_indices
    if total_length is not None:
        if total_length < len(padded):
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {len(padded)}"
            )
        more = ((0, total_length - len(padded)), (0, 0))
        padded, running = np.pad(padded, more, constant_values=running.sum()), np.pad(running, more)
    order = None if back is None else known_value(back)
    if order is not None and order.ndim == 1:  # then lengths stay known
        padded, running, back = padded[:, order], running[:, order], None
    out, lengths = _padded(sequence.data, padded, running, padding_value), _constant(running.sum(0))
    if back is not None:
        out, lengths = out.index_select(1, back), lengths.index_select(0, back)  # type: ignore[attr-defined]
    return (out.transpose(0, 1).contiguous() if batch_first else out), lengths


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """A list of sequences (length, ...), packed. Source: torch.nn.utils.rnn.pack_sequence.

    Errors: RuntimeError for no sequences, or for lengths that are not sorted when they must be.
    """
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The list of sequences that was packed. Source: torch.nn.utils.rnn.unpack_sequence."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


# ---- padding ---------------------------------------------------------------------------------------------------------


def _pad(sequences: Any, value: Any, batch_first: bool, left: bool) -> Any:
    first = sequences[0]
    longest = max(len(s) for s in sequences)
    rows = []
    for s in sequences:
        shape = (len(s), *first.shape[1:])
        if broadcast(np.empty(shape), s) != shape:
            raise RuntimeError(
                f"output with shape {list(shape)} doesn't match the broadcast shape "
                f"{list(broadcast(np.empty(shape), s))}"
            )
        missing = longest - len(s)
        widths = [(missing, 0) if left else (0, missing), *[(0, 0)] * (len(shape) - 1)]
        values = jnp.broadcast_to(cast(s, first.dtype), shape)
        rows.append(jnp.pad(values, widths, constant_values=cast(value, first.dtype)))
    return jnp.stack(rows, axis=0 if batch_first else 1)


_padded_sequences = Op(_pad, "pad_sequence", "value")


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """Sequences (length, ...) as one tensor (time, batch, ...), padded to the longest.

    Args:
        sequences: a list of tensors, or a tensor of them.
        padding_side: "right" puts the padding after the sequences, "left" before them.

    Errors: RuntimeError for what is no list of tensors, an empty one, or sequences of different kinds.
    Source: torch.nn.utils.rnn.pad_sequence.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    listed = list(sequences.unbind(0)) if isinstance(sequences, Tensor) else list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    for sequence in listed:
        if not isinstance(sequence, Tensor):
            raise TypeError(f"pad_sequence(): expected Tensors as sequences, but got {type(sequence).__name__}")
        if sequence.dim() == 0:
            raise RuntimeError("pad_sequence: a sequence needs an axis for time, but a tensor has shape []")
    return _padded_sequences(tuple(listed), padding_value, batch_first, padding_side == "left")


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded tensor, each of its length. Source: torch.nn.utils.rnn.unpad_sequence."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length].clone() for row, length in zip(rows.unbind(0), _known(lengths).tolist(), strict=True)]
