"""Arithmetic between tensors and numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._op import op
from functorch_jax.torch._promote import cast, promote


def _scaled(x: Any, alpha: Any) -> Any:
    return x if isinstance(alpha, int) and alpha == 1 else x * cast(alpha, x.dtype)


@op(scalars="input other", inplace=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    x, y = promote(input, other)
    return jnp.add(x, _scaled(y, alpha))


@op(scalars="input other", inplace=True, aliases="subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    x, y = promote(input, other)
    if x.dtype == jnp.bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    return jnp.subtract(x, _scaled(y, alpha))


@op(scalars="input other", inplace=True, aliases="multiply")
def mul(input: Any, other: Any) -> Any:
    return jnp.multiply(*promote(input, other))
