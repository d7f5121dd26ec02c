"""Masks for `scaled_dot_product_attention` that let each query see the keys up to its own place."""

from __future__ import annotations

import enum
import warnings
from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._tensor import Tensor

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Which corner of the mask the diagonal starts from."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask (queries, keys) of bools, to pass as `attn_mask`. Source: torch.nn.attention.bias.CausalBias."""

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(
        cls,
        variant: CausalVariant = CausalVariant.UPPER_LEFT,
        seq_len_q: int = 0,
        seq_len_kv: int = 0,
        *,
        array: Any = None,
    ) -> Any:
        if array is None:
            if variant is CausalVariant.LOWER_RIGHT and seq_len_q > seq_len_kv:
                warnings.warn(
                    "Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!", stacklevel=3
                )
            lower_right = variant is CausalVariant.LOWER_RIGHT
            array = jnp.tril(jnp.ones((seq_len_q, seq_len_kv), bool), seq_len_kv - seq_len_q if lower_right else 0)
        self = super().__new__(cls, array=array)
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        return self

    def _materialize(self, device: Any = None) -> Tensor:
        """The mask as an ordinary tensor."""
        return Tensor(array=self.array)  # type: ignore[no-any-return]


def _sizes(name: str, size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors")
    return size


def causal_upper_left(*size: int) -> CausalBias:
    """The mask whose first query sees the first key. Errors: AssertionError for other than two sizes."""
    return CausalBias(CausalVariant.UPPER_LEFT, *_sizes("causal_upper_left", size))  # type: ignore[no-any-return]


def causal_lower_right(*size: int) -> CausalBias:
    """The mask whose last query sees the last key. Errors: AssertionError for other than two sizes."""
    return CausalBias(CausalVariant.LOWER_RIGHT, *_sizes("causal_lower_right", size))  # type: ignore[no-any-return]
