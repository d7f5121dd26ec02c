"""Compiled, our transforms are the hand-written JAX program: the same optimized HLO."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import functorch_jax as ft


def hlo(f: Callable[..., Any], *args: Any) -> str:
    """The optimized program, without names of source lines."""
    text = jax.jit(f).lower(*args).compile().as_text()
    text = re.sub(r", metadata=\{[^}]*\}", "", text)
    text = re.sub(r"^HloModule.*$", "", text, flags=re.M)
    return re.sub(r"(?s)FileNames.*?(?=\n\n[%E])", "", text)


def loss(params: Any, x: Any, y: Any) -> Any:
    hidden = jnp.tanh(x @ params["w1"] + params["b1"])
    return jnp.mean((hidden @ params["w2"] - y) ** 2)


def cubic(v: Any) -> Any:
    return (v**3).sum() * jnp.sin(v[0])


def vector(v: Any) -> Any:
    return jnp.sin(v) * v.sum()


V = jnp.arange(4.0)
ROWS = jnp.ones((3, 4))
PARAMS = {"b1": jnp.zeros(5), "w1": jnp.ones((4, 5)), "w2": jnp.ones((5, 2))}
BATCH = (jnp.ones((6, 1, 4)), jnp.ones((6, 1, 2)))
TANGENT = (jnp.ones(4),)

PROGRAMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "grad": (ft.grad(cubic), jax.grad(cubic), (V,)),
    "grad of grad": (
        lambda x: ft.grad(lambda z: ft.grad(lambda y: y**4)(z))(x),
        lambda x: jax.grad(lambda z: jax.grad(lambda y: y**4)(z))(x),
        (jnp.float32(2.0),),
    ),
    "value": (lambda v: ft.grad_and_value(cubic)(v)[::-1], jax.value_and_grad(cubic), (V,)),
    "argnums and aux": (
        ft.grad(lambda a, b: ((a * b).sum(), a), argnums=(0, 1), has_aux=True),
        jax.grad(lambda a, b: ((a * b).sum(), a), argnums=(0, 1), has_aux=True),
        (V, V),
    ),
    "vjp": (lambda v: ft.vjp(vector, v)[1](v)[0], lambda v: jax.vjp(vector, v)[1](v)[0], (V,)),
    "jvp": (lambda v: ft.jvp(vector, (v,), (v,)), lambda v: jax.jvp(vector, (v,), (v,)), (V,)),
    "linearize": (lambda v: ft.linearize(vector, v)[1](v), lambda v: jax.linearize(vector, v)[1](v), (V,)),
    "jacrev": (ft.jacrev(vector), jax.jacrev(vector), (V,)),
    "jacfwd": (ft.jacfwd(vector), jax.jacfwd(vector), (V,)),
    "hessian": (ft.hessian(cubic), jax.hessian(cubic), (V,)),
    "vmap": (ft.vmap(vector), jax.vmap(vector), (ROWS,)),
    "vmap, other axes": (ft.vmap(vector, 1, 1), jax.vmap(vector, 1, 1), (ROWS,)),
    "vmap of grad": (ft.vmap(ft.grad(cubic)), jax.vmap(jax.grad(cubic)), (ROWS,)),
    "vmap of hessian": (ft.vmap(ft.hessian(cubic)), jax.vmap(jax.hessian(cubic)), (ROWS,)),
    "per-sample gradients": (
        ft.vmap(ft.grad(loss), in_dims=(None, 0, 0)),
        jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)),
        (PARAMS, *BATCH),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_is_the_hand_written_one(name: str) -> None:
    ours, theirs, args = PROGRAMS[name]
    assert hlo(ours, *args) == hlo(theirs, *args)


def test_chunks_are_laxs_own_map() -> None:
    rows = jnp.ones((8, 4))
    assert hlo(ft.vmap(vector, chunk_size=4), rows).count(" while(") == 1
