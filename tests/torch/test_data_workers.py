"""Loading with worker threads: what PyTorch's worker processes give, in the same order."""

from __future__ import annotations

import threading
import time

import pytest

from functorch_jax import torch
from functorch_jax.torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Rows(Dataset):
    """`of(i)` for each of `n` items."""

    def __init__(self, n, of=lambda i: i):
        self.n, self.of = n, of

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.of(i)


class Stream(IterableDataset):
    def __init__(self, share):
        self.share = share

    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 6, info.num_workers) if self.share else range(3))


def fail(error):
    def of(i):
        if i == 3:
            raise error
        return i

    return of


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("DataLoader worker")]


def test_batches_go_round_the_workers():
    who = Rows(4, lambda i: (get_worker_info().id, get_worker_info().num_workers, i))
    assert list(DataLoader(who, None, num_workers=2)) == [[0, 2, 0], [1, 2, 1], [0, 2, 2], [1, 2, 3]]
    assert get_worker_info() is None


def test_shuffled_as_without_workers():
    passes = [
        [[b.tolist() for b in loader] for _ in range(2)]
        for n in (0, 2)
        for loader in [DataLoader(range(8), 3, True, num_workers=n, generator=torch.Generator().manual_seed(0))]
    ]
    assert passes[0] == passes[1]
    assert passes[0][0] == [[5, 3, 1], [7, 2, 6], [4, 0]]  # PyTorch's


@pytest.mark.parametrize("share, wanted", [(True, [[0, 2], [1, 3], [4], [5]]), (False, [[0, 1], [0, 1], [2], [2]])])
def test_each_worker_reads_a_stream_of_its_own(share, wanted):
    assert [b.tolist() for b in DataLoader(Stream(share), 2, num_workers=2)] == wanted
    assert [b.tolist() for b in DataLoader(Stream(share), 2, num_workers=2, drop_last=True)] == wanted[:2]


def test_what_a_worker_raises_is_raised():
    loader = iter(DataLoader(Rows(6, fail(KeyError("boo"))), 2, num_workers=2))
    assert next(loader).tolist() == [0, 1]
    with pytest.raises(KeyError, match="boo") as caught:
        next(loader)
    assert caught.value.__notes__ == ["Caught KeyError in DataLoader worker thread 1."]
    assert threads() == []
    with pytest.raises(TimeoutError, match="mine"):
        list(DataLoader(Rows(6, fail(TimeoutError("mine"))), 2, num_workers=1, timeout=5))


def test_worker_init_fn():
    seen = []
    assert len(list(DataLoader(Rows(8), num_workers=2, worker_init_fn=seen.append))) == 8
    assert sorted(seen) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        list(DataLoader(Rows(2), num_workers=1, worker_init_fn=lambda i: 1 / 0))


def test_seeds_are_drawn_at_each_pass_and_differ():
    loader = DataLoader(Rows(2, lambda i: get_worker_info().seed), None, num_workers=2)
    first, second = list(loader), list(loader)
    assert first[1] == first[0] + 1
    assert first != second


def test_a_pass_that_is_left_early_leaves_no_thread():
    for _ in DataLoader(Rows(100), num_workers=2):
        break
    assert threads() == []


def test_no_more_is_fetched_than_was_asked_for():
    seen = []
    loader = iter(DataLoader(Rows(50, lambda i: seen.append(i) or i), None, num_workers=2, prefetch_factor=3))
    next(loader)
    time.sleep(0.2)
    assert len(seen) == 7  # three for each worker, and one for the one that was handed out
    loader.close()


def test_persistent_workers():
    inits = []
    loader = DataLoader(Rows(4), num_workers=2, persistent_workers=True, worker_init_fn=inits.append)
    for _ in range(3):
        assert [b.item() for b in loader] == [0, 1, 2, 3]
    assert sorted(inits) == [0, 1]
    loader._workers.stop()
    assert threads() == []


def test_timeout():
    wait = threading.Event()
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.1 seconds"):
        list(DataLoader(Rows(1, lambda i: wait.wait(20)), num_workers=1, timeout=0.1))
    wait.set()
