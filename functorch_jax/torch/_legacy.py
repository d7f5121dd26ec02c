"""`torch.FloatTensor` and its kin: constructors of one dtype, and what `isinstance` is asked about."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._dtype import DTYPES
from functorch_jax.torch._factories import legacy_tensor
from functorch_jax.torch._methods import TYPE_NAMES
from functorch_jax.torch._promote import cast
from functorch_jax.torch._tensor import Tensor

__all__ = ["TYPES"]


class _TypedTensor(type):
    """The type of the typed constructors: calling one makes a `Tensor`; `isinstance` looks at the dtype."""

    dtype: Any

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        result = legacy_tensor(*args, dtype=cls.dtype.np, device=device)
        if result.array.dtype != cls.dtype.np:
            if args and isinstance(args[0], Tensor):
                raise TypeError(
                    f"expected {cls.dtype!r} (got {result.dtype!r}): use .to({cls.dtype!r}) to convert a tensor"
                )
            return Tensor.from_array(cast(result.array, cls.dtype.np))
        return result

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


TYPES: dict[str, Any] = {
    name: _TypedTensor(name, (), {"dtype": DTYPES[kind], "__module__": "torch", "__doc__": f"Source: torch.{name}."})
    for kind, name in TYPE_NAMES.items()
}
