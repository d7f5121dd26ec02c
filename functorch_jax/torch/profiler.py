"""`torch.profiler` in its harmless form: programs that profile themselves run, and nothing is recorded.

`jax.profiler.trace(directory)` is what records. Source: torch.profiler.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from typing import Any

import jax

from functorch_jax.torch._names import missing

__all__ = ["ProfilerActivity", "profile", "record_function", "schedule", "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What to record. Source: torch.profiler.ProfilerActivity."""

    CPU = 0
    XPU = 1
    CUDA = 2


class _Nothing(list[Any]):
    """What was recorded: no events."""

    def table(self, *args: Any, **kwargs: Any) -> str:
        return "Nothing is recorded by torch.profiler here; jax.profiler.trace(directory) records."


class profile:
    """Accepts what PyTorch's does, runs the block, records nothing. Source: torch.profiler.profile."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __enter__(self) -> profile:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def step(self) -> None:
        pass

    def key_averages(self, *args: Any, **kwargs: Any) -> _Nothing:
        return _Nothing()

    events = key_averages


class record_function(contextlib.ContextDecorator):
    """Names a block in the traces of `jax.profiler`. Source: torch.profiler.record_function."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self._running: list[Any] = []

    def __enter__(self) -> record_function:
        self._running.append(jax.profiler.TraceAnnotation(self.name))
        self._running[-1].__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._running.pop().__exit__(*exc)


def schedule(**kwargs: Any) -> Callable[[int], None]:
    """Accepted. Source: torch.profiler.schedule."""
    return lambda step: None


def tensorboard_trace_handler(dir_name: str, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
    """Accepted: there is no trace to write. Source: torch.profiler.tensorboard_trace_handler."""
    return lambda profile: None


def __getattr__(name: str) -> Any:
    raise missing("torch.profiler", name, lambda: __all__)
