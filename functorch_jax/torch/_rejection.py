"""Poisson and binomial numbers as PyTorch's CPU code draws them: by rejection, so that how many uniform numbers one of
them takes is known only when it is drawn.

A run of equal parameters is drawn at once: what the uniform numbers from each place on would give is found for all
places of a block, and then where the numbers start. Parameters that differ from number to number go one by one.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from functorch_jax.torch._mt19937 import Engine

__all__ = ["binomial", "poisson"]

_Array = np.ndarray[Any, Any]
_RUN = 256  # equal parameters from here on are drawn at once
_BLOCK = 2**14  # uniform numbers at a time: what is computed of them fits the cache
_FEW = 10  # an expected number below it is counted up, from it on a number is proposed and accepted or not


def poisson(engine: Engine, n: int, dtype: np.dtype[Any], rate: _Array) -> _Array:
    rates = rate.astype(np.float64).reshape(1, n)
    return _by_runs(engine, rates, _poissons_alike, _poissons).astype(dtype)


def binomial(engine: Engine, n: int, dtype: np.dtype[Any], count: _Array, prob: _Array) -> _Array:
    # what PyTorch makes of the parameters alone it makes in their own dtype
    pairs = np.stack([count.astype(dtype).ravel(), prob.astype(dtype).ravel()])
    return _by_runs(engine, pairs, _binomials_alike, _binomials).astype(dtype)


# ---- drawing ---------------------------------------------------------------------------------------------------------


def _by_runs(engine: Engine, parameters: _Array, alike: Callable[..., Any], each: Callable[..., Any]) -> _Array:
    """A number for each column of `parameters`.

    Args:
        alike: gives `n` numbers of equal parameters.
        each: gives a list of numbers for rows of parameters, made of a stream of uniform numbers.
    """
    n = parameters.shape[1]
    out = np.empty(n)
    changes = np.flatnonzero((parameters[:, 1:] != parameters[:, :-1]).any(axis=0)) + 1
    starts, stops = np.append(0, changes), np.append(changes, n)
    long = stops - starts >= _RUN
    done = 0
    for start, stop in [*zip(starts[long].tolist(), stops[long].tolist(), strict=True), (n, n)]:
        if done < start:
            out[done:start] = _one_by_one(engine, parameters[:, done:start], each)
        if start < stop:
            out[start:stop] = alike(engine, stop - start, *parameters[:, start])
        done = stop
    return out


def _one_by_one(engine: Engine, parameters: _Array, each: Callable[..., list[float]]) -> list[float]:
    """What `each` makes of a stream of uniform numbers, of which it takes a few for each number; the rest stays."""
    mark, block = engine.mark(), min(3 * parameters.shape[1] + 8, 4096)
    blocks: list[Any] = []

    def read() -> Iterator[Iterator[float]]:
        while True:
            blocks[:] = [iter(engine.doubles(block).tolist())]
            taken[0] += block
            yield blocks[0]

    taken = [0]
    made = each(itertools.chain.from_iterable(read()), *parameters)
    engine.rewind(mark)
    engine.doubles(taken[0] - (operator.length_hint(blocks[0]) if blocks else 0))
    return made


def _accepted(engine: Engine, n: int, judge: Callable[[_Array, _Array], tuple[_Array, _Array]]) -> _Array:
    """The first `n` accepted of the numbers that pairs of uniform numbers propose.

    `judge(u, v)` gives the proposals and where they are accepted.
    """
    parts: list[_Array] = []
    while n:
        size = min(n + n // 4 + 8, _BLOCK // 2)
        mark = engine.mark()
        pairs = engine.doubles(2 * size)
        proposed, good = judge(pairs[0::2], pairs[1::2])
        places = np.flatnonzero(good)[:n]
        parts.append(proposed[places])
        n -= len(places)
    engine.rewind(mark)
    engine.doubles(2 * (int(places[-1]) + 1))
    return np.concatenate(parts)


def _counted(
    engine: Engine, n: int, terms: Callable[[_Array], _Array], join: np.ufunc, within: np.ufunc, limit: float
) -> list[int]:
    """`n` numbers, each the count of uniform numbers whose `terms`, joined, are `within` the limit.

    The uniform number that takes them past it is used up too. Counts of 255 and more are out of reach.
    """
    out: list[int] = []
    left = np.zeros(0)  # terms of a number that a block began and did not end
    while len(out) < n:
        earlier, mark = len(left), engine.mark()
        left = np.append(left, terms(engine.doubles(min(16 * n, _BLOCK))))
        size = len(left)
        total, counts = left.copy(), np.zeros(size + 1, np.uint8)
        for more in range(1, size + 1):  # `total` is of so many terms from each place on
            inside = within(total, limit)
            if not inside.any():
                break
            counts[: len(total)] += inside
            total = join(total[:-1], left[more:])
        place, count_at = 0, counts.tobytes()
        for _ in range(n - len(out)):
            stop = place + count_at[place] + 1
            if stop > size:
                break
            out.append(stop - place - 1)
            place = stop
        left = left[place:]
    engine.rewind(mark)
    engine.doubles(place - earlier)
    return out


_LOG_FACTORIALS = np.array([math.lgamma(k + 1) for k in range(128)])


def _log_factorial(k: _Array) -> _Array:
    """The logarithm of k! for whole numbers."""
    x = np.maximum(k, 127.0) + 1
    stirling = (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + (1 / 12 - 1 / (360 * x * x)) / x
    return np.where(k < 128, _LOG_FACTORIALS[np.minimum(k, 127.0).astype(np.intp)], stirling)


# ---- Poisson: PTRS, the transformed rejection of Hoermann (1993) -----------------------------------------------------


def _ptrs(rate: Any) -> Any:
    """The numbers a, b, the height below which a proposal is accepted at once, and the logarithm of 1 / alpha."""
    b = 0.931 + 2.53 * np.sqrt(rate)
    return -0.059 + 0.02483 * b, b, 0.9277 - 3.6224 / (b - 2), np.log(1.1239 + 1.1328 / (b - 3.4))


def _poissons_alike(engine: Engine, n: int, rate: float) -> Any:
    rate = float(rate)
    if rate == 0:
        return 0
    if rate < _FEW:
        return _counted(engine, n, lambda u: u, np.multiply, np.greater, math.exp(-rate))
    a, b, fast, start = map(float, _ptrs(rate))

    def judge(u: _Array, v: _Array) -> tuple[_Array, _Array]:
        x = u - 0.5
        edge = 0.5 - np.abs(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.floor((2 * a / edge + b) * x + (rate + 0.43))
        good = (edge >= 0.07) & (v <= fast)
        rest = np.flatnonzero(~good & (k >= 0) & ((edge >= 0.013) | (v <= edge)))
        x, v, edge, kr = x[rest], v[rest], edge[rest], k[rest]
        with np.errstate(divide="ignore"):
            height = np.log(v) + start - np.log(a / (edge * edge) + b)
        good[rest] = height <= kr * math.log(rate) - rate - _log_factorial(kr)
        return k, good

    return _accepted(engine, n, judge)


def _poissons(uniforms: Iterator[float], rates: _Array) -> list[float]:
    out: list[float] = []
    uniform = uniforms.__next__
    with np.errstate(all="ignore"):  # of the rates that go the other way
        settings = [np.exp(-rates), *_ptrs(rates)]
    for rate, limit, a, b, fast, start in zip(rates.tolist(), *(x.tolist() for x in settings), strict=True):
        if rate == 0:
            out.append(0)
        elif rate < _FEW:
            product, count = 1.0, -1
            for u in uniforms:
                product *= u
                count += 1
                if product <= limit:
                    break
            out.append(count)
        else:
            while True:
                x, v = uniform() - 0.5, uniform()
                edge = 0.5 - abs(x)
                k = math.floor((2 * a / edge + b) * x + rate + 0.43) if edge else -1
                if edge >= 0.07 and v <= fast:
                    break
                if k < 0 or (edge < 0.013 and v > edge):
                    continue
                height = _log(v) + start - math.log(a / (edge * edge) + b)
                if height <= k * math.log(rate) - rate - math.lgamma(k + 1):
                    break
            out.append(k)
    return out


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


# ---- binomial: BTRS, the same author's ------------------------------------------------------------------------------


def _btrs(count: Any, p: Any) -> Any:
    """The numbers a, b, the centre, the height below which a proposal is accepted at once, alpha, the logarithm of the
    odds, and the mode."""
    spread, mean, odds, mode = (
        np.float64(x) for x in (np.sqrt(count * p * (1 - p)), count * p, p / (1 - p), np.floor((count + 1) * p))
    )
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * np.float64(p)
    return a, b, mean + 0.5, 0.92 - 4.2 / b, (2.83 + 5.1 / b) * spread, np.log(odds), mode


def _binomials_alike(engine: Engine, n: int, count: Any, p: Any) -> Any:
    if count <= 0 or p <= 0:
        return 0
    if p >= 1:
        return count
    if p > 0.5:
        return count - np.asarray(_binomials_alike(engine, n, count, 1 - p))
    if count * p < _FEW:
        slope = float(np.log1p(-p))

        def waits(u: _Array) -> _Array:
            with np.errstate(divide="ignore"):
                return np.ceil(np.log(u) / slope)

        return _counted(engine, n, waits, np.add, np.less_equal, count)
    a, b, centre, fast, alpha, odds, mode = map(float, _btrs(count, p))
    count = float(count)
    peak = math.lgamma(mode + 1) + math.lgamma(count - mode + 1)

    def judge(u: _Array, v: _Array) -> tuple[_Array, _Array]:
        x = u - 0.5
        edge = 0.5 - np.abs(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.floor((2 * a / edge + b) * x + centre)
        good = (edge >= 0.07) & (v <= fast)
        rest = np.flatnonzero(~good & (k >= 0) & (k <= count))
        v, edge, kr = v[rest], edge[rest], k[rest]
        with np.errstate(divide="ignore"):
            height = np.log(v * alpha / (a / (edge * edge) + b))
        good[rest] = height <= peak - _log_factorial(kr) - _log_factorial(count - kr) + (kr - mode) * odds
        return k, good

    return _accepted(engine, n, judge)


def _binomials(uniforms: Iterator[float], counts: _Array, probs: _Array) -> list[float]:
    out: list[float] = []
    uniform = uniforms.__next__
    small = np.where(probs > 0.5, 1 - probs, probs)
    with np.errstate(all="ignore"):  # of what is decided without them
        settings = [np.log1p(-small), *_btrs(counts, small)]
    columns = (x.tolist() for x in (counts, probs, counts * small < _FEW, *settings))
    for count, prob, few, slope, a, b, centre, fast, alpha, odds, mode in zip(*columns, strict=True):
        if count <= 0 or prob <= 0:
            out.append(0)
        elif prob >= 1:
            out.append(count)
        elif math.isnan(prob):
            out.append(prob)
        else:
            if few:
                waited, k = 0.0, -1
                for u in uniforms:
                    waited += math.ceil(_log(u) / slope) if u else math.inf
                    k += 1
                    if waited > count:
                        break
            else:
                while True:
                    x, v = uniform() - 0.5, uniform()
                    edge = 0.5 - abs(x)
                    k = math.floor((2 * a / edge + b) * x + centre) if edge else -1
                    if edge >= 0.07 and v <= fast:
                        break
                    if k < 0 or k > count:
                        continue
                    height = _log(v * alpha / (a / (edge * edge) + b))
                    peak = math.lgamma(mode + 1) + math.lgamma(count - mode + 1)
                    if height <= peak - math.lgamma(k + 1) - math.lgamma(count - k + 1) + (k - mode) * odds:
                        break
            out.append(count - k if prob > 0.5 else k)
    return out
