"""First and second derivatives of a planar robot arm, in every form that functorch has, and products with them.

The arm has links of given lengths, each turned against the one before it; `joints` says where every joint is. Its
Jacobian tells how the joints move with the angles, its Hessian how that changes on the way. The forms of one matrix
agree, and differ in what they cost: reverse mode builds it row by row (cheap for few outputs), forward mode column by
column (cheap for few inputs), and a product with a vector needs no matrix at all.

    python examples/jacobians_hessians.py                     # PyTorch
    python -m functorch_jax examples/jacobians_hessians.py    # the same file on JAX
"""

import argparse

import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


def joints(lengths, angles):
    """Where the joints of an arm of n links are, (2n,): their n first coordinates, then their n second ones."""
    direction = angles.cumsum(0)
    return torch.cat([(lengths * direction.cos()).cumsum(0), (lengths * direction.sin()).cumsum(0)])


def energy(lengths, angles):
    """A scalar: springs in the joints, and one that pulls the tip to (1, 1)."""
    n = len(angles)
    tip = joints(lengths, angles)[[n - 1, 2 * n - 1]]
    return angles.square().sum() / 2 + (tip - 1).square().sum()


# ---- whole matrices --------------------------------------------------------------------------------------------------


def one_output_at_a_time(lengths, angles):
    """Without transforms: a `backward()` for every output."""
    rows = []
    for k in range(2 * len(angles)):
        leaf = angles.clone().requires_grad_()
        joints(lengths, leaf)[k].backward()
        rows.append(leaf.grad)
    return torch.stack(rows)


def cotangents(lengths, angles):
    y, pull = vjp(joints, lengths, angles)
    return vmap(lambda row: pull(row)[1])(torch.eye(y.numel()))


def tangents(lengths, angles):
    move = lambda direction: jvp(lambda a: joints(lengths, a), (angles,), (direction,))[1]
    return vmap(move)(torch.eye(angles.numel())).T


JACOBIANS = {
    "backward, output by output": one_output_at_a_time,
    "vmap of vjp": cotangents,
    "vmap of jvp": tangents,
    "jacrev": jacrev(joints, argnums=1),
    "jacfwd": jacfwd(joints, argnums=1),
    "autograd.functional": lambda lengths, angles: torch.autograd.functional.jacobian(joints, (lengths, angles))[1],
}
HESSIANS = {
    "hessian": hessian(joints, argnums=1),
    "forward over reverse": jacfwd(jacrev(joints, 1), 1),
    "reverse over forward": jacrev(jacfwd(joints, 1), 1),
    "forward over forward": jacfwd(jacfwd(joints, 1), 1),
    "reverse over reverse": jacrev(jacrev(joints, 1), 1),
}


# ---- products with the Hessian of a scalar function, without the matrix ----------------------------------------------


def forward_over_reverse(f, x, v):
    """How the gradient changes along v: two gradients' work, and the least memory."""
    return jvp(grad(f), (x,), (v,))[1]


def reverse_over_forward(f, x, v):
    """The gradient of the slope along v."""
    slope = lambda x: jvp(f, (x,), (v,))[1]
    return grad(slope)(x)


def reverse_over_reverse(f, x, v):
    """The gradient of the gradient's part along v; for functions without a forward mode."""
    _, pull = vjp(grad(f), x)
    return pull(v)[0]


PRODUCTS = {
    "forward over reverse": forward_over_reverse,
    "reverse over forward": reverse_over_forward,
    "reverse over reverse": reverse_over_reverse,
}


# ---- many arms at once -----------------------------------------------------------------------------------------------

# each maps the function of one arm over a batch of poses; the lengths are those of all
BATCHED = {
    "jacrev": vmap(jacrev(joints, 1), (None, 0)),
    "jacfwd": vmap(jacfwd(joints, 1), (None, 0)),
    "hessian": vmap(hessian(joints, 1), (None, 0)),
}


def batched_product(product, lengths, poses, directions):
    """The product at every pose with a direction of its own."""
    return vmap(lambda x, v: product(lambda a: energy(lengths, a), x, v))(poses, directions)


def reach(lengths, angles, steps=20):
    """Newton's method with bounded steps: the pose where the springs balance, and the gradient's norm on the way."""
    f, norms = lambda a: energy(lengths, a), []
    for _ in range(steps):
        slope = grad(f)(angles)
        norms.append(slope.norm().item())
        curvature, axes = torch.linalg.eigh(hessian(f)(angles))
        # downhill also along an axis where the energy curves down or is almost flat
        angles = angles - axes @ ((axes.T @ slope) / curvature.abs().clamp(min=0.5))
    return angles, norms


def arm(links, seed=0):
    """Lengths, angles."""
    torch.manual_seed(seed)
    return 0.5 + torch.rand(links), torch.randn(links)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=4)
    parser.add_argument("--poses", type=int, default=5, help="the size of the batch")
    args = parser.parse_args()
    lengths, angles = arm(args.links)
    apart = lambda a, b: f"{(a - b).abs().max().item():.1e}"

    for title, forms in {"Jacobian": JACOBIANS, "Hessian": HESSIANS}.items():
        matrices = {name: form(lengths, angles) for name, form in forms.items()}
        first = next(iter(matrices.values()))
        print(f"# {title} {tuple(first.shape)}: how far each form is from the first")
        for name, matrix in matrices.items():
            print(f"{title} by {name}: {apart(matrix, first)}")

    poses, directions = torch.randn(args.poses, args.links), torch.randn(args.poses, args.links)
    print("# Hessian times vector: how far from the product with the whole matrix, at one pose and at all")
    whole = torch.stack([hessian(energy, 1)(lengths, x) @ v for x, v in zip(poses, directions)])
    for name, product in PRODUCTS.items():
        one = product(lambda a: energy(lengths, a), poses[0], directions[0])
        all_ = batched_product(product, lengths, poses, directions)
        print(f"product {name}: {apart(one, whole[0])} {apart(all_, whole)}")

    print("# a batch: how far from the poses one by one")
    for name, form in BATCHED.items():
        alone = {"jacrev": jacrev, "jacfwd": jacfwd, "hessian": hessian}[name](joints, 1)
        print(f"batched {name}: {apart(form(lengths, poses), torch.stack([alone(lengths, x) for x in poses]))}")

    pose, norms = reach(lengths, angles)
    print(f"gradient, first and last: {norms[0]:.5f} {norms[-1]:.5f}")
    print("pose:", " ".join(f"{a:.4f}" for a in pose.tolist()))


if __name__ == "__main__":
    main()
