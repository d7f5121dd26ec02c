"""functorch's transforms: one family a file."""

from functorch_jax.transforms.functionalize import debug_unwrap, functionalize
from functorch_jax.transforms.grad import grad, grad_and_value
from functorch_jax.transforms.jacobian import hessian, jacfwd, jacrev
from functorch_jax.transforms.jvp import jvp, linearize
from functorch_jax.transforms.vjp import vjp
from functorch_jax.transforms.vmap import vmap

__all__ = [
    "debug_unwrap",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "vjp",
    "vmap",
]
