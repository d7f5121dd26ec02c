"""Train an ensemble of networks on two spirals, all at once: vmap over parameters, minibatches and learning steps.

The models differ in their initial weights and in the minibatches that they see. One call of vmap(step) is one step of
all of them; at the end they vote.

    python examples/ensembled_spirals.py                     # PyTorch
    python -m functorch_jax examples/ensembled_spirals.py    # the same file on JAX
"""

import argparse
import copy
import math
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap


def spirals(n, noise=0.08):
    """Points (2n, 2) of two spirals that wind around each other, and to which they belong (2n,)."""
    angle = 3 * math.pi * torch.rand(n).sqrt()
    arm = torch.stack([angle * angle.cos(), angle * angle.sin()], dim=1) / (3 * math.pi)
    points = torch.cat([arm, -arm])
    labels = torch.cat([torch.zeros(n, dtype=torch.long), torch.ones(n, dtype=torch.long)])
    return points + 0.3 * noise * torch.randn_like(points), labels


def network(width):
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--points", type=int, default=400, help="points of each spiral")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    start = time.perf_counter()
    points, labels = spirals(args.points)
    models = [network(args.width) for _ in range(args.models)]
    params, buffers = stack_module_state(models)
    params = {name: p.detach() for name, p in params.items()}
    skeleton = copy.deepcopy(models[0]).to("meta")

    def loss_of_one(params, buffers, x, y):
        return F.cross_entropy(functional_call(skeleton, (params, buffers), (x,)), y)

    def step(params, velocity, buffers, x, y):
        grads, loss = grad_and_value(loss_of_one)(params, buffers, x, y)
        velocity = {name: 0.9 * velocity[name] + grads[name] for name in params}
        return {name: p - args.lr * velocity[name] for name, p in params.items()}, velocity, loss

    velocity = {name: torch.zeros_like(p) for name, p in params.items()}
    losses = []
    for _ in range(args.steps):
        batch = torch.randint(len(points), (args.models, args.batch))
        params, velocity, loss = vmap(step)(params, velocity, buffers, points[batch], labels[batch])
        losses.append(loss)

    new_points, new_labels = spirals(args.points)
    logits = vmap(lambda params, buffers: functional_call(skeleton, (params, buffers), (new_points,)))(params, buffers)
    alone = (logits.argmax(dim=-1) == new_labels).float().mean(dim=1)
    together = (logits.softmax(dim=-1).mean(dim=0).argmax(dim=-1) == new_labels).float().mean()
    print(f"# {args.steps} steps of {args.models} models in {time.perf_counter() - start:.1f} s")
    losses = torch.stack(losses)
    print("losses:", *(f"{loss:.5f}" for loss in losses.mean(dim=1)[:: max(1, args.steps // 6)].tolist()))
    print("first-losses:", *(f"{loss:.5f}" for loss in losses[0].tolist()))
    print("accuracies:", *(f"{accuracy:.4f}" for accuracy in alone.tolist()))
    print(f"vote: {together.item():.4f}")


if __name__ == "__main__":
    main()
