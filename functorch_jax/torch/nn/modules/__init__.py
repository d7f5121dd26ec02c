"""PyTorch's own places of its layers: `from torch.nn.modules.conv import _ConvNd`.

The classes live in the files of `torch.nn`; here are PyTorch's names of those places. A name that is asked for is
looked up in the files that hold the private ones, then in `torch.nn`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from functorch_jax.torch.nn.modules import utils as utils

_NN = __name__.rpartition(".")[0]

# PyTorch's file: the files of ours that hold names which `torch.nn` does not show
_FILES = {
    "activation": "activation",
    "adaptive": "adaptive",
    "batchnorm": "normalization lazy",
    "channelshuffle": "",
    "container": "container",
    "conv": "conv lazy",
    "distance": "",
    "dropout": "dropout",
    "flatten": "",
    "fold": "",
    "instancenorm": "normalization lazy",
    "lazy": "lazy",
    "linear": "linear",
    "loss": "loss",
    "module": "module _hooks _state",
    "normalization": "normalization",
    "padding": "resample",
    "pixelshuffle": "",
    "pooling": "pooling",
    "rnn": "rnn",
    "sparse": "sparse",
    "transformer": "",
    "upsampling": "",
}


class _Place(ModuleType):
    """One of PyTorch's files."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{__name__}.{name}", f"The names of torch.nn.modules.{name}.")
        self.__spec__ = ModuleSpec(self.__name__, None)
        self.__package__ = __name__
        self._homes = [f"{_NN}.{home}" for home in _FILES[name].split()]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            for home in [*self._homes, _NN]:
                module = importlib.import_module(home)
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")


for _name in _FILES:
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = _Place(_name)


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and hasattr(nn := sys.modules[_NN], name):
        return getattr(nn, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
