"""Switches of imperative autograd, where PyTorch keeps them. Source: torch.autograd.grad_mode."""

from __future__ import annotations

from types import TracebackType

from functorch_jax.grad_mode import enable_grad as enable_grad
from functorch_jax.grad_mode import inference_mode as inference_mode
from functorch_jax.grad_mode import no_grad as no_grad
from functorch_jax.grad_mode import set_grad_enabled as set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled", "set_multithreading_enabled"]


class set_multithreading_enabled:
    """Accepted: a backward pass runs in the thread that asks for it. In a `with` statement as by itself.

    Source: torch.autograd.grad_mode.set_multithreading_enabled.
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass
