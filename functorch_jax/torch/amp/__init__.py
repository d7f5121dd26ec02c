"""Automatic mixed precision. Source: torch.amp."""

from functorch_jax.torch.amp.autocast_mode import autocast as autocast
from functorch_jax.torch.amp.autocast_mode import custom_bwd as custom_bwd
from functorch_jax.torch.amp.autocast_mode import custom_fwd as custom_fwd
from functorch_jax.torch.amp.autocast_mode import is_autocast_available as is_autocast_available
from functorch_jax.torch.amp.grad_scaler import GradScaler as GradScaler
