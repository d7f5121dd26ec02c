"""`Distribution`, the base of all laws. Source: torch.distributions.distribution."""

from __future__ import annotations

import math
import warnings
from typing import Any

from functorch_jax import torch
from functorch_jax.torch._generator import known_value
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor
from functorch_jax.torch.distributions import constraints
from functorch_jax.torch.distributions.utils import as_size, lazy_property

__all__ = ["Distribution"]

_HERE = __name__.rpartition(".")[0]


def _violated(constraint: constraints.Constraint, value: Tensor) -> bool:
    """Whether some known value breaks the constraint. What is still being compiled is taken on trust."""
    if known_value(value) is None:
        return False
    valid = known_value(constraint.check(value))
    return valid is not None and not valid.all()


class Distribution:
    """A probability law over tensors.

    Args:
        batch_shape: the shape of independent laws.
        event_shape: the shape of one draw of one law.
        validate_args: whether parameters and values are checked; they are where their numbers are known, under vmap and
            grad too, and not inside a program that is being compiled.
    Raises: ValueError for a parameter outside its constraint.

    Example:
        >>> from functorch_jax import torch
        >>> torch.distributions.Normal(torch.zeros(2), 1.0)
        Normal(loc: torch.Size([2]), scale: torch.Size([2]))

    Source: torch.distributions.Distribution.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Check, or do not check, unless a law says otherwise. Raises ValueError for anything but True and False."""
        if value not in [True, False]:
            raise ValueError("set_default_validate_args takes True or False")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = Size(), event_shape: Any = Size(), validate_args: bool | None = None) -> None:  # noqa: B008
        self._batch_shape = as_size(batch_shape)
        self._event_shape = as_size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize "
                "the distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        for param, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if param not in self.__dict__ and isinstance(getattr(type(self), param), lazy_property):
                continue
            value = getattr(self, param)
            if isinstance(value, Tensor) and _violated(constraint, value):
                raise ValueError(
                    f"Expected parameter {param} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                    f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                    f"values:\n{value}"
                )

    # -- what the law is -----------------------------------------------------------------------------------------------

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The law repeated to `batch_shape`, which parameters broadcast to."""
        cls = next(c for c in type(self).__mro__ if c.__module__.startswith(_HERE))
        if not isinstance(cls.__dict__.get("arg_constraints"), dict):
            raise NotImplementedError
        new = self._get_checked_instance(cls, _instance)
        batch_shape = as_size(batch_shape)
        for param, constraint in cls.__dict__["arg_constraints"].items():
            if param in self.__dict__:
                value = self.__dict__[param]
                events = value.shape[value.dim() - constraint.event_dim :]
                setattr(new, param, value.expand(batch_shape + events))
        return self._expanded(new, batch_shape)

    def _expanded(self, new: Any, batch_shape: Any, event_shape: Any = None) -> Any:
        """Finish `new`, which has this law's parameters expanded."""
        events = self._event_shape if event_shape is None else event_shape
        Distribution.__init__(new, batch_shape, events, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """The constraint that each parameter meets, by name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint that values meet."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Draws of shape `sample_shape + batch_shape + event_shape`, constants to reverse-mode differentiation."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Draws that have derivatives with respect to the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """Deprecated: `sample((n,))`."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", UserWarning, stacklevel=2)
        return self.sample(Size((n,)))

    # -- values --------------------------------------------------------------------------------------------------------

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density or of the probability at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a draw up to `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete law, along a new first axis."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        return torch.exp(self.entropy())

    # -- for laws ------------------------------------------------------------------------------------------------------

    def _extended_shape(self, sample_shape: Any = Size()) -> Size:  # noqa: B008
        return Size(as_size(sample_shape) + self._batch_shape + self._event_shape)

    def _validate_sample(self, value: Any) -> None:
        """Raises ValueError in PyTorch's words for a value that does not fit the shape or the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        events = len(self._event_shape)
        if value.shape[value.dim() - events :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if _violated(support, value):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the "
                f"support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _checked(self, value: Any) -> None:
        if self._validate_args:
            self._validate_sample(value)

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ != cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        shown = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                value = self.__dict__[name]
                shown.append(f"{name}: {value if math.prod(value.shape) == 1 else value.shape}")
        return f"{type(self).__name__}({', '.join(shown)})"
