"""Jacobians and Hessians of a small network, in every form that functorch has, and products with them.

The forms of one matrix agree; they differ in what they cost. Reverse mode builds a Jacobian row by row (cheap for few
outputs), forward mode column by column (cheap for few inputs). A product of the Hessian with a vector needs neither.

    python examples/jacobians_hessians.py                     # PyTorch
    python -m functorch_jax examples/jacobians_hessians.py    # the same file on JAX
"""

import argparse

import torch
import torch.nn.functional as F
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


def layer(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


def jacobian_by_rows(weight, bias, x):
    """The way without transforms: one backward pass for every output."""
    x = x.detach().requires_grad_()
    y = layer(weight, bias, x)
    return torch.stack([torch.autograd.grad(y, x, row, retain_graph=True)[0] for row in torch.eye(len(y))])


def jacobian_by_vjp(weight, bias, x):
    y, pull = vjp(lambda x: layer(weight, bias, x), x)
    return vmap(pull)(torch.eye(len(y)))[0]


def jacobian_by_jvp(weight, bias, x):
    push = lambda direction: jvp(lambda x: layer(weight, bias, x), (x,), (direction,))[1]
    return vmap(push, out_dims=1)(torch.eye(len(x)))


JACOBIANS = {
    "autograd.grad, row by row": jacobian_by_rows,
    "vmap of a vjp": jacobian_by_vjp,
    "vmap of a jvp": jacobian_by_jvp,
    "jacrev": jacrev(layer, argnums=2),
    "jacfwd": jacfwd(layer, argnums=2),
    "autograd.functional": lambda w, b, x: torch.autograd.functional.jacobian(lambda x: layer(w, b, x), x),
}
HESSIANS = {
    "hessian": hessian(layer, argnums=2),
    "forward over reverse": jacfwd(jacrev(layer, argnums=2), argnums=2),
    "forward over forward": jacfwd(jacfwd(layer, argnums=2), argnums=2),
    "reverse over forward": jacrev(jacfwd(layer, argnums=2), argnums=2),
    "reverse over reverse": jacrev(jacrev(layer, argnums=2), argnums=2),
}


def hvp_forward_over_reverse(f, x, v):
    return jvp(grad(f), (x,), (v,))[1]


def hvp_reverse_over_reverse(f, x, v):
    return vjp(grad(f), x)[1](v)[0]


def hvp_reverse_over_forward(f, x, v):
    return grad(lambda x: jvp(f, (x,), (v,))[1])(x)


HVPS = {
    "forward over reverse": hvp_forward_over_reverse,
    "reverse over reverse": hvp_reverse_over_reverse,
    "reverse over forward": hvp_reverse_over_forward,
    "autograd.functional": lambda f, x, v: torch.autograd.functional.hvp(f, x, v)[1],
}


def batched(weight, bias, xs):
    """The Jacobian and the Hessian at every point of a batch, with `vmap` around the function for one point."""
    dims = (None, None, 0)
    return vmap(jacrev(layer, argnums=2), dims)(weight, bias, xs), vmap(hessian(layer, argnums=2), dims)(
        weight, bias, xs
    )


def problem(inputs, outputs, seed=0):
    torch.manual_seed(seed)
    return torch.randn(outputs, inputs), torch.randn(outputs), torch.randn(inputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=16)
    parser.add_argument("--outputs", type=int, default=6)
    args = parser.parse_args()
    weight, bias, x = problem(args.inputs, args.outputs)

    for title, forms in {"Jacobian": JACOBIANS, "Hessian": HESSIANS}.items():
        results = {name: form(weight, bias, x) for name, form in forms.items()}
        first = next(iter(results.values()))
        print(f"{title}, {tuple(first.shape)}")
        for name, result in results.items():
            print(f"  {name:26} differs by {(result - first).abs().max().item():.1e}")

    f, v = lambda x: layer(weight, bias, x).square().sum(), torch.randn(args.inputs)
    full = hessian(f)(x) @ v
    print("Hessian times a vector, against the whole matrix")
    for name, product in HVPS.items():
        print(f"  {name:26} differs by {(product(f, x, v) - full).abs().max().item():.1e}")

    jacobians, hessians = batched(weight, bias, torch.randn(5, args.inputs))
    print(f"at five points: Jacobians {tuple(jacobians.shape)}, Hessians {tuple(hessians.shape)}")


if __name__ == "__main__":
    main()
