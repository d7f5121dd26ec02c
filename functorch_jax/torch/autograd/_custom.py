"""How a `Function` runs, and how JAX differentiates and batches it.

Under a transform a call is a `jax.custom_jvp` whose tangent is a linear map of our own: it is pushed by `jvp`, or by
the transpose of `backward`, and its transpose is `backward` as the user wrote it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi, levels, tree
from functorch_jax.torch._graph import is_inexact, state
from functorch_jax.torch._promote import cast
from functorch_jax.torch._tensor import Tensor, wrap

__all__ = ["VmapInfo", "backward", "call", "check_saved", "fitting", "fitting_tensor", "forward", "has_setup"]


class VmapInfo(NamedTuple):
    """What the `vmap` static method is told. Source: torch._functorch.autograd_function.VmapInfo."""

    batch_size: int
    randomness: str


def _own(cls: Any, name: str) -> bool:
    from functorch_jax.torch.autograd.function import Function

    return getattr(cls, name) is not getattr(Function, name)


def has_setup(cls: Any) -> bool:
    """Whether the function is of the style whose `forward` takes no `ctx`."""
    return _own(cls, "setup_context")


def positional(cls: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments of `forward` by position."""
    lead = () if has_setup(cls) else (None,)
    bound = inspect.signature(cls.forward).bind(*lead, *args, **kwargs)
    bound.apply_defaults()
    return bound.args[len(lead) :]


def check_saved(tensors: Sequence[Any], name: str) -> None:
    for i, x in enumerate(tensors):
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(f"{name} can only save variables, but argument {i} is of type {type(x).__name__}")


def forward(cls: Any, ctx: Any, args: Sequence[Any]) -> Any:
    """Run `forward` on tensors and fill `ctx`."""
    if has_setup(cls):
        outputs = _outputs(cls.forward(*args))
        cls.setup_context(ctx, tuple(args), outputs)
    else:
        outputs = _outputs(cls.forward(ctx, *args))
    returned = {id(x) for x in (outputs if isinstance(outputs, tuple) else (outputs,))}
    if any(id(x) not in returned for x in ctx.dirty_tensors):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            f"modified inplace must all be outputs of the Function: {cls.__name__}.forward must return them."
        )
    return outputs


def _outputs(found: Any) -> Any:
    return tuple(found) if isinstance(found, list) else found


def backward(cls: Any, ctx: Any, gradients: Sequence[Any]) -> tuple[Any, ...]:
    """One gradient for each argument of `forward`."""
    rule = cls.backward if _own(cls, "backward") or not _own(cls, "vjp") else cls.vjp
    found = rule(ctx, *gradients)
    found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    expected = len(ctx.needs_input_grad)
    if len(found) > expected and all(x is None for x in found[expected:]):
        found = found[:expected]
    if len(found) != expected:
        raise RuntimeError(
            f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {expected}, "
            f"got {len(found)})"
        )
    for x in found:
        if x is not None and not isinstance(x, (Tensor, jax.Array)):
            raise RuntimeError(
                f"expected Variable or None (got {type(x).__name__}) from {cls.__name__}.backward, for a gradient"
            )
    return found


def _axes_to_sum(name: str, i: int, given: Any, shape: Any) -> tuple[int, ...]:
    lead = len(given) - len(shape)
    padded = (1,) * lead + tuple(shape)
    if lead < 0 or any(n not in (1, m) for m, n in zip(given, padded, strict=True)):
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index {i} - got {list(given)} but expected shape "
            f"compatible with {list(shape)}"
        )
    return tuple(k for k, (m, n) in enumerate(zip(given, padded, strict=True)) if m != n or k < lead)


def fitting(gradient: Any, name: str, i: int, shape: Any, dtype: Any) -> Any:
    """The array of a gradient for an input of this shape and dtype. Raises RuntimeError when it cannot be."""
    if gradient is None or shape is None:
        return None
    array = gradient.array if isinstance(gradient, Tensor) else gradient
    if array.shape != tuple(shape):
        array = array.sum(_axes_to_sum(name, i, array.shape, shape)).reshape(shape)
    if array.dtype != dtype:
        real = jnp.iscomplexobj(array) and not jnp.issubdtype(dtype, jnp.complexfloating)
        array = cast(array.real if real else array, dtype)
    return array


def fitting_tensor(gradient: Any, name: str, i: int, shape: Any, dtype: Any) -> Any:
    """The same for a gradient with a history."""
    if gradient is None or shape is None:
        return None
    gradient = gradient if isinstance(gradient, Tensor) else wrap(gradient)
    if gradient.array.shape != tuple(shape):
        axes = _axes_to_sum(name, i, gradient.array.shape, shape)
        gradient = gradient.sum(axes).reshape(tuple(shape))
    if gradient.array.dtype != dtype:
        from functorch_jax.torch._dtype import torch_dtype

        gradient = gradient.to(torch_dtype(dtype))
    return gradient


# ---- under transforms ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """What a function reads besides its arguments is a constant to it."""
    before, state.lift = state.lift, None
    try:
        yield
    finally:
        state.lift = before


def call(cls: Any, args: Sequence[Any]) -> Any:
    """The function under the transforms that are running."""
    if cls.generate_vmap_rule and _own(cls, "vmap"):
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and a vmap staticmethod. "
            "Please set generate_vmap_rule=False or delete the overriden vmap staticmethod to avoid ambiguity."
        )
    if _own(cls, "vmap") and not cls.generate_vmap_rule:
        for x in args:
            if isinstance(x, Tensor) and jaxapi.split_batched(x.read())[1] is not None:
                return _by_rule(cls, args)
    return _Call(cls, args).run()


def _by_rule(cls: Any, args: Sequence[Any]) -> Any:
    """The user's own `vmap`, outside of the innermost vmap."""
    trace: Any = None
    inner, dims, size = [], [], None
    for x in args:
        array, dim = jaxapi.split_batched(x.read()) if isinstance(x, Tensor) else (x, None)
        inner.append(array)
        dims.append(dim)
        if dim is not None:
            size, trace = array.shape[dim], x.read()._trace
    assert size is not None
    level = next(
        (
            one
            for one in levels.stack()
            if one.trace is not None and (t := one.trace()) is not None and jaxapi.same_trace(t, trace)
        ),
        None,
    )
    randomness = level.randomness if level is not None and level.randomness else "error"
    with levels.outside(level), jaxapi.set_current_trace(trace.parent_trace):
        tensors = [wrap(a) if isinstance(x, Tensor) else x for a, x in zip(inner, args, strict=True)]
        result = cls.vmap(VmapInfo(size, randomness), tuple(dims), *tensors)
        if not isinstance(result, tuple) or len(result) != 2:
            raise RuntimeError(
                f"{cls.__name__}.vmap: expected to return a tuple of two, the outputs and their out_dims, "
                f"got {type(result).__name__}"
            )
        outputs, out_dims = result
        single = not isinstance(outputs, tuple)
        listed = (outputs,) if single else outputs
        axes = (out_dims,) * len(listed) if out_dims is None or isinstance(out_dims, int) else tuple(out_dims)
        if len(axes) != len(listed):
            raise RuntimeError(
                f"The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple: "
                f"{cls.__name__}.vmap gave {len(listed)} outputs and out_dims={out_dims}"
            )
        arrays = [
            jnp.moveaxis(x.array, d, 0) if isinstance(x, Tensor) and d is not None else getattr(x, "array", x)
            for x, d in zip(listed, axes, strict=True)
        ]
    rewrapped = []
    for x, d, array in zip(listed, axes, arrays, strict=True):
        if not isinstance(x, Tensor):
            rewrapped.append(x)
        else:
            rewrapped.append(wrap(jaxapi.batch_tracer(trace, array) if d is not None else array))
    return rewrapped[0] if single else tuple(rewrapped)


class _Call:
    """One call as a function of arrays with a derivative rule."""

    def __init__(self, cls: Any, args: Sequence[Any]) -> None:
        self.cls = cls
        self.args = list(args)
        self.positions = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        self.outputs: list[Any] = []  # what is no tensor among the outputs; _HERE for what is
        self.single = False
        self.dirty: list[tuple[int, int]] = []  # (argument, output) of inputs that were written in place

    def run(self) -> Any:
        function = jax.custom_jvp(self.primal)
        function.defjvp(self.tangent, symbolic_zeros=True)
        arrays = function(*(self.args[i].read() for i in self.positions))
        found = iter(arrays)
        outputs = [wrap(next(found)) if x is _HERE else x for x in self.outputs]
        for i, k in self.dirty:
            self.args[i].overwrite(outputs[k])
            outputs[k] = self.args[i]
        return outputs[0] if self.single else tuple(outputs)

    def _tensors(self, arrays: Sequence[Any]) -> list[Any]:
        args = list(self.args)
        for i, array in zip(self.positions, arrays, strict=True):
            args[i] = wrap(array)
        return args

    def _note(self, outputs: Any, ctx: Any, args: Sequence[Any]) -> list[Any]:
        """The arrays of the outputs; how they are to be given back is noted."""
        self.single = not isinstance(outputs, tuple)
        listed = [outputs] if self.single else list(outputs)
        self.outputs = [_HERE if isinstance(x, Tensor) else x for x in listed]
        dirty = {id(x) for x in ctx.dirty_tensors}
        self.dirty = [(i, k) for i, a in enumerate(args) for k, x in enumerate(listed) if x is a and id(a) in dirty]
        return [x.array for x in listed if isinstance(x, Tensor)]

    def primal(self, *arrays: Any) -> list[Any]:
        from functorch_jax.torch.autograd.function import FunctionCtx

        with _alone():
            args, ctx = self._tensors(arrays), FunctionCtx()
            ctx.needs_input_grad = (False,) * len(args)
            outputs = self._lower(args) if has_setup(self.cls) else None
            if outputs is None:
                outputs = forward(self.cls, ctx, args)
            return self._note(outputs, ctx, args)

    def _lower(self, args: Sequence[Any]) -> Any:
        """The function under the transforms outside of this one, when any of them has a say; else None."""
        arrays = [args[i].array for i in self.positions]
        mapped = _own(self.cls, "vmap") and any(jaxapi.split_batched(a)[1] is not None for a in arrays)
        return call(self.cls, args) if mapped or any(map(jaxapi.is_tracked, arrays)) else None

    def tangent(self, primals: Any, tangents: Any) -> Any:
        from functorch_jax.torch.autograd.function import FunctionCtx

        cls = self.cls
        with _alone():
            args, ctx = self._tensors(primals), FunctionCtx()
            moves = [
                is_inexact(p) and not isinstance(t, jax.custom_derivatives.SymbolicZero)
                for p, t in zip(primals, tangents, strict=True)
            ]
            needs = dict(zip(self.positions, moves, strict=True))
            ctx.needs_input_grad = tuple(needs.get(i, False) for i in range(len(args)))
            outputs = self._lower(args)
            if has_setup(cls):
                if outputs is None:
                    outputs = _outputs(cls.forward(*args))
                cls.setup_context(ctx, tuple(args), outputs)
            else:
                own = forward(cls, ctx, args)
                _exchange(ctx, own, outputs)
                outputs = own if outputs is None else outputs
            arrays = self._note(outputs, ctx, args)
            fixed = {id(x) for x in ctx.non_differentiable}
            tensors = [x for x in (outputs if isinstance(outputs, tuple) else (outputs,)) if isinstance(x, Tensor)]
            smooth = [k for k, x in enumerate(tensors) if is_inexact(x.array) and id(x) not in fixed]
            kinds = [(x.array.shape, x.array.dtype) for x in tensors]
            inputs = [(p.shape, p.dtype) for p in primals]
        moving = [i for i, m in zip(self.positions, moves, strict=True) if m]
        rule = _Linear(cls, ctx, moving, smooth, kinds, dict(zip(self.positions, inputs, strict=True)), self.outputs)
        given = [t for t, m in zip(tangents, moves, strict=True) if m]
        found: list[Any] = [
            jnp.zeros(s, d) if jnp.issubdtype(d, jnp.inexact) else np.zeros(s, jax.dtypes.float0) for s, d in kinds
        ]
        if given and smooth:
            moved = jaxapi.user_linear(rule.push, rule.pull, rule.residuals, given, [arrays[k] for k in smooth])
            for k, t in zip(smooth, moved, strict=True):
                found[k] = t
        return arrays, found


_HERE: Any = object()


def _exchange(ctx: Any, old: Any, new: Any) -> None:
    """Let `ctx` keep the outputs `new`, which have the function's own derivative, where it kept those of `forward`."""
    if new is None:
        return
    pairs = zip(old if isinstance(old, tuple) else (old,), new if isinstance(new, tuple) else (new,), strict=True)
    table = {id(a): b for a, b in pairs}
    for name in ("to_save", "to_save_forward", "non_differentiable", "dirty_tensors"):
        setattr(ctx, name, tuple(table.get(id(x), x) for x in getattr(ctx, name)))
    for name, value in list(vars(ctx).items()):
        if isinstance(value, Tensor):
            setattr(ctx, name, table.get(id(value), value))


class _Linear:
    """The derivative at one point: what `ctx` keeps are its residuals."""

    def __init__(
        self,
        cls: Any,
        ctx: Any,
        moving: list[int],
        smooth: list[int],
        kinds: list[Any],
        inputs: Any,
        outputs: list[Any],
    ) -> None:
        self.cls, self.moving, self.smooth, self.kinds, self.inputs = cls, moving, smooth, kinds, inputs
        ctx.dirty_tensors = ctx.non_differentiable = ()
        self.kind = type(ctx)
        self.outputs = outputs
        self.count = len(ctx.needs_input_grad)
        self.leaves, self.spec = tree.flatten(dict(vars(ctx)))
        self.where = [i for i, x in enumerate(self.leaves) if isinstance(x, (Tensor, jax.Array))]
        self.boxed = [isinstance(self.leaves[i], Tensor) for i in self.where]
        self.residuals = [x.array if isinstance(x := self.leaves[i], Tensor) else x for i in self.where]

    def _ctx(self, residuals: Sequence[Any]) -> Any:
        leaves = list(self.leaves)
        for i, boxed, array in zip(self.where, self.boxed, residuals, strict=True):
            leaves[i] = wrap(array) if boxed else array
        ctx = self.kind()
        vars(ctx).update(tree.unflatten(self.spec, leaves))
        return ctx

    def pull(self, residuals: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        with _alone():
            ctx = self._ctx(residuals)
            given = dict(zip(self.smooth, cotangents, strict=True))
            tensors: list[Any] = []
            for k, (shape, dtype) in enumerate(self.kinds):
                if k in given:
                    tensors.append(wrap(_conj(given[k])))
                elif ctx.materialize_grads:
                    tensors.append(wrap(jnp.zeros(shape, dtype)))
                else:
                    tensors.append(None)
            rest = iter(tensors)
            found = backward(self.cls, ctx, [next(rest) if x is _HERE else None for x in self.outputs])
            name = f"{self.cls.__name__}Backward"
            arrays = [fitting(found[i], name, i, *self.inputs[i]) for i in self.moving]
        return [jnp.zeros(*self.inputs[i]) if a is None else _conj(a) for i, a in zip(self.moving, arrays, strict=True)]

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        if not _own(self.cls, "jvp"):
            return self._transposed(residuals, tangents)
        with _alone():
            ctx = self._ctx(residuals)
            if ctx.to_save_forward:
                ctx.to_save = ctx.to_save_forward
            given = dict(zip(self.moving, tangents, strict=True))
            zero = self.inputs if ctx.materialize_grads else {}
            found = self.cls.jvp(
                ctx,
                *(
                    wrap(given[i] if i in given else jnp.zeros(*zero[i])) if i in given or i in zero else None
                    for i in range(self.count)
                ),
            )
            listed = found if isinstance(found, tuple) else (found,)
            if len(listed) != len(self.outputs):
                raise RuntimeError(
                    f"Function's jvp returned an invalid number of forward gradients (expected {len(self.outputs)} but "
                    f"got {len(listed)}): {self.cls.__name__}.jvp"
                )
            arrays = [getattr(x, "array", x) for x, o in zip(listed, self.outputs, strict=True) if o is _HERE]
        return [_like(arrays[k], *self.kinds[k]) for k in self.smooth]

    def _transposed(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        shapes = [jax.ShapeDtypeStruct(*self.kinds[k]) for k in self.smooth]
        try:
            push = jax.linear_transpose(lambda *cotangents: self.pull(residuals, cotangents), *shapes)
            return list(push(list(tangents)))
        except (NotImplementedError, jax.errors.JAXTypeError, ValueError, AssertionError) as error:
            if isinstance(error, NotImplementedError) and "must implement" in str(error):
                raise
            raise RuntimeError(
                f"{self.cls.__name__} has no jvp static method, and its backward cannot be transposed, so that it has "
                "no forward mode: write jvp(ctx, *tangents)"
            ) from error


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def _like(x: Any, shape: Any, dtype: Any) -> Any:
    """`x` in this shape and dtype; zeros for None."""
    return jnp.zeros(shape, dtype) if x is None else cast(jnp.broadcast_to(x, shape), dtype)
