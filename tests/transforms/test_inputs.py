"""Every transform over every kind of input: tensors, JAX and NumPy arrays, and trees of them of any type."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functorch_jax as ft
from functorch_jax import torch
from functorch_jax.tree import tree_map

Point = namedtuple("Point", ["x", "y"])


@jax.tree_util.register_dataclass
@dataclass
class Body:
    mass: Any
    place: Any


A, B = np.arange(3, dtype=np.float32), np.array([2.0, -1.0, 0.5], np.float32)
KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "tensor": torch.from_numpy,
    "parameter": lambda a: torch.nn.Parameter(torch.from_numpy(a)),
    "jax": jnp.asarray,
    "numpy": lambda a: a,
}
# container: (build it of two leaves, take the two leaves out)
CONTAINERS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "tuple": (lambda a, b: (a, b), lambda t: t),
    "list": (lambda a, b: [a, b], lambda t: t),
    "dict": (lambda a, b: {"z": a, "a": b}, lambda t: (t["z"], t["a"])),
    "dict of mixed keys": (lambda a, b: {"z": a, 1: b}, lambda t: (t["z"], t[1])),
    "OrderedDict": (lambda a, b: OrderedDict(z=a, a=b), lambda t: (t["z"], t["a"])),
    "defaultdict": (lambda a, b: defaultdict(list, {"z": a, "a": b}), lambda t: (t["z"], t["a"])),
    "deque": (lambda a, b: deque([a, b], maxlen=4), tuple),
    "namedtuple": (Point, lambda t: (t.x, t.y)),
    "nested": (lambda a, b: {"p": [a], "q": (b, ())}, lambda t: (t["p"][0], t["q"][0])),
    "registered with JAX": (Body, lambda t: (t.mass, t.place)),
}
CASES = [(kind, "tuple") for kind in KINDS] + [(kind, c) for c in CONTAINERS for kind in ("tensor", "jax")]


def as_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.detach() if isinstance(leaf, torch.Tensor) else leaf)


@pytest.fixture(params=CASES, ids="-".join)
def tree(request: pytest.FixtureRequest) -> Any:
    """(the tree of A and B, how to take it apart, the container's name, what a result leaf must be)."""
    kind, container = request.param
    build, parts = CONTAINERS[container]
    leaf_type = torch.Tensor if kind in ("tensor", "parameter") else jax.Array
    return build(KINDS[kind](A), KINDS[kind](B)), parts, leaf_type


def check(result: Any, like: Any, parts: Any, leaf_type: type, *expected: Any) -> None:
    assert type(result) is type(like)
    for leaf, value in zip(parts(result), expected, strict=True):
        assert isinstance(leaf, leaf_type)
        assert type(leaf) is not torch.nn.Parameter
        np.testing.assert_allclose(as_numpy(leaf), value, rtol=1e-6)


def test_grad(tree: Any) -> None:
    value, parts, leaf_type = tree

    def f(t: Any) -> Any:
        a, b = parts(t)
        return (a * a * b).sum()

    check(ft.grad(f)(value), value, parts, leaf_type, 2 * A * B, A * A)


def test_vjp(tree: Any) -> None:
    value, parts, leaf_type = tree
    out, pull = ft.vjp(lambda t: (lambda a, b: a * b)(*parts(t)), value)
    (cotangent,) = pull(out)
    check(cotangent, value, parts, leaf_type, A * B * B, A * B * A)


def test_jvp(tree: Any) -> None:
    value, parts, leaf_type = tree
    out, tangent = ft.jvp(lambda t: (lambda a, b: a * b)(*parts(t)), (value,), (value,))
    assert isinstance(out, leaf_type) and isinstance(tangent, leaf_type)
    np.testing.assert_allclose(as_numpy(tangent), 2 * A * B)


def test_linearize(tree: Any) -> None:
    value, parts, leaf_type = tree
    out, push = ft.linearize(lambda t: (lambda a, b: a * b)(*parts(t)), value)
    tangent = push(value)
    assert isinstance(out, leaf_type) and isinstance(tangent, leaf_type)
    np.testing.assert_allclose(as_numpy(tangent), 2 * A * B)


@pytest.mark.parametrize("jacobian", [ft.jacrev, ft.jacfwd], ids=["jacrev", "jacfwd"])
def test_jacobians(tree: Any, jacobian: Callable[..., Any]) -> None:
    value, parts, leaf_type = tree
    result = jacobian(lambda t: (lambda a, b: a * b)(*parts(t)))(value)
    check(result, value, parts, leaf_type, np.diag(B), np.diag(A))


def test_hessian(tree: Any) -> None:
    value, parts, leaf_type = tree
    result = ft.hessian(lambda t: (lambda a, b: (a * a * b).sum())(*parts(t)))(value)
    first, second = parts(result)
    check(first, value, parts, leaf_type, np.diag(2 * B), np.diag(2 * A))
    check(second, value, parts, leaf_type, np.diag(2 * A), np.zeros((3, 3)))


def test_vmap(tree: Any) -> None:
    value, parts, leaf_type = tree

    def f(t: Any) -> Any:
        assert all(leaf.shape == () for leaf in parts(t))
        return tree_map(lambda leaf: leaf + 1, t)

    check(ft.vmap(f)(value), value, parts, leaf_type, A + 1, B + 1)


def test_vmap_of_grad(tree: Any) -> None:
    value, parts, leaf_type = tree
    result = ft.vmap(ft.grad(lambda t: (lambda a, b: a * a * b)(*parts(t))))(value)
    check(result, value, parts, leaf_type, 2 * A * B, A * A)


def test_a_parameter_returned_by_vmap_is_the_same_object() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    assert ft.vmap(lambda p: p)(parameter) is parameter


def test_jax_transforms_take_tensors() -> None:
    t = torch.arange(3.0)
    doubled = jax.jit(lambda x: x * 2)(t)
    assert isinstance(doubled, torch.Tensor) and doubled.tolist() == [0.0, 2.0, 4.0]
    gradient = jax.grad(lambda x: (x * x).sum().jax())(t)
    assert isinstance(gradient, torch.Tensor) and gradient.tolist() == [0.0, 2.0, 4.0]
    assert jax.vmap(lambda x: x + 1)(t).tolist() == [1.0, 2.0, 3.0]
    assert isinstance(jnp.sin(t), jax.Array) and isinstance(np.asarray(t), np.ndarray)


def test_arguments_that_are_not_differentiated_may_be_anything() -> None:
    def f(x: Any, n: int, mode: str, nothing: None, *, table: dict[str, Any]) -> Any:
        assert (n, mode, nothing) == (2, "sum", None)
        return (x**n).sum() * table["scale"]

    gradient = ft.grad(f)(torch.tensor([3.0]), 2, "sum", None, table={"scale": 2})
    assert gradient.tolist() == [12.0]
    assert ft.vmap(lambda x, n: x * n, in_dims=(0, None))(jnp.arange(2.0), 3).tolist() == [0.0, 3.0]


@pytest.mark.parametrize("kind", ["tensor", "jax", "numpy"])
def test_complex_follows_pytorch(kind: str) -> None:
    z = KINDS[kind](np.array(1 + 2j, np.complex64))
    gradient = ft.grad(lambda z: (z * z).real if kind == "tensor" else jnp.real(z * z))(z)
    assert complex(gradient) == 2 - 4j
    _, pull = ft.vjp(lambda z: z * z, z)
    (cotangent,) = pull(KINDS[kind](np.array(1j, np.complex64)))
    assert complex(cotangent) == 4 + 2j
