"""The neural tangent kernel of a small CNN, K(x, y) = J(x) J(y)ᵀ with J the Jacobian by the parameters, in two ways.

Contract two Jacobians, parameter by parameter; or never write them, and multiply the kernel by each basis vector as a
jvp of a vjp. Each gives the whole kernel (outputs × outputs for every pair), its trace, or its diagonal.

    python examples/neural_tangent_kernels.py                     # PyTorch
    python -m functorch_jax examples/neural_tangent_kernels.py    # the same file on JAX
"""

import argparse

import torch
import torch.nn as nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

CONTRACTIONS = {"full": "naf,mbf->nmab", "trace": "naf,maf->nm", "diagonal": "naf,maf->nma"}


class CNN(nn.Module):
    def __init__(self, width=8, outputs=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, width, 3, stride=2)
        self.out = nn.Linear(width * 4 * 4, outputs)

    def forward(self, x):
        x = self.conv1(x).relu()
        x = self.conv2(x).relu()
        return self.out(x.flatten(1))


def functional(model):
    """The model as a function of its parameters and one example, and the parameters."""
    params = {name: p.detach() for name, p in model.named_parameters()}
    return lambda params, x: functional_call(model, params, (x.unsqueeze(0),)).squeeze(0), params


def by_jacobians(f, params, x1, x2, compute="full"):
    """(n, m, …) kernels of the examples x1 (n, …) and x2 (m, …), from the Jacobians of all of them."""
    jacobian = vmap(jacrev(f), in_dims=(None, 0))
    j1, j2 = jacobian(params, x1), jacobian(params, x2)
    parts = [torch.einsum(CONTRACTIONS[compute], j1[name].flatten(2), j2[name].flatten(2)) for name in params]
    return sum(parts)


def by_products(f, params, x1, x2, compute="full"):
    """The same kernels, column by column: J(x1) (J(x2)ᵀ v) for each basis vector v of the outputs."""

    def of_pair(a, b):
        out, pull = vjp(lambda params: f(params, b), params)

        def times(v):
            return jvp(lambda params: f(params, a), (params,), pull(v))[1]

        columns = vmap(times, out_dims=1)(torch.eye(out.shape[0]))
        if compute == "full":
            return columns
        return torch.einsum("aa->" if compute == "trace" else "aa->a", columns)

    return vmap(vmap(of_pair, (None, 0)), (0, None))(x1, x2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=6)
    parser.add_argument("--m", type=int, default=4)
    args = parser.parse_args()
    torch.manual_seed(0)
    f, params = functional(CNN())
    x1, x2 = torch.randn(args.n, 3, 12, 12), torch.randn(args.m, 3, 12, 12)
    for compute in CONTRACTIONS:
        a = by_jacobians(f, params, x1, x2, compute)
        b = by_products(f, params, x1, x2, compute)
        print(f"{compute:9} {tuple(a.shape)!s:14} the two ways differ by {((a - b).abs().max() / a.abs().max()):.1e}")
    own = by_jacobians(f, params, x1, x1, "trace")
    print("eigenvalues of the trace kernel:", " ".join(f"{e:.3g}" for e in torch.linalg.eigvalsh(own).tolist()))


if __name__ == "__main__":
    main()
