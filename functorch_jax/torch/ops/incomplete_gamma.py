"""The regularised incomplete gamma functions P(a, x) and Q(a, x), with derivatives of every order in both arguments.

JAX has the values and the first derivatives. The second one in `a` is an integral over s = log t of the gamma density,
exp(a s - e^s) / Gamma(a), times ((s - psi(a))^2 - psi'(a)).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._op import op, row
from functorch_jax.torch._promote import promote

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_PANELS = (0.0, 1 / 512, 1 / 64, 1 / 8, 1.0)  # finer towards the upper end, where the density bends


def _density(a: Any, x: Any) -> Any:
    """The slope of P in x."""
    return jnp.exp((a - 1) * jnp.log(x) - x - lax.lgamma(a))


def _curvature(a: Any, x: Any) -> Any:
    """The second derivative of P in a. What lies outside of the ends of the integral is below 1e-18 of its largest."""
    top = jnp.minimum(jnp.log(x), jnp.log(a + 10 * jnp.sqrt(a) + 50))
    length = top - jnp.minimum(top, jnp.log(a)) + 9 / jnp.sqrt(a) + 45 / a
    psi, slope = lax.digamma(a), lax.polygamma(jnp.ones_like(a), a)
    together = jnp.zeros_like(a)
    for near, far in zip(_PANELS, _PANELS[1:], strict=False):
        below = near + (far - near) * (1 - _NODES) / 2
        s = top[..., None] - length[..., None] * below.astype(a.dtype)
        density = jnp.exp(a[..., None] * s - jnp.exp(s) - lax.lgamma(a)[..., None])
        moment = (s - psi[..., None]) ** 2 - slope[..., None]
        together += (far - near) / 2 * jnp.sum(density * moment * _WEIGHTS.astype(a.dtype), axis=-1)
    return jnp.where(x > 0, length * together, 0)


@jax.custom_jvp
def _slope(a: Any, x: Any) -> Any:
    """The derivative of P in a."""
    return lax.igamma_grad_a(a, x)


@_slope.defjvp
def _slope_jvp(primals: Any, tangents: Any) -> Any:
    a, x = primals
    mixed = jnp.where(x > 0, _density(a, x) * (jnp.log(x) - lax.digamma(a)), 0)
    return _slope(a, x), _curvature(a, x) * tangents[0] + mixed * tangents[1]


def _with_slopes(value: Any, sign: int) -> Any:
    fn = jax.custom_jvp(value)

    @fn.defjvp
    def jvp(primals: Any, tangents: Any) -> Any:
        return fn(*primals), sign * (_slope(*primals) * tangents[0] + _density(*primals) * tangents[1])

    return fn


_lower, _upper = _with_slopes(lax.igamma, 1), _with_slopes(lax.igammac, -1)


def _both(a: Any, x: Any) -> Any:
    return jnp.broadcast_arrays(*promote(a, x, minimum=2))


@op("special")
def gammainc(input: Any, other: Any) -> Any:
    return _lower(*_both(input, other))


@op("special")
def gammaincc(input: Any, other: Any) -> Any:
    return _upper(*_both(input, other))


row("torch Tensor", "igamma", gammainc, inplace=True)
row("torch Tensor", "igammac", gammaincc, inplace=True)
