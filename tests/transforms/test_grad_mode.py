"""Grad mode under every transform, on plain jax.numpy code: the numbers are PyTorch 2.13's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import functorch_jax as ft
from functorch_jax import enable_grad, grad, inference_mode, is_grad_enabled, jacfwd, jacrev, no_grad, set_grad_enabled
from functorch_jax.grad_mode import is_inference_mode_enabled

X = jnp.float32(3.0)
ONE = jnp.float32(1.0)
Fn = Callable[[Any], Any]


def jvp(f: Fn) -> Fn:
    return lambda x: ft.jvp(f, (x,), (jnp.ones_like(x),))[1]


def vjp(f: Fn) -> Fn:
    def run(x: Any) -> Any:
        out, pull = ft.vjp(f, x)
        return pull(jnp.ones_like(out))[0]

    return run


def linearize(f: Fn) -> Fn:
    return lambda x: ft.linearize(f, x)[1](jnp.ones_like(x))


STACKS: dict[str, Callable[[Fn], Fn]] = {
    "grad": grad,
    "vjp": vjp,
    "jacrev": jacrev,
    "jvp": jvp,
    "jacfwd": jacfwd,
    "linearize": linearize,
    "grad of grad": lambda f: grad(grad(f)),
    "jacrev of jacrev": lambda f: jacrev(jacrev(f)),
    "jvp of grad": lambda f: jvp(grad(f)),
    "jacfwd of jacrev": lambda f: jacfwd(jacrev(f)),
    "hessian": ft.hessian,
    "grad of jvp": lambda f: grad(jvp(f)),
    "jacrev of jacfwd": lambda f: jacrev(jacfwd(f)),
    "jvp of jvp": lambda f: jvp(jvp(f)),
    "jacfwd of jacfwd": lambda f: jacfwd(jacfwd(f)),
    "grad of grad of grad": lambda f: grad(grad(grad(f))),
}


def blocked(blocker: Callable[[], Any]) -> Fn:
    """x**3 - c*x with c = x**2 computed under `blocker`."""

    def f(x: Any) -> Any:
        with blocker():
            c = x**2
        return x**3 - c * x

    return f


def unblocked(x: Any) -> Any:
    with no_grad(), enable_grad():
        c = x**2
    return x**3 - c * x


def detached(x: Any) -> Any:
    return x**3 - lax.stop_gradient(x**2) * x


def whole(x: Any) -> Any:
    with no_grad():
        return x**3


FUNCTIONS: dict[str, Fn] = {
    "no_grad": blocked(no_grad),
    "set_grad_enabled(False)": blocked(lambda: set_grad_enabled(False)),
    "enable_grad inside": unblocked,
    "detach": detached,
    "inference_mode": blocked(inference_mode),
    "whole body": whole,
}

# stack: no_grad and set_grad_enabled | enable_grad inside | detach | inference_mode | whole body
# PyTorch raises for inference_mode under reverse mode, where a tensor knows it was made there; on a bare array it is a
# constant, as `detach` is.
MATRIX = {
    "grad": (18, 0, 18, 18, 0),
    "vjp": (18, 0, 18, 18, 0),
    "jacrev": (18, 0, 18, 18, 0),
    "jvp": (0, 0, 18, 18, 27),
    "jacfwd": (0, 0, 18, 18, 27),
    "linearize": (0, 0, 18, 18, 27),
    "grad of grad": (18, 0, 18, 18, 0),
    "jacrev of jacrev": (18, 0, 18, 18, 0),
    "jvp of grad": (12, 0, 18, 18, 0),
    "jacfwd of jacrev": (12, 0, 18, 18, 0),
    "hessian": (12, 0, 18, 18, 0),
    "grad of jvp": (12, 0, 18, 18, 0),
    "jacrev of jacfwd": (12, 0, 18, 18, 0),
    "jvp of jvp": (0, 0, 18, 18, 18),
    "jacfwd of jacfwd": (0, 0, 18, 18, 18),
    "grad of grad of grad": (6, 0, 6, 6, 0),
}
CELLS = [
    (stack, function, values[{"no_grad": 0, "set_grad_enabled(False)": 0}.get(function, i - 1)])
    for stack, values in MATRIX.items()
    for i, function in enumerate(FUNCTIONS)
]
OUTSIDE: dict[str, Callable[[], Any]] = {
    "nothing": enable_grad,
    "no_grad": no_grad,
    "set_grad_enabled(False)": lambda: set_grad_enabled(False),
    "inference_mode": inference_mode,
}


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize(("stack", "function", "expected"), CELLS)
def test_the_matrix_whatever_is_outside(stack: str, function: str, expected: float, outside: str) -> None:
    with OUTSIDE[outside]():
        assert float(STACKS[stack](FUNCTIONS[function])(X)) == expected
    assert is_grad_enabled()


@pytest.mark.parametrize(("stack", "function", "expected"), CELLS)
def test_the_matrix_compiled(stack: str, function: str, expected: float) -> None:
    assert float(jax.jit(STACKS[stack](FUNCTIONS[function]))(X)) == expected


MAPPED: dict[str, Callable[[Fn], Fn]] = {
    "vmap of grad": lambda f: ft.vmap(grad(f)),
    "grad of vmap": lambda f: grad(lambda x: ft.vmap(f)(x).sum()),
    "vmap of jvp": lambda f: ft.vmap(jvp(f)),
}


@pytest.mark.parametrize(
    ("stack", "function", "expected"),
    [
        ("vmap of grad", "no_grad", [18, 8]),
        ("vmap of grad", "enable_grad inside", [0, 0]),
        ("vmap of grad", "detach", [18, 8]),
        ("vmap of grad", "whole body", [0, 0]),
        ("grad of vmap", "no_grad", [18, 8]),
        ("grad of vmap", "whole body", [0, 0]),
        ("vmap of jvp", "no_grad", [0, 0]),
        ("vmap of jvp", "detach", [18, 8]),
        ("vmap of jvp", "inference_mode", [18, 8]),
        ("vmap of jvp", "whole body", [27, 12]),
    ],
)
def test_the_matrix_mapped(stack: str, function: str, expected: list[float]) -> None:
    assert MAPPED[stack](FUNCTIONS[function])(jnp.array([3.0, 2.0])).tolist() == expected


# ---- no_grad around an inner transform -------------------------------------------------------------------------------


def cube(z: Any) -> Any:
    return z**3


def times_blocked(inner: Fn) -> Fn:
    def f(x: Any) -> Any:
        with no_grad():
            y = inner(x)
        return y * x

    return f


def pull_blocked(x: Any) -> Any:
    _, pull = ft.vjp(cube, x)
    with no_grad():
        (y,) = pull(ONE)
    return y * x


def vjp_blocked(x: Any) -> Any:
    with no_grad():
        out, _ = ft.vjp(cube, x)
    return out * x


def product(x: Any) -> Fn:
    def g(z: Any) -> Any:
        with no_grad():
            a = x * z
        return a * z

    return g


def inner_blocked(x: Any) -> Any:
    with no_grad():
        y = grad(cube)(x)
    return grad(lambda z: y * z)(x)


AROUND = {
    "N1 grad": (lambda: grad(times_blocked(grad(cube)))(X), 27),
    "N1 jvp": (lambda: grad(times_blocked(jvp(cube)))(X), 27),
    "N1 vjp": (lambda: grad(times_blocked(vjp(cube)))(X), 27),
    "N1 jacrev": (lambda: grad(times_blocked(jacrev(cube)))(X), 27),
    "N2 grad": (lambda: jvp(times_blocked(grad(cube)))(X), 81),
    "N2 jvp": (lambda: jvp(times_blocked(jvp(cube)))(X), 81),
    "N3": (lambda: grad(pull_blocked)(X), 27),
    "N5": (lambda: grad(vjp_blocked)(X), 27),
    "N6": (lambda: grad(times_blocked(lambda x: ft.vmap(lambda z: z * z)(x[None])[0]))(X), 9),
    "N7": (lambda: grad(lambda x: grad(product(x))(x))(X), 0),
    "N8": (lambda: jvp(lambda x: grad(product(x))(x))(X), 6),
    "N9": (lambda: grad(lambda x: jvp(product(x))(x))(X), 3),
    "N10": (lambda: jvp(lambda x: jvp(product(x))(x))(X), 12),
    "no_grad around the whole": (lambda: no_grad()(grad(cube))(X), 27),
    "a result made under no_grad": (lambda: inner_blocked(jnp.float32(2.0)), 12),
}


@pytest.mark.parametrize("case", AROUND)
def test_around_an_inner_transform(case: str) -> None:
    program, expected = AROUND[case]
    assert float(program()) == expected


# ---- through JAX's own machinery -------------------------------------------------------------------------------------


@jax.custom_jvp
def custom_square(x: Any) -> Any:
    return x**2


@custom_square.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return custom_square(*primals), 2 * primals[0] * tangents[0]


@jax.custom_vjp
def reverse_square(x: Any) -> Any:
    return x**2


reverse_square.defvjp(lambda x: (x**2, x), lambda x, ct: (2 * x * ct,))

SQUARES: dict[str, Fn] = {
    "plain": lambda x: x**2,
    "jit": jax.jit(lambda x: x**2),
    "scan": lambda x: lax.scan(lambda c, _: (c * x, None), jnp.ones_like(x), None, length=2)[0],
    "cond": lambda x: lax.cond(x > 0, lambda y: y**2, lambda y: -(y**2), x),
    "while_loop": lambda x: lax.fori_loop(0, 2, lambda _, c: c * x, jnp.ones_like(x)),
    "checkpoint": jax.checkpoint(lambda x: x**2),
    "custom_jvp": custom_square,
    "custom_vjp": reverse_square,
    "vmap": lambda x: jax.vmap(lambda y: y**2)(x[None])[0],
    "nested jit": jax.jit(lambda x: jax.jit(lambda y: y * x)(x)),
}


@pytest.mark.parametrize("square", SQUARES)
def test_no_grad_stops_any_jax_code(square: str) -> None:
    def f(x: Any) -> Any:
        with no_grad():
            c = SQUARES[square](x)
        return x**3 - c * x

    assert float(grad(f)(X)) == 18
    assert float(jax.grad(f)(X)) == 18
    assert float(jax.jit(grad(f))(X)) == 18
    assert float(grad(jax.checkpoint(f))(X)) == 18
    assert ft.vmap(grad(f))(jnp.array([3.0, 2.0])).tolist() == [18, 8]


@pytest.mark.parametrize("square", [s for s in SQUARES if s != "custom_vjp"])  # which has no forward mode, in JAX
def test_no_grad_lets_tangents_through(square: str) -> None:
    def f(x: Any) -> Any:
        with no_grad():
            return SQUARES[square](x)

    assert float(jvp(f)(X)) == 6
    assert float(grad(f)(X)) == 0


@pytest.mark.parametrize("wrapper", [jax.jit, jax.checkpoint, lambda f: lambda x: jax.vmap(f)(x[None])[0]])
def test_no_grad_inside_a_wrapped_function(wrapper: Callable[[Fn], Fn]) -> None:
    assert float(grad(wrapper(FUNCTIONS["no_grad"]))(X)) == 18
    assert float(jvp(wrapper(FUNCTIONS["no_grad"]))(X)) == 0


def test_no_grad_inside_a_scan_body() -> None:
    def f(x: Any) -> Any:
        def body(carry: Any, _: Any) -> Any:
            with no_grad():
                c = carry * x
            return carry + c, None

        return lax.scan(body, x, None, length=2)[0]

    assert float(grad(f)(X)) == 1.0


# ---- the mode itself -------------------------------------------------------------------------------------------------

SEEN = {
    "grad": lambda f: grad(f)(X),
    "vjp": lambda f: ft.vjp(f, X),
    "jacrev": lambda f: jacrev(f)(X),
    "jvp of grad": lambda f: jvp(grad(f))(X),
    "grad of jvp": lambda f: grad(jvp(f))(X),
    "jvp": lambda f: jvp(f)(X),
    "jacfwd": lambda f: jacfwd(f)(X),
    "vmap": lambda f: ft.vmap(f)(X[None]),
    "linearize": lambda f: ft.linearize(f, X),
    "functionalize": lambda f: ft.functionalize(f)(X),
}
REVERSE = ("grad", "vjp", "jacrev", "jvp of grad", "grad of jvp")


@pytest.mark.parametrize("transform", SEEN)
@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_the_function_sees(transform: str, outside: str) -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append((is_grad_enabled(), is_inference_mode_enabled()))
        return x * 2

    with OUTSIDE[outside]():
        before = is_grad_enabled(), is_inference_mode_enabled()
        SEEN[transform](f)
        assert (is_grad_enabled(), is_inference_mode_enabled()) == before
    assert is_grad_enabled()
    inside, inference = seen[-1]
    assert inside is (transform in REVERSE or outside == "nothing")
    keeps_inference = transform in ("vmap", "functionalize")
    assert inference is (outside == "inference_mode" and keeps_inference)


@pytest.mark.parametrize("transform", SEEN)
def test_the_mode_is_restored_when_the_function_raises(transform: str) -> None:
    def f(x: Any) -> Any:
        with no_grad():
            raise KeyError("stop")

    with pytest.raises(KeyError):
        SEEN[transform](f)
    assert is_grad_enabled()
    assert float(grad(cube)(X)) == 27


def test_a_leaked_switch_is_undone_by_grad_and_not_by_jvp_or_vmap() -> None:
    def leaky(x: Any) -> Any:
        set_grad_enabled(False)
        return x * 2

    try:
        grad(leaky)(X)
        assert is_grad_enabled()
        jvp(leaky)(X)
        assert not is_grad_enabled()
        set_grad_enabled(True)
        ft.vmap(leaky)(X[None])
        assert not is_grad_enabled()
    finally:
        set_grad_enabled(True)


def test_a_switch_leaked_by_jvp_holds_for_the_rest_of_the_enclosing_function() -> None:
    def leaky(x: Any) -> Any:
        set_grad_enabled(False)
        return x * 2

    def f(x: Any) -> Any:
        jvp(leaky)(x)
        return x**3 * x.astype(x.dtype)

    assert float(grad(f)(X)) == 0
    assert is_grad_enabled()


@pytest.mark.parametrize("manager", [no_grad, inference_mode, lambda: set_grad_enabled(False)])
def test_as_a_decorator(manager: Callable[[], Any]) -> None:
    @manager()
    def f(x: Any) -> Any:
        """Twice."""
        assert not is_grad_enabled()
        return x * 2

    assert f.__name__ == "f" and f.__doc__ == "Twice."
    assert float(f(X)) == 6
    assert is_grad_enabled()
    assert float(grad(lambda x: f(x) + x)(X)) == 1


def test_no_grad_decorates_without_parentheses() -> None:
    @no_grad
    def f(x: Any) -> bool:
        return is_grad_enabled()

    assert f(X) is False and is_grad_enabled()


def test_decorated_generator_switches_only_its_own_body() -> None:
    seen = []

    @no_grad()
    def rows() -> Any:
        try:
            seen.append(is_grad_enabled())
            got = yield 1
            seen.append((is_grad_enabled(), got))
            try:
                yield 2
            except KeyError:
                seen.append(is_grad_enabled())
                yield 3
        finally:
            seen.append(is_grad_enabled())
        return "done"

    generator = rows()
    assert next(generator) == 1 and is_grad_enabled()
    assert generator.send("sent") == 2 and is_grad_enabled()
    assert generator.throw(KeyError()) == 3 and is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert seen == [False, (False, "sent"), False, False] and is_grad_enabled()


def test_decorated_generator_can_be_closed() -> None:
    closed = []

    @no_grad()
    def rows() -> Any:
        try:
            yield 1
        finally:
            closed.append(is_grad_enabled())

    generator = rows()
    next(generator)
    generator.close()
    assert closed == [False] and is_grad_enabled()


def test_nested_switches() -> None:
    with no_grad():
        with enable_grad():
            assert is_grad_enabled()
            with no_grad():
                assert not is_grad_enabled()
            assert is_grad_enabled()
        assert not is_grad_enabled()
    with inference_mode(), inference_mode(False):
        assert is_grad_enabled() and not is_inference_mode_enabled()
    switch = no_grad()
    with switch, switch:
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_threads_have_modes_of_their_own() -> None:
    barrier = threading.Barrier(2)
    results: dict[str, Any] = {}

    def work(name: str, blocker: Callable[[], Any]) -> None:
        with blocker():
            barrier.wait()
            results[name, "mode"] = is_grad_enabled()
            results[name, "grad"] = float(grad(FUNCTIONS["no_grad"])(X))
            barrier.wait()

    threads = [threading.Thread(target=work, args=a) for a in (("off", no_grad), ("on", enable_grad))]
    with no_grad():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {("off", "mode"): False, ("on", "mode"): True, ("off", "grad"): 18.0, ("on", "grad"): 18.0}


def test_a_thread_started_inside_a_transform() -> None:
    found = []

    def f(x: Any) -> Any:
        thread = threading.Thread(target=lambda: found.append(float(grad(cube)(X))))
        thread.start()
        thread.join()
        return x * 2

    assert float(grad(f)(X)) == 2 and found == [27.0]


def test_asyncio_tasks_have_modes_of_their_own() -> None:
    async def work(blocker: Callable[[], Any], steps: int) -> tuple[list[bool], float]:
        seen = []
        with blocker():
            for _ in range(steps):
                seen.append(is_grad_enabled())
                await asyncio.sleep(0)
            value = float(grad(FUNCTIONS["no_grad"])(X))
        return seen, value

    async def main() -> Any:
        return await asyncio.gather(work(no_grad, 3), work(enable_grad, 5), work(no_grad, 2))

    results = asyncio.run(main())
    assert [set(seen) for seen, _ in results] == [{False}, {True}, {False}]
    assert [value for _, value in results] == [18.0, 18.0, 18.0]
    assert is_grad_enabled()


def test_eager_code_pays_nothing() -> None:
    with no_grad():
        jaxpr = jax.make_jaxpr(lambda x: x * 2)(X)
    assert "stop_reverse" not in str(jaxpr)


def test_the_identity_leaves_no_trace_in_the_program() -> None:
    def plain(x: Any) -> Any:
        return jnp.sin(x) * 2

    def blocked_body(x: Any) -> Any:
        with no_grad():
            return jnp.sin(x) * 2

    def text(f: Fn) -> str:
        compiled = jax.jit(f).lower(jnp.ones(8)).compile().as_text()
        return "\n".join(line.split(", metadata")[0] for line in compiled.splitlines()[1:] if "=" in line)

    assert text(plain).count("sine") == text(blocked_body).count("sine") == 1
    np.testing.assert_array_equal(jax.jit(plain)(jnp.ones(8)), jax.jit(blocked_body)(jnp.ones(8)))
