"""Filling a tensor with random numbers: `uniform_`, `normal_` and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import category
from functorch_jax.torch._generator import Generator
from functorch_jax.torch._laws import (
    BELOW,
    BERNOULLI,
    CAUCHY,
    EXPONENTIAL,
    GEOMETRIC,
    INTEGER_COUNTS,
    INTEGERS,
    LOG_NORMAL,
    NORMAL,
    UNIFORM,
    Law,
)
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.ops.random import (
    bernoulli_of,
    check_bounds,
    check_continuous,
    check_float,
    check_probability,
    draw_like,
)

Checker = Callable[..., None]


def _fill(x: Tensor, law: Law, *settings: Any, generator: Generator | None) -> Tensor:
    if isinstance(x.array, jax.ShapeDtypeStruct):  # on "meta" nothing is drawn
        return x
    x.check_writable()
    x.overwrite(draw_like(x, law, *settings, generator=generator, target=x.array))
    return x


@function("Tensor")
def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **kwargs: Any) -> Tensor:
    """Fill with numbers spread evenly over [from, to). Source: torch.Tensor.uniform_."""
    low = kwargs.pop("from", from_)
    dtype = self.array.dtype
    check_float(dtype, "check_uniform_bounds")
    if low > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    limit = float(jnp.finfo(dtype).max)
    if to - low > limit:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{type_name(dtype)}>::max(), but found to={to} and "
            f"from={low} which result in to-from to exceed the limit"
        )
    return _fill(self, UNIFORM, low, to, generator=generator)


@function("Tensor")
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers. Source: torch.Tensor.normal_."""
    check_float(self.array.dtype, "normal_kernel_cpu")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _fill(self, NORMAL, mean, std, generator=generator)


@function("Tensor")
def random_(self: Tensor, *args: Any, generator: Any = None, **kwargs: Any) -> Tensor:
    """Fill with integers: `random_()`, `random_(to)` or `random_(from, to)`. Source: torch.Tensor.random_."""
    low, high = (args[0] if len(args) == 2 else None), (args[-1] if args else None)
    low, high = kwargs.pop("from", low), kwargs.pop("to", high)
    dtype = self.array.dtype
    if low is None and high is None:
        if dtype.name not in INTEGER_COUNTS:
            raise NotImplementedError(f"\"random_kernel_cpu\" not implemented for '{type_name(dtype)}'")
        return _fill(self, INTEGERS, generator=generator)
    if category(dtype) == 3:
        raise RuntimeError("random_ handles only integral, floating-point and boolean types")
    low = 0 if low is None else int(low)
    high = _largest(dtype) + 1 if high is None else int(high)
    check_bounds(low, high, dtype)
    return _fill(self, BELOW, low, high, generator=generator)


def _largest(dtype: Any) -> int:
    if category(dtype) == 2:
        return 2 ** (jnp.finfo(dtype).nmant + 1)
    return 1 if category(dtype) == 0 else int(np.iinfo(dtype).max)


@function("Tensor")
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones of probability `p` (a number or a tensor) and zeros. Source: torch.Tensor.bernoulli_."""
    if isinstance(p, Tensor):
        self.check_writable()
        probability = jnp.broadcast_to(p.array, self.array.shape)
        self.overwrite(bernoulli_of(probability, self.array.dtype, generator, into=self))
        return self
    check_probability(p)
    if category(self.array.dtype) == 3:
        raise NotImplementedError(f"\"bernoulli_scalar_cpu_\" not implemented for '{type_name(self.array.dtype)}'")
    return _fill(self, BERNOULLI, float(p), generator=generator)


@function("Tensor")
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with waiting times of rate `lambd`. Source: torch.Tensor.exponential_."""
    check_continuous(self.array.dtype, "Exponential distribution")
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _fill(self, EXPONENTIAL, lambd, generator=generator)


@function("Tensor")
def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers of the Cauchy distribution. Source: torch.Tensor.cauchy_."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    check_continuous(self.array.dtype, "Cauchy distribution")
    return _fill(self, CAUCHY, median, sigma, generator=generator)


@function("Tensor")
def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with the exponentials of normal numbers. Source: torch.Tensor.log_normal_."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    check_float(self.array.dtype, "log_normal_cpu", complex=False)
    return _fill(self, LOG_NORMAL, mean, std, generator=generator)


@function("Tensor")
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with how many trials of probability `p` the first success takes. Source: torch.Tensor.geometric_."""
    if not 0 < p < 1 or math.isnan(p):
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    if category(self.array.dtype) in (0, 3):
        raise NotImplementedError(f"\"geometric_cpu\" not implemented for '{type_name(self.array.dtype)}'")
    return _fill(self, GEOMETRIC, float(p), generator=generator)
