"""Ops that stand alone: an eigensolver, a convolution over time, and what PyTorch has dropped."""

from __future__ import annotations

import warnings
from typing import Any

from functorch_jax.torch._op import NAMESPACES, function
from functorch_jax.torch._tensor import Tensor

_DROPPED = {  # method: what to write
    "solve": "torch.linalg.solve(A, B), whose arguments are the other way round",
    "lstsq": "torch.linalg.lstsq(A, B), whose arguments are the other way round",
    "eig": "torch.linalg.eig(A), which gives complex tensors",
    "symeig": "torch.linalg.eigh(A), which reads the lower triangle",
}


def _dropped(name: str, instead: str) -> None:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"This function was deprecated since version 1.9 and is now removed. Instead: {instead}")

    method.__name__ = method.__qualname__ = name
    function("Tensor")(method)


for _name, _instead in _DROPPED.items():
    _dropped(_name, _instead)


@function("Tensor")
def resize(self: Tensor, *sizes: Any) -> Tensor:
    """The values in another shape: the older spelling of `reshape`. Source: torch.Tensor.resize."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    return self.reshape(*sizes)


@function("Tensor")
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """The values in the shape of another tensor. Source: torch.Tensor.resize_as."""
    warnings.warn("non-inplace resize_as is deprecated", stacklevel=2)
    return self.reshape(tensor.shape)


@function("torch nn.functional")
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Convolution over time of (time, batch, channel) by (width, channel, channels out). Source: torch.conv_tbc."""
    if input.ndim != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    conv1d = NAMESPACES["nn.functional"]["conv1d"]
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


@function("torch")
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Any = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:
    """The k largest eigenvalues of a symmetric matrix (of `A x = e B x`, with B) and their vectors, (..., n, k).

    They come from `torch.linalg.eigh`, to full precision: the starting vectors and what steers PyTorch's iteration are
    accepted and not needed. The sign of a vector is arbitrary.

    Source: torch.lobpcg.
    """
    linalg = NAMESPACES["linalg"]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    if A.shape[-1] < 3 * k:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={A.shape[-1]}) is smaller than 3 x the "
            f"number of requested eigenpairs (={k})"
        )
    root = None
    if B is not None:
        root = linalg["cholesky"](B)
        half = linalg["solve_triangular"](root, A, upper=False)
        A = linalg["solve_triangular"](root, half.mT, upper=False)
    values, vectors = linalg["eigh"](A)
    if largest is None or largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    values, vectors = values[..., :k], vectors[..., :k]
    if root is not None:
        vectors = linalg["solve_triangular"](root.mT, vectors, upper=True)
    return values, vectors
