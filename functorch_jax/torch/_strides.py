"""Strides as PyTorch reports them, worked out from how a view was taken.

JAX's arrays have no strides to share; a view here is recomputed from its base. But whether PyTorch's `reshape` gives a
view or a copy, and what `is_contiguous` says, depends on strides, and programs depend on those.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["RULES", "check_overlap", "contiguous_strides", "is_contiguous", "layout_of", "reshaped_strides"]

Layout = tuple[tuple[int, ...], int]
"""Strides and offset, in elements."""

RULES: dict[str, Callable[..., Layout]] = {}
"""By the name of a view op: (shape, strides, offset, arguments of the op) -> strides and offset of the view."""


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a row-major tensor."""
    strides = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def layout_of(tensor: Any) -> Layout:
    """The strides and offset of a tensor in the memory that PyTorch would have given it."""
    parent = tensor._parent
    if parent is None:
        return tensor._strides or contiguous_strides(tensor.array.shape), 0
    op, key, arrays = tensor._view
    strides, offset = layout_of(parent)
    rule = RULES.get(op.name)
    if rule is None:
        return strides, offset
    from functorch_jax.torch._op import _fill

    return rule(parent.array.shape, strides, offset, *_fill(key[0][1:], arrays))


def is_contiguous(tensor: Any) -> bool:
    """Whether the elements lie in memory in row-major order."""
    if tensor._parent is None and tensor._strides is None:
        return True
    shape = tensor.array.shape
    if 0 in shape:
        return True
    strides = layout_of(tensor)[0]
    wanted = contiguous_strides(shape)
    return all(n == 1 or a == b for n, a, b in zip(shape, strides, wanted, strict=True))


def check_overlap(tensor: Any) -> None:
    """Raise for a write to a tensor that shows one element in several places."""
    if any(n > 1 and step == 0 for n, step in zip(tensor.array.shape, layout_of(tensor)[0], strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def reshaped_strides(shape: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides of a view of another shape; None when the elements would have to be copied."""
    if math.prod(shape) <= 1:
        return contiguous_strides(new)
    runs: list[tuple[int, int]] = []  # axes that lie behind one another in memory, merged: (length, stride)
    for n, stride in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * stride:
            runs[-1] = (runs[-1][0] * n, stride)
        else:
            runs.append((n, stride))
    result: list[int] = []
    left, step = runs.pop()
    for n in reversed(new):
        if left == 1 and n != 1 and runs:
            left, step = runs.pop()
        if left % n:
            return None  # the new axis would span two runs
        result.append(step)
        left, step = left // n, step * n
    return tuple(reversed(result)) if left == 1 and not runs else None
