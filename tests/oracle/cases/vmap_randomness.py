"""What `randomness=` of vmap means for every random operation, alone and nested, and for jacfwd, grad and jvp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.case import Row, case, error, floats, right, values

ERROR = "called random operation while in randomness error mode"
UNBATCHED = "different inplace randomness on an unbatched tensor"
SAME = "Vmap does not currently support same randomness with a batched tensor input"
ROWS = floats(3, 4, low=0.1, high=0.9)


def nn(t: Any) -> Any:
    return t.nn.functional


FREE: dict[str, Callable[..., Any]] = {  # what every row may share
    "rand": lambda t, x: x + t.rand(4),
    "rand, nothing mapped": lambda t, x: t.rand(2),
    "randn": lambda t, x: t.randn(20),
    "randn of float64": lambda t, x: t.randn(3, dtype=t.float64),
    "randint": lambda t, x: t.randint(0, 9, (4,)),
    "randperm": lambda t, x: t.randperm(5),
    "rand_like": lambda t, x: t.rand_like(x),
    "randn_like": lambda t, x: t.randn_like(x) * x,
    "randint_like": lambda t, x: t.randint_like(x, 7),
    "normal of numbers": lambda t, x: t.normal(1.0, 2.0, (3,)),
    "bernoulli, not mapped": lambda t, x: t.bernoulli(t.full((3,), 0.5)),
    "multinomial, not mapped": lambda t, x: t.multinomial(t.ones(4), 2),
    "multinomial with replacement, not mapped": lambda t, x: t.multinomial(t.ones(4), 6, True),
    "poisson, not mapped": lambda t, x: t.poisson(t.full((3,), 4.0)),
    "normal of a tensor, not mapped": lambda t, x: t.normal(t.zeros(3), 1.0),
    "dropout": lambda t, x: nn(t).dropout(x, 0.5),
    "dropout, not mapped": lambda t, x: nn(t).dropout(t.ones(4), 0.5),
    "alpha_dropout": lambda t, x: nn(t).alpha_dropout(x, 0.5, True),
    "dropout1d": lambda t, x: nn(t).dropout1d(x.reshape(2, 2)),
    "nn.Dropout": lambda t, x: t.nn.Dropout(0.5)(x),
    "gumbel_softmax": lambda t, x: nn(t).gumbel_softmax(x, dim=-1),
    "normal_": lambda t, x: x.clone().normal_(),
    "uniform_": lambda t, x: x.clone().uniform_(-1, 1),
    "exponential_": lambda t, x: x.clone().exponential_(),
    "random_": lambda t, x: x.clone().random_(10),
    "cauchy_": lambda t, x: x.clone().cauchy_(),
    "log_normal_": lambda t, x: x.clone().log_normal_(),
    "geometric_": lambda t, x: x.clone().geometric_(0.3),
    "bernoulli_ of a number": lambda t, x: x.clone().bernoulli_(0.5),
}
MAPPED: dict[str, Callable[..., Any]] = {  # whose distribution is mapped
    "bernoulli": lambda t, x: t.bernoulli(x),
    "multinomial": lambda t, x: t.multinomial(x, 2),
    "multinomial with replacement": lambda t, x: t.multinomial(x, 5, True),
    "normal by mean": lambda t, x: t.normal(x, 1.0),
    "normal by std": lambda t, x: t.normal(0.0, x),
    "normal by both": lambda t, x: t.normal(t.zeros(4), x),
    "poisson": lambda t, x: t.poisson(x * 10),
    "binomial": lambda t, x: t.binomial(x * 0 + 10, x),
}
IN_PLACE = {"normal_", "uniform_", "exponential_", "random_", "cauchy_", "log_normal_", "geometric_", "bernoulli_ of a number", "gumbel_softmax"}


def mapped(t: Any, program: Callable[..., Any], rows: Any, randomness: str, **options: Any) -> Any:
    """The result of a vmap, and the number that is drawn after it."""
    return t.vmap(lambda x: program(t, x), randomness=randomness, **options)(rows), t.rand(1)


def nested(t: Any, program: Callable[..., Any], rows: Any, outer: str, inner: str) -> Any:
    def row(x: Any) -> Any:
        return t.vmap(lambda y: program(t, y), randomness=inner)(t.stack([x, x / 2]))

    return t.vmap(row, randomness=outer)(rows), t.rand(1)


PAIRS = [("same", "same"), ("same", "different"), ("different", "same"), ("different", "different")]

CASES: list[Row] = [
    *[
        case(f"{name}: {rule}", lambda t, x, p=program, r=rule: mapped(t, p, x, r), ROWS)
        for name, program in FREE.items()
        for rule in ("same", "different")
    ],
    *[case(f"{name}: different", lambda t, x, p=program: mapped(t, p, x, "different"), ROWS) for name, program in MAPPED.items()],
    *[error(f"{name}: error", lambda t, x, p=program: mapped(t, p, x, "error"), ROWS, fragment=ERROR) for name, program in (FREE | MAPPED).items()],
    *[error(f"{name}: same", lambda t, x, p=program: mapped(t, p, x, "same"), ROWS, fragment=SAME) for name, program in MAPPED.items()],
    # in place on what is not mapped
    *[
        error(f"{name} on what is not mapped: different", lambda t, x, name=name: mapped(t, lambda t, x: getattr(t.zeros(3), name)(), x, "different"), ROWS, fragment=UNBATCHED)
        for name in ("normal_", "uniform_", "random_", "exponential_")
    ],
    case("normal_ on what is not mapped: same", lambda t, x: mapped(t, lambda t, x: t.zeros(3).normal_(), x, "same"), ROWS),
    error("normal_ on what is not mapped: error", lambda t, x: mapped(t, lambda t, x: t.zeros(3).normal_(), x, "error"), ROWS, fragment=ERROR),
    # what draws nothing
    *[
        case(f"{name} draws nothing", lambda t, x, p=program: mapped(t, p, x, "error"), ROWS)
        for name, program in {
            "dropout of 0": lambda t, x: nn(t).dropout(x, 0.0),
            "dropout of 1": lambda t, x: nn(t).dropout(x, 1.0),
            "dropout, not training": lambda t, x: nn(t).dropout(x, 0.5, training=False),
            "nn.Dropout in eval": lambda t, x: t.nn.Dropout(0.5).eval()(x),
        }.items()
    ],
    # nested
    *[
        case(f"nested, {outer} around {inner}: {name}", lambda t, x, p=program, o=outer, i=inner: nested(t, p, x, o, i), ROWS)
        for name, program in FREE.items()
        for outer, inner in PAIRS
        if name in ("rand", "rand, nothing mapped", "randperm", "dropout", "bernoulli, not mapped", "multinomial, not mapped", "normal_")
        and not (name in IN_PLACE and (outer, inner) == ("different", "same"))
    ],
    *[
        case(f"nested, different around different: {name}", lambda t, x, p=program: nested(t, p, x, "different", "different"), ROWS)
        for name, program in MAPPED.items()
    ],
    *[
        error(f"nested, {outer} around {inner}", lambda t, x, o=outer, i=inner: nested(t, FREE["rand"], x, o, i), ROWS, fragment=ERROR)
        for outer, inner in (("error", "same"), ("error", "different"), ("same", "error"), ("different", "error"))
    ],
    right("nested, different around different: bernoulli_ of a number",
          lambda t: t.vmap(t.vmap(lambda x: x.clone().bernoulli_(0.5), randomness="different"), randomness="different")(t.zeros(2, 2, 3)),
          expected=[[[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]], why="PyTorch calls the tensor unbatched, which it is not"),
    # chunks, generators and streams
    case("chunks of one are a loop", lambda t, x: mapped(t, FREE["rand"], x, "different", chunk_size=1), ROWS),
    case("chunks", lambda t, x: mapped(t, FREE["rand"], x, "different", chunk_size=2), ROWS),
    case("a generator", lambda t, x: (lambda g: (t.vmap(lambda x: x + t.rand(4, generator=g), randomness="different")(x), t.rand(1, generator=g), t.rand(1)))(t.Generator().manual_seed(3)), ROWS),
    case("different draws the batch in one go", lambda t, x: (t.vmap(lambda x: t.randn(6), randomness="different")(x), t.manual_seed(0), t.randn(3, 6))[::2], ROWS),
    case("mapped over another axis", lambda t, x: (t.vmap(lambda x: x * t.rand(3), in_dims=1, out_dims=1, randomness="different")(x), t.rand(1)), ROWS),
    case("not mapped, out_dims None: same", lambda t, x: t.vmap(lambda x: t.rand(2), out_dims=None, randomness="same")(x), ROWS),
    # other transforms
    case("under grad", lambda t, x: (t.func.grad(lambda x: (x * t.rand(3, 4)).sum())(x), t.rand(1)), ROWS),
    case("dropout under grad", lambda t, x: (t.func.grad(lambda x: nn(t).dropout(x).sum())(x), t.rand(1)), ROWS),
    case("under jvp", lambda t, x: (t.func.jvp(lambda x: x * t.randn_like(x), (x,), (x,)), t.rand(1)), ROWS),
    case("under jacrev", lambda t, x: (t.func.jacrev(lambda x: x * t.rand(4))(x[0]), t.rand(1)), ROWS),
    case("under jacfwd: same", lambda t, x: (t.func.jacfwd(lambda x: x * t.rand(4), randomness="same")(x[0]), t.rand(1)), ROWS),
    case("under jacfwd: different", lambda t, x: (t.func.jacfwd(lambda x: x * nn(t).dropout(t.ones(4)), randomness="different")(x[0]), t.rand(1)), ROWS),
    case("dropout under jvp and grad", lambda t, x: (t.func.jvp(t.func.grad(lambda x: nn(t).dropout(x).pow(2).sum()), (x,), (x,)), t.rand(1)), ROWS),
    case("vmap of jvp: different", lambda t, x: (t.vmap(lambda x: t.func.jvp(lambda x: nn(t).dropout(x), (x,), (x,)), randomness="different")(x), t.rand(1)), ROWS),
    error("under jacfwd: error", lambda t, x: t.func.jacfwd(lambda x: x * t.rand(4))(x[0]), ROWS, fragment=ERROR),
    error("under hessian", lambda t, x: t.func.hessian(lambda x: (x * t.rand(4)).sum())(x[0]), ROWS, fragment=ERROR),
    case("vmap of grad: different", lambda t, x: (t.vmap(t.func.grad(lambda x: nn(t).dropout(x).sum()), randomness="different")(x), t.rand(1)), ROWS),
    case("vmap of grad: same", lambda t, x: (t.vmap(t.func.grad(lambda x: nn(t).dropout(x).sum()), randomness="same")(x), t.rand(1)), ROWS),
    case("grad of vmap: different", lambda t, x: (t.func.grad(lambda x: t.vmap(nn(t).dropout, randomness="different")(x).sum())(x), t.rand(1)), ROWS),
    error("vmap of grad: error", lambda t, x: t.vmap(t.func.grad(lambda x: nn(t).dropout(x).sum()))(x), ROWS, fragment=ERROR),
    # where PyTorch fails
    right("rrelu: different", lambda t, x: t.vmap(lambda x: nn(t).rrelu(x, 0.25, 0.25, training=True), randomness="different")(x),
          values([[1.0, -4.0], [-8.0, 2.0]]), expected=[[1.0, -1.0], [-2.0, 2.0]], why="PyTorch has no batching rule of rrelu"),
    case("the rule is checked even of an empty draw", lambda t, x: t.vmap(lambda x: t.rand(0), randomness="same")(x), ROWS),
]
