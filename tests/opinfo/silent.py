"""Pairs of an entry and a check about which PyTorch says nothing: it refuses every sample, for the reasons given.

A reason is a part of what each refusal says, so that no pair is silent for another one. These pairs count neither as
passing nor as failing.
"""

from __future__ import annotations

__all__ = ["SILENT"]

_NOTHING_IN = ("no tensor goes in",)
_NOTHING_OUT = ("no tensor comes out",)  # a number or a bool does
_SHAPE_OF_VALUES = (
    "do not support batching operators that can output dynamic shape",
    "for each batch this would return a differently shaped Tensor",
    "Batching rule not implemented for aten::nonzero_numpy",
)
_NO_SPARSE_BATCH = ("Sparse CSR tensors do not have is_contiguous", "from the 'SparseCPU' backend")

VMAP = {
    _NOTHING_IN: """arange broadcast_shapes eye full linspace logspace ones scalar_tensor tril_indices triu_indices
    zeros signal.windows.bartlett signal.windows.blackman signal.windows.cosine signal.windows.exponential
    signal.windows.gaussian signal.windows.general_cosine signal.windows.general_hamming signal.windows.hamming
    signal.windows.hann signal.windows.kaiser signal.windows.nuttall""",
    _NOTHING_OUT: "allclose equal item",
    _SHAPE_OF_VALUES: "masked_select nonzero unique unique_consecutive",
    _NO_SPARSE_BATCH: "sparse.mm:reduce sparse.sampled_addmm to_sparse",
}

SILENT: dict[tuple[str, str], tuple[str, ...]] = {
    **{(name, "vmap"): reasons for reasons, names in VMAP.items() for name in names.split()},
    # ours is compared with finite differences in tests/transforms/test_second_order.py
    ("nn.functional.ctc_loss", "second"): ("derivative for aten::_ctc_loss_backward is not implemented",),
}
