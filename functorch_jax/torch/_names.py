"""What a name that is not there says: that it is missing and why, what to write instead, and what comes nearest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from functorch_jax.gaps import why

__all__ = ["MissingName", "missing", "nearest", "why"]


class MissingName(AttributeError):
    """A name of PyTorch's that is not supported. Its words are only looked for when somebody reads them."""

    def __init__(self, plain: str, place: str, name: str, known: Callable[[], Iterable[str]]) -> None:
        super().__init__(plain)
        self.name = name
        self._place = place
        self._known = known

    def __str__(self) -> str:
        name = str(self.name)
        if self._place.partition(".")[0] in ("torch", "functorch"):
            declared = f"{self._place}.{name}"
        else:
            declared = f"torch.{self._place}.{name}"
        reason = why(declared)
        if reason is not None:
            return f"{self.args[0]}: {self._place}.{name} is not supported: {reason}"
        near = nearest(name, self._known())
        hint = f". The nearest that is: {', '.join(f'{self._place}.{n}' for n in near)}" if near else ""
        return f"{self.args[0]}: {self._place}.{name} is not supported yet{hint}"


def missing(place: str, name: str, known: Callable[[], Iterable[str]] = tuple) -> MissingName:
    """The error for `name` of the module `place`, such as "torch.linalg"."""
    return MissingName(f"module {place!r} has no attribute {name!r}", place, name, known)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the public names in `known` that `name` may have meant."""
    names = [n for n in known if not n.startswith("_")]
    stem = name.rstrip("_").lower()
    near = [n for n in names if n.lower().rstrip("_") == stem]
    return (near + [n for n in difflib.get_close_matches(name, names, n=3, cutoff=0.75) if n not in near])[:3]
