"""Registered hooks: their handles, and those that belong to every module."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

__all__ = [
    "GLOBAL",
    "RemovableHandle",
    "add_hook",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
    "registered",
]

Hook = Callable[..., Any]

_ids = itertools.count()


class RemovableHandle:
    """Takes a hook off again: by `remove()`, or at the end of a `with` block.

    Source: torch.utils.hooks.RemovableHandle.
    """

    def __init__(self, hooks: Any, extra: Sequence[Any] = ()) -> None:
        self.id = next(_ids)
        # an OrderedDict can be referred to weakly, so that a handle does not keep a module alive
        self._all = [weakref.ref(each) for each in (hooks, *extra)]

    def __getstate__(self) -> int:
        return self.id

    def __setstate__(self, state: int) -> None:
        self.id = state
        self._all = []

    def remove(self) -> None:
        for ref in self._all:
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


def add_hook(hooks: Any, hook: Hook, prepend: bool = False, marks: Sequence[Any] = ()) -> RemovableHandle:
    """Put `hook` into `hooks`, last or first, and note it in each of `marks`."""
    handle = RemovableHandle(hooks, marks)
    hooks[handle.id] = hook
    for each in marks:
        each[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# ---- of every module -------------------------------------------------------------------------------------------------

GLOBAL: dict[str, OrderedDict[int, Any]] = {
    name: OrderedDict()
    for name in (
        "forward_pre",
        "forward",
        "forward_with_kwargs",
        "forward_always_called",
        "backward_pre",
        "backward",
        "parameter_registration",
        "buffer_registration",
        "module_registration",
    )
}
"""The hooks of every module, by kind; two are the sets of those `forward` ones that take keywords or always run."""

_backward_is_full: bool | None = None


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What the registration hooks make of `value`, which `module` is about to own as `name`."""
    for hook in GLOBAL[kind].values():
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, args)` run before every module's `forward`.

    Source: torch.nn.modules.module.register_module_forward_pre_hook.
    """
    return add_hook(GLOBAL["forward_pre"], hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Have `hook(module, args, output)` run after every module's `forward`, before the module's own hooks.

    Source: torch.nn.modules.module.register_module_forward_hook.
    """
    marks = [GLOBAL["forward_with_kwargs"]] if with_kwargs else []
    marks += [GLOBAL["forward_always_called"]] if always_call else []
    return add_hook(GLOBAL["forward"], hook, marks=marks)


def _backward(hook: Hook, full: bool) -> RemovableHandle:
    global _backward_is_full
    if _backward_is_full is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    _backward_is_full = full
    return add_hook(GLOBAL["backward"], hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The older kind of `register_module_full_backward_hook`.

    Source: torch.nn.modules.module.register_module_backward_hook.
    """
    return _backward(hook, full=False)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, grad_input, grad_output)` run when a module's gradients are there.

    Source: torch.nn.modules.module.register_module_full_backward_hook.
    """
    return _backward(hook, full=True)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, grad_output)` run before a module's gradients are computed.

    Source: torch.nn.modules.module.register_module_full_backward_pre_hook.
    """
    return add_hook(GLOBAL["backward_pre"], hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, name, parameter)` see every parameter that a module takes; it may return another.

    Source: torch.nn.modules.module.register_module_parameter_registration_hook.
    """
    return add_hook(GLOBAL["parameter_registration"], hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, name, buffer)` see every buffer that a module takes; it may return another.

    Source: torch.nn.modules.module.register_module_buffer_registration_hook.
    """
    return add_hook(GLOBAL["buffer_registration"], hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Have `hook(module, name, submodule)` see every submodule that a module takes; it may return another.

    Source: torch.nn.modules.module.register_module_module_registration_hook.
    """
    return add_hook(GLOBAL["module_registration"], hook)
