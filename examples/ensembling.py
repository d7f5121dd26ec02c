"""A committee of networks asked in one call: `vmap` over their parameters and their running statistics.

The program evaluates the members one by one and, in two spellings, all at once (`stack_module_state` of torch.func,
`combine_state_for_ensemble` of functorch), with one batch for all or with one each. Then it prints why a committee is
worth having: the squared error of its mean opinion is that of its members less the spread of their opinions, exactly.

    python examples/ensembling.py                     # PyTorch
    python -m functorch_jax examples/ensembling.py    # the same file on JAX
"""

import argparse
import warnings

import torch
import torch.nn as nn
from functorch import combine_state_for_ensemble
from torch.func import functional_call, stack_module_state, vmap

warnings.filterwarnings("ignore", category=FutureWarning, message=".*functorch")


def member(features, width):
    """A network with buffers: batch normalisation by statistics that it has gathered from data of its own."""
    network = nn.Sequential(
        nn.Linear(features, width),
        nn.BatchNorm1d(width),
        nn.Tanh(),
        nn.Linear(width, width),
        nn.Tanh(),
        nn.Linear(width, 1),
    )
    for _ in range(3):
        network(2 * torch.randn(64, features) + 1)
    return network.eval()


def one_by_one(members, x, each):
    return torch.stack([m(x[k] if each else x) for k, m in enumerate(members)])


def stacked(members, x, each):
    """torch.func's spelling: dicts of parameters and buffers with one more axis, and any member as the program."""
    state = stack_module_state(members)
    opinion = lambda params, buffers, x: functional_call(members[0], (params, buffers), (x,))
    return vmap(opinion, in_dims=(0, 0, 0 if each else None))(*state, x)


def combined(members, x, each):
    """functorch's spelling: a function of tuples of them."""
    opinion, params, buffers = combine_state_for_ensemble(members)
    return vmap(opinion, in_dims=(0, 0, 0 if each else None))(params, buffers, x)


SPELLINGS = {"stacked": stacked, "combined": combined}


def committee(opinions, truth):
    """Squared errors: of the mean opinion, of the members on average, and the spread of the opinions."""
    mean = opinions.mean(0)
    of_mean = (mean - truth).square().mean()
    of_members = (opinions - truth).square().mean()
    return of_mean, of_members, (opinions - mean).square().mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--features", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(0)
    members = [member(args.features, args.width) for _ in range(args.members)]
    batches = torch.randn(args.members, args.batch, args.features)

    with torch.no_grad():
        for each, x in {True: batches, False: batches[0]}.items():
            expected = one_by_one(members, x, each)
            for name, spelling in SPELLINGS.items():
                far = (spelling(members, x, each) - expected).abs().max().item()
                print(f"{name}, {'a batch each' if each else 'one batch for all'}: {far:.1e}")
        opinions = stacked(members, batches[0], each=False)
        truth = batches[0].sin().sum(1, keepdim=True)
        of_mean, of_members, spread = (part.item() for part in committee(opinions, truth))
    print("# error of the mean = mean error of the members - spread")
    print(f"committee: {of_mean:.5f} {of_members:.5f} {spread:.5f}")


if __name__ == "__main__":
    main()
