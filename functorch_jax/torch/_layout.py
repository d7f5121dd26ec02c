"""Names for layouts and memory formats: accepted, without effect, as JAX's arrays are dense and row-major."""

from __future__ import annotations

__all__ = ["NAMES", "layout", "memory_format"]


class _Named:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> str:
        return self._name


class layout(_Named):
    """How a tensor is stored; `torch.strided` is the one there is. Source: torch.layout."""

    __slots__ = ()


class memory_format(_Named):
    """The order of a tensor's memory. Source: torch.memory_format."""

    __slots__ = ()


NAMES: dict[str, _Named] = {
    **{
        name: layout(name) for name in ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")
    },
    **{
        name: memory_format(name)
        for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
    },
}
strided = NAMES["strided"]
sparse_coo, sparse_csr, sparse_csc = NAMES["sparse_coo"], NAMES["sparse_csr"], NAMES["sparse_csc"]
sparse_bsr, sparse_bsc = NAMES["sparse_bsr"], NAMES["sparse_bsc"]
contiguous_format, preserve_format = NAMES["contiguous_format"], NAMES["preserve_format"]
channels_last, channels_last_3d = NAMES["channels_last"], NAMES["channels_last_3d"]
