"""Parameters of flax and equinox are trees like any other: every transform takes them and gives them back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functorch_jax as ft
from functorch_jax.experimental import chunk_vmap

X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def linen():
    nn = pytest.importorskip("flax.linen", reason="flax is not installed")
    model = nn.Dense(2)
    return model.init(jax.random.key(0), X), lambda params, x: jnp.tanh(model.apply(params, x))


def nnx():
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
    graph, state = nnx.split(nnx.Linear(3, 2, rngs=nnx.Rngs(0)))
    return state, lambda state, x: jnp.tanh(nnx.merge(graph, state)(x))


def equinox():
    eqx = pytest.importorskip("equinox", reason="equinox is not installed")
    return eqx.nn.Linear(3, 2, key=jax.random.key(0)), lambda model, x: jnp.tanh(x @ model.weight.T + model.bias)


def scalar(apply):
    return lambda params: apply(params, X).sum()


def same(got, wanted):
    """The same tree of the same arrays."""
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted)):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


def many(params):
    return jax.tree.map(lambda p: jnp.stack([p, 2 * p]), params)


# the transform on (params, apply), and what JAX gives for it
TRANSFORMS = {
    "grad": (lambda p, f: ft.grad(scalar(f))(p), lambda p, f: jax.grad(scalar(f))(p)),
    "grad_and_value": (
        lambda p, f: ft.grad_and_value(scalar(f))(p),
        lambda p, f: jax.value_and_grad(scalar(f))(p)[::-1],
    ),
    "vjp": (
        lambda p, f: ft.vjp(lambda q: f(q, X), p)[1](jnp.ones_like(f(p, X))),
        lambda p, f: jax.vjp(lambda q: f(q, X), p)[1](jnp.ones_like(f(p, X))),
    ),
    "jvp": (
        lambda p, f: ft.jvp(lambda q: f(q, X), (p,), (p,)),
        lambda p, f: jax.jvp(lambda q: f(q, X), (p,), (p,)),
    ),
    "jacrev": (lambda p, f: ft.jacrev(lambda q: f(q, X))(p), lambda p, f: jax.jacrev(lambda q: f(q, X))(p)),
    "jacfwd": (lambda p, f: ft.jacfwd(lambda q: f(q, X))(p), lambda p, f: jax.jacfwd(lambda q: f(q, X))(p)),
    "hessian": (lambda p, f: ft.hessian(scalar(f))(p), lambda p, f: jax.hessian(scalar(f))(p)),
    "vmap": (
        lambda p, f: ft.vmap(lambda q: f(q, X))(many(p)),
        lambda p, f: jax.vmap(lambda q: f(q, X))(many(p)),
    ),
    "vmap of grad": (
        lambda p, f: ft.vmap(ft.grad(scalar(f)))(many(p)),
        lambda p, f: jax.vmap(jax.grad(scalar(f)))(many(p)),
    ),
    "linearize": (
        lambda p, f: (lambda out, push: (out, push(p)))(*ft.linearize(lambda q: f(q, X), p)),
        lambda p, f: jax.jvp(lambda q: f(q, X), (p,), (p,)),
    ),
    "functionalize": (lambda p, f: ft.functionalize(ft.grad(scalar(f)))(p), lambda p, f: jax.grad(scalar(f))(p)),
    "chunk_vmap": (
        lambda p, f: chunk_vmap(ft.grad(scalar(f)), chunks=2)(many(p)),
        lambda p, f: jax.vmap(jax.grad(scalar(f)))(many(p)),
    ),
    "jit of grad": (lambda p, f: jax.jit(ft.grad(scalar(f)))(p), lambda p, f: jax.grad(scalar(f))(p)),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("library", [linen, nnx, equinox])
def test_parameters_pass_through(library, transform):
    params, apply = library()
    ours, jaxs = TRANSFORMS[transform]
    same(ours(params, apply), jaxs(params, apply))


@pytest.mark.parametrize("library", [linen, nnx, equinox])
def test_per_sample_gradients(library):
    params, apply = library()
    one = lambda p, x: apply(p, x[None]).sum()
    same(ft.vmap(ft.grad(one), (None, 0))(params, X), jax.vmap(jax.grad(one), (None, 0))(params, X))
