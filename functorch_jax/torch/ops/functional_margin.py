"""Losses by margins between classes or between distances, and the loss of a linear layer's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import NAMESPACES, Op, function
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.functional_loss import _clamp_min, _mode, _reduced


def _multilabel(input: Any, target: Any, reduction: str) -> Any:
    x = input if input.ndim == 2 else input.reshape(1, -1)
    classes = target.reshape(x.shape)
    n = x.shape[1]
    listed = jnp.cumsum(classes < 0, axis=1) == 0  # the labels end at the first negative one
    labels = jnp.where(listed, classes, 0)
    rows = jnp.arange(x.shape[0])[:, None]
    is_target = jnp.zeros(x.shape, bool).at[rows, labels].max(listed)
    gaps = _clamp_min(1 - jnp.take_along_axis(x, labels, 1)[:, :, None] + x[:, None, :])
    gaps = jnp.where(listed[:, :, None] & ~is_target[:, None, :], gaps, 0)
    loss = gaps.sum((1, 2)) / n
    return _reduced(loss if input.ndim == 2 else loss[0], reduction)


_multilabel_margin = Op(_multilabel, "multilabel_margin_loss")


@function("nn.functional")
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """What each label's score lacks to be 1 above the scores of the classes that are no labels.

    Args:
        input: (N, C) or (C).
        target: of the same shape, int64: the labels of each row, ended by -1.

    Errors: RuntimeError for shapes that differ, for other than int64, and for labels out of range.
    Source: torch.nn.functional.multilabel_margin_loss.
    """
    if input.shape != target.shape or input.ndim > 2:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    if target.array.dtype != jnp.int64:
        raise RuntimeError(f"expected scalar type Long but found {type_name(target.array.dtype)}")
    classes = input.shape[-1] if input.ndim else 1
    known = known_value(target)
    if known is not None and known.size and (known.min() < -1 or known.max() >= classes):
        raise RuntimeError("argument #2 'target' is out of range")
    return _multilabel_margin(input, target, _mode(size_average, reduce, reduction))


@function("nn.functional")
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """`relu(margin + d(anchor, positive) - d(anchor, negative))` for a distance of one's own.

    Errors: ValueError for a margin that is not positive and for an unknown reduction; RuntimeError for numbers of axes
        that differ.
    Source: torch.nn.functional.triplet_margin_with_distance_loss.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    distance = distance_function or NAMESPACES["nn.functional"]["pairwise_distance"]
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = NAMESPACES["torch"]["minimum"](far, distance(positive, negative))
    loss = NAMESPACES["torch"]["clamp_min"](margin + near - far, 0)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()
