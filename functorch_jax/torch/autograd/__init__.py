"""Imperative automatic differentiation. Source: torch.autograd."""

from __future__ import annotations

from functorch_jax.grad_mode import enable_grad as enable_grad
from functorch_jax.grad_mode import inference_mode as inference_mode
from functorch_jax.grad_mode import no_grad as no_grad
from functorch_jax.grad_mode import set_grad_enabled as set_grad_enabled
from functorch_jax.torch.autograd import graph as graph
from functorch_jax.torch.autograd._running import backward as backward
from functorch_jax.torch.autograd._running import grad as grad
from functorch_jax.torch.autograd.function import Function as Function
