"""Layers that have settings and no parameters: a row of a table each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn.module import Module

__all__ = ["Settings", "layer"]

_REQUIRED: Any = inspect.Parameter.empty


class Settings(Module):
    """A layer that calls one function of `nn.functional` with its settings.

    `function` is its name; `fields` are the settings in the order of `__init__`, with their defaults; `passed` are the
    ones handed to the function, by keyword; `shown` are printed as name=value (`inplace` only when it is set) and
    `bare` as values alone.
    """

    function: str
    fields: dict[str, Any]
    passed: tuple[str, ...]
    shown: tuple[str, ...]
    bare: tuple[str, ...]
    prepare: ClassVar[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        names = list(self.fields)
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__}.__init__() takes from 1 to {len(names) + 1} positional arguments but "
                f"{len(args) + 1} were given"
            )
        values = {**self.fields, **dict(zip(names, args, strict=False))}
        for key, value in kwargs.items():
            if key not in values:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument '{key}'")
            if names.index(key) < len(args):
                raise TypeError(f"{type(self).__name__}.__init__() got multiple values for argument '{key}'")
            values[key] = value
        for key, value in values.items():
            if value is _REQUIRED:
                raise TypeError(f"{type(self).__name__}.__init__() missing 1 required positional argument: '{key}'")
            setattr(self, key, value)
        if type(self).prepare is not None:
            type(self).prepare(self)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        # Inputs by keyword have the names that the function gives them; a setting among them is Python's TypeError.
        return getattr(F, self.function)(*inputs, **named, **{name: getattr(self, name) for name in self.passed})

    def extra_repr(self) -> str:
        parts = [str(getattr(self, name)) for name in self.bare]
        parts += [f"{name}={getattr(self, name)!r}" for name in self.shown if name != "inplace" or self.inplace]
        return ", ".join(parts)


def layer(
    module: str,
    name: str,
    function: str,
    settings: str = "",
    *,
    shown: str = "",
    bare: str = "",
    hidden: str = "",
    prepare: Callable[[Any], None] | None = None,
    bases: tuple[type, ...] = (),
) -> type[Settings]:
    """The class of a layer, for a table.

    Args:
        module: the name of the Python module it is for.
        settings: `__init__`'s parameters as one would write them, such as "alpha=1.0, inplace=False".
        shown, bare: what is printed, as `name=value` or as values.
        hidden: settings that are not passed to the function.
        prepare: called at the end of `__init__`.
        bases: further parents.
    """
    signature = inspect.signature(eval(f"lambda {settings}: None"))
    fields = {p.name: p.default for p in signature.parameters.values()}
    attributes = {
        "__module__": module,
        "__qualname__": name,
        "__doc__": f"`functional.{function}` as a layer. Source: torch.nn.{name}.",
        "__signature__": signature,
        "function": function,
        "fields": fields,
        "passed": tuple(f for f in fields if f not in hidden.split()),
        "shown": tuple(shown.split()),
        "bare": tuple(bare.split()),
        "prepare": prepare,
    }
    return type(name, (Settings, *bases), attributes)
