"""`torch.save` and `torch.load`: pickles of tensors and what holds them."""

from __future__ import annotations

import os
import pickle
import zipfile
from typing import Any

from functorch_jax.torch._op import function


@function("torch")
def save(obj: Any, f: Any, pickle_module: Any = pickle, pickle_protocol: int = 4, **_: Any) -> None:
    """Write an object to a file name or an open file, for `torch.load` of this package. Source: torch.save."""
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            pickle_module.dump(obj, file, protocol=pickle_protocol)
    else:
        pickle_module.dump(obj, f, protocol=pickle_protocol)


@function("torch")
def load(f: Any, map_location: Any = None, pickle_module: Any = pickle, *, weights_only: Any = None, **_: Any) -> Any:
    """What `torch.save` of this package wrote. A pickle can run code: load only files that you trust.

    Raises NotImplementedError for a file that PyTorch itself wrote. Source: torch.load.
    """
    if isinstance(f, (str, os.PathLike)):
        if zipfile.is_zipfile(f):
            raise NotImplementedError(
                f"torch.load: {os.fspath(f)!r} was written by PyTorch, whose file format is not supported yet: save "
                "its tensors as NumPy arrays (numpy.savez) and build them with torch.from_numpy"
            )
        with open(f, "rb") as file:
            return pickle_module.load(file)
    return pickle_module.load(f)
