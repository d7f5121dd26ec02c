"""Pooling layers."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn._layer import layer
from functorch_jax.torch.nn._make import tuple_of
from functorch_jax.torch.nn.module import Module

_N = (1, 2, 3)


def _stride(self: Any) -> None:
    if self.stride is None:
        self.stride = self.kernel_size


def _one(self: Any) -> None:
    """The one-dimensional average keeps its settings as tuples."""
    _stride(self)
    for name in ("kernel_size", "stride", "padding"):
        setattr(self, name, tuple_of(1, getattr(self, name)))


_MAX = "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False"
_AVG = "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"
_LP = "norm_type, kernel_size, stride=None, ceil_mode=False"
_SIZE = "kernel_size stride padding"

_TABLE: list[tuple[str, str, str, dict[str, Any]]] = [
    *(
        (f"MaxPool{n}d", f"max_pool{n}d", _MAX, {"shown": f"{_SIZE} dilation ceil_mode", "prepare": _stride})
        for n in _N
    ),
    ("AvgPool1d", "avg_pool1d", _AVG, {"shown": _SIZE, "prepare": _one}),
    *(
        (f"AvgPool{n}d", f"avg_pool{n}d", f"{_AVG}, divisor_override=None", {"shown": _SIZE, "prepare": _stride})
        for n in (2, 3)
    ),
    *((f"AdaptiveAvgPool{n}d", f"adaptive_avg_pool{n}d", "output_size", {"shown": "output_size"}) for n in _N),
    *(
        (
            f"AdaptiveMaxPool{n}d",
            f"adaptive_max_pool{n}d",
            "output_size, return_indices=False",
            {"shown": "output_size"},
        )
        for n in _N
    ),
    *((f"LPPool{n}d", f"lp_pool{n}d", _LP, {"shown": "norm_type kernel_size stride ceil_mode"}) for n in _N),
]


def _fractional(self: Any) -> None:
    """Either a size or a ratio, for each axis."""
    n = int(type(self).__name__[-2])
    self.kernel_size = tuple_of(n, self.kernel_size)
    self.register_buffer("_random_samples", self.__dict__.pop("_random_samples"))
    self.output_size = None if self.output_size is None else tuple_of(n, self.output_size)
    given = self.output_ratio
    self.output_ratio = None if given is None else tuple_of(n, given)
    if self.output_size is None and self.output_ratio is None:
        raise ValueError(f"FractionalMaxPool{n}d requires specifying either an output size, or a pooling ratio")
    if self.output_size is not None and self.output_ratio is not None:
        raise ValueError("only one of output_size and output_ratio may be specified")
    if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
        raise ValueError(f"output_ratio must be between 0 and 1 (got {given})")


_FRACTIONAL = "kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None"
_TABLE += [
    (f"FractionalMaxPool{n}d", f"fractional_max_pool{n}d", _FRACTIONAL, {"prepare": _fractional}) for n in (2, 3)
]

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d", *(row[0] for row in _TABLE)]

for _name, _function, _settings, _options in _TABLE:
    globals()[_name] = layer(__name__, _name, _function, _settings, **_options)


class _MaxUnpoolNd(Module):
    dims = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = tuple_of(self.dims, kernel_size)
        self.stride = tuple_of(self.dims, kernel_size if stride is None else stride)
        self.padding = tuple_of(self.dims, padding)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        unpool = getattr(F, f"max_unpool{self.dims}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima back where they were taken from, zeros elsewhere. Source: torch.nn.MaxUnpool1d."""

    dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima back where they were taken from, zeros elsewhere. Source: torch.nn.MaxUnpool2d."""

    dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima back where they were taken from, zeros elsewhere. Source: torch.nn.MaxUnpool3d."""

    dims = 3
