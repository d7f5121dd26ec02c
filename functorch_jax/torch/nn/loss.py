"""Losses as layers."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch.nn._layer import layer

_OLD = "size_average=None, reduce=None"


def _reduction(self: Any) -> None:
    """The older pair of switches, where it is used, decides the reduction."""
    average, reduce = self.size_average, self.reduce
    del self.size_average, self.reduce
    if average is not None or reduce is not None:
        average, reduce = average is not False, reduce is not False
        self.reduction = "none" if not reduce else "mean" if average else "sum"


def _weighted(*names: str) -> Any:
    """Settings that are tensors are buffers of the layer."""

    def prepare(self: Any) -> None:
        _reduction(self)
        for name in names:
            value = self.__dict__.pop(name)
            self.register_buffer(name, value)

    return prepare


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
    _row("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", "weight=None", prepare=_weighted("weight")),
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
    _row("TripletMarginLoss", "triplet_margin_loss", "margin=1.0, p=2.0, eps=1e-06, swap=False"),
]

__all__ = [row[0] for row in _TABLE]

for _name, _function, _settings, _prepare in _TABLE:
    globals()[_name] = layer(__name__, _name, _function, _settings, hidden="size_average reduce", prepare=_prepare)
