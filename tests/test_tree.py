"""Trees: taken apart and put back, by PyTorch's rules where they differ from JAX's."""

from __future__ import annotations

import os
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functorch_jax import torch
from functorch_jax.tree import Spec, broadcast_prefix, flatten, flatten_like, tree_map, unflatten

LIVE = os.environ.get("FUNCTORCH_JAX_ORACLE") == "live"
Pair = namedtuple("Pair", "left right")

examples = settings(
    max_examples=200, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

# ---- random trees ----------------------------------------------------------------------------------------------------

leaves = st.one_of(st.none(), st.integers(), st.text(max_size=2), st.floats(allow_nan=False), st.just(frozenset({1})))
keys = st.one_of(st.integers(-3, 3), st.text(max_size=2), st.booleans(), st.none(), st.tuples(st.integers(0, 3)))


def nodes(children: Any) -> Any:
    few = st.lists(children, max_size=3)
    mapping = st.dictionaries(keys, children, max_size=3)
    return st.one_of(
        few,
        few.map(tuple),
        st.builds(Pair, children, children),
        mapping,
        mapping.map(OrderedDict),
        mapping.map(lambda d: defaultdict(list, d)),
        st.builds(deque, few, st.sampled_from([None, 3])),
    )


trees = st.recursive(leaves, nodes, max_leaves=12)


def alike(a: Any, b: Any) -> bool:
    """Equal, of the same classes, dictionaries in the same order."""
    if type(a) is not type(b) or a != b:
        return False
    if isinstance(a, dict):
        factories = getattr(a, "default_factory", None) is getattr(b, "default_factory", None)
        return factories and list(a) == list(b) and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple, deque)):
        return getattr(a, "maxlen", None) == getattr(b, "maxlen", None) and all(map(alike, a, b))
    return True


@examples
@given(trees)
def test_roundtrip(tree: Any) -> None:
    found, spec = flatten(tree)
    assert spec.num_leaves == len(found)
    assert alike(unflatten(spec, found), tree)


@examples
@given(trees)
def test_structure_does_not_depend_on_the_leaves(tree: Any) -> None:
    numbered = unflatten(flatten(tree)[1], range(10**6))
    assert flatten(numbered)[0] == list(range(flatten(tree)[1].num_leaves))
    assert flatten(numbered)[1] == flatten(tree)[1]
    assert hash(flatten(numbered)[1]) == hash(flatten(tree)[1])


@examples
@given(trees)
def test_tree_map_goes_from_left_to_right(tree: Any) -> None:
    seen: list[Any] = []
    assert alike(tree_map(lambda leaf: [seen.append(leaf), leaf][1], tree), tree)
    assert all(map(alike, seen, flatten(tree)[0]))


@examples
@given(trees)
def test_a_tree_is_like_itself(tree: Any) -> None:
    found, spec = flatten(tree)
    assert flatten_like(spec, tree) == found


@examples
@given(trees)
def test_a_leaf_is_a_prefix_of_every_tree(tree: Any) -> None:
    spec = flatten(tree)[1]
    assert broadcast_prefix(7, spec, lambda x: isinstance(x, int)) == [7] * spec.num_leaves


@examples
@given(st.lists(trees, max_size=3))
def test_a_level_of_a_tree_is_a_prefix_of_it(tree: list[Any]) -> None:
    expected = [i for i, child in enumerate(tree) for _ in flatten(child)[0]]
    assert broadcast_prefix(list(range(len(tree))), flatten(tree)[1], lambda x: isinstance(x, int)) == expected


@pytest.mark.oracle
@pytest.mark.skipif(not LIVE, reason="set FUNCTORCH_JAX_ORACLE=live to run PyTorch")
@examples
@given(trees, trees)
def test_pytorch_takes_trees_apart_in_the_same_way(a: Any, b: Any) -> None:
    from torch.utils import _pytree as theirs

    for tree in (a, b):
        their_leaves, their_spec = theirs.tree_flatten(tree)
        our_leaves, our_spec = flatten(tree)
        assert all(map(alike, our_leaves, their_leaves)) and len(our_leaves) == len(their_leaves)
        assert our_spec.num_leaves == their_spec.num_leaves
        assert alike(unflatten(our_spec, our_leaves), theirs.tree_unflatten(their_leaves, their_spec))
    assert (flatten(a)[1] == flatten(b)[1]) == (theirs.tree_structure(a) == theirs.tree_structure(b))


# ---- the rules, one by one -------------------------------------------------------------------------------------------

ARRAY = jnp.ones(2)
TENSOR = torch.ones(2)

LEAVES: dict[str, tuple[Any, list[Any]]] = {
    "None": (None, [None]),
    "None among others": ([1, None], [1, None]),
    "an array": (ARRAY, [ARRAY]),
    "a tensor, whole": ({"t": TENSOR}, [TENSOR]),
    "a dictionary in its own order": ({"b": 1, "a": 2}, [1, 2]),
    "keys of several types": ({1: "x", "a": "y", None: "z"}, ["x", "y", "z"]),
    "a set": ({3}, [{3}]),
    "nothing at all": ([(), {}, []], []),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves(name: str) -> None:
    tree, expected = LEAVES[name]
    found, spec = flatten(tree)
    assert len(found) == len(expected) and all(a is b or a == b for a, b in zip(found, expected))
    assert spec.num_leaves == len(expected)


class Point:
    """A node type that its own library has registered with JAX."""

    def __init__(self, x: Any, y: Any, name: str) -> None:
        self.x, self.y, self.name = x, y, name


jax.tree_util.register_pytree_node(Point, lambda p: ((p.x, p.y), p.name), lambda name, xy: Point(*xy, name))


def test_node_types_registered_with_jax() -> None:
    found, spec = flatten([Point(1, {"b": 2, "a": None}, "p")])
    assert found == [1, 2, None]
    again = unflatten(spec, "xyz")[0]
    assert isinstance(again, Point)
    assert (again.x, again.y, again.name) == ("x", {"b": "y", "a": "z"}, "p")
    assert flatten([Point(0, {"b": 0, "a": 0}, "p")])[1] == spec
    assert flatten([Point(0, {"b": 0, "a": 0}, "q")])[1] != spec


SAME: dict[str, tuple[Any, Any, bool]] = {
    "list and tuple": ([1], (1,), False),
    "tuple and namedtuple": ((1, 2), Pair(1, 2), False),
    "dict and OrderedDict": ({"a": 1}, OrderedDict(a=1), False),
    "key order": ({"a": 1, "b": 2}, {"b": 1, "a": 2}, False),
    "other leaves": ({"a": 1, "b": [2]}, {"a": None, "b": ["x"]}, True),
    "deques of different maxlen": (deque([1], 2), deque([1], 3), False),
    "defaultdicts of different factories": (defaultdict(list, a=1), defaultdict(int, a=1), False),
    "a leaf and a tree of one": (1, [1], False),
}


@pytest.mark.parametrize("name", SAME)
def test_equality_of_structures(name: str) -> None:
    a, b, equal = SAME[name]
    assert (flatten(a)[1] == flatten(b)[1]) is equal


LIKE: dict[str, tuple[Any, Any, list[Any] | None]] = {
    "keys in another order": ({"a": 1, "b": 2}, {"b": "y", "a": "x"}, ["x", "y"]),
    "another key": ({"a": 1}, {"b": 1}, None),
    "one more key": ({"a": 1}, {"a": 1, "b": 2}, None),
    "another class": ([1, 2], (1, 2), None),
    "another length": ([1, 2], [1, 2, 3], None),
    "a tree for a leaf": ([1, 2], [1, [2]], None),
    "a leaf for a tree": ([1, [2]], [1, 2], None),
}


@pytest.mark.parametrize("name", LIKE)
def test_flatten_like(name: str) -> None:
    model, other, expected = LIKE[name]
    assert flatten_like(flatten(model)[1], other) == expected


PREFIXES: dict[str, tuple[Any, Any, list[Any] | None]] = {
    "one for all": (0, [1, (2, 3)], [0, 0, 0]),
    "one for a subtree": ((0, None), ([1, 2], {"a": 3}), [0, 0, None]),
    "by key": ({"b": 1, "a": 0}, {"a": 5, "b": [6, 7]}, [0, 1, 1]),
    "a dict for an OrderedDict": ({"a": 0}, OrderedDict(a=5), [0]),
    "deeper than the tree": ((0, (1, 2)), (5, 6), None),
    "too short": ((0,), (5, 6), None),
    "another class": ([0, 1], (5, 6), None),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_broadcast_prefix(name: str) -> None:
    prefix, tree, expected = PREFIXES[name]
    assert broadcast_prefix(prefix, flatten(tree)[1], lambda x: x is None or isinstance(x, int)) == expected


def test_specs_compare_only_with_specs() -> None:
    spec = flatten([1, {"k": 2}])[1]
    assert isinstance(spec, Spec)
    assert spec != [1, 2]
    assert repr(spec) == "list(*, dict({'k': *}))"
