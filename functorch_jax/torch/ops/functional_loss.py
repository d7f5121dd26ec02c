"""Losses of `torch.nn.functional`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import xlogy

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import abs_, elementwise, unsupported
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import promote, to_float, type_name
from functorch_jax.torch._size import Size
from functorch_jax.torch._sums import total
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.functional_activations import log_softmax
from functorch_jax.torch.ops.functional_norm import p_norm

stop = lax.stop_gradient


def _mode(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction, which the two older switches decide where they are used."""
    if size_average is None and reduce is None:
        return reduction
    mode = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{mode}' instead.", stacklevel=3
    )
    return mode


def _reduced(loss: Any, mode: str) -> Any:
    if mode == "none":
        return loss
    if mode not in ("mean", "sum"):
        raise ValueError(f"{mode} is not a valid value for reduction")
    summed = total(loss, range(loss.ndim))
    return summed if mode == "sum" else summed / loss.size if loss.size else summed * jnp.nan


def _clamp_min(x: Any, low: Any = 0) -> Any:
    return jnp.where(x >= low, x, jnp.asarray(low, x.dtype))


def _same_size(input: Any, target: Any, stacklevel: int = 3) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({Size(target.shape)}) that is different to the input size "
            f"({Size(input.shape)}). This "
            "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=stacklevel,
        )


# ---- regression ------------------------------------------------------------------------------------------------------


def _regression(
    name: str,
    input: Any,
    target: Any,
    loss: Callable[[Any], Any],
    mode: str,
    weight: Any = None,
    integers: bool = False,
    by_weight: bool = True,
) -> Any:
    """A loss of the difference alone. The weighted mean divides by the sum of weights, or by their number."""
    _same_size(input, target)
    x, y = promote(input, target)
    if category(x.dtype) < 2 and not integers:
        raise unsupported(name, x.dtype)
    out = loss(x - y)
    if weight is None:
        return _reduced(out, mode)
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    if mode == "mean" and by_weight:
        return total(out * weight, range(out.ndim)) / total(weight, range(out.ndim))
    return _reduced(out * weight, mode)


@op("nn.functional")
def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The mean squared error. Source: torch.nn.functional.mse_loss."""
    return _regression("mse_cpu", input, target, jnp.square, _mode(size_average, reduce, reduction), weight)


@op("nn.functional")
def l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The mean absolute error. Source: torch.nn.functional.l1_loss."""
    mode = _mode(size_average, reduce, reduction)
    return _regression("l1", input, target, abs_, mode, weight, integers=True)


@op("nn.functional")
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Quadratic up to `beta`, then linear. Source: torch.nn.functional.smooth_l1_loss."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")

    def loss(d: Any) -> Any:
        size = abs_(d)
        return size if beta == 0 else jnp.where(size < beta, 0.5 * jnp.square(d) / beta, size - 0.5 * beta)

    return _regression("smooth_l1_cpu", input, target, loss, _mode(size_average, reduce, reduction))


@op("nn.functional")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Quadratic up to `delta`, then linear with that slope. Source: torch.nn.functional.huber_loss."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")

    def loss(d: Any) -> Any:
        size = abs_(d)
        return jnp.where(size <= delta, 0.5 * jnp.square(d), delta * (size - 0.5 * delta))

    return _regression("huber_cpu", input, target, loss, reduction, weight, by_weight=False)


@op("nn.functional")
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The negative log-likelihood of normal numbers. Source: torch.nn.functional.gaussian_nll_loss."""
    var = jnp.asarray(var, input.dtype)
    if var.shape != input.shape and var.ndim:
        if var.shape == input.shape[:-1]:
            var = var[..., None]
        elif var.shape[:-1] != input.shape[:-1] or var.shape[-1] != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = var + stop(jnp.maximum(var, eps) - var)  # the bound changes the value and not the slope
    loss = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@op("nn.functional torch")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """The negative log-likelihood of counts. Source: torch.nn.functional.poisson_nll_loss."""
    mode = _mode(size_average, reduce, reduction)
    if mode not in ("none", "mean", "sum"):
        raise ValueError(f"{mode} is not a valid value for reduction")
    x, t = promote(input, target, minimum=2)
    loss = jnp.exp(x) - t * x if log_input else x - t * jnp.log(x + eps)
    if full:
        safe = jnp.where(t > 1, t, 1)
        stirling = safe * jnp.log(safe) - safe + 0.5 * jnp.log(2 * math.pi * safe)
        loss = loss + jnp.where(t > 1, stirling, 0)
    return _reduced(loss, mode)


# ---- probabilities ---------------------------------------------------------------------------------------------------


@op("nn.functional")
def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """The divergence of `target` from the log-probabilities `input`. Source: torch.nn.functional.kl_div."""
    mode = _mode(size_average, reduce, reduction)
    if mode == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' "
            "divides only "
            "by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as "
            "'batchmean' in the next major release.",
            stacklevel=2,
        )
    x, t = promote(input, target)
    loss = jnp.exp(t) * (t - x) if log_target else xlogy(t, t) - t * x
    if mode == "batchmean":
        summed = _reduced(loss, "sum")
        return summed / input.shape[0] if input.ndim else summed
    return _reduced(loss, mode)


def _log_odds(out: Any, x: Any, t: Any) -> Any:
    return jnp.log1p(-x) - jnp.log(x)


# PyTorch's slope where log is bounded is neither that of the bounded value nor infinite
@elementwise(lambda out, x, t: (x - t) / jnp.maximum((1 - x) * x, 1e-12), _log_odds)
def _cross_entropy_of(x: Any, t: Any) -> Any:
    return (t - 1) * jnp.maximum(jnp.log1p(-x), -100) - t * jnp.maximum(jnp.log(x), -100)


def _binary_cross_entropy(input: Any, target: Any, weight: Any, mode: str) -> Any:
    if category(target.dtype) != 2 or target.dtype != input.dtype:
        raise RuntimeError(f"Found dtype {type_name(target.dtype)} but expected {type_name(input.dtype)}")
    loss = _cross_entropy_of(input, target)
    return _reduced(loss if weight is None else loss * weight, mode)


_bce = Op(_binary_cross_entropy, "binary_cross_entropy")


@function("nn.functional")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The cross entropy of probabilities; logarithms are bounded at -100.

    Errors: ValueError for sizes that differ, RuntimeError for an input outside of [0, 1].
    Source: torch.nn.functional.binary_cross_entropy.
    """
    mode = _mode(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    known = known_value(input)
    if known is not None and not ((known >= 0) & (known <= 1)).all():
        raise RuntimeError("all elements of input should be between 0 and 1")
    return _bce(input, target, weight, mode)


@op("nn.functional")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """The cross entropy of the sigmoid of `input`. Source: torch.nn.functional.binary_cross_entropy_with_logits."""
    if target.shape != input.shape:
        raise ValueError(f"Target size ({Size(target.shape)}) must be the same as input size ({Size(input.shape)})")
    x, t = promote(input, target)
    minus_log = -jax.nn.log_sigmoid(x)
    if pos_weight is not None:
        minus_log = minus_log * ((pos_weight - 1) * t + 1)
    loss = (1 - t) * x + minus_log
    return _reduced(loss if weight is None else loss * weight, _mode(size_average, reduce, reduction))


# ---- classes ---------------------------------------------------------------------------------------------------------


def _pick(log_probs: Any, target: Any, axis: int) -> Any:
    """The entries of `log_probs` at `target` along `axis`; 0 where there is none.

    A masked sum and not a gather: its gradient is a mask and not a scatter, under vmap too.
    """
    classes = jnp.arange(log_probs.shape[axis]).reshape(-1, *(1,) * (log_probs.ndim - 1 - axis))
    chosen = classes == jnp.expand_dims(target, axis)
    return total(jnp.where(chosen, log_probs, jnp.zeros((), log_probs.dtype)), (axis,))


def _nll(log_probs: Any, target: Any, weight: Any, ignore_index: int, mode: str, smoothing: float = 0.0) -> Any:
    axis = 0 if log_probs.ndim == 1 else 1
    channels = log_probs.shape[axis]
    valid = target != ignore_index
    per_class = None if weight is None else weight.reshape(-1, *(1,) * (log_probs.ndim - 1 - axis))
    loss = -_pick(log_probs, target, axis)
    counted = jnp.ones(loss.shape, loss.dtype)
    if per_class is not None:
        counted = _pick(jnp.broadcast_to(per_class, log_probs.shape), target, axis)
        loss = loss * counted
    if smoothing:
        spread = log_probs if per_class is None else log_probs * per_class
        loss = (1 - smoothing) * loss - smoothing / channels * total(spread, (axis,))
    loss = jnp.where(valid, loss, 0)
    if mode != "mean":
        return _reduced(loss, mode)
    counted = jnp.where(valid, counted, 0)
    axes = range(loss.ndim)
    return total(loss, axes) / total(counted, axes)


def _probabilities(input: Any, target: Any, weight: Any, mode: str, smoothing: float) -> Any:
    axis = 0 if input.ndim == 1 else 1
    channels = input.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / channels
    terms = log_softmax(input, axis) * target
    if weight is not None:
        terms = terms * weight.reshape(-1, *(1,) * (input.ndim - 1 - axis))
    loss = -total(terms, (axis,))
    return _reduced(loss, "sum") / (input.size / channels) if mode == "mean" else _reduced(loss, mode)


def _cross_entropy(
    input: Any, target: Any, weight: Any, ignore_index: int, mode: str, smoothing: float, probabilities: bool
) -> Any:
    if probabilities:
        return _probabilities(input, target, weight, mode, smoothing)
    return _nll(log_softmax(input, 0 if input.ndim == 1 else 1), target, weight, ignore_index, mode, smoothing)


_ce = Op(_cross_entropy, "cross_entropy")
_nll_op = Op(_nll, "nll_loss")


def _check_classes(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, mode: str) -> None:
    """PyTorch's checks of class indices, those of the values too where there are values."""
    if mode not in ("none", "mean", "sum"):
        raise ValueError(f"{mode} is not a valid value for reduction")
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if target.array.dtype not in (np.int64, np.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {type_name(target.array.dtype)}")
    shape, aim = tuple(input.shape), tuple(target.shape)
    channels = shape[0] if len(shape) == 1 else shape[1]
    if len(shape) == 1:
        if math.prod(aim) != 1:
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {math.prod(aim)}")
    elif not aim or aim[0] != shape[0]:
        got = aim[0] if aim else 0
        raise ValueError(f"Expected input batch_size ({shape[0]}) to match target batch_size ({got}).")
    elif len(shape) == 2 and len(aim) > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    elif aim[1:] != shape[2:]:
        raise RuntimeError(f"Expected target size {[shape[0], *shape[2:]]}, got {list(aim)}")
    if weight is not None and tuple(weight.shape) != (channels,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {channels} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )
    known = known_value(target)
    if known is not None:
        wrong = known[((known < 0) | (known >= channels)) & (known != ignore_index)]
        if wrong.size:
            raise IndexError(f"Target {wrong.flat[0]} is out of bounds.")


def _flat(input: Tensor, target: Tensor) -> Tensor:
    """A target of one class given as (1,) for an input without a batch."""
    return target.reshape(()) if input.ndim == 1 and target.ndim else target  # type: ignore[attr-defined]


@function("nn.functional")
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative of the log-probabilities at the target classes. Source: torch.nn.functional.nll_loss.

    Errors: IndexError for a class that does not exist, ValueError and RuntimeError for shapes and dtypes.
    """
    mode = _mode(size_average, reduce, reduction)
    _check_classes(input, target, weight, ignore_index, mode)
    out = _nll_op(input, _flat(input, target), weight, ignore_index, mode)
    return out.reshape(target.shape) if mode == "none" and input.ndim == 1 else out


@function("nn.functional")
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of the softmax over classes with `target`: classes (...) or probabilities (N, C, ...).

    Errors: IndexError for a class that does not exist, ValueError and RuntimeError for shapes and dtypes.
    Source: torch.nn.functional.cross_entropy.
    """
    mode = _mode(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    probabilities = target.shape == input.shape and category(target.array.dtype) == 2
    if probabilities:
        if mode not in ("none", "mean", "sum"):
            raise ValueError(f"{mode} is not a valid value for reduction")
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
    elif category(target.array.dtype) == 2 and target.ndim == input.ndim and input.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    else:
        if category(input.array.dtype) < 2:
            raise unsupported("log_softmax_lastdim_kernel_impl", input.array.dtype)
        _check_classes(input, target, weight, ignore_index, mode)
    goal = target if probabilities else _flat(input, target)
    return _ce(input, goal, weight, ignore_index, mode, float(label_smoothing), probabilities)


# ---- margins ---------------------------------------------------------------------------------------------------------


@op("nn.functional torch")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{Size(input1.shape)}, input2: {Size(input2.shape)}, target: {Size(target.shape)} "
        )
    loss = _clamp_min(to_float(-target * (input1 - input2)) + margin)
    return _reduced(loss, _mode(size_average, reduce, reduction))


@op("nn.functional torch")
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    loss = jnp.where(target != 1, _clamp_min(margin - input), 0) + jnp.where(target != -1, input, 0)
    return _reduced(loss, _mode(size_average, reduce, reduction))


@op("nn.functional torch")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    axis = target.ndim
    input1, input2 = promote(input1, input2, minimum=2)
    squares = [total(jnp.square(x), (axis,)) + 1e-12 for x in (input1, input2)]
    cosine = total(input1 * input2, (axis,)) / jnp.sqrt(squares[0] * squares[1])
    loss = jnp.where(target == 1, 1 - cosine, 0) + jnp.where(target == -1, _clamp_min(cosine - margin), 0)
    return _reduced(loss, _mode(size_average, reduce, reduction))


@op("nn.functional")
def soft_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    return _reduced(jnp.log1p(jnp.exp(-target * input)), _mode(size_average, reduce, reduction))


@op("nn.functional")
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    loss = -(target * jax.nn.log_sigmoid(input) + (1 - target) * jax.nn.log_sigmoid(-input))
    loss = loss if weight is None else loss * weight
    axis = input.ndim - 1
    return _reduced(total(loss, (axis,)) / input.shape[axis], _mode(size_average, reduce, reduction))


@op("nn.functional")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    classes = target.reshape(-1, 1)
    gap = _clamp_min(margin - jnp.expand_dims(_pick(x, classes[:, 0], 1), 1) + x) ** p
    if weight is not None:
        gap = gap * _pick(jnp.broadcast_to(weight, x.shape), classes[:, 0], 1)[:, None]
    gap = jnp.where(jnp.arange(x.shape[1]) == classes, 0, gap)
    loss = total(gap, (1,)) / x.shape[1]
    return _reduced(loss if input.ndim == 2 else loss[0], _mode(size_average, reduce, reduction))


@op("nn.functional torch")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")

    anchor, positive, negative = promote(anchor, positive, negative, minimum=2)

    def distance(a: Any, b: Any) -> Any:
        difference = a - b + eps
        return p_norm(difference, p, difference.ndim - 1).squeeze(-1)

    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    return _reduced(_clamp_min(margin + near - far), _mode(size_average, reduce, reduction))
