"""Downloading of weights. Source: torch.hub."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import urllib.request
from typing import Any
from urllib.parse import urlparse

from functorch_jax.torch._names import missing
from functorch_jax.torch.serialization import load as _load

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "set_dir"]

_chosen: list[str] = []


def get_dir() -> str:
    """Where downloads are kept: `set_dir`, $TORCH_HOME/hub, or ~/.cache/torch/hub. Source: torch.hub.get_dir."""
    if _chosen:
        return _chosen[-1]
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Choose where downloads are kept. Source: torch.hub.set_dir."""
    _chosen[:] = [os.path.expanduser(d)]


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Download to a file, whole or not at all. Source: torch.hub.download_url_to_file.

    Raises: RuntimeError if the SHA-256 of what came does not begin with `hash_prefix`.
    """
    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(dst) or ".", delete=False) as file:
        try:
            with urllib.request.urlopen(url) as source:
                while piece := source.read(1 << 16):
                    digest.update(piece)
                    file.write(piece)
            if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
            file.close()
            os.replace(file.name, dst)
        finally:
            file.close()
            if os.path.exists(file.name):
                os.remove(file.name)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> Any:
    """`torch.load` of a URL, downloaded once. Source: torch.hub.load_state_dict_from_url."""
    directory = model_dir or os.path.join(get_dir(), "checkpoints")
    os.makedirs(directory, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        found = re.search(r"-([a-f0-9]*)\.", name) if check_hash else None
        download_url_to_file(url, path, found[1] if found else None, progress)
    return _load(path, map_location=map_location, weights_only=weights_only)


def __getattr__(name: str) -> Any:
    raise missing("torch.hub", name, lambda: __all__)
