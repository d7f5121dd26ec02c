"""L-BFGS step by step, and an optimizer with other parameters and states swapped in."""

import copy

from tests.oracle.case import case, error


def banana(t, x):
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


def quartic(t, x):
    return (x**4).sum() / 4 - x.sum() + 0.1 * (5 * x).sin().sum()


def minimised(loss, dtype="float64", steps=4, **options):
    """The losses and the parameters after each step, and the state. Gradients come of `grad`."""

    def program(t):
        x = t.nn.Parameter(t.tensor([-1.2, 1.0], dtype=getattr(t, dtype)))
        options_here = {k: t.tensor(v[0]) if isinstance(v, list) else v for k, v in options.items()}
        optimizer, seen, calls = t.optim.LBFGS([x], **options_here), [], []

        def closure():
            calls.append(1)
            x.grad, value = t.func.grad_and_value(lambda x: loss(t, x))(x.detach())
            return value

        for _ in range(steps):
            seen.append((optimizer.step(closure), x.detach().clone(), len(calls)))
        return seen, optimizer.state_dict()

    return program


def recorded(t):
    t.manual_seed(0)
    layer = t.nn.Linear(3, 2).double()
    inputs = t.linspace(-1, 1, 12, dtype=t.float64).reshape(4, 3)
    optimizer = t.optim.LBFGS(layer.parameters(), max_iter=5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (layer(inputs).tanh() - inputs[:, :2] ** 2).square().mean()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).detach() for _ in range(3)]
    return losses, [p.detach() for p in layer.parameters()], optimizer.state_dict()


def complex_numbers(t):
    z = t.nn.Parameter(t.tensor([1 + 2j, -1j], dtype=t.complex128))
    w = t.nn.Parameter(t.ones(2, dtype=t.float64))
    optimizer = t.optim.LBFGS([z, w], max_iter=3)

    def closure():
        z.grad = 2 * z.detach() - (1 - 1j)
        return (z.detach() - (0.5 - 0.5j)).abs().square().sum()

    return optimizer.step(closure), z.detach(), w.detach(), optimizer.state_dict()


def resumed(t):
    def made():
        x = t.nn.Parameter(t.tensor([-1.2, 1.0], dtype=t.float64))
        optimizer = t.optim.LBFGS([x], max_iter=3)

        def closure():
            x.grad, value = t.func.grad_and_value(lambda x: banana(t, x))(x.detach())
            return value

        return x, optimizer, closure

    x, optimizer, closure = made()
    optimizer.step(closure)
    y, other, closure = made()
    y.data.copy_(x.data)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return other.step(closure), y.detach(), other.state_dict(), repr(other)


def mode(t):
    seen = []
    x = t.nn.Parameter(t.ones(1))
    with t.no_grad():
        t.optim.LBFGS([x]).step(lambda: seen.append(t.is_grad_enabled()) or t.zeros(()))
        seen.append(t.is_grad_enabled())
    return seen


CASES = [
    case("L-BFGS", minimised(banana, max_iter=5, lr=0.5)),
    case("L-BFGS with a line search", minimised(banana, max_iter=4, line_search_fn="strong_wolfe")),
    case("L-BFGS, a line search that narrows", minimised(quartic, max_iter=4, lr=3.0, line_search_fn="strong_wolfe")),
    case("L-BFGS remembers so many steps", minimised(banana, max_iter=6, history_size=2, steps=2)),
    case("L-BFGS until nothing changes", minimised(quartic, max_iter=50, line_search_fn="strong_wolfe", steps=3)),
    case("L-BFGS until the gradient is small", minimised(banana, max_iter=50, tolerance_grad=0.1, steps=2)),
    case("L-BFGS until the loss is still", minimised(banana, max_iter=50, tolerance_change=1e-2, steps=2)),
    case(
        "L-BFGS counts evaluations", minimised(banana, max_iter=9, max_eval=4, line_search_fn="strong_wolfe", steps=2)
    ),
    case("L-BFGS in single precision", minimised(banana, "float32", 2, max_iter=3, lr=[0.5])),
    case("L-BFGS of gradients that backward() left", recorded),
    case("L-BFGS of complex numbers, and a parameter without a gradient", complex_numbers),
    case("L-BFGS goes on from a state dict", resumed),
    case("the closure of L-BFGS runs with gradients", mode),
]


def swapped(t):
    p, q = t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.ones(3))
    optimizer = t.optim.Adam([p, q], lr=0.1)
    p.grad, q.grad = t.ones(2), t.ones(3)
    optimizer.step()
    return optimizer, p, q


def swap(t):
    optimizer, p, q = swapped(t)
    others, state = {"b": t.zeros(2), "a": t.zeros(3)}, copy.deepcopy(optimizer.state_dict())
    for each in others.values():
        each.grad = t.ones_like(each)
    state["param_groups"][0]["lr"] = 10.0
    with t.optim.swap_in_optimizer_params_and_state(optimizer, others, state) as nothing:
        inside = optimizer.state_dict()["param_groups"], list(optimizer.param_groups[0]["params"])
        optimizer.step()
        optimizer.state[others["b"]]["more"] = 1
    return nothing, inside, others, state, optimizer.state_dict(), p.detach(), q.detach()


def swap_fails(t):
    optimizer, p, _ = swapped(t)
    others = {"b": t.zeros(2), "a": t.zeros(3)}
    try:
        with t.optim.swap_in_optimizer_params_and_state(optimizer, others, optimizer.state_dict()):
            raise KeyError("x")
    except KeyError:
        return optimizer.param_groups[0]["params"][0] is p, optimizer.state_dict()


def swapping(others, state=None, stepped=True):
    def program(t):
        optimizer, p, q = swapped(t)
        if not stepped:
            optimizer = t.optim.Adam([p, q])
        with t.optim.swap_in_optimizer_params_and_state(
            optimizer, {k: t.zeros(2) for k in others}, optimizer.state_dict() if state is None else state
        ):
            pass

    return program


def bad(text, fragment):
    def program(t):
        p = t.nn.Parameter(t.ones(2))
        p.grad = t.ones(2)
        return eval(f"t.optim.LBFGS({text}", {"t": t, "p": p})

    return error(f"LBFGS({text}", program, fragment=fragment)


CASES += [
    case("other parameters and another state swapped in", swap),
    case("what was swapped in is gone after an error", swap_fails),
    error("swapping in too few parameters", swapping("a"), fragment="match optimizer.param_groups ordering"),
    error("swapping in before a step", swapping("ab", stepped=False), fragment="requires initialized optimizer state"),
    error("swapping in a state without groups", swapping("ab", {"state": {}}), fragment="got NoneType"),
    error(
        "swapping in a state of other groups",
        swapping("ab", {"state": {}, "param_groups": []}),
        fragment="different number of parameter groups",
    ),
    bad("[{'params': [p]}, {'params': [t.ones(1)]}])", "doesn't support per-parameter options"),
    bad("[p], lr=-1)", "Invalid learning rate: -1"),
    bad("[p], lr=t.ones(2))", "Tensor lr must be 1-element"),
    bad("[p], line_search_fn='armijo').step(lambda: t.ones(()))", "only 'strong_wolfe' is supported"),
    bad("[p]).step()", "closure"),
]
