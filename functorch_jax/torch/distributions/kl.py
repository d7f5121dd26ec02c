"""The divergence of Kullback and Leibler, for pairs of laws. Source: torch.distributions.kl."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from functorch_jax import torch
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions._matrices import batch_mahalanobis, log_diagonal
from functorch_jax.torch.distributions.bernoulli import Bernoulli
from functorch_jax.torch.distributions.beta import Beta
from functorch_jax.torch.distributions.binomial import Binomial
from functorch_jax.torch.distributions.categorical import Categorical
from functorch_jax.torch.distributions.cauchy import Cauchy
from functorch_jax.torch.distributions.continuous_bernoulli import ContinuousBernoulli
from functorch_jax.torch.distributions.dirichlet import Dirichlet
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.exp_family import ExponentialFamily, normalizer_gradients
from functorch_jax.torch.distributions.exponential import Exponential
from functorch_jax.torch.distributions.gamma import Gamma
from functorch_jax.torch.distributions.geometric import Geometric
from functorch_jax.torch.distributions.gumbel import Gumbel
from functorch_jax.torch.distributions.half_normal import HalfNormal
from functorch_jax.torch.distributions.independent import Independent
from functorch_jax.torch.distributions.laplace import Laplace
from functorch_jax.torch.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    lowrank_mahalanobis,
)
from functorch_jax.torch.distributions.multivariate_normal import MultivariateNormal
from functorch_jax.torch.distributions.normal import Normal
from functorch_jax.torch.distributions.one_hot_categorical import OneHotCategorical
from functorch_jax.torch.distributions.pareto import Pareto
from functorch_jax.torch.distributions.poisson import Poisson
from functorch_jax.torch.distributions.transformed_distribution import TransformedDistribution
from functorch_jax.torch.distributions.uniform import Uniform
from functorch_jax.torch.distributions.utils import euler_constant, sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}
_CHOSEN: dict[tuple[type, type], Any] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """A decorator: the function gives the divergence of the second class from the first, and of their subclasses.

    Raises: TypeError for what is no class of laws.
    Source: torch.distributions.register_kl.
    """
    for name, each in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(each, type) or not issubclass(each, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {each}")

    def decorate(fn: Any) -> Any:
        _KL_REGISTRY[type_p, type_q] = fn
        _CHOSEN.clear()
        return fn

    return decorate


def _chosen(type_p: type, type_q: type) -> Any:
    """The function for the nearest pair of classes; None where there is none."""
    key = type_p, type_q
    if key not in _CHOSEN:
        fits = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
        place_p, place_q = type_p.__mro__.index, type_q.__mro__.index
        left = min(fits, key=lambda pair: (place_p(pair[0]), place_q(pair[1])), default=None)
        right = min(fits, key=lambda pair: (place_q(pair[1]), place_p(pair[0])), default=None)
        if left is not None and _KL_REGISTRY[left] is not _KL_REGISTRY[right]:  # type: ignore[index]
            warnings.warn(
                f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl("
                f"{left[0].__name__}, {right[1].__name__})",  # type: ignore[index]
                RuntimeWarning,
                stacklevel=3,
            )
        _CHOSEN[key] = None if left is None else _KL_REGISTRY[left]
    return _CHOSEN[key]


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The divergence KL(p || q), over the batch shape.

    Raises: NotImplementedError for a pair that nobody registered.

    Example:
        >>> from functorch_jax import torch
        >>> Normal = torch.distributions.Normal
        >>> torch.distributions.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
        tensor(0.5000)

    Source: torch.distributions.kl_divergence.
    """
    fn = _chosen(type(p), type(q))
    if fn is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {p.__class__.__name__} and q type {q.__class__.__name__}"
        )
    return fn(p, q)


def _infinite(x: Tensor) -> Tensor:
    return torch.full_like(x, math.inf)


def _xlogx(x: Tensor) -> Tensor:
    return torch.special.xlogy(x, x)


# ---- a law of the same kind ------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    sp = torch.nn.functional.softplus
    t1 = p.probs * (sp(-q.logits) - sp(-p.logits))
    t1 = torch.where(q.probs == 0, math.inf, t1)
    t1 = torch.where(p.probs == 0, 0, t1)
    t2 = (1 - p.probs) * (sp(q.logits) - sp(p.logits))
    t2 = torch.where(q.probs == 1, math.inf, t2)
    return t1 + torch.where(p.probs == 1, 0, t2)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    a, b, c, d = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    total_p, total_q = a + b, c + d
    logs = c.lgamma() + d.lgamma() + total_p.lgamma() - (a.lgamma() + b.lgamma() + total_q.lgamma())
    return logs + (a - c) * a.digamma() + (b - d) * b.digamma() + (total_q - total_p) * total_p.digamma()


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return torch.where(p.total_count > q.total_count, math.inf, kl)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    t = torch.where((q.probs == 0).expand_as(t), math.inf, t)
    return torch.where((p.probs == 0).expand_as(t), 0, t).sum(-1)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    apart = ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log()
    return apart - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    slope = p.mean * (p.logits - q.logits)
    return slope + p._cont_bern_log_norm() + torch.log1p(-p.probs) - q._cont_bern_log_norm() - torch.log1p(-q.probs)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    logs = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return logs + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + torch.lgamma(b)
        - torch.lgamma(a)
        + (a - b) * torch.digamma(a)
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
    tail = torch.exp(shift + (1 + ratio).lgamma())
    return -ratio.log() - shift + ratio * euler_constant + tail - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * torch.exp(-away / p.scale) - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.support.lower_bound < q.support.lower_bound, math.inf, result)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), math.inf, result)


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Tensor:
    """The divergence of Bregman of the log-normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using "
            "Bregman divergences"
        )
    normal_p, gradients, parameters = normalizer_gradients(p)
    result = q._log_normalizer(*q._natural_params) - normal_p
    for at_p, at_q, gradient in zip(parameters, q._natural_params, gradients, strict=True):
        result = result - sum_rightmost((at_q - at_p) * gradient, len(q.event_shape))
    return result


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    extra = len(p.event_shape) - len(p.base_dist.event_shape)
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), extra)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


# ---- vectors ---------------------------------------------------------------------------------------------------------


def _trace_of_ratio(factor: Tensor, other: Tensor) -> Tensor:
    """The trace of inverse(factor factor') other other'."""
    shape = torch.broadcast_shapes(factor.shape[:-2], other.shape[:-2])
    factor = factor.expand(*shape, *factor.shape[-2:])
    other = other.expand(*shape, *other.shape[-2:])
    return torch.linalg.solve_triangular(factor, other, upper=False).pow(2).sum((-2, -1))


def _check_events(p: Any, q: Any) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {'(Low Rank) ' if type(p) is not type(q) else ''}Multivariate Normals with "
            "different event shapes cannot be computed"
        )


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate(p: Any, q: Any) -> Tensor:
    _check_events(p, q)
    ours, theirs = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    distance = batch_mahalanobis(theirs, q.loc - p.loc)
    logs = log_diagonal(theirs) - log_diagonal(ours)
    return logs + 0.5 * (_trace_of_ratio(theirs, ours) + distance - p.event_shape[0])


def _lowrank_terms(p: Any, q: Any) -> tuple[Tensor, Tensor]:
    """What a low-rank `q` adds: its log-determinant and the distance of the means."""
    distance = lowrank_mahalanobis(
        q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag, q.loc - p.loc, q._capacitance_tril
    )
    return q._log_det(), distance


def _lowrank_trace(q: Any, factor: Tensor) -> Tensor:
    """The trace of inverse(covariance of q) factor factor', by Woodbury's identity."""
    d = q._unbroadcasted_cov_diag.unsqueeze(-1)
    inner = (q._unbroadcasted_cov_factor.mT / d.mT) @ factor
    return (factor.pow(2) / d).sum((-2, -1)) - _trace_of_ratio(q._capacitance_tril, inner)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank(p: Any, q: Any) -> Tensor:
    _check_events(p, q)
    log_det, distance = _lowrank_terms(p, q)
    own = torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    trace = _lowrank_trace(q, p._unbroadcasted_cov_factor) + _lowrank_trace(q, own)
    return 0.5 * (log_det - p._log_det() + trace + distance - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _multivariate_lowrank(p: Any, q: Any) -> Tensor:
    _check_events(p, q)
    log_det, distance = _lowrank_terms(p, q)
    factor = p._unbroadcasted_scale_tril
    return 0.5 * (log_det - 2 * log_diagonal(factor) + _lowrank_trace(q, factor) + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_multivariate(p: Any, q: Any) -> Tensor:
    _check_events(p, q)
    theirs = q._unbroadcasted_scale_tril
    own = torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    trace = _trace_of_ratio(theirs, p._unbroadcasted_cov_factor) + _trace_of_ratio(theirs, own)
    logs = 2 * log_diagonal(theirs) - p._log_det()
    return 0.5 * (logs + batch_mahalanobis(theirs, q.loc - p.loc) + trace - p.event_shape[0])


# ---- another kind: minus the entropy, less the mean of the other's log-density ---------------------------------------

_SIZES = {
    Beta: lambda p: p.concentration1,
    ContinuousBernoulli: lambda p: p.probs,
    Exponential: lambda p: p.rate,
    Gamma: lambda p: p.concentration,
    Gumbel: lambda p: p.loc,
    Laplace: lambda p: p.loc,
    Normal: lambda p: p.loc,
    Pareto: lambda p: p.scale,
    Poisson: lambda p: p.rate,
}


def _never(kind: type, *others: type) -> None:
    """`kind` gives values that the others never do."""
    for other in others:
        register_kl(kind, other)(lambda p, q, size=_SIZES[kind]: _infinite(size(p)))


_never(Beta, Pareto)
_never(ContinuousBernoulli, Pareto)
_never(Exponential, Beta, ContinuousBernoulli, Pareto, Uniform)
_never(Gamma, Beta, ContinuousBernoulli, Pareto, Uniform)
_never(Gumbel, Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_never(Laplace, Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_never(Normal, Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_never(Pareto, Beta, ContinuousBernoulli, Uniform)
_never(Poisson, Bernoulli, Binomial)


def _gaussian(q: Any, mean: Tensor, variance: Tensor) -> Tensor:
    """Minus the mean of a normal log-density, over a law of these moments."""
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + 0.5 * (variance + (mean - q.loc).pow(2)) / q.scale.pow(2)


for _kind in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform):
    register_kl(_kind, Normal)(lambda p, q: _gaussian(q, p.mean, p.variance) - p.entropy())

for _kind in (Beta, ContinuousBernoulli):
    register_kl(_kind, Exponential)(lambda p, q: -p.entropy() - q.rate.log() + q.rate * p.mean)


def _gamma_density(q: Any, log_mean: Tensor, mean: Tensor) -> Tensor:
    """Minus the mean of a gamma log-density."""
    return -q.concentration * q.rate.log() + q.concentration.lgamma() - (q.concentration - 1) * log_mean + q.rate * mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Tensor:
    log_mean = p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    return _gamma_density(q, log_mean, p.mean) - p.entropy()


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


def _within(p: Any, q: Any, result: Tensor) -> Tensor:
    """`result` where the support of p, [0, 1], lies inside that of q."""
    return torch.where((q.low <= 0) & (q.high >= 1), result, math.inf)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Tensor:
    return _within(p, q, -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    return _within(p, q, -p.entropy() + (q.high - q.low).log())


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    a = q.concentration
    return -a * ratio.log() + ratio + a.lgamma() + a * euler_constant - (1 + euler_constant)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


def _gumbel_density(q: Any, mean: Tensor, exp_mean: Tensor) -> Tensor:
    """Minus the mean of a Gumbel log-density; `exp_mean` is that of exp(-(x - loc) / scale)."""
    return q.scale.log() + (mean - q.loc) / q.scale + exp_mean


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Tensor:
    rate = p.rate * q.scale
    exp_mean = torch.exp(q.loc / q.scale) * rate / (rate + 1)
    return _gumbel_density(q, p.mean, exp_mean) - p.entropy()


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Tensor:
    rate = p.rate * q.scale
    exp_mean = torch.exp(q.loc / q.scale) * (1 + rate.reciprocal()).pow(-p.concentration)
    return _gumbel_density(q, p.mean, exp_mean) - p.entropy()


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Tensor:
    exp_mean = torch.exp((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2))
    return _gumbel_density(q, p.mean, exp_mean) - p.entropy()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    away = p.loc - q.loc
    ratio = away / p.scale
    mean_away = p.scale * math.sqrt(2 / math.pi) * torch.exp(-0.5 * ratio.pow(2)) + away * torch.erf(
        math.sqrt(0.5) * ratio
    )
    return -p.entropy() + torch.log(2 * q.scale) + mean_away / q.scale


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Tensor:
    scale = p.scale * q.rate
    result = (p.alpha / scale).log() - p.alpha.reciprocal() + p.alpha * scale / (p.alpha - 1) - 1
    return torch.where(p.alpha <= 1, math.inf, result)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Tensor:
    log_mean = p.scale.log() + p.alpha.reciprocal()
    result = _gamma_density(q, log_mean, p.mean) - p.entropy()
    return torch.where(p.alpha <= 1, math.inf, result)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Tensor:
    return torch.where(p.alpha <= 2, math.inf, _gaussian(q, p.mean, p.variance) - p.entropy())


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    log_mean = (_xlogx(p.high) - _xlogx(p.low) - width) / width
    rest = (_xlogx(1 - p.low) - _xlogx(1 - p.high) - width) / width
    a, b = q.concentration1, q.concentration0
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    result = -width.log() + norm - (a - 1) * log_mean - (b - 1) * rest
    return torch.where((p.high > 1) | (p.low < 0), math.inf, result)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    result = -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()
    return torch.where((p.high >= 1) | (p.low <= 0), math.inf, result)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Tensor:
    result = q.rate * p.mean - ((p.high - p.low) * q.rate).log()
    return torch.where(p.low < 0, math.inf, result)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    log_mean = (_xlogx(p.high) - _xlogx(p.low) - width) / width
    return torch.where(p.low < 0, math.inf, -width.log() + _gamma_density(q, log_mean, p.mean))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Tensor:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    exp_mean = (torch.exp(-low) - torch.exp(-high)) / (high - low)
    return _gumbel_density(q, p.mean, exp_mean) - p.entropy()


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    log_mean = (_xlogx(p.high) - _xlogx(p.low) - width) / width
    result = -width.log() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * log_mean
    return torch.where(p.low < q.support.lower_bound, math.inf, result)
