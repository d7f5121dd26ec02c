"""Initial values of modules under a seed, exactly, and the first losses of training from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error

MODULES: dict[str, Callable[[Any], Any]] = {
    "Linear": lambda nn: nn.Linear(7, 5),
    "Linear without bias": lambda nn: nn.Linear(7, 5, bias=False),
    "Linear of float64": lambda nn: nn.Linear(7, 5).double(),
    "Bilinear": lambda nn: nn.Bilinear(3, 4, 5),
    "LazyLinear": lambda nn: nn.LazyLinear(5),
    "Embedding": lambda nn: nn.Embedding(11, 6, padding_idx=2),
    "EmbeddingBag": lambda nn: nn.EmbeddingBag(11, 6),
    "Conv1d": lambda nn: nn.Conv1d(4, 6, 3),
    "Conv2d": lambda nn: nn.Conv2d(4, 6, (3, 2), groups=2),
    "Conv3d": lambda nn: nn.Conv3d(2, 3, 2),
    "ConvTranspose1d": lambda nn: nn.ConvTranspose1d(4, 6, 3),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(4, 6, 3, bias=False),
    "ConvTranspose3d": lambda nn: nn.ConvTranspose3d(2, 3, 2),
    "BatchNorm1d": lambda nn: nn.BatchNorm1d(5),
    "BatchNorm2d": lambda nn: nn.BatchNorm2d(5, affine=False),
    "BatchNorm3d": lambda nn: nn.BatchNorm3d(5),
    "SyncBatchNorm": lambda nn: nn.SyncBatchNorm(5),
    "InstanceNorm2d": lambda nn: nn.InstanceNorm2d(5, affine=True, track_running_stats=True),
    "GroupNorm": lambda nn: nn.GroupNorm(2, 6),
    "LayerNorm": lambda nn: nn.LayerNorm((3, 4)),
    "RMSNorm": lambda nn: nn.RMSNorm(4),
    "PReLU": lambda nn: nn.PReLU(3),
    "RNN": lambda nn: nn.RNN(3, 4, 2, bidirectional=True),
    "LSTM": lambda nn: nn.LSTM(3, 4, 2, proj_size=2),
    "GRU": lambda nn: nn.GRU(3, 4),
    "RNNCell": lambda nn: nn.RNNCell(3, 4),
    "LSTMCell": lambda nn: nn.LSTMCell(3, 4),
    "GRUCell": lambda nn: nn.GRUCell(3, 4),
    "MultiheadAttention": lambda nn: nn.MultiheadAttention(8, 2),
    "MultiheadAttention of other widths": lambda nn: nn.MultiheadAttention(8, 2, kdim=3, vdim=5, add_bias_kv=True),
    "TransformerEncoderLayer": lambda nn: nn.TransformerEncoderLayer(8, 2, 12),
    "TransformerDecoderLayer": lambda nn: nn.TransformerDecoderLayer(8, 2, 12),
    "Transformer": lambda nn: nn.Transformer(8, 2, 2, 2, 12),
    "AdaptiveLogSoftmaxWithLoss": lambda nn: nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10]),
    "Sequential": lambda nn: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)),
    "ModuleList": lambda nn: nn.ModuleList(nn.Linear(n, n) for n in (1, 2, 3)),
    "ModuleDict": lambda nn: nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Embedding(4, 2)}),
    "weight_norm": lambda nn: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)),
    "spectral_norm": lambda nn: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)),
    "a small ResNet": lambda nn: resnet(nn),
    "a small transformer": lambda nn: nn.Sequential(
        nn.Embedding(20, 8), nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 3), nn.LayerNorm(8), nn.Linear(8, 20)
    ),
}
NORMAL = ("Embedding", "EmbeddingBag", "MultiheadAttention of other widths", "ModuleDict", "spectral_norm", "a small transformer", "weight_norm")

FILLS = {
    "uniform_": (-1, 2), "normal_": (1, 2), "trunc_normal_": (0.5, 2, -1, 1), "constant_": (3,), "ones_": (), "zeros_": (), "eye_": (), "orthogonal_": (2,), "sparse_": (0.3,),
    "xavier_uniform_": (2,), "xavier_normal_": (), "kaiming_uniform_": (0.5,), "kaiming_normal_": (0, "fan_out", "tanh"),
}


def block(nn: Any, channels: int, out: int, stride: int) -> Any:
    """A residual block with PyTorch's own order of layers."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.down = nn.Conv2d(channels, out, 1, stride, bias=False) if stride > 1 else nn.Identity()

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.down(x) + self.bn2(self.conv2(nn.functional.relu(self.bn1(self.conv1(x))))))

    return Block()


def resnet(nn: Any) -> Any:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1, bias=False), block(nn, 4, 4, 1), block(nn, 4, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def made(t: Any, name: str) -> Any:
    """The entries of a module's state_dict: a digest of each, or where normal numbers are drawn a sample of their values."""
    module = MODULES[name](t.nn)
    if name == "LazyLinear":
        module(t.zeros(2, 7))
    normal = name in NORMAL or name == "a small ResNet"
    return {key: (value.flatten()[:5], value.double().abs().sum()) if normal else (list(value.shape), digest(value)) for key, value in module.state_dict().items()}, t.rand(1)


def digest(x: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(x.detach().numpy()).tobytes()).hexdigest()[:16]


def losses(t: Any, make: Callable[[Any], Any], shape: tuple[int, ...], lr: float) -> list[Any]:
    """Ten steps of stochastic gradient descent on random data."""
    model = make(t.nn)
    params = {name: p.detach() for name, p in model.named_parameters()}
    out = []

    def loss(params: Any, x: Any, y: Any) -> Any:
        return t.nn.functional.cross_entropy(t.func.functional_call(model, params, (x,)), y)

    for _ in range(10):
        x, y = t.randn(8, *shape), t.randint(0, 4, (8,))
        grads, value = t.func.grad_and_value(loss)(params, x, y)
        params = {name: p - lr * grads[name] for name, p in params.items()}
        out.append(value)
    return out


def imperative(t: Any, make: Callable[[Any], Any], shape: tuple[int, ...], lr: float) -> list[Any]:
    """The same by `backward()` and an optimizer, with a loader that shuffles."""
    model = make(t.nn)
    data = t.utils.data.TensorDataset(t.randn(40, *shape), t.randint(0, 4, (40,)))
    loader = t.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    optimizer = t.optim.Adam(model.parameters(), lr=lr)
    out = []
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            value = t.nn.functional.cross_entropy(model(x), y)
            value.backward()
            optimizer.step()
            out.append(value.item())
    return out


MODELS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], float]] = {
    "MLP": (lambda nn: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)), (6,), 0.1),
    "CNN": (lambda nn: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2), nn.Conv2d(4, 8, 2), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(32, 4)), (1, 8, 8), 0.05),
}
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5, "reason": "ten steps of training carry rounding along"}

CASES: list[Row] = [
    *[case(f"initial values of {name}", lambda t, name=name: made(t, name)) for name in MODULES],
    *[case(f"init.{name}", lambda t, name=name, args=args: (getattr(t.nn.init, name)(t.empty(5, 4), *args), t.rand(1))) for name, args in FILLS.items()],
    case("init.dirac_", lambda t: (t.nn.init.dirac_(t.empty(3, 2, 3)), t.rand(1))),
    case("init by a generator", lambda t: (lambda g: ([getattr(t.nn.init, f)(t.empty(4, 3), generator=g) for f in ("uniform_", "normal_", "xavier_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_")], t.rand(1, generator=g), t.rand(1)))(t.Generator().manual_seed(4))),
    case("parameters reset", lambda t: (lambda m: (m.reset_parameters(), m.weight.detach(), m.bias.detach())[1:])(t.nn.Linear(3, 2))),
    *[case(f"ten losses of an {name}" if name == "MLP" else f"ten losses of a {name}", lambda t, setting=setting: losses(t, *setting), **CLOSE) for name, setting in MODELS.items()],
    *[case(f"ten losses by backward() and Adam, {name}", lambda t, setting=setting: imperative(t, setting[0], setting[1], 0.01), **CLOSE) for name, setting in MODELS.items()],
    error("init of a vector by fans", lambda t: t.nn.init.xavier_uniform_(t.empty(3)), fragment="Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"),
    error("init of a cube by eye_", lambda t: t.nn.init.eye_(t.empty(2, 2, 2)), fragment="Only tensors with 2 dimensions are supported"),
    error("init of a vector by orthogonal_", lambda t: t.nn.init.orthogonal_(t.empty(3)), fragment="Only tensors with 2 or more dimensions are supported"),
]
