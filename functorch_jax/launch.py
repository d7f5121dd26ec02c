"""The launcher: runs a program as Python itself would, with `torch` and `functorch` meaning this package.

The program cannot tell: `__name__`, `sys.argv`, `sys.path[0]`, `__spec__`, exit codes, relative imports, pickles of its
own classes and `multiprocessing` behave as they do without the launcher, and tracebacks begin at its first line.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from multiprocessing import spawn
from types import CodeType, ModuleType, TracebackType
from typing import Any, NamedTuple, NoReturn

import jax

import functorch_jax
from functorch_jax.config import config
from functorch_jax.import_hook import install

__all__ = ["main"]

PLATFORMS = {"cpu": "cpu", "cuda": "cuda,cpu", "tpu": "tpu,cpu"}  # the host stays within reach, for `.cpu()`


class Settings(NamedTuple):
    """What the command line asked for, and what a child process is to be given too."""

    device: str | None
    vmap_branches: str | None


class Program(NamedTuple):
    """The `__main__` to be, and how `sys` looks to it."""

    code: CodeType
    attributes: dict[str, Any]
    argv0: str
    path0: str


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program that the command line names; `python -m functorch_jax --help` shows the options.

    Args:
        argv: the command line without the interpreter and `-m functorch_jax`; by default the process's own.
    Raises: whatever the program raises, SystemExit included; SystemExit(2) for a wrong command line.

    Example:
        >>> from functorch_jax.launch import main
        >>> main(["-c", "import torch; print(torch.__name__)"])  # doctest: +SKIP
        functorch_jax.torch
    """
    parser = _parser()
    options = parser.parse_args(argv)
    find = _module if options.module is not None else _command if options.code is not None else _script
    words = [*(options.module or options.code or []), *options.script]
    if not words:
        parser.error("nothing to run: name a script, -m module or -c code")
    if options.script[:1] == ["check"]:  # a script of that name is ./check
        from functorch_jax import check

        raise SystemExit(check.main(options.script[1:]))
    _enter(Settings(options.device, options.vmap_branches))
    _check_device(options.device)
    sys.argv[:] = ["-m", *words[1:]]  # what the packages above a module see while they are imported
    try:
        _run(find(words[0]))
    except BaseException:
        _show_only_the_programs_frames()
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m functorch_jax",
        usage="%(prog)s [--device {cpu,cuda,tpu,auto}] [--vmap-branches {error,loop}]\n"
        "         (script.py | -m module | -c code) [arguments of the program ...]\n"
        "       %(prog)s check [--json] FILE|DIR ...",
        description="Run a PyTorch program on JAX: its imports of torch and functorch give functorch_jax.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=textwrap.dedent("""\
            examples:
              python -m functorch_jax train.py --epochs 3
              python -m functorch_jax --device auto -m my_package.train
              python -m functorch_jax -c 'import torch; print(torch.ones(3))'
              python -m functorch_jax check train.py   # which names it uses are supported; runs nothing"""),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--device",
        choices=[*PLATFORMS, "auto"],
        help="run on this kind of device; auto: JAX's default, whatever devices the program names",
    )
    parser.add_argument(
        "--vmap-branches",
        choices=["error", "loop"],
        help="what vmap does with a function that branches on a mapped value: refuse it, or run it row by row",
    )
    versions = f"functorch_jax {functorch_jax.__version__}, JAX {jax.__version__}"
    parser.add_argument("--version", action="version", version=versions)
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="run a module, as python -m does")
    parser.add_argument("-c", dest="code", nargs=argparse.REMAINDER, help="run a piece of code, as python -c does")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="run a script, a directory or an archive")
    return parser


def _enter(settings: Settings) -> None:
    """Set the switches and install the hook, in this process and in those that `multiprocessing` starts from it."""
    if settings.vmap_branches is not None:
        config.vmap_branches = settings.vmap_branches
    if settings.device == "auto":
        config.device = "auto"
    elif settings.device is not None:
        jax.config.update("jax_platforms", PLATFORMS[settings.device])
    install()
    _tell_children(settings)


def _check_device(name: str | None) -> None:
    # JAX starts on the CPU, without a word, when CUDA is asked for and its plugin is not there.
    if name in ("cuda", "tpu"):
        try:
            jax.devices(name)
        except (RuntimeError, AssertionError) as error:
            _quit(
                f"--device {name}: JAX has no such device here ({error}); without --device it takes the best it finds"
            )


# ---- what to run -----------------------------------------------------------------------------------------------------


def _script(path: str) -> Program:
    """A file of Python source, or a directory or archive that holds a `__main__.py`."""
    spec = PathFinder.find_spec("__main__", [path])
    if spec is not None:
        return Program(_code_of(spec), _attributes(spec), path, os.path.abspath(path))
    absolute = os.path.join(os.getcwd(), path)
    try:
        with io.open_code(absolute) as file:
            source = file.read()
    except OSError as error:
        _quit(f"can't open file {absolute!r}: [Errno {error.errno}] {error.strerror}")
    code = compile(source, absolute, "exec", dont_inherit=True)
    attributes = {"__file__": absolute, "__loader__": SourceFileLoader("__main__", absolute)}
    return Program(code, attributes, path, os.path.dirname(os.path.realpath(path)))


def _module(name: str) -> Program:
    """A module, or the `__main__` of a package, found on `sys.path` with the current directory first."""
    _set_path0(os.getcwd())
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None
    if spec is None or spec.loader is None:
        _quit(f"No module named {name}, or it is a package without a __main__", status=1)
    return Program(_code_of(spec), _attributes(spec), spec.origin or name, os.getcwd())


def _command(source: str) -> Program:
    return Program(compile(source, "<string>", "exec", dont_inherit=True), {"__loader__": None}, "-c", "")


def _code_of(spec: ModuleSpec) -> CodeType:
    code = getattr(spec.loader, "get_code", lambda name: None)(spec.name)
    if code is None:
        _quit(f"No code object available for {spec.name}", status=1)
    return code


def _attributes(spec: ModuleSpec) -> dict[str, Any]:
    return {
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }


def _quit(message: str, status: int = 2) -> NoReturn:
    print(f"python -m functorch_jax: {message}", file=sys.stderr)
    raise SystemExit(status)


# ---- running it ------------------------------------------------------------------------------------------------------


def _run(program: Program) -> None:
    """Make the program `__main__` and execute it. It stays `__main__`, for exit handlers and `python -i`."""
    main_module = ModuleType("__main__")
    main_module.__dict__.update(program.attributes)
    sys.modules["__main__"] = main_module
    sys.modules["__mp_main__"] = main_module  # what multiprocessing's children call it, in what they send back
    sys.argv[0] = program.argv0
    _set_path0(program.path0)
    exec(program.code, main_module.__dict__)


def _set_path0(path: str) -> None:
    if not sys.flags.safe_path:  # with -P or -I, Python puts nothing of the program's there
        sys.path[0] = path


def _show_only_the_programs_frames() -> None:
    """Have the uncaught exception shown without this package's frames, by whatever shows it: `sys.excepthook`.

    As JAX does with its own frames, and by the same switch: JAX_TRACEBACK_FILTERING=off keeps all but the launcher's.
    """
    show = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        for each in _with_causes(error.with_traceback(traceback)):
            each.__traceback__ = _programs_frames(each)
        show(kind, error, error.__traceback__)

    sys.excepthook = excepthook


def _with_causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in chain:
            chain.append(each)
            waiting += [each.__cause__, each.__context__]
    return chain


def _programs_frames(error: BaseException) -> TracebackType | None:
    """The traceback of `error` from the program's first frame on and, below that, without this package's frames."""
    below = error.__traceback__
    while below is not None and _file(below).startswith((*LAUNCHER_FILES, "<frozen ")):
        below = below.tb_next
    if below is None:  # a syntax error in the program's source; or a mistake of the launcher, which is not to be hidden
        return None if isinstance(error, SyntaxError) else error.__traceback__
    frames: list[TracebackType] = []
    while below is not None:
        frames.append(below)
        below = below.tb_next
    programs = [frame for frame in frames if not _file(frame).startswith(PACKAGE)]
    if jax.config.values["jax_traceback_filtering"] == "off" or not programs:
        programs = frames
    elif len(programs) < len(frames) and not any(SWITCH in note for note in getattr(error, "__notes__", ())):
        error.add_note(f"(frames of functorch_jax are left out here; {SWITCH}=off shows them)")
    shown = None
    for frame in reversed(programs):
        shown = TracebackType(shown, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return shown


def _file(traceback: TracebackType) -> str:
    return traceback.tb_frame.f_code.co_filename


PACKAGE = os.path.join(os.path.dirname(__file__), "")
LAUNCHER_FILES = (__file__, os.path.join(PACKAGE, "__main__.py"))
SWITCH = "JAX_TRACEBACK_FILTERING"


# ---- processes that the program starts -------------------------------------------------------------------------------


class _EnterOnArrival:
    """Sets up the process that unpickles it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __reduce__(self) -> tuple[Any, ...]:
        return _enter, (self.settings,)


def _tell_children(settings: Settings) -> None:
    """Have `multiprocessing` children import what this process imports.

    A spawned child runs the program's main file again, by itself and not by the launcher. What it is told first is the
    dictionary made by `get_preparation_data`; an entry that installs the hook while it is unpickled is early enough.
    """
    describe = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {**describe(name), "functorch_jax": _EnterOnArrival(settings)}

    spawn.get_preparation_data = get_preparation_data
