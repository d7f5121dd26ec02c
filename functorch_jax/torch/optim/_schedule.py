"""`LRScheduler`: what all schedules of step sizes share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.optim.optimizer import Optimizer

__all__ = ["LRScheduler", "formatted", "set_value"]

_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the "
    "opposite order: `optimizer.step()` before `lr_scheduler.step()`. Otherwise the first value of the schedule "
    "is skipped."
)
EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. With an epoch the closed form is used, where there is one."
)


def check_optimizer(optimizer: Any) -> None:
    """Raise TypeError for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def kept(value: Any) -> Any:
    """`value`, or a copy where it is a tensor."""
    return value.clone() if isinstance(value, Tensor) else value  # type: ignore[attr-defined]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """Set an option of a group: in place, where it is a tensor."""
    old = group[key]
    if isinstance(old, Tensor):
        tensor: Any = old
        if isinstance(value, Tensor):
            tensor.copy_(value)
        else:
            tensor.fill_(value)
    else:
        group[key] = value


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of every group, copied."""
    return [kept(group[key]) for group in optimizer.param_groups]


def formatted(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """`value` for every group: the same, or one of a list each. Raises ValueError when their numbers differ."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [kept(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups "
            f"has {groups}."
        )
    return list(value)


class LRScheduler:
    """A schedule of step sizes; the base class for one of one's own.

    A subclass defines `get_lr`, which gives the step size of each group for `self.last_epoch`. The constructor takes
    the first step.

    Args:
        optimizer: whose groups' "lr" is set.
        last_epoch: where to resume; -1 begins, and notes "lr" of each group as its "initial_lr".

    Errors: TypeError for what is no optimizer; KeyError when it resumes and a group has no "initial_lr".
    Source: torch.optim.lr_scheduler.LRScheduler.
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    _omitted: tuple[str, ...] = ("optimizer",)  # what is no part of the state dict

    optimizer: Any
    last_epoch: int
    _last_lr: list[Any]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", kept(group["lr"]))
        else:
            for i, group in enumerate(optimizer.param_groups):
                if "initial_lr" not in group:
                    raise KeyError(
                        f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                        "last_epoch >= 0: load the optimizer's state first, or leave last_epoch out"
                    )
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._watch()
        self._initial_step()

    def _watch(self) -> None:
        """Note that the optimizer's steps are counted from here on."""
        self.optimizer._scheduled_step = getattr(self.optimizer.step, "__func__", None)

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """What the schedule remembers, all but the optimizer."""
        return {key: value for key, value in vars(self).items() if key not in self._omitted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        vars(self).update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The step sizes that were set last, one for each group."""
        return self._last_lr

    def get_lr(self) -> Any:
        """The step sizes for `last_epoch`, one for each group, from those that the groups have."""
        raise NotImplementedError

    def _warn_unless_stepping(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def step(self, epoch: int | None = None) -> None:
        """Set the step sizes of the next epoch, or of `epoch`."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        step = self.optimizer.step
        if getattr(step, "__func__", None) is not self.optimizer._scheduled_step:
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
                "Make sure to call `optimizer.step()` before `lr_scheduler.step()`.",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(_ORDER, UserWarning, stacklevel=3)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed: Callable[[], Any] = getattr(self, "_get_closed_form_lr", self.get_lr)
                values = closed()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _set(self, values: Iterable[Any]) -> None:
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_value(group, "lr", value)
        self._last_lr = values_of(self.optimizer, "lr")

    def _current(self) -> list[Any]:
        """The step sizes that the groups have."""
        return values_of(self.optimizer, "lr")
