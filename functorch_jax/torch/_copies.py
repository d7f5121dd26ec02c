"""How `copy` and `pickle` copy tensors."""

from __future__ import annotations

import copy
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax import levels
from functorch_jax.torch._dtype import DTYPES
from functorch_jax.torch._methods import stored
from functorch_jax.torch._op import function
from functorch_jax.torch._tensor import Tensor, wrap


@function("Tensor")
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf and levels.current() is None:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
        )
    result = self.from_array(self.array)
    for name, value in vars(self).items():
        if name not in _OWN:
            result.__dict__[name] = copy.deepcopy(value, memo)
    result._requires_grad = self._requires_grad
    result._grad = copy.deepcopy(self._grad, memo)
    memo[id(self)] = result
    return result


_OWN = (
    "_array",
    "_parent",
    "_view",
    "_seen",
    "_strides",
    "_version",
    "_trace",
    "_requires_grad",
    "_grad",
    "_inference",
    "_node",
    "_nr",
    "_accumulator",
    "_hooks",
    "_post_hooks",
    "_silent",
    "_untracked",
)


@function("Tensor")
def __copy__(self: Tensor) -> Tensor:
    result = self.from_array(self.array)
    result.__dict__.update({k: v for k, v in vars(self).items() if k not in _OWN})
    result._requires_grad = self._requires_grad
    return result


@function("Tensor")
def __reduce__(self: Tensor) -> Any:
    values = np.asarray(stored(self, "pickle"))
    args = (values, self.array.dtype.name, self._requires_grad, type(self))
    state = {k: v for k, v in vars(self).items() if k not in _OWN and not hasattr(Tensor, k)}
    return (_rebuild, args, state) if state else (_rebuild, args)


def _rebuild(values: Any, dtype: str, requires_grad: bool, kind: type[Tensor] = Tensor) -> Tensor:
    array = jnp.asarray(values, DTYPES[dtype].np)
    result = wrap(array) if kind is Tensor else kind(array=array)
    if requires_grad:
        result.requires_grad = True
    return result
