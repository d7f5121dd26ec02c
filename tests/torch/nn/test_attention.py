"""Attention under transforms: forward mode and second order, which PyTorch's fused kernels do not have."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from functorch_jax import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, torch, vmap
from functorch_jax.torch.nn.attention import flex_attention as flex

nn = torch.nn
F = nn.functional


def numbers(seed: int, *shape: int) -> Any:
    torch.manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64)


def assert_close(a: Any, b: Any, rtol: float = 1e-6) -> None:
    a, b = (x.detach() if isinstance(x, torch.Tensor) else x for x in (a, b))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-8)


def module(make: Any) -> Any:
    torch.manual_seed(0)
    return make().double().eval()


def _attend(x: Any, *mask: Any, **options: Any) -> Any:
    x = x.transpose(0, 1)
    return F.scaled_dot_product_attention(x, x * 2, x + 1, *mask, **options)


def _masked(x: Any) -> Any:
    return _attend(x, torch.tensor([[True, False, True], [False, False, False], [True, True, True]]))


def _heads(**call: Any) -> Any:
    attention = module(lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True))
    return lambda x: attention(x, x, x, **call)[0]


def _decoder(layer: Any) -> Any:
    return lambda x: layer(x, x * 2)


def _flexed(x: Any) -> Any:
    x = x.permute(1, 0, 2)[None]
    mask = flex.create_block_mask(lambda b, h, i, j: i > j, None, None, 3, 3)
    return flex.flex_attention(x, x * 2, x + 1, lambda s, b, h, i, j: s * (i + j), mask)


PROGRAMS = {
    "attention": lambda: lambda x: _attend(x),
    "attention, causal": lambda: lambda x: _attend(x, is_causal=True),
    "attention, a row masked whole": lambda: _masked,
    "flex_attention": lambda: _flexed,
    "MultiheadAttention": _heads,
    "MultiheadAttention without weights": lambda: _heads(need_weights=False),
    "TransformerEncoderLayer": lambda: module(lambda: nn.TransformerEncoderLayer(4, 2, 5, activation="gelu")),
    "TransformerDecoderLayer": lambda: _decoder(
        module(lambda: nn.TransformerDecoderLayer(4, 2, 5, activation="gelu", norm_first=True))
    ),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_derivatives_to_second_order(program: Any) -> None:
    """Both modes agree with each other and with finite differences."""
    run = program()
    x, direction, step = numbers(1, 3, 2, 4)[:, :1], numbers(2, 3, 2, 4)[:, :1], 1e-5

    def f(x: Any) -> Any:
        return torch.sin(run(x)).sum()

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
        assert_close(value, rise)
    for value in second:
        assert_close(value, bend)
    assert np.asarray(gradient).any()


def test_hessian_of_attention() -> None:
    x = numbers(1, 3, 1, 2)

    def f(x: Any) -> Any:
        return torch.sin(_attend(x, is_causal=True)).sum()

    second = hessian(f)(x)
    assert_close(jacrev(jacrev(f))(x), second)
    assert_close(jacfwd(grad(f))(x), second)
    assert np.abs(np.asarray(second)).max() > 0.1


def layer() -> Any:
    return module(lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True))


def test_per_sample_gradients_are_those_of_a_loop() -> None:
    block, x = layer(), numbers(1, 2, 3, 4)
    params = {name: p.detach() for name, p in block.named_parameters()}

    def loss(params: Any, x: Any) -> Any:
        return functional_call(block, params, (x,)).pow(3).sum()

    got = vmap(grad(loss), (None, 0))(params, x)
    rows = [grad(loss)(params, row) for row in x]
    for name, value in got.items():
        assert_close(value, torch.stack([row[name] for row in rows]))


def test_ensemble_is_its_members() -> None:
    torch.manual_seed(0)
    members = [nn.MultiheadAttention(4, 2).double() for _ in range(2)]
    params, buffers = stack_module_state(members)
    x = numbers(1, 3, 2, 4)
    got = vmap(lambda p, b: functional_call(members[0], (p, b), (x, x, x)))(params, buffers)
    for i, member in enumerate(members):
        for a, b in zip(got, member(x, x, x), strict=True):
            assert_close(a[i], b)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_vmap_of_attention_is_attention(dropout: float) -> None:
    q, k, v = numbers(1, 2, 3, 4), numbers(2, 2, 5, 4), numbers(3, 2, 5, 4)

    def attend(*qkv: Any) -> Any:
        torch.manual_seed(0)
        return F.scaled_dot_product_attention(*qkv, dropout_p=dropout)

    assert_close(vmap(attend, randomness="different")(q, k, v), attend(q, k, v))


def test_padding_is_left_out_in_a_compiled_function_too() -> None:
    encoder, x = nn.TransformerEncoder(layer(), 2).eval(), numbers(1, 2, 3, 4)
    padding = torch.tensor([[False, False, True], [False, True, True]])
    with torch.no_grad():
        eager = encoder(x, src_key_padding_mask=padding)
        compiled = jax.jit(lambda x, p: encoder(x, src_key_padding_mask=p))(x, padding)
    assert_close(compiled, eager)
    assert not np.asarray(eager)[np.asarray(padding)].any()
    # with derivatives recorded, padding is computed as PyTorch does then
    assert np.asarray(encoder(x, src_key_padding_mask=padding).detach())[np.asarray(padding)].all()


def test_why_an_encoder_computes_padding() -> None:
    for reason, make in {
        "batch_first was not True": lambda: nn.TransformerEncoderLayer(4, 2, 5),
        "norm_first was True": lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True, norm_first=True),
        "num_heads is odd": lambda: nn.TransformerEncoderLayer(3, 3, 5, batch_first=True),
        "bias=False": lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True, bias=False),
        "activation_relu_or_gelu": lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True, activation=torch.tanh),
        "was not TransformerEncoderLayer": lambda: nn.Linear(4, 4),
    }.items():
        with pytest.warns(UserWarning, match=reason):
            nn.TransformerEncoder(make(), 1)


def test_masks_of_two_kinds_warn() -> None:
    attention = nn.MultiheadAttention(4, 2)
    x = torch.ones(3, 2, 4)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        attention(x, x, x, key_padding_mask=torch.zeros(2, 3), attn_mask=torch.zeros(3, 3, dtype=torch.bool))


def test_nothing_escapes_from_attention() -> None:
    block, x = layer(), numbers(1, 2, 3, 4)
    with jax.checking_leaks():
        jax.jit(vmap(hessian(lambda x: block(x).pow(3).sum())))(x)
