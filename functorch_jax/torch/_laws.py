"""How numbers of each distribution are made: from the words of an `Engine`, as PyTorch's CPU code makes them, and
from a JAX key in a program that is being compiled.

A law's `host` draws `n` numbers, in PyTorch's order and using up exactly the words that PyTorch uses; its `traced`
gives numbers of the same distribution from JAX's own generator. PyTorch's results for a fixed probability or rate
depend on the machine: builds with MKL hand `bernoulli_(p)` and `exponential_` to MKL on Intel processors, and take the
portable way, which is ours, on all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch import _rejection
from functorch_jax.torch._dtype import category
from functorch_jax.torch._mt19937 import Engine, aligned

__all__ = [
    "BELOW",
    "BERNOULLI",
    "BINOMIAL",
    "CAUCHY",
    "EXPONENTIAL",
    "GEOMETRIC",
    "INTEGERS",
    "INTEGER_COUNTS",
    "LOG_NORMAL",
    "NORMAL",
    "PERMUTATION",
    "POISSON",
    "SCATTERED_NORMAL",
    "UNIFORM",
    "Law",
]

_Array = np.ndarray[Any, Any]
_LONG_RANGE = 2**28  # from here on PyTorch takes 64 bits for an integer, so that the remainder is fair


class Law(NamedTuple):
    """`host(engine, n, dtype, *settings)` and `traced(key, shape, dtype, *settings)`.

    `inner_first`: under nested vmaps, the rows of the inner one are drawn one after the other, each for all outer rows.
    """

    host: Callable[..., _Array]
    traced: Callable[..., Any]
    inner_first: bool = False


def _is_complex(dtype: np.dtype[Any]) -> bool:
    return category(dtype) == 3


def _part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the real and the imaginary part."""
    return np.dtype(np.float64 if dtype == np.complex128 else np.float32)


def _uniforms(engine: Engine, n: int, dtype: np.dtype[Any]) -> _Array:
    return engine.doubles(n) if dtype == np.float64 else engine.floats(n)


# ---- uniform ---------------------------------------------------------------------------------------------------------


def _uniform(engine: Engine, n: int, dtype: np.dtype[Any], low: float = 0.0, high: float = 1.0) -> _Array:
    if _is_complex(dtype):
        return _uniform(engine, 2 * n, _part(dtype), low, high).view(dtype)
    u = _uniforms(engine, n, dtype)
    if (low, high) == (0, 1):
        return u if u.dtype == dtype else _below_end(u.astype(dtype), low, high)
    # PyTorch's code rounds once here, after a fused multiply and add
    if dtype == np.float64:
        u = _fused(u, high - low, low)
    else:
        start = np.float32(low)
        span = np.float32(high) - start
        for part in _parts(u):
            part[...] = part.astype(np.float64) * float(span) + float(start)
    return _below_end(u.astype(dtype, copy=False), low, high)


def _parts(x: _Array, size: int = 2**16) -> Iterator[_Array]:
    """Views of `x`, one after the other, that fit the cache."""
    for start in range(0, len(x), size):
        yield x[start : start + size]


def _below_end(u: _Array, low: float, high: float) -> _Array:
    """`u`, where rounding did not take it to `high` itself."""
    dtype = u.dtype
    at_end = u == dtype.type(high)  # by rounding
    return np.where(at_end, dtype.type(low), u) if at_end.any() else u


def _fused(x: _Array, y: Any, z: Any) -> _Array:
    """x * y + z rounded once, but for ties that no test will meet: the product and the sum keep their errors."""
    split = 2.0**27 + 1

    def halves(a: Any) -> tuple[Any, Any]:
        high = a * split - (a * split - a)
        return high, a - high

    product = x * y
    (xh, xl), (yh, yl) = halves(x), halves(np.float64(y))
    lost = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl
    total = product + z
    back = total - product
    return total + ((product - (total - back)) + (z - back) + lost)


def _uniform_traced(key: Any, shape: tuple[int, ...], dtype: Any, low: float = 0.0, high: float = 1.0) -> Any:
    if _is_complex(dtype):
        re, im = jax.random.uniform(key, (2, *shape), _part(dtype), low, high)
        return lax.complex(re, im)
    return jax.random.uniform(key, shape, dtype, low, high)


UNIFORM = Law(_uniform, _uniform_traced)


# ---- normal ----------------------------------------------------------------------------------------------------------


def _single_normals(engine: Engine, n: int) -> _Array:
    """Standard normals as PyTorch's code for few numbers makes them: in pairs, the second kept for the next call."""
    start = 1 if engine.next_normal is not None and n else 0
    pairs = (n - start + 1) // 2
    out = np.empty(start + 2 * pairs)
    if start:
        out[0] = engine.next_normal
        engine.next_normal = None
    u = engine.doubles(2 * pairs)
    radius = np.sqrt(-2 * np.log1p(-u[1::2]))
    angle = 2 * np.pi * u[0::2]
    out[start::2] = radius * np.cos(angle)
    out[start + 1 :: 2] = radius * np.sin(angle)
    if len(out) > n:
        engine.next_normal = float(out[n])
    return out[:n]


def _box_muller(u: _Array) -> None:
    """Turn blocks of 16 uniforms into normals in place: 8 of them give the radii, the other 8 the angles."""
    kind = u.dtype.type
    blocks = u.reshape(-1, 2, 8)
    for some in np.array_split(blocks, -(-len(blocks) // 2048)):  # small enough for the cache
        radius = kind(1) - some[:, 0]
        np.log(radius, out=radius)
        radius *= kind(-2)
        np.sqrt(radius, out=radius)
        angle = kind(2 * np.pi) * some[:, 1]
        np.multiply(radius, np.cos(angle), out=some[:, 0])
        np.multiply(radius, np.sin(angle, out=angle), out=some[:, 1])


def _standard_normals(engine: Engine, n: int, dtype: np.dtype[Any]) -> _Array:
    if n < 16:
        return _single_normals(engine, n)
    whole = n // 16 * 16
    if dtype.itemsize < 4:
        out = np.empty(n, np.float32)
        out[:whole] = engine.floats(whole)
    else:
        out = _uniforms(engine, n, dtype)
    _box_muller(out[:whole])
    if whole < n:  # the last 16 are drawn anew
        last = _uniforms(engine, 16, dtype)
        _box_muller(last)
        out[n - 16 :] = last
    return out


def _normal(
    engine: Engine, n: int, dtype: np.dtype[Any], mean: Any = 0.0, std: Any = 1.0, *, scattered: bool = False
) -> _Array:
    if _is_complex(dtype):
        # the mean is that of both parts
        return _normal(engine, 2 * n, _part(dtype), mean, std / math.sqrt(2), scattered=scattered).view(dtype)
    out = _single_normals(engine, n) if scattered else _standard_normals(engine, n, dtype)
    if std != 1:
        out *= std
    if mean != 0:
        out += mean
    return out.astype(dtype, copy=False)


def _normal_traced(key: Any, shape: tuple[int, ...], dtype: Any, mean: Any = 0.0, std: Any = 1.0) -> Any:
    if _is_complex(dtype):
        re, im = _normal_traced(key, (2, *shape), _part(dtype), mean, std / math.sqrt(2))
        return lax.complex(re, im)
    return (jax.random.normal(key, shape, dtype) * std + mean).astype(dtype)


def _log_normal(engine: Engine, n: int, dtype: np.dtype[Any], mean: float, std: float) -> _Array:
    return np.exp(_single_normals(engine, n) * std + mean).astype(dtype)


NORMAL = Law(_normal, _normal_traced)
SCATTERED_NORMAL = Law(partial(_normal, scattered=True), _normal_traced)  # into memory with gaps, or in another order
LOG_NORMAL = Law(_log_normal, lambda *args: jnp.exp(_normal_traced(*args)))


# ---- integers --------------------------------------------------------------------------------------------------------


def _below(engine: Engine, n: int, dtype: np.dtype[Any], low: int, high: int) -> _Array:
    span = high - low
    if span < _LONG_RANGE:
        out = aligned(n, np.int64)
        for place, words in engine.chunks(n):
            words -= words // np.uint32(span) * np.uint32(span)  # the remainder, which NumPy finds slower
            np.add(words, low, out=out[place], dtype=np.int64)
        return out.astype(dtype, copy=False)
    if span < 2**64:
        drawn = (engine.longs(n) % np.uint64(span)).astype(np.int64)
    else:
        return engine.longs(n).astype(np.int64).astype(dtype)
    with np.errstate(over="ignore"):
        return (drawn + np.int64(low)).astype(dtype)


def _below_traced(key: Any, shape: tuple[int, ...], dtype: Any, low: int, high: int) -> Any:
    if high - low >= 2**63:
        return jax.random.bits(key, shape, np.uint64).astype(dtype)
    return (jax.random.randint(key, shape, 0, high - low, np.int64) + low).astype(dtype)


BELOW = Law(_below, _below_traced)  # from `low` up to, not including, `high`

# How many integers `random_()` draws from, which must all fit: (count, whether 64 bits are taken)
INTEGER_COUNTS = {
    "bool": (2, False),
    "uint8": (2**8, False),
    "int8": (2**7, False),
    "int16": (2**15, False),
    "int32": (2**31, False),
    "int64": (2**63, True),
    "float16": (2**11 + 1, False),
    "bfloat16": (2**8 + 1, False),
    "float32": (2**24 + 1, False),
    "float64": (2**53 + 1, True),
}


def _integers(engine: Engine, n: int, dtype: np.dtype[Any]) -> _Array:
    count, wide = INTEGER_COUNTS[dtype.name]
    drawn = engine.longs(n) % np.uint64(count) if wide else engine.words(n) % np.uint32(count)
    return drawn.astype(dtype)


def _integers_traced(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    count = min(INTEGER_COUNTS[np.dtype(dtype).name][0], 2**63 - 1)
    return jax.random.randint(key, shape, 0, count, np.int64).astype(dtype)


INTEGERS = Law(_integers, _integers_traced)


def _permutations(engine: Engine, n: int, dtype: np.dtype[Any], size: int) -> _Array:
    """`n // size` permutations of `size` numbers, one after the other."""
    if size == 0:
        return np.zeros(0, dtype)
    return np.concatenate([_permutation(engine, size) for _ in range(n // size)]).astype(dtype)


def _permutation(engine: Engine, n: int) -> _Array:
    """Step i exchanges place i with a drawn place from i on."""
    places = np.arange(n)
    targets = places.copy()
    targets[:-1] += engine.words(max(n - 1, 0)) % np.arange(n, 1, -1, dtype=np.uint32)
    if n < 2000:
        order = places.tolist()
        for i, j in enumerate(targets.tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)
    # The same without a loop over places. Step i leaves in its target what was in place i; so what is in place i before
    # step i was brought by the last step before it that had the target i, or has been there from the start.
    steps = np.sort(targets.astype(np.uint64) << np.uint64(32) | places.astype(np.uint64))
    small = np.int32 if n < 2**31 else np.int64  # half as much memory to go through
    target, step = (steps >> np.uint64(32)).astype(small), (steps & np.uint64(0xFFFFFFFF)).astype(small)
    same = target[1:] == target[:-1]
    before = np.full(n, -1, small)  # the last step before that had the same target
    before[step[1:][same]] = step[:-1][same]
    last = np.append(~same, True)
    target, step = target[last], step[last]
    source = places.astype(small)
    source[target] = step
    kept = target[target == step]  # where that is the step itself
    source[kept] = np.where(before[kept] >= 0, before[kept], kept)
    moving = np.arange(n, dtype=small)
    while len(moving):  # follow what was brought to where it was at the start
        now = source[moving]
        further = source[now]
        source[moving] = further
        moving = moving[further != now]
    brought = np.flatnonzero(before >= 0)
    targets[brought] = source[before[brought]]
    return targets


def _permutations_traced(key: Any, shape: tuple[int, ...], dtype: Any, size: int) -> Any:
    ordered = jnp.broadcast_to(jnp.arange(size, dtype=dtype), shape)
    return jax.random.permutation(key, ordered, axis=-1, independent=True)


PERMUTATION = Law(_permutations, _permutations_traced, inner_first=True)


# ---- by inversion of one uniform -------------------------------------------------------------------------------------


def _inverted(inverse: Callable[..., Any]) -> Law:
    """The law of `inverse(xp, u, *settings)` for a uniform float64 `u` in [0, 1)."""

    def host(engine: Engine, n: int, dtype: np.dtype[Any], *settings: Any) -> _Array:
        return inverse(np, engine.doubles(n), *settings).astype(dtype)

    def traced(key: Any, shape: tuple[int, ...], dtype: Any, *settings: Any) -> Any:
        wide = jnp.zeros((), np.float64).dtype  # float32 where JAX is kept at 32 bits
        u = jax.random.uniform(key, shape, wide, minval=float(jnp.finfo(wide).tiny))
        return inverse(jnp, u, *settings).astype(dtype)

    return Law(host, traced)


BERNOULLI = _inverted(lambda xp, u, p: u < p)
EXPONENTIAL = _inverted(lambda xp, u, rate: -xp.log1p(-u) / rate)
CAUCHY = _inverted(lambda xp, u, median, sigma: median + sigma * xp.tan(np.pi * (u - 0.5)))
GEOMETRIC = _inverted(lambda xp, u, p: xp.ceil(xp.log(u) / np.log1p(-p)))


# ---- by rejection ----------------------------------------------------------------------------------------------------


POISSON = Law(_rejection.poisson, lambda key, shape, dtype, rate: jax.random.poisson(key, rate, shape).astype(dtype))
BINOMIAL = Law(
    _rejection.binomial,
    lambda key, shape, dtype, count, p: jax.random.binomial(key, count, p, shape, np.float32).astype(dtype),
)
