"""Modules: layers as they are printed and initialised, registration, iterators, state, hooks, containers, init, utils."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

from tests.oracle.case import Row, case, error, floats, right

LAYERS = """
Linear(3, 4)
Linear(3, 4, bias=False)
Linear(3, 2, dtype=t.float64)
Bilinear(2, 3, 4)
Identity(3, x=4)
Conv1d(2, 4, 3)
Conv2d(2, 4, (3, 2), stride=2, padding=1, dilation=2, groups=2, bias=False, padding_mode='reflect')
Conv2d(1, 2, 3, padding='same')
Conv3d(1, 2, 3)
ConvTranspose1d(2, 3, 3)
ConvTranspose2d(2, 4, 3, stride=2, output_padding=1, groups=2)
ConvTranspose3d(1, 1, 2)
CELU()
ELU(2.0, True)
GELU('tanh')
GLU()
Hardshrink(0.3)
Hardsigmoid(True)
Hardswish()
Hardtanh(-2, 2, True)
LeakyReLU(0.2, inplace=True)
LogSigmoid()
LogSoftmax(1)
Mish()
ReLU(True)
ReLU6()
SELU()
SiLU(inplace=True)
Sigmoid()
Softmax(dim=1)
Softmin(1)
Softplus(2, 10)
Softshrink()
Softsign()
Tanh()
Tanhshrink()
Threshold(0.1, 20)
PReLU(3, init=0.1)
RReLU(0.1, 0.2, True)
Softmax2d()
MaxPool1d(2)
MaxPool2d((2, 3), stride=1)
MaxPool3d(2, ceil_mode=True)
AvgPool1d(2)
AvgPool2d(2, 3, 1)
AvgPool3d(2)
AdaptiveAvgPool2d((1, None))
AdaptiveMaxPool2d(2, return_indices=True)
LPPool2d(2, 3)
MaxUnpool2d(2, padding=1)
BatchNorm1d(3)
BatchNorm2d(3, affine=False)
BatchNorm3d(3, track_running_stats=False, momentum=None)
BatchNorm2d(3, bias=False)
InstanceNorm1d(3)
InstanceNorm2d(3, affine=True, track_running_stats=True)
LayerNorm(3)
LayerNorm((2, 3), elementwise_affine=False)
LayerNorm(3, bias=False)
RMSNorm(3)
GroupNorm(2, 4)
GroupNorm(2, 4, bias=False)
LocalResponseNorm(2)
Dropout()
Dropout2d(0.2, True)
AlphaDropout()
Embedding(5, 3)
Embedding(5, 3, padding_idx=-1, max_norm=2.0, scale_grad_by_freq=True)
BCELoss()
BCEWithLogitsLoss()
CosineEmbeddingLoss(0.1)
CrossEntropyLoss(weight=t.ones(3))
GaussianNLLLoss()
HuberLoss()
KLDivLoss()
L1Loss()
MSELoss()
NLLLoss()
SmoothL1Loss()
TripletMarginLoss()
Flatten()
Flatten(0, 1)
Unflatten(1, (2, 3))
Upsample(scale_factor=2)
Upsample(size=3, mode='bilinear')
UpsamplingNearest2d(scale_factor=2)
ChannelShuffle(2)
CosineSimilarity()
Fold((3, 3), 2)
PairwiseDistance()
PixelShuffle(2)
Unfold(2)
ConstantPad1d(1, 2.0)
ZeroPad2d((1, 2, 3, 4))
ReflectionPad2d(1)
ReplicationPad3d(1)
CircularPad2d(2)
Sequential()
ModuleList()
ModuleDict()
ParameterList()
ParameterDict()
"""

# layer: shape of an input
CALLED = {
    "Linear(3, 4)": (2, 3),
    "Conv1d(2, 4, 3)": (1, 2, 6),
    "Conv2d(2, 4, 3, padding=1, padding_mode='reflect')": (1, 2, 5, 5),
    "Conv2d(2, 4, 3, padding='same', padding_mode='circular')": (1, 2, 5, 5),
    "Conv3d(1, 2, 2)": (1, 1, 3, 3, 3),
    "ConvTranspose2d(2, 4, 3, stride=2)": (1, 2, 3, 3),
    "PReLU()": (2, 3),
    "Softmax2d()": (1, 2, 3, 3),
    "Hardtanh(-0.5, 0.5)": (2, 3),
    "MaxPool2d(2)": (1, 2, 4, 4),
    "AvgPool1d(2)": (1, 2, 4),
    "AdaptiveAvgPool2d((1, None))": (1, 2, 4, 4),
    "LPPool2d(2, 2)": (1, 2, 4, 4),
    "BatchNorm1d(3)": (4, 3),
    "BatchNorm1d(3).eval()": (4, 3),
    "BatchNorm2d(3, momentum=None)": (2, 3, 2, 2),
    "BatchNorm2d(3, track_running_stats=False).eval()": (2, 3, 2, 2),
    "InstanceNorm2d(3)": (2, 3, 2, 2),
    "InstanceNorm1d(3, affine=True)": (3, 4),
    "LayerNorm((2, 3))": (4, 2, 3),
    "RMSNorm(3)": (2, 3),
    "GroupNorm(2, 4)": (2, 4, 3),
    "LocalResponseNorm(2)": (1, 4, 3),
    "Dropout(0.3).eval()": (2, 3),
    "Flatten()": (2, 3, 4),
    "Unflatten(1, (2, 3))": (2, 6),
    "Upsample(scale_factor=2, mode='bilinear')": (1, 1, 3, 3),
    "PixelShuffle(2)": (1, 4, 2, 2),
    "Unfold(2)": (1, 2, 3, 3),
    "ConstantPad2d((1, 2, 0, 1), 3.0)": (1, 2, 3),
    "ReflectionPad1d(1)": (1, 2, 3),
    "Sequential(t.nn.Linear(3, 5), t.nn.Tanh(), t.nn.Linear(5, 1))": (4, 3),
}


def _layer(t: Any, text: str) -> Any:
    return eval(f"t.nn.{text}", {"t": t})


def _printed(text: str) -> Any:
    def program(t: Any) -> Any:
        layer = _layer(t, text)
        return repr(layer), dict(layer.state_dict())

    return program


def _called(text: str) -> Any:
    def program(t: Any, x: Any) -> Any:
        layer = _layer(t, text)
        return layer(x), dict(layer.named_buffers())

    return program


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
    case("iterators of names", lambda t: (lambda n: [_names(n.named_parameters()), _names(n.named_buffers()), _names(n.named_modules()), _names(n.named_children()), list(n.state_dict())])(_net(t))),
    case("iterators with duplicates", lambda t: (lambda n: [_names(n.named_parameters(remove_duplicate=False)), _names(n.named_modules(remove_duplicate=False)), _names(n.named_buffers(remove_duplicate=False))])(_net(t))),
    case("iterators with a prefix, this level only", lambda t: (lambda n: [_names(n.named_parameters("p", recurse=False)), _names(n.named_buffers("p", False)), _names(n.named_modules(prefix="p"))])(_net(t))),
    case("numbers of things", lambda t: (lambda n: [len(list(n.parameters())), len(list(n.buffers())), len(list(n.modules())), len(list(n.children()))])(_net(t))),
    case("a buffer assigned anew", _reassigned_buffer),
    case("a parameter in the place of a buffer", _overwritten_kind),
    case("get_submodule, get_parameter, get_buffer", lambda t: (lambda n: [repr(n.get_submodule("inner")), n.get_submodule("") is n, n.get_parameter("inner.weight") is n.inner.weight, n.get_buffer("kept")])(_net(t))),
    case("set_submodule", lambda t: (lambda n: (n.set_submodule("inner", t.nn.ReLU()), repr(n.inner)))(_net(t))),
    case("delattr", lambda t: (lambda n: [delattr(n, k) for k in ("w", "inner", "kept")] and [_names(n.named_parameters()), list(n.state_dict())])(_net(t))),
    case("dir has members and no digits", lambda t: [name in dir(t.nn.Sequential(t.nn.ReLU())) for name in ("training", "0", "forward", "add_module")]),
    case("hasattr", lambda t: [hasattr(_net(t), name) for name in ("w", "inner", "kept", "nope", "absent")]),
    case("isinstance", lambda t: [isinstance(_net(t).w, t.nn.Parameter), isinstance(_net(t).w, t.Tensor), isinstance(_net(t).kept, t.nn.Parameter)]),
    error("no such attribute", lambda t: t.nn.ReLU().nope, fragment="'ReLU' object has no attribute 'nope'"),
    error("parameter name with a dot", lambda t: _net(t).register_parameter("a.b", None), fragment="parameter name can.*t contain"),
    error("parameter without a name", lambda t: _net(t).register_parameter("", None), fragment="can.*t be empty string"),
    error("parameter with a method's name", lambda t: _net(t).register_parameter("forward", None), fragment="attribute 'forward' already exists"),
    error("parameter that is a tensor", lambda t: _net(t).register_parameter("a", t.ones(2)), fragment=r"cannot assign 'torch.FloatTensor' object to parameter 'a' \(torch.nn.Parameter or None required\)"),
    error("parameter that is an int", lambda t: _net(t).register_parameter("a", 3), fragment="cannot assign 'int' object to parameter 'a'"),
    error("buffer name with a dot", lambda t: _net(t).register_buffer("a.b", None), fragment="buffer name can.*t contain"),
    error("buffer that is an int", lambda t: _net(t).register_buffer("a", 3), fragment="cannot assign 'int' object to buffer 'a'"),
    error("buffer name that is an int", lambda t: _net(t).register_buffer(3, None), fragment="buffer name should be a string. Got int"),
    error("module that is an int", lambda t: _net(t).add_module("a", 3), fragment="int is not a Module subclass"),
    error("module name with a dot", lambda t: _net(t).add_module("a.b", t.nn.ReLU()), fragment="module name can.*t contain"),
    error("module with a method's name", lambda t: _net(t).add_module("forward", t.nn.ReLU()), fragment="attribute 'forward' already exists"),
    error("tensor for a parameter", _set("w", lambda t: t.ones(2)), fragment=r"cannot assign 'torch.FloatTensor' as parameter 'w' \(torch.nn.Parameter or None expected\)"),
    error("int for a parameter", _set("w", lambda t: 3), fragment="cannot assign 'int' as parameter 'w'"),
    error("int for a buffer", _set("kept", lambda t: 3), fragment=r"cannot assign 'int' as buffer 'kept' \(torch.nn.Buffer, torch.Tensor or None expected\)"),
    error("int for a module", _set("inner", lambda t: 3), fragment=r"cannot assign 'int' as child module 'inner' \(torch.nn.Module or None expected\)"),
    error("parameter before __init__", _before_init(lambda t: t.nn.Parameter(t.ones(1))), fragment=r"cannot assign parameters before Module.__init__\(\) call"),
    error("module before __init__", _before_init(lambda t: t.nn.ReLU()), fragment=r"cannot assign module before Module.__init__\(\) call"),
    error("get_submodule, none", lambda t: _net(t).get_submodule("inner.z"), fragment="Linear has no attribute `z`"),
    error("get_submodule of a parameter", lambda t: _net(t).get_submodule("w"), fragment="`w` is not an nn.Module"),
    error("get_parameter of a buffer", lambda t: _net(t).get_parameter("kept"), fragment="`kept` is not an nn.Parameter"),
    error("get_buffer of a parameter", lambda t: _net(t).get_buffer("w"), fragment="`w` is not a buffer"),
    error("no forward", lambda t: t.nn.Module()(3), fragment=r'Module \[Module\] is missing the required "forward" function'),
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
    case("load_state_dict", lambda t: (lambda a, b: (str(a.load_state_dict(b.state_dict())), a.weight, b.weight))(t.nn.Linear(2, 3), t.nn.Linear(2, 3))),
    case("load_state_dict, not strict", lambda t: str(t.nn.Linear(2, 3).load_state_dict({"weight": t.ones(3, 2), "zz": t.ones(1)}, strict=False))),
    case("load_state_dict, assign", lambda t: (lambda m, w: (m.load_state_dict({"weight": w, "bias": t.ones(3)}, assign=True), m.weight, type(m.weight).__name__, m.weight.dtype)[1:])(t.nn.Linear(2, 3), t.ones(3, 2, dtype=t.float64))),
    case("load_state_dict casts", lambda t: (lambda m: (m.load_state_dict({"weight": t.ones(3, 2, dtype=t.float64), "bias": t.ones(3)}), m.weight)[1])(t.nn.Linear(2, 3))),
    case("a state_dict shares values", _load_into_view),
    case("state_dict with a prefix", lambda t: list(t.nn.Linear(1, 1).state_dict(prefix="p."))),
    case("metadata", lambda t: dict(t.nn.Sequential(t.nn.Linear(1, 1), t.nn.BatchNorm1d(1)).state_dict()._metadata)),
    case("batch norm from before the count", lambda t: str(t.nn.BatchNorm1d(1).load_state_dict({k: t.ones(1) for k in ("weight", "bias", "running_mean", "running_var")}))),
    error("missing, unexpected and misshapen", lambda t: t.nn.Linear(2, 3).load_state_dict(_loaded(t, weight=t.ones(2), bias=None, zz=t.ones(1))), fragment=r'Error\(s\) in loading state_dict for Linear:\n\tMissing key\(s\) in state_dict: "bias"\. \n\tUnexpected key\(s\) in state_dict: "zz"\. \n\tsize mismatch for weight: copying a param with shape torch.Size\(\[2\]\) from checkpoint, the shape in current model is torch.Size\(\[3, 2\]\)'),
    error("state that is no tensor", lambda t: t.nn.Linear(2, 3).load_state_dict(_loaded(t, weight=3), strict=False), fragment='While copying the parameter named "weight"'),
    error("state that is no dict", lambda t: t.nn.Linear(2, 3).load_state_dict(3), fragment="Expected state_dict to be dict-like"),
    case("train, eval", lambda t: (lambda n: [n.training, n.eval().inner.training, n.train().inner.training])(_net(t))),
    case("requires_grad_", lambda t: [p.requires_grad for p in _net(t).requires_grad_(False).parameters()]),
    case("apply, innermost first", _applied),
    case("double, half, float, bfloat16", lambda t: (lambda n: [n.double().w.dtype, n.half().kept.dtype, n.bfloat16().w.dtype, n.float().w.dtype])(_net(t))),
    case("to a dtype leaves integers alone", lambda t: (lambda m: [m.weight.dtype, m.num_batches_tracked.dtype])(t.nn.BatchNorm1d(2).to(t.float64))),
    case("to keeps parameters' identity", lambda t: (lambda m, w: m.double().weight is w and w.dtype)(*(lambda m: (m, m.weight))(t.nn.Linear(1, 1)))),
    case("to(device), to(device, dtype), cpu", lambda t: (lambda m: [m.to("cpu").weight.dtype, m.to("cpu", t.float64).weight.dtype, m.cpu().weight.device.type])(t.nn.Linear(1, 1))),
    error("to an integer dtype", lambda t: _net(t).to(t.int32), fragment="nn.Module.to only accepts floating point or complex dtypes"),
    case("hooks", _hooked, floats(3)),
    case("hooks that are always called", _always, floats(2)),
    case("pre-hook with keywords, as a block", _pre_with_kwargs, floats(3)),
    case("deepcopy", _copied, floats(4, 3)),
    case("pickle", _pickled, floats(4, 3)),
    case("Parameter is printed", lambda t: (repr(t.nn.Parameter(t.ones(2))), str(t.nn.Parameter(t.ones(2), requires_grad=False)), repr(t.nn.Parameter()))),
    error("Parameter of integers", lambda t: t.nn.Parameter(t.ones(2, dtype=t.int64)), fragment="Only Tensors of floating point and complex dtype can require gradients"),
]


def _three(t: Any) -> Any:
    return t.nn.Sequential(t.nn.Linear(1, 2), t.nn.ReLU(), t.nn.Linear(2, 1))


CONTAINERS: list[Row] = [
    case("Sequential, items and slices", lambda t: (lambda s: [repr(s[1]), repr(s[-1]), repr(s[0:2]), len(s), [type(m).__name__ for m in s]])(_three(t))),
    case("Sequential of names", lambda t: (lambda s: [repr(s), repr(s.b)])(t.nn.Sequential(OrderedDict(a=t.nn.ReLU(), b=t.nn.Tanh())))),
    case("Sequential, arithmetic", lambda t: [repr(_three(t) + _three(t)), repr(_three(t) * 2), repr(2 * _three(t)), repr(_three(t).extend([t.nn.Tanh()]))]),
    case("Sequential, changes", lambda t: (lambda s: [repr(s.pop(1)), repr(s.insert(1, t.nn.Tanh())), repr(s.append(t.nn.ReLU())), s.__setitem__(0, t.nn.SiLU()), s.__delitem__(1), repr(s)])(_three(t))),
    case("ModuleList", lambda t: (lambda m: [repr(m), repr(m[1]), repr(m[-1]), repr(m[0:1]), len(m), repr(m + [t.nn.Tanh()]), repr(m.append(t.nn.SiLU())), m.insert(0, t.nn.Tanh()), repr(m), repr(m.pop(0)), _names(m.named_parameters())])(t.nn.ModuleList([t.nn.Linear(1, 2), t.nn.Linear(1, 2), t.nn.ReLU()]))),
    case("ModuleDict", lambda t: (lambda m: [repr(m), list(m), len(m), "a" in m, repr(m["a"]), m.update({"c": t.nn.SiLU()}), list(m.keys()), repr(m.pop("a")), _names(m.items()), [repr(v) for v in m.values()]])(t.nn.ModuleDict({"a": t.nn.ReLU(), "b": t.nn.Tanh()}))),
    case("ParameterList", lambda t: (lambda p: [repr(p), len(p), list(p.state_dict()), type(p[0]).__name__, p[1], [type(v).__name__ for v in p.append(t.ones(3))], repr(p[0:1])])(t.nn.ParameterList([t.ones(2), 3, t.nn.Parameter(t.ones(1, 2))]))),
    case("ParameterDict", lambda t: (lambda p: [repr(p), list(p), list(p.state_dict()), "a" in p, p.pop("b"), p.get("zz"), len(p), _names(p.items())])(t.nn.ParameterDict({"b": "x", "a": t.ones(2)}))),
    error("Sequential, out of range", lambda t: _three(t)[5], fragment="index 5 is out of range"),
    error("Sequential of an int", lambda t: t.nn.Sequential(3), fragment="int is not a Module subclass"),
    error("Sequential times 0", lambda t: _three(t) * 0, fragment="Non-positive multiplication factor 0"),
    error("Sequential plus 3", lambda t: _three(t) + 3, fragment="add operator supports only objects of Sequential class"),
    error("ModuleList, out of range", lambda t: t.nn.ModuleList([t.nn.ReLU()])[-2], fragment="index -2 is out of range"),
    error("ModuleList extended by an int", lambda t: t.nn.ModuleList().extend(3), fragment="ModuleList.extend should be called with an iterable, but got int"),
    error("ModuleList called", lambda t: t.nn.ModuleList()(3), fragment=r"Module \[ModuleList\] is missing"),
    error("ModuleDict, no such key", lambda t: t.nn.ModuleDict()["z"], fragment="z"),
    error("ModuleDict updated by an int", lambda t: t.nn.ModuleDict().update(3), fragment="should be called with an iterable of key/value pairs"),
    error("Conv2d, groups", lambda t: t.nn.Conv2d(3, 4, 2, groups=2), fragment="in_channels must be divisible by groups"),
    error("Conv2d, padding mode", lambda t: t.nn.Conv2d(3, 4, 2, padding_mode="x"), fragment="padding_mode must be one of"),
    error("Dropout, p", lambda t: t.nn.Dropout(2.0), fragment="dropout probability has to be between 0 and 1, but got 2"),
    error("BatchNorm2d of three axes", lambda t, x: t.nn.BatchNorm2d(3)(x), floats(2, 3, 4), fragment=r"expected 4D input \(got 3D input\)"),
    error("BatchNorm1d of four axes", lambda t, x: t.nn.BatchNorm1d(3)(x), floats(2, 3, 4, 1), fragment=r"expected 2D or 3D input \(got 4D input\)"),
    error("GroupNorm, groups", lambda t: t.nn.GroupNorm(2, 3), fragment=r"num_channels \(3\) must be divisible by num_groups \(2\)"),
    error("Linear, sizes", lambda t, x: t.nn.Linear(1, 2)(x), floats(3), fragment=r"mat1 and mat2 shapes cannot be multiplied \(1x3 and 1x2\)"),
]

INIT: list[Row] = [
    *(
        case(f"init.{call}", lambda t, call=call: eval(f"t.nn.init.{call}", {"t": t}))
        for call in (
            "uniform_(t.empty(3, 4))",
            "uniform_(t.empty(3), -2.0, 1.0)",
            "normal_(t.empty(20), 1.0, 0.5)",
            "trunc_normal_(t.empty(20), std=0.5)",
            "trunc_normal_(t.empty(20), a=-0.5, b=0.5)",
            "trunc_normal_(t.empty(20), mean=1.0, a=1.5, b=1.6)",
            "constant_(t.empty(3), 2.5)",
            "ones_(t.empty(2))",
            "zeros_(t.empty(2))",
            "eye_(t.empty(3, 4))",
            "dirac_(t.empty(4, 2, 3), 2)",
            "xavier_uniform_(t.empty(3, 4), gain=2.0)",
            "xavier_normal_(t.empty(3, 4, 2))",
            "kaiming_uniform_(t.empty(3, 4), mode='fan_out', nonlinearity='relu')",
            "kaiming_normal_(t.empty(3, 4), a=0.1)",
            "calculate_gain('relu')",
            "calculate_gain('leaky_relu', 0.2)",
            "calculate_gain('tanh')",
            "_calculate_fan_in_and_fan_out(t.empty(3, 4, 5))",
        )
    ),
    case("init.orthogonal_", lambda t: (lambda q: q @ q.T)(t.nn.init.orthogonal_(t.empty(3, 5))), rtol=1e-4, atol=1e-5, reason="a product of float32 matrices near 0"),
    case("init.sparse_: zeros a column", lambda t: (t.nn.init.sparse_(t.empty(10, 3), 0.25) == 0).sum(0)),
    case("init writes a parameter", lambda t: (lambda p: (t.nn.init.ones_(p) is p, p.requires_grad))(t.nn.Parameter(t.zeros(2)))),
    error("init.calculate_gain, unknown", lambda t: t.nn.init.calculate_gain("x"), fragment="Unsupported nonlinearity x"),
    error("init.xavier_uniform_ of a vector", lambda t: t.nn.init.xavier_uniform_(t.empty(3)), fragment="can not be computed for tensor with fewer than 2 dimensions"),
    error("init.kaiming_uniform_, mode", lambda t: t.nn.init.kaiming_uniform_(t.empty(3, 3), mode="x"), fragment="Mode x not supported"),
    case("parameters_to_vector and back", lambda t: (lambda m: (t.nn.utils.parameters_to_vector(m.parameters()), t.nn.utils.vector_to_parameters(t.arange(8.0), m.parameters()), m.weight, m.bias))(t.nn.Linear(3, 2))),
    error("vector_to_parameters of a list", lambda t: t.nn.utils.vector_to_parameters([1.0], []), fragment="expected torch.Tensor, but got"),
]


def _clipped(name: str, *args: Any) -> Any:
    def program(t: Any) -> Any:
        parameters = [t.nn.Parameter(t.zeros(3)), t.nn.Parameter(t.zeros(2)), t.nn.Parameter(t.zeros(1))]
        parameters[0].grad = t.tensor([3.0, -4.0, 0.5])
        parameters[1].grad = t.tensor([12.0, 0.0])
        out = getattr(t.nn.utils, name)(parameters, *args)
        return out, parameters[0].grad, parameters[1].grad, parameters[2].grad

    return program


UTILS: list[Row] = [
    case("clip_grad_norm_", _clipped("clip_grad_norm_", 1.0)),
    case("clip_grad_norm_, already small", _clipped("clip_grad_norm_", 100.0)),
    case("clip_grad_norm_, largest", _clipped("clip_grad_norm_", 1.0, float("inf"))),
    case("clip_grad_value_", _clipped("clip_grad_value_", 2.0)),
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
            lambda s: (t.func.functional_call(t.nn.Sequential(s, s), {"0.weight": t.zeros(2, 2)}, t.ones(2)), s.weight.sum())[1] != 0
        )(t.nn.Linear(2, 2)),
        expected=True,
        why="PyTorch puts the given tensor into the module for good: it restores the two names of one place in turn",
    ),
]

CASES: list[Row] = [
    *(case(f"nn.{text}", _printed(text)) for text in LAYERS.strip().split("\n")),
    *(case(f"nn.{text} of {shape}", _called(text), floats(*shape)) for text, shape in CALLED.items()),
    *REGISTRATION,
    *STATE,
    *CONTAINERS,
    *INIT,
    *UTILS,
    *CALLS,
]
