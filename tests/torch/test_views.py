"""Chains of views and writes through them, against NumPy, whose views are views in the same places."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functorch_jax
from functorch_jax import torch

# how to take a view of both kinds: (name, ours, NumPy's), given an axis, its length and a number
STEPS = {
    "row": (lambda x, d, k: x.select(d, k), lambda a, d, k: a[(slice(None),) * d + (k, ...)]),
    "part": (lambda x, d, k: x.narrow(d, k, x.shape[d] - k), lambda a, d, k: a[(slice(None),) * d + (slice(k, None),)]),
    "step": (
        lambda x, d, k: x[(slice(None),) * d + (slice(None, None, k + 1),)],
        lambda a, d, k: a[(slice(None),) * d + (slice(None, None, k + 1),)],
    ),
    "swap": (lambda x, d, k: x.transpose(0, d), lambda a, d, k: a.swapaxes(0, d)),
    "last": (lambda x, d, k: x.movedim(d, -1), lambda a, d, k: np.moveaxis(a, d, -1)),
    "new axis": (lambda x, d, k: x.unsqueeze(d), lambda a, d, k: np.expand_dims(a, d)),
    "None": (lambda x, d, k: x[None, ...], lambda a, d, k: a[None, ...]),
    "T": (lambda x, d, k: x.permute(*reversed(range(x.ndim))), lambda a, d, k: a.T),
    "reshape": (lambda x, d, k: x.reshape(-1), lambda a, d, k: a.reshape(-1)),
    "split": (lambda x, d, k: x.split(1, d)[k], lambda a, d, k: np.split(a, a.shape[d], d)[k]),
    "copy": (lambda x, d, k: x.clone(), lambda a, d, k: a.copy()),
    "index": (lambda x, d, k: x[torch.tensor([k % x.shape[0]])], lambda a, d, k: a[np.array([k % a.shape[0]])].copy()),
}


@st.composite
def programs(draw):
    """A shape, and steps: take a view of an earlier tensor, or write to one."""
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    steps = draw(
        st.lists(
            st.tuples(st.sampled_from([*STEPS, "write", "write", "add"]), *[st.integers(0, 11)] * 3),
            min_size=1,
            max_size=8,
        )
    )
    return tuple(shape), steps


@given(programs())
@settings(max_examples=60, deadline=None)
def test_chains_of_views_and_writes_match_numpy(program):
    shape, steps = program
    array = np.arange(float(np.prod(shape)), dtype=np.float32).reshape(shape)
    arrays, tensors = [array], [torch.tensor(array)]
    for name, which, axis, number in steps:
        a, x = arrays[which % len(arrays)], tensors[which % len(arrays)]
        if name == "write":
            a[...] = number
            x.fill_(number)
        elif name == "add":
            values = np.arange(a.size, dtype=np.float32).reshape(a.shape)
            a += values
            x.add_(torch.tensor(values))
        elif a.ndim:
            d = axis % a.ndim
            view, numpy_view = STEPS[name]
            arrays.append(numpy_view(a, d, number % a.shape[d]))
            tensors.append(view(x, d, number % a.shape[d]))
        for mine, theirs in zip(tensors, arrays, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs)
    for mine, theirs in zip(tensors, arrays, strict=True):
        assert mine.is_contiguous() == (theirs.flags.c_contiguous or theirs.size == 0)
        long = [i for i, n in enumerate(theirs.shape) if n > 1]
        if theirs.size:
            assert [mine.stride(i) for i in long] == [theirs.strides[i] // 4 for i in long]


def test_a_view_keeps_its_base_alive():
    view = torch.arange(6.0).view(2, 3)[1]
    view.zero_()
    assert view._base.tolist() == [0, 1, 2, 0, 0, 0]


def test_views_share_one_compiled_program():
    """`x[0]`, `x[1]`, ... and minibatches do not compile anew for every start."""
    x = torch.arange(40.0).reshape(20, 2)
    _ = (x[0], x[0:4], x[0, 0])
    with jax.log_compiles(False), _count_compilations() as count:
        for i in range(1, 20):
            _ = (x[i], x[i - 1 : i + 3] if i < 17 else None, x[i, 1])
    assert count() == 0


class _count_compilations:
    def __enter__(self):
        from functorch_jax.torch.ops.views import BLOCK

        self.before = BLOCK.run._cache_size()
        return lambda: BLOCK.run._cache_size() - self.before

    def __exit__(self, *exc):
        return None


WRITES_UNDER_TRANSFORMS = {
    "a captured row under grad": (
        lambda state: functorch_jax.grad(lambda x: (state[0].add_(x * 2), (x**2).sum())[1])(torch.ones(2)),
        [[2.0, 2.0], [0.0, 0.0]],
    ),
    "a captured transpose under jvp": (
        lambda state: functorch_jax.jvp(lambda x: (state.t()[1].copy_(x), x)[1], (torch.ones(2),), (torch.ones(2),)),
        [[0.0, 1.0], [0.0, 1.0]],
    ),
    "an unmapped value under vmap": (
        lambda state: functorch_jax.vmap(lambda x: (state.view(4)[3:].fill_(5.0), x)[1])(torch.ones(2)),
        [[0.0, 0.0], [0.0, 5.0]],
    ),
}


@pytest.mark.parametrize("name", WRITES_UNDER_TRANSFORMS)
def test_a_write_through_a_view_of_a_captured_tensor(name):
    run, expected = WRITES_UNDER_TRANSFORMS[name]
    state = torch.zeros(2, 2)
    row = state[0]
    run(state)
    assert state.tolist() == expected
    assert row.tolist() == expected[0]
    assert not isinstance(state.jax(), jax.core.Tracer)


def test_a_raise_undoes_writes_through_views():
    state = torch.zeros(2, 2)

    def f(x):
        state[0].add_(x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        functorch_jax.grad(f)(torch.ones(2))
    assert state.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_views_inside_jit():
    @jax.jit
    def f(a):
        x = torch.from_jax(a).clone()
        x[0].mul_(2)
        x.t()[1] = 7
        x[:, 0:1][1] = -1
        return x.jax()

    np.testing.assert_array_equal(f(np.arange(4.0).reshape(2, 2)), [[0, 7], [-1, 7]])
