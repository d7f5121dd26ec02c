"""The forms under which PyTorch itself calls normalisation, sampling, the backward of dropout and softmax, and kin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._op import NAMESPACES, Op, function, op
from functorch_jax.torch._promote import cast, to_float, type_name, wrap_dim
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.ops.functional_norm import _eval, _moments, _scale, _train, _update, _wide, layer_norm
from functorch_jax.torch.ops.functional_resample import _resized

stop = lax.stop_gradient


# ---- normalisation, with its statistics ------------------------------------------------------------------------------


@op("torch", scalars="eps")
def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any) -> Any:
    """`layer_norm`, the means and the inverse deviations. Source: torch.native_layer_norm."""
    out = layer_norm(input, normalized_shape, weight, bias, eps)
    x = _wide(input)
    mean, var = _moments(x, range(x.ndim - len(normalized_shape), x.ndim))
    return out, stop(mean), stop(lax.rsqrt(var + cast(eps, x.dtype)))


@op("torch", scalars="eps")
def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: Any
) -> Any:  # the names are PyTorch's
    """`group_norm` of an input of N, C and HxW elements, the means and the inverse deviations, (N, group).

    Source: torch.native_group_norm.
    """
    if C % group:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={group}"
        )
    x = _wide(input).reshape(N, group, C // group * HxW)
    mean, var = _moments(x, (2,))
    rstd = lax.rsqrt(var + cast(eps, x.dtype))
    out = _scale(((x - mean) * rstd).reshape(input.shape), weight, bias)
    return out.astype(input.dtype), mean[..., 0], rstd[..., 0]


def _saved(input: Any, eps: Any) -> Any:
    x = _wide(input)
    mean, var = _moments(x, [a for a in range(x.ndim) if a != 1])
    return stop(mean.reshape(-1)), stop(lax.rsqrt(var + cast(eps, x.dtype)).reshape(-1))


_statistics = Op(_saved, "batch_norm_statistics", "eps")


@function("torch")
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`batch_norm`, and in training the batch's means and inverse deviations. Source: torch.native_batch_norm."""
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("running_mean and running_var must be defined in evaluation mode")
        empty = wrap(jnp.zeros(0, running_mean.array.dtype))
        return _eval(input, running_mean, running_var, weight, bias, eps), empty, empty
    out, mean, var = _train(input, weight, bias, eps)
    saved = _statistics(input, eps)
    _update(running_mean, mean, momentum)
    _update(running_var, var, momentum)
    return out, *saved


@function("torch")
def _native_batch_norm_legit(input: Tensor, weight: Tensor | None, bias: Tensor | None, *settings: Any) -> Any:
    # without running statistics there are two arguments less
    running = settings[:2] if len(settings) == 5 else (None, None)
    return native_batch_norm(input, weight, bias, *running, *settings[-3:])


@function("torch")
def _batch_norm_with_update(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, ...]:
    out = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return *out, wrap(jnp.zeros(0, jnp.uint8))


# ---- backward forms --------------------------------------------------------------------------------------------------


@op("torch")
def _softmax_backward_data(grad_output: Any, output: Any, dim: int, input_dtype: Any) -> Any:
    weighed = grad_output * output
    axis = wrap_dim(dim, output.ndim)
    return (weighed - output * jnp.sum(weighed, axis=axis if output.ndim else None, keepdims=True)).astype(input_dtype)


@op("torch", scalars="scale")
def native_dropout_backward(grad_output: Any, mask: Any, scale: Any) -> Any:
    """The cotangent of dropout's input. Source: torch.native_dropout_backward."""
    grad = to_float(grad_output)
    return grad * (mask.astype(grad.dtype) * cast(scale, grad.dtype))


# ---- sampling --------------------------------------------------------------------------------------------------------

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def _grid_sampler(name: str) -> None:
    def sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
        sample = NAMESPACES["nn.functional"]["grid_sample"]
        mode, padding = _MODES[interpolation_mode], _PADDINGS[padding_mode]
        return sample(input, grid, mode, padding, align_corners)  # type: ignore[no-any-return]

    sampler.__name__ = sampler.__qualname__ = name
    sampler.__doc__ = f"`grid_sample` with its modes as numbers. Source: torch.{name}."
    function("torch")(sampler)


for _name in ("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"):
    _grid_sampler(_name)


@function("torch")
def _upsample_bilinear2d_aa(
    input: Tensor,
    output_size: Any,
    align_corners: bool,
    scales_h: float | None = None,
    scales_w: float | None = None,
    scale_factors: Sequence[float] | None = None,
) -> Tensor:
    factors: Sequence[float | None] = (scales_h, scales_w) if scale_factors is None else scale_factors
    if output_size is None:
        output_size = [math.floor(n * (f or 1)) for n, f in zip(input.shape[2:], factors, strict=True)]
    return _resized(input, [int(n) for n in output_size], tuple(factors), "bilinear", align_corners, True)  # type: ignore[no-any-return]


# ---- indexing under a mask -------------------------------------------------------------------------------------------


def _clipped(input: Any, indices: Any) -> tuple[Any, ...]:
    return tuple(
        slice(None) if i is None else jnp.clip(i, 0, n - 1) for i, n in zip(indices, input.shape, strict=False)
    )


@op("torch", scalars="fill")
def _unsafe_masked_index(input: Any, mask: Any, indices: Any, fill: Any) -> Any:
    # where the mask is False, indices may be out of range
    return jnp.where(mask, input[_clipped(input, indices)], cast(fill, input.dtype))


@op("torch")
def _unsafe_masked_index_put_accumulate(input: Any, mask: Any, indices: Any, values: Any) -> Any:
    return input.at[_clipped(input, indices)].add(jnp.where(mask, values, 0))


# ---- chunks ---------------------------------------------------------------------------------------------------------


@op("torch")
def _chunk_cat(tensors: Any, dim: int, num_chunks: int) -> Any:
    first = tensors[0]
    axis = wrap_dim(dim, first.ndim)
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    parts = []
    for x in _of_one_dtype(tensors):
        width = -(-x.shape[axis] // num_chunks)
        pad = [(0, 0, 0)] * x.ndim
        pad[axis] = (0, width * num_chunks - x.shape[axis], 0)
        parts.append(lax.pad(x, jnp.zeros((), x.dtype), pad).reshape(*x.shape[:axis], num_chunks, -1))
    return jnp.concatenate(parts, -1)


def _of_one_dtype(tensors: Sequence[Any]) -> list[Any]:
    for x in tensors:
        if x.dtype != tensors[0].dtype:
            raise RuntimeError(
                f"_chunk_cat expects all input tensors with the same dtype, and got {type_name(x.dtype)}"
            )
    return list(tensors)


# ---- cross entropy of a product --------------------------------------------------------------------------------------


@function("nn.functional")
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """The cross entropy of `input` times `linear_weight`, (C, ..., features), against `target`.

    `options` says how PyTorch splits the work, which XLA decides by itself: it is not looked at.

    Errors: RuntimeError for shapes that do not fit, and for an `ignore_index` with a target of probabilities.
    Source: torch.nn.functional.linear_cross_entropy.
    """
    weights: Any = linear_weight
    given: Any = input
    _check_linear(given, weights, target, linear_bias, ignore_index)
    logits: Any = NAMESPACES["nn.functional"]["linear"](given, weights.reshape(-1, weights.shape[-1]))
    logits = logits.reshape(*given.shape[:-1], *weights.shape[:-1])
    if linear_bias is not None:
        logits = logits + linear_bias
    return NAMESPACES["nn.functional"]["cross_entropy"](  # type: ignore[no-any-return]
        logits,
        target,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check_linear(input: Any, weight: Any, target: Any, bias: Any, ignore_index: int | None) -> None:
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.ndim}")
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {weight.shape[-1]}, respectively"
        )
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise RuntimeError(f"expected linear_bias shape {tuple(weight.shape[:-1])}, got {tuple(bias.shape)}")
    if input.ndim == 1 and weight.ndim > 2:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched input, "
            f"(N, {input.shape[0]}), got unbatched input with shape {tuple(input.shape)}"
        )
    if ignore_index is not None and target.is_floating_point():
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")


@function("Tensor", name="__rdiv__")
def _divided_into(self: Tensor, other: Any) -> Any:
    return self.__rtruediv__(other)  # type: ignore[attr-defined]
