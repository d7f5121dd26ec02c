"""Generators, and the one way in which every random operation draws: `draw`."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi, levels
from functorch_jax.torch import _threefry
from functorch_jax.torch._laws import Law
from functorch_jax.torch._mt19937 import Engine
from functorch_jax.torch._tensor import Tensor, unwrap, wrap
from functorch_jax.torch._threefry import Counter

__all__ = ["Generator", "RepeatedNumbers", "check_randomness", "default_generator", "draw", "known_value"]

_DEFAULT_SEED = 67280421310721


class Generator:
    """A stream of random numbers with a seed and a state.

    Args:
        device: the device that it is said to be for. It decides nothing: numbers are drawn as `impl` says and go to
            the device of the tensor.
        impl: "mt19937" (the default) gives the numbers of PyTorch's CPU generator, whatever device the tensors go to:
            the same seed gives the same numbers. They are made on the host. "threefry" gives those of JAX's
            counter-based generator, made on the device itself: for large draws on a TPU or GPU.

    In a function that is compiled by `functorch_jax.jit` a generator of either kind draws from JAX's generator, in a
    state of its own that the program takes and gives back: numbers differ from call to call, are the same for the same
    seed, and those of a "threefry" generator are the ones that it gives eagerly. `jax.jit` knows no state: numbers
    drawn under it are part of the program and **repeat each time it runs**, of which a warning tells.

    Example:
        >>> from functorch_jax import torch
        >>> g = torch.Generator().manual_seed(0)
        >>> torch.rand(3, generator=g)
        tensor([0.4963, 0.7682, 0.0885])

    Errors: ValueError for an `impl` that does not exist.
    Source: torch.Generator.
    """

    __slots__ = ("__weakref__", "_device", "_engine", "_impl", "_lock")

    def __init__(self, device: Any = "cpu", impl: str = "mt19937") -> None:
        if impl not in _STREAMS:
            raise ValueError(f"torch.Generator(impl={impl!r}): impl is one of {', '.join(map(repr, _STREAMS))}")
        self._device = device
        self._impl = impl
        self._engine: Any = _STREAMS[impl](_DEFAULT_SEED)
        self._lock = threading.RLock()

    @property
    def device(self) -> Any:
        """The device that the generator was made for."""
        if isinstance(self._device, str):
            try:
                from functorch_jax.torch._device import device
            except ImportError:
                return self._device
            self._device = device(self._device)
        return self._device

    @property
    def impl(self) -> str:
        """What draws in eager code: "mt19937" or "threefry"."""
        return self._impl

    @property
    def engine(self) -> Any:
        """The stream that eager code draws from. Raises RuntimeError in a program whose argument the state is."""
        if _threefry.running() is not None:
            raise RuntimeError(
                "the state of a generator has no value in a function that functorch_jax.jit compiles: ask for it, or "
                "set it, outside of that function (manual_seed and fork_rng work inside)"
            )
        if self._engine is None:
            self._engine = _STREAMS[self._impl](int.from_bytes(os.urandom(8), "little"))
        return self._engine

    @property
    def counter(self) -> Counter:
        """The stream that compiled programs draw from."""
        engine = self.engine
        return engine if isinstance(engine, Counter) else engine.counter  # type: ignore[no-any-return]

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`, any integer of 64 bits. Returns the generator."""
        seed = _checked_seed(seed)
        states = _threefry.running()
        if states is not None:
            states.reseed(self, seed)
            return self
        with self._lock:
            self._engine = _STREAMS[self._impl](seed)
        return self

    def seed(self) -> int:
        """Seed the generator from the operating system's randomness. Returns the seed."""
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return self.initial_seed()

    def initial_seed(self) -> int:
        """The seed that the stream started with."""
        return self.engine.seed  # type: ignore[no-any-return]

    def get_state(self) -> Tensor:
        """The state, as the ByteTensor that PyTorch's CPU generator gives and takes ("threefry": 16 bytes)."""
        with self._lock:
            return wrap(jnp.asarray(self.engine.state()))

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state of `get_state`, or of PyTorch's CPU generator.

        Raises TypeError for what is no ByteTensor and RuntimeError for one that is no state.
        """
        data = np.asarray(new_state) if isinstance(new_state, (Tensor, jax.Array, np.ndarray)) else None
        if data is None or data.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        with self._lock:
            _ = self.engine  # raises in a program
            self._engine = _STREAMS[self._impl].from_state(data)
        return self

    def clone_state(self) -> Generator:
        """Another generator, in the same state."""
        return _restored(self._device, self.engine.state(), self._impl)

    def graphsafe_get_state(self) -> Generator:
        return self.clone_state()

    def graphsafe_set_state(self, state: Generator) -> None:
        self.set_state(state.get_state())

    def __reduce__(self) -> Any:
        return _restored, (self._device, self.engine.state(), self._impl)

    def __repr__(self) -> str:
        return f"<torch.Generator device={self.device!s} seed={self.initial_seed()}>"

    @contextlib.contextmanager
    def forked(self) -> Iterator[None]:
        """Put the state back as it was when the block ends."""
        states = _threefry.running()
        if states is not None:
            mark = states.mark(self)
            try:
                yield
            finally:
                states.rewind(self, mark)
            return
        engine = self.engine
        mark = engine.mark()
        try:
            yield
        finally:
            engine.rewind(mark)
            self._engine = engine

    def next_key(self) -> Any:
        """A JAX key for the next draw of a program that is being traced, or of a "threefry" generator."""
        states = _threefry.running()
        if states is not None:
            return states.next_key(self)
        with self._lock:
            return self.counter.next_key()


_STREAMS: dict[str, Any] = {"mt19937": Engine, "threefry": Counter}


def _restored(device: Any, state: Any, impl: str = "mt19937") -> Generator:
    generator = Generator(device, impl)
    generator._engine = _STREAMS[impl].from_state(state)
    return generator


def _checked_seed(seed: Any) -> int:
    seed = int(seed)
    if not -(2**63) <= seed < 2**64:
        raise ValueError("Overflow when unpacking long long: a seed is an integer of 64 bits")
    return seed & 0xFFFFFFFFFFFFFFFF


default_generator = Generator()
"""The generator that draws unless another one is passed."""

default_generator._engine = None  # seeded from the operating system when it is first used


# ---- drawing ---------------------------------------------------------------------------------------------------------


def check_randomness(parameters: Sequence[Any] = (), target: Any = None) -> list[levels.Level]:
    """The running vmaps that ask for numbers of their own in each row, outermost first.

    Args:
        parameters: arrays that the drawn distribution depends on.
        target: the array that an in-place operation is about to fill.

    Raises RuntimeError where a vmap forbids random operations, and for what its rule cannot mean.
    """
    rows = []
    for level in levels.stack():
        if level.randomness is None:
            continue
        if level.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation out of vmap"
            )
        if level.randomness == "different" and "lift" not in level.state:
            continue
        trace = _trace_of_rows(level)
        if level.randomness == "same":
            if any(jaxapi.is_batched(p, trace) for p in parameters):
                raise RuntimeError(
                    "Vmap does not currently support same randomness with a batched tensor input. Please use the "
                    "'different' randomness flag, or draw with parameters that all rows share and transform the result"
                )
            continue
        if target is not None and not jaxapi.is_batched(target, trace):
            raise RuntimeError(
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same "
                "randomness. If this is necessary for your usage, please file an issue with functorch."
            )
        rows.append(level)
    return rows[::-1]


def _trace_of_rows(level: levels.Level) -> Any:
    """The trace that maps the rows of a vmap, or the unit vectors of jacfwd."""
    return level.state.get("rows", level.trace)()


def draw(
    law: Law,
    shape: Sequence[int],
    dtype: Any,
    *settings: Any,
    generator: Generator | None = None,
    parameters: Sequence[Any] = (),
    given: Sequence[Any] = (),
    target: Any = None,
) -> Any:
    """Random numbers as an array of `shape`: what every random operation calls.

    Under vmap each running level has its say: 'error' raises, 'same' draws once for all rows, 'different' draws an
    array with one row for each of the vmap's. A draw that raises leaves the generator as it was.

    Args:
        law: the distribution.
        dtype: the NumPy dtype.
        settings: Python values that the law takes.
        generator: what draws; the default generator when None.
        parameters: arrays that the result depends on but which the law does not take.
        given: arrays of `shape` that the law takes after its settings.
        target: the array that an in-place operation is about to fill.
    """
    if generator is None:
        generator = default_generator
    elif not isinstance(generator, Generator):
        raise TypeError(f"generator must be a torch.Generator, not {type(generator).__name__}")
    shape, dtype = tuple(shape), np.dtype(dtype)
    for size in shape:
        if size < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {size}: {list(shape)}")
    if levels.current() is None:
        rows: list[levels.Level] = []
    else:
        rows = check_randomness([*parameters, *given], target)
    whole = (*(level.state["batch_size"] for level in rows), *shape)
    values = [_spread(x, rows, whole) for x in given]
    if jaxapi.under_jit() or any(isinstance(v, jaxapi.Tracer) for v in values):
        states = _threefry.running()
        if states is None or states.trace is not jaxapi.staging_trace():
            _warn_of_repetition()
        array = law.traced(generator.next_key(), whole, dtype, *settings, *values)
    elif generator.impl == "threefry":
        array = _counted(law, generator, whole, dtype, settings, values)
    else:
        array = _drawn(law, generator, whole, dtype, settings, [np.asarray(v) for v in values])
    if law.inner_first and len(rows) > 1:
        n = len(rows)
        array = jnp.transpose(array.reshape(*whole[:n][::-1], *shape), (*range(n)[::-1], *range(n, n + len(shape))))
    for level in rows:
        array = level.state["lift"](array)
    return array


def _warn_of_repetition() -> None:
    warnings.warn(
        "random numbers are drawn in a function that jax.jit (or a control-flow operator) compiles: they become part "
        "of the program and repeat each time it runs. functorch_jax.jit gives new ones at each call",
        RepeatedNumbers,
        stacklevel=3,
    )


class RepeatedNumbers(UserWarning):
    """A compiled program will draw the same numbers each time it runs."""


def _counted(law: Law, generator: Generator, shape: Any, dtype: Any, settings: Any, values: Any) -> Any:
    with generator._lock:
        engine = generator.engine
        mark = engine.mark()
        try:
            return law.traced(generator.next_key(), shape, dtype, *settings, *values)
        except BaseException:
            engine.rewind(mark)
            raise


def _drawn(law: Law, generator: Generator, shape: Any, dtype: Any, settings: Any, values: Any) -> Any:
    with generator._lock:
        engine = generator.engine
        mark = engine.mark()
        try:
            numbers = law.host(engine, int(np.prod(shape, dtype=np.int64)), dtype, *settings, *values)
            numbers = numbers.reshape(shape)
            # a large array is handed over, a small one copied, which is quicker
            return jax.device_put(numbers) if numbers.size > 4096 else jnp.asarray(numbers)
        except BaseException:
            engine.rewind(mark)
            raise


def known_value(x: Any, rows_first: bool = False) -> Any:
    """The numbers in `x` as a NumPy array, the rows of every vmap in it; None in a program that is being traced.

    The axes of vmaps lie anywhere, or with `rows_first` in front.
    """
    x = unwrap(x)
    bottom = jaxapi.peel_all(x)
    if isinstance(bottom, jaxapi.Tracer):
        return None
    found = np.asarray(bottom)
    if not rows_first:
        return found
    mapped: list[int] = []
    while (level := jaxapi.peel(x)) is not None:
        mapped += [] if level.axis is None else [level.axis]
        x = level.inner
    for count, axis in enumerate(reversed(mapped)):  # the outermost first, each behind those before it
        found = np.moveaxis(found, axis + count, count)
    return found


def _spread(x: Any, rows: Sequence[levels.Level], whole: tuple[int, ...]) -> Any:
    """`x` without its tracers and of the shape `whole`: an axis in front for each of the levels in `rows`."""
    batched: dict[int, int] = {}  # a level's place in `rows`: the axis of the peeled array that it maps
    order: list[tuple[int | None, int]] = []
    while (level := jaxapi.peel(x)) is not None:
        if level.kind == "vmap" and level.axis is not None:
            order.append((_place(x, rows), level.axis))
        x = level.inner
    # outermost first, move each mapped axis behind those that were moved before it
    for count, (_, axis) in enumerate(reversed(order)):
        x = jnp.moveaxis(x, axis + count, count)
    for axis, (place, _) in enumerate(reversed(order)):
        if place is None:
            from functorch_jax.transforms.errors import data_dependent

            raise data_dependent("a draw whose distribution depends on it")
        batched[place] = axis
    inner = x.shape[len(order) :]
    sizes = [x.shape[batched[i]] if i in batched else 1 for i in range(len(rows))]
    missing = len(whole) - len(rows) - len(inner)
    return jnp.broadcast_to(x.reshape(*sizes, *(1,) * missing, *inner), whole)


def _place(x: Any, rows: Sequence[levels.Level]) -> int | None:
    for i, level in enumerate(rows):
        if jaxapi.same_trace(x._trace, _trace_of_rows(level)):
            return i
    return None
