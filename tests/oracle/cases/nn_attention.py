"""Attention in every form: scaled_dot_product_attention, MultiheadAttention, the layers of a transformer."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, bools, case, error, floats, ints, right, values

INF = float("inf")
Q, K, V = floats(2, 3, 4), floats(2, 5, 4), floats(2, 5, 4)


def _attend(**options: Any) -> Any:
    return lambda t, q, k, v, *mask: t.nn.functional.scaled_dot_product_attention(q, k, v, *mask, **options)


SDPA: list[Row] = [
    case("attention", _attend(), Q, K, V, grad="reverse"),
    case("attention, dropout", _attend(dropout_p=0.5), Q, K, V, grad="reverse"),
    case("attention, dropout of everything", _attend(dropout_p=1.0), Q, K, V),
    case("attention, keys that all share", _attend(), Q, floats(5, 4), floats(1, 5, 4), grad="reverse"),
    case("attention, dropout with keys that all share", _attend(dropout_p=0.5), Q, floats(5, 4), V),
    case(
        "attention, one mask a head",
        _attend(),
        floats(2, 2, 3, 4),
        floats(2, 2, 5, 4),
        floats(2, 2, 5, 4),
        bools(2, 2, 3, 5),
    ),
    case("attention, a mask that broadcasts", _attend(), Q, K, V, floats(2, 1, 5), grad="reverse"),
    case("attention, causal, more keys than queries", _attend(is_causal=True), Q, K, V),
    case(
        "attention, one row masked whole",
        _attend(),
        floats(1, 2, 3),
        floats(1, 2, 3),
        floats(1, 2, 3),
        values([[True, False], [False, False]]),
        grad="reverse",
    ),
    case(
        "attention, one row at minus infinity",
        _attend(),
        floats(1, 2, 3),
        floats(1, 2, 3),
        floats(1, 2, 3),
        [[0.0, -INF], [-INF, -INF]],
    ),
    case("attention, scale 0", _attend(scale=0.0), Q, K, V),
    case("attention, float64", _attend(), *(floats(2, 3, 4, dtype="float64") for _ in range(3))),
    case(
        "attention, grouped, dropout",
        _attend(enable_gqa=True, dropout_p=0.5),
        floats(2, 4, 3, 2),
        floats(2, 2, 3, 2),
        floats(2, 2, 3, 2),
    ),
    error(
        "attention: heads that do not divide",
        _attend(enable_gqa=True),
        floats(2, 4, 3, 2),
        floats(2, 3, 3, 2),
        floats(2, 3, 3, 2),
        fragment="must divide",
    ),
    error(
        "attention: other values than keys", _attend(), Q, K, floats(2, 4, 4), fragment="Expected size for first two"
    ),
    error("attention: other widths", _attend(), Q, floats(2, 5, 3), V, fragment="Expected size for first two"),
    error("attention: dtypes", _attend(), Q, floats(2, 5, 4, dtype="float64"), V, fragment="to have the same dtype"),
    error("attention: one axis", _attend(), floats(4), K, V, fragment="at least 2 dimensional"),
    error(
        "attention: integers", _attend(), ints(2, 3, 4), ints(2, 5, 4), ints(2, 5, 4), fragment="expected scalar type"
    ),
    error("attention: a list", _attend(), Q, ([1.0],), V, fragment="must be Tensor"),
    error(
        "attention: mask of another dtype",
        _attend(),
        Q,
        K,
        V,
        floats(3, 5, dtype="float64"),
        fragment="attn_mask dtype",
    ),
    error("attention: mask of another shape", _attend(), Q, K, V, bools(2, 2), fragment="must match the size"),
    error("attention: dropout of 1.5", _attend(dropout_p=1.5), Q, K, V, fragment="between 0 and 1"),
    case(
        "sdpa_kernel chooses nothing that shows",
        lambda t, q, k, v: _with_kernel(t, q, k, v),
        Q,
        K,
        V,
    ),
    error(
        "sdpa_kernel of a number",
        lambda t: t.nn.attention.sdpa_kernel(3).__enter__(),
        fragment="must be an instance of SDPBackend",
    ),
]


def _with_kernel(t: Any, *qkv: Any) -> Any:
    import importlib

    attention = importlib.import_module(f"{t.__name__}.nn.attention")
    backends = attention.SDPBackend
    with attention.sdpa_kernel(backends.MATH), attention.sdpa_kernel([backends.MATH, backends.FLASH_ATTENTION]):
        return t.nn.functional.scaled_dot_product_attention(*qkv), repr(backends.MATH)


def _flex(t: Any) -> Any:
    import importlib

    return importlib.import_module(f"{t.__name__}.nn.attention.flex_attention")


def _flexed(options: Any = None, mod: Any = None, mask: Any = None) -> Any:
    def program(t: Any, q: Any, k: Any, v: Any) -> Any:
        flex = _flex(t)
        sizes = (None, None, q.shape[-2], k.shape[-2], "cpu")
        block_mask = None if mask is None else flex.create_block_mask(mask, *sizes)
        return flex.flex_attention(q, k, v, score_mod=mod, block_mask=block_mask, **(options or {}))

    return program


FQ, FK, FV = floats(1, 2, 3, 4), floats(1, 2, 5, 4), floats(1, 2, 5, 4)
FLEX: list[Row] = [
    case("flex_attention", _flexed(), FQ, FK, FV),
    case(
        "flex_attention, scores by places", _flexed(mod=lambda s, b, h, i, j: s * 0.5 + (h + 1) * (i - j)), FQ, FK, FV
    ),
    case("flex_attention, causal", _flexed({"return_lse": True}, mask=lambda b, h, i, j: i >= j), FQ, FK, FV),
    case(
        "flex_attention, a query without keys",
        _flexed({"return_lse": True, "scale": 0.3}, mask=lambda b, h, i, j: (i > 0) & (j < i)),
        FQ,
        FK,
        FV,
    ),
    case("flex_attention, grouped", _flexed({"enable_gqa": True}), FQ, floats(1, 1, 5, 4), floats(1, 1, 5, 4)),
    case(
        "masks of places",
        lambda t: (
            lambda f, causal, near: [
                f.create_mask(f.and_masks(causal, near), 2, None, 3, 5, "cpu"),
                f.create_mask(f.or_masks(causal, f.noop_mask), None, 1, 3, 5, "cpu"),
                f.create_block_mask(causal, None, None, 300, 130, "cpu").to_dense(),
                f.create_block_mask(causal, None, None, 300, 130, "cpu").sparsity(),
            ]
        )(_flex(t), lambda b, h, i, j: i >= j, lambda b, h, i, j: i - j < 2 + b),
    ),
    error("flex_attention: three axes", _flexed(), Q, K, V, fragment="must be 4D tensors"),
    error("flex_attention: heads", _flexed(), FQ, floats(1, 1, 5, 4), floats(1, 1, 5, 4), fragment="enable_gqa=True"),
    error(
        "flex_attention: a mask for another length",
        lambda t, q, k, v: _flex(t).flex_attention(
            q, k, v, block_mask=_flex(t).create_block_mask(lambda b, h, i, j: i >= j, None, None, 3, 6, "cpu")
        ),
        FQ,
        FK,
        FV,
        fragment="block_mask was created for",
    ),
    error("or_masks of a number", lambda t: _flex(t).or_masks(3), fragment="callable mask_mods"),
]


def _bias(t: Any) -> Any:
    import importlib

    return importlib.import_module(f"{t.__name__}.nn.attention.bias")


def _with_bias(name: str) -> Any:
    def program(t: Any, q: Any, k: Any, v: Any) -> Any:
        bias = getattr(_bias(t), name)(q.shape[-2], k.shape[-2])
        out = t.nn.functional.scaled_dot_product_attention(q, k, v, bias)
        return out, bias._materialize(), bias.seq_len_q, int(bias.variant)

    return program


BIAS: list[Row] = [
    case("causal_upper_left", _with_bias("causal_upper_left"), FQ, FK, FV),
    case("causal_lower_right", _with_bias("causal_lower_right"), FQ, FK, FV),
    case(
        "causal_lower_right, more queries than keys",
        _with_bias("causal_lower_right"),
        FK,
        floats(1, 2, 4, 4),
        floats(1, 2, 4, 4),
    ),
    error("causal_upper_left of one size", lambda t: _bias(t).causal_upper_left(3), fragment="only supports 2D"),
]


# ---- MultiheadAttention ----------------------------------------------------------------------------------------------

X = floats(3, 2, 4)  # time, batch, features
Y = floats(5, 2, 4)
PADDING = values([[False] * 5, [False, False, False, True, True]])


def _mha(calls: dict[str, Any] | None = None, **settings: Any) -> Any:
    """A fresh layer called with query, keys and values (keys where there is one; the query where there is none)."""

    def program(t: Any, q: Any, *rest: Any) -> Any:
        masks = [x for x in rest if isinstance(x, dict)]
        kv = [x for x in rest if not isinstance(x, dict)]
        k = kv[0] if kv else q
        v = kv[1] if len(kv) > 1 else k
        layer = t.nn.MultiheadAttention(4, 2, **settings)
        return layer(q, k, v, **(masks[0] if masks else {}), **(calls or {}))

    return program


SHOWN = """
MultiheadAttention(4, 2)
MultiheadAttention(4, 2, bias=False, batch_first=True)
MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True)
TransformerEncoderLayer(4, 2, 5)
TransformerDecoderLayer(4, 2, 5, activation='gelu', bias=False)
TransformerEncoder(t.nn.TransformerEncoderLayer(4, 2, 5), 2, t.nn.LayerNorm(4))
TransformerDecoder(t.nn.TransformerDecoderLayer(4, 2, 5), 2)
Transformer(4, 2, 1, 2, 5, norm_first=True)
""".split("\n")[1:-1]


def _shown(spelling: str) -> Any:
    def program(t: Any) -> Any:
        layer = eval(f"t.nn.{spelling}", {"t": t})
        return repr(layer), [(name, p.detach()) for name, p in layer.named_parameters()], list(layer.state_dict())

    return program


def _by_weights(t: Any, x: Any, *weights: Any) -> Any:
    layer = t.nn.MultiheadAttention(4, 2)
    names = [name for name, _ in layer.named_parameters()]
    return t.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x, x, x))


HEADS: list[Row] = [
    *(case(f"{spelling}, printed and initialised", _shown(spelling)) for spelling in SHOWN),
    case("MultiheadAttention, self", _mha(), X, grad=True),
    case("MultiheadAttention, other keys", _mha(), X, Y, grad="reverse"),
    case("MultiheadAttention, other values", _mha(), X, Y, floats(5, 2, 4)),
    case("MultiheadAttention, no weights", _mha({"need_weights": False}), X, Y, grad="reverse"),
    case("MultiheadAttention, weights of each head", _mha({"average_attn_weights": False}), X, Y),
    case(
        "MultiheadAttention, kdim and vdim", _mha(kdim=3, vdim=5), X, floats(5, 2, 3), floats(5, 2, 5), grad="reverse"
    ),
    case("MultiheadAttention, no biases", _mha(bias=False), X, Y),
    case("MultiheadAttention, learned and zero keys", _mha(add_bias_kv=True, add_zero_attn=True), X, Y, grad="reverse"),
    case("MultiheadAttention, dropout", _mha(dropout=0.5), X, Y),
    case("MultiheadAttention, dropout, no weights", _mha({"need_weights": False}, dropout=0.5), X, Y),
    case("MultiheadAttention, batch first", _mha(batch_first=True), floats(2, 3, 4), floats(2, 5, 4)),
    case("MultiheadAttention, batch first, self", _mha(batch_first=True), floats(2, 3, 4)),
    case("MultiheadAttention, unbatched", _mha(batch_first=True), floats(3, 4), floats(5, 4)),
    case(
        "MultiheadAttention, derivatives of its weights",
        _by_weights,
        X,
        floats(12, 4),
        floats(12),
        floats(4, 4),
        floats(4),
        grad=True,
    ),
    *(
        row
        for weights in (True, False)
        for row in (
            case(
                f"MultiheadAttention, {name}, need_weights={weights}",
                _mha({"need_weights": weights}),
                X,
                Y,
                masks,
            )
            for name, masks in {
                "2-D mask of numbers": {"attn_mask": floats(3, 5)},
                "2-D mask of bools": {"attn_mask": values([[False, True, False, True, False]] * 3)},
                "3-D mask": {"attn_mask": floats(4, 3, 5)},
                "padding": {"key_padding_mask": PADDING},
                "padding as numbers": {"key_padding_mask": floats(2, 5)},
                "both masks": {
                    "key_padding_mask": PADDING,
                    "attn_mask": values([[False, True, False, False, True]] * 3),
                },
            }.items()
        )
    ),
    case(
        "MultiheadAttention, masks and learned keys",
        _mha(add_bias_kv=True, add_zero_attn=True),
        X,
        Y,
        {"key_padding_mask": PADDING, "attn_mask": floats(3, 5)},
    ),
    case(
        "MultiheadAttention, unbatched, masks",
        _mha(),
        floats(3, 4),
        floats(5, 4),
        {"key_padding_mask": bools(5), "attn_mask": floats(2, 3, 5)},
    ),
    *(
        case(
            f"MultiheadAttention, all keys of a sequence masked, need_weights={weights}",
            _mha({"need_weights": weights}),
            X,
            {"key_padding_mask": values([[True] * 3, [False] * 3])},
        )
        for weights in (True, False)
    ),
    *(
        case(
            f"MultiheadAttention, causal, need_weights={weights}",
            lambda t, x, w=weights: t.nn.MultiheadAttention(4, 2)(
                x, x, x, is_causal=True, need_weights=w, attn_mask=t.nn.Transformer.generate_square_subsequent_mask(3)
            ),
            X,
        )
        for weights in (True, False)
    ),
    case(
        "multi_head_attention_forward of given keys",
        lambda t, x, w, b, o, k, v: t.nn.functional.multi_head_attention_forward(
            x, x, x, 4, 2, w, b, None, None, False, 0.0, o, None, static_k=k, static_v=v
        ),
        X,
        floats(12, 4),
        floats(12),
        floats(4, 4),
        floats(4, 6, 2),
        floats(4, 6, 2),
    ),
    case(
        "merge_masks",
        lambda t, m, p, x: t.nn.MultiheadAttention(4, 2).merge_masks(m, p, x),
        floats(3, 3),
        floats(2, 3),
        floats(2, 3, 4),
    ),
]


def _made(spelling: str) -> Any:
    return lambda t: eval(f"t.nn.{spelling}", {"t": t})


HEAD_ERRORS: list[Row] = [
    *(
        error(spelling, _made(spelling), fragment=fragment)
        for spelling, fragment in {
            "MultiheadAttention(4, 3)": "embed_dim must be divisible by num_heads",
            "MultiheadAttention(0, 3)": "must be greater than 0",
            "TransformerEncoderLayer(4, 2, 5, activation='sin')": "activation should be relu/gelu",
            "TransformerEncoderLayer(4, 3, 5)": "embed_dim must be divisible by num_heads",
        }.items()
    ),
    *(
        error(f"MultiheadAttention: {name}", _mha(), *inputs, fragment=fragment)
        for name, inputs, fragment in (
            ("another width", (floats(3, 2, 3),), "was expecting embedding dimension of 4"),
            ("four axes", (floats(1, 3, 2, 4),), "unbatched 2D or batched 3D"),
            ("keys without batch", (X, floats(5, 4)), "expected `key` and `value` to be 3-D"),
            ("values of another length", (X, Y, X), "does not match value shape"),
            ("keys of another batch", (X, floats(3, 1, 4)), "is invalid for"),
            ("dtype", (floats(3, 2, 4, dtype="float64"),), "must have the same dtype"),
            ("mask of one axis", (X, {"attn_mask": floats(3)}), "2-D or 3-D but found 1-D"),
            ("mask of integers", (X, {"attn_mask": ints(3, 3)}), "only bool and floating types of attn_mask"),
            ("2-D mask of another shape", (X, {"attn_mask": floats(2, 2)}), "The shape of the 2D attn_mask"),
            ("3-D mask of another shape", (X, {"attn_mask": floats(2, 3, 3)}), "The shape of the 3D attn_mask"),
            (
                "padding of another batch",
                (X, {"key_padding_mask": bools(3, 3)}),
                r"Expected key_padded_mask.shape\[0\]",
            ),
            (
                "padding of another length",
                (X, {"key_padding_mask": bools(2, 4)}),
                r"Expected key_padded_mask.shape\[1\]",
            ),
            ("padding of one axis", (X, {"key_padding_mask": bools(3)}), "expected `key_padding_mask` to be"),
            ("padding of integers", (X, {"key_padding_mask": ints(2, 3)}), "only bool and floating types"),
            ("causal without mask", (X, {"is_causal": True}), "Need attn_mask if specifying the is_causal hint"),
        )
    ),
    error("MultiheadAttention: kdim", _mha(kdim=3, vdim=5), X, fragment="expecting key weights shape of"),
]

# ---- transformers ----------------------------------------------------------------------------------------------------

SETTINGS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "activation": "gelu"},
    {"batch_first": True, "bias": False, "layer_norm_eps": 0.1},
]
LEFT = values([[False, False, True], [False, True, True]])


def _encoder_layer(train: bool, **settings: Any) -> Any:
    return lambda t, x: t.nn.TransformerEncoderLayer(4, 2, 5, **settings).train(train)(x)


def _decoder_layer(train: bool, **settings: Any) -> Any:
    return lambda t, x, y: t.nn.TransformerDecoderLayer(4, 2, 5, **settings).train(train)(x, y)


def _encoded(t: Any, x: Any, padding: Any, recorded: bool, norm: bool = False, **settings: Any) -> Any:
    layer = t.nn.TransformerEncoderLayer(4, 2, 5, **{"batch_first": True, **settings})
    encoder = t.nn.TransformerEncoder(layer, 2, t.nn.LayerNorm(4, bias=True) if norm else None).eval()
    with t.set_grad_enabled(recorded):
        return encoder(x, src_key_padding_mask=padding)


def _transformer(t: Any, *inputs: Any, **settings: Any) -> Any:
    return t.nn.Transformer(4, 2, 1, 1, 5, **settings)(*inputs)


TRANSFORMERS: list[Row] = [
    *(
        row
        for settings in SETTINGS
        for train in (True, False)
        for row in (
            case(
                f"TransformerEncoderLayer {settings}, train={train}",
                _encoder_layer(train, **settings),
                X,
                grad=not train and "reverse",
            ),
            case(f"TransformerDecoderLayer {settings}, train={train}", _decoder_layer(train, **settings), X, X),
        )
    ),
    case(
        "TransformerEncoderLayer, a function as activation",
        lambda t, x: t.nn.TransformerEncoderLayer(4, 2, 5, activation=t.tanh).eval()(x),
        X,
    ),
    case(
        "TransformerEncoderLayer, masks",
        lambda t, x, m, p: t.nn.TransformerEncoderLayer(4, 2, 5).eval()(x, m, p),
        X,
        floats(3, 3),
        LEFT,
    ),
    case(
        "TransformerDecoderLayer, masks",
        lambda t, x, y, m, n, p, q: t.nn.TransformerDecoderLayer(4, 2, 5).eval()(x, y, m, n, p, q),
        X,
        Y,
        floats(3, 3),
        floats(3, 5),
        values([[0.0, 0.0, -INF], [0.0, -INF, -INF]]),
        floats(2, 5),
    ),
    *(
        case(
            f"TransformerEncoder evaluating, {name} {settings}, recorded={recorded}",
            lambda t, x, p, r=recorded, s=settings: _encoded(t, x, p, r, **s),
            floats(2, 3, 4),
            padding,
        )
        for name, padding, settings in (
            ("padding at the end", LEFT, {}),
            ("padding at the end", LEFT, {"norm": True}),
            ("padding at the start", values([[True, False, False], [False, False, True]]), {}),
            ("padding only", values([[True] * 3, [False, False, True]]), {}),
            ("padding at the end", LEFT, {"norm_first": True}),
        )
        for recorded in (True, False)
    ),
    case(
        "Transformer",
        lambda t, x, y: (
            lambda m: [m(x, y, tgt_mask=m.generate_square_subsequent_mask(3)), m.eval()(x, y, tgt_is_causal=None)]
        )(t.nn.Transformer(4, 2, 2, 2, 5)),
        Y,
        X,
    ),
    case("Transformer, unbatched", lambda t, x, y: _transformer(t, x, y, norm_first=True), floats(5, 4), floats(3, 4)),
    case(
        "Transformer, batch first",
        lambda t, x, y: _transformer(t, x, y, batch_first=True),
        floats(2, 5, 4),
        floats(2, 3, 4),
    ),
    case(
        "Transformer of other modules",
        lambda t, x: t.nn.Transformer(4, 2, custom_encoder=_Pass(t), custom_decoder=_Pass(t))(x, x),
        X,
    ),
    case(
        "generate_square_subsequent_mask",
        lambda t: [t.nn.Transformer.generate_square_subsequent_mask(3, dtype=d) for d in (None, t.float64)],
    ),
    *(
        right(
            f"TransformerEncoderLayer evaluating, a sequence of padding alone, norm_first={first}",
            lambda t, x, p, f=first: _finite(t, x, p, f),
            floats(2, 3, 4),
            values([[True] * 3, [False] * 3]),
            expected=True,
            why="nan outside of recording, finite numbers when recording, from the same layer: attention to nothing is zero",
        )
        for first in (False, True)
    ),
    error(
        "Transformer: batches",
        lambda t, x, y: _transformer(t, x, y),
        X,
        floats(3, 1, 4),
        fragment="batch number of src and tgt",
    ),
    error(
        "Transformer: widths",
        lambda t, x, y: _transformer(t, x, y),
        X,
        floats(3, 2, 3),
        fragment="feature number of src and tgt",
    ),
    error(
        "Transformer: causal without mask",
        lambda t, x: t.nn.Transformer(4, 2, 1, 1, 5)(x, x, tgt_is_causal=True),
        X,
        fragment="Need attn_mask",
    ),
    error(
        "TransformerEncoderLayer: mask of integers",
        lambda t, x, m: t.nn.TransformerEncoderLayer(4, 2, 5)(x, m),
        X,
        ints(3, 3),
        fragment="floating types of src_mask",
    ),
]


def _Pass(t: Any) -> Any:
    class Pass(t.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
            return x * 2

    return Pass()


def _finite(t: Any, x: Any, padding: Any, norm_first: bool) -> Any:
    layer = t.nn.TransformerEncoderLayer(4, 2, 5, batch_first=True, norm_first=norm_first).eval()
    with t.no_grad():
        return bool(t.isfinite(layer(x, src_key_padding_mask=padding)).all())


CASES = SDPA + FLEX + BIAS + HEADS + HEAD_ERRORS + TRANSFORMERS
