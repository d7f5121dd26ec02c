"""Sums over a leading axis and derivatives of broadcasts never meet the slow strided reduction of XLA's CPU code."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functorch_jax import torch
from functorch_jax.torch._sums import spread, total

BLOCK = 40000  # elements after the reduced axis: more than where the formulation changes
on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the other formulation is for XLA's CPU backend")


def reduced_axes(f, *args) -> set[tuple[int, ...]]:
    """The axes of every reduce_sum in the program of `f` that a block of `BLOCK` elements or more follows."""
    found: set[tuple[int, ...]] = set()

    def visit(jaxpr) -> None:
        for eqn in jaxpr.eqns:
            axes = eqn.params.get("axes")
            if eqn.primitive.name == "reduce_sum" and np.prod(eqn.invars[0].aval.shape[max(axes) + 1 :]) >= BLOCK:
                found.add(tuple(axes))
            for inner in jax.tree_util.tree_leaves(
                eqn.params, is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")
            ):
                if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                    visit(getattr(inner, "jaxpr", inner))

    visit(jax.make_jaxpr(f)(*args).jaxpr)
    return found


x = np.random.RandomState(0).standard_normal((3, BLOCK)).astype(np.float32)
bias = x[0]

PROGRAMS = {  # a program over arrays, and the same in jax.numpy
    "mean of a computed tensor": (lambda x: torch.mean(torch.from_jax(x) * 2, 0).jax(), lambda x: jnp.mean(x * 2, 0)),
    "sum, keepdim": (lambda x: torch.from_jax(x).sum(0, keepdim=True).jax(), lambda x: jnp.sum(x, 0, keepdims=True)),
    "std": (lambda x: torch.from_jax(x).std(0).jax(), lambda x: jnp.std(x, 0, ddof=1)),
    "norm": (lambda x: torch.from_jax(x).norm(dim=0).jax(), lambda x: jnp.linalg.norm(x, axis=0)),
    "derivative of a broadcast": (
        jax.grad(lambda b: torch.tanh(torch.from_jax(x) + torch.from_jax(b)).sum().jax()),
        jax.grad(lambda b: jnp.tanh(x + b).sum()),
    ),
    "derivative of expand": (
        jax.grad(lambda b: (torch.from_jax(x) * torch.from_jax(b).expand(3, BLOCK)).sum().jax()),
        jax.grad(lambda b: (x * b).sum()),
    ),
}


@on_cpu
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_strided_reduction(name: str) -> None:
    ours, plain = PROGRAMS[name]
    argument = jnp.asarray(bias if "derivative" in name else x)
    assert reduced_axes(plain, argument), "the program would meet it"
    assert not reduced_axes(ours, argument)
    np.testing.assert_allclose(jax.jit(ours)(argument), plain(argument), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((4, 300, 200), (0,)),
        ((4, 5, 300, 200), (0, 1)),
        ((4, 5, 300, 200), (0, 2)),
        ((2, 3, 2, BLOCK), (0, 2)),
        ((3, 4), (0, 1)),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_total_is_the_sum(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> None:
    array = np.random.RandomState(1).standard_normal(shape)
    np.testing.assert_allclose(total(jnp.asarray(array), axes, keepdims), array.sum(axes, keepdims=keepdims), rtol=1e-9)


def test_total_is_exact_for_integers() -> None:
    array = jnp.full((3, BLOCK), 2**53 + 1, jnp.int64)
    assert (total(array, (0,)) == 3 * (2**53 + 1)).all()


def f_spread(b):
    return jnp.tanh(spread(b, x.shape) * x)


def f_plain(b):
    return jnp.tanh(jnp.broadcast_to(b, x.shape) * x)


TRANSFORMS = {
    "jvp": lambda f: jax.jvp(f, (bias,), (bias,))[1],
    "vjp": lambda f: jax.vjp(f, bias)[1](jnp.asarray(x))[0],
    "linearize": lambda f: jax.linearize(f, bias)[1](bias),
    "vmap": lambda f: jax.vmap(f, in_axes=1)(jnp.stack([bias, 2 * bias], 1)),
    "vmap of grad": lambda f: jax.vmap(jax.grad(lambda b: f(b).sum()))(jnp.stack([bias, 2 * bias])),
    "grad of vmap": lambda f: jax.grad(lambda b: jax.vmap(f)(b).sum())(jnp.stack([bias, 2 * bias])),
    "forward over reverse": lambda f: jax.jvp(jax.grad(lambda b: f(b).sum()), (bias,), (bias,))[1],
    "reverse over reverse": lambda f: jax.grad(lambda b: (jax.grad(lambda c: f(c).sum())(b) ** 2).sum())(bias),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(lambda b: f(b).sum()))(bias),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_spread_is_a_broadcast_under_every_transform(name: str) -> None:
    np.testing.assert_allclose(TRANSFORMS[name](f_spread), TRANSFORMS[name](f_plain), rtol=1e-4, atol=1e-5)
