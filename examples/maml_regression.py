"""Learn to learn sine waves: MAML, in four spellings of the same computation.

Every task is a sine wave of its own amplitude and phase. The network is to fit a new wave from a few points with one
step of gradient descent; what is trained is where that step starts from, so the outer gradient goes through the inner
one. All spellings draw the same numbers, and print the same losses:

    modules    torch.func.functional_call on an nn.Module, vmap over the tasks
    functorch  functorch.make_functional, vmap over the tasks
    by-hand    a network written as a function of a list of tensors, vmap over the tasks
    loop       the same function, torch.autograd.grad(create_graph=True), one task after the other

    python examples/maml_regression.py                     # PyTorch
    python -m functorch_jax examples/maml_regression.py    # the same file on JAX
"""

import argparse
import math
import time
import warnings

import torch
import torch.nn.functional as F
from functorch import make_functional
from torch import nn
from torch.func import functional_call, grad, vmap

warnings.filterwarnings("ignore", category=FutureWarning, message=".*functorch")


def network(width):
    return nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))


def waves(tasks, points):
    """A batch of tasks: points to adapt to and points to be judged by, (tasks, points, 1) each."""
    amplitude = 0.1 + 4.9 * torch.rand(tasks, 1, 1)
    phase = math.pi * torch.rand(tasks, 1, 1)
    x1, x2 = (10 * torch.rand(tasks, points, 1) - 5 for _ in range(2))
    return x1, amplitude * torch.sin(x1 + phase), x2, amplitude * torch.sin(x2 + phase)


# Each spelling gives the parameters to train, and the mean loss after adaptation as a function of a batch of tasks.


def modules(args):
    model = network(args.width)
    params = dict(model.named_parameters())

    def loss(params, x, y):
        return F.mse_loss(functional_call(model, params, (x,)), y)

    def loss_of_task(x1, y1, x2, y2):
        grads = grad(loss)(params, x1, y1)
        adapted = {name: params[name] - args.inner_lr * grads[name] for name in params}
        return loss(adapted, x2, y2)

    return list(model.parameters()), lambda *batch: vmap(loss_of_task)(*batch).mean()


def functorch(args):
    model, params = make_functional(network(args.width))

    def loss(params, x, y):
        return F.mse_loss(model(params, x), y)

    def loss_of_task(params, x1, y1, x2, y2):
        adapted = [p - args.inner_lr * g for p, g in zip(params, grad(loss)(params, x1, y1))]
        return loss(adapted, x2, y2)

    return params, lambda *batch: vmap(loss_of_task, in_dims=(None, 0, 0, 0, 0))(params, *batch).mean()


def initial_params(width):
    """What nn.Linear draws, in the order in which it draws."""
    params = []
    for n_in, n_out in ((1, width), (width, width), (width, 1)):
        for shape in ((n_out, n_in), (n_out,)):
            params.append(torch.empty(shape).uniform_(-(n_in**-0.5), n_in**-0.5).requires_grad_())
    return params


def forward(params, x):
    w1, b1, w2, b2, w3, b3 = params
    return torch.relu(torch.relu(x @ w1.t() + b1) @ w2.t() + b2) @ w3.t() + b3


def loss_by_hand(params, x, y):
    return ((forward(params, x) - y) ** 2).mean()


def by_hand(args):
    params = initial_params(args.width)

    def loss_of_task(x1, y1, x2, y2):
        adapted = [p - args.inner_lr * g for p, g in zip(params, grad(loss_by_hand)(params, x1, y1))]
        return loss_by_hand(adapted, x2, y2)

    return params, lambda *batch: vmap(loss_of_task)(*batch).mean()


def loop(args):
    params = initial_params(args.width)

    def loss_of_batch(*batch):
        total = 0.0
        for x1, y1, x2, y2 in zip(*batch):
            grads = torch.autograd.grad(loss_by_hand(params, x1, y1), params, create_graph=True)
            total = total + loss_by_hand([p - args.inner_lr * g for p, g in zip(params, grads)], x2, y2)
        return total / len(batch[0])

    return params, loss_of_batch


SPELLINGS = {"modules": modules, "functorch": functorch, "by-hand": by_hand, "loop": loop}


def train(spelling, args):
    torch.manual_seed(args.seed)
    params, loss_of_batch = SPELLINGS[spelling](args)
    optimizer = torch.optim.Adam(params, lr=args.lr)
    losses = []
    for _ in range(args.steps):
        optimizer.zero_grad()
        loss = loss_of_batch(*waves(args.tasks, args.points))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spelling", choices=[*SPELLINGS, "all"], default="all")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--tasks", type=int, default=10, help="sine waves in a step")
    parser.add_argument("--points", type=int, default=10, help="points of each wave, before and after adaptation")
    parser.add_argument("--width", type=int, default=40)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--inner-lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    for spelling in SPELLINGS if args.spelling == "all" else [args.spelling]:
        start = time.perf_counter()
        losses = train(spelling, args)
        print(f"# {spelling}: {args.steps} steps in {time.perf_counter() - start:.1f} s")
        print(f"{spelling}:", *(f"{loss:.5f}" for loss in losses[:: max(1, args.steps // 6)]))


if __name__ == "__main__":
    main()
