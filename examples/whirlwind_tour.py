"""Every transform of functorch in a few lines each, and the two transforms of modules.

python examples/whirlwind_tour.py                     # PyTorch
python -m functorch_jax examples/whirlwind_tour.py    # the same file on JAX
"""

import warnings

import torch
import torch.nn as nn
from functorch import functionalize, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, make_functional, vjp, vmap
from torch.func import functional_call

warnings.filterwarnings("ignore", category=FutureWarning, message=".*functorch")


def derivatives(x):
    """The first three derivatives of the sine, and its value beside the first."""
    first = grad(torch.sin)
    second = grad(first)
    slope, value = grad_and_value(torch.sin)(x)
    return {"sin'": first(x), "sin''": second(x), "sin'''": grad(second)(x), "slope": slope, "value": value}


def mapped(xs, ys):
    """`vmap` turns a product of two vectors into a product of two batches, along whichever axes."""
    return {"rows": vmap(torch.dot)(xs, ys), "columns": vmap(torch.dot, in_dims=1)(xs, ys)}


def products(x, v):
    """Cubes: a cotangent pulled back, a tangent pushed forward."""
    cube = lambda x: x**3
    return {"vjp": vjp(cube, x)[1](v)[0], "jvp": jvp(cube, (x,), (v,))[1]}


def matrices(x):
    cube = lambda x: x**3
    return {"jacrev": jacrev(cube)(x), "jacfwd": jacfwd(cube)(x), "hessian": hessian(lambda x: cube(x).sum())(x)}


def without_mutation(x):
    """`functionalize` takes the in-place writes out of a function; the answer is the same."""

    def f(x):
        y = x.clone()
        y[0].mul_(10)
        return y + 1

    return functionalize(f)(x)


def per_sample(model, xs, targets):
    """Gradients of every sample's own loss, in both spellings of a module as a function."""
    old, params = make_functional(model, disable_autograd_tracking=True)
    of_tuple = vmap(grad(lambda p, x, t: (old(p, x) - t).square().sum()), (None, 0, 0))(params, xs, targets)

    named = {name: p.detach() for name, p in model.named_parameters()}
    new = lambda p, x, t: (functional_call(model, p, (x,)) - t).square().sum()
    of_dict = vmap(grad(new), (None, 0, 0))(named, xs, targets)
    return of_tuple, of_dict


def main():
    torch.manual_seed(0)
    x, v = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, -1.0])
    sections = {
        "grad": derivatives(torch.tensor(0.5)),
        "vmap": mapped(torch.arange(6.0).view(3, 2), torch.ones(3, 2)),
        "vjp and jvp": products(x, v),
        "Jacobians and Hessians": matrices(x),
        "functionalize": {"written to": without_mutation(x)},
    }
    for title, results in sections.items():
        print(title)
        for name, result in results.items():
            print(f"  {name:10} {result.tolist()}")
    of_tuple, of_dict = per_sample(nn.Linear(3, 2), torch.randn(5, 3), torch.randn(5, 2))
    print("per-sample gradients of a module")
    for (name, g), same in zip(of_dict.items(), of_tuple):
        print(f"  {name:10} {tuple(g.shape)}, the two spellings differ by {(g - same).abs().max().item():.1e}")


if __name__ == "__main__":
    main()
