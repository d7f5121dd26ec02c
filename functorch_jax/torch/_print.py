"""How tensors print: as PyTorch's do, number for number.

The elements of a tensor share one format, chosen from the ones that are shown: integers that are floats end in a point,
fractions get `precision` digits, and numbers too far apart are written in scientific notation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from functorch_jax import jaxapi, levels
from functorch_jax.torch._ambient import default_dtype
from functorch_jax.torch._device import device_of, get_default_device
from functorch_jax.torch._dtype import category, torch_dtype
from functorch_jax.torch._op import function
from functorch_jax.torch._tensor import Tensor, concrete

__all__ = ["Options"]


class Options(NamedTuple):
    """What `set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}
_options = Options()


@function("torch")
def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from here on. Source: torch.set_printoptions."""
    global _options
    if profile in _PROFILES:  # PyTorch passes over the others too
        _options = _PROFILES[profile]._replace(sci_mode=_options.sci_mode)
    given: dict[str, Any] = {"precision": precision, "threshold": threshold}
    given |= {"edgeitems": edgeitems, "linewidth": linewidth}
    _options = _options._replace(**{k: v for k, v in given.items() if v is not None}, sci_mode=sci_mode)


# ---- one number ------------------------------------------------------------------------------------------------------


class _Style:
    """The format that the numbers of one tensor share."""

    def __init__(self, values: Any, options: Options) -> None:
        self.options = options
        self.width = 1
        self.write: Callable[[Any], str] = str
        if values.dtype == np.bool_ or values.dtype.kind in "iu":
            self.width = max((len(str(v)) for v in values.tolist()), default=1)
        else:
            self._floats(values.astype(np.float64))

    def _floats(self, values: Any) -> None:
        p = self.options.precision
        shown = values[np.isfinite(values) & (values != 0)]
        if not shown.size:
            self.write = self._whole  # nothing but zeros, infinities and nans
            return
        size = np.abs(shown)
        low, high = float(size.min()), float(size.max())
        spread = high / low if low else math.inf
        whole = bool(np.all(shown == np.ceil(shown)))
        science = spread > 1000.0 or high > 1.0e8 or (not whole and low < 1.0e-4)
        if self.options.sci_mode is not None:
            science = self.options.sci_mode
        if science:
            self.write = lambda v: f"{v:.{p}e}"
        elif whole:
            self.write = self._whole
        else:
            self.write = lambda v: f"{v:.{p}f}"
        self.width = max([1, *(len(self.write(float(v))) for v in shown)])

    @staticmethod
    def _whole(v: float) -> str:
        return f"{v:.0f}." if math.isfinite(v) else f"{v}"

    def text(self, value: Any) -> str:
        return self.write(value).rjust(self.width)


class _ComplexStyle:
    """Two styles, one for the real and one for the imaginary parts."""

    def __init__(self, values: Any, options: Options) -> None:
        self.real, self.imag = _Style(values.real, options), _Style(values.imag, options)
        self.width = self.real.width + self.imag.width + 1

    def text(self, value: complex) -> str:
        imag = self.imag.text(value.imag).lstrip() + "j"
        sign = "" if imag[0] in "+-" else "+"
        return self.real.text(value.real) + sign + imag


# ---- rows of numbers -------------------------------------------------------------------------------------------------


def _body(values: Any, indent: int, style: Any, options: Options, short: bool) -> str:
    if not values.ndim:
        return style.text(values.item())
    edge = options.edgeitems
    cut = short and values.shape[0] > 2 * edge
    if values.ndim == 1:
        per_line = max(1, math.floor((options.linewidth - indent) / (style.width + 2)))
        shown = [*values[:edge].tolist(), ..., *values[-edge:].tolist()] if cut else values.tolist()
        cells = [" ..." if v is ... else style.text(v) for v in shown]
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = [*values[:edge], ..., *values[-edge:]] if cut and edge else ([...] if cut else list(values))
    parts = ["..." if r is ... else _body(r, indent + 1, style, options, short) for r in rows]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _corners(values: Any, edge: int) -> Any:
    """The elements that a shortened tensor shows."""
    for axis, n in enumerate(values.shape):
        if n > 2 * edge:
            first = values[(slice(None),) * axis + (slice(0, edge),)]
            last = values[(slice(None),) * axis + (slice(n - edge, None),)]
            values = np.concatenate([first, last], axis)
    return values


def _values(array: Any, indent: int) -> str:
    options = _options
    values = np.asarray(array)
    if values.dtype.kind == "V" or values.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        values = values.astype(np.float64 if values.dtype.name != "bfloat16" else np.float32)
    short = values.size > options.threshold
    shown = (_corners(values, options.edgeitems) if short else values).reshape(-1)
    if values.dtype.kind == "f":
        values = values.astype(np.float64)
    style = _ComplexStyle(shown, options) if values.dtype.kind == "c" else _Style(shown, options)
    return _body(values, indent, style, options, short)


# ---- the whole -------------------------------------------------------------------------------------------------------


def _suffixes(array: Any, extra: list[str]) -> list[str]:
    """What follows the values: device, size and dtype, each where it is not the usual one."""
    result = []
    meta = isinstance(array, jax.ShapeDtypeStruct)
    where = device_of(array)
    if where != get_default_device():
        result.append(f"device='{where}'")
    kind = np.dtype(array.dtype)
    usual = [default_dtype()]
    if meta or (not array.size and array.ndim != 1):
        result.append(f"size={tuple(array.shape)}")
    if not meta and array.size:
        usual += [np.dtype(np.int64), np.dtype(np.bool_), torch_dtype(default_dtype()).to_complex().np]
    if kind not in usual:
        result.append(f"dtype={torch_dtype(kind)}")
    return result + extra


def _assemble(prefix: str, body: str, suffixes: list[str]) -> str:
    """Suffixes follow the values, on lines of their own where the last line grows too long."""
    text = prefix + body
    length = len(text) - text.rfind("\n") + 1  # as PyTorch counts it
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            length = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def _plain(array: Any, extra: list[str], indent: int = 0) -> str:
    prefix = "tensor("
    if isinstance(array, jax.ShapeDtypeStruct):
        return _assemble(prefix, "...", _suffixes(array, extra))
    if isinstance(array, jaxapi.Tracer):
        dtype = torch_dtype(array.dtype)
        return _assemble(prefix, "...", [f"size={tuple(array.shape)}", f"dtype={dtype}", "traced by jax.jit"])
    body = "[]" if not array.size else _values(array, indent + len(prefix))
    return _assemble(prefix, body, _suffixes(array, extra))


def _nested(array: Any, extra: list[str], numbers: dict[int, int]) -> str:
    """What transforms wrapped, outside in; `numbers` are the depths of the running ones by their trace."""
    level = jaxapi.peel(array)
    if level is None:
        return _plain(array, extra)
    depth = numbers.get(id(jaxapi.trace_identity(array)), -2)
    value = _nested(level.inner, extra, numbers)
    if level.kind == "grad":
        return f"GradTrackingTensor(lvl={depth}, value={_indented(value)})"
    return f"BatchedTensor(lvl={depth}, bdim={level.axis}, value={_indented(value)})"


def _indented(value: str) -> str:
    return "\n" + "\n".join(f"    {line}" if line.strip() else "" for line in value.split("\n")) + "\n"


def describe(self: Tensor) -> str:
    array = self.array
    if jaxapi.peel(array) is None:
        return _plain(array, _autograd(self))
    numbers = {}
    for level in levels.stack():
        trace = level.trace() if level.trace is not None else None
        if trace is not None:
            numbers[id(jaxapi.trace_identity(trace))] = level.depth
    return _nested(array, [], numbers)


def _autograd(self: Tensor) -> list[str]:
    node = self.grad_fn
    if node is not None:
        name = node.name() if callable(getattr(node, "name", None)) else type(node).__name__
        return [f"grad_fn=<{name}>"]
    return ["requires_grad=True"] if self._requires_grad else []


@function("Tensor")
def __repr__(self: Tensor, *, tensor_contents: Any = None) -> str:
    return describe(self)


@function("Tensor")
def __str__(self: Tensor) -> str:
    return describe(self)


@function("Tensor")
def __format__(self: Tensor, spec: str) -> str:
    known = spec or not (jaxapi.is_batched(self.array) or jaxapi.is_traced(self.array))
    if self.array.ndim == 0 and known and not isinstance(self.array, jax.ShapeDtypeStruct):
        value = np.asarray(concrete(self, "format()"))
        return format(value.item() if category(value.dtype) < 2 or value.dtype.kind in "fc" else float(value), spec)
    return object.__format__(self, spec) if spec else describe(self)
