"""Containers of modules and parameters, and what layers refuse."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from tests.oracle.case import Row, case, error, floats


def _names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def _three(t: Any) -> Any:
    return t.nn.Sequential(t.nn.Linear(1, 2), t.nn.ReLU(), t.nn.Linear(2, 1))


CONTAINERS: list[Row] = [
    case(
        "Sequential, items and slices",
        lambda t: (lambda s: [repr(s[1]), repr(s[-1]), repr(s[0:2]), len(s), [type(m).__name__ for m in s]])(_three(t)),
    ),
    case(
        "Sequential of names",
        lambda t: (lambda s: [repr(s), repr(s.b)])(t.nn.Sequential(OrderedDict(a=t.nn.ReLU(), b=t.nn.Tanh()))),
    ),
    case(
        "Sequential, arithmetic",
        lambda t: [
            repr(_three(t) + _three(t)),
            repr(_three(t) * 2),
            repr(2 * _three(t)),
            repr(_three(t).extend([t.nn.Tanh()])),
        ],
    ),
    case(
        "Sequential, changes",
        lambda t: (
            lambda s: [
                repr(s.pop(1)),
                repr(s.insert(1, t.nn.Tanh())),
                repr(s.append(t.nn.ReLU())),
                s.__setitem__(0, t.nn.SiLU()),
                s.__delitem__(1),
                repr(s),
            ]
        )(_three(t)),
    ),
    case(
        "ModuleList",
        lambda t: (
            lambda m: [
                repr(m),
                repr(m[1]),
                repr(m[-1]),
                repr(m[0:1]),
                len(m),
                repr(m + [t.nn.Tanh()]),
                repr(m.append(t.nn.SiLU())),
                m.insert(0, t.nn.Tanh()),
                repr(m),
                repr(m.pop(0)),
                _names(m.named_parameters()),
            ]
        )(t.nn.ModuleList([t.nn.Linear(1, 2), t.nn.Linear(1, 2), t.nn.ReLU()])),
    ),
    case(
        "ModuleDict",
        lambda t: (
            lambda m: [
                repr(m),
                list(m),
                len(m),
                "a" in m,
                repr(m["a"]),
                m.update({"c": t.nn.SiLU()}),
                list(m.keys()),
                repr(m.pop("a")),
                _names(m.items()),
                [repr(v) for v in m.values()],
            ]
        )(t.nn.ModuleDict({"a": t.nn.ReLU(), "b": t.nn.Tanh()})),
    ),
    case(
        "ParameterList",
        lambda t: (
            lambda p: [
                repr(p),
                len(p),
                list(p.state_dict()),
                type(p[0]).__name__,
                p[1],
                [type(v).__name__ for v in p.append(t.ones(3))],
                repr(p[0:1]),
            ]
        )(t.nn.ParameterList([t.ones(2), 3, t.nn.Parameter(t.ones(1, 2))])),
    ),
    case(
        "ParameterDict",
        lambda t: (
            lambda p: [
                repr(p),
                list(p),
                list(p.state_dict()),
                "a" in p,
                p.pop("b"),
                p.get("zz"),
                len(p),
                _names(p.items()),
            ]
        )(t.nn.ParameterDict({"b": "x", "a": t.ones(2)})),
    ),
    error("Sequential, out of range", lambda t: _three(t)[5], fragment="index 5 is out of range"),
    error("Sequential of an int", lambda t: t.nn.Sequential(3), fragment="int is not a Module subclass"),
    error("Sequential times 0", lambda t: _three(t) * 0, fragment="Non-positive multiplication factor 0"),
    error(
        "Sequential plus 3", lambda t: _three(t) + 3, fragment="add operator supports only objects of Sequential class"
    ),
    error(
        "ModuleList, out of range", lambda t: t.nn.ModuleList([t.nn.ReLU()])[-2], fragment="index -2 is out of range"
    ),
    error(
        "ModuleList extended by an int",
        lambda t: t.nn.ModuleList().extend(3),
        fragment="ModuleList.extend should be called with an iterable, but got int",
    ),
    error("ModuleList called", lambda t: t.nn.ModuleList()(3), fragment=r"Module \[ModuleList\] is missing"),
    error("ModuleDict, no such key", lambda t: t.nn.ModuleDict()["z"], fragment="z"),
    error(
        "ModuleDict updated by an int",
        lambda t: t.nn.ModuleDict().update(3),
        fragment="should be called with an iterable of key/value pairs",
    ),
    error(
        "Conv2d, groups", lambda t: t.nn.Conv2d(3, 4, 2, groups=2), fragment="in_channels must be divisible by groups"
    ),
    error(
        "Conv2d, padding mode", lambda t: t.nn.Conv2d(3, 4, 2, padding_mode="x"), fragment="padding_mode must be one of"
    ),
    error(
        "Dropout, p", lambda t: t.nn.Dropout(2.0), fragment="dropout probability has to be between 0 and 1, but got 2"
    ),
    error(
        "BatchNorm2d of three axes",
        lambda t, x: t.nn.BatchNorm2d(3)(x),
        floats(2, 3, 4),
        fragment=r"expected 4D input \(got 3D input\)",
    ),
    error(
        "BatchNorm1d of four axes",
        lambda t, x: t.nn.BatchNorm1d(3)(x),
        floats(2, 3, 4, 1),
        fragment=r"expected 2D or 3D input \(got 4D input\)",
    ),
    error(
        "GroupNorm, groups",
        lambda t: t.nn.GroupNorm(2, 3),
        fragment=r"num_channels \(3\) must be divisible by num_groups \(2\)",
    ),
    error(
        "Linear, sizes",
        lambda t, x: t.nn.Linear(1, 2)(x),
        floats(3),
        fragment=r"mat1 and mat2 shapes cannot be multiplied \(1x3 and 1x2\)",
    ),
]


CASES: list[Row] = CONTAINERS
