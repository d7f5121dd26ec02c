"""Initial values of parameters, by PyTorch's rules and in its order of drawing. Source: torch.nn.init."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfinv

from functorch_jax import grad_mode
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._promote import cast
from functorch_jax.torch._tensor import Tensor, concrete, wrap

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

F = TypeVar("F", bound=Callable[..., Any])


def _untracked(fn: F) -> F:
    """`fn` run without recording derivatives: what it writes is a fresh start. On "meta" there is nothing to write."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Tensor) and isinstance(args[0].array, jax.ShapeDtypeStruct):
            return args[0]
        with grad_mode.no_grad():
            return fn(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


_SIMPLE_GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4.0,
    **{f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)},
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity asks for larger initial weights.

    Args:
        param: the negative slope, for "leaky_relu".

    Errors: ValueError for a nonlinearity that is not known, or a slope that is no number.
    Source: torch.nn.init.calculate_gain.
    """
    if nonlinearity in _SIMPLE_GAINS:
        return _SIMPLE_GAINS[nonlinearity]
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _write(tensor: Any, values: Any) -> Any:
    tensor.overwrite(cast(jnp.broadcast_to(jnp.asarray(values), tensor.array.shape), tensor.array.dtype))
    return tensor


@_untracked
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with numbers between `a` and `b`."""
    return tensor.uniform_(a, b, generator=generator)  # type: ignore[attr-defined]


@_untracked
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with normally distributed numbers."""
    return tensor.normal_(mean, std, generator=generator)  # type: ignore[attr-defined]


@_untracked
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Fill with normally distributed numbers between `a` and `b`, drawing anew what falls outside, as PyTorch does."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
            "incorrect.",
            stacklevel=3,
        )
    low, high = (0.5 * (1.0 + math.erf((edge - mean) / std / math.sqrt(2.0))) for edge in (a, b))
    if known_value(tensor) is None:  # a program is being traced: draws cannot be repeated, so invert the distribution
        uniform_(tensor, 2 * low - 1, 2 * high - 1, generator)
        return _write(tensor, jnp.clip(erfinv(tensor.array) * (std * math.sqrt(2.0)) + mean, a, b))
    if high - low > 0.3:
        normal_(tensor, mean, std, generator)
        while _any(outside := (tensor.array < a) | (tensor.array > b)):
            _write(tensor, jnp.where(outside, _drawn(tensor, normal_, mean, std, generator), tensor.array))
        return tensor
    # few normal numbers would fall between the bounds: draw even ones, and keep each with its density
    peak = (max(a, min(mean, b)) - mean) / std

    def rejected(values: Any) -> Any:
        log_density = 0.5 * (peak**2 - ((values - mean) / std) ** 2)
        return jnp.log(_drawn(tensor, uniform_, 0.0, 1.0, generator)) > log_density

    uniform_(tensor, a, b, generator)
    pending = rejected(tensor.array)
    while _any(pending):
        values = _drawn(tensor, uniform_, a, b, generator)
        _write(tensor, jnp.where(pending, values, tensor.array))
        pending = pending & rejected(values)
    return tensor


def _drawn(like: Any, fill: Callable[..., Any], *settings: Any) -> Any:
    """Numbers as `fill` makes them, in the shape of `like`, which stays as it is."""
    return fill(wrap(jnp.zeros_like(like.array)), *settings).array


def _any(mask: Any) -> bool:
    """Whether a mask is set anywhere, in any row of any vmap."""
    return bool(known_value(mask).any())


@_untracked
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    return _write(tensor, val)


@_untracked
def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _write(tensor, 1)


@_untracked
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _write(tensor, 0)


@_untracked
def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _write(tensor, jnp.eye(*tensor.array.shape))


@_untracked
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight the one that passes its input through."""
    shape = tensor.array.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(shape)
    per_group = shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for d in range(min(per_group, shape[1])):
            values[(group * per_group + d, d, *middle)] = 1
    return _write(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


@_untracked
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill uniformly, with a width that keeps variances alike forwards and backwards."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@_untracked
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill normally, with a width that keeps variances alike forwards and backwards."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


@_untracked
def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill uniformly, with a width that keeps variances alike through a rectifier of negative slope `a`."""
    if 0 in tensor.array.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


@_untracked
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill normally, with a width that keeps variances alike through a rectifier of negative slope `a`."""
    if 0 in tensor.array.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return tensor
    return normal_(
        tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode)), generator
    )


@_untracked
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Make the rows, or the columns, orthonormal."""
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if 0 in shape:
        return tensor
    rows = shape[0]
    columns = math.prod(shape) // rows
    flat = wrap(jnp.zeros((rows, columns), tensor.array.dtype))
    normal_(flat, 0.0, 1.0, generator)
    values = flat.array.T if rows < columns else flat.array
    q, r = jnp.linalg.qr(values)
    q = q * jnp.sign(jnp.diagonal(r))
    return _write(tensor, gain * (q.T if rows < columns else q).reshape(shape))


@_untracked
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix normally, with a share of zeros in each column."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    from functorch_jax.torch._op import NAMESPACES

    rows, columns = tensor.array.shape
    normal_(tensor, 0.0, std, generator)
    values = np.array(concrete(tensor, "sparse_()"))
    for column in range(columns):
        order = np.asarray(NAMESPACES["torch"]["randperm"](rows))
        values[order[: math.ceil(sparsity * rows)], column] = 0
    return _write(tensor, values)


def _deprecated(name: str) -> Callable[..., Any]:
    """The old spelling without the underscore, which warns."""
    new = globals()[f"{name}_"]

    @functools.wraps(new)
    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2)
        return new(*args, **kwargs)

    return old


for _name in (
    "constant dirac eye kaiming_normal kaiming_uniform normal orthogonal sparse uniform xavier_normal xavier_uniform"
).split():
    globals()[_name] = _deprecated(_name)
