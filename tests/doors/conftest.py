"""A process in which nothing has imported torch, and in which what a door changes is put back."""

import os
import sys
from multiprocessing import spawn

import pytest

import functorch_jax
from functorch_jax.import_hook import ROOTS


def _aliased(name):
    return name.partition(".")[0] in ROOTS


@pytest.fixture
def fresh_imports(tmp_path, monkeypatch):
    """No `torch` or `functorch` in `sys.modules`, and `tmp_path` for modules that a test writes."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _aliased(name)}
    monkeypatch.syspath_prepend(tmp_path)
    yield
    functorch_jax.uninstall()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if _aliased(name) or file.startswith(os.fspath(tmp_path)):
            del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def launchable(fresh_imports, tmp_path, monkeypatch):
    """As `fresh_imports`, in the directory `tmp_path`, and ready for `launch.main` to take the process over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["the launcher's directory", *sys.path])
    monkeypatch.setattr(sys, "argv", ["the launcher"])
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    for name in ("__main__", "__mp_main__"):
        monkeypatch.setitem(sys.modules, name, sys.modules["__main__"])
    monkeypatch.setattr(spawn, "get_preparation_data", spawn.get_preparation_data)
    for switch in ("device", "vmap_branches"):
        monkeypatch.setattr(functorch_jax.config, switch, getattr(functorch_jax.config, switch))
