"""Attention whose scores and masks are functions of places, as plain mathematics.

PyTorch leaves out whole blocks that a mask excludes; here the mask is dense, and derivatives of every order work.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._op import Op
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.ops.functional_attention import scores_of, softened
from functorch_jax.transforms import vmap

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

Mod = Callable[..., Any]


class AuxRequest(NamedTuple):
    """What to return besides the output."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by an `AuxRequest`, each (batch, heads, L)."""

    lse: Any = None
    max_scores: Any = None


def _everywhere(mod: Mod, scores: Any, sizes: tuple[int, ...]) -> Any:
    """`mod` at every (batch, head, query, key): of the score there and the four places, or of the places alone."""
    first = () if scores is None else (scores,)
    for axis in (3, 2, 1, 0):
        in_dims = (*(0 for _ in first), *(0 if i == axis else None for i in range(4)))
        mod = vmap(mod, in_dims)
    return mod(*first, *(wrap(jnp.arange(n, dtype=jnp.int32)) for n in sizes))


def noop_mask(batch: Any, head: Any, token_q: Any, token_kv: Any) -> Any:
    """The mask that lets every key take part."""
    return wrap(jnp.ones((), bool))


def _combined(mask_mods: tuple[Mod, ...], join: Callable[[Any, Any], Any]) -> Mod:
    if not all(callable(mod) for mod in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")
    return lambda *places: functools.reduce(join, (mod(*places) for mod in mask_mods))


def and_masks(*mask_mods: Mod) -> Mod:
    """A mask that lets take part what all of these do."""
    return _combined(mask_mods, lambda a, b: a & b)


def or_masks(*mask_mods: Mod) -> Mod:
    """A mask that lets take part what any of these does."""
    return _combined(mask_mods, lambda a, b: a | b)


def create_mask(mod_fn: Mod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None) -> Tensor:
    """The dense mask (B, H, Q_LEN, KV_LEN) of `mask_mod(batch, head, query, key)`; 1 for a size that is None."""
    return _everywhere(mod_fn, None, (B or 1, H or 1, Q_LEN, KV_LEN)).bool()  # type: ignore[no-any-return]


class BlockMask:
    """A mask made by `create_block_mask`. Source: torch.nn.attention.flex_attention.BlockMask."""

    def __init__(self, dense: Tensor, mask_mod: Mod, block_size: tuple[int, int]) -> None:
        self.dense = dense
        self.mask_mod = mask_mod
        self.BLOCK_SIZE = block_size

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.dense.shape)

    @property
    def seq_lengths(self) -> tuple[int, int]:
        return self.shape[-2], self.shape[-1]

    def numel(self) -> int:
        return math.prod(self.shape)

    def to_dense(self) -> Tensor:
        """Which blocks have something to attend to: (B, H, blocks of queries, blocks of keys)."""
        rows, columns = self.BLOCK_SIZE
        *batch, q, k = self.shape
        whole = jnp.pad(self.dense.array, ((0, 0), (0, 0), (0, -q % rows), (0, -k % columns)))
        blocks = whole.reshape(*batch, -(-q // rows), rows, -(-k // columns), columns)
        return wrap(blocks.any(axis=(3, 5)).astype(jnp.int32))

    def sparsity(self) -> float:
        """How much of the whole need not be computed, in per cent, block by block."""
        used = int(np.asarray(self.to_dense()).sum()) * math.prod(self.BLOCK_SIZE)
        return 100 * (1 - used / self.numel())


def create_block_mask(
    mask_mod: Mod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = 128,
    _compile: bool = False,
    **options: Any,
) -> BlockMask:
    """The mask of `mask_mod(batch, head, query, key)`, which gives True where a key takes part.

    Args:
        B, H: how many batches and heads the mask tells apart; None for none.
        BLOCK_SIZE: counts for `to_dense` and `sparsity` only.

    Source: torch.nn.attention.flex_attention.create_block_mask.
    """
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
    return BlockMask(create_mask(mask_mod, B, H, Q_LEN, KV_LEN), mask_mod, size)  # type: ignore[arg-type]


def _repeated(x: Any, times: int) -> Any:
    return jnp.repeat(x, times, axis=1) if times > 1 else x


_scores = Op(lambda q, k, scale, times: scores_of(q, _repeated(k, times), scale), "flex_scores", "scale")


def _finished(scores: Any, value: Any, mask: Any, times: int) -> Any:
    scores = scores if mask is None else jnp.where(mask, scores, -jnp.inf)
    top = jnp.max(scores, axis=-1)
    shift = jnp.where(jnp.isfinite(top), top, 0)[..., None]
    total = jnp.sum(jnp.exp(scores - shift), axis=-1)
    # where all is masked there is no sum to take the logarithm of
    lse = jnp.where(total == 0, -jnp.inf, jnp.log(jnp.where(total == 0, 1, total)) + shift[..., 0])
    value = _repeated(value, times)
    out = jnp.einsum("bhqk,bhkd->bhqd", softened(scores), value.astype(scores.dtype), precision=precision())
    return out.astype(value.dtype), lse, top


_finish = Op(_finished, "flex_attention")


def flex_attention(
    query: Any,
    key: Any,
    value: Any,
    score_mod: Mod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention of (B, H, L, E) to (B, H, S, E), its scores changed by `score_mod(score, batch, head, query, key)`.

    Args:
        block_mask: of `create_block_mask`; a query that no key takes part in gives zeros.
        enable_gqa: each head of `key` and `value` serves several of `query`.
        return_lse: also return the logarithm of the sum of the exponentials of the scores, (B, H, L).
        return_aux: the same and the largest scores, by name.

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch.nn.attention.flex_attention import flex_attention
        >>> x = torch.ones(1, 2, 3, 4)
        >>> flex_attention(x, x, x, score_mod=lambda score, b, h, q, k: score - (q - k).abs()).shape
        torch.Size([1, 2, 3, 4])

    Errors: NotImplementedError for other than four axes, ValueError for heads or a mask that do not fit.
    Source: torch.nn.attention.flex_attention.flex_attention.
    """
    if not query.dim() == key.dim() == value.dim() == 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    heads, others = query.size(1), key.size(1)
    if not enable_gqa and heads != others:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={others}. "
            "Try setting enable_gqa=True for GQA."
        )
    if heads % others:
        raise ValueError(f"the number of heads of query, {heads}, must be a multiple of that of key, {others}")
    if block_mask is not None and block_mask.seq_lengths != (query.size(2), key.size(2)):
        raise ValueError(
            f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={query.size(2)} and "
            f"kv_len={key.size(2)}"
        )
    times = heads // others
    scores = _scores(query, key, 1 / math.sqrt(query.size(-1)) if scale is None else scale, times)
    if score_mod is not None:
        scores = _everywhere(score_mod, scores, tuple(scores.shape))
    out, lse, top = _finish(scores, value, None if block_mask is None else block_mask.dense, times)
    if return_aux is not None:
        return out, AuxOutput(lse if return_aux.lse else None, top if return_aux.max_scores else None)
    return (out, lse) if return_lse else out
