"""The writer of checkpoints: pickles that name PyTorch's functions, with the tensors' memory apart."""

from __future__ import annotations

import functools
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import numpy as np

from functorch_jax.torch._device import device, device_of
from functorch_jax.torch._dtype import dtype
from functorch_jax.torch._layout import layout
from functorch_jax.torch._size import Size
from functorch_jax.torch._storage import STORAGES, is_dense, window
from functorch_jax.torch._strides import contiguous_strides, layout_of
from functorch_jax.torch._tensor import Tensor, concrete
from functorch_jax.torch.nn.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
)

__all__ = ["Memory", "TorchPickler"]


class _Name:
    """Something of PyTorch's, which need not be installed to be named in a pickle."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self) -> None:
        """Never called: pickle asks whether what makes an object is callable."""


@functools.cache
def _name(full: str) -> _Name:
    return _Name(*full.rsplit(".", 1))


class Memory:
    """A stretch of memory to be written.

    `owner` is kept so that its identity, which tells who shares the memory, is not given to another tensor.
    """

    __slots__ = ("key", "location", "owner", "strides", "values")

    def __init__(self, key: str, owner: Tensor, array: np.ndarray[Any, Any], strides: tuple[int, ...]) -> None:
        self.key = key
        self.owner = owner
        order = sorted(range(array.ndim), key=lambda i: -strides[i])
        self.values = np.ascontiguousarray(array.transpose(order)).reshape(-1)
        self.strides = strides
        where = device_of(owner.array)
        # PyTorch has no name for the other devices that it can read without them
        self.location = str(where) if where.type == "cuda" and where.index is not None else "cpu"

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def raw(self) -> memoryview:
        return self.values.view(np.uint8).data


class TorchPickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Pickles anything that `pickle` does; tensors as PyTorch writes them.

    The written-in-Python one of pickle's two picklers, because the other one looks up every name it writes.

    Attributes:
        memories: what has to be written besides the pickle.
    """

    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, file: Any, protocol: int = 2, legacy: bool = False) -> None:
        super().__init__(file, protocol=protocol)
        self.legacy = legacy
        self.memories: list[Memory] = []
        self._owned: dict[tuple[int, Any], Memory] = {}

    def save_name(self, obj: _Name) -> None:
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    dispatch[_Name] = save_name
    dispatch[dtype] = lambda self, obj: self.save(_name(f"torch.{obj.name}"))

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is not Memory:
            return None
        kind = STORAGES.get(obj.dtype.name)
        if kind is None:
            pid = ("storage", _name("torch.storage.UntypedStorage"), obj.key, obj.location, obj.values.nbytes)
        else:
            pid = ("storage", _name(f"torch.{kind}"), obj.key, obj.location, obj.values.size)
        return (*pid, None) if self.legacy else pid

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Tensor):
            return self._tensor(obj)
        reduce = _REDUCE.get(type(obj))
        return NotImplemented if reduce is None else reduce(obj)

    # -- tensors -------------------------------------------------------------------------------------------------------

    def _tensor(self, tensor: Tensor) -> Any:
        if type(tensor) in (UninitializedParameter, UninitializedBuffer):
            return _name(f"torch.nn.parameter.{type(tensor).__name__}"), (tensor._requires_grad,)
        state = {k: v for k, v in vars(tensor).items() if k != "_array" and not hasattr(Tensor, k)}
        if isinstance(tensor, Parameter):
            args: Any = (_Plain(tensor), tensor._requires_grad, OrderedDict())
            if state:
                return _name("torch._utils._rebuild_parameter_with_state"), (*args, state)
            return _name("torch._utils._rebuild_parameter"), args
        make, args = self._plain(tensor, tensor.requires_grad)
        kind = type(tensor)
        if kind is Buffer:
            kind, state = Tensor, {**state, "persistent": tensor.persistent, "_is_buffer": True}
        if kind is Tensor and not state:
            return make, args
        named = _name("torch.Tensor") if kind is Tensor else kind
        return _name("torch._tensor._rebuild_from_type_v2"), (make, named, args, state)

    def save_plain(self, obj: _Plain) -> None:
        self.save_reduce(*self._plain(obj.tensor, False))

    def _plain(self, tensor: Tensor, requires_grad: bool) -> Any:
        """The function that makes a tensor, and its arguments."""
        array = tensor.array
        if isinstance(array, jax.ShapeDtypeStruct):
            args: Any = (_dtype(array.dtype), tuple(array.shape), contiguous_strides(array.shape), requires_grad)
            return _name("torch._utils._rebuild_meta_tensor_no_storage"), args
        memory, offset, strides = self._memory(tensor)
        args = (memory, offset, tuple(array.shape), strides, requires_grad, OrderedDict())
        if array.dtype.name in STORAGES:
            return _name("torch._utils._rebuild_tensor_v2"), args
        return _name("torch._utils._rebuild_tensor_v3"), (*args, _dtype(array.dtype))

    def _memory(self, tensor: Tensor) -> tuple[Memory, int, tuple[int, ...]]:
        """The memory that a tensor shares with what it is a view of; its own where it is no plain part of that."""
        values = _values(tensor)
        root = tensor.root
        strides, offset = layout_of(tensor)
        if root is not tensor and root.array.dtype == values.dtype and len(strides) == values.ndim:
            memory = self._owned_by(root, _values(root))
            try:
                shown = window(memory.values, offset, values.shape, tuple(strides))
            except RuntimeError:
                shown = None
            if shown is not None and _same(shown, values):
                return memory, offset, tuple(strides)
        memory = self._owned_by(tensor, values)
        return memory, 0, memory.strides

    def _owned_by(self, owner: Tensor, values: np.ndarray[Any, Any]) -> Memory:
        key = (id(owner), values.dtype)
        if key not in self._owned:
            strides = tuple(owner._strides or ()) if owner._parent is None else ()
            if len(strides) != values.ndim or not is_dense(values.shape, strides):
                strides = contiguous_strides(values.shape)
            memory = self._owned[key] = Memory(str(len(self.memories)), owner, values, strides)
            self.memories.append(memory)
        return self._owned[key]


class _Plain:
    """The tensor inside a parameter."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


TorchPickler.dispatch[_Plain] = TorchPickler.save_plain


def _dtype(kind: Any) -> _Name:
    return _name(f"torch.{np.dtype(kind).name}")


def _values(tensor: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(concrete(tensor, "torch.save()"))


def _same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether the bytes are equal: NaN is NaN, and 0 is not -0."""
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


_REDUCE: dict[type, Callable[[Any], Any]] = {
    Size: lambda size: (_name("torch.Size"), (tuple(size),)),
    device: lambda where: (_name("torch.device"), (where.type,) if where.index is None else (where.type, where.index)),
    layout: lambda kind: (_name("torch.serialization._get_layout"), (repr(kind),)),
}
