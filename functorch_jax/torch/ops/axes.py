"""Views that rearrange, repeat or combine axes: transposes, `expand`, `diagonal`, `unfold`, `as_strided`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._function import as_input, tensor_function, view_op
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import broadcast, type_name, wrap_dim
from functorch_jax.torch._size import size_from
from functorch_jax.torch._strides import RULES, is_contiguous, layout_of
from functorch_jax.torch._sums import spread
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.views import put_by_index, squeeze, unsqueeze

# ---- permutations ----------------------------------------------------------------------------------------------------


def permuted(input: Any, dims: Any) -> Any:
    return lax.transpose(input, dims)


def _put_permuted(base: Any, value: Any, dims: Any) -> Any:
    return lax.transpose(value, tuple(dims.index(i) for i in range(base.ndim)))


PERMUTED = view_op(permuted, _put_permuted)
RULES["permuted"] = lambda shape, strides, offset, dims: (tuple(strides[d] for d in dims), offset)


@tensor_function()
def permute(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    order = size_from((named["dims"],) if named else dims, "dims")
    ndim = input.array.ndim
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    order = tuple(wrap_dim(d, ndim) for d in order)
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return PERMUTED(input, order)


def _swapped(input: Tensor, a: int, b: int) -> Tensor:
    ndim = input.array.ndim
    a, b = wrap_dim(a, ndim), wrap_dim(b, ndim)
    order = list(range(ndim))
    if ndim:
        order[a], order[b] = b, a
    return PERMUTED(input, tuple(order))


@tensor_function(aliases="swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    return _swapped(input, dim0, dim1)


@tensor_function()
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    return _swapped(input, axis0, axis1)


@tensor_function()
def t(input: Tensor) -> Tensor:
    ndim = input.array.ndim
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return PERMUTED(input, tuple(reversed(range(ndim))))


@tensor_function(aliases="moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    ndim = input.array.ndim
    src = (source,) if isinstance(source, int) else tuple(source)
    dst = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(src) != len(dst):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(src)} dims) should contain the same number of "
            f"dims as destination ({list(dst)} dims)"
        )
    src, dst = tuple(wrap_dim(d, ndim) for d in src), tuple(wrap_dim(d, ndim) for d in dst)
    for name, dims in (("source", src), ("destination", dst)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(dims)})")
    rest = iter(d for d in range(ndim) if d not in src)
    order = [src[dst.index(i)] if i in dst else next(rest) for i in range(ndim)]
    return PERMUTED(input, tuple(order))


@tensor_function()
def adjoint(input: Tensor) -> Tensor:
    return _adjoint(input, "adjoint()")


def _matrix_only(input: Tensor, name: str) -> None:
    if input.array.ndim < 2:
        raise RuntimeError(
            f"{name} is only supported on matrices or batches of matrices. Got {input.array.ndim}-D tensor."
        )


def _adjoint(input: Tensor, name: str) -> Tensor:
    _matrix_only(input, name)
    return _swapped(input, -2, -1).conj()


def _mT(input: Tensor) -> Tensor:
    _matrix_only(input, "tensor.mT")
    return _swapped(input, -2, -1)


def _H(input: Tensor) -> Tensor:
    ndim = input.array.ndim
    if ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor. For batches of matrices, "
            "consider using tensor.mH"
        )
    return input.conj() if ndim == 0 else _adjoint(input, "tensor.H")


def _T(input: Tensor) -> Tensor:
    return PERMUTED(input, tuple(reversed(range(input.array.ndim))))


for _name, _get in {"T": _T, "mT": _mT, "H": _H, "mH": lambda x: _adjoint(x, "tensor.mH")}.items():
    setattr(Tensor, _name, property(_get))


# ---- expansion -------------------------------------------------------------------------------------------------------


def expanded(input: Any, shape: Any) -> Any:
    return spread(input, shape)


def _put_expanded(base: Any, value: Any, shape: Any) -> Any:
    if value.size == base.size:
        return value.reshape(base.shape)
    # a view of part of an expanded tensor was written: what changed, in whichever copy, is the new value
    extra = value.ndim - base.ndim
    axes = [i for i, n in enumerate(value.shape) if i < extra or n != base.shape[i - extra]]
    copies = jnp.moveaxis(value, axes, range(len(axes))).reshape(-1, *base.shape)
    changed = copies != base
    last = copies.shape[0] - 1 - jnp.argmax(changed[::-1], axis=0)
    return jnp.where(changed.any(0), jnp.take_along_axis(copies, last[None], axis=0)[0], base)


def _expanded_strides(shape: Any, strides: Any, offset: int, new: Any) -> Any:
    extra = len(new) - len(shape)
    kept = zip(shape, strides, new[extra:], strict=True)
    return (0,) * extra + tuple(s if n == m else 0 for n, s, m in kept), offset


EXPANDED = view_op(expanded, _put_expanded)
RULES["expanded"] = _expanded_strides


@tensor_function("Tensor")
def expand(input: Tensor, *size: Any, implicit: bool = False, **named: Any) -> Tensor:
    wanted = size_from((named["size"],) if named else size)
    return EXPANDED(input, expanded_shape(input, wanted))


@tensor_function()
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    return EXPANDED(input, expanded_shape(input, size_from((size,))))


def expanded_shape(input: Any, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """`wanted` with its -1 filled in. Raises RuntimeError in PyTorch's words when `input` does not expand to it."""
    array = input.array if isinstance(input, Tensor) else input
    shape = tuple(array.shape)
    extra = len(wanted) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand(torch.{type_name(array.dtype)}Tensor{{{list(shape)}}}, size={list(wanted)}): the number of sizes "
            f"provided ({len(wanted)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    result = []
    for i, n in enumerate(wanted):
        if n == -1:
            if i < extra:
                raise RuntimeError(
                    f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {i}"
                )
            n = shape[i - extra]
        elif i >= extra and shape[i - extra] not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({shape[i - extra]}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(shape)}"
            )
        result.append(n)
    return tuple(result)


@tensor_function("Tensor")
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    return expand(input, other.shape)


@function("torch")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    inputs = [as_input(x, "broadcast_tensors") for x in tensors]
    shape = broadcast(*(x.array for x in inputs))
    return tuple(x if x.array.shape == shape else EXPANDED(x, shape) for x in inputs)


@function("torch")
def broadcast_shapes(*shapes: Any) -> Any:
    from functorch_jax.torch._size import Size

    result: list[int] = []
    for shape in shapes:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        result = [1] * (len(shape) - len(result)) + result
        for i, n in enumerate(shape, len(result) - len(shape)):
            if n < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({n}): ({n})")
            if n != 1 and result[i] not in (1, n):
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
            result[i] = n if n != 1 else result[i]
    return Size(result)


# ---- diagonals, windows, strides -------------------------------------------------------------------------------------


def diagonals(input: Any, offset: Any, dim1: Any, dim2: Any) -> Any:
    return jnp.diagonal(input, offset, dim1, dim2)


def _diagonal_strides(shape: Any, strides: Any, offset: int, k: Any, dim1: Any, dim2: Any) -> Any:
    kept = tuple(s for i, s in enumerate(strides) if i not in (dim1, dim2))
    start = k * strides[dim2] if k >= 0 else -k * strides[dim1]
    return (*kept, strides[dim1] + strides[dim2]), offset + start


DIAGONALS = view_op(diagonals, put_by_index(diagonals))
RULES["diagonals"] = _diagonal_strides


@tensor_function()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    ndim = input.array.ndim
    dim1, dim2 = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return DIAGONALS(input, int(offset), dim1, dim2)


def windows(input: Any, dim: Any, size: Any, step: Any) -> Any:
    if not input.ndim:
        return jnp.broadcast_to(input, (size,))
    count = (input.shape[dim] - size) // step + 1
    index = jnp.arange(count)[:, None] * step + jnp.arange(size)
    return jnp.moveaxis(jnp.take(input, index, axis=dim), dim + 1, -1)


WINDOWS = view_op(windows, put_by_index(windows))
RULES["windows"] = lambda shape, strides, offset, dim, size, step: (
    (*(s * step if i == dim else s for i, s in enumerate(strides)), strides[dim] if strides else 1),
    offset,
)


@tensor_function("Tensor")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    shape = input.array.shape
    dim = wrap_dim(dimension, len(shape))
    limit = shape[dim] if shape else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > limit:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {limit} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return WINDOWS(input, dim, size, step)


def strided(input: Any, size: Any, stride: Any, offset: Any) -> Any:
    index = jnp.asarray(offset)
    for i, (n, step) in enumerate(zip(size, stride, strict=True)):
        index = index + (jnp.arange(n) * step).reshape((n,) + (1,) * (len(size) - i - 1))
    return input.reshape(-1)[index]


STRIDED = view_op(strided, put_by_index(strided))
RULES["strided"] = lambda shape, strides, _, size, stride, offset: (stride, offset)


def _memory(tensor: Tensor) -> Tensor:
    """The tensor that owns the memory of this one; or a leaf on the way to it that shows all of it (`x.detach()`)."""
    root = tensor.root
    while tensor._parent is not None:
        if tensor._requires_grad and tensor.array.size == root.array.size and is_contiguous(tensor):
            return tensor
        tensor = tensor._parent
    return root


@tensor_function()
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view by strides, counted in the memory of the tensor that `input` is a view of."""
    size, stride = size_from((size,)), size_from((stride,), "stride")
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    offset = layout_of(input)[1] if storage_offset is None else storage_offset
    memory = _memory(input)
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1
    if 0 not in size and reach > memory.array.size:
        kind = memory.array.dtype.itemsize
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {kind} "
            f"requiring a storage size of {reach * kind} are out of bounds for storage of size "
            f"{memory.array.size * kind}"
        )
    return STRIDED(memory, size, stride, offset)


# ---- in place --------------------------------------------------------------------------------------------------------


def _in_place(name: str, fn: Callable[..., Tensor], where: str = "Tensor") -> None:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.check_writable()
        return self.become_view(lambda base: fn(base, *args, **kwargs))

    change.__name__ = change.__qualname__ = name
    function(where)(change)


for _fn in (squeeze, unsqueeze, transpose, t, swapaxes):
    _in_place(f"{_fn.__name__}_", _fn)
_in_place("as_strided_", as_strided, "torch Tensor")
_in_place("swapdims_", transpose)
