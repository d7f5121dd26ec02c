"""Checkpoints that mean harm, and damaged ones: `torch.load` names what it refuses, and nothing runs."""

import builtins
import io
import operator
import os
import pickle
import zipfile

import numpy as np
import pytest

from functorch_jax import torch
from tests.test_golden import live
from tests.torch.test_serialization import BOTH, saved


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *args, state=None):
        self.result = (function, args, state)

    def __reduce__(self):
        return self.result


def write(path):
    """What the harmful pickles below try to do: leave a file behind."""
    return f"open({str(path)!r}, 'w').close()"


def g(name, *, args=b")", call=b"R"):
    """A pickle, written by hand, that calls a name."""
    module, _, attribute = name.rpartition(".")
    return b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + args + call + b"."


HOSTILE = {
    "os.system": lambda path: Calls(os.system, f"touch {path}"),
    "eval": lambda path: Calls(eval, write(path)),
    "exec": lambda path: Calls(exec, write(path)),
    "open": lambda path: Calls(open, str(path), "w"),
    "import": lambda path: Calls(__import__, "os"),
    "getattr": lambda path: Calls(getattr, Calls(__import__, "os"), "system"),
    "attrgetter": lambda path: Calls(operator.attrgetter, "system"),
    "nested": lambda path: {"model": [torch.ones(2), (1, {"deep": Calls(eval, write(path))})]},
    "key": lambda path: {Calls(eval, write(path)): 1},
    "state": lambda path: Calls(dict, state={"x": Calls(eval, write(path))}),
    "attribute of a tensor": lambda path: with_attribute(Calls(eval, write(path))),
    "map": lambda path: Calls(map, eval, [write(path)]),
    "bytearray of a call": lambda path: Calls(bytearray, Calls(eval, write(path))),
    "numpy objects": lambda path: np.array([Calls(eval, write(path))], dtype=object),
    "numpy load": lambda path: Calls(np.load, str(path)),
    "pickle": lambda path: Calls(pickle.loads, pickle.dumps(Calls(eval, write(path)))),
    "type": lambda path: Calls(type, "X", (), {}),
    "function of this package": lambda path: Calls(torch.load, str(path)),
    "module of this package": lambda path: torch.nn.Linear(1, 1),
}


def with_attribute(value):
    x = torch.ones(1)
    x.harm = value
    return x


@BOTH
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_objects_are_refused_and_nothing_runs(name, new, tmp_path):
    target = tmp_path / "harm"
    file = saved(HOSTILE[name](target), new)
    with pytest.raises(pickle.UnpicklingError, match=r"Weights only load failed.*(Unsupported|does not write)"):
        torch.load(file)
    assert not target.exists()


def test_the_hostile_objects_would_do_harm(tmp_path):
    for name in ("eval", "os.system", "nested"):
        target = tmp_path / name
        torch.load(saved(HOSTILE[name](target)), weights_only=False)
        assert target.exists()


TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
FLOATS = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ"  # two of them, as data/0
BY_HAND = {
    "a name of two parts": (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
    "parts of an allowed module": (g("torch.serialization.os.system"), "torch.serialization.os.system"),
    "attributes of an allowed class": (g("collections.OrderedDict.fromkeys"), "OrderedDict.fromkeys"),
    "instance": (b"\x80\x02(X\x02\0\0\0idios\nsystem\n.", "Unsupported operand INST"),
    "object": (b"\x80\x02(cos\nsystem\no.", "os.system"),
    "extension": (b"\x80\x02\x82\x01.", "Unsupported operand EXT1"),
    "buffer": (b"\x80\x05\x97.", "Unsupported operand NEXT_BUFFER"),
    "persistent id of text": (b"Pos.system\n.", "Unsupported operand PERSID"),
    "persistent id of a number": (b"\x80\x02K\x01Q.", "Unsupported persistent id int"),
    "a constructor called": (g("torch.Tensor"), "Unsupported call of functorch_jax"),
    "an object made": (g("torch.Tensor", call=b"\x81"), "Unsupported making"),
    "a dtype called": (g("torch.float32"), "Unsupported call"),
    "a number called": (b"\x80\x02K\x01)R.", "Unsupported call of an object of builtins.int"),
    "state of a class": (b"\x80\x02ctorch\nTensor\n}X\x01\0\0\0xK\x01sb.", "Unsupported state"),
    "state of a function": (b"\x80\x02" + TENSOR + b"}b.", "Unsupported state"),
    "state of a dict": (b"\x80\x02}}b.", "Unsupported state"),
    "state of a tensor": (b"\x80\x02" + TENSOR + b"(" + FLOATS + b"K\0))\x89NtR}b.", "Unsupported state"),
    "methods of a dict replaced": (
        b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\0\0\0itemsK\x01sb.",
        "OrderedDict.items is to be overwritten",
    ),
    "methods of a tensor replaced": (
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n("
        + TENSOR
        + b"ctorch\nTensor\n("
        + FLOATS
        + b"K\0))\x89Nt}X\x06\0\0\0detachK\x01stR.",
        "Tensor.detach is to be overwritten",
    ),
    "a tensor made by another call": (
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(ccollections\nOrderedDict\nctorch\nTensor\n)}tR.",
        "made by something unknown",
    ),
    "items into a tensor": (b"\x80\x02" + TENSOR + b"(" + FLOATS + b"K\0))\x89NtRK\0K\x01s.", "items are added"),
    "no storage": (b"\x80\x02" + TENSOR + b"(K\x01K\0))\x89NtR.", "does not write"),
    "object dtype": (g("numpy.dtype", args=b"X\x02\0\0\0O8\x89\x88\x87"), "numpy.dtype"),
    "unhashable key": (b"\x80\x02}]K\x01s.", "unhashable"),
    "memo of nothing": (b"\x80\x02h\x05.", "does not write"),
    "empty stack": (b"\x80\x02.", "more or less than one"),
    "truncated": (b"\x80\x02X\x05\0\0\0ab", "damaged"),
    "function alone": (b"\x80\x02" + TENSOR + b".", "and nothing else"),
}


def archive(pickled, **records):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("archive/data.pkl", pickled)
        for name, content in {"data/0": np.ones(2, np.float32).tobytes(), **records}.items():
            out.writestr(f"archive/{name}", content)
    file.seek(0)
    return file


@pytest.mark.parametrize("name", BY_HAND)
def test_hostile_pickles_are_refused(name, monkeypatch):
    def ran(*args):
        raise AssertionError("the pickle ran code")

    monkeypatch.setattr(os, "system", ran)
    monkeypatch.setattr(builtins, "eval", ran)
    pickled, message = BY_HAND[name]
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed") as caught:
        torch.load(archive(pickled))
    assert message in str(caught.value)


def window(offset, size, stride):
    """A tensor of float32 on a storage of two elements."""

    def numbers(*values):
        return b"(" + b"".join(pickle.dumps(v, 2)[2:-1] for v in values) + b"t"

    return (
        b"\x80\x02" + TENSOR + b"(" + FLOATS + numbers(offset)[1:-1] + numbers(*size) + numbers(*stride) + b"\x89NtR."
    )


OUTSIDE = {"offset": (2, (1,), (1,)), "size": (0, (3,), (1,)), "stride": (0, (2,), (2,)), "large": (0, (2,), (2**62,)),
           "negative": (-1, (1,), (1,)), "backwards": (1, (2,), (-1,)), "less": (0, (2,), ())}  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_tensor_shows_memory_that_is_not_its_own(name):
    with pytest.raises(RuntimeError, match=r"out of bounds for storage|cannot have size"):
        torch.load(archive(window(*OUTSIDE[name])))
    assert torch.load(archive(window(0, (2,), (1,)))).tolist() == [1.0, 1.0]


DAMAGED = {
    "empty": (lambda data: b"", EOFError, "Ran out of input"),
    "text": (lambda data: b"hello, this is no checkpoint", pickle.UnpicklingError, "Weights only load failed"),
    "another pickle": (lambda data: pickle.dumps({"a": 1}, 2), RuntimeError, "Invalid magic number; corrupt file?"),
    "another archive": (lambda data: zipped("a.txt"), RuntimeError, "failed locating file data.pkl"),
    "a program": (lambda data: zipped("m/data.pkl", "m/constants.pkl"), RuntimeError, "TorchScript"),
    "half a zip file": (lambda data: data[: len(data) // 2], RuntimeError, "failed reading zip archive"),
}


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name in names:
            out.writestr(name, "")
    return file.getvalue()


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(name):
    damage, error, message = DAMAGED[name]
    with pytest.raises(error, match=message):
        torch.load(io.BytesIO(damage(saved(torch.ones(100)).getvalue())))


def test_damaged_storages():
    whole = window(0, (2,), (1,))
    with pytest.raises(RuntimeError, match="has not the size"):
        torch.load(archive(whole, **{"data/0": b"123"}))
    with pytest.raises(RuntimeError, match="failed locating file data/1"):
        torch.load(archive(whole.replace(b"X\x01\0\0\x000", b"X\x01\0\0\x001")))
    with pytest.raises(RuntimeError, match="unexpected EOF"):
        torch.load(io.BytesIO(saved(torch.ones(100), new=False).getvalue()[:-50]))


def test_a_file_of_the_other_byte_order():
    numbers = np.array([1.5, -2.0], ">f4").tobytes()
    loaded = torch.load(archive(window(0, (2,), (1,)), **{"data/0": numbers, "byteorder": b"big"}))
    assert loaded.tolist() == [1.5, -2.0]


def test_strings_of_python_2():
    pickled = b"\x80\x02]U\x03abcaU\x02\xc3\xa9a."
    assert torch.load(archive(pickled)) == ["abc", "é"]
    assert torch.load(archive(pickled), encoding="bytes") == [b"abc", b"\xc3\xa9"]
    assert torch.load(archive(pickled), encoding="latin1") == ["abc", "Ã©"]


@live
def test_hostile_files_are_hostile_to_pytorch_too(tmp_path):
    import torch as real

    for name in ("os.system", "eval", "nested", "getattr"):
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
            real.load(saved(HOSTILE[name](tmp_path / "harm")))
