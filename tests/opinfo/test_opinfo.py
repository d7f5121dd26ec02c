"""PyTorch's operator database against ours: a test for each operator and check, and the shares that must pass.

The tests need a live PyTorch. `python -m tests.opinfo` runs the same checks by hand and shows what is wrong.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.names import read
from tests.opinfo.gaps import GAPS
from tests.opinfo.silent import SILENT

LIVE = os.environ.get("FUNCTORCH_JAX_ORACLE") == "live"
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not LIVE, reason="set FUNCTORCH_JAX_ORACLE=live to run PyTorch"),
]

if LIVE:
    from tests.opinfo.checks import CHECKS, SAMPLES
    from tests.opinfo.rates import LEAST, PAIRS, share
else:
    PAIRS = []


def parameters() -> list[Any]:
    return [
        pytest.param(name, check, id=f"{name} {check}", marks=marks)
        for name, check in PAIRS
        for marks in [[pytest.mark.xfail(reason=GAPS[name, check], strict=True)] if (name, check) in GAPS else []]
    ]


@pytest.mark.parametrize("name, check", parameters())
def test_agrees(name: str, check: str) -> None:
    judged, wrong, refused = CHECKS[check](name, SAMPLES[check])
    if (name, check) in SILENT:
        assert not judged, "SILENT lists a pair about which PyTorch does say something"
        other = [line for line in refused if not any(reason in line for reason in SILENT[name, check])]
        assert not other, f"refused for other reasons than SILENT lists: {other}"
        return
    assert judged, f"PyTorch does this on none of its samples, and SILENT does not list it: {refused}"
    if wrong:
        pytest.fail("\n".join([f"{len(wrong)} of {judged} samples", *wrong[:3]]), pytrace=False)


# ---- the shares that hold --------------------------------------------------------------------------------------------


def test_gaps_are_entries() -> None:
    unknown = [pair for pair in (*GAPS, *SILENT) if pair not in PAIRS]
    assert not unknown, f"no such entry, or a check that says nothing about it: {unknown}"
    assert not GAPS.keys() & SILENT.keys()


@pytest.mark.parametrize("check", ["forward", "gradient", "tape", "second", "forward-mode", "vmap"])
def test_rate(check: str) -> None:
    """What GAPS lists fails, and nothing else does: so the share of entries that pass is known from the table."""
    good, count = share(check)
    assert 100 * good >= LEAST[check] * count


def test_the_most_used_are_whole() -> None:
    """No gap among the names that public code uses most: a list that holds the 200 first of all."""
    lists = read("popular.txt")
    used = {
        *lists["all of GitHub: torch"][:200],
        *(f"nn.functional.{n}" for n in lists["all of GitHub: torch.nn.functional"]),
    }
    assert not [pair for pair in GAPS if pair[0].split(":")[0] in used]
