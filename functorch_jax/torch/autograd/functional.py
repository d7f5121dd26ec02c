"""Derivatives of functions on the tape. Source: torch.autograd.functional."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from functorch_jax.grad_mode import enable_grad
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.autograd._running import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Func = Callable[..., Any]


def _listed(x: Any, what: str, name: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether `x` is a tuple, and it as one."""
    many = isinstance(x, tuple)
    found = x if many else (x,)
    for i, each in enumerate(found):
        if not isinstance(each, Tensor):
            subject = "inputs" if what == "inputs" else "outputs of the user-provided function"
            if many:
                raise TypeError(
                    f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the value at index "
                    f"{i} has type {type(each)}."
                )
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the given {subject} has "
                f"type {type(each)}."
            )
    return many, found


def _outputs(func: Func, inputs: Sequence[Tensor], name: str, strict: bool) -> tuple[bool, tuple[Tensor, ...]]:
    many, found = _listed(func(*inputs), "outputs of the user-provided function", name)
    _checked(
        found,
        strict,
        "Output {} of the user-provided function does not require gradients. The outputs must be computed in a "
        "differentiable manner from the input when running in strict mode.",
    )
    return many, found


def _fresh(inputs: Sequence[Tensor], create: bool) -> tuple[Tensor, ...]:
    """The inputs as the function gets them: tracked, and with `create` tied to the graph outside."""
    fresh: list[Any] = list(inputs)
    return tuple(x * 1 if create and x.requires_grad else x.detach().requires_grad_() for x in fresh)


def _vector(v: Any, like: Sequence[Tensor], many: bool, subject: str) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(f"The vector v can only be None if {subject} a single Tensor with a single element.")
        return (wrap(jnp.ones(like[0].array.shape, like[0].array.dtype)),)
    _, found = _listed(v, "inputs", "v")
    if len(found) != len(like):
        if len(like) == 1:
            raise RuntimeError(f"The given v should contain a single Tensor. It has {len(found)}.")
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(found)}.")
    for i, (one, x) in enumerate(zip(found, like, strict=True)):
        if one.array.shape != x.array.shape:
            entry = f"Entry {i} in v" if len(like) > 1 else "v"
            raise RuntimeError(f"{entry} has invalid size: should be {x.shape} but got {one.shape}.")
    return found


_SLOPE = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
    "independent of the input. This is not allowed in strict mode: the function must be twice differentiable, and its "
    "jacobian depend on the inputs, which that of a linear function does not."
)


def _checked(values: Sequence[Tensor], strict: bool, message: str) -> Sequence[Tensor]:
    """The values. Raises RuntimeError when `strict` for one that depends on no input."""
    for i, x in enumerate(values):
        if strict and not x.requires_grad:
            raise RuntimeError(message.format(i))
    return values


def _gradients(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], v: Sequence[Any] | None, create: bool, strict: bool = False,
    batched: int | None = None, subject: str = "The output",
) -> list[Tensor]:  # fmt: skip
    """The gradients with zeros for what is independent, or an error about `subject` when `strict`."""
    pairs = [(o, c) for o, c in zip(outputs, v or [None] * len(outputs), strict=True) if o.requires_grad]
    found: Sequence[Any] = [None] * len(inputs)
    if pairs:
        roots, vectors = [o for o, _ in pairs], [c for _, c in pairs]
        found = grad(
            roots, list(inputs), vectors, create_graph=create, retain_graph=True, allow_unused=True,
            is_grads_batched=batched is not None,
        )  # fmt: skip
    result = []
    for i, (g, x) in enumerate(zip(found, inputs, strict=True)):
        if g is None and strict:
            raise RuntimeError(
                f"{subject} of the user-provided function is independent of input {i}. This is not allowed in strict "
                "mode."
            )
        lead = () if batched is None else (batched,)
        result.append(wrap(jnp.zeros((*lead, *x.array.shape), x.array.dtype)) if g is None else g)
    return result


def _given(x: Any, create: bool) -> Any:
    """A result for the caller: without history, unless it is asked for."""
    if isinstance(x, tuple):
        return tuple(_given(each, create) for each in x)
    return x if create else x.detach()


def vjp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func` at `inputs`, and the product of `v` and its Jacobian.

    Raises: TypeError for what is no tensor, RuntimeError for a `v` of another shape.

    Source: torch.autograd.functional.vjp.
    """
    with enable_grad():
        many, listed = _listed(inputs, "inputs", "vjp")
        fresh = _fresh(listed, create_graph)
        out_many, outputs = _outputs(func, fresh, "vjp", strict)
        vector = _vector(v, outputs, out_many, "the user-provided function returns")
        found = _gradients(outputs, fresh, vector, create_graph, strict)
    return _given((_as(outputs, out_many), _as(found, many)), create_graph)


def jvp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func` at `inputs`, and the product of its Jacobian and `v`, by two reverse passes.

    Source: torch.autograd.functional.jvp.
    """
    with enable_grad():
        many, listed = _listed(inputs, "inputs", "jvp")
        fresh = _fresh(listed, create_graph)
        vector = _vector(v, fresh, many, "the input to the user-provided function is")
        out_many, outputs = _outputs(func, fresh, "jvp", strict)
        blanks = [wrap(jnp.zeros(o.array.shape, o.array.dtype)).requires_grad_() for o in outputs]  # type: ignore[attr-defined]
        pulled = _gradients(outputs, fresh, blanks, True, strict)
        found = _gradients(pulled, blanks, vector, create_graph)
    return _given((_as(outputs, out_many), _as(found, out_many)), create_graph)


def _as(values: Sequence[Tensor], many: bool) -> Any:
    return tuple(values) if many else values[0]


def _basis(x: Tensor) -> Tensor:
    n = x.array.size
    return wrap(jnp.eye(n, dtype=x.array.dtype).reshape(n, *x.array.shape))


def jacobian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of every output with respect to every input, all rows in one pass.

    Args:
        strict: raise for an output that does not depend on an input, rather than give zeros.
        strategy: "reverse-mode", or "forward-mode" (with `vectorize`).

    Returns: a tensor, or a tuple (for tuples of inputs or outputs) or tuple of tuples (for both), outputs first.

    Example:
        >>> from functorch_jax import torch
        >>> torch.autograd.functional.jacobian(lambda x: x**2, torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])

    Source: torch.autograd.functional.jacobian.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    if strategy == "forward-mode":
        return _forward(func, inputs, create_graph, strict, vectorize)
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )
    with enable_grad():
        many, listed = _listed(inputs, "inputs", "jacobian")
        fresh = _fresh(listed, create_graph)
        out_many, outputs = _outputs(func, fresh, "jacobian", strict)
        rows = []
        for i, out in enumerate(outputs):
            n = out.array.size
            found = _gradients(
                [out], fresh, [_basis(out)], create_graph, strict, batched=n, subject=f"Output {i}"
            ) if n else [wrap(jnp.zeros((0, *x.array.shape), x.array.dtype)) for x in fresh]  # fmt: skip
            _checked(
                found,
                strict and create_graph,
                "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict "
                "mode when create_graph=True.",
            )
            shaped = [g.reshape((*out.array.shape, *x.array.shape)) for g, x in zip(found, fresh, strict=True)]  # type: ignore[attr-defined]
            rows.append(_as(shaped, many))
    return _given(_as(rows, out_many), create_graph)


def _forward(func: Func, inputs: Any, create: bool, strict: bool, vectorize: bool) -> Any:
    from functorch_jax.transforms import jacfwd

    if strict:
        raise RuntimeError(
            'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
            'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
            "`vectorize=True`."
        )
    many, listed = _listed(inputs, "inputs", "jacobian")
    found = jacfwd(func, argnums=tuple(range(len(listed))) if many else 0)(*listed)
    return _given(found, create)


def _scalar(func: Func, name: str) -> Func:
    def checked(*args: Any) -> Any:
        out = func(*args)
        many, found = _listed(out, "outputs of the user-provided function", name)
        if many:
            raise RuntimeError(f"The function given to {name} should return a single Tensor")
        if found[0].array.size != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
        return found[0].reshape(())  # type: ignore[attr-defined]

    return checked


def hessian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function that gives a scalar: a tensor, or a tuple of tuples for a tuple of inputs.

    Source: torch.autograd.functional.hessian.
    """
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    many, _ = _listed(inputs, "inputs", "hessian")
    scalar = _scalar(func, "hessian")

    def gradient(*args: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            args = tuple(x.detach().requires_grad_() if not x.requires_grad else x for x in args)  # type: ignore[attr-defined]
        slopes = jacobian(scalar, args if many else args[0], create_graph=True)
        _checked(slopes if many else (slopes,), strict, _SLOPE)
        return slopes

    if outer_jacobian_strategy == "forward-mode":
        from functorch_jax.transforms import hessian as forward

        _, listed = _listed(inputs, "inputs", "hessian")
        found = forward(scalar, argnums=tuple(range(len(listed))) if many else 0)(*listed)
        return _given(found, create_graph)
    return jacobian(gradient, inputs, create_graph=create_graph, strict=strict)


def vhp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a function that gives a scalar, and the product of `v` and its Hessian.

    Source: torch.autograd.functional.vhp.
    """
    return _product("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a function that gives a scalar, and the product of its Hessian and `v`.

    Source: torch.autograd.functional.hvp.
    """
    return _product("hvp", func, inputs, v, create_graph, strict)


def _product(name: str, func: Func, inputs: Any, v: Any, create: bool, strict: bool) -> Any:
    with enable_grad():
        many, listed = _listed(inputs, "inputs", name)
        fresh = _fresh(listed, create)
        vector = _vector(v, fresh, many, "the input to the user-provided function is")
        _, (output,) = _outputs(_scalar(func, name), fresh, name, strict)
        slopes = _checked(_gradients([output], fresh, None, True, strict), strict, _SLOPE)
        found = _gradients(slopes, fresh, vector, create, strict, subject="The jacobian")
    return _given((output, _as(found, many)), create)
