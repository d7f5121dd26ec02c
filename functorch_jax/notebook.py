"""The notebook door: after `%load_ext functorch_jax`, cells that import torch or functorch run on JAX."""

from __future__ import annotations

from typing import Any

from functorch_jax.import_hook import install, uninstall

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """What `%load_ext functorch_jax` calls: `install()`.

    Args:
        ipython: the running shell; nothing of it is changed.
    Raises: RuntimeError if a cell has already imported real PyTorch.
    """
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """What `%unload_ext functorch_jax` calls: `uninstall()`.

    Args:
        ipython: the running shell; nothing of it is changed.
    """
    uninstall()
