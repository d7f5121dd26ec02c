"""Random numbers at sizes where PyTorch changes its way, other seeds, calls in turn, parameters of every dtype, loading."""

from __future__ import annotations

import random
from typing import Any

from tests.oracle.case import Row, case, error, floats
from tests.oracle.cases.random import DRAWS, FLOATS, digest, state

EXACT = ("rand", "randint", "randperm", "uniform_", "random_", "random_ to", "random_ from", "bernoulli_")
SIZES = (15, 16, 17, 623, 1000, 4099)


def some(x: Any) -> Any:
    """Fewer of many numbers: the first, the last and every 97th."""
    flat = x.flatten()
    return flat[:3], flat[-3:], flat[::97]


def shown(name: str, x: Any) -> Any:
    if name in EXACT and str(x.dtype) != "torch.bfloat16":
        return digest(x)
    return some(x)


def in_turn(t: Any, seed: int) -> Any:
    """Twenty draws of kinds, dtypes and sizes that the seed decides; numbers of all of them, and the state behind them."""
    plan = random.Random(seed)
    t.manual_seed(seed)
    out = []
    for _ in range(20):
        name = plan.choice([k for k in DRAWS if k != "randperm"])
        draw, dtypes = DRAWS[name]
        out.append(draw(t, plan.choice((1, 2, 5, 16, 21)), getattr(t, plan.choice(dtypes)))[-2:])
    return out, t.randint(0, 2**40, (2,))


def loaded(t: Any, **options: Any) -> Any:
    data = t.utils.data
    loader = data.DataLoader(data.TensorDataset(t.arange(13)), batch_size=4, **options)
    return [[batch[0] for batch in loader] for _ in range(2)], t.rand(1)


def in_runs(t: Any, high: float) -> Any:
    """Numbers below a power of two, exact ones, that change every time, and in runs long and short."""
    step = high / 1024
    rising = t.arange(1000.0) * step
    return t.cat([rising, t.full((300,), high / 4), (1000 - t.arange(9.0)).repeat_interleave(400) * step, t.zeros(257), rising[::200].repeat_interleave(255)])


def rows_of(x: Any) -> list[Any]:
    return [x.dataset[i][0] for i in x.indices]


CASES: list[Row] = [
    *[
        case(f"{name} of {dtype}, larger", lambda t, name=name, draw=draw, dtype=dtype: ([shown(name, draw(t, n, getattr(t, dtype))) for n in SIZES if dtype != "uint8" or name != "randperm" or n < 256], t.rand(1)))
        for name, (draw, dtypes) in DRAWS.items()
        for dtype in dtypes
    ],
    *[case(f"calls in turn, {seed}", lambda t, seed=seed: in_turn(t, seed)) for seed in (1, 2, 3, 4, 5, 2**40, 2**63 + 7)],
    case("randint of wide ranges, larger", lambda t: [digest(t.randint(0, high, (1000,))) for high in (2**28 - 1, 2**28, 2**40)] + [state(t)]),
    case("randperm around where it changes its way", lambda t: [digest(t.randperm(n)) for n in (1999, 2000, 2001, 5000)] + [state(t)]),
    # parameters
    *[
        case(f"{name} of {dtype}", lambda t, x, dtype=dtype, draw=draw: (draw(t, x.to(getattr(t, dtype))), t.rand(1)), floats(9, low=0.05, high=0.95))
        for dtype in FLOATS
        for name, draw in {
            "bernoulli": lambda t, x: t.bernoulli(x),
            "poisson": lambda t, x: t.poisson(x * 30),
            **({"binomial": lambda t, x: t.binomial((x * 60).round(), x)} if dtype.endswith(("32", "64")) else {}),
            "multinomial": lambda t, x: t.multinomial(x, 4),
            "multinomial with replacement": lambda t, x: t.multinomial(x, 12, True),
            "normal": lambda t, x: t.normal(x, x),
        }.items()
    ],
    case("poisson, larger", lambda t: (some(t.poisson(t.linspace(0, 100, 3000))), t.rand(1))),
    case("binomial, larger", lambda t: (some(t.binomial(t.linspace(0, 500, 3000).round(), t.linspace(0, 1, 3000))), t.rand(1))),
    *[case(f"poisson of many equal rates, {rate}", lambda t, rate=rate: ([some(t.poisson(t.full((n,), rate))) for n in (255, 256, 20000)], t.rand(1))) for rate in (0.0, 1e-8, 0.5, 5.0, 9.99, 10.0, 20.0, 130.0, 1e6)],
    *[
        case(f"binomial of many equal parameters, {n} at {p}", lambda t, n=n, p=p: ([some(t.binomial(t.full((k,), n), t.full((k,), p))) for k in (255, 256, 20000)], t.rand(1)))
        for n, p in ((10.0, 0.5), (40.0, 0.1), (40.0, 0.4), (40.0, 0.9), (1000.0, 0.7), (254.0, 0.001), (1e6, 0.3), (1e6, 0.7), (0.0, 0.5), (3.0, 1.0))
    ],
    case("poisson, runs and changes", lambda t: (some(t.poisson(in_runs(t, 32))), some(t.poisson(in_runs(t, 512).double())), t.rand(1))),
    case("binomial, runs and changes", lambda t: (some(t.binomial(in_runs(t, 128).floor(), in_runs(t, 1))), some(t.binomial(in_runs(t, 2.0**19).floor(), in_runs(t, 1).flip(0))), t.rand(1))),
    case("bernoulli_ by a tensor of float64", lambda t: (digest(t.zeros(500).bernoulli_(t.linspace(0, 1, 500, dtype=t.float64))), t.rand(1))),
    case("multinomial without replacement takes everything", lambda t, w: (t.multinomial(w, 30), t.rand(1)), floats(30, positive=True)),
    case("multinomial by a generator", lambda t, w: (lambda g: (t.multinomial(w, 3, generator=g), t.poisson(w, generator=g), t.bernoulli(w, generator=g), t.zeros(4).exponential_(generator=g), t.rand(1, generator=g), t.rand(1)))(t.Generator().manual_seed(1)), floats(6, low=0.1, high=0.9)),
    # dropout and its kin in every dtype
    *[
        case(f"{name} of {dtype}", lambda t, x, f=f, dtype=dtype: (f(t.nn.functional, x.to(getattr(t, dtype))), t.rand(1)), floats(3, 4, 5))
        for dtype in ("float64", "float16", "bfloat16")
        for name, f in {
            "alpha_dropout": lambda F, x: F.alpha_dropout(x, 0.3, True),
            "feature_alpha_dropout": lambda F, x: F.feature_alpha_dropout(x, 0.3, True),
            "dropout1d": lambda F, x: F.dropout1d(x, 0.4),
            "rrelu": lambda F, x: F.rrelu(x, training=True),
            "gumbel_softmax": lambda F, x: F.gumbel_softmax(x, dim=-1),
        }.items()
        if (name, dtype) not in (("rrelu", "float16"), ("gumbel_softmax", "float16"))
    ],
    case("gumbel_softmax of float16", lambda t, x: t.nn.functional.gumbel_softmax(x.half(), dim=-1), floats(3, 4, 5), rtol=5e-3, reason="PyTorch rounds the noise to float16 at each step"),
    # other orders in memory
    *[
        case(f"{name} in another order", lambda t, fill=fill: ([fill(x) for x in (t.zeros(6, 5).t(), t.zeros(2, 3, 4).permute(2, 0, 1), t.zeros(6, 8)[:, ::2], t.zeros(6, 8)[:, 1], t.zeros(3, 2).t())], t.rand(1)))
        for name, fill in {
            "uniform_": lambda x: x.uniform_(-1, 2), "normal_": lambda x: x.normal_(1, 2), "random_": lambda x: x.random_(), "exponential_": lambda x: x.exponential_(), "bernoulli_": lambda x: x.bernoulli_(0.3), "log_normal_": lambda x: x.log_normal_(),
        }.items()
    ],
    case("out, in another order", lambda t: ([(t.randn(n, out=t.zeros(n, 2)[:, 0]), t.rand(n, out=t.zeros(n, 2)[:, 1]), t.normal(1.0, 2.0, (n,), out=t.zeros(n, 2)[:, 1]), t.normal(t.ones(n), 2.0, out=t.zeros(n, 2)[:, 1])) for n in (15, 16, 17, 33)], [(t.randn(5, 6, out=x()), t.rand(5, 6, out=x()), t.randint(99, (5, 6), out=t.zeros(6, 5, dtype=t.int64).t()), t.randn(5, 6, out=t.zeros(30))) for x in (lambda: t.zeros(6, 5).t(),)], t.rand(1))),
    case("like, in another order", lambda t: ([(t.rand_like(x), t.randn_like(x), t.randint_like(x, 99)) for x in (t.zeros(6, 5).t(), t.zeros(2, 3, 4).permute(2, 0, 1), t.zeros(6, 8)[:, ::2])], t.rand(1))),
    case("bernoulli_ by a tensor, in another order", lambda t, p: (t.zeros(4, 3).t().bernoulli_(p), t.zeros(3, 4).bernoulli_(p), t.bernoulli(p.t()), t.rand(1)), floats(3, 4, low=0, high=1)),
    case("multinomial of weights in another order", lambda t, w: (t.multinomial(w.t(), 3), t.multinomial(w.t(), 4, True), t.rand(1)), floats(5, 6, positive=True)),
    # loading
    case("DataLoader shuffles", lambda t: loaded(t, shuffle=True)),
    case("DataLoader shuffles by a generator", lambda t: loaded(t, shuffle=True, generator=t.Generator().manual_seed(3))),
    case("DataLoader in order uses numbers up too", lambda t: loaded(t)),
    case("samplers", lambda t: [(list(make(t.utils.data)), t.rand(1)) for make in (
        lambda d: d.RandomSampler(range(7)), lambda d: d.RandomSampler(range(7), replacement=True, num_samples=40), lambda d: d.RandomSampler(range(5), num_samples=12),
        lambda d: d.SubsetRandomSampler([3, 1, 4, 1, 5]), lambda d: d.WeightedRandomSampler([0.1, 0.9, 0.5], 6), lambda d: d.WeightedRandomSampler([0.1, 0.9, 0.5], 2, replacement=False),
    )]),
    case("random_split", lambda t: ([rows_of(p) for p in t.utils.data.random_split(t.utils.data.TensorDataset(t.arange(10)), [3, 7], t.Generator().manual_seed(42))], t.rand(1))),
    # spellings for other devices, and draws that raise
    case("torch.cuda's spellings", lambda t: (t.cuda.manual_seed(3), t.cuda.manual_seed_all(3), t.manual_seed(0), t.rand(2))[2:][1]),
    case("fork_rng that is not enabled", lambda t: (lambda fork: (fork.__enter__(), t.rand(2), fork.__exit__(None, None, None), t.rand(2)))(t.random.fork_rng(enabled=False))),
    case("fork_rng without devices", lambda t: (lambda fork: (fork.__enter__(), t.randn(3), fork.__exit__(None, None, None), t.randn(2)))(t.random.fork_rng([]))),
    case("a generator's draw that raises leaves it", lambda t: (lambda g: (raised(lambda: t.randint(3, 3, (2,), generator=g)), raised(lambda: t.multinomial(t.zeros(3), 1, generator=g)), t.rand(2, generator=g)))(t.Generator().manual_seed(5))),
    error("randperm of complex numbers", lambda t: t.randperm(3, dtype=t.complex64), fragment="\"randperm\" not implemented for 'ComplexFloat'"),
    error("random_ of uint16", lambda t: t.zeros(3, dtype=t.uint16).random_(), fragment="\"random_kernel_cpu\" not implemented for"),
    error("random_ to a number, of complex numbers", lambda t: t.zeros(3, dtype=t.complex64).random_(2), fragment="handles only integral, floating-point and boolean types"),
    error("bernoulli_ of complex numbers", lambda t: t.zeros(3, dtype=t.complex64).bernoulli_(0.5), fragment="\"bernoulli_scalar_cpu_\" not implemented for 'ComplexFloat'"),
    error("binomial of integers", lambda t: t.binomial(t.tensor([3]), t.tensor([0.5])), fragment="binomial only supports floating-point dtypes for count, got: Long"),
    error("gumbel_softmax of integers", lambda t: t.nn.functional.gumbel_softmax(t.tensor([1, 2])), fragment="Exponential distribution is a continuous probability distribution. dtype must be a floating point"),
    error("poisson of a negative rate", lambda t: t.poisson(t.tensor([-1.0])), fragment="invalid Poisson rate, expected rate to be non-negative"),
    error("poisson of integers", lambda t: t.poisson(t.tensor([1])), fragment="not implemented for 'Long'"),
    error("multinomial of three axes", lambda t: t.multinomial(t.ones(1, 2, 3), 1), fragment="prob_dist must be 1 or 2 dim"),
    error("multinomial of a negative weight", lambda t: t.multinomial(t.tensor([1.0, -1.0]), 1), fragment="probability tensor contains either `inf`, `nan` or element < 0"),
    error("log_normal_ of integers", lambda t: t.zeros(2, dtype=t.int64).log_normal_(), fragment="not implemented for 'Long'"),
    error("fork_rng of a device that is none", lambda t: t.random.fork_rng(device_type="abacus").__enter__(), fragment="abacus"),
]


def raised(attempt: Any) -> str:
    try:
        attempt()
    except Exception as e:
        return type(e).__name__
    return "nothing"


