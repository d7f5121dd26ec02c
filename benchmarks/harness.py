"""Medians of interleaved runs, and tables of their ratios.

All variants of a table are timed in one process, in turns: what else the machine does falls on all of them alike. Each
is warmed up first, so that compilation is not counted, and waited for, so that what JAX still has to do is.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

SECONDS = 10.0
"""How long to measure for each table."""

Call = Callable[[], Any]


def machine() -> str:
    """What the figures were measured on."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("jax", "jaxlib", "numpy", "torch"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    device = jax.devices()[0]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores (load {load}), "
        f"JAX on {device.platform} ({device.device_kind})\n{', '.join(versions)}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def timed(call: Call, repeats: int = 1) -> float:
    """Seconds for one call, of `repeats` one after the other."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = jax.block_until_ready(call())
        del result
    return (time.perf_counter() - start) / repeats


def measure(variants: Mapping[str, Call], seconds: float | None = None) -> dict[str, list[float]]:
    """Seconds a call of each variant, as many as fit into `seconds` for all together, taken in turns."""
    seconds = SECONDS if seconds is None else seconds
    repeats, once = {}, {}
    for name, call in variants.items():
        timed(call)  # compiles
        once[name] = min(timed(call) for _ in range(2))
        repeats[name] = max(1, int(0.005 / max(once[name], 1e-7)))
    round_time = sum(once[name] * repeats[name] for name in variants)
    rounds = int(min(200, max(5, seconds / round_time)))
    times: dict[str, list[float]] = {name: [] for name in variants}
    for i in range(rounds):
        order = list(variants) if i % 2 == 0 else list(variants)[::-1]
        for name in order:
            times[name].append(timed(variants[name], repeats[name]))
    return times


def compare(title: str, variants: Mapping[str, Call], reference: str, seconds: float | None = None) -> dict[str, float]:
    """Time the variants and print a table; the medians in seconds.

    `ratio` is the median over the rounds of this variant's time to that of `reference` in the same round.
    """
    times = measure(variants, seconds)
    medians = {name: statistics.median(times[name]) for name in variants}
    rows = []
    for name in variants:
        quarter, _, three = statistics.quantiles(times[name], n=4)
        ratio = statistics.median(a / b for a, b in zip(times[name], times[reference], strict=True))
        rows.append([name, duration(medians[name]), f"{duration(quarter)} to {duration(three)}", f"{ratio:.2f}"])
    rounds = len(times[reference])
    table(f"{title} ({rounds} rounds)", ["", "median", "middle half", f"ratio to {reference}"], rows)
    return medians


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n### {title}\n")
    for row in [head, ["-" * w for w in widths], *rows]:
        sized = zip(row, widths, strict=True)
        cells = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(sized)]
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def size(count: float) -> str:
    for unit, unit_size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= unit_size:
            return f"{count / unit_size:.3g} {unit}"
    return f"{count:.0f} B"


def pytorch() -> Any:
    """PyTorch where it is installed, else None."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def ways(ours: Any, by_hand: Any, arrays: Sequence[Any], plain: Any = None) -> dict[str, Call]:
    """One program in every way there is to run it.

    Args:
        ours: called with a torch namespace; gives the program to run on tensors.
        by_hand: the program in JAX, on arrays.
        arrays: the arguments, trees of NumPy arrays.
        plain: as `by_hand`, with our transforms instead of JAX's.
    """
    from functorch_jax import torch

    on_jax = [jax.tree.map(jax.numpy.asarray, a) for a in arrays]
    tensors = [jax.tree.map(torch.from_numpy, a) for a in arrays]
    program = ours(torch)
    compiled, hand_compiled = jax.jit(program), jax.jit(by_hand)
    found: dict[str, Call] = {
        "by hand, jit": lambda: hand_compiled(*on_jax),
        "ours on tensors, jit": lambda: compiled(*tensors),
    }
    if plain is not None:
        plain_compiled = jax.jit(plain)
        found["ours on jax.numpy, jit"] = lambda: plain_compiled(*on_jax)
    found["by hand, eager"] = lambda: by_hand(*on_jax)
    found["ours on tensors, eager"] = lambda: program(*tensors)
    if plain is not None:
        found["ours on jax.numpy, eager"] = lambda: plain(*on_jax)
    if (real := pytorch()) is not None:
        theirs = ours(real)
        real_tensors = [jax.tree.map(real.from_numpy, a) for a in arrays]
        found["torch.func"] = lambda: theirs(*real_tensors)
        if (fused := _compiled_by_pytorch(real, theirs, real_tensors)) is not None:
            found["torch.func, torch.compile"] = lambda: fused(*real_tensors)
    return found


def _compiled_by_pytorch(real: Any, program: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The program under `torch.compile`, or None where that needs what is not here or what it does not support."""
    fused = real.compile(program)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fused(*arguments)
    except Exception as e:
        print(f"no torch.compile: {type(e).__name__}: {str(e).splitlines()[0][:100] if str(e) else ''}")
        return None
    return fused


def report(title: str, variants: dict[str, Call]) -> None:
    """The tables of `ways`: what is compiled, and what runs step by step."""
    compiled = {name: call for name, call in variants.items() if name.endswith(("jit", "torch.compile"))}
    eager = {name: call for name, call in variants.items() if name not in compiled}
    compare(f"{title}: compiled", compiled, "by hand, jit", SECONDS / 2)
    medians = compare(f"{title}: eager", eager, "by hand, eager")
    ratio = medians["ours on tensors, eager"] / medians["by hand, eager"]
    print(f"ours on tensors takes {ratio:.2f} of by hand, eager")
