"""What all tests share."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import pytest

_finished = itertools.count(1)


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    """Every row compiles programs of its own, which JAX keeps: thousands of them are gigabytes."""
    yield
    if next(_finished) % 400 == 0 and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
