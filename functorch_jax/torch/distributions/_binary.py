"""What laws of one probability share: `probs` or `logits`, whichever was given, and the other when it is read."""

from __future__ import annotations

from typing import Any

from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions.distribution import Distribution
from functorch_jax.torch.distributions.utils import (
    as_size,
    broadcast_all,
    is_scalar,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

ONE_OF_TWO = "Either `probs` or `logits` must be specified, but not both."


class Binary(Distribution):
    """A law with parameters `probs` or `logits`, of numbers or of vectors."""

    _is_binary = True

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=self._is_binary)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=self._is_binary)

    def _set(self, probs: Any, logits: Any) -> Size:
        """Keep the one that is given, and return the batch shape. Raises ValueError for none or both."""
        if (probs is None) == (logits is None):
            raise ValueError(ONE_OF_TWO)
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        (value,) = broadcast_all(given)
        setattr(self, name, value)
        return Size() if is_scalar(given) else value.shape

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @property
    def param_shape(self) -> Size:
        return self._param.shape

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)

    def _expand_given(self, new: Any, batch_shape: Any) -> Any:
        """Give `new` the expanded parameters."""
        shape = as_size(batch_shape)
        for name in ("probs", "logits", "total_count"):
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                setattr(new, name, value.expand(shape))
        return new
