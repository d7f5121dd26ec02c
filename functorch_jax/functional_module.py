"""A module apart from its parameters: what `make_functional` gives."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from functorch_jax.torch._device import to_device
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.nn import Module, Parameter

__all__ = ["FunctionalModule", "FunctionalModuleWithBuffers"]

Names = dict[str, list[str]]


def _extracted(model: Module, members: Iterable[tuple[str, Any]], registry: str) -> tuple[list[Any], Names]:
    """The tensors of `model`, each once, with all of their names; shapes without values are left in their places."""
    names: dict[int, list[str]] = {}
    tensors: list[Any] = []
    for name, tensor in members:
        if id(tensor) not in names:
            tensors.append(tensor)
        names.setdefault(id(tensor), []).append(name)
    for tensor in tensors:
        skeleton = _skeleton(tensor)
        for name in names[id(tensor)]:
            path, _, key = name.rpartition(".")
            model.get_submodule(path).__dict__[registry][key] = skeleton
    return tensors, {tied[0]: tied for tied in names.values()}


def _skeleton(tensor: Any) -> Any:
    array = to_device(tensor.array, "meta")
    if not isinstance(tensor, Parameter):
        return wrap(array)
    skeleton = Parameter(array=array)
    skeleton._requires_grad = tensor._requires_grad
    return skeleton


class _Exchange:
    """Puts tensors in the places of a skeleton's for the length of a `with` block."""

    def __init__(self, model: Module, registry: str, names: Names, tensors: Iterable[Any]) -> None:
        self.entries = []
        tensors = list(tensors)
        if len(tensors) < len(names):
            raise RuntimeError(
                f"{len(tensors)} tensors were given for the {len(names)} names {', '.join(names)}: Tensor on "
                "device meta is "
                "not on the expected device"
            )
        for tied, tensor in zip(names.values(), tensors, strict=False):  # further ones are not used
            for name in tied:
                path, _, key = name.rpartition(".")
                self.entries.append((model.get_submodule(path).__dict__[registry], key, tensor))
        self.before: list[Any] = []

    def __enter__(self) -> None:
        self.before = [registry[key] for registry, key, _ in self.entries]
        for registry, key, tensor in self.entries:
            registry[key] = tensor

    def __exit__(self, *exc: Any) -> None:
        for (registry, key, _), value in zip(self.entries, self.before, strict=True):
            registry[key] = value


class FunctionalModule(Module):
    """Calls a model with parameters that are given: `func(params, *args, **kwargs)`.

    `param_names` are the parameters' names in the order of `params`, `names_map` has the names tied to each, and
    `stateless_model` is the model with shapes in the place of parameters.

    Source: functorch.FunctionalModule.
    """

    def __init__(self, stateless_model: Module, param_names: Sequence[str], names_map: Names) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names = tuple(param_names)
        self.names_map = dict(names_map)

    @staticmethod
    def _create_from(
        model: Module, disable_autograd_tracking: bool = False
    ) -> tuple[FunctionalModule, tuple[Any, ...]]:
        model = copy.deepcopy(model)
        params, names = _extracted(model, model.named_parameters(remove_duplicate=False), "_parameters")
        if disable_autograd_tracking:
            for param in params:
                param.requires_grad = False
        return FunctionalModule(model, tuple(names), names), tuple(params)

    def forward(self, params: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        with _Exchange(self.stateless_model, "_parameters", self.names_map, params):
            return self.stateless_model(*args, **kwargs)


class FunctionalModuleWithBuffers(Module):
    """Calls a model with parameters and buffers that are given: `func(params, buffers, *args, **kwargs)`.

    `param_names`, `buffer_names` and `stateless_model` are as in `FunctionalModule`; `all_names_map` has the names
    tied to each. A buffer that the model changes in place is changed where it was given.

    Source: functorch.FunctionalModuleWithBuffers.
    """

    def __init__(
        self,
        stateless_model: Module,
        param_names: Sequence[str],
        buffer_names: Sequence[str],
        param_names_map: Names,
        buffer_names_map: Names,
    ) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names = tuple(param_names)
        self.buffer_names = tuple(buffer_names)
        self.all_names_map = {**param_names_map, **buffer_names_map}

    @staticmethod
    def _create_from(
        model: Module, disable_autograd_tracking: bool = False
    ) -> tuple[FunctionalModuleWithBuffers, tuple[Any, ...], tuple[Any, ...]]:
        model = copy.deepcopy(model)
        params, param_map = _extracted(model, model.named_parameters(remove_duplicate=False), "_parameters")
        buffers, buffer_map = _extracted(model, model.named_buffers(remove_duplicate=False), "_buffers")
        if disable_autograd_tracking:
            for param in params:
                param.requires_grad = False
        func = FunctionalModuleWithBuffers(model, tuple(param_map), tuple(buffer_map), param_map, buffer_map)
        return func, tuple(params), tuple(buffers)

    def _names(self, names: Sequence[str]) -> Names:
        return {name: self.all_names_map[name] for name in names}

    def forward(self, params: Iterable[Any], buffers: Iterable[Tensor], *args: Any, **kwargs: Any) -> Any:
        model = self.stateless_model
        with (
            _Exchange(model, "_parameters", self._names(self.param_names), params),
            _Exchange(model, "_buffers", self._names(self.buffer_names), buffers),
        ):
            return model(*args, **kwargs)
