"""Recurrent layers, whole (`RNN`, `LSTM`, `GRU`) and as single steps (the cells)."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import numpy as np

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._tensor import concrete
from functorch_jax.torch.nn import init
from functorch_jax.torch.nn._make import parameter
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.parameter import Parameter
from functorch_jax.torch.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _torch(name: str) -> Any:
    return NAMESPACES["torch"][name]


def _permuted(state: Any, order: Any) -> Any:
    return state if order is None else state.index_select(1, order)


class RNNBase(Module):
    """Settings and parameters of the recurrent layers.

    The parameters of layer k are weight_ih_l{k}, weight_hh_l{k}, bias_ih_l{k}, bias_hh_l{k} and, with `proj_size`,
    weight_hr_l{k}; those of the backward direction end in _reverse.

    Source: torch.nn.RNNBase.
    """

    __constants__ = (
        "mode",
        "input_size",
        "hidden_size",
        "num_layers",
        "bias",
        "batch_first",
        "dropout",
        "bidirectional",
        "proj_size",
    )

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_settings(input_size, hidden_size, num_layers, dropout, proj_size)
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        out, rows = proj_size or hidden_size, _GATES[mode] * hidden_size
        directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, input_size if layer == 0 else out * directions),
                    "weight_hh": (rows, out),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                self._all_weights.append([f"{name}_l{layer}{suffix}" for name in shapes])
                for name, shape in zip(self._all_weights[-1], shapes.values(), strict=True):
                    setattr(self, name, parameter(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, a list for each direction of each layer."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Does nothing: there is no layout of weights to prefer."""

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # -- what may be passed --------------------------------------------------------------------------------------------

    def check_input(self, input: Any, batch_sizes: Any) -> None:
        """Raise for an input of the wrong dtype (ValueError) or size (RuntimeError)."""
        weight = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
                f"input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def _expected_size(self, batch: int, width: int) -> tuple[int, int, int]:
        return (self.num_layers * (2 if self.bidirectional else 1), batch, width)

    def _batch(self, input: Any, batch_sizes: Any) -> int:
        if batch_sizes is not None:
            return int(np.asarray(concrete(batch_sizes, "a packed sequence"))[0])
        return int(input.size(0) if self.batch_first else input.size(1))

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        return self._expected_size(self._batch(input, batch_sizes), self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Any, expected_hidden_size: Any, msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(tuple(expected_hidden_size), list(hx.size())))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        return _permuted(hx, permutation)

    # -- running -------------------------------------------------------------------------------------------------------

    def _zeros(self, input: Any, batch: int) -> Any:
        shape = self._expected_size(batch, self.proj_size or self.hidden_size)
        return _torch("zeros")(*shape, dtype=input.dtype, device=input.device)

    def _given(self, hx: Any, batched: bool) -> Any:
        """A state that was passed, with an axis for the batch."""
        if hx.dim() != (3 if batched else 2):
            kind, wanted = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {hx.dim()}-D tensor")
        return hx if batched else hx.unsqueeze(1)

    def _unbatched(self, state: Any) -> Any:
        return state.squeeze(1)

    def _result(self, result: tuple[Any, ...]) -> tuple[Any, Any]:
        """The outputs and the state, of what the function gives."""
        return result[0], result[1]

    def _call(self, input: Any, hx: Any) -> Any:
        packed = isinstance(input, PackedSequence)
        batched, batch_axis = True, 0 if self.batch_first else 1
        if packed:
            data, batch_sizes, order, back = input
        else:
            data, batch_sizes, order, back = input, None, None, None
            if data.dim() not in (2, 3):
                tensor = " tensor" if self.mode.startswith("RNN") else ""
                raise ValueError(
                    f"{self._get_name()}: Expected input to be 2D or 3D, got {data.dim()}D{tensor} instead"
                )
            batched = data.dim() == 3
            data = data if batched else data.unsqueeze(batch_axis)
        if hx is None:
            hx = self._zeros(data, self._batch(data, batch_sizes))
        else:
            hx = self.permute_hidden(hx if packed else self._given(hx, batched), order)
        self.check_forward_args(data, hx, batch_sizes)
        function = _torch(self.mode.lower())
        settings = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if packed:
            out, state = self._result(function(data, batch_sizes, hx, self._flat_weights, *settings))
            return PackedSequence(out, batch_sizes, order, back), self.permute_hidden(state, back)
        out, state = self._result(function(data, hx, self._flat_weights, *settings, self.batch_first))
        return (out, state) if batched else (out.squeeze(batch_axis), self._unbatched(state))

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        changed = [f"{n}={getattr(self, n)}" for n, default in defaults.items() if getattr(self, n) != default]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def _check_settings(input_size: Any, hidden_size: Any, num_layers: Any, dropout: Any, proj_size: Any) -> None:
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(value, int):
            raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


def _refuse_projection(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), over time and layers; ReLU with `nonlinearity="relu"`.

    Args: as `LSTM`, with `nonlinearity` after `num_layers` and without `proj_size`.

    Source: torch.nn.RNN.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse_projection(kwargs)
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{self.nonlinearity.upper()}", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._call(input, hx)


class GRU(RNNBase):
    """A gated recurrent unit over time and layers.

    Args: as `LSTM`, without `proj_size`.

    Source: torch.nn.GRU.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._call(input, hx)


class LSTM(RNNBase):
    """A long short-term memory over time and layers. Each direction of each layer is one `lax.scan`.

    Args:
        input_size, hidden_size, num_layers: sizes; layers after the first read the outputs of the one before.
        bias: whether there are biases.
        batch_first: inputs and outputs are (batch, time, features); states stay (layers, batch, features).
        dropout: the probability of zeroing an output between layers, when training.
        bidirectional: also run backward, and give both outputs side by side.
        proj_size: project h to this size; 0 for not at all.

    Called with (time, batch, input_size), (time, input_size) or a `PackedSequence`, and the state as a pair (h, c).
    Returns: the outputs (time, batch, directions * size of h) and the last (h, c).

    Example:
        >>> from functorch_jax import torch
        >>> out, (h, c) = torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True)(torch.ones(7, 4, 3))
        >>> out.shape, h.shape
        (torch.Size([7, 4, 10]), torch.Size([4, 4, 5]))

    Errors: ValueError, RuntimeError or TypeError for settings, inputs and states that do not fit.
    Source: torch.nn.LSTM.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        return self._expected_size(self._batch(input, batch_sizes), self.hidden_size)

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        self.check_input(input, batch_sizes)
        sizes = (self.get_expected_hidden_size, self.get_expected_cell_size)
        for i, size in enumerate(sizes):
            self.check_hidden_size(hidden[i], size(input, batch_sizes), f"Expected hidden[{i}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        return (_permuted(hx[0], permutation), _permuted(hx[1], permutation))

    def _zeros(self, input: Any, batch: int) -> Any:
        cells = _torch("zeros")(*self._expected_size(batch, self.hidden_size), dtype=input.dtype, device=input.device)
        return super()._zeros(input, batch), cells

    def _given(self, hx: Any, batched: bool) -> Any:
        h, c = hx[0], hx[1]
        if h.dim() != (3 if batched else 2) or c.dim() != h.dim():
            kind, wanted = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {wanted}-D but got ({h.dim()}-D, {c.dim()}-D) tensors"
            )
        return (h, c) if batched else (h.unsqueeze(1), c.unsqueeze(1))

    def _unbatched(self, state: Any) -> Any:
        return state[0].squeeze(1), state[1].squeeze(1)

    def _result(self, result: tuple[Any, ...]) -> tuple[Any, Any]:
        return result[0], (result[1], result[2])

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._call(input, hx)


# ---- cells -----------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """Settings and parameters of the cells. Source: torch.nn.RNNCellBase."""

    __constants__ = ("input_size", "hidden_size", "bias")
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = parameter(rows, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, parameter(rows, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _step(self, function: str, input: Any, states: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
        """Apply a cell's function to what may have no axis for the batch."""
        kind = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{kind}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        if states is None:
            zeros = _torch("zeros")(rows.size(0), self.hidden_size, dtype=input.dtype, device=input.device)
            states = (zeros,) * len(names)
        else:
            for state, name in zip(states, names, strict=True):
                if state.dim() not in (1, 2):
                    raise ValueError(f"{kind}: Expected {name} to be 1D or 2D, got {state.dim()}D instead")
            states = states if batched else tuple(state.unsqueeze(0) for state in states)
            for i, state in enumerate(states):
                if state.dim() != 2:
                    size = state.size(0 if batched else -1)
                    raise RuntimeError(
                        f"Input batch size {rows.size(0)} doesn't match hidden{i} batch size {size}"
                        if batched
                        else f"hidden{i} has inconsistent hidden_size: got {state.size(1)}, expected {self.hidden_size}"
                    )
        hx = states if len(names) == 2 else states[0]
        out = _torch(function)(rows, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        out = out if isinstance(out, tuple) else (out,)
        return out if batched else tuple(o.squeeze(0) for o in out)


class RNNCell(RNNCellBase):
    """One step of an `RNN`: (batch, input) or (input,), and the state, to the next state. Source: torch.nn.RNNCell."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        states = None if hx is None else (hx,)
        return self._step(f"rnn_{self.nonlinearity}_cell", input, states, ("hidden",))[0]


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`: the input and the pair (h, c) to the next pair. Source: torch.nn.LSTMCell."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step("lstm_cell", input, hx, ("hx[0]", "hx[1]"))


class GRUCell(RNNCellBase):
    """One step of a `GRU`: the input and the state to the next state. Source: torch.nn.GRUCell."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step("gru_cell", input, None if hx is None else (hx,), ("hidden",))[0]
