"""CTC and bags of embeddings where PyTorch does not go: second order, forward mode, vmap over everything, compiled."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from functorch_jax import grad, hessian, jvp, torch, vmap

F = torch.nn.functional

LABELS = torch.tensor([[1, 2], [2, 0]])
BAG = torch.tensor([1, 0, 2, 1])


def ctc(x: Any) -> Any:
    return F.ctc_loss(x.log_softmax(-1), LABELS, [4, 3], [2, 1], reduction="sum")


def bag(mode: str) -> Any:
    return lambda w: F.embedding_bag(BAG, w, torch.tensor([0, 3]), mode=mode).sin().sum()


PROGRAMS = {"ctc_loss": (ctc, (4, 2, 3)), **{f"embedding_bag, {m}": (bag(m), (3, 2)) for m in ("sum", "mean", "max")}}


@pytest.mark.parametrize("f, shape", PROGRAMS.values(), ids=PROGRAMS)
def test_derivatives_are_slopes(f: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x, d = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    h = 1e-5
    slope = (f(x + h * d) - f(x - h * d)) / (2 * h)
    np.testing.assert_allclose(jvp(f, (x,), (d,))[1], slope, rtol=1e-6)
    np.testing.assert_allclose((grad(f)(x) * d).sum(), slope, rtol=1e-6)
    change = (grad(f)(x + h * d) - grad(f)(x - h * d)) / (2 * h)
    second = hessian(f)(x).reshape(x.numel(), -1) @ d.reshape(-1)
    np.testing.assert_allclose(second, change.reshape(-1), rtol=1e-5, atol=1e-8)


def test_ctc_of_a_mapped_batch_is_ctc_of_each() -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 4, 5), torch.tensor([4, 3, 4])
    labels, counts = torch.tensor([[1, 2], [2, 2], [3, 0]]), torch.tensor([2, 1, 1])

    def loss(x: Any, y: Any, n: Any, m: Any) -> Any:
        return F.ctc_loss(x.log_softmax(-1), y[None], n[None], m[None], reduction="sum")

    mapped = vmap(lambda *args: loss(args[0][:, None], *args[1:]))(x, labels, lengths, counts)
    whole = F.ctc_loss(x.permute(1, 0, 2).log_softmax(-1), labels, lengths, counts, reduction="none")
    np.testing.assert_allclose(mapped, whole, rtol=1e-5)


def test_bags_are_mapped_over_tables_and_indices() -> None:
    torch.manual_seed(0)
    tables, indices = torch.randn(2, 3, 2), torch.tensor([[0, 1, 2, 2], [2, 2, 0, 1]])
    mapped = vmap(lambda w, i: F.embedding_bag(i, w, torch.tensor([0, 1]), mode="max"))(tables, indices)
    for k in range(2):
        alone = F.embedding_bag(indices[k], tables[k], torch.tensor([0, 1]), mode="max")
        np.testing.assert_array_equal(mapped[k], alone)


def test_both_compile() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 3)
    np.testing.assert_allclose(jax.jit(ctc)(x), ctc(x), rtol=1e-5)
    w = torch.randn(3, 2)
    np.testing.assert_allclose(jax.jit(bag("mean"))(w), bag("mean")(w), rtol=1e-5)
