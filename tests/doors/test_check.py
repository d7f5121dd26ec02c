"""`python -m functorch_jax check`: what it finds in programs that it does not run, and how it says so."""

import json
import re

import pytest

from functorch_jax import check, launch

PROGRAMS = {  # program: {name: (line, status)}; names of modules that are merely imported are left out
    "import torch\ntorch.ones(2).to_sparse()": {
        "torch.ones": ("2", "supported"),
        "torch.Tensor.to_sparse": ("2", "gap"),
    },
    "import torch.nn.functional as F\nF.relu\nF.reluu": {
        "torch.nn.functional.relu": ("2", "supported"),
        "torch.nn.functional.reluu": ("3", "unknown"),
    },
    "import torch.nn.functional\ntorch.nn.functional.relu": {"torch.nn.functional.relu": ("2", "supported")},
    "from torch import nn, sparse_coo_tensor\nnn.Linear": {
        "torch.sparse_coo_tensor": ("1", "gap"),
        "torch.nn.Linear": ("2", "supported"),
    },
    "from functorch import vmap as v, make_fx": {
        "functorch.vmap": ("1", "supported"),
        "functorch.make_fx": ("1", "gap"),
    },
    "import torch.func as tf\ntf.grad(tf.absent)": {
        "torch.func.grad": ("2", "supported"),
        "torch.func.absent": ("2", "unknown"),
    },
    "from torch.linalg import *": {"torch.linalg.*": ("1", "star")},
    "from torch.fx import *": {"torch.fx.*": ("1", "gap")},
    "import torch\nG = torch.nn\nG.Linear": {"torch.nn.Linear": ("3", "supported")},
    "import torch\ndef f(torch):\n    return torch.nothing": {},
    "import torch\nlambda x=torch.nothing: x": {"torch.nothing": ("2", "unknown")},
    "import torch\n@torch.nothing\ndef f(): pass": {"torch.nothing": ("2", "unknown")},
    "import torch\ndef f(x: torch.Tensr): pass": {"torch.Tensr": ("2", "unknown")},
    "import torch\ngetattr(torch, 'nothing')": {"torch.nothing": ("2", "unknown")},
    "import torch\ngetattr(torch, 'nothing', None)": {},
    "import torch\nhasattr(torch, 'nothing')": {},
    "import torch\ntorch.backends.cudnn.anything = True": {"torch.backends.cudnn": ("2", "supported")},
    "import torch\ntorch.float32.itemsize": {"torch.float32.itemsize": ("2", "supported")},
    "import torch\ntorch.pi.real.nothing": {"torch.pi.real": ("2", "supported")},
    "import torch\ntorch.Tensor.nothing": {"torch.Tensor.nothing": ("2", "unknown")},
    "import torch.distributed.fsdp as x\nx.Shard": {
        "torch.distributed.fsdp": ("1", "gap"),
        "torch.distributed.fsdp.Shard": ("2", "gap"),
    },
    "import numpy as torch\ntorch.nothing": {},
    "from torch import fx\nimport numpy as fx\nfx.nothing": {"torch.fx": ("1", "gap")},
    "d = {}\nd.values()\nd.indices": {},
    "from . import torch\ntorch.nothing": {},
    "from functorch_jax import torch, vmap\ntorch.nothing": {
        "functorch.vmap": ("1", "supported"),
        "torch.nothing": ("2", "unknown"),
    },
    "import functorch_jax.torch.nn as nn\nnn.nothing": {"torch.nn.nothing": ("2", "unknown")},
    "import functorch_jax as f\nf.torch.nothing, f.nothing": {
        "torch.nothing": ("2", "unknown"),
        "functorch.nothing": ("2", "unknown"),
    },
}


def found(file):
    from functorch_jax.check import _value

    uses = check.uses_in(str(file))
    return {
        use.name: (use.line, use.status)
        for use in uses
        if (
            use.name not in ("torch", "functorch")
            and not (use.status == "supported" and "." in use.name and _is_module(_value(use.name)))
        )
        or use.name == "torch.backends.cudnn"
    }


def _is_module(value):
    return type(value).__name__ == "module"


@pytest.mark.parametrize("program", PROGRAMS)
def test_names_are_found(program, tmp_path):
    (tmp_path / "program.py").write_text(program)
    assert found(tmp_path / "program.py") == PROGRAMS[program]


def run(words, capsys):
    with pytest.raises(SystemExit) as stop:
        launch.main(["check", *map(str, words)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_the_report(launchable, tmp_path, capsys):
    (tmp_path / "train.py").write_text("import torch\ntorch.fx.wrap\ntorch.fx.Node\ntorch.onse(2)\ntorch.ones(2)\n")
    code, out, _ = run(["train.py"], capsys)
    assert code == 1
    assert out.splitlines()[0] == "1 file, 5 names of PyTorch: 2 supported, 2 gaps, 1 unknown"
    assert re.search(r"torch\.fx\.Node +train\.py:3\n +torch\.fx\.wrap +train\.py:2\n +why: .*\n +instead: ", out)
    assert out.count("why:") == 1  # names that are missing for one reason are told it once
    assert re.search(r"torch\.onse +train\.py:4\n +nearest: torch\.ones", out)
    assert "\033[" not in out


def test_colours_are_for_terminals(tmp_path):
    use = check.Use("a.py", "1", "torch.fx", "gap", "r", "i")
    assert "\033[" in check.report(["a.py"], [use], [], colour=True)
    assert "\033[" not in check.report(["a.py"], [use], [])


def test_a_directory_with_a_notebook(launchable, tmp_path, capsys):
    cells = [
        {"cell_type": "markdown", "source": ["torch.nothing"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install x\n", "import torch as t\n"]},
        {"cell_type": "code", "source": "%%bash\ntorch.nothing (\n"},
        {"cell_type": "code", "source": ["%%time\n", "t.nothing\n", "t.ones?\n"]},
    ]
    (tmp_path / "below" / ".hidden").mkdir(parents=True)
    (tmp_path / "below" / "book.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "below" / "good.py").write_text("import torch; torch.ones(2)")
    (tmp_path / "below" / "notes.txt").write_text("import torch.nothing")
    (tmp_path / "below" / ".hidden" / "bad.py").write_text("import torch.nothing")
    code, out, _ = run(["--json", "."], capsys)
    data = json.loads(out)
    assert code == 1
    assert [file.rpartition("/")[2] for file in data["files"]] == ["book.ipynb", "good.py"]
    missing = [use for use in data["uses"] if use["status"] != "supported"]
    assert [(use["name"], use["line"], use["status"]) for use in missing] == [("torch.nothing", "cell 4:2", "unknown")]


def test_all_supported(launchable, tmp_path, capsys):
    (tmp_path / "good.py").write_text("import torch\nprint(torch.ones(2))\nraise SystemExit(7)\n")
    code, out, _ = run(["good.py"], capsys)
    assert (code, "0 gaps, 0 unknown" in out) == (0, True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bad.py", "import torch\nx = (\n", r"bad\.py:2: "),
        ("bad.ipynb", '{"cells": [{"cell_type": "code", "source": ["x = ("]}]}', r"bad\.ipynb:cell 1:1: "),
        ("book.ipynb", "[]", r"book\.ipynb: not a notebook"),
        ("absent.py", None, r"absent\.py: No such file"),
        ("latin.py", b"\xff\xfe", r"latin\.py: not UTF-8"),
    ],
)
def test_what_cannot_be_read(name, text, message, launchable, tmp_path, capsys):
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, _ = run([name], capsys)
    assert code == 2
    assert re.search(message, out)


def test_a_wrong_command_line(launchable, capsys):
    code, _, err = run([], capsys)
    assert (code, "FILE|DIR" in err) == (2, True)


def test_a_script_called_check_still_runs(launchable, tmp_path, capsys):
    (tmp_path / "check").write_text("print('the script')")
    launch.main(["./check"])
    assert capsys.readouterr().out == "the script\n"


def test_a_declared_encoding(tmp_path, capsys):
    file = tmp_path / "latin.py"
    file.write_bytes("# -*- coding: latin-1 -*-\nimport torch\ns = 'é'\ntorch.sin(s)\n".encode("latin-1"))
    assert check.main([str(file)]) == 0
    assert "torch.sin" in capsys.readouterr().out
