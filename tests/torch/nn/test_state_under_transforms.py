"""Modules under transforms: buffers that move, parameters that are exchanged, and nothing left behind."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import functorch_jax
from functorch_jax import functional_call, grad, jvp, make_functional_with_buffers, stack_module_state, torch, vmap

nn = torch.nn
F = nn.functional


def batch_norm() -> Any:
    return nn.BatchNorm1d(3)


def inputs(*shape: int) -> Any:
    torch.manual_seed(1)
    return torch.randn(*shape)


def moved(layer: Any, x: Any) -> np.ndarray[Any, Any]:
    """Where one step moves the running mean of a fresh layer."""
    return 0.9 * np.zeros(3) + 0.1 * np.asarray(x).mean(0)


RUN = {
    "eagerly": lambda f, x: f(x),
    "under grad": lambda f, x: grad(lambda x: f(x).sum())(x),
    "under jvp": lambda f, x: jvp(f, (x,), (x,)),
    "under grad of grad": lambda f, x: grad(lambda x: grad(lambda x: f(x).pow(2).sum())(x).sum())(x),
}


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_running_statistics_move_once(run: Any) -> None:
    layer, x = batch_norm(), inputs(5, 3)
    with jax.checking_leaks():
        run(layer, x)
    np.testing.assert_allclose(np.asarray(layer.running_mean), moved(layer, x), rtol=1e-5)
    assert int(layer.num_batches_tracked) == 1
    assert not layer.running_mean.requires_grad


def test_statistics_stay_when_the_function_raises() -> None:
    layer, x = batch_norm(), inputs(5, 3)

    def f(x: Any) -> Any:
        layer(x)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        grad(f)(x)
    assert int(layer.num_batches_tracked) == 0
    assert not np.asarray(layer.running_mean).any()


def test_vmap_over_the_input_is_refused_and_over_buffers_works() -> None:
    layer, x = batch_norm(), inputs(4, 5, 3)
    with pytest.raises(
        RuntimeError, match="Batch norm got a batched tensor as input while the running_mean or running_var"
    ):
        vmap(layer)(x)
    params, buffers = stack_module_state([batch_norm() for _ in range(4)])
    vmap(lambda p, b, x: functional_call(layer, (p, b), x))(params, buffers, x)
    vmap(layer.eval())(x)
    assert vmap(functorch_jax.replace_all_batch_norm_modules_(batch_norm()))(x).shape == (4, 5, 3)


def test_statistics_do_not_carry_derivatives() -> None:
    def f(x: Any) -> Any:
        layer = batch_norm()
        layer(x)
        return layer.running_mean.sum()

    assert not np.asarray(grad(f)(inputs(5, 3))).any()


def test_buffers_of_make_functional_are_written_where_they_were_given() -> None:
    func, params, buffers = make_functional_with_buffers(batch_norm())
    x = inputs(5, 3)
    grad(lambda params: func(params, buffers, x).sum())(params)
    np.testing.assert_allclose(np.asarray(buffers[0]), moved(None, x), rtol=1e-5)


def test_functional_call_leaves_the_module_as_it_was() -> None:
    layer = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    before = dict(layer.named_parameters())
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        functional_call(layer, {"0.weight": torch.ones(2, 5)}, torch.ones(3))
    after = dict(layer.named_parameters())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)


def test_functional_call_inside_itself() -> None:
    class Nested(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(1))

        def forward(self, x: Any, deeper: bool = True) -> Any:
            if not deeper:
                return x * self.w
            return self.w + functional_call(self, {"w": torch.full((1,), 10.0)}, (x, False))

    out = functional_call(Nested(), {"w": torch.full((1,), 3.0)}, torch.ones(1))
    assert float(out) == 13.0


def test_reassigned_buffer_is_written_into_a_single_dict_only() -> None:
    class Count(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("n", torch.zeros(1))

        def forward(self, x: Any) -> Any:
            self.n = self.n + 1
            return x

    layer, one, several = Count(), {"n": torch.zeros(1)}, ({"n": torch.zeros(1)},)
    functional_call(layer, one, torch.ones(1))
    functional_call(layer, several, torch.ones(1))
    assert [float(one["n"]), float(several[0]["n"]), float(layer.n)] == [1.0, 0.0, 0.0]


def test_ensemble_over_a_skeleton_without_values() -> None:
    models = [nn.Linear(3, 2) for _ in range(4)]
    params, buffers = stack_module_state(models)
    skeleton = nn.Linear(3, 2, device="meta")
    x = inputs(3)
    out = vmap(lambda p, b: functional_call(skeleton, (p, b), x))(params, buffers)
    for i, model in enumerate(models):
        np.testing.assert_allclose(out[i].detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_parameters_that_require_grad_are_stacked_as_leaves() -> None:
    params, _ = stack_module_state([nn.Linear(3, 2), nn.Linear(3, 2)])
    assert all(p.requires_grad and type(p) is torch.Tensor for p in params.values())
    frozen = [nn.Linear(3, 2).requires_grad_(False) for _ in range(2)]
    assert not any(p.requires_grad for p in stack_module_state(frozen)[0].values())


PER_SAMPLE = {  # a layer, and the shape of one example
    "linear": (lambda: nn.Linear(6, 3), (6,)),
    "convolution": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2)), (2, 6, 6)),
    "transposed convolution": (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2), (2, 5)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (4, 3)),
    "layer norm": (lambda: nn.LayerNorm(5), (4, 5)),
}


@pytest.mark.parametrize("make, shape", PER_SAMPLE.values(), ids=PER_SAMPLE)
def test_gradient_of_each_example_is_the_gradient_of_that_example(make: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = make()
    params = dict(model.named_parameters())
    x = inputs(4, *shape)

    def loss(params: Any, x: Any) -> Any:
        return functional_call(model, params, x[None]).pow(2).sum()

    together = vmap(grad(loss), (None, 0))(params, x)
    for i in range(4):
        alone = grad(loss)(params, x[i])
        for name in params:
            np.testing.assert_allclose(
                together[name][i].detach().numpy(), alone[name].detach().numpy(), rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize(
    "f, slow",
    [
        (lambda x: F.max_pool2d(x, 2), "select_and_"),
        (lambda x: F.max_pool2d(x, 3, 1, 1), "select_and_"),
        (lambda x: F.cross_entropy(x.reshape(4, -1), torch.zeros(4, dtype=torch.int64)), "scatter"),
        (lambda x: F.interpolate(x, scale_factor=2), "scatter"),
    ],
    ids=["max_pool2d", "max_pool2d, overlapping", "cross_entropy", "interpolate"],
)
def test_gradients_avoid_what_is_slow(f: Any, slow: str) -> None:
    program = jax.make_jaxpr(lambda x: grad(lambda x: f(x).sum())(x))(inputs(4, 2, 6, 6))
    assert slow not in str(program)


def test_second_derivatives_of_attention() -> None:
    """PyTorch has neither forward mode nor second derivatives here."""
    q, k, v = inputs(2, 3, 4), inputs(2, 5, 4) * 2, inputs(2, 5, 4) + 1

    def f(q: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v).pow(2).sum()

    step = 1e-3
    along = torch.ones_like(q)
    _, curved = jvp(grad(f), (q,), (along,))
    difference = (grad(f)(q + step * along) - grad(f)(q - step * along)) / (2 * step)
    np.testing.assert_allclose(np.asarray(curved), np.asarray(difference), rtol=2e-2, atol=2e-2)
