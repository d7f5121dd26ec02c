"""Functions of `torch.nn.functional` that draw: dropout in its forms, randomised ReLU, and Gumbel softmax.

Each uses up the generator as PyTorch's CPU code does: a dropout draws one number for each element (or channel) that may
be dropped, and none at all when `p` is 0 or 1 or when it is not training.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import category
from functorch_jax.torch._generator import draw
from functorch_jax.torch._laws import BERNOULLI, EXPONENTIAL, Law
from functorch_jax.torch._mt19937 import Engine
from functorch_jax.torch._op import Op, function
from functorch_jax.torch._promote import cast, type_name, wrap_dim
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.ops.random import check_continuous, draw_like

__all__ = ["NOISE"]

_ALPHA = 1.7580993408473766  # SELU's value at minus infinity, negated: what alpha dropout sets elements to


# ---- dropout ---------------------------------------------------------------------------------------------------------


def _noise(engine: Engine, n: int, dtype: Any, p: float) -> Any:
    """Zero with probability `p`, else what keeps the mean."""
    wide = np.float64 if dtype in (np.float64, np.complex128) else np.float32
    return ((engine.doubles(n) < 1 - p).astype(wide) / wide(1 - p)).astype(dtype)


def _noise_traced(key: Any, shape: Any, dtype: Any, p: float) -> Any:
    return (jax.random.bernoulli(key, 1 - p, shape) / (1 - p)).astype(dtype)


def _alpha_masked(input: Any, keep: Any, p: Any) -> Any:
    # dropped elements become -alpha; a line then brings mean and variance back to 0 and 1
    slope = 1 / jnp.sqrt((1 - p) * (1 + p * _ALPHA**2))
    down = _ALPHA * slope
    shift = (keep - 1) * cast(down, input.dtype) + cast(down * p, input.dtype)
    return input * (keep * cast(slope, input.dtype)) + shift


NOISE = Law(_noise, _noise_traced)
_alpha_dropped = Op(_alpha_masked, "alpha_dropout", "p")
_scaled = Op(lambda input, slope: input * cast(slope, input.dtype), "scale", "slope")


def _drop(
    input: Tensor, p: float, training: bool, inplace: bool, *, features: bool = False, alpha: bool = False
) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    x = input.array
    if p == 0 or not training or x.size == 0:
        return input
    if p == 1:
        return _run(_scaled, inplace, input, 0.0)
    if category(x.dtype) < 2:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {type_name(x.dtype)}")
    if features and x.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if inplace:
        input.check_writable()
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if features else x.shape
    law, setting = (BERNOULLI, 1 - p) if alpha else (NOISE, p)
    noise = draw(law, shape, x.dtype, setting) if features else draw_like(input, law, setting, dense=True)
    if alpha:
        return _run(_alpha_dropped, inplace, input, wrap(noise), float(p))
    return _run(_scaled, inplace, input, wrap(noise))


def _run(record: Op, inplace: bool, *values: Any) -> Tensor:
    """Call an op, or its in-place form."""
    if inplace:
        return record.write(list(values))  # type: ignore[no-any-return]
    return record(*values)  # type: ignore[no-any-return]


@function("nn.functional")
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros elements with probability `p` and scales the others up. Source: torch.nn.functional.dropout."""
    return _drop(input, p, training, inplace)


@function("nn.functional")
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Sets elements to SELU's lowest value and keeps mean and variance. Source: torch.nn.functional.alpha_dropout."""
    return _drop(input, p, training, inplace, alpha=True)


@function("nn.functional")
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels. Source: torch.nn.functional.feature_alpha_dropout."""
    return _drop(input, p, training, inplace, features=True, alpha=True)


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    """Feature dropout of (N, C, ...), or of (C, ...) as if it had a batch of one."""
    if batched:
        return _drop(input, p, training, inplace, features=True)
    # a view, so that in place means in `input`
    with_batch = input.unsqueeze(0)  # type: ignore[attr-defined]
    return _drop(with_batch, p, training, inplace, features=True).squeeze(0)  # type: ignore[attr-defined]


@function("nn.functional")
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros channels of (N, C, L) or (C, L). Source: torch.nn.functional.dropout1d."""
    ndim = input.array.ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. It zeroes channels of inputs with one "
            "axis of space, one of channels, and one of examples that may be left out"
        )
    return _drop_channels(input, p, training, inplace, batched=ndim == 3)


@function("nn.functional")
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros channels of (N, C, H, W); three axes are (N, C, L). Source: torch.nn.functional.dropout2d."""
    ndim = input.array.ndim
    if ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {ndim}-D input to dropout2d, which is deprecated: use dropout", stacklevel=2
        )
    elif ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired: its axes are (N, C, L). Use dropout1d to say so",
            stacklevel=2,
        )
    return _drop(input, p, training, inplace, features=True)


@function("nn.functional")
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros channels of (N, C, D, H, W) or (C, D, H, W). Source: torch.nn.functional.dropout3d."""
    ndim = input.array.ndim
    if ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {ndim}-D input to dropout3d, which is deprecated: use dropout", stacklevel=2
        )
    return _drop_channels(input, p, training, inplace, batched=ndim != 4)


def _variants(name: str, **options: bool) -> None:
    """`torch.<name>(input, p, train)` and its in-place form."""

    def drop(input: Tensor, p: float, train: bool) -> Tensor:
        return _drop(input, p, train, False, **options)

    def drop_(input: Tensor, p: float, train: bool) -> Tensor:
        return _drop(input, p, train, True, **options)

    for each, fn in ((name, drop), (f"{name}_", drop_)):
        fn.__name__ = fn.__qualname__ = each
        function("torch")(fn)


for _name, _options in {
    "dropout": {},
    "feature_dropout": {"features": True},
    "alpha_dropout": {"alpha": True},
    "feature_alpha_dropout": {"features": True, "alpha": True},
}.items():
    _variants(_name, **_options)


# ---- randomised ReLU -------------------------------------------------------------------------------------------------


def _slopes(engine: Engine, n: int, dtype: Any, lower: float, upper: float, x: Any) -> Any:
    """One where `x` is positive, else a slope of its own: only those elements use up numbers."""
    slopes = np.ones(n)
    negative = ~(x.ravel() > 0)
    slopes[negative] = lower + engine.doubles(int(negative.sum())) * (upper - lower)
    return slopes.astype(dtype)


def _slopes_traced(key: Any, shape: Any, dtype: Any, lower: float, upper: float, x: Any) -> Any:
    return jnp.where(x > 0, jnp.ones((), dtype), jax.random.uniform(key, shape, dtype, lower, upper))


_SLOPES = Law(_slopes, _slopes_traced)
_leaky = Op(lambda input, slope: jnp.where(input > 0, input, input * cast(slope, input.dtype)), "rrelu", "slope")


def _rrelu(input: Tensor, lower: float, upper: float, training: bool, inplace: bool) -> Tensor:
    x = input.array
    if category(x.dtype) != 2:
        raise NotImplementedError(f"\"rrelu_with_noise_out_cpu\" not implemented for '{type_name(x.dtype)}'")
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        slopes = wrap(draw(_SLOPES, x.shape, x.dtype, lower, upper, given=[x]))
        return _run(_scaled, inplace, input, slopes)
    return _run(_leaky, inplace, input, (lower + upper) / 2)


@function("nn.functional")
def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Leaky ReLU whose negative slopes are drawn from [lower, upper). Source: torch.nn.functional.rrelu."""
    return _rrelu(input, lower, upper, training, inplace)


@function("nn.functional torch")
def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """`rrelu` written into `input`. Source: torch.rrelu_."""
    return _rrelu(input, lower, upper, training, True)


@function("torch", name="rrelu")
def _torch_rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """`nn.functional.rrelu` without its in-place form. Source: torch.rrelu."""
    return _rrelu(input, lower, upper, training, False)


# ---- Gumbel softmax --------------------------------------------------------------------------------------------------


def _gumbel(logits: Any, waits: Any, tau: Any, hard: bool, dim: int) -> Any:
    soft = jax.nn.softmax((logits - jnp.log(waits)) / cast(tau, logits.dtype), axis=dim)
    if not hard:
        return soft
    best = jnp.argmax(soft, axis=dim, keepdims=True)
    places = jnp.arange(soft.shape[dim]).reshape(-1, *(1,) * (soft.ndim - 1 - dim))
    return (places == best).astype(soft.dtype) - jax.lax.stop_gradient(soft) + soft


_gumbel_softmax = Op(_gumbel, "gumbel_softmax", "tau")


@function("nn.functional")
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Softmax of `logits` with Gumbel noise; `hard` gives one-hot values with the gradient of the soft ones.

    Source: torch.nn.functional.gumbel_softmax.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    axis = wrap_dim(dim, logits.array.ndim)
    check_continuous(logits.array.dtype, "Exponential distribution")
    waits = wrap(draw(EXPONENTIAL, logits.shape, logits.array.dtype, 1.0))
    return _gumbel_softmax(logits, waits, tau, hard, axis)  # type: ignore[no-any-return]
