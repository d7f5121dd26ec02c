"""Backward hooks of modules: an identity around the inputs and one around the outputs see the gradients pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch._graph import Node, node_type, state
from functorch_jax.torch._tape import edge_of
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.nn import _hooks

__all__ = ["Around", "hook_older"]


class _Passing(Node):
    """Hands gradients on as `see(gradients)` returns them."""

    __slots__ = ("see",)
    see: Callable[[list[Any]], Sequence[Any]]

    def pull(self, gradients: list[Any]) -> list[Any]:
        seen = self.see([None if g is None else wrap(g) for g in gradients])
        return [None if g is None else g.array for g in seen]

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        return list(self.see(gradients))


def _pass(values: Sequence[Any], see: Callable[[list[Any]], Sequence[Any]]) -> tuple[list[Any], bool]:
    """The same values behind a node that calls `see`; whether there is one."""
    here = jaxapi.trace_ref()
    tensors = [x for x in values if isinstance(x, Tensor)]
    edges = [edge_of(x, here) for x in tensors]
    if not any(node is not None for node, _ in edges):
        return list(values), False
    node = node_type("BackwardHookFunctionBackward", _Passing)(
        edges, [(x.array.shape, x.array.dtype) for x in tensors], here
    )
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor)]

    def over_all(gradients: list[Any]) -> list[Any]:
        full: list[Any] = [None] * len(values)
        for i, g in zip(places, gradients, strict=True):
            full[i] = g
        seen = see(full)
        return [seen[i] for i in places]

    node.see = over_all
    out = list(values)
    for k, i in enumerate(places):
        out[i] = wrap(out[i].array)
        out[i]._node, out[i]._nr = node, k
    return out, True


def _changed(old: Sequence[Any], new: Any, name: str) -> Sequence[Any]:
    if new is None:
        return old
    listed = new if isinstance(new, tuple) else (new,)
    if len(listed) != len(old):
        raise RuntimeError(
            f"Backward hook returned an invalid number of {name}, got {len(listed)}, but expected {len(old)}"
        )
    return listed


class Around:
    """The full backward hooks of one call of a module."""

    def __init__(self, module: Any) -> None:
        self.module = module
        full = module._is_full_backward_hook is not False
        self.hooks = [*(_hooks.GLOBAL["backward"].values() if _hooks._backward_is_full is not False else ())]
        self.hooks += module._backward_hooks.values() if full else ()
        self.prehooks = [*_hooks.GLOBAL["backward_pre"].values(), *module._backward_pre_hooks.values()]
        self.outputs: tuple[Any, ...] | None = None
        self.entered = False

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.hooks:
            return args
        passed, self.entered = _pass(args, self._see_inputs)
        return tuple(passed)

    def results(self, result: Any) -> Any:
        single = not isinstance(result, tuple)
        listed = (result,) if single else result
        if not any(isinstance(x, Tensor) for x in listed):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(result)}",
                stacklevel=4,
            )
            return result
        self.count = len(listed)
        passed, _ = _pass(listed, self._see_outputs)
        return passed[0] if single else tuple(passed)

    def _see_outputs(self, gradients: list[Any]) -> Sequence[Any]:
        found: Sequence[Any] = tuple(gradients)
        for hook in self.prehooks:
            found = _changed(found, hook(self.module, found), "grad_output")
        self.outputs = tuple(found)
        if not self.entered:
            for hook in self.hooks:
                if hook(self.module, (None,), self.outputs) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None"
                    )
        return found

    def _see_inputs(self, gradients: list[Any]) -> Sequence[Any]:
        found: Sequence[Any] = tuple(gradients)
        if self.outputs is None:
            return found
        for hook in self.hooks:
            found = _changed(found, hook(self.module, found, self.outputs), "grad_input")
        self.outputs = None
        return found


def around(module: Any) -> Around | None:
    """What the backward hooks of `module` ask for; None when nothing is recorded."""
    return Around(module) if state.live and grad_mode.is_grad_enabled() else None


def hook_older(module: Any, result: Any) -> None:
    """Put hooks of the older kind on the node that made the first output."""
    while not isinstance(result, Tensor):
        result = next(iter(result.values() if isinstance(result, dict) else result))
    node = result.node
    hooks = list(module._backward_hooks.values()) if module._is_full_backward_hook is False else []
    hooks += list(_hooks.GLOBAL["backward"].values()) if _hooks._backward_is_full is False else []
    for hook in hooks if node is not None else ():
        node.register_hook(lambda ins, outs, hook=hook: hook(module, ins, outs))
