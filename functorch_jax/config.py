"""Switches that a program or the launcher may set: `functorch_jax.config.vmap_branches = "loop"`."""

from __future__ import annotations

from typing import Any

_CHOICES: dict[str, tuple[str, ...]] = {
    # what vmap does with a function that branches on a mapped value: raise, or run it row by row
    "vmap_branches": ("error", "loop"),
    # what a device name means on a machine without that device: an error, or JAX's default device
    "device": ("strict", "auto"),
}


class Config:
    """Checked attributes; assigning anything but a listed choice raises ValueError.

    Example:
        >>> import functorch_jax
        >>> functorch_jax.config.vmap_branches
        'error'
    """

    vmap_branches: str
    device: str

    def __init__(self) -> None:
        for name, choices in _CHOICES.items():
            setattr(self, name, choices[0])

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _CHOICES:
            raise AttributeError(f"functorch_jax.config has no switch {name!r}; it has {', '.join(_CHOICES)}")
        if value not in _CHOICES[name]:
            raise ValueError(f"functorch_jax.config.{name} must be one of {_CHOICES[name]}, got {value!r}")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{name}={getattr(self, name)!r}' for name in _CHOICES)})"


config = Config()
