"""Layers as they are printed, initialised and called; nn.init and nn.utils."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, case, error, floats

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
    case(
        "init.orthogonal_",
        lambda t: (lambda q: q @ q.T)(t.nn.init.orthogonal_(t.empty(3, 5))),
        rtol=1e-4,
        atol=1e-5,
        reason="a product of float32 matrices near 0",
    ),
    case("init.sparse_: zeros a column", lambda t: (t.nn.init.sparse_(t.empty(10, 3), 0.25) == 0).sum(0)),
    case(
        "init writes a parameter",
        lambda t: (lambda p: (t.nn.init.ones_(p) is p, p.requires_grad))(t.nn.Parameter(t.zeros(2))),
    ),
    error(
        "init.calculate_gain, unknown", lambda t: t.nn.init.calculate_gain("x"), fragment="Unsupported nonlinearity x"
    ),
    error(
        "init.xavier_uniform_ of a vector",
        lambda t: t.nn.init.xavier_uniform_(t.empty(3)),
        fragment="can not be computed for tensor with fewer than 2 dimensions",
    ),
    error(
        "init.kaiming_uniform_, mode",
        lambda t: t.nn.init.kaiming_uniform_(t.empty(3, 3), mode="x"),
        fragment="Mode x not supported",
    ),
    case(
        "parameters_to_vector and back",
        lambda t: (
            lambda m: (
                t.nn.utils.parameters_to_vector(m.parameters()),
                t.nn.utils.vector_to_parameters(t.arange(8.0), m.parameters()),
                m.weight,
                m.bias,
            )
        )(t.nn.Linear(3, 2)),
    ),
    error(
        "vector_to_parameters of a list",
        lambda t: t.nn.utils.vector_to_parameters([1.0], []),
        fragment="expected torch.Tensor, but got",
    ),
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


BY_KEYWORD = {
    "ReLU()": "input",
    "Softmax(1)": "input",
    "AvgPool1d(2)": "input",
    "CrossEntropyLoss()": "input target",
    "MSELoss()": "input target",
    "GaussianNLLLoss()": "input target var",
    "CosineSimilarity()": "x1 x2",
    "PairwiseDistance()": "x1 x2",
    "TripletMarginLoss()": "anchor positive negative",
    "MarginRankingLoss()": "input1 input2 target",
}


def _by_keyword(text: str, names: str) -> Any:
    return lambda t, *xs: eval(f"t.nn.{text}", {"t": t})(**dict(zip(names.split(), xs, strict=True)))


ON_META = """
Linear(2, 3)
Conv2d(1, 2, 3)
BatchNorm2d(3)
LayerNorm(2)
LSTM(2, 3)
Embedding(3, 2)
PReLU()
MultiheadAttention(4, 2)
TransformerEncoderLayer(4, 2, 8)
"""


def _on_meta(text: str) -> Any:
    def program(t: Any) -> Any:
        with t.device("meta"):
            ambient = eval(f"t.nn.{text}", {"t": t})
        given = eval(f"t.nn.{text[:-1]}{', ' if text[-2] != '(' else ''}device='meta')", {"t": t})
        before = [str(x.device) for m in (ambient, given) for x in m.state_dict().values()]
        source = eval(f"t.nn.{text}", {"t": t})  # drawn as though nothing had been drawn before
        ambient.load_state_dict(source.state_dict(), assign=True)
        given.to_empty(device="cpu").load_state_dict(source.state_dict())
        return before, dict(ambient.state_dict()), dict(given.state_dict())

    return program


def _meta_factories(t: Any) -> Any:
    here = t.ones(2)
    with t.device("meta"):
        made = [t.zeros_like(here), t.ones(2), t.ones(2, device="cpu"), t.nn.init.trunc_normal_(t.empty(2))]
        made += [t.empty(2).fill_(1), t.empty(2).zero_(), t.empty(2).uniform_(), t.nn.init.orthogonal_(t.empty(2, 2))]
    return [str(x.device) for x in made]


CASES: list[Row] = [
    *(case(f"nn.{text} on meta", _on_meta(text)) for text in ON_META.strip().split("\n")),
    case("tensors made and filled on meta", _meta_factories),
    error(
        "vector_to_parameters, too short",
        lambda t, x: t.nn.utils.vector_to_parameters(x, t.nn.Linear(2, 3).parameters()),
        floats(3),
        fragment=r"shape '\[3, 2\]' is invalid for input of size 3",
    ),
    error("ParameterDict, empty", lambda t: t.nn.ParameterDict().popitem(), fragment="dictionary is empty"),
    *(
        case(
            f"nn.{text} called by keyword",
            _by_keyword(text, names),
            *[floats(2, 4, positive=True)] * len(names.split()),
        )
        for text, names in BY_KEYWORD.items()
    ),
    error("a setting among a layer's inputs", lambda t, x: t.nn.ReLU()(x, inplace=True), floats(2), fragment="inplace"),
    error("a name that no input has", lambda t, x: t.nn.MSELoss()(x, targets=x), floats(2), fragment="targets"),
    *(case(f"nn.{text}", _printed(text)) for text in LAYERS.strip().split("\n")),
    *(case(f"nn.{text} of {shape}", _called(text), floats(*shape)) for text, shape in CALLED.items()),
    *INIT,
    *UTILS,
]
