"""The import hook: while it is installed, `torch` and `functorch` are other names for this package's modules.

`import torch.nn` gives the very module `functorch_jax.torch.nn`, and `import functorch.compile` gives
`functorch_jax.compile`: nothing is loaded twice, and the modules keep the names and specs that they had. Every other
import is left alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from functorch_jax import gaps

__all__ = ["install", "uninstall"]

ROOTS = {"torch": "functorch_jax.torch", "functorch": "functorch_jax"}
BRIDGES = {"safetensors.torch": "functorch_jax.torch.safetensors"}
"""Modules of other packages that are written for PyTorch's own tensors, and what stands in for them."""


def install() -> None:
    """Make `import torch` and `import functorch` mean functorch_jax, until `uninstall()`.

    Call it before anything imports torch. A second call does nothing.

    Raises: RuntimeError if real PyTorch or real functorch is already imported in this process.

    Example:
        >>> import functorch_jax
        >>> functorch_jax.install()
        >>> import torch
        >>> torch.__name__
        'functorch_jax.torch'
        >>> functorch_jax.uninstall()
    """
    for name, ours in ROOTS.items():
        module = sys.modules.get(name)
        if module is not None and module is not sys.modules.get(ours):
            where = getattr(module, "__file__", None) or "unknown file"
            raise RuntimeError(
                f"functorch_jax.install(): {name!r} is already imported in this process (from {where}); call install() "
                f"before anything imports {name}. In a notebook, restart the kernel and load functorch_jax first"
            )
    if _aliases not in sys.meta_path:
        sys.meta_path.insert(0, _aliases)
        sys.meta_path.append(_gaps)


def uninstall() -> None:
    """Undo `install()`: later imports of `torch` and `functorch` are no business of functorch_jax.

    Names that a program has already bound keep their meaning. Without a previous `install()` it does nothing.

    Example:
        >>> functorch_jax.uninstall()
    """
    for finder in (_aliases, _gaps):
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
    for name, module in _aliases.made.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _aliases.made.clear()


class _AliasFinder(MetaPathFinder):
    """Comes first, and finds `torch…` and `functorch…` among this package's modules."""

    def __init__(self) -> None:
        self.made: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, dot, rest = fullname.partition(".")
        if fullname in BRIDGES:
            return ModuleSpec(fullname, _AliasLoader(BRIDGES[fullname], self.made), origin=BRIDGES[fullname])
        if root not in ROOTS:
            return None
        ours = ROOTS[root] + dot + rest
        if ours not in sys.modules and importlib.util.find_spec(ours) is None:
            return None
        return ModuleSpec(fullname, _AliasLoader(ours, self.made), origin=ours)


class _GapFinder(MetaPathFinder):
    """Comes last, and says of a part of torch that nobody found that it is not supported yet."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # Who asks `importlib.util.find_spec` whether there is such a module wants an answer, not an exception.
        # Frame 0 is this one, 1 the import system's loop over the finders, 2 whoever started that.
        if sys._getframe(2).f_globals.get("__name__") == "importlib.util":
            return None
        for root, ours in ROOTS.items():
            if fullname.startswith(f"{root}."):  # import torch.fft
                reason = f"functorch_jax stands in for {root}, and does not support this part of it yet"
                if declared := gaps.why(fullname):
                    reason = f"functorch_jax stands in for {root}, and does not support it: {declared}"
                message = f"No module named {fullname!r}: {reason}"
            elif fullname.startswith(f"{ours}."):  # from torch import fft: the import system asks the module it has
                reason = _why_missing(fullname)
                fullname = root + fullname.removeprefix(ours)
                message = f"cannot import {fullname!r}: {reason}"
            else:
                continue
            # With any other name than the one asked for, `from torch import fft` lets the message through.
            raise ModuleNotFoundError(message, name=fullname)
        return None


def _why_missing(fullname: str) -> str:
    parent, _, name = fullname.rpartition(".")
    try:
        getattr(sys.modules[parent], name)
    except AttributeError as error:
        return str(error)
    return "it is not a module"


class _AliasLoader(Loader):
    """Loads one of this package's modules under a second name."""

    def __init__(self, ours: str, made: dict[str, ModuleType]) -> None:
        self.ours = ours
        self.made = made

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.ours)
        self.own_spec = module.__spec__
        self.made[spec.name] = module
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It has run under its own name. The import system has just given it the alias's spec: put its own back.
        module.__spec__ = self.own_spec


_aliases = _AliasFinder()
_gaps = _GapFinder()
