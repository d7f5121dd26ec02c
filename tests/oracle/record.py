"""Runs rows through PyTorch and stores its answers: `python -m tests.oracle.record [family ...]`."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

from tests.oracle import families
from tests.oracle.case import Row
from tests.oracle.compare import departures
from tests.oracle.run import RowError, run


def answer_of(row: Row, torch: Any) -> Any:
    """PyTorch's answer, as it is recorded. Raises RowError when PyTorch does not do what the row says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's deprecations are no answers
            answer = run(row, torch)
    except RowError:
        raise
    except Exception as e:
        raise RowError(f"PyTorch raises {type(e).__name__}: {e}") from e
    if row.kind == "error":
        return _checked_error(row, answer)
    return answer


def _checked_error(row: Row, answer: Any) -> Any:
    if answer["error"] is None:
        raise RowError("PyTorch raises nothing")
    if not re.search(row.fragment or "", answer["message"]):
        raise RowError(f"{row.fragment!r} is not in PyTorch's {answer['error'][0]}: {answer['message']}")
    if row.raises is not None and row.raises not in answer["error"]:
        raise RowError(f"PyTorch raises {answer['error'][0]}, which is no {row.raises}: {answer['message']}")
    # the rest of the message is PyTorch's own prose
    return {"error": answer["error"], "fragment": row.fragment}


def still_differs(row: Row, torch: Any) -> bool:
    """Whether PyTorch fails or answers otherwise, which is why a `right` row is no `case`."""
    from tests.oracle.expected import expected_of

    try:
        answer = run(row, torch)
    except Exception:
        return True
    wanted = expected_of(row)
    return isinstance(wanted, type) or bool(departures(row, answer["result"], wanted))


def record(family: str, torch: Any) -> list[str]:
    """Record a family; returns what went wrong, a line a row."""
    answers, failures = {}, []
    for row in families.rows(family):
        try:
            if row.kind != "right":
                answers[row.name] = answer_of(row, torch)
            elif not still_differs(row, torch):
                failures.append(f"{family}: {row.name}: PyTorch gives this answer too, so make it a case")
        except RowError as e:
            failures.append(f"{family}: {row.name}: {e}")
    families.save(family, torch.__version__.split("+")[0], answers)
    print(f"{family}: {len(answers)} rows")
    return failures


def main(argv: list[str]) -> int:
    import torch

    chosen = argv or families.names()
    failures = [line for family in chosen for line in record(family, torch)]
    for line in failures:
        print(line[:2000], file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
