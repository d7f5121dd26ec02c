"""Tensors of a module that are functions of others: `weight` is computed from `parametrizations.weight.original`.

A parametrized module is of a class of its own, made for it, on which the tensor's name is a property.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from functorch_jax import grad_mode
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.nn.container import ModuleDict, ModuleList
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_depth = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Within it each parametrized tensor is computed once. Source: torch.nn.utils.parametrize.cached."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied one after the other, with the tensors they start from.

    `original`, or `original0`, `original1`, ... where the first one's `right_inverse` gives a sequence.

    Source: torch.nn.utils.parametrize.ParametrizationList.
    """

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        value: Any = original
        with grad_mode.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        value = module.right_inverse(value)
        if not isinstance(value, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                f"{type(value).__name__}"
            )
        start: Any = value
        self.is_tensor = isinstance(start, Tensor)
        self.ntensors = 1 if self.is_tensor else len(start)
        if self.is_tensor:
            if original.dtype != start.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {start.dtype}"
                )
            with grad_mode.no_grad():
                _replace(original, start)
            _own(self, "original", original)
        else:
            for i, each in enumerate(start):
                if not isinstance(each, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element "
                        f"{i} of the sequence with type {type(each).__name__}."
                    )
                if isinstance(original, Parameter):
                    each = Parameter(each, requires_grad=original.requires_grad)
                _own(self, f"original{i}", each)

    def _originals(self) -> list[Any]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Any) -> None:
        """Set the originals to what gives `value`, in place.

        Errors: ValueError where a `right_inverse` gives other kinds, numbers or dtypes of tensors than before;
            RuntimeError where one is not implemented.
        """
        with grad_mode.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {value.dtype} while `original` has dtype "
                        f"{self.original.dtype}"
                    )
                _replace(self.original, value)
                return
            if not isinstance(value, Sequence):
                raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(value)}.")
            if len(value) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a sequence of "
                    f"length {len(value)}."
                )
            for i, (original, each) in enumerate(zip(self._originals(), value, strict=True)):
                if not isinstance(each, Tensor):
                    raise ValueError(
                        f"`right_inverse` must return a sequence of tensors. Got element {i} of type {type(each)}"
                    )
                if original.dtype != each.dtype:
                    raise ValueError(
                        f"Tensor {i} returned by `right_inverse` has dtype {each.dtype} while `original{i}` has dtype "
                        f"{original.dtype}"
                    )
                _replace(original, each)

    def forward(self) -> Any:
        first, *rest = self
        value = first(*self._originals())
        for module in rest:
            value = module(value)
        return value


def _own(holder: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        holder.register_parameter(name, tensor)
    else:
        holder.register_buffer(name, tensor)


def _replace(target: Any, value: Any) -> None:
    """Put the values, and the shape, of `value` into `target`."""
    if value is not target:
        target.reset(value.array)


# ---- the class of a parametrized module ------------------------------------------------------------------------------


def _parametrized_class(module: Module) -> None:
    """Give `module` a class of its own."""
    cls = type(module)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        twin = memo.get(id(self))
        if twin is None:
            twin = self.__new__(type(self))
            memo[id(self)] = twin
            twin.__dict__ = copy.deepcopy(self.__dict__, memo)
            # the class belongs to one module alone
            twin.__class__ = type(type(self).__name__, type(self).__bases__, dict(vars(type(self))))
        return twin

    def __getstate__(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(): save that instead"
        )

    attributes: dict[str, Any] = {"__getstate__": __getstate__, "__module__": cls.__module__}
    if not hasattr(cls, "__deepcopy__"):
        attributes["__deepcopy__"] = __deepcopy__
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), attributes)


def _add_property(module: Module, name: str) -> None:
    def get(self: Any) -> Any:
        if not _depth:
            return self.parametrizations[name]()
        key = id(self), name
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or this tensor of it.

    Source: torch.nn.utils.parametrize.is_parametrized.
    """
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a tensor of `module` the output of `parametrization`; further ones are applied after it.

    Args:
        tensor_name: of a parameter or buffer.
        parametrization: a module from a tensor to a tensor; with a `right_inverse(tensor)` it can be assigned to, and
            may start from several tensors.
        unsafe: the parametrization may change the shape or dtype.

    Returns: `module`, which is now of a class of its own.
    Errors: ValueError for a name that is no parameter or buffer, and where shape or dtype change.
    Source: torch.nn.utils.parametrize.register_parametrization.

    Example:
        >>> from functorch_jax import torch
        >>> class Symmetric(torch.nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = torch.nn.utils.parametrize.register_parametrization(torch.nn.Linear(3, 3), "weight", Symmetric())
        >>> torch.allclose(layer.weight, layer.weight.T)
        True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            current = getattr(module, tensor_name)
            _check_like(parametrization(current), current, "forward")
            if hasattr(parametrization, "right_inverse"):
                try:
                    inverse: Any = parametrization.right_inverse(current)
                except NotImplementedError:
                    pass
                else:
                    _check_like(inverse, current, "right_inverse")
        chain = module.parametrizations[tensor_name]
        chain.append(parametrization)
        chain.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        shape, dtype = original.shape, original.dtype
        chain = ParametrizationList([parametrization], original, unsafe=unsafe)
        if not unsafe:
            _check_like(chain(), None, "forward", shape, dtype)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _parametrized_class(module)
            module.parametrizations = ModuleDict()
        _add_property(module, tensor_name)
        module.parametrizations[tensor_name] = chain
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def _check_like(got: Any, wanted: Any, what: str, shape: Any = None, dtype: Any = None) -> None:
    shape, dtype = (wanted.shape, wanted.dtype) if wanted is not None else (shape, dtype)
    if not isinstance(got, Tensor):
        who = "A parametrization" if what == "forward" else "parametrization.right_inverse"
        raise ValueError(f"{who} must return a tensor. Got {type(got).__name__}.")
    for name, value, had in (("dtype", got.dtype, dtype), ("shape", got.shape, shape)):
        if value != had:
            raise ValueError(
                f"Registering a parametrization may not change the {name} of the tensor, unless the `unsafe` flag is "
                f"enabled.\nmodule {name}: {had}\n{what} {name}: {value}"
            )


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor of `module` an ordinary one again: as it was computed, or the original.

    Errors: ValueError for a tensor that is not parametrized, and for the original where there are several.
    Source: torch.nn.utils.parametrize.remove_parametrizations.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    chain = module.parametrizations[tensor_name]
    original = chain._originals()[0]
    if leave_parametrized:
        with grad_mode.no_grad():
            computed = getattr(module, tensor_name)
        if chain.is_tensor:
            _replace(original, computed)
        else:
            tracked = any(each.requires_grad for each in chain._originals())
            kind = isinstance(original, Parameter)
            original = Parameter(computed, requires_grad=tracked) if kind else computed
    elif not chain.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _own(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that `module` had. Source: torch.nn.utils.parametrize.type_before_parametrizations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give `to_module` the parametrizations of `from_module`, and the values of the tensors, or of one of them.

    Source: torch.nn.utils.parametrize.transfer_parametrizations_and_params.
    """
    if not is_parametrized(from_module):
        return to_module
    names = [tensor_name] if tensor_name is not None else list(from_module.parametrizations)
    for name in names:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, copy.deepcopy(source.original) if source.is_tensor else from_module.weight)
        for each in source:
            register_parametrization(to_module, name, each)
        target = to_module.parametrizations[name]
        for theirs, ours in zip(source._originals(), target._originals(), strict=True):
            ours.reset(theirs.array)
    return to_module
