"""Nonlinearities as layers."""

from __future__ import annotations

import warnings
from typing import Any

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn import init
from functorch_jax.torch.nn._layer import Settings, layer
from functorch_jax.torch.nn._make import parameter
from functorch_jax.torch.nn.module import Module


def _hardtanh_bounds(self: Any) -> None:
    for old, new in (("min_value", "min_val"), ("max_value", "max_val")):
        if getattr(self, old) is not None:
            warnings.warn(f"keyword argument `{old}` is deprecated and rename to `{new}`", FutureWarning, stacklevel=4)
            setattr(self, new, getattr(self, old))
        delattr(self, old)
    if self.max_val <= self.min_val:
        raise AssertionError(f"max_val must be larger than min_val, got {self.max_val} and {self.min_val}")


# class, function, __init__'s parameters, what is printed
_TABLE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("CELU", "celu", "alpha=1.0, inplace=False", {"shown": "alpha inplace"}),
    ("ELU", "elu", "alpha=1.0, inplace=False", {"shown": "alpha inplace"}),
    ("GELU", "gelu", "approximate='none'", {"shown": "approximate"}),
    ("GLU", "glu", "dim=-1", {"shown": "dim"}),
    ("Hardshrink", "hardshrink", "lambd=0.5", {"bare": "lambd"}),
    ("Hardsigmoid", "hardsigmoid", "inplace=False", {}),
    ("Hardswish", "hardswish", "inplace=False", {}),
    (
        "Hardtanh",
        "hardtanh",
        "min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None",
        {"shown": "min_val max_val inplace", "hidden": "min_value max_value", "prepare": _hardtanh_bounds},
    ),
    ("LeakyReLU", "leaky_relu", "negative_slope=0.01, inplace=False", {"shown": "negative_slope inplace"}),
    ("LogSigmoid", "logsigmoid", "", {}),
    ("LogSoftmax", "log_softmax", "dim=None", {"shown": "dim"}),
    ("Mish", "mish", "inplace=False", {"shown": "inplace"}),
    ("ReLU", "relu", "inplace=False", {"shown": "inplace"}),
    ("ReLU6", "relu6", "inplace=False", {"shown": "inplace"}),
    ("SELU", "selu", "inplace=False", {"shown": "inplace"}),
    ("SiLU", "silu", "inplace=False", {"shown": "inplace"}),
    ("Sigmoid", "sigmoid", "", {}),
    ("Softmax", "softmax", "dim=None", {"shown": "dim"}),
    ("Softmin", "softmin", "dim=None", {"shown": "dim"}),
    ("Softplus", "softplus", "beta=1.0, threshold=20.0", {"shown": "beta threshold"}),
    ("Softshrink", "softshrink", "lambd=0.5", {"bare": "lambd"}),
    ("Softsign", "softsign", "", {}),
    ("Tanh", "tanh", "", {}),
    ("Tanhshrink", "tanhshrink", "", {}),
    ("Threshold", "threshold", "threshold, value, inplace=False", {"shown": "threshold value inplace"}),
]

__all__ = ["PReLU", "RReLU", "Softmax2d", *(row[0] for row in _TABLE)]

for _name, _function, _settings, _options in _TABLE:
    globals()[_name] = layer(__name__, _name, _function, _settings, **_options)


class PReLU(Module):
    """A rectifier whose negative slope is learned. Source: torch.nn.PReLU."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A rectifier whose negative slope is drawn anew for each element in training. Source: torch.nn.RReLU."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    extra_repr = Settings.extra_repr
    shown = ("lower", "upper", "inplace")
    bare = ()


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W). Source: torch.nn.Softmax2d."""

    def forward(self, input: Any) -> Any:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)
