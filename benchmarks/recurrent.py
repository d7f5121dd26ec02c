"""Per-sample gradients of an LSTM and of a transformer's encoder layer, as modules called through `functional_call`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import harness, models


def per_sample(t: Any, module: Any) -> Callable[..., Any]:
    """The gradients of a module's parameters, for each sequence (length, features) of a batch."""

    def loss(params: Any, x: Any) -> Any:
        out = t.func.functional_call(module, params, (x,))
        return (out[0] if isinstance(out, tuple) else out).pow(2).mean()

    return t.func.vmap(t.func.grad(loss), in_dims=(None, 0))


def by_hand(forward: Callable[..., Any]) -> Callable[..., Any]:
    return jax.vmap(jax.grad(lambda params, x: (forward(params, x) ** 2).mean()), in_axes=(None, 0))


# ---- LSTM ------------------------------------------------------------------------------------------------------------


def lstm_params(width: int, hidden: int) -> dict[str, np.ndarray]:
    return {
        "weight_ih_l0": models.random(0, 4 * hidden, width, scale=hidden**-0.5),
        "weight_hh_l0": models.random(1, 4 * hidden, hidden, scale=hidden**-0.5),
        "bias_ih_l0": models.random(2, 4 * hidden, scale=hidden**-0.5),
        "bias_hh_l0": models.random(3, 4 * hidden, scale=hidden**-0.5),
    }


def lstm_by_hand(params: Any, x: Any) -> Any:
    w = params["weight_hh_l0"]
    gates = x @ params["weight_ih_l0"].T + params["bias_ih_l0"] + params["bias_hh_l0"]

    def step(state: Any, now: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(now + h @ w.T, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros(w.shape[1])
    return lax.scan(step, (zeros, zeros), gates)[1]


# ---- a transformer's encoder layer -----------------------------------------------------------------------------------


def encoder_params(width: int, hidden: int) -> dict[str, np.ndarray]:
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    return {
        "self_attn.in_proj_weight": models.random(0, 3 * width, width, scale=width**-0.5),
        "self_attn.in_proj_bias": np.zeros(3 * width, np.float32),
        "self_attn.out_proj.weight": models.random(1, width, width, scale=width**-0.5),
        "self_attn.out_proj.bias": zeros,
        "linear1.weight": models.random(2, hidden, width, scale=width**-0.5),
        "linear1.bias": np.zeros(hidden, np.float32),
        "linear2.weight": models.random(3, width, hidden, scale=hidden**-0.5),
        "linear2.bias": zeros,
        "norm1.weight": ones,
        "norm1.bias": zeros,
        "norm2.weight": ones,
        "norm2.bias": zeros,
    }


def attention_by_hand(params: Any, x: Any, heads: int) -> Any:
    q, k, v = jnp.split(x @ params["self_attn.in_proj_weight"].T + params["self_attn.in_proj_bias"], 3, axis=-1)
    q, k, v = (y.reshape(len(x), heads, -1).transpose(1, 0, 2) for y in (q, k, v))
    weights = jax.nn.softmax(q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5)
    out = (weights @ v).transpose(1, 0, 2).reshape(x.shape)
    return out @ params["self_attn.out_proj.weight"].T + params["self_attn.out_proj.bias"]


def norm_by_hand(x: Any, weight: Any, bias: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * weight + bias


def encoder_by_hand(heads: int) -> Callable[..., Any]:
    def forward(p: Any, x: Any) -> Any:
        x = norm_by_hand(x + attention_by_hand(p, x, heads), p["norm1.weight"], p["norm1.bias"])
        inner = jax.nn.relu(x @ p["linear1.weight"].T + p["linear1.bias"])
        x = x + inner @ p["linear2.weight"].T + p["linear2.bias"]
        return norm_by_hand(x, p["norm2.weight"], p["norm2.bias"])

    return forward


def run(title: str, module: Callable[[Any], Any], hand: Callable[..., Any], params: Any, x: Any) -> None:
    harness.report(title, harness.ways(lambda t: per_sample(t, module(t)), by_hand(hand), (params, x)))


def main() -> None:
    run(
        "LSTM 32-64 over 50 steps, batch 32",
        lambda t: t.nn.LSTM(32, 64),
        lstm_by_hand,
        lstm_params(32, 64),
        models.random(9, 32, 50, 32),
    )
    run(
        "TransformerEncoderLayer 64, 4 heads, 50 places, batch 32",
        lambda t: t.nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True),
        encoder_by_hand(4),
        encoder_params(64, 128),
        models.random(9, 32, 50, 64),
    )
