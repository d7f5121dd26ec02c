"""`functorch_jax.jit`: generators, modules and captured tensors as inputs and outputs of one compiled program."""

import threading

import jax
import numpy as np
import pytest

import functorch_jax
from functorch_jax import torch
from functorch_jax.torch._generator import RepeatedNumbers


def numbers(t):
    return np.asarray(t).tolist()


DRAWS = {
    "rand": lambda: torch.rand(4),
    "randn": lambda: torch.randn(4),
    "randint": lambda: torch.randint(0, 10**6, (4,)),
    "randperm": lambda: torch.randperm(30),
    "normal_": lambda: torch.zeros(4).normal_(),
    "random_": lambda: torch.zeros(4, dtype=torch.int64).random_(),
    "exponential_": lambda: torch.zeros(4).exponential_(),
    "cauchy_": lambda: torch.zeros(4).cauchy_(),
    "log_normal_": lambda: torch.zeros(4).log_normal_(),
    "geometric_": lambda: torch.zeros(20).geometric_(0.1),
    "bernoulli": lambda: torch.bernoulli(torch.full((64,), 0.5)),
    "multinomial": lambda: torch.multinomial(torch.ones(50), 20),
    "poisson": lambda: torch.poisson(torch.full((20,), 50.0)),
    "binomial": lambda: torch.binomial(torch.full((20,), 50.0), torch.full((20,), 0.5)),
    "dropout": lambda: torch.nn.functional.dropout(torch.ones(64)),
    "vmap, different": lambda: torch.vmap(lambda x: x + torch.rand(2), randomness="different")(torch.zeros(3)),
    "vmap, same": lambda: torch.vmap(lambda x: x + torch.rand(2), randomness="same")(torch.zeros(3)),
    "grad": lambda: torch.func.grad(lambda x: (x * torch.rand(3)).sum())(torch.ones(3)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_differ_from_call_to_call_and_are_the_seeds(name):
    compiled = functorch_jax.jit(DRAWS[name])
    torch.manual_seed(5)
    first, second = numbers(compiled()), numbers(compiled())
    assert first != second
    torch.manual_seed(5)
    assert [numbers(compiled()), numbers(compiled())] == [first, second]
    torch.manual_seed(6)
    assert numbers(compiled()) != first


def test_two_programs_and_two_draws_share_one_stream():
    one, two = functorch_jax.jit(lambda: torch.rand(3)), functorch_jax.jit(lambda: (torch.rand(3), torch.rand(3)))
    torch.manual_seed(0)
    drawn = [one(), *two(), one(), *two()]
    assert len({tuple(numbers(x)) for x in drawn}) == 6


def test_a_threefry_generator_gives_the_same_numbers_eagerly_and_compiled():
    g, h = (torch.Generator(impl="threefry").manual_seed(3) for _ in range(2))
    compiled = functorch_jax.jit(lambda: (torch.rand(3, generator=g), torch.randn(2, generator=g)))
    eager = [(torch.rand(3, generator=h), torch.randn(2, generator=h)) for _ in range(2)]
    for row in eager:
        for x, y in zip(row, compiled(), strict=True):
            np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-6)
    assert torch.equal(g.get_state(), h.get_state())


def test_states_hold_what_compiled_programs_drew():
    compiled = functorch_jax.jit(lambda: torch.rand(3))
    torch.manual_seed(0)
    compiled()
    state = torch.get_rng_state()
    after = numbers(compiled())
    torch.set_rng_state(state)
    assert numbers(compiled()) == after
    torch.set_rng_state(state)
    with torch.random.fork_rng():
        compiled()
    assert numbers(compiled()) == after


def test_eager_numbers_are_not_used_up_by_programs():
    compiled = functorch_jax.jit(lambda: torch.rand(3))
    torch.manual_seed(0)
    compiled()
    torch.testing.assert_close(torch.rand(3), torch.tensor([0.4963, 0.7682, 0.0885]), atol=1e-4, rtol=0)


def test_seeding_and_forking_inside_a_program():
    def drawn():
        torch.manual_seed(7)
        x = torch.rand(3)
        with torch.random.fork_rng():
            y = torch.rand(3)
        return x, y, torch.rand(3)

    compiled = functorch_jax.jit(drawn)
    torch.manual_seed(0)
    x, y, z = map(numbers, compiled())
    assert x != y == z
    assert [*map(numbers, compiled())] == [x, y, z]
    assert torch.initial_seed() == 7


def test_the_state_has_no_value_inside():
    compiled = functorch_jax.jit(lambda: (torch.rand(1), torch.get_rng_state()))
    state = torch.manual_seed(0).get_state()
    with pytest.raises(RuntimeError, match=r"that functorch_jax\.jit compiles"):
        compiled()
    assert torch.equal(torch.get_rng_state(), state)


def test_jax_jit_warns_that_numbers_repeat():
    compiled = jax.jit(lambda: torch.rand(3).jax())
    with pytest.warns(RepeatedNumbers, match="repeat each time it runs"):
        first = compiled()
    assert numbers(compiled()) == numbers(first)


def test_threads_never_share_numbers():
    compiled = functorch_jax.jit(lambda: torch.rand(2))
    compiled()
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.extend(tuple(numbers(compiled())) for _ in range(20))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 80


# ---- tensors that a program finds ------------------------------------------------------------------------------------


def test_parameters_are_inputs_and_buffers_are_written():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    compiled = functorch_jax.jit(model)
    twin = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    twin.load_state_dict(model.state_dict())
    x = torch.randn(4, 3)
    for _ in range(2):
        torch.testing.assert_close(compiled(x), twin(x))
    torch.testing.assert_close(model[1].running_mean, twin[1].running_mean)
    assert model[1].num_batches_tracked.item() == 2
    with torch.no_grad():
        model[0].weight.mul_(2)
        twin[0].weight.mul_(2)
    torch.testing.assert_close(compiled(x), twin(x))
    model.eval(), twin.eval()
    torch.testing.assert_close(compiled(x), twin(x))


def test_writes_into_arguments_and_captured_tensors():
    total = torch.zeros(2)

    def add(x):
        total.add_(x)
        x.mul_(10)
        return total, x

    compiled = functorch_jax.jit(add)
    x = torch.ones(2)
    assert compiled(x)[0] is total
    assert compiled(x)[1] is x
    assert (numbers(total), numbers(x)) == ([11.0, 11.0], [100.0, 100.0])


def test_python_values_and_trees():
    traced = []

    def f(x, *, scale, rest):
        traced.append(scale)
        return {"a": x * scale, "b": (rest[0], scale, None)}

    compiled = functorch_jax.jit(f)
    out = compiled(torch.ones(2), scale=2, rest=[torch.zeros(1)])
    assert numbers(out["a"]) == [2.0, 2.0]
    assert out["b"][1:] == (2, None)
    compiled(torch.zeros(2), scale=2, rest=[torch.zeros(1)])
    compiled(torch.zeros(2), scale=2.0, rest=[torch.zeros(1)])
    assert [type(s) for s in traced] == [int, float]


def test_inside_transforms_it_runs_as_it_stands():
    inner = functorch_jax.jit(lambda x: (x * x).sum())
    assert numbers(torch.func.grad(inner)(torch.ones(2))) == [2.0, 2.0]
    assert numbers(torch.vmap(inner)(torch.ones(3, 2))) == [2.0] * 3
    assert functorch_jax.jit(lambda x: inner(x) + 1)(torch.ones(2)).item() == 3


def test_a_program_that_raises_leaves_tensors_as_they_were():
    kept = torch.ones(2)

    def f(x):
        kept.add_(x)
        if kept.sum() > 0:
            return kept
        return x

    with pytest.raises(RuntimeError, match="no value yet"):
        functorch_jax.jit(f)(torch.ones(2))
    assert numbers(kept) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: functorch_jax.jit(3), TypeError, "f must be callable, not int"),
        (lambda: functorch_jax.jit(lambda x: x)({1, 2}), TypeError, "cannot be hashed"),
        (lambda: torch.Generator(impl="philox"), ValueError, "impl is one of 'mt19937', 'threefry'"),
    ],
)
def test_misuse(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_torch_compile_compiles_for_openxla():
    @torch.compile(backend="openxla")
    def f(x):
        assert torch.compiler.is_compiling()
        return x + torch.rand(2)

    torch.manual_seed(0)
    assert numbers(f(torch.zeros(2))) != numbers(f(torch.zeros(2)))


def test_torch_compile_of_other_backends_keeps_pytorchs_numbers():
    torch.manual_seed(0)
    eager = numbers(torch.rand(2)), numbers(torch.rand(2))
    f = torch.compile(lambda: torch.rand(2))
    torch.manual_seed(0)
    assert (numbers(f()), numbers(f())) == eager


def test_backward_through_a_program_uses_the_numbers_that_were_drawn():
    model = torch.nn.Linear(4, 4, bias=False)
    compiled = functorch_jax.jit(lambda x: torch.nn.functional.dropout(model(x)))
    x = torch.ones(3, 4, requires_grad=True)
    for _ in range(2):
        x.grad = model.weight.grad = None
        y = compiled(x)
        kept = (y != 0).float() * 2
        y.sum().backward()
        torch.testing.assert_close(x.grad, kept @ model.weight.detach())
        torch.testing.assert_close(model.weight.grad, kept.T @ torch.ones(3, 4))
    with torch.no_grad():
        assert not compiled(x).requires_grad


def test_gradients_flow_through_what_a_program_writes():
    kept = torch.zeros(2)

    def f(x):
        kept.add_(x * x)
        return kept

    x = torch.tensor([1.0, 3.0], requires_grad=True)
    functorch_jax.jit(f)(x)
    kept.sum().backward()
    assert numbers(x.grad) == [2.0, 6.0]


def test_second_derivatives_through_a_program():
    x = torch.tensor([1.0, 3.0], requires_grad=True)
    (first,) = torch.autograd.grad(functorch_jax.jit(lambda x: (x**3).sum())(x), x, create_graph=True)
    first.sum().backward()
    assert numbers(x.grad) == [6.0, 18.0]


def test_draws_in_a_loop_inside_a_program_warn_that_they_repeat():
    def f(x):
        return jax.lax.scan(lambda c, _: (c, torch.rand(2).jax()), x.jax(), None, length=3)[1]

    with pytest.warns(RepeatedNumbers):
        drawn = np.asarray(functorch_jax.jit(f)(torch.zeros(1)))
    assert (drawn[0] == drawn[2]).all()


def test_what_an_output_does_not_depend_on_leaves_no_history():
    model = torch.nn.Linear(3, 1)

    def step(params, x):
        def loss(params):
            return torch.func.functional_call(model, params, (x,)).pow(2).mean()

        grads, value = torch.func.grad_and_value(loss)(params)
        return {name: p - 0.1 * grads[name] for name, p in params.items()}, value

    compiled, params = functorch_jax.jit(step), {name: p.detach() for name, p in model.named_parameters()}
    values = []
    for _ in range(3):
        params, value = compiled(params, torch.ones(2, 3))
        assert value.grad_fn is None
        values.append(value.item())
    assert values[0] > values[1] > values[2]


def test_no_tracer_is_left_behind():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    with jax.checking_leaks():
        functorch_jax.jit(model)(torch.ones(4, 3))
