"""`DataLoader`: batches of a data set. Source: torch.utils.data.DataLoader."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

from functorch_jax.torch._generator import Generator
from functorch_jax.torch.utils.data.collate import default_collate, default_convert
from functorch_jax.torch.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from functorch_jax.torch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, drawn_seed

__all__ = ["DataLoader", "WorkerInfo", "get_worker_info"]

T = TypeVar("T", covariant=True)


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


class DataLoader(Generic[T]):
    """An iterable of batches.

    The order and what is drawn from the generator are PyTorch's. With `num_workers`, that many threads (not processes)
    fetch items ahead, and hand batches out in order; they share the process's generators.

    Args:
        batch_size: items in a batch; None for the items themselves.
        shuffle: take the items in random order.
        sampler, batch_sampler: in what order, or in what batches, in place of the above.
        collate_fn: makes a batch of a list of items.
        drop_last: leave out a last batch that is not full.
        generator: what shuffles; the default generator when None.
        prefetch_factor: batches that each thread fetches ahead.
        pin_memory, timeout, multiprocessing_context, persistent_workers, pin_memory_device, in_order: accepted for the
            sake of programs that pass them.

    Raises ValueError for options that exclude each other.
    """

    def __init__(
        self,
        dataset: Dataset[T],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        iterable = isinstance(dataset, IterableDataset)
        if iterable and shuffle not in (False, None):
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle={shuffle}"
            )
        if iterable and (sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader with IterableDataset: expected unspecified sampler and batch_sampler options")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None and not iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None and not iterable:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)  # type: ignore[arg-type]
        elif batch_size is not None and batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.generator = generator
        self.worker_init_fn = worker_init_fn
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.persistent_workers = persistent_workers
        self.prefetch_factor = prefetch_factor or 2
        batched = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        # PyTorch draws a seed for its workers at the start of every pass, even without workers
        seed = drawn_seed(self.generator)
        if isinstance(self.dataset, IterableDataset):
            return self._stream()
        if self.num_workers == 0:
            return (self._fetch(indices) for indices in self._indices())
        return self._threaded(seed)

    def _indices(self) -> Iterator[Any]:
        return iter(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]

    def _fetch(self, indices: Any) -> Any:
        if self.batch_sampler is None:
            return self.collate_fn(self.dataset[indices])  # type: ignore[arg-type]
        if self.collate_fn is default_collate:
            rows = _rows(self.dataset, indices)
            if rows is not None:
                return rows
        if hasattr(self.dataset, "__getitems__"):
            return self.collate_fn(self.dataset.__getitems__(indices))
        return self.collate_fn([self.dataset[i] for i in indices])

    def _stream(self) -> Iterator[Any]:
        items = iter(self.dataset)  # type: ignore[call-overload]
        if self.batch_size is None:
            yield from (self.collate_fn(item) for item in items)  # type: ignore[arg-type]
            return
        while batch := list(itertools.islice(items, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield self.collate_fn(batch)

    def _threaded(self, seed: int) -> Iterator[Any]:
        ids = itertools.count()

        def start() -> None:
            number = next(ids)
            _worker.info = WorkerInfo(number, self.num_workers, seed + number, self.dataset)
            if self.worker_init_fn is not None:
                self.worker_init_fn(number)

        waiting: deque[Future[Any]] = deque()
        pool = ThreadPoolExecutor(self.num_workers, initializer=start)
        try:
            indices = self._indices()
            for each in itertools.islice(indices, self.num_workers * self.prefetch_factor):
                waiting.append(pool.submit(self._fetch, each))
            while waiting:
                batch = waiting.popleft().result()
                for each in itertools.islice(indices, 1):
                    waiting.append(pool.submit(self._fetch, each))
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _rows(dataset: Any, indices: list[int]) -> list[Any] | None:
    """The batch of a `TensorDataset` taken in one go: what fetching row by row and stacking gives. None for others."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    return [t[indices] for t in dataset.tensors]  # type: ignore[index]
