"""What programs call around their tensors: autocast, lists of tensors, `torch.compile`, `torch.jit` and their kin."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from tests.oracle.case import case, error, floats, right


def module(t: Any, name: str) -> Any:
    """torch.<name> of whichever torch `t` is."""
    return importlib.import_module(f"{t.__name__}.{name}")


def quietly(f: Any) -> Any:
    """What `f` gives, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f()


def cast(t: Any, f: Any, *args: Any, dtype: Any = None) -> Any:
    with t.autocast("cpu", dtype=dtype):
        return f(*args)


POSITIVE = floats(4, 4, low=0.25, high=0.75)
F16 = "bfloat16 keeps 8 bits"
BF: Any = {"rtol": 2e-2, "atol": 2e-2, "reason": F16}

LOWER = {  # ops that run in bfloat16
    "mm": lambda t, x: x.mm(x),
    "@": lambda t, x: x @ x[0],
    "addmm": lambda t, x: t.addmm(x, x, x),
    "linear": lambda t, x: t.nn.functional.linear(x, x, x[0]),
    "einsum": lambda t, x: t.einsum("ij,jk->ik", x, x),
    "conv1d": lambda t, x: t.nn.functional.conv1d(x[None], x[:2, :, None]),
    "conv_transpose1d": lambda t, x: t.nn.functional.conv_transpose1d(x[None], x[:, :2, None]),
    "tensordot": lambda t, x: t.tensordot(x, x, 1),
    "attention": lambda t, x: t.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
}
AS_GIVEN = {  # ops that run in what they are given
    "dot": lambda t, x: x[0].dot(x[1]),
    "exp": lambda t, x: x.exp(),
    "softmax": lambda t, x: x.softmax(0),
    "sum": lambda t, x: x.sum(),
    "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (4,)),
    "+": lambda t, x: x + x,
    "gelu": lambda t, x: t.nn.functional.gelu(x),
}
WIDE = {  # ops that run in float32
    "mse_loss": lambda t, x: t.nn.functional.mse_loss(x, x.T),
    "cross_entropy": lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 1, 2, 3])),
    "binary_cross_entropy": lambda t, x: t.nn.functional.binary_cross_entropy(x, x),
    "cdist": lambda t, x: t.cdist(x, x.T),
    "prod": lambda t, x: x.prod(),
    "trace": lambda t, x: x.trace(),
    "inverse": lambda t, x: (x + t.eye(4, dtype=x.dtype)).inverse(),
    "fft": lambda t, x: t.fft.fft(x),
    "quantile": lambda t, x: x.quantile(0.5),
}


def scaled(t: Any, x: Any) -> Any:
    scaler = t.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    return scaler.scale([x, (x * 2,)]), scaler.get_scale(), scaler.state_dict(), scaler.is_enabled()


class Parameters:
    """As much of an optimizer as a scaler looks at."""

    def __init__(self, *parameters: Any) -> None:
        self.param_groups = [{"params": parameters}]

    def step(self) -> None:
        for p in self.param_groups[0]["params"]:
            p.data = p.data - p.grad


class SGD:
    """An optimizer, for a scaler: a real one in PyTorch."""

    def __new__(cls, t: Any, parameters: Any) -> Any:
        try:
            return module(t, "optim").SGD(parameters, lr=1.0)
        except ImportError:
            return Parameters(*parameters)


def steps(t: Any, *gradients: float) -> Any:
    p = t.nn.Parameter(t.tensor([1.0, 2.0]))
    optimizer = SGD(t, [p])
    scaler = t.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    told = [scaler.scale(p.detach().clone())]
    for g in gradients:
        p.grad = t.tensor([g, 1.0])
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        told.append((p.grad.clone(), p.detach().clone(), scaler.get_scale()))
        scaler.update()
    return told, scaler.get_scale()


FOREACH = {
    "unary": lambda t, x, y: [t._foreach_exp([x, y]), t._foreach_neg((x, y)), t._foreach_sqrt([x.abs(), y.abs()])],
    "add": lambda t, x, y: [
        t._foreach_add([x, y], 2),
        t._foreach_add([x, y], [y, x]),
        t._foreach_add([x, y], [1, 2.5]),
        t._foreach_add([x, y], [y, x], alpha=3),
        t._foreach_add([x, y], t.tensor(2.0)),
    ],
    "sub, mul, div": lambda t, x, y: [
        t._foreach_sub([x, y], [y, x], alpha=2),
        t._foreach_mul([x, y], 2.0),
        t._foreach_div([x, y], [2.0, 4.0]),
    ],
    "pow": lambda t, x, y: [t._foreach_pow([x, y], 2), t._foreach_pow(2.0, [x, y])],
    "maximum, clamp": lambda t, x, y: [
        t._foreach_maximum([x, y], [y, x]),
        t._foreach_maximum([x, y], 0.1),
        t._foreach_clamp_max([x, y], 0.1),
        t._foreach_clamp_min([x, y], [0.1, 0.2]),
    ],
    "addcmul, addcdiv": lambda t, x, y: [
        t._foreach_addcmul([x, y], [y, x], [x, y], value=2),
        t._foreach_addcdiv([x], [y], [x.exp()], [0.5]),
        t._foreach_addcmul([x, y], [y, x], [x, y], t.tensor([1.0, 2.0])),
    ],
    "lerp, norm": lambda t, x, y: [t._foreach_lerp([x], [y], 0.25), t._foreach_norm([x, y]), t._foreach_norm([x], 1)],
}


def in_place(t: Any, x: Any, y: Any) -> Any:
    x, y = x.clone(), y.clone()
    t._foreach_mul_([x, y], [y, x])
    t._foreach_add_([x, y], 1, )
    t._foreach_addcdiv_([x], [y], [x.exp()], value=-0.5)
    t._foreach_lerp_([y], [x], 0.5)
    z = [t.ones(3), t.ones(3)]
    t._foreach_copy_(z, [x, y])
    t._foreach_zero_([z[1]])
    return x, y, z


def compiled(t: Any, x: Any) -> Any:
    @t.compile(backend="eager", fullgraph=True)
    def f(x: Any) -> Any:
        return x.sin() + 1

    linear = t.nn.Linear(3, 2)
    return f(x), t.compile(lambda x: x * 2, backend="eager", dynamic=True)(x), t.compile(linear, backend="eager")(x)


def scripted(t: Any, x: Any) -> Any:
    jit = module(t, "jit")

    @jit.unused
    def g(x: Any) -> Any:
        return x + 1

    @jit.ignore(drop=True)
    def h(x: Any) -> Any:
        return x + 2

    traced = quietly(lambda: jit.trace(lambda x: x.sin(), (x,)))
    return traced(x), g(x), h(x), jit.is_scripting(), jit.is_tracing(), jit.annotate(int, 3), jit.wait(jit.fork(g, x))


def custom(t: Any, x: Any) -> Any:
    @module(t, "library").custom_op(f"functorch_jax_rows{t.__name__.count('_')}::twice", mutates_args=())
    def twice(x: t.Tensor) -> t.Tensor:  # type: ignore[name-defined]
        return x * 2

    twice.register_fake(lambda x: x)
    return twice(x)


def data_parallel(t: Any, x: Any) -> Any:
    model = quietly(lambda: t.nn.DataParallel(t.nn.Linear(3, 2)))
    return model(x), list(model.state_dict()), type(model.module).__name__


def conv_derivatives(t: Any, x: Any, w: Any) -> Any:
    y = t.nn.functional.conv1d(x, w, padding=1)
    grad = module(t, "nn.grad")
    return grad.conv1d_input(x.shape, w, y, padding=1), grad.conv1d_weight(x, w.shape, y, padding=1)


CASES = [
    *[case(f"autocast to bfloat16: {n}", lambda t, x, f=f: cast(t, f, t, x), POSITIVE, **BF) for n, f in LOWER.items()],
    *[case(f"autocast leaves as given: {n}", lambda t, x, f=f: cast(t, f, t, x), POSITIVE) for n, f in AS_GIVEN.items()],
    *[
        case(f"autocast to float32: {n}", lambda t, x, f=f: cast(t, f, t, x.bfloat16()), POSITIVE)
        for n, f in WIDE.items()
    ],
    case("autocast to float16", lambda t, x: cast(t, lambda: x @ x, dtype=t.float16), POSITIVE, **BF),
    case("autocast leaves float64 alone", lambda t, x: cast(t, lambda: x.double() @ x.double()), POSITIVE),
    case("autocast: cat takes the widest", lambda t, x: cast(t, lambda: t.cat([x, x.bfloat16()])), POSITIVE),
    case("autocast carries derivatives", lambda t, x: cast(t, lambda: (x @ x).float()), POSITIVE, grad="reverse", **BF),
    case(
        "autocast regions nest",
        lambda t, x: cast(t, lambda: [(x @ x).dtype, t.autocast("cpu", enabled=False)(lambda: (x @ x).dtype)(), (x @ x).dtype]),
        POSITIVE,
    ),
    case(
        "what a region says of itself",
        lambda t: [
            t.is_autocast_enabled("cpu"),
            t.get_autocast_dtype("cpu"),
            cast(t, lambda: [t.is_autocast_enabled("cpu"), t.is_autocast_enabled("cuda"), t.get_autocast_dtype("cpu")]),
            t.is_autocast_enabled("cpu"),
            t.amp.is_autocast_available("cpu"),
        ],
    ),
    case("autocast for an absent GPU does nothing", lambda t, x: quietly(lambda: t.autocast("cuda")(lambda: x @ x)()), POSITIVE),
    error("autocast: device of another kind", lambda t: t.autocast("opencl", dtype=t.bfloat16), fragment="unsupported autocast device_type"),
    error("autocast: no device", lambda t: t.autocast(t.float16), fragment="Expected `device_type` of type `str`"),
    case("GradScaler scales", scaled, floats(2)),
    case("GradScaler grows", lambda t: steps(t, 1.0, 2.0, 3.0)),
    case("GradScaler skips an overflow", lambda t: steps(t, 1.0, float("inf"), 3.0)),
    error("GradScaler: update before a step", lambda t: t.amp.GradScaler("cpu").update(), fragment="Attempted update but"),
    error("GradScaler: no growth", lambda t: t.amp.GradScaler("cpu", growth_factor=1.0), fragment="must be > 1.0"),
    *[case(f"_foreach: {n}", f, floats(3), floats(3)) for n, f in FOREACH.items()],
    case("_foreach, differentiated", lambda t, x, y: list(t._foreach_mul([x, y], [y, x])), floats(3), floats(3), grad=True),
    case("_foreach in place", in_place, floats(3), floats(3)),
    error("_foreach: lists of different lengths", lambda t, x: t._foreach_add([x, x], [x]), floats(3), fragment="same number of tensors, got 2 and 1"),
    error("_foreach: too few numbers", lambda t, x: t._foreach_add([x, x], [1.0]), floats(3), fragment="same number of elements as scalar list"),
    error("_foreach: an empty list", lambda t: t._foreach_exp([]), fragment="at least one tensor"),
    error("_foreach: no list", lambda t, x: t._foreach_exp(x), floats(3), fragment="_foreach_exp"),
    case("compile", compiled, floats(3)),
    error("compile: mode and options", lambda t: t.compile(lambda x: x, mode="default", options={"a": 1}), fragment="Either mode or options"),
    case("compiler and dynamo", lambda t, x: [module(t, "compiler").is_compiling(), module(t, "_dynamo").reset(), module(t, "compiler").disable(lambda x: x + 1)(x)], floats(3)),
    case("jit's harmless names", scripted, floats(3)),
    case("_assert_async passes", lambda t: t._assert_async(t.tensor(1.0))),
    error("_assert_async fails", lambda t: t._assert_async(t.tensor(0.0)), fragment="nonzero value, but got zero"),
    error("_assert_async with words", lambda t: t._assert_async(t.tensor(False), "not so"), fragment="not so"),
    case("deterministic debug modes", lambda t: [t.set_deterministic_debug_mode("warn"), t.get_deterministic_debug_mode(), t.set_deterministic_debug_mode(0), t.get_deterministic_debug_mode()]),
    error("a deterministic debug mode that is none", lambda t: t.set_deterministic_debug_mode(5), fragment="invalid value of debug_mode"),
    case("warnings that are always given", lambda t: [t.is_warn_always_enabled(), t.set_warn_always(False), t.is_vulkan_available()]),
    case("get_device", lambda t, x: t.get_device(x), floats(3)),
    case("record_function", lambda t, x: module(t, "profiler").record_function("here")(lambda: x * 2)(), floats(3)),
    case("DataParallel", data_parallel, floats(4, 3)),
    case("derivatives of a convolution", conv_derivatives, floats(2, 3, 8), floats(4, 3, 3)),
    case("conv_tbc", lambda t, x, w, b: t.conv_tbc(x, w, b, 1), floats(6, 2, 3), floats(3, 3, 4), floats(4), grad="reverse"),
    error("conv_tbc: two axes", lambda t, x: t.conv_tbc(x, x, x), floats(3, 3), fragment="must have 3 dims"),
    case("lobpcg", lambda t, x: t.lobpcg(x @ x.T, k=2, niter=500, tol=1e-9)[0], floats(8, 8), rtol=1e-3, reason="PyTorch iterates in float32"),
    error("lobpcg: too small", lambda t, x: t.lobpcg(x @ x.T, k=2), floats(4, 4), fragment="smaller than 3 x"),
    case("resize, the older spelling", lambda t, x: quietly(lambda: [x.resize(2, 3), x.resize_as(t.ones(3, 2))]), floats(6)),
    error("a method that PyTorch dropped", lambda t, x: x.solve(x), floats(2, 2), fragment="was deprecated since version 1.9 and is now removed"),
    case("overriding is asked of the program's own classes", lambda t, x: [module(t, "overrides").has_torch_function((x,)), module(t, "overrides").is_tensor_like(x), t.nn.functional.has_torch_function_unary(3)], floats(2)),
    case("versions", lambda t: [t.version.cuda, t.version.hip, t.version.debug]),
    case("cuda, where there is none", lambda t: [t.cuda.is_available(), t.cuda.device_count(), issubclass(t.cuda.OutOfMemoryError, RuntimeError), t.OutOfMemoryError is t.cuda.OutOfMemoryError]),
    error("cuda: properties of no GPU", lambda t: t.cuda.get_device_properties(0), fragment="not compiled with CUDA"),
    right(
        "a custom op is differentiated through its body",
        lambda t, x: module(t, "func").grad(lambda x: custom(t, x).sum())(x) if "functorch" in t.__name__ else custom(t, x) * 0 + 2,
        floats(3),
        expected=[2.0, 2.0, 2.0],
        why="PyTorch asks for a registered derivative",
    ),
]  # fmt: skip
