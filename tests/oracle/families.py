"""Finds the families of rows and their recorded answers."""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

from tests.oracle.case import Row, check_unique

CASES = Path(__file__).parent / "cases"
GOLDEN = Path(__file__).parent.parent / "golden"


def names() -> list[str]:
    """The families there are: the files of tests/oracle/cases."""
    return sorted(path.stem for path in CASES.glob("[!_]*.py"))


def rows(family: str) -> list[Row]:
    """The rows of a family."""
    found: list[Row] = list(importlib.import_module(f"tests.oracle.cases.{family}").CASES)
    check_unique(found)
    return found


@functools.cache
def golden(family: str) -> dict[str, Any]:
    """The recorded answers of a family, by the row's name; empty when nothing was recorded."""
    path = GOLDEN / f"{family}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}


def save(family: str, version: str, answers: dict[str, Any]) -> None:
    """Write the recorded answers of a family, a row to a line."""
    lines = [
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(a, ensure_ascii=False)}" for name, a in answers.items()
    ]
    text = '{\n"pytorch": "%s",\n"rows": {\n%s\n}\n}\n' % (version, ",\n".join(lines))  # noqa: UP031
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / f"{family}.json").write_text(text, encoding="utf-8")
