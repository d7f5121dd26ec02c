"""`torch.save` and `torch.load`: PyTorch's files without PyTorch, round trips, and where tensors go."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from functorch_jax import torch
from tests.oracle import checkpoints
from tests.oracle.checkpoints import FOLDER, LEGACY, NEWER_DTYPES, PROGRAMS
from tests.test_golden import live

FILES = [(program, program.__name__) for program in PROGRAMS]
FILES += [(program, f"{program.__name__}_legacy") for program in LEGACY]
BOTH = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


def saved(obj, new=True, t=torch):
    file = io.BytesIO()
    t.save(obj, file, _use_new_zipfile_serialization=new)
    file.seek(0)
    return file


def again(obj, new=True, **options):
    return torch.load(saved(obj, new), **options)


def assert_same(got, wanted):
    """The same types, dtypes, sizes, strides, attributes and bytes, all the way down."""
    assert type(got) is type(wanted)
    if isinstance(wanted, torch.Tensor):
        assert (got.dtype, got.shape, got.requires_grad) == (wanted.dtype, wanted.shape, wanted.requires_grad)
        assert np.asarray(got.detach()).tobytes() == np.asarray(wanted.detach()).tobytes()
        assert got.stride() == wanted.stride()
        for name in ("tag", "mark", "persistent"):
            assert getattr(got, name, None) == getattr(wanted, name, None)
    elif isinstance(wanted, dict):
        assert list(got) == list(wanted)
        for key in wanted:
            assert_same(got[key], wanted[key])
        assert getattr(got, "_metadata", None) == getattr(wanted, "_metadata", None)
    elif isinstance(wanted, (list, tuple)):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted):
            assert_same(one, other)
    elif isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype
        assert np.array_equal(got, wanted)
    else:
        assert got == wanted


# ---- PyTorch's files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program, name", FILES, ids=[name for _, name in FILES])
def test_files_of_pytorch_load(program, name):
    assert_same(torch.load(FOLDER / f"{name}.pt"), program(torch))


@pytest.mark.parametrize("name", ["views", "views_legacy"])
def test_tensors_share_memory_again(name):
    loaded = torch.load(FOLDER / f"{name}.pt")
    loaded["rows"][0, 1] = 100.0
    assert loaded["whole"][1].tolist() == [4.0, 100.0, 6.0, 7.0]
    assert loaded["transposed"][1].tolist() == [1.0, 100.0, 9.0]
    loaded["one"].fill_(-1)
    assert loaded["rows"][1].tolist() == [8.0, 9.0, 10.0, -1.0]
    assert loaded["rows"].storage_offset() == 4
    assert loaded["steps"].tolist() == [1, 4, 7]


@pytest.mark.parametrize("name", ["parameters", "parameters_legacy"])
def test_one_parameter_stays_one_and_its_views_follow_it(name):
    loaded = torch.load(FOLDER / f"{name}.pt")
    assert loaded["weight"] is loaded["tied"]
    with torch.no_grad():
        loaded["weight"].mul_(2)
    assert loaded["detached"].tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]
    assert not loaded["detached"].requires_grad


def test_a_state_dict_of_pytorch_fits_our_modules():
    model = checkpoints.network(torch)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    assert str(model.load_state_dict(torch.load(FOLDER / "state_dict.pt"))) == "<All keys matched successfully>"
    model.load_state_dict(torch.load(FOLDER / "training.pt")["model"])
    model.eval()
    reference = checkpoints.network(torch).eval()
    assert torch.equal(model(torch.ones(5, 3)), reference(torch.ones(5, 3)))


def test_a_module_of_pytorch_becomes_ours_when_limits_are_lifted():
    with pytest.raises(pickle.UnpicklingError, match=r"Unsupported global: GLOBAL torch\.nn\.modules\.container"):
        torch.load(FOLDER / "module.pt")
    model = torch.load(FOLDER / "module.pt", weights_only=False)
    assert type(model[0]) is torch.nn.Linear
    assert model[3].weight is model[4].weight
    assert torch.equal(model.eval()(torch.ones(2, 3)), checkpoints.network(torch).eval()(torch.ones(2, 3)))


# ---- round trips -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("program", PROGRAMS)
def test_round_trip(program, new):
    assert_same(again(program(torch), new), program(torch))
    assert_same(again(program(torch), new, weights_only=False), program(torch))


def test_files_and_paths(tmp_path):
    x = torch.arange(3)
    torch.save(x, tmp_path / "a.pt")
    with open(tmp_path / "a.pt", "rb") as file:
        assert torch.equal(torch.load(file), x)
    assert torch.equal(torch.load(str(tmp_path / "a.pt"), mmap=True), x)
    with pytest.raises(TypeError, match="cannot pickle"):
        torch.save((i for i in "ab"), tmp_path / "b.pt")
    assert not (tmp_path / "b.pt").exists()


def test_a_file_is_the_same_each_time():
    assert saved(checkpoints.views(torch)).getvalue() == saved(checkpoints.views(torch)).getvalue()


def test_shared_memory_is_stored_once():
    x = torch.zeros(1000)
    size = len(saved([x, x[10:], x.reshape(10, 100).t(), x.detach(), torch.nn.Parameter(x)]).getvalue())
    assert 8000 < size < 12000  # `x`, and the parameter, which is another tensor
    tied = torch.nn.Linear(100, 100, bias=False)
    assert len(saved({"a": tied.state_dict(), "b": tied.state_dict()}).getvalue()) < 44000


def test_views_that_compute_are_stored_by_value():
    z = torch.tensor([1 + 2j, 3 - 1j])
    loaded = again([z, z.conj(), z.imag])
    assert loaded[1].tolist() == [1 - 2j, 3 + 1j]
    assert loaded[2].tolist() == [2.0, -1.0]


def test_a_storage_begins_at_a_multiple_of_64():
    with zipfile.ZipFile(saved([torch.ones(3), torch.ones(5)])) as archive:
        starts = [i.header_offset + 30 + len(i.filename) + len(i.extra) for i in archive.infolist()]
    assert [start % 64 for start in starts] == [0] * len(starts)


def test_saving_and_loading_inside_transforms():
    def f(x):
        return (again(x * 2) * x).sum()

    assert torch.func.grad(f)(torch.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="vmap"):
        torch.vmap(lambda x: again(x))(torch.ones(2))


def test_loading_under_no_grad_and_a_default_dtype():
    with torch.no_grad():
        loaded = again(torch.nn.Parameter(torch.ones(2)))
    assert loaded.requires_grad


def test_a_module_saved_whole():
    model = checkpoints.network(torch)
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global"):
        again(model)
    copy = again(model, weights_only=False)
    assert copy[3].weight is copy[4].weight
    assert torch.equal(copy.eval()(torch.ones(2, 3)), model.eval()(torch.ones(2, 3)))


class Point:
    def __init__(self, x):
        self.x = x


def test_names_that_the_user_allows():
    with pytest.raises(pickle.UnpicklingError, match=r"Unsupported global: GLOBAL .*test_serialization\.Point"):
        again(Point(torch.ones(2)))
    with torch.serialization.safe_globals([Point]):
        assert torch.serialization.get_safe_globals() == [Point]
        assert again(Point(torch.ones(2))).x.tolist() == [1.0, 1.0]
    assert torch.serialization.get_safe_globals() == []
    torch.serialization.add_safe_globals([(Point, f"{__name__}.Point")])
    torch.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError):
        again(Point(1))


PICKLED = {
    "tensor": lambda: torch.arange(6.0).reshape(2, 3),
    "bfloat16": lambda: torch.ones(2, dtype=torch.bfloat16),
    "float8": lambda: torch.ones(2).to(torch.float8_e5m2),
    "view": lambda: torch.arange(6.0)[2:],
    "requires grad": lambda: torch.ones(2, requires_grad=True),
    "parameter": lambda: checkpoints.parameters(torch)["noted"],
    "buffer": lambda: torch.nn.Buffer(torch.ones(2), persistent=False),
    "attribute": lambda: checkpoints.parameters(torch)["mark"],
}


@pytest.mark.parametrize("name", PICKLED)
def test_pickle(name):
    wanted = PICKLED[name]()
    got = pickle.loads(pickle.dumps(wanted))
    assert_same(got, wanted)


def test_pickle_of_a_module():
    model = checkpoints.network(torch)
    copy = pickle.loads(pickle.dumps(model))
    assert_same(copy.state_dict(), model.state_dict())
    assert copy[3].weight is copy[4].weight


# ---- where tensors go ------------------------------------------------------------------------------------------------


def from_cuda():
    """A file that says its tensors were on a GPU."""
    data = io.BytesIO()
    with zipfile.ZipFile(saved([torch.ones(2)])) as old, zipfile.ZipFile(data, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    data.seek(0)
    return data


MAPS = {
    "cpu": "cpu",
    "device": torch.device("cpu"),
    "dict": {"cuda:0": "cpu"},
    "storage": lambda storage, location: storage,
    "method": lambda storage, location: storage.cpu(),
}


@pytest.mark.parametrize("where", MAPS)
def test_map_location(where):
    (x,) = torch.load(from_cuda(), map_location=MAPS[where])
    assert (x.tolist(), x.device) == ([1.0, 1.0], torch.device("cpu"))


@BOTH
def test_map_location_to_meta(new):
    x = again({"a": torch.nn.Parameter(torch.ones(2, 3))}, new, map_location="meta")["a"]
    assert (x.is_meta, x.shape, type(x)) == (True, (2, 3), torch.nn.Parameter)


def test_map_location_is_told_the_place():
    seen = []
    torch.load(from_cuda(), map_location=lambda storage, location: seen.append((len(storage), location)) or storage)
    assert seen == [(2, "cuda:0")]


BAD_PLACES = {
    "no GPU": (None, RuntimeError, "Attempting to deserialize object on a CUDA device"),
    "unknown": ("foo", RuntimeError, "don't know how to restore data location"),
    "number": (3, TypeError, "not callable"),
    "not a storage": (lambda storage, location: 3, TypeError, "must return a storage"),
}


@pytest.mark.parametrize("name", BAD_PLACES)
def test_places_that_are_not_there(name):
    place, error, message = BAD_PLACES[name]
    with pytest.raises(error, match=message):
        torch.load(from_cuda(), map_location=place)


# ---- misuses ---------------------------------------------------------------------------------------------------------

SPARSE = FOLDER / "sparse.pt"


def tar():
    """A file as PyTorch wrote it before 0.1.10."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("sys_info", "storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    file.seek(0)
    return file


MISUSES = {
    "not a file": (lambda: torch.load(3), AttributeError, "You can only torch.load from a file that is seekable"),
    "not a target": (
        lambda: torch.save(1, 3),
        AttributeError,
        "expected 'f' to be string, path, or a file-like object",
    ),
    "tar": (lambda: torch.load(tar()), RuntimeError, "tar archive.* not supported"),
    "no such file": (lambda: torch.load("/no/such/file"), FileNotFoundError, "No such file"),
    "option": (lambda: again(1, other=1), TypeError, "unexpected keyword argument 'other'"),
    "two wishes": (
        lambda: again(1, weights_only=True, pickle_module=pickle),
        RuntimeError,
        "Can not safely load weights",
    ),
    "sparse": (lambda: torch.load(SPARSE), pickle.UnpicklingError, "_rebuild_sparse_tensor"),
    "unknown class": (
        lambda: torch.load(SPARSE, weights_only=False),
        pickle.UnpicklingError,
        "does not have",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuses(name):
    call, error, message = MISUSES[name]
    with pytest.raises(error, match=message):
        call()


# ---- against PyTorch -------------------------------------------------------------------------------------------------


def plain(value):
    """A value of PyTorch's or ours as plain data."""
    if hasattr(value, "untyped_storage") or isinstance(value, torch.Tensor):
        kind = type(value).__name__
        kind = "Tensor" if kind == "Buffer" else kind  # PyTorch's class of a buffer is Tensor
        values = value.detach()
        wide = values if str(value.dtype).startswith("torch.complex") else values.double()
        return kind, str(value.dtype), tuple(value.shape), tuple(value.stride()), value.requires_grad, wide.tolist()
    if isinstance(value, dict):
        return type(value).__name__, [(key, plain(each)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.dtype, value.tolist()
    return value if isinstance(value, (str, bytes, bytearray, set)) else str(value)


@live
@BOTH
@pytest.mark.parametrize("program", PROGRAMS)
def test_pytorch_loads_our_files(program, new):
    import torch as real

    if not new and program is checkpoints.newer_dtypes:
        pytest.skip(f"PyTorch cannot read {NEWER_DTYPES[0]} from the older format")
    safe = program is not checkpoints.arrays  # PyTorch wants to be told that NumPy is safe
    loaded = real.load(saved(program(torch), new), weights_only=safe)
    assert plain(loaded) == plain(program(torch)) == plain(program(real))


@live
@BOTH
@pytest.mark.parametrize("program", PROGRAMS)
def test_we_load_what_pytorch_saves(program, new):
    import torch as real

    assert plain(torch.load(saved(program(real), new, real))) == plain(program(real))


@live
def test_memory_is_shared_in_pytorch_too():
    import torch as real

    loaded = real.load(saved(checkpoints.views(torch)), weights_only=True)
    starts = {loaded[name].untyped_storage().data_ptr() for name in ("whole", "rows", "transposed", "diagonal", "one")}
    assert len(starts) == 1
