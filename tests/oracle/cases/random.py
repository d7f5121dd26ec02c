"""Random numbers: PyTorch's own, by seed, size, dtype and order of calls; and the state that they leave behind.

Integers and uniform numbers are equal bit by bit; others agree to rounding.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, values

SIZES = (0, 1, 2, 3, 15, 16, 17, 31, 32, 33)
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTS = ("int64", "int32", "int16", "int8", "uint8")
DRAWS = {  # name: (draw of n numbers of a dtype, dtypes)
    "rand": (lambda t, n, d: t.rand(n, dtype=d), (*FLOATS, "complex64", "complex128")),
    "randn": (lambda t, n, d: t.randn(n, dtype=d), (*FLOATS, "complex64", "complex128")),
    "randint": (lambda t, n, d: t.randint(3, 100, (n,), dtype=d), (*FLOATS, *INTS)),
    "randperm": (lambda t, n, d: t.randperm(n, dtype=d), ("int64", "int32", "uint8", "float32")),
    "uniform_": (lambda t, n, d: t.zeros(n, dtype=d).uniform_(-3, 5.3), FLOATS),
    "normal_": (lambda t, n, d: t.zeros(n, dtype=d).normal_(1.5, 0.3), (*FLOATS, "complex64")),
    "random_": (lambda t, n, d: t.zeros(n, dtype=d).random_(), (*FLOATS, *INTS, "bool")),
    "random_ to": (lambda t, n, d: t.zeros(n, dtype=d).random_(7), (*FLOATS, *INTS)),
    "random_ from": (lambda t, n, d: t.zeros(n, dtype=d).random_(2, None), (*FLOATS, *INTS)),
    "exponential_": (lambda t, n, d: t.zeros(n, dtype=d).exponential_(2.5), FLOATS),
    "cauchy_": (lambda t, n, d: t.zeros(n, dtype=d).cauchy_(1, 2), FLOATS),
    "log_normal_": (lambda t, n, d: t.zeros(n, dtype=d).log_normal_(0.1, 0.2), FLOATS),
    "geometric_": (lambda t, n, d: t.zeros(n, dtype=d).geometric_(0.3), (*FLOATS, *INTS)),
    "bernoulli_": (lambda t, n, d: t.zeros(n, dtype=d).bernoulli_(0.3), (*FLOATS, *INTS, "bool")),
}
# PyTorch hands bernoulli_(p), dropout and exponential_ to MKL on Intel processors, whose numbers are others: record on another one.


def digest(x: Any) -> str:
    """A short name for the exact values of many numbers."""
    array = np.ascontiguousarray(x.numpy() if hasattr(x, "numpy") else x)
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def state(t: Any) -> str:
    return digest(t.get_rng_state())


def dropouts(t: Any) -> Any:
    return t.nn.functional


CASES: list[Row] = [
    *[
        case(f"{name} of {dtype}", lambda t, draw=draw, dtype=dtype: ([draw(t, n, getattr(t, dtype)) for n in SIZES], t.rand(1)))
        for name, (draw, dtypes) in DRAWS.items()
        for dtype in dtypes
    ],
    *[
        case(f"seed {seed}", lambda t, seed=seed: (t.manual_seed(seed).initial_seed(), t.initial_seed(), t.rand(3), t.randn(3), t.randperm(5)))
        for seed in (0, 1, 1234567890123, 2**63, 2**64 - 1, -1, -(2**63), 1.5, True)
    ],
    # exact values of many numbers, and states
    case("rand of 100000", lambda t: (digest(t.rand(100_000)), state(t))),
    case("rand of 10000 in float64", lambda t: (digest(t.rand(10_000, dtype=t.float64)), state(t))),
    case("randint of 100000", lambda t: (digest(t.randint(0, 1000, (100_000,))), state(t))),
    case("randperm of 50000", lambda t: (digest(t.randperm(50_000)), state(t))),
    case("uniform_ of 10000", lambda t: (digest(t.zeros(10_000).uniform_(-0.125, 0.125)), state(t))),
    case("bernoulli_ of 10000", lambda t: (digest(t.zeros(10_000).bernoulli_(0.3)), state(t))),
    case("states", lambda t: [(t.rand(n), state(t))[1] for n in (0, 1, 623, 624, 625, 1248, 3)]),
    case("state after a single normal", lambda t: (t.randn(1), state(t), t.randn(1), state(t))),
    case("state of a fresh seed", lambda t: (state(t), t.get_rng_state().dtype, t.get_rng_state().shape)),
    # order of calls
    case("a second normal is kept", lambda t: [t.randn(n) for n in (1, 3, 15, 16, 1, 17, 2)]),
    case("a second normal is shared by dtypes", lambda t: [t.randn(3), t.randn(2, dtype=t.float64), t.zeros(3).log_normal_(), t.randn(1)]),
    case("calls of all kinds", lambda t: [t.randn(3), t.rand(20), t.randn(20), t.randperm(7), t.randint(5, (3,)), t.randn(1), t.zeros(3).exponential_(), t.randn(5)]),
    case("shapes do not matter", lambda t: (t.randn(4, 8), t.rand(2, 3, 5), t.randn(()), t.rand(0, 3), t.rand(2))),
    # ranges of integers
    *[
        case(f"randint from {low} to {high}", lambda t, low=low, high=high: (t.randint(low, high, (5,)), t.rand(1)))
        for low, high in ((0, 1), (-5, 5), (0, 2**28 - 1), (0, 2**28), (0, 2**32), (-(2**40), 2**41), (-(2**63), 2**63 - 1), (-(2**62), 2**62))
    ],
    case("random_ over everything", lambda t: (t.zeros(3, dtype=t.int64).random_(-(2**63), None), t.rand(1))),
    # spellings
    case("sizes", lambda t: [x.shape for x in (t.rand(2, 3), t.rand((2, 3)), t.rand([2, 3]), t.rand(size=(2, 3)), t.rand(t.Size([2])), t.rand(()), t.randint(5, (2,)), t.randint(5, size=(2,)), t.randint(low=0, high=5, size=[2]))]),
    case("like", lambda t, x: (t.rand_like(x), t.randn_like(x), t.randint_like(x, 5), t.randint_like(x, 2, 5), t.rand_like(x, dtype=t.float64)), floats(2, 3)),
    case("out", lambda t: t.rand(2, out=t.zeros(2))),
    case("requires_grad", lambda t: (t.rand(2, requires_grad=True).requires_grad, t.randn(2).requires_grad)),
    case("default dtype", lambda t: (t.set_default_dtype(t.float64), t.rand(2), t.randn(2))[1:]),
    # generators
    case("a generator", lambda t: (lambda g: (t.rand(3, generator=g), t.randn(3, generator=g), t.randint(9, (3,), generator=g), t.randperm(4, generator=g), t.zeros(2).normal_(generator=g), g.initial_seed(), t.rand(1)))(t.Generator().manual_seed(7))),
    case("a generator without a seed", lambda t: (lambda g: (g.initial_seed(), t.rand(2, generator=g), str(g.device)))(t.Generator())),
    case("states of a generator", lambda t: (lambda g: (lambda s: (t.rand(2, generator=g), g.set_state(s), t.rand(2, generator=g))[::2])(g.get_state()))(t.Generator().manual_seed(7))),
    case("clone_state", lambda t: (lambda g: (t.randn(1, generator=g), (lambda h: (t.randn(1, generator=g), t.randn(2, generator=h)))(g.clone_state())))(t.Generator().manual_seed(7))),
    case("set_rng_state", lambda t: (lambda s: (t.randn(1), t.set_rng_state(s), t.randn(1), t.random.get_rng_state().shape))(t.get_rng_state())),
    case("fork_rng", lambda t: (lambda fork: (fork.__enter__(), t.rand(2), fork.__exit__(None, None, None), t.rand(2)))(t.random.fork_rng())),
    case("manual_seed returns the default generator", lambda t: (t.manual_seed(3) is t.default_generator, t.random.initial_seed())),
    # tensors as parameters
    case("bernoulli", lambda t, p: (t.bernoulli(p), p.bernoulli(), t.bernoulli(p.double()), t.bernoulli(p.half()), t.rand(1)), floats(20, low=0, high=1)),
    case("bernoulli with p", lambda t, p: (t.bernoulli(p, 0.3), t.rand(1)), floats(20)),
    case("bernoulli_ by a tensor", lambda t, p: (t.zeros(20, dtype=t.int64).bernoulli_(p), t.zeros(2, 20).bernoulli_(p)), floats(20, low=0, high=1)),
    case("normal of tensors", lambda t, m, s: (t.normal(m, s), t.normal(m, 2.0), t.normal(1.0, s), t.normal(m[:3], s[:3]), t.normal(m[:3, None], s[:4])), floats(20), floats(20, positive=True)),
    case("normal of numbers", lambda t: (t.normal(0, 1, (3,)), t.normal(1.0, 2.0, size=(20,)), t.normal(0.0, 1.0, (2,), dtype=t.float64))),
    case("poisson", lambda t, r: (t.poisson(r), t.poisson(r.double()), t.rand(1)), values([0.0, 0.5, 3.0, 9.9, 10.0, 30.0, 500.0])),
    case("binomial", lambda t, p: (t.binomial(t.full((7,), 40.0), p), t.binomial(t.full((7,), 5.0), p), t.binomial(t.full((7,), 4000.0), p), t.rand(1)), values([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])),
    case("multinomial", lambda t, w: [(t.multinomial(w, n), t.rand(1)) for n in (1, 2, 10)], floats(10, positive=True)),
    case("multinomial with replacement", lambda t, w: [(t.multinomial(w, n, True), w.multinomial(n, replacement=True), t.rand(1)) for n in (1, 2, 30)], floats(10, positive=True)),
    case("multinomial of rows", lambda t, w: (t.multinomial(w, 3), t.multinomial(w, 5, True), t.multinomial(w.double(), 5, True)), floats(3, 6, positive=True)),
    case("multinomial never takes what has no weight", lambda t: t.multinomial(t.tensor([0.0, 1.0, 0.0, 2.0]), 20, True)),
    case("no gradient", lambda t, p: t.func.grad(lambda p: (t.normal(p, 1.0) * t.bernoulli(p.sigmoid())).sum())(p), floats(3)),
    # nn.functional
    case("dropout", lambda t, x: [(dropouts(t).dropout(x, p), t.rand(1)) for p in (0.0, 0.3, 1.0)], floats(4, 5)),
    case("dropout, gradient", lambda t, x: dropouts(t).dropout(x, 0.3), floats(4, 5), grad=True),
    case("dropout of dtypes", lambda t, x: [dropouts(t).dropout(x.to(d), 0.3) for d in (t.float64, t.float16, t.bfloat16)], floats(20)),
    case("dropout, not training", lambda t, x: (dropouts(t).dropout(x, 0.3, training=False), t.rand(1)), floats(4)),
    case("dropout in place", lambda t, x: (dropouts(t).dropout(x.clone(), 0.3, inplace=True), (lambda y: (t.dropout_(y, 0.3, True), y))(x.clone()), t.dropout(x, 0.3, True)), floats(8)),
    case("dropout of channels", lambda t, x: (dropouts(t).dropout1d(x[0, 0]), dropouts(t).dropout1d(x[0]), dropouts(t).dropout2d(x), dropouts(t).dropout3d(x), t.feature_dropout(x, 0.5, True), t.rand(1)), floats(2, 3, 2, 2)),
    case("dropout of channels in place", lambda t, x: (dropouts(t).dropout1d(x, inplace=True), x), floats(4, 5)),
    case("alpha_dropout", lambda t, x: (dropouts(t).alpha_dropout(x, 0.3, True), dropouts(t).alpha_dropout(x, 0.3), dropouts(t).alpha_dropout(x, 1.0, True), t.alpha_dropout(x, 0.3, True), t.rand(1)), floats(4, 5), grad="reverse"),
    case("feature_alpha_dropout", lambda t, x: (dropouts(t).feature_alpha_dropout(x, 0.3, True), t.feature_alpha_dropout(x, 0.3, True), t.rand(1)), floats(4, 5, 2)),
    case("rrelu", lambda t, x: (dropouts(t).rrelu(x, 0.1, 0.3, training=True), dropouts(t).rrelu(x, 0.1, 0.3), t.rand(1)), floats(4, 5), grad="reverse"),
    case("rrelu in place", lambda t, x: (t.rrelu(x, 0.1, 0.3, True), t.rrelu_(x, 0.1, 0.3, True), x), floats(6)),
    case("gumbel_softmax", lambda t, x: (dropouts(t).gumbel_softmax(x), dropouts(t).gumbel_softmax(x, 0.5, dim=0), dropouts(t).gumbel_softmax(x, hard=True), t.rand(1)), floats(4, 5), grad="reverse"),
    # modules and initial values
    case("nn.Linear", lambda t: [list(p.detach().flatten()[:4].tolist()) for p in t.nn.Linear(5, 3).parameters()]),
    case("nn.Conv2d", lambda t: [list(p.detach().flatten()[:4].tolist()) for p in t.nn.Conv2d(2, 3, 3).parameters()]),
    case("nn.Dropout", lambda t, x: (t.nn.Dropout(0.3)(x), t.nn.Dropout(0.3).eval()(x)), floats(10)),
    *[
        case(f"init.{name}", lambda t, name=name, args=args: (getattr(t.nn.init, name)(t.empty(5, 4), *args), t.rand(1)))
        for name, args in {
            "uniform_": (-1, 2), "normal_": (1, 2), "xavier_uniform_": (), "xavier_normal_": (), "kaiming_uniform_": (), "kaiming_normal_": (),
        }.items()
    ],
    # in place through a view, and under no_grad
    case("a row is filled", lambda t: (lambda x: (x[1].normal_(), x))(t.zeros(3, 4))[1]),
    case("a parameter is filled under no_grad", lambda t: (lambda x: (t.no_grad()(lambda: x.uniform_())(), x.requires_grad))(t.zeros(3, requires_grad=True))),
    # refusals
    *[
        error(name, program, fragment=fragment)
        for name, (program, fragment) in {
            "randint of nothing": (lambda t: t.randint(3, 3, (2,)), "random_ expects 'from' to be less than 'to', but got from=3 >= to=3"),
            "randint out of bounds": (lambda t: t.randint(0, 200, (2,), dtype=t.int8), "to - 1 is out of bounds for signed char"),
            "randint below bounds": (lambda t: t.randint(-3, 2, (2,), dtype=t.uint8), "from is out of bounds for unsigned char"),
            "randint without a size": (lambda t: t.randint(0, 5), "argument 'size' .* must be tuple of ints"),
            "randint of complex": (lambda t: t.randint(10, (2,), dtype=t.complex64), "check_random_bounds handles only integral, floating-point and boolean types"),
            "randn of integers": (lambda t: t.randn(3, dtype=t.int64), "\"normal_kernel_cpu\" not implemented for 'Long'"),
            "rand of integers": (lambda t: t.rand(3, dtype=t.int64), "\"check_uniform_bounds\" not implemented for 'Long'"),
            "rand of a negative size": (lambda t: t.rand(-1), "Trying to create tensor with negative dimension -1"),
            "rand of a float": (lambda t: t.rand(2.0), "must be tuple of ints, not float"),
            "rand without a size": (lambda t: t.rand(), r"rand\(\) received an invalid combination of arguments"),
            "rand with no generator": (lambda t: t.rand(2, generator=3), r"rand\(\) received an invalid combination of arguments"),
            "randperm of a negative size": (lambda t: t.randperm(-1), "negative dimension -1"),
            "rand_like of integers": (lambda t: t.rand_like(t.zeros(2, dtype=t.int64)), "not implemented for 'Long'"),
            "randn_like of a list": (lambda t: t.randn_like([1]), "must be Tensor, not list"),
            "normal_ with a negative std": (lambda t: t.zeros(3).normal_(0, -1), "normal expects std >= 0.0, but found std -1"),
            "normal with a negative std": (lambda t: t.normal(t.zeros(3), t.tensor([-1.0])), "normal expects all elements of std >= 0.0"),
            "normal without a size": (lambda t: t.normal(0.0, 1.0), "invalid combination of arguments"),
            "normal of sizes that do not match": (lambda t: t.normal(t.zeros(3), t.ones(2)), r"size of tensor a \(3\) must match"),
            "uniform_ backwards": (lambda t: t.zeros(3).uniform_(2, 1), "found from=2 > to=1"),
            "uniform_ too wide": (lambda t: t.zeros(3).uniform_(-3e38, 3e38), "to exceed the limit"),
            "bernoulli_ above 1": (lambda t: t.zeros(3).bernoulli_(1.5), r"bernoulli_ expects p to be in \[0, 1\], but got p=1.5"),
            "bernoulli above 1": (lambda t: t.bernoulli(t.tensor([2.0])), "Expected p_in >= 0 && p_in <= 1 to be true"),
            "bernoulli of integers": (lambda t: t.bernoulli(t.tensor([1])), "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'"),
            "exponential_ of rate 0": (lambda t: t.zeros(3).exponential_(0), "exponential_ expects lambda > 0.0, but found lambda=0"),
            "exponential_ of integers": (lambda t: t.zeros(3, dtype=t.int64).exponential_(), "dtype must be a floating point but you specified Long"),
            "cauchy_ of width 0": (lambda t: t.zeros(3).cauchy_(0, -1), "cauchy_ expects sigma > 0.0, but found sigma=-1"),
            "log_normal_ of a negative std": (lambda t: t.zeros(3).log_normal_(0, -1), "log_normal_ expects std > 0.0, but found std=-1"),
            "geometric_ of 0": (lambda t: t.zeros(3).geometric_(0), r"geometric_ expects p to be in \(0, 1\), but got p=0"),
            "multinomial of integers": (lambda t: t.multinomial(t.tensor([1, 2]), 1), "only supports floating-point dtypes for input, got: Long"),
            "multinomial of too many": (lambda t: t.multinomial(t.tensor([1.0, 2.0]), 3), r"cannot sample n_sample > prob_dist.size\(-1\) samples without replacement"),
            "multinomial of none": (lambda t: t.multinomial(t.tensor([1.0, 2.0]), 0), "cannot sample n_sample <= 0 samples"),
            "multinomial of a negative weight": (lambda t: t.multinomial(t.tensor([-1.0, 2.0]), 1), "probability tensor contains either"),
            "multinomial of no weight": (lambda t: t.multinomial(t.zeros(2), 1), "invalid multinomial distribution"),
            "multinomial of a cube": (lambda t: t.multinomial(t.ones(2, 2, 2), 1), "prob_dist must be 1 or 2 dim"),
            "poisson of a negative rate": (lambda t: t.poisson(t.tensor([-1.0])), "expected rate to be non-negative"),
            "dropout above 1": (lambda t: dropouts(t).dropout(t.ones(2), 1.1), "dropout probability has to be between 0 and 1, but got 1.1"),
            "dropout of a leaf in place": (lambda t: dropouts(t).dropout(t.ones(2, requires_grad=True), 0.5, inplace=True), "leaf Variable that requires grad"),
            "dropout2d of a vector": (lambda t: dropouts(t).dropout2d(t.ones(2)), "Feature dropout requires at least 2 dimensions"),
            "dropout1d of a vector": (lambda t: dropouts(t).dropout1d(t.ones(2)), "dropout1d: Expected 2D or 3D input, but received a 1D input"),
            "a leaf is filled": (lambda t: t.zeros(2, requires_grad=True).normal_(), "leaf Variable that requires grad"),
            "a seed of 65 bits": (lambda t: t.manual_seed(2**64), "Overflow when unpacking long long"),
            "a state of another dtype": (lambda t: t.set_rng_state(t.zeros(4)), "RNG state must be a torch.ByteTensor"),
            "a state of another size": (lambda t: t.set_rng_state(t.zeros(4, dtype=t.uint8)), "of size 5056 but found the input RNG state size to be 4"),
            "no state": (lambda t: t.set_rng_state(t.zeros(5056, dtype=t.uint8)), "Invalid mt19937 state"),
        }.items()
    ],
    case("a draw that raises leaves the state", lambda t: (_attempts(t), t.rand(2))),
]


def _attempts(t: Any) -> list[str]:
    raised = []
    for attempt in (
        lambda: t.randint(3, 3, (2,)),
        lambda: t.zeros(2, dtype=t.int64).normal_(),
        lambda: t.multinomial(t.zeros(3), 1),
        lambda: t.zeros(3, requires_grad=True).normal_(),
        lambda: t.vmap(lambda x: t.rand(2))(t.zeros(2)),
    ):
        try:
            attempt()
        except Exception as e:
            raised.append(type(e).__name__)
    return raised
