"""Evaluate an ensemble of networks in one call: `vmap` over their parameters.

Two kinds of input: every network has a batch of its own, or all share one. And two spellings: `stack_module_state` of
torch.func, and `combine_state_for_ensemble` of functorch.

    python examples/ensembling.py                     # PyTorch
    python -m functorch_jax examples/ensembling.py    # the same file on JAX
"""

import argparse
import copy
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F
from functorch import combine_state_for_ensemble
from torch.func import functional_call, stack_module_state, vmap

warnings.filterwarnings("ignore", category=FutureWarning, message=".*functorch")


class MLP(nn.Module):
    def __init__(self, features=28 * 28, width=64, classes=10):
        super().__init__()
        self.fc1 = nn.Linear(features, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, classes)

    def forward(self, x):
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def one_by_one(models, batches):
    return torch.stack([model(batch) for model, batch in zip(models, batches)])


def stacked(models, batches, shared):
    """The spelling of torch.func: a dict of stacked parameters, and a skeleton without any of its own."""
    params, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(models[0]).to("meta")
    call = lambda params, buffers, x: functional_call(skeleton, (params, buffers), (x,))
    return vmap(call, in_dims=(0, 0, None if shared else 0))(params, buffers, batches)


def combined(models, batches, shared):
    """The spelling of functorch: a function of tuples of stacked parameters and buffers."""
    call, params, buffers = combine_state_for_ensemble(models)
    return vmap(call, in_dims=(0, 0, None if shared else 0))(params, buffers, batches)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(0)
    models = [MLP() for _ in range(args.models)]
    batches = torch.randn(args.models, args.batch, 1, 28, 28)

    for title, data, each in [
        ("a batch for each", batches, batches),
        ("one batch for all", batches[0], [batches[0]] * args.models),
    ]:
        expected = one_by_one(models, each)
        for spelling in (stacked, combined):
            got = spelling(models, data, shared=data.dim() == 4)
            print(f"{title}, {spelling.__name__:8} {tuple(got.shape)} differs by {(got - expected).abs().max():.1e}")


if __name__ == "__main__":
    main()
