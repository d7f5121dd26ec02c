"""Special functions beyond the elementwise tables: incomplete gamma, Bessel functions, orthogonal polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import elementwise
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import NAMESPACES, row
from functorch_jax.torch._promote import to_float
from functorch_jax.torch.ops.pointwise import SPECIAL

# ---- computed in float64, because a power of e is undone -------------------------------------------------------------


def _wide(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`fn` computed in float64 where JAX has it, for an input of any floating dtype."""

    def call(input: Any) -> Any:
        x = to_float(input)
        return fn(x.astype(jnp.promote_types(x.dtype, jnp.zeros((), np.float64).dtype))).astype(x.dtype)

    return call


@elementwise(lambda out, x: 2 * x * out - 2 / math.sqrt(math.pi))
def _erfcx(x: Any) -> Any:
    small = jnp.minimum(x, 10)
    large = jnp.maximum(x, 10)
    # the asymptotic series, each term the last one times -(2k - 1) / (2 x^2)
    term, total = jnp.ones_like(x), jnp.ones_like(x)
    for k in range(1, 14):
        term = -term * (2 * k - 1) / (2 * large * large)
        total = total + term
    near = jnp.exp(small * small) * jax.scipy.special.erfc(small)
    return jnp.where(x < 10, near, total / (large * math.sqrt(math.pi)))


# ---- Bessel functions ------------------------------------------------------------------------------------------------

# J_n(x) is the mean of cos(n t - x sin t) over a period: the trapezoidal rule is exact to rounding while it has some
# points more than x. Beyond, Hankel's expansion is.
_ANGLES = (np.arange(96) + 0.5) * (math.pi / 96)
_FAR = 50.0


def _hankel(n: int, x: Any, turn: float = 0.0) -> Any:
    """J_n, or Y_n a quarter turn later."""
    mu, even, odd, term = 4 * n * n, 1.0, 0.0, 1.0
    for k in range(1, 18):
        term = term * (mu - (2 * k - 1) ** 2) / (k * 8 * x)
        if k % 2:
            odd = odd + term * (-1) ** ((k - 1) // 2)
        else:
            even = even + term * (-1) ** (k // 2)
    angle = x - (n / 2 + 0.25) * math.pi + turn
    return jnp.sqrt(2 / (math.pi * x)) * (even * jnp.cos(angle) - odd * jnp.sin(angle))


def _bessel_j(n: int, x: Any) -> Any:
    size = jnp.abs(x)
    near, far = jnp.minimum(size, _FAR), jnp.maximum(size, _FAR)
    mean = jnp.mean(jnp.cos(n * _ANGLES - near[..., None] * np.sin(_ANGLES)), axis=-1)
    value = jnp.where(size < _FAR, mean, _hankel(n, far))
    return jnp.where(x < 0, (-1) ** n * value, value) if n else value


@elementwise(lambda out, x: -_bessel_j1(x))
def _bessel_j0(x: Any) -> Any:
    return _bessel_j(0, x)


@elementwise(lambda out, x: _bessel_j0(x) - jnp.where(x == 0, 0.5, out / jnp.where(x == 0, 1, x)))
def _bessel_j1(x: Any) -> Any:
    return _bessel_j(1, x)


# Neumann's series of Y_0 in J_2, J_4, ..., whose sum is taken under the same mean: these are its weights.
_ORDERS = np.arange(1, 49)
_NEUMANN = ((-1.0) ** _ORDERS / _ORDERS) @ np.cos(2 * _ORDERS[:, None] * _ANGLES)


def _bessel_y(n: int, x: Any) -> Any:
    safe = jnp.where(x > 0, x, 1)
    near, far = jnp.minimum(safe, _FAR), jnp.maximum(safe, _FAR)
    waves = near[..., None] * np.sin(_ANGLES)
    log = jnp.log(near / 2) + np.euler_gamma
    if n == 0:
        value = log * _bessel_j0(near) - 2 * jnp.mean(jnp.cos(waves) * _NEUMANN, axis=-1)
    else:
        mean = jnp.mean(jnp.sin(waves) * (np.sin(_ANGLES) * _NEUMANN), axis=-1)
        value = log * _bessel_j1(near) - _bessel_j0(near) / near - 2 * mean
    value = jnp.where(safe < _FAR, 2 / math.pi * value, _hankel(n, far, -math.pi / 2))
    return jnp.where(x > 0, value, jnp.where(x == 0, -jnp.inf, jnp.nan))


@elementwise(lambda out, x: -_bessel_y1(x))
def _bessel_y0(x: Any) -> Any:
    return _bessel_y(0, x)


@elementwise(lambda out, x: _bessel_y0(x) - out / x)
def _bessel_y1(x: Any) -> Any:
    return _bessel_y(1, x)


# Ai(x) is the mean of exp(i (t^3 / 3 + x t)) over a line above the real axis: through the saddle for positive x, where
# nothing cancels, and not far up for negative ones. Along it a Gaussian falls off, and the trapezoidal rule is exact to
# rounding. Far to the left the asymptotic series is.
_ALONG = np.arange(0, 9, 1 / 16)
_ALONG_WEIGHTS = np.where(_ALONG == 0, 0.5, 1.0) / (16 * math.pi)
_LEFT = -10.0


def _airy_ai(x: Any) -> Any:
    near = jnp.clip(x, _LEFT, 120)[..., None]
    height = jnp.sqrt(jnp.maximum(near, 0.25))
    waves = jnp.cos(_ALONG**3 / 3 + (near - height**2) * _ALONG)
    falling = jnp.exp(height**3 / 3 - near * height - height * _ALONG**2)
    value = jnp.sum(falling * waves * _ALONG_WEIGHTS, axis=-1)
    far = -jnp.minimum(x, _LEFT)
    zeta = 2 / 3 * far * jnp.sqrt(far)
    even: Any = 1.0
    odd: Any = 0.0
    term: Any = 1.0
    for k in range(1, 20):
        term = term * (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1)) / zeta
        if k % 2:
            odd = odd + term * (-1) ** ((k - 1) // 2)
        else:
            even = even + term * (-1) ** (k // 2)
    angle = zeta - math.pi / 4
    wave = (even * jnp.cos(angle) + odd * jnp.sin(angle)) / jnp.sqrt(math.pi * jnp.sqrt(far))
    return jnp.where(jnp.isinf(x), jnp.nan, jnp.where(x < _LEFT, wave, jnp.where(x > 119, 0, value)))


# K_n(x) e^x is the integral of exp(-x (cosh t - 1)) cosh(n t) over t > 0, which falls off so fast that the trapezoidal
# rule is exact to rounding.
_STEP = 1 / 16
_TIMES = np.arange(0, 24, _STEP)
_WEIGHTS = np.where(_TIMES == 0, 0.5, 1.0) * _STEP


def _scaled_k(n: int) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        safe = jnp.where(x > 0, x, 1)
        # the exponents together, so that cosh(n t) does not overflow
        exponent = -safe[..., None] * 2 * np.sinh(_TIMES / 2) ** 2 + n * _TIMES
        value = jnp.sum(jnp.exp(exponent) * (_WEIGHTS * (1 + np.exp(-2 * n * _TIMES)) / 2), axis=-1)
        return jnp.where(x > 0, value, jnp.where(x == 0, jnp.inf, jnp.nan))

    return call


def _spherical_j0(x: Any) -> Any:
    safe = jnp.where(x == 0, 1, x)
    return jnp.where(jnp.isinf(x), 0, jnp.where(x == 0, 1, jnp.sin(safe) / safe))


for _name, _fn in {
    "erfcx": _erfcx,
    "bessel_j0": _bessel_j0,
    "bessel_j1": _bessel_j1,
    "bessel_y0": _bessel_y0,
    "bessel_y1": _bessel_y1,
    "airy_ai": _airy_ai,
    "scaled_modified_bessel_k0": _scaled_k(0),
    "scaled_modified_bessel_k1": _scaled_k(1),
    "modified_bessel_k0": lambda x: _scaled_k(0)(x) * jnp.exp(-x),
    "modified_bessel_k1": lambda x: _scaled_k(1)(x) * jnp.exp(-x),
    "modified_bessel_i0": SPECIAL["i0"][0],
    "modified_bessel_i1": SPECIAL["i1"][0],
    "spherical_bessel_j0": _spherical_j0,
}.items():
    if _name not in NAMESPACES["special"]:
        row("special", _name, _wide(_fn))


# ---- orthogonal polynomials ------------------------------------------------------------------------------------------

# name: (the polynomial of degree 1, the next one from x, n, the last one and the one before)
_CHEBYSHEV = lambda x, n, p, q: 2 * x * p - q
_POLYNOMIALS: dict[str, tuple[Callable[[Any], Any], Callable[..., Any]]] = {
    "chebyshev_polynomial_t": (lambda x: x, _CHEBYSHEV),
    "chebyshev_polynomial_u": (lambda x: 2 * x, _CHEBYSHEV),
    "chebyshev_polynomial_v": (lambda x: 2 * x - 1, _CHEBYSHEV),
    "chebyshev_polynomial_w": (lambda x: 2 * x + 1, _CHEBYSHEV),
    "hermite_polynomial_h": (lambda x: 2 * x, lambda x, n, p, q: 2 * x * p - 2 * n * q),
    "hermite_polynomial_he": (lambda x: x, lambda x, n, p, q: x * p - n * q),
    "laguerre_polynomial_l": (lambda x: 1 - x, lambda x, n, p, q: ((2 * n + 1 - x) * p - n * q) / (n + 1)),
    "legendre_polynomial_p": (lambda x: x, lambda x, n, p, q: ((2 * n + 1) * x * p - n * q) / (n + 1)),
}


def _polynomial(name: str, first: Callable[[Any], Any], following: Callable[..., Any], shifted: bool) -> None:
    def polynomial(input: Any, n: Any) -> Any:
        degrees = np.asarray(n) if isinstance(n, (int, float)) else n
        dtype = jnp.promote_types(to_float(input).dtype, degrees.dtype) if category(degrees.dtype) == 2 else None
        x = to_float(input).astype(dtype or to_float(input).dtype)
        x = 2 * x - 1 if shifted else x
        degrees = jnp.trunc(degrees) if category(degrees.dtype) == 2 else degrees
        known = known_value(degrees)  # under vmap, of all rows
        highest = int(np.max(np.asarray(degrees) if known is None else known, initial=0))
        last, value = jnp.ones_like(x), first(x)
        result = jnp.where(degrees < 0, 0, jnp.where(degrees < 1, last, value))
        for k in range(1, highest):
            last, value = value, following(x, k, value, last)
            result = jnp.where(degrees >= k + 1, value, result)
        return result

    polynomial.__name__ = name
    polynomial.__doc__ = f"The polynomials of degrees `n`, whose values must be known. Source: torch.special.{name}."
    row("special", name, polynomial, jit=False)


for _name, (_first, _following) in _POLYNOMIALS.items():
    _polynomial(_name, _first, _following, shifted=False)
    if _name.startswith("chebyshev"):
        _polynomial(f"shifted_{_name}", _first, _following, shifted=True)
