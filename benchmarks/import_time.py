"""What `import functorch_jax` costs beyond `import jax`, each in a fresh process."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time

from benchmarks import harness

IMPORTS = {
    "import jax": "import jax",
    "import functorch_jax": "import functorch_jax",
    "from functorch_jax import torch": "from functorch_jax import torch",
}
ROUNDS = 20


def seconds(code: str) -> tuple[float, float]:
    """(wall clock, processor) time of a process that runs `code`."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    nothing: list[tuple[float, float]] = []
    for i in range(ROUNDS + 1):
        order = list(IMPORTS) if i % 2 else list(IMPORTS)[::-1]
        each = {name: seconds(IMPORTS[name]) for name in order}
        nothing.append(seconds("pass"))
        if i:  # the first fills the file system's cache
            for name, value in each.items():
                times[name].append(value)
    rows = []
    for name in IMPORTS:
        wall, cpu = (statistics.median(t[k] for t in times[name]) for k in (0, 1))
        pairs = list(zip(times[name], times["import jax"], strict=True))
        ratios = [statistics.median(a[k] / b[k] for a, b in pairs) for k in (0, 1)]
        rows.append([name, *(harness.duration(t) for t in (wall, cpu)), *(f"{r:.3f}" for r in ratios)])
    empty = statistics.median(t[0] for t in nothing)
    harness.table(
        f"import time (of which Python's own start: {harness.duration(empty)})",
        ["", "wall clock", "processor", "ratio of wall clock", "ratio of processor"],
        rows,
    )
