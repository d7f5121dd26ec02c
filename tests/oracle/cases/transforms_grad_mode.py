"""Grad mode and transforms: the matrix of blockers and transforms, outer contexts, nested transforms, restoring.

The column "forward AD switched off" waits for torch.autograd.forward_ad. What autograd happens to have saved decides the
value of a vjp made under no_grad and called outside; there is no row for that.
"""

from __future__ import annotations

import contextlib

from tests.oracle.case import case, error, floats, right, values

X = values(3.0)

# ---- the matrix: f(x) = x**3 - c * x with c = x**2 computed under a blocker --------------------------------------------


def no_grad(t, x):
    with t.no_grad():
        c = x**2
    return x**3 - c * x


def set_grad_enabled(t, x):
    with t.set_grad_enabled(False):
        c = x**2
    return x**3 - c * x


def set_and_reset(t, x):
    t.set_grad_enabled(False)
    c = x**2
    t.set_grad_enabled(True)
    return x**3 - c * x


def enabled_again(t, x):
    with t.no_grad(), t.enable_grad():
        c = x**2
    return x**3 - c * x


def detach(t, x):
    return x**3 - (x**2).detach() * x


def data(t, x):
    return x**3 - (x**2).data * x


def inference(t, x):
    with t.inference_mode():
        c = x**2
    return x**3 - c * x


def whole_body(t, x):
    with t.no_grad():
        return x**3


BLOCKERS = {
    "no_grad": no_grad,
    "set_grad_enabled as a block": set_grad_enabled,
    "set_grad_enabled as a statement": set_and_reset,
    "enable_grad inside no_grad": enabled_again,
    "detach": detach,
    "whole body in no_grad": whole_body,
}


def forward(t, f):
    return lambda x: t.func.jvp(f, (x,), (t.ones_like(x),))[1]


def pulled(t, f):
    return lambda x: t.func.vjp(f, x)[1](t.ones_like(x))[0]


def pushed(t, f):
    return lambda x: t.func.linearize(f, x)[1](t.ones_like(x))


def summed(f):
    return lambda x: f(x).sum()


TRANSFORMS = {
    "grad": lambda t, f: t.func.grad(f),
    "vjp": pulled,
    "jacrev": lambda t, f: t.func.jacrev(f),
    "jvp": forward,
    "jacfwd": lambda t, f: t.func.jacfwd(f),
    "linearize": pushed,
    "grad of grad": lambda t, f: t.func.grad(t.func.grad(f)),
    "jacrev of jacrev": lambda t, f: t.func.jacrev(t.func.jacrev(f)),
    "jvp of grad": lambda t, f: forward(t, t.func.grad(f)),
    "jacfwd of jacrev": lambda t, f: t.func.jacfwd(t.func.jacrev(f)),
    "hessian": lambda t, f: t.func.hessian(f),
    "grad of jvp": lambda t, f: t.func.grad(forward(t, f)),
    "jacrev of jacfwd": lambda t, f: t.func.jacrev(t.func.jacfwd(f)),
    "jvp of jvp": lambda t, f: forward(t, forward(t, f)),
    "jacfwd of jacfwd": lambda t, f: t.func.jacfwd(t.func.jacfwd(f)),
    "grad of grad of grad": lambda t, f: t.func.grad(t.func.grad(t.func.grad(f))),
}
BATCHED = {
    "vmap of grad": lambda t, f: t.vmap(t.func.grad(f)),
    "grad of vmap": lambda t, f: t.func.grad(summed(t.vmap(f))),
    "vmap of jvp": lambda t, f: t.vmap(forward(t, f)),
}
AT = {**{name: (make, X) for name, make in TRANSFORMS.items()}, **{name: (make, values([3.0, 2.0])) for name, make in BATCHED.items()}}
IN_FORWARD_MODE = ("jvp", "jacfwd", "jvp of jvp", "jacfwd of jacfwd", "vmap of jvp")

MATRIX = [
    *[
        case(f"{name}, {blocker}", lambda t, x, make=make, f=f: make(t, lambda x: f(t, x))(x), x)
        for blocker, f in BLOCKERS.items()
        for name, (make, x) in AT.items()
    ],
    *[case(f"{name}, inference_mode", lambda t, x, name=name: AT[name][0](t, lambda x: inference(t, x))(x), AT[name][1]) for name in (*IN_FORWARD_MODE, "linearize")],
    *[
        error(
            f"{name}, inference_mode",
            lambda t, x, make=make: make(t, lambda x: inference(t, x))(x),
            x,
            fragment="Inference tensors cannot be saved for backward",
        )
        for name, (make, x) in AT.items()
        if name not in (*IN_FORWARD_MODE, "linearize")
    ],
    *[case(f"{name}, .data", lambda t, x, make=AT[name][0]: make(t, lambda x: data(t, x))(x), X) for name in ("grad", "jvp", "grad of grad", "jvp of grad")],
]

# ---- the design's own examples ---------------------------------------------------------------------------------------


def times_constant(t, x):
    with t.no_grad():
        c = x**2
    return x * c


def minus_constant(t, x):
    with t.no_grad():
        c = x**2
    return x - c


def inner_gradient(t, x):
    with t.no_grad():
        y = t.func.grad(lambda z: z**3)(x)
    return y * x


def outer_no_grad(t, run):
    with t.no_grad():
        return run()


EXAMPLES = [
    *[case(f"x * c, {name}", lambda t, x, make=make: make(t, lambda x: times_constant(t, x))(x), X) for name, make in TRANSFORMS.items()],
    case("x - c, grad", lambda t, x: t.func.grad(lambda x: minus_constant(t, x))(x), X),
    case("x - c, grad under an outer no_grad", lambda t, x: outer_no_grad(t, lambda: t.func.grad(lambda x: minus_constant(t, x))(x)), X),
    case("a gradient taken under no_grad is a constant", lambda t, x: t.func.grad(lambda x: inner_gradient(t, x))(x), values(2.0)),
    case("no_grad as a decorator of a transformed function", lambda t, x: t.no_grad()(t.func.grad(lambda x: x**3))(x), X),
    *[
        case(f"no_grad decorates the function, {name}", lambda t, x, make=make: make(t, t.no_grad()(lambda x: x**2))(x), X)
        for name, make in TRANSFORMS.items()
        if " " not in name
    ],
    case("no_grad decorates without being called", lambda t, x: t.func.grad(t.no_grad(lambda x: x**2))(x), X),
    case("set_grad_enabled decorates the function", lambda t, x: t.func.grad(t.set_grad_enabled(False)(lambda x: x**2))(x), X),
    case("enable_grad decorates inside no_grad", lambda t, x: t.func.grad(lambda x: outer_no_grad(t, lambda: t.enable_grad()(lambda: x**2)()))(x), X),
    case("no_grad decorates a generator", lambda t, x: t.func.grad(lambda x: sum(t.no_grad()(powers)(x)) * x)(x), X),
    case("a vector function", lambda t, x: t.func.jacrev(lambda x: times_constant(t, x))(x), floats(3)),
]


def powers(x):
    for n in range(1, 4):
        yield x**n


# ---- outer contexts --------------------------------------------------------------------------------------------------

OUTER = {
    "no_grad": lambda t: t.no_grad(),
    "set_grad_enabled(False)": lambda t: t.set_grad_enabled(False),
    "inference_mode": lambda t: t.inference_mode(),
}


def within(context, make):
    def program(t, x):
        with OUTER[context](t):
            out = make(t, lambda x: no_grad(t, x))(x)
        return out.clone()

    return program


def within_plain(context, make):
    def program(t, x):
        with OUTER[context](t):
            return make(t, lambda x: x**3)(x).clone()

    return program


OUTSIDE = [
    *[
        case(f"{name} under {context}, no_grad inside", within(context, make), x)
        for context in OUTER
        for name, (make, x) in AT.items()
        if (name, context) != ("linearize", "inference_mode")
    ],
    *[
        case(f"{name} under {context}", within_plain(context, AT[name][0]), AT[name][1])
        for context in OUTER
        for name in ("grad", "jvp", "jacrev", "jacfwd", "hessian", "vmap of grad")
    ],
    right(
        "linearize under inference_mode",
        within_plain("inference_mode", pushed),
        X,
        expected=27.0,
        why="PyTorch gives a tangent of zero",
    ),
]

# ---- a no_grad block around an inner transform -----------------------------------------------------------------------


def cube(z):
    return z**3


def blocked(t, inner):
    """x * inner(x), with the inner transform under no_grad."""

    def f(x):
        with t.no_grad():
            y = inner(t, cube)(x)
        return y * x

    return f


def call_blocked(t):
    def f(x):
        vjp_fn = t.func.vjp(cube, x)[1]
        with t.no_grad():
            (y,) = vjp_fn(t.ones_like(x))
        return y * x

    return f


def output_blocked(t):
    def f(x):
        with t.no_grad():
            y, _ = t.func.vjp(cube, x)
        return y * x

    return f


def vmap_blocked(t):
    def f(x):
        with t.no_grad():
            y = t.vmap(lambda z: z**2)(x.reshape(1))
        return (y * x).sum()

    return f


def product_blocked(t, x, z):
    with t.no_grad():
        c = x * z
    return c * z


NESTED = [
    *[
        case(f"{outer} of x times {inner} under no_grad", lambda t, x, o=TRANSFORMS[outer], i=TRANSFORMS[inner]: o(t, blocked(t, i))(x), X)
        for outer in ("grad", "jvp", "jacrev", "jacfwd")
        for inner in ("grad", "vjp", "jacrev", "jvp", "jacfwd")
    ],
    *[case(f"{outer} of a vjp called under no_grad", lambda t, x, o=TRANSFORMS[outer]: o(t, call_blocked(t))(x), X) for outer in ("grad", "jvp")],
    *[case(f"{outer} of a vjp under no_grad, through its output", lambda t, x, o=TRANSFORMS[outer]: o(t, output_blocked(t))(x), X) for outer in ("grad", "jvp")],
    *[case(f"{outer} of a vmap under no_grad", lambda t, x, o=TRANSFORMS[outer]: o(t, vmap_blocked(t))(x), X) for outer in ("grad", "jvp")],
    *[
        case(
            f"{outer} of {inner} whose function has a no_grad of both variables",
            lambda t, x, o=TRANSFORMS[outer], i=TRANSFORMS[inner]: o(t, lambda x: i(t, lambda z: product_blocked(t, x, z))(x))(x),
            X,
        )
        for outer in ("grad", "jvp")
        for inner in ("grad", "jvp")
    ],
]

# ---- the mode that the function sees, and what is left behind ----------------------------------------------------------

SEES = {
    "grad": lambda t, f, x: t.func.grad(f)(x),
    "vjp": lambda t, f, x: t.func.vjp(f, x),
    "jacrev": lambda t, f, x: t.func.jacrev(f)(x),
    "jvp of grad": lambda t, f, x: forward(t, t.func.grad(f))(x),
    "grad of jvp": lambda t, f, x: t.func.grad(forward(t, f))(x),
    "jvp": lambda t, f, x: t.func.jvp(f, (x,), (x,)),
    "jacfwd": lambda t, f, x: t.func.jacfwd(f)(x),
    "vmap": lambda t, f, x: t.vmap(f)(x[None]),
    "functionalize": lambda t, f, x: t.func.functionalize(f)(x),
    "linearize": lambda t, f, x: t.func.linearize(f, x),
}
DEFAULT = {"default": lambda t: t.enable_grad(), **OUTER}


def seen(name, context):
    def program(t, x):
        modes = []

        def f(x):
            modes.append([t.is_grad_enabled(), t.is_inference_mode_enabled()])
            return x**2

        with DEFAULT[context](t):
            SEES[name](t, f, x)
            after = [t.is_grad_enabled(), t.is_inference_mode_enabled()]
        return [modes[0], after, t.is_grad_enabled()]

    return program


def leaked(name):
    def program(t, x):
        def f(x):
            t.set_grad_enabled(False)
            return x**2

        SEES[name](t, f, x)
        return t.is_grad_enabled()

    return program


def raising(name, inside):
    def program(t, x):
        def f(x):
            if inside:
                with t.no_grad():
                    raise ValueError("inside")
            t.set_grad_enabled(False)
            raise ValueError("inside")

        with contextlib.suppress(ValueError):
            SEES[name](t, f, x)
        return t.is_grad_enabled()

    return program


def written(block):
    """y = x.clone(), doubled in place under `block`, times x."""

    def program(t, x):
        y = x.clone()
        block(t, y)
        return y * x

    return program


def double_no_grad(t, y):
    with t.no_grad():
        y *= 2


def double_data(t, y):
    y.data.mul_(2)


def double(t, y):
    y *= 2


def modes(t):
    out = [t.is_grad_enabled()]
    with t.no_grad():
        out.append(t.is_grad_enabled())
        with t.enable_grad():
            out.append(t.is_grad_enabled())
            with t.set_grad_enabled(False):
                out.append(t.is_grad_enabled())
        out.append(t.is_grad_enabled())
    with t.inference_mode():
        out.append([t.is_grad_enabled(), t.is_inference_mode_enabled()])
        with t.inference_mode(False):
            out.append([t.is_grad_enabled(), t.is_inference_mode_enabled()])
    out.append([t.is_grad_enabled(), t.is_inference_mode_enabled()])
    return out


MODES = [
    case("the mode in nested blocks", modes),
    *[
        case(f"the mode inside {name}, {context} outside", seen(name, context), X)
        for name in SEES
        for context in DEFAULT
        if name != "linearize" or context in ("default", "no_grad")
    ],
    *[case(f"a mode left switched inside {name}", leaked(name), X) for name in ("grad", "vjp", "jacrev", "jvp", "vmap")],
    *[case(f"the mode after {name} raised in a no_grad block", raising(name, True), X) for name in ("grad", "jvp", "vmap", "jacrev")],
    case("the mode after grad raised with the mode switched", raising("grad", False), X),
    case("requires_grad of a no_grad result inside grad", lambda t, x: required(t, x), X),
    *[
        case(f"{name}: in-place {title}", lambda t, x, name=name, f=f: AT[name][0](t, lambda x: written(f)(t, x))(x), X)
        for title, f in {"under no_grad": double_no_grad, "through .data": double_data, "tracked": double}.items()
        for name in ("grad", "jvp", "grad of grad", "hessian")
    ],
    case("an inference tensor may be given to grad", lambda t, x: from_inference(t, x), X),
    case("the result of grad under inference_mode is an ordinary tensor", lambda t, x: ordinary(t, x), X),
    error("an inference tensor changed outside inference mode", lambda t, x: inference_made(t, x).add_(1), X, fragment="Inplace update to inference tensor outside InferenceMode is not allowed"),
]


def required(t, x):
    found = []

    def f(x):
        with t.no_grad():
            y = x**2
        found.append([y.requires_grad, (y * x).requires_grad])
        return y * x

    t.func.grad(f)(x)
    return found


def inference_made(t, x):
    with t.inference_mode():
        return x * 2


def from_inference(t, x):
    return t.func.grad(lambda x: x**2)(inference_made(t, x))


def ordinary(t, x):
    with t.inference_mode():
        out = t.func.grad(lambda x: x**2)(x)
    return out.is_inference()


CASES = [*MATRIX, *EXAMPLES, *OUTSIDE, *NESTED, *MODES]
