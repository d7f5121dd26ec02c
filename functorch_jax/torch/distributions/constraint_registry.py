"""Transforms from unconstrained numbers to a constraint. Source: torch.distributions.constraint_registry.

`biject_to(c)` is a bijection, with a Jacobian; `transform_to(c)` may be none, and is what an optimizer wants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functorch_jax.torch.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A transform for each kind of constraint. Source: torch.distributions.constraint_registry.ConstraintRegistry."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[..., Any]] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Let `factory(constraint)` make the transform for a class of constraints. Without it, a decorator.

        Raises: TypeError for what is no constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform to `constraint`. Raises NotImplementedError where none is registered."""
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _above(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.lower_bound, 1)]
    )


def _below(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.upper_bound, -1)]
    )


def _between(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    unit = transforms.SigmoidTransform()
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return unit
    return transforms.ComposeTransform([unit, transforms.AffineTransform(low, high - low)])


def _structured(registry: ConstraintRegistry) -> dict[Any, Callable[..., Any]]:
    """The constraints that are made of others."""
    return {
        constraints.independent: lambda c: transforms.IndependentTransform(
            registry(c.base_constraint), c.reinterpreted_batch_ndims
        ),
        constraints.cat: lambda c: transforms.CatTransform([registry(e) for e in c.cseq], c.dim, c.lengths),
        constraints.stack: lambda c: transforms.StackTransform([registry(e) for e in c.cseq], c.dim),
    }


_BOTH: dict[Any, Callable[..., Any]] = {
    constraints.real: lambda c: transforms.identity_transform,
    constraints.greater_than: _above,
    constraints.greater_than_eq: _above,
    constraints.less_than: _below,
    constraints.interval: _between,
    constraints.half_open_interval: _between,
    constraints.corr_cholesky: lambda c: transforms.CorrCholeskyTransform(),
}
_OWN: list[tuple[ConstraintRegistry, dict[Any, Callable[..., Any]]]] = [
    (biject_to, {constraints.simplex: lambda c: transforms.StickBreakingTransform()}),
    (
        transform_to,
        {
            constraints.simplex: lambda c: transforms.SoftmaxTransform(),
            constraints.lower_cholesky: lambda c: transforms.LowerCholeskyTransform(),
            constraints.positive_definite: lambda c: transforms.PositiveDefiniteTransform(),
            constraints.positive_semidefinite: lambda c: transforms.PositiveDefiniteTransform(),
        },
    ),
]
for _registry, _own in _OWN:
    for _constraint, _factory in {**_BOTH, **_own, **_structured(_registry)}.items():
        _registry.register(_constraint, _factory)
