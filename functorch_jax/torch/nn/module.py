"""`Module`: a tree of parameters, buffers and modules that can be called."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from functorch_jax.torch._dtype import category, dtype
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._promote import cast, type_name
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.nn._call import HOOKS, Call
from functorch_jax.torch.nn._hooks import registered
from functorch_jax.torch.nn._state import StateDict
from functorch_jax.torch.nn.parameter import Buffer, Parameter, is_lazy

__all__ = ["Module"]

_REGISTRIES = ("_parameters", "_buffers", "_modules")


def _typename(value: Any) -> str:
    """How PyTorch names the type of a value in its messages."""
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return f"torch.{type_name(value.array.dtype)}Tensor"
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class Module(StateDict, Call):
    """The base of every layer and model: assign parameters, buffers and modules to attributes and define `forward`.

    Example:
        >>> from functorch_jax import torch
        >>> class Double(torch.nn.Module):
        ...     def forward(self, x):
        ...         return x * 2
        >>> Double()(torch.ones(2))
        tensor([2., 2.])

    Errors: TypeError when something else is assigned to the name of a parameter, buffer or module; AttributeError when
        one is assigned before `super().__init__()` was called.
    Source: torch.nn.Module.
    """

    _version = 1
    training: bool
    call_super_init = False
    # typed as what attribute access mostly gives, as PyTorch's stubs have it
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            name = f"{Module.__name__}.__init__()"
            if kwargs:
                raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
            if args:
                raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")
        put = super().__setattr__
        put("training", True)
        for registry in _REGISTRIES:
            put(registry, {})
        put("_non_persistent_buffers_set", set())
        put("_is_full_backward_hook", None)
        for hooks in HOOKS:
            put(hooks, OrderedDict())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """What calling the module computes; to be defined by each class."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # -- registration --------------------------------------------------------------------------------------------------

    def _check_name(self, what: str, name: Any, registry: str) -> None:
        if registry not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {_typename(name)}")
        if "." in name:
            got = f", got: {name}" if what == "module" else ""
            raise KeyError(f'{what} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[registry]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or the name of one that is absent (None)."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        self._parameters[name] = None if param is None else registered("parameter_registration", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is no parameter; one that is not `persistent` stays out of the `state_dict`."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = registered("buffer_registration", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = registered("module_registration", self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of `add_module`."""
        self.add_module(name, module)

    def __getattr__(self, name: str) -> Any:
        # only called for what is no ordinary attribute
        own = self.__dict__
        for registry in _REGISTRIES:
            if registry in own and name in own[registry]:
                return own[registry][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in own:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            if name in own["_parameters"]:
                self._refuse(name, value, "parameter", "torch.nn.Parameter or None")
            self._forget(name, "_modules")
            own["_modules"][name] = registered("module_registration", self, name, value)
        elif name in own.get("_parameters", ()):
            if value is not None:
                self._refuse(name, value, "parameter", "torch.nn.Parameter or None")
            own["_parameters"][name] = None
        elif name in own.get("_modules", ()):
            if value is not None:
                self._refuse(name, value, "child module", "torch.nn.Module or None")
            own["_modules"][name] = None
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                self._refuse(name, value, "buffer", "torch.nn.Buffer, torch.Tensor or None")
            if isinstance(value, Buffer):
                self._forget(name, "_buffers")
                self.register_buffer(name, value, value.persistent)
            else:
                own["_buffers"][name] = registered("buffer_registration", self, name, value)
        else:
            super().__setattr__(name, value)

    def _refuse(self, name: str, value: Any, what: str, expected: str) -> None:
        raise TypeError(f"cannot assign '{_typename(value)}' as {what} '{name}' ({expected} expected)")

    def _forget(self, name: str, keep: str) -> None:
        """Take `name` out of everything but the registry that it is about to be put into."""
        own = self.__dict__
        own.pop(name, None)
        for registry in _REGISTRIES:
            if registry != keep:
                own[registry].pop(name, None)
        if keep != "_buffers":
            own["_non_persistent_buffers_set"].discard(name)

    def __delattr__(self, name: str) -> None:
        for registry in _REGISTRIES:
            if name in self.__dict__[registry]:
                del self.__dict__[registry][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        names.update(*(self.__dict__.get(registry, ()) for registry in _REGISTRIES))
        return sorted(name for name in names if not name[0].isdigit())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for hooks in HOOKS:  # an older pickle may lack some
            self.__dict__.setdefault(hooks, OrderedDict())
        self.__dict__.setdefault("_is_full_backward_hook", None)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())

    # -- walking the tree ----------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted names; each once unless told otherwise."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one; each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        for _, module in self.named_children():
            yield module

    def _named_members(
        self,
        members: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        walk: Iterable[tuple[str, Module]] = [(prefix, self)]
        if recurse:
            walk = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in walk:
            for name, value in members(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with their dotted names; a tied one once, under its first name, unless told otherwise."""
        return self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with their dotted names, in the manner of `named_parameters`."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name; "" is this one. Raises AttributeError when there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted name; with `strict` only where there is one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _get_member(self, target: str, registry: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module.__dict__[registry]:
            raise AttributeError(f"`{name}` is not {what}")
        return module.__dict__[registry][name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name. Raises AttributeError when there is none."""
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name. Raises AttributeError when there is none."""
        return self._get_member(target, "_buffers", "a buffer")

    # -- changing all of it --------------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module below, and on this one last."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Replace the values of every parameter, gradient and buffer by what `fn` gives; parameters keep identity."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if is_lazy(parameter):
                parameter.converted(fn)
            elif parameter is not None:
                parameter.reset(fn(parameter).array)
                if parameter._grad is not None:
                    parameter._grad = fn(parameter._grad)
        for name, buffer in self._buffers.items():
            if is_lazy(buffer):
                buffer.converted(fn)
            elif buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def _to_dtype(self, wanted: dtype) -> Self:
        return self._apply(lambda t: t if category(t.array.dtype) == 3 else _as_floating(t, wanted))

    def float(self) -> Self:
        """Take floating parameters and buffers to float32, in place."""
        return self._to_dtype(_dtype("float32"))

    def double(self) -> Self:
        """Take floating parameters and buffers to float64, in place."""
        return self._to_dtype(_dtype("float64"))

    def half(self) -> Self:
        """Take floating parameters and buffers to float16, in place."""
        return self._to_dtype(_dtype("float16"))

    def bfloat16(self) -> Self:
        """Take floating parameters and buffers to bfloat16, in place."""
        return self._to_dtype(_dtype("bfloat16"))

    def type(self, dst_type: Any) -> Self:
        """Take every parameter and buffer to a dtype, in place."""
        return self._apply(lambda t: t.type(dst_type))

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, or take floating parameters and buffers to a dtype, or both; in place.

        `to(device)`, `to(dtype)`, `to(device, dtype)` and `to(tensor)` as in PyTorch. Raises TypeError for a dtype that
        is neither floating nor complex.
        """
        unknown = set(kwargs) - {"device", "dtype", "tensor", "non_blocking", "copy", "memory_format"}
        if unknown:
            raise TypeError(f"Module.to() received an invalid combination of arguments: {', '.join(sorted(unknown))}")
        device, wanted = kwargs.pop("device", None), kwargs.pop("dtype", None)
        for arg in (*args, kwargs.get("tensor")):
            if isinstance(arg, dtype):
                wanted = arg
            elif isinstance(arg, Tensor):
                device, wanted = arg.device, arg.dtype  # type: ignore[attr-defined]
            elif arg is not None and not isinstance(arg, bool):
                device = arg
        if wanted is not None and not (wanted.is_floating_point or wanted.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted}"
            )
        if wanted is not None:
            self._apply(lambda t: _as_floating(t, wanted))
        return self if device is None else self._apply(lambda t: t.to(device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move to a device without keeping the values."""
        return self._apply(lambda t: NAMESPACES["torch"]["empty_like"](t, device=device), recurse)

    def cpu(self) -> Self:
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Self:
        return self.to("cuda" if device is None else device if not isinstance(device, int) else f"cuda:{device}")

    def share_memory(self) -> Self:
        return self

    def train(self, mode: bool = True) -> Self:
        """Put this module and all below it into training mode, or into evaluation mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Put this module and all below it into evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradient of every parameter, or fill it with zeros."""
        for parameter in self.parameters():
            gradient = parameter._grad
            if gradient is not None:
                parameter._grad = None if set_to_none else NAMESPACES["torch"]["zeros_like"](gradient)

    # -- printing ------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        body = "\n  ".join(lines + children)
        return f"{self._get_name()}(\n  {body}\n)" if body else f"{self._get_name()}()"


def _addindent(text: str, spaces: int) -> str:
    """`text` with every line but the first moved to the right."""
    return text.replace("\n", "\n" + " " * spaces)


def _dtype(name: str) -> dtype:
    from functorch_jax.torch._dtype import DTYPES

    return DTYPES[name]


def _as_floating(tensor: Any, wanted: dtype) -> Any:
    """`tensor` in another dtype if it is floating or complex."""
    if category(tensor.array.dtype) < 2 or tensor.array.dtype == wanted.np:
        return tensor
    return wrap(cast(tensor.array, wanted.np))
