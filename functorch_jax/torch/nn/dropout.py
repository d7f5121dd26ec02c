"""Dropout layers: active in training mode only."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    function = ""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        return getattr(F, self.function)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeros elements. Source: torch.nn.Dropout."""

    function = "dropout"


class Dropout1d(_DropoutNd):
    """Zeros channels of (N, C, L) or (C, L). Source: torch.nn.Dropout1d."""

    function = "dropout1d"


class Dropout2d(_DropoutNd):
    """Zeros channels of (N, C, H, W) or (N, C, L). Source: torch.nn.Dropout2d."""

    function = "dropout2d"


class Dropout3d(_DropoutNd):
    """Zeros channels of (N, C, D, H, W) or (C, D, H, W). Source: torch.nn.Dropout3d."""

    function = "dropout3d"


class AlphaDropout(_DropoutNd):
    """Sets elements to SELU's negative limit and keeps mean and variance. Source: torch.nn.AlphaDropout."""

    function = "alpha_dropout"


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels. Source: torch.nn.FeatureAlphaDropout."""

    function = "feature_alpha_dropout"
