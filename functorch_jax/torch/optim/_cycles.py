"""Schedules that go up and down: `CyclicLR`, `OneCycleLR` and cosines that restart."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from functorch_jax.torch.optim._schedule import LRScheduler, check_optimizer, formatted, kept, set_value
from functorch_jax.torch.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"]


class CosineAnnealingWarmRestarts(LRScheduler):
    """The step size down to `eta_min` by half a cosine, again and again.

    Args:
        optimizer: whose groups' "lr" is set.
        T_0: epochs of the first descent.
        T_mult: how many times longer each next one is.
        eta_min: the lowest step size.
        last_epoch: where to resume.

    Errors: ValueError for a `T_0` or `T_mult` that is no integer from 1 up, and for a negative epoch in `step`.
    Source: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: Any = last_epoch
        if last_epoch > 0:
            self._place(last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._warn_unless_stepping()
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: Any = None) -> None:
        """Set the step sizes of the next epoch, or of `epoch`, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._get_lr_called_within_step = True
        try:
            values = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _place(self, epoch: Any) -> None:
        """Find the descent that `epoch` lies in."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n


class _WithMomentum(LRScheduler):
    """A schedule that moves momentum, or the first of `betas`, as well."""

    use_beta1: bool

    def _find_momentum(self, optimizer: Optimizer) -> None:
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in optimizer.defaults

    def _set_momentum(self, group: dict[str, Any], value: Any) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_WithMomentum):
    """The step size up and down between two bounds, and momentum down and up.

    Args:
        optimizer: whose groups are set.
        base_lr, max_lr: the bounds, numbers or lists with one for each group.
        step_size_up, step_size_down: steps from one bound to the other.
        mode: "triangular", "triangular2" (half as high each cycle) or "exp_range" (`gamma` to the power of the step).
        scale_fn: the height instead, as a function of the cycle or of the step, as `scale_mode` ("cycle" or
            "iterations") says.
        cycle_momentum: move momentum as well, between `base_momentum` and `max_momentum`.
        last_epoch: where to resume.

    Errors: TypeError for what is no optimizer; ValueError for an unknown mode, lists of another length, and an
        optimizer without momentum.
    Source: torch.optim.lr_scheduler.CyclicLR.
    """

    _omitted = ("optimizer", "_scale_fn_ref", "_scale_fn_custom")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[Any], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = formatted("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = formatted("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._find_momentum(optimizer)
            self.base_momentums = formatted("base_momentum", optimizer, base_momentum)
            self.max_momentums = formatted("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                both = zip(self.max_momentums, self.base_momentums, strict=True)
                for (highest, lowest), group in zip(both, optimizer.param_groups, strict=True):
                    self._set_momentum(group, highest)
                    group["max_momentum"] = highest
                    group["base_momentum"] = lowest
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: Any) -> float:
        """The height of a cycle, or at a step, between 0 and 1."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / (2.0 ** (x - 1)) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[Any]:
        self._warn_unless_stepping()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        factor = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            both = zip(self.base_momentums, self.max_momentums, strict=True)
            for (lowest, highest), group in zip(both, self.optimizer.param_groups, strict=True):
                self._set_momentum(group, highest - (highest - lowest) * factor * scale)
        return [
            lowest + (highest - lowest) * factor * scale
            for lowest, highest in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """What the schedule remembers: of a callable object that scales, what it holds."""
        custom = self._scale_fn_custom
        held = None if custom is None or isinstance(custom, types.FunctionType) else dict(vars(custom))
        return {**super().state_dict(), "_scale_fn_custom": held}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
        rest = dict(state_dict)
        held = rest.pop("_scale_fn_custom")
        super().load_state_dict(rest)
        if held is not None and self._scale_fn_custom is not None:
            vars(self._scale_fn_custom).update(held)


class OneCycleLR(_WithMomentum):
    """The step size up to `max_lr` and down to almost nothing, in one cycle, and momentum down and up.

    Args:
        optimizer: whose groups are set.
        max_lr: the highest step size, a number or a list with one for each group.
        total_steps: of the cycle; or `epochs` times `steps_per_epoch`.
        pct_start: share of the steps that go up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move momentum as well, between `base_momentum` and `max_momentum`.
        div_factor: `max_lr` over the first step size.
        final_div_factor: the first step size over the last.
        three_phase: go down to the first step size as fast as up, and only then to the last.
        last_epoch: where to resume.

    Errors: TypeError for what is no optimizer; ValueError for numbers of steps that are not positive, shares outside
        of [0, 1], unknown strategies, an optimizer without momentum, and one step too many.
    Source: torch.optim.lr_scheduler.OneCycleLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        max_lrs = formatted("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for highest, group in zip(max_lrs, optimizer.param_groups, strict=True):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._find_momentum(optimizer)
            highest = formatted("max_momentum", optimizer, max_momentum)
            lowest = formatted("base_momentum", optimizer, base_momentum)
            if last_epoch == -1:
                for high, low, group in zip(highest, lowest, optimizer.param_groups, strict=True):
                    self._set_momentum(group, high)
                    group["max_momentum"] = high
                    group["base_momentum"] = low
        super().__init__(optimizer, last_epoch)

    def _between(self, start: Any, end: Any, share: float) -> Any:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def get_lr(self) -> list[Any]:
        self._warn_unless_stepping()
        step: float = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        start: float = 0.0
        phase = self._schedule_phases[0]
        for phase in self._schedule_phases:
            if step <= phase["end_step"]:
                break
            if phase is not self._schedule_phases[-1]:
                start = phase["end_step"]
        share = (step - start) / (phase["end_step"] - start)
        values = []
        for group in self.optimizer.param_groups:
            values.append(self._between(kept(group[phase["start_lr"]]), kept(group[phase["end_lr"]]), share))
            if self.cycle_momentum:
                start_momentum, end_momentum = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(start_momentum, end_momentum, share))
        return values


def _total_steps(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    given = {"total_steps": total_steps} if total_steps is not None else {}
    for name, value in (given or {"epochs": epochs, "steps_per_epoch": steps_per_epoch}).items():
        if value <= 0 or not isinstance(value, int):
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return int(epochs * steps_per_epoch if total_steps is None else total_steps)


def _phases(total: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and between which options of a group it goes."""

    def phase(end: float, lr: str, momentum: str) -> dict[str, Any]:
        (start_lr, end_lr), (start_momentum, end_momentum) = lr.split(), momentum.split()
        return {
            "end_step": end,
            "start_lr": f"{start_lr}_lr",
            "end_lr": f"{end_lr}_lr",
            "start_momentum": f"{start_momentum}_momentum",
            "end_momentum": f"{end_momentum}_momentum",
        }

    top = float(pct_start * total) - 1
    if not three_phase:
        return [phase(top, "initial max", "max base"), phase(total - 1, "max min", "base max")]
    return [
        phase(top, "initial max", "max base"),
        phase(float(2 * pct_start * total) - 2, "max initial", "base max"),
        phase(total - 1, "initial min", "max max"),
    ]
