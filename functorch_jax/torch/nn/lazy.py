"""Layers whose sizes the first input decides."""

from __future__ import annotations

import inspect
from typing import Any

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn import normalization
from functorch_jax.torch.nn.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from functorch_jax.torch.nn.linear import Linear
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.parameter import (
    UninitializedBuffer,
    UninitializedParameter,
    is_lazy,
)

__all__: list[str] = []


class LazyModuleMixin:
    """Mixed in before a module's class: parameters stay uninitialised until the first call.

    A class with it makes `UninitializedParameter`s and defines `initialize_parameters(*inputs)`, which materialises
    them. After the first call the module is of the class `cls_to_become`, where that is set.

    Example:
        >>> from functorch_jax import torch
        >>> layer = torch.nn.LazyLinear(2)
        >>> layer(torch.ones(4, 3)).shape, layer
        (torch.Size([4, 2]), Linear(in_features=3, out_features=2, bias=True))

    Source: torch.nn.modules.lazy.LazyModuleMixin.
    """

    cls_to_become: type[Any] | None = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
        # a tensor without values cannot be detached
        for name, value in self._own_state().items():
            if value is not None:
                destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()

    def _lazy_load_hook(self: Any, state_dict: Any, prefix: str, *args: Any) -> None:
        """Take the shapes of a checkpoint for what has none."""
        for name, value in {**self._parameters, **self._buffers}.items():
            key = prefix + name
            if value is not None and is_lazy(value) and key in state_dict and not is_lazy(state_dict[key]):
                value.materialize(state_dict[key].shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialise the parameters for these inputs of `forward`; each class defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether some parameter or buffer of this module alone has no shape yet."""
        return any(is_lazy(value) for value in (*self._parameters.values(), *self._buffers.values()))

    def _infer_parameters(self: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _replicate_for_data_parallel(self: Any) -> Any:
        raise RuntimeError("Modules with uninitialized parameters can't be used with `DataParallel`: run it once first")


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose `in_features` is the last size of the first input. Source: torch.nn.LazyLinear."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False, device, dtype)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:  # type: ignore[override]
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))  # type: ignore[attr-defined]
            if self.bias is not None:
                self.bias.materialize((self.out_features,))  # type: ignore[attr-defined]
            self.reset_parameters()
        if self.in_features == 0:
            self.in_features = input.shape[-1]


class _LazyConvXdMixin(LazyModuleMixin):
    transposed: bool

    def __init__(self: Any, out_channels: int, *args: Any, **kwargs: Any) -> None:
        plain = type(self).cls_to_become
        given = inspect.signature(plain.__init__).bind(self, 0, 0, *args, **kwargs)
        bias = given.arguments.get("bias", True)
        given.arguments["bias"] = False
        super().__init__(*given.args[1:], **given.kwargs)
        place: Any = {"device": given.arguments.get("device"), "dtype": given.arguments.get("dtype")}
        self.weight = UninitializedParameter(**place)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(**place)

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Any, *args: Any, **kwargs: Any) -> None:
        if self.has_uninitialized_params():
            n = self.dims
            if input.ndim not in (n + 1, n + 2):
                raise RuntimeError(
                    f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but got "
                    f"input of size: {input.shape}"
                )
            self.in_channels = input.shape[-1 - n]
            if self.in_channels % self.groups != 0:
                raise ValueError("in_channels must be divisible by groups")
            first, second = self.in_channels, self.out_channels
            if not self.transposed:
                first, second = second, first
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyNormBase(LazyModuleMixin):
    def __init__(
        self: Any,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        place = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, **place, bias=bias)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**place)
            if bias:
                self.bias = UninitializedParameter(**place)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**place)
            self.running_var = UninitializedBuffer(**place)
            self.num_batches_tracked = NAMESPACES["torch"]["tensor"](0)

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Any) -> None:  # type: ignore[override]
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if value is not None:
                    value.materialize((self.num_features,))
            self.reset_parameters()


def _lazy(mixin: type, plain: type[Module]) -> type:
    """The lazy class of a layer."""
    name = f"Lazy{plain.__name__}"
    doc = f"A `{plain.__name__}` whose number of channels the first input decides. Source: torch.nn.{name}."
    __all__.append(name)
    return type(name, (mixin, plain), {"__module__": __name__, "__doc__": doc, "cls_to_become": plain})


LazyConv1d = _lazy(_LazyConvXdMixin, Conv1d)
LazyConv2d = _lazy(_LazyConvXdMixin, Conv2d)
LazyConv3d = _lazy(_LazyConvXdMixin, Conv3d)
LazyConvTranspose1d = _lazy(_LazyConvXdMixin, ConvTranspose1d)
LazyConvTranspose2d = _lazy(_LazyConvXdMixin, ConvTranspose2d)
LazyConvTranspose3d = _lazy(_LazyConvXdMixin, ConvTranspose3d)
LazyBatchNorm1d = _lazy(_LazyNormBase, normalization.BatchNorm1d)
LazyBatchNorm2d = _lazy(_LazyNormBase, normalization.BatchNorm2d)
LazyBatchNorm3d = _lazy(_LazyNormBase, normalization.BatchNorm3d)
LazyInstanceNorm1d = _lazy(_LazyNormBase, normalization.InstanceNorm1d)
LazyInstanceNorm2d = _lazy(_LazyNormBase, normalization.InstanceNorm2d)
LazyInstanceNorm3d = _lazy(_LazyNormBase, normalization.InstanceNorm3d)
__all__ += ["LazyLinear"]
