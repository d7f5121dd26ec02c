"""Learn the Lennard-Jones potential from its forces as well as its energies.

Two atoms at displacement r have an energy that depends on |r| alone, and the force between them is minus its gradient.
A network learns the energy; its force is its own derivative, taken sample by sample with vmap(jacrev). Both are in the
loss, so that `loss.backward()` differentiates through that derivative to the parameters, which the mapped function only
captures. Data are computed here, their forces by vmap(grad) of the energy's formula.

    python examples/lennard_jones.py                     # PyTorch
    python -m functorch_jax examples/lennard_jones.py    # the same file on JAX
"""

import argparse
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import grad, jacrev, vmap


def lennard_jones(r):
    """The energy of one pair at displacement r, (3,): its minimum is -1, at distance 2^(1/6)."""
    sixth = (r * r).sum() ** -3
    return 4 * (sixth**2 - sixth)


def pairs(distances):
    """Displacements (n, 3) of given lengths in random directions."""
    directions = torch.randn(len(distances), 3)
    return distances[:, None] * directions / directions.norm(dim=1, keepdim=True)


def predict(model, r):
    """Energies (n,) and forces (n, 3)."""

    def energy(r):
        return model(r.norm().reshape(1)).squeeze()

    return vmap(energy)(r), -vmap(jacrev(energy))(r)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    start = time.perf_counter()
    r = pairs(torch.linspace(1.0, 2.5, args.pairs))
    energies, forces = vmap(lennard_jones)(r), -vmap(grad(lennard_jones))(r)

    width = args.width
    model = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    losses = []
    for _ in range(args.steps):
        optimizer.zero_grad()
        predicted_energies, predicted_forces = predict(model, r)
        loss = F.mse_loss(predicted_energies, energies) + 0.1 * F.mse_loss(predicted_forces, forces)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    print(f"# {args.steps} steps in {time.perf_counter() - start:.1f} s")
    print("losses:", *(f"{loss:.5f}" for loss in losses[:: max(1, args.steps // 6)]))
    # away from the training distances, against the derivative on paper: 24 (2 d^-13 - d^-7) along r
    d = torch.linspace(1.03, 2.45, 50)
    r = pairs(d)
    exact = (24 * (2 * d**-13 - d**-7) / d)[:, None] * r
    by_transform = -vmap(grad(lennard_jones))(r)
    learned = predict(model, r)[1].detach()
    print(f"formula-error: {(by_transform - exact).abs().max().item():.2e}")
    print(f"learned-error: {(learned - exact).norm(dim=1).mean().item():.5f}")


if __name__ == "__main__":
    main()
