"""Tensors from data and shapes: `tensor`, `zeros`, `arange` and their kin."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import jaxapi
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._data import array_from, number_dtype
from functorch_jax.torch._device import default_device, jax_device, to_device
from functorch_jax.torch._dtype import category, np_dtype, torch_dtype
from functorch_jax.torch._elementwise import need_tensors
from functorch_jax.torch._op import function, op
from functorch_jax.torch._promote import cast, type_name
from functorch_jax.torch._size import size_from
from functorch_jax.torch._tensor import Tensor, concrete, unwrap, wrap

__all__ = ["factory", "finish", "follow", "legacy_tensor"]


def finish(
    array: Any, device: Any = None, requires_grad: bool = False, out: Tensor | None = None, call: str = "tensor()"
) -> Tensor:
    """The tensor that a factory returns: on its device, tracked if asked for, or written into `out`."""
    where = jax_device(default_device() if device is None else device, call)
    if where is not None:
        array = to_device(array, where)
    if out is not None:
        if out.shape != array.shape:
            out.resize_array(array.shape)
        out.overwrite(cast(array, out.array.dtype))
        return out
    if requires_grad:
        if category(array.dtype) < 2:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        result = wrap(array)
        result.requires_grad = True
        return result
    return wrap(array)


def factory(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function that returns an array as a factory with PyTorch's keywords; it gets `dtype` as NumPy's."""

    @functools.wraps(fn)
    def call(
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        out: Tensor | None = None,
        layout: Any = None,
        pin_memory: Any = None,
        memory_format: Any = None,
        **kwargs: Any,
    ) -> Tensor:
        if dtype is not None:
            dtype = np_dtype(dtype)
        elif out is not None:
            dtype = out.array.dtype
        return finish(fn(*args, dtype=dtype, **kwargs), device, requires_grad, out, f"{fn.__name__}()")

    function("torch")(call)
    return call


def sizes(args: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """The shape that a factory was given, spread out or not. Raises as PyTorch does."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    try:
        shape = tuple(x if type(x) is int else _index(x) for x in args)
    except TypeError:
        given = args[0] if args else None
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(given).__name__}"
        ) from None
    for n in shape:
        if n < 0:
            raise RuntimeError(f"{name}: Dimension size must be non-negative.")
    return shape


def _index(x: Any) -> int:
    if isinstance(x, Tensor):
        return int(concrete(x, "int()"))
    return x.__index__() if hasattr(x, "__index__") else _refuse(x)


def _refuse(x: Any) -> int:
    raise TypeError(f"{type(x).__name__} is no int")


def _shape_arguments(args: tuple[Any, ...], size: Any, name: str) -> tuple[int, ...]:
    if size is not None:
        args = (size,)
    elif not args:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    return sizes(args, name)


# ---- constants -------------------------------------------------------------------------------------------------------


@factory
def zeros(*args: Any, size: Any = None, dtype: Any = None) -> Any:
    return jnp.zeros(_shape_arguments(args, size, "zeros"), dtype or default_dtype())


@factory
def ones(*args: Any, size: Any = None, dtype: Any = None) -> Any:
    return jnp.ones(_shape_arguments(args, size, "ones"), dtype or default_dtype())


@factory
def empty(*args: Any, size: Any = None, dtype: Any = None) -> Any:
    return jnp.zeros(_shape_arguments(args, size, "empty"), dtype or default_dtype())


@function("torch")
def empty_strided(size: Any, stride: Any, **options: Any) -> Tensor:
    """An uninitialised tensor that reports these strides. Source: torch.empty_strided."""
    result = empty(tuple(size), **options)
    result._strides = tuple(stride)
    return result


@factory
def empty_permuted(size: Any, physical_layout: Any, *, dtype: Any = None) -> Any:
    return jnp.zeros(sizes((tuple(size),), "empty_permuted"), dtype or default_dtype())


@factory
def full(size: Any, fill_value: Any, *, dtype: Any = None) -> Any:
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    return _filled(sizes((size,), "full"), fill_value, dtype)


def _filled(shape: tuple[int, ...], value: Any, dtype: Any) -> Any:
    value = unwrap(value)
    if hasattr(value, "dtype"):
        if dtype is None:
            # a tensor counts by its category, as the number that it holds would
            dtype = number_dtype((False, 0, 0.0, 0j)[category(value.dtype)])
        return jnp.broadcast_to(cast(lax.stop_gradient(jnp.reshape(value, ())), dtype), shape)
    return jnp.full(shape, value, number_dtype(value) if dtype is None else dtype)


@factory
def scalar_tensor(s: Any, *, dtype: Any = None) -> Any:
    return _filled((), s, dtype or default_dtype())


@factory
def eye(n: Any, m: Any = None, *, dtype: Any = None) -> Any:
    for name, value in (("n", n), ("m", m)):
        if value is not None and value < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {value}")
    return jnp.eye(int(n), None if m is None else int(m), dtype=dtype or default_dtype())


# ---- like another tensor ---------------------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnums=(2, 3))
def _following(like: Any, value: Any, shape: Any, dtype: Any) -> Any:
    never = jnp.any(like != 0) & False  # mapped as `like` is; XLA removes it
    return jnp.where(never, jnp.zeros((), dtype), jnp.broadcast_to(cast(value, dtype), shape))


def follow(like: Any, array: Any) -> Any:
    """`array`, mapped by every vmap that maps `like`: PyTorch's rule for `zeros_like` and `new_zeros`."""
    return _following(like, array, array.shape, array.dtype) if jaxapi.is_batched(like) else array


def _like(name: str, make: Callable[..., Any]) -> None:
    def like(
        input: Tensor,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: Any = None,
        memory_format: Any = None,
        **kwargs: Any,
    ) -> Tensor:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        kind = input.array.dtype if dtype is None else np_dtype(dtype)
        array = follow(input.array, make(input.array.shape, *args, **kwargs, dtype=kind))
        return finish(array, _same_device(input, device), requires_grad, call=f"{name}()")

    like.__name__ = like.__qualname__ = name
    function("torch")(like)


def _same_device(input: Tensor, device: Any) -> Any:
    if device is not None:
        return device
    array = jaxapi.peel_all(input.array)
    if isinstance(array, jax.ShapeDtypeStruct):
        return "meta"
    if not isinstance(array, jax.Array) or isinstance(array, jaxapi.Tracer):
        return None
    if not array.committed and default_device() is None:
        return None
    return next(iter(array.devices())) if len(array.devices()) == 1 else None


def _full_like(shape: Any, fill_value: Any, dtype: Any) -> Any:
    return _filled(shape, fill_value, dtype)


_LIKE: dict[str, Callable[..., Any]] = {
    "zeros_like": jnp.zeros,
    "ones_like": jnp.ones,
    "empty_like": jnp.zeros,
    "full_like": _full_like,
}
for _name, _make in _LIKE.items():
    _like(_name, _make)


def _new(name: str, make: Callable[..., Any]) -> None:
    def new(
        self: Tensor,
        *args: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: Any = None,
        **kwargs: Any,
    ) -> Tensor:
        kind = self.array.dtype if dtype is None else np_dtype(dtype)
        if name == "new_full":
            shape = size if size is not None else args[0]
            kwargs.setdefault("fill_value", args[-1] if args else None)
            array = _filled(sizes((shape,), name), kwargs["fill_value"], kind)
        else:
            array = make(_shape_arguments(args, size, name), dtype=kind)
        return finish(follow(self.array, array), _same_device(self, device), requires_grad, call=f"{name}()")

    new.__name__ = new.__qualname__ = name
    function("Tensor")(new)


_NEW: dict[str, Callable[..., Any]] = {
    "new_zeros": jnp.zeros,
    "new_ones": jnp.ones,
    "new_empty": jnp.zeros,
    "new_full": jnp.full,
}
for _name, _make in _NEW.items():
    _new(_name, _make)


@function("Tensor")
def new_empty_strided(self: Tensor, size: Any, stride: Any, **kwargs: Any) -> Tensor:
    result = self.new_empty(size, **kwargs)
    result._strides = tuple(stride)
    return result


@function("Tensor")
def new(self: Tensor, *args: Any) -> Tensor:
    """The legacy constructor, of this tensor's dtype."""
    return wrap(cast(legacy_tensor(*args, dtype=self.array.dtype).array, self.array.dtype))


@function("Tensor")
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    array = array_from(data, self.array.dtype if dtype is None else np_dtype(dtype))
    return finish(array, _same_device(self, device), requires_grad)


# ---- from data -------------------------------------------------------------------------------------------------------


@function("torch")
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with the values of `data`: numbers, nested sequences, arrays, or tensors, which are copied and detached.

    Source: torch.tensor.
    """
    array = array_from(data, None if dtype is None else np_dtype(dtype))
    return finish(array, device, requires_grad, call="tensor()")


@function("torch")
def as_tensor(
    data: Any, dtype: Any = None, device: Any = None, *, copy: Any = None, requires_grad: bool = False
) -> Tensor:
    """`data` as a tensor: itself where it already fits, its derivative included. Source: torch.as_tensor."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype, copy=bool(copy))
    if isinstance(data, jax.Array):
        return finish(data if dtype is None else cast(data, np_dtype(dtype)), device, requires_grad)
    return tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)


def legacy_tensor(*args: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """What `torch.Tensor(...)` means: a shape, or data of the default dtype (of `dtype` for a typed constructor)."""
    kind = default_dtype() if dtype is None else dtype
    if len(args) == 1 and not isinstance(args[0], int):
        data = args[0]
        if isinstance(data, tuple) and type(data) is not tuple:  # torch.Size is a shape, a tuple is data
            return finish(jnp.zeros(data, kind), device)
        if isinstance(data, (Tensor, jax.Array)):
            return finish(lax.stop_gradient(unwrap(data)), device)
        if isinstance(data, (float, complex)):
            raise TypeError(f"new(): data must be a sequence (got {type(data).__name__})")
        return finish(array_from(data, kind), device)
    return finish(jnp.zeros(size_from(args) if args else (0,), kind), device)


# ---- sequences -------------------------------------------------------------------------------------------------------


def _number(x: Any, what: str) -> Any:
    if isinstance(x, (Tensor, jax.Array)):
        return np.asarray(concrete(x, what)).item()
    return x.item() if isinstance(x, np.generic) else x


def _steps(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    for x in (start, end):
        if math.isinf(x) or math.isnan(x):
            raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


@functools.partial(jax.jit, static_argnums=(2, 3))
def _ramp(start: Any, step: Any, count: int, dtype: Any) -> Any:
    wide = (
        jnp.int64 if category(dtype) < 2 and isinstance(start, jax.Array) and start.dtype.kind == "i" else jnp.float64
    )
    return cast(start + step * lax.iota(wide, count), dtype)


def _range_dtype(*values: Any) -> np.dtype[Any]:
    return default_dtype() if any(isinstance(x, float) for x in values) else np.dtype(np.int64)


@factory
def arange(*args: Any, start: Any = None, end: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """`arange(end)`, `arange(start, end)`, `arange(start, end, step)`. Source: torch.arange."""
    start, end, step = _range_arguments("arange", args, start, end, step)
    dtype = _range_dtype(start, end, step) if dtype is None else dtype
    if dtype == np.int64:  # PyTorch drops the fractions before it counts; for other integers, behind it
        if 0 < abs(step) < 1:
            raise ValueError("step must be nonzero")
        start, end, step = (int(x) if math.isfinite(x) else x for x in (start, end, step))
    _steps(start, end, step)
    count = max(math.ceil((end - start) / step), 0)
    if np.issubdtype(dtype, np.integer):
        start, step = int(start), int(step)
    if isinstance(start, float) or isinstance(step, float):
        return _ramp(float(start), float(step), count, dtype)
    return _ramp(start, step, count, dtype)


def _range_arguments(name: str, args: tuple[Any, ...], start: Any, end: Any, step: Any) -> tuple[Any, Any, Any]:
    positional = list(args)
    if len(positional) == 1:
        if end is None:
            end = positional[0]
        else:
            start = positional[0]
    elif positional:
        start, end, *rest = positional
        step = rest[0] if rest else step
    if end is None:
        raise TypeError(f"{name}() received an invalid combination of arguments: `end` is missing")
    values = (0 if start is None else start, end, 1 if step is None else step)
    a, b, c = (_number(x, f"{name}()") for x in values)
    return a, b, c


@function("torch", name="range")
def range_(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, **kwargs: Any) -> Tensor:
    """Like `arange`, the end included. Source: torch.range."""
    warnings.warn("torch.range is deprecated: use torch.arange, which leaves the end out", UserWarning, stacklevel=2)
    if end is None:
        start, end = 0, start
    start, end, step = _range_arguments("range", (start, end, step), None, None, None)
    _steps(start, end, step)
    kind = default_dtype() if dtype is None else np_dtype(dtype)
    array = _ramp(float(start), float(step), math.floor((end - start) / step) + 1, kind)
    return finish(array, **kwargs)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _linspace(start: Any, end: Any, steps: int, dtype: Any) -> Any:
    kind = jnp.float64 if category(dtype) < 2 else dtype
    start, end = cast(start, kind), cast(end, kind)
    if steps == 1:
        return cast(start[None], dtype)
    step = (end - start) / max(steps - 1, 1)
    i = lax.iota(jnp.int64, steps)
    # counted from the nearer end, so that both ends are exact
    return cast(jnp.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i)), dtype)


def _linear(name: str, start: Any, end: Any, steps: int, dtype: Any) -> Any:
    start, end, steps = unwrap(start), unwrap(end), _index(steps)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if np.ndim(start) or np.ndim(end):
        raise RuntimeError(
            f"{name} only supports 0-dimensional start and end tensors, but got start with {np.ndim(start)} "
            f"dimension(s) and end with {np.ndim(end)} dimension(s)."
        )
    if dtype is None:
        wide = any(category(jnp.result_type(x)) == 3 for x in (start, end))
        dtype = torch_dtype(default_dtype()).to_complex().np if wide else default_dtype()
    return _linspace(start, end, steps, dtype)


@factory
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None) -> Any:
    return _linear("linspace", start, end, steps, dtype)


@factory
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None) -> Any:
    kind = default_dtype() if dtype is None else dtype
    wide = np.dtype(np.float64) if category(kind) < 2 else kind
    # integers are powers with exponents between integers
    first, last = (cast(cast(unwrap(x), kind), wide) if category(kind) < 2 else x for x in (start, end))
    exponents = _linear("logspace", first, last, steps, wide)
    return cast(jnp.power(cast(unwrap(base), wide), exponents), kind)


# ---- complex numbers -------------------------------------------------------------------------------------------------


def _pair(first: Any, second: Any) -> None:
    if category(first.dtype) != 2 or category(second.dtype) != 2:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{type_name(first.dtype)} and {type_name(second.dtype)}"
        )
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {type_name(first.dtype)} but got scalar type "
            f"{type_name(second.dtype)} for second argument"
        )


@op("torch", name="complex")
def complex_of(real: Any, imag: Any) -> Any:
    need_tensors("complex", real=real, imag=imag)
    _pair(real, imag)
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@op("torch")
def polar(abs: Any, angle: Any) -> Any:
    need_tensors("polar", abs=abs, angle=angle)
    _pair(abs, angle)
    return lax.complex(*jnp.broadcast_arrays(abs * jnp.cos(angle), abs * jnp.sin(angle)))
