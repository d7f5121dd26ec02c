"""`torch.special`: functions of mathematical physics and statistics, elementwise."""

from functorch_jax.torch._op import NAMESPACES

globals().update(NAMESPACES["special"])
