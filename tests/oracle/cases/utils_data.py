"""`DataLoader`: its options, and what it refuses."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error


def data(t: Any) -> Any:
    return importlib.import_module(f"{t.__name__}.utils.data")


def loader(t: Any, *args: Any, **kwargs: Any) -> Any:
    return data(t).DataLoader(*args, **kwargs)


def endless(t: Any) -> Any:
    return type("Endless", (data(t).IterableDataset,), {"__iter__": lambda self: iter([1])})()


CASES: list[Row] = [
    case("attributes of a loader", lambda t: (lambda x: (x.batch_size, x.num_workers, x.prefetch_factor, x.persistent_workers, x.pin_memory, x.timeout, type(x.sampler).__name__, type(x.batch_sampler).__name__, x.drop_last, x.multiprocessing_context))(loader(t, [1, 2]))),
    case("prefetch_factor with workers", lambda t: loader(t, [1, 2], num_workers=2).prefetch_factor),
    case("passes with workers that stay", lambda t: (lambda each: [[b.tolist() for b in each] for _ in range(3)])(loader(t, list(range(6)), 2, shuffle=True, num_workers=1, persistent_workers=True, generator=t.Generator().manual_seed(5)))),
    case("default_convert", lambda t: data(t).default_convert({"a": np.ones(1), "b": (1, 2), "c": "x", "e": np.float32(2)})),
    case("get_worker_info outside of workers", lambda t: data(t).get_worker_info()),
    case("fractions", lambda t: [[len(s) for s in data(t).random_split(range(n), shares)] for n, shares in ((5, [0.5, 0.5]), (10, [0.3, 0.3, 0.4]), (7, [0.1, 0.9]))]),
    case("the distributed module", lambda t: list(importlib.import_module(f"{t.__name__}.utils.data.distributed").DistributedSampler(range(5), 2, 1, shuffle=False))),
    error("a negative timeout", lambda t: loader(t, [1], timeout=-1), fragment="timeout option should be non-negative"),
    error("prefetch_factor without workers", lambda t: loader(t, [1], prefetch_factor=2), fragment="prefetch_factor option could only be specified in multiprocessing"),
    error("a negative prefetch_factor", lambda t: loader(t, [1], num_workers=1, prefetch_factor=-2), fragment="prefetch_factor option should be non-negative"),
    error("persistent_workers without workers", lambda t: loader(t, [1], persistent_workers=True), fragment="persistent_workers option needs num_workers > 0"),
    error("less than no workers", lambda t: loader(t, [1], num_workers=-1), fragment="num_workers option should be non-negative"),
    error("a context without workers", lambda t: loader(t, [1], multiprocessing_context="fork"), fragment="multiprocessing_context can only be used with multi-process loading"),
    error("an attribute that is settled", lambda t: setattr(loader(t, [1]), "batch_size", 3), fragment="batch_size attribute should not be set after DataLoader is initialized"),
    error("shuffling a stream", lambda t: loader(t, endless(t), shuffle=True), fragment="expected unspecified shuffle option, but got shuffle=True"),
    error("the length of a stream", lambda t: len(loader(t, endless(t))), fragment=r"has no len\(\)"),
    error("fractions beyond 1", lambda t: data(t).random_split(range(5), [1.5, -0.5]), fragment="Fraction at index 0 is not between 0 and 1"),
    error("a rank that is not there", lambda t: data(t).DistributedSampler(range(5), 2, 5), fragment=r"Invalid rank 5, rank should be in the interval \[0, 1\]"),
    error("an item of no data set", lambda t: data(t).Dataset()[0], fragment="Subclasses of Dataset should implement __getitem__"),
]
