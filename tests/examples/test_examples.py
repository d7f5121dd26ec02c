"""The programs in examples/ give PyTorch's numbers from the same file and seed, and answers that are right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
RUNNERS = [pytest.param(["-m", "functorch_jax"], id="jax"), pytest.param([], marks=pytest.mark.oracle, id="pytorch")]

# what PyTorch 2.13 prints for these words; a few steps, for their compilation is what takes time
RECORDED = {
    "maml_regression --steps 6 --tasks 4": {
        "modules": [3.69017, 3.45452, 1.40403, 3.21856, 4.26162, 3.71043],
        "functorch": [3.69017, 3.45452, 1.40403, 3.21856, 4.26162, 3.71043],
        "by-hand": [3.69017, 3.45452, 1.40403, 3.21856, 4.26162, 3.71043],
        "loop": [3.69017, 3.45452, 1.40403, 3.21856, 4.26162, 3.71043],
    },
    "maml_images --steps 3 --tasks 4": {
        "losses": [4.14721, 2.27741, 1.87613],
        "unseen-loss": [4.31818, 2.30534],
        "unseen-accuracy": [0.3333, 0.3333],
    },
    "lennard_jones --steps 20": {
        "losses": [0.61387, 0.49548, 0.47618, 0.42636, 0.43781, 0.42845, 0.42553],
        "learned-error": [1.03674],
    },
    "ensembled_spirals --steps 20": {
        "losses": [0.68913, 0.65532, 0.62577, 0.61206, 0.62492, 0.65368, 0.65295],
        "first-losses": [0.67065, 0.70543, 0.68391, 0.68015, 0.69721, 0.71410, 0.67486, 0.68672],
        "accuracies": [0.6225, 0.5850, 0.5838, 0.6425, 0.6000, 0.6325, 0.6037, 0.6100],
        "vote": [0.6388],
    },
    "dp_sgd --epochs 1": {
        "epoch-1": [2.13785, 1.0000],
        "clipped-norm": [1.00000],
        "accuracy": [0.5239],
    },
}

LIMITS = {
    # forces by vmap(grad) against the derivative on paper
    "lennard_jones --steps 20": {"formula-error": 1e-4},
    # the mean of per-sample gradients against the gradient of the mean loss by backward()
    "dp_sgd --epochs 1": {"mean-of-parts": 1e-5},
}


def answers(runner, words):
    """What a program prints in lines `name: numbers`."""
    if not runner:
        pytest.importorskip("torch")
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
    name, *options = words.split()
    command = [sys.executable, *runner, f"examples/{name}.py", *options]
    done = subprocess.run(command, cwd=PROJECT, env=env, text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = [line.partition(":") for line in done.stdout.splitlines() if not line.startswith("#")]
    return {name: [float(number) for number in numbers.split()] for name, _, numbers in lines}


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("words", RECORDED)
def test_an_example_gives_pytorchs_numbers(words, runner):
    got = answers(runner, words)
    for name, limit in LIMITS.get(words, {}).items():
        assert got.pop(name)[0] < limit, name
    assert got == {name: pytest.approx(numbers, rel=1e-3, abs=1e-3) for name, numbers in RECORDED[words].items()}
