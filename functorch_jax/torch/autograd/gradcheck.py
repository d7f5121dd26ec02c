"""Derivatives against finite differences. Source: torch.autograd.gradcheck."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from functorch_jax.grad_mode import enable_grad, no_grad
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.autograd import forward_ad
from functorch_jax.torch.autograd._running import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """What `gradcheck` raises for a wrong derivative. Source: torch.autograd.gradcheck.GradcheckError."""


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _complex(x: Any) -> bool:
    return bool(jnp.iscomplexobj(x))


def _steps(array: np.ndarray) -> tuple[complex, ...]:
    return (1.0, 1.0j) if np.iscomplexobj(array) else (1.0,)


def _numerical(func: Any, inputs: list[Any], position: int, eps: float) -> list[np.ndarray]:
    """For each output d(output) / d(element of the input), an axis of elements (and directions) first."""
    base = np.asarray(inputs[position].array)
    rows: list[list[np.ndarray]] = []
    for step in _steps(base):
        for k in range(base.size):
            values = []
            for sign in (1, -1):
                moved = base.copy().reshape(-1)
                moved[k] += sign * eps * (step if np.iscomplexobj(base) else 1.0)
                changed = list(inputs)
                changed[position] = wrap(jnp.asarray(moved.reshape(base.shape)))
                with no_grad():
                    values.append([np.asarray(o.array) for o in _tuple(func(*changed)) if isinstance(o, Tensor)])
            rows.append([(a - b) / (2 * eps) for a, b in zip(*values, strict=True)])
    return [np.stack([row[i].reshape(-1) for row in rows]) for i in range(len(rows[0]))] if rows else []


def _analytical(output: Tensor, x: Tensor) -> np.ndarray:
    """The same from reverse mode: real parts of products, so that complex numbers need no convention."""
    columns = []
    for turn in (1.0, 1.0j) if _complex(output.array) else (1.0,):
        for k in range(output.array.size):
            cotangent = jnp.zeros(output.array.size, output.array.dtype).at[k].set(turn).reshape(output.array.shape)
            (g,) = grad(output, x, wrap(cotangent), retain_graph=True, allow_unused=True)
            g = np.zeros(x.array.shape) if g is None else np.asarray(g.array)
            columns.append(
                np.concatenate([g.real.reshape(-1), g.imag.reshape(-1)]) if _complex(x.array) else g.real.reshape(-1)
            )
    return np.stack(columns, 1)


def _parts(numerical: np.ndarray, output: Any) -> np.ndarray:
    return np.concatenate([numerical.real, numerical.imag], 1) if _complex(output) else numerical.real


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the derivatives of `func` agree with finite differences at `inputs`, which should be float64.

    Args:
        eps, atol, rtol: the step of the differences, and how close they must come.
        raise_exception: raise for a mismatch, rather than return False.
        nondet_tol: how far two backward passes may be apart.
        check_forward_ad, check_backward_ad: which modes to check.

    Raises: ValueError when no input requires grad, GradcheckError for a derivative that is wrong.

    Source: torch.autograd.gradcheck.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    given = _tuple(inputs)
    try:
        _check(func, given, eps, atol, rtol, nondet_tol, check_forward_ad, check_backward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(
    func: Any, inputs: Sequence[Any], eps: float, atol: float, rtol: float, nondet: float, forward: bool, backward: bool
) -> None:
    positions = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not positions:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i in positions:
        if inputs[i].array.dtype not in (jnp.float64, jnp.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision floating point or complex.",
                stacklevel=4,
            )
    with enable_grad():
        outputs = [o for o in _tuple(func(*inputs)) if isinstance(o, Tensor)]
    detached = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
    for i in positions:
        numerical = _numerical(func, detached, i, eps)
        for o, out in enumerate(outputs):
            if not jnp.issubdtype(out.array.dtype, jnp.inexact):
                continue
            expected = _parts(numerical[o], out.array)
            if backward:
                found = _analytical(out, inputs[i]) if out.requires_grad else np.zeros_like(expected)
                if (
                    nondet >= 0
                    and out.requires_grad
                    and not np.allclose(found, _analytical(out, inputs[i]), 0, nondet, True)
                ):
                    raise GradcheckError(
                        "Backward is not reentrant, i.e., running backward twice gives different values"
                    )
                _compare(found, expected, o, i, atol, rtol, "")
            if forward:
                found = _parts(_pushed(func, inputs, i, o), out.array)
                _compare(found, expected, o, i, atol, rtol, " in forward mode")


def _pushed(func: Any, inputs: Sequence[Any], position: int, output: int) -> np.ndarray:
    x = inputs[position]
    rows = []
    for step in (1.0, 1.0j) if _complex(x.array) else (1.0,):
        for k in range(x.array.size):
            t = jnp.zeros(x.array.size, x.array.dtype).at[k].set(step).reshape(x.array.shape)
            with forward_ad.dual_level():
                given = [*inputs[:position], forward_ad.make_dual(x, wrap(t)), *inputs[position + 1 :]]
                y, moved = forward_ad.unpack_dual(_tuple(func(*given))[output])
                found = jnp.zeros_like(y.array) if moved is None else moved.array
            rows.append(np.asarray(found).reshape(-1))
    return np.stack(rows)


def _compare(found: np.ndarray, expected: np.ndarray, o: int, i: int, atol: float, rtol: float, mode: str) -> None:
    if not np.allclose(found, expected, rtol, atol, equal_nan=True):
        raise GradcheckError(
            f"Jacobian mismatch for output {o} with respect to input {i}{mode},\nnumerical:{expected}\n"
            f"analytical:{found}\n"
        )


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of `func` agree with finite differences of the first.

    Args:
        grad_outputs: the cotangents of the outputs; numbers spread over [-1, 1] unless given.

    Raises: what `gradcheck` raises. Source: torch.autograd.gradgradcheck.
    """
    given = _tuple(inputs)
    count = len(given)
    if grad_outputs is None:
        with enable_grad():
            outputs = [o for o in _tuple(func(*given)) if isinstance(o, Tensor) and o.requires_grad]
        vectors: tuple[Any, ...] = tuple(
            wrap(jnp.linspace(-1, 1, max(o.array.size, 1), dtype=o.array.dtype)[: o.array.size].reshape(o.array.shape))
            for o in outputs
        )
        for v in vectors:
            v.requires_grad_()
    else:
        vectors = _tuple(grad_outputs)
    positions = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]

    def gradients(*args: Any) -> Any:
        with enable_grad():
            fresh = [
                x.detach().requires_grad_() if i in positions and not x.requires_grad else x
                for i, x in enumerate(args[:count])
            ]
            outputs = [o for o in _tuple(func(*fresh)) if isinstance(o, Tensor) and o.requires_grad]
            found = grad(
                outputs, [fresh[i] for i in positions], list(args[count:]), create_graph=True, allow_unused=True
            )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients, (*given, *vectors), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev,
    )  # fmt: skip
