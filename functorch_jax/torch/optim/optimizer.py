"""`Optimizer`: parameter groups, state, state dicts and hooks, which all optimizers share. Source: torch.optim."""

from __future__ import annotations

import contextlib
import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from functorch_jax import grad_mode
from functorch_jax.torch._dtype import category, torch_dtype
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.nn._hooks import RemovableHandle, add_hook

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
    "swap_in_optimizer_params_and_state",
]

Closure = Callable[[], Any]


class _Required:
    """Stands for an option without a default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_global_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_global_post_hooks: OrderedDict[int, Any] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer.

    Source: torch.optim.optimizer.register_optimizer_step_pre_hook.
    """
    return add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer.

    Source: torch.optim.optimizer.register_optimizer_step_post_hook.
    """
    return add_hook(_global_post_hooks, hook)


class Optimizer:
    """What updates parameters by their gradients; the base class for an optimizer of one's own.

    A subclass defines `step`, which reads `self.param_groups` and keeps what it remembers of a parameter in
    `self.state[parameter]`.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with a "params" entry and options of their own.
        defaults: the options of a group that does not give them.

    Errors: TypeError for parameters that are no tensors; ValueError for none at all, for one that is in two groups or
        is no leaf, and for a group without a required option.
    Source: torch.optim.Optimizer.
    """

    OptimizerPreHook = Callable[..., Any]
    OptimizerPostHook = Callable[..., Any]

    defaults: dict[str, Any]
    state: defaultdict[Any, Any]
    param_groups: list[dict[str, Any]]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{params.type()}"  # type: ignore[attr-defined]
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        """Make the hooks, and let them run around `step` of this class."""
        self._optimizer_step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_step_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_load_state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()
        cls: Any = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = self.profile_hook_step(cls.step)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if not hasattr(self, "_optimizer_step_pre_hooks"):
            self._prepare()
        for group in self.param_groups:  # a state dict of an older version may lack options
            for name, value in self.defaults.items():
                if value is not required:
                    group.setdefault(name, value)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {i}"] if i else [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # -- steps ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """`func`, a `step` method, with the registered hooks around it."""

        @functools.wraps(func)
        def step(*args: Any, **kwargs: Any) -> Any:
            self = args[0]
            for hook in chain(_global_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
                changed = hook(self, args, kwargs)
                if changed is not None:
                    if not isinstance(changed, tuple) or len(changed) != 2:
                        raise RuntimeError(
                            f"{func} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                        )
                    args, kwargs = changed
            out = func(*args, **kwargs)
            self._opt_called = True  # what schedulers ask about
            for hook in chain(self._optimizer_step_post_hooks.values(), _global_post_hooks.values()):
                hook(self, args, kwargs)
            return out

        step.hooked = True  # type: ignore[attr-defined]
        return step

    def step(self, closure: Closure | None = None) -> Any:
        """Update the parameters once; returns what `closure` gives, where there is one.

        Args:
            closure: computes the loss and the gradients again.
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero in place."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                    continue
                if gradient.grad_fn is not None:
                    parameter.grad = gradient = gradient.detach()
                with grad_mode.no_grad():
                    gradient.zero_()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return other (args, kwargs)."""
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._optimizer_step_post_hooks, hook)

    # -- groups --------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own: a dict with "params" and any of the options."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = None
        if any(isinstance(each, tuple) for each in params):
            if not all(isinstance(each, tuple) for each in params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            names, params = [name for name, _ in params], [tensor for _, tensor in params]
        param_group["params"] = params
        if names is not None:
            param_group["param_names"] = names
        for parameter in params:
            self._check_parameter(parameter)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_distinct(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, parameter: Any) -> None:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(parameter).__name__}")
        tensor: Any = parameter
        if not self.defaults.get("differentiable") and not (tensor.is_leaf or tensor.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    def _check_distinct(self, param_group: dict[str, Any]) -> None:
        params = param_group["params"]
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; PyTorch announces that this will "
                "become an error",
                stacklevel=4,
            )
        if self.param_groups:
            if ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
                word = "without" if "param_names" in self.param_groups[0] else "with"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{word} names to the optimizer"
                )
            known = {id(p) for group in self.param_groups for p in group["params"]}
            if any(id(p) in known for p in params):
                raise ValueError("some parameters appear in more than one parameter group")

    # -- state dicts ---------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before each `state_dict()`."""
        return add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after each `state_dict()`; it may return another one."""
        return add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before each `load_state_dict`; it may return another one."""
        return add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after each `load_state_dict`."""
        return add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """The state and the options as a dict, in which numbers stand for the parameters.

        The tensors of the state are not copied.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        place: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for parameter in group["params"]:
                place.setdefault(id(parameter), len(place))
            options = {key: value for key, value in group.items() if key != "params"}
            groups.append({**options, "params": [place[id(p)] for p in group["params"]]})
        state = {place[id(k)] if isinstance(k, Tensor) else k: value for k, value in self.state.items()}
        found: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, found)
            found = found if changed is None else changed
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` of an optimizer with the same groups gave.

        Values of the state are cast to the dtype of their parameter.

        Errors: ValueError where the groups or their sizes differ.
        """
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved = copy.deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(self.param_groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        owner, options = {}, {}
        for group, old in zip(self.param_groups, saved, strict=True):
            for number, parameter in zip(old["params"], group["params"], strict=True):
                owner[number], options[number] = parameter, old
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owner:
                state[owner[key]] = _fitted(owner[key], value, options[key])
            else:
                state[key] = value
        for group, old in zip(self.param_groups, saved, strict=True):
            old["params"] = group["params"]
            if "param_names" in group:
                old.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Any], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Let the optimizer work on other parameters with another state, inside a `with` block.

    Steps inside write into the given tensors, so that a step can be a function of them, to be compiled as one.

    Args:
        optimizer: has made a step, so that it has a state.
        swapin_parameters: the tensors by name, in the order of the parameters.
        swapin_optim_state: what `state_dict()` gives, with the state and the options to use. It is not copied.

    Errors: RuntimeError for an optimizer without a state, too few parameters, and other groups than the optimizer has.

    Source: torch.optim.swap_in_optimizer_params_and_state.
    """
    name = "swap_in_optimizer_params_and_state"
    if not optimizer.state:
        raise RuntimeError(f"{name} requires initialized optimizer state.")
    groups = swapin_optim_state.get("param_groups")
    if not isinstance(groups, list):
        raise RuntimeError(
            f"{name} requires swapin_optim_state['param_groups'] to be a list of param-group dicts, "
            f"got {type(groups).__name__}."
        )
    live, live_state = optimizer.param_groups, optimizer.state
    if len(groups) != len(live):
        raise RuntimeError("swapin_optim_state has a different number of parameter groups than the live optimizer.")
    given = iter(swapin_parameters.values())
    new_groups: list[dict[str, Any]] = []
    new_state: defaultdict[Any, Any] = defaultdict(dict)
    for old, group in zip(live, groups, strict=True):
        params = list(islice(given, len(old["params"])))
        if len(params) != len(old["params"]):
            raise RuntimeError(
                f"{name} requires the explicit parameter state to match optimizer.param_groups ordering."
            )
        new_groups.append({"params": params, **{key: value for key, value in group.items() if key != "params"}})
        for number, parameter in zip(group["params"], params, strict=False):
            new_state[parameter] = dict(swapin_optim_state.get("state", {}).get(number, {}))
    optimizer.param_groups, optimizer.state = new_groups, new_state
    try:
        yield
    finally:
        optimizer.param_groups, optimizer.state = live, live_state


def _fitted(parameter: Any, value: Any, options: dict[str, Any], key: Any = None) -> Any:
    """`value`, of the state of `parameter`, in the dtype and on the device of that."""
    if isinstance(value, Tensor):
        tensor: Any = value
        if key == "step":
            as_array = options.get("capturable") or options.get("fused")
            return tensor.to(dtype=torch_dtype(np.float32), device=parameter.device) if as_array else tensor
        if category(parameter.array.dtype) >= 2:
            return tensor.to(dtype=parameter.dtype, device=parameter.device)
        return tensor.to(device=parameter.device)
    if isinstance(value, dict):
        return {k: _fitted(parameter, v, options, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_fitted(parameter, v, options) for v in value)  # type: ignore[call-arg]
    return value
