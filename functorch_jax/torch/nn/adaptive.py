"""Softmax over many classes, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn import functional as F
from functorch_jax.torch.nn.container import ModuleList, Sequential
from functorch_jax.torch.nn.linear import Linear
from functorch_jax.torch.nn.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Any
    loss: Any


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log probability of each target among `n_classes`, sorted from frequent to rare, and the mean loss.

    Args:
        cutoffs: where each cluster of classes begins; those before the first are in the head.
        div_value: how much narrower each further cluster's projection is.

    Errors: ValueError for cutoffs that do not grow from 1 to `n_classes` - 1; RuntimeError for targets out of range.
    Source: torch.nn.AdaptiveLogSoftmaxWithLoss.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if len(cutoffs) == 0:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        fits = all(int(c) == c for c in cutoffs) and cutoffs == sorted(set(cutoffs))
        if not fits or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        place = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **place)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            wide, narrow = (in_features, width), (width, size)
            self.tail.append(Sequential(Linear(*wide, bias=False, **place), Linear(*narrow, bias=False, **place)))

    def reset_parameters(self) -> None:
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def _get_full_log_prob(self, input: Any, head_output: Any) -> Any:
        head = F.log_softmax(head_output, dim=1)
        n = self.shortlist_size
        parts = [head[:, :n]]
        for i, cluster in enumerate(self.tail):
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, n + i].unsqueeze(1))
        return NAMESPACES["torch"]["cat"](parts, 1)

    def log_prob(self, input: Any) -> Any:
        """(N, n_classes): the log probability of every class."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Any) -> Any:
        """(N): the likeliest class."""
        return self.log_prob(input).argmax(dim=1)

    def forward(self, input_: Any, target_: Any) -> _ASMoutput:
        dims = target_.ndim
        if dims == 1:
            if input_.shape[0] != target_.shape[0]:
                raise RuntimeError("Input and target should have the same size in the batch dimension.")
            if input_.ndim != 2:
                raise RuntimeError(
                    f"1D target tensor expects 2D input tensors, but found inputs with size {input_.shape}"
                )
        elif dims == 0:
            if input_.ndim != 1:
                raise RuntimeError(
                    f"0D target tensor expects 1D input tensors, but found inputs with size {input_.shape}"
                )
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        input = input_ if dims else input_.unsqueeze(0)
        target = target_ if dims else target_.unsqueeze(0)
        from functorch_jax.torch._generator import known_value

        known = known_value(target)
        if known is not None and known.size and not 0 <= known.min() <= known.max() < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{known.min()}, {known.max()}] were found. "
            )
        output = self.log_prob(input).gather(1, target.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if dims else output.squeeze(0), loss)
