"""Names for annotations. Source: torch.types."""

from __future__ import annotations

import builtins
import os
from typing import IO, Any, TypeAlias

from functorch_jax.torch._device import device
from functorch_jax.torch._size import Size as Size
from functorch_jax.torch._tensor import Tensor as Tensor

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
IntLikeType: TypeAlias = builtins.int
FloatLikeType: TypeAlias = builtins.float
BoolLikeType: TypeAlias = builtins.bool
Storage: TypeAlias = Any
