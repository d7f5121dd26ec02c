"""Nonlinearities of `torch.nn.functional`, with PyTorch's slopes at every kink."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functorch_jax.torch._dtype import category
from functorch_jax.torch._elementwise import abs_, refuse, unsupported
from functorch_jax.torch._op import NAMESPACES, Op, function, op, row
from functorch_jax.torch._promote import cast, to_float, wrap_dim
from functorch_jax.torch._tensor import Tensor

stop = lax.stop_gradient


def _alias(name: str, *namespaces: str) -> None:
    """The in-place function `name_` of `nn.functional`, and of other namespaces where PyTorch has it."""
    main = NAMESPACES["nn.functional"][name]

    def call_(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return main(input, *args, **kwargs, inplace=True)

    call_.__name__ = call_.__qualname__ = f"{name}_"
    call_.__doc__ = f"`{name}` in place. Source: torch.nn.functional.{name}_."
    for namespace in ("nn.functional", *namespaces):
        function(namespace, name=f"{name}_")(call_)


# ---- rectifiers ------------------------------------------------------------------------------------------------------


def _relu(x: Any) -> Any:
    if category(x.dtype) == 0:
        raise RuntimeError("Boolean inputs not supported for relu")
    if category(x.dtype) == 3:
        raise NotImplementedError("clamp is not supported for complex types")
    return jnp.where(x <= 0, jnp.zeros((), x.dtype), x)  # this way round nan goes through, with slope 1


@op("nn.functional")
def relu(input: Any, inplace: bool = False) -> Any:
    """The positive part. Source: torch.nn.functional.relu."""
    return _relu(input)


row("torch Tensor", "relu", lambda input: _relu(input), inplace=True)


@op("nn.functional", scalars="negative_slope")
def leaky_relu(input: Any, negative_slope: Any = 0.01, inplace: bool = False) -> Any:
    refuse("leaky_relu_cpu", input, "bic")
    return jnp.where(input > 0, input, input * cast(negative_slope, input.dtype))


@op("nn.functional", scalars="min_val max_val")
def hardtanh(input: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Any:
    if category(input.dtype) == 0:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    low, high = cast(min_val, input.dtype), cast(max_val, input.dtype)
    return jnp.where((input <= low) | (input >= high), stop(jnp.clip(input, low, high)), input)


@op("nn.functional")
def relu6(input: Any, inplace: bool = False) -> Any:
    return hardtanh(input, 0, 6)


@op("nn.functional", scalars="threshold value")
def threshold(input: Any, threshold: Any, value: Any, inplace: bool = False) -> Any:
    """`value` wherever the input is not above `threshold`. Source: torch.nn.functional.threshold."""
    return _threshold(input, threshold, value)


def _threshold(input: Any, bound: Any, value: Any) -> Any:
    return jnp.where(input <= cast(bound, input.dtype), cast(value, input.dtype), input)


@op("torch", name="threshold", scalars="threshold value")
def _torch_threshold(input: Any, threshold: Any, value: Any) -> Any:
    return _threshold(input, threshold, value)


@op("nn.functional torch Tensor")
def prelu(input: Any, weight: Any) -> Any:
    """A rectifier with a slope for each channel below zero. Source: torch.nn.functional.prelu."""
    if weight.ndim not in (0, 1):
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.size != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.size != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.size} and channel size = {channels}."
            )
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    else:
        weight = weight.reshape((1,) * input.ndim)
    return jnp.where(input > 0, input, weight * input)


# ---- exponential -----------------------------------------------------------------------------------------------------


def _elu(x: Any, alpha: Any, scale: Any = 1.0, input_scale: Any = 1.0) -> Any:
    refuse("elu_cpu", x, "bic")
    alpha, scale, input_scale = (cast(c, x.dtype) for c in (alpha, scale, input_scale))
    # the branch that is not taken must stay finite; nan takes the first one, as in PyTorch
    below = x <= 0
    return jnp.where(below, jnp.expm1(jnp.where(below, x, 0) * input_scale) * (alpha * scale), x * scale)


@op("nn.functional", scalars="alpha")
def elu(input: Any, alpha: Any = 1.0, inplace: bool = False) -> Any:
    return _elu(input, alpha)


@op("nn.functional")
def selu(input: Any, inplace: bool = False) -> Any:
    return _elu(input, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


@op("nn.functional", scalars="alpha")
def celu(input: Any, alpha: Any = 1.0, inplace: bool = False) -> Any:
    return _elu(input, alpha, 1.0, 1.0 / alpha)


row("torch", "selu", lambda input: selu(input))
row("torch", "celu", lambda input, alpha=1.0: celu(input, alpha), scalars="alpha")


@op("nn.functional", scalars="beta threshold")
def softplus(input: Any, beta: Any = 1.0, threshold: Any = 20.0) -> Any:
    refuse("softplus_cpu", input, "bic")
    scaled = input * cast(beta, input.dtype)
    large = scaled > cast(threshold, input.dtype)
    return jnp.where(large, input, jnp.log1p(jnp.exp(jnp.where(large, 0, scaled))) / cast(beta, input.dtype))


@op("nn.functional")
def logsigmoid(input: Any) -> Any:
    refuse("log_sigmoid_cpu", input, "bic")
    return jax.nn.log_sigmoid(input)


@op("nn.functional")
def silu(input: Any, inplace: bool = False) -> Any:
    refuse("silu_cpu", input, "bi")
    return input * jax.nn.sigmoid(input)


@op("nn.functional")
def mish(input: Any, inplace: bool = False) -> Any:
    refuse("mish_cpu", input, "bic")
    return input * jnp.tanh(jax.nn.softplus(input))


@op("nn.functional")
def gelu(input: Any, approximate: str = "none") -> Any:
    refuse("GeluKernelImpl", input, "bic")
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate}")
    return jax.nn.gelu(input, approximate=approximate == "tanh")


@op("nn.functional")
def glu(input: Any, dim: int = -1) -> Any:
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    dim = wrap_dim(dim, input.ndim)
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    refuse("glu_cpu", input, "bic")
    value, gate = jnp.split(input, 2, axis=dim)
    return value * jax.nn.sigmoid(gate)


# ---- piecewise linear ------------------------------------------------------------------------------------------------


@op("nn.functional")
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    refuse("hardsigmoid_cpu", input, "bic")
    inside = (input > -3) & (input < 3)  # nan is outside, with slope 0
    return jnp.where(inside, input / 6 + 0.5, stop(jnp.clip(input / 6 + 0.5, 0, 1)))


@op("nn.functional")
def hardswish(input: Any, inplace: bool = False) -> Any:
    refuse("hardswish_cpu", input, "bic")
    inside = (input > -3) & (input < 3)
    middle = jnp.where(inside, input, 0)  # nan is outside, with slope 1
    return jnp.where(inside, middle * (middle / 6 + 0.5), jnp.where(input <= -3, jnp.zeros((), input.dtype), input))


@op("nn.functional torch Tensor", scalars="lambd")
def hardshrink(input: Any, lambd: Any = 0.5) -> Any:
    refuse("hardshrink_cpu", input, "bic")
    bound = cast(lambd, input.dtype)
    return jnp.where((input >= -bound) & (input <= bound), jnp.zeros((), input.dtype), input)


@op("nn.functional", scalars="lambd")
def softshrink(input: Any, lambd: Any = 0.5) -> Any:
    refuse("softshrink_check", input, "bic")
    bound = cast(lambd, input.dtype)
    inside = (input >= -bound) & (input <= bound)
    return jnp.where(inside, jnp.zeros((), input.dtype), jnp.where(input > 0, input - bound, input + bound))


@op("nn.functional")
def softsign(input: Any) -> Any:
    x = to_float(input)
    return x / (1 + abs_(x))


@op("nn.functional")
def tanhshrink(input: Any) -> Any:
    x = to_float(input)
    return x - jnp.tanh(x)


row("nn.functional", "sigmoid", lambda input: jax.nn.sigmoid(to_float(input)))
row("nn.functional", "tanh", lambda input: jnp.tanh(to_float(input)))

for _name in ("relu", "selu", "celu", "threshold"):
    _alias(_name, *(("torch",) if _name != "relu" else ()))
function("torch")(NAMESPACES["Tensor"]["relu_"])
for _name in ("leaky_relu", "hardtanh", "elu"):
    _alias(_name)


# ---- softmax ---------------------------------------------------------------------------------------------------------


def _checked(x: Any, dim: int, dtype: Any, name: str) -> tuple[Any, int]:
    if dtype is not None:
        x = cast(x, dtype)
    dim = wrap_dim(dim, x.ndim)
    if category(x.dtype) < 2:
        last = dim == max(x.ndim, 1) - 1
        raise unsupported(f"{name}_lastdim_kernel_impl" if last else f"{name}_kernel_impl", x.dtype)
    return (x.reshape(1) if x.ndim == 0 else x), dim


@op("torch Tensor")
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Exponentials that add up to one along `dim`. Source: torch.softmax."""
    x, dim = _checked(input, dim, dtype, "softmax")
    if x.size == 0:
        return x
    e = jnp.exp(x - stop(jnp.max(x, axis=dim, keepdims=True)))
    return (e / jnp.sum(e, axis=dim, keepdims=True)).reshape(input.shape)


@op("torch Tensor")
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of `softmax`. Source: torch.log_softmax."""
    x, dim = _checked(input, dim, dtype, "log_softmax")
    if x.size == 0:
        return x
    shifted = x - stop(jnp.max(x, axis=dim, keepdims=True))
    return (shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=dim, keepdims=True))).reshape(input.shape)


row("special", "softmax", softmax)
row("special", "log_softmax", log_softmax)


def _softmin(input: Any, dim: int, dtype: Any = None) -> Any:
    return softmax(-input, dim, dtype)


def _with_implicit_dim(name: str, fn: Any) -> None:
    """Register the form of `nn.functional`, where `dim` may be left out, with a warning."""
    record = Op(fn, name)

    def call(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
        if dim is None:
            warnings.warn(
                f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                "argument.",
                stacklevel=2,
            )
            dim = 0 if input.ndim in (0, 1, 3) else 1
        return record(input, dim, dtype)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"As `torch.{name}`, `dim` optional. Source: torch.nn.functional.{name}."
    function("nn.functional", name=name)(call)


for _name, _fn in {"softmax": softmax, "log_softmax": log_softmax, "softmin": _softmin}.items():
    _with_implicit_dim(_name, _fn)
