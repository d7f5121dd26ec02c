"""PyTorch's names: how many of those that programs use are here, and that the table of gaps tells the truth."""

import pytest

from functorch_jax import gaps, torch
from functorch_jax.gaps import GAPS
from tests import support
from tests.names import existing, read
from tests.names.coverage import divided


def unexplained(file, section):
    return divided(file)[section][2]


def test_names_that_programs_use_are_here():
    table = divided("popular.txt")
    gaps = sum(len(declared) + len(unexplained("popular.txt", place)) for place, (_, declared, _) in table.items())
    share = gaps / sum(len(names) for names in read("popular.txt").values())
    assert share <= 0.03, f"{share:.1%} of the names that programs use are gaps"


@pytest.mark.parametrize("section", read("popular.txt"))
def test_what_programs_use_and_is_missing_is_declared(section):
    names = unexplained("popular.txt", section)
    assert not names, f"neither here nor in functorch_jax/gaps.py: {names}"


@pytest.mark.parametrize("section", read("public.txt"))
def test_every_public_name_is_here_or_declared(section):
    names = unexplained("public.txt", section)
    assert not names, f"neither here nor in functorch_jax/gaps.py: {names}"


def names_in_the_table():
    return [(name, gap) for gap in GAPS for name in gap.names.split()]


def test_a_gap_is_missing_indeed():
    closed = [name for name, _ in names_in_the_table() if "*" not in name and existing(name)]
    assert not closed, f"they exist: take them out of functorch_jax/gaps.py: {closed}"


def test_wildcards_cover_nothing_that_exists():
    public = {f"{section}.{name}" for section, names in read("public.txt").items() for name in names}
    ours = {f"torch.{name}" for name in dir(torch)} | {f"torch.Tensor.{name}" for name in dir(torch.Tensor)}
    closed = [name for name in sorted(public | ours) if any(gap.covers(name) for gap in GAPS) and existing(name)]
    assert not closed, f"they exist: take them out of functorch_jax/gaps.py, or name them in `besides`: {closed}"


def test_exceptions_to_wildcards_exist():
    for gap in GAPS:
        for name in gap.besides.split():
            assert existing(name)


def test_no_name_is_declared_twice():
    names = [name for name, _ in names_in_the_table()]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.title)
def test_every_gap_says_why_and_what_instead(gap):
    assert gap.title
    assert gap.reason
    assert gap.instead


@pytest.mark.parametrize(
    ("look", "name"),
    [
        (lambda: torch.sparse_coo_tensor, "torch.sparse_coo_tensor"),
        (lambda: torch.fx, "torch.fx"),
        (lambda: torch._subclasses, "torch._subclasses"),
        (lambda: torch.ones(2).to_sparse(), "torch.Tensor.to_sparse"),
        (lambda: torch.nn.quantized, "torch.nn.quantized"),
        (lambda: torch.nn.functional.scaled_mm, "torch.nn.functional.scaled_mm"),
        (lambda: torch.jit.load, "torch.jit.load"),
        (lambda: torch.cuda.CUDAGraph, "torch.cuda.CUDAGraph"),
        (lambda: torch.distributed.init_process_group, "torch.distributed.init_process_group"),
        (lambda: torch.library.register_autograd, "torch.library.register_autograd"),
        (lambda: __import__("functorch_jax").make_fx, "functorch.make_fx"),
    ],
)
def test_touching_a_gap_says_why_and_what_instead(look, name):
    with pytest.raises(AttributeError) as error:
        look()
    gap = gaps.find(name)
    for words in (name.removeprefix("torch.Tensor."), gap.reason, gap.instead):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("look", "near"),
    [
        (lambda: torch.onse, "torch.ones"),
        (lambda: torch.nn.Linaer, "torch.nn.Linear"),
        (lambda: torch.nn.functional.softmaxx, "torch.nn.functional.softmax"),
        (lambda: torch.ones(2).tolsit(), "Tensor.tolist"),
    ],
)
def test_a_mistyped_name_is_told_the_nearest(look, near):
    with pytest.raises(AttributeError, match=near):
        look()


def test_the_support_table_is_what_the_package_gives():
    assert support.PAGE.read_text() == support.page(), "docs/support.md is stale: run python -m tests.support"
