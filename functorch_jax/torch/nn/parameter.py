"""`Parameter` and `Buffer`: the tensors that a module owns."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._dtype import category, torch_dtype
from functorch_jax.torch._graph import state
from functorch_jax.torch._tensor import Tensor, concrete

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


class Parameter(Tensor):
    """A tensor that a module registers as a parameter when it is assigned to an attribute.

    Args:
        data: the values; an empty tensor when left out.
        requires_grad: whether `backward()` computes its gradient.

    Errors: RuntimeError when `requires_grad` is asked of integers or bools.
    Source: torch.nn.Parameter.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True, *, array: Any = None) -> Any:
        # `array=` is how JAX rebuilds a node of a tree: whatever it puts there is no business of ours.
        if array is not None or data is None:
            empty = array is None
            self = super().__new__(cls, array=jnp.zeros(0, default_dtype()) if empty else array)
            self._requires_grad = bool(requires_grad) and empty
            state.live = state.live or self._requires_grad
            return self
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter data must be a Tensor, got {type(data).__name__}")
        self = super().__new__(cls, array=data.array)
        if requires_grad:
            if category(data.array.dtype) < 2:
                raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
            self._requires_grad = state.live = True
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = _rebuilt(type(self), self.array, self._requires_grad)
        return memo[id(self)]

    def __copy__(self) -> Parameter:
        copy = _rebuilt(type(self), self.array, self._requires_grad)
        copy.__dict__.update({k: v for k, v in vars(self).items() if not hasattr(Tensor, k) and k != "_array"})
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        args = (type(self), np.asarray(concrete(self, "pickle.dumps()")), self._requires_grad)
        state = {k: v for k, v in vars(self).items() if k != "_array" and not hasattr(Tensor, k)}
        return (_unpickled, args, state) if state else (_unpickled, args)

    def __repr__(self, **kwargs: Any) -> str:
        return "Parameter containing:\n" + super().__repr__(**kwargs)

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return str(self) if self.array.ndim else super().__format__(spec)


class Buffer(Tensor):
    """A tensor that a module registers as a buffer when it is assigned to an attribute.

    Args:
        data: the values.
        persistent: whether it belongs to the module's `state_dict`.

    Source: torch.nn.Buffer.
    """

    persistent: bool = True

    def __new__(cls, data: Any = None, *, persistent: bool = True, array: Any = None) -> Any:
        if array is None:
            array = jnp.zeros(0, default_dtype()) if data is None else data.array
        self = super().__new__(cls, array=array)
        self.persistent = persistent
        if isinstance(data, Tensor):
            self._requires_grad = data._requires_grad
        return self


def _rebuilt(cls: type[Parameter], array: Any, requires_grad: bool) -> Parameter:
    """A parameter that holds `array`."""
    parameter: Parameter = cls(array=array)
    parameter._requires_grad = requires_grad
    state.live = state.live or requires_grad
    return parameter


def _unpickled(cls: type[Parameter], values: Any, requires_grad: bool) -> Parameter:
    return _rebuilt(cls, jnp.asarray(values), requires_grad)


class _Uninitialized(Tensor):
    """What has no shape until `materialize` is called."""

    @property
    def array(self) -> Any:
        raise ValueError(
            "Attempted to use an uninitialized parameter or buffer. This error happens when you are using a "
            "`LazyModule` or explicitly manipulating `torch.nn.parameter.UninitializedParameter` objects. When using "
            "LazyModules, call `forward` with a dummy batch to initialize the parameters before calling torch functions"
        )

    @property
    def dtype(self: Any) -> Any:
        return torch_dtype(self._array.dtype)

    @property
    def requires_grad(self: Any) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self: Any, value: bool) -> None:
        self._requires_grad = bool(value)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self._requires_grad, None, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self: Any, protocol: Any) -> tuple[Any, ...]:
        return (type(self), (self._requires_grad, None, self.dtype))

    def converted(self: Any, fn: Any) -> None:
        """Take the dtype that `fn` gives to values of this one."""
        self._array = fn(Tensor(array=self._array)).array

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self) -> Any:
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer: call `forward` first")

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of this shape. Values are zeros until they are set."""
        numpy_dtype = self._array.dtype if dtype is None else dtype.np
        self.reset(jnp.zeros(tuple(shape), numpy_dtype))
        self.__class__ = self.cls_to_become

    def __repr__(self: Any, **kwargs: Any) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape the first input of its module decides. Source: torch.nn.UninitializedParameter."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None, *, array: Any = None) -> Any:
        return Parameter.__new__(cls, _empty(dtype), requires_grad, array=array)


class UninitializedBuffer(_Uninitialized):
    """A buffer whose shape the first input of its module decides. Source: torch.nn.UninitializedBuffer."""

    cls_to_become = Tensor

    persistent: bool = True

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
        *,
        array: Any = None,
    ) -> Any:
        self = Tensor.__new__(cls, array=_empty(dtype).array if array is None else array)
        self.persistent = persistent
        self._requires_grad = bool(requires_grad)
        return self


def _empty(dtype: Any) -> Tensor:
    return Tensor(array=jnp.zeros(0, torch_dtype(default_dtype()).np if dtype is None else dtype.np))


def is_lazy(value: Any) -> bool:
    """Whether `value` has no shape yet. Source: torch.nn.parameter.is_lazy."""
    return isinstance(value, _Uninitialized)
