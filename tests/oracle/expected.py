"""The answers that `right` rows bring along."""

from __future__ import annotations

import re
from typing import Any

from tests.oracle.case import Row, map_leaves, materialise
from tests.oracle.compare import departures
from tests.oracle.run import run


def expected_of(row: Row) -> Any:
    """The value that `row` calls right, or the exception class."""
    if isinstance(row.expected, type) or not callable(row.expected):
        return row.expected
    return row.expected(*[map_leaves(lambda leaf: leaf.array, x) for x in materialise(row)])


def wrongs(row: Row, t: Any) -> list[str]:
    """What is wrong with what `row` gives on `t`; empty when it is right."""
    wanted = expected_of(row)
    if not isinstance(wanted, type):
        return departures(row, run(row, t)["result"], wanted)
    try:
        answer = run(row, t)
    except wanted as e:
        found = re.search(row.fragment or "", str(e))
        return [] if found else [f"the fragment {row.fragment!r} is not in the message: {e}"]
    return [f"{answer}, but {wanted.__name__} is right"]
