"""Parametrizations that come with PyTorch: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from typing import Any

from functorch_jax import grad_mode
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.utils import parametrize
from functorch_jax.torch.nn.utils.spectral_norm import as_matrix, default_dim, iterate

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_torch = NAMESPACES["torch"]
_linalg = NAMESPACES["linalg"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return _torch["_weight_norm"](weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        return _torch["norm_except_dim"](weight, 2, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Make a parameter the product of norms (`original0`) and directions (`original1`).

    Args:
        dim: the axis that keeps its norms apart; None for one norm over all.

    Returns: `module`.
    Source: torch.nn.utils.parametrizations.weight_norm.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def older(state_dict: Any, prefix: str, *args: Any) -> None:
        """Take checkpoints of the older form."""
        for i, suffix in enumerate("gv"):
            key = f"{prefix}{name}_{suffix}"
            if f"{prefix}{name}_g" in state_dict or f"{prefix}{name}_v" in state_dict or key in state_dict:
                if key in state_dict:
                    state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(older)
    return module


class _SpectralNorm(Module):
    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with grad_mode.no_grad():
                matrix = as_matrix(weight, self.dim)
                rows, columns = matrix.shape
                u, v = matrix.new_empty(rows).normal_(0, 1), matrix.new_empty(columns).normal_(0, 1)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
                self._power_method(matrix, 15)

    def _power_method(self, matrix: Any, times: int) -> None:
        # the other way round than the hook: first u, then v
        iterate(matrix.t(), self._v, self._u, times, self.eps)

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a parameter by its largest singular value, which each call in training mode estimates further.

    Returns: `module`.
    Errors: ValueError for a name that is no parameter and numbers of iterations below 1; IndexError for `dim`.
    Source: torch.nn.utils.parametrizations.spectral_norm.
    """
    weight = getattr(module, name, None)
    if weight is None or not hasattr(weight, "array"):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    made = _SpectralNorm(weight, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    parametrize.register_parametrization(module, name, made)
    return module


class _Orthogonal(Module):
    base: Any

    def __init__(self, weight: Any, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        n, k = X.shape[-2:]
        wide = n < k
        if wide:
            X = X.mT
            n, k = k, n
        if self.orthogonal_map == "householder":
            A = X.tril(-1)
            Q = _linalg["householder_product"](A, 2.0 / (1.0 + (A * A).sum(-2)))
            # the signs, which are all that the diagonal holds
            Q = Q * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            A = X.tril()
            if n != k:
                A = _torch["cat"]([A, X.new_zeros(n, n - k).expand(*X.shape[:-2], -1, -1)], dim=-1)
            A = A - A.mH
            if self.orthogonal_map == "matrix_exp":
                Q = _torch["matrix_exp"](A)
            else:  # Cayley's
                eye = _torch["eye"](n, dtype=A.dtype, device=A.device)
                Q = _linalg["solve"](eye - A / 2, eye + A / 2)
            if n != k:
                Q = Q[..., :k]
        if getattr(self, "base", None) is not None:
            Q = self.base @ Q
        return Q.mT if wide else Q

    def right_inverse(self, Q: Any) -> Any:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        start = Q
        n, k = Q.shape[-2:]
        wide = n < k
        if wide:
            Q = Q.mT
            n, k = k, n
        if not hasattr(self, "base"):
            if self.orthogonal_map in ("cayley", "matrix_exp"):
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            A, tau = _torch["geqrf"](Q)
            signs = A.diagonal(dim1=-2, dim2=-1).sign()
            signs = _torch["where"](tau == 0, -signs, signs)
            A = A.tril(-1) + A.triu(1) + _torch["zeros_like"](A).diagonal_scatter(signs, dim1=-2, dim2=-1)
            return A.mT if wide else A
        if n == k:
            # an orthogonal matrix is its own base; of another one the nearest in QR's sense
            base = Q.clone() if _is_orthogonal(Q) else _signed_qr(Q)
        else:
            noise = _torch["randn"](*Q.shape[:-2], n, n - k, dtype=Q.dtype, device=Q.device)
            base = _signed_qr(_torch["cat"]([Q, noise], dim=-1))
        self.base = base
        identity = _torch["zeros_like"](start)
        identity.diagonal(dim1=-2, dim2=-1).fill_(-1.0 if self.orthogonal_map == "householder" else 0.0)
        return identity


def _is_orthogonal(Q: Any) -> bool:
    k = Q.shape[-1]
    eye = _torch["eye"](k, dtype=Q.dtype, device=Q.device)
    eps = 10.0 * k * _torch["finfo"](Q.dtype).eps if "finfo" in _torch else 1e-5 * k
    return bool(_torch["allclose"](Q.mH @ Q, eye, atol=eps))


def _signed_qr(A: Any) -> Any:
    """The orthogonal factor, with the signs that make a matrix with orthogonal columns its own."""
    Q, R = _linalg["qr"](A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep a matrix of `module` orthogonal, or unitary; of a matrix that is not square its columns, or rows.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; the first for square and complex matrices and the last
            for others, where it is None.
        use_trivialization: keep a base that the parametrization turns; needed to assign to the first two.

    Returns: `module`.
    Errors: ValueError for what is no matrix, for an unknown map, and for complex matrices by "householder".
    Source: torch.nn.utils.parametrizations.orthogonal.
    """
    weight = getattr(module, name, None)
    if weight is None or not hasattr(weight, "array"):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    parametrize.register_parametrization(module, name, made, unsafe=True)
    return module
