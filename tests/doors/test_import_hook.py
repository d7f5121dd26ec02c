"""`install()` and `uninstall()`: which imports they change, which they leave alone, and what they say of gaps."""

import importlib
import importlib.util
import sys
from types import ModuleType

import pytest

import functorch_jax
from functorch_jax import gaps

pytestmark = pytest.mark.usefixtures("fresh_imports")


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """A directory whose modules are, for this test, parts of `functorch_jax.torch`."""
    from functorch_jax import torch

    directory = tmp_path / "parts"
    directory.mkdir()
    monkeypatch.setattr(torch, "__path__", [*torch.__path__, str(directory)])
    yield directory
    for name in list(sys.modules):
        if name.startswith("functorch_jax.torch.probe"):
            del sys.modules[name]
            vars(torch).pop(name.rpartition(".")[2], None)


def test_aliases_are_the_very_modules():
    functorch_jax.install()
    import functorch
    import torch
    import torch.nn as nn
    from torch import Tensor

    assert functorch is functorch_jax
    assert torch is functorch_jax.torch is sys.modules["functorch_jax.torch"]
    assert nn is torch.nn is sys.modules["functorch_jax.torch.nn"]
    assert Tensor is functorch_jax.torch.Tensor


def test_modules_keep_their_names_and_specs():
    from functorch_jax import torch as ours

    spec = ours.__spec__
    functorch_jax.install()
    import torch

    assert torch.__spec__ is spec
    assert (torch.__name__, spec.name) == ("functorch_jax.torch", "functorch_jax.torch")
    assert functorch_jax.__spec__.name == "functorch_jax"


def test_a_module_first_imported_by_its_alias_runs_once(parts):
    (parts / "probe.py").write_text("import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\n")
    functorch_jax.install()
    try:
        import torch.probe

        probe = importlib.import_module("functorch_jax.torch.probe")
        assert torch.probe is probe is sys.modules["torch.probe"]
        assert probe.__name__ == probe.__spec__.name == "functorch_jax.torch.probe"
        import builtins

        assert builtins.runs == 1
    finally:
        vars(sys.modules["builtins"]).pop("runs", None)


def test_a_module_that_fails_can_be_tried_again(parts):
    (parts / "probe_broken.py").write_text("raise OSError('no disk')")
    functorch_jax.install()
    for _ in range(2):
        with pytest.raises(OSError, match="no disk"):
            import torch.probe_broken  # noqa: F401
    assert "torch.probe_broken" not in sys.modules


def test_other_modules_are_left_alone(tmp_path):
    (tmp_path / "torch_scatterer.py").write_text("kind = 'a neighbour'")
    functorch_jax.install()
    neighbour = importlib.import_module("torch_scatterer")
    assert (neighbour.kind, neighbour.__name__) == ("a neighbour", "torch_scatterer")


def test_install_wins_over_a_file_called_torch(tmp_path):
    (tmp_path / "torch.py").write_text("kind = 'on sys.path'")
    functorch_jax.install()
    import torch

    assert torch is functorch_jax.torch


GAPS = {  # statement: what the message must name
    "import torch.no_such_part": r"'torch\.no_such_part'.*functorch_jax.*not support.* yet",
    "import torch.nn.no_such_part": r"'torch\.nn\.no_such_part'.*functorch_jax.*not support.* yet",
    "import functorch.no_such_part": r"'functorch\.no_such_part'.*functorch_jax.*not support.* yet",
    "from torch import no_such_part": r"cannot import 'torch\.no_such_part'.*no_such_part",
    "from torch.nn import no_such_part": r"cannot import 'torch\.nn\.no_such_part'.*no_such_part",
    "from functorch import no_such_part": r"cannot import 'functorch\.no_such_part'.*no_such_part",
}


@pytest.mark.parametrize("statement", GAPS)
def test_a_gap_is_named(statement):
    functorch_jax.install()
    with pytest.raises(ModuleNotFoundError, match=GAPS[statement]) as error:
        exec(statement, {})
    assert error.value.name in statement.replace(" import ", ".")


def test_asking_whether_a_module_exists_raises_nothing():
    functorch_jax.install()
    assert importlib.util.find_spec("torch") is not None
    assert importlib.util.find_spec("torch.nn") is not None
    assert importlib.util.find_spec("torch.no_such_part") is None


def test_install_twice_is_install_once():
    functorch_jax.install()
    once = list(sys.meta_path)
    functorch_jax.install()
    assert sys.meta_path == once


@pytest.mark.parametrize("name", ["torch", "functorch"])
def test_too_late_is_an_error_that_says_so(name):
    real = sys.modules[name] = ModuleType(name)
    real.__file__ = "/site-packages/real.py"
    finders = list(sys.meta_path)
    with pytest.raises(RuntimeError, match=rf"'{name}' is already imported.*real\.py.*call install\(\) before"):
        functorch_jax.install()
    assert sys.meta_path == finders
    assert sys.modules[name] is real


def test_uninstall_gives_the_names_back(tmp_path):
    finders = list(sys.meta_path)
    functorch_jax.install()
    import torch as ours
    import torch.nn

    functorch_jax.uninstall()
    assert sys.meta_path == finders
    assert "torch" not in sys.modules
    assert "torch.nn" not in sys.modules

    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("kind = 'real'")
    (tmp_path / "torch" / "nn.py").write_text("kind = 'real too'")
    real = importlib.import_module("torch.nn")
    assert (sys.modules["torch"].kind, real.kind) == ("real", "real too")
    assert ours is functorch_jax.torch
    assert ours.nn is sys.modules["functorch_jax.torch.nn"]
    functorch_jax.uninstall()
    assert sys.modules["torch.nn"] is real, "uninstall removes what install made, and nothing else"


def test_install_again_after_uninstall():
    for _ in range(2):
        functorch_jax.install()
        import torch

        assert torch is functorch_jax.torch
        functorch_jax.uninstall()
        assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import torch.distributed.fsdp", "torch.distributed.fsdp"),
        ("import functorch.compile", "functorch.compile"),
        ("from functorch.dim import dims", "functorch.dim"),
        ("from torch.utils.tensorboard import SummaryWriter", "torch.utils.tensorboard"),
        ("from torch import fx", "torch.fx"),
    ],
)
def test_importing_a_gap_says_why_and_what_instead(statement, name):
    functorch_jax.install()
    gap = gaps.find(name)
    with pytest.raises(ImportError) as error:
        exec(statement, {})
    for words in (name, gap.reason, gap.instead):
        assert words in str(error.value)
