"""Draws of the gamma law and of the Dirichlet law, with the derivatives of a draw with respect to its parameters.

A draw x of a law with cumulative distribution F(x; a) moves with its parameter so that F(x; a) stays where it is:
dx/da = -(dF/da) / (dF/dx). Both parts are one integral over a tail of the density, in a coordinate in which every
density here is a smooth bump; PyTorch approximates the same quantity to three or four digits.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._generator import Generator, draw
from functorch_jax.torch._laws import Law
from functorch_jax.torch._mt19937 import Engine, Numbers
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.ops.pointwise import SPECIAL
from functorch_jax.torch.ops.random import check_float

_Array = np.ndarray[Any, Any]
_digamma = SPECIAL["digamma"][0]

# ---- drawing ---------------------------------------------------------------------------------------------------------


_THIRD = float(np.float32(1) / np.float32(3))  # PyTorch's, which shows in the eighth digit of a draw


def _gamma_one(numbers: Numbers, alpha: float) -> float:
    """One draw by the method of Marsaglia and Tsang (2000)."""
    if alpha == 0:
        return 0.0
    scale = 1.0
    if alpha < 1:
        scale = (1 - numbers.uniform()) ** (1 / alpha)
        alpha += 1
    d = alpha - _THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        x = numbers.normal()
        root = 1 + c * x
        if root <= 0:
            continue
        v, u, square = root**3, 1 - numbers.uniform(), x * x
        if u < 1 - 0.0331 * square * square or math.log(u) < square / 2 + d * (1 - v + math.log(v)):
            return scale * d * v


def _gamma(engine: Engine, n: int, dtype: np.dtype[Any], alpha: _Array) -> _Array:
    numbers = Numbers(engine, min(4 * n + 8, 4096))
    try:
        drawn = [_gamma_one(numbers, a) if a >= 0 else math.nan for a in alpha.astype(np.float64).ravel().tolist()]
    finally:
        numbers.close()
    return np.maximum(np.array(drawn).astype(dtype), np.finfo(dtype).tiny)


def _gamma_traced(key: Any, shape: tuple[int, ...], dtype: Any, alpha: Any) -> Any:
    drawn = jax.random.gamma(key, jnp.where(alpha == 0, 1, alpha), shape, dtype)
    return jnp.maximum(jnp.where(alpha == 0, 0, drawn), jnp.finfo(dtype).tiny)


GAMMA = Law(_gamma, _gamma_traced)


# ---- how a draw moves with its parameters ----------------------------------------------------------------------------

# Exp-sinh quadrature over a half line: nodes from 1e-11 to 1e11 of the scale that the integrand falls off at.
_T = np.arange(-3.5, 3.5, 0.07)
_NODES = np.exp(np.pi / 2 * np.sinh(_T))
_WEIGHTS = _NODES * (np.pi / 2) * np.cosh(_T) * 0.07


def _wide(*arrays: Any) -> list[Any]:
    kind = jnp.promote_types(jnp.result_type(*arrays), jnp.zeros((), np.float64).dtype)
    return [x.astype(kind) for x in jnp.broadcast_arrays(*arrays)]


def _integral(integrand: Any, scale: Any) -> Any:
    """The integral of `integrand(s)` over s > 0, for arrays with the nodes as their last axis."""
    scale = lax.stop_gradient(scale)[..., None]
    return jnp.sum(integrand(scale * _NODES) * scale * _WEIGHTS, axis=-1)


def _gamma_slope_by_integral(alpha: Any, x: Any) -> Any:
    # in y = log t the density is exp(alpha y - e^y); of the two tails from log x on, the one without the bump
    side = jnp.where(x < alpha, -1.0, 1.0).astype(x.dtype)
    scale = 1 / (jnp.abs(alpha - x) + jnp.sqrt(x))
    a, at, sign = alpha[..., None], x[..., None], side[..., None]
    excess = (jnp.log(x) - _digamma(alpha))[..., None]

    def integrand(s: Any) -> Any:
        fall = jnp.where(sign * s > 700, -jnp.inf, sign * a * s - at * jnp.expm1(jnp.minimum(sign * s, 700)))
        return (excess + sign * s) * jnp.exp(fall)

    return side * x * _integral(integrand, scale)


@jax.custom_jvp
def gamma_slope(alpha: Any, x: Any) -> Any:
    """The derivative of a draw `x` of the gamma law with respect to its shape parameter."""
    return lax.random_gamma_grad(alpha, x)


@gamma_slope.defjvp
def _gamma_slope_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    _, moved = jax.jvp(_gamma_slope_by_integral, tuple(_wide(*primals)), tuple(_wide(*tangents)))
    out = gamma_slope(*primals)
    return out, moved.astype(out.dtype)


def _beta_slope(x: Any, a: Any, b: Any) -> Any:
    """The derivative of a draw `x` of the beta law with respect to `a`, of which it grows."""
    # in y = log(t / (1 - t)) the density is sigmoid(y)^a sigmoid(-y)^b
    tiny = jnp.finfo(x.dtype).tiny
    x = jnp.clip(x, tiny, 1 - jnp.finfo(x.dtype).epsneg)
    side = jnp.where(x < a / (a + b), -1.0, 1.0).astype(x.dtype)
    scale = 1 / (jnp.abs(a - (a + b) * x) + jnp.sqrt((a + b) * x * (1 - x)))
    place = (jnp.log(x) - jnp.log1p(-x))[..., None]
    log_x, log_rest = jnp.log(x)[..., None], jnp.log1p(-x)[..., None]
    mean = (_digamma(a) - _digamma(a + b))[..., None]
    sign, p, q = side[..., None], a[..., None], b[..., None]

    def integrand(s: Any) -> Any:
        y = place + sign * s
        log_t, log_u = jax.nn.log_sigmoid(y), jax.nn.log_sigmoid(-y)
        return (log_t - mean) * jnp.exp(p * (log_t - log_x) + q * (log_u - log_rest))

    return side * x * (1 - x) * _integral(integrand, scale)


@op("torch")
def _dirichlet_grad(x: Any, alpha: Any, total: Any) -> Any:
    """How the part `x` of a Dirichlet draw grows with its concentration `alpha`, over 1 - x.

    Args:
        x, alpha: parts and their concentrations.
        total: the sum of all concentrations. All of one shape.
    Source: torch._dirichlet_grad, which approximates it to about three digits.
    """
    return _dirichlet_slope(x, alpha, total)


def _dirichlet_slope(x: Any, alpha: Any, total: Any) -> Any:
    part, a, b = _wide(x, alpha, total - alpha)
    part = jnp.clip(part, jnp.finfo(part.dtype).tiny, 1 - jnp.finfo(part.dtype).epsneg)
    return (_beta_slope(part, a, b) / (1 - part)).astype(x.dtype)


@jax.custom_jvp
def _gamma_draw(alpha: Any, drawn: Any) -> Any:
    return drawn


@_gamma_draw.defjvp
def _gamma_draw_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    out = _gamma_draw(*primals)
    return out, tangents[0] * gamma_slope(primals[0], out)


@jax.custom_jvp
def _dirichlet_draw(concentration: Any, drawn: Any) -> Any:
    return drawn


@_dirichlet_draw.defjvp
def _dirichlet_draw_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    concentration, _ = primals
    out = _dirichlet_draw(*primals)
    total = jnp.broadcast_to(jnp.sum(concentration, -1, keepdims=True), concentration.shape)
    moved = tangents[0] * _dirichlet_slope(out, concentration, total)
    return out, moved - out * jnp.sum(moved, -1, keepdims=True)


# as ops, so that backward() sees the draws too
_GAMMA_DRAW = Op(_gamma_draw, "_standard_gamma")
_DIRICHLET_DRAW = Op(_dirichlet_draw, "_sample_dirichlet")

# ---- functions -------------------------------------------------------------------------------------------------------


@function("torch")
def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A draw of the gamma law of rate 1 for each shape parameter in `input`; it has derivatives. Eagerly they are
    PyTorch's numbers.

    Source: torch._standard_gamma.
    """
    alpha = input.array
    check_float(alpha.dtype, "gamma_cpu", complex=False)
    drawn = draw(GAMMA, alpha.shape, alpha.dtype, generator=generator, given=[alpha])
    return _GAMMA_DRAW(input, wrap(lax.stop_gradient(drawn)))


@function("torch")
def _standard_gamma_grad(self: Tensor, output: Tensor) -> Tensor:
    """The derivative of draws `output` with respect to their shape parameters. Source: torch._standard_gamma_grad."""
    return wrap(gamma_slope(self.array, output.array))


@function("torch")
def _sample_dirichlet(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A draw of the Dirichlet law for each row of concentrations in `input`; it has derivatives. Eagerly they are
    PyTorch's numbers.

    Source: torch._sample_dirichlet.
    """
    concentration = input.array
    check_float(concentration.dtype, "dirichlet", complex=False)
    parts = draw(GAMMA, concentration.shape, concentration.dtype, generator=generator, given=[concentration])
    drawn = parts / jnp.sum(parts, -1, keepdims=True)
    limits = jnp.finfo(concentration.dtype)
    return _DIRICHLET_DRAW(input, wrap(lax.stop_gradient(jnp.maximum(drawn, limits.tiny))))


# ---- angles ----------------------------------------------------------------------------------------------------------


def _proposal(xp: Any, kappa: Any) -> Any:
    """The parameter of the wrapped Cauchy law that Best and Fisher (1979) propose angles from."""
    tau = 1 + xp.sqrt(1 + 4 * kappa**2)
    rho = (tau - xp.sqrt(2 * tau)) / (2 * kappa)
    return xp.where(kappa < 1e-5, 1 / xp.where(kappa < 1e-5, kappa, 1) + kappa, (1 + rho**2) / (2 * rho))


def _try_angle(xp: Any, kappa: Any, r: Any, u: Any) -> tuple[Any, Any]:
    """An angle for each triple of uniform numbers, and whether it stays."""
    z = xp.cos(np.pi * u[0])
    f = (1 + r * z) / (r + z)
    c = kappa * (r - f)
    stays = (c * (2 - c) - u[1] > 0) | (xp.log(c / u[1]) + 1 - c >= 0)
    return xp.sign(u[2] - 0.5) * xp.arccos(f), stays


def _von_mises(engine: Engine, n: int, dtype: np.dtype[Any], kappa: _Array) -> _Array:
    kappa = kappa.ravel()
    angle, done = np.zeros(n), np.zeros(n, bool)
    r = _proposal(np, kappa)
    while not done.all():
        with np.errstate(all="ignore"):
            tried, stays = _try_angle(np, kappa, r, engine.doubles(3 * n).reshape(3, n))
        angle = np.where(stays, tried, angle)
        done |= stays
    return angle.astype(dtype)


def _von_mises_traced(key: Any, shape: tuple[int, ...], dtype: Any, kappa: Any) -> Any:
    r = _proposal(jnp, kappa)

    def body(state: Any) -> Any:
        key, angle, done = state
        key, now = jax.random.split(key)
        tried, stays = _try_angle(jnp, kappa, r, jax.random.uniform(now, (3, *shape), dtype))
        return key, jnp.where(done, angle, tried), done | stays

    start = key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool)
    return lax.while_loop(lambda state: ~state[2].all(), body, start)[1]


VON_MISES = Law(_von_mises, _von_mises_traced)


def von_mises(kappa: Tensor) -> Tensor:
    """An angle around 0 for each concentration in `kappa`."""
    return wrap(draw(VON_MISES, kappa.shape, kappa.array.dtype, given=[kappa.array]))
