"""Indexing beyond recorded answers: random indices against NumPy, errors that must be eager, compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functorch_jax
from functorch_jax import torch


@st.composite
def indices(draw):
    """A shape and an index of slices, None, Ellipsis and arrays of one shape, on which NumPy and PyTorch agree."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    common = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    parts = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        kind = draw(st.sampled_from(["slice", "array", "mask", "none"]))
        if kind == "none":
            parts.append(None)
        if kind == "array":
            count = int(np.prod(common))
            positions = draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count))
            parts.append(np.array(positions, np.int64).reshape(common))
        elif kind == "mask" and not any(isinstance(p, np.ndarray) for p in parts) and common == ():
            parts.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n))))
            common = (int(parts[-1].sum()),)
        else:
            start, stop = sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n))))
            parts.append(slice(start, stop, draw(st.sampled_from([None, 1, 2]))))
    if draw(st.booleans()):
        parts.append(...)
    return shape, tuple(parts)


def ours(index):
    return tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)


@given(indices(), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_reads_and_writes_match_numpy(case, seed):
    shape, index = case
    array = np.arange(float(np.prod(shape)), dtype=np.float32).reshape(shape)
    tensor = torch.tensor(array)
    expected = array[index]
    np.testing.assert_array_equal(tensor[ours(index)].numpy(), expected)

    values = np.asarray(np.random.RandomState(seed).rand(*expected.shape), np.float32)
    array[index] = values
    tensor[ours(index)] = torch.tensor(values)
    np.testing.assert_array_equal(tensor.numpy(), array)

    array[index] = 5
    tensor[ours(index)] = 5
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_a_tensor_of_one_number_selects_a_view_as_the_number_does():
    x = torch.arange(24).reshape(2, 3, 4)
    x[torch.tensor(1)].mul_(0)
    x[0, torch.tensor(-1)].add_(100)
    assert x[0, 2].tolist() == [108, 109, 110, 111]
    assert x[1].sum().item() == 0
    # it is no index tensor, which would bring the indexed axes to the front
    assert x[torch.tensor(0), :, torch.tensor([0, 1])].shape == (3, 2)
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 1 with size 3"):
        x[:, torch.tensor(5)]


TRANSFORMS = {
    "plain": lambda f: f,
    "grad": lambda f: functorch_jax.grad(lambda x: f(x).sum()),
    "vmap": lambda f: lambda x: functorch_jax.vmap(f)(torch.stack([x, x])),
    "jvp": lambda f: lambda x: functorch_jax.jvp(f, (x,), (x,)),
    "vmap of grad": lambda f: (
        lambda x: functorch_jax.vmap(functorch_jax.grad(lambda y: f(y).sum()))(torch.stack([x, x]))
    ),
}

OUT_OF_RANGE = {
    "int": (lambda x: x[3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    "tensor": (lambda x: x[torch.tensor([0, 3])], IndexError, "index 3 is out of bounds"),
    "gather": (lambda x: x.gather(0, torch.tensor([3])), RuntimeError, "index 3 is out of bounds"),
    "index_select": (lambda x: x.index_select(0, torch.tensor([-1])), IndexError, "index out of range in self"),
    "take": (lambda x: x.take(torch.tensor([9])), IndexError, "out of range: tried to access index 9"),
    "an index made from the values": (lambda x: x[(x.abs() * 0).long() + 7], IndexError, "index 7 is out of bounds"),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_out_of_range_raises_at_once_under_every_transform(name, transform):
    program, kind, fragment = OUT_OF_RANGE[name]
    with pytest.raises(kind, match=fragment):
        TRANSFORMS[transform](program)(torch.tensor([1.0, 2.0, 3.0]))


def test_an_index_of_a_compiled_program_is_not_read():
    f = jax.jit(lambda a, i: torch.from_jax(a)[torch.from_jax(i)].jax())
    np.testing.assert_array_equal(f(jnp.arange(3.0), jnp.array([2, 0])), [2, 0])


def test_a_mask_of_a_compiled_program_sets_a_number():
    def f(a):
        x = torch.from_jax(a).clone()
        x[x > 1] = 0.0
        return x.jax()

    np.testing.assert_array_equal(jax.jit(f)(jnp.arange(3.0)), [0, 1, 0])


def test_a_mask_of_a_compiled_program_selects_nothing():
    with pytest.raises(RuntimeError, match=r"torch\.where"):
        jax.jit(lambda a: torch.from_jax(a)[torch.from_jax(a) > 1].jax())(jnp.arange(3.0))


def test_every_writer_of_a_place_gets_the_gradient_under_vmap_too():
    def f(v):
        y = v.new_zeros(3)
        y[torch.tensor([0, 0, 1])] = v
        return (y * torch.tensor([2.0, 3.0, 5.0])).sum()

    gradient = functorch_jax.vmap(functorch_jax.grad(f))(torch.ones(2, 3))
    assert gradient.tolist() == [[2.0, 2.0, 3.0]] * 2
    # forward mode sees the last writer alone, as the value does
    _, tangent = functorch_jax.jvp(f, (torch.ones(3),), (torch.tensor([1.0, 10.0, 100.0]),))
    assert tangent.item() == 320.0


def test_second_derivative_of_a_write():
    def f(v):
        y = torch.zeros(2)
        y[torch.tensor([1])] = v**3
        return y.sum()

    assert functorch_jax.hessian(f)(torch.tensor([2.0])).tolist() == [[12.0]]
