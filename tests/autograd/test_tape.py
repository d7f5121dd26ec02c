"""What rows cannot say of the tape: memory, JAX's own transformations around it, and what is left behind."""

from __future__ import annotations

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functorch_jax import torch


def test_memory_is_released_as_backward_goes():
    x = torch.ones(10, requires_grad=True)
    y = x.exp()
    kept = weakref.ref(y.jax())
    loss = y.sin().sum()
    del y
    gc.collect()
    assert kept() is not None
    loss.backward()
    gc.collect()
    assert kept() is None


def test_memory_is_released_with_the_graph():
    y = torch.ones(10, requires_grad=True).exp()
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_a_value_that_the_backward_does_not_read_is_not_kept():
    y = torch.ones(10, requires_grad=True).exp()
    kept = weakref.ref(y.jax())
    z = y + 1
    del y
    assert kept() is None
    z.sum().backward()


def test_a_long_chain():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y * 1.0
    y.backward()
    del y
    assert x.grad.item() == 1


def test_the_tape_inside_jit():
    def gradient(array):
        x = torch.from_jax(array).requires_grad_()
        (x**3).sum().backward()
        return x.grad.jax()

    np.testing.assert_allclose(jax.jit(gradient)(jnp.arange(3.0)), [0, 3, 12])
    np.testing.assert_allclose(jax.vmap(gradient)(jnp.arange(3.0)), [0, 3, 12])


class Tripled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x


def tripled(array):
    return Tripled.apply(torch.from_jax(array)).jax()


@pytest.mark.parametrize(
    "transformed, expected",
    [
        (jax.grad(tripled), 6.0),
        (jax.jit(jax.grad(tripled)), 6.0),
        (jax.grad(jax.jit(tripled)), 6.0),
        (jax.grad(jax.grad(tripled)), 3.0),
        (jax.jacfwd(tripled), 6.0),
        (jax.grad(lambda x: jax.vmap(tripled)(x[None])[0]), 6.0),
        (lambda x: jax.jit(jax.vmap(jax.hessian(tripled)))(x[None])[0], 3.0),
    ],
)
def test_a_function_under_transformations_of_jax(transformed, expected):
    assert transformed(jnp.float32(2.0)) == expected


def test_an_inner_gradient_of_a_captured_tensor_is_counted_once():
    w = torch.tensor(2.0, requires_grad=True)

    def slope(x):
        return torch.autograd.grad(w * x * x, x, create_graph=True)[0]

    y = torch.func.grad(slope)(torch.tensor(3.0))
    y.backward()
    assert (y.item(), w.grad.item()) == (4, 2)


def test_backward_of_a_captured_tensor_inside_a_transform_says_what_to_do():
    w = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"does not have a grad_fn.*x\.detach\(\)\.requires_grad_\(\)"):
        torch.vmap(lambda x: (w * x).backward())(torch.ones(2))


def test_a_raising_transform_leaves_the_tape_as_it_was():
    w = torch.tensor(2.0, requires_grad=True)

    def raising(x):
        w * x
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        torch.vmap(raising)(torch.ones(2))
    (w * 3).backward()
    assert w.grad.item() == 3


def test_a_training_step_leaks_nothing():
    net = torch.nn.Linear(2, 1)
    with jax.checking_leaks():
        loss = torch.vmap(torch.func.jacrev(net))(torch.ones(3, 2)).pow(2).sum()
        loss.backward()
    np.testing.assert_allclose(net.weight.grad.numpy(), 6 * net.weight.detach().numpy(), rtol=1e-6)


def test_a_forward_mode_level_ends_when_its_block_raises():
    forward_ad = torch.autograd.forward_ad
    with pytest.raises(ValueError, match="mine"), forward_ad.dual_level():
        raise ValueError("mine")
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.ones(1), torch.ones(1))
        assert forward_ad.unpack_dual(x * 2).tangent.item() == 2
    assert (torch.ones(1) + 1).item() == 2


def test_checkpoint_keeps_nothing_of_the_inside():
    from functorch_jax.torch.utils.checkpoint import checkpoint

    inner = []

    def part(x):
        y = x.exp()
        inner.append(weakref.ref(y.jax()))
        return y.sin()

    x = torch.ones(4, requires_grad=True)
    y = checkpoint(part, x, use_reentrant=False)
    gc.collect()
    assert inner[0]() is None
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.cos(np.e) * np.e * np.ones(4), rtol=1e-6)


def test_hooks_on_what_the_tape_keeps():
    x, log = torch.tensor([1.0, 2.0], requires_grad=True), []

    def pack(kept):
        log.append(tuple(kept.shape))
        return kept.numpy()

    with torch.autograd.graph.saved_tensors_hooks(pack, torch.from_numpy):
        y = (x**3).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert log == [(2,)]
    np.testing.assert_allclose(torch.autograd.grad(g.sum(), x)[0].numpy(), [6, 12])


def test_a_captured_tensor_keeps_its_history_when_a_transform_that_writes_it_raises():
    w = torch.ones(2, requires_grad=True)
    buffer = w * 2

    def fails(x):
        buffer.add_(x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        torch.func.grad(fails)(torch.ones(2))
    assert buffer.tolist() == [2.0, 2.0]
    buffer.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]
