"""The named tuples that ops with several results return. Source: torch.return_types."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = ["named_result"]


def named_result(name: str, fields: str) -> Any:
    """The class `torch.return_types.<name>` with these fields."""
    base = namedtuple(name, fields)  # type: ignore[misc]  # noqa: PYI024

    def __repr__(self: Any) -> str:
        inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    namespace = {"__repr__": __repr__, "__slots__": (), "__module__": __name__}
    made = type(name, (base,), namespace)
    globals()[name] = made
    return made


for _name in ("max", "min", "median", "nanmedian", "mode", "cummax", "cummin", "sort", "topk", "kthvalue"):
    named_result(_name, "values indices")
named_result("aminmax", "min max")
