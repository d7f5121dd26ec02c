"""Trees by PyTorch's rules where they differ from JAX's.

`None` is a leaf, dictionaries keep their order and may have keys of any type, and a `Box` (a handle on one array, such
as `torch.Tensor`) is a leaf whole. Node types registered with JAX (flax, equinox, chex) are nodes here too.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import jax
import numpy as np

from functorch_jax import jaxapi

__all__ = ["Box", "Spec", "broadcast_prefix", "flatten", "flatten_like", "tree_map", "unflatten"]


class Box:
    """A leaf that holds one array and can be written in place. `torch.Tensor` is the one there is."""

    __slots__ = ()
    array: Any
    history: Any = None  # what imperative autograd knows about the array

    @classmethod
    def from_array(cls, array: Any, *, variable: bool = False) -> Any:
        """A new handle around `array`, with nothing shared.

        A `variable` is what reverse mode differentiates: it may not be written in place.
        """
        raise NotImplementedError

    def read(self) -> Any:
        """The array as the running function sees it."""
        return self.array

    def writes(self) -> int:
        """How often this handle was written."""
        raise NotImplementedError

    def reset(self, array: Any) -> None:
        """Put back the array it had before a transform."""
        raise NotImplementedError

    def overwrite(self, array: Any) -> None:
        """Replace the array in place."""
        raise NotImplementedError


class Spec:
    """The shape of a tree: a node type, what it needs to be rebuilt, and its children. A leaf has no type."""

    __slots__ = ("children", "context", "num_leaves", "type")

    def __init__(self, type: Any, context: Any, children: Sequence[Spec]) -> None:
        self.type = type
        self.context = context
        self.children = tuple(children)
        self.num_leaves: int = sum(child.num_leaves for child in children) if type is not None else 1

    def is_leaf(self) -> bool:
        return self.type is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spec):
            return NotImplemented
        return (self.type, self.key, self.children) == (other.type, other.key, other.children)

    def __hash__(self) -> int:
        return hash((self.type, len(self.children)))

    @property
    def key(self) -> Any:
        """The part of the context that two equal structures share."""
        return self.context[0] if self.type is not None and isinstance(self.context, _Foreign) else self.context

    def __repr__(self) -> str:
        if self.type is None:
            return "*"
        if self.type in _DICTS:
            inner = ", ".join(f"{k!r}: {c}" for k, c in zip(_keys(self), self.children, strict=True))
            return f"{self.type.__name__}({{{inner}}})"
        return f"{self.type.__name__}({', '.join(map(repr, self.children))})"


class _Foreign(tuple[Any, Callable[[Sequence[Any]], Any]]):
    """Context of a node type registered with JAX: (what identifies it, how to rebuild it)."""


LEAF = Spec(None, None, ())
_DICTS = (dict, OrderedDict, defaultdict)


def _keys(spec: Spec) -> list[Any]:
    return spec.context[1] if spec.type is defaultdict else spec.context


def _is_namedtuple(x: Any) -> bool:
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _children(x: Any) -> tuple[Any, Any, Iterable[Any]] | None:
    """(node type, context, children) of one level; None for a leaf."""
    kind = type(x)
    if kind is tuple or kind is list:
        return kind, None, x
    if kind is dict or kind is OrderedDict:
        return kind, list(x), x.values()
    if x is None or isinstance(x, (Box, jax.Array, np.ndarray, int, float, str)):
        return None
    if kind is defaultdict:
        return kind, (x.default_factory, list(x)), x.values()
    if kind is deque:
        return kind, x.maxlen, x
    if _is_namedtuple(x) or (isinstance(x, tuple) and getattr(kind, "_tree_node_", False)):
        return kind, None, x
    foreign = jaxapi.flatten_one_level(x)
    if foreign is None:
        return None
    children, rebuild = foreign
    return kind, _Foreign((jax.tree_util.tree_structure(x, is_leaf=lambda y: y is not x), rebuild)), children


def flatten(x: Any) -> tuple[list[Any], Spec]:
    """The leaves of `x` from left to right, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(x, leaves)


def _flatten(x: Any, leaves: list[Any]) -> Spec:
    node = _children(x)
    if node is None:
        leaves.append(x)
        return LEAF
    kind, context, children = node
    return Spec(kind, context, [_flatten(child, leaves) for child in children])


def unflatten(spec: Spec, leaves: Iterable[Any]) -> Any:
    """The tree of structure `spec` with these leaves."""
    return _unflatten(spec, iter(leaves))


def _unflatten(spec: Spec, leaves: Any) -> Any:
    kind = spec.type
    if kind is None:
        return next(leaves)
    children = [_unflatten(child, leaves) for child in spec.children]
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind is dict or kind is OrderedDict:
        return kind(zip(spec.context, children, strict=True))
    if kind is defaultdict:
        return defaultdict(spec.context[0], zip(spec.context[1], children, strict=True))
    if kind is deque:
        return deque(children, maxlen=spec.context)
    if isinstance(spec.context, _Foreign):
        return spec.context[1](children)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def tree_map(fn: Callable[..., Any], x: Any) -> Any:
    """`x` with `fn` applied to every leaf."""
    leaves, spec = flatten(x)
    return unflatten(spec, [fn(leaf) for leaf in leaves])


class _Mismatch(Exception):
    pass


def _mismatch() -> NoReturn:
    raise _Mismatch


def flatten_like(spec: Spec, x: Any) -> list[Any] | None:
    """The leaves of `x` in the order of `spec`, or None when `x` is built differently.

    Dictionaries of the same class are matched by key, whatever their order.
    """
    leaves: list[Any] = []
    try:
        _flatten_like(spec, x, leaves)
    except _Mismatch:
        return None
    return leaves


def _flatten_like(spec: Spec, x: Any, leaves: list[Any]) -> None:
    node = _children(x)
    if spec.is_leaf() or node is None:
        leaves.append(x) if spec.is_leaf() and node is None else _mismatch()
        return
    if node[0] is not spec.type:
        _mismatch()
    for child, value in _matched(spec, node, x):
        _flatten_like(child, value, leaves)


def _matched(spec: Spec, node: tuple[Any, Any, Iterable[Any]], x: Any) -> list[tuple[Spec, Any]]:
    kind, context, children = node
    # in a prefix a plain dict may stand for an ordered one: it is matched by key anyhow
    if kind is not spec.type and not (kind is dict and spec.type in _DICTS):
        _mismatch()
    if spec.type in _DICTS:
        keys = _keys(spec)
        if len(keys) != len(x) or any(k not in x for k in keys):
            _mismatch()
        return [(child, x[k]) for k, child in zip(keys, spec.children, strict=True)]
    values = list(children)
    if len(values) != len(spec.children):
        _mismatch()
    if isinstance(context, _Foreign) and context[0] != spec.key:
        _mismatch()
    return list(zip(spec.children, values, strict=True))


def broadcast_prefix(prefix: Any, spec: Spec, is_leaf: Callable[[Any], bool]) -> list[Any] | None:
    """One entry of `prefix` for each leaf of `spec`, where a leaf of `prefix` stands for a whole subtree.

    None when `prefix` is not built like the top of `spec`.
    """
    leaves: list[Any] = []
    try:
        _broadcast(prefix, spec, is_leaf, leaves)
    except _Mismatch:
        return None
    return leaves


def _broadcast(prefix: Any, spec: Spec, is_leaf: Callable[[Any], bool], leaves: list[Any]) -> None:
    node = None if is_leaf(prefix) else _children(prefix)
    if node is None:
        leaves.extend([prefix] * spec.num_leaves)
        return
    if spec.is_leaf():
        _mismatch()
    for child, value in _matched(spec, node, prefix):
        _broadcast(value, child, is_leaf, leaves)
