"""Calling a module with other parameters and buffers than its own.

The entries of the module's registries are exchanged for the length of the call. Nothing here needs the torch namespace
until it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functorch_jax.tree import Box

__all__ = ["call_with", "functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]

_ABSENT: Any = object()

# Where a tensor hangs: the dictionary that holds it, and its name there. The attributes of a module that are no
# parameters and no buffers are held by the module's own dictionary.
Slot = tuple[dict[str, Any], str]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with the given parameters and buffers in the place of its own.

    Args:
        parameter_and_buffer_dicts: tensors by dotted name, in a dict or in several with different names; names left out
            keep the module's own tensor. A buffer that the module assigns anew is written back into a single dict.
        args: the positional arguments as a tuple; anything else is the one argument.
        kwargs: the keyword arguments.
        tie_weights: a tensor given for one of several tied names goes to all of them.
        strict: the names must be exactly the module's.

    Errors: ValueError for what is no dict, for a name in two dicts, and for two different tensors for tied names;
        RuntimeError if `strict` and names differ; AttributeError for a submodule that does not exist; TypeError for a
        value that is no tensor. The module is as before in every case.
    Source: torch.func.functional_call.
    """
    return call_with(module, _merged(parameter_and_buffer_dicts), args, kwargs, tie_weights=tie_weights, strict=strict)


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (list, tuple)):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if not all(isinstance(each, dict) for each in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    merged: dict[str, Any] = {}
    repeated: list[str] = []
    for each in dicts:
        repeated += [key for key in each if key in merged]
        merged.update(each)
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return merged


def call_with(
    module: Any,
    tensors: dict[str, Any],
    args: Any,
    kwargs: dict[str, Any] | None,
    *,
    tie_weights: bool,
    strict: bool,
) -> Any:
    """`functional_call` for one dict."""
    own: dict[str, Slot] = {}
    has_ties = _find(module, "", own, {})
    given = _untied(own, tensors) if tie_weights and has_ties else tensors
    if strict:
        _check_names(module, own, given)
    slots: dict[str, Slot] = {}
    for name, value in given.items():
        slots[name] = slot = own.get(name) or _slot(module, name)
        _check_value(slot, name, value)
    before: dict[tuple[int, str], tuple[Slot, Any]] = {}
    for name, value in given.items():
        slot = registry, key = slots[name]
        # one module may hang at two places, and then two names mean one slot
        before.setdefault((id(registry), key), (slot, registry.get(key, _ABSENT)))
        registry[key] = value
    try:
        args = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*args, **({} if kwargs is None else kwargs))
    finally:
        for name in tensors:
            registry, key = slots[name]
            if key in registry and registry[key] is not tensors[name]:
                tensors[name] = registry[key]
        for (registry, key), value in before.values():
            if value is _ABSENT:
                registry.pop(key, None)
            else:
                registry[key] = value


def _find(module: Any, prefix: str, own: dict[str, Slot], names: dict[int, str]) -> bool:
    """Add every parameter and buffer of `module` to `own`, by dotted name, tied ones under each of their names.

    Returns: whether some are tied.
    """
    tied = False
    for registry in (module._parameters, module._buffers):
        for name, value in registry.items():
            if value is not None:
                path = prefix + name
                own[path] = registry, name
                tied |= names.setdefault(id(value), path) is not path
    for name, child in module._modules.items():
        if child is not None:
            tied |= _find(child, f"{prefix}{name}.", own, names)
    return tied


def _untied(own: dict[str, Slot], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """`tensors` with an entry for every name that is tied to one in it."""
    names: dict[int, list[str]] = {}
    for name, (registry, key) in own.items():
        names.setdefault(id(registry[key]), []).append(name)
    out = dict(tensors)
    for tied in names.values():
        if len(tied) > 1:
            present = [name for name in tied if name in tensors]
            if len({id(tensors[name]) for name in present}) > 1:
                raise ValueError(
                    f"functional_call got multiple values for keys {sorted(present)}, which are tied. Consider using "
                    "tie_weights=False"
                )
            out.update((name, tensors[present[0]]) for name in tied if present)
    return out


def _check_names(module: Any, own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    unexpected, missing = sorted(set(given) - set(own)), sorted(set(own) - set(given))
    if unexpected or missing:
        lines = [f"Error(s) in reparametrizing for {type(module).__name__}:"]
        for what, names in (("Unexpected", unexpected), ("Missing", missing)):
            if names:
                lines.append(f"{what} key(s): {', '.join(map(repr, names))}.")
        raise RuntimeError("\n\t".join(lines))


def _slot(module: Any, name: str) -> Slot:
    """The slot of a name that is no parameter and no buffer now."""
    from functorch_jax.torch.nn import Module

    path, _, key = name.rpartition(".")
    for part in path.split(".") if path else ():
        if not hasattr(module, part):
            raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
        inner = getattr(module, part)
        if not isinstance(inner, Module):
            raise TypeError(f"submodule `{path}`: {inner} is not an instance of torch.nn.Module")
        module = inner
    if key == "":
        raise KeyError('tensor name can\'t be empty string ""')
    for registry in (module._parameters, module._buffers, module._modules):
        if key in registry:
            return registry, key
    return module.__dict__, key


def _check_value(slot: Slot, name: str, value: Any) -> None:
    if value is not None and not isinstance(value, Box):
        raise TypeError(f"{value} is not an instance of torch.Tensor")
    held = slot[0].get(slot[1])
    if held is not None and not isinstance(held, Box):
        raise TypeError(f"attribute `{name}`: {held} is not an instance of torch.Tensor")


# ---- ensembles -------------------------------------------------------------------------------------------------------


def check_alike(models: Sequence[Any], call: str) -> None:
    """Raise RuntimeError for models that cannot be stacked, in the words of `call`."""
    if len(models) == 0:
        raise RuntimeError(f"{call}: Expected at least one model, got 0.")
    if any(m.training != models[0].training for m in models):
        raise RuntimeError(f"{call}: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError(f"{call}: Expected all models to be of the same class.")


def stacked(tensors: Sequence[Any]) -> Any:
    """The tensors along a new first axis, without their history. Raises RuntimeError when sizes differ."""
    import jax.numpy as jnp

    from functorch_jax.torch._tensor import wrap

    first = list(tensors[0].shape)
    for i, tensor in enumerate(tensors):
        if list(tensor.shape) != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {first} at entry 0 and {list(tensor.shape)} "
                "at entry "
                f"{i}"
            )
    return wrap(jnp.stack([tensor.array for tensor in tensors]))


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of alike models, each stacked along a new first axis, by dotted name.

    Returns: `(params, buffers)`, ready for `vmap` over `functional_call`. Parameters are leaves that require grad where
        the models' do.
    Errors: RuntimeError for no models, for models of several classes or modes, and for parameters of which some require
        grad and others do not; KeyError for a name that the first model has and another lacks.
    Source: torch.func.stack_module_state.
    """
    models = list(models)
    check_alike(models, "stack_module_state")
    params = _stacked_by_name([dict(m.named_parameters()) for m in models])
    buffers = _stacked_by_name([dict(m.named_buffers()) for m in models])
    return params, buffers


def _stacked_by_name(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    out = {}
    for name in states[0]:
        tensors = [state[name] for state in states]
        wanted = {bool(t.requires_grad) for t in tensors}
        if len(wanted) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        out[name] = stacked(tensors)
        if wanted == {True}:
            out[name].requires_grad = True
    return out


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Take the running statistics from every batch norm in `root`, in place: it then normalises by its batch alone.

    Returns: `root`.
    Source: torch.func.replace_all_batch_norm_modules_.
    """
    from functorch_jax.torch.nn.normalization import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
