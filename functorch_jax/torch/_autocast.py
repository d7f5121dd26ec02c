"""What `torch.autocast` does to the arguments of ops: a table of which op runs in which precision.

`seen` stays False until a program enters its first autocast region, so that others pay one look at it for each call.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from functorch_jax.torch._tensor import Tensor

__all__ = ["LOWER", "WIDE", "WIDE_ON_GPU", "State", "cast", "current"]

LOWER = frozenset(
    """
    mm bmm matmul addmm addbmm baddbmm linear einsum tensordot multi_dot chain_matmul inner vecdot matrix_power cov
    corrcoef conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d conv_tbc
    scaled_dot_product_attention
""".split()
)
"""Ops that run in the lower precision."""

LOWER_ON_GPU = frozenset("addmv addr mv prelu".split())

WIDE = frozenset(
    """
    nll_loss cross_entropy mse_loss l1_loss smooth_l1_loss huber_loss soft_margin_loss binary_cross_entropy ctc_loss
    binary_cross_entropy_with_logits kl_div poisson_nll_loss cosine_embedding_loss hinge_embedding_loss
    margin_ranking_loss triplet_margin_loss multilabel_margin_loss multi_margin_loss cdist quantile nanquantile cholesky
    svd svdvals qr eigh eigvalsh eig eigvals solve solve_ex lstsq inv inv_ex inverse pinv pinverse cond matrix_rank
    cholesky_ex cholesky_inverse cholesky_solve triangular_solve lu_factor lu_factor_ex lu lu_solve orgqr ormqr
    householder_product geqrf tensorinv tensorsolve avg_pool3d max_pool3d adaptive_avg_pool3d adaptive_max_pool3d
    replication_pad local_response_norm max_unpool2d max_unpool3d grid_sample prod trace stft polar view_as_complex
    fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft
""".split()
)
"""Ops that run in float32."""

WIDE_ON_GPU = frozenset(
    """
    acos asin cosh cosine_similarity cumprod cumsum dist erfinv exp expm1 group_norm layer_norm log log10 log_softmax
    log1p log2 norm normalize pdist pow reciprocal rsqrt sinh softmax softmin softplus sum renorm tan
""".split()
)

WIDEST = frozenset("cat concat concatenate stack index_copy".split())
"""Ops that take arguments of different precision, and run in the widest of them."""


class State(NamedTuple):
    """One `autocast` region: for which kind of device, and the lower precision."""

    device: str
    dtype: np.dtype[Any]


seen = False
_state: ContextVar[State | None] = ContextVar("functorch_jax_autocast", default=None)


def current() -> State | None:
    return _state.get()


def enter(state: State | None) -> Any:
    """Begin a region, or with None a region without autocast. Returns what `leave` takes."""
    global seen
    seen = True
    return _state.set(state)


def leave(token: Any) -> None:
    _state.reset(token)


def cast(name: str, values: list[Any]) -> list[Any]:
    """The arguments of op `name` in the precision that the running region gives it."""
    state = _state.get()
    if state is None:
        return values
    gpu = state.device == "cuda"
    if name in LOWER or (gpu and name in LOWER_ON_GPU):
        return [_to(value, state.dtype) for value in values]
    if name in WIDE or (gpu and name in WIDE_ON_GPU):
        return [_to(value, np.dtype(np.float32)) for value in values]
    if name in WIDEST:
        kinds = (
            {x.array.dtype for x in values[0] if isinstance(x, Tensor)} if isinstance(values[0], (list, tuple)) else {}
        )
        if len(kinds) > 1 and all(_eligible(kind) for kind in kinds):
            return [_to(values[0], np.dtype(np.float32)), *values[1:]]
    return values


def _eligible(kind: Any) -> bool:
    return kind.name in ("float32", "float16", "bfloat16")


def _to(value: Any, kind: np.dtype[Any]) -> Any:
    if isinstance(value, Tensor):
        return value.to(_torch(kind)) if _eligible(value.array.dtype) and value.array.dtype != kind else value
    if type(value) in (list, tuple):
        return type(value)(_to(each, kind) for each in value)
    return value


def _torch(kind: Any) -> Any:
    from functorch_jax.torch._dtype import torch_dtype

    return torch_dtype(kind)
