"""Optimizers whose step is a rule for one parameter at a time: all parameters of a group in one compiled call.

A class names its options and writes two pure functions:

    class Momentum(RuleOptimizer):
        _numbers = "lr momentum"  # go in as arrays: a schedule does not compile anew
        _flags = "nesterov"  # are part of the compilation key
        _shared = "step"  # numbers in the state, of which many parameters have the same

        def _initial(self, group, parameter):
            return {"step": 0.0, "momentum_buffer": 0.0}  # what arrays are filled with

        def _scalars(o, step):  # in double precision, once for all parameters with one `step`
            return (step + 1,), {"size": o.lr / (step + 1)}

        def _update(o, p, g, buffer):  # for each parameter, everything in its dtype
            buffer = o.momentum * buffer + g
            return p - o.size * buffer, buffer

What is complex goes through `_update` as pairs of reals, and what has 16 bits in 32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax import grad_mode, jaxapi
from functorch_jax.torch import _tape
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._op import Op
from functorch_jax.torch._tensor import Tensor, overwrite_all, read_all, unwrap, wrap
from functorch_jax.torch.optim.optimizer import Closure, Optimizer

__all__ = ["Options", "RuleOptimizer", "check", "check_lr", "decayed", "lerp", "options"]

_FEW = 4  # so many parameters may differ in their step before their values are compared


def check(fine: Any, message: str) -> None:
    """Raise ValueError with `message` unless `fine`."""
    if not fine:
        raise ValueError(message)


def check_lr(lr: Any, message: str = "Invalid learning rate: {}") -> None:
    """Raise ValueError for a learning rate that is negative or no number."""
    if isinstance(lr, Tensor):
        check(np.prod(lr.shape) == 1, "Tensor lr must be 1-element")
        if jaxapi.trace_ref() is not None:
            return
    check(lr >= 0.0, message.format(lr))


_NOT_NEGATIVE = "eps weight_decay momentum lr_decay momentum_decay initial_accumulator_value".split()


def options(given: dict[str, Any], names: str) -> dict[str, Any]:
    """The options `names` out of the arguments of `__init__` (its `locals()`), in the order of PyTorch's `defaults`.

    What means the same for all optimizers is checked. Raises: ValueError for a negative number or a decay rate that is
    not in [0, 1), RuntimeError for ways to run that exclude each other (here all of them run the same program).
    """
    found = {name: given[name] for name in names.split()}
    check_lr(found["lr"])
    for name in _NOT_NEGATIVE:
        if name in found:
            check(found[name] >= 0.0, f"Invalid {'epsilon' if name == 'eps' else name} value: {found[name]}")
    for i, beta in enumerate(found.get("betas", ())):
        check(0.0 <= beta < 1.0, f"Invalid beta parameter at index {i}: {beta}")
    if found.get("fused"):
        if found["differentiable"]:
            raise RuntimeError("`fused` does not support `differentiable`")
        if found["foreach"]:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    return found


def lerp(start: Any, end: Any, weight: Any) -> Any:
    """`start` moved towards `end`."""
    return start + weight * (end - start)


def decayed(o: Options, p: Any, g: Any) -> tuple[Any, Any]:
    """The parameter and its gradient under weight decay: of the parameter itself where that is decoupled."""
    if "weight_decay" not in o.on:
        return p, g
    if o.flag("decoupled_weight_decay"):
        return p * o.kept, g
    return p, g + o.weight_decay * p


class Options:
    """The options of a group while its step is compiled: numbers as arrays without axes, flags as Python values.

    `on` has the names of the numbers that are not known to be zero.
    """

    on: frozenset[str]

    def __init__(self, values: dict[str, Any]) -> None:
        vars(self).update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def flag(self, name: str) -> Any:
        """The option of this name; None where the optimizer has none such."""
        return vars(self).get(name)

    def cast(self, more: dict[str, Any], dtype: Any) -> Options:
        """These options and `more`, the numbers among them in `dtype`."""
        return Options({k: v.astype(dtype) if isinstance(v, jax.Array) else v for k, v in (vars(self) | more).items()})


def _spec(text: str) -> list[tuple[str, list[str]]]:
    """ "lr betas:beta1,beta2" as [("lr", ["lr"]), ("betas", ["beta1", "beta2"])]."""
    return [(each.partition(":")[0], (each.partition(":")[2] or each).split(",")) for each in text.split()]


class RuleOptimizer(Optimizer):
    """An optimizer that is a rule for one parameter. See the head of this file."""

    _numbers: str = "lr"
    _flags: str = "maximize"
    _shared: str = ""
    _initial: Any
    _scalars: Any
    _update: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        rule: Any = cls
        cls._options = _spec(cls._numbers)
        cls._flag_names = cls._flags.split()
        cls._shared_names = cls._shared.split()

        def run(key: Any, numbers: Any, tensors: Any, params: Any, grads: Any, states: Any, shared: Any) -> Any:
            return _all(rule, key, numbers, tensors, params, grads, states, shared)

        run.__name__ = run.__qualname__ = f"{cls.__name__}.step"
        cls._run = staticmethod(jax.jit(run, static_argnums=0))
        cls._op = Op(run, run.__name__)  # what the tape records

    _options: list[tuple[str, list[str]]]
    _flag_names: list[str]
    _shared_names: list[str]
    _run: Callable[..., Any]
    _op: Op

    def step(self, closure: Closure | None = None) -> Any:
        """Update the parameters once.

        Args:
            closure: computes the loss and the gradients again; it runs with gradients enabled.

        Returns: what `closure` gives, or None.
        """
        differentiable = bool(self.defaults.get("differentiable"))
        loss = None
        with grad_mode.set_grad_enabled(differentiable):
            if closure is not None:
                with grad_mode.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                self._step_group(group, differentiable)
        return loss

    def _extra(self, group: dict[str, Any], params: list[Any]) -> Any:
        """What else the compilation depends on."""
        return None

    def _step_group(self, group: dict[str, Any], differentiable: bool) -> None:
        params, grads = [], []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is not None:
                parameter.check_writable()
                params.append(parameter)
                grads.append(gradient)
        if not params:
            return
        numbers, tensors, on = self._values(group)
        extra = self._extra(group, params)
        states, names = self._states(group, params)
        members, shared = self._distinct(states)
        key = (
            tuple(group[name] for name in self._flag_names),
            tuple(on),
            tuple(i for i, n in enumerate(numbers) if n is None),
            names,
            members,
            extra,
        )
        vector = np.array([0.0 if n is None else n for n in numbers], np.float64)
        own = [state[name] for state, each in zip(states, names, strict=True) for name in each]
        if differentiable:
            out = self._op(key, vector, tensors, params, grads, own, shared)
        else:
            out = self._run(key, vector, *(read_all(each) for each in (tensors, params, grads, own, shared)))
        # the numbers of the state are written last, one array for all parameters that have the same
        targets, values = [*params, *own], list(out[: len(params) + len(own)])
        rest, count = out[len(values) :], len(self._shared_names)
        for i, name in enumerate(self._shared_names):
            targets += [state[name] for state in states]
            values += [rest[member * count + i] for member in members]
        if differentiable:
            _tape.written_back(values[0].node, targets)
        overwrite_all(targets, values)

    def _values(self, group: dict[str, Any]) -> tuple[list[Any], list[Any], list[str]]:
        """The numbers among the options, with None in the place of each tensor; those tensors; what is not zero."""
        numbers: list[Any] = []
        tensors: list[Any] = []
        on: list[str] = []
        for option, names in self._options:
            value = group[option]
            for name, each in zip(names, (value,) if len(names) == 1 else value, strict=True):
                if isinstance(each, (Tensor, jax.Array)):
                    tensors.append(each)
                    numbers.append(None)
                    on.append(name)
                else:
                    numbers.append(float("nan") if each is None else each)
                    if each:
                        on.append(name)
        return numbers, tensors, on

    def _states(self, group: dict[str, Any], params: list[Any]) -> tuple[list[dict[str, Any]], Any]:
        """The state of each parameter, made where there is none, and the names of the arrays in each."""
        states, names = [], []
        common: dict[Any, Any] = {}
        of_arrays: dict[Any, Any] = {}
        for parameter in params:
            initial = self._initial(group, parameter)
            state = self.state[parameter] if initial else {}
            for name, value in initial.items():
                if not isinstance(state.get(name), Tensor):
                    state[name] = self._made(parameter, name, value, state.get(name), common)
            states.append(state)
            key = tuple(initial)
            if key not in of_arrays:
                of_arrays[key] = tuple(name for name in initial if name not in self._shared_names)
            names.append(of_arrays[key])
        return states, tuple(names)

    def _made(self, parameter: Any, name: str, value: Any, old: Any, common: dict[Any, Any]) -> Tensor:
        """A tensor of the state. Parameters that begin together share the arrays of their numbers."""
        if name not in self._shared_names:
            return value() if callable(value) else wrap(filled(parameter.array, value))
        value = unwrap(value if old is None else old)
        key = (name, id(value) if isinstance(value, jax.Array) else value)
        if key not in common:
            dtype = np.float64 if default_dtype() == np.float64 else np.float32
            common[key] = jnp.asarray(value, dtype).reshape(())
        return wrap(common[key])

    def _distinct(self, states: list[dict[str, Any]]) -> tuple[tuple[int, ...], list[Tensor]]:
        """For each state the number of its shared values among the distinct ones, and those, one after the other."""
        if not self._shared_names:
            return (), []
        places: dict[Any, int] = {}
        members: list[int] = []
        shared: list[Tensor] = []
        own = [[state[name] for name in self._shared_names] for state in states]
        keys: list[Any] = [tuple([id(t.array) for t in each]) for each in own]
        if len(set(keys)) == 1:
            return (0,) * len(own), own[0]
        if len(set(keys)) > _FEW and not any(isinstance(t.array, jaxapi.Tracer) for each in own for t in each):
            keys = [tuple(float(t.array) for t in each) for each in own]
        for key, each in zip(keys, own, strict=True):
            if key not in places:
                places[key] = len(places)
                shared += each
            members.append(places[key])
        return tuple(members), shared


def filled(like: Any, value: Any) -> Any:
    """An array like `like`, where that is, with `value` everywhere: in both parts, where it is complex."""
    value = value * (1 + 1j) if jnp.issubdtype(like.dtype, jnp.complexfloating) else value
    device = None if isinstance(like, jaxapi.Tracer) else like.sharding
    return jnp.full_like(like, value, device=device)


def _all(
    rule: Any, key: Any, numbers: Any, tensors: Any, params: Any, grads: Any, states: Any, shared: Any
) -> tuple[Any, ...]:
    """The new parameters, the new arrays of their states, and the new numbers of those, in the order they came in."""
    flags, on, given, names, members, extra = key
    o = _options(rule, flags, on, given, extra, numbers, tensors)
    count = len(rule._shared_names)
    scalars: list[dict[str, Any]] = []
    new_shared: list[Any] = []
    for start in range(0, max(len(shared), 1), max(count, 1)):
        old = shared[start : start + count]
        new, more = rule._scalars(o, *(x.astype(jnp.result_type(float)) for x in old))
        new_shared += [x.astype(y.dtype) for x, y in zip(new, old, strict=True)]
        scalars.append({k: jnp.asarray(v) for k, v in more.items()})
    new_params, new_states = [], []
    rest = iter(states)
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        own = [next(rest) for _ in names[i]]
        old = [p, *own]
        if o.flag("maximize"):
            g = -g
        p, g, *own = map(_opened, (p, g, *own))
        at = o.cast(scalars[members[i] if members else 0] | {"names": names[i], "index": i}, p.dtype)
        new = rule._update(at, p, g.astype(p.dtype), *own)
        p, *own = (_closed(x, y) for x, y in zip(new, old, strict=True))
        new_params.append(p)
        new_states += own
    return (*new_params, *new_states, *new_shared)


def _options(rule: Any, flags: Any, on: Any, given: tuple[int, ...], extra: Any, numbers: Any, tensors: Any) -> Options:
    values: dict[str, Any] = dict(zip(rule._flag_names, flags, strict=True))
    rest = iter(tensors)
    for i, name in enumerate(name for _, names in rule._options for name in names):
        # a tensor counts in its own precision, as its value does in PyTorch
        values[name] = (next(rest).reshape(()) if i in given else numbers[i]).astype(jnp.result_type(float))
    if "weight_decay" in values:
        values["kept"] = 1 - values["lr"] * values["weight_decay"]
    return Options({**values, "on": frozenset(on), "extra": extra})


def _opened(x: Any) -> Any:
    """`x` as `_update` sees it: complex numbers as pairs, 16 bits as 32."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jnp.stack([x.real, x.imag], -1)
    return x.astype(jnp.float32) if x.dtype.itemsize < 4 else x


def _closed(x: Any, like: Any) -> Any:
    """The reverse of `_opened`: `x` in the dtype of `like`."""
    if jnp.issubdtype(like.dtype, jnp.complexfloating):
        return lax.complex(x[..., 0], x[..., 1])
    return x.astype(like.dtype)
