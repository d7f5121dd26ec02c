"""Layouts of convolution weights. How arrays lie in memory is XLA's business: nothing changes."""

from __future__ import annotations

from typing import Any

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """`module` as it is. Source: torch.nn.utils.convert_conv2d_weight_memory_format."""
    return module


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """`module` as it is. Source: torch.nn.utils.convert_conv3d_weight_memory_format."""
    return module
