"""`torch.Size`: a tuple of ints that prints as PyTorch's does."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Size", "size_from"]


class Size(tuple[int, ...]):
    """The shape of a tensor. Source: torch.Size."""

    __slots__ = ()
    _tree_node_ = True  # PyTorch's trees look inside it

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    __str__ = __repr__

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple(self) * n)

    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Any:
        out = super().__getitem__(index)
        return Size(out) if isinstance(index, slice) else out

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)


def size_from(args: tuple[Any, ...], name: str = "size") -> tuple[int, ...]:
    """The ints of `f(2, 3)`, `f((2, 3))`, `f([2, 3])` or `f(torch.Size([2, 3]))`."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    try:
        return tuple(x if type(x) is int else x.__index__() for x in args)
    except AttributeError:
        bad = next(x for x in args if not hasattr(x, "__index__"))
        raise TypeError(f"{name} must be a tuple of ints, but found an element of type {type(bad).__name__}") from None
