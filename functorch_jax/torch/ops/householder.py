"""Products of Householder reflectors: what QR leaves behind, as matrices and applied to others."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch import return_types
from functorch_jax.torch._op import op
from functorch_jax.torch.ops.linalg import adjoint, check_matrices, product


@op("torch Tensor")
def geqrf(input: Any) -> Any:
    """R, and below it the reflectors whose product is Q; their scales. Source: torch.geqrf."""
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    return return_types.geqrf(*jaxapi.geqrf(input))


def _reflected(a: Any, tau: Any, x: Any, adjoint_of: bool) -> Any:
    """The product of the reflectors, or its adjoint, times `x`: one reflector a step."""
    steps = tau.shape[-1]
    if not steps:
        return x
    vectors = jnp.tril(a[..., :steps], -1) + jnp.eye(a.shape[-2], steps, dtype=a.dtype)
    batch = jnp.broadcast_shapes(a.shape[:-2], tau.shape[:-1], x.shape[:-2])
    columns = jnp.moveaxis(jnp.broadcast_to(vectors, batch + vectors.shape[-2:]), -1, 0)[..., None]
    scales = jnp.moveaxis(jnp.broadcast_to(tau, (*batch, steps)), -1, 0)[..., None, None]
    if adjoint_of:
        scales = jnp.conj(scales)

    def step(x: Any, reflector: Any) -> Any:
        v, scale = reflector
        return x - scale * v * product(adjoint(v), x), None

    start = jnp.broadcast_to(x, batch + x.shape[-2:])
    return lax.scan(step, start, (columns, scales), reverse=not adjoint_of)[0]


def _check_reflectors(name: str, a: Any, tau: Any) -> None:
    check_matrices(a, name, "input")
    if a.shape[-2] < a.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if a.shape[-1] < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")


def _product(name: str, a: Any, tau: Any) -> Any:
    _check_reflectors(name, a, tau)
    return _reflected(a, tau, jnp.eye(a.shape[-2], a.shape[-1], dtype=a.dtype), adjoint_of=False)


@op("linalg")
def householder_product(input: Any, tau: Any) -> Any:
    """The first columns of the product of Householder reflectors. Source: torch.linalg.householder_product."""
    return _product("torch.linalg.householder_product", input, tau)


@op(name="orgqr")
def _orgqr(input: Any, input2: Any) -> Any:
    return _product("torch.linalg.householder_product", input, input2)


@op()
def ormqr(input: Any, input2: Any, input3: Any, left: bool = True, transpose: bool = False) -> Any:
    """`input3` times the square Q that reflectors in `input` and their scales `input2` give. Source: torch.ormqr."""
    check_matrices(input, "torch.ormqr", "input")
    side = -2 if left else -1
    if input3.shape[side] < input2.shape[-1]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if input3.shape[side] != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if left:
        return _reflected(input, input2, input3, adjoint_of=transpose)
    return adjoint(_reflected(input, input2, adjoint(input3), adjoint_of=not transpose))
