"""Losses and pooling that are less common: CTC, bags of embeddings, margins, fractional pooling, adaptive softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, ints, right

BAG = [1, 2, 4, 5, 4, 3, 2, 0]
TABLE = np.sin(np.arange(12)).reshape(6, 2).astype(np.float32)
LABELS = [[1, 2, 3], [1, 1, 2], [3, 0, 0]]
JOINED = [1, 2, 1, 1, 2, 3]


def _ctc(**options: Any) -> Any:
    def program(t: Any, x: Any) -> Any:
        inputs, targets = options.get("inputs", [5, 5, 3]), options.get("targets", [2, 3, 1])
        labels = t.tensor(options.get("labels", LABELS))
        more = {k: v for k, v in options.items() if k in ("blank", "reduction", "zero_infinity")}
        return t.nn.functional.ctc_loss(x.log_softmax(-1), labels, inputs, targets, **more)

    return program


def _bag(mode: str, **options: Any) -> Any:
    def program(t: Any, w: Any) -> Any:
        offsets = None if options.get("rows") else t.tensor(options.get("offsets", [0, 3, 3, 5]))
        index = t.tensor(BAG)
        more = {k: v for k, v in options.items() if k not in ("rows", "offsets")}
        index = index.reshape(2, 4) if options.get("rows") else index
        return t.nn.functional.embedding_bag(index, w, offsets, mode=mode, **more)

    return program


def _refused_bag(**options: Any) -> Any:
    def program(t: Any) -> Any:
        given = {k: t.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
        given = {"input": t.tensor([1, 2, 4]), "weight": t.ones(6, 2), "offsets": t.tensor([0, 2]), **given}
        return t.nn.functional.embedding_bag(**given)

    return program


def _refused_ctc(inputs: Any = (5, 5, 5), targets: Any = (2, 2, 2), **options: Any) -> Any:
    return lambda t: t.nn.functional.ctc_loss(t.zeros(5, 3, 4), t.ones(3, 2, dtype=t.int64), inputs, targets, **options)


def _bag_layer(t: Any) -> Any:
    bag = t.nn.EmbeddingBag(4, 2, padding_idx=1)
    given = t.nn.EmbeddingBag.from_pretrained(t.ones(2, 2))
    return bag.weight.detach(), bag(t.tensor([[1, 2]])).detach(), repr(given), given.weight.requires_grad


def _adaptive(t: Any, x: Any, y: Any) -> Any:
    m = t.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6], div_value=2.0)
    out = m(x, y)
    return [
        repr(m),
        out.output.detach(),
        out.loss.detach(),
        m.log_prob(x).detach(),
        m.predict(x),
        m(x[0], y[0]).output.detach(),
    ]


def _converted(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.BatchNorm1d(2), t.nn.Sequential(t.nn.BatchNorm2d(3, affine=False)), t.nn.ReLU()).eval()
    weight = net[0].weight
    sync = t.nn.SyncBatchNorm.convert_sync_batchnorm(net)
    return repr(sync), sync[0].weight is weight, sync is net, sync[0].training


def _printed(t: Any) -> Any:
    n = t.nn
    return [
        repr(layer)
        for layer in (
            n.CTCLoss(),
            n.MultiMarginLoss(),
            n.MultiLabelMarginLoss(),
            n.TripletMarginWithDistanceLoss(),
            n.TripletMarginWithDistanceLoss(distance_function=lambda a, b: a),
            n.NLLLoss2d(),
            n.FractionalMaxPool2d(2, 3),
            n.EmbeddingBag(3, 2, max_norm=1.0, padding_idx=-1),
            n.CrossMapLRN2d(2),
            n.Container(a=n.ReLU()),
        )
    ]


def _lrn(x: Any) -> Any:
    squares = np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0))) ** 2
    window = sum(squares[:, i : i + x.shape[1]] for i in range(3))
    return (x / (1 + 0.5 / 3 * window) ** 0.75).astype(np.float32)


CTC: list[Row] = [
    *(case(f"ctc_loss, {r}", _ctc(reduction=r), floats(5, 3, 4), grad="reverse") for r in ("none", "sum")),
    case("ctc_loss, mean", _ctc(), floats(5, 3, 4)),  # which PyTorch cannot differentiate under torch.func
    case("ctc_loss, targets one after the other", _ctc(labels=JOINED), floats(5, 3, 4)),
    case("ctc_loss, no alignment", _ctc(inputs=[5, 2, 3], targets=[2, 3, 0], reduction="none"), floats(5, 3, 4)),
    case(
        "ctc_loss, zero_infinity",
        _ctc(inputs=[5, 2, 3], targets=[2, 3, 0], zero_infinity=True),
        floats(5, 3, 4),
    ),
    case("ctc_loss, another blank", _ctc(labels=[[0, 1], [2, 2], [1, 0]], targets=[2, 2, 1], blank=3), floats(5, 3, 4)),
    case("ctc_loss of one sequence", _ctc(labels=[1, 2], inputs=(5,), targets=(2,)), floats(5, 4)),
    case(
        "ctc_loss, the derivative before a log_softmax",
        lambda t, x: t.nn.functional.ctc_loss(x, t.tensor(LABELS), [5, 5, 3], [2, 3, 1], reduction="sum"),
        floats(5, 3, 4, low=-3, high=-0.5),
        grad="reverse",
    ),
    case("CTCLoss", lambda t, x: t.nn.CTCLoss()(x.log_softmax(2), t.tensor(LABELS), [5] * 3, [1] * 3), floats(5, 3, 4)),
    error("ctc_loss, too few input lengths", _refused_ctc(inputs=(5, 5)), fragment="input_lengths must be of size"),
    error("ctc_loss, too few target lengths", _refused_ctc(targets=(2, 2)), fragment="target_lengths must be of size"),
    error("ctc_loss, inputs too long", _refused_ctc(inputs=(6, 5, 5)), fragment="value at most 5, but got value 6"),
    error("ctc_loss, targets too long", _refused_ctc(targets=(2, 2, 3)), fragment="size at least 3 at dimension 1"),
    error("ctc_loss, blank out of range", _refused_ctc(blank=4), fragment="blank must be in label range"),
    error("ctc_loss, unknown reduction", _refused_ctc(reduction="x"), fragment="x is not a valid value for reduction"),
]

BAGS: list[Row] = [
    *(case(f"embedding_bag, {m}", _bag(m), TABLE, grad="reverse") for m in ("sum", "mean", "max")),
    *(case(f"embedding_bag, {m}, padded", _bag(m, padding_idx=4), TABLE) for m in ("sum", "mean", "max")),
    case("embedding_bag of rows", _bag("mean", rows=True), TABLE, grad="reverse"),
    case("embedding_bag, last offset", _bag("sum", offsets=[0, 3, 8], include_last_offset=True), TABLE),
    case(
        "embedding_bag with weights",
        lambda t, w, p: t.nn.functional.embedding_bag(
            t.tensor(BAG), w, t.tensor([0, 3, 3, 5]), mode="sum", per_sample_weights=p
        ),
        TABLE,
        floats(8),
        grad="reverse",
    ),
    case("embedding_bag, bounded", lambda t, w: (_bag("sum", max_norm=0.5)(t, w), w), TABLE),
    case("embedding_renorm_", lambda t: t.embedding_renorm_(t.arange(6.0).reshape(3, 2), t.tensor([1, 2]), 1.0, 2.0)),
    case("EmbeddingBag", _bag_layer),
    right(
        "embedding_bag, derivatives by frequency",
        lambda t, w: t.func.grad(lambda w: _bag("sum", scale_grad_by_freq=True)(t, w).sum())(w),
        TABLE,
        expected=np.ones((6, 2), np.float32),
        why="PyTorch mistakes which index was found how often",
    ),
    error("embedding_bag, no offsets", _refused_bag(offsets=None), fragment="offsets has to be a 1D Tensor"),
    error("embedding_bag, rows and offsets", _refused_bag(input=[[1, 2]]), fragment="offsets has to be None"),
    error("embedding_bag, unknown mode", _refused_bag(mode="x"), fragment="mode has to be one of sum, mean or max"),
    error("embedding_bag, floating indices", _refused_bag(input=[1.0]), fragment="argument #1 'indices' to have one"),
    error("embedding_bag, first offset", _refused_bag(offsets=[1, 2]), fragment=r"offsets\[0\] has to be 0"),
    error("embedding_bag, index out of range", _refused_bag(input=[1, 6, 0]), fragment="takes value 6 which is not in"),
    error(
        "embedding_bag, weights of a mean",
        _refused_bag(per_sample_weights=[1.0, 1.0, 1.0]),
        fragment="only supported for mode='sum'",
    ),
]

OTHERS: list[Row] = [
    *(
        case(
            f"multilabel_margin_loss, {r}",
            lambda t, x, r=r: t.nn.functional.multilabel_margin_loss(
                x, t.tensor([[3, 0, -1, 1], [0, 1, 2, 3], [-1, 0, 1, 2]]), reduction=r
            ),
            floats(3, 4),
            grad="reverse",
        )
        for r in ("none", "mean")
    ),
    case(
        "triplet_margin_with_distance_loss",
        lambda t, a, b, c: [
            t.nn.functional.triplet_margin_with_distance_loss(a, b, c),
            t.nn.functional.triplet_margin_with_distance_loss(
                a, b, c, swap=True, reduction="none", distance_function=lambda u, v: (u - v).abs().sum(-1)
            ),
            t.nn.TripletMarginWithDistanceLoss(margin=3.0, reduction="sum")(a, b, c),
        ],
        floats(3, 4),
        floats(3, 4),
        floats(3, 4),
        grad=True,
    ),
    case(
        "MultiMarginLoss, MultiLabelMarginLoss",
        lambda t, x: [
            t.nn.MultiMarginLoss(p=2, weight=t.arange(4.0))(x, t.tensor([1, 0, 3])),
            t.nn.MultiLabelMarginLoss()(x, t.tensor([[3, 0, -1, 1]] * 3)),
        ],
        floats(3, 4),
    ),
    case(
        "fractional_max_pool2d",
        lambda t, x, s: t.nn.functional.fractional_max_pool2d(x, (2, 3), 3, return_indices=True, _random_samples=s),
        floats(1, 2, 6, 6),
        floats(1, 2, 2, low=0, high=1),
    ),
    case(
        "fractional_max_pool3d",
        lambda t, x, s: t.nn.functional.fractional_max_pool3d(x, 2, (3, 2, 1), return_indices=True, _random_samples=s),
        floats(1, 2, 5, 5, 5),
        floats(1, 2, 3, low=0, high=1),
    ),
    case(
        "FractionalMaxPool2d draws", lambda t, x: t.nn.FractionalMaxPool2d(2, output_ratio=0.5)(x), floats(1, 2, 6, 6)
    ),
    case("AdaptiveLogSoftmaxWithLoss", _adaptive, floats(3, 8), ints(3)),
    case("SyncBatchNorm from other batch norms", _converted),
    case("how they print", _printed),
    right(
        "CrossMapLRN2d",
        lambda t, x: t.nn.CrossMapLRN2d(3, alpha=0.5)(x),
        floats(1, 6, 2, 2),
        expected=_lrn,
        why="PyTorch leaves the first channel in every window",
    ),
    error(
        "multilabel_margin_loss, shapes",
        lambda t: t.nn.functional.multilabel_margin_loss(t.ones(3, 4), t.ones(2, 4, dtype=t.int64)),
        fragment="inconsistent target size",
    ),
    error(
        "triplet_margin_with_distance_loss, margin",
        lambda t: t.nn.functional.triplet_margin_with_distance_loss(*[t.ones(2, 2)] * 3, margin=-1),
        fragment="margin must be greater than 0, got -1",
    ),
    error("MultiMarginLoss, p", lambda t: t.nn.MultiMarginLoss(p=3), fragment="only p == 1 and p == 2 supported"),
    error(
        "fractional pooling of no size", lambda t: t.nn.FractionalMaxPool2d(2), fragment="requires specifying either"
    ),
    error(
        "fractional pooling, window too large",
        lambda t: t.nn.functional.fractional_max_pool2d(t.ones(1, 1, 4, 4), 3, 4),
        fragment="pool height 3 too large relative to input height 4",
    ),
    error(
        "adaptive softmax, cutoffs",
        lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 3]),
        fragment="sequence of unique, positive integers",
    ),
    error(
        "adaptive softmax, targets",
        lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3])(t.ones(1, 8), t.tensor([10])),
        fragment="Target values should be in",
    ),
]

CASES: list[Row] = [*CTC, *BAGS, *OTHERS]
