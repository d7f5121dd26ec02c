"""`Tensor`: a mutable handle on an immutable JAX array.

In-place operations put another array into the handle. A view keeps the tensor it was taken from and how to write back
to it. A tensor remembers the JAX trace it was made on, so that a write to one captured from outside a transform is
recognised where it happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import grad_mode, jaxapi, levels
from functorch_jax.torch import _inference
from functorch_jax.torch._dtype import category, dtype, torch_dtype
from functorch_jax.torch._graph import state
from functorch_jax.torch._promote import broadcast, cast, type_name
from functorch_jax.torch._size import Size
from functorch_jax.torch._strides import check_overlap
from functorch_jax.tree import Box

__all__ = ["Tensor", "check_write", "concrete", "overwrite_all", "read_all", "unwrap", "wrap"]

_new = object.__new__
_UNTRACKED = ("detached", "inner")  # the views that may be written whatever their base requires
_OVERLAPPING = ("expanded", "strided")  # the views that may show one element twice
_LEAF_WRITE = "a leaf Variable that requires grad is being used in an in-place operation."


class Tensor(Box):
    """An n-dimensional array with PyTorch's methods, over a JAX array.

    `Tensor(2, 3)` makes an uninitialised tensor of that shape and `Tensor([[1., 2.]])` one of these values, as in
    PyTorch; `torch.tensor(data)` is the usual constructor, `torch.from_jax(array)` wraps a JAX array without a copy
    and `.jax()` gives it back. JAX functions take tensors as they are: `jnp.sin(t)`, `jax.jit(f)(t)`.

    Example:
        >>> from functorch_jax import torch
        >>> t = torch.arange(3.0)
        >>> t[0].add_(5)
        tensor(5.)
        >>> t
        tensor([5., 1., 2.])

    Source: torch.Tensor.
    """

    # Defaults on the class keep the making of a tensor to one attribute.
    _array: Any
    _parent: Tensor | None = None  # what this is a view of
    _view: Any = None  # (op, key, arrays): how it was taken
    _seen: int = 0  # the root's version when _array was read off
    _strides: Any = None  # where PyTorch would not have laid it out row by row
    _version: int = 0  # in-place writes so far; of the root
    _trace: Any = None  # weak reference to the trace it was made on; None outside transformations
    _requires_grad: bool = False
    _grad: Any = None
    _untracked: bool = False  # made under no_grad
    _inference: bool = False
    _node: Any = None  # what recorded it, and as which of its outputs
    _nr: int = 0
    _accumulator: Any = None  # weak reference to the node that adds to `grad`
    _hooks: Any = None  # of a leaf: they see its gradient
    _post_hooks: Any = None
    _silent: int = 0  # writes through `.data`, which autograd does not count

    __array_priority__ = 1000

    def __new__(cls, *args: Any, array: Any = None, **kwargs: Any) -> Any:
        if args or kwargs or array is None:
            from functorch_jax.torch._factories import legacy_tensor

            if not args or not isinstance(args[0], Tensor) or cls is Tensor:
                array = legacy_tensor(*args, **kwargs).array
            else:
                array = args[0].array
        self = _new(cls)
        self._array = array
        trace = jaxapi.trace_ref()
        if trace is not None:
            self._trace = trace
        return self

    def __init__(self, *args: Any, array: Any = None, **kwargs: Any) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_dataclass(cls, data_fields=["array"], meta_fields=[])

    # -- the array -----------------------------------------------------------------------------------------------------

    @property
    def array(self) -> Any:
        """The JAX array (or tracer) that this tensor holds now."""
        if self._parent is None:
            return self._array
        version = self.root._version
        if self._seen != version:
            op, key, arrays = self._view
            parent = self._parent
            self._array = op.run(key, parent.read(), *arrays)
            self._seen = version
            if state.live:
                _retrace(self, parent, self._array)
        return self._array

    def read(self) -> Any:
        """The array as the running function sees it: inside a transform, a captured tensor is an input of the tape."""
        array = self.array
        lift = state.lift
        return array if lift is None else lift(self, array)

    @property
    def history(self) -> Any:
        return self._node, self._nr

    @history.setter
    def history(self, value: Any) -> None:
        if self._node is not None and self._node.retained is not None:
            _tape.keep_retaining(self, *value)
        self._node, self._nr = value

    @property
    def node(self) -> Any:
        """The node that recorded this tensor as it is now."""
        if self._parent is not None:
            self.array  # noqa: B018 (a view whose base was written follows it)
        return self._node

    def jax(self) -> Any:
        """The JAX array that this tensor holds, without a copy."""
        return self.array

    @property
    def root(self) -> Tensor:
        """The tensor that owns the values: this one, or what it is a view of in the end."""
        tensor = self
        while tensor._parent is not None:
            tensor = tensor._parent
        return tensor

    def make_view(self, array: Any, op: Any, key: Any, arrays: Any) -> Tensor:
        """A tensor that shows part of this one, and writes through to it."""
        view = wrap(array)
        view._parent = self
        view._view = (op, key, arrays)
        view._seen = self.root._version
        return view

    def become_view(self, take: Any) -> Tensor:
        """Turn into `take(base)`, a view of what this tensor was: `squeeze_` and its kin."""
        base = _new(Tensor)
        for name in ("_array", "_parent", "_view", "_seen", "_version", "_trace", "_strides", "_node", "_nr"):
            setattr(base, name, getattr(self, name))
        view = take(base)
        self._array, self._parent, self._view, self._seen = view._array, view._parent, view._view, view._seen
        self._node, self._nr = view._node, view._nr
        return self

    @classmethod
    def from_array(cls, array: Any, *, variable: bool = False) -> Tensor:
        tensor = wrap(array)
        tensor._inference = False
        if variable:
            tensor._requires_grad = True
            state.live = True
        return tensor

    def writes(self) -> int:
        return self.root._version

    # -- writing -------------------------------------------------------------------------------------------------------

    def check_writable(self, message: str = _LEAF_WRITE) -> None:
        """Raise what PyTorch raises for an in-place operation on a leaf that requires grad."""
        root = self
        while root._parent is not None:
            name = root._view[0].name
            if name in _UNTRACKED:
                return
            if name in _OVERLAPPING:
                check_overlap(self)
            root = root._parent
        if root._inference and not grad_mode.is_inference_mode_enabled():
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed. Write to a clone of it"
            )
        if root._requires_grad and grad_mode.is_grad_enabled():
            if root is not self and message is _LEAF_WRITE:
                message = f"a view of {_LEAF_WRITE}"
            raise RuntimeError(message)

    def made_here(self) -> bool:
        """Whether it was made inside the running transform, so that anything may be written into it."""
        return self.root._trace is jaxapi.trace_ref()

    def overwrite(self, array: Any, silent: bool = False) -> None:
        """Put `array` into this tensor, and through it into what it is a view of.

        A tensor in its place brings its history along. A `silent` write leaves the history of this tensor as it was.
        """
        parent = self._parent
        if parent is not None:
            op, key, arrays = self._view
            silent = silent or op.name in _UNTRACKED
            if state.live and not silent and grad_mode.is_grad_enabled() and _tape.tracked((parent, array)):
                parent.overwrite(_tape.write_through(self, array))
                return
            if op.name == "inner":
                self.root._silent += 1
            parent.overwrite(op.run_put(key, parent.array, unwrap(array), *arrays), silent)
            return
        old = self._array
        value = array.array if isinstance(array, Tensor) else array
        if not self.made_here():
            self._capture(value)
        if state.live and not silent and grad_mode.is_grad_enabled() and _tape.tracked((self, array)):
            source = _tape.written(self, array)
            self.history = source._node, source._nr
        array = value
        if not grad_mode.is_grad_enabled() and array is not old and jaxapi.is_tracked(old):
            array = jaxapi.untracked_write(old, array)
        if isinstance(old, jax.ShapeDtypeStruct):  # a write leaves a tensor on its device: "meta"
            array = old
        self._array = array
        self._version += 1
        if state.dual is not None:
            state.dual.append(self)

    def reset(self, array: Any) -> None:
        """Put `array` back, as it was before a transform."""
        self._array = array
        self._version += 1

    def _capture(self, array: Any) -> None:
        """Prepare a write to a tensor that was made outside the running transform."""
        level = levels.current()
        here = jaxapi.trace_ref()
        if self._trace is not None and self._trace() is None:
            self._trace = here  # it escaped from a transform that has ended
            return
        each = level
        while True:
            if each is None or each.trace is not here:
                if here is None:
                    return  # nothing is running that could be left behind with a stale value
                raise RuntimeError(
                    "in-place write to a tensor that was made outside a function which JAX is transforming "
                    "(jax.jit, jax.grad, jax.vmap, or a control-flow operator): the write would be lost. Return the "
                    "new value instead, or use functorch_jax's transforms, which write it back"
                )
            if each.kind == "vmap" and jaxapi.is_batched(array, here()):
                raise RuntimeError(
                    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` "
                    "in extra_args that has more elements than `self`. This happened due to `other` being vmapped over "
                    "but `self` not being vmapped over at level "
                    f"{each.depth}: output with shape {list(array.shape)} doesn't match the broadcast shape "
                    f"{[each.state.get('batch_size'), *array.shape]}. Use the out-of-place operator, or make `self` "
                    "inside the function"
                )
            if each.outer_trace is self._trace:
                break
            here = each.outer_trace
            each = each.outer
        assert level is not None
        level.remember(self, self._array)

    def resize_array(self, shape: Any) -> None:
        """Become an uninitialised tensor of another shape, as `out=` arguments do."""
        root = self.root
        root._array = jnp.zeros(shape, self._array.dtype)
        root._version += 1
        self._parent = None
        self._array = root._array

    def revived(self) -> Tensor:
        """This tensor if it is alive; after its transform has ended, its value where there is one."""
        array = self.array
        while (level := jaxapi.peel(array)) is not None and jaxapi.is_dead(array):
            if level.kind == "vmap":
                raise RuntimeError(
                    "the tensor belongs to a vmap that has ended. Either your tensor may have escaped from inside a "
                    "function being vmapped and this is a user error, or it was stored and used later: return it"
                )
            array = level.inner
        return self if array is self.array else wrap(array)

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self.array.shape)

    @property
    def dtype(self) -> dtype:
        return torch_dtype(self.array.dtype)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def requires_grad(self) -> bool:
        if self._requires_grad or self._node is not None:
            return True
        if self._parent is not None and state.live and self.node is not None:
            return True
        if self._untracked:
            return False
        return jaxapi.is_tracked(self.array) and category(self.array.dtype) >= 2

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and category(self.array.dtype) < 2:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if value and self._inference and not grad_mode.is_inference_mode_enabled():
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed. Set it on a clone"
            )
        if not value and self.node is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if value:
            state.live = True
            if self._node is not None:
                return
        self._requires_grad = bool(value)

    def __jax_array__(self) -> Any:
        return self.read()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(concrete(self, "numpy()"), dtype=dtype)

    def __hash__(self) -> int:
        return id(self)


jax.tree_util.register_dataclass(Tensor, data_fields=["array"], meta_fields=[])


def wrap(array: Any) -> Tensor:
    """A new tensor around a JAX array."""
    tensor = _new(Tensor)
    tensor._array = array
    trace = jaxapi.trace_ref()
    if trace is not None:
        tensor._trace = trace
    if not grad_mode.is_grad_enabled():
        tensor._untracked = True
        if grad_mode.is_inference_mode_enabled():
            tensor._inference = True
            _inference.note()
    return tensor


def unwrap(x: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return x.read() if isinstance(x, Tensor) else x


def read_all(tensors: Iterable[Any]) -> list[Any]:
    """The arrays of many tensors, as the running function sees them."""
    if state.lift is None:
        return [x.array if isinstance(x, Tensor) else x for x in tensors]
    return [unwrap(x) for x in tensors]


def overwrite_all(tensors: Iterable[Tensor], arrays: Iterable[Any]) -> None:
    """`overwrite` each tensor with its array, with the checks that are common to all of them made once."""
    plain = jaxapi.trace_ref() is None and not grad_mode.is_grad_enabled() and state.dual is None
    for tensor, array in zip(tensors, arrays, strict=True):
        if plain and tensor._parent is None and tensor._trace is None and not isinstance(tensor._array, jaxapi.Tracer):
            tensor._array = array
            tensor._version += 1
        else:
            tensor.overwrite(array)


def _retrace(view: Tensor, parent: Tensor, array: Any) -> None:
    """Give a view whose base was written the history that follows from the base's."""
    op, key, arrays = view._view
    before, view._node = view._node, None
    if view._untracked or op.name in _UNTRACKED or not _tape.tracked((parent,)):
        return
    fresh = _tape.record(op.rule, key, [parent, *([None] * len(arrays))], [parent.array, *arrays], array)
    view._node = before
    view.history = fresh._node, fresh._nr


def check_write(target: Tensor, result: Any, name: str) -> Any:
    """`result` as it would be stored in `target`. Raises RuntimeError in PyTorch's words when it does not fit."""
    array = target.array
    if category(result.dtype) > category(array.dtype):
        raise RuntimeError(
            f"result type {type_name(result.dtype)} can't be cast to the desired output type {type_name(array.dtype)}"
        )
    if result.shape != array.shape:
        if broadcast(array, result) != array.shape:
            hint = ""
            if jaxapi.is_batched(result) and not jaxapi.is_batched(array):
                hint = " (vmap: a mapped value is written into a tensor that is not mapped)"
            raise RuntimeError(
                f"output with shape {list(array.shape)} doesn't match the broadcast shape "
                f"{list(broadcast(array, result))}{hint}"
            )
        result = jnp.broadcast_to(result, array.shape)
    return cast(result, array.dtype)


def concrete(tensor: Any, what: str) -> Any:
    """The value of a tensor as a concrete JAX array, whatever transform is running, for `what` the user called.

    Raises RuntimeError where there is no single value: under vmap, and while a program is being compiled.
    """
    array = unwrap(tensor)
    while (level := jaxapi.peel(array)) is not None:
        if level.kind == "vmap" and level.axis is not None:
            from functorch_jax.transforms.errors import data_dependent

            raise data_dependent(what)
        array = level.inner
    if isinstance(array, jaxapi.Tracer):
        from functorch_jax.transforms.errors import traced_value

        raise traced_value(what)
    return array


from functorch_jax.torch import _tape  # noqa: E402 (it records tensors, and needs them)
