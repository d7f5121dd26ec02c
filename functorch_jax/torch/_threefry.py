"""JAX's counter-based generator as a stream with a state: a seed, and how many draws there were.

The state is three 32-bit words, so small that a compiled program takes it as an argument and gives it back: `States`
is what `functorch_jax.jit` opens while it traces a function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi

__all__ = ["Counter", "Missing", "States", "running"]

_WORD = 0xFFFFFFFF


def key_of(state: Any, ahead: int = 0) -> Any:
    """The JAX key of a draw: of the state (seed's high word, its low word, draws so far), `ahead` draws later."""
    return jax.random.fold_in(jax.random.wrap_key_data(state[:2], impl="threefry2x32"), state[2] + np.uint32(ahead))


class Counter:
    """A seed and a number of draws (it starts again after 2**32). Each draw has a key of its own."""

    __slots__ = ("_draws", "seed")

    def __init__(self, seed: int, draws: Any = 0) -> None:
        self.seed = seed
        self._draws = draws  # an integer, or the words that a program gave back, which may still be computed

    @property
    def draws(self) -> int:
        if not isinstance(self._draws, int):
            self._draws = int(np.asarray(self._draws)[2])
        return self._draws

    def words(self) -> Any:
        """The state as a program takes it."""
        if not isinstance(self._draws, int):
            return self._draws
        return np.array([self.seed >> 32, self.seed & _WORD, self._draws & _WORD], np.uint32)

    def advance(self, words: Any) -> None:
        """Continue in the state that a program gave back, which has this seed."""
        self._draws = words

    def next_key(self) -> Any:
        """The key of the next draw."""
        draws = self.draws
        key = key_of(self.words())
        self._draws = draws + 1
        return key

    def mark(self) -> Any:
        return self.seed, self._draws

    def rewind(self, mark: Any) -> None:
        self.seed, self._draws = mark

    def state(self) -> Any:
        """The state as 16 bytes: seed and number of draws."""
        return np.frombuffer(np.array([self.seed, self.draws], "<u8").tobytes(), np.uint8)

    @classmethod
    def from_state(cls, data: Any) -> Counter:
        """The stream in a state that `state()` gave. Raises RuntimeError for anything else."""
        if data.size != 16:
            raise RuntimeError(f"RNG state is wrong size: a threefry generator has 16 bytes, not {data.size}")
        seed, draws = np.frombuffer(np.ascontiguousarray(data).tobytes(), "<u8").tolist()
        return cls(seed, draws)


# ---- in a program that is being traced -------------------------------------------------------------------------------


class Missing(BaseException):
    """A generator draws whose state is no argument of the program yet. No Exception: a program must not catch it."""

    def __init__(self, generator: Any) -> None:
        super().__init__("a generator's state is missing among the arguments of a program")
        self.generator = generator


class States:
    """The generators' states in a program that is being traced."""

    def __init__(self, generators: Sequence[Any], words: Sequence[Any]) -> None:
        self._entries = {id(g): [w, 0] for g, w in zip(generators, words, strict=True)}
        self.trace = jaxapi.staging_trace()
        self.reseeded: dict[int, int] = {}  # by id: the seed that the program itself sets

    def _entry(self, generator: Any) -> list[Any]:
        try:
            return self._entries[id(generator)]
        except KeyError:
            raise Missing(generator) from None

    def next_key(self, generator: Any) -> Any:
        entry = self._entry(generator)
        entry[1] += 1
        return key_of(entry[0], entry[1] - 1)

    def reseed(self, generator: Any, seed: int) -> None:
        self._entry(generator)[:] = [jnp.asarray(Counter(seed).words()), 0]
        self.reseeded[id(generator)] = seed

    def mark(self, generator: Any) -> Any:
        return [*self._entry(generator), self.reseeded.get(id(generator))]

    def rewind(self, generator: Any, mark: Any) -> None:
        self._entry(generator)[:] = mark[:2]
        if mark[2] is None:
            self.reseeded.pop(id(generator), None)
        else:
            self.reseeded[id(generator)] = mark[2]

    def words(self) -> list[Any]:
        """The state of each generator at the end of the program."""
        return [words + np.array([0, 0, n], np.uint32) for words, n in self._entries.values()]


_running: ContextVar[States | None] = ContextVar("functorch_jax_states", default=None)


def running() -> States | None:
    """The states of the program that is being traced, if its states are arguments of it."""
    return _running.get()


@contextlib.contextmanager
def opened(states: States) -> Iterator[States]:
    """Draw from `states` in this block."""
    token = _running.set(states)
    try:
        yield states
    finally:
        _running.reset(token)
