"""PyTorch's operator database, and its operators and samples translated into calls of ours."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

from functorch_jax import func
from functorch_jax import torch as ours

__all__ = ["ENTRIES", "Entry", "map_tensors", "samples", "to_ours"]

Entry = Any  # an OpInfo of PyTorch's


def identity(entry: Entry) -> str:
    """A name for an entry that no other has."""
    return f"{entry.name}:{entry.variant_test_name}" if entry.variant_test_name else entry.name


def runs_on_cpu(entry: Entry) -> bool:
    """Whether PyTorch has the operator on this machine, for a dtype that both have."""
    return bool(entry.dtypes & DTYPES.keys()) and not entry.name.startswith(("jiterator", "torch.ops"))


DTYPES = {getattr(torch, name): name for name in ("float32", "int64", "bool", "complex64", "float64", "complex128")}
ENTRIES: dict[str, Entry] = {identity(entry): entry for entry in op_db if runs_on_cpu(entry)}


# ---- operators -------------------------------------------------------------------------------------------------------


def _pooling_pulled_back(x: Any, **settings: Any) -> Any:
    settings.pop("return_indices", None)
    out, pull = func.vjp(lambda x: ours.nn.functional.max_pool2d(x, **settings), x)
    return pull(ours.ones_like(out))[0]


# operators that PyTorch itself has no public name for
NAMELESS: dict[str, Callable[..., Any]] = {
    "slice": ours.slice_copy,
    "max_pool2d_with_indices_backward": _pooling_pulled_back,
}


@functools.cache
def our_operator(name: str) -> Callable[..., Any]:
    """The function of ours that an entry is about. Raises AttributeError where there is none."""
    entry = ENTRIES[name]
    op = entry.op
    if name in NAMELESS:
        return NAMELESS[name]
    if isinstance(op, types.FunctionType) and "testing" in op.__module__:
        return rebound(op)  # PyTorch's wrapper around the operator, calling ours
    if entry.name.startswith("__"):
        return getattr(ours.Tensor, entry.name)
    roots = [(ours, entry.name), (ours.Tensor, entry.name)]
    if "." not in entry.name:
        roots.append((ours, getattr(op, "__name__", entry.name)))
    for root, path in roots:
        try:
            found = operator.attrgetter(path)(root)
        except AttributeError:
            continue
        if not isinstance(found, ours.dtype):  # `cfloat` is a method, and a dtype
            return found
    raise AttributeError(f"torch.{entry.name} is not there")


@functools.cache
def _globals(module_globals: int, owner: Callable[..., Any]) -> dict[str, Any]:
    """The globals of a module of PyTorch's in which `torch` is ours, its functions among them."""
    scope = dict(owner.__globals__)
    for name, value in scope.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is owner.__globals__:
            scope[name] = _with_globals(value, scope)
    scope["torch"] = ours
    if "wrapper_set_seed" in scope:
        scope["wrapper_set_seed"] = _seeded
    return scope


def _seeded(op: Any, *args: Any, **kwargs: Any) -> Any:
    """The call of `op` with our generator in the state in which PyTorch's `wrapper_set_seed` has its own."""
    state = ours.get_rng_state()
    ours.manual_seed(42)
    try:
        return op(*args, **kwargs)
    finally:
        ours.set_rng_state(state)


def _with_globals(fn: Any, scope: dict[str, Any]) -> Any:
    copy = types.FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__, fn.__closure__)
    copy.__kwdefaults__ = fn.__kwdefaults__
    return copy


_SCOPES: dict[int, dict[str, Any]] = {}


def rebound(fn: Any) -> Any:
    """`fn` of PyTorch's as it would be if its `torch` were ours."""
    key = id(fn.__globals__)
    if key not in _SCOPES:
        _SCOPES[key] = _globals(key, fn)
    copy = _with_globals(fn, _SCOPES[key])
    if fn.__closure__:
        cells = (types.CellType(to_ours(cell.cell_contents)) for cell in fn.__closure__)
        copy = types.FunctionType(fn.__code__, _SCOPES[key], fn.__name__, fn.__defaults__, tuple(cells))
        copy.__kwdefaults__ = fn.__kwdefaults__
    return copy


# ---- values ----------------------------------------------------------------------------------------------------------


def to_numpy(x: torch.Tensor) -> np.ndarray[Any, Any]:
    x = x.detach()
    x = x.float() if x.dtype == torch.bfloat16 else x  # which NumPy does not have
    if x.is_sparse or x.layout is not torch.strided:
        x = x.to_dense()
    return x.resolve_conj().resolve_neg().cpu().numpy(force=True)  # also zeros that PyTorch has not made yet


def map_tensors(fn: Callable[[Any], Any], x: Any, kind: Any = torch.Tensor) -> Any:
    """`x` with `fn` applied to its tensors."""
    if isinstance(x, kind):
        return fn(x)
    if type(x) in (list, tuple):
        return type(x)(map_tensors(fn, e, kind) for e in x)
    if type(x) is dict:
        return {k: map_tensors(fn, v, kind) for k, v in x.items()}
    return x


_SINGLE = (torch.dtype, torch.layout, torch.memory_format)


def to_ours(x: Any) -> Any:
    """A value of PyTorch's as the same value of ours."""
    if isinstance(x, torch.Tensor):
        if x.dtype in (torch.bfloat16,):
            return ours.tensor(x.float().numpy()).to(ours.bfloat16)
        return ours.tensor(to_numpy(x))
    if isinstance(x, _SINGLE):
        return getattr(ours, str(x).removeprefix("torch."))
    if isinstance(x, torch.device):
        return ours.device(str(x))
    if isinstance(x, torch.Size):
        return ours.Size(x)
    if isinstance(x, torch.nn.Module):
        return getattr(ours.nn, type(x).__name__)()
    if isinstance(x, types.FunctionType) and x.__module__.startswith("torch."):
        return rebound(x) if "testing" in x.__module__ else operator.attrgetter(x.__name__)(ours.nn.functional)
    if isinstance(x, types.BuiltinFunctionType) and (x.__module__ or "").startswith("torch"):
        return getattr(ours.nn.functional, x.__name__, None) or getattr(ours, x.__name__)
    if type(x) in (list, tuple):
        return type(x)(map(to_ours, x))
    if type(x) is dict:
        return {k: to_ours(v) for k, v in x.items()}
    return x


# ---- samples ---------------------------------------------------------------------------------------------------------


def samples(entry: Entry, dtype: Any, limit: int | None, *, seed: int = 0) -> Iterator[Any]:
    """The samples of an entry for a dtype; at most `limit` of them: the first, the last and some evenly between."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    found = list(entry.sample_inputs("cpu", dtype, requires_grad=False))
    if limit is None or len(found) <= limit:
        yield from found
    elif limit == 1:
        yield found[len(found) // 2]
    else:
        yield from (found[round(i * (len(found) - 1) / (limit - 1))] for i in range(limit))


def arguments(sample: Any) -> tuple[Any, ...]:
    """(input, args, kwargs) of a sample."""
    return sample.input, tuple(sample.args), dict(sample.kwargs)
