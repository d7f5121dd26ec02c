"""Running statistics in compiled functions and in ensembles, and layers that are built under vmap."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from functorch_jax import functional_call, grad, stack_module_state, torch, vmap

nn = torch.nn


def tensors(layer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    params = {name: p.detach() for name, p in layer.named_parameters()}
    return params, {name: b.clone() for name, b in layer.named_buffers()}


@pytest.mark.parametrize("under_grad", [False, True])
def test_a_compiled_step_returns_the_statistics(under_grad: bool) -> None:
    torch.manual_seed(0)
    layer, x = nn.BatchNorm1d(3), torch.randn(5, 3)
    params, buffers = tensors(layer)

    @jax.jit
    def step(params: Any, buffers: Any, x: Any) -> Any:
        def loss(params: Any) -> Any:
            return functional_call(layer, (params, buffers), (x,)).pow(3).sum()

        return (grad(loss)(params) if under_grad else loss(params)), buffers

    for _ in range(2):
        _, buffers = step(params, buffers, x)
    np.testing.assert_allclose(buffers["running_mean"], 0.19 * np.asarray(x).mean(0), rtol=1e-5)
    assert int(buffers["num_batches_tracked"]) == 2
    assert int(layer.num_batches_tracked) == 0


def test_a_compiled_write_to_the_layer_itself_is_refused() -> None:
    layer = nn.BatchNorm1d(3)
    with pytest.raises(RuntimeError, match="the write would be lost"):
        jax.jit(layer)(torch.ones(2, 3))
    assert int(layer.num_batches_tracked) == 0


def test_an_ensemble_keeps_one_statistic_a_member() -> None:
    torch.manual_seed(0)
    models, x = [nn.BatchNorm1d(3), nn.BatchNorm1d(3)], torch.randn(2, 5, 3)
    params, buffers = stack_module_state(models)
    vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)))(params, buffers, x)
    np.testing.assert_allclose(buffers["running_mean"], 0.1 * np.asarray(x).mean(1), rtol=1e-5)
    assert buffers["num_batches_tracked"].tolist() == [1, 1]
    assert not np.asarray(models[0].running_mean).any()


def build(_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    return dict(model.named_parameters()), dict(model.named_buffers())


def test_an_ensemble_built_under_vmap() -> None:
    torch.manual_seed(0)
    params, buffers = vmap(build, randomness="different")(torch.arange(4))
    assert {name: list(t.shape) for name, t in {**params, **buffers}.items()} == {
        "0.weight": [4, 2, 3],
        "0.bias": [4, 2],
        "1.weight": [4, 2],
        "1.bias": [4, 2],
        "1.running_mean": [4, 2],
        "1.running_var": [4, 2],
        "1.num_batches_tracked": [4],
    }
    assert len(set(params["0.weight"].reshape(-1).tolist())) == 24
    assert params["0.weight"].abs().max() <= 1 / 3**0.5
    x = torch.randn(5, 3)
    base = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    vmap(lambda p, b: functional_call(base, (p, b), (x,)))(params, buffers)
    features = np.einsum("ni,moi->mno", x, params["0.weight"]) + np.asarray(params["0.bias"])[:, None]
    np.testing.assert_allclose(buffers["1.running_mean"], 0.1 * features.mean(1), rtol=1e-4, atol=1e-6)


def test_members_of_one_randomness_are_alike() -> None:
    params, _ = vmap(build, randomness="same")(torch.arange(2))
    np.testing.assert_array_equal(params["0.weight"][0], params["0.weight"][1])


def test_building_without_a_rule_is_refused() -> None:
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(build)(torch.arange(2))
