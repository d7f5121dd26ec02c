"""Transforms nest with each other and with JAX's own, decorate methods and keep what they wrap recognisable."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functorch_jax as ft

Fn = Callable[[Any], Any]


def directional(f: Fn) -> Fn:
    return lambda x: ft.jvp(f, (x,), (jnp.ones_like(x),))[1]


def pulled(f: Fn) -> Fn:
    def run(x: Any) -> Any:
        out, pull = ft.vjp(f, x)
        return pull(jnp.ones_like(out))[0]

    return run


def linear(f: Fn) -> Fn:
    return lambda x: ft.linearize(f, x)[1](jnp.ones_like(x))


DERIVATIVES: dict[str, Callable[[Fn], Fn]] = {
    "grad": ft.grad,
    "vjp": pulled,
    "jvp": directional,
    "linearize": linear,
    "jacrev": ft.jacrev,
    "jacfwd": ft.jacfwd,
}
X = jnp.float32(0.7)


@pytest.mark.parametrize("depth", range(1, 6))
@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_same_derivative_five_deep(name: str, depth: int) -> None:
    f: Fn = jnp.sin
    for _ in range(depth):
        f = DERIVATIVES[name](f)
    expected = [jnp.cos, lambda x: -jnp.sin(x), lambda x: -jnp.cos(x), jnp.sin, jnp.cos][depth - 1]
    np.testing.assert_allclose(f(X), expected(X), rtol=1e-5)


STACKS = [
    ("grad", "jvp", "vjp", "linearize", "jacrev"),
    ("jacfwd", "jacrev", "grad", "jvp", "vjp"),
    ("linearize", "grad", "linearize", "jacfwd", "grad"),
    ("jvp", "jvp", "jacrev", "jacrev", "jvp"),
]


@pytest.mark.parametrize("stack", STACKS, ids="-".join)
@pytest.mark.parametrize("outside", [lambda f: f, jax.jit, jax.checkpoint], ids=["eager", "jit", "checkpoint"])
def test_five_different_ones(stack: tuple[str, ...], outside: Callable[[Fn], Fn]) -> None:
    f: Fn = jnp.sin
    for name in stack:
        f = DERIVATIVES[name](f)
    np.testing.assert_allclose(outside(f)(X), jnp.cos(X), rtol=1e-5)


def test_five_vmaps() -> None:
    f: Fn = lambda x: x * 2 + 1
    for _ in range(5):
        f = ft.vmap(f)
    x = jnp.arange(32.0).reshape(2, 2, 2, 2, 2)
    np.testing.assert_array_equal(f(x), x * 2 + 1)


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.parametrize(
    "wrapper",
    [
        jax.jit,
        jax.checkpoint,
        lambda f: lambda x: jax.vmap(f)(x[None])[0],
        lambda f: lambda x: ft.vmap(f)(x[None])[0],
        lambda f: lambda x: jax.lax.cond(x > 0, f, f, x),
    ],
    ids=["jit", "checkpoint", "jax.vmap", "vmap", "lax.cond"],
)
def test_inside_and_outside_of_a_wrapper(name: str, wrapper: Callable[[Fn], Fn]) -> None:
    transform = DERIVATIVES[name]
    np.testing.assert_allclose(wrapper(transform(jnp.sin))(X), jnp.cos(X), rtol=1e-6)
    np.testing.assert_allclose(transform(wrapper(jnp.sin))(X), jnp.cos(X), rtol=1e-6)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_with_jax_grad_on_either_side(name: str) -> None:
    transform = DERIVATIVES[name]
    np.testing.assert_allclose(jax.grad(transform(jnp.sin))(X), -jnp.sin(X), rtol=1e-6)
    np.testing.assert_allclose(transform(jax.grad(jnp.sin))(X), -jnp.sin(X), rtol=1e-6)


def test_no_perturbation_confusion() -> None:
    assert float(ft.grad(lambda x: x * ft.grad(lambda y: x + y)(jnp.float32(1.0)))(jnp.float32(1.0))) == 1.0
    inner = lambda x: directional(lambda y: x + y)(jnp.float32(1.0))
    assert float(directional(lambda x: x * inner(x))(jnp.float32(1.0))) == 1.0


# ---- wrapping --------------------------------------------------------------------------------------------------------

WRAPPERS = [ft.grad, ft.grad_and_value, ft.vmap, ft.jacrev, ft.jacfwd, ft.hessian, ft.functionalize]


def documented(x: Any, scale: float = 1.0) -> Any:
    """What it says."""
    return (x * scale).sum()


@pytest.mark.parametrize("transform", WRAPPERS, ids=lambda t: t.__name__)
def test_metadata_is_kept(transform: Callable[..., Any]) -> None:
    wrapped = transform(documented)
    assert wrapped.__name__ == "documented" and wrapped.__doc__ == "What it says."
    assert inspect.signature(wrapped) == inspect.signature(documented)
    assert inspect.unwrap(wrapped) is documented


@pytest.mark.parametrize("transform", WRAPPERS, ids=lambda t: t.__name__)
def test_wrappers_copy_and_do_not_pickle_as_in_pytorch(transform: Callable[..., Any]) -> None:
    wrapped = transform(documented)
    assert copy.deepcopy(wrapped) is wrapped
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(wrapped)


@pytest.mark.parametrize("transform", WRAPPERS, ids=lambda t: t.__name__)
def test_partials_and_callables_can_be_wrapped(transform: Callable[..., Any]) -> None:
    class Sum:
        def __call__(self, x: Any) -> Any:
            return (x * x).sum()

    for f in (functools.partial(documented, scale=2.0), Sum()):
        jax.block_until_ready(transform(f)(jnp.ones((2, 2))))


def test_a_bad_function_fails_when_it_is_called() -> None:
    wrapped = ft.grad(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not callable"):
        wrapped(X)


class Model:
    def __init__(self) -> None:
        self.weight = jnp.float32(3.0)

    @functools.partial(ft.vmap, in_dims=(None, 0))
    def forward(self, x: Any) -> Any:
        return x * self.weight

    @functools.partial(ft.grad, argnums=1)
    def slope(self, x: Any) -> Any:
        return x**2 * self.weight

    @functools.partial(ft.jacrev, argnums=1)
    def jacobian(self, x: Any) -> Any:
        return x * self.weight


def test_methods_are_decorated() -> None:
    model = Model()
    assert model.forward(jnp.arange(3.0)).tolist() == [0.0, 3.0, 6.0]
    assert float(model.slope(jnp.float32(2.0))) == 12.0
    assert model.jacobian(jnp.ones(2)).tolist() == [[3.0, 0.0], [0.0, 3.0]]


# ---- concrete values -------------------------------------------------------------------------------------------------

CONCRETE = {**DERIVATIVES, "hessian": lambda f: lambda x: ft.hessian(f)(x) + jnp.cos(x) + jnp.sin(x)}


@pytest.mark.parametrize("name", CONCRETE)
def test_python_may_look_at_values(name: str) -> None:
    def f(x: Any) -> Any:
        if x > 0 and int(x) == 0 and bool(x < 1):
            return jnp.sin(x)
        return x

    np.testing.assert_allclose(CONCRETE[name](f)(X), jnp.cos(X), rtol=1e-6)


def branch(x: Any) -> Any:
    return x if x > 0 else -2 * x


def test_a_branch_under_vmap_names_the_line_and_the_remedy() -> None:
    with pytest.raises(RuntimeError, match="data-dependent control flow") as error:
        ft.vmap(branch)(jnp.arange(3.0))
    message = str(error.value)
    assert "return x if x > 0 else -2 * x" in message and "test_composition.py" in message
    assert "torch.where" in message and "cond" in message and "vmap_branches" in message


@pytest.fixture
def looping() -> Any:
    ft.config.vmap_branches = "loop"
    yield
    ft.config.vmap_branches = "error"


@pytest.mark.usefixtures("looping")
def test_a_branch_under_vmap_as_a_loop() -> None:
    x = jnp.array([1.0, -1.0, 2.0])
    assert ft.vmap(branch)(x).tolist() == [1.0, 2.0, 2.0]
    assert ft.vmap(ft.grad(branch))(x).tolist() == [1.0, -2.0, 1.0]
    assert ft.grad(lambda x: ft.vmap(branch)(x).sum())(x).tolist() == [1.0, -2.0, 1.0]
    assert ft.vmap(lambda r: branch(r) * jnp.ones(2), out_dims=1)(x).shape == (2, 3)
    assert ft.vmap(branch, in_dims=1)(x[None, :, None]).shape == (3, 1, 1)
    both = ft.vmap(lambda a, b: {"a": branch(a), "b": b}, in_dims=(0, None))(x, jnp.ones(()))
    assert both["a"].tolist() == [1.0, 2.0, 2.0] and both["b"].tolist() == [1.0, 1.0, 1.0]


def test_the_switch_is_checked() -> None:
    with pytest.raises(ValueError, match="vmap_branches"):
        ft.config.vmap_branches = "python"
    with pytest.raises(AttributeError, match="no switch"):
        ft.config.vmap_branch = "loop"  # type: ignore[attr-defined]


# ---- chunks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 5, 6])
@pytest.mark.parametrize("chunk_size", [1, 2, 5, 100])
@pytest.mark.parametrize("compiled", [False, True])
def test_vmap_in_chunks(rows: int, chunk_size: int, compiled: bool) -> None:
    def f(x: Any, y: Any) -> Any:
        return {"sum": x.sum() * y, "outer": jnp.outer(x, x)}, y

    x, y = jnp.arange(rows * 3.0).reshape(3, rows), jnp.float32(2.0)
    out_dims = ({"sum": 0, "outer": 1}, None)
    whole = ft.vmap(f, in_dims=(1, None), out_dims=out_dims)
    parts = ft.vmap(f, in_dims=(1, None), out_dims=out_dims, chunk_size=chunk_size)
    got = (jax.jit(parts) if compiled else parts)(x, y)
    jax.tree.map(np.testing.assert_array_equal, got, whole(x, y))


@pytest.mark.parametrize("chunk_size", [1, 2, 4])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("jacobian", [ft.jacrev, ft.jacfwd, ft.hessian], ids=["jacrev", "jacfwd", "hessian"])
def test_jacobians_in_chunks(jacobian: Callable[..., Any], chunk_size: int, compiled: bool) -> None:
    def f(x: Any) -> Any:
        return jnp.sin(x) * x.sum()

    x = jnp.arange(5.0)
    parts = jacobian(f, chunk_size=chunk_size)
    np.testing.assert_allclose((jax.jit(parts) if compiled else parts)(x), jacobian(f)(x), rtol=1e-6)


def test_chunks_call_the_function_once_each() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x.shape)
        return x

    ft.vmap(f, chunk_size=2)(jnp.ones((5, 3)))
    assert calls == [(3,)] * 3


def peak_bytes(f: Callable[..., Any], *args: Any) -> int:
    return jax.jit(f).lower(*args).compile().memory_analysis().temp_size_in_bytes


def test_chunks_lower_peak_memory() -> None:
    def gram(x: Any) -> Any:
        return jnp.sort(jnp.sin(jnp.outer(x, x)), axis=None)[0]  # a sort cannot be fused away

    x = jnp.ones((64, 128))
    assert peak_bytes(ft.vmap(gram, chunk_size=4), x) < peak_bytes(ft.vmap(gram), x) / 4

    def net(x: Any) -> Any:
        return jnp.tanh(jnp.sin(jnp.ones((2048, 8))) @ x).reshape(256, 8).sum(1)

    x = jnp.ones(8)
    assert peak_bytes(ft.jacrev(net, chunk_size=4), x) < peak_bytes(ft.jacrev(net), x) / 4


# ---- complex ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jacobian", [ft.jacrev, ft.jacfwd], ids=["jacrev", "jacfwd"])
def test_the_complex_jacobian_of_a_holomorphic_function(jacobian: Callable[..., Any]) -> None:
    z = jnp.array([1 + 2j, 0.5 - 1j], jnp.complex64)
    np.testing.assert_allclose(jacobian(lambda z: z**2, holomorphic=True)(z), np.diag(2 * np.asarray(z)), rtol=1e-6)
    with pytest.raises(RuntimeError, match="Expected all inputs to be real"):
        jacobian(lambda z: z**2)(z)
    with pytest.raises(RuntimeError, match="holomorphic=True needs complex"):
        jacobian(lambda x: x**2, holomorphic=True)(jnp.ones(2))


def test_the_complex_hessian_of_a_holomorphic_function() -> None:
    z = jnp.array([1 + 2j, 0.5 - 1j], jnp.complex64)
    np.testing.assert_allclose(
        ft.hessian(lambda z: (z**3).sum(), holomorphic=True)(z), np.diag(6 * np.asarray(z)), rtol=1e-6
    )
