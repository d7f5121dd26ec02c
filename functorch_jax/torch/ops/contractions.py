"""`einsum` in both its forms, `tensordot`, `kron` and chains of products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._elementwise import refuse
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import cast, result_dtype, type_name, wrap_dim
from functorch_jax.torch._sums import total
from functorch_jax.torch._tensor import Tensor

DOTS = "..."

# ---- einsum ----------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    """The subscripts of one operand: letters, and at most one ellipsis."""
    tokens = []
    i = 0
    while i < len(text):
        if text.startswith(DOTS, i):
            tokens.append(DOTS)
            i += 3
        elif text[i].isascii() and text[i].isalpha():
            tokens.append(text[i])
            i += 1
        elif text[i] == ".":
            raise RuntimeError("einsum(): found '.' that is not part of any ellipsis")
        else:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be in [a-zA-Z]"
            )
    if tokens.count(DOTS) > 1:
        raise RuntimeError("einsum(): found '.' for an operand for which an ellipsis was already found")
    return tokens


def _sizes(subscripts: Sequence[list[str]], operands: Sequence[Any]) -> dict[str, int]:
    """The size that each letter stands for. Raises RuntimeError where the operands do not fit."""
    sizes: dict[str, int] = {}
    for i, (tokens, x) in enumerate(zip(subscripts, operands, strict=True)):
        letters = [t for t in tokens if t != DOTS]
        if len(letters) > x.ndim or (DOTS not in tokens and len(letters) != x.ndim):
            dots = "" if DOTS in tokens else " and no ellipsis was given"
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(letters)}) "
                f"{'is more than' if dots == '' else 'does not match'} the number of dimensions ({x.ndim}) for operand "
                f"{i}{dots}"
            )
        mine: dict[str, int] = {}
        for token, n in _named_axes(tokens, x):
            if mine.setdefault(token, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {token} is repeated for operand {i} but the sizes don't match, {n} != "
                    f"{mine[token]}"
                )
        for token, n in mine.items():
            seen = sizes.get(token, 1)
            if n != 1 and seen not in (1, n):
                raise RuntimeError(
                    f"einsum(): subscript {token} has size {n} for operand {i} which does not broadcast with "
                    f"previously seen size {seen}"
                )
            sizes[token] = max(n, seen) if n else 0
    return sizes


def _named_axes(tokens: list[str], x: Any) -> list[tuple[str, int]]:
    """(letter, size) of each axis that has a letter."""
    before = tokens[: tokens.index(DOTS)] if DOTS in tokens else tokens
    after = tokens[len(before) + 1 :]
    return [*zip(before, x.shape, strict=False), *zip(after, x.shape[x.ndim - len(after) :], strict=True)]


def _output(equation: str, subscripts: Sequence[list[str]]) -> list[str]:
    """The subscripts of the result: as given, or all that occur once, in order."""
    counts = Counter(t for tokens in subscripts for t in tokens)
    if "->" not in equation:
        return [DOTS] * (DOTS in counts) + sorted(t for t, n in counts.items() if n == 1 and t != DOTS)
    tokens = _tokens(equation.split("->")[1])
    for t in tokens:
        if tokens.count(t) > 1:
            raise RuntimeError(f"einsum(): output subscript {t} appears more than once in the output")
        if t not in counts and t != DOTS:
            raise RuntimeError(f"einsum(): output subscript {t} does not appear in the equation for any input operand")
    return tokens


def _simplified(tokens: list[str], x: Any, sizes: dict[str, int], kept: Any) -> tuple[list[str], Any]:
    """`x` without the axes of size 1 that broadcast, and summed over those that nothing else names."""
    dots = x.ndim - len(tokens) + 1 if DOTS in tokens else 0
    axes = []
    at = 0
    left = []
    for t in tokens:
        gone = t != DOTS and tokens.count(t) == 1 and ((x.shape[at] == 1 and sizes[t] != 1) or t not in kept)
        if gone:
            axes.append(at)
        else:
            left.append(t)
        at += dots if t == DOTS else 1
    return left, total(x, axes) if axes else x


def _einsum(equation: str, operands: Sequence[Any]) -> Any:
    equation = equation.replace(" ", "")
    subscripts = [_tokens(part) for part in equation.split("->")[0].split(",")]
    if len(subscripts) != len(operands):
        more = "more" if len(operands) > len(subscripts) else "fewer"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    sizes = _sizes(subscripts, operands)
    output = _output(equation, subscripts)
    dtypes = [x.dtype for x in operands]
    if len(set(dtypes)) > 1:
        if set(sizes) - set(output):
            a, b = dtypes[0], next(d for d in dtypes if d != dtypes[0])
            raise RuntimeError(f"expected scalar type {type_name(a)} but found {type_name(b)}")
        operands = [cast(x, result_dtype(*operands)) for x in operands]
    terms = []
    arrays = []
    for i, (tokens, x) in enumerate(zip(subscripts, operands, strict=True)):
        elsewhere = {*output, *(t for j, other in enumerate(subscripts) if j != i for t in other)}
        left, array = _simplified(tokens, x, sizes, elsewhere)
        terms.append("".join(left))
        arrays.append(array)
    result = jnp.einsum(f"{','.join(terms)}->{''.join(output)}", *arrays, precision=precision())
    return result


_EINSUM = Op(_einsum, "einsum")


def _letter(subscript: Any) -> str:
    if subscript is Ellipsis:
        return DOTS
    if not 0 <= subscript < 52:
        raise RuntimeError("einsum(): subscripts must be in the range [0, 52)")
    return chr(ord("A") + subscript) if subscript < 26 else chr(ord("a") + subscript - 26)


def _equation(args: Sequence[Any]) -> tuple[str, list[Any]]:
    """The equation and the operands of the form `einsum(x, [0, 1], y, [1, 2], [0, 2])`."""
    pairs = len(args) // 2
    terms = ",".join("".join(map(_letter, args[2 * i + 1])) for i in range(pairs))
    output = f"->{''.join(map(_letter, args[-1]))}" if len(args) % 2 else ""
    return terms + output, [args[2 * i] for i in range(pairs)]


@function("torch")
def einsum(*args: Any) -> Tensor:
    """Products summed over subscripts: `einsum("ij,jk->ik", x, y)` or `einsum(x, [0, 1], y, [1, 2], [0, 2])`.

    Source: torch.einsum.
    """
    if not args or (len(args) == 1 and not isinstance(args[0], str)):
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    operands: Sequence[Any]
    if isinstance(args[0], str):
        equation, operands = args[0], args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = operands[0]
    else:
        equation, operands = _equation(args)
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    return _EINSUM(equation, tuple(operands))


# ---- tensordot, kron, chains -----------------------------------------------------------------------------------------


def _contracted(x: Any, y: Any, dims: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(x.ndim, y.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return tuple(range(x.ndim - dims, x.ndim)), tuple(range(dims))
    first, second = ((d,) if isinstance(d, int) else tuple(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    return tuple(wrap_dim(d, x.ndim) for d in first), tuple(wrap_dim(d, y.ndim) for d in second)


@op("torch")
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    if a.dtype != b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    first, second = _contracted(a, b, dims)
    for i, j in zip(first, second, strict=True):  # an axis of one element is repeated as often as the other one asks
        if a.shape[i] == 1:
            b = total(b, (j,), True)
        elif b.shape[j] == 1:
            a = total(a, (i,), True)
    for i, j in zip(first, second, strict=True):
        if a.shape[i] != b.shape[j]:
            if isinstance(dims, int):
                i -= a.ndim  # PyTorch names them as it counts them
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    return jnp.tensordot(a, b, axes=(first, second), precision=precision())


@op()
def kron(input: Any, other: Any) -> Any:
    dtype = result_dtype(input, other)
    if dtype == jnp.bool_:
        return jnp.kron(input.astype("int8"), other.astype("int8")) != 0
    return jnp.kron(cast(input, dtype), cast(other, dtype))


def _chain(matrices: Sequence[Any]) -> Any:
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {x.ndim}, expected 2 instead.")
        refuse("addmm_impl_cpu_", x, "b")
    for x, y in zip(matrices, matrices[1:], strict=False):
        if x.shape[1] != y.shape[0]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({x.shape[0]}x{x.shape[1]} and {y.shape[0]}x{y.shape[1]})"
            )
    if len(matrices) == 1:
        return matrices[0]
    return jnp.linalg.multi_dot(list(matrices), precision=precision())


_CHAIN = Op(_chain, "chain_matmul")


@function("torch")
def chain_matmul(*matrices: Any, out: Any = None) -> Tensor:
    """The product of matrices, in the order that takes the fewest operations. Source: torch.chain_matmul."""
    if not matrices:
        raise ValueError("chain_matmul(): Expected one or more matrices")
    return _CHAIN(tuple(matrices), out=out)
