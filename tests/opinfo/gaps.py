"""Checks that fail over PyTorch's operator database, each with its reason: strict expected failures.

A key is (entry, check); "entry, *" would hide what works, so every check stands by itself.
"""

from __future__ import annotations

__all__ = ["GAPS"]

LINALG: dict[tuple[str, str], str] = {
    ("linalg.norm:subgradients_at_zero", "second"): "PyTorch's is NaN at zero; ours is 0, the slope of the subgradient",
    ("masked.logaddexp", "second"): "PyTorch's is NaN where both are masked; ours is 0",
}

_BELOW_ZERO = "below zero, where entr is -inf, PyTorch gives NaN and the curvature of -x log x; ours is 0"
NN: dict[tuple[str, str], str] = {("special.entr", check): _BELOW_ZERO for check in ("second", "forward-mode")}

_NO_COMPLEX_HALF = "XLA has no complex numbers of 16-bit parts"

A_TO_M: dict[tuple[str, str], str] = {
    **{
        ("chalf", check): _NO_COMPLEX_HALF
        for check in ("forward", "gradient", "tape", "second", "forward-mode", "vmap")
    },
    **{
        ("as_strided_scatter", check): "PyTorch's keeps the replaced elements of the input and drops the others"
        for check in ("gradient", "tape")
    },
    ("max_pool2d_with_indices_backward", "tape"): "it depends on its input through positions alone: no gradient",
    ("argwhere", "vmap"): "the shape depends on values; PyTorch loops, and succeeds where the rows happen to agree",
}

_SPARSE = "JAX arrays are dense: there are no sparse tensors here"
N_TO_Z: dict[tuple[str, str], str] = {
    (name, check): _SPARSE
    for name in ("sparse.sampled_addmm", "sparse.mm:reduce", "to_sparse")
    for check in ("forward", "gradient", "tape", "second", "forward-mode")
    if (name, check) != ("sparse.mm:reduce", "second")
}

GAPS = LINALG | NN | A_TO_M | N_TO_Z
