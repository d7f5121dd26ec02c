"""Optimizers: twenty steps each, their state, state dicts, hooks and errors. Gradients are a formula of the parameters."""

import copy

import numpy as np

from tests.oracle.case import case, error, right, values

MATRIX = values([[-1.0, -0.6, -0.2], [0.2, 0.6, 1.0]])
VECTOR = values([1.5, -0.7, 0.1])
ROUGH = "bfloat16 keeps three digits, and PyTorch rounds after each operation of a step"
BFLOAT = "Muon multiplies matrices in bfloat16, whose sums round otherwise in another order"


def follow(t, optimizer, params, steps=20):
    """The parameters after each fifth step, and the state in the end."""
    seen = []
    for i in range(steps):
        for p in params:
            x = p.detach()
            p.grad = 0.5 * x + 0.1 * (x * 3 + i).cos()
        optimizer.step()
        if i % 5 == 4:
            seen.append([p.detach().clone() for p in params])
    return seen, optimizer.state_dict()


def steps(name, count=20, dtype=None, **options):
    def program(t, *arrays):
        params = [t.nn.Parameter(x if dtype is None else x.to(getattr(t, dtype))) for x in arrays]
        made = {k: t.tensor(v[0]) if isinstance(v, list) else v for k, v in options.items()}
        return follow(t, getattr(t.optim, name)(params, **made), params, count)

    return program


OPTIONS = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.01, "momentum": 0.5, "maximize": True},
        {"lr": [0.1], "momentum": 0.9},
    ],
    "Adam": [
        {"lr": 0.1},
        {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "betas": (0.5, 0.8), "eps": 1e-3},
        {"lr": [0.1], "maximize": True},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "AdamW": [{"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True, "maximize": True}],
    "Adagrad": [
        {"lr": 0.1},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}],
    "RMSprop": [
        {},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
        {"momentum": 0.9, "maximize": True},
        {"centered": True, "eps": 1e-2},
    ],
    "Adamax": [{"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.7), "maximize": True}],
    "NAdam": [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1, "maximize": True},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.1, "betas": (0.8, 0.9)},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
    "Rprop": [{"lr": 0.1}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.3), "maximize": True}],
    "ASGD": [{"lr": 0.1}, {"lr": 0.01, "lambd": 0.1, "alpha": 0.5, "t0": 4, "weight_decay": 0.1, "maximize": True}],
    "Adafactor": [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.1, "beta2_decay": -0.5, "eps": (1e-3, 1e-2), "d": 2.0, "maximize": True},
    ],
}
COMPLEX = values([[1 + 0.5j, -0.5j], [0.3 - 1j, -0.8]])


def named(name, options):
    words = ", ".join(f"{k}={v}" for k, v in options.items())
    return f"{name}({words})"


CASES = [
    *(case(named(n, o), steps(n, **o), MATRIX, VECTOR) for n, all_ in OPTIONS.items() for o in all_),
    *(
        case(f"{name} of complex numbers", steps(name, **OPTIONS[name][1]), COMPLEX)
        for name in OPTIONS
        if name != "Adafactor"
    ),
    case("Adam in double precision", steps("Adam", dtype="float64", **OPTIONS["Adam"][1]), VECTOR),
    *(
        case(f"{name} in bfloat16", steps(name, 5, "bfloat16", lr=0.1), VECTOR, rtol=0.05, atol=0.02, reason=ROUGH)
        for name in ("SGD", "Adam", "RMSprop")
    ),
    *(
        case(named("Muon", o), steps("Muon", 5, **o), MATRIX, rtol=0.03, atol=0.01, reason=BFLOAT)
        for o in ({"lr": 0.1}, {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3})
    ),
]


def optimizer_of(t, name="SGD", **options):
    params = [t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.full((3,), 2.0))]
    return getattr(t.optim, name)(params, **{"lr": 0.1, **options}), params


def groups(t):
    p, q, r = (t.nn.Parameter(t.full((2,), float(i))) for i in range(3))
    optimizer = t.optim.SGD([{"params": [p], "lr": 0.5}, {"params": q, "momentum": 0.9}], lr=0.1)
    optimizer.add_param_group({"params": [r], "weight_decay": 0.2})
    return repr(optimizer), follow(t, optimizer, [p, q, r])


def without_gradient(t):
    optimizer, (p, q) = optimizer_of(t, "Adam")
    q.grad = t.ones(3)
    optimizer.step()
    p.grad, q.grad = t.ones(2), t.ones(3)
    optimizer.step()
    return p, q, optimizer.state_dict()


def identity(t):
    optimizer, (p, _) = optimizer_of(t, "Adam")
    p.grad, alias, view = t.ones(2), p.detach(), p.data[0]
    optimizer.step()
    state, version = dict(optimizer.state[p]), p._version
    optimizer.step()
    kept = [state[k] is optimizer.state[p][k] for k in state]
    return alias, view, kept, state, p._version > version, p.grad, optimizer.param_groups[0]["params"][0] is p


def hooks(t):
    optimizer, (p, _) = optimizer_of(t)
    p.grad, seen = t.ones(2), []
    handle = optimizer.register_step_pre_hook(lambda o, a, k: seen.append(("before", len(a), sorted(k))))
    optimizer.register_step_post_hook(lambda o, a, k: seen.append(("after", len(a), sorted(k), float(p[0]) < 1)))
    out = [optimizer.step(), optimizer.step(lambda: 3), optimizer.step(closure=lambda: t.is_grad_enabled())]
    handle.remove()
    optimizer.step()
    optimizer.register_state_dict_post_hook(lambda o, d: {**d, "more": 1})
    return out, seen, list(optimizer.state_dict())


def resumed(t, name, **options):
    optimizer, params = optimizer_of(t, name, **options)
    follow(t, optimizer, params, 3)
    other = [t.nn.Parameter(p.detach().clone()) for p in params]
    fresh = getattr(t.optim, name)(other, lr=1.0)
    fresh.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return follow(t, fresh, other, 3), repr(fresh)


def old_state(t):
    optimizer, params = optimizer_of(t, "Adam")
    state = optimizer.state_dict()
    state["state"] = {0: {"step": 3, "exp_avg": t.ones(2), "exp_avg_sq": t.ones(2)}}
    del state["param_groups"][0]["amsgrad"]
    optimizer.load_state_dict(state)
    return follow(t, optimizer, params, 2)


def cast_state(t):
    optimizer, params = optimizer_of(t, "Adam")
    follow(t, optimizer, params, 1)
    wide = t.optim.Adam([t.nn.Parameter(p.detach().double()) for p in params])
    wide.load_state_dict(optimizer.state_dict())
    return wide.state_dict()["state"]


def copied(t):
    optimizer, params = optimizer_of(t, "SGD", momentum=0.9)
    follow(t, optimizer, params, 2)
    other = copy.deepcopy(optimizer)
    return follow(t, other, other.param_groups[0]["params"], 2), params


def zeroed(t):
    optimizer, (p, q) = optimizer_of(t)
    p.grad = t.ones(2)
    optimizer.zero_grad(set_to_none=False)
    kept = p.grad.clone()
    optimizer.zero_grad()
    return kept, p.grad, q.grad


def scheduled(t):
    optimizer, (p, _) = optimizer_of(t, "RMSprop", momentum=0.9)
    seen = []
    for i in range(4):
        optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
        p.grad = t.ones(2) * (i + 1)
        optimizer.step()
        seen.append(p.detach().clone())
    return seen


def by_name(t):
    layer = t.nn.Linear(2, 1)
    optimizer = t.optim.SGD(layer.named_parameters(), lr=0.1)
    return optimizer.state_dict(), repr(optimizer)


def own(t):
    class Sign(t.optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @t.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.add_(p.grad.sign(), alpha=-group["lr"])
                        self.state[p]["count"] = self.state[p].get("count", 0) + 1

    p = t.nn.Parameter(t.tensor([1.0, -2.0]))
    return follow(t, Sign([p]), [p], 5)


CASES += [
    case("groups with options of their own", groups),
    case("parameters without a gradient are left alone, and count their own steps", without_gradient),
    case("a step writes in place", identity),
    case("hooks and closures", hooks),
    *(
        case(f"{name} goes on from a state dict", lambda t, name=name: resumed(t, name))
        for name in ("Adam", "Adagrad", "Rprop", "ASGD", "NAdam", "Adafactor")
    ),
    case("SGD goes on from a state dict", lambda t: resumed(t, "SGD", momentum=0.9, nesterov=True)),
    case("a state dict of an older version", old_state),
    case("a state is cast to its parameter", cast_state),
    case("a copy is independent", copied),
    case("zero_grad", zeroed),
    case("options may change between steps", scheduled),
    case("parameters with names", by_name),
    case("an optimizer of one's own", own),
]


def unrolled(name, **options):
    """Gradients through two steps, of what they begin with and of what gives their gradients."""

    def program(t):
        x, start = t.tensor([0.5, -1.0, 2.0], requires_grad=True), t.ones(3, requires_grad=True)
        p = start.clone()
        optimizer = getattr(t.optim, name)([p], lr=0.1, differentiable=True, **options)
        for _ in range(2):
            p.grad = x**3
            optimizer.step()
        (p * p).sum().backward()
        return p, start.grad, x.grad

    return program


CASES += [
    case(f"differentiable {name}", unrolled(name, **options))
    for name, options in [
        ("SGD", {"weight_decay": 0.1}),
        ("Adam", {"eps": 0.1}),
        ("AdamW", {"eps": 0.1}),
        ("Adagrad", {"eps": 0.1}),
        ("Adadelta", {"eps": 0.1}),
        ("RMSprop", {"eps": 0.1}),
        ("NAdam", {"eps": 0.1}),
        ("RAdam", {}),
        ("ASGD", {}),
    ]
]
X = np.array([0.5, -1.0, 2.0])
END = 1 - 0.29 * X**3  # 0.1 times once the gradient, and then 1.9 times
CASES += [
    right(
        "differentiable SGD with momentum",
        unrolled("SGD", momentum=0.9),
        expected=(END.tolist(), (2 * END).tolist(), (2 * END * -0.87 * X**2).tolist()),
        why="PyTorch detaches the first gradient as it becomes the momentum",
    )
]


def bad(text, fragment):
    def program(t):
        p = t.nn.Parameter(t.ones(2))
        return eval(f"t.optim.{text}", {"t": t, "p": p})

    return error(text, program, fragment=fragment)


CASES += [
    bad("SGD([p], lr=-1)", "Invalid learning rate: -1"),
    bad("SGD([p], momentum=-1)", "Invalid momentum value: -1"),
    bad("SGD([p], nesterov=True)", "Nesterov momentum requires a momentum and zero dampening"),
    bad("SGD([p], lr=t.ones(2))", "Tensor lr must be 1-element"),
    bad("SGD([p], fused=True, foreach=True)", "cannot be `True` together"),
    bad("SGD(p)", "should be an iterable of Tensors or dicts, but got torch.FloatTensor"),
    bad("SGD([])", "empty parameter list"),
    bad("SGD([1])", "can only optimize Tensors, but one of the params is int"),
    bad("SGD([{'params': {p}}])", "ordered collections"),
    bad("SGD([{'lr': 1}])", "params"),
    bad("SGD([{'params': [p]}, {'params': [p]}])", "appear in more than one parameter group"),
    bad("SGD([('a', p), p])", "Some param names are missing"),
    bad("SGD([('a', p)]).add_param_group({'params': [t.ones(1)]})", "without names"),
    bad("SGD([p]).add_param_group([p])", "param_group must be a dict"),
    bad("SGD([p]).load_state_dict(t.optim.SGD([p, t.ones(1)]).state_dict())", "doesn't match the size"),
    bad("SGD([p]).load_state_dict({'state': {}, 'param_groups': []})", "different number of parameter groups"),
    bad("Optimizer([p], {}).step()", ""),
    bad("Adam([p], betas=(1.0, 0.9))", "Invalid beta parameter at index 0: 1.0"),
    bad("Adam([p], eps=-1)", "Invalid epsilon value: -1"),
    bad("Adam([p], lr=t.tensor(0.1), foreach=True)", "lr as a Tensor is not supported"),
    bad("Adam([p], betas=(t.tensor(0.9), 0.9))", "both floats or both Tensors"),
    bad("AdamW([p], weight_decay=-1)", "Invalid weight_decay value: -1"),
    bad("Adagrad([p], lr_decay=-1)", "Invalid lr_decay value"),
    bad("Adadelta([p], rho=2)", "Invalid rho value: 2"),
    bad("RMSprop([p], alpha=-1)", "Invalid alpha value: -1"),
    bad("NAdam([p], momentum_decay=-1)", "Invalid momentum_decay value: -1"),
    bad("Rprop([p], etas=(1.5, 1.2))", "Invalid eta values: 1.5, 1.2"),
    bad("Adafactor([p], d=0.1)", "Clipping threshold d should be >= 1 but is: 0.1"),
    bad("Muon([p])", "only supports 2D parameters"),
    bad("Muon([t.ones(2, 2)], adjust_lr_fn='x')", "Adjust learning rate function x is not supported"),
]
