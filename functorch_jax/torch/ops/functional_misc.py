"""The rest of `torch.nn.functional`: products with weights, padding, channels and space."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.matmul import _combined, _flat, matmul

stop = lax.stop_gradient


# ---- products with weights -------------------------------------------------------------------------------------------


@op("nn.functional")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """`input @ weight.T + bias`. Source: torch.nn.functional.linear."""
    if input.ndim == 0 or weight.ndim == 0:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if weight.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {weight.ndim}D")
    if weight.ndim == 2:
        rows = _flat(input)
        if rows.shape[1] != weight.shape[1]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows.shape[0]}x{rows.shape[1]} and "
                f"{weight.shape[1]}x{weight.shape[0]})"
            )
        # no transpose of the weight is written down, so none is carried around by derivatives
        if input.dtype == weight.dtype:
            out = lax.dot_general(input, weight, (((input.ndim - 1,), (1,)), ((), ())), precision=precision())
            return out if bias is None else _biased(input, weight, bias, out)
    return matmul(input, weight.T) if bias is None else _biased(input, weight, bias, matmul(input, weight.T))


def _biased(input: Any, weight: Any, bias: Any, out: Any) -> Any:
    if bias.dtype != input.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {type_name(bias.dtype)} and {type_name(weight.dtype)}"
        )
    return _combined(bias, out, 1, 1)


@op("nn.functional torch")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """`input1 @ weight[k] @ input2 + bias[k]`. Source: torch.nn.functional.bilinear."""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{list(input1.shape[:-1])} and {list(input2.shape[:-1])}"
        )
    for i, x in enumerate((input1, input2)):
        if x.shape[-1] != weight.shape[i + 1]:
            raise RuntimeError(
                f"bilinear(): input{i + 1} size does not match weight size: got {x.shape[-1]} but expected "
                f"{weight.shape[i + 1]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
    out = jnp.einsum("...i,kij,...j->...k", input1, weight, input2, precision=precision())
    return out if bias is None else out + bias


# ---- classes ---------------------------------------------------------------------------------------------------------


def _one_hot(input: Any, num_classes: int) -> Any:
    return (jnp.expand_dims(input, -1) == jnp.arange(num_classes)).astype(np.int64)


_hot = Op(_one_hot, "one_hot")


@function("nn.functional")
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Integers as vectors of zeros and one 1; as many classes as the largest asks for, when not told.

    Errors: RuntimeError for other than int64, for negative classes, and for classes out of range.
    Source: torch.nn.functional.one_hot.
    """
    if input.array.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if num_classes == -1:
        from functorch_jax.torch._tensor import concrete

        values = np.asarray(concrete(input, "one_hot() without num_classes"))
        if values.size == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(values.max()) + 1
    if num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    known = known_value(input)
    if known is not None and known.size:
        if known.min() < 0:
            raise RuntimeError("Class values must be non-negative.")
        if known.max() >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    return _hot(input, num_classes)


# ---- padding ---------------------------------------------------------------------------------------------------------

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_COMBINATIONS = """Supported combinations for non-constant padding:
  - 2D or 3D input: padding size = 2 (pads last dimension)
  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)
  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"""


def _check_pad(input: Any, pad: Any, mode: str, value: Any) -> None:
    if mode in _MODES and value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')


@op("nn.functional", scalars="value", check=_check_pad)
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """Elements added around, or with negative numbers taken away; the last axis first.

    Source: torch.nn.functional.pad.
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    sides = [(0, 0)] * (input.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    for size, (before, after) in zip(input.shape, sides, strict=True):
        if size + before + after < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
    if mode == "constant":
        fill = jnp.zeros((), input.dtype) if value is None else jnp.asarray(value).astype(input.dtype)
        return lax.pad(input, fill, [(b, a, 0) for b, a in sides])
    if mode not in _MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if len(pad) not in (2, 4, 6) or input.ndim not in (len(pad) // 2 + 1, len(pad) // 2 + 2):
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {input.ndim}D input tensor.\n{_COMBINATIONS}"
        )
    x = input
    for axis, (before, after) in enumerate(sides):
        size = x.shape[axis]
        if mode == "reflect" and max(before, after) >= size and (before, after) != (0, 0):
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({before}, {after}) at dimension {axis} of input {list(input.shape)}"
            )
        if mode == "circular" and max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if (before, after) == (0, 0):
            continue
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(before, 0), max(after, 0))
        if mode == "circular" and min(before, after) < 0:  # what is taken away does not come around
            x = lax.slice_in_dim(x, max(-before, 0), size - max(-after, 0), axis=axis)
            x = jnp.pad(x, widths, mode="wrap")
            continue
        x = jnp.pad(x, widths, mode=_MODES[mode])
        x = lax.slice_in_dim(x, max(-before, 0), x.shape[axis] - max(-after, 0), axis=axis)
    return x


# ---- channels and space ----------------------------------------------------------------------------------------------


_padded = pad


@op("torch", scalars="value")
def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(pad)} while the input has {input.ndim} dimensions."
        )
    return _padded(input, pad, value=value)


@op("nn.functional torch")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(*, C * r * r, H, W) to (*, C, H * r, W * r). Source: torch.nn.functional.pixel_shuffle."""
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            "upscale_factor, but "
            f"input.size(-3)={c} is not divisible by {r * r}"
        )
    x = input.reshape(math.prod(batch), c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(*batch, c // (r * r), h * r, w * r)


@op("nn.functional torch")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(*, C, H * r, W * r) to (*, C * r * r, H, W). Source: torch.nn.functional.pixel_unshuffle."""
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    for what, size, axis in (("height", h, -2), ("width", w, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but input.size({axis})={size} is "
                f"not divisible by {r}"
            )
    x = input.reshape(math.prod(batch), c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(*batch, c * r * r, h // r, w // r)


@op("nn.functional torch")
def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels of `groups` groups dealt out in turn. Source: torch.nn.functional.channel_shuffle."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    c = input.shape[1]
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    x = input.reshape(input.shape[0], groups, c // groups, *input.shape[2:])
    return jnp.swapaxes(x, 1, 2).reshape(input.shape)
