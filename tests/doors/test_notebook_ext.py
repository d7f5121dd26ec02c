"""`%load_ext functorch_jax`, in a real IPython shell."""

import sys

import pytest

import functorch_jax


@pytest.fixture
def shell(fresh_imports, tmp_path, monkeypatch):
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
    config = pytest.importorskip("traitlets.config").Config()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts a module of its own there
    config.HistoryManager.enabled = False
    return interactiveshell.InteractiveShell(config=config)


def test_cells_import_torch_from_here(shell):
    shell.run_cell("%load_ext functorch_jax").raise_error()
    shell.run_cell("import torch, functorch; names = torch.__name__, functorch.__name__").raise_error()
    assert shell.user_ns["names"] == ("functorch_jax.torch", "functorch_jax")
    shell.run_cell("%unload_ext functorch_jax").raise_error()
    assert "torch" not in sys.modules


def test_real_torch_imported_before_is_an_error(fresh_imports):
    sys.modules["torch"] = type(sys)("torch")
    with pytest.raises(RuntimeError, match="restart the kernel"):
        functorch_jax.load_ipython_extension(None)
