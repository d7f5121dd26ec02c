"""Random indices of every kind and random in-place operations, on tensors and on views of views, against NumPy.

Shapes and operands come from small pools, so that the examples share compiled programs.
"""

from __future__ import annotations

import operator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from functorch_jax import torch

PROFILE = settings(max_examples=100, deadline=None, derandomize=True, database=None)
SHAPES = [(), (3,), (2, 3), (1, 3), (2, 3, 4)]
COMMON = [(1,), (2,), (2, 2)]  # the shape that the index tensors of one index have

# Each is a view in NumPy and in PyTorch, written so that both understand it.
VIEWS = {
    "whole": lambda x: x[...],
    "transposed": lambda x: x.T if x.ndim == 2 else x[...],
    "swapped": lambda x: x.swapaxes(0, -1) if x.ndim else x[...],
    "from the second": lambda x: x[1:] if x.ndim and x.shape[0] > 1 else x[...],
    "every other": lambda x: x[..., ::2] if x.ndim else x[...],
    "last": lambda x: x[-1] if x.ndim > 1 else x[...],
    "column": lambda x: x[:, 1] if x.ndim > 1 else x[...],
    "another axis": lambda x: x[None],
    "one axis": lambda x: x.reshape(-1) if x.ndim == 1 else x[None, ..., None].squeeze(0),
}


def base(shape, dtype="float32"):
    return (np.arange(int(np.prod(shape))) - 2).astype(dtype).reshape(shape)


# ---- x[index] --------------------------------------------------------------------------------------------------------


def numbers(n):
    return st.integers(-n, n - 1)


@st.composite
def arrays_of(draw, n, common):
    count = int(np.prod(common))
    return np.array(draw(st.lists(numbers(n), min_size=count, max_size=count)), np.int64).reshape(common)


@st.composite
def masks(draw, shape):
    count = int(np.prod(shape))
    return np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool).reshape(shape)


@st.composite
def indices(draw, shape):
    """Entries of an index for this shape, as (kind, value)."""
    common = draw(st.sampled_from(COMMON))
    entries, axis = [], 0
    kinds = "int number slice none ellipsis array array list mask wide bool bool_tensor".split()
    for _ in range(draw(st.integers(1, len(shape) + 2))):
        kind = draw(st.sampled_from(kinds))
        left = len(shape) - axis
        if kind == "ellipsis" and any(k == kind for k, _ in entries):
            continue
        if kind == "none":
            entries.append((kind, None))
        elif kind == "ellipsis":
            entries.append((kind, Ellipsis))
            axis += draw(st.integers(0, left))
        elif kind in ("bool", "bool_tensor"):
            entries.append((kind, draw(st.booleans())))
        elif kind == "wide" and left > 1:
            entries.append((kind, draw(masks(shape[axis : axis + 2]))))
            axis += 2
        elif left and kind != "wide":
            n = shape[axis]
            axis += 1
            if kind in ("int", "number"):
                value = draw(numbers(n))
            elif kind == "slice":
                bound = st.none() | st.integers(-n - 1, n + 1)
                value = slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, 3])))
            elif kind == "array":
                value = draw(arrays_of(n, common))
            elif kind == "list":
                value = draw(arrays_of(n, common[-1:])).tolist()
            else:
                value = draw(masks((n,)))
            entries.append((kind, value))
    # what an Ellipsis has not skipped is said: else it would skip that too, and the entries behind it mean other axes
    if any(k == "ellipsis" for k, _ in entries) and axis < len(shape):
        entries += [("slice", slice(None))] * (len(shape) - axis)
    counts = {value.sum() for kind, value in entries if kind in ("mask", "wide")}
    counts |= {int(value) for kind, value in entries if kind in ("bool", "bool_tensor")}
    shapes = [(int(c),) for c in counts] + [np.shape(v) for k, v in entries if k in ("array", "list")]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:  # index arrays that do not fit together
        return [("ellipsis", Ellipsis)]
    return entries


def ours(entries):
    made = {"number": torch.tensor, "array": torch.tensor, "mask": torch.tensor, "wide": torch.tensor}
    made["bool_tensor"] = torch.tensor
    return tuple(made.get(kind, lambda v: v)(value) for kind, value in entries)


def two_steps(array, entries):
    """PyTorch's law in NumPy: a block, which is a view, and what indexes the axes of that block (None for nothing)."""
    block, axes = [], []
    width = {"none": 0, "bool": 0, "bool_tensor": 0, "ellipsis": 0, "wide": 2}
    hidden = array.ndim - sum(width.get(kind, 1) for kind, _ in entries)
    for kind, value in entries:
        if kind in ("int", "number"):
            block.append(int(value))
        elif kind in ("slice", "none"):
            block.append(value)
            axes.append(slice(None))
        elif kind == "ellipsis":
            block += [slice(None)] * hidden
            axes += [slice(None)] * hidden
        elif kind in ("bool", "bool_tensor"):
            block.append(None)
            axes.append(np.zeros(int(value), np.int64))
        elif kind in ("mask", "wide"):
            block += [slice(None)] * value.ndim
            axes += np.nonzero(value)
        else:
            block.append(slice(None))
            axes.append(np.asarray(value))
    advanced = any(isinstance(a, np.ndarray) for a in axes)
    return array[(*block, ...)], tuple(axes) if advanced else None


@st.composite
def cases(draw):
    shape, view = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(sorted(VIEWS)))
    entries = draw(indices(VIEWS[view](base(shape)).shape))
    return shape, view, entries, draw(st.sampled_from(["float32", "int64", "bool"]))


@given(cases())
@PROFILE
def test_reading(case):
    shape, view, entries, dtype = case
    array = VIEWS[view](base(shape, dtype))
    block, axes = two_steps(array, entries)
    wanted = block if axes is None else block[axes]
    got = VIEWS[view](torch.tensor(base(shape, dtype)))[ours(entries)]
    assert got.shape == wanted.shape
    assert got.dtype == getattr(torch, dtype)
    np.testing.assert_array_equal(got.numpy(), wanted)
    # a block alone is a view
    assert (got._base is None) == (axes is not None)


@given(cases(), st.sampled_from(["number", "whole", "row", "ones"]))
@PROFILE
def test_writing(case, how):
    shape, view, entries, dtype = case
    array = base(shape, dtype)
    tensor = torch.tensor(array)
    block, axes = two_steps(VIEWS[view](array), entries)
    place = block.shape if axes is None else block[axes].shape
    size = {"whole": place, "row": place[1:], "ones": (1,) * len(place), "number": ()}[how]
    # one value for all where an element may be written twice: which of several stays is nobody's promise
    twice = axes is not None and how in ("whole", "row")
    value = np.ones(size, dtype) if twice else (np.arange(int(np.prod(size))) % 3).astype(dtype).reshape(size)
    if how == "number":
        value = value.item()
    if axes is None:
        block[...] = value
    else:
        block[axes] = value
    shown = VIEWS[view](tensor)
    shown[ours(entries)] = value if how == "number" else torch.tensor(value)
    np.testing.assert_array_equal(tensor.numpy(), array)
    np.testing.assert_array_equal(shown.numpy(), VIEWS[view](array))


# ---- in-place operations on views of views ---------------------------------------------------------------------------

CHANGES = {
    "+=": (operator.iadd, np.add),
    "-=": (operator.isub, np.subtract),
    "*=": (operator.imul, np.multiply),
    "add_": (lambda x, y: x.add_(y), np.add),
    "mul_": (lambda x, y: x.mul_(y), np.multiply),
    "copy_": (lambda x, y: x.copy_(y), lambda x, y: np.broadcast_to(y, x.shape)),
    "maximum": (lambda x, y: x.clamp_(min=y), np.maximum),
    "[...] +=": (lambda x, y: x.__setitem__(..., x[...] + y), np.add),
}


def operand(shape, how):
    """Something that broadcasts to `shape`."""
    size = {"whole": shape, "row": shape[1:], "first": (*shape[:1], *(1 for _ in shape[1:])), "number": ()}[how]
    return (np.arange(int(np.prod(size))) % 4 - 1).astype(np.float32).reshape(size)


@given(
    st.sampled_from([s for s in SHAPES if s]),
    st.lists(st.sampled_from(sorted(VIEWS)), min_size=1, max_size=3),
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(sorted(CHANGES)), st.sampled_from(["whole", "row", "first", "number"])
        ),
        min_size=1,
        max_size=3,
    ),
)
@PROFILE
def test_every_view_sees_what_is_written_through_any_other(shape, views, changes):
    arrays, tensors = [base(shape)], [torch.tensor(base(shape))]
    for view in views:
        arrays.append(VIEWS[view](arrays[-1]))
        tensors.append(VIEWS[view](tensors[-1]))
    for at, name, how in changes:
        change, reference = CHANGES[name]
        at %= len(arrays)
        value = operand(arrays[at].shape, how)
        arrays[at][...] = reference(arrays[at], value)
        given = value.item() if how == "number" and name not in ("copy_", "maximum") else torch.tensor(value)
        result = change(tensors[at], given)
        assert result is tensors[at] or name == "[...] +="
        for array, tensor in zip(arrays, tensors):
            np.testing.assert_array_equal(tensor.numpy(), array)


@given(
    st.sampled_from([s for s in SHAPES if s]),
    st.sampled_from(sorted(VIEWS)),
    st.data(),
)
@PROFILE
def test_augmented_assignment_through_an_index(shape, view, data):
    array = base(shape)
    tensor = torch.tensor(array)
    entries = data.draw(indices(VIEWS[view](array).shape))
    block, axes = two_steps(VIEWS[view](array), entries)
    if axes is None:
        block += 3
    else:
        block[axes] += 3
    shown = VIEWS[view](tensor)
    shown[ours(entries)] += 3
    np.testing.assert_array_equal(tensor.numpy(), array)
