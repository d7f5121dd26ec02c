"""`torch.cuda.random`: every device draws from the one default generator, so seeds and states are that one's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax

from functorch_jax.torch import _device
from functorch_jax.torch._generator import default_generator
from functorch_jax.torch._tensor import Tensor

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
]


def manual_seed(seed: int) -> None:
    """Accepted: `torch.manual_seed` seeds what every device draws from. Source: torch.cuda.manual_seed."""


def manual_seed_all(seed: int) -> None:
    """Accepted, as `manual_seed` is. Source: torch.cuda.manual_seed_all."""


def seed() -> None:
    """Accepted: `torch.seed` seeds what every device draws from. Source: torch.cuda.seed."""


def seed_all() -> None:
    """Accepted, as `seed` is. Source: torch.cuda.seed_all."""


def initial_seed() -> int:
    """The seed that the default generator started with. Source: torch.cuda.initial_seed."""
    return default_generator.initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The default generator's state, `torch.get_rng_state()`. Source: torch.cuda.get_rng_state."""
    return default_generator.get_state()


def get_rng_state_all() -> list[Tensor]:
    """The default generator's state, once for each GPU. Source: torch.cuda.get_rng_state_all."""
    try:
        count = len(jax.local_devices(backend="gpu"))
    except RuntimeError:
        count = 0
    return [get_rng_state() for _ in range(count)]


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Continue from a state of `get_rng_state`. That of a GPU in PyTorch, another generator's, is ignored.

    Raises TypeError for what is no ByteTensor and RuntimeError for one that is no state.

    Source: torch.cuda.set_rng_state.
    """
    _device.device(f"cuda:{device}" if isinstance(device, int) else device)
    if isinstance(new_state, Tensor) and tuple(new_state.shape) == (16,) and new_state.array.dtype == "uint8":
        return
    default_generator.set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """`set_rng_state` for each of the states. Source: torch.cuda.set_rng_state_all."""
    for state in new_states:
        set_rng_state(state)
