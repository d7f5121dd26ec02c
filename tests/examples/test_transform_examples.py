"""The examples that need transforms alone: are their answers right, on this package and on PyTorch?

Each is imported and run as its user wrote it, unedited; under `jax` the import hook or the launcher gives its
`import torch` this package.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import functorch_jax
from functorch_jax import launch
from tests.doors.conftest import fresh_imports, launchable  # noqa: F401

EXAMPLES = Path(__file__).parents[2] / "examples"
ENGINES = ["jax", pytest.param("pytorch", marks=pytest.mark.oracle)]


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "pytorch":
        pytest.importorskip("torch")
    return request.param


@pytest.fixture
def load(engine, request):
    """Imports examples/NAME.py."""
    if engine == "jax":
        request.getfixturevalue("fresh_imports")
        functorch_jax.install()

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert (module.torch.__name__ == "torch") == (engine == "pytorch")
        return module

    return load


@pytest.fixture
def output(engine, request, monkeypatch, capsys):
    """Runs examples/NAME.py with options, as `python` or `python -m functorch_jax` does, and gives what it prints."""
    if engine == "jax":
        request.getfixturevalue("launchable")

    def output(words):
        name, *options = words.split()
        path = str(EXAMPLES / f"{name}.py")
        if engine == "jax":
            launch.main([path, *options])
        else:
            monkeypatch.setattr(sys, "argv", [path, *options])
            runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return output


@pytest.fixture
def printed(output):
    """The numbers that a program prints in lines `name: numbers`."""

    def printed(words):
        lines = [line.partition(":") for line in output(words) if not line.startswith("#")]
        return {name: [float(number) for number in numbers.split()] for name, _, numbers in lines}

    return printed


def close(got, expected, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(got), expected, rtol=tolerance, atol=tolerance)


# ---- Jacobians and Hessians ------------------------------------------------------------------------------------------


def by_hand(lengths, angles):
    """Of the joints by the angles: turning angle j takes along all links from j on."""
    lengths, angles = np.asarray(lengths, np.float64), np.asarray(angles, np.float64)
    along, n = np.cumsum(angles), len(angles)
    x, y = lengths * np.cos(along), lengths * np.sin(along)  # the links
    jacobian, hessian = np.zeros((2 * n, n)), np.zeros((2 * n, n, n))
    for k, i, j in np.ndindex(n, n, n):
        links = slice(max(i, j), k + 1)
        jacobian[k, j], jacobian[n + k, j] = -y[j : k + 1].sum(), x[j : k + 1].sum()
        hessian[k, i, j], hessian[n + k, i, j] = -x[links].sum(), -y[links].sum()
    return jacobian, hessian


def energy_by_hand(lengths, angles):
    """The Hessian of the energy, 1 + Σ 2 (∇t ∇tᵀ + (t - 1) ∇²t) over the two coordinates t of the tip."""
    jacobian, hessian = by_hand(lengths, angles)
    n = len(angles)
    along, length = np.cumsum(np.asarray(angles, np.float64)), np.asarray(lengths, np.float64)
    total = np.eye(n)
    for row, t in ((n - 1, (length * np.cos(along)).sum()), (2 * n - 1, (length * np.sin(along)).sum())):
        total += 2 * (np.outer(jacobian[row], jacobian[row]) + (t - 1) * hessian[row])
    return total


def test_every_form_of_the_jacobian_and_the_hessian(load):
    example = load("jacobians_hessians")
    arm = example.arm(3)
    jacobian, hessian = by_hand(*arm)
    for form in example.JACOBIANS.values():
        close(form(*arm), jacobian)
    for form in example.HESSIANS.values():
        close(form(*arm), hessian)


def test_products_with_the_hessian_at_a_batch_of_poses(load):
    example = load("jacobians_hessians")
    lengths, pose = example.arm(3)
    poses, directions = example.torch.stack([pose, -2 * pose]), example.torch.stack([pose.flip(0), pose + 1])
    expected = [energy_by_hand(lengths, x) @ np.asarray(v) for x, v in zip(poses, directions)]
    for product in example.PRODUCTS.values():
        close(product(lambda a: example.energy(lengths, a), pose, directions[0]), expected[0], 1e-4)
        close(example.batched_product(product, lengths, poses, directions), expected, 1e-4)


def test_jacobians_and_hessians_of_a_batch(load):
    example = load("jacobians_hessians")
    lengths, pose = example.arm(3)
    poses = [pose, 2 * pose]
    jacobians, hessians = zip(*(by_hand(lengths, x) for x in poses))
    expected = {"jacrev": jacobians, "jacfwd": jacobians, "hessian": hessians}
    assert example.BATCHED.keys() == expected.keys()
    for name, form in example.BATCHED.items():
        close(form(lengths, example.torch.stack(poses)), expected[name])


def test_the_arms_program(printed):
    got = printed("jacobians_hessians --links 3 --poses 2")
    assert got.pop("pose") == pytest.approx([-0.0983, 1.1344, 0.7342], abs=5e-4)  # PyTorch 2.13
    assert got.pop("gradient, first and last") == pytest.approx([2.74510, 0], abs=1e-4)
    assert len(got) == 6 + 5 + 3 + 3
    assert all(0 <= far < 2e-5 for parts in got.values() for far in parts)


def test_the_arm_comes_to_rest(load):
    example = load("jacobians_hessians")
    pose, norms = example.reach(*example.arm(3), steps=12)
    assert norms[0] > 1 > 1e-4 > norms[-1]
    assert np.linalg.eigvalsh(energy_by_hand(example.arm(3)[0], pose)).min() > 0  # at a minimum, not at a saddle


# ---- ensembles -------------------------------------------------------------------------------------------------------


def opinion(network, x):
    """The network's layers by hand: linear, batch normalisation by the running statistics, tanh."""
    w = {name: np.asarray(value.detach()) for name, value in network.state_dict().items()}
    assert not np.allclose(w["1.running_mean"], 0, atol=0.1), "the statistics are those of a fresh layer"
    h = x @ w["0.weight"].T + w["0.bias"]
    h = (h - w["1.running_mean"]) / np.sqrt(w["1.running_var"] + network[1].eps) * w["1.weight"] + w["1.bias"]
    h = np.tanh(np.tanh(h) @ w["3.weight"].T + w["3.bias"])
    return h @ w["5.weight"].T + w["5.bias"]


@pytest.mark.parametrize("spelling", ["stacked", "combined"])
@pytest.mark.parametrize("each", [False, True])
def test_an_ensemble_is_its_members_one_by_one(spelling, each, load):
    example = load("ensembling")
    example.torch.manual_seed(0)
    members = [example.member(4, 5) for _ in range(3)]
    batches = example.torch.randn(3, 2, 4)
    got = example.SPELLINGS[spelling](members, batches if each else batches[0], each).detach()
    for k, network in enumerate(members):
        close(got[k], opinion(network, np.asarray(batches[k if each else 0])))


def test_the_committees_program(printed):
    got = printed("ensembling")
    of_mean, of_members, spread = got.pop("committee")
    assert (of_mean, of_members, spread) == pytest.approx((1.87124, 1.89895, 0.02771), abs=1e-4)  # PyTorch 2.13
    assert of_mean == pytest.approx(of_members - spread, abs=2e-5)
    assert len(got) == 4 and all(0 <= far < 1e-5 for [far] in got.values())


# ---- neural tangent kernels ------------------------------------------------------------------------------------------


def test_the_kernel_of_a_linear_layer(load):
    """Of W x + b it is (x·y + 1) times the identity."""
    example = load("neural_tangent_kernels")
    example.torch.manual_seed(0)
    f, theta = example.as_function(example.nn.Linear(4, 2))
    x, y = example.torch.randn(3, 4), example.torch.randn(2, 4)
    products = np.asarray(x) @ np.asarray(y).T + 1
    for way in (example.contract, example.multiply):
        close(way(f, theta, x, y), products[..., None, None] * np.eye(2))
    for way in (example.contracted_traces, example.multiplied_traces):
        close(way(f, theta, x, y), 2 * products)


def test_the_kernels_program(printed):
    got = printed("neural_tangent_kernels --xs 3 --ys 2 --length 8")
    assert got.pop("eigenvalues") == pytest.approx([3.0459, 3.2085, 19.8143], rel=1e-3)  # PyTorch 2.13
    assert got.pop("a step that is taken") < [1e-3]  # a finite difference
    assert got.keys() == {"multiply", "contracted traces", "multiplied traces"}
    assert all(0 <= far < 1e-5 for [far] in got.values())


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
    xs, ys = np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    products = tour.mapped(tensor(xs), tensor(ys))
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


def test_the_tours_program(output):
    lines = dict(line.split(None, 1) for line in output("whirlwind_tour") if line.startswith("  "))
    assert lines["rows"] == "[1.0, 5.0, 9.0]" and lines["vjp"] == "[3.0, 0.0, -27.0]"
    assert lines["weight"] == "(5, 2, 3), the two spellings differ by 0.0e+00"
