"""Normalisation: by batch, layer, group, instance, root mean square, neighbouring channels or norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax import grad_mode
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import refuse
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import broadcast, cast, promote, to_float, type_name, wrap_dim
from functorch_jax.torch._size import Size
from functorch_jax.torch._sums import count, total
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.reductions import vector_norm

__all__ = ["p_norm"]

stop = lax.stop_gradient


def _pure(fn: Any, scalars: str = "") -> Op:
    """An op without a name of its own: a part of the functions below."""
    return Op(fn, fn.__name__.strip("_"), scalars)


def _wide(x: Any) -> Any:
    """Statistics of half-precision numbers are computed in single precision, as in PyTorch."""
    return x.astype(jnp.float32) if x.dtype.name in ("float16", "bfloat16") else x


def _moments(x: Any, axes: Sequence[int]) -> tuple[Any, Any]:
    """Mean and biased variance over `axes`, which are kept with size 1."""
    n = count(x, axes)
    mean = total(x, axes, keepdims=True) / n
    return mean, total(jnp.square(x - mean), axes, keepdims=True) / n


def _along_channels(x: Any, ndim: int) -> Any:
    return x.reshape(1, -1, *(1,) * (ndim - 2))


def _scale(x: Any, weight: Any, bias: Any) -> Any:
    """Times weight plus bias, one number a channel."""
    if weight is not None:
        x = x * _along_channels(weight, x.ndim)
    return x if bias is None else x + _along_channels(bias, x.ndim)


# ---- batch norm ------------------------------------------------------------------------------------------------------


def _check_channels(input: Any, **vectors: Any) -> None:
    channels = input.shape[1] if input.ndim > 1 else input.shape[0]
    for name, vector in vectors.items():
        if vector is not None and math.prod(vector.shape) != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {math.prod(vector.shape)}")


def _batch_norm_train(input: Any, weight: Any, bias: Any, eps: Any) -> Any:
    """The normalised input with the batch's mean and unbiased variance."""
    refuse("batch_norm", input, "bic")
    x = _wide(input)
    axes = [a for a in range(x.ndim) if a != 1]
    mean, var = _moments(x, axes)
    out = _scale((x - mean) * lax.rsqrt(var + cast(eps, x.dtype)), weight, bias)
    n = count(x, axes)
    unbiased = var * (n / (n - 1)) if n > 1 else jnp.full_like(var, jnp.nan)
    return out.astype(input.dtype), stop(mean.reshape(-1)), stop(unbiased.reshape(-1))


def _batch_norm_eval(input: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: Any) -> Any:
    refuse("batch_norm", input, "bic")
    x = _wide(input)
    scale = lax.rsqrt(var + cast(eps, var.dtype))
    out = (x - _along_channels(mean, x.ndim)) * _along_channels(scale, x.ndim)
    return _scale(out, weight, bias).astype(input.dtype)


def _blend(old: Any, new: Any, momentum: Any) -> Any:
    momentum = cast(momentum, old.dtype)
    return (1 - momentum) * old + momentum * cast(new, old.dtype)


_train, _eval = _pure(_batch_norm_train, "eps"), _pure(_batch_norm_eval, "eps")
_running = _pure(_blend, "momentum")


def _update(running: Tensor | None, new: Tensor, momentum: Any) -> None:
    """Move a running statistic towards the batch's, in place; it carries no derivative."""
    if running is None:
        return
    with grad_mode.no_grad():
        blended = _running(running, new, momentum)
        try:
            running.overwrite(blended.array)
        except RuntimeError as error:
            if "vmap" not in str(error):
                raise
            raise RuntimeError(
                "Batch norm got a batched tensor as input while the running_mean or running_var, which will be "
                "updated in "
                "place, were not batched. Map over the buffers too (functional_call with stacked buffers), set "
                "`track_running_stats=False`, or use functorch_jax.func.replace_all_batch_norm_modules_"
            ) from None


def _check_more_than_one(size: Sequence[int]) -> None:
    values = math.prod(size) // size[1] if size[1] else 0
    if values == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {Size(size)}")


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: Any,
    eps: float,
) -> Tensor:
    if input.ndim < 2 and (training or input.array.size):
        raise RuntimeError(f"batch_norm: expected an input of at least 2 dimensions, but got {input.ndim}")
    if training:
        _check_more_than_one(input.shape)
    elif running_mean is None or running_var is None:
        missing = "running_mean" if running_mean is None else "running_var"
        raise RuntimeError(f"{missing} must be defined in evaluation mode")
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        if input.ndim < 2:
            return input  # nothing to normalise
        return _eval(input, running_mean, running_var, weight, bias, eps)
    out, mean, var = _train(input, weight, bias, eps)
    _update(running_mean, mean, momentum)
    _update(running_var, var, momentum)
    return out


@function("nn.functional")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel over the batch (training: the running statistics move) or by running statistics.

    Errors: RuntimeError under vmap when the statistics would have to differ from row to row and are not mapped.
    Source: torch.nn.functional.batch_norm.
    """
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@function("torch", name="batch_norm")
def _torch_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: Any,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """`nn.functional.batch_norm` with its arguments in another order. Source: torch.batch_norm."""
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


# ---- instance norm ---------------------------------------------------------------------------------------------------


def _instance_norm_train(input: Any, weight: Any, bias: Any, eps: Any) -> Any:
    x = _wide(input)
    axes = list(range(2, x.ndim))
    mean, var = _moments(x, axes)
    out = _scale((x - mean) * lax.rsqrt(var + cast(eps, x.dtype)), weight, bias)
    n = count(x, axes)
    unbiased = var * (n / (n - 1)) if n > 1 else var
    shape = x.shape[:2]
    means = [stop(jnp.mean(s.reshape(shape), axis=0)) for s in (mean, unbiased)]
    return out.astype(input.dtype), *means


_instance = _pure(_instance_norm_train, "eps")


@function("nn.functional")
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image. Source: torch.nn.functional.instance_norm."""
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not use_input_stats:
        return _eval(input, running_mean, running_var, weight, bias, eps)
    out, mean, var = _instance(input, weight, bias, eps)
    _update(running_mean, mean, momentum)
    _update(running_var, var, momentum)
    return out


@function("torch", name="instance_norm")
def _torch_instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: Any,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """`nn.functional.instance_norm` with its arguments in another order. Source: torch.instance_norm."""
    return instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


# ---- layer, group, root mean square ----------------------------------------------------------------------------------


def _check_normalized(input: Any, normalized_shape: Sequence[int], **affine: Any) -> tuple[int, ...]:
    shape = list(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            f"normalized_shape = {shape}"
        )
    for name, value in affine.items():
        if value is not None and list(value.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(value.shape)} and "
                f"normalized_shape = {shape}"
            )
    if list(input.shape[-len(shape) :]) != shape:
        wanted = ", ".join(["*", *map(str, shape)])
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [{wanted}], but got input of size"
            f"{list(input.shape)}"
        )
    return tuple(range(input.ndim - len(shape), input.ndim))


@op("nn.functional", scalars="eps")
def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: Any = 1e-5) -> Any:
    """Normalise over the last axes. Source: torch.nn.functional.layer_norm."""
    axes = _check_normalized(input, normalized_shape, weight=weight, bias=bias)
    refuse("LayerNormKernelImpl", input, "bic")
    x = _wide(input)
    mean, var = _moments(x, axes)
    out = (x - mean) * lax.rsqrt(var + cast(eps, x.dtype))
    out = out if weight is None else out * weight
    out = out if bias is None else out + bias
    return out.astype(input.dtype)


@op("torch", name="layer_norm", scalars="eps")
def _torch_layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: Any = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    return layer_norm(input, normalized_shape, weight, bias, eps)


@op("nn.functional torch", scalars="eps")
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    """Divide by the root of the mean square over the last axes. Source: torch.nn.functional.rms_norm."""
    axes = _check_normalized(input, normalized_shape, weight=weight)
    x = _wide(input)
    eps = jnp.finfo(x.dtype).eps if eps is None else eps
    mean = total(jnp.square(x), axes, keepdims=True) / count(x, axes)
    out = x * lax.rsqrt(mean + cast(eps, x.dtype))
    return (out if weight is None else out * weight).astype(input.dtype)


@op("nn.functional", scalars="eps")
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: Any = 1e-5) -> Any:
    """Normalise over groups of channels. Source: torch.nn.functional.group_norm."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    size = list(input.shape)
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if size[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{size} and num_groups={num_groups}"
        )
    if math.prod(size) == size[0] * num_groups and size[0] == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != (size[1],):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} "
                "of shape "
                f"{list(value.shape)} and input of shape {size}"
            )
    refuse("GroupNormKernelImpl", input, "bic")
    x = _wide(input).reshape(size[0], num_groups, math.prod(size[1:]) // num_groups)
    mean, var = _moments(x, (2,))
    out = ((x - mean) * lax.rsqrt(var + cast(eps, x.dtype))).reshape(size)
    return _scale(out, weight, bias).astype(input.dtype)


@op("torch", name="group_norm", scalars="eps")
def _torch_group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: Any = 1e-5, cudnn_enabled: bool = True
) -> Any:
    return group_norm(input, num_groups, weight, bias, eps)


@op("nn.functional")
def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divide by a power of the neighbouring channels' squares. Source: torch.nn.functional.local_response_norm."""
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)"
        )
    pad = [(0, 0)] * input.ndim
    pad[1] = (size // 2, (size - 1) // 2)
    squares = jnp.pad(jnp.square(input), pad)
    channels = input.shape[1]
    near = sum((lax.slice_in_dim(squares, i, i + channels, axis=1) for i in range(1, size)), squares[:, :channels])
    if input.size == 0:
        return input
    mean = near / size if category(near.dtype) >= 2 else to_float(near // size)  # integers are rounded down
    divisor = mean * alpha + k
    return input / divisor**beta if category(input.dtype) >= 2 else to_float(input) / divisor**beta


# ---- by norm ---------------------------------------------------------------------------------------------------------


def p_norm(x: Any, p: float, axis: int) -> Any:
    """The p-norm along `axis`, which is kept."""
    if category(x.dtype) < 2:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {type_name(x.dtype)}"
        )
    return vector_norm(x, p, (axis,), keepdims=True)


@op("nn.functional")
def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Divide by the p-norm along `dim`, or by `eps` where that is larger. Source: torch.nn.functional.normalize."""
    axis = wrap_dim(dim, input.ndim)
    if not input.shape:
        return normalize(input.reshape(1), p, 0, eps).reshape(())
    norm = p_norm(input, p, axis)
    return input / jnp.where(norm >= eps, norm, jnp.asarray(eps, norm.dtype))


@op("nn.functional torch")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along `dim`. Source: torch.nn.functional.cosine_similarity."""
    a, b = promote(x1, x2)
    if category(a.dtype) < 2:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {type_name(a.dtype)}")
    shape = broadcast(a, b)
    a, b = jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)
    axis = wrap_dim(dim, len(shape))
    if not shape:
        return cosine_similarity(a.reshape(1), b.reshape(1), 0, eps)

    def unit(x: Any) -> Any:
        norm = p_norm(x, 2, axis)
        # the bound changes the value and not the slope
        return x / (norm + stop(jnp.maximum(norm, eps) - norm))

    return total(unit(a) * unit(b), (axis,))


@op("nn.functional torch")
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of the difference along the last axis. Source: torch.nn.functional.pairwise_distance."""
    a, b = promote(x1, x2, minimum=2)
    difference = a - b + jnp.asarray(eps, a.dtype)
    out = p_norm(difference, p, max(difference.ndim, 1) - 1)
    return out if keepdim else out.squeeze(-1)
