"""States that go to PyTorch's CPU generator and come from it, threads, and the "threefry" generator in eager code."""

import copy
import pickle
import threading

import numpy as np
import pytest

from functorch_jax import torch

DRAWS = {
    "nothing": lambda t: None,
    "one uniform": lambda t: t.rand(1),
    "half of a pair of normals": lambda t: t.randn(3, dtype=t.float64),
    "a block": lambda t: t.rand(624),
    "more than a block": lambda t: t.rand(1000),
    "vectorised normals": lambda t: t.randn(17),
    "calls of all kinds": lambda t: [t.randn(1), t.randperm(9), t.zeros(3).exponential_(), t.randint(0, 2**40, (2,))],
}


def after(t):
    return [np.asarray(x) for x in (t.randn(3), t.rand(700), t.randint(0, 99, (5,)), t.randn(20))]


def assert_close(ours, theirs):
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize("name", DRAWS)
def test_states_go_both_ways(name):
    real = pytest.importorskip("torch")
    with real.random.fork_rng():
        for t in (real, torch):
            t.manual_seed(11)
            DRAWS[name](t)
        ours, theirs = torch.get_rng_state(), real.get_rng_state()
        expected = after(real)
        real.set_rng_state(real.from_numpy(np.array(ours)))
        assert_close(after(real), expected)
        torch.set_rng_state(torch.from_numpy(theirs.numpy()))
        assert_close(after(torch), expected)
        g, h = torch.Generator(), real.Generator()
        g.set_state(torch.from_numpy(theirs.numpy()))
        h.set_state(real.from_numpy(np.array(ours)))
        assert_close([np.asarray(torch.rand(5, generator=g))], [real.rand(5, generator=h).numpy()])
        assert g.initial_seed() == h.initial_seed() == 11


@pytest.mark.oracle
def test_large_draws_are_pytorchs():
    real = pytest.importorskip("torch")
    with real.random.fork_rng():
        for t in (real, torch):
            t.manual_seed(2)
        for draw in (
            lambda t: t.rand(400_001),
            lambda t: t.randint(0, 1000, (300_001,)),
            lambda t: t.randperm(200_001),
        ):
            assert (np.asarray(draw(torch)) == draw(real).numpy()).all()
        np.testing.assert_allclose(np.asarray(torch.randn(300_007)), real.randn(300_007).numpy(), rtol=2e-4, atol=1e-6)


def test_threads_draw_from_one_generator_without_sharing_numbers():
    torch.manual_seed(0)
    expected = {float(x) for x in np.asarray(torch.rand(800, dtype=torch.float64))}
    torch.manual_seed(0)
    seen, start = [], threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(20):
            seen.extend(np.asarray(torch.rand(10, dtype=torch.float64)).tolist())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800
    assert set(seen) == expected


def test_a_thread_with_its_own_generator_gets_its_own_numbers():
    drawn = {}

    def work(seed):
        g = torch.Generator().manual_seed(seed)
        drawn[seed] = [torch.rand(3, generator=g).tolist() for _ in range(5)]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, numbers in drawn.items():
        g = torch.Generator().manual_seed(seed)
        assert numbers == [torch.rand(3, generator=g).tolist() for _ in range(5)]


# ---- "threefry" ------------------------------------------------------------------------------------------------------


def threefry(seed=1):
    return torch.Generator(device="cpu", impl="threefry").manual_seed(seed)


FILLS = ["normal_", "uniform_", "random_", "exponential_", "cauchy_", "log_normal_", "bernoulli_"]
MAKES = {
    "rand": lambda g: torch.rand(8, generator=g),
    "randn": lambda g: torch.randn(8, generator=g),
    "randint": lambda g: torch.randint(0, 10**6, (8,), generator=g),
    "randperm": lambda g: torch.randperm(40, generator=g),
    "normal": lambda g: torch.normal(torch.zeros(4), 1.0, generator=g),
    "poisson": lambda g: torch.poisson(torch.full((20,), 30.0), generator=g),
    "binomial": lambda g: torch.binomial(torch.full((20,), 30.0), torch.full((20,), 0.5), generator=g),
    "multinomial": lambda g: torch.multinomial(torch.ones(50), 20, generator=g),
    "multinomial with replacement": lambda g: torch.multinomial(torch.ones(50), 20, True, generator=g),
    "geometric_": lambda g: torch.zeros(40).geometric_(0.1, generator=g),
    "in vmap": lambda g: torch.vmap(lambda x: x + torch.rand(3, generator=g), randomness="different")(torch.zeros(4)),
    **{name: lambda g, name=name: getattr(torch.zeros(64), name)(generator=g) for name in FILLS},
}


@pytest.mark.parametrize("name", MAKES)
def test_threefry_draws_are_the_seeds_and_never_repeat(name):
    g = threefry()
    first, second = MAKES[name](g).tolist(), MAKES[name](g).tolist()
    assert first != second
    g.manual_seed(1)
    assert [MAKES[name](g).tolist(), MAKES[name](g).tolist()] == [first, second]
    assert MAKES[name](threefry(2)).tolist() != first


def test_threefry_states():
    g = threefry(2**63 + 5)
    torch.rand(2, generator=g)
    state = g.get_state()
    assert (g.initial_seed(), state.shape, state.dtype) == (2**63 + 5, (16,), torch.uint8)
    expected = torch.rand(4, generator=copy.deepcopy(g)).tolist()
    others = [g.clone_state(), pickle.loads(pickle.dumps(g)), threefry().set_state(state)]
    assert [torch.rand(4, generator=h).tolist() for h in others] == [expected] * 3
    assert [h.impl for h in others] == ["threefry"] * 3
    with pytest.raises(RuntimeError, match="from=3 >= to=3"):
        torch.randint(3, 3, (2,), generator=g)
    assert torch.equal(g.get_state(), state)
    with pytest.raises(RuntimeError, match="16 bytes, not 5056"):
        g.set_state(torch.get_rng_state())
    with pytest.raises(RuntimeError, match="found the input RNG state size to be 16"):
        torch.set_rng_state(state)


def test_threefry_leaves_the_default_generator_alone():
    state = torch.manual_seed(0).get_state()
    torch.randn(100, generator=threefry())
    assert torch.equal(torch.get_rng_state(), state)


def test_threefry_has_the_right_law():
    g = threefry()
    x = np.asarray(torch.randn(20_000, generator=g))
    assert abs(x.mean()) < 0.03
    assert abs(x.std() - 1) < 0.03
    assert sorted(torch.randperm(100, generator=g).tolist()) == list(range(100))


def test_a_draw_that_is_interrupted_leaves_the_state(monkeypatch):
    state = torch.manual_seed(4).get_state()
    from functorch_jax.torch import _laws

    def broken(u):
        raise KeyboardInterrupt

    monkeypatch.setattr(_laws, "_box_muller", broken)
    with pytest.raises(KeyboardInterrupt):
        torch.randn(1000)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_spellings_of_torch_cuda_mean_the_default_generator():
    state = torch.manual_seed(9).get_state()
    expected = torch.rand(2).tolist()
    torch.cuda.set_rng_state(state)
    torch.cuda.manual_seed_all(1)
    torch.cuda.seed_all()
    torch.cuda.set_rng_state_all(torch.cuda.get_rng_state_all())
    torch.cuda.set_rng_state(torch.zeros(16, dtype=torch.uint8))  # of PyTorch's own generator on a GPU
    assert (torch.cuda.initial_seed(), torch.rand(2).tolist()) == (9, expected)
    assert torch.cuda.get_rng_state().shape == torch.cuda.random.get_rng_state("cuda:0").shape == (5056,)
    with pytest.raises(TypeError, match=r"must be a torch\.ByteTensor"):
        torch.cuda.set_rng_state(torch.zeros(3))


def test_eager_control_flow_draws_pytorchs_numbers():
    expected = torch.manual_seed(0) and torch.rand(3, 2).sum(0)
    torch.manual_seed(0)
    loop = torch.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, x + torch.rand(2)), (torch.tensor(0), torch.zeros(2))
    )
    torch.testing.assert_close(loop[1], expected)
