"""Differentially private training on handwritten digits: clip every image's gradient, add noise, and step.

No image may move the model by more than `--clip`, and Gaussian noise of `--noise` times that hides whether it moved the
model at all. Per-sample gradients come from vmap(grad); what is left of them is written into `.grad`, and an ordinary
optimizer takes the step.

    python examples/dp_sgd.py                     # PyTorch
    python -m functorch_jax examples/dp_sgd.py    # the same file on JAX
"""

import argparse
import time

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.func import functional_call, grad_and_value, vmap


class Net(nn.Module):
    """GroupNorm, not BatchNorm: a sample's gradient must be its own."""

    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.norm1 = nn.GroupNorm(4, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(4, width)
        self.out = nn.Linear(4 * width, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.out(x.flatten(1))


def digits(test=397):
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels))
    images, labels = images[order], labels[order]
    return torch.utils.data.TensorDataset(images[test:], labels[test:]), images[:test], labels[:test]


def privatized(grads, clip, noise):
    """The mean of gradients (n, ...) clipped to norm `clip` over all parameters, with noise; and their norms (n,)."""
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in grads.values()]).norm(dim=0)
    scale = (clip / (norms + 1e-6)).clamp(max=1)
    private = {}
    for name, g in grads.items():
        total = torch.einsum("n,n...->...", scale, g)
        private[name] = (total + noise * clip * torch.randn_like(total)) / len(norms)
    return private, norms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--lr", type=float, default=0.2)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument(
        "--noise", type=float, default=1.0, help="standard deviation of the noise, in units of the clip"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    start = time.perf_counter()
    training, test_images, test_labels = digits()
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    def loss_of_one(params, image, label):
        logits = functional_call(model, params, (image.unsqueeze(0),))
        return F.cross_entropy(logits, label.unsqueeze(0))

    per_sample = vmap(grad_and_value(loss_of_one), in_dims=(None, 0, 0))
    loader = torch.utils.data.DataLoader(training, batch_size=args.batch, shuffle=True)
    for epoch in range(args.epochs):
        losses, all_norms = [], []
        for images, labels in loader:
            optimizer.zero_grad()
            params = {name: p.detach() for name, p in model.named_parameters()}
            grads, loss = per_sample(params, images, labels)
            private, norms = privatized(grads, args.clip, args.noise)
            for name, p in model.named_parameters():
                p.grad = private[name]
            optimizer.step()
            losses.append(loss.mean().item())
            all_norms.append(norms)
        schedule.step()
        clipped = (torch.cat(all_norms) > args.clip).float().mean().item()
        print(f"epoch-{epoch + 1}: {sum(losses) / len(losses):.5f} {clipped:.4f}")

    # what the clipping promises, and that the per-sample gradients are the gradient's parts
    images, labels = training[:20]
    params = {name: p.detach() for name, p in model.named_parameters()}
    grads, _ = per_sample(params, images, labels)
    quiet, _ = privatized(grads, clip=1e9, noise=0)
    model.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    difference = max((quiet[name] - p.grad).abs().max().item() for name, p in model.named_parameters())
    small, _ = privatized({name: 1e3 * g[:1] for name, g in grads.items()}, args.clip, noise=0)
    norm = torch.stack([g.norm() for g in small.values()]).norm().item()
    with torch.no_grad():
        accuracy = (model(test_images).argmax(dim=1) == test_labels).float().mean().item()
    print(f"# {args.epochs} epochs in {time.perf_counter() - start:.1f} s")
    print(f"mean-of-parts: {difference:.2e}")
    print(f"clipped-norm: {norm:.5f}")
    print(f"accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
