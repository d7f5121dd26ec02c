"""Trees of containers by PyTorch's names, over those that the transforms use. Source: torch.utils._pytree."""

from __future__ import annotations

import json
import pprint
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from functorch_jax import tree

__all__ = [
    "GetAttrKey",
    "LeafSpec",
    "MappingKey",
    "PyTree",
    "SequenceKey",
    "TreeSpec",
    "key_get",
    "keystr",
    "register_dataclass",
    "register_pytree_node",
    "tree_all",
    "tree_all_only",
    "tree_any",
    "tree_any_only",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_is_leaf",
    "tree_iter",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_only_",
    "tree_map_with_path",
    "tree_structure",
    "tree_unflatten",
    "treespec_dumps",
    "treespec_loads",
    "treespec_pprint",
]

PyTree = Any
IsLeaf = Callable[[Any], bool] | None


# ---- structures ------------------------------------------------------------------------------------------------------


class TreeSpec:
    """The structure of a tree: a node type, its context (such as the keys of a dict), and its children."""

    __slots__ = ("_children", "_node", "context", "num_children", "num_leaves", "num_nodes", "type")

    def __init__(self, node: tree.Spec | None, children: Sequence[TreeSpec]) -> None:
        self._node = node  # one level, whose children are leaves
        self._children = list(children)
        self.type, self.context = _described(node)
        self.num_children = len(self._children)
        self.num_leaves: int = sum(c.num_leaves for c in self._children) if node is not None else 1
        self.num_nodes: int = 1 + sum(c.num_nodes for c in self._children)

    def is_leaf(self) -> bool:
        return self._node is None

    def children(self) -> list[TreeSpec]:
        return list(self._children)

    @property
    def children_specs(self) -> list[TreeSpec]:
        return self.children()

    def child(self, index: int) -> TreeSpec:
        return self._children[index]

    def unflatten(self, leaves: Iterable[Any]) -> PyTree:
        """The tree of this structure with these leaves. Raises ValueError when they are too many or too few."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})"
            )
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> PyTree:
        if self._node is None:
            return next(leaves)
        return tree.unflatten(self._node, [child._build(leaves) for child in self._children])

    def flatten_up_to(self, tree: PyTree) -> list[Any]:
        """The subtrees of `tree` where this structure has leaves. Raises ValueError when it is built differently."""
        out: list[Any] = []
        self._flatten_up_to(tree, out)
        return out

    def _flatten_up_to(self, x: PyTree, out: list[Any]) -> None:
        if self._node is None:
            out.append(x)
            return
        level = _level(x)
        if level is None:
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {type(x)!r}.")
        node, children, _ = level
        if self._node.type in _DICTS and node.type in _DICTS:
            mine, theirs = self._keys(), dict(zip(_spec_keys(node), children, strict=True))
            if set(mine) != set(theirs):
                missing, extra = set(mine) - set(theirs), set(theirs) - set(mine)
                text = (f"missing key(s): {missing}", f"extra key(s): {extra}")
                raise ValueError(f"Node keys mismatch; {'; '.join(t for t, s in zip(text, (missing, extra)) if s)}.")
            children = [theirs[k] for k in mine]
        elif node.type is not self._node.type:
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {type(x)!r}.")
        if len(children) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
        if node.key != self._node.key and self._node.type not in _DICTS:
            raise ValueError(f"Node context mismatch; expected {self._node.key!r}, but got {node.key!r}.")
        for spec, child in zip(self._children, children, strict=True):
            spec._flatten_up_to(child, out)

    def _keys(self) -> list[Any]:
        assert self._node is not None
        return _spec_keys(self._node)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return self._node == other._node and self._children == other._children

    def __hash__(self) -> int:
        return hash((self._node, self.num_leaves))

    def __repr__(self) -> str:
        return self._text(0)

    def _text(self, indent: int) -> str:
        if self._node is None:
            return "*"
        inner = ""
        if self._children:
            deeper = indent + 2
            inner = self._children[0]._text(deeper) + "".join(
                f",\n{' ' * deeper}{child._text(deeper)}" for child in self._children[1:]
            )
        return f"TreeSpec({self.type.__name__}, {self.context}, [{inner}])"


_DICTS = (dict, OrderedDict, defaultdict)


def LeafSpec() -> TreeSpec:
    """The structure of a leaf."""
    return TreeSpec(None, ())


def _spec_keys(node: tree.Spec) -> list[Any]:
    return list(node.context[1] if node.type is defaultdict else node.context)


def _described(node: tree.Spec | None) -> tuple[Any, Any]:
    """The type and the context that PyTorch gives a node."""
    if node is None:
        return None, None
    if node.type is defaultdict:
        return defaultdict, list(node.context)
    if hasattr(node.type, "_fields"):
        from functorch_jax.torch import return_types

        return (node.type, None) if node.type.__module__ == return_types.__name__ else (namedtuple, node.type)
    return node.type, node.key


def _level(x: Any) -> tuple[tree.Spec, list[Any], list[Any]] | None:
    """One level of a tree: its structure, its children, and the keys that lead to them; None for a leaf."""
    found = tree._children(x)
    if found is None:
        return None
    kind, context, children = found
    children = list(children)
    node = tree.Spec(kind, context, [tree.LEAF] * len(children))
    if kind in _DICTS:
        keys: list[Any] = [MappingKey(k) for k in _spec_keys(node)]
    elif hasattr(kind, "_fields"):
        keys = [GetAttrKey(name) for name in kind._fields]
    else:
        keys = [SequenceKey(i) for i in range(len(children))]
    return node, children, keys


# ---- paths -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SequenceKey:
    """The place of a child in a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        return sequence[self.idx]


@dataclass(frozen=True)
class MappingKey:
    """The place of a child in a dict."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        return mapping[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    """The place of a child in a named tuple."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        return getattr(obj, self.name)


KeyPath = tuple[Any, ...]


def keystr(kp: KeyPath) -> str:
    """A path as Python would write it."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What is at a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


# ---- flattening ------------------------------------------------------------------------------------------------------


def _walk(x: Any, is_leaf: IsLeaf, path: KeyPath, leaves: list[tuple[KeyPath, Any]]) -> TreeSpec:
    level = None if is_leaf is not None and is_leaf(x) else _level(x)
    if level is None:
        leaves.append((path, x))
        return TreeSpec(None, ())
    node, children, keys = level
    return TreeSpec(node, [_walk(c, is_leaf, (*path, k), leaves) for c, k in zip(children, keys, strict=True)])


def tree_flatten(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves of `tree` from left to right, and its structure."""
    leaves: list[tuple[KeyPath, Any]] = []
    spec = _walk(tree, is_leaf, (), leaves)
    return [leaf for _, leaf in leaves], spec


def tree_flatten_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """As `tree_flatten`, each leaf with the keys that lead to it."""
    leaves: list[tuple[KeyPath, Any]] = []
    return leaves, _walk(tree, is_leaf, (), leaves)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> PyTree:
    """The tree of structure `treespec` with these leaves."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    return treespec.unflatten(leaves)


def tree_leaves(tree: PyTree, is_leaf: IsLeaf = None) -> list[Any]:
    return tree_flatten(tree, is_leaf)[0]


def tree_leaves_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_iter(tree: PyTree, is_leaf: IsLeaf = None) -> Iterator[Any]:
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree: PyTree, is_leaf: IsLeaf = None) -> TreeSpec:
    return tree_flatten(tree, is_leaf)[1]


def tree_is_leaf(tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    return (is_leaf is not None and is_leaf(tree)) or _level(tree) is None


# ---- mapping ---------------------------------------------------------------------------------------------------------


def tree_map(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """`tree` with `func` applied to every leaf, and to what stands in the same place of `rests`."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *(spec.flatten_up_to(rest) for rest in rests)]
    return spec.unflatten([func(*values) for values in zip(*columns, strict=True)])


def tree_map_with_path(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """As `tree_map`, with the path of the leaf as the first argument."""
    leaves, spec = tree_flatten_with_path(tree, is_leaf)
    columns: list[Any] = [*zip(*leaves, strict=True)] or [(), ()]
    columns += [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten([func(*values) for values in zip(*columns, strict=True)])


def tree_map_(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """Call `func` as `tree_map` does, for what it does to the leaves; returns `tree`."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _chooser(type_or_types_or_pred: Any) -> Callable[[Any], bool]:
    if isinstance(type_or_types_or_pred, (type, tuple)):
        return lambda x: isinstance(x, type_or_types_or_pred)
    if callable(type_or_types_or_pred):
        return type_or_types_or_pred  # type: ignore[no-any-return]
    raise TypeError("Argument must be a type, a tuple of types, or a callable.")


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """A decorator: apply a function to leaves of these types and leave others as they are."""
    chosen = _chooser(type_or_types_or_pred)
    return lambda func: lambda x: func(x) if chosen(x) else x


def tree_map_only(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def _broadcast_to_and_flatten(tree: PyTree, treespec: TreeSpec, is_leaf: IsLeaf = None) -> list[Any] | None:
    """One entry of `tree` for each leaf of `treespec`, where a leaf stands for a whole subtree; None if it cannot."""
    level = None if is_leaf is not None and is_leaf(tree) else _level(tree)
    if level is None:
        return [tree] * treespec.num_leaves
    node, children, _ = level
    if treespec.is_leaf() or node != treespec._node:
        return None
    out: list[Any] = []
    for child, spec in zip(children, treespec._children, strict=True):
        part = _broadcast_to_and_flatten(child, spec, is_leaf)
        if part is None:
            return None
        out += part
    return out


# ---- structures as text ----------------------------------------------------------------------------------------------

_TYPES = {f"{t.__module__}.{t.__name__}": t for t in (dict, list, tuple, OrderedDict)}


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as JSON, in PyTorch's first protocol. Raises NotImplementedError for other node types than Python's.

    Source: torch.utils._pytree.treespec_dumps.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    if protocol not in (None, 1):
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [1]")
    return json.dumps([1, _plain(treespec)])


def _plain(spec: TreeSpec) -> dict[str, Any]:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    name = f"{spec.type.__module__}.{spec.type.__name__}"
    if name not in _TYPES:
        raise NotImplementedError(f"Serializing {spec.type} in pytree is not registered.")
    return {"type": name, "context": json.dumps(spec.context), "children_spec": [_plain(c) for c in spec._children]}


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that `treespec_dumps` wrote. Source: torch.utils._pytree.treespec_loads."""
    protocol, schema = json.loads(serialized)
    if protocol != 1:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [1]")
    return tree_structure(_example(schema))


def _example(schema: dict[str, Any]) -> Any:
    """A tree of this structure."""
    if schema["type"] is None:
        return 0
    kind = _TYPES.get(schema["type"])
    if kind is None:
        raise NotImplementedError(f"Deserializing {schema['type']} in pytree is not registered.")
    children = [_example(child) for child in schema["children_spec"]]
    if kind in (dict, OrderedDict):
        return kind(zip(json.loads(schema["context"]), children, strict=True))
    return kind(children)


def treespec_pprint(treespec: TreeSpec) -> str:
    """A structure as the tree would print, with * for its leaves. Source: torch.utils._pytree.treespec_pprint."""

    class Leaf:
        def __repr__(self) -> str:
            return "*"

    return pprint.pformat(tree_unflatten([Leaf() for _ in range(treespec.num_leaves)], treespec), sort_dicts=False)


# ---- more node types -------------------------------------------------------------------------------------------------


def register_pytree_node(
    cls: type, flatten_fn: Callable[[Any], Any], unflatten_fn: Callable[[Any, Any], Any], **options: Any
) -> None:
    """Make `cls` a node: here, in every transform, and in JAX.

    Args:
        flatten_fn: gives (list of children, context).
        unflatten_fn: rebuilds the node from children and context.
        options: what PyTorch needs to serialize the node, and we do not.

    Raises ValueError for a type that is registered already.
    """

    def flatten(x: Any) -> tuple[Any, Any]:
        children, context = flatten_fn(x)
        return tuple(children), context

    try:
        rebuild = lambda context, children: unflatten_fn(list(children), context)
        jax.tree_util.register_pytree_node(cls, flatten, rebuild)
    except ValueError as e:
        raise ValueError(f"{cls} is already registered as pytree node.") from e


_register_pytree_node = register_pytree_node


def register_dataclass(cls: type, *, field_names: list[str] | None = None, **options: Any) -> None:
    """Make a dataclass a node whose children are its fields."""
    names = field_names or [name for name, f in cls.__dataclass_fields__.items() if f.init]  # type: ignore[attr-defined]
    register_pytree_node(
        cls,
        lambda x: ([getattr(x, n) for n in names], tuple(names)),
        lambda children, context: cls(**dict(zip(context, children, strict=True))),
    )


def is_namedtuple(obj: Any) -> bool:
    """Whether `obj` is a named tuple or the class of one."""
    cls = obj if isinstance(obj, type) else type(obj)
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


is_namedtuple_class = is_namedtuple_instance = is_namedtuple
