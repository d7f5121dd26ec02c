"""The LDL factorisation of symmetric and Hermitian matrices, which need not be definite: LAPACK's sytrf and hetrf.

D has blocks of one and two rows; the pivots, counted from 1, say which row was exchanged with which, negative ones that
a block has two rows. Loops have a fixed number of steps, so that everything has derivatives in both modes.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch import return_types
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import type_name
from functorch_jax.torch.ops.linalg import _checked, check_square

_ALPHA = (1 + math.sqrt(17)) / 8  # the choice of Bunch and Kaufman, which bounds the growth of what is left


def _size(x: Any) -> Any:
    """How LAPACK compares candidates for a pivot."""
    x = lax.stop_gradient(x)
    return jnp.abs(x.real) + jnp.abs(x.imag) if jnp.iscomplexobj(x) else jnp.abs(x)


def _exchange(x: Any, i: Any, j: Any, rows: Any) -> Any:
    """`x` with rows i and j exchanged, in the columns where `rows` is true."""
    a, b = x[i], x[j]
    return x.at[i].set(jnp.where(rows, b, a)).at[j].set(jnp.where(rows, a, b))


def _pivot(rest: Any, k: Any) -> tuple[Any, Any]:
    """Which row to bring in for step k, and whether the block has two rows."""
    n = rest.shape[0]
    place = jnp.arange(n)
    size = _size(rest)
    own = size[k, k]
    column = jnp.where(place > k, size[:, k], -1)
    best = jnp.argmax(column)
    below = jnp.maximum(column[best], 0)
    row = jnp.max(jnp.where((place >= k) & (place != best), size[best], 0))
    alone = (own >= _ALPHA * below) | (own * row >= _ALPHA * below * below)
    single = alone | (size[best, best] >= _ALPHA * row)
    return jnp.where(alone, k, best), ~single


def _step(k: Any, state: Any, hermitian: bool) -> Any:
    rest, factor, pivots, done, info = state
    n = rest.shape[0]
    place = jnp.arange(n)
    chosen, double = _pivot(rest, k)
    double &= ~done
    into = jnp.where(double, k + 1, k)
    # the exchange, of the rows and columns that are left
    moved = _exchange(rest, into, chosen, True)
    moved = _exchange(moved.T, into, chosen, True).T
    after = jnp.minimum(k + 1, n - 1)
    ahead = place > into
    first = jnp.where(ahead, moved[:, k], 0)
    second = jnp.where(ahead & double, moved[:, after], 0)
    a, b, d = moved[k, k], moved[after, k], moved[after, after]
    flip = jnp.conj if hermitian else lambda x: x
    zero = ~double & (a == 0)
    one = jnp.where(double | zero, 1, a)
    det = jnp.where(double, a * d - b * flip(b), 1)
    left = jnp.where(double, (d * first - b * second) / det, first / one)
    right = jnp.where(double, (a * second - flip(b) * first) / det, 0)
    left = jnp.where(zero, 0, left)
    update = jnp.outer(left, flip(first)) + jnp.outer(right, flip(second))
    lower = left + jnp.where(place == k, a, 0) + jnp.where((place == k + 1) & double, b, 0)
    other = right + jnp.where(place == k + 1, d, 0)
    new_factor = factor.at[:, k].set(lower)
    new_factor = new_factor.at[:, after].set(jnp.where(double, other, new_factor[:, after]))
    entry = jnp.where(double, -(chosen + 1), chosen + 1).astype(np.int32)
    new_pivots = jnp.where((place == k) | ((place == k + 1) & double), entry, pivots)
    new_info = jnp.where(zero & (info == 0), k + 1, info).astype(np.int32)
    new = (moved - update, new_factor, new_pivots, double, new_info)
    # the second row of a block of two was dealt with together with the first
    old = (rest, factor, pivots, jnp.zeros_like(done), info)
    return jax.tree.map(lambda x, y: jnp.where(done, x, y), old, new)


def _factor_one(x: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    n = x.shape[0]
    lower = jnp.tril(x, -1)
    diagonal = jnp.diagonal(x)
    if hermitian and jnp.iscomplexobj(x):
        diagonal = diagonal.real.astype(x.dtype)
    whole = lower + jnp.diag(diagonal) + (jnp.conj(lower.T) if hermitian else lower.T)
    state = (whole, jnp.zeros_like(x), jnp.zeros(n, np.int32), jnp.zeros((), bool), jnp.zeros((), np.int32))
    if n:
        state = lax.fori_loop(0, n, lambda k, s: _step(k, s, hermitian), state)
    return state[1], state[2], state[4]


def _factors(input: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    check_square(input, "torch.linalg.ldl_factor_ex")
    n = input.shape[-1]
    batch = input.shape[:-2]
    flat = input.reshape(-1 if n else math.prod(batch), n, n)
    factor, pivots, info = jax.vmap(lambda x: _factor_one(x, hermitian))(flat)
    return factor.reshape(input.shape), pivots.reshape(*batch, n), info.reshape(batch)


def _ldl_factor(input: Any, *, hermitian: bool = False) -> Any:
    """The factors of a symmetric (or Hermitian) matrix. Source: torch.linalg.ldl_factor."""
    return return_types.linalg_ldl_factor(*_factors(input, hermitian)[:2])


def _singular(name: str, result: Any, matrix: Any) -> None:
    value = known_value(result[0])
    if value is not None and value.size and (np.diagonal(value, axis1=-2, axis2=-1) == 0).any():
        pivots = known_value(result[1])
        if pivots is None or ((np.diagonal(value, axis1=-2, axis2=-1) == 0) & (pivots > 0)).any():
            raise RuntimeError(f"torch.{name}: D is singular: a block of one row is zero")


_checked("linalg:ldl_factor", _ldl_factor, _singular)


@op("linalg")
def ldl_factor_ex(input: Any, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    return return_types.linalg_ldl_factor_ex(*_factors(input, hermitian))


def _unfolded(factor: Any, pivots: Any) -> tuple[Any, Any, Any]:
    """(L, order, starts): A[order][:, order] is L D L^T, and `starts` says where blocks of two rows start."""
    n = factor.shape[0]
    place = jnp.arange(n)

    def step(k: Any, state: Any) -> Any:
        lower, order, starts = state
        second = jnp.where(k > 0, starts[k - 1], False)
        start = (pivots[k] < 0) & ~second
        into = jnp.where(start, k + 1, k)
        chosen = jnp.where(second, into, jnp.abs(pivots[k]) - 1)
        lower = _exchange(lower, into, chosen, place < k)
        return lower, _exchange(order, into, chosen, True), starts.at[k].set(start)

    state = (jnp.tril(factor, -1), place, jnp.zeros(n, bool))
    lower, order, starts = lax.fori_loop(0, n, step, state)
    # below the diagonal a block of two has its own entry of D
    return jnp.where(starts & (place[:, None] == place + 1), 0, lower) + jnp.eye(n, dtype=lower.dtype), order, starts


def _solve_one(factor: Any, pivots: Any, b: Any, hermitian: bool) -> Any:
    n = factor.shape[0]
    lower, order, starts = _unfolded(factor, pivots)
    flip = jnp.conj if hermitian else lambda x: x
    x = lax.linalg.triangular_solve(lower, b[order], left_side=True, lower=True, unit_diagonal=True)
    # D, a block at a time: each row with the row after it, or before it, in its block
    ends = jnp.roll(starts, 1)
    diagonal = jnp.diagonal(factor)
    below = jnp.where(starts, jnp.pad(jnp.diagonal(factor, -1), (0, 1)), 0)
    above = jnp.roll(below, 1)
    partner = jnp.where(starts, jnp.roll(diagonal, -1), jnp.where(ends, jnp.roll(diagonal, 1), 1))
    cross = jnp.where(starts, flip(below), jnp.where(ends, above, 0))
    other = jnp.where(starts[:, None], jnp.roll(x, -1, 0), jnp.roll(x, 1, 0))
    det = diagonal * partner - cross * flip(cross)
    x = (partner[:, None] * x - cross[:, None] * other) / det[:, None]
    x = lax.linalg.triangular_solve(
        lower, x, left_side=True, lower=True, unit_diagonal=True, transpose_a=True, conjugate_a=hermitian
    )
    return jnp.zeros_like(x).at[order].set(x) if n else x


@op("linalg")
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """The solution X of A X = B, from the factors of A. Source: torch.linalg.ldl_solve."""
    name = "torch.linalg.ldl_solve"
    check_square(LD, name)
    if B.ndim < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead")
    if LD.shape[-1] != B.shape[-2]:
        n = LD.shape[-1]
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {n} by {n} but each b matrix is {B.shape[-2]} by "
            f"{B.shape[-1]}"
        )
    if LD.dtype != B.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {type_name(B.dtype)} and A of type "
            f"{type_name(LD.dtype)} instead."
        )
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )
    batch = jnp.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    shape = batch + B.shape[-2:]
    if 0 in shape:
        return jnp.zeros(shape, B.dtype)
    count = math.prod(batch)
    flat = [
        jnp.broadcast_to(LD, batch + LD.shape[-2:]).reshape(count, *LD.shape[-2:]),
        jnp.broadcast_to(pivots, batch + pivots.shape[-1:]).reshape(count, -1),
        jnp.broadcast_to(B, shape).reshape(count, *B.shape[-2:]),
    ]
    return jax.vmap(lambda f, p, b: _solve_one(f, p, b, hermitian))(*flat).reshape(shape)
