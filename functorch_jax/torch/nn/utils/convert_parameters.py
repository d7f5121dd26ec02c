"""All parameters as one vector, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> Tensor:
    """The values of `parameters`, one after the other in one vector. Source: torch.nn.utils.parameters_to_vector."""
    return NAMESPACES["torch"]["cat"]([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Put the parts of a vector into `parameters`, in place, without recording derivatives.

    Errors: TypeError when `vec` is no tensor, RuntimeError when it is too short.
    Source: torch.nn.utils.vector_to_parameters.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for parameter in parameters:
        shape = parameter.array.shape
        size = math.prod(shape)
        part = vec.array[start : start + size]
        if part.size != size:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {part.size}")
        parameter.reset(part.reshape(shape))
        start += size
