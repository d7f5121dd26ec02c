"""Tensors out of the memory that a checkpoint stores.

A file holds storages (flat memory), and tensors as windows on them: an offset, a size and strides. Tensors that share a
storage share it again here: one of them, or a flat tensor behind them, is the base that the others are views of.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from functorch_jax.torch._device import device, jax_device
from functorch_jax.torch._dtype import DTYPES, dtype
from functorch_jax.torch._graph import state
from functorch_jax.torch._layout import NAMES, layout
from functorch_jax.torch._size import Size
from functorch_jax.torch._strides import contiguous_strides
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch._unpickler import CALLS, VALUES
from functorch_jax.torch.ops.axes import STRIDED

__all__ = ["STORAGES", "UNTYPED", "Storage", "StorageType", "is_dense", "placement", "window"]

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "complex64": "ComplexFloatStorage",
    "complex128": "ComplexDoubleStorage",
}
"""The types of memory that files name, by dtype. Memory of any newer dtype is untyped."""


class StorageType:
    """What a file calls a type of memory."""

    __slots__ = ("dtype", "name")

    def __init__(self, name: str, kind: dtype | None) -> None:
        self.name = name
        self.dtype = kind

    def __repr__(self) -> str:
        return f"<class '{self.name}'>"


UNTYPED = StorageType("torch.storage.UntypedStorage", None)


@dataclass
class _User:
    """A tensor and the window on its storage that it shows."""

    tensor: Tensor
    dtype: np.dtype[Any]
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    flags: Any


class Storage:
    """Memory that tensors of a file share; a `map_location` function is called with it.

    `data` are its bytes, in this machine's order; None until they have been read.
    """

    def __init__(self, kind: StorageType, numel: int, location: str) -> None:
        self.kind = kind
        self.numel = numel
        self.location = location
        self.where: Any = None  # a JAX device, "meta", or None for no choice
        self.data: np.ndarray[Any, Any] | None = None
        self.users: list[_User] = []

    @property
    def nbytes(self) -> int:
        return self.numel * (1 if self.kind.dtype is None else self.kind.dtype.itemsize)

    @property
    def device(self) -> device:
        return device(self.location)

    def size(self) -> int:
        return self.numel

    __len__ = size

    def cpu(self) -> Storage:
        """This memory, to be put on the CPU."""
        return self.on("cpu")

    def cuda(self, index: Any = None, non_blocking: bool = False) -> Storage:
        """This memory, to be put on a GPU."""
        return self.on(device("cuda", index) if isinstance(index, int) else index or "cuda")

    def on(self, where: Any) -> Storage:
        """This memory, to be put on a device."""
        other = copy.copy(self)
        other.users = []
        other.location = str(where)
        other.where = jax_device(where, "torch.load()")
        if other.location == "cpu" and jax.default_backend() == "cpu":
            other.where = None
        return other

    to = on

    def fill(self, raw: Any, order: str, native: str) -> None:
        """Take the bytes that the file has, swapped if it was written in another byte order."""
        if len(raw) != self.nbytes:
            raise RuntimeError(f"the file has {len(raw)} bytes for a storage of {self.nbytes}: it is damaged")
        self.data = np.frombuffer(raw, np.uint8)
        if order != native and self.kind.dtype is not None and self.kind.dtype.itemsize > 1:
            width = self.kind.dtype.itemsize // (2 if self.kind.dtype.is_complex else 1)
            self.data = self.data.reshape(-1, width)[:, ::-1].reshape(-1)

    def values(self, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """The memory as a flat array."""
        assert self.data is not None
        data = self.data[: self.nbytes // kind.itemsize * kind.itemsize]
        return data != 0 if kind == np.bool_ else data.view(kind)

    def show(self, user: _User) -> None:
        """Put its values into a tensor."""
        if self.where == "meta" or self.data is None:
            user.tensor._array = jax.ShapeDtypeStruct(user.size, user.dtype)
            return
        values = window(self.values(user.dtype), user.offset, user.size, user.stride)
        if user.flags.get("conj"):
            values = np.conj(values)
        if user.flags.get("neg"):
            values = np.negative(values)
        user.tensor._array = self._place(values)

    def _place(self, values: np.ndarray[Any, Any]) -> Any:
        values = values if values.flags.c_contiguous else values.copy()
        return jax.device_put(values, self.where)  # no device is no choice; `asarray` would compile for each shape

    def link(self) -> None:
        """Make tensors that share this memory views of one base. To be called when all of them are known."""
        for user in self.users:
            vars(user.tensor).pop("_window", None)
        if self.where == "meta" or self.data is None:
            return
        users = [user for user in self.users if not user.flags and 0 not in user.size]
        for kind in {user.dtype for user in users}:
            self._link([user for user in users if user.dtype == kind], self.values(kind))

    def _link(self, users: list[_User], flat: np.ndarray[Any, Any]) -> None:
        whole = [u for u in users if u.offset == 0 and math.prod(u.size) == len(flat) and is_dense(u.size, u.stride)]
        if len(users) == 1 and whole:
            if not _row_major(users[0]):
                users[0].tensor._strides = users[0].stride
            return
        base = next((user.tensor for user in whole if _row_major(user)), None)
        if base is None:
            base = wrap(self._place(flat))
        for user in users:
            if user.tensor is not base:
                key, arrays = STRIDED.split([base, user.size, user.stride, user.offset])
                user.tensor._parent, user.tensor._view = base, (STRIDED, key, arrays[1:])
                user.tensor._seen = base._version
                user.tensor._untracked = True  # memory is all that a file knows them to share


def _row_major(user: _User) -> bool:
    wanted = contiguous_strides(user.size)
    return all(n == 1 or a == b for n, a, b in zip(user.size, user.stride, wanted, strict=True))


def is_dense(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether a window shows each element of a stretch of memory once, in whatever order."""
    step = 1
    for t, n in sorted((t, n) for n, t in zip(size, stride, strict=True) if n != 1):
        if t != step:
            return False
        step *= n
    return True


def window(
    flat: np.ndarray[Any, Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """The elements of `flat` that strides (counted in elements) show. Raises RuntimeError beyond its end."""
    _check_window(len(flat), flat.itemsize, offset, size, stride)
    if 0 in size:
        return np.zeros(size, flat.dtype)
    steps = [t * flat.itemsize for t in stride]
    # over bytes, because NumPy's own tools do not know the dtypes that JAX adds
    memory = flat.view(np.uint8)
    return np.ndarray(size, flat.dtype, buffer=memory.data, offset=offset * flat.itemsize, strides=steps)


def _check_window(length: int, itemsize: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise RuntimeError(f"a tensor cannot have size {size}, strides {stride} and offset {offset}")
    reach = 0 if 0 in size else offset + sum((n - 1) * t for n, t in zip(size, stride, strict=True)) + 1
    if reach > length:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {itemsize} "
            f"requiring a storage size of {reach * itemsize} are out of bounds for storage of size {length * itemsize}"
        )


# ---- devices ---------------------------------------------------------------------------------------------------------

_NO_CUDA = (
    "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False: JAX finds no GPU. Load "
    "with map_location=torch.device('cpu') to put the tensors on the CPU"
)


def _restore(storage: Storage, location: str) -> Storage:
    try:
        return storage.on(location)
    except (AssertionError, RuntimeError, TypeError) as e:
        if location.startswith("cuda") and "Expected one of" not in str(e):
            raise RuntimeError(_NO_CUDA if "not compiled" in str(e) else str(e)) from e
        raise RuntimeError(
            f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location}): {e}"
        ) from e


def placement(map_location: Any) -> Callable[[Storage, str], Storage]:
    """What `map_location` does with a storage that the file says was at a location."""
    if map_location is None:
        return _restore
    if isinstance(map_location, dict):
        return lambda storage, location: _restore(storage, str(map_location.get(location, location)))
    if isinstance(map_location, (str, device)):
        return lambda storage, location: _restore(storage, str(map_location))

    def place(storage: Storage, location: str) -> Storage:
        result = map_location(storage, location)
        if result is None:
            return _restore(storage, location)
        if not isinstance(result, Storage):
            raise TypeError(f"map_location must return a storage or None, not {type(result).__name__}")
        return result if result is not storage else storage.on("cpu")

    return place


# ---- what files call -------------------------------------------------------------------------------------------------


def _call(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        CALLS[name] = fn
        return fn

    return decorate


def _tensor(
    storage: Any, kind: dtype | None, offset: int, size: Any, stride: Any, requires_grad: Any, flags: Any
) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(kind, dtype):
        raise TypeError("a tensor is made of something that is no storage")
    if flags is not None and (type(flags) is not dict or not flags.keys() <= {"conj", "neg"}):
        raise ValueError(f"a tensor has metadata of an unknown kind: {flags}")
    tensor = wrap(None)
    user = _User(tensor, kind.np, offset, tuple(size), tuple(stride), flags or {})
    # here, where the memory may still have to be read
    _check_window(storage.nbytes // kind.itemsize, kind.itemsize, offset, user.size, user.stride)
    tensor._window = user  # until everything is linked
    storage.users.append(user)
    storage.show(user)
    tensor._requires_grad = bool(requires_grad)
    return tensor


@_call("torch._utils._rebuild_tensor")
def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    return _tensor(storage, storage.kind.dtype, offset, size, stride, False, None)


@_call("torch._utils._rebuild_tensor_v2")
def _rebuild_tensor_v2(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, metadata: Any = None
) -> Tensor:
    return _tensor(storage, storage.kind.dtype, offset, size, stride, requires_grad, metadata)


@_call("torch._utils._rebuild_tensor_v3")
def _rebuild_tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, kind: Any, metadata: Any = None
) -> Tensor:
    return _tensor(storage, kind, offset, size, stride, requires_grad, metadata)


@_call("torch._utils._rebuild_meta_tensor_no_storage")
def _rebuild_meta(kind: Any, size: Any, stride: Any, requires_grad: Any) -> Tensor:
    if not isinstance(kind, dtype):
        raise TypeError("a tensor has a dtype that is none")
    tensor = wrap(jax.ShapeDtypeStruct(tuple(map(int, size)), kind.np))
    tensor._requires_grad = bool(requires_grad)
    return tensor


@_call("torch._utils._rebuild_parameter")
def _rebuild_parameter(data: Any, requires_grad: Any, hooks: Any) -> Tensor:
    from functorch_jax.torch.nn.parameter import Parameter

    if not isinstance(data, Tensor):
        raise TypeError("a parameter is made of something that is no tensor")
    return _in_place_of(data, Parameter(array=data.array), bool(requires_grad))


@_call("torch._utils._rebuild_parameter_with_state")
def _rebuild_parameter_with_state(data: Any, requires_grad: Any, hooks: Any, state: Any) -> Tensor:
    return _with_attributes(_rebuild_parameter(data, requires_grad, hooks), state)


@_call("torch._tensor._rebuild_from_type_v2")
def _rebuild_from_type(make: Any, kind: Any, args: Any, state: Any) -> Tensor:
    from functorch_jax.torch.nn.parameter import Buffer

    # on the restricted reader's stack a function is a marker that holds it
    make = getattr(make, "make", make)
    if make not in _TENSOR_MAKERS or not (isinstance(kind, type) and issubclass(kind, Tensor)):
        raise TypeError("a tensor is made by something unknown")
    tensor = make(*args)
    attributes = dict(state[0] or {}) if type(state) is tuple else dict(state)
    if kind is Tensor and attributes.pop("_is_buffer", False):
        persistent = bool(attributes.pop("persistent", True))
        tensor = _in_place_of(tensor, Buffer(array=tensor.array), tensor._requires_grad)
        tensor.persistent = persistent
    elif kind is not Tensor and kind is not type(tensor):
        tensor = _in_place_of(tensor, kind(array=tensor.array), tensor._requires_grad)
    return _with_attributes(tensor, attributes)


_TENSOR_MAKERS = (_rebuild_tensor, _rebuild_tensor_v2, _rebuild_tensor_v3, _rebuild_parameter, _rebuild_meta)


def _in_place_of(data: Any, tensor: Any, requires_grad: bool) -> Any:
    """`tensor`, which from now on is the one that shares the memory of `data`."""
    tensor._requires_grad = requires_grad
    state.live = state.live or requires_grad
    user = vars(data).pop("_window", None)
    if user is not None:
        user.tensor = tensor
        tensor._window = user
    return tensor


def _with_attributes(tensor: Tensor, state: Any) -> Tensor:
    """`tensor` with what a program had stored on it; what belongs to the class cannot be replaced by it."""
    for name, value in dict(state).items():
        if type(name) is not str or hasattr(type(tensor), name) or name in vars(tensor):
            raise ValueError(f"Tensor.{name} is to be overwritten")
        vars(tensor)[name] = value
    return tensor


@_call("torch.nn.parameter.UninitializedParameter")
def _uninitialized(requires_grad: Any = True) -> Tensor:
    from functorch_jax.torch.nn.parameter import UninitializedParameter

    return UninitializedParameter(bool(requires_grad))


@_call("torch.Size")
def _size(sizes: Any = ()) -> Size:
    return Size(int(n) for n in sizes)


@_call("torch.device")
def _device(kind: Any, index: Any = None) -> device:
    return device(kind, index)


@_call("torch.serialization._get_layout")
def _layout(name: Any) -> layout:
    found = NAMES[name.removeprefix("torch.")]
    if not isinstance(found, layout):
        raise ValueError(f"{name} is no layout")
    return found


for _name in STORAGES:
    _kind = StorageType(f"torch.{STORAGES[_name]}", DTYPES[_name])
    VALUES[f"torch.{STORAGES[_name]}"] = VALUES[f"torch.cuda.{STORAGES[_name]}"] = _kind
VALUES["torch.storage.UntypedStorage"] = VALUES["torch.UntypedStorage"] = UNTYPED
VALUES["torch.Tensor"] = Tensor
VALUES.update({f"torch.{each.name}": each for each in DTYPES.values()})
