"""Normalisation and losses."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, ints, right


def _f(name: str, *args: Any, **kwargs: Any) -> Any:
    """A program that calls a function of nn.functional with its inputs first, whatever it warns about."""

    def program(t: Any, *xs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(t.nn.functional, name)(*xs, *args, **kwargs)

    return program


def _train(t: Any, x: Any, mean: Any, var: Any, *affine: Any) -> Any:
    """Batch norm in training, and where the running statistics moved."""
    return t.nn.functional.batch_norm(x, mean, var, *affine, training=True, momentum=0.3), mean, var


def _bias_before_batch_norm(t: Any, b: Any, x: Any, scale: Any, w: Any) -> Any:
    """The gradient for a bias through a step of gradient descent: batch norm takes any bias out again."""

    def loss(b: Any, scale: Any, x: Any) -> Any:
        return (t.nn.functional.batch_norm(x + b[:, None], None, None, scale, None, training=True) ** 3 * w).sum()

    def after_a_step(b: Any, x: Any) -> Any:
        db, dscale = t.func.grad(loss, argnums=(0, 1))(b, scale, x)
        return loss(b - 0.1 * db, scale - 0.1 * dscale, x)

    return t.func.grad(lambda b: t.func.vmap(after_a_step, in_dims=(None, 0))(b, x).sum())(b)


STATS = (floats(3), floats(3, positive=True))
AFFINE = (floats(3), floats(3))
MEAN, VAR = [0.1, -0.2, 0.3], [0.5, 1.0, 2.0]

NORM: list[Row] = [
    *(
        case(f"batch_norm, training, {size}", _train, floats(*size), *STATS)
        for size in ((4, 3), (4, 3, 5), (2, 3, 4, 4), (2, 3, 2, 2, 2))
    ),
    case("batch_norm, training, affine", _train, floats(4, 3, 2), *STATS, *AFFINE),
    case(
        "batch_norm, training: gradients",
        lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, training=True),
        floats(4, 3, 2),
        *AFFINE,
        grad=True,
    ),
    case("batch_norm, evaluation", _f("batch_norm"), floats(4, 3, 2), *STATS, *AFFINE),
    case(
        "batch_norm, evaluation: gradients",
        lambda t, x, w, b: t.nn.functional.batch_norm(x, t.tensor(MEAN), t.tensor(VAR), w, b),
        floats(4, 3, 2),
        *AFFINE,
        grad=True,
    ),
    case(
        "batch_norm, evaluation, float64",
        _f("batch_norm", eps=0.1),
        floats(4, 3, dtype="float64"),
        floats(3, dtype="float64"),
        floats(3, dtype="float64", positive=True),
    ),
    case(
        "torch.batch_norm",
        lambda t, x, m, v: t.batch_norm(x, None, None, m, v, False, 0.1, 1e-5, False),
        floats(4, 3),
        *STATS,
    ),
    error(
        "batch_norm of one value",
        _f("batch_norm", None, None, training=True),
        floats(1, 3),
        fragment="Expected more than 1 value per channel when training, got input size",
    ),
    error(
        "batch_norm, statistics of another size",
        _f("batch_norm", training=True),
        floats(2, 3),
        floats(2),
        floats(2),
        fragment="running_mean should contain 3 elements not 2",
    ),
    error(
        "batch_norm, evaluation without statistics",
        _f("batch_norm", None, None),
        floats(2, 3),
        fragment="running_mean must be defined in evaluation mode",
    ),
    error(
        "batch_norm, weight of another size",
        lambda t, x, w: t.nn.functional.batch_norm(x, None, None, w, training=True),
        floats(2, 3),
        floats(2),
        fragment="weight should contain 3 elements not 2",
    ),
    case("layer_norm", _f("layer_norm", (4,)), floats(2, 3, 4), grad=True),
    case(
        "layer_norm, affine, two axes",
        lambda t, x, w, b: t.nn.functional.layer_norm(x, (3, 4), w, b, 1e-3),
        floats(2, 3, 4),
        floats(3, 4),
        floats(3, 4),
        grad=True,
    ),
    case("layer_norm of constant rows", _f("layer_norm", (3,)), [[1.0, 1.0, 1.0], [2.0, 3.0, 4.0]], grad=True),
    case("torch.layer_norm", lambda t, x: t.layer_norm(x, [4]), floats(2, 4)),
    error("layer_norm, shape", _f("layer_norm", (2,)), floats(2, 3), fragment=r"expected input with shape \[\*, 2\]"),
    error(
        "layer_norm, weight",
        lambda t, x, w: t.nn.functional.layer_norm(x, (3,), w),
        floats(2, 3),
        floats(2),
        fragment="Expected weight to be of same shape as normalized_shape",
    ),
    error("layer_norm of integers", _f("layer_norm", (3,)), ints(2, 3), fragment="LayerNormKernelImpl"),
    case("rms_norm", _f("rms_norm", (4,)), floats(2, 3, 4), grad=True),
    case(
        "rms_norm, weight and eps",
        lambda t, x, w: t.nn.functional.rms_norm(x, (4,), w, 0.1),
        floats(2, 4),
        floats(4),
        grad=True,
    ),
    case("group_norm", _f("group_norm", 2), floats(2, 4, 3), grad=True),
    case(
        "group_norm, affine",
        lambda t, x, w, b: t.nn.functional.group_norm(x, 3, w, b),
        floats(2, 6, 2, 2),
        floats(6),
        floats(6),
        grad=True,
    ),
    error("group_norm, groups", _f("group_norm", 2), floats(2, 3), fragment="divisible by num_groups"),
    error(
        "group_norm of one value", _f("group_norm", 2), floats(1, 2), fragment="Expected more than 1 value per channel"
    ),
    case("instance_norm", _f("instance_norm"), floats(2, 3, 4), grad=True),
    case(
        "instance_norm, running statistics",
        lambda t, x, m, v: (t.nn.functional.instance_norm(x, m, v), m, v),
        floats(2, 3, 4, 4),
        *STATS,
    ),
    case(
        "instance_norm by running statistics",
        lambda t, x, m, v, w, b: t.nn.functional.instance_norm(x, m, v, w, b, use_input_stats=False),
        floats(2, 3, 4),
        *STATS,
        *AFFINE,
    ),
    error(
        "instance_norm of one element",
        _f("instance_norm"),
        floats(2, 3, 1),
        fragment="Expected more than 1 spatial element",
    ),
    case("local_response_norm", _f("local_response_norm", 3, alpha=0.5), floats(2, 5, 4), grad=True),
    case("local_response_norm, even", _f("local_response_norm", 2), floats(2, 5, 4, 2), grad=True),
    case("normalize", _f("normalize"), floats(3, 4), grad=True),
    case("normalize, p and dim", _f("normalize", p=1.0, dim=0), floats(3, 4), grad=True),
    case("normalize, p inf", _f("normalize", p=float("inf")), floats(3, 4)),
    case("normalize a zero row", _f("normalize"), [[0.0, 0.0], [3.0, 4.0]], grad="reverse"),
    error("normalize integers", _f("normalize"), ints(3, 4), fragment="Expected a floating point or complex tensor"),
    case("cosine_similarity", _f("cosine_similarity"), floats(3, 4), floats(3, 4), grad=True),
    case("cosine_similarity, broadcast", _f("cosine_similarity", dim=-1), floats(3, 4), floats(4), grad=True),
    case(
        "cosine_similarity of a zero vector",
        _f("cosine_similarity"),
        [[0.0, 0.0], [3.0, 4.0]],
        [[1.0, 2.0], [3.0, 4.0]],
        grad="reverse",
    ),
    case("pairwise_distance", _f("pairwise_distance"), floats(3, 4), floats(3, 4), grad=True),
    case(
        "pairwise_distance of equal vectors",
        lambda t, x: t.pairwise_distance(x, x.clone(), keepdim=True),
        floats(3, 4),
        grad="reverse",
    ),
    case("pairwise_distance, p 1", _f("pairwise_distance", p=1.0), floats(3, 4), floats(3, 4)),
]

PAIR = (floats(4, 3), floats(4, 3))
UNIT = floats(4, 3, low=0.05, high=0.95)
SIGNS = [1, -1, 1, -1]

LOSSES: dict[str, tuple[tuple[Any, ...], list[dict[str, Any]]]] = {
    "mse_loss": (PAIR, [{}]),
    "l1_loss": (PAIR, [{}]),
    "smooth_l1_loss": (PAIR, [{}, {"beta": 0.3}, {"beta": 0.0}]),
    "huber_loss": (PAIR, [{}, {"delta": 0.3}]),
    "soft_margin_loss": ((floats(4), SIGNS), [{}]),
    "kl_div": ((floats(4, 3), UNIT), [{}, {"log_target": True}]),
    "binary_cross_entropy": ((UNIT, floats(4, 3, low=0.05, high=0.95)), [{}]),
    "binary_cross_entropy_with_logits": ((floats(4, 3), UNIT), [{}]),
    "poisson_nll_loss": (
        (floats(4, 3), floats(4, 3, low=0.0, high=4.0)),
        [{}, {"full": True}, {"log_input": False, "eps": 10.0}],
    ),
    "gaussian_nll_loss": ((floats(4, 3), floats(4, 3), floats(4, 3, positive=True)), [{}, {"full": True}]),
    "margin_ranking_loss": ((floats(4), floats(4), SIGNS), [{}, {"margin": 0.5}]),
    "hinge_embedding_loss": ((floats(4), SIGNS), [{}, {"margin": 0.2}]),
    "cosine_embedding_loss": ((*PAIR, SIGNS), [{}, {"margin": 0.1}]),
    "triplet_margin_loss": ((*PAIR, floats(4, 3)), [{}, {"p": 1.0, "swap": True}]),
    "multilabel_soft_margin_loss": ((floats(4, 3), UNIT), [{}]),
    "multi_margin_loss": ((floats(4, 3), [0, 2, 1, 2]), [{}, {"p": 2, "margin": 0.5}]),
    "nll_loss": ((floats(4, 3), [0, 2, 1, 2]), [{}, {"ignore_index": 2}]),
    "cross_entropy": (
        (floats(4, 3), [0, 2, 1, 2]),
        [{}, {"ignore_index": 2}, {"label_smoothing": 0.2}, {"label_smoothing": 0.2, "ignore_index": 2}],
    ),
}
# PyTorch has no forward mode, or refuses a derivative by one of the inputs
REVERSE_ONLY = ("multi_margin_loss",)

LOSS: list[Row] = [
    *(
        case(
            f"{name} {options}, {reduction}",
            _f(name, **options, reduction=reduction),
            *inputs,
            grad="reverse" if name in REVERSE_ONLY else True,
        )
        for name, (inputs, calls) in LOSSES.items()
        for options in calls
        for reduction in ("mean", "sum", "none")
    ),
    case("kl_div, batchmean", _f("kl_div", reduction="batchmean"), floats(4, 3), UNIT),
    case(
        "kl_div of target 0",
        lambda t, x: t.nn.functional.kl_div(x, t.tensor([[0.0, 1.0]]), reduction="sum"),
        floats(1, 2),
        grad=True,
    ),
    case(
        "mse_loss, weight",
        lambda t, x, y, w: [t.nn.functional.mse_loss(x, y, weight=w, reduction=r) for r in ("mean", "sum", "none")],
        *PAIR,
        UNIT,
    ),
    case("l1_loss, weight", lambda t, x, y, w: t.nn.functional.l1_loss(x, y, weight=w), *PAIR, UNIT),
    case("huber_loss, weight", lambda t, x, y, w: t.nn.functional.huber_loss(x, y, weight=w), *PAIR, UNIT),
    case("mse_loss of a float and an int tensor", _f("mse_loss"), floats(3), ints(3)),
    case("mse_loss of float32 and float64", _f("mse_loss"), floats(3), floats(3, dtype="float64")),
    case("mse_loss broadcasts", _f("mse_loss"), floats(2, 3), floats(3), grad=True),
    case("l1_loss of integers", _f("l1_loss", reduction="sum"), ints(3), ints(3)),
    case("l1_loss where equal", _f("l1_loss"), [1.0, 2.0], [1.0, 3.0], grad=True),
    case("smooth_l1_loss at beta", _f("smooth_l1_loss"), [1.0, -1.0, 0.0], [0.0, 0.0, 0.0], grad=True),
    case("huber_loss at delta", _f("huber_loss"), [1.0, -1.0, 0.0], [0.0, 0.0, 0.0], grad=True),
    case("mse_loss, size_average=False", _f("mse_loss", size_average=False), *PAIR),
    case("mse_loss of nothing", _f("mse_loss"), floats(0), floats(0)),
    case(
        "binary_cross_entropy on the wrong side",
        lambda t, x: t.nn.functional.binary_cross_entropy(x, t.tensor([1.0, 0.0])),
        [0.0, 1.0],
        grad="reverse",
    ),
    case(
        "binary_cross_entropy, weight",
        lambda t, x, y: t.nn.functional.binary_cross_entropy(x, y, t.tensor(VAR)),
        UNIT,
        UNIT,
        grad=True,
    ),
    case(
        "binary_cross_entropy_with_logits at 0",
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, t.tensor([0.0, 1.0])),
        [0.0, 0.0],
        grad=True,
    ),
    case(
        "binary_cross_entropy_with_logits, weights",
        lambda t, x, y, w, p: t.nn.functional.binary_cross_entropy_with_logits(x, y, w, pos_weight=p),
        floats(4, 3),
        UNIT,
        UNIT,
        floats(3, positive=True),
        grad=True,
    ),
    case(
        "binary_cross_entropy_with_logits of large numbers",
        _f("binary_cross_entropy_with_logits"),
        [1e4, -1e4],
        [0.0, 1.0],
        grad=True,
    ),
    case(
        "gaussian_nll_loss, one variance a row", _f("gaussian_nll_loss"), *PAIR, floats(4, 1, positive=True), grad=True
    ),
    case(
        "gaussian_nll_loss, small variance",
        lambda t, x, y: t.nn.functional.gaussian_nll_loss(x, y, t.full((4, 3), 1e-9), eps=0.1),
        *PAIR,
    ),
    # classes
    case(
        "cross_entropy, weight",
        lambda t, x, y: [
            t.nn.functional.cross_entropy(x, y, t.tensor(VAR), reduction=r) for r in ("mean", "sum", "none")
        ],
        floats(4, 3),
        [0, 2, 1, 2],
        grad=True,
    ),
    case(
        "cross_entropy, weight, ignored, smoothed",
        lambda t, x, y: t.nn.functional.cross_entropy(x, y, t.tensor(VAR), ignore_index=1, label_smoothing=0.3),
        floats(4, 3),
        [0, 2, 1, 2],
        grad=True,
    ),
    case("cross_entropy of images", _f("cross_entropy"), floats(2, 3, 4, 5), ints(2, 4, 5, high=3), grad=True),
    case("cross_entropy, no batch", lambda t, x: t.nn.functional.cross_entropy(x, t.tensor(1)), floats(3), grad=True),
    case(
        "cross_entropy, no batch, unreduced",
        lambda t, x: t.nn.functional.cross_entropy(x, t.tensor(1), reduction="none"),
        floats(3),
    ),
    case(
        "cross_entropy, target of one, unreduced",
        lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([1]), reduction="none"),
        floats(3),
    ),
    case("cross_entropy of probabilities", _f("cross_entropy"), floats(4, 3), UNIT, grad=True),
    case(
        "cross_entropy of probabilities, smoothed and weighted",
        lambda t, x, y, w: [
            t.nn.functional.cross_entropy(x, y, w, label_smoothing=0.1, reduction=r) for r in ("mean", "sum", "none")
        ],
        floats(4, 3),
        UNIT,
        floats(3, positive=True),
        grad=True,
    ),
    case(
        "cross_entropy of probabilities of images",
        _f("cross_entropy"),
        floats(2, 3, 4),
        floats(2, 3, 4, low=0.0, high=1.0),
        grad=True,
    ),
    case(
        "cross_entropy of bytes",
        lambda t, x, y: t.nn.functional.cross_entropy(x, y.to(t.uint8)),
        floats(4, 3),
        [0, 2, 1, 2],
    ),
    case("cross_entropy, all ignored", _f("cross_entropy"), floats(2, 3), [-100, -100], grad="reverse"),
    case("nll_loss of images", _f("nll_loss"), floats(2, 3, 4), ints(2, 4, high=3), grad=True),
    case(
        "nll_loss, weight",
        lambda t, x, y: t.nn.functional.nll_loss(x, y, t.tensor(VAR)),
        floats(4, 3),
        [0, 2, 1, 2],
        grad=True,
    ),
    case(
        "vmap of grad of cross_entropy",
        lambda t, x, y: t.func.vmap(t.func.grad(lambda x, y: t.nn.functional.cross_entropy(x[None], y[None])))(x, y),
        floats(4, 3),
        [0, 2, 1, 2],
    ),
    case(
        "vmap of cross_entropy without a batch",
        lambda t, x, y: t.func.vmap(t.nn.functional.cross_entropy)(x, y),
        floats(4, 3),
        [0, 2, 1, 2],
    ),
    case(
        "hessian of cross_entropy",
        lambda t, x, y: t.func.hessian(lambda x: t.nn.functional.cross_entropy(x, y))(x),
        floats(2, 3),
        [0, 2],
    ),
    error(
        "cross_entropy, class out of range",
        _f("cross_entropy"),
        floats(2, 3),
        [0, 5],
        fragment="Target 5 is out of bounds",
    ),
    error(
        "cross_entropy, negative class",
        _f("cross_entropy"),
        floats(2, 3),
        [-1, 1],
        fragment="Target -1 is out of bounds",
    ),
    error(
        "cross_entropy, batch",
        _f("cross_entropy"),
        floats(2, 3),
        [0, 1, 2],
        fragment=r"Expected input batch_size \(2\) to match target batch_size \(3\)",
    ),
    error(
        "cross_entropy, float classes",
        _f("cross_entropy"),
        floats(2, 3),
        [0.0, 1.0],
        fragment="expected target dtype to be Long or Byte, but got Float",
    ),
    error(
        "cross_entropy, unknown reduction",
        _f("cross_entropy", reduction="x"),
        floats(2, 3),
        [0, 1],
        fragment="x is not a valid value for reduction",
    ),
    error(
        "cross_entropy, weight of another size",
        lambda t, x, y, w: t.nn.functional.cross_entropy(x, y, w),
        floats(2, 3),
        [0, 1],
        floats(2),
        fragment="weight tensor should be defined either for all 3 classes or no classes",
    ),
    error(
        "cross_entropy, smoothing",
        _f("cross_entropy", label_smoothing=2.0),
        floats(2, 3),
        [0, 1],
        fragment="label_smoothing must be between 0.0 and 1.0",
    ),
    error("cross_entropy of integers", _f("cross_entropy"), ints(2, 3), [0, 1], fragment="not implemented for 'Long'"),
    error(
        "cross_entropy, probabilities of other shape",
        _f("cross_entropy"),
        floats(2, 3),
        floats(2, 2),
        fragment="0D or 1D target tensor expected",
    ),
    error(
        "cross_entropy, images of other size",
        _f("cross_entropy"),
        floats(2, 3, 4),
        ints(2, 5, high=3),
        fragment=r"Expected target size \[2, 4\], got \[2, 5\]",
    ),
    error(
        "cross_entropy, probabilities and ignore_index",
        _f("cross_entropy", ignore_index=0),
        floats(2, 3),
        floats(2, 3),
        fragment="ignore_index is not supported for floating point target",
    ),
    error("nll_loss of a number", _f("nll_loss"), floats(), ints(), fragment="Expected 1 or more dimensions"),
    error(
        "binary_cross_entropy, out of range",
        _f("binary_cross_entropy"),
        [2.0],
        [1.0],
        fragment="all elements of input should be between 0 and 1",
    ),
    error(
        "binary_cross_entropy, sizes",
        _f("binary_cross_entropy"),
        [0.2, 0.2],
        [1.0],
        fragment="Please ensure they have the same size",
    ),
    error(
        "binary_cross_entropy_with_logits, sizes",
        _f("binary_cross_entropy_with_logits"),
        [0.2],
        [1.0, 1.0],
        fragment="must be the same as input size",
    ),
    error("mse_loss of integers", _f("mse_loss"), ints(2), ints(2), fragment="not implemented for 'Long'"),
    error("mse_loss, sizes", _f("mse_loss"), floats(2, 3), floats(2), fragment="must match the size of tensor b"),
    error(
        "smooth_l1_loss, beta",
        _f("smooth_l1_loss", beta=-1.0),
        *PAIR,
        fragment="does not support negative values for beta",
    ),
    error(
        "huber_loss, delta",
        _f("huber_loss", delta=0.0),
        *PAIR,
        fragment="does not support non-positive values for delta",
    ),
    error(
        "mse_loss, unknown reduction",
        _f("mse_loss", reduction="x"),
        *PAIR,
        fragment="x is not a valid value for reduction",
    ),
]

NATIVE: list[Row] = [
    case(
        "native_layer_norm",
        lambda t, x, w: t.native_layer_norm(x, (3,), w, None, 1e-3),
        floats(2, 3),
        floats(3),
        grad=True,
    ),
    case(
        "native_batch_norm, and where the statistics moved",
        lambda t, x, m, v: (t.native_batch_norm(x, None, None, m, v, True, 0.3, 1e-3), m, v),
        floats(4, 3),
        *STATS,
    ),
    case(
        "linear_cross_entropy",
        lambda t, x, w, y: t.nn.functional.linear_cross_entropy(x, w, y),
        floats(4, 3),
        floats(5, 3),
        [0, 4, 1, 1],
    ),
    case("poisson_nll_loss of integers", _f("poisson_nll_loss"), [1, 2], [0, 3]),
    case("local_response_norm of integers", _f("local_response_norm", 2), [[[3, 1], [2, 5]]]),
    error(
        "native_group_norm, groups that do not divide",
        lambda t, x: t.native_group_norm(x, None, None, 2, 3, 1, 2, 1e-3),
        floats(2, 3),
        fragment="divisible by num_groups",
    ),
]

RIGHT: list[Row] = [
    right(
        "batch_norm's second derivatives under vmap",
        _bias_before_batch_norm,
        floats(3),
        floats(2, 4, 3, 2),
        floats(3),
        floats(4, 3, 2),
        expected=lambda b, *_: np.zeros(3, np.float32),
        why="PyTorch's are wrong where the weight is mapped: a bias before batch norm has no effect, and a gradient of 0",
        atol=1e-3,
    ),
]

CASES: list[Row] = [*RIGHT, *NORM, *LOSS, *NATIVE]
