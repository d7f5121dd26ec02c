"""Products of vectors, matrices and batches of matrices, at full precision unless the user asked for less."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import c_name, refuse
from functorch_jax.torch._op import op
from functorch_jax.torch._promote import broadcast, cast, promote, result_dtype, type_name

# ---- checks ----------------------------------------------------------------------------------------------------------


def product(x: Any, y: Any) -> Any:
    return jnp.matmul(x, y, precision=precision())


def _check_dot(x: Any, y: Any) -> None:
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {type_name(x.dtype)} and {type_name(y.dtype)}"
        )
    if x.shape != y.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {list(x.shape)} and src {list(y.shape)} to have the same "
            f"number of elements, but got {x.size} and {y.size} elements respectively"
        )
    refuse("dot", x, "b")


def _check_mm(x: Any, y: Any) -> None:
    if x.ndim != 2 or y.ndim != 2:
        raise RuntimeError("self must be a matrix" if x.ndim != 2 else "mat2 must be a matrix")
    if x.shape[1] != y.shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({x.shape[0]}x{x.shape[1]} and {y.shape[0]}x{y.shape[1]})"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {c_name(x.dtype)} != {c_name(y.dtype)}"
        )
    refuse("addmm_impl_cpu_", x, "b")


def _check_mv(x: Any, y: Any) -> None:
    if x.ndim != 2 or y.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {y.ndim}, {x.ndim}, {y.ndim}")
    if x.shape[1] != y.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({x.shape[0]}), mat ({x.shape[0]}x{x.shape[1]}), vec ({y.shape[0]})"
        )
    if x.dtype != y.dtype:
        a, b = type_name(x.dtype), type_name(y.dtype)
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {b}, {a}, and {b}")
    refuse("addmv_impl_cpu", x, "b")


def _check_bmm(x: Any, y: Any) -> None:
    for name, z in (("batch1", x), ("batch2", y)):
        if z.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{x.shape[0]}, {x.shape[2]}] but got: "
            f"[{y.shape[0]}, {y.shape[1]}]."
        )
    _check_scalar_type(x, y)
    refuse("baddbmm_kernel", x, "b")


def _check_scalar_type(x: Any, y: Any) -> None:
    if x.dtype != y.dtype:
        raise RuntimeError(f"expected scalar type {type_name(x.dtype)} but found {type_name(y.dtype)}")


# ---- products --------------------------------------------------------------------------------------------------------


@op()
def dot(input: Any, tensor: Any) -> Any:
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    _check_dot(input, tensor)
    return product(input, tensor)


@op()
def vdot(input: Any, other: Any) -> Any:
    return dot(jnp.conj(input), other)


@op()
def mm(input: Any, mat2: Any) -> Any:
    _check_mm(input, mat2)
    return product(input, mat2)


@op()
def mv(input: Any, vec: Any) -> Any:
    _check_mv(input, vec)
    return product(input, vec)


@op()
def bmm(input: Any, mat2: Any) -> Any:
    _check_bmm(input, mat2)
    return product(input, mat2)


@op("torch Tensor linalg")
def matmul(input: Any, other: Any) -> Any:
    """The product of vectors, matrices, or batches of matrices that broadcast. Source: torch.matmul."""
    x, y = input, other
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if x.ndim == 1 and y.ndim == 1:
        _check_dot(x, y)
    elif x.ndim == 2 and y.ndim == 1:
        _check_mv(x, y)
    elif x.ndim <= 2 and y.ndim == 2:
        _check_mm(x[None] if x.ndim == 1 else x, y)
    elif y.ndim == 2:
        _check_mm(_flat(x), y)
    else:
        a = x[None] if x.ndim == 1 else x
        b = y[:, None] if y.ndim == 1 else y
        batch = broadcast(jax.ShapeDtypeStruct(a.shape[:-2], a.dtype), jax.ShapeDtypeStruct(b.shape[:-2], b.dtype))
        if a.shape[-1] != b.shape[-2]:
            n = math.prod(batch)
            raise RuntimeError(
                f"Expected size for first two dimensions of batch2 tensor to be: [{n}, {a.shape[-1]}] but got: "
                f"[{n}, {b.shape[-2]}]."
            )
        _check_scalar_type(x, y)
        refuse("baddbmm_kernel", x, "b")
    return product(x, y)


def _flat(x: Any) -> Any:
    """All matrices of a batch under each other."""
    return jax.ShapeDtypeStruct((math.prod(x.shape[:-1]), x.shape[-1]), x.dtype)


@op("torch Tensor", aliases="ger")
def outer(input: Any, vec2: Any) -> Any:
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    x, y = promote(input[:, None], vec2)
    return x * y


@op()
def inner(input: Any, other: Any) -> Any:
    if input.ndim == 0 or other.ndim == 0:
        return jnp.multiply(*promote(input, other))
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    _check_scalar_type(input, other)
    return jnp.tensordot(input, other, axes=(-1, -1), precision=precision())


# ---- products that are added to something ----------------------------------------------------------------------------


def _combined(input: Any, result: Any, beta: Any, alpha: Any) -> Any:
    """`beta * input + alpha * result`; with beta = 0, `input` is ignored whatever it holds."""
    shape = result.shape
    extra = len(shape) - input.ndim
    for i, n in enumerate(input.shape):
        if extra < 0 or (n != shape[extra + i] and n != 1):
            raise RuntimeError(
                f"The expanded size of the tensor ({shape[max(extra + i, 0)]}) must match the existing size ({n}) at "
                f"non-singleton dimension {extra + i}.  Target sizes: {list(shape)}.  Tensor sizes: {list(input.shape)}"
            )
    if not (isinstance(alpha, int) and alpha == 1):
        result = result * cast(alpha, result.dtype)
    if isinstance(beta, (int, float)) and beta == 0:
        return result
    return result + (input if isinstance(beta, int) and beta == 1 else input * cast(beta, input.dtype))


@op(scalars="alpha", inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    _check_mm(mat1, mat2)
    if input.dtype != mat1.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {type_name(input.dtype)} and {type_name(mat2.dtype)}"
        )
    return _combined(input, product(mat1, mat2), beta, alpha)


@op(scalars="alpha", inplace=True)
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    if (
        mat.ndim == 2
        and vec.ndim == 1
        and (mat.shape[1] != vec.shape[0] or input.shape not in ((mat.shape[0],), (), (1,)))
    ):
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0] if input.ndim else 1}), mat ({mat.shape[0]}x{mat.shape[1]}), "
            f"vec ({vec.shape[0]})"
        )
    _check_mv(mat, vec)
    return _combined(input, product(mat, vec), beta, alpha)


@op(scalars="alpha", inplace=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    _check_bmm(batch1, batch2)
    _check_scalar_type(input, batch1)
    return _combined(input, product(batch1, batch2), beta, alpha)


@op(scalars="alpha", inplace=True)
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    _check_bmm(batch1, batch2)
    _check_scalar_type(input, batch1)
    together = jnp.einsum("bij,bjk->ik", batch1, batch2, precision=precision())
    return _combined(input, together, beta, alpha)


@op(scalars="alpha", inplace=True)
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    together = outer(vec1, vec2)
    dtype = result_dtype(input, together)
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if category(dtype) < 2 and category(jnp.result_type(factor)) > 1:
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _combined(cast(input, dtype), cast(together, dtype), beta, alpha)
