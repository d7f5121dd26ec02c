"""Arrays of other libraries as tensors: NumPy, buffers, DLPack, JAX.

What is shared and what is copied: JAX's arrays never change, and JAX may still be reading when a call has returned.
So memory that its owner may write is copied (`from_numpy`, `frombuffer`, `asarray`), and writes are not seen on the
other side as they are in PyTorch. `from_jax`, `Tensor.jax()`, `np.asarray(t)` and `np.from_dlpack(t)` share without a
copy, the NumPy arrays read-only; `t.numpy()` is a copy, since programs write into it. `from_dlpack` shares where the
memory is aligned for JAX (64 bytes), which is the point of asking for it: do not write to that memory afterwards.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._data import array_from
from functorch_jax.torch._device import jax_device
from functorch_jax.torch._dtype import np_dtype, torch_dtype
from functorch_jax.torch._factories import as_tensor, finish, tensor
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor, unwrap, wrap

__all__ = ["asarray", "from_dlpack", "from_jax", "from_numpy", "frombuffer"]


@function("torch")
def from_numpy(ndarray: Any) -> Tensor:
    """A tensor with the values and dtype of a NumPy array: a copy, so that later writes to the array are not seen.

    Raises TypeError for what is no array, and for dtypes that PyTorch lacks.

    Example:
        >>> import numpy as np
        >>> from functorch_jax import torch
        >>> torch.from_numpy(np.array([1.5, 2.0]))
        tensor([1.5000, 2.0000], dtype=torch.float64)

    Source: torch.from_numpy.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return finish(array_from(ndarray))


@function("torch")
def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A tensor with `count` elements of the bytes in a buffer, from `offset` on: a copy. Source: torch.frombuffer."""
    kind = np_dtype(dtype)
    try:
        data = memoryview(buffer).cast("B") if memoryview(buffer).nbytes else b""
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    length, width = len(data), kind.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % width:
        raise ValueError(
            f"buffer length ({length} bytes) after offset ({offset} bytes) must be a multiple of element size ({width})"
        )
    if count * width > length - offset:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) must not be greater than "
            f"actual buffer length ({length} bytes)"
        )
    return finish(array_from(np.frombuffer(data, kind, count, offset)), None, requires_grad)


@function("torch")
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """`obj` (a tensor, an array, a buffer, numbers or sequences of them) as a tensor; itself where it already fits.

    Raises ValueError for `copy=False` where only a copy will do. Source: torch.asarray.
    """
    kind = None if dtype is None else np_dtype(dtype)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        result = frombuffer(obj, dtype=torch_dtype(default_dtype()) if kind is None else dtype)
        return finish(result.array, device, requires_grad)
    known = isinstance(obj, (Tensor, jax.Array))
    if copy is False:
        if not known and not hasattr(obj, "__array__"):
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        if kind is not None and obj.dtype != dtype and np.dtype(unwrap(obj).dtype) != kind:
            have = type_name(unwrap(obj).dtype)
            raise ValueError(f"can't alias tensor with dtype '{have}' into dtype '{type_name(kind)}'.")
        if not known:
            raise ValueError("can't alias a NumPy array into a tensor: JAX's arrays never change. Leave copy=False out")
    if not known:
        return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    result = as_tensor(obj, dtype=dtype, device=device, copy=copy)
    if requires_grad and not result.requires_grad:
        result.requires_grad = True
    return result


@function("torch")
def from_jax(array: Any) -> Tensor:
    """The tensor around a JAX array, without a copy; `Tensor.jax()` gives it back.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import torch
        >>> torch.from_jax(jnp.arange(3)).jax()
        Array([0, 1, 2], dtype=int64)
    """
    return wrap(jnp.asarray(array))


@function("torch")
def to_dlpack(tensor: Tensor) -> Any:
    """A capsule of the tensor's memory, without a copy, to be used once. Source: torch.utils.dlpack.to_dlpack."""
    return tensor.__dlpack__()


class _Capsule:
    """A bare DLPack capsule, as the object that it came from."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        kinds = {"cpu": 1, "gpu": 2, "cuda": 2, "rocm": 10}
        return kinds.get(jax.default_backend(), 1), 0


@function("torch")
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of any array that speaks DLPack, without a copy where JAX can use that memory.

    Do not write to that memory afterwards: JAX counts on it to stay as it is.

    Args:
        ext_tensor: an array of another library, or what `torch.utils.dlpack.to_dlpack` gives, once.
        copy: True makes a copy.

    Raises BufferError for what its owner does not give away, RuntimeError for what is no array.
    Source: torch.from_dlpack.
    """
    if isinstance(ext_tensor, Tensor):
        if ext_tensor.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        array = ext_tensor.array
    elif isinstance(ext_tensor, np.ndarray) and not ext_tensor.flags.writeable:
        array = array_from(ext_tensor)  # NumPy gives it to nobody, since DLPack cannot say that it is read-only
    elif hasattr(ext_tensor, "__dlpack__"):
        array = jnp.from_dlpack(ext_tensor)
    elif type(ext_tensor).__name__ == "PyCapsule":
        try:
            array = jnp.from_dlpack(_Capsule(ext_tensor))
        except RuntimeError as e:
            raise RuntimeError(f"{_NO_CAPSULE} ({e})") from e
    else:
        raise RuntimeError(_NO_CAPSULE)
    if device is not None:
        return finish(array, jax_device(device, "from_dlpack()"))
    return wrap(jnp.array(array, copy=True) if copy else array)


_NO_CAPSULE = (
    "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so you might have "
    "already constructed a tensor from it once."
)
