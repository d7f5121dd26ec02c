"""Each law of `torch.distributions`: what it is, its densities with derivatives, and its draws under a seed."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, case, values

# name: (names of its parameters, their values, values to ask about)
PLAIN: dict[str, tuple[str, list[Any], Any]] = {
    "Normal": ("loc scale", [[0.3, -1.0, 2.0], [0.5, 1.0, 2.5]], [0.1, 1.5, -2.0]),
    "LogNormal": ("loc scale", [[0.3, -1.0, 0.5], [0.5, 1.0, 0.8]], [0.1, 1.5, 2.0]),
    "Uniform": ("low high", [[0.0, -1.0, 2.0], [1.0, 1.0, 5.0]], [0.2, 0.5, 4.0]),
    "Exponential": ("rate", [[0.5, 1.0, 3.0]], [0.2, 1.5, 0.7]),
    "Laplace": ("loc scale", [[0.3, -1.0, 2.0], [0.5, 1.0, 2.5]], [0.1, 1.5, -2.0]),
    "Cauchy": ("loc scale", [[0.3, -1.0, 2.0], [0.5, 1.0, 2.5]], [0.1, 1.5, -2.0]),
    "HalfCauchy": ("scale", [[0.5, 1.0, 2.5]], [0.1, 1.5, 2.0]),
    "HalfNormal": ("scale", [[0.5, 1.0, 2.5]], [0.1, 1.5, 2.0]),
    "Gumbel": ("loc scale", [[0.3, -1.0, 2.0], [0.5, 1.0, 2.5]], [0.1, 1.5, -2.0]),
    "Weibull": ("scale concentration", [[0.5, 1.0, 2.5], [1.5, 1.0, 3.0]], [0.1, 1.5, 2.0]),
    "Pareto": ("scale alpha", [[0.5, 1.0, 2.5], [1.5, 3.0, 4.0]], [0.7, 1.5, 3.0]),
    "Kumaraswamy": ("concentration1 concentration0", [[0.5, 2.0, 2.5], [1.5, 1.0, 3.0]], [0.1, 0.5, 0.9]),
    "GeneralizedPareto": ("loc scale concentration", [[0.0, 0.5, 1.0], [1.0, 2.0, 1.5], [0.3, 0.0, -0.5]], [0.5, 1.5, 2.0]),
    "Gamma": ("concentration rate", [[0.5, 1.0, 3.0], [0.5, 1.0, 2.5]], [0.2, 1.5, 0.7]),
    "Chi2": ("df", [[0.5, 1.0, 3.0]], [0.2, 1.5, 0.7]),
    "InverseGamma": ("concentration rate", [[0.5, 1.5, 3.0], [0.5, 1.0, 2.5]], [0.2, 1.5, 0.7]),
    "Beta": ("concentration1 concentration0", [[0.5, 1.5, 3.0], [0.5, 2.0, 2.5]], [0.2, 0.5, 0.7]),
    "StudentT": ("df loc scale", [[0.5, 1.5, 3.0], [0.3, -1.0, 2.0], [0.5, 1.0, 2.5]], [0.1, 1.5, -2.0]),
    "FisherSnedecor": ("df1 df2", [[0.5, 3.0, 4.0], [1.5, 3.0, 5.0]], [0.1, 1.5, 2.0]),
    "VonMises": ("loc concentration", [[0.3, -1.0, 2.0], [0.5, 1.0, 4.5]], [0.1, 1.5, -2.0]),
    "Bernoulli": ("probs", [[0.2, 0.5, 0.9]], [0.0, 1.0, 1.0]),
    "ContinuousBernoulli": ("probs", [[0.2, 0.5, 0.9]], [0.1, 0.6, 0.9]),
    "Geometric": ("probs", [[0.2, 0.5, 0.9]], [0.0, 1.0, 3.0]),
    "Poisson": ("rate", [[0.5, 1.0, 13.0]], [0.0, 1.0, 9.0]),
    "Binomial": ("total_count probs", [5, [0.2, 0.5, 0.9]], [0.0, 3.0, 5.0]),
    "NegativeBinomial": ("total_count probs", [[5.0, 2.0, 3.5], [0.2, 0.5, 0.9]], [0.0, 3.0, 5.0]),
    "Categorical": ("probs", [[[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]], [2, 0]),
    "OneHotCategorical": ("probs", [[[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "OneHotCategoricalStraightThrough": ("probs", [[[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "Multinomial": ("total_count probs", [4, [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]], [[1.0, 1.0, 2.0], [0.0, 3.0, 1.0]]),
    "Dirichlet": ("concentration", [[[0.5, 1.5, 3.0], [0.2, 0.3, 0.4]]], [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]),
    "LogisticNormal": ("loc scale", [[0.3, -1.0], [0.5, 1.0]], [0.2, 0.3, 0.5]),
    "RelaxedBernoulli": ("temperature probs", [values(0.7), [0.2, 0.5, 0.9]], [0.1, 0.6, 0.9]),
    "RelaxedOneHotCategorical": ("temperature probs", [values(0.7), [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]], [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]),
    "MultivariateNormal": ("loc covariance_matrix", [[0.3, -1.0], [[2.0, 0.3], [0.3, 0.5]]], [0.1, 1.5]),
    "LowRankMultivariateNormal": ("loc cov_factor cov_diag", [[0.3, -1.0, 0.5], [[2.0], [0.3], [0.5]], [0.5, 1.0, 2.0]], [0.1, 1.5, -1.0]),
    "LKJCholesky": ("dim concentration", [3, 1.5], [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]),
    "Wishart": ("df covariance_matrix", [[4.5], [[2.0, 0.3], [0.3, 0.5]]], [[1.0, 0.2], [0.2, 2.0]]),
}
LOGITS = {
    "Bernoulli": ([-1.0, 0.5, 2.0], [0.0, 1.0, 1.0]),
    "Geometric": ([-1.0, 0.5, 2.0], [0.0, 1.0, 1.0]),
    "ContinuousBernoulli": ([-1.0, 0.001, 2.0], [0.1, 0.5, 0.9]),
    "Categorical": ([[-1.0, 0.5, 2.0], [0.0, 0.0, 3.0]], [2, 0]),
    "OneHotCategorical": ([-1.0, 0.5, 2.0], [0.0, 1.0, 0.0]),
}
# where PyTorch's gradients of draws go through approximations of a thousandth
IMPLICIT = ("Gamma", "Chi2", "InverseGamma", "Beta", "Dirichlet", "StudentT", "FisherSnedecor", "Wishart")
# a tangent of a covariance that is not symmetric has no meaning; PyTorch has no forward derivative of gamma draws
DENSITIES: dict[str, Any] = {"LKJCholesky": False, "MultivariateNormal": "reverse", "Wishart": "reverse"}
DRAWS = dict.fromkeys((*IMPLICIT, "MultivariateNormal"), "reverse")


def made(t: Any, name: str, parameters: str, given: Any, **options: Any) -> Any:
    return getattr(t.distributions, name)(**dict(zip(parameters.split(), given, strict=True)), **options)


def attempt(read: Any) -> Any:
    """What `read` gives, or that it is not implemented."""
    try:
        return read()
    except NotImplementedError:
        return "not implemented"


def describe(law: Any) -> Any:
    """What the law is."""
    names = ("mean", "mode", "variance", "stddev")
    described = (repr(law), repr(attempt(lambda: law.support)), law.batch_shape, law.event_shape, law.has_rsample, law.has_enumerate_support)
    return described, [attempt(lambda name=name: getattr(law, name)) for name in names]


def densities(law: Any, value: Any) -> Any:
    cdf = "no derivative in PyTorch" if "Gamma" in repr(law) or "Chi2" in repr(law) else attempt(lambda: law.cdf(value))
    return [attempt(lambda: law.log_prob(value)), attempt(law.entropy), cdf]


def draws(t: Any, law: Any) -> Any:
    return law.sample(), law.sample((2,)), law.expand((2, *law.batch_shape)).sample(), t.rand(1)


def given(xs: list[Any]) -> list[Any]:
    return [values(x) if isinstance(x, list) else x for x in xs]


CASES: list[Row] = [
    *[
        case(f"{name}: what it is", lambda t, *xs, name=name, p=p: describe(made(t, name, p, xs)), *given(xs))
        for name, (p, xs, _) in PLAIN.items()
    ],
    *[
        case(f"{name}: densities", lambda t, v, *xs, name=name, p=p: densities(made(t, name, p, xs), v), values(v), *given(xs), grad=DENSITIES.get(name, True), **({"rtol": 2e-4, "atol": 2e-5, "reason": "logarithms of gamma functions that nearly cancel, in float32"} if name in ("Multinomial", "Wishart", "Kumaraswamy", "ContinuousBernoulli", "FisherSnedecor", "LKJCholesky") else {}))
        for name, (p, xs, v) in PLAIN.items()
    ],
    *[
        case(f"{name}: draws", lambda t, *xs, name=name, p=p: draws(t, made(t, name, p, xs)), *given(xs), **({"rtol": 1e-4, "atol": 1e-5, "reason": "products of float32 matrices and powers of small numbers"} if name in ("Wishart", "LKJCholesky", "ContinuousBernoulli", "GeneralizedPareto", "Kumaraswamy", "Gumbel", "InverseGamma", "Cauchy", "HalfCauchy") else {}))
        for name, (p, xs, _) in PLAIN.items()
    ],
    *[
        case(f"{name}: derivatives of draws", lambda t, *xs, name=name, p=p: made(t, name, p, xs).rsample((2,)), *given(xs), grad=DRAWS.get(name, True), **({"rtol": 3e-3, "atol": 1e-3, "reason": "PyTorch approximates the derivative of draws to three digits"} if name in IMPLICIT else {"rtol": 1e-4, "atol": 1e-5, "reason": "powers of small numbers"} if name in ("Kumaraswamy", "ContinuousBernoulli", "GeneralizedPareto", "Gumbel") else {}))
        for name, (p, xs, _) in PLAIN.items()
        if name not in ("VonMises", "Bernoulli", "Geometric", "Poisson", "Binomial", "NegativeBinomial", "Categorical", "OneHotCategorical", "Multinomial", "LKJCholesky", "Beta", "Dirichlet", "Wishart")
    ],
    *[
        case(f"{name} of logits", lambda t, v, x, name=name: (densities(law := getattr(t.distributions, name)(logits=x), v), law.probs, law.logits, repr(law)), values(v), values(x), grad=True)
        for name, (x, v) in LOGITS.items()
    ],
    *[
        case(f"{name}: inverse", lambda t, q, *xs, name=name, p=p: made(t, name, p, xs).icdf(q), [0.1, 0.5, 0.9], *given(PLAIN[name][1]), grad=True)
        for name, p in [(n, PLAIN[n][0]) for n in ("Normal", "LogNormal", "Uniform", "Exponential", "Laplace", "Cauchy", "HalfCauchy", "HalfNormal", "Gumbel", "Weibull", "Pareto", "Kumaraswamy", "GeneralizedPareto", "ContinuousBernoulli")]
    ],
    *[
        case(f"{name} of numbers", lambda t, name=name: (law := getattr(t.distributions, name)(0.5, 1.5), law.batch_shape, law.sample((2,)), law.log_prob(t.tensor(0.75)))[1:])
        for name in ("Normal", "Uniform", "Gamma", "Laplace", "Beta", "Weibull", "Gumbel", "StudentT")
    ],
    *[
        case(f"{name}: every value", lambda t, *xs, name=name, p=p: (made(t, name, p, xs).enumerate_support(), made(t, name, p, xs).enumerate_support(expand=False)), *given(PLAIN[name][1]))
        for name, p in [(n, PLAIN[n][0]) for n in ("Bernoulli", "Binomial", "Categorical", "OneHotCategorical")]
    ],
    *[
        case(f"{name}: expanded", lambda t, *xs, name=name, p=p: (law := made(t, name, p, xs).expand((2, *made(t, name, p, xs).batch_shape)), law.batch_shape, law.event_shape, attempt(lambda: law.mean), law.log_prob(xs[-1]) if name == "Normal" else None)[1:], *given(PLAIN[name][1]))
        for name, p in [(n, PLAIN[n][0]) for n in ("Normal", "Gumbel", "Weibull", "Chi2", "StudentT", "Beta", "Categorical", "MultivariateNormal", "LowRankMultivariateNormal", "Multinomial", "RelaxedBernoulli", "LogisticNormal", "Wishart")]
    ],
    case("cumulative gamma laws", lambda t, x: [t.distributions.Gamma(x, 2.0).cdf(x), t.distributions.Chi2(x).cdf(x), t.distributions.InverseGamma(x, 2.0).cdf(x)], [0.5, 1.5]),
    case("float64 parameters", lambda t, x: [getattr(t.distributions, n)(x, 2.0).sample((2,)) for n in ("Normal", "Uniform", "Gamma", "Laplace", "Beta")], values([0.5, 1.5], "float64")),
]
