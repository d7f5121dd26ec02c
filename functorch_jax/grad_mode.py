"""Grad mode: PyTorch's `no_grad` and its kin, for any JAX code.

The mode is a context variable, right for each thread and task. While it is off and a transformation is running, the
current JAX trace is wrapped by one that stops cotangents (`jaxapi.NoGradTrace`); with no transformation running there
is nothing to stop. Transforms that run in reverse mode switch it on for the function they call, as PyTorch's do: a
`no_grad` inside is honoured, one outside is not.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, Self, TypeVar

from functorch_jax import jaxapi

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])


class Mode(NamedTuple):
    grad: bool
    inference: bool


_ON = Mode(grad=True, inference=False)
_mode: ContextVar[Mode] = ContextVar("functorch_jax_grad_mode", default=_ON)


def is_grad_enabled() -> bool:
    """Whether derivatives are being recorded here. Source: torch.is_grad_enabled."""
    return _mode.get().grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on here. Source: torch.is_inference_mode_enabled."""
    return _mode.get().inference


def _wanted_trace(mode: Mode) -> Any:
    """The trace that should be current under `mode`; None when the present one is right."""
    trace = jaxapi.current_trace()
    if trace is jaxapi.EVAL_TRACE:
        return None
    if type(trace) is jaxapi.NoGradTrace:
        if mode.grad:
            return trace.parent_trace
        return None if trace.inference == mode.inference else jaxapi.NoGradTrace(trace.parent_trace, mode.inference)
    return None if mode.grad else jaxapi.NoGradTrace(trace, mode.inference)


class _Switch:
    """A context manager that puts one mode in force, and a decorator for functions and generators."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._entered: list[tuple[Any, Any]] = []

    def _enter(self) -> tuple[Any, Any]:
        previous = _mode.get()
        _mode.set(self._mode)
        wanted = _wanted_trace(self._mode)
        manager = None
        if wanted is not None:
            manager = jaxapi.set_current_trace(wanted)
            manager.__enter__()
        return previous, manager

    @staticmethod
    def _leave(entered: tuple[Any, Any], exc: tuple[Any, Any, Any] = (None, None, None)) -> None:
        previous, manager = entered
        if manager is not None:
            manager.__exit__(*exc)
        _mode.set(previous)

    def __enter__(self) -> None:
        self._entered.append(self._enter())

    def __exit__(self, *exc: Any) -> None:
        self._leave(self._entered.pop(), exc)

    def clone(self) -> Self:
        return type(self)()  # type: ignore[call-arg]

    def __call__(self, func: F) -> F:
        if inspect.isclass(func):
            setattr(func, "__init__", self(func.__init__))  # noqa: B010
            return func
        if inspect.isgeneratorfunction(func):
            return _decorated_generator(self.clone, func)  # type: ignore[return-value]

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return func(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


def _decorated_generator(switch: Callable[[], _Switch], func: Callable[..., Any]) -> Callable[..., Any]:
    """The generator function whose body, and only its body, runs in the switched mode."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = func(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, generator)
        while True:
            try:
                with switch():
                    value = step()
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield value
            except GeneratorExit:
                with switch():
                    generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)
            else:
                step = functools.partial(generator.send, sent)

    return wrapper


class no_grad(_Switch):
    """Stop reverse-mode derivatives: with `with no_grad():` or as a decorator.

    Nothing computed inside passes a cotangent, at any level of reverse mode that is open; tangents of forward mode go
    through. A transform started inside works as ever, for its own level.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import grad, no_grad
        >>> def f(x):
        ...     with no_grad():
        ...         c = x**2
        ...     return x - c
        >>> print(grad(f)(jnp.float32(3.0)))
        1.0

    Source: torch.no_grad.
    """

    def __new__(cls, func: Any = None) -> Any:
        return cls()(func) if func is not None else super().__new__(cls)

    def __init__(self, func: Any = None) -> None:
        super().__init__(Mode(grad=False, inference=is_inference_mode_enabled()))

    def _enter(self) -> tuple[Any, Any]:
        self._mode = Mode(grad=False, inference=is_inference_mode_enabled())
        return super()._enter()


class enable_grad(_Switch):
    """Record derivatives again inside `no_grad`. Source: torch.enable_grad."""

    def __new__(cls, func: Any = None) -> Any:
        return cls()(func) if func is not None else super().__new__(cls)

    def __init__(self, func: Any = None) -> None:
        super().__init__(_ON)

    def _enter(self) -> tuple[Any, Any]:
        self._mode = Mode(grad=True, inference=is_inference_mode_enabled())
        return super()._enter()


class set_grad_enabled(_Switch):
    """Set grad mode to `mode`: at once, and until the end of the block when used as a context manager.

    Source: torch.set_grad_enabled.
    """

    def __init__(self, mode: bool) -> None:
        self._wanted = bool(mode)
        super().__init__(Mode(grad=self._wanted, inference=is_inference_mode_enabled()))
        self._previous = _mode.get()
        set_mode(self._mode)

    def clone(self) -> set_grad_enabled:
        return type(self)(self._wanted)

    def __enter__(self) -> None:
        set_mode(self._mode)

    def __exit__(self, *exc: Any) -> None:
        set_mode(self._previous)

    def __call__(self, func: F) -> F:
        set_mode(self._previous)  # decorating does not switch; only the call does
        return super().__call__(func)

    def __repr__(self) -> str:
        return f"set_grad_enabled(mode={self._wanted})"


class inference_mode(_Switch):
    """`no_grad` for values that will never be differentiated: they are constants in forward mode too.

    Source: torch.inference_mode.
    """

    def __new__(cls, mode: Any = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(Mode(grad=not mode, inference=bool(mode)))
        self._wanted = bool(mode)

    def clone(self) -> inference_mode:
        return type(self)(self._wanted)


def set_mode(mode: Mode) -> None:
    """Put `mode` in force until something else does (the enclosing transform restores its own)."""
    _mode.set(mode)
    wanted = _wanted_trace(mode)
    if wanted is not None:
        jaxapi.switch_trace(wanted)


class reverse_mode(_Switch):
    """What `grad`, `vjp` and `jacrev` put around the function they call: grad mode on, whatever is outside."""

    def __init__(self) -> None:
        super().__init__(_ON)


class forward_mode(_Switch):
    """What `jvp` and `jacfwd` put around the function they call: grad mode as it is outside, inference mode off."""

    def __init__(self) -> None:
        super().__init__(Mode(grad=is_grad_enabled(), inference=False))

    def __exit__(self, *exc: Any) -> None:
        leaked = _mode.get()
        super().__exit__(*exc)
        if leaked.grad != self._mode.grad:
            set_mode(leaked)


def resync() -> None:
    """Wrap the current trace as the mode asks: the function of a vmap may have switched it and not switched back."""
    wanted = _wanted_trace(_mode.get())
    if wanted is not None:
        jaxapi.switch_trace(wanted)
