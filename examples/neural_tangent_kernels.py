"""The neural tangent kernel: how a small step of the parameters, taken for one input, moves the output at another.

Taking θ + ε J(y)ᵀv for θ moves f(x) by ε K(x, y) v, where K(x, y) = J(x) J(y)ᵀ and J is the Jacobian by the parameters.
Two ways to it, here for a network on short signals:

* contract: write the Jacobians of all inputs, and sum their products parameter by parameter;
* multiply: K v is a `jvp` of a `vjp`, and no Jacobian is ever written. Basis vectors for v give the matrix.

    python examples/neural_tangent_kernels.py                     # PyTorch
    python -m functorch_jax examples/neural_tangent_kernels.py    # the same file on JAX
"""

import argparse

import torch
import torch.nn as nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap


def signal_network(length=16, channels=4, outputs=3):
    """Two filters over a signal of two channels, and a readout."""
    return nn.Sequential(
        nn.Conv1d(2, channels, 5, padding=2, padding_mode="circular"),
        nn.Tanh(),
        nn.AvgPool1d(2),
        nn.Conv1d(channels, channels, 3, groups=2),
        nn.Tanh(),
        nn.Flatten(-2),
        nn.Linear(channels * (length // 2 - 2), outputs),
    )


def as_function(network):
    """f(θ, x) for one input x, and θ."""
    theta = {name: p.detach() for name, p in network.named_parameters()}
    return lambda theta, x: functional_call(network, theta, (x,)), theta


# ---- contract --------------------------------------------------------------------------------------------------------


def contract(f, theta, xs, ys, equation="xif,yjf->xyij"):
    """Kernels of all pairs; the equation says what of each is kept: x, y are inputs, i, j outputs, f one parameter."""
    jacobians = vmap(jacrev(f), in_dims=(None, 0))
    of_xs, of_ys = jacobians(theta, xs), jacobians(theta, ys)
    return sum(torch.einsum(equation, of_xs[name].flatten(2), of_ys[name].flatten(2)) for name in theta)


def contracted_traces(f, theta, xs, ys):
    """The traces alone, (x, y): the matrices are not formed."""
    return contract(f, theta, xs, ys, "xif,yif->xy")


# ---- multiply --------------------------------------------------------------------------------------------------------


def times(f, theta, x, y, v):
    """K(x, y) v."""
    step = vjp(lambda theta: f(theta, y), theta)[1](v)
    return jvp(lambda theta: f(theta, x), (theta,), step)[1]


def multiply(f, theta, xs, ys):
    """Kernels of all pairs, (x, y, i, j), of their products with the basis vectors."""
    basis = torch.eye(f(theta, ys[0]).shape[-1])
    over_basis = vmap(lambda x, y, v: times(f, theta, x, y, v), (None, None, 0), out_dims=1)
    over_ys = vmap(over_basis, (None, 0, None))
    return vmap(over_ys, (0, None, None))(xs, ys, basis)


def multiplied_traces(f, theta, xs, ys):
    return multiply(f, theta, xs, ys).diagonal(dim1=-2, dim2=-1).sum(-1)


# ---- what it is for --------------------------------------------------------------------------------------------------


def moved(f, theta, x, y, v, size=1e-2):
    """By how much a step for y moves the output at x, per unit of it: a central difference."""
    step = vjp(lambda theta: f(theta, y), theta)[1](v)[0]
    ahead, back = ({name: p + sign * size * step[name] for name, p in theta.items()} for sign in (1, -1))
    return (f(ahead, x) - f(back, x)) / (2 * size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xs", type=int, default=5)
    parser.add_argument("--ys", type=int, default=4)
    parser.add_argument("--length", type=int, default=16, help="of the signals")
    args = parser.parse_args()
    torch.manual_seed(0)
    f, theta = as_function(signal_network(args.length))
    xs, ys = torch.randn(args.xs, 2, args.length), torch.randn(args.ys, 2, args.length)

    kernel = contract(f, theta, xs, ys)
    apart = lambda a, b: f"{((a - b).abs().max() / b.abs().max()).item():.1e}"
    print(f"# kernel {tuple(kernel.shape)}: differences, over the largest entry")
    print(f"multiply: {apart(multiply(f, theta, xs, ys), kernel)}")
    traces = torch.einsum("xyii->xy", kernel)
    print(f"contracted traces: {apart(contracted_traces(f, theta, xs, ys), traces)}")
    print(f"multiplied traces: {apart(multiplied_traces(f, theta, xs, ys), traces)}")
    v = torch.tensor([1.0, -2.0, 0.5])
    print(f"a step that is taken: {apart(moved(f, theta, xs[0], ys[0], v), kernel[0, 0] @ v)}")
    own = torch.linalg.eigvalsh(contracted_traces(f, theta, xs, xs))
    print("eigenvalues:", " ".join(f"{e:.4f}" for e in own.tolist()))


if __name__ == "__main__":
    main()
