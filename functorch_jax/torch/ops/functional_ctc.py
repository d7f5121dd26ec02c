"""Connectionist temporal classification: the likelihood of a sequence over all its alignments, one scan over time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functorch_jax.torch._generator import known_value
from functorch_jax.torch._op import NAMESPACES, Op, function
from functorch_jax.torch._tensor import Tensor

# Stands for the logarithm of zero: finite, so that no derivative is a difference of infinities.
_NEVER = -1e30


def _losses(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, longest: int) -> Any:
    """The loss of each sequence of the batch; inf where no alignment fits."""
    steps, batch, _ = log_probs.shape
    dtype = log_probs.dtype
    x = log_probs.astype(jnp.promote_types(dtype, jnp.float32))
    if targets.ndim == 1:  # one after the other
        start = jnp.cumsum(target_lengths) - target_lengths
        places = jnp.clip(start[:, None] + jnp.arange(longest), 0, max(targets.shape[0] - 1, 0))
        targets = targets[places] if targets.shape[0] else jnp.full((batch, longest), blank)
    labels = jnp.full((batch, 2 * targets.shape[1] + 1), blank, targets.dtype).at[:, 1::2].set(targets)
    rows = jnp.arange(batch)[:, None]
    # from two places before, over the blank that may be left out between two labels that differ
    skips = jnp.zeros(labels.shape, bool).at[:, 2:].set(labels[:, 2:] != labels[:, :-2])

    def shifted(alpha: Any, n: int) -> Any:
        return jnp.pad(alpha, ((0, 0), (n, 0)), constant_values=_NEVER)[:, : alpha.shape[1]]

    def step(alpha: Any, at: Any) -> Any:
        t, now = at
        skipped = jnp.where(skips, shifted(alpha, 2), _NEVER)
        reached = jax.nn.logsumexp(jnp.stack([alpha, shifted(alpha, 1), skipped]), axis=0)
        emitted = reached + jnp.maximum(now, _NEVER)[rows, labels]
        return jnp.where((t < input_lengths)[:, None], jnp.maximum(emitted, _NEVER), alpha), None

    first = jnp.full(labels.shape, _NEVER, x.dtype).at[:, 0].set(0)
    alpha, _ = lax.scan(step, first, (jnp.arange(steps), x))
    end = (2 * target_lengths)[:, None]
    last = jnp.take_along_axis(alpha, end, 1)[:, 0]
    before = jnp.where(target_lengths > 0, jnp.take_along_axis(alpha, jnp.maximum(end - 1, 0), 1)[:, 0], _NEVER)
    loss = -jnp.logaddexp(last, before)
    # PyTorch's derivative is the one for rows of probabilities that sum to one: it has their sum in it, which is
    # constant behind a log_softmax.
    inside = jnp.arange(steps)[:, None, None] < input_lengths[:, None]
    total = jnp.sum(jnp.where(inside, jnp.exp(x), 0), axis=(0, 2))
    loss = loss + (total - lax.stop_gradient(total))
    return jnp.where(loss > -_NEVER / 2, jnp.inf, loss).astype(dtype)


def _reduced(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    longest: int,
    reduction: str,
    zero_infinity: bool,
) -> Any:
    loss = _losses(log_probs, targets, input_lengths, target_lengths, blank, longest)
    if zero_infinity:
        loss = jnp.where(jnp.isinf(loss), jnp.zeros((), loss.dtype), loss)
    if reduction == "mean":
        return jnp.mean(loss / jnp.maximum(target_lengths, 1).astype(loss.dtype))
    return jnp.sum(loss) if reduction == "sum" else loss


_ctc = Op(_reduced, "ctc_loss")


def _lengths(name: str, lengths: Any, batch: int) -> Any:
    """The lengths as a tensor of one number a sequence."""
    if not isinstance(lengths, Tensor):
        lengths = NAMESPACES["torch"]["tensor"](lengths)
    if lengths.array.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integral")
    lengths = lengths.reshape(-1)  # type: ignore[attr-defined]
    if lengths.array.shape[0] != batch:
        raise RuntimeError(f"{name} must be of size batch_size")
    return lengths.long()


@function("nn.functional torch")
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: Any = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Minus the logarithm of the probability of `targets`, summed over their alignments with the inputs.

    Args:
        log_probs: (T, N, C) or (T, C), logarithms of probabilities, as of `log_softmax`.
        targets: (N, S), or all of them one after the other in one axis; labels from 0 to C - 1 other than `blank`.
        input_lengths, target_lengths: one number a sequence, or one alone where there is no N.
        reduction: "mean" (each loss over its target's length first), "sum" or "none".
        zero_infinity: zero in the place of the infinite loss of a target that is too long for its input.

    Errors: RuntimeError for lengths that do not fit and for a `blank` that is no label; ValueError for an unknown
        reduction.
    Source: torch.nn.functional.ctc_loss.
    """
    reduction = {0: "none", 1: "mean", 2: "sum"}.get(reduction, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if log_probs.array.dtype.kind != "f" and log_probs.array.dtype.name != "bfloat16":
        raise NotImplementedError('"ctc_loss_cpu" not implemented for a dtype that is not floating')
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs.unsqueeze(1)  # type: ignore[attr-defined]
    steps, batch, classes = log_probs.shape
    if steps == 0:
        raise RuntimeError("log_probs tensor must not be empty")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    input_lengths = _lengths("input_lengths", input_lengths, batch)
    target_lengths = _lengths("target_lengths", target_lengths, batch)
    known = known_value(input_lengths)
    if known is not None and known.size and known.max() > steps:
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {known.max()}")
    wanted = known_value(target_lengths)
    if targets.ndim == 1:
        longest = targets.array.shape[0] if wanted is None else int(np.max(wanted, initial=0))
        if wanted is not None and wanted.sum() != targets.array.shape[0]:
            raise RuntimeError(
                f"Expected tensor to have size {wanted.sum()} at dimension 0, but got size {targets.array.shape[0]} "
                "for argument #2 'targets' (while checking arguments for ctc_loss)"
            )
    else:
        longest = targets.array.shape[1]
        if targets.array.shape[0] != batch:
            raise RuntimeError(
                f"Expected tensor to have size {batch} at dimension 0, but got size {targets.array.shape[0]} for "
                "argument #2 'targets' (while checking arguments for ctc_loss)"
            )
        if wanted is not None and wanted.size and wanted.max() > longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {wanted.max()} at dimension 1, but got size {longest} for "
                "argument #2 'targets' (while checking arguments for ctc_loss)"
            )
    loss = _ctc(log_probs, targets, input_lengths, target_lengths, blank, longest, reduction, zero_infinity)
    return loss.squeeze(0) if single and reduction == "none" else loss
