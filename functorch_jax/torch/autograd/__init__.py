"""Imperative automatic differentiation. Source: torch.autograd."""

from __future__ import annotations

from functorch_jax.grad_mode import enable_grad as enable_grad
from functorch_jax.grad_mode import inference_mode as inference_mode
from functorch_jax.grad_mode import no_grad as no_grad
from functorch_jax.grad_mode import set_grad_enabled as set_grad_enabled
from functorch_jax.torch.autograd import forward_ad as forward_ad
from functorch_jax.torch.autograd import function as function
from functorch_jax.torch.autograd import functional as functional
from functorch_jax.torch.autograd import grad_mode as grad_mode
from functorch_jax.torch.autograd import graph as graph
from functorch_jax.torch.autograd import profiler as profiler
from functorch_jax.torch.autograd._running import backward as backward
from functorch_jax.torch.autograd._running import grad as grad
from functorch_jax.torch.autograd.anomaly_mode import detect_anomaly as detect_anomaly
from functorch_jax.torch.autograd.anomaly_mode import set_detect_anomaly as set_detect_anomaly
from functorch_jax.torch.autograd.function import Function as Function
from functorch_jax.torch.autograd.grad_mode import set_multithreading_enabled as set_multithreading_enabled
from functorch_jax.torch.autograd.gradcheck import GradcheckError as GradcheckError
from functorch_jax.torch.autograd.gradcheck import gradcheck as gradcheck
from functorch_jax.torch.autograd.gradcheck import gradgradcheck as gradgradcheck
from functorch_jax.torch.autograd.variable import Variable as Variable
from functorch_jax.torch.overrides import has_torch_function as has_torch_function

variable = Variable


def is_multithreading_enabled() -> bool:
    """False: the backward pass runs on the calling thread. Source: torch.autograd.is_multithreading_enabled."""
    return False


def is_view_replay_enabled() -> bool:
    """False: a view follows its base by itself. Source: torch.autograd.is_view_replay_enabled."""
    return False
