"""`MultiheadAttention`."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn import init
from functorch_jax.torch.nn._make import parameter
from functorch_jax.torch.nn.linear import Linear
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear`, by the name that PyTorch prints for the last one of an attention."""


class MultiheadAttention(Module):
    """Attention in several heads, between projections: out_proj(concat(heads)).

    Args:
        embed_dim, num_heads: the width of queries and outputs, and how many heads share it.
        dropout: the probability of zeroing a weight, when training.
        bias: whether the projections have biases.
        add_bias_kv: whether to add a learned key and value to every sequence.
        add_zero_attn: whether to add a key and a value of zeros.
        kdim, vdim: the widths of keys and values; `embed_dim` when None.
        batch_first: tensors are (batch, sequence, features) and not (sequence, batch, features).

    Called with `query`, `key`, `value`, and masks in which True, or minus infinity, keeps a key out:
    `key_padding_mask` (batch, S) and `attn_mask` (L, S) or (batch * heads, L, S).
    Returns: the output and the weights (batch, L, S); with `average_attn_weights=False` (batch, heads, L, S), and
    None with `need_weights=False`.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.ones(5, 2, 4)
        >>> out, weights = torch.nn.MultiheadAttention(4, 2)(x, x, x)
        >>> out.shape, weights.shape
        (torch.Size([5, 2, 4]), torch.Size([2, 5, 5]))

    Errors: ValueError and AssertionError for settings, AssertionError and RuntimeError for arguments that do not fit.
    Source: torch.nn.MultiheadAttention.
    """

    __constants__ = ("batch_first",)
    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                "instead"
            )
        super().__init__()
        place = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        separate = not self._qkv_same_embed_dim
        widths = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        if not separate:
            self.in_proj_weight = parameter(3 * embed_dim, embed_dim, **place)
        for letter, width in widths.items():
            weight = parameter(embed_dim, width, **place) if separate else None
            self.register_parameter(f"{letter}_proj_weight", weight)
        if separate:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim, **place) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **place)
        self.bias_k = parameter(1, 1, embed_dim, **place) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim, **place) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)  # type: ignore[arg-type]
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            # one tensor stays one, so that a single product makes queries, keys and values of it
            turned = {id(x): x.transpose(0, 1) if x.dim() > 1 else x for x in (query, key, value)}
            query, key, value = turned[id(query)], turned[id(key)], turned[id(value)]
        separate = (
            {}
            if self._qkv_same_embed_dim
            else {
                "use_separate_proj_weight": True,
                "q_proj_weight": self.q_proj_weight,
                "k_proj_weight": self.k_proj_weight,
                "v_proj_weight": self.v_proj_weight,
            }
        )
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            **separate,
        )
        return (out.transpose(0, 1) if swapped else out), weights

    def merge_masks(self, attn_mask: Any, key_padding_mask: Any, query: Any) -> tuple[Any, int | None]:
        """Both masks as one (batch, heads, L, S), and which there were: 0 the first, 1 the second, 2 both."""
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length = query.shape[0], query.shape[1]
        if attn_mask.dim() == 3:
            merged = attn_mask.reshape(batch, -1, length, length)
        else:
            merged = attn_mask.reshape(1, 1, length, length).expand(batch, self.num_heads, -1, -1)
        if key_padding_mask is not None:
            merged = merged + key_padding_mask.reshape(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return merged, 2
