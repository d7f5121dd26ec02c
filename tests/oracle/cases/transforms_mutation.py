"""In-place writes, captured tensors and reading of values inside grad, vjp, jvp and the Jacobians."""

from __future__ import annotations

import contextlib
import copy
import math

import numpy as np

from tests.oracle.case import case, error, floats, right, values

V = floats(3)
REVERSE = {
    "grad": lambda t, f, x: t.func.grad(lambda x: f(x).sum())(x),
    "vjp": lambda t, f, x: t.func.vjp(f, x)[1](t.ones_like(x)),
    "jacrev": lambda t, f, x: t.func.jacrev(f)(x),
}
FORWARD = {
    "jvp": lambda t, f, x: t.func.jvp(f, (x,), (t.ones_like(x),)),
    "jacfwd": lambda t, f, x: t.func.jacfwd(f)(x),
}
ALL = {**REVERSE, **FORWARD}
LEAF = "a leaf Variable that requires grad is being used in an in-place operation"


def first_set(x, value):
    x[0] = value
    return x


def add_view(x):
    y = x.clone()
    y[1:].mul_(3)
    return y * x


def on_clone(x):
    y = x.clone()
    y.mul_(2).add_(x).sin_()
    return y


def into_zeros(t, x):
    out = t.zeros(3)
    out[0] = x[0] * 2
    out[1] = x[1] * x[2]
    return out


def into_view(t, x):
    out = t.zeros(2, 3)
    out[1] = x * x
    out[0, 1:] += x[1:]
    return (out * out).sum(0)


def iadd(x):
    y = x * 1
    y += x * x
    y *= 2
    y[x > 0] = 0
    return y


ALLOWED = {
    "on a clone": lambda t, x: on_clone(x),
    "on a view of a clone": lambda t, x: add_view(x),
    "into zeros": into_zeros,
    "into views of zeros": into_view,
    "augmented assignment": lambda t, x: iadd(x),
    "index_put_": lambda t, x: t.zeros(4).index_put_((t.tensor([0, 0, 2]),), x, accumulate=True)[:3],
    "scatter_add_": lambda t, x: t.zeros(3).scatter_add_(0, t.tensor([1, 1, 2]), x),
    "copy_": lambda t, x: t.zeros(3).copy_(x) * x,
    "masked_fill_": lambda t, x: (x * x).masked_fill_(x > 0, 1.0),
    "fill_ by a tensor": lambda t, x: t.zeros(3).fill_(x[0]),
    "a list of tensors made by writes": lambda t, x: t.stack([t.zeros(()).add_(e) for e in x]),
    "relu_": lambda t, x: t.relu_(x * 2),
    "swap by writes": lambda t, x: swapped(x),
}


def swapped(x):
    y = x.clone()
    y[0], y[1] = y[1].clone(), y[0].clone()
    return y * x


WRITES = [
    *[
        case(f"{name}: write {title}", lambda t, x, run=run, f=f: run(t, lambda x: f(t, x), x), V)
        for name, run in ALL.items()
        for title, f in ALLOWED.items()
        if (name, title) != ("jacfwd", "fill_ by a tensor")
    ],
    right(
        "jacfwd: write fill_ by a tensor",
        lambda t, x: t.func.jacfwd(lambda x: t.zeros(3).fill_(x[0]))(x),
        V,
        expected=[[1.0, 0, 0], [1.0, 0, 0], [1.0, 0, 0]],
        why="PyTorch cannot write a batched tangent into a tensor that is not batched",
    ),
    *[
        error(f"{name}: write into a differentiated argument", lambda t, x, run=run: run(t, lambda x: x.add_(1), x), V, fragment=LEAF)
        for name, run in REVERSE.items()
    ],
    error("grad: set an item of a differentiated argument", lambda t, x: t.func.grad(lambda x: first_set(x, 0.0).sum())(x), V, fragment=LEAF),
    error("grad: write into a view of a differentiated argument", lambda t, x: t.func.grad(lambda x: x[1:].add_(1).sum())(x), V, fragment=LEAF),
    case("jvp: write into a differentiated argument changes the caller's tensor", lambda t, x: [t.func.jvp(lambda x: x.mul_(2) * x, (x,), (t.ones_like(x),)), x], V),
    case("jacfwd: write into a differentiated argument changes the caller's tensor", lambda t, x: [t.func.jacfwd(lambda x: x.mul_(2))(x), x], V),
    *[
        case(f"{name}: write into another argument is seen outside", lambda t, x, y, make=make: [make(t)(lambda x, y: (y.mul_(2) * x).sum())(x, y), y], V, V)
        for name, make in {"grad": lambda t: t.func.grad, "jacrev": lambda t: t.func.jacrev, "jacfwd": lambda t: t.func.jacfwd}.items()
    ],
    case("grad: write into a keyword argument is seen outside", lambda t, x, y: [t.func.grad(lambda x, *, y: (y.add_(1) * x).sum())(x, y=y), y], V, V),
    case("grad: copy the differentiated argument into another", lambda t, x, y: t.func.grad(lambda x, y: (y.copy_(x) * x).sum())(x, y), V, V),
    case("grad: write into another argument differentiates", lambda t, x, y: t.func.grad(lambda x, y: y.mul_(x).mul_(x).sum())(x, y), V, V),
    right(
        "grad: write over what PyTorch saves for backward",
        lambda t, x: t.func.grad(overwritten)(x),
        values([0.5, 1.0, 2.0]),
        expected=lambda x: np.exp(x).astype("float32"),
        why="PyTorch saves the result of exp, finds it changed, and refuses; nothing is lost here",
    ),
    case("jvp: write over a result", lambda t, x: t.func.jvp(overwritten, (x,), (t.ones_like(x),)), V),
]


def overwritten(x):
    y = x.exp()
    z = y * 1
    y.mul_(0)
    return z.sum()


# ---- captured tensors ------------------------------------------------------------------------------------------------


def captured(run, write):
    """The result, and the captured tensor afterwards."""

    def program(t, x, cap):
        return [run(t, lambda x: write(cap, x), x), cap]

    return program


def write_add(cap, x):
    cap.add_(1)
    return x * cap


def write_item(cap, x):
    cap[0] = 5.0
    return x * cap


def write_tracked(cap, x):
    cap.copy_(x * 2)
    return x * cap


def failing_write(t, x, cap):
    def f(x):
        cap.add_(1)
        raise ValueError("inside")

    with contextlib.suppress(ValueError):
        t.func.grad(f)(x)
    return cap


REFUSED = "PyTorch refuses to mutate a captured tensor"


def answer(name, slope):
    """What each transform gives for x * cap with this slope."""
    return {"grad": slope, "vjp": (slope,), "jacrev": np.diag(slope).astype("float32")}[name]


CAPTURED = [
    *[
        right(
            f"{name}: {title} to a captured tensor is seen outside, once",
            captured(run, write),
            V,
            V,
            expected=lambda x, cap, name=name, after=after: [
                answer(name, after(x, cap).astype("float32")),
                after(x, cap).astype("float32"),
            ],
            why=REFUSED,
        )
        for name, run in REVERSE.items()
        for title, write, after in (
            ("add_", write_add, lambda x, cap: cap + 1),
            ("setting an item", write_item, lambda x, cap: np.concatenate([[5.0], cap[1:]])),
        )
    ],
    right(
        "jvp: add_ to a captured tensor is seen outside, once",
        captured(FORWARD["jvp"], write_add),
        V,
        V,
        expected=lambda x, cap: [
            ((x * (cap + 1)).astype("float32"), (cap + 1).astype("float32")),
            (cap + 1).astype("float32"),
        ],
        why=REFUSED,
    ),
    right(
        "jacfwd: add_ to a captured tensor is seen outside, once",
        captured(FORWARD["jacfwd"], write_add),
        V,
        V,
        expected=lambda x, cap: [np.diag(cap + 1).astype("float32"), (cap + 1).astype("float32")],
        why=REFUSED,
    ),
    right(
        "grad: a tracked value written to a captured tensor leaves as its value",
        captured(REVERSE["grad"], write_tracked),
        V,
        V,
        expected=lambda x, cap: [(4 * x).astype("float32"), (2 * x).astype("float32")],
        why=REFUSED,
    ),
    right(
        "grad: a captured tensor is as it was when the function raises",
        failing_write,
        V,
        V,
        expected=lambda x, cap: cap.astype("float32"),
        why=REFUSED,
    ),
    right(
        "grad of grad: a captured counter counts once",
        lambda t, x, cap: [t.func.grad(t.func.grad(lambda x: (cap.add_(1), x**3)[1]))(x), cap],
        values(2.0),
        values(0.0),
        expected=lambda x, cap: [12.0, 1.0],
        why=REFUSED,
    ),
    case("a captured tensor is read", lambda t, x, w: t.func.grad(lambda x: (w * x).sum())(x), V, V),
]

# ---- values ----------------------------------------------------------------------------------------------------------

READS = {
    "item": lambda t, x: x * x[0].item(),
    "float": lambda t, x: x * float(x[0]),
    "int": lambda t, x: x * int(x[0] * 10),
    "bool": lambda t, x: x * bool(x[0] > 0),
    "tolist": lambda t, x: x * x.tolist()[1],
    "format": lambda t, x: x * float(f"{x[0]:.2f}"),
    "math.sin": lambda t, x: x * math.sin(x[0]),
    "list index": lambda t, x: x * [1, 2, 3][x.argmax()],
    "range": lambda t, x: sum([x for _ in range(int(x[0].abs() * 10) + 1)]),
    "if": lambda t, x: x * 2 if x.sum() > 0 else x * 3,
    "while": lambda t, x: doubled(x),
    "boolean mask": lambda t, x: t.cat([x[x > 0] * 2, x[x <= 0]]),
    "nonzero": lambda t, x: x * t.nonzero(x > -100).sum(),
    "max of a tensor": lambda t, x: x * max(x),
    "sorted": lambda t, x: t.stack(sorted(x)) * t.tensor([1.0, 2.0, 3.0]),
    "masked_select": lambda t, x: t.masked_select(x, x > -100) * x,
    "torch.tensor of a value": lambda t, x: x * t.tensor(x[0].item()),
    "any": lambda t, x: x if (x > 0).any() else x * 2,
    "torch.equal": lambda t, x: x * (3 if t.equal(x, x.clone()) else 2),
    "round": lambda t, x: x * round(float(x[0]), 1),
    "comparison chain": lambda t, x: x * (1 if -100 < x[0] < 100 else 2),
    "complex": lambda t, x: x * complex(x[0]).real,
}


def doubled(x):
    while x.abs().sum() < 100:
        x = x * 2
    return x


VALUES = [
    *[
        case(f"{name}: {title}", lambda t, x, run=run, f=f: run(t, lambda x: f(t, x), x), V)
        for name, run in ALL.items()
        for title, f in READS.items()
    ],
    *[
        case(f"hessian: {title}", lambda t, x, f=f: t.func.hessian(lambda x: (f(t, x) * x).sum())(x), V)
        for title, f in READS.items()
        if title in ("item", "float", "if", "boolean mask", "format", "sorted")
    ],
    case("torch.tensor of a tensor detaches", lambda t, x: t.func.grad(lambda x: (x * x.detach().clone()).sum())(x), V),
    error("grad: numpy()", lambda t, x: t.func.grad(lambda x: x.sum() * x.numpy().sum())(x), V, fragment=r"Can't call numpy\(\) on Tensor that requires grad"),
    right("grad: numpy() of a detached tensor", lambda t, x: t.func.grad(lambda x: (x * float(x.detach().numpy()[0])).sum())(x), V,
          expected=lambda x: (0 * x + x[0]).astype("float32"), why="PyTorch cannot access the data pointer"),
    right("grad: deepcopy", lambda t, x: t.func.grad(lambda x: (copy.deepcopy(x * 1) * x).sum())(x), V,
          expected=lambda x: (2 * x).astype("float32"), why="PyTorch cannot access the storage of a wrapper"),
]

# ---- imperative autograd, out= -----------------------------------------------------------------------------------------




def tape_inside(t, x):
    y = x.detach().clone().requires_grad_()
    (y * x).sum().backward(create_graph=True)
    return y.grad * x


TAPES = [
    ("grad", lambda t, f, x: t.func.grad(lambda x: f(x).sum())(x), lambda x: (2 * x).astype("float32")),
    ("vjp", lambda t, f, x: t.func.vjp(f, x)[1](x)[0], lambda x: (2 * x**2).astype("float32")),
    ("jacrev", lambda t, f, x: t.func.jacrev(f)(x), lambda x: np.diag(2 * x).astype("float32")),
    ("jvp", lambda t, f, x: t.func.jvp(f, (x,), (x,))[1], lambda x: (2 * x**2).astype("float32")),
    ("jacfwd", lambda t, f, x: t.func.jacfwd(f)(x), lambda x: np.diag(2 * x).astype("float32")),
    ("vmap", lambda t, f, x: t.vmap(f)(x[None]), lambda x: (x**2)[None].astype("float32")),
]  # fmt: skip

AUTOGRAD = [
    *[
        right(f"{name}: a tape inside", lambda t, x, run=run: run(t, lambda x: tape_inside(t, x), x), V, expected=expected, why="PyTorch refuses")
        for name, run, expected in TAPES
    ],
    *[
        error(f"{name}: out=", lambda t, x, run=run: run(t, lambda x: t.mul(x, x, out=t.empty(3)), x), V, fragment=r"functions with out=\.\.\. arguments don't support automatic differentiation")
        for name, run in {"grad": REVERSE["grad"], "vjp": REVERSE["vjp"]}.items()
    ],
    error("jvp: out=", lambda t, x: FORWARD["jvp"](t, lambda x: t.mul(x, x, out=t.empty(3)), x), V, fragment="does not support it because it is an out= function"),
    case("grad: requires_grad = True on a tensor made inside", lambda t, x: t.func.grad(lambda x: (x * requiring(t)).sum())(x), V),
    case("grad: ones(requires_grad=True) made inside", lambda t, x: t.func.grad(lambda x: (x * t.ones(3, requires_grad=True)).sum())(x), V),
    case("jvp: ones(requires_grad=True) made inside", lambda t, x: t.func.jvp(lambda x: x * t.ones(3, requires_grad=True), (x,), (x,)), V),
    case("grad: a module made inside", lambda t, x: t.func.grad(lambda x: t.nn.Linear(3, 2)(x).sum())(x).shape, V),
    case("grad: torch.autograd.grad inside", lambda t, x: t.func.grad(lambda x: t.autograd.grad((x**3).sum(), x, create_graph=True)[0].sum())(x), V),
    error("jvp: torch.autograd.grad inside", lambda t, x: FORWARD["jvp"](t, lambda x: t.autograd.grad((x**3).sum(), x)[0], x), V,
          fragment="does not require grad and does not have a grad_fn"),
    case("grad: register_hook replaces the gradient", lambda t, x: t.func.grad(lambda x: hooked(x))(x), V),
    *[
        error(f"{name}: retain_grad()", lambda t, x, run=run: run(t, lambda x: (x.retain_grad(), x)[1], x), V, fragment=r"retain_grad\(\)|can't retain_grad")
        for name, run in (("grad", REVERSE["grad"]), ("jvp", FORWARD["jvp"]))
    ],
    right("grad of a checkpointed function", lambda t, x: t.func.grad(lambda x: t.utils.checkpoint.checkpoint(lambda x: x.sin() * x, x, use_reentrant=False).sum())(x),
          V, expected=lambda x: (np.cos(x) * x + np.sin(x)).astype("float32"), why="PyTorch refuses saved-tensor hooks inside a transform"),
]


def hooked(x):
    y = x * 2
    y.register_hook(lambda g: g * 10)
    return y.sum()



def requiring(t):
    out = t.ones(3)
    out.requires_grad = True
    return out


CASES = [*WRITES, *CAPTURED, *VALUES, *AUTOGRAD]
