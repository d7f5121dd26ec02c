"""Convolutions, their transposes, and the unrolling of patches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import type_name

__all__ = ["per_axis"]

_C_NAMES = {
    "Float": "float",
    "Double": "double",
    "Long": "long int",
    "Int": "int",
    "ComplexFloat": "c10::complex<float>",
}
_SPATIAL = "DHW"


def per_axis(value: Any, n: int, what: str) -> tuple[int, ...]:
    """One int for each of `n` axes. Raises RuntimeError in PyTorch's words for another number of them."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(values) not in (1, n):
        raise RuntimeError(
            f"expected {what} to be a single integer value or a list of {n} values to match the convolution "
            "dimensions, "
            f"but got {what}={list(values)}"
        )
    return tuple(int(v) for v in (values * n if len(values) == 1 else values))


def _dimensions(n: int) -> tuple[str, str, str]:
    axes = _SPATIAL[-n:]
    return f"NC{axes}", f"OI{axes}", f"NC{axes}"


def _check_dtypes(input: Any, weight: Any, bias: Any) -> None:
    names = [type_name(x.dtype) for x in (input, weight)]
    if bias is not None and bias.dtype != input.dtype:
        first, second = (_C_NAMES.get(n, n.lower()) for n in (names[0], type_name(bias.dtype)))
        raise RuntimeError(f"Input type ({first}) and bias type ({second}) should be the same")
    if names[0] != names[1]:
        raise RuntimeError(f"expected scalar type {names[0]} but found {names[1]}")


def _batched(input: Any, n: int, name: str) -> Any:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: "
            f"{list(input.shape)}"
        )
    return input if input.ndim == n + 2 else input[None]


def _check(
    input: Any, weight: Any, bias: Any, settings: Mapping[str, Sequence[int]], groups: int, transposed: bool
) -> None:
    """PyTorch's checks of sizes, in its order."""
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if any(p < 0 for p in settings["padding"]):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in settings["stride"]):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in settings["dilation"]):
        raise RuntimeError("dilation should be greater than zero")
    size = list(weight.shape)
    if weight.ndim != input.ndim:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight {size}, but got "
            f"{input.ndim}-dimensional input of size {list(input.shape)} instead"
        )
    if size[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{size} instead"
        )
    if size[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight "
            "of size "
            f"[{size}] instead"
        )
    wanted = size[0] if transposed else size[1] * groups
    if input.shape[1] != wanted:
        given = "transposed=1" if transposed else f"groups={groups}"
        raise RuntimeError(
            f"Given {given}, weight of size {size}, expected input{list(input.shape)} to have {wanted} channels, "
            "but got "
            f"{input.shape[1]} channels instead"
        )
    channels = size[1] * groups if transposed else size[0]
    if bias is not None and bias.shape != (channels,):
        raise RuntimeError(
            f"Given {'transposed=1, ' if transposed else ''}weight of size {size}, expected bias to be "
            "1-dimensional with "
            f"{channels} elements, but got bias of size {list(bias.shape)} instead"
        )
    if not transposed:
        padded = [s + 2 * p for s, p in zip(input.shape[2:], settings["padding"], strict=True)]
        reach = [d * (k - 1) + 1 for d, k in zip(settings["dilation"], size[2:], strict=True)]
        if any(r > s for r, s in zip(reach, padded, strict=True)):
            raise RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
                f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size"
            )


def _add_bias(out: Any, bias: Any, n: int) -> Any:
    return out if bias is None else out + bias.reshape(-1, *(1,) * n)


def _conv(n: int) -> Callable[..., Any]:
    name = f"conv{n}d"

    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        x = _batched(input, n, name)
        _check_dtypes(x, weight, bias)
        strides, dilations = per_axis(stride, n, "stride"), per_axis(dilation, n, "dilation")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise RuntimeError(f"Invalid padding string: '{padding}'")
            if padding == "same" and any(s != 1 for s in strides):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            totals = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilations, weight.shape[2:], strict=True)]
            pads = [(t // 2, t - t // 2) for t in totals]
            checked = [math.ceil(t / 2) for t in totals]
        else:
            checked = list(per_axis(padding, n, "padding"))
            pads = [(p, p) for p in checked]
        settings = {"stride": strides, "padding": checked, "dilation": dilations}
        _check(x, weight, bias, settings, groups, transposed=False)
        out = lax.conv_general_dilated(
            x,
            weight,
            strides,
            pads,
            rhs_dilation=dilations,
            dimension_numbers=_dimensions(n),
            feature_group_count=groups,
            precision=precision(),
        )
        out = _add_bias(out, bias, n)
        return out if input.ndim == n + 2 else out[0]

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = f"Cross-correlation over {n} axes. Source: torch.nn.functional.{name}."
    return conv


def _conv_transpose(n: int) -> Callable[..., Any]:
    name = f"conv_transpose{n}d"

    def conv_transpose(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        x = _batched(input, n, name)
        _check_dtypes(x, weight, bias)
        strides, dilations = per_axis(stride, n, "stride"), per_axis(dilation, n, "dilation")
        pads, extra = per_axis(padding, n, "padding"), per_axis(output_padding, n, "output_padding")
        settings = {"stride": strides, "padding": pads, "dilation": dilations}
        _check(x, weight, bias, settings, groups, transposed=True)
        if any(e >= s and e >= d for e, s, d in zip(extra, strides, dilations, strict=True)):
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got output_padding: "
                f"{list(extra)}, stride: {list(strides)}, dilation: {list(dilations)}"
            )
        # the transpose is a convolution of the spread-out input with the turned kernel, its channels exchanged
        kernel = weight.shape[2:]
        turned = jnp.flip(weight, axis=tuple(range(2, n + 2)))
        turned = turned.reshape(groups, weight.shape[0] // groups, weight.shape[1], *kernel)
        turned = jnp.swapaxes(turned, 1, 2).reshape(groups * weight.shape[1], -1, *kernel)
        reach = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        out = lax.conv_general_dilated(
            x,
            turned,
            (1,) * n,
            [(r - p, r - p + e) for r, p, e in zip(reach, pads, extra, strict=True)],
            lhs_dilation=strides,
            rhs_dilation=dilations,
            dimension_numbers=_dimensions(n),
            feature_group_count=groups,
            precision=precision(),
        )
        out = _add_bias(out, bias, n)
        return out if input.ndim == n + 2 else out[0]

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = f"The transpose of `conv{n}d`. Source: torch.nn.functional.{name}."
    return conv_transpose


for _n in (1, 2, 3):
    for _make in (_conv, _conv_transpose):
        _fn = _make(_n)
        row("torch nn.functional", _fn.__name__, _fn)


# ---- patches ---------------------------------------------------------------------------------------------------------


def _patches(
    x: Any, kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]
) -> Any:
    """(N, C, H, W) to (N, C * kh * kw, number of blocks)."""
    x = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    counts = _block_counts(x.shape[2:], kernel, dilation, (0, 0), stride)
    ends = [(c - 1) * s + 1 for c, s in zip(counts, stride, strict=True)]
    pieces = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            pieces.append(x[:, :, top : top + ends[0] : stride[0], left : left + ends[1] : stride[1]])
    stacked = jnp.stack(pieces, axis=2)
    return stacked.reshape(x.shape[0], x.shape[1] * kernel[0] * kernel[1], counts[0] * counts[1])


def _block_counts(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> list[int]:
    settings = zip(size, kernel, dilation, padding, stride, strict=True)
    return [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in settings]


def _pairs(*values: Any) -> list[tuple[int, ...]]:
    return [per_axis(v, 2, "value") for v in values]


@op("nn.functional")
def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The patches that a convolution would see, as columns. Source: torch.nn.functional.unfold."""
    kernel, dilations, pads, strides = _pairs(kernel_size, dilation, padding, stride)
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    x = input if input.ndim == 4 else input[None]
    counts = _block_counts(x.shape[2:], kernel, dilations, pads, strides)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, dilation={dilations}, "
            f"padding={pads}, calculated shape of the array of sliding blocks as {tuple(counts)}, but its components "
            "must be at least one."
        )
    out = _patches(x, kernel, dilations, pads, strides)
    return out if input.ndim == 4 else out[0]


@op("nn.functional")
def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns of patches put back and added up where they overlap. Source: torch.nn.functional.fold."""
    size, kernel, dilations, pads, strides = _pairs(output_size, kernel_size, dilation, padding, stride)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    x = input if input.ndim == 3 else input[None]
    taps = kernel[0] * kernel[1]
    if x.shape[1] % taps:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size={kernel}."
        )
    counts = _block_counts(size, kernel, dilations, pads, strides)
    blocks = counts[0] * counts[1]
    if x.shape[2] != blocks:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilations}, padding={pads}, stride={strides}, "
            f"expected size of input's dimension 2 to match the calculated number of sliding blocks {counts[0]} * "
            f"{counts[1]} = {blocks}, but got input.size(2)={x.shape[2]}."
        )
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // taps, *size), x.dtype)
    spread = jax.linear_transpose(lambda y: _patches(y, kernel, dilations, pads, strides), image)
    (out,) = spread(x)
    return out if input.ndim == 3 else out[0]
