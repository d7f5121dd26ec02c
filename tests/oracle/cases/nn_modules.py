"""Modules: registration, iterators, state, hooks, copies."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

from tests.oracle.case import Row, case, error, floats, right


def _net(t: Any) -> Any:
    """A module with something of everything."""

    class Net(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = t.nn.Parameter(t.ones(2))
            self.register_buffer("kept", t.zeros(2))
            self.register_buffer("scratch", t.zeros(1), persistent=False)
            self.register_parameter("absent", None)
            self.inner = t.nn.Linear(2, 2)
            self.same = self.inner
            self.tied = self.w

        def forward(self, x: Any) -> Any:
            return self.inner(x) * self.w + self.kept

    return Net()


def _names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def _set(attribute: str, value: Any) -> Any:
    return lambda t: setattr(_net(t), attribute, value(t))


def _before_init(make: Any) -> Any:
    def program(t: Any) -> Any:
        class Early(t.nn.Module):
            def __init__(self) -> None:
                self.x = make(t)

        return Early()

    return program


def _reassigned_buffer(t: Any) -> Any:
    net = _net(t)
    net.kept = t.ones(3)
    net.kept_as_parameter = t.nn.Parameter(t.ones(1))
    net.marked = t.nn.Buffer(t.ones(1), persistent=False)
    return _names(net.named_buffers()), list(net.state_dict()), net.kept


def _overwritten_kind(t: Any) -> Any:
    net = _net(t)
    net.kept = t.nn.Parameter(t.ones(1))
    net.inner = None
    return _names(net.named_parameters()), _names(net.named_buffers()), net.inner is None


REGISTRATION: list[Row] = [
    case(
        "iterators of names",
        lambda t: (
            lambda n: [
                _names(n.named_parameters()),
                _names(n.named_buffers()),
                _names(n.named_modules()),
                _names(n.named_children()),
                list(n.state_dict()),
            ]
        )(_net(t)),
    ),
    case(
        "iterators with duplicates",
        lambda t: (
            lambda n: [
                _names(n.named_parameters(remove_duplicate=False)),
                _names(n.named_modules(remove_duplicate=False)),
                _names(n.named_buffers(remove_duplicate=False)),
            ]
        )(_net(t)),
    ),
    case(
        "iterators with a prefix, this level only",
        lambda t: (
            lambda n: [
                _names(n.named_parameters("p", recurse=False)),
                _names(n.named_buffers("p", False)),
                _names(n.named_modules(prefix="p")),
            ]
        )(_net(t)),
    ),
    case(
        "numbers of things",
        lambda t: (
            lambda n: [
                len(list(n.parameters())),
                len(list(n.buffers())),
                len(list(n.modules())),
                len(list(n.children())),
            ]
        )(_net(t)),
    ),
    case("a buffer assigned anew", _reassigned_buffer),
    case("a parameter in the place of a buffer", _overwritten_kind),
    case(
        "get_submodule, get_parameter, get_buffer",
        lambda t: (
            lambda n: [
                repr(n.get_submodule("inner")),
                n.get_submodule("") is n,
                n.get_parameter("inner.weight") is n.inner.weight,
                n.get_buffer("kept"),
            ]
        )(_net(t)),
    ),
    case("set_submodule", lambda t: (lambda n: (n.set_submodule("inner", t.nn.ReLU()), repr(n.inner)))(_net(t))),
    case(
        "delattr",
        lambda t: (
            lambda n: (
                [delattr(n, k) for k in ("w", "inner", "kept")] and [_names(n.named_parameters()), list(n.state_dict())]
            )
        )(_net(t)),
    ),
    case(
        "dir has members and no digits",
        lambda t: [name in dir(t.nn.Sequential(t.nn.ReLU())) for name in ("training", "0", "forward", "add_module")],
    ),
    case("hasattr", lambda t: [hasattr(_net(t), name) for name in ("w", "inner", "kept", "nope", "absent")]),
    case(
        "isinstance",
        lambda t: [
            isinstance(_net(t).w, t.nn.Parameter),
            isinstance(_net(t).w, t.Tensor),
            isinstance(_net(t).kept, t.nn.Parameter),
        ],
    ),
    error("no such attribute", lambda t: t.nn.ReLU().nope, fragment="'ReLU' object has no attribute 'nope'"),
    error(
        "parameter name with a dot",
        lambda t: _net(t).register_parameter("a.b", None),
        fragment="parameter name can.*t contain",
    ),
    error(
        "parameter without a name", lambda t: _net(t).register_parameter("", None), fragment="can.*t be empty string"
    ),
    error(
        "parameter with a method's name",
        lambda t: _net(t).register_parameter("forward", None),
        fragment="attribute 'forward' already exists",
    ),
    error(
        "parameter that is a tensor",
        lambda t: _net(t).register_parameter("a", t.ones(2)),
        fragment=r"cannot assign 'torch.FloatTensor' object to parameter 'a' \(torch.nn.Parameter or None required\)",
    ),
    error(
        "parameter that is an int",
        lambda t: _net(t).register_parameter("a", 3),
        fragment="cannot assign 'int' object to parameter 'a'",
    ),
    error(
        "buffer name with a dot", lambda t: _net(t).register_buffer("a.b", None), fragment="buffer name can.*t contain"
    ),
    error(
        "buffer that is an int",
        lambda t: _net(t).register_buffer("a", 3),
        fragment="cannot assign 'int' object to buffer 'a'",
    ),
    error(
        "buffer name that is an int",
        lambda t: _net(t).register_buffer(3, None),
        fragment="buffer name should be a string. Got int",
    ),
    error("module that is an int", lambda t: _net(t).add_module("a", 3), fragment="int is not a Module subclass"),
    error(
        "module name with a dot",
        lambda t: _net(t).add_module("a.b", t.nn.ReLU()),
        fragment="module name can.*t contain",
    ),
    error(
        "module with a method's name",
        lambda t: _net(t).add_module("forward", t.nn.ReLU()),
        fragment="attribute 'forward' already exists",
    ),
    error(
        "tensor for a parameter",
        _set("w", lambda t: t.ones(2)),
        fragment=r"cannot assign 'torch.FloatTensor' as parameter 'w' \(torch.nn.Parameter or None expected\)",
    ),
    error("int for a parameter", _set("w", lambda t: 3), fragment="cannot assign 'int' as parameter 'w'"),
    error(
        "int for a buffer",
        _set("kept", lambda t: 3),
        fragment=r"cannot assign 'int' as buffer 'kept' \(torch.nn.Buffer, torch.Tensor or None expected\)",
    ),
    error(
        "int for a module",
        _set("inner", lambda t: 3),
        fragment=r"cannot assign 'int' as child module 'inner' \(torch.nn.Module or None expected\)",
    ),
    error(
        "parameter before __init__",
        _before_init(lambda t: t.nn.Parameter(t.ones(1))),
        fragment=r"cannot assign parameters before Module.__init__\(\) call",
    ),
    error(
        "module before __init__",
        _before_init(lambda t: t.nn.ReLU()),
        fragment=r"cannot assign module before Module.__init__\(\) call",
    ),
    error("get_submodule, none", lambda t: _net(t).get_submodule("inner.z"), fragment="Linear has no attribute `z`"),
    error("get_submodule of a parameter", lambda t: _net(t).get_submodule("w"), fragment="`w` is not an nn.Module"),
    error(
        "get_parameter of a buffer", lambda t: _net(t).get_parameter("kept"), fragment="`kept` is not an nn.Parameter"
    ),
    error("get_buffer of a parameter", lambda t: _net(t).get_buffer("w"), fragment="`w` is not a buffer"),
    error(
        "no forward",
        lambda t: t.nn.Module()(3),
        fragment=r'Module \[Module\] is missing the required "forward" function',
    ),
    error("arguments of Module", lambda t: t.nn.Module(3), fragment="takes 1 positional argument but 2 were given"),
    error("keywords of Module", lambda t: t.nn.Module(a=3), fragment="got an unexpected keyword argument 'a'"),
    error("mode that is no bool", lambda t: _net(t).train(3), fragment="training mode is expected to be boolean"),
]


def _loaded(t: Any, **changes: Any) -> Any:
    """load_state_dict of a linear layer's state, with entries changed, or removed where None."""
    state = t.nn.Linear(2, 3).state_dict()
    for name, value in changes.items():
        if value is None:
            del state[name]
        else:
            state[name] = value
    return state


def _load_into_view(t: Any) -> Any:
    """A state_dict shares values with the module."""
    layer = t.nn.Linear(2, 1)
    state = layer.state_dict()
    with t.no_grad():
        layer.weight.fill_(3.0)
    return state["weight"], state["weight"].requires_grad, layer.state_dict(keep_vars=True)["weight"] is layer.weight


def _hooked(t: Any, x: Any) -> Any:
    seen: list[str] = []
    layer = t.nn.Tanh()
    layer.register_forward_pre_hook(lambda m, args: seen.append("pre") or (args[0] * 2,))
    handle = layer.register_forward_hook(lambda m, args, out: seen.append("post") or out + 1)
    layer.register_forward_hook(lambda m, args, out: seen.append("first"), prepend=True)
    layer.register_forward_hook(lambda m, args, kwargs, out: seen.append(str(sorted(kwargs))), with_kwargs=True)
    first = layer(x)
    handle.remove()
    return first, layer(x), seen


def _always(t: Any, x: Any) -> Any:
    seen: list[str] = []
    layer = t.nn.Linear(3, 1)
    layer.register_forward_hook(lambda m, args, out: seen.append("always"), always_call=True)
    layer.register_forward_hook(lambda m, args, out: seen.append("not"))
    try:
        layer(x)
    except RuntimeError:
        seen.append("raised")
    return seen


def _pre_with_kwargs(t: Any, x: Any) -> Any:
    class Scale(t.nn.Module):
        def forward(self, x: Any, by: Any = 1) -> Any:
            return x * by

    layer = Scale()
    with layer.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": 5}), with_kwargs=True):
        inside = layer(x, by=2)
    return inside, layer(x, by=2)


def _applied(t: Any) -> Any:
    order: list[str] = []
    t.nn.Sequential(t.nn.Linear(1, 1), t.nn.Sequential(t.nn.ReLU())).apply(lambda m: order.append(type(m).__name__))
    return order


def _copied(t: Any, x: Any) -> Any:
    layer = t.nn.Sequential(t.nn.Linear(3, 2), t.nn.BatchNorm1d(2))
    layer[0].tied = layer[0].weight
    twin = copy.deepcopy(layer)
    with t.no_grad():
        layer[0].weight.zero_()
    return twin(x), twin[0].tied is twin[0].weight, type(twin[0].weight).__name__, twin[0].weight.requires_grad


def _pickled(t: Any, x: Any) -> Any:
    layer = t.nn.Sequential(OrderedDict(a=t.nn.Linear(3, 2), b=t.nn.BatchNorm1d(2), c=t.nn.ReLU(True)))
    layer.a.weight.requires_grad = False
    twin = pickle.loads(pickle.dumps(layer))
    return repr(twin), twin(x), [p.requires_grad for p in twin.parameters()]


STATE: list[Row] = [
    case(
        "load_state_dict",
        lambda t: (lambda a, b: (str(a.load_state_dict(b.state_dict())), a.weight, b.weight))(
            t.nn.Linear(2, 3), t.nn.Linear(2, 3)
        ),
    ),
    case(
        "load_state_dict, not strict",
        lambda t: str(t.nn.Linear(2, 3).load_state_dict({"weight": t.ones(3, 2), "zz": t.ones(1)}, strict=False)),
    ),
    case(
        "load_state_dict, assign",
        lambda t: (
            lambda m, w: (
                m.load_state_dict({"weight": w, "bias": t.ones(3)}, assign=True),
                m.weight,
                type(m.weight).__name__,
                m.weight.dtype,
            )[1:]
        )(t.nn.Linear(2, 3), t.ones(3, 2, dtype=t.float64)),
    ),
    case(
        "load_state_dict casts",
        lambda t: (
            lambda m: (m.load_state_dict({"weight": t.ones(3, 2, dtype=t.float64), "bias": t.ones(3)}), m.weight)[1]
        )(t.nn.Linear(2, 3)),
    ),
    case("a state_dict shares values", _load_into_view),
    case("state_dict with a prefix", lambda t: list(t.nn.Linear(1, 1).state_dict(prefix="p."))),
    case("metadata", lambda t: dict(t.nn.Sequential(t.nn.Linear(1, 1), t.nn.BatchNorm1d(1)).state_dict()._metadata)),
    case(
        "batch norm from before the count",
        lambda t: str(
            t.nn.BatchNorm1d(1).load_state_dict(
                {k: t.ones(1) for k in ("weight", "bias", "running_mean", "running_var")}
            )
        ),
    ),
    error(
        "missing, unexpected and misshapen",
        lambda t: t.nn.Linear(2, 3).load_state_dict(_loaded(t, weight=t.ones(2), bias=None, zz=t.ones(1))),
        fragment=r'Error\(s\) in loading state_dict for Linear:\n\tMissing key\(s\) in state_dict: "bias"\. \n\tUnexpected key\(s\) in state_dict: "zz"\. \n\tsize mismatch for weight: copying a param with shape torch.Size\(\[2\]\) from checkpoint, the shape in current model is torch.Size\(\[3, 2\]\)',
    ),
    error(
        "state that is no tensor",
        lambda t: t.nn.Linear(2, 3).load_state_dict(_loaded(t, weight=3), strict=False),
        fragment='While copying the parameter named "weight"',
    ),
    error(
        "state that is no dict",
        lambda t: t.nn.Linear(2, 3).load_state_dict(3),
        fragment="Expected state_dict to be dict-like",
    ),
    case("train, eval", lambda t: (lambda n: [n.training, n.eval().inner.training, n.train().inner.training])(_net(t))),
    case("requires_grad_", lambda t: [p.requires_grad for p in _net(t).requires_grad_(False).parameters()]),
    case("apply, innermost first", _applied),
    case(
        "double, half, float, bfloat16",
        lambda t: (lambda n: [n.double().w.dtype, n.half().kept.dtype, n.bfloat16().w.dtype, n.float().w.dtype])(
            _net(t)
        ),
    ),
    case(
        "to a dtype leaves integers alone",
        lambda t: (lambda m: [m.weight.dtype, m.num_batches_tracked.dtype])(t.nn.BatchNorm1d(2).to(t.float64)),
    ),
    case(
        "to keeps parameters' identity",
        lambda t: (lambda m, w: m.double().weight is w and w.dtype)(*(lambda m: (m, m.weight))(t.nn.Linear(1, 1))),
    ),
    case(
        "to(device), to(device, dtype), cpu",
        lambda t: (
            lambda m: [m.to("cpu").weight.dtype, m.to("cpu", t.float64).weight.dtype, m.cpu().weight.device.type]
        )(t.nn.Linear(1, 1)),
    ),
    error(
        "to an integer dtype",
        lambda t: _net(t).to(t.int32),
        fragment="nn.Module.to only accepts floating point or complex dtypes",
    ),
    case("hooks", _hooked, floats(3)),
    case("hooks that are always called", _always, floats(2)),
    case("pre-hook with keywords, as a block", _pre_with_kwargs, floats(3)),
    case("deepcopy", _copied, floats(4, 3)),
    case("pickle", _pickled, floats(4, 3)),
    case(
        "Parameter is printed",
        lambda t: (
            repr(t.nn.Parameter(t.ones(2))),
            str(t.nn.Parameter(t.ones(2), requires_grad=False)),
            repr(t.nn.Parameter()),
        ),
    ),
    error(
        "Parameter of integers",
        lambda t: t.nn.Parameter(t.ones(2, dtype=t.int64)),
        fragment="Only Tensors of floating point and complex dtype can require gradients",
    ),
]


def _without_warnings(fn: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fn()


CALLS: list[Row] = [
    case(
        "stateless.functional_call",
        lambda t, x: _without_warnings(
            lambda: t.nn.utils.stateless.functional_call(t.nn.Linear(3, 2), {"weight": t.ones(2, 3)}, x)
        ),
        floats(4, 3),
    ),
    right(
        "functional_call of a module that hangs at two places",
        lambda t: (
            lambda s: (
                (t.func.functional_call(t.nn.Sequential(s, s), {"0.weight": t.zeros(2, 2)}, t.ones(2)), s.weight.sum())[
                    1
                ]
                != 0
            )
        )(t.nn.Linear(2, 2)),
        expected=True,
        why="PyTorch puts the given tensor into the module for good: it restores the two names of one place in turn",
    ),
]

CASES: list[Row] = [*REGISTRATION, *STATE, *CALLS]
