"""L-BFGS: steps along a quasi-Newton direction, with a line search where one is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from functorch_jax import grad_mode
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.optim._rules import check_lr
from functorch_jax.torch.optim.optimizer import Optimizer

__all__ = ["LBFGS"]

_SUFFICIENT = 1e-4  # the share of the promised descent that a step must give (first condition of Wolfe)
_FLATTER = 0.9  # how steep the end of a step may still be, relative to its start (second condition)
_SMALLEST = 1e-9  # brackets narrower than this are not searched
_TRIALS = 25
_CURVED = 1e-10  # least product of step and change of the gradient that is remembered
_REMEMBERED = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


class LBFGS(Optimizer):
    """Limited-memory BFGS: the curvature is estimated from the last steps and the gradients they changed.

    One `step` makes up to `max_iter` iterations and calls the closure again and again; it reads values, so that it does
    not run inside `jax.jit` or `vmap` (the closure may well be compiled).

    Args:
        params: tensors or (name, tensor) pairs, in one group.
        lr: length of each step, the first trial of the line search.
        max_iter: iterations in one `step`.
        max_eval: calls of the closure in one `step`; 5/4 of `max_iter` by default. A line search is never cut short.
        tolerance_grad: the largest entry of the gradient at which to stop.
        tolerance_change: the change of the parameters or of the loss at which to stop.
        history_size: how many steps are remembered.
        line_search_fn: "strong_wolfe" or None.

    Errors: ValueError for more than one group and a negative `lr`; RuntimeError in `step` for an unknown line search.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.nn.Parameter(torch.tensor([-1.0, 2.0]))
        >>> optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((x - 3) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure)
        tensor(17., grad_fn=<SumBackward0>)
        >>> torch.allclose(x, torch.tensor(3.0))
        True

    Source: torch.optim.LBFGS.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Make up to `max_iter` iterations.

        Args:
            closure: computes the loss and the gradients again; it runs with gradients enabled.

        Returns: what the first call of `closure` gave.
        """
        with grad_mode.no_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        (group,) = self.param_groups
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> tuple[Any, Any]:
            with grad_mode.enable_grad():
                out = closure()
            state["func_evals"] += 1
            return out, self._gradient()

        before = state["func_evals"]
        first, gradient = evaluate()
        loss = float(first)
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first
        memory = {name: state.get(name) for name in _REMEMBERED}
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = memory["d"] = _direction(state, memory, gradient, group["history_size"])
            if memory["prev_flat_grad"] is None:
                memory["prev_flat_grad"] = gradient.clone()
            else:
                memory["prev_flat_grad"].copy_(gradient)
            previous = memory["prev_loss"] = loss
            length = memory["t"] = group["lr"]
            if state["n_iter"] == 1:
                length = memory["t"] = min(1.0, 1.0 / gradient.abs().sum()) * group["lr"]
            slope = gradient.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            last = i == group["max_iter"]
            if group["line_search_fn"] is None:
                self._move(length, direction)
                if not last:
                    loss, gradient = evaluate()
                    loss = float(loss)
            elif group["line_search_fn"] != "strong_wolfe":
                raise RuntimeError("only 'strong_wolfe' is supported")
            else:
                length, loss, gradient, _ = self._search(evaluate, length, direction, _Point(0, loss, gradient, slope))
                memory["t"] = length
                self._move(length, direction)
            if (
                last
                or state["func_evals"] - before >= group["max_eval"]
                or (gradient.abs().max() <= group["tolerance_grad"])
                or ((direction * length).abs().max() <= group["tolerance_change"])
                or abs(loss - previous) < group["tolerance_change"]
            ):
                break
        state.update(memory)
        return first

    def _search(self, evaluate: Callable[[], Any], length: Any, direction: Any, start: _Point) -> _Point:
        """The end of a step from `start` along `direction`; the parameters are left where they are."""
        here = [p.clone() for p in self._params]

        def at(t: Any) -> _Point:
            self._move(t, direction)
            loss, gradient = evaluate()
            for parameter, value in zip(self._params, here, strict=True):
                parameter.copy_(value)
            return _Point(t, float(loss), gradient, gradient.dot(direction))

        return _strong_wolfe(at, length, start, direction.abs().max())

    def _gradient(self) -> Any:
        """The gradients of all parameters as one vector, complex numbers as pairs."""
        parts = [_real(p.new_zeros(p.shape) if p.grad is None else p.grad).reshape(-1) for p in self._params]
        return NAMESPACES["torch"]["cat"](parts)

    def _move(self, length: Any, direction: Any) -> None:
        """Move the parameters in place."""
        start = 0
        for p in self._params:
            real = _real(p)
            end = start + real.numel()
            real.add_(direction[start:end].view(real.shape), alpha=length)
            start = end


def _real(x: Any) -> Any:
    return NAMESPACES["torch"]["view_as_real"](x) if x.is_complex() else x


def _direction(state: dict[str, Any], memory: dict[str, Any], gradient: Any, size: int) -> Any:
    """Minus the gradient times the estimate of the inverse Hessian, after the last step has been remembered."""
    if state["n_iter"] == 1:
        memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return gradient.neg()
    changes, steps, inverse = memory["old_dirs"], memory["old_stps"], memory["ro"]
    change = gradient - memory["prev_flat_grad"]
    step = memory["d"] * memory["t"]
    product = change.dot(step)
    if product > _CURVED:
        if len(changes) == size:
            for each in (changes, steps, inverse):
                each.pop(0)
        changes.append(change)
        steps.append(step)
        inverse.append(1.0 / product)
        memory["H_diag"] = product / change.dot(change)
    weights = state.setdefault("al", [None] * size)
    out = gradient.neg()
    for i in reversed(range(len(changes))):
        weights[i] = steps[i].dot(out) * inverse[i]
        out = out - weights[i] * changes[i]
    out = out * memory["H_diag"]
    for i in range(len(changes)):
        out = out + (weights[i] - changes[i].dot(out) * inverse[i]) * steps[i]
    return out


class _Point(NamedTuple):
    """A place along the direction: how far, the loss, the gradient, and its component along the direction."""

    t: Any
    loss: float
    gradient: Any
    slope: Any


def _strong_wolfe(at: Callable[[Any], _Point], t: Any, start: _Point, size: Any) -> _Point:
    """A point that is lower than `start` by enough and flat enough: bracketed first, then narrowed down.

    Source: Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6.
    """

    def too_high(point: _Point) -> bool:
        return bool(point.loss > start.loss + _SUFFICIENT * point.t * start.slope)

    def flat(point: _Point) -> bool:
        return bool(abs(point.slope) <= -_FLATTER * start.slope)

    before, point, trials = start, at(t), 0
    while True:
        if trials == _TRIALS:
            before = start
            break
        if too_high(point) or (trials > 1 and point.loss >= before.loss):
            break
        if flat(point):
            return point
        if point.slope >= 0:
            break
        bounds = (point.t + 0.01 * (point.t - before.t), point.t * 10)
        t = _lowest(before, point, bounds)
        before, point, trials = point, at(t), trials + 1

    bracket = [before, point]
    low, stuck = _lower(bracket), False
    while trials < _TRIALS and not bool(abs(bracket[1].t - bracket[0].t) * size < _SMALLEST):
        left, right = sorted(point.t for point in bracket)
        t, stuck = _inside(_lowest(bracket[0], bracket[1], (left, right)), left, right, stuck)
        point, trials = at(t), trials + 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = _lower(bracket)
            continue
        if flat(point):
            return point
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low]


def _lower(bracket: list[_Point]) -> int:
    return 0 if bracket[0].loss <= bracket[1].loss else 1


def _inside(t: Any, left: Any, right: Any, stuck: bool) -> tuple[Any, bool]:
    """`t`, moved off the ends of the bracket where it lies at one, or is close to one for the second time."""
    margin = 0.1 * (right - left)
    if not bool(min(right - t, t - left) < margin):
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def _lowest(a: _Point, b: _Point, bounds: tuple[Any, Any]) -> Any:
    """Where the cubic through two points with their slopes is lowest, within bounds; their middle if it is nowhere."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = middle**2 - a.slope * b.slope
    if not bool(square >= 0):
        return (bounds[0] + bounds[1]) / 2.0
    root = square.sqrt() if isinstance(square, Tensor) else square**0.5
    t = b.t - (b.t - a.t) * ((b.slope + root - middle) / (b.slope - a.slope + 2 * root))
    return min(max(t, bounds[0]), bounds[1])
