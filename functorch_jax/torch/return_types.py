"""The named tuples that ops with several results return. Source: torch.return_types."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def named_result(name: str, fields: str) -> Any:
    """The class `torch.return_types.<name>` with these fields."""
    base = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    return type(name, (base,), {"__repr__": __repr__, "__slots__": (), "__module__": __name__})


max = named_result("max", "values indices")
min = named_result("min", "values indices")
median = named_result("median", "values indices")
nanmedian = named_result("nanmedian", "values indices")
mode = named_result("mode", "values indices")
cummax = named_result("cummax", "values indices")
cummin = named_result("cummin", "values indices")
sort = named_result("sort", "values indices")
topk = named_result("topk", "values indices")
kthvalue = named_result("kthvalue", "values indices")
aminmax = named_result("aminmax", "min max")
