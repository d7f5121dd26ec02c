"""The one mechanism for ops: a pure function on arrays becomes PyTorch's function, method, in-place method and `out=`.

    @op(inplace=True, scalars="other alpha")
    def add(input, other, *, alpha=1): ...

registers `torch.add`, `Tensor.add` and `Tensor.add_`, and leaves `add` the pure function that other ops may call. A
call unwraps the tensors, runs the function jitted as a whole (what is not a tensor is part of the compilation key), and
wraps what comes back. `scalars` names the parameters whose Python numbers go in as weakly typed arguments, so that
`x * 0.1` and `x * 0.2` share one compilation. `put` makes the op a view: `put(base, value, *args)` is `base` with the
view replaced.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import grad_mode, jaxapi, levels
from functorch_jax.torch import _ambient, _autocast, _inference, _tape
from functorch_jax.torch._dtype import dtype as torch_dtype
from functorch_jax.torch._dtype import torch_dtype as torch_dtype_of
from functorch_jax.torch._graph import Rule, state
from functorch_jax.torch._promote import cast
from functorch_jax.torch._size import size_from
from functorch_jax.torch._tensor import Tensor, check_write, wrap

__all__ = ["NAMESPACES", "fit", "fitted", "function", "op", "row", "store_out"]

F = TypeVar("F", bound=Callable[..., Any])

NAMESPACES: dict[str, dict[str, Any]] = {
    name: {} for name in ("torch", "Tensor", "nn.functional", "linalg", "special", "fft", "masked")
}
"""Every registered function, by the namespace and name that PyTorch gives it."""

_PLACES: dict[tuple[str, str], str] = {}
_ARRAY = "<array>"  # marks, in a compilation key, the place of an argument that is an array
_NUMBERS = (float, int, complex, bool)
_MISSING: Any = inspect.Parameter.empty


def _register(namespace: str, name: str, value: Any, place: str) -> None:
    if (namespace, name) in _PLACES:
        raise RuntimeError(f"{namespace}.{name} is registered twice: in {_PLACES[namespace, name]} and in {place}")
    _PLACES[namespace, name] = place
    NAMESPACES[namespace][name] = value
    if namespace == "Tensor":
        setattr(Tensor, name, value)


_OF_TENSORS = frozenset("array at astype dtype flatten ndim reshape shape size sum".split())


class Op:
    """A pure function on arrays with what is needed to call it on tensors."""

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str,
        scalars: str = "",
        varargs: bool = False,
        put: Callable[..., Any] | None = None,
        jit: bool = True,
        check: Callable[..., None] | None = None,
    ) -> None:
        self.fn = fn
        self.name = name
        parameters = list(inspect.signature(fn).parameters.values())
        self.params = [p.name for p in parameters]
        self.index = {p: i for i, p in enumerate(self.params)}
        self.defaults = [p.default for p in parameters]
        self.positional = sum(p.kind is not p.KEYWORD_ONLY for p in parameters)
        self.scalar = [p in scalars.split() for p in self.params]
        self.varargs = varargs
        self.put = put
        self.check = check
        self.inplace_flag = self.index.get("inplace")
        self.rule = Rule(name, lambda key, arrays: self.apply(_fill(key[0], arrays)), jit)
        self.run = self.rule.run
        self.put_rule = self.run_put = None
        if put is not None:
            self.put_rule = Rule(name, lambda key, arrays: put(*arrays[:2], *_fill(key[0][1:], arrays[2:])), jit)
            self.run_put = self.put_rule.run

    def apply(self, values: list[Any]) -> Any:
        """The pure function on one value for each parameter."""
        n = self.positional
        try:
            return self.fn(*values[:n], **dict(zip(self.params[n:], values[n:], strict=True)))
        except AttributeError as e:
            raise self._misuse(values, e) from e

    def _misuse(self, values: list[Any], error: AttributeError) -> Exception:
        """PyTorch's complaint when the function met a Python value where a tensor belongs."""
        if error.name in _OF_TENSORS and not hasattr(error.obj, "dtype"):
            for i, (name, value) in enumerate(zip(self.params, values, strict=True), 1):
                if type(value) is type(error.obj):
                    kind = "list" if isinstance(value, tuple) else type(value).__name__  # lists are tuples in keys
                    return TypeError(f"{self.name}(): argument '{name}' (position {i}) must be Tensor, not {kind}")
        return error

    # -- binding arguments ---------------------------------------------------------------------------------------------

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """One value for each parameter. Raises TypeError as a Python function would, and what `check` raises."""
        if self.varargs and len(args) > 1:
            args = (args[0], size_from(args[1:]))
        if len(args) > self.positional:
            raise TypeError(f"{self.name}() takes {self.positional} positional arguments but {len(args)} were given")
        values = [*args, *self.defaults[len(args) :]]
        for key, value in kwargs.items():
            i = self.index.get(_KEYWORDS.get(key, key)) if key not in self.index else self.index[key]
            if i is None:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{key}'")
            if i < len(args):
                raise TypeError(f"{self.name}() got multiple values for argument '{key}'")
            values[i] = value
        for name, value in zip(self.params, values, strict=True):
            if value is _MISSING:
                raise TypeError(f"{self.name}() missing 1 required positional argument: '{name}'")
        if self.check is not None:
            self.check(*values)
        return values

    def split(self, values: list[Any]) -> tuple[Any, list[Any]]:
        """The compilation key and the arrays of a call."""
        arrays: list[Any] = []
        template: list[Any] = []
        lifted = state.lift is not None
        for value, default, scalar in zip(values, self.defaults, self.scalar, strict=True):
            if isinstance(value, Tensor):
                arrays.append(value.read() if lifted else value.array)
                template.append(_ARRAY)
            elif value is default or value is None:
                template.append(value)
            elif scalar and type(value) in _NUMBERS:
                arrays.append(value)
                template.append(_ARRAY)
            else:
                template.append(_static(value, arrays))
        # 1, 1.0 and True are equal as keys and are not the same argument
        return (tuple(template), tuple(map(type, template)), _ambient.ambient()), arrays

    # -- calling -------------------------------------------------------------------------------------------------------

    def compute(self, values: list[Any]) -> Any:
        """The arrays that the op gives for these arguments."""
        if _inference.seen:
            _inference.check(self.name, values)
        key, arrays = self.split(values)
        try:
            return self.run(key, *arrays)
        except jax.errors.UnexpectedTracerError:
            key, arrays = self.split([v.revived() if isinstance(v, Tensor) else v for v in values])
            return self.run(key, *arrays)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None) if kwargs else None
        values = self.bind(args, kwargs)
        if self.put is not None:
            return self._view(values)
        if _autocast.seen:
            values = _autocast.cast(self.name, values)
        if self.inplace_flag is not None and values[self.inplace_flag]:
            return self.write(values)
        if state.live and grad_mode.is_grad_enabled() and (_tape.tracked(values) or out is not None):
            return self._recorded(values, out)
        result = self.compute(values)
        if out is not None:
            return store_out(out, result, self.name)
        return wrap(result) if isinstance(result, jax.Array) else _wrap_tree(result)

    def _recorded(self, values: list[Any], out: Any = None) -> Any:
        """The tensors that the op gives, on the tape."""
        if out is not None:
            if _tape.tracked(values) or any(
                o.requires_grad for o in (out if isinstance(out, (tuple, list)) else [out])
            ):
                raise RuntimeError(f"{self.name}(): {_NO_OUT}, but one of the arguments requires grad.")
            return store_out(out, self.compute(values), self.name)
        if _inference.seen:
            _inference.check(self.name, values)
        _check_saved(values, self.name)
        key, arrays = self.split(values)
        try:
            result = self.run(key, *arrays)
        except jax.errors.UnexpectedTracerError:
            values = [v.revived() if isinstance(v, Tensor) else v for v in values]
            key, arrays = self.split(values)
            result = self.run(key, *arrays)
        return _tape.record(self.rule, key, _tensors(values, self.defaults, self.scalar), arrays, result)

    def _view(self, values: list[Any]) -> Any:
        base = values[0]
        key, arrays = self.split(values)
        try:
            array = self.run(key, *arrays)
        except jax.errors.UnexpectedTracerError:
            base = base.revived()
            key, arrays = self.split([base, *values[1:]])
            array = self.run(key, *arrays)
        if not isinstance(base, Tensor):
            return wrap(array)
        view = base.make_view(array, self, key, arrays[1:])
        if state.live and self.name not in _UNTRACKED and grad_mode.is_grad_enabled() and _tape.tracked((base,)):
            tensors = [base, *([None] * (len(arrays) - 1))]
            recorded = _tape.record(self.rule, key, tensors, arrays, array)
            view._node, view._nr = recorded._node, recorded._nr
        return view

    def write(self, values: list[Any]) -> Any:
        """The in-place form: compute, check that the result fits, write it into the first argument."""
        target = values[0]
        if not isinstance(target, Tensor):
            raise TypeError(f"{self.name}_(): the first argument must be a Tensor, not {type(target).__name__}")
        target.check_writable()
        if self.inplace_flag is not None:
            values[self.inplace_flag] = False
        if state.live and grad_mode.is_grad_enabled() and _tape.tracked(values):
            result = self._recorded(values)
            _tape.written_back(result._node, (target,))
            target.overwrite(fitted(target, result, self.name))
            return target
        target.overwrite(check_write(target, self.compute(values), self.name))
        return target


def _tensors(values: list[Any], defaults: list[Any], scalars: list[bool]) -> list[Any]:
    """For each array of `Op.split` the tensor that it is of, or None."""
    found: list[Any] = []
    for value, default, scalar in zip(values, defaults, scalars, strict=True):
        if isinstance(value, Tensor):
            found.append(value)
        elif value is default or value is None:
            continue
        elif scalar and type(value) in _NUMBERS:
            found.append(None)
        else:
            _collect(value, found)
    return found


def _collect(value: Any, found: list[Any]) -> None:
    if isinstance(value, (Tensor, jax.Array, np.ndarray)):
        found.append(value if isinstance(value, Tensor) else None)
    elif isinstance(value, (tuple, list)):
        for each in value:
            _collect(each, found)


def _check_saved(values: list[Any], name: str) -> None:
    """Raise for an inference tensor that the tape would keep."""
    if any(isinstance(v, Tensor) and v._inference for v in values) and name not in _inference.KEEPS_NOTHING:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd: clone it outside of inference mode, or compute it under no_grad"
        )


_KEYWORDS = {
    "self": "input",
    "A": "input",
    "axis": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "a": "input",
    "x2": "other",
}


def _fill(template: tuple[Any, ...], arrays: Any) -> list[Any]:
    rest = iter(arrays)
    return [_fill_one(entry, rest) for entry in template]


def _fill_one(entry: Any, rest: Any) -> Any:
    if entry is _ARRAY or entry == _ARRAY:
        return next(rest)
    if type(entry) is tuple and _ARRAY in entry:
        return [_fill_one(e, rest) for e in entry]
    return entry


def _static(value: Any, arrays: list[Any]) -> Any:
    """`value` as a hashable part of the key; arrays found in it are moved to `arrays`."""
    if isinstance(value, (Tensor, jax.Array, np.ndarray)):
        arrays.append(value.read() if isinstance(value, Tensor) else value)
        return _ARRAY
    if isinstance(value, (tuple, list)):
        return tuple(_static(v, arrays) for v in value)
    if type(value) is torch_dtype:
        return value.np
    if isinstance(value, np.generic):
        return value.item()
    return value


def _wrap_tree(result: Any) -> Any:
    if isinstance(result, jax.Array):
        return wrap(result)
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(_wrap_tree, result))
    if isinstance(result, (tuple, list)):
        return type(result)(map(_wrap_tree, result))
    return result


_UNTRACKED = ("detached", "inner")  # views without the derivative


def _fit(input: Any, shape: Any, dtype: Any) -> Any:
    return cast(jnp.broadcast_to(input, shape), dtype)


_NO_OUT = "functions with out=... arguments don't support automatic differentiation"


def _check_out(out: Any, result: Any, name: str) -> None:
    """Raise PyTorch's error for `out=` under the transform that `result` belongs to."""
    inside = jaxapi.peel(result)
    if inside is None:
        return
    if inside.kind == "vmap":
        if out.made_here():
            return
        raise RuntimeError(f"vmap: {name}: the fallback path doesn't work on out= or view ops.")
    level = levels.current()
    if level is not None and level.kind != "grad":
        raise NotImplementedError(
            f"Trying to use forward AD with {name} that does not support it because it is an out= function"
        )
    raise RuntimeError(f"{name}(): {_NO_OUT}, but one of the arguments requires grad.")


def store_out(out: Any, result: Any, name: str) -> Any:
    if isinstance(result, (tuple, list)):
        stored = [store_out(o, r, name) for o, r in zip(out, result, strict=True)]
        return type(result)(*stored) if hasattr(result, "_fields") else type(result)(stored)
    out.check_writable(f"{name}(): {_NO_OUT}")
    _check_out(out, result, name)
    if out.shape != result.shape:
        out.resize_array(result.shape)
    out.overwrite(check_write(out, result, name))
    return out


_FIT = Op(_fit, "to")


def fit(tensor: Tensor, like: Any) -> Tensor:
    """`tensor` broadcast and cast to the shape and dtype of the array `like`, with its history."""
    if tensor.array.shape == like.shape and tensor.array.dtype == like.dtype:
        return tensor
    return _FIT(tensor, tuple(like.shape), torch_dtype_of(like.dtype))  # type: ignore[no-any-return]


def fitted(target: Tensor, result: Tensor, name: str) -> Tensor:
    """`result` as it would be stored in `target`, with its history. Raises what `check_write` raises."""
    fitting = check_write(target, result.array, name)
    if fitting is result.array:
        return result
    return fit(result, fitting)


def op(
    where: str = "torch Tensor",
    *,
    name: str | None = None,
    aliases: str = "",
    scalars: str = "",
    inplace: bool = False,
    varargs: bool = False,
    put: Callable[..., Any] | None = None,
    jit: bool = True,
    check: Callable[..., None] | None = None,
) -> Callable[[F], F]:
    """Register a pure function on arrays as an op.

    Args:
        where: the namespaces it appears in, of `NAMESPACES`.
        name: PyTorch's name, when the function's own cannot be used.
        aliases: further names, in the same namespaces (and in-place).
        scalars: parameters whose Python numbers are arguments of the compiled program, not part of its key.
        inplace: also register the method `name_`.
        varargs: the second parameter may be spread out: `x.view(2, 3)` for `x.view((2, 3))`.
        put: makes it a view; `put(base, value, *args)` returns `base` with the view replaced by `value`.
        jit: False for a function whose result has a shape that depends on values.
        check: is called with the arguments, tensors as they are, before anything is computed: it raises for values that
            PyTorch refuses, which a compiled program cannot.

    Returns: a decorator that gives the function back unchanged.
    """

    def decorate(fn: F) -> F:
        main = name or fn.__name__
        record = Op(fn, main, scalars, varargs, put, jit, check)

        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            return record(*args, **kwargs)

        @functools.wraps(fn)
        def call_(self: Any, *args: Any, **kwargs: Any) -> Any:
            return record.write(record.bind((self, *args), kwargs))

        call.__name__ = call.__qualname__ = main
        call_.__name__ = call_.__qualname__ = f"{main}_"
        place = f"{fn.__module__}:{fn.__code__.co_firstlineno}" if hasattr(fn, "__code__") else fn.__module__
        for each in [main, *aliases.split()]:
            for namespace in where.split():
                _register(namespace, each, call, place)
            if inplace:
                _register("Tensor", f"{each}_", call_, place)
        return fn

    return decorate


def row(where: str, name: str, fn: Callable[..., Any], **options: Any) -> None:
    """Register `fn` under `name`: the form for tables."""
    op(where, name=name, **options)(fn)


def function(where: str = "torch Tensor", *, name: str | None = None, aliases: str = "") -> Callable[[F], F]:
    """Register a Python function on tensors as it is: for what composes ops, or makes no tensor."""

    def decorate(fn: F) -> F:
        place = f"{fn.__module__}:{fn.__code__.co_firstlineno}"
        for each in [name or fn.__name__, *aliases.split()]:
            for namespace in where.split():
                _register(namespace, each, fn, place)
        return fn

    return decorate
