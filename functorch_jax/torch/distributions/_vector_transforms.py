"""Transforms of vectors, of matrices, and of the parts of a tensor. Source: torch.distributions.transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from functorch_jax import torch
from functorch_jax.torch._size import Size
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.transforms import Transform, _Plain
from functorch_jax.torch.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix

F = torch.nn.functional


def _resized(shape: Any, change: int) -> Size:
    if len(shape) < 1:
        raise ValueError("Too few dimensions on input")
    return Size((*shape[:-1], shape[-1] + change))


class SoftmaxTransform(_Plain):
    """exp(x), normalised over the last axis; the inverse is the logarithm. Source: torch.distributions.transforms."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        return torch.softmax(x, -1)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return _resized(shape, 0) and shape

    inverse_shape = forward_shape


class StickBreakingTransform(_Plain):
    """n numbers as n + 1 probabilities, each a share of what is left. Source: torch.distributions.transforms."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _offsets(self, x: Any) -> Any:
        # with them, x = 0 gives the uniform law
        n = x.shape[-1]
        return torch.arange(n, 0, -1, dtype=x.dtype).log()

    def _call(self, x: Any) -> Any:
        limits = torch.finfo(x.dtype)
        z = torch.sigmoid(x - self._offsets(x)).clamp(min=limits.tiny, max=1.0 - limits.eps)
        left = (1 - z).cumprod(-1)
        return F.pad(z, [0, 1], value=1) * F.pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        parts = y[..., :-1]
        left = torch.clamp(1 - parts.cumsum(-1), min=torch.finfo(y.dtype).tiny)
        return parts.log() - left.log() + self._offsets(parts)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._offsets(x)
        return (-x + F.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return _resized(shape, 1)

    def inverse_shape(self, shape: Any) -> Any:
        return _resized(shape, -1)


def _with_diagonal(x: Any, diagonal: Any) -> Any:
    return x.tril(-1) + diagonal.diag_embed()


class LowerCholeskyTransform(_Plain):
    """A matrix as a Cholesky factor: zeros above the diagonal, exp on it. Source: torch.distributions.transforms."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return _with_diagonal(x, x.diagonal(dim1=-2, dim2=-1).exp())

    def _inverse(self, y: Any) -> Any:
        return _with_diagonal(y, y.diagonal(dim1=-2, dim2=-1).log())


class PositiveDefiniteTransform(_Plain):
    """A matrix as a positive definite one, by way of its Cholesky factor. Source: torch.distributions.transforms."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """n (n - 1) / 2 numbers as the Cholesky factor of an n x n correlation matrix: tanh of each is a partial
    correlation. Source: torch.distributions.transforms.CorrCholeskyTransform.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = torch.finfo(x.dtype).eps
        r = vec_to_tril_matrix(torch.tanh(x).clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + torch.eye(r.shape[-1], dtype=r.dtype)
        return r * F.pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        # what each row has left before a column, from its squares
        left = F.pad(1 - torch.cumsum(y * y, dim=-1)[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        left = 1 - (y * y).cumsum(dim=-1)
        stretched = 0.5 * tril_matrix_to_vec(left, diag=-2).log().sum(-1) if y.shape[-1] > 1 else 0
        return stretched - 2 * (x + F.softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], n, n))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        n = shape[-1]
        return Size((*shape[:-2], n * (n - 1) // 2))


class _Parts(Transform):
    transforms: list[Transform]

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        if cache_size:
            tseq = [t.with_cache(cache_size) for t in tseq]
        super().__init__(cache_size=cache_size)
        self.transforms = list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)


class CatTransform(_Parts):
    """One transform for each run of `lengths` along `dim`. Source: torch.distributions.transforms.CatTransform."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match tseq ({len(self.transforms)})")

    event_dim = property(lambda self: max(t.event_dim for t in self.transforms))
    length = property(lambda self: sum(self.lengths))
    domain = property(lambda self: constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths))
    codomain = property(lambda self: constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths))

    def _arguments(self) -> dict[str, Any]:
        return {"tseq": self.transforms, "dim": self.dim, "lengths": self.lengths}

    def _slices(self, x: Any) -> list[Any]:
        starts = [sum(self.lengths[:i]) for i in range(len(self.lengths))]
        if not -x.dim() <= self.dim < x.dim() or x.size(self.dim) != self.length:
            raise AssertionError(f"the size along dim {self.dim} must be {self.length}, but the shape is {x.shape}")
        return [x.narrow(self.dim, s, n) for s, n in zip(starts, self.lengths, strict=True)]

    def _call(self, x: Any) -> Any:
        return torch.cat([t(s) for t, s in zip(self.transforms, self._slices(x), strict=True)], dim=self.dim)

    def _inverse(self, y: Any) -> Any:
        return torch.cat([t.inv(s) for t, s in zip(self.transforms, self._slices(y), strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        parts = []
        for t, before, after in zip(self.transforms, self._slices(x), self._slices(y), strict=True):
            part = t.log_abs_det_jacobian(before, after)
            if t.event_dim < self.event_dim:
                part = part.reshape(*part.shape[: part.dim() - (self.event_dim - t.event_dim)], -1).sum(-1)
            parts.append(part)
        dim = self.dim - x.dim() if self.dim >= 0 else self.dim
        dim += self.event_dim
        return torch.cat(parts, dim=dim) if dim < 0 else sum(parts[1:], parts[0])


class StackTransform(_Parts):
    """One transform for each index along `dim`. Source: torch.distributions.transforms.StackTransform."""

    domain = property(lambda self: constraints.stack([t.domain for t in self.transforms], self.dim))
    codomain = property(lambda self: constraints.stack([t.codomain for t in self.transforms], self.dim))

    def _arguments(self) -> dict[str, Any]:
        return {"tseq": self.transforms, "dim": self.dim}

    def _slices(self, z: Any) -> list[Any]:
        if z.size(self.dim) != len(self.transforms):
            raise AssertionError(f"the size along dim {self.dim} must be {len(self.transforms)}: {z.shape}")
        return [z.select(self.dim, i) for i in range(len(self.transforms))]

    def _call(self, x: Any) -> Any:
        return torch.stack([t(s) for t, s in zip(self.transforms, self._slices(x), strict=True)], dim=self.dim)

    def _inverse(self, y: Any) -> Any:
        return torch.stack([t.inv(s) for t, s in zip(self.transforms, self._slices(y), strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        pairs = zip(self.transforms, self._slices(x), self._slices(y), strict=True)
        return torch.stack([t.log_abs_det_jacobian(before, after) for t, before, after in pairs], dim=self.dim)
