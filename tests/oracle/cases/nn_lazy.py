"""Layers whose sizes the first input decides."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from tests.oracle.case import Row, case, error

_LAYERS = {
    "LazyLinear": (lambda n: n.LazyLinear(3), (2, 5)),
    "LazyLinear without bias": (lambda n: n.LazyLinear(3, bias=False), (5,)),
    "LazyConv1d": (lambda n: n.LazyConv1d(4, 2), (2, 3, 6)),
    "LazyConv2d": (lambda n: n.LazyConv2d(2, 2, padding=1, bias=False), (2, 3, 3, 3)),
    "LazyConv3d in groups": (lambda n: n.LazyConv3d(2, 2, groups=2), (1, 4, 2, 2, 2)),
    "LazyConvTranspose1d": (lambda n: n.LazyConvTranspose1d(4, 2), (2, 3, 2)),
    "LazyConvTranspose2d in groups": (lambda n: n.LazyConvTranspose2d(4, 2, stride=2, groups=2), (1, 2, 2, 2)),
    "LazyConvTranspose3d": (lambda n: n.LazyConvTranspose3d(1, 2), (1, 2, 1, 1, 1)),
    "LazyBatchNorm1d": (lambda n: n.LazyBatchNorm1d(), (2, 3)),
    "LazyBatchNorm2d": (lambda n: n.LazyBatchNorm2d(affine=False), (2, 3, 2, 2)),
    "LazyBatchNorm3d": (lambda n: n.LazyBatchNorm3d(track_running_stats=False), (2, 3, 1, 2, 2)),
    "LazyInstanceNorm1d": (lambda n: n.LazyInstanceNorm1d(), (2, 3, 4)),
    "LazyInstanceNorm2d": (lambda n: n.LazyInstanceNorm2d(track_running_stats=True), (2, 3, 2, 2)),
    "LazyInstanceNorm3d": (lambda n: n.LazyInstanceNorm3d(), (2, 3, 2, 1, 2)),
}


def _life(make: Any, shape: tuple[int, ...]) -> Any:
    """What a layer is before and after its first call."""

    def program(t: Any) -> Any:
        layer = make(t.nn)
        before = [repr(layer), list(layer.state_dict()), layer.has_uninitialized_params()]
        out = layer(t.ones(shape))
        after = [repr(layer), type(layer).__name__, hasattr(layer, "_initialize_hook"), len(layer._forward_pre_hooks)]
        return before, after, out.detach(), dict(layer.state_dict())

    return program


def _custom(t: Any, fill: bool = True) -> Any:
    class Scale(t.nn.modules.lazy.LazyModuleMixin, t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = t.nn.parameter.UninitializedParameter()

        def initialize_parameters(self, x: Any) -> None:
            if fill:
                self.w.materialize(x.shape)
                t.nn.init.ones_(self.w)

        def forward(self, x: Any) -> Any:
            return x * self.w

    return Scale()


def _loaded(t: Any) -> Any:
    layer = t.nn.LazyLinear(3)
    layer.load_state_dict({"weight": t.ones(3, 2), "bias": t.zeros(3)})
    before = [layer.has_uninitialized_params(), repr(layer), layer.weight.shape]
    return before, layer(t.ones(2)).detach(), repr(layer)


def _about(t: Any) -> Any:
    w = t.nn.LazyLinear(3).weight
    twin = pickle.loads(pickle.dumps(w))
    return [
        repr(w),
        w.is_leaf,
        w.requires_grad,
        str(w.dtype),
        isinstance(w, t.nn.Parameter),
        t.nn.parameter.is_lazy(w),
        type(copy.deepcopy(w)).__name__,
        type(twin).__name__,
        str(t.nn.LazyLinear(3).double().weight.dtype),
    ]


def _buffer(t: Any) -> Any:
    b = t.nn.parameter.UninitializedBuffer()
    text = repr(b)
    b.materialize((2,), dtype=t.int64)
    return text, type(b).__name__, str(b.dtype), b.requires_grad


def _network(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.LazyConv2d(2, 3), t.nn.LazyBatchNorm2d(), t.nn.Flatten(), t.nn.LazyLinear(2))
    before = repr(net)
    net(t.ones(2, 1, 4, 4))
    return before, repr(net), [list(p.shape) for p in net.parameters()]


CASES: list[Row] = [
    *(case(f"{name}: before and after the first call", _life(*row)) for name, row in _LAYERS.items()),
    case("a module of one's own", lambda t: [(lambda m: [m(t.ones(2)).detach(), repr(m)])(_custom(t))]),
    case("a checkpoint gives the shapes", _loaded),
    case("what an uninitialised parameter is", _about),
    case("an uninitialised buffer", _buffer),
    case("a network of lazy layers", _network),
    case(
        "to another dtype first", lambda t: t.nn.LazyLinear(1).double()(t.ones(2, dtype=t.float64)).dtype == t.float64
    ),
    error(
        "arithmetic", lambda t: t.nn.LazyLinear(3).weight + 1, fragment="Attempted to use an uninitialized parameter"
    ),
    error("its shape", lambda t: t.nn.LazyLinear(3).weight.shape, fragment="Can't access the shape of an uninit"),
    error(
        "into a layer that has sizes",
        lambda t: t.nn.Linear(2, 3).load_state_dict(t.nn.LazyLinear(3).state_dict()),
        fragment="Can't access the shape of an uninitialized parameter",
    ),
    error("input with too few axes", lambda t: t.nn.LazyConv2d(2, 3)(t.ones(2, 2)), fragment="Expected 3D .*or 4D"),
    error(
        "channels that groups do not divide",
        lambda t: t.nn.LazyConv2d(2, 3, groups=2)(t.ones(1, 3, 4, 4)),
        fragment="in_channels must be divisible by groups",
    ),
    error("left uninitialised", lambda t: _custom(t, False)(t.ones(1)), fragment="has not been fully initialized"),
]
