"""Methods of `Tensor` that leave tensors (numbers, lists, NumPy), change dtype or device, or tell what a tensor is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch import _layout
from functorch_jax.torch._data import array_from
from functorch_jax.torch._device import device, device_of, jax_device, to_device
from functorch_jax.torch._dtype import DTYPES, category, np_dtype, torch_dtype
from functorch_jax.torch._dtype import dtype as torch_dtype_class
from functorch_jax.torch._function import as_input
from functorch_jax.torch._names import MissingName
from functorch_jax.torch._op import Op, function
from functorch_jax.torch._promote import cast, wrap_dim
from functorch_jax.torch._size import Size
from functorch_jax.torch._strides import contiguous_strides, is_contiguous, layout_of
from functorch_jax.torch._tensor import Tensor, concrete, wrap

# ---- numbers ---------------------------------------------------------------------------------------------------------


def _one(self: Tensor, what: str) -> Any:
    """The NumPy scalar in a tensor of one element."""
    value = np.asarray(concrete(self, what))
    return value.reshape(-1)[0]


@function("Tensor")
def item(self: Tensor) -> Any:
    """The number in a tensor of one element. Source: torch.Tensor.item."""
    if self.array.size != 1:
        raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
    return _python(_one(self, ".item()"))


def _python(x: Any) -> Any:
    return x.item() if x.dtype.kind in "biufc" else float(x)


@function("Tensor")
def tolist(self: Tensor) -> Any:
    """The values as nested lists; a number for a 0-dim tensor. Source: torch.Tensor.tolist."""
    values = np.asarray(concrete(self, ".tolist()"))
    return (values if values.dtype.kind in "biufc" else values.astype(np.float64)).tolist()


@function("Tensor")
def __bool__(self: Tensor) -> bool:
    if self.array.size != 1:
        how = "more than one value" if self.array.size else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {how} is ambiguous")
    return bool(_one(self, "bool()"))


@function()
def is_nonzero(input: Tensor) -> bool:
    if input.array.size != 1:
        how = "more than one value" if input.array.size else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {how} is ambiguous")
    return bool(_one(input, "is_nonzero()"))


def _conversion(name: str, what: str, kind: Callable[[Any], Any]) -> None:
    def convert(self: Tensor) -> Any:
        if self.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        value = _python(_one(self, what))
        if isinstance(value, complex) and kind is not complex:
            if value.imag:
                raise RuntimeError(
                    f"value cannot be converted to type {'double' if kind is float else 'int64_t'} without overflow"
                )
            value = value.real
        return kind(value)

    convert.__name__ = convert.__qualname__ = name
    function("Tensor")(convert)


_conversion("__float__", "float()", float)
_conversion("__int__", "int()", int)
_conversion("__complex__", "complex()", complex)


@function("Tensor")
def __index__(self: Tensor) -> int:
    if self.array.size != 1 or category(self.array.dtype) > 1:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(_one(self, "__index__()"))


# ---- NumPy and DLPack ------------------------------------------------------------------------------------------------


@function("Tensor")
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """A NumPy array of the values: a copy, which may be written. Source: torch.Tensor.numpy."""
    if self.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        name = {"bfloat16": "BFloat16", "float8_e4m3fn": "Float8_e4m3fn"}.get(self.array.dtype.name, "Float8_e5m2")
        raise TypeError(f"Got unsupported ScalarType {name}")
    return np.array(stored(self, "numpy()"))


def stored(self: Tensor, what: str) -> Any:
    array = self.array
    if jaxapi.is_batched(array):
        raise NotImplementedError(
            f"vmap: Cannot access data pointer of Tensor that doesn't have storage: {what} on a mapped tensor "
            "(Cannot access storage of BatchedTensorImpl). Keep the value a tensor inside the function, and convert "
            "what vmap returns"
        )
    return concrete(self, what)


@function("Tensor")
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    array = np.asarray(stored(self, "numpy()"))
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(f"a tensor of dtype {self.dtype} is no array of dtype {dtype} without a copy")
        return array.astype(dtype)
    return array.copy() if copy else array


@function("Tensor")
def __dlpack__(self: Tensor, **kwargs: Any) -> Any:
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    return stored(self, "__dlpack__()").__dlpack__(**kwargs)


@function("Tensor")
def __dlpack_device__(self: Tensor) -> Any:
    return stored(self, "__dlpack_device__()").__dlpack_device__()


# ---- dtype and device ------------------------------------------------------------------------------------------------

CAST = Op(lambda input, dtype: cast(input, dtype), "to", "", False, None, True)
COPY = Op(lambda input: jnp.copy(input), "clone", "", False, None, True)
MOVE = Op(lambda input, where: to_device(input, where), "to", "", False, None, False)


@function()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy that carries the derivative on. Source: torch.clone."""
    return COPY(input)


def convert(self: Tensor, dtype: Any, where: Any, copy: bool = False) -> Tensor:
    """`self` with another dtype, on another device; itself when nothing changes."""
    result = self
    if dtype is not None and dtype != self.array.dtype:
        result = CAST(result, torch_dtype(dtype))
    if where is not None:
        moved = to_device(result.array, where)
        if moved is not result.array:
            result = wrap(moved) if where == "meta" else MOVE(result, where)
    return result.clone() if copy and result is self else result


_TO_KEYS = ("device", "dtype", "non_blocking", "copy", "memory_format", "other")


@function("Tensor")
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """With another dtype or device: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`.

    Source: torch.Tensor.to.
    """
    for key in kwargs:
        if key not in _TO_KEYS:
            raise TypeError(f"to() got an unexpected keyword argument '{key}'")
    where, kind, flags = kwargs.get("device"), kwargs.get("dtype"), []
    other = kwargs.get("other")
    for arg in args:
        if isinstance(arg, Tensor):
            other = arg
        elif isinstance(arg, torch_dtype_class) or arg in (float, int, bool, complex):
            kind = arg
        elif isinstance(arg, bool):
            flags.append(arg)
        elif isinstance(arg, (str, int, device, jax.Device)):
            where = arg
        elif arg is not None:
            raise TypeError(f"to() received an invalid argument of type {type(arg).__name__}")
    if other is not None:
        kind, where = other.dtype, other.device
    again = kwargs.get("copy", flags[1] if len(flags) > 1 else False)
    return convert(self, None if kind is None else np_dtype(kind), jax_device(where, "to()"), again)


for _name, _dtype in {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "long": "int64", "int": "int32",
    "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64", "cdouble": "complex128",
}.items():  # fmt: skip

    def _cast(self: Tensor, memory_format: Any = None, *, _dtype: Any = DTYPES[_dtype].np) -> Tensor:
        return convert(self, _dtype, None)

    _cast.__name__ = _cast.__qualname__ = _name
    function("Tensor")(_cast)


@function("Tensor")
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    return convert(self, None, jax_device("cpu"))


@function("Tensor")
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    where = "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device
    return convert(self, None, jax_device(where))


@function("Tensor")
def type_as(self: Tensor, other: Tensor) -> Tensor:
    return self.to(other.dtype)


TYPE_NAMES = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor", "bfloat16": "BFloat16Tensor",
    "int64": "LongTensor", "int32": "IntTensor", "int16": "ShortTensor", "int8": "CharTensor", "uint8": "ByteTensor",
    "bool": "BoolTensor", "complex64": "ComplexFloatTensor", "complex128": "ComplexDoubleTensor",
}  # fmt: skip


@function("Tensor", name="type")
def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, or the tensor as another. Source: torch.Tensor.type."""
    if dtype is None:
        where = self.device.type
        prefix = "torch." if where == "cpu" else f"torch.{where}."
        return prefix + TYPE_NAMES.get(self.array.dtype.name, f"{self.array.dtype.name}Tensor")
    if isinstance(dtype, str):
        found = [name for name, kind in TYPE_NAMES.items() if dtype.split(".")[-1] == kind]
        if not found:
            raise ValueError(f"invalid type: '{dtype}'")
        where = "cuda" if dtype.startswith("torch.cuda.") else None
        return convert(self, DTYPES[found[0]].np, jax_device(where))
    kind = getattr(dtype, "dtype", dtype)
    return convert(self, np_dtype(kind), None)


# ---- what a tensor is ------------------------------------------------------------------------------------------------


@function("Tensor")
def size(self: Tensor, dim: int | None = None) -> Any:
    shape = self.array.shape
    return Size(shape) if dim is None else shape[wrap_dim(dim, len(shape))]


@function("Tensor", aliases="ndimension")
def dim(self: Tensor) -> int:
    return self.array.ndim


@function()
def numel(input: Tensor) -> int:
    return input.array.size


@function("Tensor")
def nelement(self: Tensor) -> int:
    return self.array.size


@function("Tensor")
def element_size(self: Tensor) -> int:
    return self.array.dtype.itemsize


@function("Tensor")
def stride(self: Tensor, dim: int | None = None) -> Any:
    strides = layout_of(self)[0]
    return tuple(strides) if dim is None else strides[wrap_dim(dim, len(strides))]


@function("Tensor")
def storage_offset(self: Tensor) -> int:
    return layout_of(self)[1]


@function("Tensor", name="is_contiguous")
def is_contiguous_(self: Tensor, memory_format: Any = _layout.contiguous_format) -> bool:
    if memory_format is _layout.channels_last and self.array.ndim != 4:
        return False
    if memory_format is _layout.channels_last:
        _, c, h, w = self.array.shape
        return c == 1 or h * w == 1 or layout_of(self)[0] == (h * w * c, 1, w * c, c)
    return is_contiguous(self)


@function("Tensor")
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    return self if is_contiguous(self) else self.clone()


@function()
def is_floating_point(input: Tensor) -> bool:
    return category(input.array.dtype) == 2


@function()
def is_complex(input: Tensor) -> bool:
    return category(input.array.dtype) == 3


@function()
def is_signed(input: Tensor) -> bool:
    return input.dtype.is_signed


@function()
def is_inference(input: Tensor) -> bool:
    return input._inference


@function("Tensor")
def is_pinned(self: Tensor, device: Any = None) -> bool:
    return False


@function("Tensor")
def is_shared(self: Tensor) -> bool:
    return False


@function("Tensor", aliases="share_memory_")
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    return self


@function("Tensor")
def data_ptr(self: Tensor) -> int:
    """A number that tensors share which share an element, as their address would be. Source: torch.Tensor.data_ptr."""
    stored(self, "data_ptr()")
    return id(self.root) + layout_of(self)[1] * self.array.dtype.itemsize if self.array.size else 0


@function("Tensor")
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    return self.root is tensor.root and self.shape == tensor.shape and layout_of(self) == layout_of(tensor)


@function("Tensor")
def as_subclass(self: Tensor, cls: Any) -> Any:
    return cls(array=self.array)


for _name, _get in {
    "device": lambda self: device_of(self.array),
    "layout": lambda self: _layout.strided,
    "itemsize": lambda self: self.array.dtype.itemsize,
    "nbytes": lambda self: self.array.dtype.itemsize * self.array.size,
    "is_cuda": lambda self: self.device.type == "cuda",
    "is_cpu": lambda self: self.device.type == "cpu",
    "is_meta": lambda self: isinstance(self.array, jax.ShapeDtypeStruct),
    "is_mps": lambda self: self.device.type == "mps",
    "is_xla": lambda self: self.device.type == "xla",
    "is_sparse": lambda self: False,
    "is_sparse_csr": lambda self: False,
    "is_quantized": lambda self: False,
    "is_mkldnn": lambda self: False,
    "is_nested": lambda self: False,
    "names": lambda self: (None,) * self.array.ndim,
    "name": lambda self: None,
    "_base": lambda self: None if self._parent is None else self.root,
}.items():
    setattr(Tensor, _name, property(_get))


@function("Tensor")
def get_device(self: Tensor) -> int:
    where = self.device
    return -1 if where.type == "cpu" else where.index or 0


# ---- writing ---------------------------------------------------------------------------------------------------------


@function()
def fill_(input: Tensor, value: Any) -> Tensor:
    input.check_writable()
    array = input.array
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.array.ndim} dimensions."
            )
        input.overwrite(jnp.broadcast_to(cast(value.array, array.dtype), array.shape))
        return input
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"fill_() received an invalid combination of arguments - got ({type(value).__name__})")
    if isinstance(value, complex) and category(array.dtype) < 3:
        raise RuntimeError(f"value cannot be converted to type {array.dtype} without overflow")
    input.overwrite(jnp.broadcast_to(array_from(value, array.dtype), array.shape))
    return input


@function("torch")
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` with `value`, a number or a 0-dim tensor, everywhere. Source: torch.fill."""
    return fill_(as_input(input, "fill").clone(), value)


@function()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape. Source: torch.is_same_size."""
    return as_input(input, "is_same_size").shape == as_input(other, "is_same_size", 2, "other").shape


@function()
def zero_(input: Tensor) -> Tensor:
    input.check_writable()
    input.overwrite(jnp.zeros(input.array.shape, input.array.dtype))
    return input


@function("Tensor")
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    self.check_writable()
    array = self.array
    if array.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if array.ndim > 2 and len(set(array.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step = sum(contiguous_strides(array.shape))
    stop = array.size if wrap else min(array.size, step * min(array.shape))
    self.overwrite(array.reshape(-1).at[:stop:step].set(fill_value).reshape(array.shape))
    return self


@function("Tensor")
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    from functorch_jax.torch._size import size_from

    shape = size_from(sizes)
    old = self.array.reshape(-1)
    count = int(np.prod(shape, dtype=np.int64))
    flat = old[:count] if count <= old.size else jnp.concatenate([old, jnp.zeros(count - old.size, old.dtype)])
    self._parent = None
    self.reset(flat.reshape(shape))
    return self


@function("torch Tensor")
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Take the shape of another tensor, as `resize_` does. Source: torch.resize_as_."""
    return resize_(input, the_template.shape)


@function("Tensor")
def set_(self: Tensor, source: Tensor) -> Tensor:
    self.data = source
    return self


@function("Tensor")
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    return map_(self, self, lambda x, _: callable(x))


@function("Tensor")
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    self.check_writable()
    a, b = (np.asarray(concrete(x, "map_()")) for x in (self, tensor))
    values = [
        callable(_python(x), _python(y))
        for x, y in zip(a.reshape(-1), np.broadcast_to(b, a.shape).reshape(-1), strict=True)
    ]
    self.overwrite(jnp.asarray(np.array(values, a.dtype).reshape(a.shape)))
    return self


# ---- names ---------------------------------------------------------------------------------------------------------


@function("Tensor", name="__getattr__")
def _missing(self: Tensor, name: str) -> Any:
    plain = f"'{type(self).__name__}' object has no attribute '{name}'"
    if name.startswith("_"):
        raise AttributeError(plain)
    raise MissingName(plain, "Tensor", name, lambda: dir(type(self)))


@function("torch")
def is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


@function("torch")
def is_storage(obj: Any) -> bool:
    return False


@function("torch")
def is_grad_enabled() -> bool:
    return grad_mode.is_grad_enabled()
