"""`DataLoader`: batches of a data set. Source: torch.utils.data.DataLoader."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from functorch_jax.torch._generator import Generator
from functorch_jax.torch.utils.data.collate import default_collate, default_convert
from functorch_jax.torch.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from functorch_jax.torch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, drawn_seed
from functorch_jax.torch.utils.data.workers import ENDED, Workers

__all__ = ["DataLoader"]

T = TypeVar("T", covariant=True)


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
        prefetch_factor: batches that each thread fetches ahead, 2 by default.
        timeout: seconds to wait for a batch of a thread; 0 for as long as it takes.
        worker_init_fn: is called in each thread with its number.
        persistent_workers: keep the threads from one pass to the next.
        pin_memory, multiprocessing_context, pin_memory_device, in_order: accepted for the sake of programs that pass
            them.

    What a data set raises in a thread is raised where the batch is asked for. A pass left early leaves no thread
    behind.

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
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
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
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.multiprocessing_context = multiprocessing_context
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        batched = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self._workers: Workers | None = None
        self._seed = 0
        self._fixed = True

    def __setattr__(self, name: str, value: Any) -> None:
        if getattr(self, "_fixed", False) and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_workers": None}

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        # PyTorch draws a seed for its workers at the start of every pass, even without workers; those that stay keep it
        seed = self._seed if self._workers is not None else drawn_seed(self.generator)
        self._seed = seed
        stream = isinstance(self.dataset, IterableDataset)
        if self.num_workers:
            return self._threaded(seed, stream)
        return self._stream() if stream else (self._fetch(indices) for indices in self._indices())

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

    def _threaded(self, seed: int, stream: bool) -> Iterator[Any]:
        workers = self._workers or Workers(self.num_workers, self.dataset, self.worker_init_fn, self.timeout)
        if self.persistent_workers:
            self._workers = workers
        shares: dict[int, Iterator[Any]] = {}

        def part(number: int, _: Any) -> Any:
            if number not in shares:
                shares[number] = self._stream()
            return next(shares[number], ENDED)

        finished = False
        try:
            if stream:
                yield from workers.run(seed, itertools.repeat(None), part, self.prefetch_factor or 2)
            else:
                fetch = lambda _, indices: self._fetch(indices)
                yield from workers.run(seed, self._indices(), fetch, self.prefetch_factor or 2)
            finished = True
        except RuntimeError as e:
            if "timed out" in str(e):
                workers.stop(wait=False)
                self._workers = None
            raise
        finally:
            if self._workers is None:
                workers.stop(wait=finished or not self.timeout)


_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


def _check_workers(num_workers: int, timeout: float, prefetch: int | None, persistent: bool, context: Any) -> None:
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. Let num_workers > 0 to enable it, "
            "otherwise set prefetch_factor to None."
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None and num_workers == 0:
        raise ValueError(
            f"multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={num_workers}"
        )


def _rows(dataset: Any, indices: list[int]) -> list[Any] | None:
    """The batch of a `TensorDataset` taken in one go: what fetching row by row and stacking gives. None for others."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    return [t[indices] for t in dataset.tensors]  # type: ignore[index]
