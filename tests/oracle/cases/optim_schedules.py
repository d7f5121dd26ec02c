"""Schedules of step sizes: twenty steps each, alone and together, resumed, from epochs, their state and errors."""

from tests.oracle.case import case, error, right

SCHEDULES = {
    "LambdaLR": [{"lr_lambda": lambda e: 0.9**e}, {"lr_lambda": [lambda e: 0.9**e, lambda e: 1 / (e + 1)]}],
    "MultiplicativeLR": [{"lr_lambda": lambda e: 0.9}],
    "StepLR": [{"step_size": 3}],
    "MultiStepLR": [{"milestones": [3, 1, 3, 7], "gamma": 0.5}],
    "ConstantLR": [{}, {"factor": 0.5, "total_iters": 3}],
    "LinearLR": [{}, {"start_factor": 0.2, "end_factor": 0.7, "total_iters": 4}],
    "ExponentialLR": [{"gamma": 0.9}],
    "PolynomialLR": [{}, {"total_iters": 7, "power": 2.0}],
    "CosineAnnealingLR": [{"T_max": 4}, {"T_max": 5, "eta_min": 0.01}],
    "CosineAnnealingWarmRestarts": [{"T_0": 3}, {"T_0": 2, "T_mult": 2, "eta_min": 0.01}],
    "CyclicLR": [
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4},
        {
            "base_lr": [0.1, 0.2],
            "max_lr": [0.5, 0.6],
            "step_size_up": 2,
            "step_size_down": 4,
            "mode": "triangular2",
        },
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9, "cycle_momentum": False},
        {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "scale_fn": lambda x: 1 / x},
    ],
    "OneCycleLR": [
        {"max_lr": 0.5, "total_steps": 21},
        {
            "max_lr": [0.5, 0.4],
            "epochs": 7,
            "steps_per_epoch": 3,
            "anneal_strategy": "linear",
            "three_phase": True,
            "pct_start": 0.25,
        },
        {"max_lr": 0.5, "total_steps": 22, "cycle_momentum": False},
    ],
}
EPOCHS = [0, 5, 2, 9, 1, 7, 3]


def optimizer_of(t, name="SGD", lr=0.1, **more):
    options = {"momentum": 0.9} if name == "SGD" else {}
    params = [t.nn.Parameter(t.ones(1)) for _ in range(2)]
    groups = [{"params": params[:1], **more}, {"params": params[1:], "lr": lr * 3, **more}]
    return getattr(t.optim, name)(groups, lr=lr, **options)


def state_of(scheduler):
    """What the schedule remembers, in types that are recorded: a Counter is a dict."""
    state = scheduler.state_dict()
    return {k: dict(v) if k == "milestones" else v for k, v in state.items()}


def follow(t, optimizer, scheduler, steps=20, arguments=None):
    seen = []
    for i in range(steps):
        optimizer.step()
        scheduler.step(*(() if arguments is None else (arguments[i],)))
        momenta = [g.get("momentum", g.get("betas")) for g in optimizer.param_groups]
        seen.append((list(scheduler.get_last_lr()), [g["lr"] for g in optimizer.param_groups], momenta))
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return seen, state_of(scheduler), groups


def plain(name, kind, options):
    def program(t):
        optimizer = optimizer_of(t, kind)
        return follow(t, optimizer, getattr(t.optim.lr_scheduler, name)(optimizer, **options))

    return program


def from_epochs(name, options):
    def program(t):
        optimizer = optimizer_of(t)
        scheduler = getattr(t.optim.lr_scheduler, name)(optimizer, **options)
        return follow(t, optimizer, scheduler, len(EPOCHS), EPOCHS)

    return program


def resumed(name, options):
    def program(t):
        bounds = {"max_lr": 0.7, "min_lr": 0.01, "max_momentum": 0.9, "base_momentum": 0.8}
        optimizer = optimizer_of(t, initial_lr=0.2, **bounds)
        return follow(t, optimizer, getattr(t.optim.lr_scheduler, name)(optimizer, last_epoch=3, **options), 6)

    return program


def reloaded(name, options):
    def program(t):
        optimizer = optimizer_of(t)
        make = getattr(t.optim.lr_scheduler, name)
        scheduler = make(optimizer, **options)
        follow(t, optimizer, scheduler, 3)
        other = make(optimizer_of(t), **options)
        other.load_state_dict(scheduler.state_dict())
        other.optimizer.load_state_dict(optimizer.state_dict())
        return follow(t, other.optimizer, other, 4)

    return program


def tensor_lr(t):
    lr = t.tensor(0.1)
    optimizer = t.optim.SGD([t.nn.Parameter(t.ones(1))], lr=lr)
    scheduler = t.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    scheduler.step()
    return lr, optimizer.param_groups[0]["lr"] is lr, scheduler.get_last_lr(), scheduler.base_lrs


def plateau(**options):
    def program(t):
        optimizer = optimizer_of(t)
        scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        losses = [5.0, 4.0, 4.1, 3.9999, 4.2, 4.0, 4.0, 3.0, 3.1, 3.1, 3.1, t.tensor(3.1), 3.2, 3.2, 2.0, 2.0]
        return follow(t, optimizer, scheduler, len(losses), losses)

    return program


def sequential(t):
    optimizer = optimizer_of(t)
    s = t.optim.lr_scheduler
    parts = [s.ConstantLR(optimizer, 0.5, 3), s.ExponentialLR(optimizer, 0.9), s.CosineAnnealingLR(optimizer, 3)]
    return follow(t, optimizer, s.SequentialLR(optimizer, parts, [3, 6]), 10)


def chained(t):
    optimizer = optimizer_of(t)
    s = t.optim.lr_scheduler
    return follow(t, optimizer, s.ChainedScheduler([s.ConstantLR(optimizer), s.ExponentialLR(optimizer, 0.9)]), 8)


def own(t):
    class Halved(t.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    optimizer = optimizer_of(t)
    old = issubclass(t.optim.lr_scheduler._LRScheduler, t.optim.lr_scheduler.LRScheduler)
    return old, follow(t, optimizer, Halved(optimizer), 4)


ALL = [(name, options) for name, all_ in SCHEDULES.items() for options in all_]


def named(name, options):
    return f"{name} {SCHEDULES[name].index(options)}"


CASES = [
    *(case(named(n, o), plain(n, "SGD", o)) for n, o in ALL),
    *(case(f"{n} moves betas", plain(n, "Adam", SCHEDULES[n][0])) for n in ("CyclicLR", "OneCycleLR")),
    *(case(f"{named(n, o)}, from epochs", from_epochs(n, o)) for n, o in ALL),
    *(case(f"{n}, resumed", resumed(n, all_[0])) for n, all_ in SCHEDULES.items()),
    *(case(f"{n}, from its state dict", reloaded(n, all_[0])) for n, all_ in SCHEDULES.items()),
    right(
        "cosines that restart, resumed in a later descent",
        lambda t: t.optim.lr_scheduler.CosineAnnealingWarmRestarts(
            optimizer_of(t, initial_lr=0.2), 2, 2, last_epoch=3
        ).get_last_lr(),
        expected=[0.1, 0.1],
        why="epoch 4 is half way down the second descent; PyTorch begins a third one",
    ),
    case("a step size that is a tensor is written in place", tensor_lr),
    case("ReduceLROnPlateau", plateau(patience=1)),
    case("ReduceLROnPlateau of a maximum", plateau(mode="max", patience=0, cooldown=2, factor=0.5)),
    case("ReduceLROnPlateau by absolute steps, bounded", plateau(patience=1, threshold_mode="abs", min_lr=[0.05, 0.1])),
    case("SequentialLR", sequential),
    case("ChainedScheduler", chained),
    case("a schedule of one's own", own),
]


def bad(text, fragment, name="SGD"):
    def program(t):
        return eval(text, {"t": t, "s": t.optim.lr_scheduler, "o": optimizer_of(t, name)})

    return error(f"{text}, {name}", program, fragment=fragment)


CASES += [
    bad("s.StepLR(1, 2)", "int is not an Optimizer"),
    bad("s.StepLR(o, 2, last_epoch=3)", "initial_lr"),
    bad("s.LambdaLR(o, [abs])", "Expected 2 lr_lambdas, but got 1"),
    bad("s.ConstantLR(o, factor=2)", "expected to be between 0 and 1"),
    bad("s.LinearLR(o, start_factor=0)", "greater than 0 and less or equal to 1"),
    bad("s.LinearLR(o, end_factor=-1)", "Ending multiplicative factor"),
    bad("s.CosineAnnealingWarmRestarts(o, 0)", "Expected positive integer T_0, but got 0"),
    bad("s.CosineAnnealingWarmRestarts(o, 2).step(-1)", "Expected non-negative epoch, but got -1"),
    bad("s.CyclicLR(o, 0.1, 0.2, mode='x')", "mode is invalid and scale_fn is None"),
    bad("s.CyclicLR(o, [0.1], 0.2)", "base_lr has 1 values, param_groups has 2"),
    bad("s.CyclicLR(o, 0.1, 0.2)", "must support momentum or beta1", "Adagrad"),
    bad("s.OneCycleLR(o, 0.1)", "You must define either total_steps"),
    bad("s.OneCycleLR(o, 0.1, total_steps=-1)", "Expected positive integer total_steps, but got -1"),
    bad("s.OneCycleLR(o, 0.1, total_steps=4, pct_start=2)", "pct_start, but got 2"),
    bad("s.OneCycleLR(o, 0.1, total_steps=4, anneal_strategy='x')", "instead got x"),
    bad("[f.step() for f in [s.OneCycleLR(o, 0.1, 2)] * 4]", "Tried to"),
    bad("s.ReduceLROnPlateau(o, factor=1.0)", "Factor should be < 1.0"),
    bad("s.ReduceLROnPlateau(o, mode='x')", "mode x is unknown"),
    bad("s.ReduceLROnPlateau(o, min_lr=[1])", "expected 2 min_lrs, got 1"),
    bad("s.SequentialLR(o, [], [])", "expects at least one scheduler"),
    bad("s.SequentialLR(o, [s.ConstantLR(o)], [1])", "one more than the number"),
    bad("s.SequentialLR(o, [s.ConstantLR(o), s.ReduceLROnPlateau(o)], [1])", "does not support `ReduceLROnPlateau`"),
    bad("s.ChainedScheduler([])", "expects at least one scheduler"),
]
