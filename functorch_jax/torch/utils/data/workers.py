"""The threads that fetch batches ahead for a `DataLoader`: PyTorch's worker processes, in one process."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

__all__ = ["ENDED", "WorkerInfo", "Workers", "get_worker_info"]

ENDED = object()
"""What a worker gives when its share of a stream has come to its end."""


class WorkerInfo(NamedTuple):
    """What a loading thread can know of itself."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """Which of a loader's threads is running; None elsewhere. Source: torch.utils.data.get_worker_info."""
    return getattr(_worker, "info", None)


class Workers:
    """One thread for each worker, so that each does its tasks in order, and the same ones every time.

    Args:
        count: how many.
        dataset: what they fetch from.
        init: is called in each with its number, before its first task.
        timeout: seconds to wait for a task; 0 for as long as it takes.
    """

    def __init__(self, count: int, dataset: Any, init: Callable[[int], None] | None, timeout: float) -> None:
        self.count = count
        self.dataset = dataset
        self.init = init
        self.timeout = timeout
        self.pools = [ThreadPoolExecutor(1, thread_name_prefix=f"DataLoader worker {i}") for i in range(count)]

    def _run(self, number: int, seed: int, task: Callable[..., Any], args: Any) -> Any:
        try:
            known = getattr(_worker, "info", None)
            if known is None or known.seed != seed:
                _worker.info = WorkerInfo(number, self.count, seed, self.dataset)
            if known is None and self.init is not None:
                self.init(number)
            return task(*args)
        except Exception as e:
            e.add_note(f"Caught {type(e).__name__} in DataLoader worker thread {number}.")
            raise

    def run(self, seed: int, tasks: Iterator[Any], task: Callable[..., Any], ahead: int) -> Iterator[Any]:
        """What `task` gives for each of `tasks`, in their order, `ahead` of them given out beforehand to each worker.

        A worker that gives `ENDED` is given no more. Raises what a task raises, and RuntimeError after the timeout.
        """
        waiting: deque[tuple[int, Future[Any]]] = deque()
        active = dict.fromkeys(range(self.count), True)
        turns = itertools.cycle(range(self.count))

        def give() -> None:
            if not any(active.values()):
                return
            for args in itertools.islice(tasks, 1):
                number = next(n for n in turns if active[n])
                future = self.pools[number].submit(self._run, number, seed + number, task, (number, args))
                waiting.append((number, future))

        try:
            for _ in range(self.count * ahead):
                give()
            while waiting:
                number, future = waiting.popleft()
                try:
                    result = future.result(self.timeout or None)
                except TimeoutError:
                    if future.done():
                        raise  # the task's own
                    raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds") from None
                if result is ENDED:
                    active[number] = False
                give()
                if result is not ENDED:
                    yield result
        finally:
            for _, future in waiting:
                future.cancel()

    def stop(self, *, wait: bool = True) -> None:
        """End the threads."""
        for pool in self.pools:
            pool.shutdown(wait=wait, cancel_futures=True)
