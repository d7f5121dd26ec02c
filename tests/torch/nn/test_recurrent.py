"""Recurrent layers under transforms, where PyTorch has no rules for them, and as they compile."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from functorch_jax import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, torch, vmap

nn = torch.nn
KINDS = ("RNN", "LSTM", "GRU")


def layer(kind: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    return getattr(nn, kind)(2, 3, **settings)


def inputs(*shape: int) -> Any:
    torch.manual_seed(1)
    return torch.randn(*shape)


def weights(module: Any) -> dict[str, Any]:
    return {name: p.detach() for name, p in module.named_parameters()}


def loss_of(module: Any) -> Any:
    return lambda params, x: functional_call(module, params, (x,))[0].pow(2).sum()


def assert_close(a: Any, b: Any, rtol: float = 1e-4) -> None:
    a, b = (x.detach() if isinstance(x, torch.Tensor) else x for x in (a, b))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_per_sample_gradients_are_those_of_a_loop(kind: str) -> None:
    module, x = layer(kind), inputs(3, 4, 2)
    loss, params = loss_of(module), weights(module)
    got = vmap(grad(loss), (None, 0))(params, x)
    rows = [grad(loss)(params, row) for row in x]
    for name, value in got.items():
        assert_close(value, torch.stack([row[name] for row in rows]))


@pytest.mark.parametrize("kind", KINDS)
def test_ensemble_is_its_members(kind: str) -> None:
    members = [layer(kind), getattr(nn, kind)(2, 3)]
    params, buffers = stack_module_state(members)
    x = inputs(4, 2, 2)

    def call(params: Any, buffers: Any, x: Any) -> Any:
        return functional_call(members[0], (params, buffers), (x,))[0]

    got = vmap(call, (0, 0, None))(params, buffers, x)
    assert_close(got, torch.stack([m(x)[0] for m in members]))


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_to_second_order(kind: str) -> None:
    """Reverse mode, forward mode and finite differences in float64 agree, for the state of a packed sequence too."""
    module = layer(kind, bidirectional=True).double()
    x = inputs(3, 2, 2).double()

    def f(x: Any) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, [2, 3], enforce_sorted=False)
        out, state = module(packed)
        h = state[0] if kind == "LSTM" else state
        return torch.sin(out.data).sum() + h.pow(2).sum()

    direction, step = inputs(3, 2, 2).double(), 1e-5

    def along(x: Any) -> Any:
        return (grad(f)(x) * direction).sum()

    def found(x: Any) -> Any:
        rise = (f(x + step * direction) - f(x - step * direction)) / (2 * step)
        bend = (grad(f)(x + step * direction) - grad(f)(x - step * direction)) / (2 * step)
        first = [jvp(f, (x,), (direction,))[1], along(x)]
        second = [grad(along)(x), jvp(grad(f), (x,), (direction,))[1]]
        return rise, first, bend, second, grad(f)(x)

    rise, first, bend, second, gradient = jax.jit(found)(x)
    for value in first:
        assert_close(value, rise, 1e-6)
    for value in second:
        assert_close(value, bend, 1e-6)
    assert not np.asarray(gradient[2, 0]).any()  # beyond the end of the shorter sequence


def test_hessian_of_a_layer() -> None:
    module, x = layer("LSTM").double(), inputs(3, 1, 2).double()

    def f(x: Any) -> Any:
        return module(x)[0].pow(2).sum()

    second = hessian(f)(x)
    assert_close(jacrev(jacrev(f))(x), second, 1e-6)
    assert_close(jacfwd(grad(f))(x), second, 1e-6)
    assert second.detach().abs().max() > 0.01


def scans(jaxpr: Any) -> list[Any]:
    """Every scan in a jaxpr and in what it calls."""
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            found.append(equation)
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    found += scans(inner)
    return found


@pytest.mark.parametrize("layers, bidirectional", [(1, False), (2, True)])
def test_one_scan_for_each_direction_of_each_layer(layers: int, bidirectional: bool) -> None:
    module = layer("LSTM", num_layers=layers, bidirectional=bidirectional)
    found = scans(jax.make_jaxpr(lambda x: module(torch.from_jax(x))[0].jax())(np.zeros((200, 2, 2), np.float32)).jaxpr)
    assert [equation.params["length"] for equation in found] == [200] * layers * (2 if bidirectional else 1)


def test_packing_inside_a_compiled_function() -> None:
    module, x = layer("GRU"), inputs(4, 3, 2)

    def f(x: Any) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, [2, 4, 1], enforce_sorted=False)
        return nn.utils.rnn.unpack_sequence(module(packed)[0])

    for compiled, eager in zip(jax.jit(f)(x), f(x), strict=True):
        assert_close(compiled, eager)


def test_packed_sequence_is_each_sequence_alone() -> None:
    module = layer("LSTM", num_layers=2, bidirectional=True)
    x = inputs(4, 3, 2)
    lengths = [2, 4, 1]
    out, (h, c) = module(nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False))
    for i, (sequence, n) in enumerate(zip(nn.utils.rnn.unpack_sequence(out), lengths, strict=True)):
        alone, (h_alone, c_alone) = module(x[:n, i])
        assert_close(sequence, alone)
        assert_close(h[:, i], h_alone)
        assert_close(c[:, i], c_alone)


def test_lengths_that_a_vmap_maps_are_refused() -> None:
    with pytest.raises(RuntimeError, match="lengths of sequences"):
        vmap(lambda n: nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2), n).data)(torch.tensor([[3, 1], [2, 1]]))


def test_dropout_between_layers_warns_where_there_is_no_between() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1") as caught:
        nn.LSTM(2, 3, dropout=0.5)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_dropout_under_vmap(randomness: str) -> None:
    module, x = layer("RNN", num_layers=2, dropout=0.5), inputs(8, 4, 2)
    out = vmap(lambda x: module(x)[0], randomness=randomness)(torch.stack([x, x]))
    assert torch.equal(out[0], out[1]) == (randomness == "same")


def test_nothing_escapes_from_a_layer() -> None:
    module, x = layer("LSTM", num_layers=2), inputs(4, 2, 2)
    with jax.checking_leaks():
        jax.jit(vmap(grad(loss_of(module)), (None, 1)))(weights(module), x)
