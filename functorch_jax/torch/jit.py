"""TorchScript's names in their harmless form: a function stays the Python function it is. Source: torch.jit.

What a program does with a scripted function is call it, and here that gives the same answer; nothing is compiled.
Saving and loading of scripted programs is a declared gap.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from functorch_jax.torch._names import missing

__all__ = [
    "Error",
    "Final",
    "ScriptWarning",
    "TracerWarning",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "optimized_execution",
    "script",
    "script_if_tracing",
    "trace",
    "unused",
    "wait",
]  # fmt: skip

T = TypeVar("T")
_isinstance = isinstance


class TracerWarning(Warning):
    """What PyTorch warns with while it traces. Source: torch.jit.TracerWarning."""


class ScriptWarning(Warning):
    """What PyTorch warns with while it scripts. Source: torch.jit.ScriptWarning."""


class Error(RuntimeError):
    """What a scripted program raises. Source: torch.jit.Error."""


def script(obj: T, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> T:
    """`obj` itself, a function, class or module. Source: torch.jit.script."""
    return obj


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """`func` itself, a function or module: it goes on branching on values, where PyTorch's trace would not.

    Source: torch.jit.trace.
    """
    return func


def script_if_tracing(fn: T) -> T:
    """`fn` itself. Source: torch.jit.script_if_tracing."""
    return fn


_script_if_tracing = script_if_tracing


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself, as `@ignore` and as `@ignore(drop=True)`. Source: torch.jit.ignore."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: T) -> T:
    """`fn` itself. Source: torch.jit.unused."""
    return fn


def export(fn: T) -> T:
    """`fn` itself. Source: torch.jit.export."""
    return fn


def interface(obj: T) -> T:
    """`obj` itself. Source: torch.jit.interface."""
    return obj


def freeze(mod: T, preserved_attrs: Any = None, optimize_numerics: bool = True) -> T:
    """`mod` itself. Source: torch.jit.freeze."""
    return mod


def annotate(the_type: Any, the_value: T) -> T:
    """`the_value`. Source: torch.jit.annotate."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Python's `isinstance`. Source: torch.jit.isinstance."""
    return _isinstance(obj, target_type)


def is_scripting() -> bool:
    """False: nothing is compiled by TorchScript. Source: torch.jit.is_scripting."""
    return False


def is_tracing() -> bool:
    """False: nothing is traced by TorchScript. Source: torch.jit.is_tracing."""
    return False


def optimized_execution(should_optimize: bool) -> Any:
    """Accepted, as a context manager. Source: torch.jit.optimized_execution."""
    return contextlib.nullcontext()


class _Done:
    def __init__(self, value: Any) -> None:
        self.value = value

    def wait(self) -> Any:
        return self.value


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> _Done:
    """Calls `func` now; `wait` gives its result. Source: torch.jit.fork."""
    return _Done(func(*args, **kwargs))


def wait(future: _Done) -> Any:
    """The result of what `fork` called. Source: torch.jit.wait."""
    return future.wait()


def __getattr__(name: str) -> Any:
    raise missing("torch.jit", name, lambda: __all__)
