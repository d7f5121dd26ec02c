"""Layers that pad, resize or rearrange an image, and distances."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn._layer import layer
from functorch_jax.torch.nn._make import tuple_of
from functorch_jax.torch.nn.module import Module

_PATCH = "kernel_size, dilation=1, padding=0, stride=1"

_TABLE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("ChannelShuffle", "channel_shuffle", "groups", {"shown": "groups"}),
    ("CosineSimilarity", "cosine_similarity", "dim=1, eps=1e-08", {}),
    ("Fold", "fold", f"output_size, {_PATCH}", {"shown": "output_size kernel_size dilation padding stride"}),
    ("PairwiseDistance", "pairwise_distance", "p=2.0, eps=1e-06, keepdim=False", {}),
    ("PixelShuffle", "pixel_shuffle", "upscale_factor", {"shown": "upscale_factor"}),
    ("PixelUnshuffle", "pixel_unshuffle", "downscale_factor", {"shown": "downscale_factor"}),
    ("Unfold", "unfold", _PATCH, {"shown": "kernel_size dilation padding stride"}),
]


class Upsample(Module):
    """Resizes (N, C, ...) to `size` or by `scale_factor`. Source: torch.nn.Upsample."""

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Any:
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        which = "scale_factor" if self.scale_factor is not None else "size"
        return f"{which}={getattr(self, which)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` by nearest neighbours. Source: torch.nn.UpsamplingNearest2d."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` bilinearly, with aligned corners. Source: torch.nn.UpsamplingBilinear2d."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class _Pad(Module):
    dims = 0
    mode = "constant"
    value: Any = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple_of(2 * self.dims, padding)

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


_PADS = {
    "ConstantPad": (_ConstantPad, "constant"),
    "ZeroPad": (_ZeroPad, "constant"),
    "ReflectionPad": (_Pad, "reflect"),
    "ReplicationPad": (_Pad, "replicate"),
    "CircularPad": (_Pad, "circular"),
}

__all__ = [
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
    *(row[0] for row in _TABLE),
    *(f"{kind}{n}d" for kind in _PADS for n in (1, 2, 3)),
]

for _name, _function, _settings, _options in _TABLE:
    globals()[_name] = layer(__name__, _name, _function, _settings, **_options)

for _kind, (_base, _mode) in _PADS.items():
    for _n in (1, 2, 3):
        _doc = f"`functional.pad` as a layer, {_n} axes. Source: torch.nn.{_kind}{_n}d."
        globals()[f"{_kind}{_n}d"] = type(
            f"{_kind}{_n}d", (_base,), {"__module__": __name__, "__doc__": _doc, "dims": _n, "mode": _mode}
        )
