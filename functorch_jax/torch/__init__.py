"""PyTorch's namespace over JAX: `from functorch_jax import torch`.

Importing it enables 64-bit types in JAX, because PyTorch's integers are 64 bits wide (see `_x64.py`).
"""

from __future__ import annotations

from typing import Any

from functorch_jax.torch import _x64  # noqa: F401  (first: it changes what JAX makes of a Python number)
from functorch_jax.torch import _factories, ops  # noqa: F401
from functorch_jax.torch import _operators, return_types  # noqa: F401  (after the ops that they are made of)
from functorch_jax.torch._dtype import DTYPES, dtype
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor

__version__ = "2.13.0"

globals().update(DTYPES)
globals().update(NAMESPACES["torch"])
