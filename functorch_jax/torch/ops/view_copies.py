"""`torch.select_copy` and its kin: what a view shows, as a new tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax.torch._dtype import dtype as torch_dtype
from functorch_jax.torch._function import tensor_function
from functorch_jax.torch._op import store_out
from functorch_jax.torch._promote import wrap_dim
from functorch_jax.torch._size import size_from
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops import aliases, axes, views


def _copied(name: str, view: Callable[..., Any], where: str = "torch") -> None:
    def fn(input: Tensor, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        shown = view(input, *args, **kwargs)
        if out is not None:
            arrays = shown.array if isinstance(shown, Tensor) else [x.array for x in shown]
            store_out(out, arrays, name)
            return out if isinstance(shown, Tensor) else None
        return shown.clone() if isinstance(shown, Tensor) else tuple(x.clone() for x in shown)

    tensor_function(where, name=name)(fn)


def sliced(input: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    """The view `input[..., start:end:step]` along one axis."""
    if not input.array.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return input[(slice(None),) * wrap_dim(dim, input.array.ndim) + (slice(start, end, step),)]


def _viewed(input: Tensor, size: Any = None, dtype: Any = None) -> Tensor:
    kind = size if type(size) is torch_dtype else dtype
    if kind is not None:
        return views.view(input, kind)
    # a copy has no strides to respect
    return views.RESHAPED(input, views.sized(size_from((size,)), input.array.size))


_copied("alias_copy", lambda input: input)
_copied("as_strided_copy", axes.as_strided)
_copied("detach_copy", aliases.detach)
_copied("diagonal_copy", axes.diagonal)
_copied("expand_copy", lambda input, size, *, implicit=False: axes.expand(input, size))
_copied("narrow_copy", views.narrow, "torch Tensor")
_copied("permute_copy", lambda input, dims: axes.permute(input, dims))
_copied("select_copy", views.select)
_copied("slice_copy", sliced)
_copied("split_copy", lambda input, split_size, dim=0: views.split(input, split_size, dim))
_copied("split_with_sizes_copy", views.split_with_sizes)
_copied("squeeze_copy", views.squeeze)
_copied("t_copy", axes.t)
_copied("transpose_copy", axes.transpose)
_copied("unbind_copy", views.unbind)
_copied("unfold_copy", axes.unfold)
_copied("unsqueeze_copy", views.unsqueeze)
_copied("view_as_complex_copy", aliases.view_as_complex)
_copied("view_as_real_copy", aliases.view_as_real)
_copied("view_copy", _viewed)
