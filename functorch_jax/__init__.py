"""functorch's programs on JAX, by changing their imports or nothing at all.

from functorch_jax import grad, vmap, no_grad     # functorch's transforms, over jax.numpy code
from functorch_jax import torch                   # PyTorch's namespace over JAX
python -m functorch_jax train.py                  # a PyTorch program as it stands
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from functorch_jax.config import config
from functorch_jax.functional_call import functional_call, replace_all_batch_norm_modules_, stack_module_state
from functorch_jax.gaps import why
from functorch_jax.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from functorch_jax.import_hook import install, uninstall
from functorch_jax.make_functional import (
    combine_state_for_ensemble,
    make_functional,
    make_functional_with_buffers,
)
from functorch_jax.notebook import load_ipython_extension, unload_ipython_extension
from functorch_jax.rearrange import rearrange
from functorch_jax.transforms import (
    debug_unwrap,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
    vmap,
)

if TYPE_CHECKING:
    from functorch_jax import experimental, func, torch
    from functorch_jax.functional_module import FunctionalModule, FunctionalModuleWithBuffers

__version__ = "0.1.0"

# What needs the torch namespace is imported when it is first asked for: `import functorch_jax` alone costs little more
# than `import jax`, and changes no JAX setting.
_LAZY = {
    "torch": "functorch_jax.torch",
    "func": "functorch_jax.func",
    "experimental": "functorch_jax.experimental",
    "jit": "functorch_jax.torch._program",
    "FunctionalModule": "functorch_jax.functional_module",
    "FunctionalModuleWithBuffers": "functorch_jax.functional_module",
}

__all__ = [
    "FunctionalModule",
    "FunctionalModuleWithBuffers",
    "combine_state_for_ensemble",
    "config",
    "debug_unwrap",
    "enable_grad",
    "experimental",
    "func",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "inference_mode",
    "install",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "jacfwd",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "load_ipython_extension",
    "make_functional",
    "make_functional_with_buffers",
    "no_grad",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "set_grad_enabled",
    "stack_module_state",
    "torch",
    "uninstall",
    "unload_ipython_extension",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        reason = why(f"functorch.{name}")
        words = f": functorch.{name} is not supported: {reason}" if reason else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{words}")
    module = importlib.import_module(_LAZY[name])
    value = module if _LAZY[name] == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
