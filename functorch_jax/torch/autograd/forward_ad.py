"""Forward mode with dual tensors. Source: torch.autograd.forward_ad."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple

from functorch_jax import jaxapi
from functorch_jax.grad_mode import resync
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_levels: list[Any] = []


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, or None. Source: torch.autograd.forward_ad.UnpackedDualTensor."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Start forward mode; returns the level, 0. Source: torch.autograd.forward_ad.enter_dual_level."""
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(jaxapi.open_dual())
    resync()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End forward mode: the tangents are gone. Source: torch.autograd.forward_ad.exit_dual_level."""
    if not _levels:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not entered: Dual level must be a positive number."
        )
    if level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created.")
    jaxapi.close_dual(_levels.pop())
    resync()


class dual_level:
    """A block in which tensors may have tangents.

    Example:
        >>> import functorch_jax.torch.autograd.forward_ad as fwAD
        >>> from functorch_jax import torch
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(torch.tensor(3.0), torch.tensor(1.0))
        ...     fwAD.unpack_dual(x * x).tangent
        tensor(6.)

    Source: torch.autograd.forward_ad.dual_level.
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with a tangent. Source: torch.autograd.forward_ad.make_dual.

    Raises: RuntimeError outside of a level or for a tangent of another size, ValueError for integers.
    """
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    array, moved = tensor.array, tangent.array
    if not jaxapi.is_inexact(array):
        raise ValueError(f"Expected primal to be floating point or complex, but got: {tensor.dtype}")
    if not jaxapi.is_inexact(moved):
        raise ValueError(f"Expected tangent to be floating point or complex, but got: {tangent.dtype}")
    if array.shape != moved.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(array.shape)} while the given forward gradient is of size "
            f"{list(moved.shape)}."
        )
    dual = wrap(jaxapi.make_dual(_levels[-1], array, moved.astype(array.dtype)))
    if tensor.requires_grad and tensor.node is None:
        dual._node, dual._nr = (tensor * 1)._node, 0  # type: ignore[operator]
    else:
        dual._node, dual._nr = tensor.node, tensor._nr
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent (None where there is none). Source: torch.autograd.forward_ad.unpack_dual."""
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    primal, tangent = jaxapi.split_dual(_levels[-1], tensor.array)
    if tangent is None:
        return UnpackedDualTensor(tensor, None)
    value = wrap(primal)
    value._node, value._nr = tensor.node, tensor._nr
    return UnpackedDualTensor(value, wrap(tangent))
