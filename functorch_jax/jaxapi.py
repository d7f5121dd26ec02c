"""The one file that touches what JAX does not promise to keep.

Everything here is a thin name for something under `jax.core`, `jax.extend`, `jax.interpreters` or `jax._src`; a JAX
upgrade is a change to this file. The three ideas built on them:

* `NoGradTrace` wraps the current trace while grad mode is off, so that `no_grad` acts on any JAX code.
* `peel` looks inside a tracer: what a transform wrapped, and which axis it batched.
* `vmap_flat` is `jax.vmap` for a function that chooses the out axes while it runs.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Not from jax.extend.core, which names the same things: importing it loads Pallas, a tenth of all that jax loads.
from jax._src.core import Primitive
from jax._src.core import Tracer as Tracer
from jax._src.core import TraceTag as _TraceTag
from jax._src.core import set_current_trace as set_current_trace
from jax._src.core import trace_ctx as _trace_ctx
from jax._src.interpreters.ad import JVPTrace, JVPTracer
from jax._src.interpreters.batching import BatchTracer as _BatchTracer
from jax._src.lax.linalg import geqrf as geqrf
from jax.core import ShapedArray, Trace
from jax.interpreters import ad, batching, mlir


def _eval_trace() -> Trace:
    with jax.core.eval_context():
        return _trace_ctx.trace


EVAL_TRACE: Trace = _eval_trace()
"""The trace that is current when no transformation is active."""


def current_trace() -> Trace:
    """The trace that the next primitive will be bound on, `NoGradTrace` included."""
    return _trace_ctx.trace


def switch_trace(trace: Trace) -> None:
    """Make `trace` current until the enclosing transformation puts its own back."""
    _trace_ctx.set_trace(trace)


def base_trace() -> Trace:
    """The current trace without the wrapping of `no_grad`: the identity of "where we are"."""
    trace = _trace_ctx.trace
    while type(trace) is NoGradTrace or (_transparent and id(trace) in _transparent):
        trace = trace.parent_trace
    return trace


def trace_ref() -> weakref.ref[Trace] | None:
    """A weak reference to `base_trace()`, or None when no transformation is active."""
    trace = _trace_ctx.trace
    if trace is EVAL_TRACE:
        return None
    while type(trace) is NoGradTrace or (_transparent and id(trace) in _transparent):
        trace = trace.parent_trace
    return None if trace is EVAL_TRACE else weakref.ref(trace)


# Traces under which the imperative tape records a whole transform: code runs there as if they were not.
_transparent: set[int] = set()


@contextlib.contextmanager
def transparent_trace() -> Iterator[None]:
    """Make the current trace one that `trace_ref` looks through."""
    key = id(_trace_ctx.trace)
    _transparent.add(key)
    try:
        yield
    finally:
        _transparent.discard(key)


# ---- the primitives behind no_grad -----------------------------------------------------------------------------------

# Identity whose tangent passes and whose transpose is zero: PyTorch's no_grad stops reverse mode at every level and
# leaves forward mode alone. lax.stop_gradient would stop both.
_stop_reverse_p = Primitive("stop_reverse")
_stop_reverse_p.def_impl(lambda x: x)
_stop_reverse_p.def_abstract_eval(lambda x: x)
ad.deflinear2(_stop_reverse_p, lambda _, x: [ad.Zero(x.aval)])
batching.defvectorized(_stop_reverse_p)
mlir.register_lowering(_stop_reverse_p, lambda _, x: [x])

# (old, new) -> new, whose tangent is that of `new` and whose cotangent goes to `old`: what an in-place write under
# no_grad means to a value that reverse mode already tracks.
_untracked_write_p = Primitive("untracked_write")
_untracked_write_p.def_impl(lambda old, new: new)
_untracked_write_p.def_abstract_eval(lambda old, new: new)


def _untracked_write_jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    out = _untracked_write_p.bind(*primals)
    if all(type(t) is ad.Zero for t in tangents):
        return out, ad.Zero.from_primal_value(out)
    return out, _untracked_write_p.bind(*map(ad.instantiate_zeros, tangents))


def _untracked_write_transpose(cotangent: Any, old: Any, new: Any) -> list[Any]:
    return [
        cotangent if ad.is_undefined_primal(old) else None,
        ad.Zero(new.aval) if ad.is_undefined_primal(new) else None,
    ]


ad.primitive_jvps[_untracked_write_p] = _untracked_write_jvp
ad.primitive_transposes[_untracked_write_p] = _untracked_write_transpose
batching.defbroadcasting(_untracked_write_p)
mlir.register_lowering(_untracked_write_p, lambda _, old, new: [new])


# (base, index, rows) -> base with some of its rows replaced; the last of several for one place stays. The cotangent
# goes to every writer, as in PyTorch, where JAX's scatter would leave out those that were overwritten.
_put_rows_p = Primitive("put_rows")
_put_rows_p.def_abstract_eval(lambda base, index, rows: base.update(weak_type=False))


def _put_rows(base: Any, index: Any, rows: Any) -> Any:
    return base.at[index].set(rows)


def _put_rows_jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    base, index, rows = primals
    out = _put_rows_p.bind(base, index, rows)
    if type(tangents[0]) is ad.Zero and type(tangents[2]) is ad.Zero:
        return out, ad.Zero.from_primal_value(out)
    return out, _put_rows_p.bind(ad.instantiate_zeros(tangents[0]), index, ad.instantiate_zeros(tangents[2]))


def _put_rows_transpose(cotangent: Any, base: Any, index: Any, rows: Any) -> list[Any]:
    if type(cotangent) is ad.Zero:
        return [ad.Zero(x.aval) if ad.is_undefined_primal(x) else None for x in (base, index, rows)]
    shape = rows.aval.shape if ad.is_undefined_primal(rows) else rows.shape
    blank = jnp.zeros(shape, cotangent.dtype)
    return [
        _put_rows_p.bind(cotangent, index, blank) if ad.is_undefined_primal(base) else None,
        None,
        cotangent[index] if ad.is_undefined_primal(rows) else None,
    ]


def _put_rows_batch(args: Sequence[Any], dims: Sequence[Any]) -> tuple[Any, int]:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    base, index, rows = (batching.bdim_at_front(x, d, size) for x, d in zip(args, dims, strict=True))
    count = base.shape[1]
    index = index + (jnp.arange(size, dtype=index.dtype) * count)[:, None]
    out = _put_rows_p.bind(base.reshape(size * count, -1), index.reshape(-1), rows.reshape(index.size, base.shape[2]))
    return out.reshape(base.shape), 0


_put_rows_p.def_impl(jax.jit(_put_rows))
ad.primitive_jvps[_put_rows_p] = _put_rows_jvp
ad.primitive_transposes[_put_rows_p] = _put_rows_transpose
batching.primitive_batchers[_put_rows_p] = _put_rows_batch
mlir.register_lowering(_put_rows_p, mlir.lower_fun(_put_rows, multiple_results=False))


def put_rows(base: Any, index: Any, rows: Any) -> Any:
    """The matrix `base` with `rows` at the rows `index`, all of them in range; the gradient is 1 to every writer."""
    index = jnp.clip(index, 0, max(base.shape[0] - 1, 0))
    return _put_rows_p.bind(base, index, rows)


def is_inexact(x: Any) -> bool:
    """Whether `x` is an array of a floating or complex dtype (others carry no derivative)."""
    dtype = getattr(x, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, np.inexact)


def stop_reverse(x: Any) -> Any:
    """`x`, through which no cotangent passes; tangents do."""
    return _stop_reverse_p.bind(x) if is_inexact(x) else x


def untracked_write(old: Any, new: Any) -> Any:
    """`new`, with the cotangent going to `old` (both of one shape and dtype)."""
    return _untracked_write_p.bind(old, new) if is_inexact(new) else new


@jax.custom_jvp
def keep_derivative(old: Any, new: Any) -> Any:
    """The value of `new` with the derivative of `old`, in both modes: a write through `.data` or `.detach()`."""
    return new


@keep_derivative.defjvp
def _keep_derivative_jvp(primals: Any, tangents: Any) -> Any:
    return keep_derivative(*primals), tangents[0]


@jax.custom_jvp
def keep_innermost_derivative(old: Any, new: Any) -> Any:
    """The value of `new` with the derivative of `old` at the innermost level alone: a write through `.data`."""
    return new


@keep_innermost_derivative.defjvp
def _keep_innermost_derivative_jvp(primals: Any, tangents: Any) -> Any:
    return primals[1], tangents[0]


# Broadcasting whose transpose is a sum of our choosing: `total(cotangent, axes)`, which keeps the axes.
_spread_p = Primitive("spread")
_spread_p.def_impl(lambda x, shape, total: jnp.broadcast_to(x, shape))
_spread_p.def_abstract_eval(lambda x, shape, total: ShapedArray(shape, x.dtype))
mlir.register_lowering(
    _spread_p, mlir.lower_fun(lambda x, shape, total: jnp.broadcast_to(x, shape), multiple_results=False)
)


def _spread_transpose(cotangent: Any, x: Any, shape: Sequence[int], total: Callable[..., Any]) -> list[Any]:
    return [total(cotangent, [i for i, n in enumerate(x.aval.shape) if n != shape[i]])]


def _spread_batch(args: Sequence[Any], dims: Sequence[int], shape: Sequence[int], total: Any) -> tuple[Any, int]:
    x = jnp.moveaxis(args[0], dims[0], 0)
    return _spread_p.bind(x, shape=(x.shape[0], *shape), total=total), 0


ad.deflinear2(_spread_p, _spread_transpose)
batching.primitive_batchers[_spread_p] = _spread_batch


def spread(x: Any, shape: Sequence[int], total: Callable[[Any, list[int]], Any]) -> Any:
    """`x` broadcast to `shape`, which has as many axes, with the cotangent summed by `total`."""
    return _spread_p.bind(x, shape=tuple(shape), total=total)


# (x, token) -> x, which makes x an input of a reverse pass that is already running over `token`: the cotangent of x is
# handed to `sink(index, cotangent)`, and that of the token is zero.
_tap_p = Primitive("tap")
_tap_p.def_impl(lambda x, token, sink, index: x)
_tap_p.def_abstract_eval(lambda x, token, sink, index: x.update(weak_type=False))
_slot_p = Primitive("slot")
_slot_p.def_impl(lambda token, shape, dtype, sink, index: jnp.zeros(shape, dtype))
_slot_p.def_abstract_eval(lambda token, shape, dtype, sink, index: ShapedArray(shape, dtype))


def _tap_jvp(primals: Sequence[Any], tangents: Sequence[Any], sink: Any, index: int) -> tuple[Any, Any]:
    x, token = primals
    out = _tap_p.bind(x, token, sink=sink, index=index)
    if type(tangents[1]) is ad.Zero:
        return out, tangents[0]
    slot = _slot_p.bind(tangents[1], shape=x.shape, dtype=x.dtype, sink=sink, index=index)
    return out, slot if type(tangents[0]) is ad.Zero else slot + tangents[0]


def _slot_transpose(cotangent: Any, token: Any, shape: Any, dtype: Any, sink: Any, index: int) -> list[Any]:
    if type(cotangent) is not ad.Zero:
        sink(index, cotangent)
    return [ad.Zero(token.aval)]


ad.primitive_jvps[_tap_p] = _tap_jvp
ad.deflinear2(_slot_p, _slot_transpose)
mlir.register_lowering(_tap_p, lambda _, x, token, sink, index: [x])


def tap(x: Any, token: Any, sink: Callable[[int, Any], None], index: int) -> Any:
    """`x` as an input of the reverse pass that differentiates `token`."""
    return _tap_p.bind(x, token, sink=sink, index=index)


class NoGradTrace(Trace):
    """Binds on the parent trace, then lets no cotangent (in inference mode: no tangent either) through the results."""

    def __init__(self, parent: Trace, inference: bool = False) -> None:
        super().__init__()
        self.parent_trace = parent
        self.inference = inference
        self.requires_low = getattr(parent, "requires_low", False)
        tag = getattr(parent, "tag", None)
        if tag is not None:
            self.tag = tag

    def is_valid(self) -> bool:
        return self.parent_trace.is_valid()

    def stage_value(self, val: Any) -> Any:
        return self.parent_trace.stage_value(val)

    def _stop(self, x: Any) -> Any:
        return lax.stop_gradient(x) if self.inference else stop_reverse(x)

    def process_primitive(self, primitive: Primitive, tracers: Any, params: Any, /) -> Any:
        with set_current_trace(self.parent_trace):
            out = primitive.bind(*tracers, **params)
            if primitive is _stop_reverse_p or primitive is _untracked_write_p:
                return out
            return [self._stop(x) for x in out] if primitive.multiple_results else self._stop(out)

    def process_custom_jvp_call(self, primitive: Primitive, fun: Any, jvp: Any, tracers: Any, /, **kwargs: Any) -> Any:
        with set_current_trace(self.parent_trace):
            out = self.parent_trace.process_custom_jvp_call(primitive, fun, jvp, tracers, **kwargs)
            return [self._stop(x) for x in out]

    def process_custom_vjp_call(
        self, primitive: Primitive, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **kwargs: Any
    ) -> Any:
        with set_current_trace(self.parent_trace):
            out = self.parent_trace.process_custom_vjp_call(primitive, fun, fwd, bwd, tracers, **kwargs)
            return [self._stop(x) for x in out]


# ---- looking inside tracers ------------------------------------------------------------------------------------------


class Peeled(NamedTuple):
    """One level taken off a tracer: `kind` is "grad" or "vmap", `inner` what it wraps, `axis` the batched axis."""

    kind: str
    inner: Any
    axis: int | None


def peel(x: Any) -> Peeled | None:
    """Take one transformation off `x`; None for a concrete array and for a value of a program being traced."""
    if not isinstance(x, Tracer):
        return None
    if hasattr(x, "primal") and hasattr(x, "tangent"):
        return Peeled("grad", x.primal, None)
    if hasattr(x, "batch_dim"):
        return Peeled("vmap", x.val, x.batch_dim if type(x.batch_dim) is int else None)
    return None


def peel_all(x: Any) -> Any:
    """The array or jit-time tracer at the bottom of `x`, batched axes included."""
    while (level := peel(x)) is not None:
        x = level.inner
    return x


def is_traced(x: Any) -> bool:
    """Whether `x` has no value yet, because a program is being traced for compilation."""
    return isinstance(peel_all(x), Tracer)


def is_batched(x: Any, trace: Trace | None = None) -> bool:
    """Whether `x` varies along the axis that `trace` (any vmap, when None) maps."""
    while (level := peel(x)) is not None:
        if level.kind == "vmap" and level.axis is not None and (trace is None or same_trace(x._trace, trace)):
            return True
        x = level.inner
    return False


def same_trace(a: Trace, b: Trace) -> bool:
    """Whether two traces are of one transformation."""
    return a is b or getattr(a, "tag", a) is getattr(b, "tag", b)


def trace_identity(x: Any) -> Any:
    """What tells the transform that made the tracer (or the trace) `x` from every other one."""
    trace = x._trace if isinstance(x, Tracer) else x
    return getattr(trace, "tag", trace)


def is_tracked(x: Any) -> bool:
    """Whether `x` carries a tangent at some level: a derivative with respect to it may be asked for."""
    while (level := peel(x)) is not None:
        if level.kind == "grad" and id(x._trace) not in _duals:
            return True
        x = level.inner
    return False


def active_traces() -> list[Any]:
    """The traces of the transformations that are running, innermost first."""
    traces = []
    trace: Any = _trace_ctx.trace
    while trace is not None and trace is not EVAL_TRACE:
        traces.append(trace)
        trace = getattr(trace, "parent_trace", None)
    return traces


def is_dead(x: Any) -> bool:
    """Whether `x` escaped from a transformation that has ended (or runs outside of the innermost compiled one)."""
    if not isinstance(x, Tracer):
        return False
    # a trace goes by its tag, where it has one; tags are told apart by identity (they all compare equal)
    own = getattr(x._trace, "tag", x._trace)
    return all(own is not getattr(trace, "tag", trace) for trace in active_traces())


def under_jit() -> bool:
    """Whether values are abstract here: a program is being traced for compilation."""
    return staging_trace() is not None


def staging_trace() -> Any:
    """The innermost trace that stages a program out (of `jax.jit`, of control flow); None where values are known."""
    # such traces have no parent to run on, or are known by name
    for trace in active_traces():
        if getattr(trace, "parent_trace", None) is None or type(trace).__name__ in ("DynamicJaxprTrace", "JaxprTrace"):
            return trace
    return None


def is_weak(x: Any) -> bool:
    """Whether `x` entered as a Python number, so that it does not decide a dtype."""
    return bool(getattr(getattr(x, "aval", None), "weak_type", False))


# ---- transformations with one liberty more ---------------------------------------------------------------------------


def vmap_flat(fun: Callable[..., tuple[list[Any], list[int | None]]], in_axes: Sequence[int | None], size: int) -> Any:
    """`jax.vmap` of a function over a flat list of arrays that returns `(outputs, out_axes)`.

    JAX reads `out_axes` only after the function has run, so a list that the function fills does what a callback would.
    """
    out_axes: list[int | None] = []

    def run(*arrays: Any) -> list[Any]:
        outputs, axes = fun(*arrays)
        out_axes[:] = axes
        return outputs

    return lambda *arrays: jax.vmap(run, in_axes=tuple(in_axes), out_axes=out_axes, axis_size=size)(*arrays)


def batch_tracer(trace: Any, array: Any) -> Any:
    """`array` as the value for one row of the vmap on `trace`, which maps its leading axis."""
    return _BatchTracer(trace, array, 0, None)


def flatten_one_level(x: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]] | None:
    """Children of a node type that was registered with JAX, and how to rebuild it; None for a leaf."""
    if x is None or jax.tree_util.all_leaves([x]):
        return None
    children, treedef = jax.tree_util.tree_flatten(x, is_leaf=lambda y: y is not x)
    return children, lambda new: jax.tree_util.tree_unflatten(treedef, new)


def used_inputs(fun: Callable[..., Any], *shapes: Any) -> list[bool]:
    """For each argument whether the outputs of `fun` depend on it; numbers among them are arguments too."""
    from jax._src.interpreters import partial_eval

    closed = jax.make_jaxpr(fun)(*shapes)
    _, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    return list(used)


def hooked(x: Any, change: Callable[[Any], Any]) -> Any:
    """`x`, whose cotangent is passed through `change` in reverse mode; tangents go by."""

    @jax.custom_vjp
    def identity(x: Any) -> Any:
        return x

    identity.defvjp(lambda x: (x, None), lambda _, cotangent: (change(cotangent),))
    return identity(x)


# (residuals, tangents of inputs) -> tangents of outputs, linear in the tangents and with a transpose of its own.
_user_linear_p = Primitive("user_linear")
_user_linear_p.multiple_results = True


@dataclass(frozen=True, eq=False)
class LinearRule:
    """`push(residuals, tangents)` and `pull(residuals, cotangents)`, each other's transpose; `avals` of the outputs."""

    push: Callable[..., Any]
    pull: Callable[..., Any]
    avals: tuple[Any, ...]
    count: int  # of the residuals


def _user_linear(*args: Any, rule: LinearRule) -> list[Any]:
    return list(rule.push(args[: rule.count], args[rule.count :]))


def _user_linear_jvp(primals: Sequence[Any], tangents: Sequence[Any], rule: LinearRule) -> Any:
    if all(type(t) is ad.Zero for t in tangents[: rule.count]):
        moved = map(ad.instantiate_zeros, tangents[rule.count :])
        return (
            _user_linear_p.bind(*primals, rule=rule),
            _user_linear_p.bind(*primals[: rule.count], *moved, rule=rule),
        )
    return jax.jvp(
        lambda *args: _user_linear(*args, rule=rule), tuple(primals), tuple(map(ad.instantiate_zeros, tangents))
    )


def _user_linear_transpose(cotangents: Sequence[Any], *args: Any, rule: LinearRule) -> list[Any]:
    if all(type(c) is ad.Zero for c in cotangents):
        return [None] * rule.count + [ad.Zero(x.aval) for x in args[rule.count :]]
    found = rule.pull(args[: rule.count], [ad.instantiate_zeros(c) for c in cotangents])
    return [None] * rule.count + list(found)


def _user_linear_batch(args: Sequence[Any], dims: Sequence[Any], rule: LinearRule) -> tuple[Any, Any]:
    n = rule.count
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    kept, axes = args[:n], tuple(dims[:n])
    moved = [batching.bdim_at_front(x, d, size) for x, d in zip(args[n:], dims[n:], strict=True)]

    def mapped(fun: Callable[..., Any]) -> Callable[..., Any]:
        return lambda res, xs: jax.vmap(fun, in_axes=(axes, 0), axis_size=size)(tuple(res), list(xs))

    avals = tuple(ShapedArray((size, *a.shape), a.dtype) for a in rule.avals)
    out = _user_linear_p.bind(*kept, *moved, rule=LinearRule(mapped(rule.push), mapped(rule.pull), avals, n))
    return out, [0] * len(out)


_user_linear_p.def_impl(_user_linear)
_user_linear_p.def_abstract_eval(lambda *args, rule: list(rule.avals))
ad.primitive_jvps[_user_linear_p] = _user_linear_jvp
ad.primitive_transposes[_user_linear_p] = _user_linear_transpose
batching.primitive_batchers[_user_linear_p] = _user_linear_batch
mlir.register_lowering(_user_linear_p, mlir.lower_fun(_user_linear, multiple_results=True))


def user_linear(
    push: Callable[..., Any], pull: Callable[..., Any], residuals: Sequence[Any], tangents: Sequence[Any], outs: Any
) -> list[Any]:
    """The linear map `push(residuals, tangents)` whose transpose is `pull(residuals, cotangents)`.

    `outs` are the primal outputs: the results have their shapes and dtypes.
    """
    avals = tuple(ShapedArray(x.shape, x.dtype) for x in outs)
    return _user_linear_p.bind(*residuals, *tangents, rule=LinearRule(push, pull, avals, len(residuals)))


def split_batched(x: Any) -> tuple[Any, int | None]:
    """(the array behind `x`, the axis mapped) for a value of the innermost vmap; (x, None) for any other."""
    level = peel(x)
    if level is not None and level.kind == "vmap":
        trace = base_trace()
        while type(trace).__name__ == "JaxprTrace":  # where linearize runs a rule, on values of the trace outside
            trace = trace.parent_trace
        if same_trace(x._trace, trace):
            return level.inner, level.axis
    return x, None


_duals: set[int] = set()  # traces of `open_dual`


def open_dual() -> Any:
    """Start a forward mode that ends with `close_dual`; code runs in it as if it were not."""
    outer = _trace_ctx.trace
    while type(outer) is NoGradTrace:
        outer = outer.parent_trace
    trace = JVPTrace(outer, _TraceTag())
    switch_trace(trace)
    _transparent.add(id(trace))
    _duals.add(id(trace))
    return trace


@contextlib.contextmanager
def within_dual(trace: Any) -> Iterator[None]:
    """Run as if what `open_dual` gave were open, which it may be."""
    if any(each is trace for each in active_traces()):
        yield
    else:
        with set_current_trace(trace), transparent_trace():
            yield


def close_dual(trace: Any) -> None:
    """End what `open_dual` started."""
    _transparent.discard(id(trace))
    _duals.discard(id(trace))
    switch_trace(trace.parent_trace)


def make_dual(trace: Any, primal: Any, tangent: Any) -> Any:
    """The value of `trace` with this tangent."""
    return JVPTracer(trace, primal, tangent)


def split_dual(trace: Any, x: Any) -> tuple[Any, Any]:
    """(primal, tangent), the tangent None where it is zero without being stored."""
    if not isinstance(x, JVPTracer) or x._trace is not trace:
        return x, None
    tangent = ad.instantiate_zeros(x.tangent) if type(x.tangent) is not ad.Zero else None
    return x.primal, tangent
