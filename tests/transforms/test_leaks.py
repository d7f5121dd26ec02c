"""No transform leaves a tracer, a level or a mode behind, whether its function returns or raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import functorch_jax as ft
from functorch_jax import jaxapi, levels, torch
from functorch_jax.experimental import chunk_vmap, control_flow

Fn = Callable[..., Any]


def along(x: Any) -> Any:
    return torch.ones_like(x) if isinstance(x, torch.Tensor) else jnp.ones_like(x)


TRANSFORMS: dict[str, Callable[[Fn], Fn]] = {
    "grad": lambda f: ft.grad(lambda x: f(x).sum()),
    "grad with aux": lambda f: ft.grad(lambda x: (f(x).sum(), {"y": f(x)}), has_aux=True),
    "grad_and_value": lambda f: ft.grad_and_value(lambda x: f(x).sum()),
    "vjp": lambda f: lambda x: ft.vjp(f, x)[1](along(x)),
    "vjp with aux": lambda f: lambda x: ft.vjp(lambda y: (f(y), f(y)), x, has_aux=True)[2],
    "jvp": lambda f: lambda x: ft.jvp(f, (x,), (along(x),)),
    "jvp with aux": lambda f: lambda x: ft.jvp(lambda y: (f(y), f(y)), (x,), (along(x),), has_aux=True),
    "linearize": lambda f: lambda x: ft.linearize(f, x)[1](along(x)),
    "jacrev": ft.jacrev,
    "jacrev in chunks": lambda f: ft.jacrev(f, chunk_size=2),
    "jacrev with aux": lambda f: ft.jacrev(lambda x: (f(x), f(x)), has_aux=True),
    "jacfwd": ft.jacfwd,
    "jacfwd in chunks": lambda f: ft.jacfwd(f, chunk_size=2),
    "hessian": ft.hessian,
    "vmap": ft.vmap,
    "vmap in chunks": lambda f: ft.vmap(f, chunk_size=2),
    "chunk_vmap": lambda f: chunk_vmap(f, chunks=2),
    "functionalize": ft.functionalize,
    "vmap of grad": lambda f: ft.vmap(ft.grad(lambda x: f(x).sum())),
    "vmap of jacrev of jacfwd": lambda f: ft.vmap(ft.jacrev(ft.jacfwd(f))),
    "grad of cond": lambda f: ft.grad(lambda x: control_flow.cond(x.sum() > 0, f, f, (x,)).sum()),
    "vmap of cond": lambda f: ft.vmap(lambda x: control_flow.cond(x.sum() > 0, f, f, (x,))),
    "jvp of map": lambda f: lambda x: ft.jvp(lambda y: control_flow.map(f, y), (x,), (along(x),)),
    "compiled grad": lambda f: jax.jit(ft.grad(lambda x: f(x).sum())),
    "compiled vmap in chunks": lambda f: jax.jit(ft.vmap(f, chunk_size=2)),
    "grad of checkpoint": lambda f: ft.grad(lambda x: jax.checkpoint(f)(x).sum()),
}


def square(x: Any) -> Any:
    with ft.no_grad():
        c = x * x
    return x * x * c


def fails(x: Any) -> Any:
    with ft.no_grad():
        _ = x * x
        raise KeyError("stop")


@pytest.fixture(autouse=True)
def _nothing_left() -> Any:
    with jax.checking_leaks():
        yield
    assert levels.current() is None
    assert ft.is_grad_enabled()
    assert jaxapi.current_trace() is jaxapi.EVAL_TRACE


INPUTS = {
    "array": lambda: jnp.arange(3.0),
    "tensor": lambda: torch.arange(3.0),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_returning(name: str, kind: str) -> None:
    out = TRANSFORMS[name](square)(INPUTS[kind]())
    for leaf in jax.tree_util.tree_leaves(out):
        assert not isinstance(leaf, jax.core.Tracer)
        assert jnp.isfinite(leaf).all()


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_raising(name: str, kind: str) -> None:
    with pytest.raises(KeyError):
        TRANSFORMS[name](fails)(INPUTS[kind]())


CAPTURING = ["grad", "grad with aux", "vjp", "jvp", "linearize", "jacrev", "jacrev in chunks", "jacfwd", "vmap of grad"]


@pytest.mark.parametrize("name", ["grad", "grad_and_value", "vjp", "jvp", "linearize", "jacrev", "jacfwd", "hessian"])
def test_a_captured_buffer_is_written_back_once(name: str) -> None:
    count = torch.zeros(3)

    def f(x: Any) -> Any:
        count.add_(x.detach())
        return x * x

    x = torch.arange(3.0)
    TRANSFORMS[name](f)(x)
    assert count.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_captured_buffer_keeps_its_value_when_the_function_raises(name: str) -> None:
    count = torch.zeros(())

    def f(x: Any) -> Any:
        if "compiled" not in name and "checkpoint" not in name and "cond" not in name:
            count.add_(1)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        TRANSFORMS[name](f)(torch.arange(3.0))
    if name not in ("functionalize", "vmap in chunks"):
        assert count.item() == 0


def test_a_view_of_a_captured_buffer_is_written_through() -> None:
    buffer = torch.zeros(2, 3)

    def f(x: Any) -> Any:
        buffer[0].copy_(x)
        buffer[1, 1] = x.sum()
        return (x * buffer[0]).sum()

    gradient = ft.grad(f)(torch.tensor([1.0, 2.0, 3.0]))
    assert gradient.tolist() == [2.0, 4.0, 6.0]
    assert buffer.tolist() == [[1.0, 2.0, 3.0], [0.0, 6.0, 0.0]]


def test_a_captured_buffer_under_nested_transforms() -> None:
    buffer = torch.zeros(())

    def inner(x: Any) -> Any:
        buffer.add_(x)
        return buffer * x

    # d/dx of (b + x) x is b + 2x; the outer level differentiates what the inner one wrote
    assert ft.grad(lambda x: ft.grad(inner)(x) * buffer)(torch.tensor(3.0)).item() == 12.0
    assert buffer.item() == 3.0


def test_a_mapped_value_in_an_unmapped_captured_tensor_is_refused_at_the_line() -> None:
    buffer = torch.zeros(3)
    reached = []

    def f(x: Any) -> Any:
        buffer.copy_(x)
        reached.append(True)
        return x

    with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
        ft.vmap(f)(torch.ones(2, 3))
    assert not reached and buffer.tolist() == [0.0, 0.0, 0.0]


def test_a_write_under_a_raw_jax_transformation_is_refused() -> None:
    buffer = torch.zeros(())
    for transformed in (jax.jit, jax.grad, lambda f: lambda x: jax.vmap(f)(x[None])):
        with pytest.raises(RuntimeError, match="made outside a function which JAX is transforming"):
            transformed(lambda x: buffer.add_(x).array)(jnp.ones(()))
        assert buffer.item() == 0
