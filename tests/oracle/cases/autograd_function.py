"""torch.autograd.Function: both styles, on the tape and under every transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, right, values

X = values([0.5, -1.0, 2.0])


def cube(t: Any) -> Any:
    class Cube(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x**3
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, _ = ctx.saved_tensors
            return 3 * g * x**2

    return Cube


def scaled(t: Any) -> Any:
    """The newer style, with a gradient that is not the function's own, and an argument that is no tensor."""

    class Scaled(t.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any, factor: float) -> Any:
            return x * y * factor, x + 1

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, y, ctx.factor = inputs
            ctx.save_for_backward(x, y)
            ctx.save_for_forward(x, y)

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y * ctx.factor * 2 + h, g * x * ctx.factor, None

        @staticmethod
        def jvp(ctx: Any, dx: Any, dy: Any, _: Any) -> Any:
            x, y = ctx.saved_tensors
            return (dx * y * 2 + x * dy) * ctx.factor, dx

    Scaled.generate_vmap_rule = True
    return Scaled


def clipped(t: Any) -> Any:
    """A backward that is not linear: only reverse mode has a meaning."""

    class Clipped(t.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x.clone()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.clamp(-1, 1)

    return Clipped


def numpy_sort(t: Any) -> Any:
    """Functions of NumPy, with a rule for vmap."""

    class Take(t.autograd.Function):
        @staticmethod
        def forward(x: Any, index: Any, back: Any) -> Any:
            return t.tensor(np.take_along_axis(x.numpy(), index.numpy(), -1))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs[1:])

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            index, back = ctx.saved_tensors
            return Take.apply(g, back, index), None, None

        @staticmethod
        def vmap(info: Any, dims: Any, x: Any, index: Any, back: Any) -> Any:
            rows = [a.movedim(d, 0) if d is not None else a.expand(info.batch_size, *a.shape) for a, d in zip((x, index, back), dims)]
            return Take.apply(*rows), 0

    class Sort(t.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            index = np.argsort(x.numpy(), -1)
            return t.tensor(np.sort(x.numpy(), -1)), t.tensor(index), t.tensor(np.argsort(index, -1))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.mark_non_differentiable(*output[1:])
            ctx.save_for_backward(*output[1:])

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any, __: Any) -> Any:
            index, back = ctx.saved_tensors
            return Take.apply(g, back, index)

        @staticmethod
        def vmap(info: Any, dims: Any, x: Any) -> Any:
            return Sort.apply(x.movedim(dims[0], 0)), (0, 0, 0)

    return Sort


def doubling(t: Any) -> Any:
    """In place."""

    class Doubling(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    return Doubling


def leaf(x: Any) -> Any:
    return x.clone().requires_grad_()


def on_tape(t: Any, x: Any) -> Any:
    x = leaf(x)
    y = cube(t).apply(x)
    y.sum().backward()
    return y, x.grad, y.grad_fn.name(), len(y.grad_fn.next_functions), y.is_leaf


def twice(t: Any, x: Any) -> Any:
    x = leaf(x)
    (g,) = t.autograd.grad(cube(t).apply(x).sum(), x, create_graph=True)
    return g, t.autograd.grad(g.sum(), x)


def newer(t: Any, x: Any) -> Any:
    x, y = leaf(x), t.ones(3, requires_grad=True)
    a, b = scaled(t).apply(x, y, 3.0)
    (a.sum() + (b * b).sum()).backward()
    return a, b, x.grad, y.grad


def in_place(t: Any, x: Any) -> Any:
    x = leaf(x)
    y = x * 1
    z = doubling(t).apply(y)
    (z * z).sum().backward()
    return z is y, y.detach(), x.grad


def ctx_of(t: Any, x: Any) -> Any:
    seen = []

    class Seen(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, k: int, w: Any) -> Any:
            ctx.set_materialize_grads(False)
            seen.append((ctx.needs_input_grad, t.is_grad_enabled()))
            return x * k, w * 1, t.zeros(1, dtype=t.int64)

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any, i: Any) -> Any:
            seen.append((h is None, i is None))
            return g * 2, None, None

    x = leaf(x)
    a, b, c = Seen.apply(x, 2, t.ones(2))
    seen.append((a.requires_grad, b.requires_grad, c.requires_grad))
    a.sum().backward()
    return seen, x.grad


def transforms(t: Any, x: Any) -> Any:
    f = scaled(t)

    def g(x: Any) -> Any:
        a, b = f.apply(x, x.sin(), 2.0)
        return a.sum() + b.prod()

    rows = t.stack([x, x + 1])
    return {
        "grad": t.func.grad(g)(x),
        "vmap(grad)": t.vmap(t.func.grad(g))(rows),
        "jvp": t.func.jvp(g, (x,), (x,)),
        "jacrev": t.func.jacrev(lambda x: f.apply(x, x.cos(), 1.0)[0])(x),
        "jacfwd": t.func.jacfwd(lambda x: f.apply(x, x.cos(), 1.0)[0])(x),
        "grad(grad)": t.func.grad(lambda x: t.func.grad(g)(x).sum())(x),
        "grad(vmap)": t.func.grad(lambda x: t.vmap(lambda v: f.apply(v, v.sin(), 2.0)[0])(x).sum())(x),
        "vmap(jvp)": t.vmap(lambda v: t.func.jvp(g, (v,), (v,))[1])(rows),
    }


def with_rule(t: Any, x: Any) -> Any:
    sort = numpy_sort(t)
    rows, w = t.stack([x, -x]), t.arange(3.0)
    return (
        t.vmap(lambda r: sort.apply(r)[0])(rows),
        t.func.grad(lambda x: (sort.apply(x)[0] * w).sum())(x),
        t.vmap(t.func.grad(lambda x: (sort.apply(x)[0] * w).sum()))(rows),
        t.func.grad(lambda r: t.vmap(lambda x: (sort.apply(x)[0] * w).sum())(r).sum())(rows),
    )


def captured(t: Any, x: Any) -> Any:
    """A call inside a transform, recorded by the tape outside."""
    w = t.tensor(2.0, requires_grad=True)
    out = t.vmap(lambda r: scaled(t).apply(r, w.expand(3), 2.0)[0].sum())(t.stack([x, x]))
    out.sum().backward()
    return w.grad


def bad(t: Any, count: int = 1, shape: Any = None, name: str = "Bad") -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        return (g,) * count if shape is None else t.ones(shape)

    members = {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(backward)}
    return type(name, (t.autograd.Function,), members)


def bare(t: Any, **members: Any) -> Any:
    return type("Bare", (t.autograd.Function,), {k: staticmethod(v) for k, v in members.items()})


def once(t: Any, x: Any) -> None:
    from_here = t.autograd.function.once_differentiable
    f = bare(t, forward=lambda ctx, x: x * 2, backward=from_here(lambda ctx, g: g * 2))
    x = leaf(x)
    (g,) = t.autograd.grad((f.apply(x) ** 2).sum(), x, create_graph=True)
    g.sum().backward()


def saved_written(t: Any, x: Any) -> None:
    y = leaf(x) * 1
    z = cube(t).apply(y)
    y.add_(1)
    z.sum().backward()


def outputs_of_all_kinds(t: Any, x: Any) -> Any:
    log: list[Any] = []
    forward = lambda ctx, x: (x * 2, "text", x.argmax(), None)
    f = bare(t, forward=forward, backward=lambda ctx, g, *rest: log.append(rest) or g * 3)
    y = leaf(x)
    found = f.apply(y)
    found[0].sum().backward()
    nothing = bare(t, forward=lambda ctx, x: None).apply(leaf(x))
    return found, nothing, y.grad, [(a, b.dtype == t.int64, c) for a, b, c in log]


def needed(t: Any, x: Any) -> Any:
    """What forward may ask of ctx.needs_input_grad: under no_grad too, and where nothing requires grad."""
    log: list[Any] = []
    f = bare(t, forward=lambda ctx, x, y, k: log.append(ctx.needs_input_grad) or x * y)
    f.apply(leaf(x), x, 1)
    f.apply(x, x, 1)
    with t.no_grad():
        f.apply(x, leaf(x), 1)
    return log


def dual_of_function(t: Any, x: Any) -> Any:
    """A dual tensor goes through the function's own jvp, with zeros for an argument that has no tangent."""
    ad = t.autograd.forward_ad
    with ad.dual_level():
        first = scaled(t).apply(ad.make_dual(x, t.ones(3)), x + 1, 3.0)[0]
        second = scaled(t).apply(x, ad.make_dual(leaf(x), t.ones(3)), 3.0)[0]
        return [ad.unpack_dual(y).tangent.detach() for y in (first, second)]


def tangents_too_many(t: Any, x: Any) -> None:
    ad = t.autograd.forward_ad
    with ad.dual_level():
        bare(t, forward=lambda ctx, x: x * 2, jvp=lambda ctx, d: (d, d)).apply(ad.make_dual(x, x))


def kept_back(t: Any, x: Any) -> None:
    f = bare(t, forward=lambda ctx, x: ctx.mark_dirty(x.mul_(2)) or x * 1, backward=lambda ctx, g: g)
    f.apply(leaf(x) * 1)


PROGRAMS = {
    "outputs of all kinds": outputs_of_all_kinds,
    "which inputs need a gradient": needed,
    "of dual tensors": dual_of_function,
    "on the tape": on_tape,
    "twice": twice,
    "the newer style": newer,
    "in place": in_place,
    "what ctx says": ctx_of,
    "the newer style under transforms": transforms,
    "a rule for vmap, in NumPy": with_rule,
    "a call inside a transform": captured,
    "a clipped gradient": lambda t, x: t.func.grad(lambda x: (clipped(t).apply(x) * 3).sum())(x),
    "a clipped gradient, mapped": lambda t, x: t.vmap(t.func.grad(lambda x: clipped(t).apply(x) * 3))(x),
    "without grad": lambda t, x: (cube(t).apply(x), cube(t).apply(x).requires_grad),
}

ERRORS = {
    "a gradient too many": (lambda t, x: bad(t, 2).apply(leaf(x)).sum().backward(), r"incorrect number of gradients \(expected 1, got 2\)"),
    "a gradient of another shape": (lambda t, x: bad(t, shape=(2,)).apply(leaf(x)).sum().backward(), r"invalid gradient at index 0 - got \[2\] but expected shape compatible with \[3\]"),
    "no forward": (lambda t, x: bare(t).apply(x), "You must implement the forward function"),
    "no backward": (lambda t, x: bare(t, forward=lambda ctx, x: x * 2).apply(leaf(x)).sum().backward(), "You must implement either the backward or vjp method"),
    "saving what is no tensor": (lambda t, x: bare(t, forward=lambda ctx, x: ctx.save_for_backward(1) or x * 1).apply(leaf(x)), "can only save variables"),
    "differentiated more than once": (once, "marked with @once_differentiable"),
    "a tangent too many": (tangents_too_many, r"invalid number of forward gradients \(expected 1 but got 2\)"),
    "a gradient that is no tensor": (lambda t, x: bare(t, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: 5).apply(leaf(x)).sum().backward(), r"expected Variable or None \(got int\)"),
    "written and not returned": (kept_back, "marked as dirty during the forward method were not returned as output"),
    "a leaf in place": (lambda t, x: doubling(t).apply(leaf(x)), "a leaf Variable that requires grad has been used in an in-place operation"),
    "a saved tensor written": (saved_written, "modified by an inplace operation"),
    "a second backward": (lambda t, x: (lambda y: (y.backward(), y.backward()))(cube(t).apply(leaf(x)).sum()), "backward through the graph a second time"),
}  # fmt: skip

OLDER = "PyTorch refuses the ctx style under transforms"


def f32(x: Any) -> Any:
    return np.asarray(x).astype("float32")


CASES: list[Row] = [
    *[case(name, make, X) for name, make in PROGRAMS.items()],
    *[error(name, make, X, fragment=fragment) for name, (make, fragment) in ERRORS.items()],
    right("the ctx style under grad", lambda t, x: t.func.grad(lambda x: cube(t).apply(x).sum())(x), X, expected=lambda x: f32(3 * x**2), why=OLDER),
    right("the ctx style under vmap(grad)", lambda t, x: t.vmap(t.func.grad(lambda x: cube(t).apply(x)))(x), X, expected=lambda x: f32(3 * x**2), why=OLDER),
    right("the ctx style under grad(vmap)", lambda t, x: t.func.grad(lambda x: t.vmap(cube(t).apply)(x).sum())(x), X, expected=lambda x: f32(3 * x**2), why=OLDER),
    right("the ctx style under hessian", lambda t, x: t.func.hessian(lambda x: cube(t).apply(x).sum())(x), X, expected=lambda x: f32(np.diag(6 * x)), why=OLDER),
    right("the ctx style under jvp, by transposing", lambda t, x: t.func.jvp(cube(t).apply, (x,), (x,))[1], X, expected=lambda x: f32(3 * x**3), why=OLDER),
    right("the ctx style, third derivative", lambda t, x: t.vmap(t.func.grad(t.func.grad(t.func.grad(cube(t).apply))))(x), X, expected=lambda x: f32(6 + 0 * x), why=OLDER),
    right("the ctx style, jacfwd of vmap", lambda t, x: t.func.jacfwd(t.vmap(lambda r: cube(t).apply(r).sum()))(x), floats(1, 3),
          expected=lambda x: f32(3 * x[None] ** 2), why=OLDER),
    right("in place under grad", lambda t, x: t.func.grad(lambda x: (doubling(t).apply(x * 1) ** 2).sum())(x), X, expected=lambda x: f32(8 * x), why=OLDER),
]  # fmt: skip
