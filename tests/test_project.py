"""What the project promises about itself: versions, dependencies, the order of the floors, the size of files."""

import ast
import importlib.metadata
import tomllib
from pathlib import Path

import pytest

import functorch_jax
from tests.oracle import families

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "functorch_jax"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# From the ground up: a floor may import itself and the floors above it in this list, never those below.
FLOORS = {
    "JAX's extension surface": ["jaxapi"],
    "trees": ["tree", "config", "gaps"],
    "grad mode and levels": ["grad_mode", "levels"],
    "transforms": ["transforms"],
    "the torch namespace": ["torch"],
    "programs": [
        "functional_call",
        "functional_module",
        "make_functional",
        "einops_backend",
        "rearrange",
        "experimental",
        "compile",
        "dim",
        "einops",
    ],
    "doors": ["", "func", "check", "import_hook", "launch", "notebook", "__main__"],  # "" is the package's __init__
}
DOWNWARD = {  # (file, name that it imports from a floor below): why it may
    ("torch/func.py", "functorch_jax.func"): "one list of names, under functorch's name and under PyTorch's",
    ("torch/_higher_order_ops.py", "functorch_jax.experimental"): "torch.cond and its kin are functorch's control flow",
    ("torch/nn/utils/stateless.py", "functorch_jax.functional_call"): "PyTorch's older name for the same function",
}
LONG_FILES: dict[str, str] = {}  # file over 600 lines: why it is not two
UNSTABLE = ("jax._src", "jax.core", "jax.interpreters", "jax.extend")

SOURCES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def floor_of(module):
    """The number of the floor of a module, `tree` or `torch.nn`, or of a name that the package itself has."""
    part = module.partition(".")[0]
    if not any((PACKAGE / path).exists() for path in (f"{part}.py", f"{part}/__init__.py")):
        part = ""
    for number, parts in enumerate(FLOORS.values()):
        if part in parts:
            return number
    raise AssertionError(f"functorch_jax.{part} belongs to no floor: give it one in FLOORS")


def module_name(source):
    return source.removesuffix(".py").replace("/", ".").removesuffix("__init__").removesuffix(".")


def names_used(source):
    """Full names of what a file imports, and of every `jax.a.b` that it spells out."""
    module = module_name(source)
    package = module if source.endswith("__init__.py") else module.rpartition(".")[0]
    for node in ast.walk(ast.parse((PACKAGE / source).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = f"functorch_jax.{package}".strip(".").split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("jax."):
            yield ast.unparse(node)


def within(name, packages):
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def test_version():
    assert functorch_jax.__version__ == PROJECT["version"] == importlib.metadata.version("functorch-jax")


def test_run_time_dependencies():
    names = {requirement.split(">")[0] for requirement in PROJECT["dependencies"]}
    assert names == {"jax", "jaxlib", "numpy"}


def test_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("source", [s for s in SOURCES if s != "jaxapi.py"])
def test_only_jaxapi_touches_what_jax_does_not_promise(source):
    touched = {name for name in names_used(source) if within(name, UNSTABLE)}
    assert not touched, f"{source} uses {touched}: give it a name in jaxapi.py"


def names_below(source):
    """What a file imports from floors below its own."""
    own = floor_of(module_name(source))
    ours = {name for name in names_used(source) if within(name, ["functorch_jax"])}
    return {name for name in ours if floor_of(name.removeprefix("functorch_jax").removeprefix(".")) > own}


@pytest.mark.parametrize("source", SOURCES)
def test_floors_import_only_from_above(source):
    excused = [name for file, name in DOWNWARD if file == source]
    below = {name for name in names_below(source) if not within(name, excused)}
    assert not below, f"{source} is on a floor above these: {below}"


def test_exceptions_are_still_needed():
    for source, excused in DOWNWARD:
        assert any(within(name, [excused]) for name in names_below(source)), f"{source} no longer imports {excused}"
    for source in LONG_FILES:
        assert line_count(source) > 600, f"{source} has become short enough"


def line_count(source):
    return len((PACKAGE / source).read_text().splitlines())


@pytest.mark.parametrize("source", [s for s in SOURCES if s not in LONG_FILES])
def test_files_stay_readable(source):
    assert line_count(source) <= 600, f"{source}: split it, or say in LONG_FILES why it is one"


TESTS = Path(__file__).parent


@pytest.mark.parametrize("source", sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py")))
def test_test_files_stay_readable(source):
    assert len((TESTS / source).read_text().splitlines()) <= 600, f"{source}: split it"


# families whose misuses are rows of another family, or that are about right answers alone
WITHOUT_MISUSE = {
    "distributions_laws": "in distributions_programs",
    "transforms_better": "what PyTorch refuses works here",
}


@pytest.mark.parametrize("family", sorted(set(families.names()) - WITHOUT_MISUSE.keys()))
def test_families_hold_misuses(family):
    errors = sum(row.kind == "error" for row in families.rows(family))
    assert errors >= 3, f"{family} has {errors} rows of misuse; three at least"
