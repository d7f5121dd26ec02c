"""functorch's older way to call a module with other parameters: the module apart from its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functorch_jax.functional_call import check_alike, stacked

if TYPE_CHECKING:
    from functorch_jax.functional_module import FunctionalModule, FunctionalModuleWithBuffers

__all__ = ["combine_state_for_ensemble", "make_functional", "make_functional_with_buffers"]


def make_functional(model: Any, disable_autograd_tracking: bool = False) -> tuple[FunctionalModule, tuple[Any, ...]]:
    """Take a copy of `model` apart into a function and its parameters: `func(params, *args)`.

    Args:
        disable_autograd_tracking: the parameters do not require grad.

    Errors: RuntimeError when the model has buffers.
    Source: functorch.make_functional.
    """
    from functorch_jax.functional_module import FunctionalModule

    if any(True for _ in model.buffers()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead."
        )
    return FunctionalModule._create_from(model, disable_autograd_tracking)


def make_functional_with_buffers(
    model: Any, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModuleWithBuffers, tuple[Any, ...], tuple[Any, ...]]:
    """Take a copy of `model` apart into a function, its parameters and its buffers: `func(params, buffers, *args)`.

    Source: functorch.make_functional_with_buffers.
    """
    from functorch_jax.functional_module import FunctionalModuleWithBuffers

    return FunctionalModuleWithBuffers._create_from(model, disable_autograd_tracking)


def combine_state_for_ensemble(
    models: Any,
) -> tuple[FunctionalModuleWithBuffers, tuple[Any, ...], tuple[Any, ...]]:
    """A function for models that are alike, and their parameters and buffers stacked along a new first axis.

    `vmap(func, in_dims=(0, 0, None))(params, buffers, x)` calls all of them.

    Errors: RuntimeError for no models, and for models of several classes or modes.
    Source: functorch.combine_state_for_ensemble.
    """
    models = list(models)
    check_alike(models, "combine_state_for_ensemble")
    parts = [make_functional_with_buffers(model) for model in models]
    params = tuple(stacked(tensors) for tensors in zip(*(part[1] for part in parts), strict=True))
    buffers = tuple(stacked(tensors) for tensors in zip(*(part[2] for part in parts), strict=True))
    return parts[0][0], params, buffers
