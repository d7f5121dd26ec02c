"""Recurrent networks and their cells: one `lax.scan` for each direction of each layer.

The inputs of all gates are one product for all times, so that a scan only multiplies its state. A packed sequence runs
on the same scan, padded: where a sequence has ended its state stays as it is, so the last state is that of its last
step, and a backward scan starts at each sequence's own end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._ambient import precision
from functorch_jax.torch._generator import draw
from functorch_jax.torch._op import Op, function, op
from functorch_jax.torch._promote import type_name
from functorch_jax.torch._tensor import Tensor, concrete, unwrap, wrap
from functorch_jax.torch.ops.functional_dropout import NOISE
from functorch_jax.torch.ops.functional_misc import linear

__all__ = ["Places", "places"]

# ---- cells -----------------------------------------------------------------------------------------------------------


def _times(x: Any, weight: Any) -> Any:
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {type_name(x.dtype)} and {type_name(weight.dtype)}"
        )
    return lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())), precision=precision())


def _plain(activation: Callable[[Any], Any]) -> Callable[..., Any]:
    def step(gates: Any, state: Any, weight: Any, bias: Any, projection: Any) -> Any:
        return (activation(gates + _times(state[0], weight)),)

    return step


def _lstm(gates: Any, state: Any, weight: Any, bias: Any, projection: Any) -> Any:
    h, c = state
    enter, forget, cell, leave = jnp.split(gates + _times(h, weight), 4, axis=-1)
    c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(enter) * jnp.tanh(cell)
    h = jax.nn.sigmoid(leave) * jnp.tanh(c)
    return (h if projection is None else _times(h, projection), c)


def _gru(gates: Any, state: Any, weight: Any, bias: Any, projection: Any) -> Any:
    (h,) = state
    # the reset gate scales what the state and its bias say together, so this bias cannot join the input's
    inner = _times(h, weight) if bias is None else _times(h, weight) + bias
    reset_in, update_in, new_in = jnp.split(gates, 3, axis=-1)
    reset_h, update_h, new_h = jnp.split(inner, 3, axis=-1)
    update = jax.nn.sigmoid(update_in + update_h)
    new = jnp.tanh(new_in + jax.nn.sigmoid(reset_in + reset_h) * new_h)
    return (new + update * (h - new),)


class _Cell(NamedTuple):
    """`step(gates of the input, state, weight, bias, projection)` gives the next state, its output first."""

    step: Callable[..., Any]
    gates: int
    joint_bias: bool = True  # whether the state's bias is added to the input's


CELLS = {
    "rnn_tanh": _Cell(_plain(jnp.tanh), 1),
    "rnn_relu": _Cell(_plain(jax.nn.relu), 1),
    "lstm": _Cell(_lstm, 4),
    "gru": _Cell(_gru, 3, joint_bias=False),
}


def _gates(cell: _Cell, x: Any, weight: Any, bias: Any, state_bias: Any) -> Any:
    """What the input says to each gate."""
    if cell.joint_bias and bias is not None and state_bias is not None:
        bias = bias + state_bias
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {type_name(x.dtype)} and {type_name(weight.dtype)}"
        )
    return linear(x, weight, bias)


# ---- layers ----------------------------------------------------------------------------------------------------------


def _layer(cell: _Cell, x: Any, state: Any, weights: Any, running: Any, reverse: bool) -> tuple[Any, Any]:
    """One direction of one layer, on (time, batch, features): its outputs and its last state."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights

    def step(state: Any, now: Any) -> Any:
        gates, runs = now
        new = cell.step(gates, state, w_hh, b_hh, w_hr)
        if runs is not None:
            new = tuple(jnp.where(runs[:, None], n, s) for n, s in zip(new, state, strict=True))
        return new, new[0]

    last, out = lax.scan(step, state, (_gates(cell, x, w_ih, b_ih, b_hh), running), reverse=reverse)
    return out, last


def _grouped(params: Sequence[Any], biased: bool, projected: bool, count: int) -> list[tuple[Any, ...]]:
    """(w_ih, w_hh, b_ih, b_hh, w_hr) of each direction of each layer, None for those that there are not."""
    each = 2 + 2 * biased + projected
    if len(params) % each:
        raise RuntimeError(f"got an incorrect number of RNN parameters: {len(params)}, {each} for each direction")
    if len(params) > each * count:
        raise RuntimeError("got an incorrect number of RNN parameters")
    if len(params) < each * count:
        raise RuntimeError("Expected more weights in stacked_rnn")
    groups = []
    for i in range(0, len(params), each):
        w_ih, w_hh, *rest = params[i : i + each]
        b_ih, b_hh = rest[:2] if biased else (None, None)
        groups.append((w_ih, w_hh, b_ih, b_hh, rest[-1] if projected else None))
    return groups


def _network(
    name: str,
    input: Any,
    states: Any,
    params: Any,
    noises: Any,
    where: Any,
    biased: bool,
    num_layers: int,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """All layers. `noises` multiply what goes from a layer to the next; `where` says how a packed input is laid out."""
    cell, directions = CELLS[name], 2 if bidirectional else 1
    padded, running, packed = where if where is not None else (None, None, None)
    if where is not None and input.ndim != 2:
        raise RuntimeError(f"input must have 2 dimensions, got {input.ndim}")
    x = jnp.swapaxes(input, 0, 1) if batch_first else input
    if where is None and x.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    if where is not None:
        x = _pad(x, padded)
    count = num_layers * directions
    if any(len(s) < count for s in states):
        raise RuntimeError("Expected more hidden states in stacked_rnn")
    projected = len(states) == 2 and states[0].shape[2] != states[1].shape[2]
    groups = _grouped(params, biased, projected, count)
    last = []
    for layer in range(num_layers):
        outs = []
        for direction in range(directions):
            i = layer * directions + direction
            out, final = _layer(cell, x, tuple(s[i] for s in states), groups[i], running, bool(direction))
            outs.append(out)
            last.append(final)
        x = outs[0] if directions == 1 else jnp.concatenate(outs, axis=-1)
        if noises is not None and layer < num_layers - 1:
            x = x * (noises[layer] if where is None else _pad(noises[layer], padded))
    if where is not None:
        x = x.reshape(-1, x.shape[-1])[packed]
    elif batch_first:
        x = jnp.swapaxes(x, 0, 1)
    return (x, *(jnp.stack(s) for s in zip(*last, strict=True)))


def _pad(x: Any, padded: Any) -> Any:
    return x.at[padded].get(mode="fill", fill_value=0)


class Places(NamedTuple):
    """How the rows of a packed sequence lie in (time, batch): NumPy arrays."""

    padded: Any  # (time, batch): the row that lies there; beyond the last row where none does
    running: Any  # (time, batch): whether one does
    packed: Any  # (rows,): where each row lies, in time * batch


def places(batch_sizes: Any) -> Places:
    """The layout of a packed sequence. `batch_sizes` must be known, and says how many sequences run at each time."""
    sizes = np.asarray(concrete(batch_sizes, "a packed sequence"), np.int64)
    if sizes.ndim != 1 or not len(sizes):
        raise RuntimeError(f"batch_sizes must be a vector with an entry for each time, but has shape {sizes.shape}")
    running = np.arange(sizes[0]) < sizes[:, None]
    padded = np.where(running, np.cumsum(running).reshape(running.shape) - 1, sizes.sum())
    return Places(padded, running, np.flatnonzero(running))


# ---- torch.lstm, gru, rnn_tanh, rnn_relu -----------------------------------------------------------------------------

_LONG = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
_PACKED = ("data", "batch_sizes", *_LONG[1:-1])


def _bound(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, of the call on padded sequences or of the one on packed ones."""
    is_packed = "batch_sizes" in kwargs or (len(args) > 3 and not isinstance(args[3], (bool, int)))
    names = _PACKED if is_packed else _LONG
    values = {**dict(zip(names, args, strict=False)), **kwargs}
    if len(args) > len(names) or set(values) != set(names):
        given = ", ".join([*(type(a).__name__ for a in args), *kwargs])
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({given}), but expected one of:\n"
            f" * ({', '.join(_PACKED)})\n * ({', '.join(_LONG)})"
        )
    return values


def _dropped(layers: int, p: float, shape: tuple[int, ...], dtype: Any) -> Any:
    """What the outputs of all layers but the last are multiplied by."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p == 1:
        return [wrap(jnp.zeros(shape, dtype))] * (layers - 1)
    return [wrap(draw(NOISE, shape, dtype, p)) for _ in range(layers - 1)]


def _called(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call = _bound(name, args, kwargs)
    states = call["hx"]
    if name == "lstm":
        if isinstance(states, Tensor) or len(states) != 2:
            raise RuntimeError("lstm expects two hidden states")
    else:
        states = [states]
    x = call["data"] if "data" in call else call["input"]
    layers, bidirectional, noises = call["num_layers"], bool(call["bidirectional"]), None
    if call["train"] and call["dropout"] > 0 and layers > 1:
        rows = x.shape[:-1][::-1] if call.get("batch_first") else x.shape[:-1]
        width = unwrap(states[0]).shape[-1] * (2 if bidirectional else 1)
        noises = _dropped(layers, call["dropout"], (*rows, width), x.array.dtype)
    where = tuple(places(call["batch_sizes"])) if "data" in call else None
    options = (bool(call["has_biases"]), layers, bidirectional, bool(call.get("batch_first", False)))
    return NETWORKS[name](x, tuple(states), tuple(call["params"]), noises, where, *options)


def _register(name: str) -> Op:
    def network(
        input: Any,
        states: Any,
        params: Any,
        noises: Any,
        where: Any,
        biased: bool,
        num_layers: int,
        bidirectional: bool,
        batch_first: bool,
    ) -> Any:
        return _network(name, input, states, params, noises, where, biased, num_layers, bidirectional, batch_first)

    def call(*args: Any, **kwargs: Any) -> Any:
        return _called(name, args, kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""All layers of a recurrent network, by flat weights.

    `(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)`, or for a packed sequence
    `(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)`.

    Returns: the outputs and the last state{"s of h and c" if name == "lstm" else ""}.
    Errors: RuntimeError when sizes or the number of weights do not fit.
    Source: torch.{name}.
    """
    function("torch")(call)
    return Op(network, name)


NETWORKS = {name: _register(name) for name in CELLS}


# ---- cells, as functions ---------------------------------------------------------------------------------------------


def _cell(name: str, input: Any, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    cell = CELLS[name]
    if input.shape[1] != w_ih.shape[1]:
        raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {w_ih.shape[1]}")
    for i, s in enumerate(state):
        if s.shape[0] != input.shape[0]:
            raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size {s.shape[0]}")
        if s.shape[1] != w_hh.shape[1]:
            raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {s.shape[1]}, expected {w_hh.shape[1]}")
    return cell.step(_gates(cell, input, w_ih, b_ih, b_hh), state, w_hh, b_hh, None)


@op("torch")
def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """tanh(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh). Source: torch.rnn_tanh_cell."""
    return _cell("rnn_tanh", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@op("torch")
def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """`rnn_tanh_cell` with a ReLU. Source: torch.rnn_relu_cell."""
    return _cell("rnn_relu", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@op("torch")
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of a GRU: (batch, input) and (batch, hidden) to (batch, hidden). Source: torch.gru_cell."""
    return _cell("gru", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def _check_pair(input: Any, hx: Any, *rest: Any) -> None:
    if isinstance(hx, Tensor):
        raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor")
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")


@op("torch", check=_check_pair)
def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of an LSTM, whose state `hx` is a pair; gives the next pair. Source: torch.lstm_cell."""
    return _cell("lstm", input, tuple(hx), w_ih, w_hh, b_ih, b_hh)
