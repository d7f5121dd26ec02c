"""The harness itself: that it finds what differs, and says so."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.oracle.case import Leaf, case, check_unique, error, floats, materialise, right, values, with_gaps
from tests.oracle.compare import departures, differences
from tests.oracle.run import RowError, decode, encode

ROW = case("a row", lambda t, x: x, floats(3))
ERROR = error("an error", lambda t: None, fragment="needs [0-9]+ values")


def tensor(numbers: list[Any], dtype: str = "float32", shape: list[int] | None = None) -> dict[str, Any]:
    return {"tensor": dtype, "shape": [len(numbers)] if shape is None else shape, "values": numbers}


A = tensor([1.0, 2.0])

DIFFERENT = {
    "a value": (tensor([1.0, 2.1]), A),
    "a dtype": (tensor([1.0, 2.0], "float64"), A),
    "a shape": (tensor([1.0, 2.0], shape=[2, 1]), A),
    "nan for a number": (tensor([1.0, "nan"]), A),
    "an infinity of the other sign": (tensor([1.0, "inf"]), tensor([1.0, "-inf"])),
    "an integer": (tensor([1, 2], "int64"), tensor([1, 3], "int64")),
    "a list for a tuple": ({"list": [A]}, {"tuple": [A]}),
    "a longer tuple": ({"tuple": [A, A]}, {"tuple": [A]}),
    "a nested value": ({"tuple": [{"dict": [["a", A]]}]}, {"tuple": [{"dict": [["a", tensor([1.0, 3.0])]]}]}),
    "the order of keys": ({"dict": [["a", A], ["b", A]]}, {"dict": [["b", A], ["a", A]]}),
    "an OrderedDict for a dict": ({"OrderedDict": [["a", A]]}, {"dict": [["a", A]]}),
    "the name of a namedtuple": (
        {"namedtuple": "P", "fields": [["a", A]]},
        {"namedtuple": "Q", "fields": [["a", A]]},
    ),
    "True for 1": (True, 1),
    "1.0 for 1": (1.0, 1),
    "None for a tensor": (None, A),
    "a Python float": (1.5, 1.6),
}

SAME = {
    "values within the tolerance": (tensor([1.0, 2.0000002]), A),
    "nan and nan": (tensor(["nan", "inf"]), tensor(["nan", "inf"])),
    "empty": (tensor([], shape=[0, 3]), tensor([], shape=[0, 3])),
    "complex within the tolerance": (tensor([[1.0, 1e-9]], "complex64"), tensor([[1.0, 0.0]], "complex64")),
    "equal trees": ({"tuple": [A, {"dict": [["a", 1]]}, None]}, {"tuple": [A, {"dict": [["a", 1]]}, None]}),
}


@pytest.mark.parametrize("got, wanted", DIFFERENT.values(), ids=DIFFERENT)
def test_difference_is_found(got: Any, wanted: Any) -> None:
    assert len(differences(ROW, {"result": got}, {"result": wanted})) == 1


@pytest.mark.parametrize("got, wanted", SAME.values(), ids=SAME)
def test_no_difference_is_found(got: Any, wanted: Any) -> None:
    assert differences(ROW, {"result": got}, {"result": wanted}) == []


def test_missing_derivative_is_found() -> None:
    assert differences(ROW, {"result": A}, {"result": A, "gradient": A}) == ["gradient is missing"]


@pytest.mark.parametrize(
    "names, message, found",
    [
        (["NotImplementedError", "RuntimeError", "Exception"], "needs 3 values", 0),
        (["RuntimeError", "Exception"], "needs 3 values, has 2", 0),
        (["ValueError", "Exception"], "needs 3 values", 1),
        (["RuntimeError", "Exception"], "needs values", 1),
        (["ValueError", "Exception"], "no", 2),
        (None, "nothing was raised", 1),
    ],
)
def test_errors_are_compared_by_class_and_fragment(names: Any, message: str, found: int) -> None:
    wanted = {"error": ["RuntimeError", "Exception", "BaseException"], "fragment": ERROR.fragment}
    assert len(differences(ERROR, {"error": names, "message": message}, wanted)) == found


@pytest.mark.parametrize(
    "got, wanted, found",
    [
        (A, [1.0, 2.0], 0),
        (A, np.array([1.0, 2.0], np.float32), 0),
        (A, np.array([1.0, 2.0]), 1),
        (A, [1.0, 3.0], 1),
        (A, [[1.0, 2.0]], 1),
        (A, "text", 1),
        ({"tuple": [A, 3]}, ([1.0, 2.0], 3), 0),
        ({"list": [A, 3]}, ([1.0, 2.0], 3), 1),
        ({"dict": [["a", A]]}, {"a": [1.0, 2.0]}, 0),
        ({"dict": [["a", A]]}, {"b": [1.0, 2.0]}, 1),
        (2.0, 2.0, 0),
        (True, 1, 1),
    ],
)
def test_a_right_answer_is_recognised(got: Any, wanted: Any, found: int) -> None:
    assert len(departures(right("r", lambda t: None, expected=wanted, why="a test"), got, wanted)) == found


def test_inputs_depend_on_the_row_alone() -> None:
    first, again = materialise(ROW), materialise(case("a row", lambda t, x: -x, floats(3)))
    other = materialise(case("another row", lambda t, x: x, floats(3)))
    assert np.array_equal(first[0].array, again[0].array)
    assert not np.array_equal(first[0].array, other[0].array)


@pytest.mark.parametrize(
    "given, dtype, shape",
    [
        ([1.0, 2.0], "float32", (2,)),
        ([1, 2], "int64", (2,)),
        ([[True], [False]], "bool", (2, 1)),
        ([1j], "complex64", (1,)),
        (np.zeros(2), "float64", (2,)),
        (values(3.0), "float32", ()),
        (values([1, 2], dtype="int32"), "int32", (2,)),
        (floats(2, dtype="bfloat16"), "bfloat16", (2,)),
    ],
)
def test_inputs_become_tensors(given: Any, dtype: str, shape: tuple[int, ...]) -> None:
    (leaf,) = materialise(case("inputs", lambda t, x: x, given))
    assert isinstance(leaf, Leaf)
    assert (leaf.dtype, leaf.array.shape) == (dtype, shape)


def test_float32_is_written_as_its_shortest_text_and_read_back_exactly() -> None:
    array = np.array([0.1, 1 / 3, -0.0, 1e-45, np.inf, np.nan], np.float32)
    fake = type(
        "Tensor", (), {"__module__": "torch", "detach": lambda self: self, "dtype": "torch.float32", "array": array}
    )
    text = json.dumps(encode(fake()))
    assert text.count("0.1,") == 1
    assert np.array_equal(decode(json.loads(text)["values"], "float32").astype(np.float32), array, equal_nan=True)


def test_rows_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="need a reason"):
        case("loose", lambda t: 1, rtol=0.1)
    with pytest.raises(ValueError, match="grad is True, False or 'reverse'"):
        case("derivatives", lambda t: 1, grad="forward")
    with pytest.raises(ValueError, match="two rows are called 'a row'"):
        check_unique([ROW, ROW])
    with pytest.raises(ValueError, match="gaps of rows that do not exist"):
        with_gaps([ROW], {"b row": "why"})
    with pytest.raises(RowError, match="cannot be recorded"):
        encode(SimpleNamespace())
    assert with_gaps([ROW], {"a row": "why"})[0].gap == "why"
