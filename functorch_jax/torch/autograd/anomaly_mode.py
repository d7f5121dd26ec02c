"""Anomaly detection: the forward call behind a failing backward, and a check for nan. Source: torch.autograd."""

from __future__ import annotations

import warnings
from typing import Any

from functorch_jax.torch._graph import state

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_anomaly_enabled",
    "set_detect_anomaly",
]


class set_detect_anomaly:
    """Turn anomaly detection on or off; in a `with` statement until its end.

    Source: torch.autograd.set_detect_anomaly.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = state.anomaly, state.check_nan
        state.anomaly, state.check_nan = bool(mode), bool(check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        state.anomaly, state.check_nan = self._before


class detect_anomaly:
    """A block in which a backward pass that fails shows the forward call, and nan in a gradient raises RuntimeError.

    Source: torch.autograd.detect_anomaly.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before = state.anomaly, state.check_nan
        state.anomaly, state.check_nan = True, self._check_nan

    def __exit__(self, *exc: Any) -> None:
        state.anomaly, state.check_nan = self._before


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on. Source: torch.is_anomaly_enabled."""
    return state.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks for nan. Source: torch.is_anomaly_check_nan_enabled."""
    return state.check_nan


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn anomaly detection on or off. Source: torch.set_anomaly_enabled."""
    state.anomaly, state.check_nan = mode, check_nan
