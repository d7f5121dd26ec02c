"""Pruning: a parameter times a mask, by a hook before each call. Source: torch.nn.utils.prune."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from functorch_jax.torch._op import NAMESPACES

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

_torch = NAMESPACES["torch"]


class BasePruningMethod(ABC):
    """The hook: sets `name` of a module to `name_orig` times `name_mask`. A method of one's own defines `compute_mask`.

    `PRUNING_TYPE` says what a second method on the same parameter sees: "unstructured" what is left of it, "structured"
    the channels along `dim` that are left, "global" all of it.

    Source: torch.nn.utils.prune.BasePruningMethod.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask, of the shape of `t`: zero at what is pruned, now or by `default_mask` before.

        Args:
            t: how important each entry is.
            default_mask: what earlier methods have left.
        """

    def apply_mask(self, module: Any) -> Any:
        """The parameter of `module`, pruned."""
        name = getattr(self, "_tensor_name", None)
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned: this method has not been applied to a parameter")
        mask, original = getattr(module, f"{name}_mask"), getattr(module, f"{name}_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any) -> Any:
        """Prune a parameter of `module` from now on; the arguments go to the class. Returns the hook.

        Where the parameter is pruned already, that hook and the new one are put into a `PruningContainer`. The module
        is left as it was if the mask cannot be computed.
        """
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        original = getattr(module, name)
        _check_scores(importance_scores, original, f"parameter {name} of {module}")
        key = _hook_of(module, name)
        if key is None:
            default = _torch["ones_like"](original)
        else:
            earlier = module._forward_pre_hooks[key]
            method = PruningContainer(*(earlier if isinstance(earlier, PruningContainer) else [earlier]), method)
            default = getattr(module, f"{name}_mask").detach().clone()
        scores = original if importance_scores is None else importance_scores
        mask = method.compute_mask(scores.detach(), default_mask=default)
        if key is None:
            module.register_parameter(f"{name}_orig", original)
            del module._parameters[name]
        else:
            del module._forward_pre_hooks[key]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """`t`, pruned; no module is involved.

        Args:
            t: a tensor.
            default_mask: what may be kept at most.
            importance_scores: how important each entry is, instead of `t` itself.
        """
        _check_scores(importance_scores, t, "tensor t")
        scores = t if importance_scores is None else importance_scores
        default = _torch["ones_like"](t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module: Any) -> None:
        """Make the pruned values the parameter itself. The hook stays where it is: see `prune.remove`."""
        weight = self.apply_mask(module)
        name = self._tensor_name
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(f"{name}_orig")
        original.data = weight.detach()
        del module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def _check_scores(scores: Any, t: Any, what: str) -> None:
    if scores is not None and scores.shape != t.shape:
        raise AssertionError(f"importance_scores should have the same shape as {what}, got {scores.shape} vs {t.shape}")


def _hook_of(module: Any, name: str) -> Any:
    """The key of the hook that prunes `name`; None where there is none."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key
    return None


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter; the mask is computed by the last of them.

    Args:
        args: methods that act on one parameter.

    Errors: TypeError for what is no method, ValueError for one that acts on another parameter.
    Source: torch.nn.utils.prune.PruningContainer.
    """

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        for i, method in enumerate(args):
            if i == 0 and isinstance(method, BasePruningMethod):
                self._tensor_name = method._tensor_name
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method for the same parameter."""
        if method is None:
            self._pruning_methods += (None,)
            return
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to PruningContainer "
                f"{self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """What the last method makes of the part of `t` that `default_mask` has left."""
        method, mask = self._pruning_methods[-1], default_mask.to(dtype=t.dtype)
        part: Any
        if method.PRUNING_TYPE == "unstructured":
            part = mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError("Pruning methods of PRUNING_TYPE \"structured\" need to have the attribute 'dim'.")
            dim = method.dim % t.dim()
            part = (slice(None),) * dim + ((mask.abs().movedim(dim, 0).reshape(t.shape[dim], -1).sum(1) != 0),)
        elif method.PRUNING_TYPE == "global":
            part = slice(None)
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        out = mask.clone()
        out[part] = method.compute_mask(t[part], default_mask=mask[part])
        return out


class Identity(BasePruningMethod):
    """Prunes nothing: the mask is there, and is one everywhere. Source: torch.nn.utils.prune.Identity."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask

    @classmethod
    def apply(cls, module: Any, name: str) -> Any:  # type: ignore[override]
        return super().apply(module, name)


class _Counting(BasePruningMethod):
    """A method that prunes a number or a share of the entries."""

    def __init__(self, amount: Any) -> None:
        if not isinstance(amount, (int, float)):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        if amount < 0 or (isinstance(amount, float) and amount > 1):
            raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")
        self.amount = amount

    def _count(self, size: int) -> int:
        if not isinstance(self.amount, int):
            return round(self.amount * size)
        if self.amount > size:
            raise ValueError(f"amount={self.amount} should be smaller than the number of parameters to prune={size}")
        return self.amount


class RandomUnstructured(_Counting):
    """Prunes entries at random.

    Args:
        amount: how many (an int), or which share of them (a float).

    Errors: TypeError or ValueError for an amount that is none, or is more than there are.
    Source: torch.nn.utils.prune.RandomUnstructured.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        count = self._count(t.numel())
        return _without_least(-_torch["rand_like"](t), default_mask, count) if count else default_mask.clone()

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any) -> Any:  # type: ignore[override]
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Counting):
    """Prunes the entries of least absolute value.

    Args:
        amount: how many (an int), or which share of them (a float).

    Errors: TypeError or ValueError for an amount that is none, or is more than there are.
    Source: torch.nn.utils.prune.L1Unstructured.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        count = self._count(t.numel())
        return _without_least(t.abs(), default_mask, count) if count else default_mask.clone()

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:  # type: ignore[override]
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


def _without_least(scores: Any, mask: Any, count: int) -> Any:
    """`mask` with zeros at the `count` least scores."""
    least = _torch["topk"](scores.reshape(-1), count, largest=False)[1]
    return mask.reshape(-1).index_fill(0, least, 0).reshape(mask.shape)


class _Channels(_Counting):
    """A method that prunes whole channels along `dim`."""

    PRUNING_TYPE = "structured"

    dim: int

    def _channels(self, t: Any) -> tuple[int, int]:
        """How many channels there are, and how many of them to prune."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        return t.shape[self.dim], self._count(t.shape[self.dim])

    def _along(self, t: Any, kept: Any, mask: Any) -> Any:
        """`mask` where the channel is kept, zero elsewhere."""
        shape = [1] * t.dim()
        shape[self.dim] = t.shape[self.dim]
        return mask * kept.to(mask.dtype).reshape(shape)


class RandomStructured(_Channels):
    """Prunes channels at random.

    Args:
        amount: how many (an int), or which share of them (a float).
        dim: the axis of the channels.

    Errors: TypeError or ValueError for an amount that is none, or is more than there are, and for parameters with less
        than two axes; IndexError for an axis that they do not have.
    Source: torch.nn.utils.prune.RandomStructured.
    """

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        size, count = self._channels(t)
        if count == 0:
            return default_mask
        drawn = _torch["rand"](size)
        return self._along(t, drawn > _torch["kthvalue"](drawn, count)[0], default_mask)

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any, dim: int = -1) -> Any:  # type: ignore[override]
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Channels):
    """Prunes the channels of least norm.

    Args:
        amount: how many (an int), or which share of them (a float).
        n: the norm, as `torch.norm` takes it for `p`.
        dim: the axis of the channels.

    Errors: TypeError or ValueError for an amount that is none, or is more than there are, and for parameters with less
        than two axes; IndexError for an axis that they do not have.
    Source: torch.nn.utils.prune.LnStructured.
    """

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        size, count = self._channels(t)
        if count == 0:
            return default_mask
        others = [i for i in range(t.dim()) if i != self.dim % t.dim()]
        most = _torch["topk"](_torch["norm"](t, p=self.n, dim=others), size - count)[1]
        return self._along(t, _torch["zeros"](size).index_fill(0, most, 1), default_mask)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
    ) -> Any:
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """Prunes where a mask is zero. Source: torch.nn.utils.prune.CustomFromMask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Any, name: str, mask: Any) -> Any:  # type: ignore[override]
        return super().apply(module, name, mask=mask)


def identity(module: Any, name: str) -> Any:
    """Give a parameter a mask that prunes nothing. Returns `module`. Source: torch.nn.utils.prune.identity."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune entries of a parameter at random. Returns `module`.

    Args:
        amount: how many (an int), or which share of them (a float).

    Source: torch.nn.utils.prune.random_unstructured.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prune the entries of a parameter that have the least absolute value. Returns `module`.

    Args:
        amount: how many (an int), or which share of them (a float).
        importance_scores: a tensor to be looked at instead of the parameter.

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch.nn.utils import prune
        >>> layer = torch.nn.Linear(2, 2)
        >>> prune.l1_unstructured(layer, "weight", amount=0.75).weight_mask.sum()
        tensor(1.)
        >>> sorted(name for name, _ in prune.remove(layer, "weight").named_parameters())
        ['bias', 'weight']

    Source: torch.nn.utils.prune.l1_unstructured.
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune channels of a parameter at random. Returns `module`.

    Args:
        amount: how many (an int), or which share of them (a float).
        dim: the axis of the channels.

    Source: torch.nn.utils.prune.random_structured.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None) -> Any:
    """Prune the channels of a parameter that have the least norm. Returns `module`.

    Args:
        amount: how many (an int), or which share of them (a float).
        n: the norm, as `torch.norm` takes it for `p`.
        dim: the axis of the channels.
        importance_scores: a tensor to be looked at instead of the parameter.

    Source: torch.nn.utils.prune.ln_structured.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Any) -> Any:
    """Prune a parameter where `mask` is zero. Returns `module`. Source: torch.nn.utils.prune.custom_from_mask."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: dict[Any, Any] | None = None, **kwargs: Any
) -> None:
    """Prune the entries of several parameters as though they were one.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: a class whose `PRUNING_TYPE` is "unstructured".
        importance_scores: for any of the pairs, a tensor to be looked at instead of the parameter.
        kwargs: what the class takes, as `amount`.

    Errors: TypeError for arguments of another kind.
    Source: torch.nn.utils.prune.global_unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    held = [getattr(module, name) for module, name in pairs]
    scores = [given.get((module, name), t) for (module, name), t in zip(pairs, held, strict=True)]
    masks = [
        getattr(module, f"{name}_mask", _torch["ones_like"](t)) for (module, name), t in zip(pairs, held, strict=True)
    ]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "temp"
    flat = [_torch["cat"]([t.detach().reshape(-1) for t in each]) for each in (scores, masks)]
    mask = PruningContainer(method).compute_mask(flat[0], flat[1])
    start = 0
    for (module, name), t in zip(pairs, held, strict=True):
        end = start + t.numel()
        custom_from_mask(module, name, mask[start:end].reshape(t.shape))
        start = end


def remove(module: Any, name: str) -> Any:
    """Make the pruned values the parameter itself, without a mask. Returns `module`.

    Errors: ValueError for a parameter that is not pruned.
    Source: torch.nn.utils.prune.remove.
    """
    key = _hook_of(module, name)
    if key is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    module._forward_pre_hooks.pop(key).remove(module)
    return module


def is_pruned(module: Any) -> bool:
    """Whether any parameter of `module`, or of a module inside it, is pruned. Source: torch.nn.utils.prune.is_pruned.

    Errors: AttributeError for what is no module.
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for _, each in module.named_modules()
        for hook in each._forward_pre_hooks.values()
    )
