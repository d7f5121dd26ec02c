"""`torch.func`: the names of `functorch_jax.func`."""

from functorch_jax.func import *  # noqa: F403
from functorch_jax.func import __all__ as __all__
