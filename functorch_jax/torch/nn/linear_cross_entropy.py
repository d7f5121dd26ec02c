"""The cross entropy of a linear layer's outputs, with that layer inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import torch_dtype
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn.linear import Linear  # type: ignore[attr-defined]
from functorch_jax.torch.nn.loss import _WeightedLoss

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]

_POLICIES = ("accurate", "balanced", "compact", "auto")
_DTYPES = (None, *map(torch_dtype, (np.float16, jnp.bfloat16, np.float32, np.float64)))


@dataclass(frozen=True, slots=True)
class LinearCrossEntropyOptions:
    """How PyTorch splits the work of `linear_cross_entropy`; accepted, while XLA decides that by itself.

    Args:
        allow_retain_graph: always so here.
        batch_chunk_size: rows at a time.
        chunking_method: "auto", "aspect_ratio:N" or None.
        acc_policy: "accurate", "balanced", "compact" or "auto".
        acc_dtype: a floating dtype to add up in, or None.

    Errors: ValueError for what is none of these.
    Source: torch.nn.LinearCrossEntropyOptions.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size}")
        if self.chunking_method not in (None, "auto"):
            name, _, number = self.chunking_method.partition(":")
            if name != "aspect_ratio" or not number.isdigit() or int(number) == 0:
                raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if self.acc_dtype not in _DTYPES:
            names = ", ".join(map(str, _DTYPES))
            raise ValueError(
                f"acc_dtype must be one of {{{names}}}, got {self.acc_dtype}. Pass acc_dtype=None to leave it open."
            )


class LinearCrossEntropyLoss(_WeightedLoss):
    """The cross entropy of a linear layer's outputs against a target.

    Args:
        in_features: entries of each input.
        num_classes: C.
        out_features: further axes of the output, (C, *out_features), each with classes of its own.
        bias: the layer, `self.linear`, has a bias.
        reduction: "none", "mean" or "sum".
        weight: of the classes, (C,).
        ignore_index: the class that does not count; -100 by default, where the target has classes.
        label_smoothing: between 0 and 1.
        options: a `LinearCrossEntropyOptions`; accepted.

    Inputs are (in_features,) or (N, in_features); targets are classes, () or (N, *out_features), or probabilities,
    (C,) or (N, C, *out_features).

    Errors: ValueError or RuntimeError for settings out of their range, and for shapes that do not fit.
    Source: torch.nn.LinearCrossEntropyLoss.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight=weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        rows = num_classes * math.prod(out_features)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss: a number, or one for each row where nothing is reduced."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return NAMESPACES["nn.functional"]["linear_cross_entropy"](
            input,
            self.linear.weight.reshape(*shape, -1),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        settings = {
            "in_features": self.linear.in_features,
            "num_classes": self.num_classes,
            "out_features": self.out_features,
            "bias": self.linear.bias is not None,
            "reduction": self.reduction,
            "ignore_index": self.ignore_index,
            "label_smoothing": self.label_smoothing,
            "options": self.options,
        }
        return ", ".join(f"{name}={value}" for name, value in settings.items())
