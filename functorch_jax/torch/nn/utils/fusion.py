"""Batch norm folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from functorch_jax.torch._op import NAMESPACES
from functorch_jax.torch.nn.parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

_torch = NAMESPACES["torch"]


def fuse_conv_bn_weights(
    conv_w: Any,
    conv_b: Any,
    bn_rm: Any,
    bn_rv: Any,
    bn_eps: float,
    bn_w: Any,
    bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a convolution that does what one followed by batch norm does.

    Args:
        conv_b, bn_w, bn_b: None stands for zeros, ones and zeros.
        transpose: the convolution is a transposed one.

    Source: torch.nn.utils.fuse_conv_bn_weights.
    """
    bias = _torch["zeros_like"](bn_rm) if conv_b is None else conv_b
    scale = (_torch["ones_like"](bn_rm) if bn_w is None else bn_w) * _torch["rsqrt"](bn_rv + bn_eps)
    shift = _torch["zeros_like"](bn_rm) if bn_b is None else bn_b
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    weight = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    fused = ((bias - bn_rm) * scale + shift).to(bias.dtype)
    tracked = conv_b.requires_grad if conv_b is not None else conv_w.requires_grad
    return Parameter(weight.detach(), conv_w.requires_grad), Parameter(fused.detach(), tracked)


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a linear layer that does what one followed by batch norm does.

    Source: torch.nn.utils.fuse_linear_bn_weights.
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _fused(layer: Any, bn: Any, transpose: bool) -> Any:
    out = copy.deepcopy(layer)
    out.weight, out.bias = fuse_conv_bn_weights(
        out.weight, out.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return out


def _check(layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what `conv` followed by `bn` does, both in evaluation mode.

    Source: torch.nn.utils.fuse_conv_bn_eval.
    """
    _check(conv, bn)
    return _fused(conv, bn, transpose)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that does what `linear` followed by `bn` does, both in evaluation mode.

    Source: torch.nn.utils.fuse_linear_bn_eval.
    """
    _check(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    return _fused(linear, bn, transpose=False)
