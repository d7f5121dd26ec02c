"""Random tensors: `rand`, `randn`, `randint` and their kin, and draws with tensors as parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch import random as _seeds  # noqa: F401  (registers manual_seed and its kin)
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._device import default_device, jax_device
from functorch_jax.torch._dtype import category, np_dtype
from functorch_jax.torch._factories import finish, sizes
from functorch_jax.torch._generator import Generator, check_randomness, draw, known_value
from functorch_jax.torch._laws import (
    BELOW,
    BERNOULLI,
    BINOMIAL,
    EXPONENTIAL,
    NORMAL,
    PERMUTATION,
    POISSON,
    SCATTERED_NORMAL,
    UNIFORM,
    Law,
)
from functorch_jax.torch._op import function
from functorch_jax.torch._promote import broadcast, result_dtype, type_name
from functorch_jax.torch._strides import is_contiguous, layout_of
from functorch_jax.torch._tensor import Tensor, check_write, unwrap, wrap

__all__ = ["check_bounds", "check_continuous", "check_float", "draw_like"]


# ---- checks ----------------------------------------------------------------------------------------------------------


def check_float(dtype: Any, kernel: str, *, complex: bool = True) -> None:
    """Raise what PyTorch raises for a distribution of floating numbers in another dtype."""
    if category(dtype) != 2 and not (complex and category(dtype) == 3):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_name(dtype)}'")


def check_bounds(low: int, high: int, dtype: Any) -> None:
    """Raise RuntimeError in PyTorch's words for a range of integers that is empty or does not fit the dtype."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if category(dtype) == 3:
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    smallest, largest = _limits(dtype)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not smallest <= value <= largest:
            raise RuntimeError(f"{name} is out of bounds for {_C_NAMES.get(np.dtype(dtype).name, dtype)}")


def check_continuous(dtype: Any, name: str) -> None:
    """Raise what PyTorch raises for a continuous distribution of integers."""
    if category(dtype) != 2:
        raise RuntimeError(
            f"{name} is a continuous probability distribution. dtype must be a floating point but you specified "
            f"{type_name(dtype)}"
        )


_C_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
}


def _limits(dtype: Any) -> tuple[float, float]:
    if category(dtype) == 0:
        return 0, 1
    if category(dtype) == 2:
        return float(jnp.finfo(dtype).min), float(jnp.finfo(dtype).max)
    info = np.iinfo(dtype)
    return info.min, info.max


def _size(name: str, args: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    if size is not None:
        args = (*args, size)
    if not args:
        raise TypeError(f"{name}() received an invalid combination of arguments - got (), but a size is needed")
    given = list(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else list(args)
    for n in given:
        if isinstance(n, int) and n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {given}")
    return sizes(args, name)


def draw_like(tensor: Tensor, law: Law, *settings: Any, dtype: Any = None, dense: bool = False, **options: Any) -> Any:
    """Numbers in the shape of `tensor`, drawn in the order in which its elements lie in memory, as in PyTorch.

    Args:
        dense: they go into new memory, which has the order of `tensor` and none of its gaps.
        options: those of `draw`.
    """
    x = tensor.array
    dtype = dtype or x.dtype
    if is_contiguous(tensor):
        return draw(law, x.shape, dtype, *settings, **options)
    strides = layout_of(tensor)[0]
    order = sorted(range(x.ndim), key=lambda axis: -strides[axis])
    long = [axis for axis in order if x.shape[axis] > 1]
    if law is NORMAL and not (dense and long == sorted(long)):
        law = SCATTERED_NORMAL
    numbers = draw(law, [x.shape[axis] for axis in order], dtype, *settings, **options)
    return jnp.transpose(numbers, [order.index(axis) for axis in range(x.ndim)])


def _draw_for(out: Tensor | None, law: Law, shape: Any, dtype: Any, *settings: Any, **options: Any) -> Any:
    """Numbers of `shape`, drawn as they lie in the memory of `out` where that has this shape."""
    if out is None or out.shape != tuple(shape):
        return draw(law, shape, dtype, *settings, **options)
    return draw_like(out, law, *settings, dtype=dtype, **options)


# ---- factories -------------------------------------------------------------------------------------------------------


_INTO = ("rand", "randn", "randint")  # which take a tensor that they fill


def _factory(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function that draws an array as a factory: PyTorch's keywords, checked before anything is drawn."""
    name = fn.__name__

    @functools.wraps(fn)
    def call(
        *args: Any,
        generator: Generator | None = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        out: Tensor | None = None,
        layout: Any = None,
        pin_memory: Any = None,
        memory_format: Any = None,
        **kwargs: Any,
    ) -> Tensor:
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got generator="
                f"{type(generator).__name__}, but expected torch.Generator generator"
            )
        jax_device(default_device() if device is None else device, f"{name}()")
        if out is not None:
            dtype = out.array.dtype
        elif dtype is not None:
            dtype = np_dtype(dtype)
        if out is not None and name in _INTO:
            kwargs["into"] = out
        array = fn(*args, dtype=dtype, generator=generator, **kwargs)
        return finish(array, device, requires_grad, out, f"{name}()")

    return function("torch")(call)


@_factory
def rand(*args: Any, size: Any = None, dtype: Any, generator: Any, into: Any = None) -> Any:
    """Numbers spread evenly over [0, 1). Source: torch.rand."""
    shape, dtype = _size("rand", args, size), dtype or default_dtype()
    check_float(dtype, "check_uniform_bounds")
    return _draw_for(into, UNIFORM, shape, dtype, generator=generator)


@_factory
def randn(*args: Any, size: Any = None, dtype: Any, generator: Any, into: Any = None) -> Any:
    """Normal numbers of mean 0 and variance 1. Source: torch.randn."""
    shape, dtype = _size("randn", args, size), dtype or default_dtype()
    check_float(dtype, "normal_kernel_cpu")
    return _draw_for(into, NORMAL, shape, dtype, generator=generator)


@_factory
def randint(
    *args: Any, low: Any = None, high: Any = None, size: Any = None, dtype: Any, generator: Any, into: Any = None
) -> Any:
    """Integers from `low` (0 when it is left out) up to, not including, `high`. Source: torch.randint."""
    values = list(args)
    if size is None:
        if values and isinstance(values[-1], (tuple, list)):
            size = values.pop()
        else:
            place = len(values)
            raise TypeError(
                f"randint(): argument 'size' (position {place}) must be tuple of ints, not "
                f"{type(values[-1]).__name__ if values else 'nothing'}"
            )
    if high is None:
        high = values.pop() if values else None
    if low is None:
        low = values.pop() if values else 0
    if high is None or values:
        raise TypeError("randint() received an invalid combination of arguments: it takes ([low], high, size)")
    shape, dtype = sizes((tuple(size),), "randint"), dtype or np.dtype(np.int64)
    low, high = _integer(low), _integer(high)
    check_bounds(low, high, dtype)
    return _draw_for(into, BELOW, shape, dtype, low, high, generator=generator)


def _integer(x: Any) -> int:
    return int(x) if isinstance(x, (float, Tensor)) else x.__index__()  # type: ignore[arg-type, no-any-return]


@_factory
def randperm(n: int, *, dtype: Any, generator: Any) -> Any:
    """The integers below `n` in random order. Source: torch.randperm."""
    dtype = dtype or np.dtype(np.int64)
    if category(dtype) == 3 or category(dtype) == 0:
        raise NotImplementedError(f"\"randperm\" not implemented for '{type_name(dtype)}'")
    if n > 0 and n - 1 > _limits(dtype)[1]:
        raise RuntimeError(f"value cannot be converted to type {np.dtype(dtype).name}_t without overflow")
    return draw(PERMUTATION, (n,), dtype, n, generator=generator)


def _like(name: str, make: Callable[..., Any]) -> None:
    def like(input: Tensor, *args: Any, dtype: Any, generator: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        return make(input, dtype or input.array.dtype, generator, *args, **kwargs)

    like.__name__ = like.__qualname__ = name
    like.__doc__ = f"`{name.removesuffix('_like')}` of the shape and dtype of `input`. Source: torch.{name}."
    _factory(like)


def _uniform_like(input: Tensor, dtype: Any, generator: Any) -> Any:
    check_float(dtype, "check_uniform_bounds")
    return draw_like(input, UNIFORM, dtype=dtype, dense=True, generator=generator)


def _normal_like(input: Tensor, dtype: Any, generator: Any) -> Any:
    check_float(dtype, "normal_kernel_cpu")
    return draw_like(input, NORMAL, dtype=dtype, dense=True, generator=generator)


def _integers_like(input: Tensor, dtype: Any, generator: Any, *args: Any, low: Any = None, high: Any = None) -> Any:
    values = list(args)
    if high is None and values:
        high = values.pop()
    if low is None:
        low = values.pop() if values else 0
    low, high = _integer(low), _integer(high)
    check_bounds(low, high, dtype)
    return draw_like(input, BELOW, low, high, dtype=dtype, dense=True, generator=generator)


for _name, _make in {"rand_like": _uniform_like, "randn_like": _normal_like, "randint_like": _integers_like}.items():
    _like(_name, _make)


# ---- tensors as parameters -------------------------------------------------------------------------------------------


def _stored(result: Any, out: Tensor | None, name: str) -> Tensor:
    if out is None:
        return wrap(result)
    if out.shape != result.shape:
        out.resize_array(result.shape)
    out.overwrite(check_write(out, result, name))
    return out


@function("torch")
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: Any = None,
) -> Tensor:
    """Normal numbers of this mean and standard deviation, either of them a number or a tensor. Source: torch.normal."""
    m, s = unwrap(mean), unwrap(std)
    parameters = [x for x, given in ((m, mean), (s, std)) if isinstance(given, Tensor)]
    if not parameters:
        if size is None and out is None:
            raise TypeError("normal() received an invalid combination of arguments - got two numbers and no size")
        shape = out.shape if size is None else sizes((tuple(size),), "normal")  # type: ignore[union-attr]
        kind = out.array.dtype if out is not None else np_dtype(dtype) if dtype is not None else default_dtype()
        check_float(kind, "normal_kernel_cpu")
        _check_std(std)
        array = _draw_for(out, NORMAL, shape, kind, mean, std, generator=generator)
        return finish(array, device, requires_grad, out, "normal()")
    if isinstance(std, Tensor):
        known = known_value(s)
        if known is not None and category(s.dtype) == 2 and (known < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    else:
        _check_std(std)
    kind = parameters[0].dtype
    check_float(kind, "normal_kernel_cpu")
    spread = 1.0 if isinstance(std, Tensor) else std
    shape = broadcast(*parameters)
    result = _draw_for(out, NORMAL, shape, kind, 0.0, spread, generator=generator, parameters=parameters)
    # constants to differentiation, as in PyTorch
    if isinstance(std, Tensor):
        result = (result * jax.lax.stop_gradient(s)).astype(kind)
    result = (result + (jax.lax.stop_gradient(m) if isinstance(mean, Tensor) else m)).astype(kind)
    return _stored(result, out, "normal")


def _check_std(std: Any) -> None:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def bernoulli_of(p: Any, dtype: Any, generator: Any, into: Tensor | None = None) -> Any:
    """One where a uniform number falls below the probability `p`, an array; for the elements of `into`, if given."""
    check_float(p.dtype, "bernoulli_tensor_cpu_p_", complex=False)
    known = known_value(p)
    if known is not None and not ((known >= 0) & (known <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true: a probability lies between 0 and 1")
    wide = np.float64 if p.dtype == np.float64 else np.float32
    if into is None:
        uniform = draw(UNIFORM, p.shape, wide, generator=generator, parameters=[p])
    else:
        uniform = draw_like(into, UNIFORM, dtype=wide, generator=generator, parameters=[p], target=into.array)
    return (uniform < jax.lax.stop_gradient(p).astype(wide)).astype(dtype)


@function("torch Tensor")
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """Ones with the probabilities in `input`, else zeros. With `p`, that is the probability and `input` only a shape.

    Source: torch.bernoulli.
    """
    kind = input.array.dtype if out is None else out.array.dtype
    if p is not None:
        check_probability(p)
        return _stored(draw(BERNOULLI, input.shape, kind, p, generator=generator), out, "bernoulli")
    return _stored(bernoulli_of(input.array, kind, generator), out, "bernoulli")


def check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")


@function("torch")
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts of events that come at the rates in `input`. Source: torch.poisson."""
    rate = input.array
    check_float(rate.dtype, "poisson_cpu", complex=False)
    known = known_value(rate)
    if known is not None and not (known >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return wrap(draw(POISSON, rate.shape, rate.dtype, generator=generator, given=[rate]))


@function("torch")
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Successes in `count` trials of probability `prob`. Source: torch.binomial."""
    n, p = count.array, prob.array
    kind = result_dtype(n, p)
    for name, x in (("count", n), ("prob", p)):
        if category(x.dtype) != 2:
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {type_name(x.dtype)}. Convert it first"
            )
    shape = broadcast(n, p)
    return wrap(draw(BINOMIAL, shape, kind, generator=generator, given=[n, p]))


# ---- multinomial -----------------------------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnums=1)
def _first(keys: Any, num_samples: int) -> Any:
    if num_samples == 1:
        return jnp.argmax(keys, axis=-1, keepdims=True)
    wide = keys if keys.dtype.itemsize > 2 else keys.astype(np.float32)  # for which XLA need not sort them all
    return jax.lax.top_k(wide, num_samples)[1].astype(np.int64)


@jax.jit
def _with_replacement(input: Any, uniforms: Any) -> Any:
    def one(weights: Any, u: Any) -> Any:
        total = jnp.cumsum(weights if weights.dtype == np.float64 else weights.astype(np.float32))
        below = (total / total[-1]).at[-1].set(1.0).astype(u.dtype)
        return jnp.searchsorted(below, u)

    chosen = one(input, uniforms) if input.ndim == 1 else jax.vmap(one)(input, uniforms)
    return chosen.astype(np.int64)


@function("torch Tensor")
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices drawn with the weights in each row of `input`. Source: torch.multinomial."""
    weights = jax.lax.stop_gradient(input.array)
    if category(weights.dtype) != 2:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {type_name(weights.dtype)}"
        )
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    check_randomness([weights])
    known = known_value(weights)
    if known is not None:
        if not (np.isfinite(known.astype(np.float64)) & (known >= 0)).all():
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        if weights.size and not (known.sum(axis=_event_axis(weights)) > 0).all():
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if replacement and num_samples > 1:
        shape = (*weights.shape[:-1], num_samples)
        uniforms = draw(UNIFORM, shape, np.float64, generator=generator, parameters=[weights])
        result = _with_replacement(weights, uniforms)
    else:
        waits = draw_like(input, EXPONENTIAL, 1.0, dense=True, generator=generator, parameters=[weights])
        # the events that come first, when each comes after an exponential time at its rate; the quotient is rounded to
        # the dtype of the weights
        result = _first(weights / waits, num_samples)
    return _stored(result, out, "multinomial")


def _event_axis(weights: Any) -> int:
    """Where the last axis of `weights` is, in what `known_value` gives."""
    axis, x = weights.ndim - 1, weights
    while (level := jaxapi.peel(x)) is not None:
        if level.kind == "vmap" and level.axis is not None and level.axis <= axis:
            axis += 1
        x = level.inner
    return axis
