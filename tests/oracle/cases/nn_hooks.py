"""Hooks of modules: around calls, around state_dicts, of every module; moves, copies and names that follow from them."""

from __future__ import annotations

import copy
import importlib
from typing import Any

from tests.oracle.case import Row, case, error


def _place(t: Any, name: str) -> Any:
    """`torch.nn.modules.NAME` of `t`."""
    return importlib.import_module(f"{t.__name__}.nn.modules.{name}")


def _logging(t: Any, log: list[Any]) -> Any:
    class Net(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = t.nn.Linear(2, 2)

        def forward(self, x: Any, scale: float = 1.0) -> Any:
            log.append("forward")
            return self.inner(x) * scale

    return Net()


def _global_hooks(t: Any) -> Any:
    m, log = _place(t, "module"), []
    net = _logging(t, log)
    handles = [
        m.register_module_forward_pre_hook(lambda mod, a: log.append(("every, before", type(mod).__name__, len(a)))),
        m.register_module_forward_hook(lambda mod, a, o: log.append(("every, after", type(mod).__name__))),
        m.register_module_forward_hook(lambda mod, a, k, o: log.append(("keywords", sorted(k))), with_kwargs=True),
        net.register_forward_pre_hook(lambda mod, a: log.append("before")),
        net.register_forward_hook(lambda mod, a, o: log.append("after")),
    ]
    net(t.ones(2), scale=2.0)
    for handle in handles:
        handle.remove()
    net(t.ones(2))
    return log


def _registration_hooks(t: Any) -> Any:
    m, log = _place(t, "module"), []
    handles = [
        m.register_module_parameter_registration_hook(lambda mod, n, p: log.append(("parameter", n))),
        m.register_module_buffer_registration_hook(lambda mod, n, p: log.append(("buffer", n))),
        m.register_module_module_registration_hook(lambda mod, n, p: log.append(("module", n))),
    ]

    class Net(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = t.nn.Parameter(t.ones(1))
            self.register_buffer("b", t.ones(1))
            self.c = t.nn.ReLU()
            self.add_module("d", t.nn.ReLU())
            self.b = t.zeros(1)
            self.e = t.nn.Buffer(t.ones(1))
            self.a = None
            self.register_parameter("z", None)

    Net()
    for handle in handles:
        handle.remove()
    return log


def _replacing_registration(t: Any) -> Any:
    def sevens(module: Any, name: str, parameter: Any) -> Any:
        return t.nn.Parameter(parameter.detach() * 0 + 7)

    with _place(t, "module").register_module_parameter_registration_hook(sevens):
        return t.nn.Module().register_parameter("w", t.nn.Parameter(t.ones(2))), t.nn.Linear(1, 1).bias.shape


def _prepended(t: Any) -> Any:
    log: list[Any] = []
    net = _logging(t, log)
    net.register_forward_hook(lambda *a: log.append(1))
    net.register_forward_hook(lambda *a: log.append(2), prepend=True)
    net.register_forward_pre_hook(lambda *a: log.append(3))
    net.register_forward_pre_hook(lambda *a: log.append(4), prepend=True)
    net(t.ones(2))
    return log


def _raising_always(t: Any) -> Any:
    log: list[Any] = []
    net = _logging(t, log)

    def bad(*args: Any) -> Any:
        log.append("always")
        raise KeyError("in the hook")

    net.register_forward_hook(bad, always_call=True)
    net.register_forward_hook(lambda *a: log.append("never"))
    try:
        net(t.ones(3))
    except Exception as e:
        log.append(type(e).__name__)
    return log


def _bad_pre_hook(t: Any) -> Any:
    net = _logging(t, [])
    net.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    return net(t.ones(2))


def _returning_post_hook(t: Any) -> Any:
    net = _logging(t, [])
    net.register_state_dict_post_hook(lambda *a: {"x": 1})
    return net.state_dict()


def _older_post_hook(t: Any) -> Any:
    net = _logging(t, [])
    net._register_state_dict_hook(lambda *a: {"x": 1})
    return net.state_dict()


def _twice_registered(t: Any) -> Any:
    net = _logging(t, [])
    net.register_state_dict_post_hook(hook := lambda *a: None)
    net._register_state_dict_hook(hook)


def _returning_load_hook(t: Any) -> Any:
    net = _logging(t, [])
    net.register_load_state_dict_post_hook(lambda *a: 3)
    net.load_state_dict(net.state_dict())


def _load_pre_hooks(t: Any) -> Any:
    log: list[Any] = []
    net = _logging(t, [])
    net.register_load_state_dict_pre_hook(lambda m, sd, p, *a: log.append((type(m).__name__, list(sd), p, len(a))))
    net._register_load_state_dict_pre_hook(lambda sd, p, *a: log.append((list(sd), p, len(a))))
    net._register_load_state_dict_pre_hook(lambda m, sd, p, *a: log.append((type(m).__name__, p)), with_module=True)
    net.load_state_dict(net.state_dict())
    return log


def _backward_registries(t: Any) -> Any:
    net = t.nn.Linear(1, 1)
    after = net.register_full_backward_hook(lambda *a: None)
    before = net.register_full_backward_pre_hook(lambda *a: None, prepend=True)
    seen = [len(net._backward_hooks), len(net._backward_pre_hooks), net._is_full_backward_hook]
    after.remove()
    before.remove()
    return seen, len(net._backward_hooks), len(net._backward_pre_hooks)


def _mixed_backward(t: Any) -> Any:
    net = t.nn.Linear(1, 1)
    net.register_full_backward_hook(lambda *a: None)
    net.register_backward_hook(lambda *a: None)


def _assigned(t: Any) -> Any:
    net = t.nn.Linear(2, 1).requires_grad_(False)
    net.load_state_dict({"weight": t.nn.Parameter(t.ones(1, 2)), "bias": t.zeros(1)}, assign=True)
    return net.weight.requires_grad, net.bias.requires_grad, net.weight.detach()


def _moves(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.Linear(1, 1), t.nn.BatchNorm1d(1))
    net.register_buffer("c", t.ones(1, dtype=t.complex64))
    out = []
    for move in (net.half, net.double, net.bfloat16, lambda: net.to("cpu", t.float64), lambda: net.to(t.float32)):
        out.append([str(x.dtype) for x in move().state_dict().values()])
    return out


def _imported(t: Any) -> Any:
    names = {
        "batchnorm": "_BatchNorm _NormBase BatchNorm2d SyncBatchNorm",
        "conv": "_ConvNd Conv2d _ConvTransposeNd",
        "instancenorm": "_InstanceNorm",
        "loss": "_Loss _WeightedLoss CrossEntropyLoss",
        "dropout": "_DropoutNd Dropout",
        "module": "Module _addindent register_module_forward_hook _IncompatibleKeys",
        "utils": "_single _pair _triple _quadruple _ntuple _reverse_repeat_tuple",
        "linear": "Linear Bilinear",
        "activation": "ReLU",
        "container": "Sequential",
        "normalization": "LayerNorm",
        "pooling": "MaxPool2d",
        "lazy": "LazyModuleMixin",
    }
    return [hasattr(_place(t, place), name) for place, all_of in names.items() for name in all_of.split()]


def _parents(t: Any) -> Any:
    nn, loss = t.nn, _place(t, "loss")
    return [
        isinstance(nn.BatchNorm2d(1), _place(t, "batchnorm")._BatchNorm),
        isinstance(nn.Conv1d(1, 1, 1), _place(t, "conv")._ConvNd),
        isinstance(nn.MSELoss(), loss._Loss),
        isinstance(nn.MSELoss(), loss._WeightedLoss),
        isinstance(nn.NLLLoss(), loss._WeightedLoss),
        isinstance(nn.Dropout2d(), _place(t, "dropout")._DropoutNd),
        loss._Loss(reduction="sum").reduction,
        loss._Loss(size_average=False).reduction,
        t.nn.modules.Linear is t.nn.Linear,
    ]


def _stripped(t: Any) -> Any:
    outer = t.nn.Module()
    outer.module = t.nn.Sequential(t.nn.Linear(1, 1))
    state = outer.state_dict()
    _place(t, "utils").consume_prefix_in_state_dict_if_present(state, "module.")
    return list(state), dict(state._metadata)


def _copied_parameter(t: Any) -> Any:
    p = t.nn.Parameter(t.ones(2), requires_grad=False)
    return type(copy.copy(p)).__name__, copy.copy(p).requires_grad, type(copy.deepcopy(p)).__name__


def _times_in_place(t: Any) -> Any:
    layers = t.nn.Sequential(t.nn.ReLU(), t.nn.Tanh())
    layers *= 2
    return repr(layers)


CASES: list[Row] = [
    case("hooks of every module, and their order", _global_hooks),
    case("registration hooks", _registration_hooks),
    case("a registration hook that replaces", _replacing_registration),
    case("hooks that are prepended", _prepended),
    case("a hook that is always called and raises", _raising_always),
    case("a state_dict hook of the older kind replaces the dictionary", _older_post_hook),
    case("hooks before loading", _load_pre_hooks),
    case("backward hooks are kept by kind", _backward_registries),
    case("assign keeps requires_grad", _assigned),
    case("complex buffers when the dtype changes", _moves),
    case("private names where PyTorch has them", _imported),
    case("private classes that programs ask for", _parents),
    case("a prefix taken off a state_dict", _stripped),
    case("a parameter's shallow copy", _copied_parameter),
    case("Sequential times a number, in place", _times_in_place),
    case("tuples of n", lambda t: [_place(t, "utils")._pair(3), _place(t, "utils")._triple([1, 2])]),
    error("a pre-hook with keywords that returns one value", _bad_pre_hook, fragment="must return None or a tuple of"),
    error("a state_dict hook that returns something", _returning_post_hook, fragment="post-hook must return None"),
    error("one state_dict hook in both kinds", _twice_registered, fragment="Cannot register the same function"),
    error("a loading hook that returns something", _returning_load_hook, fragment="not expected to return new"),
    error("both kinds of backward hooks", _mixed_backward, fragment="Cannot use both regular backward hooks"),
    error("moving to an unknown keyword", lambda t: t.nn.ReLU().to(foo=1), fragment="invalid combination of arguments"),
]
