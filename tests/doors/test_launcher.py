"""`python -m functorch_jax …`: a program cannot tell it from `python …`.

Most tests call the launcher inside this process, beside a plain Python that runs the same words; those whose subject is
the process itself (its death, its children) start one.
"""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import pytest

import functorch_jax
from functorch_jax import launch

PROJECT = Path(__file__).parents[2]
STATE = """
import pickle, sys
class Thing: pass
print(__name__, sys.argv, sys.path[0], repr(__package__), __spec__ and __spec__.name, globals().get("__file__"))
print(type(pickle.loads(pickle.dumps(Thing()))) is sys.modules["__main__"].Thing, "torch" in sys.modules)
"""
FILES = {
    "state.py": STATE,
    "exits.py": "import sys; print('bye'); sys.exit(3)",
    "exits_with_words.py": "raise SystemExit('enough')",
    "raises.py": "import json\ndef parse():\n    return json.loads('{')\nprint('so far')\nparse()\n",
    "chained.py": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('x') from error\n",
    "wrong.py": "x = (\n",
    "future.py": "def f(x: Undefined): pass\n",  # fails: the launcher's own __future__ imports must not reach it
    "package/__init__.py": "import sys; print('above sees', sys.argv)",
    "package/__main__.py": "from . import sibling" + STATE,
    "package/sibling.py": "",
    "package/module.py": "from .sibling import __name__ as name\nprint(name)" + STATE,
    "package/raises.py": "from . import absent",
    "directory/__main__.py": "import beside" + STATE,
    "directory/beside.py": "",
}
COMMANDS = [
    "state.py",
    "state.py one -m two --device cpu -- -c",
    "package/../state.py",
    "exits.py",
    "exits_with_words.py",
    "raises.py",
    "chained.py",
    "wrong.py",
    "future.py",
    "-m package a -m b",
    "-m package.module --help",
    "-m package.raises",
    "-m state",
    "-mstate a b",
    "directory c",
]


@pytest.fixture
def files(launchable, tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def run_here(words, capsys):
    """What the launcher does with the words, in this process: exit code, output, errors."""
    code = 0
    try:
        launch.main(words)
    except SystemExit as stop:
        code = stop.code
    except Exception as error:
        code = 1
        sys.excepthook(type(error), error, error.__traceback__.tb_next)  # without this function's frame
    out, err = capsys.readouterr()
    if isinstance(code, str):
        code, err = 1, f"{err}{code}\n"
    return code or 0, out, err


def run_there(words, cwd):
    """What Python does with the words, in a process of its own: exit code, output, errors."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHON_COLORS": "0", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, *words], cwd=cwd, env=env, text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_program_runs_as_under_plain_python(command, files, capsys):
    words = command.split()
    code, out, err = run_there(words, files)
    err = re.sub(r'  File "<frozen runpy>".*\n', "", err)  # python -m shows frames of its own; we do better
    assert run_here(words, capsys) == (code, out, err)


def test_code_on_the_command_line(launchable, capsys):
    code, out, err = run_here(["-c", "import sys; print(__name__, sys.argv, repr(sys.path[0]))", "a", "-m"], capsys)
    assert (code, out, err) == (0, "__main__ ['-c', 'a', '-m'] ''\n", "")


def test_the_program_imports_torch_from_here(launchable, capsys):
    _, out, _ = run_here(["-c", "import torch, functorch; print(torch.__name__, functorch.__name__)"], capsys)
    assert out == "functorch_jax.torch functorch_jax\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, r"nothing to run: name a script, -m module or -c code"),
        (["-m"], 2, r"nothing to run"),
        (["--device", "abacus", "x.py"], 2, r"--device: invalid choice: 'abacus'"),
        (["absent.py"], 2, r"can't open file '.*absent\.py': \[Errno 2\] No such file"),
        (["-m", "absent"], 1, r"No module named absent"),
        (["-m", "os.absent"], 1, r"No module named os\.absent"),
    ],
    ids=repr,
)
def test_a_wrong_command_line(words, code, message, launchable, capsys):
    got, _, err = run_here(words, capsys)
    assert got == code
    assert re.search(message, err)


def test_help_names_the_options(launchable, capsys):
    code, out, _ = run_here(["--help"], capsys)
    assert code == 0
    for option in ("--device", "--vmap-branches", "-m", "-c"):
        assert option in out


def test_switches(launchable, capsys):
    code = "import functorch as f; print(f.config.device, f.config.vmap_branches)"
    assert run_here(["-c", code], capsys)[1] == "strict error\n"
    assert run_here(["--device=auto", "--vmap-branches=loop", "-c", code], capsys)[1] == "auto loop\n"


ONLY_THE_PROGRAM = """\
import torch
from torch.func import grad, vmap

def loss(x):
    return (x @ torch.ones(5)).sum()

vmap(grad(loss))(torch.ones(2, 3))
"""


def test_an_error_inside_a_transform_shows_the_programs_lines_only(launchable, tmp_path, capsys):
    (tmp_path / "loss.py").write_text(ONLY_THE_PROGRAM)
    code, _, err = run_here(["loss.py"], capsys)
    assert code == 1
    assert re.findall(r'File ".*/(.*)", line (\d+), in (.*)', err) == [
        ("loss.py", "7", "<module>"),
        ("loss.py", "5", "loss"),
    ]
    assert "JAX_TRACEBACK_FILTERING=off" in err


def test_all_frames_are_shown_on_request(launchable, tmp_path, capsys):
    (tmp_path / "loss.py").write_text(ONLY_THE_PROGRAM)
    before = jax.config.values["jax_traceback_filtering"]
    jax.config.update("jax_traceback_filtering", "off")
    try:
        _, _, err = run_here(["loss.py"], capsys)
    finally:
        jax.config.update("jax_traceback_filtering", before)
    files = re.findall(r'File "(.*)", line', err)
    assert files[0].endswith("loss.py")
    assert any("functorch_jax" in file for file in files)


def test_an_import_that_is_not_supported_points_at_its_line(launchable, tmp_path, capsys):
    (tmp_path / "absent.py").write_text("import math\nimport torch.no_such_part\n")
    _, _, err = run_here(["absent.py"], capsys)
    assert re.findall(r'File ".*/(.*)", line (\d+)', err) == [("absent.py", "2")]
    assert "No module named 'torch.no_such_part': functorch_jax" in err


def test_safe_path_is_respected(files):
    _, out, err = run_there(["-P", "-m", "functorch_jax", "state.py"], files)
    assert f"['state.py'] {PROJECT} " in out, err


def test_interrupted(tmp_path):
    handler = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # a test run may have been told to ignore it
    (tmp_path / "stopped.py").write_text(f"import signal\n{handler}\nsignal.raise_signal(signal.SIGINT)\n")
    code, out, err = run_there(["-m", "functorch_jax", "stopped.py"], tmp_path)
    assert code == -signal.SIGINT
    assert (code, out, err) == run_there(["stopped.py"], tmp_path)


def test_spawned_children_import_torch_from_here_too(tmp_path):
    (tmp_path / "parent.py").write_text(
        textwrap.dedent("""\
            import multiprocessing
            import functorch
            import torch

            class Answer(str): pass

            def work(n):
                return Answer(f"{torch.__name__} {functorch.config.vmap_branches} {n}")

            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(*pool.map(work, [1, 2]), sep=", ")
        """)
    )
    _, out, err = run_there(["-m", "functorch_jax", "--vmap-branches", "loop", "parent.py"], tmp_path)
    assert out == "functorch_jax.torch loop 1, functorch_jax.torch loop 2\n", err


def test_real_torch_in_the_process_is_an_error(launchable, capsys):
    sys.modules["torch"] = type(sys)("torch")
    with pytest.raises(RuntimeError, match="'torch' is already imported"):
        launch.main(["-c", "pass"])


def test_main_takes_the_process_over_and_nothing_else(launchable, capsys):
    run_here(["-c", "answer = 42"], capsys)
    assert sys.modules["__main__"].answer == 42
    functorch_jax.uninstall()
    assert "torch" not in sys.modules
