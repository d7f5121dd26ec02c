"""Averages of models over the steps of training. Source: torch.optim.swa_utils."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

from functorch_jax import grad_mode
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.normalization import _BatchNorm
from functorch_jax.torch.optim._schedule import LRScheduler, formatted
from functorch_jax.torch.optim.optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """A mean that forgets: `decay` times the old one and the rest of the new. For `avg_fn` of `AveragedModel`."""
    _check_decay(decay)
    return lambda averaged, current, count: decay * averaged + (1 - decay) * current


def get_swa_avg_fn() -> Callable[..., Any]:
    """The mean of all so far. For `avg_fn` of `AveragedModel`."""
    return lambda averaged, current, count: averaged + (current - averaged) / (count + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """`get_ema_avg_fn` for lists of tensors, written in place. For `multi_avg_fn` of `AveragedModel`."""
    _check_decay(decay)
    return _in_place(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """`get_swa_avg_fn` for lists of tensors, written in place. For `multi_avg_fn` of `AveragedModel`."""
    return _in_place(get_swa_avg_fn())


def _in_place(mean: Callable[..., Any]) -> Callable[..., None]:
    def update(averaged: Iterable[Any], current: Iterable[Any], count: Any) -> None:
        with grad_mode.no_grad():
            for old, new in zip(averaged, current, strict=True):
                old.copy_(mean(old, new, count) if old.is_floating_point() or old.is_complex() else new)

    return update


class AveragedModel(Module):
    """A copy of a model whose parameters are means of those that the model has had.

    Args:
        model: is copied.
        device: where the copy lives.
        avg_fn: called with the mean, the newest and how many there were: gives the new mean.
        multi_avg_fn: called so with lists, and writes in place. At most one of the two; the plain mean without.
        use_buffers: take means of buffers as well; otherwise they are those of the model.

    Errors: AssertionError when both functions are given.
    Source: torch.optim.swa_utils.AveragedModel.
    """

    n_averaged: Any

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        tensor = NAMESPACES["torch"]["tensor"]
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, module: Any) -> list[Any]:
        return list(itertools.chain(module.parameters(), module.buffers() if self.use_buffers else ()))

    def update_parameters(self, model: Any) -> None:
        """Let the parameters of `model` join the means."""
        update = self.multi_avg_fn or _in_place(self.avg_fn or get_swa_avg_fn())
        with grad_mode.no_grad():
            old, new = self._averaged(self.module), [x.detach() for x in self._averaged(model)]
            if int(self.n_averaged) == 0:
                for mean, current in zip(old, new, strict=True):
                    mean.copy_(current)
            else:
                update([x.detach() for x in old], new, self.n_averaged)
            if not self.use_buffers:
                for mean, current in zip(self.module.buffers(), model.buffers(), strict=True):
                    mean.copy_(current)
            self.n_averaged += 1


@grad_mode.no_grad()
def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of the model's batch norms anew, as means over `loader`.

    A batch that is a list or tuple stands for its first entry.

    Source: torch.optim.swa_utils.update_bn.
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    training = model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean
    model.train()
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """The step size to `swa_lr` in `anneal_epochs`, and constant from there on.

    Args:
        optimizer: whose groups' "lr" is set.
        swa_lr: a number, or a list with one for each group.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" or "linear".
        last_epoch: where to resume.

    Errors: ValueError for an unknown strategy and a negative number of epochs.
    Source: torch.optim.swa_utils.SWALR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for rate, group in zip(formatted("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        """How much of the way is done at `step`."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        self._warn_unless_stepping()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        values = []
        for group, lr in zip(self.optimizer.param_groups, self._current(), strict=True):
            target = group["swa_lr"]
            first = target if before == 1 else (lr - before * target) / (1 - before)
            values.append(target * now + first * (1 - now))
        return values
