"""Attention as plain mathematics, so that every order and mode of derivative works."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._dtype import category
from functorch_jax.torch._function import as_input
from functorch_jax.torch._generator import draw
from functorch_jax.torch._op import Op, function
from functorch_jax.torch._promote import broadcast, cast, type_name
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.ops.functional_dropout import NOISE
from functorch_jax.torch.ops.functional_misc import linear

__all__ = ["attended", "check_mask", "scores_of", "softened"]


def scores_of(query: Any, key: Any, scale: Any) -> Any:
    """query @ key.T * scale: (..., L, E) and (..., S, E) to (..., L, S)."""
    # scaled before the product, as it has fewer elements than the scores
    return jnp.einsum("...qd,...kd->...qk", query * cast(scale, query.dtype), key, precision=precision())


def softened(scores: Any) -> Any:
    """Softmax over the last axis; zeros, not nan, where every score is -inf: such a row attends to nothing."""
    top = lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf))
    e = jnp.exp(scores - jnp.where(top == -jnp.inf, 0, top))
    total = jnp.sum(e, axis=-1, keepdims=True)
    return e / jnp.where(total == 0, 1, total)


def attended(query: Any, key: Any, value: Any, scale: Any, mask: Any, noise: Any, soften: Any) -> tuple[Any, Any]:
    """The weights, after dropout, and what they sum up to.

    Args:
        mask: bools that are True where a key takes part, numbers to add to the scores, or None.
        noise: what weights are multiplied by in dropout, or None.
        soften: makes weights of scores.
    """
    batch, sizes = query.shape[:-2], (query.shape[-2], key.shape[-2])
    # one axis for all of the batch, where that is possible: XLA is slower with several
    merged = len(batch) > 1 and key.shape[:-2] == value.shape[:-2] == batch
    if mask is not None:
        merged = merged and broadcast(np.empty((*batch, *sizes)), mask) == (*batch, *sizes)
    if merged:
        query, key, value = (x.reshape(-1, *x.shape[-2:]) for x in (query, key, value))
    scores = scores_of(query, key, scale)
    if mask is not None:
        scores = scores.reshape(*batch, *sizes) if merged else scores
        broadcast(scores, mask)
        scores = jnp.where(mask, scores, -jnp.inf) if mask.dtype == jnp.bool_ else scores + mask.astype(scores.dtype)
        scores = scores.reshape(-1, *sizes) if merged else scores
    weights = soften(scores)
    if noise is not None:
        weights = weights * (noise.reshape(weights.shape) if merged else noise)
    out = jnp.einsum("...qk,...kd->...qd", weights, value, precision=precision())
    if merged:
        weights, out = (x.reshape(*batch, *x.shape[1:]) for x in (weights, out))
    return weights, out


def plain_softmax(scores: Any) -> Any:
    """Softmax over the last axis: nan where every score is -inf."""
    e = jnp.exp(scores - lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf)))
    return e / jnp.sum(e, axis=-1, keepdims=True)


def _noise(p: float, shape: tuple[int, ...], dtype: Any) -> Any:
    """What weights are multiplied by in dropout; None without any."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p == 0:
        return None
    return wrap(jnp.zeros(shape, dtype) if p == 1 else draw(NOISE, shape, dtype, p))


# ---- scaled_dot_product_attention ------------------------------------------------------------------------------------


def _short(dtype: Any) -> str:
    return type_name(dtype).lower()


def _check(query: Any, key: Any, value: Any, attn_mask: Any) -> None:
    named = (("query", query), ("key", key), ("value", value))
    if not query.dtype == key.dtype == value.dtype:
        names = [f"{name}.dtype: {_short(x.dtype)}" for name, x in named]
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got {' '.join(names[:2])} and {names[2]} "
            "instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        names = [f"{name}.dim: {x.ndim}" for name, x in named]
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"{' '.join(names[:2])} and {names[2]} instead."
        )
    if category(query.dtype) != 2:
        raise RuntimeError(f"expected scalar type Float but found {type_name(query.dtype)}")
    if attn_mask is not None and attn_mask.dtype not in (jnp.bool_, jnp.float32, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_short(attn_mask.dtype)} and  query.dtype: {_short(query.dtype)} instead."
        )


def _check_sizes(query: Any, key: Any, value: Any) -> None:
    n = math.prod(query.shape[:-2])
    for wanted, (rows, width) in (
        ([n, query.shape[-1]], (n, key.shape[-1])),
        ([n, key.shape[-2]], (n, value.shape[-2])),
    ):
        if wanted[1] != width:
            raise RuntimeError(
                f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: [{rows}, {width}]."
            )


def _attend(
    query: Any, key: Any, value: Any, attn_mask: Any, noise: Any, is_causal: bool, scale: float | None, grouped: bool
) -> Any:
    _check(query, key, value, attn_mask)
    if grouped:
        times = query.shape[-3] // key.shape[-3]
        key, value = jnp.repeat(key, times, axis=-3), jnp.repeat(value, times, axis=-3)
    _check_sizes(query, key, value)
    broadcast(query[..., 0, 0], key[..., 0, 0], value[..., 0, 0])
    if is_causal:
        attn_mask = jnp.tril(jnp.ones((query.shape[-2], key.shape[-2]), bool))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return attended(query, key, value, scale, attn_mask, noise, softened)[1]


_attention = Op(_attend, "scaled_dot_product_attention")


@function("nn.functional")
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.T * scale + mask) @ value. Every order and mode of derivative works.

    Args:
        query, key, value: (..., L, E), (..., S, E), (..., S, V).
        attn_mask: broadcasts to (..., L, S): bools, True where a key takes part, or numbers that are added to the
            scores. A row in which none takes part gives zeros.
        dropout_p: the probability of zeroing a weight, training or not.
        is_causal: each query sees the keys up to its own place only.
        scale: 1 / sqrt(E) when None.
        enable_gqa: each head of `key` and `value` serves several of `query`; heads are the third axis from the end.

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax import jvp
        >>> x = torch.ones(2, 3, 4)
        >>> attend = torch.nn.functional.scaled_dot_product_attention
        >>> jvp(lambda x: attend(x, x, x), (x,), (x,))[1].shape
        torch.Size([2, 3, 4])

    Errors: RuntimeError for sizes and dtypes that do not fit, and for a mask together with `is_causal`.
    Source: torch.nn.functional.scaled_dot_product_attention.
    """
    name = "scaled_dot_product_attention"
    query, key, value = as_input(query, name, 1, "query"), as_input(key, name, 2, "key"), as_input(value, name, 3)
    if is_causal and attn_mask is not None:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    batch = [x.shape[:-2] for x in (query, key)]
    if enable_gqa:
        heads = [x.shape[-3] if x.dim() > 2 else 1 for x in (query, key, value)]
        if min(heads[1:]) == 0 or heads[0] % heads[1] or heads[1] != heads[2]:
            raise RuntimeError(
                "scaled_dot_product_attention: Number of heads in key and value must divide the number of heads in "
                f"query, but there are {heads[1]} and {heads[2]} for {heads[0]}"
            )
        batch = [query.shape[:-2]]
    noise = None
    if dropout_p > 0 and min(query.dim(), key.dim()) >= 2:
        shape = broadcast(*(np.empty(b) for b in batch))
        noise = _noise(dropout_p, (*shape, query.shape[-2], key.shape[-2]), query.array.dtype)
    grouped = enable_gqa and query.dim() > 2
    return _attention(query, key, value, attn_mask, noise, is_causal, scale, grouped)  # type: ignore[no-any-return]


# ---- multi_head_attention_forward ------------------------------------------------------------------------------------


def _projected(query: Any, key: Any, value: Any, weights: Any, bias: Any, same: str) -> list[Any]:
    """Queries, keys and values through their weights, which are three or one on top of the other."""
    n = query.shape[-1]
    for x, weight in zip((query, key, value), weights if len(weights) == 3 else weights * 3, strict=True):
        if x.dtype != weight.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {type_name(x.dtype)} and {type_name(weight.dtype)}"
            )
    if len(weights) == 1:
        if same == "all":
            return jnp.split(linear(query, weights[0], bias), 3, axis=-1)
        if same == "key is value":
            both = linear(key, weights[0][n:], None if bias is None else bias[n:])
            q = linear(query, weights[0][:n], None if bias is None else bias[:n])
            return [q, *jnp.split(both, 2, axis=-1)]
        weights = jnp.split(weights[0], 3)
    biases = (None,) * 3 if bias is None else jnp.split(bias, 3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def _masks(attn_mask: Any, key_padding_mask: Any, extra: int, n: int, dtype: Any) -> Any:
    """What is added to scores (batch, heads, L, S + extra), None for nothing. The extra keys are never masked."""

    def added(mask: Any) -> Any:
        if mask.dtype == jnp.bool_:
            mask = jnp.where(mask, -jnp.inf, 0).astype(dtype)
        elif mask.dtype != dtype:
            raise RuntimeError(
                "Input dtypes must be the same, got: a mask of "
                f"{_short(mask.dtype)}, queries and keys of {_short(dtype)}"
            )
        return jnp.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, extra)])

    total = None
    if attn_mask is not None:
        total = added(attn_mask)
        total = total if total.ndim == 2 else total.reshape(n, -1, *total.shape[1:])
    if key_padding_mask is not None:
        padding = added(key_padding_mask)[:, None, None, :]
        total = padding if total is None else total + padding
    return total


def _multi_head(
    query: Any,
    key: Any,
    value: Any,
    weights: Any,
    bias: Any,
    more: Any,
    static: Any,
    out_weight: Any,
    out_bias: Any,
    attn_mask: Any,
    key_padding_mask: Any,
    noise: Any,
    heads: int,
    add_zero: bool,
    is_causal: bool,
    need_weights: bool,
    average: bool,
    same: str,
) -> Any:
    length, n, width = query.shape
    q, k, v = _projected(query, key, value, weights, bias, same)
    extra = 0
    if more is not None:
        k, v = (jnp.concatenate([x, jnp.broadcast_to(row, (1, n, width))]) for x, row in zip((k, v), more, strict=True))
        extra += 1

    def by_head(x: Any) -> Any:
        return x.reshape(len(x), n, heads, -1).transpose(1, 2, 0, 3)

    q, k, v = by_head(q), by_head(k), by_head(v)
    k, v = (x if s is None else s.reshape(n, heads, *s.shape[1:]) for x, s in zip((k, v), static, strict=True))
    if add_zero:
        k, v = (jnp.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0))) for x in (k, v))
        extra += 1
    mask = _masks(attn_mask, key_padding_mask, extra, n, q.dtype)
    if is_causal:
        mask = jnp.tril(jnp.ones((length, k.shape[-2]), bool))
    # with weights to give, PyTorch's softmax is the plain one
    soften = plain_softmax if need_weights else softened
    attention, out = attended(q, k, v, 1 / math.sqrt(q.shape[-1]), mask, noise, soften)
    out = linear(out.transpose(2, 0, 1, 3).reshape(length, n, width), out_weight, out_bias)
    if not need_weights:
        return out
    return out, attention.mean(axis=1) if average else attention


_multi_head_attention = Op(_multi_head, "multi_head_attention")


def check_mask(mask: Any, name: str) -> None:
    """Raise AssertionError for a mask that is neither bools nor floating point numbers."""
    if mask is not None and not (mask.dtype.is_floating_point or str(mask.dtype) == "torch.bool"):
        raise AssertionError(f"only bool and floating types of {name} are supported")


def _check_axes(query: Any, key: Any, value: Any, key_padding_mask: Any, attn_mask: Any) -> bool:
    """Whether there is an axis for the batch. Raises AssertionError when the arguments disagree about it."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    batched = query.dim() == 3
    kind, n = ("batched (3-D)", 3) if batched else ("unbatched (2-D)", 2)
    if key.dim() != n or value.dim() != n:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != n - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor "
            "instead"
        )
    return batched


def _check_heads(embed: int, wanted: int, heads: int) -> None:
    if embed != wanted:
        raise AssertionError(f"was expecting embedding dimension of {wanted}, but got {embed}")
    if embed % heads:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {heads}")


def _check_keys(query: Any, key: Any, value: Any, separate: bool) -> None:
    if separate and key.shape[:2] != value.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
    if not separate and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if key.shape[1] != query.shape[1]:
        raise RuntimeError(
            f"the batch of key, {key.shape[1]}, is not that of query, {query.shape[1]}: shape {list(key.shape)} is "
            "invalid for it"
        )


def _weights_of(query: Any, key: Any, value: Any, packed: Any, separate: Any) -> tuple[Any, ...]:
    if separate is None:
        return (packed,)
    n = query.shape[-1]
    for letter, name, weight, x in zip("qkv", ("query", "key", "value"), separate, (query, key, value), strict=True):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {letter}_proj_weight is None")
        if tuple(weight.shape) != (n, x.shape[-1]):
            raise AssertionError(f"expecting {name} weights shape of {(n, x.shape[-1])}, but got {weight.shape}")
    return tuple(separate)


@function("nn.functional")
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`nn.MultiheadAttention` by its weights, on (L, N, E), (S, N, E), (S, N, E) or the same without N.

    Returns: the output (L, N, E), and the weights (N, L, S), (N, heads, L, S) when not averaged, or None.
    Errors: AssertionError and RuntimeError, as PyTorch's, for shapes, dtypes and masks that do not fit.
    Source: torch.nn.functional.multi_head_attention_forward.
    """
    same = "all" if query is key is value else "key is value" if key is value else ""
    batched = _check_axes(query, key, value, key_padding_mask, attn_mask)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)  # type: ignore[attr-defined]
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)  # type: ignore[attr-defined]
    length, n, embed = query.shape
    check_mask(key_padding_mask, "key_padding_mask")
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    causal = is_causal and key_padding_mask is None and not need_weights
    if causal:
        attn_mask = None
    check_mask(attn_mask, "attn_mask")
    if attn_mask is not None and key_padding_mask is not None and attn_mask.dtype != key_padding_mask.dtype:
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    _check_heads(embed, embed_dim_to_check, num_heads)
    _check_keys(query, key, value, use_separate_proj_weight)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    weights = _weights_of(query, key, value, in_proj_weight, separate)
    source = key.shape[0]
    if attn_mask is not None:
        wanted = (length, source) if attn_mask.dim() == 2 else (n * num_heads, length, source)  # type: ignore[attr-defined]
        if tuple(attn_mask.shape) != wanted:
            raise RuntimeError(
                f"The shape of the {len(wanted)}D attn_mask is {attn_mask.shape}, but should be {wanted}."
            )
    if (bias_k is None) != (bias_v is None):
        raise AssertionError(f"bias_{'kv'[bias_k is None]} is set but bias_{'vk'[bias_k is None]} is None")
    for name, x in (("static_k", static_k), ("static_v", static_v)):
        for axis, size in ((0, n * num_heads), (2, embed // num_heads)):
            if x is not None and x.shape[axis] != size:
                raise AssertionError(f"expecting {name}.size({axis}) of {size}, but got {x.shape[axis]}")
    if static_k is not None:
        source = static_k.shape[1]
    more = None if bias_k is None else (bias_k, bias_v)
    keys = source + (more is not None and static_k is None) + bool(add_zero_attn)
    if key_padding_mask is not None:
        for axis, size in ((0, n), (1, source)):
            if key_padding_mask.shape[axis] != size:
                raise AssertionError(
                    f"Expected key_padded_mask.shape[{axis}] to be {size}, but got {key_padding_mask.shape[axis]}"
                )
    noise = _noise(dropout_p if training else 0.0, (n, num_heads, length, keys), query.array.dtype)
    tensors = (weights, in_proj_bias, more, (static_k, static_v), out_proj_weight, out_proj_bias)
    options = (num_heads, bool(add_zero_attn), causal, bool(need_weights), bool(average_attn_weights), same)
    result = _multi_head_attention(query, key, value, *tensors, attn_mask, key_padding_mask, noise, *options)
    out, attention = result if need_weights else (result, None)
    if not batched:
        out, attention = out.squeeze(1), attention if attention is None else attention.squeeze(0)
    return out, attention
