"""Safetensors files of our tensors, through the `safetensors` package: what `safetensors.torch` offers.

With the import hook, `from safetensors.torch import load_file` gives the functions of this module. Files are the ones
that PyTorch's programs read and write. Source: safetensors.torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from functorch_jax.torch._device import jax_device
from functorch_jax.torch._dtype import DTYPES
from functorch_jax.torch._methods import stored
from functorch_jax.torch._strides import is_contiguous
from functorch_jax.torch._tensor import Tensor, wrap

try:
    import safetensors as _package
    import safetensors.numpy as _numpy
except ImportError as e:
    raise ImportError(
        "functorch_jax.torch.safetensors needs the safetensors package: pip install 'functorch-jax[safetensors]'"
    ) from e

__all__ = ["load", "load_file", "load_model", "safe_open", "save", "save_file", "save_model"]

_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
"""Dtypes by the names that files give them."""


# ---- saving ----------------------------------------------------------------------------------------------------------


def save(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """A safetensors file, as bytes.

    Args:
        tensors: tensors by name, contiguous, no two of which share memory.
        metadata: strings to keep beside them.

    Raises:
        ValueError: for anything but a dict of tensors, a tensor that is not contiguous, or a dtype that files lack.
        RuntimeError: for tensors that share memory; `save_model` saves a module with tied weights.

    Example:
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch import safetensors
        >>> safetensors.load(safetensors.save({"w": torch.ones(2)}))
        {'w': tensor([1., 1.])}

    Source: safetensors.torch.save.
    """
    return _numpy.save(_arrays(tensors), metadata)


def save_file(
    tensors: dict[str, Tensor], filename: str | os.PathLike[str], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors to a safetensors file; arguments and errors are those of `save`.

    Source: safetensors.torch.save_file.
    """
    _numpy.save_file(_arrays(tensors), filename, metadata)


def save_model(
    model: Any, filename: str | os.PathLike[str], metadata: dict[str, str] | None = None, force_contiguous: bool = True
) -> None:
    """Write the state of a module; of names that share memory one is stored, and the others are noted.

    Source: safetensors.torch.save_model.
    """
    state, metadata = model.state_dict(), dict(metadata or {})
    for names in _shared(state):
        kept = min(names)
        for name in names:
            if name != kept:
                metadata[name] = kept
                del state[name]
    if force_contiguous:
        state = {name: value.contiguous() for name, value in state.items()}
    save_file(dict(state), filename, metadata)


def _arrays(tensors: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The values of each tensor, checked."""
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(value)}")
    if shared := _shared(tensors):
        raise RuntimeError(
            f"Some tensors share memory, this will lead to duplicate memory on disk and potential differences when "
            f"loading them again: {[set(names) for names in shared]}. Save clones of them, or use `save_model`"
        )
    return {name: _array(name, value) for name, value in tensors.items()}


def _array(name: str, value: Tensor) -> np.ndarray[Any, Any]:
    if not is_contiguous(value):
        raise ValueError(
            f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. Call `.contiguous()` on "
            "it before saving"
        )
    array = np.asarray(stored(value, "safetensors.save()"))
    if array.dtype.name not in _NAMES.values():
        raise ValueError(f"`{name}`: a safetensors file has no {value.dtype}")
    return array


def _shared(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """The names of tensors that are, or are views of, one tensor."""
    roots: dict[int, list[str]] = {}
    for name, value in tensors.items():
        if value.array.size:
            roots.setdefault(id(value.root), []).append(name)
    return [names for names in roots.values() if len(names) > 1]


# ---- loading ---------------------------------------------------------------------------------------------------------


def load(data: bytes) -> dict[str, Tensor]:
    """The tensors in the bytes of a safetensors file, by name.

    Raises safetensors.SafetensorError for what is no such file. Source: safetensors.torch.load.
    """
    return {name: _tensor(each, None) for name, each in _package.deserialize(data)}


def load_file(
    filename: str | os.PathLike[str], device: str | int = "cpu", *, backend: str = "mmap"
) -> dict[str, Tensor]:
    """The tensors in a safetensors file, by name, on a device.

    Raises FileNotFoundError, and safetensors.SafetensorError for what is no such file.
    Source: safetensors.torch.load_file.
    """
    where = _place(device)
    with open(filename, "rb") as file:
        return {name: _tensor(each, where) for name, each in _package.deserialize(file.read())}


def load_model(
    model: Any,
    filename: str | os.PathLike[str],
    strict: bool = True,
    device: str | int = "cpu",
    *,
    backend: str = "mmap",
) -> tuple[list[str], list[str]]:
    """Load a file that `save_model` wrote into a module; returns the missing and the unexpected names.

    Raises RuntimeError when `strict` and there are any. Source: safetensors.torch.load_model.
    """
    result = model.load_state_dict(load_file(filename, device), strict=False)
    names = {name: group for group in _shared(model.state_dict()) for name in group}
    missing = [n for n in result.missing_keys if set(names.get(n, [n])) <= set(result.missing_keys)]
    unexpected = list(result.unexpected_keys)
    if strict and (missing or unexpected):
        lines = [f"Error(s) in loading state_dict for {type(model).__name__}:"]
        lines += [f"    Missing key(s) in state_dict: {missing}"] if missing else []
        lines += [f"    Unexpected key(s) in state_dict: {unexpected}"] if unexpected else []
        raise RuntimeError("\n".join(lines))
    return missing, unexpected


def _place(device: Any) -> Any:
    return None if str(device) == "cpu" and jax.default_backend() == "cpu" else jax_device(device, "load_file()")


def _tensor(each: Any, where: Any) -> Tensor:
    name = _NAMES.get(each["dtype"])
    if name is None:
        raise ValueError(f"the file has a tensor of dtype {each['dtype']}, which functorch_jax does not have")
    values = np.frombuffer(each["data"], DTYPES[name].np).reshape(each["shape"])
    return wrap(jax.device_put(values, where))  # nobody else has these bytes, so they may be shared


class safe_open:
    """A safetensors file whose tensors are read when they are asked for; to be used in a `with` statement.

    Args:
        filename: the file.
        framework: "pt"; others are for other libraries.
        device: where tensors go.

    Example:
        >>> import tempfile
        >>> from functorch_jax import torch
        >>> from functorch_jax.torch import safetensors
        >>> with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        ...     safetensors.save_file({"w": torch.arange(4)}, file.name)
        ...     with safetensors.safe_open(file.name, framework="pt") as f:
        ...         print(list(f.keys()), f.get_slice("w")[1:3])
        ['w'] tensor([1, 2])

    Source: safetensors.safe_open.
    """

    def __init__(self, filename: str | os.PathLike[str], framework: str = "pt", device: str | int = "cpu") -> None:
        if framework not in ("pt", "torch", "pytorch"):
            raise ValueError(f"framework is 'pt' here, not {framework!r}; safetensors.safe_open has the others")
        self._where = _place(device)
        self._name = filename
        self._file = _package.safe_open(filename, framework="flax")

    def __enter__(self) -> safe_open:
        self._file.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._file.__exit__(*exception)

    def keys(self) -> list[str]:
        """The names of the tensors."""
        return list(self._file.keys())

    def offset_keys(self) -> list[str]:
        """The names in the order in which the tensors lie in the file."""
        return list(self._file.offset_keys())

    def metadata(self) -> dict[str, str] | None:
        """The strings that were saved with the tensors."""
        return self._file.metadata()  # type: ignore[no-any-return]

    def get_tensor(self, name: str) -> Tensor:
        """One tensor. Raises safetensors.SafetensorError for a name that the file lacks."""
        if name in self.keys() and self._file.get_slice(name).get_dtype().startswith(
            "F8"
        ):  # which the package leaves out
            return load_file(self._name)[name].to(self._where)
        return wrap(jax.device_put(self._file.get_tensor(name), self._where))

    def get_slice(self, name: str) -> _Slice:
        """One tensor to be read in part: `f.get_slice(name)[2:5]`."""
        return _Slice(self._file.get_slice(name), self._where)


class _Slice:
    """A tensor of a file, of which only what is indexed is read."""

    def __init__(self, inner: Any, where: Any) -> None:
        self._inner = inner
        self._where = where

    def get_shape(self) -> list[int]:
        return list(self._inner.get_shape())

    def get_dtype(self) -> str:
        return str(self._inner.get_dtype())

    def __getitem__(self, index: Any) -> Tensor:
        return wrap(jax.device_put(self._inner[index], self._where))
