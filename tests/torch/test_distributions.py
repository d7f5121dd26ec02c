"""What rows cannot say of `torch.distributions`: derivatives that PyTorch lacks, and compiled programs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
import scipy.special

import functorch_jax
from functorch_jax import grad, torch, vmap
from functorch_jax.torch.ops.random_gamma import gamma_slope

D = torch.distributions
A = np.array([0.3, 1.0, 4.0, 30.0])
U = np.array([0.2, 0.7, 0.5, 0.9])


def difference(f: Any, x: Any) -> Any:
    h = 1e-4 * x
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def test_gamma_draws_follow_their_quantiles() -> None:
    x = scipy.special.gammaincinv(A, U)
    np.testing.assert_allclose(gamma_slope(A, x), difference(lambda a: scipy.special.gammaincinv(a, U), A), rtol=1e-6)


def test_dirichlet_draws_follow_the_quantiles_of_their_parts() -> None:
    b = A[::-1].copy()
    x = scipy.special.betaincinv(A, b, U)
    got = torch._dirichlet_grad(*map(torch.tensor, (x, A, A + b)))
    want = difference(lambda a: scipy.special.betaincinv(a, b, U), A) / (1 - x)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5)


SECOND = {  # law: (a draw, what the same quantile gives at another parameter)
    "Gamma": (
        lambda a: D.Gamma(a, 2.0).rsample(),
        lambda a, x: scipy.special.gammaincinv(a, scipy.special.gammainc(1.5, 2 * x)) / 2,
    ),
    "Beta": (
        lambda a: D.Beta(a, 2.0).rsample(),
        lambda a, x: scipy.special.betaincinv(a, 2.0, scipy.special.betainc(1.5, 2.0, x)),
    ),
}


@pytest.mark.parametrize("law", SECOND)
def test_second_derivatives_of_draws(law: str) -> None:
    draw, quantile = SECOND[law]
    a = torch.tensor(1.5, dtype=torch.float64)

    def seeded(a: Any) -> Any:
        torch.manual_seed(0)
        return draw(a)

    x = float(seeded(a))

    def slope(s: float) -> float:
        return difference(lambda s: quantile(s, x), s)

    np.testing.assert_allclose(float(grad(seeded)(a)), slope(1.5), rtol=1e-6)
    np.testing.assert_allclose(float(grad(grad(seeded))(a)), difference(slope, 1.5), rtol=1e-3)


def test_parameters_are_checked_under_vmap() -> None:
    density = vmap(lambda scale: D.Normal(0.0, scale).log_prob(torch.tensor(1.0)))
    assert density(torch.tensor([1.0, 2.0])).shape == (2,)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        density(torch.tensor([1.0, -2.0]))


def test_laws_outlive_the_programs_that_read_them() -> None:
    law = D.Categorical(logits=torch.zeros(2))
    jax.jit(lambda x: x * law.probs.sum())(torch.tensor(1.0))
    assert law.probs.tolist() == [0.5, 0.5]


def test_draws_in_a_compiled_program() -> None:
    laws = {
        "Gamma": lambda x: D.Gamma(x, 2.0),
        "Dirichlet": lambda x: D.Dirichlet(torch.stack([x, x])),
        "VonMises": lambda x: D.VonMises(x, 2.0),
    }
    torch.manual_seed(0)
    at = torch.tensor(0.5)  # so near to 0 that few draws of VonMises go around the circle, which moves their mean
    for make in laws.values():
        drawn = functorch_jax.jit(lambda x, make=make: make(x).sample((500,)))(at)
        mean = make(at).mean
        assert abs((drawn.mean(0) - mean).numpy()).max() < 0.2
