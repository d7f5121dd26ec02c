"""`assert_close` and `make_tensor`. Source: torch.testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from functorch_jax.torch._dtype import category, np_dtype, torch_dtype
from functorch_jax.torch._factories import finish, sizes
from functorch_jax.torch._generator import draw
from functorch_jax.torch._laws import BELOW, UNIFORM
from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch._size import Size
from functorch_jax.torch._tensor import Tensor, concrete

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

_TOLERANCES = {  # dtype: (relative, absolute); others are compared exactly
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
_NUMBERS = (bool, int, float, complex, np.number)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless two tensors, numbers, or containers of them agree to a tolerance.

    Args:
        rtol, atol: tolerances, both or neither; those of the dtype by default.
        equal_nan: whether nan equals nan.
        check_dtype: whether dtypes must be the same.
        check_stride: whether tensors must have the same strides.
        msg: what to say instead, or a function of what would be said.

    Raises TypeError for things that cannot be compared. Source: torch.testing.assert_close.
    """
    if (rtol is None) != (atol is None):
        missing = "atol" if atol is None else "rtol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    try:
        _compare(actual, expected, (rtol, atol), equal_nan, check_dtype, "", check_stride)
    except AssertionError as e:
        if msg is None:
            raise
        raise AssertionError(msg(str(e)) if callable(msg) else msg) from None


def _is_array(x: Any) -> bool:
    return isinstance(x, (Tensor, jax.Array, np.ndarray))


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """PyTorch's older name for `assert_close` without a look at dtypes. Source: torch.testing.assert_allclose."""
    as_tensor = NAMESPACES["torch"]["as_tensor"]
    actual, expected = (x if isinstance(x, Tensor) else as_tensor(x) for x in (actual, expected))
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


def _compare(
    a: Any, b: Any, tolerance: Any, equal_nan: bool, check_dtype: bool, where: str, stride: bool = False
) -> None:
    def fail(text: str) -> None:
        raise AssertionError(f"{text}\n\nThe failure occurred for item {where}" if where else text)

    if isinstance(a, Mapping) and isinstance(b, Mapping):
        missing, extra = [k for k in b if k not in a], [k for k in a if k not in b]
        if missing or extra:
            fail(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\nAdditional keys in the actual mapping: {extra}"
            )
        for k in a:
            _compare(a[k], b[k], tolerance, equal_nan, check_dtype, f"{where}[{k!r}]", stride)
    elif _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            fail(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _compare(x, y, tolerance, equal_nan, check_dtype, f"{where}[{i}]", stride)
    elif a is None or b is None:
        if a is not b:
            fail(f"None mismatch: {a} is not {b}")
    elif isinstance(a, bool) and isinstance(b, bool):
        if a is not b:
            fail(f"Booleans mismatch: {a} is not {b}")
    elif isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS):
        if check_dtype and type(a) is not type(b):
            fail(f"The (d)types do not match: {type(a)} != {type(b)}.")
        _compare_arrays(np.asarray(a), np.asarray(b), tolerance, equal_nan, False, fail)
    elif _is_array(a) and _is_array(b):
        x, y = (np.asarray(concrete(v, "assert_close()")) for v in (a, b))
        if stride and isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape:
            if a.stride() != b.stride():
                fail(f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}.")
        _compare_arrays(x, y, tolerance, equal_nan, check_dtype, fail)
    else:
        raise TypeError(f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}.")


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _tolerance(a: Any, b: Any, tolerance: Any) -> tuple[float, float]:
    if tolerance[0] is not None:
        return tolerance  # type: ignore[no-any-return]
    pairs = [_TOLERANCES.get(x.dtype.name, (0.0, 0.0)) for x in (a, b)]
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


def _compare_arrays(a: Any, b: Any, tolerance: Any, equal_nan: bool, check_dtype: bool, fail: Any) -> None:
    if a.shape != b.shape:
        fail(f"The values for attribute 'shape' do not match: {Size(a.shape)} != {Size(b.shape)}.")
    if check_dtype and a.dtype != b.dtype:
        fail(f"The values for attribute 'dtype' do not match: {torch_dtype(a.dtype)} != {torch_dtype(b.dtype)}.")
    rtol, atol = _tolerance(a, b, tolerance)
    wide: Any = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    if {a.dtype.kind, b.dtype.kind} <= set("biu"):
        wide = np.int64 if np.uint64 not in (a.dtype, b.dtype) else object
    x, y = a.astype(wide), b.astype(wide)
    equal = x == y
    with np.errstate(all="ignore"):
        absolute = np.abs(x - y)
        close = equal | (np.isfinite(np.asarray(absolute, np.float64)) & (absolute <= atol + rtol * np.abs(y)))
        if equal_nan and wide in (np.float64, np.complex128):
            close |= np.isnan(x) & np.isnan(y)
        if close.all():
            return
        relative = np.asarray(absolute, np.float64) / np.abs(y).astype(np.float64)
    exact = rtol == 0 and atol == 0
    how = "equal" if exact else "close"
    limits = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    if a.ndim == 0:
        fail(
            f"Scalars are not {how}!\n\nExpected {b.item()} but got {a.item()}.\n"
            f"Absolute difference: {absolute.item()}{limits[0]}\nRelative difference: {relative.item()}{limits[1]}"
        )
    wrong = int((~close).sum())
    lines = [f"Tensor-likes are not {how}!", "", f"Mismatched elements: {wrong} / {a.size} ({wrong / a.size:.1%})"]
    for name, difference, limit in (("absolute", absolute, limits[0]), ("relative", relative, limits[1])):
        masked = np.where(close, -1, np.asarray(difference, np.float64))
        index = np.unravel_index(int(np.nanargmax(masked)), a.shape)
        place = tuple(int(i) for i in index)
        lines.append(f"Greatest {name} difference: {difference[index]} at index {place}{limit}")
    fail("\n".join(lines))


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random numbers from `low` up to `high`: by default, from -9 to 9 (0 or 1 for bools).

    `exclude_zero` puts the smallest number above zero in the place of zeros. Source: torch.testing.make_tensor.
    """
    kind = np_dtype(dtype)
    size = sizes(shape, "make_tensor")
    if requires_grad and category(kind) < 2:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    ends = -9 if low is None else low, 9 if high is None else high
    if any(x != x for x in ends):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={ends[0]} and high={ends[1]}")
    if low is not None and high is not None and low > high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    spread = noncontiguous and int(np.prod(size)) > 1
    if spread:  # every other element of twice as many
        size = (*size[:-1], 2 * size[-1])
    if category(kind) == 0:
        array = draw(BELOW, size, kind, int(low or 0), 2 if high is None else int(high))
    elif category(kind) == 1:
        lowest = max(-9, int(np.iinfo(kind).min))
        array = draw(BELOW, size, kind, lowest if low is None else int(low), 10 if high is None else int(high))
    else:
        array = draw(UNIFORM, size, kind, -9.0 if low is None else low, 9.0 if high is None else high)
    if exclude_zero:
        tiny = 1 if category(kind) < 2 else jax.numpy.finfo(kind).tiny
        array = jax.numpy.where(array == 0, np.asarray(tiny, kind), array)
    if not spread:
        return finish(array, device, requires_grad, None, "make_tensor()")
    result: Any = finish(array, device, False, None, "make_tensor()")
    result = result[..., 1::2]
    return result.requires_grad_(requires_grad)
