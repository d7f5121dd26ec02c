"""Handles of registered hooks."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from typing import Any

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """Takes a hook off again: by `remove()`, or at the end of a `with` block.

    Source: torch.utils.hooks.RemovableHandle.
    """

    def __init__(self, hooks: Any, extra: Sequence[Any] = ()) -> None:
        self.id = next(_ids)
        # an OrderedDict can be referred to weakly, so that a handle does not keep a module alive
        self._all = [weakref.ref(each) for each in (hooks, *extra)]

    def __getstate__(self) -> int:
        return self.id

    def __setstate__(self, state: int) -> None:
        self.id = state
        self._all = []

    def remove(self) -> None:
        for ref in self._all:
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()
