"""What programs call around their tensors, where there is no answer of PyTorch's to compare with."""

import hashlib
import threading

import jax
import pytest

import functorch_jax
from functorch_jax import config, torch
from functorch_jax.torch import cuda, hub, jit, profiler
from functorch_jax.torch.cuda import amp as cuda_amp


def test_compile_and_jit_give_the_function_itself():
    def f(x):
        return x

    linear = torch.nn.Linear(2, 2)
    for same in (torch.compile, jit.script, jit.freeze, jit.script_if_tracing, jit.unused, jit.ignore):
        assert same(f) is f
    assert torch.compile(linear) is linear
    assert torch.compile(mode="max-autotune")(f) is f
    assert jit.ignore(drop=True)(f) is f
    with pytest.raises(TypeError, match="a function or a module is needed, not int"):
        torch.compile(3)


def test_is_compiling_means_jit():
    told = []
    jax.jit(lambda x: told.append(torch.compiler.is_compiling()) or x)(1.0)
    functorch_jax.grad(lambda x: told.append(torch.compiler.is_compiling()) or x)(torch.tensor(1.0))
    assert told == [True, False]


def test_settings_of_the_compiler_may_be_invented():
    torch._dynamo.config.anything_at_all = 3
    assert torch._dynamo.config.anything_at_all == 3


def test_autocast_holds_inside_jit_and_under_transforms():
    @torch.autocast("cpu")
    def f(x):
        return (x @ x).float().sum()

    x = torch.tensor([[1.0, 2.0], [3.0, 1.001]])
    exact = functorch_jax.grad(lambda x: (x @ x).sum())(x)
    for got in (functorch_jax.grad(f)(x), jax.jit(functorch_jax.grad(f))(x)):
        assert not torch.equal(got, exact)
        assert torch.allclose(got, exact, rtol=2e-2)
    each = functorch_jax.vmap(f)(torch.stack([x, x]))
    assert torch.allclose(each, f(x).expand(2))


def test_autocast_ends_with_its_block_and_stays_in_its_thread():
    x = torch.ones(2, 2)
    with pytest.raises(KeyError), torch.autocast("cpu"):
        raise KeyError
    assert (x @ x).dtype is torch.float32
    told = []
    with torch.autocast("cpu"):
        other = threading.Thread(target=lambda: told.append((x @ x).dtype))
        other.start()
        other.join()
    assert told == [torch.float32]


@pytest.mark.skipif(cuda.is_available(), reason="a GPU is there")
def test_autocast_for_an_absent_gpu(monkeypatch):
    x = torch.ones(2, 2)
    with pytest.warns(UserWarning, match="Disabling autocast"):
        region = cuda_amp.autocast()
    with region:
        assert (x @ x).dtype is torch.float32
    monkeypatch.setattr(config, "device", "auto")
    with cuda_amp.autocast():
        assert (x @ x).dtype is torch.float16
        assert (x @ x).softmax(0).dtype is torch.float32


def test_streams_and_events_may_be_made():
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    with pytest.raises(ValueError, match="must be recorded"):
        start.elapsed_time(end)
    with cuda.stream(cuda.Stream()):
        start.record()
        end.record()
    assert start.elapsed_time(end) >= 0


def test_a_profile_runs_the_block_and_records_nothing():
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
        with profiler.record_function("block"):
            assert torch.ones(2).sum() == 2
        profile.step()
    assert "jax.profiler" in profile.key_averages().table(sort_by="cpu_time_total")


def test_weights_from_a_url(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    torch.save({"w": torch.ones(2)}, tmp_path / "plain.pth")
    digest = hashlib.sha256((tmp_path / "plain.pth").read_bytes()).hexdigest()
    named = tmp_path / f"weights-{digest[:8]}.pth"
    (tmp_path / "plain.pth").rename(named)
    state = hub.load_state_dict_from_url(named.as_uri(), check_hash=True, progress=False)
    assert torch.equal(state["w"], torch.ones(2))
    named.unlink()  # the second time it comes from the cache
    assert torch.equal(hub.load_state_dict_from_url(named.as_uri())["w"], torch.ones(2))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")


def test_a_download_with_another_hash_leaves_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"other")
    (tmp_path / "to").mkdir()
    with pytest.raises(RuntimeError, match="invalid hash value"):
        hub.download_url_to_file((tmp_path / "a").as_uri(), str(tmp_path / "to" / "b"), hash_prefix="00000000")
    assert list((tmp_path / "to").iterdir()) == []


def test_a_custom_op_needs_a_namespace():
    with pytest.raises(ValueError, match="namespace::op"):
        torch.library.custom_op("twice", lambda x: x, mutates_args=())


def test_overriding_by_the_programs_own_functions():
    class Mine:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return "mine" if func is f else NotImplemented

    def f(x):
        return torch.overrides.handle_torch_function(f, (x,), x) if torch.overrides.has_torch_function((x,)) else x

    assert f(Mine()) == "mine"
    assert f(3) == 3
    with pytest.raises(TypeError, match="no implementation found"):
        torch.overrides.handle_torch_function(print, (Mine(),))
