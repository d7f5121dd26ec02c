"""`state_dict` and `load_state_dict`: a module's values by name."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from functorch_jax import grad_mode
from functorch_jax.torch._promote import cast
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.nn._hooks import RemovableHandle, add_hook
from functorch_jax.torch.nn.parameter import Parameter, is_lazy

__all__ = ["StateDict"]

_EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    def __str__(self) -> str:
        return repr(self)


class StateDict:
    """The part of `Module` that saves and loads."""

    _version: int | None

    # -- saving --------------------------------------------------------------------------------------------------------

    def state_dict(
        self: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, detached unless `keep_vars`; they share the values.

        Source: torch.nn.Module.state_dict.
        """
        if args:  # destination, prefix, keep_vars by position, as old programs write
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            changed = hook(self, destination, prefix, local_metadata)
            if changed is not None and getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = destination if changed is None else changed
        return destination

    def _save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in self._own_state().items():
            if value is not None:
                destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA] = self.get_extra_state()

    def _own_state(self: Any) -> dict[str, Any]:
        """The parameters and persistent buffers of this module alone."""
        persistent = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {**self._parameters, **persistent}

    def get_extra_state(self) -> Any:
        """More to save than tensors; a class that defines it also defines `set_extra_state`."""
        raise RuntimeError(f"{type(self).__name__} does not define get_extra_state, so it must not be called")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} does not define set_extra_state, but the state_dict has extra state")

    # -- loading -------------------------------------------------------------------------------------------------------

    def load_state_dict(
        self: Any, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy values by dotted name into parameters and buffers; with `assign`, put the tensors themselves in.

        Errors: RuntimeError that lists every shape that does not fit and, if `strict`, every name that is missing or
            not expected; TypeError when `state_dict` is no mapping.
        Source: torch.nn.Module.load_state_dict.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state = OrderedDict(state_dict)
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []

        def load(module: Any, prefix: str) -> None:
            local = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local["assign_to_params_buffers"] = assign
            below = {k: v for k, v in state.items() if k.startswith(prefix)} if prefix else state
            module._load_from_state_dict(below, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    load(child, f"{prefix}{name}.")
            keys = _IncompatibleKeys(missing, unexpected)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, keys) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                        "values: change the lists of incompatible keys in place"
                    )

        load(self, "")
        if strict:
            for what, names in (("Unexpected", unexpected), ("Missing", missing)):
                if names:
                    quoted = ", ".join(f'"{name}"' for name in names)
                    errors.insert(0, f"{what} key(s) in state_dict: {quoted}. ")
        if errors:
            listed = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self: Any,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own tensors, adding to the lists what is wrong."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = {name: value for name, value in self._own_state().items() if value is not None}
        for name, target in own.items():
            key = prefix + name
            if key in state_dict:
                problem = _load_one(self, name, key, target, state_dict[key], assign)
                if problem:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)
        extra_key = prefix + _EXTRA
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    head, _, rest = key[len(prefix) :].partition(".")
                    if rest or key.endswith("."):
                        known = head in self._modules
                    else:
                        known = head in own
                    if not known:
                        unexpected_keys.append(key)

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
        """Have `hook(module, prefix, keep_vars)` run before `state_dict`."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
        """Have `hook(module, state_dict, prefix, local_metadata)` run after `state_dict`; it changes it in place."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
        """The older kind, which may return another dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously registered via "
                "register_state_dict_post_hook"
            )
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
        """Have `hook(module, state_dict, prefix, ...)` run before each module loads."""
        return add_hook(self._load_state_dict_pre_hooks, functools.partial(hook, self))

    def _register_load_state_dict_pre_hook(
        self: Any, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        if with_module:
            return self.register_load_state_dict_pre_hook(hook)
        return add_hook(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
        """Have `hook(module, incompatible_keys)` run after each module has loaded; it may change the lists."""
        return add_hook(self._load_state_dict_post_hooks, hook)


def _load_one(module: Any, name: str, key: str, target: Any, value: Any, assign: bool) -> str | None:
    """Put `value` into the tensor `target` of `module`; what is wrong when it does not fit."""
    if not isinstance(value, Tensor):
        return (
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint '
            f"but received {type(value)}"
        )
    if is_lazy(value):
        if not is_lazy(target):
            _ = value.shape  # raises what asking for it does
        return None
    array = value.array
    if target.array.ndim == 0 and array.shape == (1,):
        array = array[0]
    if array.shape != target.array.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {Size(array.shape)} from checkpoint, the shape in "
            f"current model is {Size(target.array.shape)}."
        )
    if not assign:
        with grad_mode.no_grad():
            target.overwrite(cast(jnp.asarray(array), target.array.dtype))
    elif isinstance(target, Parameter):
        kept = value if isinstance(value, Parameter) else Parameter(value, requires_grad=target._requires_grad)
        kept._requires_grad = target._requires_grad
        setattr(module, name, kept)
    else:
        setattr(module, name, value)
    return None
