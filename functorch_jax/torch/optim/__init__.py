"""Optimizers and schedules of their step sizes. Source: torch.optim."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._names import MissingName
from functorch_jax.torch.optim import lr_scheduler as lr_scheduler
from functorch_jax.torch.optim import swa_utils as swa_utils
from functorch_jax.torch.optim._adafactor import Adafactor as Adafactor
from functorch_jax.torch.optim._muon import Muon as Muon
from functorch_jax.torch.optim.adadelta import Adadelta as Adadelta
from functorch_jax.torch.optim.adagrad import Adagrad as Adagrad
from functorch_jax.torch.optim.adam import Adam as Adam
from functorch_jax.torch.optim.adamax import Adamax as Adamax
from functorch_jax.torch.optim.adamw import AdamW as AdamW
from functorch_jax.torch.optim.asgd import ASGD as ASGD
from functorch_jax.torch.optim.lbfgs import LBFGS as LBFGS
from functorch_jax.torch.optim.nadam import NAdam as NAdam
from functorch_jax.torch.optim.optimizer import Optimizer as Optimizer
from functorch_jax.torch.optim.optimizer import (
    swap_in_optimizer_params_and_state as swap_in_optimizer_params_and_state,
)
from functorch_jax.torch.optim.radam import RAdam as RAdam
from functorch_jax.torch.optim.rmsprop import RMSprop as RMSprop
from functorch_jax.torch.optim.rprop import Rprop as Rprop
from functorch_jax.torch.optim.sgd import SGD as SGD


def __getattr__(name: str) -> Any:
    raise MissingName(f"module 'torch.optim' has no attribute '{name}'", "torch.optim", name, lambda: list(globals()))
