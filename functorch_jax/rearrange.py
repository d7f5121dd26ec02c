"""`rearrange`, by the einops package, with PyTorch's checks of the pattern."""

from __future__ import annotations

import re
from typing import Any

from functorch_jax.transforms.arguments import array_of, is_tensor, like

__all__ = ["DimensionBindError", "rearrange"]


class DimensionBindError(Exception):
    """Sizes of named dimensions cannot be told, or disagree. Source: functorch.dim.DimensionBindError."""


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Reorder, split, merge and add axes by a pattern such as `'b (h w) c -> b c h w'`.

    Args:
        tensor: a tensor, or a list or tuple of tensors, stacked along a new first axis.
        pattern: names on both sides of `->`, with parentheses for merged axes and `...` for any number of them.
        **axes_lengths: sizes of named axes that cannot be told from the tensor.

    Returns: the rearranged tensor, of the kind that came in.

    Raises:
        ValueError: the pattern is malformed, or does not fit the tensor's number of axes.
        DimensionBindError: sizes cannot be inferred, or do not divide the axis.
        ImportError: einops is not installed.

    Example:
        >>> import jax.numpy as jnp
        >>> from functorch_jax import rearrange
        >>> rearrange(jnp.ones((2, 6)), "b (h w) -> b h w", h=2).shape
        (2, 2, 3)

    Source: torch.func.rearrange.
    """
    try:
        import einops

        from functorch_jax import einops_backend  # noqa: F401  (einops finds our tensors by it)
    except ImportError:
        raise ImportError("rearrange needs the einops package: pip install 'functorch-jax[einops]'") from None
    if isinstance(tensor, (list, tuple)):
        import jax.numpy as jnp

        tensor = like(tensor[0], jnp.stack([array_of(t) for t in tensor]))
    if not is_tensor(tensor):
        raise TypeError(f"rearrange: expected a Tensor or a list of them, got {type(tensor).__name__}")
    left, right = _parse(pattern)
    _check(left, right, pattern, tensor.ndim, axes_lengths)
    _check_sizes(left, tuple(tensor.shape), axes_lengths)
    try:
        return einops.rearrange(tensor, pattern, **axes_lengths)
    except einops.EinopsError as error:
        raise ValueError(str(error)) from error


Side = list[Any]  # names, "1", "..." and lists of names


def _parse(pattern: str) -> tuple[Side, Side]:
    if pattern.count("->") != 1:
        raise ValueError(f"Pattern must contain a single '->' separator, got {pattern!r}")
    left, right = (_parse_side(side, pattern) for side in pattern.split("->"))
    return left, right


def _parse_side(text: str, pattern: str) -> Side:
    side: Side = []
    group: list[str] | None = None
    names: list[str] = []
    text = text.replace("...", " \u2026 ")
    for token in re.findall(r"[()]|\u2026|\w+|\S", text):
        if token == "(":
            if group is not None:
                raise ValueError(f"Axis composition is one-level (brackets inside brackets not allowed): {pattern!r}")
            group = []
        elif token == ")":
            if group is None:
                raise ValueError(f"Imbalanced parentheses in pattern: {pattern!r}")
            side.append(group)
            group = None
        elif token == "\u2026":
            if "..." in names:
                raise ValueError(f"only one ellipsis for tensor is allowed: {pattern!r}")
            names.append("...")
            (side if group is None else group).append("...")
        elif re.fullmatch(r"\w+", token):
            _check_name(token, names, pattern)
            (side if group is None else group).append(token)
        else:
            raise ValueError(f"Unknown character '{token}' in pattern {pattern!r}")
    if group is not None:
        raise ValueError(f"Imbalanced parentheses in pattern: {pattern!r}")
    return side


def _check_name(name: str, names: list[str], pattern: str) -> None:
    if name.isdecimal():
        if name != "1":
            raise ValueError(f"rearrange only supports unnamed axes of size 1, got {name} in {pattern!r}")
        return
    if not name.isidentifier() or name.startswith("_") or name.endswith("_"):
        raise ValueError(f"Invalid axis identifier: {name}: a name starts with a letter and does not end with _")
    if name in names:
        raise ValueError(f"Indexing expression contains duplicate dimension '{name}'")
    names.append(name)


def _names(side: Side) -> set[str]:
    return {n for item in side for n in (item if isinstance(item, list) else [item])} - {"1", "..."}


def _has_ellipsis(side: Side) -> bool:
    return any(item == "..." or (isinstance(item, list) and "..." in item) for item in side)


def _check(left: Side, right: Side, pattern: str, ndim: int, lengths: dict[str, Any]) -> None:
    for name, length in lengths.items():
        if not isinstance(length, int):
            raise TypeError(f"rearrange axis lengths must be integers, got {name}={length!r}")
    if _has_ellipsis(right) and not _has_ellipsis(left):
        raise ValueError(f"Ellipsis found in right side, but not left side of a pattern {pattern}")
    if any(isinstance(item, list) and "..." in item for item in left):
        raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
    only = _names(left) ^ _names(right)
    if only:
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {only}")
    unknown = set(lengths) - _names(left)
    if unknown:
        raise ValueError(f"Identifiers not found in rearrange expression: {unknown}")
    named = sum(item != "..." for item in left)
    if named != ndim if not _has_ellipsis(left) else named > ndim:
        raise ValueError(
            f"Number of dimensions in pattern ({named}) must be equal to the number of dimensions in the tensor "
            f"({ndim})"
        )


def _check_sizes(left: Side, shape: tuple[int, ...], lengths: dict[str, int]) -> None:
    """Match the axes of the tensor against the left side. Raises DimensionBindError, or ValueError for a 1."""
    if _has_ellipsis(left):
        at = left.index("...")
        after = len(left) - at - 1
        pairs = [*zip(left[:at], shape, strict=False), *zip(left[at + 1 :], shape[len(shape) - after :], strict=False)]
    else:
        pairs = list(zip(left, shape, strict=True))
    for item, size in pairs:
        if isinstance(item, list):
            _check_group(item, size, lengths)
        elif item == "1" and size != 1:
            raise ValueError(f"rearrange: the pattern says 1 for an axis of size {size}")
        elif lengths.get(item, size) != size:
            raise DimensionBindError(f"Dimension '{item}' has size {size}, but {lengths[item]} was given for it")


def _check_group(group: list[str], size: int, lengths: dict[str, int]) -> None:
    known = 1
    unknown = [name for name in group if name != "1" and name not in lengths]
    for name in group:
        known *= lengths.get(name, 1)
    if len(unknown) > 1:
        raise DimensionBindError(f"cannot infer the sizes of two dimensions at once: {tuple(unknown)}")
    if unknown and (known == 0 or size % known):
        raise DimensionBindError(f"inferred dimension does not evenly fit into larger dimension: {size} vs {group}")
    if not unknown and known != size:
        raise DimensionBindError(
            f"Dimension sizes do not match ({size} != {known}) when matching dimension pack {group}"
        )
