"""Every row of tests/oracle/cases against its recorded answer; live (FUNCTORCH_JAX_ORACLE=live), those against PyTorch.

The two together compare us with PyTorch as it is: ours is what was recorded, and what was recorded is PyTorch's.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import pytest

from tests.oracle import families
from tests.oracle.case import Row
from tests.oracle.compare import brief, differences
from tests.oracle.expected import wrongs
from tests.oracle.run import run

LIVE = os.environ.get("FUNCTORCH_JAX_ORACLE") == "live"
HOW_TO_RECORD = "record PyTorch's answer with `python -m tests.oracle.record {}` where PyTorch is installed"


def live(test: Any) -> Any:
    """Marks a test that runs PyTorch."""
    wanted = pytest.mark.skipif(not LIVE, reason="set FUNCTORCH_JAX_ORACLE=live to run PyTorch")
    return pytest.mark.oracle(wanted(test))


@functools.cache
def loaded() -> dict[str, list[Row] | Exception]:
    """The rows of each family; a family that cannot be imported is one failure, and no obstacle to the others."""
    found: dict[str, list[Row] | Exception] = {}
    for family in families.names():
        try:
            found[family] = families.rows(family)
        except Exception as e:
            found[family] = e
    return found


def parameters(gaps: bool) -> list[Any]:
    out = []
    for family, rows in loaded().items():
        for row in rows if isinstance(rows, list) else []:
            marks = [pytest.mark.xfail(reason=row.gap, strict=True)] if gaps and row.gap else []
            out.append(pytest.param(family, row, marks=marks, id=f"{family}: {row.name}"))
    return out


def fail(lines: list[str]) -> None:
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def ours() -> Any:
    from functorch_jax import torch

    return torch


def recorded(family: str, row: Row) -> Any:
    """The recorded answer of `row`; fails the test when there is none, or when it is for another kind of row."""
    answer = families.golden(family).get(row.name)
    if answer is None:
        fail([f"no recorded answer: {HOW_TO_RECORD.format(family)}"])
    parts = ["error"] if row.kind == "error" else ["result", *["gradient", "tangent"][: _derivatives(row)]]
    missing = [part for part in parts if part not in answer]
    if missing or answer.get("fragment") != row.fragment:
        fail([f"the row has changed since it was recorded: {HOW_TO_RECORD.format(family)}"])
    return answer


def _derivatives(row: Row) -> int:
    return {False: 0, "reverse": 1, True: 2}[row.grad]


@pytest.mark.parametrize("family, row", parameters(gaps=True))
def test_replay(family: str, row: Row) -> None:
    if row.kind == "right":
        fail(wrongs(row, ours()))
    else:
        wanted = recorded(family, row)
        fail(differences(row, run(row, ours()), wanted))


@live
@pytest.mark.parametrize("family, row", parameters(gaps=False) if LIVE else [])
def test_pytorch_still_answers_so(family: str, row: Row) -> None:
    import torch

    from tests.oracle.record import answer_of, still_differs

    if row.kind == "right":
        fail([] if still_differs(row, torch) else ["PyTorch gives this answer too, so make it a case"])
        return
    now, kept = answer_of(row, torch), recorded(family, row)
    if row.kind == "error":
        fail([] if now == kept else [f"PyTorch raises {brief(now)}, but {brief(kept)} is recorded"])
    else:
        fail(differences(row, kept, now))


@pytest.mark.parametrize("family", families.names())
def test_family_imports(family: str) -> None:
    rows = loaded()[family]
    if isinstance(rows, Exception):
        raise rows


@pytest.mark.parametrize("family", sorted({*families.names(), *(path.stem for path in families.GOLDEN.glob("*.json"))}))
def test_rows_and_answers_pair_up(family: str) -> None:
    rows = loaded().get(family, [])
    if isinstance(rows, Exception):
        pytest.skip("the family does not import")
    known = [row.name for row in rows if row.kind != "right"]
    answers = families.golden(family)
    stale = [f"recorded, but no row has this name: {name!r}" for name in answers if name not in known]
    missing = [f"no recorded answer: {name!r}" for name in known if name not in answers]
    fail([*stale, *missing, *([HOW_TO_RECORD.format(family)] if stale or missing else [])])
