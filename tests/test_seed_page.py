"""The examples of functorch.grad's documentation, through each door: unedited, two imports edited, plain jax.numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from functorch_jax import grad, no_grad, torch, vmap

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "tests" / "seed" / "page.py"

Program = Callable[[Any, Callable[[Any], Any]], Any]

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-2.0, 1.0, 1.0], [1.0, 1.0, 1.0]], np.float32)
Y = np.array([1.0, -0.5, 2.0, 0.0], np.float32)
W = np.array([1.0, 0.5, 0.25], np.float32)


def per_sample_gradients(t: Any, array: Callable[[Any], Any]) -> Any:
    def loss(weights: Any, example: Any, target: Any) -> Any:
        pred = t.maximum((example * weights).sum(), t.zeros_like(target))
        return ((pred - target) ** 2).mean()

    return vmap(grad(loss), in_dims=(None, 0, 0))(array(W), array(X), array(Y))


def by_hand() -> np.ndarray:
    pred = X @ W
    return np.where(pred[:, None] > 0, 2 * (pred - Y)[:, None] * X, 0)


def argnums_and_aux(t: Any, array: Callable[[Any], Any]) -> Any:
    def loss(pred: Any, target: Any) -> Any:
        each = (pred - target) ** 2
        return each.mean(), each

    (by_pred, by_target), each = grad(loss, argnums=(0, 1), has_aux=True)(array(W), array(X[0]))
    return t.stack([by_pred, by_target, each])


def no_grad_inside(t: Any, array: Callable[[Any], Any]) -> Any:
    def f(x: Any) -> Any:
        with no_grad():
            c = x**2
        return x - c

    return grad(f)(array(3.0))


def no_grad_outside(t: Any, array: Callable[[Any], Any]) -> Any:
    with no_grad():
        return grad(lambda x: x**3)(array(2.0))


# name of the example on the page: the program over a namespace, and what it gives
EXAMPLES: dict[str, tuple[Program, Any]] = {
    "first_order": (lambda t, array: grad(t.sin)(array(0.8)), np.cos(0.8)),
    "second_order": (lambda t, array: grad(grad(t.sin))(array(0.8)), -np.sin(0.8)),
    "per_sample_gradients": (per_sample_gradients, by_hand()),
    "argnums_and_aux": (
        argnums_and_aux,
        np.stack([2 * (W - X[0]) / 3, -2 * (W - X[0]) / 3, (W - X[0]) ** 2]),
    ),
    "no_grad_inside": (no_grad_inside, 1.0),
    "no_grad_outside": (no_grad_outside, 12.0),
}

DOORS: dict[str, tuple[Any, Callable[[Any], Any], type]] = {
    "from functorch_jax import torch": (torch, lambda x: torch.tensor(x, dtype=torch.float32), torch.Tensor),
    "plain jax.numpy": (jnp, lambda x: jnp.asarray(x, jnp.float32), jnp.ndarray),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_in_this_process(name: str, door: str) -> None:
    program, expected = EXAMPLES[name]
    namespace, array, kind = DOORS[door]
    got = program(namespace, array)
    assert isinstance(got, kind)
    assert np.asarray(got).dtype == np.float32
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-5)


def lines_of(*command: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    run = subprocess.run(
        [sys.executable, *command, os.fspath(PAGE)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.fixture(scope="module")
def unedited() -> list[str]:
    """The names of the examples that hold when the page is run as it stands."""
    return lines_of("-m", "functorch_jax")


@pytest.mark.parametrize("name", EXAMPLES)
def test_through_the_launcher(name: str, unedited: list[str]) -> None:
    assert name in unedited


def test_the_page_and_the_table_have_the_same_examples(unedited: list[str]) -> None:
    assert unedited == list(EXAMPLES)


@pytest.mark.oracle
@pytest.mark.skipif(os.environ.get("FUNCTORCH_JAX_ORACLE") != "live", reason="runs PyTorch")
def test_the_page_holds_under_pytorch() -> None:
    assert lines_of() == list(EXAMPLES)
