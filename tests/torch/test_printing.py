"""Printing: the parts that cannot be recorded, and random tensors against PyTorch where it is installed."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functorch_jax
from functorch_jax import torch


def random_values(rng):
    """An array of a random shape, dtype and spread."""
    shape = tuple(rng.randint(0, 6, rng.randint(0, 4)))
    kind = rng.randint(7)
    if kind == 0:
        return rng.randint(-1000, 1000, shape)
    if kind == 1:
        return np.asarray(rng.rand(*shape) < 0.5)
    if kind == 2:
        return (rng.standard_normal(shape) * 10.0 ** rng.randint(-6, 10)).astype(np.float32)
    if kind == 3:
        return np.asarray(rng.standard_normal(shape) * 10.0 ** rng.randint(-6, 10, shape))
    if kind == 4:
        return (rng.randint(-9, 9, shape) * 10.0 ** rng.randint(6)).astype(np.float32)
    if kind == 5:
        special = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
        return np.where(rng.rand(*shape) < 0.3, special, rng.standard_normal(shape)).astype(np.float32)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape) * 10.0 ** rng.randint(-4, 4)).astype(
        np.complex64
    )


@given(st.integers(0, 2**31 - 1), st.booleans())
@settings(max_examples=300, deadline=None)
def test_random_tensors_print_as_pytorch_prints_them(seed, with_options):
    real = pytest.importorskip("torch")
    rng = np.random.RandomState(seed)
    data = np.asarray(random_values(rng))
    options = {}
    if with_options:
        options = {
            "precision": int(rng.randint(1, 7)),
            "linewidth": int(rng.randint(20, 150)),
            "edgeitems": int(rng.randint(1, 5)),
            "threshold": int(rng.randint(0, 200)),
            "sci_mode": [None, True, False][rng.randint(3)],
        }
    try:
        for module in (real, torch):
            module.set_printoptions(**options)
        assert repr(torch.tensor(data)) == repr(real.tensor(data))
    finally:
        for module in (real, torch):
            module.set_printoptions(profile="default", sci_mode=None)


def test_inside_jit_a_tensor_prints_its_shape():
    seen = []
    jax.jit(lambda a: (seen.append(repr(torch.from_jax(a))), a)[1])(np.ones((2, 3), np.float32))
    assert seen == ["tensor(..., size=(2, 3), dtype=torch.float32, traced by jax.jit)"]


def test_five_deep():
    seen = []

    def f(x):
        seen.append(repr(x))
        return x * x

    for _ in range(5):
        f = functorch_jax.grad(f)
    f(torch.tensor(2.0))
    assert [seen[0].count(f"GradTrackingTensor(lvl={n}") for n in range(1, 6)] == [1] * 5
    assert "tensor(2.)" in seen[0]


MISSING = {
    "a function": (
        lambda: torch.zeroes,
        r"module 'torch' has no attribute 'zeroes': torch.zeroes is not supported yet.*torch.zeros",
    ),
    "a method": (
        lambda: torch.ones(1).sigmoids,
        r"'Tensor' object has no attribute 'sigmoids': Tensor.sigmoids is not supported yet.*Tensor.sigmoid",
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_name_gives_the_nearest_one(name):
    program, message = MISSING[name]
    with pytest.raises(AttributeError, match=message):
        program()


def test_hasattr_of_what_is_missing():
    assert not hasattr(torch, "zeroes")
    assert not hasattr(torch.ones(1), "sigmoids")
    assert not hasattr(torch.ones(1), "__cuda_array_interface__")


DEVICES = {
    "missing": ("strict", "cuda", AssertionError, "Torch not compiled with CUDA enabled"),
    "unknown": ("auto", "foo", RuntimeError, "at start of device string: foo"),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_that_is_not_there(name):
    switch, where, kind, message = DEVICES[name]
    if where == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    functorch_jax.config.device = switch
    try:
        with pytest.raises(kind, match=message):
            torch.zeros(1, device=where)
    finally:
        functorch_jax.config.device = "strict"


def test_auto_takes_the_default_device():
    functorch_jax.config.device = "auto"
    try:
        assert torch.zeros(2, device="cuda:3").to("tpu").cuda().tolist() == [0.0, 0.0]
    finally:
        functorch_jax.config.device = "strict"


def test_meta_tensors_have_shapes_and_no_values():
    x = torch.empty(2, 3, device="meta")
    assert (x.shape, x.dtype, x.is_meta, x.device.type) == ((2, 3), torch.float32, True, "meta")
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        x.to("cpu")
    assert torch.ones(2).to("meta").is_meta


def test_saved_tensors_load(tmp_path):
    state = {"w": torch.arange(3.0), "n": [torch.tensor(1, dtype=torch.int32)]}
    torch.save(state, tmp_path / "state.pt")
    again = torch.load(tmp_path / "state.pt")
    assert again["w"].tolist() == [0.0, 1.0, 2.0]
    assert again["n"][0].dtype is torch.int32


def test_dlpack_both_ways():
    x = torch.arange(3.0)
    assert np.from_dlpack(x).tolist() == [0.0, 1.0, 2.0]
    assert torch.from_dlpack(np.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
    assert torch.from_jax(x.jax()).jax() is x.jax()
