"""The shares of PyTorch's operator database that pass, as the table of gaps says and `test_opinfo` holds."""

from __future__ import annotations

from collections.abc import Iterator

from tests.opinfo.checks import CHECKS, RANDOM, applies
from tests.opinfo.entries import ENTRIES
from tests.opinfo.gaps import GAPS
from tests.opinfo.silent import SILENT

__all__ = ["LEAST", "PAIRS", "lines", "share"]

LEAST = {"forward": 95, "gradient": 93, "tape": 93, "second": 90, "forward-mode": 90, "vmap": 95}  # per cent
PAIRS = [(name, check) for name in ENTRIES for check in CHECKS if applies(name, check)]


def share(check: str) -> tuple[int, int]:
    """How many entries pass a check, and how many there are: not random ones, nor those where PyTorch is silent."""
    names = [name for name, each in PAIRS if each == check and name not in RANDOM and (name, check) not in SILENT]
    return sum((name, check) not in GAPS for name in names), len(names)


def lines() -> Iterator[str]:
    for check in CHECKS:
        good, count = share(check)
        yield f"PyTorch's operator database, {check}: {good} of {count} entries, {100 * good / count:.1f} %"


if __name__ == "__main__":
    print(*lines(), sep="\n")
