"""Recurrent layers, their cells, and sequences of different lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, ints, right

KINDS = ("RNN", "LSTM", "GRU")
X = floats(4, 2, 2)  # time, batch, features
LENGTHS = [2, 4, 1]


def _layer(kind: str, **settings: Any) -> Any:
    return lambda t, x, *hx: getattr(t.nn, kind)(2, 3, **settings)(x, *hx)


def _packed(t: Any, x: Any, lengths: Any = LENGTHS) -> Any:
    return t.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)


def _of_packed(kind: str, **settings: Any) -> Any:
    def program(t: Any, x: Any, *hx: Any) -> Any:
        out, state = getattr(t.nn, kind)(2, 3, **settings)(_packed(t, x), *hx)
        return list(out), t.nn.utils.rnn.pad_packed_sequence(out), state

    return program


def _state(kind: str, *shape: int) -> Any:
    return (floats(*shape), floats(*shape)) if kind.startswith("LSTM") else floats(*shape)


def _by_weights(kind: str, **settings: Any) -> Any:
    """A layer whose parameters are inputs, so that their derivatives are compared too."""

    def program(t: Any, x: Any, state: Any, *weights: Any) -> Any:
        layer = getattr(t.nn, kind)(2, 3, **settings)
        names = [name for name, _ in layer.named_parameters()]
        return t.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x, state))

    return program


GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def _weights(kind: str) -> list[Any]:
    rows = 3 * GATES[kind]
    return [floats(rows, 2), floats(rows, 3), floats(rows), floats(rows)]


SHOWN = """
RNN(2, 3)
RNN(2, 3, 2, 'relu', bias=False, batch_first=True)
RNN(2, 3, nonlinearity='relu', num_layers=2, dropout=0.5, bidirectional=True)
LSTM(2, 3)
LSTM(2, 3, num_layers=2, dropout=0.3, proj_size=1, bidirectional=True)
LSTM(2, 3, bias=False, proj_size=2, batch_first=True)
GRU(2, 3, 2, bias=False, bidirectional=True)
GRU(2, 3, dtype=t.float64)
RNNBase('LSTM', 2, 3)
RNNCell(2, 3)
RNNCell(2, 3, nonlinearity='relu', bias=False)
LSTMCell(2, 3, bias=False)
GRUCell(2, 3)
""".split("\n")[1:-1]


def _shown(spelling: str) -> Any:
    def program(t: Any) -> Any:
        layer = eval(f"t.nn.{spelling}", {"t": t})
        return repr(layer), [(name, p.detach()) for name, p in layer.named_parameters()], list(layer.state_dict())

    return program


LAYERS: list[Row] = [
    *(case(f"{spelling}, printed and initialised", _shown(spelling)) for spelling in SHOWN),
    *(
        row
        for kind in KINDS
        for row in (
            case(f"{kind}", _layer(kind), X, grad="reverse"),
            case(f"{kind}, unbatched", _layer(kind, batch_first=True), floats(4, 2)),
            case(f"{kind}, a given state", _layer(kind), X, _state(kind, 1, 2, 3)),
            case(f"{kind}, unbatched, a given state", _layer(kind), floats(4, 2), _state(kind, 1, 3)),
            case(f"{kind}, no biases, batch first", _layer(kind, bias=False, batch_first=True), X),
            case(
                f"{kind}, two layers, both directions",
                _layer(kind, num_layers=2, bidirectional=True),
                X,
                _state(kind, 4, 2, 3),
                grad="reverse",
            ),
            case(
                f"{kind}, dropout between layers",
                _layer(kind, num_layers=3, dropout=0.5, batch_first=True, bidirectional=True),
                X,
            ),
            case(f"{kind}, dropout of everything", _layer(kind, num_layers=2, dropout=1.0), X),
            case(f"{kind}, evaluating", lambda t, x, k=kind: getattr(t.nn, k)(2, 3, 2, dropout=0.5).eval()(x), X),
            case(f"{kind} of no sequences", _layer(kind), floats(4, 0, 2)),
            case(
                f"{kind}, derivatives of its weights",
                _by_weights(kind),
                X,
                _state(kind, 1, 2, 3),
                *_weights(kind),
                grad="reverse",
            ),
            case(
                f"{kind}, packed",
                _of_packed(kind, num_layers=2, bidirectional=True),
                floats(4, 3, 2),
                _state(kind, 4, 3, 3),
            ),
            case(f"{kind}, packed, dropout", _of_packed(kind, num_layers=2, dropout=0.5), floats(4, 3, 2)),
        )
    ),
    case(
        "vmap of grad of LSTM: a gradient for each sequence",
        lambda t, x: _per_sample(t, t.nn.LSTM(2, 3), x),
        floats(2, 4, 2),
    ),
    case("RNN, ReLU", _layer("RNN", nonlinearity="relu", num_layers=2), X, grad="reverse"),
    case(
        "LSTM, projected, two layers, both directions",
        _layer("LSTM", proj_size=2, num_layers=2, bidirectional=True),
        X,
        (floats(4, 2, 2), floats(4, 2, 3)),
        grad="reverse",
    ),
    case("LSTM, projected, packed", _of_packed("LSTM", proj_size=2), floats(4, 3, 2)),
    case(
        "flat weights",
        lambda t: (
            lambda m: [
                m.flatten_parameters(),
                [[tuple(p.shape) for p in group] for group in m.all_weights],
                all(a is b for a, b in zip(m.parameters(), m._flat_weights, strict=True)),
            ]
        )(t.nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1)),
    ),
    case(
        "a state_dict goes from one layer to another",
        lambda t, x: (lambda a, b: [str(b.load_state_dict(a.state_dict())), t.equal(a(x)[0], b(x)[0])])(
            t.nn.GRU(2, 3), t.nn.GRU(2, 3)
        ),
        X,
    ),
    case("double()", lambda t, x: t.nn.LSTM(2, 3).double()(x.double()), X),
]


def _per_sample(t: Any, layer: Any, x: Any) -> Any:
    params = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(params: Any, x: Any) -> Any:
        return t.func.functional_call(layer, params, (x,))[0].pow(2).sum()

    return t.func.vmap(t.func.grad(loss), (None, 0))(params, x)


CELLS: list[Row] = [
    *(
        row
        for kind in ("RNNCell", "LSTMCell", "GRUCell")
        for row in (
            case(f"{kind}", _layer(kind), floats(4, 2), _state(kind, 4, 3), grad=True),
            case(f"{kind}, no batch, no state", _layer(kind), floats(2)),
            case(f"{kind}, no biases", _layer(kind, bias=False), floats(4, 2)),
            case(f"{kind}, no batch, a given state", _layer(kind), floats(2), _state(kind, 3)),
        )
    ),
    case("RNNCell, ReLU", _layer("RNNCell", nonlinearity="relu"), floats(4, 2), floats(4, 3), grad=True),
    *(
        case(
            f"torch.{name}_cell",
            lambda t, *xs, name=name: getattr(t, f"{name}_cell")(*xs),
            floats(2, 2),
            _state(name.upper(), 2, 3),
            floats(3 * n, 2),
            floats(3 * n, 3),
            floats(3 * n),
            floats(3 * n),
            grad=True,
        )
        for name, n in (("rnn_tanh", 1), ("rnn_relu", 1), ("lstm", 4), ("gru", 3))
    ),
    case(
        "torch.gru_cell without biases",
        lambda t, *xs: t.gru_cell(*xs),
        floats(2, 2),
        floats(2, 3),
        floats(9, 2),
        floats(9, 3),
    ),
    *(
        case(
            f"torch.{name}",
            lambda t, x, hx, *w, name=name: getattr(t, name)(x, hx, w, True, 1, 0.0, False, False, False),
            X,
            _state(name.upper(), 1, 2, 3),
            floats(3 * n, 2),
            floats(3 * n, 3),
            floats(3 * n),
            floats(3 * n),
        )
        for name, n in (("rnn_tanh", 1), ("rnn_relu", 1), ("lstm", 4), ("gru", 3))
    ),
    case(
        "torch.gru of packed data",
        lambda t, x, hx, *w: t.gru(x, t.tensor([2, 1, 1]), hx, w, False, 1, 0.0, False, False),
        floats(4, 2),
        floats(1, 2, 3),
        floats(9, 2),
        floats(9, 3),
    ),
]


def _rnn(t: Any) -> Any:
    return t.nn.utils.rnn


PADDED = np.arange(12.0, dtype=np.float32).reshape(4, 3)

SEQUENCES: list[Row] = [
    case("pack_padded_sequence", lambda t, x: list(_rnn(t).pack_padded_sequence(x, [4, 2, 1])), PADDED, grad="reverse"),
    case("pack_padded_sequence, unsorted", lambda t, x: list(_packed(t, x)), floats(4, 3, 2), grad="reverse"),
    case("pack_padded_sequence, ties", lambda t, x: list(_packed(t, x, [2, 4, 2])), floats(4, 3)),
    case(
        "pack_padded_sequence, batch first, lengths in a tensor",
        lambda t, x, n: list(_rnn(t).pack_padded_sequence(x.T, n, batch_first=True)),
        PADDED,
        [3, 2, 1],
    ),
    case("pad_packed_sequence", lambda t, x: _rnn(t).pad_packed_sequence(_packed(t, x)), floats(4, 3, 2)),
    case(
        "pad_packed_sequence, longer",
        lambda t, x: _rnn(t).pad_packed_sequence(_packed(t, x), True, -1.0, total_length=6),
        PADDED,
    ),
    case("pack_sequence", lambda t, *xs: list(_rnn(t).pack_sequence(xs)), floats(3, 2), floats(1, 2), grad="reverse"),
    case("pack_sequence, unsorted", lambda t, *xs: list(_rnn(t).pack_sequence(xs, False)), ints(1), ints(3), ints(2)),
    case("unpack_sequence", lambda t, *xs: _rnn(t).unpack_sequence(_rnn(t).pack_sequence(xs)), ints(3), ints(1)),
    *(
        case(f"pad_sequence {options}", lambda t, *xs, o=options: _rnn(t).pad_sequence(xs, **o), *xs, grad=True)
        for options, xs in (
            ({}, (floats(2, 2), floats(3, 2))),
            ({"batch_first": True, "padding_value": -1.0}, (floats(2), floats(3), floats(1))),
            ({"batch_first": True, "padding_side": "left"}, (floats(2), floats(3))),
        )
    ),
    case(
        "pad_sequence takes the first one's dtype",
        lambda t, *xs: _rnn(t).pad_sequence(xs),
        floats(2),
        floats(3, dtype="float64"),
    ),
    case("pad_sequence of integers", lambda t, *xs: _rnn(t).pad_sequence(xs, padding_value=1.5), ints(2), ints(3)),
    case("pad_sequence of a tensor", lambda t, x: _rnn(t).pad_sequence(x), floats(2, 3)),
    case("unpad_sequence", lambda t, x, n: _rnn(t).unpad_sequence(x, n), floats(4, 2), [4, 1]),
    case("unpad_sequence, batch first", lambda t, x, n: _rnn(t).unpad_sequence(x, n, True), floats(2, 4), [4, 1]),
    case(
        "invert_permutation", lambda t, p: (_rnn(t).invert_permutation(p), _rnn(t).invert_permutation(None)), [2, 0, 1]
    ),
    case("a PackedSequence is printed", lambda t, x: repr(_packed(t, x)), PADDED),
    case(
        "PackedSequence, made and converted",
        lambda t, x: (
            lambda p: [
                p.double().data.dtype == t.float64,
                p.int().data,
                p.to(t.float64).data,
                p.cpu() is p,
                p.float() is p,
                p.is_cuda,
                p.is_pinned(),
                len(p),
                list(_rnn(t).PackedSequence(x[0], t.tensor([2, 1]), t.tensor([1, 0]))),
                list(_rnn(t).PackedSequence((x[0], t.tensor([2, 1])))),
            ]
        )(_packed(t, x)),
        PADDED,
    ),
    case(
        "vmap over packed sequences of the same lengths",
        lambda t, xs: t.func.vmap(lambda x: _rnn(t).pad_packed_sequence(_packed(t, x))[0])(xs),
        floats(2, 4, 3),
    ),
    right(
        "a length beyond the padded one",
        lambda t, x: _rnn(t).pack_padded_sequence(x, [5, 2, 1]),
        PADDED,
        expected=RuntimeError,
        fragment="at most 4",
        why="PyTorch packs fewer steps than batch_sizes says, and the layer that reads them fails or reads others",
    ),
]


def _made(spelling: str) -> Any:
    return lambda t: eval(f"t.nn.{spelling}", {"t": t})


ERRORS: list[Row] = [
    *(
        error(f"{spelling}", _made(spelling), fragment=fragment)
        for spelling, fragment in {
            "LSTM(2, 3, dropout=1.5)": "dropout should be a number",
            "RNN(2, 3, dropout=True)": "dropout should be a number",
            "GRU(2, 0)": "hidden_size must be greater than zero",
            "GRU(2, 3.0)": "hidden_size should be of type int",
            "GRU(-2, 3)": "input_size must be greater than zero",
            "LSTM(2, 3, num_layers=0)": "num_layers must be greater than zero",
            "LSTM(2, 3, proj_size=3)": "proj_size has to be smaller",
            "LSTM(2, 3, proj_size=-1)": "proj_size should be a positive integer",
            "GRU(2, 3, proj_size=1)": "only supported for LSTM",
            "RNN(2, 3, nonlinearity='sin')": "Unknown nonlinearity",
            "LSTM(2, 3, nonlinearity='relu')": "unexpected keyword",
            "RNNBase('TREE', 2, 3)": "Unrecognized RNN mode",
            "RNNCell(2, 3, nonlinearity='sin')(t.ones(1, 2))": "Unknown nonlinearity",
        }.items()
    ),
    *(
        row
        for kind in KINDS
        for row in (
            error(f"{kind}: another input_size", _layer(kind), floats(4, 2, 5), fragment="must be equal to input_size"),
            error(f"{kind}: four axes", _layer(kind), floats(4, 2, 2, 2), fragment="Expected input to be 2D or 3D"),
            error(f"{kind}: dtype", _layer(kind), floats(4, 2, dtype="float64"), fragment="does not match weight"),
            error(f"{kind}: no time", _layer(kind), floats(0, 2, 2), fragment="sequence length to be larger than 0"),
            error(
                f"{kind}: state of another batch", _layer(kind), X, _state(kind, 1, 3, 3), fragment="Expected hidden"
            ),
            error(
                f"{kind}: state without batch", _layer(kind), X, _state(kind, 1, 3), fragment="For batched 3-D input"
            ),
            error(
                f"{kind}: state with batch", _layer(kind), floats(4, 2), _state(kind, 1, 1, 3), fragment="For unbatched"
            ),
        )
    ),
    *(
        row
        for kind in ("RNNCell", "LSTMCell", "GRUCell")
        for row in (
            error(f"{kind}: another input_size", _layer(kind), floats(4, 5), fragment="inconsistent input_size"),
            error(f"{kind}: three axes", _layer(kind), floats(4, 5, 2), fragment="Expected input to be 1D or 2D"),
            error(f"{kind}: batch", _layer(kind), floats(4, 2), _state(kind, 3, 3), fragment="doesn't match hidden0"),
            error(
                f"{kind}: width", _layer(kind), floats(4, 2), _state(kind, 4, 2), fragment="inconsistent hidden_size"
            ),
            error(f"{kind}: dtype", _layer(kind), floats(2, dtype="float64"), fragment="must have the same dtype"),
        )
    ),
    error(
        "lstm_cell of one state",
        lambda t, x, h: t.lstm_cell(x, h, t.ones(12, 2), t.ones(12, 3)),
        floats(2, 2),
        floats(2, 3),
        fragment="must be tuple of Tensors",
    ),
    error(
        "lstm of one state",
        lambda t, x, h: t.lstm(x, [h], t.nn.LSTM(2, 3)._flat_weights, True, 1, 0.0, False, False, False),
        X,
        floats(1, 2, 3),
        fragment="lstm expects two hidden states",
    ),
    error("gru of nothing", lambda t: t.gru(), fragment="invalid combination of arguments"),
    error(
        "gru, more layers than weights",
        lambda t, x, h: t.gru(x, h, t.nn.GRU(2, 3)._flat_weights, True, 2, 0.0, False, False, False),
        X,
        floats(2, 2, 3),
        fragment="Expected more weights",
    ),
    *(
        error(
            f"pack_padded_sequence of lengths {n}",
            lambda t, x, n=n: _rnn(t).pack_padded_sequence(x, n),
            PADDED,
            fragment=f,
        )
        for n, f in (
            ([2, 4, 1], "sorted in decreasing order"),
            ([4, 2], "to be equal to batch_size"),
            ([4, 2, 0], "has to be greater than 0"),
        )
    ),
    error(
        "pack_padded_sequence of nothing", lambda t, x: _packed(t, x[:0]), floats(4, 3), fragment="Cannot pack empty"
    ),
    error(
        "pad_packed_sequence, too short",
        lambda t, x: _rnn(t).pad_packed_sequence(_packed(t, x), total_length=2),
        PADDED,
        fragment="Expected total_length to be at least",
    ),
    error("pad_sequence of no sequences", lambda t: _rnn(t).pad_sequence([]), fragment="empty list"),
    error("pad_sequence of a number", lambda t: _rnn(t).pad_sequence(3), fragment="Expected iterable"),
    error(
        "pad_sequence, side",
        lambda t, x: _rnn(t).pad_sequence([x], padding_side="top"),
        floats(2),
        fragment="padding_side to be one of left or right",
    ),
    error(
        "pad_sequence of other widths",
        lambda t, *xs: _rnn(t).pad_sequence(xs),
        floats(2, 2),
        floats(3, 3),
        fragment="must match the size of tensor b",
    ),
]

CASES = LAYERS + CELLS + SEQUENCES + ERRORS
