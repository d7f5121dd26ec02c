"""Train a small CNN on handwritten digits with per-sample clipped gradients, as DP-SGD does.

Every image has its own gradient, which is scaled down to norm `--clip` before the gradients are averaged: no single
image can move the model far. The gradients' norms also tell which digits the model has trouble with. The picture shows
those of largest and of smallest norm, and how the norms of all training images change from epoch to epoch.

    python examples/per_sample_gradients.py                     # PyTorch
    python -m functorch_jax examples/per_sample_gradients.py    # the same file on JAX
"""

import argparse
import time
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F
from functorch import grad, make_functional, vmap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

warnings.filterwarnings("ignore", category=FutureWarning, message=".*functorch")


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(2 * width * 2 * 2, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        return self.out(F.relu(self.hidden(x)))


def digits(test=397):
    """Training and test images (n, 1, 8, 8) in [-1, 1] with their labels: 1797 real digits, shuffled."""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels))
    images, labels = images[order], labels[order]
    return images[test:], labels[test:], images[:test], labels[:test]


def norms_of(grads):
    """The norm of each sample's whole gradient: over all parameters together."""
    return torch.stack([g.flatten(1).norm(dim=1) for g in grads]).norm(dim=0)


def clipped_mean(grads, clip):
    """The mean over samples of gradients that have been scaled down to norm `clip` where they were longer."""
    norms = norms_of(grads)
    scale = (clip / (norms + 1e-6)).clamp(max=1.0)
    return [torch.einsum("n,n...->...", scale, g) / len(norms) for g in grads]


def train(args):
    torch.manual_seed(args.seed)
    images, labels, test_images, test_labels = digits()
    model, params = make_functional(Net(), disable_autograd_tracking=True)

    def loss_of_one(params, image, label):
        logits = model(params, image.unsqueeze(0))
        return F.cross_entropy(logits, label.unsqueeze(0))

    per_sample_gradients = vmap(grad(loss_of_one), in_dims=(None, 0, 0))

    def all_norms(params):
        parts = zip(images.split(200), labels.split(200))
        return torch.cat([norms_of(per_sample_gradients(params, x, y)) for x, y in parts]).numpy()

    def accuracy(params):
        return (model(params, test_images).argmax(dim=1) == test_labels).float().mean().item()

    momentum = [torch.zeros_like(p) for p in params]
    history = [all_norms(params)]
    steps = len(labels) // args.batch
    with tqdm(total=args.epochs * steps, unit="step") as bar:
        for epoch in range(args.epochs):
            rate = args.lr * (1 - epoch / args.epochs)
            for batch in torch.randperm(len(labels))[: steps * args.batch].split(args.batch):
                grads = clipped_mean(per_sample_gradients(params, images[batch], labels[batch]), args.clip)
                momentum = [0.9 * m + g for m, g in zip(momentum, grads)]
                params = tuple(p - rate * m for p, m in zip(params, momentum))
                bar.update()
            history.append(all_norms(params))
            norm = f"{np.median(history[-1]):.3f}"
            bar.set_postfix(epoch=epoch + 1, accuracy=f"{accuracy(params):.1%}", median_norm=norm)
    return accuracy(params), images, labels, history


# ---- the picture -----------------------------------------------------------------------------------------------------

INK, PAPER, HARD, EASY = "#22223b", "#fbfaf7", "#c8553d", "#2a7f9e"


def short(norm):
    """A norm in a few characters, whatever its size: 133, 2.5, 4e-8."""
    if norm >= 10:
        return f"{norm:.0f}"
    return f"{norm:.1f}" if norm >= 0.1 else f"{norm:.0e}".replace("e-0", "e-")


def draw(images, labels, history, clip, title, path, columns=8):
    plt.rcParams.update({"font.family": "sans-serif", "text.color": INK, "axes.edgecolor": INK, "font.size": 10})
    figure = plt.figure(figsize=(13, 6.2), facecolor=PAPER)
    figure.text(0.03, 0.945, title, fontsize=16, weight="bold")
    left, right = figure.subfigures(1, 2, width_ratios=[1.12, 1])
    for part in (left, right):
        part.set_facecolor("none")

    last = history[-1]
    order = np.argsort(last)
    rows = [
        ("Largest gradients: the digits it still argues with", order[::-1][: 2 * columns], HARD, "Reds"),
        ("Smallest gradients: nothing left to learn from", order[: 2 * columns], EASY, "Blues"),
    ]
    for (heading, chosen, color, cmap), top in zip(rows, (0.815, 0.40)):
        left.text(0.055, top + 0.045, heading, color=color, fontsize=12, weight="bold")
        left.text(0.971, top + 0.047, "label · norm", fontsize=8, ha="right")
        for k, i in enumerate(chosen):
            row, column = divmod(k, columns)
            axes = left.add_axes([0.055 + column * 0.116, top - 0.135 - row * 0.185, 0.104, 0.135])
            axes.imshow(images[i, 0], cmap=cmap, vmin=-1, vmax=1.3, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_color(color)
                spine.set_linewidth(0.8)
            axes.set_title(f"{labels[i]}  ·  {short(last[i])}", fontsize=8, color=INK, pad=3)

    # one ridge an epoch, from the untrained model (back) to the trained one (front)
    axes = right.add_axes([0.08, 0.115, 0.87, 0.745])
    shown = np.unique(np.linspace(0, len(history) - 1, min(len(history), 13)).round().astype(int))
    logs = [np.log10(norms + 1e-30) for norms in history]
    low, high = np.log10(clip) - 6, max(x.max() for x in logs) + 0.3
    edges = np.linspace(low, high, 140)
    middle = (edges[1:] + edges[:-1]) / 2
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    colors = plt.get_cmap("plasma")(np.linspace(0.05, 0.82, len(shown)))
    for level, (epoch, color) in enumerate(zip(shown, colors)):
        height = np.convolve(np.histogram(np.clip(logs[epoch], low, None), edges)[0], kernel, "same")
        height = 1.75 * height / height.max() - level
        axes.fill_between(middle, -level, height, color=color, alpha=0.85, lw=0, zorder=level)
        axes.plot(middle, height, color=PAPER, lw=1.2, zorder=level)
        axes.text(low - 0.15, 0.06 - level, f"{epoch}", ha="right", fontsize=9, color=color)
    axes.axvline(np.log10(clip), color=INK, lw=1, ls=(0, (4, 3)), zorder=99)
    axes.text(np.log10(clip) + 0.06, 2.15, f"clipped to {clip:g}  →", fontsize=9, va="top")
    axes.text(low - 0.15, 0.8, "epoch", ha="right", fontsize=9)
    ticks = [t for t in range(-6, 4) if low <= t <= high]
    axes.set_xticks(ticks, [f"{10.0**t:g}" for t in ticks])
    axes.set_xlim(low, high)
    axes.set_ylim(-len(shown) + 0.9, 2.2)
    axes.set_yticks([])
    axes.set_xlabel("norm of one image's gradient")
    axes.set_facecolor("none")
    axes.tick_params(colors=INK)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    right.text(0.08, 0.86, "All training images, epoch by epoch", fontsize=12, weight="bold")
    figure.savefig(path, dpi=130, facecolor=PAPER)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--clip", type=float, default=4.0, help="the norm to which each image's gradient is clipped")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="per_sample_gradients.png", help="where to save the picture")
    args = parser.parse_args()

    start = time.perf_counter()
    accuracy, images, labels, history = train(args)
    seconds = time.perf_counter() - start
    print(
        f"accuracy on unseen digits: {accuracy:.2%}, after {args.epochs} epochs in {seconds:.1f} s ({torch.__name__})"
    )
    title = f"Per-sample gradients on handwritten digits: {accuracy:.1%} of unseen digits right"
    draw(images.numpy(), labels.numpy(), history, args.clip, title, args.out)
    print(f"picture: {args.out}")


if __name__ == "__main__":
    main()
