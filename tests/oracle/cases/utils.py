"""`torch.utils._pytree`, `torch.utils.data` and `torch.testing`."""

from __future__ import annotations

import importlib
import math
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, values

Pair = namedtuple("Pair", "a b")
TREE = {"b": (1, [2, None]), "a": Pair(3, OrderedDict(x=4))}


def module(t: Any, name: str) -> Any:
    """torch.<name> of whichever torch `t` is."""
    return importlib.import_module(f"{t.__name__}.{name}")


def pytree(t: Any) -> Any:
    return module(t, "utils._pytree")


def data(t: Any) -> Any:
    return module(t, "utils.data")


def rows(t: Any, n: int = 10) -> Any:
    return data(t).TensorDataset(t.arange(n), t.arange(n) * 2.0)


def batches(t: Any, *args: Any, **kwargs: Any) -> Any:
    """What a pass over a loader gives, and the number that is drawn after it."""
    return [list(b) if isinstance(b, tuple) else b for b in data(t).DataLoader(*args, **kwargs)], t.rand(1)


def squares(t: Any) -> Any:
    class Squares(data(t).Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return 7

        def __getitem__(self, i: int) -> Any:
            return {"x": np.full(2, i, np.float32), "y": i * i, "name": f"row {i}", "z": float(i)}

    return Squares()


def stream(t: Any) -> Any:
    class Stream(data(t).IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            return iter(range(5))

    return Stream()


CASES: list[Row] = [
    # trees
    case("leaves and structure", lambda t: (pytree(t).tree_leaves(TREE), repr(pytree(t).tree_structure({"b": (1, [2, None])})))),
    case("flatten and unflatten", lambda t: pytree(t).tree_unflatten(range(5), pytree(t).tree_structure(TREE))),
    case("the numbers of a structure", lambda t: (lambda s: (s.num_leaves, s.num_nodes, s.num_children, s.is_leaf(), s.type.__name__, s.context))(pytree(t).tree_structure(TREE))),
    case("more containers", lambda t: [repr(pytree(t).tree_structure(x)) for x in (deque([1, 2], maxlen=3), defaultdict(int, a=1), (), OrderedDict(x=4), t.Size([1, 2]), 5)]),
    case("return types are nodes", lambda t, x: pytree(t).tree_leaves(t.max(x, 0)), floats(2, 3)),
    case("tree_map", lambda t, x: pytree(t).tree_map(lambda a: a * 2, {"x": [x, x]}), floats(2)),
    case("tree_map over several", lambda t: pytree(t).tree_map(lambda a, b: (a, b), [1, {"k": 2}], [3, {"k": [4, 5]}])),
    case("tree_map matches dicts by key", lambda t: pytree(t).tree_map(lambda a, b: (a, b), {"a": 1, "b": 2}, {"b": 3, "a": 4})),
    case("is_leaf", lambda t: pytree(t).tree_leaves([1, [2, 3]], is_leaf=lambda x: x == [2, 3])),
    case("tree_map_only", lambda t: pytree(t).tree_map_only(int, lambda x: x + 1, [1, "a", (2,)])),
    case("all and any", lambda t: (pytree(t).tree_all(lambda x: x > 0, [1, 2]), pytree(t).tree_any(lambda x: x > 1, [1, (2,)]), pytree(t).tree_any_only(int, lambda x: x > 1, [1, "a"]), pytree(t).tree_all_only(int, lambda x: x > 0, [1, "a"]))),
    case("structures compare", lambda t: [pytree(t).tree_structure(x) == pytree(t).tree_structure(y) for x, y in (([1], [2]), ([1], (1,)), ({"a": 1, "b": 2}, {"b": 1, "a": 2}), (Pair(1, 2), Pair(3, 4)))]),
    case("paths", lambda t: [(pytree(t).keystr(k), v) for k, v in pytree(t).tree_leaves_with_path(TREE)]),
    case("tree_map_with_path", lambda t: pytree(t).tree_map_with_path(lambda k, v: (pytree(t).keystr(k), v), {"a": [1, 2]})),
    case("broadcast", lambda t: [pytree(t)._broadcast_to_and_flatten(x, pytree(t).tree_structure((1, [2, 3]))) for x in (0, (0, 1), (0, [1, 2]), [0, 1])]),
    error("unflatten with too few leaves", lambda t: pytree(t).tree_unflatten([1], pytree(t).tree_structure([1, 2])), fragment="`leaves` has length 1 but the spec refers to a pytree that holds 2 items"),
    error("unflatten by no structure", lambda t: pytree(t).tree_unflatten([1], 3), fragment="Expected `treespec` to be an instance of"),
    error("tree_map over other lengths", lambda t: pytree(t).tree_map(lambda a, b: a, [1, 2], [3]), fragment="Node arity mismatch; expected 2, but got 1"),
    error("tree_map over other types", lambda t: pytree(t).tree_map(lambda a, b: a, [1, 2], (3, 4)), fragment="Node type mismatch; expected <class 'list'>, but got <class 'tuple'>"),
    error("tree_map over other keys", lambda t: pytree(t).tree_map(lambda a, b: a, {"a": 1}, {"b": 1}), fragment=r"missing key\(s\): \{'a'\}; extra key\(s\): \{'b'\}"),
    case("structures as JSON", lambda t: (lambda s: (pytree(t).treespec_dumps(s), pytree(t).treespec_loads(pytree(t).treespec_dumps(s)) == s, pytree(t).treespec_pprint(pytree(t).tree_structure({"b": (1, [2])}))))(pytree(t).tree_structure({"b": (1, [2]), "a": OrderedDict(x=4)}))),
    error("what is no structure as JSON", lambda t: pytree(t).treespec_dumps(3), fragment="Expected `treespec` to be an instance of PyTreeSpec"),
    error("a protocol that is not there", lambda t: pytree(t).treespec_dumps(pytree(t).tree_structure([1]), 7), fragment="Unknown protocol 7"),
    # data sets
    case("TensorDataset", lambda t: (rows(t)[2], rows(t)[1:3], len(rows(t)))),
    case("ConcatDataset", lambda t: ((rows(t) + rows(t, 4))[12], len(rows(t) + rows(t, 4)), data(t).ConcatDataset([rows(t), rows(t)])[-1])),
    case("StackDataset", lambda t: (data(t).StackDataset(rows(t), rows(t))[1], data(t).StackDataset(a=rows(t))[1])),
    case("Subset", lambda t: (data(t).Subset(rows(t), [5, 6])[1], len(data(t).Subset(rows(t), [5, 6])))),
    case("random_split", lambda t: ([s.indices for s in data(t).random_split(range(10), [7, 3])], [s.indices for s in data(t).random_split(range(11), [0.5, 0.3, 0.2])], t.rand(1))),
    error("random_split that does not add up", lambda t: data(t).random_split(range(10), [7, 4]), fragment="Sum of input lengths does not equal"),
    error("TensorDataset of other lengths", lambda t: data(t).TensorDataset(t.ones(2), t.ones(3)), fragment="Size mismatch between tensors"),
    # samplers
    case("RandomSampler", lambda t: (list(data(t).RandomSampler(range(10))), t.rand(1))),
    case("RandomSampler with replacement", lambda t: (list(data(t).RandomSampler(range(10), replacement=True, num_samples=40)), t.rand(1))),
    case("RandomSampler of more than there are", lambda t: list(data(t).RandomSampler(range(10), num_samples=25))),
    case("RandomSampler with a generator", lambda t: (list(data(t).RandomSampler(range(10), generator=t.Generator().manual_seed(3))), t.rand(1))),
    case("WeightedRandomSampler", lambda t: [list(data(t).WeightedRandomSampler([0.1, 0.2, 0.7], n, replacement=r)) for n, r in ((5, True), (2, False))]),
    case("SubsetRandomSampler", lambda t: list(data(t).SubsetRandomSampler([5, 6, 7]))),
    case("BatchSampler", lambda t: [list(data(t).BatchSampler(range(7), 3, last)) for last in (True, False)]),
    case("DistributedSampler", lambda t: [list(data(t).DistributedSampler(range(7), 2, r, shuffle=s, seed=1)) for r in (0, 1) for s in (True, False)]),
    error("RandomSampler of nothing", lambda t: data(t).RandomSampler([]), fragment="num_samples should be a positive integer value, but got num_samples=0"),
    # loaders
    case("DataLoader", lambda t: batches(t, rows(t), 4)),
    case("DataLoader, shuffled", lambda t: batches(t, rows(t), 4, shuffle=True)),
    case("DataLoader, shuffled by a generator", lambda t: batches(t, rows(t), 4, shuffle=True, generator=t.Generator().manual_seed(1))),
    case("DataLoader, two passes", lambda t: (lambda loader: [[b[0] for b in loader] for _ in range(2)])(data(t).DataLoader(rows(t), 4, shuffle=True))),
    case("DataLoader, drop_last", lambda t: (batches(t, rows(t), 4, drop_last=True), len(data(t).DataLoader(rows(t), 4)), len(data(t).DataLoader(rows(t), 4, drop_last=True)))),
    case("DataLoader of items", lambda t: batches(t, rows(t, 3), None)),
    case("DataLoader of dicts", lambda t: batches(t, squares(t), 3)),
    case("DataLoader with a collate_fn", lambda t: batches(t, range(5), 2, collate_fn=sum)),
    case("DataLoader with batches given", lambda t: batches(t, rows(t), batch_sampler=[[0, 2], [5]])),
    case("DataLoader of a subset", lambda t: batches(t, data(t).Subset(rows(t), [3, 1, 2]), 2)),
    case("DataLoader of a stream", lambda t: (batches(t, stream(t), 2), batches(t, stream(t), 2, drop_last=True), batches(t, stream(t), None))),
    error("DataLoader of batches of nothing", lambda t: data(t).DataLoader(rows(t), 0), fragment="batch_size should be a positive integer value, but got batch_size=0"),
    error("DataLoader with a sampler and shuffle", lambda t: data(t).DataLoader(rows(t), 4, shuffle=True, sampler=range(3)), fragment="sampler option is mutually exclusive with shuffle"),
    error("DataLoader with batches and a size", lambda t: data(t).DataLoader(rows(t), batch_sampler=[[1]], batch_size=2), fragment="batch_sampler option is mutually exclusive"),
    *[
        case(f"collate {name}", lambda t, batch=batch: data(t).default_collate(batch))
        for name, batch in {
            "ints": [1, 2],
            "floats": [1.0, 2.0],
            "strings": ["a", "b"],
            "dicts": [{"a": 1}, {"a": 2}],
            "tuples": [(1, 2.0), (3, 4.0)],
            "lists": [[1, 2], [3, 4]],
            "named tuples": [Pair(1, 2), Pair(3, 4)],
            "arrays": [np.ones(2), np.zeros(2)],
            "NumPy numbers": [np.float32(1), np.float32(2)],
            "nested": [{"a": (1, [2.0])}, {"a": (3, [4.0])}],
        }.items()
    ],
    case("collate tensors", lambda t, x, y: data(t).default_collate([x, y]), floats(2), floats(2)),
    error("collate objects", lambda t: data(t).default_collate([object()]), fragment="batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'object'>"),
    error("collate lists of other lengths", lambda t: data(t).default_collate([[1], [1, 2]]), fragment="each element in list of batch should be of equal size"),
    # testing
    case("assert_close of what is close", lambda t, x: [module(t, "testing").assert_close(a, b) for a, b in ((x, x + 1e-7), (1, 1), ([x, 2.0], [x, 2.0]), ({"a": x}, {"a": x}), (None, None))], floats(3)),
    case("assert_close with tolerances", lambda t, x: module(t, "testing").assert_close(x, x + 0.01, rtol=0, atol=0.1), floats(3)),
    case("assert_close of dtypes", lambda t, x: module(t, "testing").assert_close(x, x.double(), check_dtype=False), floats(3)),
    case("assert_close of nan", lambda t: module(t, "testing").assert_close(t.tensor(math.nan), t.tensor(math.nan), equal_nan=True)),
    *[
        error(f"assert_close, {name}", lambda t, x, pair=pair: module(t, "testing").assert_close(*pair(t, x)), values([1.0, 1.0]), fragment=fragment)
        for name, (pair, fragment) in {
            "values": (lambda t, x: (x, x + 1e-3), r"Mismatched elements: 2 / 2 \(100.0%\)\nGreatest absolute difference: 0.00100"),
            "one value": (lambda t, x: (t.ones(2, 2), t.tensor([[1.0, 2.0], [1, 1]])), r"1 / 4 \(25.0%\)\nGreatest absolute difference: 1.0 at index \(0, 1\) \(up to 1e-05 allowed\)"),
            "integers": (lambda t, x: (t.tensor([1, 2]), t.tensor([1, 3])), "Tensor-likes are not equal!"),
            "shapes": (lambda t, x: (x, t.ones(3)), r"'shape' do not match: torch.Size\(\[2\]\) != torch.Size\(\[3\]\)"),
            "dtypes": (lambda t, x: (x, x.double()), "'dtype' do not match: torch.float32 != torch.float64"),
            "numbers": (lambda t, x: ([1, 2], [1, 3]), r"Expected 3 but got 2[\s\S]*The failure occurred for item \[1\]"),
            "kinds of numbers": (lambda t, x: (1, 1.5), r"The \(d\)types do not match: <class 'int'> != <class 'float'>"),
            "keys": (lambda t, x: ({"a": 1}, {"b": 1}), r"Missing keys in the actual mapping: \['b'\]"),
            "lengths": (lambda t, x: ([1], [1, 2]), "The length of the sequences mismatch: 1 != 2"),
            "nan": (lambda t, x: (t.tensor(math.nan), t.tensor(math.nan)), "Expected nan but got nan"),
            "bools": (lambda t, x: (True, False), "Booleans mismatch: True is not False"),
            "None": (lambda t, x: (None, 1), "None mismatch: None is not 1"),
            "tensor and number": (lambda t, x: (x, 1), "No comparison pair was able to handle inputs of type"),
        }.items()
    ],
    error("assert_close with one tolerance", lambda t, x: module(t, "testing").assert_close(x, x, rtol=1), floats(1), fragment="Both 'rtol' and 'atol' must be either specified or omitted"),
    *[
        case(f"make_tensor of {dtype}", lambda t, dtype=dtype: module(t, "testing").make_tensor((3,), dtype=getattr(t, dtype), device="cpu"))
        for dtype in ("float32", "float64", "int64", "uint8", "bool", "complex64")
    ],
    case("make_tensor that is not contiguous", lambda t: (lambda x: (x, x.is_contiguous(), x.stride()))(module(t, "testing").make_tensor((2, 3), dtype=t.float32, device="cpu", noncontiguous=True))),
    error("make_tensor with bounds the wrong way", lambda t: module(t, "testing").make_tensor(2, dtype=t.float32, device="cpu", low=2, high=1), fragment="`low` must be less than `high`, but got 2 >= 1"),
    error("make_tensor up to nan", lambda t: module(t, "testing").make_tensor(2, dtype=t.float32, device="cpu", low=math.nan), fragment="`low` and `high` cannot be NaN, but got low=nan and high=9"),
    error("make_tensor of integers with a gradient", lambda t: module(t, "testing").make_tensor(2, dtype=t.int64, device="cpu", requires_grad=True), fragment="`requires_grad=True` is not supported for boolean and integral dtypes"),
    error("assert_close of strides", lambda t: module(t, "testing").assert_close(t.ones(2, 3), t.ones(3, 2).t(), check_stride=True), fragment=r"'stride\(\)' do not match: \(3, 1\) != \(1, 2\)"),
    case("make_tensor between bounds", lambda t: (module(t, "testing").make_tensor(2, 2, dtype=t.float32, device="cpu", low=0, high=1), module(t, "testing").make_tensor(3, dtype=t.int64, device="cpu", low=2, high=5))),
]
