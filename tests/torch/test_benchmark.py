"""`torch.utils.benchmark`: what is measured, and that asynchronous work is in it."""

from __future__ import annotations

import time

import jax
import numpy as np
import pytest

from functorch_jax import torch
from functorch_jax.torch.utils import benchmark


def test_timeit():
    m = benchmark.Timer("x + 1", globals={"x": torch.ones(3)}, label="add", sub_label="small").timeit(5)
    assert (m.number_per_run, len(m.times), m.label, m.title) == (5, 1, "add", "add: small")
    assert 0 < m.median == m.mean < 1
    assert repr(m).splitlines()[1:] == ["add: small", repr(m).splitlines()[2], "  1 measurement, 5 runs , 1 thread"]


@pytest.mark.parametrize("stmt", ["slow(x)", "y = slow(x)"])
def test_what_jax_computes_in_the_background_is_measured(stmt):
    def wait(a):
        time.sleep(0.02)
        return np.asarray(a)

    slow = jax.jit(lambda a: jax.pure_callback(wait, jax.ShapeDtypeStruct((2,), np.float32), a))
    m = benchmark.Timer(stmt, globals={"slow": slow, "x": jax.numpy.ones(2, np.float32)}).timeit(3)
    assert m.median >= 0.02


def test_autoranges():
    seen = []
    m = benchmark.Timer("sum(range(100))").blocked_autorange(lambda n, t: seen.append(n), min_run_time=0.01)
    assert sum(m.raw_times) >= 0.01
    assert seen == [m.number_per_run] * len(m.times)
    assert benchmark.Timer("sum(range(100))").adaptive_autorange(max_run_time=0.05).iqr >= 0


def test_compare():
    spec = lambda sub, text: benchmark.TaskSpec("f()", label="f", sub_label=sub, description=text)
    made = [("a", "old", 2e-6), ("a", "new", 1e-6), ("b", "old", 4e-6)]
    table = str(benchmark.Compare([benchmark.Measurement(1, [t], spec(s, d)) for s, d, t in made]))
    lines = table.splitlines()
    assert [line.split() for line in lines[3:5]] == [["a", "|", "2.0", "|", "1.0"], ["b", "|", "4.0", "|"]]
    assert lines[-1] == "Times are in microseconds (us)."


def test_statements_are_strings_of_python():
    with pytest.raises(ValueError, match="only a `str` stmt is supported"):
        benchmark.Timer(lambda: 1)
    with pytest.raises(ValueError, match="only Python"):
        benchmark.Timer("1", language="c++")
