"""What functorch's documentation shows of `grad`, as a program for PyTorch: run it with `python -m functorch_jax`.

Each example asserts, and prints its name when it holds.
"""

import math
import warnings

import torch
from functorch import grad, vmap

# PyTorch asks for torch.func in place of functorch
warnings.filterwarnings("ignore", category=FutureWarning)


def first_order():
    x = torch.tensor(0.8)
    slope = grad(torch.sin)(x)
    assert torch.allclose(slope, x.cos())
    assert slope.shape == () and slope.dtype == torch.float32


def second_order():
    x = torch.tensor(0.8)
    curvature = grad(grad(torch.sin))(x)
    assert torch.allclose(curvature, -x.sin())


def per_sample_gradients():
    torch.manual_seed(0)
    batch, features = 5, 3
    examples, targets = torch.randn(batch, features), torch.randn(batch)
    weights = torch.randn(features, requires_grad=True)

    def model(weights, example):
        return example.dot(weights).relu()

    def loss(weights, example, target):
        return ((model(weights, example) - target) ** 2).mean()

    together = vmap(grad(loss), in_dims=(None, 0, 0))(weights, examples, targets)
    one_by_one = [grad(loss)(weights, example, target) for example, target in zip(examples, targets)]
    assert together.shape == (batch, features)
    assert torch.allclose(together, torch.stack(one_by_one), atol=1e-6)


def argnums_and_aux():
    def loss(pred, target):
        each = (pred - target) ** 2
        return each.mean(), each

    pred, target = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.0, 1.0])
    (by_pred, by_target), each = grad(loss, argnums=(0, 1), has_aux=True)(pred, target)
    assert torch.allclose(by_pred, 2 * (pred - target) / 3)
    assert torch.equal(by_target, -by_pred)
    assert each.tolist() == [0.0, 4.0, 9.0]


def no_grad_inside():
    def f(x):
        with torch.no_grad():
            c = x**2
        return x - c

    # c is a constant to grad
    assert grad(f)(torch.tensor(3.0)).item() == 1.0


def no_grad_outside():
    def f(x):
        return x**3

    # what is around the call does not matter to the derivative that the call asks for
    with torch.no_grad():
        slope = grad(f)(torch.tensor(2.0))
    assert math.isclose(slope.item(), 12.0)


EXAMPLES = [first_order, second_order, per_sample_gradients, argnums_and_aux, no_grad_inside, no_grad_outside]

if __name__ == "__main__":
    for example in EXAMPLES:
        example()
        print(example.__name__)
