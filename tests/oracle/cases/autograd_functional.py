"""torch.autograd.functional, forward_ad, gradcheck, anomaly mode and torch.utils.checkpoint."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, right, values

X = values([0.5, -1.0, 2.0])


def leaf(x: Any) -> Any:
    return x.clone().requires_grad_()


def place(t: Any, name: str) -> Any:
    return importlib.import_module(f"{t.__name__}.{name}")


def two(x: Any, y: Any) -> Any:
    return x.sin() * y.sum(), (x * y).exp().sum()


def through(t: Any, x: Any) -> Any:
    x = leaf(x)
    h = t.autograd.functional.hessian(lambda x: (x**4).sum(), x, create_graph=True)
    return h, t.autograd.grad(h.sum(), x)


def captured(t: Any, x: Any) -> Any:
    w = t.tensor(2.0, requires_grad=True)
    t.autograd.functional.jacobian(lambda x: (w * x) ** 2, x, create_graph=True).sum().backward()
    return w.grad


def functional(name: str, *more: Any, **options: Any) -> Any:
    def program(t: Any, x: Any) -> Any:
        return getattr(t.autograd.functional, name)(lambda x: (x.sin() * x**2).sum(), x, *(make(t) for make in more), **options)

    return program


def dual(t: Any, x: Any) -> Any:
    ad = place(t, "autograd.forward_ad")
    with ad.dual_level():
        d = ad.make_dual(x, t.ones(3))
        y = (d * d).sin().sum()
        found = ad.unpack_dual(y)
        plain = ad.unpack_dual(x * 2)
    return found.primal, found.tangent, plain.tangent


def dual_of_module(t: Any, x: Any) -> Any:
    ad, net = place(t, "autograd.forward_ad"), t.nn.Linear(3, 2, bias=False)
    weight = net.weight
    with t.no_grad():
        weight.fill_(0.5)
    with ad.dual_level():
        del net.weight
        net.weight = ad.make_dual(weight, t.ones(2, 3))
        return ad.unpack_dual(net(x).tanh()).tangent.detach()


def forward_over_reverse(t: Any, x: Any) -> Any:
    ad, x = place(t, "autograd.forward_ad"), leaf(x)
    with ad.dual_level():
        d = ad.make_dual(x, t.ones(3))
        (g,) = t.autograd.grad((d**3).sum(), d, create_graph=True)
        return ad.unpack_dual(g).tangent.detach()


def checkpointed(reentrant: bool) -> Any:
    def program(t: Any, x: Any) -> Any:
        checkpoint, calls = place(t, "utils.checkpoint").checkpoint, []
        w, x = t.tensor(3.0, requires_grad=True), leaf(x)

        def part(h: Any) -> Any:
            calls.append(t.is_grad_enabled())
            return (h * w).sin()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = checkpoint(part, x * 2, use_reentrant=reentrant)
        (y * y).sum().backward()
        return x.grad, w.grad, len(calls)

    return program


def checkpointed_twice(t: Any, x: Any) -> Any:
    checkpoint, x = place(t, "utils.checkpoint").checkpoint, leaf(x)
    (g,) = t.autograd.grad(checkpoint(lambda x: x**3, x, use_reentrant=False).sum(), x, create_graph=True)
    return g, t.autograd.grad(g.sum(), x)


def checkpointed_draws(t: Any, x: Any) -> Any:
    """Calling again draws the same numbers."""
    checkpoint, x = place(t, "utils.checkpoint").checkpoint, leaf(x)
    y = checkpoint(lambda x: t.nn.functional.dropout(x, 0.5), x, use_reentrant=False)
    y.sum().backward()
    return (y.detach() / x.detach() - x.grad).abs().sum()


def sequential(t: Any, x: Any) -> Any:
    run, x = place(t, "utils.checkpoint").checkpoint_sequential, leaf(x)
    run([t.sin, t.exp, t.tanh, t.cos], 2, x, use_reentrant=False).sum().backward()
    return x.grad


def anomaly(t: Any, x: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with t.autograd.detect_anomaly():
            (t.zeros(1, requires_grad=True).sqrt() * 0).sum().backward()


def modes(t: Any, x: Any) -> Any:
    with t.autograd.set_detect_anomaly(True, check_nan=False):
        inside = t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()
    return inside, t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()


def checked(t: Any, x: Any) -> Any:
    x = leaf(x.double())
    return (
        t.autograd.gradcheck(lambda x: (x.sin() * x[0]).exp(), x),
        t.autograd.gradcheck(lambda x: x * x.detach(), x, raise_exception=False),
        t.autograd.gradgradcheck(lambda x: x**3, x),
        t.autograd.gradcheck(lambda x, y: x * y.conj(), (x, leaf(t.complex(x.detach(), x.detach())))),
    )


def reverse_over_forward(t: Any, x: Any) -> Any:
    """Gradients of a tangent: in the primal, in the tangent that came in, and in what is captured; to second order."""
    ad = place(t, "autograd.forward_ad")
    x, v, w = leaf(x), t.ones(3, requires_grad=True), t.tensor(0.5, requires_grad=True)
    with ad.dual_level():
        d = ad.make_dual(x.exp(), v)
        y = ((d * w) ** 3).sin()
        primal, tangent = ad.unpack_dual(y)
        first = t.autograd.grad(tangent.pow(2).sum() + primal.sum(), [x, v, w], create_graph=True)
        second = t.autograd.grad(sum(ad.unpack_dual(g).primal.sum() for g in first), [x, v, w])
        found = [ad.unpack_dual(g).primal.detach() for g in (*first, *second)]
        return found, t.autograd.grad(ad.unpack_dual(d).tangent.sum(), v), d.requires_grad


def tangents_trained(t: Any, x: Any) -> Any:
    """A loss with a derivative of the net in its input: what the level leaves behind has no tangent."""
    ad, net = place(t, "autograd.forward_ad"), t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1))
    with t.no_grad():
        for p in net.parameters():
            p.copy_(t.linspace(-1, 1, p.numel()).view(p.shape))
    opt, losses = t.optim.Adam(net.parameters(), lr=0.1), []
    for i in range(4):
        opt.zero_grad()
        with ad.dual_level():
            y, slope = ad.unpack_dual(net(ad.make_dual(x, t.ones(3))))
            loss = (slope - 1).pow(2).sum() + y.pow(2).sum()
            loss.backward()
            if i % 2:
                opt.step()
        if not i % 2:
            opt.step()
        losses.append(loss.detach())
    return losses, [p.detach() for p in net.parameters()]


def parts_of_number(t: Any, x: Any) -> None:
    ad = place(t, "autograd.forward_ad")
    with ad.dual_level():
        ad.unpack_dual(1.0)


def wrong_tangent(t: Any) -> Any:
    class Wrong(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

        @staticmethod
        def jvp(ctx: Any, d: Any) -> Any:
            return d * 3

    return Wrong.apply


def checkpointed_rows(t: Any, x: Any) -> Any:
    x, w = leaf(x), t.ones(3, requires_grad=True)
    y = place(t, "utils.checkpoint").checkpoint(lambda x: (x * w).sin() * x, x, use_reentrant=False)
    rows = t.autograd.grad(y, [x, w], t.eye(3), is_grads_batched=True, create_graph=True)
    return rows, t.autograd.grad(sum(r.pow(2).sum() for r in rows), [x, w])


def checkpointed_in_autocast(t: Any, x: Any) -> Any:
    x = leaf(t.stack([x, x + 1, x + 2]))
    with t.autocast("cpu", dtype=t.bfloat16):
        y = place(t, "utils.checkpoint").checkpoint(lambda x: x @ t.ones(3, 3) * 2, x, use_reentrant=False)
    y.float().sum().backward()
    return x.grad, y.dtype == t.bfloat16


def places(t: Any, x: Any) -> Any:
    """Modules that programs import from."""
    handle = leaf(x).register_hook(print)
    old, ckpt = place(t, "autograd.variable").Variable(x, requires_grad=True), place(t, "utils.checkpoint")
    (cut,) = ckpt.detach_variable((old * 2,))
    return (
        isinstance(old, place(t, "autograd.variable").Variable),
        isinstance(handle, place(t, "utils.hooks").RemovableHandle),
        issubclass(place(t, "autograd.gradcheck").GradcheckError, RuntimeError),
        cut.requires_grad,
        cut.is_leaf,
    )


def of_plain_duals(t: Any, x: Any) -> Any:
    ad = place(t, "autograd.forward_ad")
    with ad.dual_level():
        d = ad.make_dual(x, x)
        return d.requires_grad, (d * 2).requires_grad, d.is_leaf


PROGRAMS = {
    "jacobian": lambda t, x: t.autograd.functional.jacobian(lambda x: x**2 * x.sum(), x),
    "jacobian of two by two": lambda t, x: t.autograd.functional.jacobian(two, (x, x + 1)),
    "jacobian, vectorized": lambda t, x: t.autograd.functional.jacobian(two, (x, x + 1), vectorize=True),
    "jacobian, forward mode": lambda t, x: t.autograd.functional.jacobian(lambda x: x.exp(), x, vectorize=True, strategy="forward-mode"),
    "jacobian of what is independent": lambda t, x: t.autograd.functional.jacobian(lambda x: t.ones(2), x),
    "hessian": functional("hessian"),
    "hessian of two": lambda t, x: t.autograd.functional.hessian(lambda x, y: (x * y.sin()).sum() ** 2, (x, x + 1)),
    "vjp": functional("vjp"),
    "vjp of two": lambda t, x: t.autograd.functional.vjp(two, (x, x), (x, t.tensor(2.0))),
    "jvp": functional("jvp", lambda t: t.arange(3.0)),
    "vhp": functional("vhp", lambda t: t.arange(3.0)),
    "hvp": functional("hvp", lambda t: t.arange(3.0)),
    "hessian with create_graph": through,
    "jacobian of a captured tensor's function": captured,
    "dual tensors": dual,
    "dual parameters": dual_of_module,
    "forward over reverse": forward_over_reverse,
    "reverse over forward": reverse_over_forward,
    "training on a tangent": tangents_trained,
    "what duals without history say": of_plain_duals,
    "gradgradcheck, forward over reverse": lambda t, x: t.autograd.gradgradcheck(lambda x: x.sin() * x, leaf(x.double()), check_fwd_over_rev=True),
    "checkpoint": checkpointed(False),
    "checkpoint, reentrant": checkpointed(True),
    "checkpoint, second derivative": checkpointed_twice,
    "checkpoint draws the same numbers": checkpointed_draws,
    "checkpoint, batched gradients": checkpointed_rows,
    "checkpoint in a region of autocast": checkpointed_in_autocast,
    "checkpoint_sequential": sequential,
    "modes of anomaly detection": modes,
    "gradcheck": checked,
    "places of names": places,
    "Variable": lambda t, x: (isinstance(x, t.autograd.Variable), t.autograd.Variable(x, requires_grad=True).requires_grad),
}  # fmt: skip

ERRORS = {
    "jacobian of a number": (lambda t, x: t.autograd.functional.jacobian(t.sin, 3.0), "must be either a Tensor or a tuple of Tensors"),
    "hessian of a vector": (lambda t, x: t.autograd.functional.hessian(t.sin, x), "should contain a single element"),
    "strict": (lambda t, x: t.autograd.functional.jacobian(lambda x: t.ones(2), x, strict=True), "does not require gradients"),
    "strict, independent of an input": (lambda t, x: t.autograd.functional.jacobian(lambda x, y: x * 2, (x, x), strict=True), "Output 0 of the user-provided function is independent of input 1"),
    "strict, a constant jacobian": (lambda t, x: t.autograd.functional.jacobian(lambda x: x * 2, x, strict=True, create_graph=True), "The jacobian of the user-provided function is independent of input 0"),
    "strict vjp": (lambda t, x: t.autograd.functional.vjp(lambda x, y: x * 2, (x, x), x, strict=True), "The output of the user-provided function is independent of input 1"),
    "strict hessian of what is linear": (lambda t, x: t.autograd.functional.hessian(t.sum, x, strict=True), "found that the jacobian of the user-provided function with respect to input 0 is independent"),
    "strict hvp of what is linear": (lambda t, x: t.autograd.functional.hvp(t.sum, x, x, strict=True), "found that the jacobian of the user-provided function with respect to input 0 is independent"),
    "too many v": (lambda t, x: t.autograd.functional.vjp(t.sin, x, (x, x)), "The given v should contain a single Tensor"),
    "v of another shape": (lambda t, x: t.autograd.functional.vjp(t.sin, x, t.ones(2)), r"v has invalid size: should be torch.Size\(\[3\]\) but got torch.Size\(\[2\]\)"),
    "no v": (lambda t, x: t.autograd.functional.jvp(t.sin, x), "The vector v can only be None if"),
    "a dual outside of a level": (lambda t, x: place(t, "autograd.forward_ad").make_dual(x, x), "no level exists"),
    "gradcheck of a wrong gradient": (lambda t, x: t.autograd.gradcheck(lambda x: x * x.detach(), leaf(x.double())), "Jacobian mismatch for output 0 with respect to input 0"),
    "gradcheck without grad": (lambda t, x: t.autograd.gradcheck(t.sin, x), "at least one input tensor to require gradient"),
    "gradcheck of nothing": (lambda t, x: t.autograd.gradcheck(t.sin, leaf(x.double()), check_backward_ad=False), "at least one of check_forward_ad or check_backward_ad"),
    "gradcheck of a wrong tangent": (lambda t, x: t.autograd.gradcheck(wrong_tangent(t), leaf(x.double()), check_forward_ad=True), "Jacobian computed with forward mode mismatch|in forward mode"),
    "the parts of a number": (parts_of_number, "must be Tensor, not float"),
    "anomaly: nan": (anomaly, "Function 'SqrtBackward0' returned nan values in its 0th output"),
    "checkpoint with contexts, reentrant": (lambda t, x: place(t, "utils.checkpoint").checkpoint(t.sin, leaf(x), use_reentrant=True, context_fn=lambda: None), "only supported when use_reentrant=False"),
    "checkpoint with keywords, reentrant": (lambda t, x: place(t, "utils.checkpoint").checkpoint(t.sin, leaf(x), use_reentrant=True, foo=1), "Unexpected keyword arguments: foo"),
}  # fmt: skip

CASES: list[Row] = [
    *[case(name, make, X) for name, make in PROGRAMS.items()],
    *[error(name, make, X, fragment=fragment) for name, (make, fragment) in ERRORS.items()],
    right(
        "checkpoint under hessian",
        lambda t, x: t.func.hessian(lambda x: place(t, "utils.checkpoint").checkpoint(lambda x: (x**3).sum(), x, use_reentrant=False))(x),
        X,
        expected=lambda x: np.diag(6 * x).astype("float32"),
        why="PyTorch refuses saved-tensor hooks inside a transform",
    ),
]  # fmt: skip
