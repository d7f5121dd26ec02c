"""Operators that PyTorch cannot differentiate twice, or in forward mode: here all of them are, against differences."""

from __future__ import annotations

import numpy as np
import pytest

from functorch_jax import torch
from functorch_jax.torch.func import functional_call, grad, jvp

F = torch.nn.functional
STEP = 1e-5


def numbers(*shape, low=-1.0, high=1.0, seed=0):
    return torch.tensor(np.random.default_rng(seed).uniform(low, high, shape))


def module(layer, *inputs):
    """The outputs of a layer, as a function of its first input and of its first parameter."""
    layer = layer.double().requires_grad_(False)
    name, parameter = next(iter(layer.named_parameters()))
    rest = inputs[1:]

    def call(x, p):
        out = functional_call(layer, {name: p}, (x, *rest))
        return out[0] if isinstance(out, tuple) else out

    return call, inputs[0], parameter.detach()


def weight_norm():
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2).double().requires_grad_(False))
    names = "parametrizations.weight.original0", "parametrizations.weight.original1"

    def call(g, v):
        return functional_call(layer, dict(zip(names, (g, v), strict=True)), (numbers(2, 3, seed=9),))

    return call, numbers(2, 1, low=0.5), numbers(2, 3, seed=1)


def ctc(x):
    lengths = torch.tensor([5, 4]), torch.tensor([2, 1])
    return F.ctc_loss(x.log_softmax(-1), torch.tensor([[1, 2], [2, 0]]), *lengths, reduction="sum")


def bag(weight, per_sample):
    index = torch.tensor([0, 2, 1, 2])
    return F.embedding_bag(index, weight, torch.tensor([0, 3]), mode="sum", per_sample_weights=per_sample)


def grid(x, at):
    return F.grid_sample(x, at, align_corners=False)


Q, K, V = (numbers(1, 2, 3, 4, seed=i) for i in range(3))
MODULES = {
    "MultiheadAttention": lambda: module(
        torch.nn.MultiheadAttention(4, 2), *[numbers(3, 2, 4, seed=i) for i in range(3)]
    ),
    "RNN": lambda: module(torch.nn.RNN(3, 2), numbers(4, 2, 3)),
    "LSTM": lambda: module(torch.nn.LSTM(3, 2, bidirectional=True), numbers(4, 2, 3)),
    "GRU": lambda: module(torch.nn.GRU(3, 2), numbers(4, 2, 3)),
}
FUNCTIONS = {
    "scaled_dot_product_attention": lambda: (F.scaled_dot_product_attention, Q, K, V),
    "scaled_dot_product_attention, causal": lambda: (
        lambda *x: F.scaled_dot_product_attention(*x, is_causal=True),
        Q,
        K,
        V,
    ),
    "cdist": lambda: (torch.cdist, numbers(3, 2), numbers(2, 2, seed=1)),
    "pdist": lambda: (F.pdist, numbers(4, 2)),
    "grid_sample": lambda: (grid, numbers(1, 1, 4, 4), numbers(1, 2, 2, 2, low=-0.8, high=0.8, seed=1)),
    "embedding_bag": lambda: (bag, numbers(3, 2), numbers(4, seed=1)),
    "ctc_loss": lambda: (ctc, numbers(5, 2, 3)),
    "weight_norm": weight_norm,
    "igammac": lambda: (torch.igammac, numbers(3, low=0.8, high=2.5), numbers(3, low=0.5, high=3.0, seed=1)),
    "igamma": lambda: (torch.igamma, numbers(3, low=0.8, high=2.5), numbers(3, low=0.5, high=3.0, seed=1)),
}


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODULES])
def test_second_derivatives(name):
    torch.manual_seed(0)
    function, *inputs = {**FUNCTIONS, **MODULES}[name]()
    inputs, places = tuple(inputs), tuple(range(len(inputs)))
    toward = tuple(numbers(*x.shape, seed=7 + i) for i, x in enumerate(inputs))

    def loss(*xs):
        out = function(*xs)
        return (
            out * torch.linspace(0.5, 1.5, out.numel(), dtype=torch.float64).reshape(out.shape)
        ).sum() ** 2 + out.sum()

    slope = grad(loss, argnums=places)

    def moved(sign):
        return slope(*(x + sign * STEP * v for x, v in zip(inputs, toward, strict=True)))

    wanted = [(a - b) / (2 * STEP) for a, b in zip(moved(1), moved(-1), strict=True)]
    first, ahead = jvp(slope, inputs, toward)
    twice = grad(lambda *xs: sum((g * v).sum() for g, v in zip(slope(*xs), toward, strict=True)), argnums=places)(
        *inputs
    )
    along = jvp(loss, inputs, toward)[1]
    np.testing.assert_allclose(along, sum((g * v).sum() for g, v in zip(first, toward, strict=True)), rtol=1e-8)
    for difference, forward, reverse in zip(wanted, ahead, twice, strict=True):
        scale = max(1.0, float(difference.abs().max()))
        np.testing.assert_allclose(forward, difference, rtol=1e-5, atol=1e-6 * scale)
        np.testing.assert_allclose(reverse, forward, rtol=1e-7, atol=1e-9 * scale)
