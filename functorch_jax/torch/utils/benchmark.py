"""Measuring how long code takes, the work of JAX's asynchronous arrays included. Source: torch.utils.benchmark."""

from __future__ import annotations

import textwrap
import timeit
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer", "select_unit"]

_UNITS = (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0))


def select_unit(t: float) -> tuple[str, float]:
    """The unit that suits a time in seconds, and its length."""
    return next(((name, scale) for name, scale in reversed(_UNITS) if t >= scale), _UNITS[0])


@dataclass(frozen=True)
class TaskSpec:
    """What is measured, and what to call it."""

    stmt: str
    setup: str = "pass"
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return self.stmt


class Measurement:
    """Times of a statement, in seconds a run. Source: torch.utils.benchmark.Measurement."""

    def __init__(
        self, number_per_run: int, raw_times: list[float], task_spec: TaskSpec, metadata: dict[Any, Any] | None = None
    ) -> None:
        self.number_per_run = number_per_run
        self.raw_times = list(raw_times)
        self.task_spec = task_spec
        self.metadata = metadata

    def __getattr__(self, name: str) -> Any:
        if (name != "task_spec" and name in TaskSpec.__dataclass_fields__) or name == "title":
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute '{name}'")

    @property
    def times(self) -> list[float]:
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        return float(np.mean(self.times))

    @property
    def median(self) -> float:
        return float(np.median(self.times))

    @property
    def iqr(self) -> float:
        """The distance between the quartiles."""
        return float(np.subtract(*np.quantile(self.times, (0.75, 0.25))))

    @property
    def significant_figures(self) -> int:
        spread = self.iqr / max(len(self.times), 1) ** 0.5
        return int(np.clip(np.floor(np.log10(self.median / spread)) if spread else 5, 1, 5))

    @property
    def has_warnings(self) -> bool:
        return self.iqr > 0.1 * self.median

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        count = len(self.times)
        lines = [f"<torch.utils.benchmark.utils.common.Measurement object at {hex(id(self))}>", self.title]
        if count == 1:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        else:
            low, high = np.quantile(self.times, (0.25, 0.75)) / scale
            lines.append(f"  Median: {self.median / scale:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        threads = f"{self.num_threads} thread{'s' * (self.num_threads > 1)}"
        runs = f"{self.number_per_run} runs {'per measurement' * (count > 1)}"
        lines.append(f"  {count} measurement{'s' * (count > 1)}, {runs}, {threads}")
        return "\n".join(lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One measurement for each task, of all its times."""
        merged: dict[tuple[TaskSpec, int], list[float]] = {}
        for m in measurements:
            merged.setdefault((m.task_spec, m.number_per_run), []).extend(m.raw_times)
        return [Measurement(number, times, spec) for (spec, number), times in merged.items()]


class Timer:
    """Measures a Python statement. What an expression gives is waited for: JAX computes while Python runs on.

    Args:
        stmt, setup, global_setup: code to measure, and to run before.
        globals: what the code knows; `torch` is known anyway.
        label, sub_label, description, env: names, for tables of results.
        num_threads: for those names alone: XLA has threads of its own.
        language: "python".

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch.utils import benchmark
        >>> benchmark.Timer("x + 1", globals={"x": torch.ones(3)}).timeit(10).number_per_run
        10

    Source: torch.utils.benchmark.Timer.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if str(getattr(language, "name", language)).lower() not in ("python", "py"):
            raise ValueError(f"only Python can be measured, not {language!r}")
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip() or "pass"
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)
        names = dict(globals or {})
        from functorch_jax import torch

        names.setdefault("torch", torch)
        names["_wait"] = jax.block_until_ready
        exec(textwrap.dedent(global_setup), names)
        self._timer = timeit.Timer(_waiting(stmt), setup, timer, names)

    def _time(self, number: int) -> float:
        for array in jax.live_arrays():
            array.block_until_ready()  # what was begun earlier is not this statement's
        return self._timer.timeit(number)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._task_spec)

    def timeit(self, number: int = 1000000) -> Measurement:
        """The time of `number` runs, after a few that warm up."""
        self._time(max(number // 100, 2))
        return self._measured(number, [self._time(number)])

    def _number(self, min_run_time: float) -> int:
        """How many runs are long enough to be measured at once."""
        number, took = 1, self._time(2) and self._time(1)
        while took < min_run_time / 1000 and number < 10**9:
            number *= 10
            took = self._time(number)
        return number

    def blocked_autorange(
        self, callback: Callable[[int, float], None] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Times of equal blocks of runs, for `min_run_time` seconds together."""
        number = self._number(min_run_time)
        times: list[float] = []
        while sum(times) < min_run_time or len(times) < 2:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], None] | None = None,
    ) -> Measurement:
        """As `blocked_autorange`, until the quartiles lie within `threshold` of the median, or for `max_run_time`."""
        number = self._number(min_run_time)
        times: list[float] = []
        while True:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
            result = self._measured(number, times)
            steady = len(times) > 3 and result.iqr < threshold * result.median
            if sum(times) >= max_run_time or (sum(times) >= min_run_time and steady):
                return result


def _waiting(stmt: str) -> str:
    """The statement with a wait for its value: that of an expression, or of all that is alive after other code."""
    try:
        compile(stmt, "<stmt>", "eval")
    except SyntaxError:
        return stmt + "\n_wait([v for v in locals().values()])"
    return f"_wait(\n{stmt}\n)"


class Compare:
    """A table of measurements: a row for each `sub_label`, a column for each `description`.

    Source: torch.utils.benchmark.Compare.
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results = list(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements."""
        self._results += results

    def trim_significant_figures(self) -> None:
        """Accepted; times are printed with one decimal place."""

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted; tables have no colours."""

    def highlight_warnings(self) -> None:
        """Accepted; tables have no colours."""

    def __str__(self) -> str:
        tables = []
        results = Measurement.merge(self._results)
        for label in dict.fromkeys(m.label for m in results):
            tables.append(_table(label, [m for m in results if m.label == label]))
        return "\n".join(tables)

    def print(self) -> None:
        """Print the table."""
        print(self)


def _table(label: str | None, results: list[Measurement]) -> str:
    unit, scale = select_unit(min(m.median for m in results))
    columns = list(dict.fromkeys(m.description or "" for m in results))
    rows = list(dict.fromkeys((m.num_threads, m.sub_label or m.stmt) for m in results))
    cells = {(m.num_threads, m.sub_label or m.stmt, m.description or ""): f"{m.median / scale:.1f}" for m in results}
    width = max(len(name) for _, name in rows) + 6
    wide = [max(len(c), 6) for c in columns]
    lines = [" " * width + "  |  " + "  |  ".join(c.rjust(n) for c, n in zip(columns, wide, strict=True))]
    for threads in dict.fromkeys(n for n, _ in rows):
        lines.append(f"{threads} threads: ".ljust(len(lines[0]), "-"))
        for name in [name for n, name in rows if n == threads]:
            values = [cells.get((threads, name, c), "").rjust(n) for c, n in zip(columns, wide, strict=True)]
            lines.append("      " + name.ljust(width - 6) + "  |  " + "  |  ".join(values))
    title = f" {label} ".center(len(lines[0]) + 2, "-")
    names = {"ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds"}
    return "\n".join([f"[{title[1:-1]}]", *lines, "", f"Times are in {names[unit]} ({unit})."])
