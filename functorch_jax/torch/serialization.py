"""`torch.save` and `torch.load`: PyTorch's checkpoint files, both the zip format and the one before PyTorch 1.6."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from functorch_jax.torch import _unpickler
from functorch_jax.torch._op import function
from functorch_jax.torch._storage import STORAGES, Storage, StorageType, placement
from functorch_jax.torch._unpickler import CALLS, VALUES, Restricted, full_name

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

_MAGIC = 0x1950A86A20F9469CFC6C  # what the older format begins with
_PROTOCOL = 1001
_ALIGNMENT = 64

_Read = Callable[[Any], Any]  # from a file with a pickle to the object in it


# ---- saving ----------------------------------------------------------------------------------------------------------


@function("torch")
def save(
    obj: Any,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write tensors, and what holds them, to a file that PyTorch and `torch.load` read.

    Tensors that share memory (views, tied weights) are stored once and share it again when they are loaded.

    Args:
        obj: anything that can be pickled. `torch.load` reads it by default if it is made of tensors, parameters,
            containers and plain Python data: a `state_dict`, for example.
        f: a path, or a binary file that is open for writing.
        pickle_module: is accepted; the pickle is written by this package.

    Source: torch.save.
    """
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    from functorch_jax.torch._pickler import TorchPickler

    # before the file is opened: what cannot be pickled leaves none behind
    pickled = io.BytesIO()
    pickler = TorchPickler(pickled, pickle_protocol, legacy=not _use_new_zipfile_serialization)
    pickler.dump(obj)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(f, "wb")) if isinstance(f, (str, os.PathLike)) else f
        if _use_new_zipfile_serialization:
            _write_zip(file, pickled.getvalue(), pickler.memories, byteorder=not _disable_byteorder_record)
        else:
            _write_legacy(file, pickled.getvalue(), pickler.memories)


def _write_zip(file: Any, pickled: bytes, memories: list[Any], byteorder: bool) -> None:
    with zipfile.ZipFile(file, "w") as archive:

        def write(name: str, content: Any) -> None:
            info = zipfile.ZipInfo(f"archive/{name}")
            # the content begins at a multiple of 64 bytes, behind a header of 30, so that it can be mapped to memory
            begin = archive.fp.tell() + 30 + len(info.filename) + 4  # type: ignore[union-attr]
            padding = -begin % _ALIGNMENT
            info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
            archive.writestr(info, content)

        write("data.pkl", pickled)
        if byteorder:
            write("byteorder", sys.byteorder)
        for memory in memories:
            write(f"data/{memory.key}", memory.raw())
        write("version", "3\n")


def _write_legacy(file: Any, pickled: bytes, memories: list[Any]) -> None:
    sizes = {"short": 2, "int": 4, "long": 4}
    about = {"protocol_version": _PROTOCOL, "little_endian": sys.byteorder == "little", "type_sizes": sizes}
    for each in (_MAGIC, _PROTOCOL, about):
        pickle.dump(each, file, protocol=2)
    file.write(pickled)
    pickle.dump([memory.key for memory in memories], file, protocol=2)
    for memory in memories:
        raw = memory.raw()
        count = memory.values.size if memory.dtype.name in STORAGES else len(raw)
        file.write(count.to_bytes(8, sys.byteorder))
        file.write(raw)


# ---- loading ---------------------------------------------------------------------------------------------------------


@function("torch")
def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    encoding: str = "utf-8",
    **pickle_load_args: Any,
) -> Any:
    """What `torch.save` wrote, this package's or PyTorch's own, which need not be installed.

    By default only tensors, parameters, containers and plain data are built, and nothing in the file can run code.

    Args:
        f: a path, or a binary file that is open for reading and can seek.
        map_location: where tensors go: a device, a dict from the file's devices to others, or a function of a storage
            and the file's device. By default they go to the device that the file says.
        pickle_module: unpickle with this module's `Unpickler`; the same danger as `weights_only=False`.
        weights_only: False unpickles without limits. This runs whatever code the file says: do it only with files
            that you trust. Classes of PyTorch's are taken from this package.
        mmap: is accepted and changes nothing.
        encoding: of the strings in files written by Python 2.

    Raises: pickle.UnpicklingError, naming what is not allowed or damaged; RuntimeError for a file that is none of
        PyTorch's, and for devices that the machine lacks.
    Source: torch.load.
    """
    if weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    with contextlib.ExitStack() as stack:
        if isinstance(f, (str, os.PathLike)):
            file: Any = stack.enter_context(open(f, "rb"))
        elif not (hasattr(f, "seek") and hasattr(f, "tell") and hasattr(f, "read")):
            raise AttributeError(
                f"{type(f).__name__!r} object has no attribute 'seek'. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
        else:
            file = f
        checkpoint = _Checkpoint(placement(map_location))
        if not weights_only:
            kind = _unlimited(pickle_module or pickle, checkpoint.storage)
            return checkpoint.load(file, lambda source: kind(source, encoding=encoding, **pickle_load_args).load())
        if pickle_load_args:
            raise TypeError(f"load() got an unexpected keyword argument '{next(iter(pickle_load_args))}'")
        try:
            return checkpoint.load(file, lambda source: Restricted(checkpoint.storage, encoding).load(source))
        except pickle.UnpicklingError as e:
            raise pickle.UnpicklingError(f"Weights only load failed. {e}") from None


class _Checkpoint:
    """A file that is being read: its storages, and where its tensors go."""

    def __init__(self, place: Callable[[Storage, str], Storage]) -> None:
        self.place = place
        self.storages: dict[str, Storage] = {}
        self.fetch: Callable[[Storage, str], None] | None = None  # reads a storage when it is first met

    def load(self, file: Any, read: _Read) -> Any:
        start = file.tell()
        head = file.read(262)
        file.seek(start)
        if head[257:] == b"ustar":
            raise RuntimeError(
                "the file is a tar archive, as PyTorch wrote before version 0.1.10: this format is not supported. Load "
                "it with PyTorch and save it again"
            )
        if head[:4] == b"PK\x03\x04":
            result = self._load_zip(file, read)
        else:
            result = self._load_legacy(file, read)
        for storage in self.storages.values():
            storage.link()
        return result

    def storage(self, pid: Any) -> Any:
        """The storage that a persistent id names."""
        if type(pid) is not tuple or not pid or pid[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError(f"Unsupported persistent id {type(pid).__name__}: only storages have one")
        if len(pid) not in (5, 6) or (len(pid) == 6 and pid[5] is not None):
            raise pickle.UnpicklingError("a storage that is part of another one: the file is of a PyTorch before 0.4")
        _, kind, key, location, numel = pid[:5]
        key, location = _text(key), _text(location)
        if not isinstance(kind, StorageType) or type(numel) is not int or numel < 0:
            raise pickle.UnpicklingError("a storage of an unknown type")
        found = self.storages.get(key)
        if found is None:
            found = self.storages[key] = self.place(Storage(kind, numel, location), location)
            if self.fetch is not None and found.where != "meta":
                self.fetch(found, key)
        return found

    def _load_zip(self, file: Any, read: _Read) -> Any:
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as e:
            raise RuntimeError(
                f"PytorchStreamReader failed reading zip archive: {e}. If you are seeing this error, there is a high "
                "likelihood that your checkpoint file is corrupted"
            ) from e
        with archive:
            names = set(archive.namelist())
            pickles = sorted((n for n in names if n == "data.pkl" or n.endswith("/data.pkl")), key=len)
            if not pickles:
                raise RuntimeError("PytorchStreamReader failed locating file data.pkl: file not found")
            folder = pickles[0].removesuffix("data.pkl")
            if f"{folder}constants.pkl" in names:
                raise RuntimeError("the file is a TorchScript archive, written by torch.jit.save: it holds a program")
            order = "little"
            if f"{folder}byteorder" in names:
                order = archive.read(f"{folder}byteorder").decode("ascii", "replace").strip()

            def fetch(storage: Storage, key: str) -> None:
                name = f"{folder}data/{key}"
                if name not in names:
                    raise RuntimeError(f"PytorchStreamReader failed locating file data/{key}: file not found")
                if archive.getinfo(name).file_size != storage.nbytes:
                    raise RuntimeError(f"data/{key} in the file has not the size of its storage: the file is damaged")
                storage.fill(archive.read(name), order, sys.byteorder)

            self.fetch = fetch
            return read(io.BytesIO(archive.read(pickles[0])))

    def _load_legacy(self, file: Any, read: _Read) -> Any:
        if read(file) != _MAGIC:
            raise RuntimeError("Invalid magic number; corrupt file?")
        version = read(file)
        if version != _PROTOCOL:
            raise RuntimeError(f"Invalid protocol version: {version}")
        about = read(file)
        order = "little" if about.get("little_endian", about.get(b"little_endian", True)) else "big"
        result = read(file)
        for key in map(_text, read(file)):
            storage = self.storages.get(key)
            if storage is None:
                raise pickle.UnpicklingError(f"the file has a storage that no tensor uses, of unknown size: {key}")
            count = int.from_bytes(file.read(8), order)  # type: ignore[arg-type]
            if count != storage.numel:
                raise RuntimeError(f"a storage of {storage.numel} elements has {count} in the file: it is damaged")
            raw = file.read(storage.nbytes)
            if len(raw) < storage.nbytes:
                raise RuntimeError(
                    f"unexpected EOF: {storage.nbytes - len(raw)} bytes are missing: the file is damaged"
                )
            storage.fill(raw, order, sys.byteorder)
            for user in storage.users:
                storage.show(user)
        for key, storage in self.storages.items():
            if storage.data is None and storage.where != "meta":
                raise RuntimeError(f"the file ends without the storage {key}: it is damaged")
        return result


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if type(value) is not str:
        raise pickle.UnpicklingError(f"a storage is called by {type(value).__name__}, not by a string")
    return value


# ---- without limits --------------------------------------------------------------------------------------------------


def _unlimited(module: Any, storage: Callable[[Any], Any]) -> Any:
    """An unpickler class that finds this package's classes under PyTorch's names, and runs what the pickle says."""

    class Unpickler(module.Unpickler):  # type: ignore[misc]
        def persistent_load(self, pid: Any) -> Any:
            if type(pid) is tuple and pid and pid[0] == "module":  # a class with its source, which is not compared
                return pid[1]
            return storage(pid)

        def find_class(self, name: str, attribute: str) -> Any:
            if name.partition(".")[0] != "torch":
                return super().find_class(name, attribute)
            return _ours(name, attribute)

    return Unpickler


def _ours(module: str, name: str) -> Any:
    """What this package has for something of PyTorch's."""
    full = f"{module}.{name}"
    if full.startswith(("torch._utils.", "torch._tensor.", "torch.serialization.")) and full in CALLS:
        return CALLS[full]
    if full in VALUES:
        return VALUES[full]
    path = module.split(".")
    while path:  # PyTorch keeps layers in torch.nn.modules.linear, where they are torch.nn's
        with contextlib.suppress(ImportError, AttributeError):
            value: Any = importlib.import_module(f"functorch_jax.{'.'.join(path)}")
            for part in name.split("."):
                value = getattr(value, part)
            return value
        path.pop()
    raise pickle.UnpicklingError(f"the file needs {full}, which functorch_jax does not have")


# ---- names that the user allows --------------------------------------------------------------------------------------


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Allow `torch.load` to use classes and functions: a list of them, or of pairs of one and its name in the file.

    A pickle can call them with any arguments. Source: torch.serialization.add_safe_globals.
    """
    for each in safe_globals:
        value, name = each if isinstance(each, tuple) else (each, full_name(each))
        _unpickler.allowed[name] = value


def get_safe_globals() -> list[Any]:
    """What has been allowed. Source: torch.serialization.get_safe_globals."""
    return [v if n == full_name(v) else (v, n) for n, v in _unpickler.allowed.items()]


def clear_safe_globals() -> None:
    """Allow nothing any more. Source: torch.serialization.clear_safe_globals."""
    _unpickler.allowed.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: list[Any]) -> Iterator[None]:
    """Allow classes and functions inside a `with` block. Source: torch.serialization.safe_globals."""
    before = dict(_unpickler.allowed)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _unpickler.allowed.clear()
        _unpickler.allowed.update(before)
