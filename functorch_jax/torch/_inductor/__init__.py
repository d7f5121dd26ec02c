"""Settings of PyTorch's compiler: accepted, without effect. Source: torch._inductor."""

from functorch_jax.torch._settings import _module

config = _module("_inductor.config", triton=_module("_inductor.config.triton", cudagraphs=False))
