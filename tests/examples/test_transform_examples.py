"""The examples that need transforms alone, loaded unedited through the import hook: are their answers right?"""

import importlib.util
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import functorch_jax
from tests.doors.conftest import fresh_imports  # noqa: F401

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def load(fresh_imports):  # noqa: F811
    """Imports examples/NAME.py as its user wrote it: `import torch` in it is ours."""
    functorch_jax.install()

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def close(got, expected, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(got), expected, rtol=tolerance, atol=tolerance)


# ---- Jacobians and Hessians ------------------------------------------------------------------------------------------


def by_hand(weight, bias, x):
    """Jacobian and Hessian of tanh(W x + b), from 1 − y² and −2 y (1 − y²)."""
    w, b, x = (np.asarray(a, np.float64) for a in (weight, bias, x))
    y = np.tanh(w @ x + b)
    return (1 - y**2)[:, None] * w, np.einsum("i,ij,ik->ijk", -2 * y * (1 - y**2), w, w)


def test_every_form_of_the_jacobian_and_the_hessian(load):
    example = load("jacobians_hessians")
    problem = example.problem(4, 3)
    jacobian, hessian = by_hand(*problem)
    for form in example.JACOBIANS.values():
        close(form(*problem), jacobian)
    for form in example.HESSIANS.values():
        close(form(*problem), hessian)


def test_products_with_the_hessian(load):
    example = load("jacobians_hessians")
    weight, bias, x = example.problem(4, 3)
    v = x.flip(0)
    _, hessian = by_hand(weight, bias, x)
    for product in example.HVPS.values():
        got = product(lambda x: example.layer(weight, bias, x).sum(), x, v)
        close(got, hessian.sum(0) @ np.asarray(v))


def test_jacobians_and_hessians_of_a_batch(load):
    example = load("jacobians_hessians")
    weight, bias, x = example.problem(4, 3)
    points = [x, 2 * x]
    jacobians, hessians = example.batched(weight, bias, example.torch.stack(points))
    for point, jacobian, hessian in zip(points, jacobians, hessians):
        expected = by_hand(weight, bias, point)
        close(jacobian, expected[0])
        close(hessian, expected[1])


# ---- ensembles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["stacked", "combined"])
@pytest.mark.parametrize("shared", [False, True])
def test_an_ensemble_is_its_members_one_by_one(spelling, shared, load):
    example = load("ensembling")
    example.torch.manual_seed(0)
    models = [example.MLP(6, 5, 4) for _ in range(3)]
    batches = example.torch.randn(3, 2, 6)
    got = getattr(example, spelling)(models, batches[0] if shared else batches, shared)
    for k, model in enumerate(models):
        h = np.asarray(batches[0 if shared else k])
        for layer in (model.fc1, model.fc2, model.fc3):
            h = h @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
            h = np.maximum(h, 0) if layer is not model.fc3 else h
        close(got[k].detach(), h)


# ---- neural tangent kernels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["by_jacobians", "by_products"])
def test_the_kernel_of_a_linear_layer(way, load):
    """Of W x + b it is (x·y + 1) times the identity."""
    example = load("neural_tangent_kernels")
    example.torch.manual_seed(0)
    f, params = example.functional(example.nn.Linear(4, 2))
    x, y = example.torch.randn(3, 4), example.torch.randn(2, 4)
    products = np.asarray(x) @ np.asarray(y).T + 1
    kernel = lambda compute: getattr(example, way)(f, params, x, y, compute)
    close(kernel("full"), products[..., None, None] * np.eye(2))
    close(kernel("trace"), 2 * products)
    close(kernel("diagonal"), products[..., None] * np.ones(2))


def test_both_contractions_agree_on_a_network(load):
    example = load("neural_tangent_kernels")
    example.torch.manual_seed(0)
    f, params = example.functional(example.CNN(width=2, outputs=2))
    x, y = example.torch.randn(2, 3, 12, 12), example.torch.randn(1, 3, 12, 12)
    full = np.asarray(example.by_jacobians(f, params, x, y))
    close(example.by_products(f, params, x, y), full)
    assert np.abs(full - np.eye(2) * full).max() > 1e-3  # the outputs share parameters, unlike those of one layer


# ---- the tour --------------------------------------------------------------------------------------------------------


def test_the_tour(load):
    tour = load("whirlwind_tour")
    tensor = tour.torch.tensor
    at = 0.5
    sines = {"sin'": np.cos(at), "sin''": -np.sin(at), "sin'''": -np.cos(at), "slope": np.cos(at), "value": np.sin(at)}
    got = tour.derivatives(tensor(at))
    assert got.keys() == sines.keys()
    for name, expected in sines.items():
        close(got[name], expected)

    x, v = np.array([1.0, 2.0, 3.0], np.float32), np.array([1.0, 0.0, -1.0], np.float32)
    for result in tour.products(tensor(x), tensor(v)).values():
        close(result, 3 * x**2 * v)
    matrices = tour.matrices(tensor(x))
    close(matrices["jacrev"], np.diag(3 * x**2))
    close(matrices["jacfwd"], np.diag(3 * x**2))
    close(matrices["hessian"], np.diag(6 * x))
    xs, ys = jnp.arange(6.0).reshape(3, 2), jnp.arange(1.0, 7.0).reshape(3, 2)
    products = tour.mapped(tour.torch.from_jax(xs), tour.torch.from_jax(ys))
    close(products["rows"], (xs * ys).sum(1))
    close(products["columns"], (xs * ys).sum(0))
    written = tensor(x)
    close(tour.without_mutation(written), [11.0, 3.0, 4.0])
    close(written, x)


def test_per_sample_gradients_of_the_tour(load):
    """Of |W x + b − t|² they are 2 (W x + b − t) xᵀ and 2 (W x + b − t)."""
    tour = load("whirlwind_tour")
    tour.torch.manual_seed(0)
    model, xs, targets = tour.nn.Linear(3, 2), tour.torch.randn(4, 3), tour.torch.randn(4, 2)
    of_tuple, of_dict = tour.per_sample(model, xs, targets)
    error = 2 * (np.asarray(xs) @ model.weight.detach().numpy().T + model.bias.detach().numpy() - np.asarray(targets))
    for weight, bias in (of_tuple, of_dict.values()):
        close(weight, error[:, :, None] * np.asarray(xs)[:, None, :])
        close(bias, error)
