"""What the recorded checkpoints hold, as programs over PyTorch or `functorch_jax.torch`.

PyTorch runs them once and saves what they give (`record_checkpoints.py`); the suite runs them again on this package and
compares that with what it loads.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[1] / "golden" / "checkpoints"
# PyTorch has a type of storage for each of these, and untyped storages for the newer ones
DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
NEWER_DTYPES = "uint16 uint32 uint64 float8_e4m3fn float8_e5m2".split()


def dtypes(t: Any) -> dict[str, Any]:
    return {name: t.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 5.0]]).to(getattr(t, name)) for name in DTYPES}


def newer_dtypes(t: Any) -> dict[str, Any]:
    return {name: t.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 5.0]]).to(getattr(t, name)) for name in NEWER_DTYPES}


def views(t: Any) -> dict[str, Any]:
    x = t.arange(12.0).reshape(3, 4)
    alone = t.arange(10)
    return {
        "whole": x,
        "rows": x[1:],
        "transposed": x.t(),
        "diagonal": x[:, 1:].diagonal(),
        "one": x[2, 3],
        "steps": alone[1::3],
        "expanded": t.ones(1, 3).expand(4, 3),
        "permuted": t.arange(6).reshape(2, 3).t(),
        "complex": t.view_as_complex(t.arange(4.0).reshape(2, 2)),
        "conj": t.view_as_complex(t.arange(4.0).reshape(2, 2)).conj(),
        "empty": t.zeros(0, 3),
        "scalar": t.tensor(7),
    }


def parameters(t: Any) -> dict[str, Any]:
    weight = t.nn.Parameter(t.arange(6.0).reshape(2, 3))
    noted = t.nn.Parameter(t.ones(2, dtype=t.bfloat16))
    noted.tag = "decay"
    mark = t.ones(2)
    mark.mark = [1, "a"]
    return {
        "weight": weight,
        "tied": weight,
        "detached": weight.detach(),
        "frozen": t.nn.Parameter(t.zeros(1), requires_grad=False),
        "leaf": t.ones(2, requires_grad=True),
        "buffer": t.nn.Buffer(t.zeros(2)),
        "noted": noted,
        "mark": mark,
    }


def containers(t: Any) -> dict[Any, Any]:
    return {
        "list": [1, -2.5, True, None, "é", b"\xff\x00", bytearray(b"b"), 2**100, -(2**40), 1 - 2j],
        "tuples": ((), (1,), (1, 2), (1, (2, [3]), {4: (5,)})),
        3: {1, 2},
        "ordered": OrderedDict([("b", t.tensor(1)), ("a", t.tensor(2))]),
        "counter": Counter("aab"),
        "size": t.Size([2, 3]),
        "dtype": t.float16,
        "device": t.device("cpu"),
        "layout": t.strided,
        "long": "x" * 300,
        "many": list(range(2000)),
    }


def arrays(t: Any) -> dict[str, Any]:
    return {
        "matrix": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "number": np.float32(1.5),
        "bools": np.array([True, False]),
    }


def network(t: Any) -> Any:
    model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4), t.nn.ReLU(), t.nn.Linear(4, 4), t.nn.Linear(4, 4))
    for i, value in enumerate(model.state_dict().values()):
        value.copy_(((t.arange(value.numel()) + i) / 8).reshape(value.shape))
    model[4].weight = model[3].weight
    return model


def state_dict(t: Any) -> Any:
    return network(t).state_dict()


def layouts(t: Any) -> Any:
    return t.empty_strided((2, 3, 4), (1, 8, 2)).copy_(t.arange(24.0).reshape(2, 3, 4))


def training(t: Any) -> dict[str, Any]:
    return {"model": state_dict(t), "step": 3, "losses": [0.5, 0.25], "args": {"lr": 0.1, "betas": (0.9, 0.999)}}


PROGRAMS = (dtypes, newer_dtypes, views, parameters, containers, arrays, state_dict, layouts, training)
LEGACY = (dtypes, views, parameters, containers, state_dict)  # also in the format before PyTorch 1.6
