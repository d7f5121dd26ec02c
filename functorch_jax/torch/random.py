"""Seeds and states of the default generator, as `torch.random` and as functions of `torch` itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from functorch_jax.torch._generator import Generator, default_generator
from functorch_jax.torch._op import NAMESPACES, function
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
    "thread_safe_generator",
]

NAMESPACES["torch"].update(Generator=Generator, default_generator=default_generator)


@function("torch")
def manual_seed(seed: int) -> Generator:
    """Start the default generator's stream of `seed`, and return that generator.

    In eager code the same seed gives PyTorch's own CPU numbers. In a compiled function numbers come from JAX's
    generator: under `functorch_jax.jit` new ones at each call, under `jax.jit` the same ones: see `torch.Generator`.

    Example:
        >>> from functorch_jax import torch
        >>> _ = torch.manual_seed(0)
        >>> torch.randn(3)
        tensor([ 1.5410, -0.2934, -2.1788])

    Raises ValueError for a seed that does not fit 64 bits.

    Source: torch.manual_seed.
    """
    return default_generator.manual_seed(seed)


@function("torch")
def seed() -> int:
    """Seed the default generator from the operating system's randomness. Returns the seed. Source: torch.seed."""
    return default_generator.seed()


@function("torch")
def initial_seed() -> int:
    """The seed that the default generator started with. Source: torch.initial_seed."""
    return default_generator.initial_seed()


@function("torch")
def get_rng_state() -> Tensor:
    """The default generator's state, a ByteTensor that PyTorch takes too. Source: torch.get_rng_state."""
    return default_generator.get_state()


@function("torch")
def set_rng_state(new_state: Tensor) -> None:
    """Continue from a state of `get_rng_state`, or of PyTorch's. Source: torch.set_rng_state."""
    default_generator.set_state(new_state)


def thread_safe_generator() -> Generator | None:
    """The generator of a data-loading worker; None elsewhere. Source: torch.random.thread_safe_generator."""
    return None


@contextlib.contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """Put the default generator back as it was when the block ends: it draws for every device.

    Raises RuntimeError for a `device_type` that does not exist.

    Source: torch.random.fork_rng.
    """
    if not enabled:
        yield
        return
    from functorch_jax.torch._device import device

    device(device_type)
    with default_generator.forked():
        yield
