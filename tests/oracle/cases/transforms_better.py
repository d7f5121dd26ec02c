"""Where PyTorch's transforms fail or are silently wrong, and the mathematics is clear.

Most rows compare two ways of computing one thing: forward with reverse mode, or vmap with a loop. What has a family of
its own (linearize, control flow, chunks, writes, captured tensors) is there.
"""

from __future__ import annotations

import math

import numpy as np

from tests.oracle.case import floats, right, values


def near(t, a, b):
    return bool(((a - b).abs() <= 1e-4 * (1 + b.abs())).all())


def modes_agree(t, f, x):
    """Whether the forward tangent along ones is the sum of the reverse gradient."""
    gradient = t.func.grad(lambda x: f(x).sum())(x)
    tangent = t.func.jvp(lambda x: f(x).sum(), (x,), (t.ones_like(x),))[1]
    return near(t, tangent, gradient.sum())


def second_agrees(t, f, x):
    """Whether jvp of grad is grad of grad, along ones."""
    objective = t.func.grad(lambda x: (f(x) ** 2).sum())
    twice = t.func.grad(lambda x: objective(x).sum())(x)
    pushed = t.func.jvp(objective, (x,), (t.ones_like(x),))[1]
    return near(t, pushed, twice)


def loop_agrees(t, f, xs):
    """Whether vmap is a loop."""
    return near(t, t.vmap(f, randomness="same")(xs), t.stack([f(x) for x in xs]))


def attention(t, x):
    return t.nn.functional.scaled_dot_product_attention(x, x * 2, x + 1)


def attend(t, x):
    layer = t.nn.MultiheadAttention(4, 2, batch_first=True)
    return layer(x, x, x, need_weights=False)[0]


def encoder(t, x):
    return t.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)(x)


def recurrent(name):
    def run(t, x):
        t.manual_seed(0)
        return getattr(t.nn, name)(3, 2)(x)[0]

    return run


def cell(name):
    def run(t, x):
        t.manual_seed(0)
        out = getattr(t.nn, name)(3, 2)(x)
        return out[0] if isinstance(out, tuple) else out

    return run


def seeded(f):
    def run(t, x):
        t.manual_seed(0)
        return f(t, x)

    return run


FORWARD = "PyTorch has no forward mode for it"
BATCHING = "PyTorch's vmap does not support it"
F4 = floats(1, 2, 3, 4)
SEQUENCE = floats(4, 3)

CASES = [
    *[
        right(f"forward mode of {name}", lambda t, x, f=f: modes_agree(t, lambda x: f(t, x), x), x, expected=True, why=FORWARD, gap=gap)
        for name, f, x, gap in (
            ("scaled_dot_product_attention", attention, F4, None),
            ("MultiheadAttention", seeded(attend), floats(1, 3, 4), None),
            ("TransformerEncoderLayer", seeded(encoder), floats(1, 3, 4), None),
            ("LSTM", recurrent("LSTM"), SEQUENCE, None),
            ("cdist", lambda t, x: t.cdist(x, x * 2 + 1), floats(3, 2), None),
            ("pdist", lambda t, x: t.pdist(x), floats(3, 2), None),
            ("grid_sample", lambda t, x: t.nn.functional.grid_sample(x, t.tensor([[[[0.1, 0.2], [-0.3, 0.4]]]]), align_corners=False), floats(1, 1, 3, 3), None),
        )
    ],
    *[
        right(f"second order of {name}", lambda t, x, f=f: second_agrees(t, lambda x: f(t, x), x), x, expected=True, why="PyTorch has no second derivative for it", gap=gap)
        for name, f, x, gap in (
            ("scaled_dot_product_attention", attention, F4, None),
            ("huber_loss", lambda t, x: t.nn.functional.huber_loss(x, x * 0 + 0.3, reduction="none"), floats(4), None),
            ("cdist", lambda t, x: t.cdist(x, x * 2 + 1), floats(3, 2), None),
        )
    ],
    *[
        right(f"vmap of {name}", lambda t, x, f=f: loop_agrees(t, lambda x: f(t, x), x), x, expected=True, why=BATCHING, gap=gap)
        for name, f, x, gap in (
            ("LSTM", recurrent("LSTM"), floats(2, 4, 3), None),
            ("GRU", recurrent("GRU"), floats(2, 4, 3), None),
            ("RNN", recurrent("RNN"), floats(2, 4, 3), None),
            ("LSTMCell", cell("LSTMCell"), floats(2, 5, 3), None),
        )
    ],
    right("jvp of det at a singular matrix", lambda t, x, v: t.func.jvp(t.linalg.det, (x,), (v,))[1], values([[0.0, 0.0], [0.0, 2.0]]), values([[1.0, 0.0], [0.0, 0.0]]),
          expected=np.float32(2), why="PyTorch's forward mode gives 0, its reverse mode 2"),
    right("jvp of fmax at a tie is what reverse mode gives", lambda t, x: modes_agree(t, lambda x: t.fmax(x, t.tensor([1.0])), x), values([1.0]), expected=True, why="PyTorch: 0 and 1"),
    right("jvp of prelu at zero is what reverse mode gives", lambda t, x: modes_agree(t, lambda x: t.nn.functional.prelu(x, t.tensor([0.25])), x), values([0.0]), expected=True, why="PyTorch: 1 and .25"),
    right("grad of vander", lambda t, x: t.func.grad(lambda x: t.vander(x, 3).sum())(x), values([1.0, 2.0]), expected=lambda x: (2 * x + 1).astype("float32"), why="PyTorch writes in place over what it saved"),
    right("vmap of nothing over an operator without a batching rule", lambda t, x: t.vmap(lambda x: t.bincount(x, minlength=4))(x), np.zeros((0, 3), np.int64),
          expected=np.zeros((0, 4), np.int64), why="PyTorch's fallback cannot handle an empty batch"),
    right("a branch on a value under linearize of grad", lambda t, x: t.func.linearize(t.func.grad(lambda x: x**3 if x > 0 else x), x)[1](t.ones(())), values(2.0),
          expected=np.float32(12), why="PyTorch traces symbolically and refuses"),
    right("math functions of a value under linearize", lambda t, x: t.func.linearize(lambda x: x * math.sin(x), x)[1](t.ones(())), values(2.0),
          expected=lambda x: np.float32(math.sin(2)), why="PyTorch traces symbolically and refuses"),
]
