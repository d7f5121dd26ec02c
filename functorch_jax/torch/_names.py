"""What a name that is not there yet says: that it is missing, and what comes nearest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

__all__ = ["MissingName"]


class MissingName(AttributeError):
    """A name of PyTorch's that is not supported yet. Its words are only looked for when somebody reads them."""

    def __init__(self, plain: str, place: str, name: str, known: Callable[[], Iterable[str]]) -> None:
        super().__init__(plain)
        self.name = name
        self._place = place
        self._known = known

    def __str__(self) -> str:
        name = str(self.name)
        names = [n for n in self._known() if not n.startswith("_")]
        stem = name.rstrip("_").lower()
        near = [n for n in names if n.lower().rstrip("_") == stem]
        near += [n for n in difflib.get_close_matches(name, names, n=3, cutoff=0.75) if n not in near]
        hint = f". The nearest that is: {', '.join(f'{self._place}.{n}' for n in near[:3])}" if near else ""
        return f"{self.args[0]}: {self._place}.{name} is not supported yet{hint}"
