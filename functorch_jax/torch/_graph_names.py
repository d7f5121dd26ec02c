"""What PyTorch calls the node that an op leaves behind: `AddBackward0` for add, with its exceptions."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["backward_name"]

_NAMES = {
    "block": "SliceBackward0",
    "reshaped": "ViewBackward0",
    "permuted": "PermuteBackward0",
    "expanded": "ExpandBackward0",
    "diagonals": "DiagonalBackward0",
    "windows": "UnfoldBackward0",
    "strided": "AsStridedBackward0",
    "retyped": "ViewBackward1",
    "real": "RealBackward0",
    "to": "ToCopyBackward0",
    "picked": "IndexBackward0",
    "getitem": "IndexBackward0",
    "index_put": "IndexPutBackward0",
    "conv1d": "ConvolutionBackward0",
    "conv2d": "ConvolutionBackward0",
    "conv3d": "ConvolutionBackward0",
    "linear": "AddmmBackward0",
    "max_pool2d": "MaxPool2DWithIndicesBackward0",
    "cross_entropy": "NllLossBackward0",
    "nll_loss": "NllLossBackward0",
    "norm": "LinalgVectorNormBackward0",
    "vector_norm": "LinalgVectorNormBackward0",
    "batch_norm": "NativeBatchNormBackward0",
    "layer_norm": "NativeLayerNormBackward0",
    "square": "PowBackward0",
    "scale": "MulBackward0",
    "true_divide": "DivBackward0",
    "subtract": "SubBackward0",
    "multiply": "MulBackward0",
    "mish": "MishBackward0",
    "outer": "MulBackward0",
    "gelu": "GeluBackward0",
    "svd": "LinalgSvdBackward0",
    "solve": "LinalgSolveExBackward0",
    "inv": "LinalgInvExBackward0",
    "cholesky": "LinalgCholeskyExBackward0",
}
_BY_RANK = {
    (1, 1): "DotBackward0", (2, 1): "MvBackward0", (1, 2): "SqueezeBackward4", (2, 2): "MmBackward0",
    (3, 3): "BmmBackward0",
}  # fmt: skip
_TWO_FORMS = ("sum", "mean", "max", "min", "median")  # the second form is the one with a dim


def backward_name(name: str, key: Any, arrays: Any) -> str:
    """The name of the node for a call of the op `name`."""
    if name in ("matmul", "__matmul__") and len(arrays) >= 2:
        return _BY_RANK.get((arrays[0].ndim, arrays[1].ndim), "UnsafeViewBackward0")
    if name in _TWO_FORMS:
        template = key[0] if isinstance(key, tuple) and key and isinstance(key[0], tuple) else ()
        second = len(template) > 1 and template[1] is not None
        if name in ("max", "min", "median"):
            return f"{name.capitalize()}Backward{0 if second else 1}"
        return f"{name.capitalize()}Backward{int(second)}"
    if name == "pow":
        return f"PowBackward{int(len(arrays) > 1 and hasattr(arrays[1], 'dtype'))}"
    if name == "block" and isinstance(key, tuple) and len(key[0]) > 3:
        plan, shape = key[0][1], key[0][3]
        if isinstance(plan, tuple) and isinstance(shape, tuple) and len(shape) < len(plan):
            return "SelectBackward0"
    return _plain(name)


@functools.cache
def _plain(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    while name.endswith("_backward_backward"):
        name = name.removesuffix("_backward")
    if name.endswith("_backward"):
        return _plain(name.removesuffix("_backward")).removesuffix("0") + "Backward0"
    return "".join(part[:1].upper() + part[1:] for part in name.strip("_").split("_")) + "Backward0"
