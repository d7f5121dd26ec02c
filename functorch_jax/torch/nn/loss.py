"""Losses as layers."""

from __future__ import annotations

import warnings
from typing import Any

from functorch_jax.torch.nn._layer import layer
from functorch_jax.torch.nn.module import Module
from functorch_jax.torch.nn.resample import PairwiseDistance  # type: ignore[attr-defined]

_OLD = "size_average=None, reduce=None"


def _older(average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, which the older pair of switches decides where it is used."""
    if average is None and reduce is None:
        return reduction
    return "none" if reduce is False else "sum" if average is False else "mean"


class _Loss(Module):
    """The base of losses that have a reduction. Source: torch.nn.modules.loss._Loss."""

    reduction: str

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = _older(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """The base of losses that weigh classes. Source: torch.nn.modules.loss._WeightedLoss."""

    weight: Any

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


def _reduction(self: Any) -> None:
    self.reduction = _older(self.size_average, self.reduce, self.reduction)
    del self.size_average, self.reduce


def _weighted(*names: str) -> Any:
    """Settings that are tensors are buffers of the layer."""

    def prepare(self: Any) -> None:
        _reduction(self)
        for name in names:
            if name in self.__dict__:
                self.register_buffer(name, self.__dict__.pop(name))

    return prepare


def _multi_margin(self: Any) -> None:
    if self.p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if self.weight is not None and self.weight.ndim != 1:
        raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {self.weight.ndim}D instead")
    _weighted("weight")(self)


def _triplet(self: Any) -> None:
    if self.margin <= 0:
        raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {self.margin} instead")
    _reduction(self)


def _distance(self: Any) -> None:
    if self.margin <= 0:
        raise ValueError(
            f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {self.margin} instead"
        )
    if self.distance_function is None:
        del self.distance_function
        self.distance_function = PairwiseDistance()


def _row(name: str, function: str, before: str = "", after: str = "", prepare: Any = _reduction) -> Any:
    """A loss's settings: what comes first, the reduction and its older switches, what comes last."""
    first = f"{before}, " if before else ""
    last = f", {after}" if after else ""
    return name, function, f"{first}{_OLD}, reduction='mean'{last}", prepare


_TABLE = [
    _row("BCELoss", "binary_cross_entropy", "weight=None", prepare=_weighted("weight")),
    (
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        f"weight=None, {_OLD}, reduction='mean', pos_weight=None",
        _weighted("weight", "pos_weight"),
    ),
    _row("CosineEmbeddingLoss", "cosine_embedding_loss", "margin=0.0"),
    (
        "CrossEntropyLoss",
        "cross_entropy",
        "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0",
        _weighted("weight"),
    ),
    ("GaussianNLLLoss", "gaussian_nll_loss", "*, full=False, eps=1e-06, reduction='mean'", None),
    _row("HingeEmbeddingLoss", "hinge_embedding_loss", "margin=1.0"),
    ("HuberLoss", "huber_loss", "reduction='mean', delta=1.0", None),
    _row("KLDivLoss", "kl_div", after="log_target=False"),
    _row("L1Loss", "l1_loss"),
    _row("MSELoss", "mse_loss"),
    _row("MarginRankingLoss", "margin_ranking_loss", "margin=0.0"),
    _row("MultiLabelMarginLoss", "multilabel_margin_loss"),
    _row("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", "weight=None", prepare=_weighted("weight")),
    (
        "MultiMarginLoss",
        "multi_margin_loss",
        f"p=1, margin=1.0, weight=None, {_OLD}, reduction='mean'",
        _multi_margin,
    ),
    ("CTCLoss", "ctc_loss", "blank=0, reduction='mean', zero_infinity=False", None),
    (
        "NLLLoss",
        "nll_loss",
        "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'",
        _weighted("weight"),
    ),
    (
        "PoissonNLLLoss",
        "poisson_nll_loss",
        "log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean'",
        _reduction,
    ),
    _row("SmoothL1Loss", "smooth_l1_loss", after="beta=1.0"),
    _row("SoftMarginLoss", "soft_margin_loss"),
    _row("TripletMarginLoss", "triplet_margin_loss", "margin=1.0, p=2.0, eps=1e-06, swap=False", prepare=_triplet),
    (
        "TripletMarginWithDistanceLoss",
        "triplet_margin_with_distance_loss",
        "*, distance_function=None, margin=1.0, swap=False, reduction='mean'",
        _distance,
    ),
]

__all__ = ["NLLLoss2d", *(row[0] for row in _TABLE)]

_CLASS_WEIGHTS = ("BCELoss", "CrossEntropyLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss")

for _name, _function, _settings, _prepare in _TABLE:
    _base = _WeightedLoss if _name in _CLASS_WEIGHTS else _Loss
    globals()[_name] = layer(
        __name__, _name, _function, _settings, hidden="size_average reduce", prepare=_prepare, bases=(_base,)
    )


class NLLLoss2d(globals()["NLLLoss"]):  # type: ignore[misc]
    """The old name of `NLLLoss` for images, which warns. Source: torch.nn.NLLLoss2d."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn("`NLLLoss2d` has been deprecated: use `NLLLoss`, which is the same.", FutureWarning, stacklevel=2)
        super().__init__(*args, **kwargs)
