"""Short-time Fourier transforms: spectra of overlapping stretches of a signal, and the signal back from them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functorch_jax import jaxapi
from functorch_jax.torch._dtype import category
from functorch_jax.torch._op import op
from functorch_jax.torch._tensor import unwrap
from functorch_jax.torch.ops.functional_misc import pad


def _is_complex(x: Any) -> bool:
    return x is not None and category(x.dtype) == 3


def _centred(window: Any, n_fft: int, win_length: int, dtype: Any) -> Any:
    """The window with zeros around it, as long as a transform; None for one that changes nothing."""
    if win_length == n_fft:
        return window
    window = jnp.ones(win_length, dtype) if window is None else window
    left = (n_fft - win_length) // 2
    return jnp.pad(window, (left, n_fft - win_length - left))


def _frames(count: int, hop: int, size: int) -> Any:
    """For each stretch, the places in the signal of its elements."""
    return np.arange(count)[:, None] * hop + np.arange(size)


@op()
def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """Spectra (frequency, time) of stretches of `n_fft` elements, `hop_length` apart. Source: torch.stft."""
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    x = input
    if center and x.ndim in (1, 2, 3):
        x = pad(x.reshape((1,) * (3 - x.ndim) + x.shape), (n_fft // 2, n_fft // 2), pad_mode)
        x = x.reshape((*input.shape[:-1], x.shape[-1]))
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    complex_values = _is_complex(x) or _is_complex(window)
    if return_complex is None:
        if not complex_values:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        return_complex = True
    call = f"stft({list(x.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={size}) : "
    if category(x.dtype) < 2:
        raise RuntimeError(f"{call}expected a tensor of floating point or complex values")
    if x.ndim not in (1, 2):
        raise RuntimeError(f"{call}expected a 1D or 2D tensor")
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"{call}expected 0 < n_fft < {x.shape[-1]}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{call}expected hop_length > 0, but got hop_length={hop}")
    if not 0 < size <= n_fft:
        raise RuntimeError(f"{call}expected 0 < win_length <= n_fft, but got win_length={size}")
    if window is not None and window.shape != (size,):
        raise RuntimeError(
            f"{call}expected a 1D window tensor of size equal to win_length={size}, but got window with size "
            f"{list(window.shape)}"
        )
    if onesided and complex_values:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if align_to_window and size < n_fft:
        left = (n_fft - size) // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(left, n_fft - size - left)])
    stretches = x[..., _frames(1 + (x.shape[-1] - n_fft) // hop, hop, n_fft)]
    window = _centred(window, n_fft, size, x.dtype)
    if window is not None:
        stretches = stretches * window
    transform = jnp.fft.fft if complex_values or onesided is False else jnp.fft.rfft
    spectra = jnp.swapaxes(transform(stretches, norm="ortho" if normalized else None), -1, -2)
    return spectra if return_complex else jnp.stack([spectra.real, spectra.imag], -1)


def _istft_plan(
    shape: Any, n_fft: int, hop_length: Any, win_length: Any, window: Any, onesided: Any, call: str
) -> tuple[int, int]:
    """The distance of stretches and the length of the window. Raises what PyTorch raises for what does not fit."""
    size = n_fft if win_length is None else win_length
    hop = n_fft // 4 if hop_length is None else hop_length
    if 0 in shape:
        raise RuntimeError(f"{call}input tensor cannot be empty.")
    if len(shape) not in (2, 3):
        raise RuntimeError(f"{call}expected a tensor with 3 or 4 dimensions, but got {len(shape) + 1}")
    half = shape[-2] != n_fft if onesided is None else bool(onesided)
    if half and shape[-2] != n_fft // 2 + 1:
        raise RuntimeError(
            f"{call}expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 + 1 when "
            f"onesided=True, but got {shape[-2]}"
        )
    if not half and shape[-2] != n_fft:
        raise RuntimeError(
            f"{call}expected the frequency dimension (3rd to the last) of the input tensor to match n_fft when "
            f"onesided=False, but got {shape[-2]}"
        )
    if not 0 < hop <= size:
        raise RuntimeError(f"{call}expected 0 < hop_length <= win_length")
    if not 0 < size <= n_fft:
        raise RuntimeError(f"{call}expected 0 < win_length <= n_fft")
    if window is not None and tuple(window.shape) != (size,):
        raise RuntimeError(f"{call}Invalid window shape. window has to be 1D and length of `win_length`")
    return hop, size


def _all_windows(window: Any) -> np.ndarray[Any, Any]:
    """The values of a window, a row for each one over which `vmap` maps."""
    axes = ["window"]
    while (level := jaxapi.peel(window)) is not None:
        if level.kind == "vmap" and level.axis is not None:
            axes.insert(level.axis, "rows")
        window = level.inner
    values = np.asarray(jax.device_get(window))
    at = axes.index("window")
    return np.moveaxis(values, at, -1).reshape(-1, values.shape[at])


def _range(n_fft: int, hop: int, count: int, center: bool, length: int | None) -> tuple[int, int]:
    """The part of the overlapped stretches that is the signal; it may end behind them."""
    start = n_fft // 2 if center else 0
    if length is not None:
        return start, start + length
    return start, n_fft + hop * (count - 1) - start


def _check_istft(
    input: Any,
    n_fft: int,
    hop_length: Any,
    win_length: Any,
    window: Any,
    center: bool,
    normalized: bool,
    onesided: Any,
    length: Any,
    return_complex: bool,
) -> None:
    input, window = unwrap(input), unwrap(window)
    if not _is_complex(input):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if return_complex and onesided is not False and input.shape[-2] != n_fft:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if _is_complex(window) and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    call = f"istft({list(input.shape)}, n_fft={n_fft}, hop_length={hop_length}, win_length={win_length}) "
    hop, size = _istft_plan(input.shape, n_fft, hop_length, win_length, window, onesided, f"{call}: ")
    if jaxapi.is_traced(window):
        return  # the values are not known before the program runs
    weights = np.ones((1, size)) if window is None else np.abs(_all_windows(window))
    left = (n_fft - size) // 2
    count = input.shape[-1]
    powers = np.pad(weights, ((0, 0), (left, n_fft - size - left))) ** 2
    places = _frames(count, hop, n_fft).reshape(-1)
    envelopes = np.array([np.bincount(places, np.tile(power, count)) for power in powers])
    start, end = _range(n_fft, hop, count, center, length)
    if envelopes[:, start:end].min(initial=1.0) <= 1e-11:
        raise RuntimeError(
            f"{call}window overlap add min: 1: some elements of the signal are in no stretch, or only where the window "
            "is zero"
        )


@op(check=_check_istft)
def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The signal whose `stft` this is, or is nearest to. Source: torch.istft."""
    hop, size = _istft_plan(input.shape, n_fft, hop_length, win_length, window, onesided, "istft: ")
    count = input.shape[-1]
    spectra = jnp.swapaxes(input, -1, -2)
    norm = "ortho" if normalized else None
    if return_complex:
        stretches = jnp.fft.ifft(spectra, norm=norm)
    else:  # of a whole spectrum, the first half tells
        stretches = jnp.fft.irfft(spectra[..., : n_fft // 2 + 1], n=n_fft, norm=norm)
    window = _centred(window, n_fft, size, stretches.real.dtype)
    window = jnp.ones(n_fft, stretches.real.dtype) if window is None else window
    places = _frames(count, hop, n_fft)
    stretches = stretches * window
    total = n_fft + hop * (count - 1)
    signal = jnp.zeros((*input.shape[:-2], total), stretches.dtype).at[..., places].add(stretches)
    power = jnp.broadcast_to(window * window, places.shape)
    envelope = jnp.zeros(total, window.dtype).at[places].add(power)
    start, end = _range(n_fft, hop, count, center, length)
    signal = signal[..., start:end] / envelope[start:end]
    return jnp.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, max(end - total, 0))])
