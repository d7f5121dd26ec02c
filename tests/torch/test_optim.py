"""What a step costs: one compiled call a group, compiled once whatever the schedule says."""

from functorch_jax import torch


def parameters():
    found = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(3))]
    for p in found:
        p.grad = torch.ones(*p.shape)
    return found


def counted(monkeypatch, cls, name):
    """The calls of a function of the class, from here on."""
    calls = []
    inner = getattr(cls, name)

    def call(*args):
        calls.append(args)
        return inner(*args)

    monkeypatch.setattr(cls, name, staticmethod(call))
    return calls


def test_a_step_is_one_compiled_call_a_group(monkeypatch):
    calls = counted(monkeypatch, torch.optim.Adam, "_run")
    p, q = parameters()
    torch.optim.Adam([p, q]).step()
    assert len(calls) == 1
    torch.optim.Adam([{"params": p}, {"params": q}]).step()
    assert len(calls) == 3


def test_a_schedule_does_not_compile_anew(monkeypatch):
    torch.optim.RMSprop._run.clear_cache()  # of what other tests ran
    traced = counted(monkeypatch, torch.optim.RMSprop, "_scalars")
    optimizer = torch.optim.RMSprop(parameters(), lr=0.1, eps=0.125)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    optimizer.param_groups[0]["alpha"] = 0.5
    optimizer.step()
    assert len(traced) == 1


def test_a_step_inside_grad_is_not_differentiated():
    from functorch_jax import grad

    def trained(x):
        p = torch.nn.Parameter(torch.ones(2))
        p.grad = x
        torch.optim.SGD([p], lr=0.5).step()
        return (p * x).sum()

    x = torch.tensor([1.0, 2.0])
    assert grad(trained)(x).tolist() == [0.5, 0.0]  # p = 1 - x / 2 counts as a constant


def test_a_differentiable_step_is():
    from functorch_jax import grad

    def trained(x):
        p = torch.ones(2) * 1
        p.grad = x
        torch.optim.SGD([p], lr=0.5, differentiable=True).step()
        return (p * x).sum()

    assert grad(trained)(torch.tensor([1.0, 2.0])).tolist() == [0.0, -1.0]  # of x - x² / 2


def test_a_step_with_what_was_swapped_in_compiles():
    import jax

    (p, _) = parameters()
    optimizer = torch.optim.Adam([p], lr=0.1)
    optimizer.step()
    saved = optimizer.state_dict()

    def step(value, state, gradient):
        value, state = value.clone(), {name: x.clone() for name, x in state.items()}
        value.grad = gradient
        given = {"state": {0: state}, "param_groups": saved["param_groups"]}
        with torch.optim.swap_in_optimizer_params_and_state(optimizer, {"p": value}, given):
            optimizer.step()
        return value, state

    arguments = p.detach().clone(), dict(saved["state"][0]), torch.full((2, 3), 2.0)
    value, state = step(*arguments)
    compiled, compiled_state = jax.jit(step)(*arguments)
    torch.testing.assert_close(compiled, value)
    torch.testing.assert_close(compiled_state, state)
    assert float(compiled[0, 0]) < float(p[0, 0])  # and the optimizer's own parameter stays where it is
    assert float(optimizer.state[p]["step"]) == 1
