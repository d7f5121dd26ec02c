"""Modules, layers and losses. Source: torch.nn."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._names import MissingName
from functorch_jax.torch.nn import attention as attention
from functorch_jax.torch.nn import common_types as common_types
from functorch_jax.torch.nn import functional as functional
from functorch_jax.torch.nn import init as init
from functorch_jax.torch.nn import utils as utils
from functorch_jax.torch.nn.activation import *  # noqa: F403
from functorch_jax.torch.nn.adaptive import *  # noqa: F403
from functorch_jax.torch.nn.container import *  # noqa: F403
from functorch_jax.torch.nn.conv import *  # noqa: F403
from functorch_jax.torch.nn.dropout import *  # noqa: F403
from functorch_jax.torch.nn.flatten import *  # noqa: F403
from functorch_jax.torch.nn.lazy import *  # noqa: F403
from functorch_jax.torch.nn.linear import *  # noqa: F403
from functorch_jax.torch.nn.linear_cross_entropy import *  # noqa: F403
from functorch_jax.torch.nn.loss import *  # noqa: F403
from functorch_jax.torch.nn.module import Module as Module
from functorch_jax.torch.nn.multihead_attention import *  # noqa: F403
from functorch_jax.torch.nn.normalization import *  # noqa: F403
from functorch_jax.torch.nn.parallel import DataParallel as DataParallel
from functorch_jax.torch.nn.parameter import *  # noqa: F403
from functorch_jax.torch.nn.pooling import *  # noqa: F403
from functorch_jax.torch.nn.resample import *  # noqa: F403
from functorch_jax.torch.nn.rnn import *  # noqa: F403
from functorch_jax.torch.nn.sparse import *  # noqa: F403
from functorch_jax.torch.nn.transformer import *  # noqa: F403

from functorch_jax.torch.nn import modules as modules  # isort: skip  (names of what is above)


def __getattr__(name: str) -> Any:
    raise MissingName(f"module 'torch.nn' has no attribute '{name}'", "torch.nn", name, lambda: list(globals()))
