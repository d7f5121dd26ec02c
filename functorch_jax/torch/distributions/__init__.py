"""Probability laws: densities, draws, transforms and divergences. Source: torch.distributions."""

from functorch_jax.torch.distributions import constraints as constraints
from functorch_jax.torch.distributions import transforms as transforms
from functorch_jax.torch.distributions.bernoulli import Bernoulli as Bernoulli
from functorch_jax.torch.distributions.beta import Beta as Beta
from functorch_jax.torch.distributions.binomial import Binomial as Binomial
from functorch_jax.torch.distributions.categorical import Categorical as Categorical
from functorch_jax.torch.distributions.cauchy import Cauchy as Cauchy
from functorch_jax.torch.distributions.chi2 import Chi2 as Chi2
from functorch_jax.torch.distributions.constraint_registry import biject_to as biject_to
from functorch_jax.torch.distributions.constraint_registry import transform_to as transform_to
from functorch_jax.torch.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from functorch_jax.torch.distributions.dirichlet import Dirichlet as Dirichlet
from functorch_jax.torch.distributions.distribution import Distribution as Distribution
from functorch_jax.torch.distributions.exp_family import ExponentialFamily as ExponentialFamily
from functorch_jax.torch.distributions.exponential import Exponential as Exponential
from functorch_jax.torch.distributions.fishersnedecor import FisherSnedecor as FisherSnedecor
from functorch_jax.torch.distributions.gamma import Gamma as Gamma
from functorch_jax.torch.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from functorch_jax.torch.distributions.geometric import Geometric as Geometric
from functorch_jax.torch.distributions.gumbel import Gumbel as Gumbel
from functorch_jax.torch.distributions.half_cauchy import HalfCauchy as HalfCauchy
from functorch_jax.torch.distributions.half_normal import HalfNormal as HalfNormal
from functorch_jax.torch.distributions.independent import Independent as Independent
from functorch_jax.torch.distributions.inverse_gamma import InverseGamma as InverseGamma
from functorch_jax.torch.distributions.kl import kl_divergence as kl_divergence
from functorch_jax.torch.distributions.kl import register_kl as register_kl
from functorch_jax.torch.distributions.kumaraswamy import Kumaraswamy as Kumaraswamy
from functorch_jax.torch.distributions.laplace import Laplace as Laplace
from functorch_jax.torch.distributions.lkj_cholesky import LKJCholesky as LKJCholesky
from functorch_jax.torch.distributions.log_normal import LogNormal as LogNormal
from functorch_jax.torch.distributions.logistic_normal import LogisticNormal as LogisticNormal
from functorch_jax.torch.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal as LowRankMultivariateNormal,
)
from functorch_jax.torch.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from functorch_jax.torch.distributions.multinomial import Multinomial as Multinomial
from functorch_jax.torch.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from functorch_jax.torch.distributions.negative_binomial import NegativeBinomial as NegativeBinomial
from functorch_jax.torch.distributions.normal import Normal as Normal
from functorch_jax.torch.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from functorch_jax.torch.distributions.one_hot_categorical import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from functorch_jax.torch.distributions.pareto import Pareto as Pareto
from functorch_jax.torch.distributions.poisson import Poisson as Poisson
from functorch_jax.torch.distributions.relaxed_bernoulli import RelaxedBernoulli as RelaxedBernoulli
from functorch_jax.torch.distributions.relaxed_categorical import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from functorch_jax.torch.distributions.studentT import StudentT as StudentT
from functorch_jax.torch.distributions.transformed_distribution import (
    TransformedDistribution as TransformedDistribution,
)
from functorch_jax.torch.distributions.transforms import *  # noqa: F403
from functorch_jax.torch.distributions.uniform import Uniform as Uniform
from functorch_jax.torch.distributions.von_mises import VonMises as VonMises
from functorch_jax.torch.distributions.weibull import Weibull as Weibull
from functorch_jax.torch.distributions.wishart import Wishart as Wishart
