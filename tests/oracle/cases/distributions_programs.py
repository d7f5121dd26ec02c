"""Divergences, transforms, constraints, misuse of `torch.distributions`, and programs that transform its functions."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, case, error, floats, functorch, right

LAWS: dict[str, Any] = {  # name: two laws of a kind
    "Bernoulli": lambda D, t: (D.Bernoulli(t.tensor([0.2, 0.7])), D.Bernoulli(t.tensor([0.5, 0.1]))),
    "Beta": lambda D, t: (D.Beta(t.tensor([0.5, 2.0]), 1.5), D.Beta(t.tensor([1.5, 3.0]), 0.5)),
    "Binomial": lambda D, t: (D.Binomial(4, t.tensor([0.2, 0.7])), D.Binomial(4, t.tensor([0.5, 0.1]))),
    "Categorical": lambda D, t: (D.Categorical(t.tensor([[0.2, 0.8], [0.5, 0.5]])), D.Categorical(t.tensor([[0.3, 0.7], [0.9, 0.1]]))),
    "Cauchy": lambda D, t: (D.Cauchy(t.tensor([0.2, 0.7]), 1.0), D.Cauchy(t.tensor([0.5, 0.1]), 2.0)),
    "ContinuousBernoulli": lambda D, t: (D.ContinuousBernoulli(t.tensor([0.2, 0.7])), D.ContinuousBernoulli(t.tensor([0.4, 0.1]))),
    "Dirichlet": lambda D, t: (D.Dirichlet(t.tensor([0.2, 0.7, 2.0])), D.Dirichlet(t.tensor([0.5, 0.1, 1.0]))),
    "Exponential": lambda D, t: (D.Exponential(t.tensor([0.2, 0.7])), D.Exponential(t.tensor([0.5, 0.1]))),
    "Gamma": lambda D, t: (D.Gamma(t.tensor([0.2, 3.0]), 1.5), D.Gamma(t.tensor([0.5, 1.1]), 0.5)),
    "Geometric": lambda D, t: (D.Geometric(t.tensor([0.2, 0.7])), D.Geometric(t.tensor([0.5, 0.1]))),
    "Gumbel": lambda D, t: (D.Gumbel(t.tensor([0.2, 0.7]), 1.0), D.Gumbel(t.tensor([0.5, 0.1]), 2.0)),
    "HalfNormal": lambda D, t: (D.HalfNormal(t.tensor([0.2, 0.7])), D.HalfNormal(t.tensor([0.5, 0.1]))),
    "Independent": lambda D, t: (D.Independent(D.Normal(t.tensor([0.2, 0.7]), 1.0), 1), D.Independent(D.Normal(t.tensor([0.5, 0.1]), 2.0), 1)),
    "Laplace": lambda D, t: (D.Laplace(t.tensor([0.2, 0.7]), 1.0), D.Laplace(t.tensor([0.5, 0.1]), 2.0)),
    "LogNormal": lambda D, t: (D.LogNormal(t.tensor([0.2, 0.7]), 1.0), D.LogNormal(t.tensor([0.5, 0.1]), 2.0)),
    "MultivariateNormal": lambda D, t: (D.MultivariateNormal(t.tensor([0.2, 0.7]), t.eye(2)), D.MultivariateNormal(t.tensor([0.5, 0.1]), scale_tril=t.tensor([[2.0, 0.0], [0.5, 1.0]]))),
    "LowRankMultivariateNormal": lambda D, t: (D.LowRankMultivariateNormal(t.tensor([0.2, 0.7]), t.tensor([[1.0], [0.5]]), t.tensor([1.0, 2.0])), D.LowRankMultivariateNormal(t.tensor([0.5, 0.1]), t.tensor([[0.3], [-0.5]]), t.tensor([0.5, 1.0]))),
    "Normal": lambda D, t: (D.Normal(t.tensor([0.2, 0.7]), 1.0), D.Normal(t.tensor([0.5, 0.1]), 2.0)),
    "OneHotCategorical": lambda D, t: (D.OneHotCategorical(t.tensor([0.2, 0.8])), D.OneHotCategorical(t.tensor([0.3, 0.7]))),
    "Pareto": lambda D, t: (D.Pareto(t.tensor([0.7, 0.2]), t.tensor([3.0, 1.5])), D.Pareto(t.tensor([0.5, 0.3]), 2.0)),
    "Poisson": lambda D, t: (D.Poisson(t.tensor([0.2, 0.7])), D.Poisson(t.tensor([0.5, 0.1]))),
    "Uniform": lambda D, t: (D.Uniform(t.tensor([0.6, 0.1]), t.tensor([0.9, 0.8])), D.Uniform(t.tensor([0.0, 0.3]), 2.0)),
    "VonMises": lambda D, t: (D.VonMises(t.tensor([0.6, 0.1]), 1.0), D.VonMises(t.tensor([0.6, 0.1]), 1.0)),
    "Wishart": lambda D, t: (D.Wishart(t.tensor(3.5), t.eye(2)), D.Wishart(t.tensor(4.5), 2 * t.eye(2))),
}
TRANSFORMS: dict[str, Any] = {  # name: (transform, where)
    "exp": (lambda T, t: T.ExpTransform(), [0.5, -1.0]),
    "power": (lambda T, t: T.PowerTransform(t.tensor(2.5)), [0.5, 1.5]),
    "sigmoid": (lambda T, t: T.SigmoidTransform(), [0.5, -1.0]),
    "softplus": (lambda T, t: T.SoftplusTransform(), [0.5, -1.0]),
    "tanh": (lambda T, t: T.TanhTransform(), [0.5, -1.0]),
    "affine": (lambda T, t: T.AffineTransform(t.tensor([1.0, 2.0]), t.tensor([-2.0, 0.5])), [0.5, -1.0]),
    "affine of vectors": (lambda T, t: T.AffineTransform(1.0, 3.0, event_dim=1), [0.5, -1.0]),
    "composed": (lambda T, t: T.ComposeTransform([T.AffineTransform(1.0, 3.0), T.TanhTransform()]), [0.5, -0.2]),
    "inverse": (lambda T, t: T.ExpTransform().inv, [0.5, 1.0]),
    "independent": (lambda T, t: T.IndependentTransform(T.ExpTransform(), 1), [0.5, -1.0]),
    "reshape": (lambda T, t: T.ReshapeTransform((4,), (2, 2)), [0.5, -1.0, 1.0, 2.0]),
    "stick breaking": (lambda T, t: T.StickBreakingTransform(), [0.5, -1.0, 0.3]),
    "correlations": (lambda T, t: T.CorrCholeskyTransform(), [0.5, -1.0, 0.3]),
    "stack": (lambda T, t: T.StackTransform([T.ExpTransform(), T.TanhTransform()]), [0.5, -1.0]),
    "cat": (lambda T, t: T.CatTransform([T.ExpTransform(), T.TanhTransform()], 0, [2, 1]), [0.5, -1.0, 0.3]),
    "distribution": (lambda T, t: T.CumulativeDistributionTransform(t.distributions.Normal(0.0, 1.0)), [0.5, -1.0]),
}


def divergences(t: Any, name: str) -> Any:
    p = LAWS[name](t.distributions, t)[0]
    out = []
    for other, make in LAWS.items():
        if (name, other) == ("ContinuousBernoulli", "Uniform"):
            continue  # a row of its own
        try:
            out.append((other, t.distributions.kl_divergence(p, make(t.distributions, t)[1])))
        except (NotImplementedError, ValueError, RuntimeError) as e:
            out.append((other, type(e).__name__))
    return out


def mapped(t: Any, make: Any, x: Any) -> Any:
    transform = make(t.distributions.transforms, t)
    y = transform(x)
    return y, transform.inv(y), transform.log_abs_det_jacobian(x, y), tuple(transform.forward_shape(x.shape))


def mixture(t: Any, weights: Any, loc: Any) -> Any:
    D = t.distributions
    return D.MixtureSameFamily(D.Categorical(logits=weights), D.Independent(D.Normal(loc, t.ones_like(loc)), 1))


def drawn_backward(t, make, a, b):
    a, b = a.requires_grad_(), b.requires_grad_()
    draws = make(t.distributions, a, b).rsample((3,))
    (draws * t.tensor([1.0, 3.0])).sum().backward()
    return draws.requires_grad, a.grad, b.grad


def policy_loss(t: Any, logits: Any, advantage: Any, action: Any) -> Any:
    law = t.distributions.Categorical(logits=logits)
    return -(law.log_prob(action) * advantage).sum() - 0.1 * law.entropy().sum()


CASES: list[Row] = [
    *[case(f"divergences from {name}", lambda t, name=name: divergences(t, name), rtol=2e-4, atol=1e-5, reason="sums that nearly cancel, in float32") for name in LAWS],
    *[case(f"transform: {name}", lambda t, x, make=make: mapped(t, make, x), x, grad=True, rtol=1e-4, atol=1e-5, reason="inverses lose digits in float32") for name, (make, x) in TRANSFORMS.items()],
    case("transform: lower Cholesky", lambda t, x: (y := t.distributions.LowerCholeskyTransform()(x), t.distributions.LowerCholeskyTransform().inv(y)), floats(2, 2)),
    case("transform: positive definite", lambda t, x: t.distributions.PositiveDefiniteTransform()(x), floats(2, 2)),
    case("transforms of constraints", lambda t, x: [(repr(f(c)), f(c)(x)) for f in (t.distributions.biject_to, t.distributions.transform_to) for c in (t.distributions.constraints.positive, t.distributions.constraints.simplex, t.distributions.constraints.interval(-1.0, 2.0), t.distributions.constraints.less_than(1.0))], [0.5, -1.0]),
    case("names of transforms", lambda t: [repr(t.distributions.SigmoidTransform()), repr(t.distributions.ComposeTransform([t.distributions.ExpTransform().inv])), t.distributions.ExpTransform() == t.distributions.ExpTransform(), t.distributions.ExpTransform() == t.distributions.TanhTransform()]),
    case("constraints", lambda t: [c.check(t.tensor([[0.2, 0.8], [1.0, 0.0]])) for c in (lambda C: (C.real, C.positive, C.simplex, C.one_hot, C.unit_interval, C.boolean, C.lower_cholesky, C.lower_triangular, C.positive_definite, C.symmetric, C.nonnegative_integer, C.greater_than_eq(0.5), C.independent(C.positive, 1), C.integer_interval(0, 1), C.half_open_interval(0, 1)))(t.distributions.constraints)]),
    case("triangles as vectors", lambda t, x: (v := t.distributions.utils.tril_matrix_to_vec(x, -1), t.distributions.utils.vec_to_tril_matrix(v, -1), t.distributions.utils.vec_to_tril_matrix(t.arange(6.0))), floats(3, 3)),
    case("probabilities and logits", lambda t, x: (t.distributions.utils.probs_to_logits(x), t.distributions.utils.probs_to_logits(x, is_binary=True), t.distributions.utils.logits_to_probs(x), t.distributions.utils.clamp_probs(x)), [0.0, 0.3, 1.0]),
    # programs
    case("mixture", lambda t, w, loc: (law := mixture(t, w, loc), law.mean, law.variance, law.log_prob(loc), law.sample((3,)), repr(law), law.batch_shape, law.event_shape)[1:], floats(3), floats(3, 2)),
    case("gradient of a mixture", lambda t, w, loc, x: mixture(t, w, loc).log_prob(x), floats(3), floats(3, 2), floats(4, 2), grad=True),
    case("per-sample densities", lambda t, loc, scale, x: functorch(t).vmap(lambda m, s, v: t.distributions.Normal(m, s, validate_args=False).log_prob(v).sum())(loc, scale, x), floats(3, 2), floats(3, 2, positive=True), floats(3, 2), grad=True),
    case("per-sample covariances", lambda t, loc, a, x: functorch(t).vmap(lambda m, a, v: t.distributions.MultivariateNormal(m, a @ a.T + t.eye(2), validate_args=False).log_prob(v))(loc, a, x), floats(3, 2), floats(3, 2, 2), floats(3, 2), grad=True),
    case("Hessian of a density", lambda t, x: functorch(t).hessian(lambda p: t.distributions.Gamma(p[0], p[1], validate_args=False).log_prob(t.tensor(0.7)))(x), [1.5, 2.0]),
    case("per-sample policy gradients", lambda t, logits, adv: functorch(t).vmap(functorch(t).grad(lambda lo, a, i: t.distributions.Categorical(logits=lo, validate_args=False).log_prob(i) * a))(logits, adv, t.tensor([0, 2, 1])), floats(3, 3), floats(3)),
    case("policy loss", lambda t, logits, adv: functorch(t).grad(lambda lo: policy_loss(t, lo, adv, t.tensor([0, 2, 1])))(logits), floats(3, 3), floats(3)),
    right("draws under vmap", lambda t, loc: len(set(functorch(t).vmap(lambda m: t.distributions.Laplace(m, 1.0).rsample(), randomness="different")(loc).tolist())), [0.0, 0.0, 0.0], expected=3, why="PyTorch draws in place, which vmap refuses"),
    right("divergence of a continuous Bernoulli law from a uniform one around it", lambda t: t.distributions.kl_divergence(t.distributions.ContinuousBernoulli(t.tensor([0.2, 0.7])), t.distributions.Uniform(t.tensor([0.0, 0.3]), 2.0)), expected=[0.76956165, float("inf")], why="PyTorch gives inf wherever the uniform law starts at or above 0"),
    case("variational loss", lambda t, m, s: t.distributions.kl_divergence(t.distributions.Independent(t.distributions.Normal(m, s.exp()), 1), t.distributions.Independent(t.distributions.Normal(0.0, 1.0).expand((2,)), 1)), floats(3, 2), floats(3, 2), grad=True),
    case("transformed law", lambda t, x: (law := t.distributions.TransformedDistribution(t.distributions.Normal(0.0, 1.0), [t.distributions.AffineTransform(1.0, -2.0), t.distributions.SigmoidTransform()]), law.log_prob(x), law.cdf(x), law.icdf(x), law.sample((2,)))[1:], [0.2, 0.7], rtol=1e-4, reason="logits of float32 numbers"),
    *[case(f"backward() through draws of {name}", lambda t, a, b, make=make: drawn_backward(t, make, a, b), [2.0, 3.0], [1.0, 0.5], rtol=3e-3, atol=1e-3, reason="PyTorch approximates the derivative of draws to three digits") for name, make in {"Gamma": lambda D, a, b: D.Gamma(a, b), "Beta": lambda D, a, b: D.Beta(a, b), "Dirichlet": lambda D, a, b: D.Dirichlet(a * b), "Chi2": lambda D, a, b: D.Chi2(a * b), "StudentT": lambda D, a, b: D.StudentT(a, b, b), "FisherSnedecor": lambda D, a, b: D.FisherSnedecor(a, b + 6)}.items()],
    case("one value of a mixture", lambda t: (law := t.distributions.MixtureSameFamily(t.distributions.Categorical(t.tensor([0.3, 0.7])), t.distributions.Normal(t.tensor([0.0, 1.0]), t.tensor([1.0, 2.0]))), law.log_prob(t.tensor(0.5)), law.support.check(t.tensor(0.5)))[1:]),
    case("one value of a mixture of vectors", lambda t: t.distributions.MixtureSameFamily(t.distributions.Categorical(t.ones(2)), t.distributions.Independent(t.distributions.Normal(t.zeros(2, 3), t.ones(2, 3)), 1)).log_prob(t.zeros(3))),
    # misuse
    error("one value outside a mixture's support", lambda t: t.distributions.MixtureSameFamily(t.distributions.Categorical(t.ones(2)), t.distributions.Exponential(t.ones(2))).log_prob(t.tensor(-1.0)), fragment="to be within the support"),
    error("a scale that is not positive", lambda t: t.distributions.Normal(0.0, -1.0), fragment=r"Expected parameter scale \(Tensor of shape \(\)\) of distribution Normal\(loc: 0.0, scale: -1.0\) to satisfy the constraint GreaterThan\(lower_bound=0.0\)"),
    error("a value outside the support", lambda t: t.distributions.Exponential(1.0).log_prob(t.tensor([-1.0])), fragment=r"to be within the support \(GreaterThanEq\(lower_bound=0.0\)\)"),
    error("probs and logits", lambda t: t.distributions.Bernoulli(0.5, logits=0.0), fragment="Either `probs` or `logits` must be specified, but not both."),
    error("neither", lambda t: t.distributions.Categorical(), fragment="Either `probs` or `logits` must be specified"),
    error("shapes that do not broadcast", lambda t: t.distributions.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)), fragment="not broadcastable with batch_shape"),
    error("an event of another size", lambda t: t.distributions.Dirichlet(t.ones(3)).log_prob(t.ones(2) / 2), fragment="right-most size of value must match event_shape"),
    error("no divergence", lambda t: t.distributions.kl_divergence(t.distributions.Normal(0.0, 1.0), t.distributions.Bernoulli(0.5)), fragment="No KL\\(p \\|\\| q\\) is implemented for p type Normal and q type Bernoulli|cross KL-divergence"),
    error("a matrix that is not positive definite", lambda t: t.distributions.MultivariateNormal(t.zeros(2), -t.eye(2)), fragment="Expected parameter covariance_matrix"),
    error("too many axes", lambda t: t.distributions.Independent(t.distributions.Normal(0.0, 1.0), 1), fragment="Expected reinterpreted_batch_ndims <= len"),
    error("a list as a parameter", lambda t: t.distributions.Normal([0.0], 1.0), fragment="must all be instances of Number, torch.Tensor"),
    error("a transform that is none", lambda t: t.distributions.TransformedDistribution(t.distributions.Normal(0.0, 1.0), 3), fragment="transforms must be a Transform or list"),
]
