"""`python -m functorch_jax check FILE|DIR…`: which names of PyTorch's do programs use, and are they all here?

Programs are read, not run. Names are followed through imports (`import torch.nn.functional as F`, `from functorch
import vmap as v`) and plain assignments of modules (`F = torch.nn.functional`).
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import sys
import textwrap
import tokenize
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from functorch_jax import gaps

__all__ = ["Use", "check", "main", "uses_in"]

ROOTS = ("torch", "functorch")
MAGICS_THAT_KEEP_THE_CODE = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class Use:
    """A name in a program: where, and "supported", "gap" (with `reason` and `instead`), "unknown" or "star"."""

    file: str
    line: str
    name: str
    status: str
    reason: str = ""
    instead: str = ""
    nearest: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class Source(NamedTuple):
    """Python code of a file; of a notebook, one cell."""

    file: str
    cell: int | None
    text: str

    def line(self, number: int) -> str:
        return str(number) if self.cell is None else f"cell {self.cell}:{number}"


class Unreadable(Exception):
    """A file that cannot be read as a program, and why."""


# ---- files -----------------------------------------------------------------------------------------------------------


def files_below(path: str) -> Iterator[str]:
    """The file itself, or every .py and .ipynb below a directory, hidden ones left out."""
    if not os.path.isdir(path):
        yield path
        return
    for directory, below, names in os.walk(path):
        below[:] = sorted(d for d in below if not d.startswith(".") and d != "__pycache__")
        yield from (os.path.join(directory, n) for n in sorted(names) if n.endswith((".py", ".ipynb")))


def sources_of(file: str) -> list[Source]:
    """The code in a file. Raises Unreadable."""
    try:
        with tokenize.open(file) as stream:  # in the encoding that a program's first lines may declare
            text = stream.read()
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error
    except (UnicodeDecodeError, SyntaxError) as error:
        raise Unreadable(f"{file}: not UTF-8 text") from error
    if not file.endswith(".ipynb"):
        return [Source(file, None, text)]
    try:
        cells = json.loads(text)["cells"]
        code = [(i, "".join(cell["source"])) for i, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{file}: not a notebook ({error})") from error
    return [Source(file, i, plain) for i, cell in code if (plain := _without_magics(cell)) is not None]


def _without_magics(cell: str) -> str | None:
    """A cell as Python, line for line; None where its magic makes it something else, such as a shell script."""
    lines = cell.splitlines()
    if lines and lines[0].startswith("%%") and not lines[0].startswith(MAGICS_THAT_KEEP_THE_CODE):
        return None
    for i, line in enumerate(lines):
        code = line.lstrip()
        if code.startswith(("%", "!")) or (code.startswith("?") or code.rstrip().endswith("?")):
            lines[i] = line[: len(line) - len(code)] + "pass"
    return "\n".join(lines)


# ---- names in a program ----------------------------------------------------------------------------------------------


class _Reader(ast.NodeVisitor):
    """Collects (dotted name, line, how) of PyTorch's names; `how` is "name", "set", "method" or "star"."""

    def __init__(self, aliases: dict[str, str]) -> None:
        self.aliases = aliases
        self.hidden: list[set[str]] = []
        self.found: list[tuple[str, int, str]] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            name = _pytorchs(alias.name)
            if name is not None:
                self.aliases[bound] = name if alias.asname else _pytorchs(bound) or bound
                self.found.append((name, node.lineno, "name"))
            else:
                self.aliases.pop(bound, None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "" if node.level else node.module or ""
        for alias in node.names:
            name = _pytorchs(f"{module}.{alias.name}")
            if name is None:
                self.aliases.pop(alias.asname or alias.name, None)
            elif alias.name == "*":
                self.found.append((name.removesuffix(".*"), node.lineno, "star"))
            else:
                self.aliases[alias.asname or alias.name] = name
                self.found.append((name, node.lineno, "name"))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self.dotted(node)
        if name is None:
            self.found.append((node.attr, node.lineno, "method"))
            self.generic_visit(node)
        else:
            self.found.append((name, node.lineno, "name" if isinstance(node.ctx, ast.Load) else "set"))

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(func=ast.Name("getattr" | "hasattr"), args=[owner, ast.Constant(value=str(name)), *_]):
                if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) == 2:
                    if (of := self.dotted(owner)) is not None:
                        self.found.append((f"{of}.{name}", node.lineno, "name"))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        name = self.dotted(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                if name is not None and isinstance(_value(name), types.ModuleType):
                    self.aliases[target.id] = name
                elif not self.hidden:
                    self.aliases.pop(target.id, None)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        a = node.args
        names = {arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if arg is not None}
        outside = [*a.defaults, *filter(None, a.kw_defaults), *getattr(node, "decorator_list", [])]
        for each in [*outside, *(arg.annotation for arg in ast.walk(a) if isinstance(arg, ast.arg))]:
            if each is not None:
                self.visit(each)
        if (returns := getattr(node, "returns", None)) is not None:
            self.visit(returns)
        self.hidden.append(names)
        for each in [node.body] if isinstance(node, ast.Lambda) else node.body:
            self.visit(each)
        self.hidden.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _function

    def dotted(self, node: ast.AST) -> str | None:
        """The full name of PyTorch's that an expression spells out."""
        if isinstance(node, ast.Name):
            return None if any(node.id in names for names in self.hidden) else self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return None if owner is None else _pytorchs(f"{owner}.{node.attr}")
        return None


def _pytorchs(name: str) -> str | None:
    """A dotted name as PyTorch has it, also where it was reached through functorch_jax; None for others' names."""
    root, _, rest = name.partition(".")
    if root == "functorch_jax":
        name = f"functorch.{rest}" if rest else "functorch"
    elif root not in ROOTS:
        return None
    return name.removeprefix("functorch.") if f"{name}.".startswith("functorch.torch.") else name


# ---- judging them ----------------------------------------------------------------------------------------------------

_ABSENT = object()


def _value(name: str) -> Any:
    """What a dotted name stands for in this package; `_ABSENT` if it is not there."""
    root, *path = name.split(".")
    where = {"torch": "functorch_jax.torch", "functorch": "functorch_jax"}[root]
    value: Any = importlib.import_module(where)
    for part in path:
        where = f"{where}.{part}"
        try:
            value = getattr(value, part)
        except AttributeError:
            if not isinstance(value, types.ModuleType):
                return _ABSENT
            try:
                value = importlib.import_module(where)
            except ImportError:
                return _ABSENT
    return value


def _judged(source: Source, name: str, line: int, how: str) -> Use | None:
    place = source.line(line)
    if how == "star":
        if _value(name) is not _ABSENT:
            return Use(source.file, place, f"{name}.*", "star")
        gap = gaps.find(name)
        if gap is None:
            return Use(source.file, place, f"{name}.*", "unknown")
        return Use(source.file, place, f"{name}.*", "gap", gap.reason, gap.instead)
    if how == "method":
        gap = _gap_of_method(name)
        return gap and Use(source.file, place, f"torch.Tensor.{name}", "gap", gap.reason, gap.instead)
    if _value(name) is not _ABSENT:
        return Use(source.file, place, name, "supported")
    owner, _, last = name.rpartition(".")
    found = _value(owner)
    if found is not _ABSENT and owner not in ROOTS:
        # an attribute of a function or a value is the program's own affair, and settings may be invented
        is_setting = how == "set" and isinstance(found, types.ModuleType)
        if is_setting or not isinstance(found, (types.ModuleType, type)):
            return Use(source.file, place, owner, "supported")
    gap = gaps.find(name)
    if gap is not None:
        return Use(source.file, place, name, "gap", gap.reason, gap.instead)
    while found is _ABSENT and owner not in ROOTS:
        name = owner
        owner, _, last = name.rpartition(".")
        found = _value(owner)
        if found is not _ABSENT and not isinstance(found, (types.ModuleType, type)):
            return Use(source.file, place, owner, "supported")
    from functorch_jax.torch._names import nearest

    near = tuple(f"{owner}.{n}" for n in nearest(last, dir(found)))
    return Use(source.file, place, name, "unknown", nearest=near)


def _gap_of_method(name: str) -> gaps.Gap | None:
    """The gap of a method that only a tensor has: not `values`, which a dict has too."""
    import numpy as np

    common = (list, dict, str, set, bytes, int, np.ndarray)
    if name in ("indices", "storage", "solve", "eig", "resize", "index", "coalesce", "volatile") or any(
        hasattr(kind, name) for kind in common
    ):
        return None
    gap = gaps.find(f"torch.Tensor.{name}")
    return gap if gap is not None and f"torch.Tensor.{name}" in gap.names.split() else None


def uses_in(file: str) -> list[Use]:
    """Every name of PyTorch's in a file, in the order of its lines. Raises Unreadable, and SyntaxError for bad Python.

    Example:
        >>> from functorch_jax.check import uses_in
        >>> [use.status for use in uses_in("train.py")]  # doctest: +SKIP
        ['supported', 'supported', 'gap']
    """
    aliases: dict[str, str] = {}  # cells of a notebook share them
    found: dict[tuple[str, str], Use] = {}
    for source in sources_of(file):
        try:
            tree = ast.parse(source.text, filename=file)
        except SyntaxError as error:
            error.filename = file
            raise Unreadable(f"{file}:{source.line(error.lineno or 1)}: {error.msg}") from error
        reader = _Reader(aliases)
        reader.visit(tree)
        for name, line, how in reader.found:
            use = _judged(source, name, line, how)
            if use is not None:
                found.setdefault((use.line, use.name), use)
    return list(found.values())


def check(paths: Iterable[str]) -> tuple[list[str], list[Use], list[str]]:
    """Files read, the uses in them, and what is wrong with those that could not be read."""
    files: list[str] = []
    uses: list[Use] = []
    wrong: list[str] = []
    for path in paths:
        for file in files_below(path):
            files.append(file)
            try:
                uses += uses_in(file)
            except Unreadable as error:
                wrong.append(str(error))
    return files, uses, wrong


# ---- telling ---------------------------------------------------------------------------------------------------------

_COLOURS = {"gap": "33", "unknown": "31", "star": "36", "supported": "32", "wrong": "31"}
_TITLES = {
    "gap": "Gaps: known, and not supported",
    "unknown": "Unknown: not here, and in no list of gaps",
    "star": "Star imports: what they bring cannot be followed",
    "supported": "Supported",
}


def report(files: list[str], uses: list[Use], wrong: list[str], colour: bool = False) -> str:
    """What `check` prints."""

    def paint(text: str, status: str) -> str:
        return f"\033[{_COLOURS[status]}m{text}\033[0m" if colour else text

    names: dict[str, dict[str, list[Use]]] = {status: {} for status in _TITLES}
    for use in uses:
        names[use.status].setdefault(use.name, []).append(use)
    count = {status: len(each) for status, each in names.items()}
    total = count["gap"] + count["unknown"] + count["supported"]
    read = f"{_plural(len(files), 'file')}, {_plural(total, 'name')} of PyTorch"
    lines = [f"{read}: {count['supported']} supported, {_plural(count['gap'], 'gap')}, {count['unknown']} unknown"]
    if wrong:
        lines += ["", paint("Could not be read", "wrong"), *(f"  {each}" for each in wrong)]
    for status, title in _TITLES.items():
        if not names[status]:
            continue
        lines += ["", paint(title, status)]
        width = min(40, max(map(len, names[status])))
        reasons: dict[tuple[str, str], list[str]] = {}
        for name, those in sorted(names[status].items()):
            row = f"  {name:<{width}}  {_places(those)}"
            if those[0].nearest:
                row += f"\n      nearest: {', '.join(those[0].nearest)}"
            reasons.setdefault((those[0].reason, those[0].instead), []).append(row)
        for (reason, instead), rows in reasons.items():
            lines += rows
            if status == "gap":
                lines += [_wrapped("why:     ", reason), _wrapped("instead: ", instead)]
    return "\n".join(lines)


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, 118, initial_indent=f"      {label}", subsequent_indent=" " * (6 + len(label)))


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _places(uses: list[Use]) -> str:
    """`file:line`, further lines of the same file after commas."""
    by_file: dict[str, list[str]] = {}
    for use in uses:
        by_file.setdefault(use.file, []).append(use.line)
    return "  ".join(f"{file}:{','.join(found)}" for file, found in by_file.items())


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns 0 if every name is there, 1 if one is missing, 2 for a file that could not be read.

    Raises: SystemExit(2) for a wrong command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m functorch_jax check",
        description="Read programs without running them, and say which of PyTorch's names they use are here.",
        epilog="Exit code: 0 all are here, 1 something is missing, 2 a file could not be read. "
        "To run a script that is called check: python -m functorch_jax ./check",
    )
    parser.add_argument("--json", action="store_true", help="print the same as data")
    parser.add_argument("paths", nargs="+", metavar="FILE|DIR", help="a .py or .ipynb file, or a directory of them")
    options = parser.parse_args(argv)
    files, uses, wrong = check(options.paths)
    if options.json:
        print(json.dumps({"files": files, "uses": [asdict(use) for use in uses], "unreadable": wrong}, indent=1))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        print(report(files, uses, wrong, colour))
    if wrong:
        return 2
    return 1 if any(use.status in ("gap", "unknown") for use in uses) else 0
