"""`torch._higher_order_ops`: where PyTorch keeps its control-flow operators."""

from functorch_jax.experimental.control_flow import cond, map, scan, while_loop

__all__ = ["cond", "map", "scan", "while_loop"]
