"""CUDA's streams and events, where XLA orders the work: they may be made and waited for. Source: torch.cuda.Stream."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["Event", "Stream", "current_stream", "default_stream", "set_stream", "stream"]


class Stream:
    """A queue of work; every one is the one that XLA has. Source: torch.cuda.Stream."""

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        self.device = device

    def synchronize(self) -> None:
        from functorch_jax.torch.cuda import synchronize

        synchronize()

    def query(self) -> bool:
        return True

    def wait_stream(self, stream: Stream) -> None:
        pass

    def wait_event(self, event: Event) -> None:
        pass

    def record_event(self, event: Event | None = None) -> Event:
        event = Event() if event is None else event
        event.record()
        return event


class Event:
    """A moment: when the work that was started before it was done. Source: torch.cuda.Event."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        from functorch_jax.torch.cuda import synchronize

        synchronize()
        self._time = time.perf_counter()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another. Raises ValueError before both are recorded."""
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1000

    def synchronize(self) -> None:
        pass

    def query(self) -> bool:
        return True

    def wait(self, stream: Stream | None = None) -> None:
        pass


_the_stream = Stream()


def current_stream(device: Any = None) -> Stream:
    """The one stream there is. Source: torch.cuda.current_stream."""
    return _the_stream


default_stream = current_stream


def set_stream(stream: Stream) -> None:
    """Accepted: there is one stream. Source: torch.cuda.set_stream."""


@contextlib.contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Accepted: the block runs where it would. Source: torch.cuda.stream."""
    yield
