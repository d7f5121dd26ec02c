"""Calling a module, and the hooks around a call."""

from __future__ import annotations

import importlib
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from functorch_jax.torch.nn import _backward_hooks
from functorch_jax.torch.nn._hooks import GLOBAL, RemovableHandle, add_hook

__all__ = ["HOOKS", "Call"]

HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
"""The registries of hooks that every module has."""

_PRE, _AFTER = GLOBAL["forward_pre"], GLOBAL["forward"]
_BACKWARD, _BACKWARD_PRE = GLOBAL["backward"], GLOBAL["backward_pre"]


class Call:
    """The part of `Module` that is called."""

    _compiled_call_impl: Callable[..., Any] | None = None
    _is_full_backward_hook: bool | None
    _forward_pre_hooks: OrderedDict[int, Any]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, Any]
    _forward_hooks: OrderedDict[int, Any]
    _forward_hooks_with_kwargs: OrderedDict[int, Any]
    _forward_hooks_always_called: OrderedDict[int, Any]
    _backward_hooks: OrderedDict[int, Any]
    _backward_pre_hooks: OrderedDict[int, Any]

    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._compiled_call_impl is not None:
            return self._compiled_call_impl(*args, **kwargs)
        return self._call_impl(*args, **kwargs)

    def _call_impl(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        if own["_backward_hooks"] or own["_backward_pre_hooks"] or _BACKWARD or _BACKWARD_PRE:
            return self._call_hooked(args, kwargs, _backward_hooks.around(self))
        if not (own["_forward_pre_hooks"] or own["_forward_hooks"] or _PRE or _AFTER):
            return self.forward(*args, **kwargs)
        return self._call_hooked(args, kwargs)

    def _call_hooked(self: Any, args: Any, kwargs: Any, around: Any = None) -> Any:
        done: set[int] = set()
        result = None
        try:
            args, kwargs = self._before(args, kwargs)
            if around is not None:
                args = around.inputs(args)
            result = self.forward(*args, **kwargs)
            for key, hook, with_kwargs, _ in self._hooks_after():
                done.add(key)
                result = self._after(hook, with_kwargs, args, kwargs, result)
        except Exception:
            for key, hook, with_kwargs, always in self._hooks_after():
                if always and key not in done:
                    try:
                        result = self._after(hook, with_kwargs, args, kwargs, result)
                    except Exception as error:
                        warnings.warn(
                            "a forward hook with always_call=True raised an exception that was silenced as another "
                            f"error was raised in forward: {error}",
                            stacklevel=2,
                        )
            raise
        if around is not None:
            if around.hooks or around.prehooks:
                result = around.results(result)
            _backward_hooks.hook_older(self, result)
        return result

    def _before(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments as the pre-hooks leave them: those of every module, then this one's."""
        for key, hook in [*_PRE.items(), *self._forward_pre_hooks.items()]:
            if key in self._forward_pre_hooks_with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                            f"{changed}."
                        )
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        return args, kwargs

    def _hooks_after(self) -> list[tuple[int, Any, bool, bool]]:
        """The forward hooks in their order: key, hook, whether it takes keywords, whether it always runs."""
        with_kwargs = {*GLOBAL["forward_with_kwargs"], *self._forward_hooks_with_kwargs}
        always = {*GLOBAL["forward_always_called"], *self._forward_hooks_always_called}
        hooks = [*_AFTER.items(), *self._forward_hooks.items()]
        return [(key, hook, key in with_kwargs, key in always) for key, hook in hooks]

    def _after(self, hook: Any, with_kwargs: bool, args: Any, kwargs: Any, result: Any) -> Any:
        changed = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
        return result if changed is None else changed

    def compile(self: Any, *args: Any, **kwargs: Any) -> None:
        """Have calls run compiled, with the settings of `torch.compile`. Source: torch.nn.Module.compile."""
        torch = importlib.import_module("functorch_jax.torch")
        self._compiled_call_impl = torch.compile(self._call_impl, *args, **kwargs)

    # -- registration --------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Have `hook(module, args)` run before each `forward`; what it returns replaces the arguments.

        Args:
            prepend: before the hooks that are there.
            with_kwargs: the hook is `hook(module, args, kwargs)`, and returns the pair.

        Source: torch.nn.Module.register_forward_pre_hook.
        """
        marks = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return add_hook(self._forward_pre_hooks, hook, prepend, marks)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Have `hook(module, args, output)` run after each `forward`; what it returns replaces the output.

        Args:
            prepend: before the hooks that are there.
            with_kwargs: the hook is `hook(module, args, kwargs, output)`.
            always_call: also when `forward` raises.

        Source: torch.nn.Module.register_forward_hook.
        """
        marks = [self._forward_hooks_with_kwargs] if with_kwargs else []
        marks += [self._forward_hooks_always_called] if always_call else []
        return add_hook(self._forward_hooks, hook, prepend, marks)

    def _backward_kind(self, full: bool) -> None:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only "
                "one of them."
            )
        self._is_full_backward_hook = full

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Have `hook(module, grad_input, grad_output)` run when this module's gradients are there.

        Source: torch.nn.Module.register_full_backward_hook.
        """
        self._backward_kind(full=True)
        return add_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older kind of `register_full_backward_hook`. Source: torch.nn.Module.register_backward_hook."""
        self._backward_kind(full=False)
        return add_hook(self._backward_hooks, hook)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Have `hook(module, grad_output)` run before this module's gradients are computed.

        Source: torch.nn.Module.register_full_backward_pre_hook.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)
