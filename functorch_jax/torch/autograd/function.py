"""Functions with a derivative of the user's own. Source: torch.autograd.Function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch._graph import FREED, Node, Saved, is_inexact, node_type, state
from functorch_jax.torch._tape import edge_of, unpack
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.autograd import _custom

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class FunctionCtx:
    """What `forward` leaves for `backward`. Source: torch.autograd.function.FunctionCtx."""

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    to_save: Any = ()
    to_save_forward: Any = ()
    dirty_tensors: Any = ()
    non_differentiable: Any = ()
    _packed: Any = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors, inputs and outputs among them, for `saved_tensors`."""
        _custom.check_saved(tensors, "save_for_backward")
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors for `saved_tensors` in `jvp`."""
        _custom.check_saved(tensors, "save_for_forward")
        self.to_save_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept. Raises RuntimeError once it was freed, or written in place since."""
        if self._packed is not None:
            return self._packed()  # type: ignore[no-any-return]
        return tuple(self.to_save)

    def mark_dirty(self, *tensors: Any) -> None:
        """Say that `forward` wrote these inputs in place; it must return them too."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that these outputs have no derivative."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` is given zeros, not None, for an output with no gradient."""
        self.materialize_grads = value


class _Kind(type):
    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        super().__init__(name, bases, attrs)
        cls.node = node_type(f"{name}Backward", FunctionNode) if bases else None


class FunctionNode(Node):
    """A call of a `Function`; it answers for the attributes of the call's `ctx`."""

    __slots__ = ("args", "ctx", "function", "outputs", "packed")
    linear = False
    function: Any
    ctx: Any
    args: list[int]  # which arguments are tensors
    outputs: list[bool]  # whether each output is one
    packed: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in FunctionNode.__slots__:
            raise AttributeError(name)
        return getattr(self.ctx, name)

    def saved(self) -> tuple[Any, ...]:
        if self.freed:
            raise RuntimeError(FREED)
        for each in self.packed:
            if each is not None:
                each.check()
        return tuple(None if each is None else unpack(each) for each in self.packed)

    def _run(self, gradients: list[Any]) -> list[Any]:
        ctx = self.ctx
        given = iter(
            [wrap(self.blank(i)) if g is None and ctx.materialize_grads else g for i, g in enumerate(gradients)]
        )
        found = _custom.backward(self.function, ctx, [next(given) if tensor else None for tensor in self.outputs])
        return [found[i] for i in self.args]

    def pull(self, gradients: list[Any]) -> list[Any]:
        with grad_mode.no_grad():
            found = self._run([None if g is None else wrap(g) for g in gradients])
        return [_custom.fitting(g, *kind) for g, kind in zip(found, self._inputs(), strict=True)]

    def pull_recorded(self, gradients: list[Any]) -> list[Any]:
        found = self._run(gradients)
        return [_custom.fitting_tensor(g, *kind) for g, kind in zip(found, self._inputs(), strict=True)]

    def _inputs(self) -> list[Any]:
        """Name, position, shape and dtype of each edge."""
        name = self.name()
        return [
            (name, i, *(node.kinds[nr] if node is not None else (None, None)))
            for i, (node, nr) in zip(self.args, self.edges, strict=True)
        ]

    def free(self) -> None:
        self.freed = bool(self.packed)
        self.packed = ()


class Function(FunctionCtx, metaclass=_Kind):
    """A function that brings its own derivative: subclass it, and call `apply`.

    Static methods: `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx, inputs, output)`;
    `backward(ctx, *grad_outputs)`; where wanted `jvp(ctx, *tangents)` and `vmap(info, in_dims, *args)`. Either style
    works under every transform; forward mode transposes `backward` where there is no `jvp`.

    Raises: NotImplementedError for a missing `forward`, or `backward` when it is needed; RuntimeError for a backward
    that gives another number of gradients than there are inputs.

    Example:
        >>> from functorch_jax import torch
        >>> class Cube(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x**3
        ...
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (x,) = ctx.saved_tensors
        ...         return 3 * g * x**2
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> Cube.apply(x).backward()
        >>> x.grad
        tensor(12.)

    Source: torch.autograd.Function.
    """

    node: Any
    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            f"function with static forward method, and call {type(self).__name__}.apply"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The function itself."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep in `ctx` what the derivative needs; where it is defined, `forward` takes no `ctx`."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the inputs for those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs for those of the inputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The function on batched inputs: the outputs, and the axes along which they are batched."""
        raise NotImplementedError("vmap is not implemented.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the function. Keyword arguments go to `forward` as they come."""
        if kwargs:
            args = _custom.positional(cls, args, kwargs)
        here = jaxapi.trace_ref()
        edges = []
        if state.live and grad_mode.is_grad_enabled():
            edges = [edge_of(x, here) for x in args if isinstance(x, Tensor)]
        tracked = any(node is not None for node, _ in edges)
        if tracked:
            return _recorded(cls, args, edges, here)
        if not _plain(args, here):
            return _custom.call(cls, args)
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(x, Tensor) and x.requires_grad for x in args)
        with grad_mode.no_grad():
            outputs = _custom.forward(cls, ctx, args)
        return _released(outputs)


def _plain(args: Sequence[Any], here: Any) -> bool:
    """Whether nothing but the tape differentiates the call: no transform runs, and no argument has a tangent."""
    return (
        here is None
        and state.lift is None
        and not any(isinstance(x, Tensor) and isinstance(x.array, jaxapi.Tracer) for x in args)
    )


def _released(outputs: Any) -> Any:
    """The outputs of a `forward` that ran under no_grad, as tensors made outside of it."""
    for x in outputs if isinstance(outputs, tuple) else (outputs,):
        if isinstance(x, Tensor) and grad_mode.is_grad_enabled():
            x._untracked = False
    return outputs


def _recorded(cls: Any, args: Sequence[Any], edges: list[Any], here: Any) -> Any:
    ctx = FunctionCtx()
    rest = iter(edges)
    ctx.needs_input_grad = tuple(isinstance(x, Tensor) and next(rest)[0] is not None for x in args)
    before = {id(x): x.array for x in args if isinstance(x, Tensor)}
    with grad_mode.no_grad():
        if _plain(args, here):
            outputs = _custom.forward(cls, ctx, args)
        else:
            with grad_mode.enable_grad():
                outputs = _custom.call(cls, args)
            if _custom.has_setup(cls):
                cls.setup_context(ctx, tuple(args), outputs)
            else:
                _custom.forward(cls, ctx, [wrap(x.array) if isinstance(x, Tensor) else x for x in args])
    single = not isinstance(outputs, tuple)
    listed = [outputs] if single else list(outputs)
    tensors = [x for x in listed if isinstance(x, Tensor)]
    node = cls.node(edges, [(x.array.shape, x.array.dtype) for x in listed if isinstance(x, Tensor)], here)
    node.function, node.ctx = cls, ctx
    node.outputs = [isinstance(x, Tensor) for x in listed]
    node.args = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
    dirty, fixed = {id(x) for x in ctx.dirty_tensors}, {id(x) for x in ctx.non_differentiable}
    for x in ctx.dirty_tensors:
        if x._requires_grad:
            x._array = before.get(id(x), x._array)
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
    given: list[Any] = []
    k = 0
    swapped: dict[int, Any] = {}
    for x in listed:
        if not isinstance(x, Tensor):
            given.append(x)
            continue
        if id(x) not in dirty and (id(x) in before or x._parent is not None):
            swapped[id(x)] = x = wrap(x.array)
        if id(x) not in fixed and is_inexact(x.array):
            x._node, x._nr, x._untracked = node, k, False
        given.append(x)
        k += 1
    assert k == len(tensors)
    saved = [swapped.get(id(x), x) if x is not None and id(x) not in before else x for x in ctx.to_save]
    node.packed = [None if x is None else Saved(x, x.array) for x in saved]
    for each, x in zip(node.packed, saved, strict=True):
        if each is not None and x._node is node and id(x) not in {id(y) for y in given}:
            each.node = None
    ctx._packed = node.saved
    ctx.to_save = ctx.dirty_tensors = ctx.non_differentiable = ()
    return given[0] if single else tuple(given)


class InplaceFunction(Function):
    """A `Function` of older programs with an `inplace` flag. Source: torch.autograd.function.InplaceFunction."""


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a `backward` that must not be differentiated itself. Source: torch.autograd.function.once_differentiable."""

    @functools.wraps(backward)
    def wrapper(ctx: Any, *gradients: Any) -> Any:
        recording = state.live and grad_mode.is_grad_enabled()
        here = jaxapi.trace_ref()
        tracked = recording and any(edge_of(g, here)[0] is not None for g in gradients)
        with grad_mode.no_grad():
            found = backward(ctx, *gradients)
        if not tracked:
            return found
        listed = found if isinstance(found, tuple) else (found,)
        out = tuple(None if x is None else _refusing(x, gradients) for x in listed)
        return out if isinstance(found, tuple) else out[0]

    return wrapper


class _Refusal(Node):
    __slots__ = ()

    def pull(self, gradients: list[Any]) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    pull_recorded = pull


def _refusing(x: Tensor, gradients: Sequence[Any]) -> Tensor:
    here = jaxapi.trace_ref()
    edges = [edge for g in gradients if (edge := edge_of(g, here))[0] is not None]
    out = wrap(x.array)
    out._node = node_type("DelayedError", _Refusal)(edges, [(x.array.shape, x.array.dtype)], here)
    return out
