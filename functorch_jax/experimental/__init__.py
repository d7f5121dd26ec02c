"""`functorch.experimental`: `chunk_vmap`, control flow, and transforms that once lived here."""

from functorch_jax.experimental import control_flow
from functorch_jax.experimental.chunk_vmap import chunk_vmap
from functorch_jax.functional_call import replace_all_batch_norm_modules_
from functorch_jax.transforms import functionalize, hessian, jacfwd, jvp

__all__ = [
    "chunk_vmap",
    "control_flow",
    "functionalize",
    "hessian",
    "jacfwd",
    "jvp",
    "replace_all_batch_norm_modules_",
]
