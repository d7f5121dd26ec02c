"""The raw stream behind PyTorch's CPU generator: the Mersenne Twister, in blocks, with PyTorch's form of its state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from functorch_jax.torch._threefry import Counter

__all__ = ["Engine", "Mark", "Numbers", "aligned"]

_BLOCK = 624
_CHUNK = 256 * _BLOCK  # words that are worked on at a time: they fit the cache
_Array = np.ndarray[Any, Any]

# What `get_state` of PyTorch's CPU generator gives: its fields in memory.
_LAYOUT = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("key", "<u8", _BLOCK),
        ("compiled", "<f8"),  # PyTorch neither reads nor writes it: how often compiled programs drew
        ("next_normal", "<f8"),
        ("normal_rho", "<f8"),
        ("has_normal", "<i4"),
        ("padding", "<i4"),
        ("next_float_normal", "<f4"),
        ("has_float_normal", "<u4"),
    ]
)


def _temper(key: _Array) -> _Array:
    """The words that a block of state gives."""
    y = key.copy()
    y ^= y >> np.uint32(11)
    y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
    y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
    y ^= y >> np.uint32(18)
    return y


def _untemper(words: _Array) -> _Array:
    """The block of state that gives these words."""
    y = words.copy()
    y ^= y >> np.uint32(18)
    y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
    x = y.copy()
    for _ in range(4):  # each round gets 7 bits more right
        x = y ^ ((x << np.uint32(7)) & np.uint32(0x9D2C5680))
    y = x.copy()
    for _ in range(2):  # and each of these 11
        x = y ^ (x >> np.uint32(11))
    return x


class Mark(NamedTuple):
    """A place in the stream that an engine can go back to."""

    seed: int
    words: _Array
    position: int
    fresh: bool
    next_normal: float | None
    counted: Any


def aligned(n: int, dtype: Any) -> _Array:
    """An array of any values, laid out so that JAX takes it over without a copy."""
    size = np.dtype(dtype).itemsize
    raw = np.empty(n * size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + n * size].view(dtype)


class Engine:
    """A stream of 32-bit words, and the second normal of a pair that was drawn and not yet used.

    `counter` is the stream of the same seed that compiled programs draw from.
    """

    __slots__ = ("_fresh", "_position", "_twister", "_words", "counter", "next_normal")

    def __init__(self, seed: int) -> None:
        self.counter = Counter(seed)
        self._twister = np.random.RandomState(seed & 0xFFFFFFFF)
        self._words = _temper(self._twister.get_state(legacy=False)["state"]["key"])  # of the current block
        self._position = _BLOCK  # in the block
        self._fresh = True
        self.next_normal: float | None = None

    @property
    def seed(self) -> int:
        return self.counter.seed

    # -- words ---------------------------------------------------------------------------------------------------------

    def words(self, n: int) -> _Array:
        """The next `n` 32-bit words. Not to be written into."""
        start = self._position
        if start + n <= _BLOCK:
            self._position = start + n
            return self._words[start : start + n]
        self._fresh = False
        head = self._words[start:]
        rest = n - len(head)
        blocks = -(-rest // _BLOCK)
        drawn = self._twister.randint(0, 2**32, _BLOCK * blocks, np.uint32)
        self._words = drawn[-_BLOCK:].copy()
        self._position = rest - _BLOCK * (blocks - 1)
        return np.concatenate([head, drawn[:rest]]) if len(head) else drawn[:rest]

    def longs(self, n: int) -> _Array:
        """The next `n` 64-bit words, each of two 32-bit ones, the first of them high."""
        halves = self.words(2 * n)
        return (halves[0::2].astype(np.uint64) << np.uint64(32)) | halves[1::2]

    def chunks(self, n: int, each: int = 1) -> Iterator[tuple[slice, _Array]]:
        """The next words for `n` numbers of `each` words, in chunks with their places. Words may be written into."""
        step = _CHUNK // each
        for start in range(0, n, step):
            stop = min(start + step, n)
            words = self.words(each * (stop - start))
            yield slice(start, stop), words if words.flags.owndata else words.copy()

    def floats(self, n: int) -> _Array:
        """Uniform float32 numbers in [0, 1): the low 24 bits of a word each."""
        out = aligned(n, np.float32)
        for place, words in self.chunks(n):
            words &= np.uint32(0xFFFFFF)
            part = out[place]
            part[...] = words.view(np.int32)  # signed ones convert faster
            part *= np.float32(2.0**-24)
        return out

    def doubles(self, n: int) -> _Array:
        """Uniform float64 numbers in [0, 1): the low 53 bits of a 64-bit word each."""
        out = aligned(n, np.float64)
        for place, words in self.chunks(n, 2):
            part = out[place]
            part[...] = (words[0::2] & np.uint32(2**21 - 1)).view(np.int32)
            part *= 2.0**32
            part += words[1::2]
            part *= 2.0**-53
        return out

    # -- states --------------------------------------------------------------------------------------------------------

    def mark(self) -> Mark:
        """Where the stream is now. Cheap: nothing is copied."""
        return Mark(self.seed, self._words, self._position, self._fresh, self.next_normal, self.counter.mark())

    def rewind(self, mark: Mark) -> None:
        """Go back (or forth) to `mark`."""
        if mark.words is not self._words:
            self._twister.set_state(("MT19937", _untemper(mark.words), _BLOCK, 0, 0.0))
        _, self._words, self._position, self._fresh, self.next_normal, counted = mark
        self.counter.rewind(counted)

    def state(self) -> _Array:
        """The state as the bytes that PyTorch's CPU generator gives and takes."""
        state = np.zeros((), _LAYOUT)
        state["seed"] = self.seed
        state["seeded"] = 1
        # PyTorch counts what is left of a block, and starts the next one when this falls to 0
        state["left"] = 1 if self._position == _BLOCK else _BLOCK + 1 - self._position
        state["next"] = 0 if self._fresh else self._position
        state["key"] = _untemper(self._words)
        if self.next_normal is not None:
            state["next_normal"] = self.next_normal
            state["has_normal"] = 1
        state["compiled"] = self.counter.draws
        return np.frombuffer(state.tobytes(), np.uint8)

    @classmethod
    def from_state(cls, data: _Array) -> Engine:
        """The engine in a state that `state()` or PyTorch gave. Raises RuntimeError for anything else."""
        if data.size != _LAYOUT.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_LAYOUT.itemsize} but found the input RNG state size to "
                f"be {data.size}"
            )
        state = np.frombuffer(np.ascontiguousarray(data).tobytes(), _LAYOUT)[0]
        left, at = int(state["left"]), int(state["next"])
        if state["seeded"] != 1 or not 0 < left <= _BLOCK or at > _BLOCK:
            raise RuntimeError("Invalid mt19937 state: these bytes are not the state of a CPU generator")
        engine = cls(int(state["seed"]))
        words = _temper(state["key"].astype(np.uint32))
        normal = float(state["next_normal"]) if state["has_normal"] else None
        compiled = float(state["compiled"])
        counted = engine.seed, int(compiled) if 0 <= compiled < 2**53 else 0
        engine.rewind(Mark(engine.seed, words, _BLOCK if left == 1 else at, left == 1 and at == 0, normal, counted))
        return engine


class Numbers:
    """Uniform and normal numbers of an engine one by one, read ahead in blocks; `close` gives the rest back."""

    def __init__(self, engine: Engine, block: int) -> None:
        self._engine = engine
        self._mark = engine.mark()
        self._kept = engine.next_normal
        self._block = max(block, 1)
        self._ahead: list[float] = []
        self._place = 0
        self._earlier = 0

    def uniform(self) -> float:
        if self._place == len(self._ahead):
            self._earlier += self._place
            self._ahead = self._engine.doubles(self._block).tolist()
            self._place = 0
        self._place += 1
        return self._ahead[self._place - 1]

    def normal(self) -> float:
        if self._kept is not None:
            value, self._kept = self._kept, None
            return value
        angle = 2 * math.pi * self.uniform()
        radius = math.sqrt(-2 * math.log1p(-self.uniform()))
        self._kept = radius * math.sin(angle)
        return radius * math.cos(angle)

    def close(self) -> None:
        self._engine.rewind(self._mark)
        self._engine.doubles(self._earlier + self._place)
        self._engine.next_normal = self._kept
