"""The networks that several benchmarks use: for PyTorch's namespace, and by hand in bare JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def random(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def dense(seed: int, sizes: Sequence[int]) -> list[np.ndarray]:
    """Weights and biases of fully connected layers."""
    params = []
    for i, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        params += [random(seed + i, fan_out, fan_in, scale=fan_in**-0.5), np.zeros(fan_out, np.float32)]
    return params


def mlp(t: Any, activation: str = "tanh") -> Callable[..., Any]:
    """A network of fully connected layers, over PyTorch's namespace."""
    linear = t.nn.functional.linear
    act = getattr(t, activation)

    def forward(params: Any, x: Any) -> Any:
        for i in range(0, len(params) - 2, 2):
            x = act(linear(x, params[i], params[i + 1]))
        return linear(x, params[-2], params[-1])

    return forward


def mlp_by_hand(params: Any, x: Any) -> Any:
    for i in range(0, len(params) - 2, 2):
        x = jnp.tanh(x @ params[i].T + params[i + 1])
    return x @ params[-2].T + params[-1]


# ---- a convolutional network -----------------------------------------------------------------------------------------


def conv_params(channels: tuple[int, int], side: int, hidden: int, seed: int = 0) -> list[np.ndarray]:
    """Two unpadded 3×3 convolutions, a pooling by 2, two fully connected layers."""
    first, second = channels
    flat = second * ((side - 4) // 2) ** 2
    return [
        random(seed, first, 1, 3, 3, scale=1 / 3),
        np.zeros(first, np.float32),
        random(seed + 1, second, first, 3, 3, scale=(9 * first) ** -0.5),
        np.zeros(second, np.float32),
        *dense(seed + 2, (flat, hidden, 10)),
    ]


def cnn(t: Any) -> Callable[..., Any]:
    """The network over PyTorch's namespace, on a batch."""
    f = t.nn.functional

    def forward(params: Any, x: Any) -> Any:
        w1, b1, w2, b2, w3, b3, w4, b4 = params
        x = f.relu(f.conv2d(x, w1, b1))
        x = f.relu(f.conv2d(x, w2, b2))
        x = t.flatten(f.max_pool2d(x, 2), 1)
        return f.linear(f.relu(f.linear(x, w3, b3)), w4, b4)

    return forward


def conv_by_hand(x: Any, w: Any, b: Any) -> Any:
    return lax.conv_general_dilated(x, w, (1, 1), "VALID") + b[:, None, None]


def pool_by_hand(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def cnn_by_hand(relu: Callable[[Any], Any] = lambda x: jnp.maximum(x, 0)) -> Callable[..., Any]:
    """The network in bare jax.numpy and lax; with another `relu`, the one that JAX brings compiled."""

    def forward(params: Any, x: Any) -> Any:
        w1, b1, w2, b2, w3, b3, w4, b4 = params
        x = relu(conv_by_hand(x, w1, b1))
        x = relu(conv_by_hand(x, w2, b2))
        x = pool_by_hand(x)
        x = x.reshape(x.shape[0], -1)
        return relu(x @ w3.T + b3) @ w4.T + b4

    return forward


# ---- losses ----------------------------------------------------------------------------------------------------------


def loss_of_one(t: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    """The cross entropy of one sample, over PyTorch's namespace."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        return t.nn.functional.cross_entropy(forward(params, x.unsqueeze(0)), y.unsqueeze(0))

    return loss


def loss_by_hand(forward: Callable[..., Any]) -> Callable[..., Any]:
    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = forward(params, x[None])[0]
        shifted = logits - lax.stop_gradient(logits.max())
        return jnp.log(jnp.exp(shifted).sum()) - shifted[y]

    return loss


def loss_with_jax_nn(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The same with the functions that JAX brings compiled."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        return -jax.nn.log_softmax(forward(params, x[None])[0])[y]

    return loss
