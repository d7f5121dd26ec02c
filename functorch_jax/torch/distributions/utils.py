"""What the laws share: broadcasting, probabilities and logits, triangles. Source: torch.distributions.utils."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from functorch_jax import torch
from functorch_jax.grad_mode import enable_grad
from functorch_jax.torch._generator import draw, known_value
from functorch_jax.torch._laws import CAUCHY, EXPONENTIAL, UNIFORM
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060
_Number = (bool, int, float)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the dtype of the first tensor.

    Raises: ValueError for a value that is neither.
    Source: torch.distributions.utils.broadcast_all.
    """
    values = tuple(wrap(v) if isinstance(v, jax.Array) else v for v in values)
    if not all(isinstance(v, (Tensor, *_Number, np.number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    if all(isinstance(v, Tensor) for v in values):
        if all(v.shape == values[0].shape for v in values):
            return values
    else:
        first = next((v.dtype for v in values if isinstance(v, Tensor)), torch.get_default_dtype())
        values = tuple(v if isinstance(v, Tensor) else torch.tensor(v, dtype=first) for v in values)
    return tuple(torch.broadcast_tensors(*values))


def is_scalar(*values: Any) -> bool:
    """Whether all of `values` are Python numbers."""
    return all(isinstance(v, _Number) for v in values)


def clamp_probs(probs: Tensor) -> Tensor:
    """`probs` kept a rounding error away from 0 and 1. Source: torch.distributions.utils.clamp_probs."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log-odds; of unnormalised log-probabilities along the last axis, if not `is_binary`.

    Source: torch.distributions.utils.logits_to_probs.
    """
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, -1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The log-odds, or the logarithms, of probabilities that are first clamped.

    Source: torch.distributions.utils.probs_to_logits.
    """
    clamped = clamp_probs(probs)
    logs = torch.log(clamped)
    return logs - torch.log1p(-clamped) if is_binary else logs


class lazy_property:
    """An attribute that is computed when it is first read.

    A value that belongs to a program being compiled is not kept: the object may outlive the program.
    Source: torch.distributions.utils.lazy_property.
    """

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        if not isinstance(value, Tensor) or known_value(value) is not None:
            setattr(instance, self.__name__, value)
        return value


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Tensor:
    """The entries on and below a diagonal, row by row: (..., n, n) to (..., m).

    Raises: ValueError if `diag` lies outside the matrix.
    Source: torch.distributions.utils.tril_matrix_to_vec.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = np.tril_indices(n, diag)
    return mat[..., torch.tensor(rows), torch.tensor(columns)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The inverse of `tril_matrix_to_vec`: (..., m) to (..., n, n), with zeros above the diagonal.

    Raises: ValueError if no square matrix has so many entries there.
    Source: torch.distributions.utils.vec_to_tril_matrix.
    """
    m = vec.shape[-1]
    n = (-(1 + 2 * diag) + math.sqrt((1 + 2 * diag) ** 2 + 8 * m + 4 * abs(diag) * (diag + 1))) / 2
    if round(n) - n > torch.finfo(vec.dtype).eps or len(np.tril_indices(round(n), diag)[0]) != m:
        raise ValueError(
            f"The size of last dimension is {m} which cannot be expressed as the lower triangular part of a square "
            "D x D matrix."
        )
    size = round(n)
    rows, columns = np.tril_indices(size, diag)
    place = np.full((size, size), m)
    place[rows, columns] = np.arange(m)
    padded = torch.cat([vec, torch.zeros(*vec.shape[:-1], 1, dtype=vec.dtype)], -1)
    return padded[..., torch.tensor(place)]


def sum_rightmost(value: Tensor, n: int) -> Tensor:
    """`value` summed over its last `n` axes."""
    return value if n == 0 else value.reshape(*value.shape[: value.dim() - n], -1).sum(-1)


# ---- draws, out of place so that they work under vmap ----------------------------------------------------------------


def _drawn(law: Any, shape: Sequence[int], like: Tensor, *settings: Any) -> Tensor:
    return wrap(draw(law, tuple(shape), like.dtype.np, *settings))


def standard_normal(shape: Sequence[int], like: Tensor) -> Tensor:
    """Normal numbers of the dtype of `like`."""
    return torch.randn(*shape, dtype=like.dtype) if len(shape) else torch.randn((), dtype=like.dtype)


def uniform(shape: Sequence[int], like: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    return _drawn(UNIFORM, shape, like, low, high)


def exponential(shape: Sequence[int], like: Tensor) -> Tensor:
    return _drawn(EXPONENTIAL, shape, like, 1.0)


def cauchy(shape: Sequence[int], like: Tensor) -> Tensor:
    return _drawn(CAUCHY, shape, like, 0.0, 1.0)


def floor_of(value: Tensor, low: float) -> Tensor:
    """`value`, at least `low`, with the derivative of `value`."""
    return value + (value.clamp(min=low) - value).detach()


def as_size(shape: Any) -> Size:
    return shape if isinstance(shape, Size) else Size(shape)


# PyTorch's own names for two of these, which programs borrow
_sum_rightmost = sum_rightmost


def _standard_normal(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    return torch.randn(tuple(shape), dtype=dtype)
