"""Few-shot learning of handwritten digits with MAML: tell apart digits never seen in training from a few images each.

A task shows `--shots` images of each of `--ways` digits. A small CNN adapts to it by `--inner-steps` steps of gradient
descent, and is judged by other images of the same digits. Training tasks are made of the digits 0 to 6; the last lines
adapt the trained network to 7, 8 and 9. All tasks of a batch adapt at once, under vmap; the outer gradient is from
`loss.backward()`.

    python examples/maml_images.py                     # PyTorch
    python -m functorch_jax examples/maml_images.py    # the same file on JAX
"""

import argparse
import time

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.func import functional_call, grad, vmap


def network(ways, width=16):
    def block(n_in, n_out):
        # normalised within an image: a task has no statistics of other tasks
        norm = nn.GroupNorm(4, n_out)
        return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), norm, nn.ReLU(), nn.MaxPool2d(2))

    return nn.Sequential(block(1, width), block(width, width), nn.Flatten(), nn.Linear(4 * width, ways))


def images_by_digit():
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(data.target)
    return [images[labels == digit] for digit in range(10)]


def sample(pool, digits, args):
    """A batch of tasks: images (tasks, n, 1, 8, 8) and labels (tasks, n) to adapt to, then those to be judged by."""
    support, query = [], []
    for _ in range(args.tasks):
        shown, held = [], []
        for k in torch.randperm(len(digits))[: args.ways].tolist():
            images = pool[digits[k]]
            chosen = images[torch.randperm(len(images))[: args.shots + args.queries]]
            shown.append(chosen[: args.shots])
            held.append(chosen[args.shots :])
        support.append(torch.cat(shown))
        query.append(torch.cat(held))
    labels = torch.arange(args.ways)
    return (
        torch.stack(support),
        labels.repeat_interleave(args.shots).expand(args.tasks, -1),
        torch.stack(query),
        labels.repeat_interleave(args.queries).expand(args.tasks, -1),
    )


def learner(model, args):
    """The function of a batch of tasks that adapts to each, and gives their losses and accuracies."""
    params = dict(model.named_parameters())

    def loss(params, images, labels):
        return F.cross_entropy(functional_call(model, params, (images,)), labels)

    def one_task(x1, y1, x2, y2):
        adapted = params
        for _ in range(args.inner_steps):
            grads = grad(loss)(adapted, x1, y1)
            adapted = {name: p - args.inner_lr * grads[name] for name, p in adapted.items()}
        logits = functional_call(model, adapted, (x2,))
        return F.cross_entropy(logits, y2), (logits.argmax(dim=1) == y2).float().mean()

    return vmap(one_task)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--tasks", type=int, default=8, help="tasks in a step")
    parser.add_argument("--ways", type=int, default=3, help="digits of a task")
    parser.add_argument("--shots", type=int, default=3, help="images of a digit to adapt to")
    parser.add_argument("--queries", type=int, default=10, help="images of a digit to be judged by")
    parser.add_argument("--inner-steps", type=int, default=1)
    parser.add_argument("--inner-lr", type=float, default=0.4)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    start = time.perf_counter()
    pool = images_by_digit()
    model = network(args.ways)
    adapt = learner(model, args)
    unseen = sample(pool, [7, 8, 9], args)
    with torch.no_grad():
        before = adapt(*unseen)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    losses = []
    for _ in range(args.steps):
        optimizer.zero_grad()
        task_losses, _ = adapt(*sample(pool, range(7), args))
        loss = task_losses.mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        after = adapt(*unseen)

    print(f"# {args.steps} steps in {time.perf_counter() - start:.1f} s")
    print("losses:", *(f"{loss:.5f}" for loss in losses[:: max(1, args.steps // 6)]))
    print(f"unseen-loss: {before[0].mean().item():.5f} {after[0].mean().item():.5f}")
    print(f"unseen-accuracy: {before[1].mean().item():.4f} {after[1].mean().item():.4f}")


if __name__ == "__main__":
    main()
