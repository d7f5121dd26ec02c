"""Nonlinearities: values and slopes away from their kinks, at them, and for nan; softmax; refusals."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, case, error, floats, ints

# away from zero, at the kinks of every function here, and beyond
POINTS = [-25.0, -6.0, -3.0, -1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 3.0, 6.0, 25.0]

# name: calls of it, as arguments after the input
CALLS: dict[str, list[dict[str, Any]]] = {
    "relu": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.2}],
    "hardtanh": [{}, {"min_val": -0.5, "max_val": 1.5}],
    "relu6": [{}],
    "threshold": [{"threshold": 0.5, "value": 7.0}],
    "elu": [{}, {"alpha": 2.0}],
    "selu": [{}],
    "celu": [{}, {"alpha": 0.5}],
    "softplus": [{}, {"beta": 2.0, "threshold": 1.0}],
    "logsigmoid": [{}],
    "silu": [{}],
    "mish": [{}],
    "gelu": [{}, {"approximate": "tanh"}],
    "hardsigmoid": [{}],
    "hardswish": [{}],
    "hardshrink": [{}, {"lambd": 1.5}],
    "softshrink": [{}, {"lambd": 1.5}],
    "softsign": [{}],
    "tanhshrink": [{}],
    "sigmoid": [{}],
    "tanh": [{}],
}


def _program(name: str, options: dict[str, Any]) -> Any:
    return lambda t, x: getattr(t.nn.functional, name)(x, **options)


def _label(name: str, options: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{k}={v}' for k, v in options.items())})"


CASES: list[Row] = [
    case("normalize, a number", lambda t, x: t.nn.functional.normalize(x, p=1.2, dim=0), floats(), grad=True),
    *(
        case(_label(name, options), _program(name, options), POINTS, grad=True)
        for name, calls in CALLS.items()
        for options in calls
    ),
    *(
        case(f"{_label(name, calls[0])} of nan", _program(name, calls[0]), [float("nan"), 1.0], grad="reverse")
        for name, calls in CALLS.items()
    ),
    *(
        case(f"{_label(name, calls[0])}, float64", _program(name, calls[0]), floats(3, 4, dtype="float64"), grad=True)
        for name, calls in CALLS.items()
    ),
    *(
        case(f"{name} of integers", _program(name, {}), ints(4, low=-3))
        for name in ("relu", "hardtanh", "relu6", "sigmoid", "tanh", "softsign", "tanhshrink")
    ),
    *(
        error(f"{name} of integers", _program(name, {}), ints(4, low=-3), fragment="not implemented for 'Long'")
        for name in (
            "leaky_relu elu selu celu softplus logsigmoid silu mish gelu hardsigmoid hardswish hardshrink softshrink"
        ).split()
    ),
    # in place
    *(
        case(
            f"{name}_ writes its argument",
            lambda t, x, name=name: (getattr(t.nn.functional, f"{name}_")(x) is x, x),
            POINTS,
        )
        for name in ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh")
    ),
    case(
        "relu(inplace=True) writes its argument", lambda t, x: (t.nn.functional.relu(x, inplace=True) is x, x), POINTS
    ),
    case("Tensor.relu_", lambda t, x: (x.relu_(), x), POINTS),
    case("torch.relu and Tensor.relu", lambda t, x: (t.relu(x), x.relu()), POINTS, grad=True),
    case("torch.selu, celu, threshold", lambda t, x: (t.selu(x), t.celu(x, 0.5), t.threshold(x, 0.1, 3.0)), POINTS),
    error("relu of bools", lambda t, x: t.relu(x), [True, False], fragment="Boolean inputs not supported for relu"),
    error(
        "gelu, unknown approximation", lambda t, x: t.nn.functional.gelu(x, approximate="x"), POINTS, fragment="must be"
    ),
    # prelu and glu
    case("prelu, one slope", lambda t, x, w: t.nn.functional.prelu(x, w), POINTS, [0.25], grad="reverse"),
    case("prelu, a slope each", lambda t, x, w: t.prelu(x, w), floats(2, 3, 4), floats(3), grad=True),
    case("prelu as a method, scalar slope", lambda t, x: x.prelu(t.tensor(0.1)), floats(2, 3)),
    error("prelu, wrong number", lambda t, x, w: t.prelu(x, w), floats(2, 3), floats(2), fragment="channel size = 3"),
    case("glu", lambda t, x: t.nn.functional.glu(x), floats(2, 6), grad=True),
    case("glu, dim", lambda t, x: t.nn.functional.glu(x, 0), floats(4, 3), grad=True),
    error(
        "glu of an odd size", lambda t, x: t.nn.functional.glu(x), floats(3), fragment="Halving dimension must be even"
    ),
    # softmax
    *(
        case(
            f"{name}, dim {dim}",
            lambda t, x, name=name, dim=dim: getattr(t.nn.functional, name)(x, dim),
            floats(2, 3, 4),
            grad=True,
        )
        for name in ("softmax", "log_softmax", "softmin")
        for dim in (0, 1, -1)
    ),
    case("softmax, dtype", lambda t, x: t.softmax(x, 0, dtype=t.float64), floats(3), grad=True),
    case("softmax of integers with a dtype", lambda t, x: t.softmax(x, 0, dtype=t.float32), ints(3)),
    case("softmax of a number", lambda t, x: t.softmax(x.sum(), 0), floats(3)),
    case("softmax, dim by keyword, method", lambda t, x: (x.softmax(dim=-1), x.log_softmax(dim=0)), floats(2, 3)),
    case("softmax with infinities", lambda t, x: t.softmax(x, 1), [[float("-inf"), 0.0], [float("inf"), 1.0]]),
    case("softmax of -inf alone", lambda t, x: t.softmax(x, 0), [float("-inf"), float("-inf")]),
    case("softmax of nothing", lambda t, x: t.softmax(x, 1), floats(2, 0)),
    case("log_softmax with -inf", lambda t, x: t.log_softmax(x, 0), [float("-inf"), 0.0, 1.0]),
    case("log_softmax of large numbers", lambda t, x: t.log_softmax(x, 0), [1e4, 1e4 + 1, -1e4], grad=True),
    error("softmax of integers", lambda t, x: t.softmax(x, 0), ints(3), fragment="softmax_lastdim_kernel_impl"),
    error("softmax of integers, not last", lambda t, x: t.softmax(x, 0), ints(3, 2), fragment="softmax_kernel_impl"),
    error("softmax, dim out of range", lambda t, x: t.softmax(x, 2), floats(3, 2), fragment="Dimension out of range"),
    case("gumbel_softmax adds up to one", lambda t, x: t.nn.functional.gumbel_softmax(x).sum(-1), floats(2, 5)),
    # second derivatives
    *(
        case(
            f"hessian of {name}",
            lambda t, x, name=name: t.func.hessian(lambda x: getattr(t.nn.functional, name)(x).sum())(x),
            [-2.0, -0.6, 0.4, 1.7],
        )
        for name in (
            "relu elu selu celu softplus logsigmoid silu mish gelu hardswish softsign sigmoid tanh leaky_relu".split()
        )
    ),
    case("hessian of softmax", lambda t, x: t.func.hessian(lambda x: t.softmax(x, 0)[0])(x), floats(4)),
    case("vmap of softmax over columns", lambda t, x: t.func.vmap(lambda x: t.softmax(x, 0), 1, 1)(x), floats(3, 4)),
    case(
        "vmap of grad of gelu",
        lambda t, x: t.func.vmap(t.func.grad(lambda x: t.nn.functional.gelu(x).sum()))(x),
        floats(3, 4),
    ),
]
