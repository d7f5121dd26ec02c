"""Safetensors files: round trips, against the real `safetensors.torch`, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from functorch_jax import torch
from tests.oracle import checkpoints
from tests.test_golden import live

package = pytest.importorskip("safetensors", reason="the safetensors package is not installed")
from functorch_jax.torch import safetensors  # noqa: E402

DTYPES = [d for d in checkpoints.DTYPES + checkpoints.NEWER_DTYPES if d != "complex128"]


def tensors(t):
    made = {name: t.tensor([[0.0, 1.0], [3.0, 0.0]]).to(getattr(t, name)) for name in DTYPES}
    return {**made, "scalar": t.tensor(7), "empty": t.zeros(0, 3)}


def assert_same(got, wanted):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (str(got[name].dtype), tuple(got[name].shape)) == (str(value.dtype), tuple(value.shape))
        assert plain(got[name]) == plain(value)


def plain(value):
    return (value if str(value.dtype) == "torch.complex64" else value.double()).tolist()


def test_round_trip(tmp_path):
    assert_same(safetensors.load(safetensors.save(tensors(torch), {"k": "v"})), tensors(torch))
    safetensors.save_file(tensors(torch), tmp_path / "a.safetensors", metadata={"k": "v"})
    assert_same(safetensors.load_file(tmp_path / "a.safetensors"), tensors(torch))
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="pt", device="cpu") as f:
        assert f.metadata() == {"k": "v"}
        assert_same({k: f.get_tensor(k) for k in f.keys()}, tensors(torch))  # noqa: SIM118
        assert f.get_slice("bfloat16").get_shape() == [2, 2]
        part = f.get_slice("bfloat16")[1:]
        assert (part.tolist(), part.dtype) == ([[3.0, 0.0]], torch.bfloat16)


def test_what_is_loaded_may_be_written():
    x = safetensors.load(safetensors.save({"a": torch.ones(64)}))["a"]
    x.add_(1)
    assert x.sum().item() == 128


def test_a_module_with_tied_weights(tmp_path):
    model, other = checkpoints.network(torch), checkpoints.network(torch)
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    with pytest.raises(RuntimeError, match="Some tensors share memory"):
        safetensors.save(dict(model.state_dict()))
    safetensors.save_model(model, tmp_path / "a.safetensors")
    assert safetensors.load_model(other, tmp_path / "a.safetensors") == ([], [])
    assert torch.equal(other.eval()(torch.ones(2, 3)), model.eval()(torch.ones(2, 3)))
    with pytest.raises(RuntimeError, match="Missing key"):
        safetensors.load_model(torch.nn.Linear(2, 2), tmp_path / "a.safetensors")


MISUSES = {
    "no dict": (lambda: safetensors.save([1]), ValueError, "Expected a dict of"),
    "no tensor": (lambda: safetensors.save({"a": 3}), ValueError, "Key `a` is invalid, expected torch.Tensor"),
    "views": (lambda: safetensors.save({"a": (x := torch.ones(3)), "b": x[1:]}), RuntimeError, "share memory"),
    "strides": (lambda: safetensors.save({"a": torch.ones(2, 3).t()}), ValueError, "non contiguous tensor: `a`"),
    "complex128": (lambda: safetensors.save({"a": torch.ones(2).cdouble()}), ValueError, "no torch.complex128"),
    "no file": (lambda: safetensors.load_file("/no/such/file"), FileNotFoundError, "No such file"),
    "damaged": (lambda: safetensors.load(b"abc"), package.SafetensorError, "deserializing"),
    "framework": (lambda: safetensors.safe_open("a", framework="tf"), ValueError, "'pt' here, not 'tf'"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSES)
def test_misuses(name):
    call, error, fragment = MISUSES[name]
    with pytest.raises(error, match=fragment):
        call()


def test_under_vmap_there_is_nothing_to_save():
    with pytest.raises(NotImplementedError, match="vmap"):
        torch.vmap(lambda x: safetensors.save({"a": x}) and x)(torch.ones(2, 2))


def run(code):
    return subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=120)


def test_the_launcher_gives_it_to_programs_that_ask_for_safetensors_torch(tmp_path):
    program = f"""
import torch
from safetensors.torch import load_file, save_file
save_file({{"a": torch.ones(2)}}, {str(tmp_path / "a.safetensors")!r})
print(load_file({str(tmp_path / "a.safetensors")!r}), load_file.__module__)
"""
    result = run(["-m", "functorch_jax", "-c", program])
    assert result.stdout == "{'a': tensor([1., 1.])} functorch_jax.torch.safetensors\n", result.stderr


def test_without_the_package_the_error_says_what_to_install():
    code = "import sys; sys.modules['safetensors'] = None; import functorch_jax.torch.safetensors"
    assert (
        "ImportError: functorch_jax.torch.safetensors needs the safetensors package: pip install"
        in run(["-c", code]).stderr
    )


@live
def test_against_the_real_one():
    import safetensors.torch as real
    import torch as pytorch

    assert_same(safetensors.load(real.save(tensors(pytorch))), tensors(pytorch))
    ours = safetensors.save(tensors(torch))
    assert_same(real.load(ours), tensors(pytorch))
    assert np.array_equal(real.load(ours)["scalar"].numpy(), 7)
