"""vjp: what comes back, which cotangents fit, and every misuse."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

from tests.oracle.case import case, error, floats, right, values

Pair = namedtuple("Pair", "a b")


def pulled(f, cotangent, **options):
    """Outputs and cotangents of the inputs: `f(*inputs)`, `cotangent(t, out)`."""

    def program(t, *xs):
        out, vjp_fn, *aux = t.func.vjp(f, *xs, **options)
        return [out, vjp_fn(cotangent(t, out)), *aux]

    return program


def ones(t, out):
    return t.ones_like(out)


RESULTS = [
    case("one primal gives a tuple of one", pulled(lambda x: x.sin(), ones), floats(3)),
    case("two primals", pulled(lambda x, y: (x * y).sum(), ones), floats(3), floats(3)),
    case("a primal that is a dict", pulled(lambda p: (p["w"] * p["b"]).sum(), ones), {"w": floats(3), "b": floats()}),
    case("a primal that is a nested tree", pulled(lambda p, x: p[0] * p[1]["a"] + x, ones), (floats(3), {"a": floats()}), floats(3)),
    case("an unused primal", pulled(lambda x, y: x * 2, ones), floats(3), floats(2)),
    case("output is a tuple", pulled(lambda x: (x.sin(), x.sum()), lambda t, out: (out[0] * 2, out[1] * 3)), floats(3)),
    case("output is a list", pulled(lambda x: [x.sin(), x.sum()], lambda t, out: [out[0] * 2, out[1] * 3]), floats(3)),
    case("output is a dict", pulled(lambda x: {"b": x.sin(), "a": x.sum()}, lambda t, out: {"b": out["b"], "a": out["a"]}), floats(3)),
    case("output is a namedtuple", pulled(lambda x: Pair(x.sin(), x.sum()), lambda t, out: Pair(out.a, out.b)), floats(3)),
    case("output is an OrderedDict", pulled(lambda x: OrderedDict(a=x), lambda t, out: OrderedDict(a=out["a"])), floats(3)),
    case("output is nested", pulled(lambda x: (x, {"k": [x * 2]}), lambda t, out: (out[0], {"k": [out[0]]})), floats(3)),
    case("with aux", pulled(lambda x: (x.sin(), {"c": x.cos()}), ones, has_aux=True), floats(3)),
    case("with an integer aux", pulled(lambda x: (x.sin(), x.argmax()), ones, has_aux=True), floats(3)),
    case("without primals", lambda t, x: t.func.vjp(lambda: x)[0], floats(3)),
    case("without primals, pulled back", lambda t, x: t.func.vjp(lambda: x * 2)[1](x), floats(3)),
    case("called several times", lambda t, x: [f(x) for f in [t.func.vjp(t.sin, x)[1]] for _ in range(3)], floats(3)),
    case("cotangents by keyword", lambda t, x: t.func.vjp(t.sin, x)[1](cotangents=x), floats(3)),
    case("retain_graph and create_graph are accepted", lambda t, x: t.func.vjp(t.sin, x)[1](x, retain_graph=True, create_graph=True), floats(3)),
    case("the name of vjp_fn", lambda t, x: t.func.vjp(t.sin, x)[1].__name__, floats(3)),
    case("cotangent None stands for one", lambda t, x: t.func.vjp(lambda x: x.sum() * 2, x)[1](None), floats(3)),
    case("cotangent None for one of two scalar outputs stands for one", lambda t, x: t.func.vjp(lambda x: (x.sum() * 2, x.prod()), x)[1]((t.ones(()), None)), floats(3)),
    case("a float64 cotangent of a float32 output", lambda t, x: t.func.vjp(t.sin, x)[1](x.double()), floats(3)),
    case("an integer cotangent of a float32 output", lambda t, x: t.func.vjp(t.sin, x)[1](t.ones(3, dtype=t.int64)), floats(3)),
    case("a float32 cotangent of a float64 output", lambda t, x: t.func.vjp(lambda x: x.double(), x)[1](x), floats(3)),
    case("of the identity, the output is the input itself", lambda t, x: t.func.vjp(lambda x: x, x)[0] is x, floats(3)),
    case("vmap of vjp_fn gives a Jacobian", lambda t, x: t.vmap(t.func.vjp(lambda x: x * x.sum(), x)[1])(t.eye(3)), floats(3)),
    case("vjp under vmap", lambda t, x: t.vmap(lambda x: t.func.vjp(t.sin, x)[1](x))(x), floats(2, 3)),
    case("vjp under vmap, vjp_fn under another", lambda t, x: t.vmap(lambda x: t.vmap(t.func.vjp(lambda x: x * x.sum(), x)[1])(t.eye(3)))(x), floats(2, 3)),
    case("grad through vjp", lambda t, x: t.func.grad(lambda x: t.func.vjp(t.sin, x)[1](t.ones(()))[0])(x), values(1.0)),
    case("grad with respect to the cotangent", lambda t, x, c: t.func.grad(lambda c: t.func.vjp(t.sin, x)[1](c)[0].sum())(c), floats(3), floats(3)),
    case("vjp of vjp", lambda t, x: t.func.vjp(lambda x: t.func.vjp(lambda x: x**3, x)[1](t.ones(3))[0], x)[1](t.ones(3)), floats(3)),
    case("vjp of jvp", lambda t, x: t.func.vjp(lambda x: t.func.jvp(lambda x: x**3, (x,), (t.ones(3),))[1], x)[1](t.ones(3)), floats(3)),
    case("jvp of vjp", lambda t, x: t.func.jvp(lambda x: t.func.vjp(lambda x: x**3, x)[1](t.ones(3))[0], (x,), (t.ones(3),)), floats(3)),
    case("out of vjp requires no grad", lambda t, x: t.func.vjp(t.sin, x)[0].requires_grad, floats(3)),
    case("values may be read inside", pulled(lambda x: x * float(x.sum()) if x[0] > -100 else x, ones), floats(3)),
    case("an output that is independent of the primal", pulled(lambda x: x.detach() * 2, ones), floats(3)),
    case("the same tensor twice", lambda t, x: t.func.vjp(lambda a, b: a * a * b, x, x)[1](t.ones(3)), floats(3)),
    case("empty input", pulled(lambda x: x * 2, ones), floats(0, 3)),
    case("a primal that is an empty tuple", lambda t, x: t.func.vjp(lambda e, x: x * 2, (), x)[1](x), floats(3)),
    case("a view as output", pulled(lambda x: x[1:], ones), floats(3)),
]

STRUCTURE = "Expected pytree structure of cotangents to be the same as pytree structure of outputs"


def mismatch(title, f, cotangent):
    return error(f"structure: {title}", pulled(f, cotangent), floats(3), fragment=STRUCTURE)


MISUSE = [
    mismatch("list for a tuple", lambda x: (x, x), lambda t, out: list(out)),
    mismatch("tuple for a list", lambda x: [x, x], lambda t, out: tuple(out)),
    mismatch("tuple for a namedtuple", lambda x: Pair(x, x), lambda t, out: tuple(out)),
    mismatch("namedtuple for a tuple", lambda x: (x, x), lambda t, out: Pair(*out)),
    mismatch("tuple for a tensor", lambda x: x, lambda t, out: (out,)),
    mismatch("tensor for a tuple of one", lambda x: (x,), lambda t, out: out[0]),
    mismatch("one too many", lambda x: (x, x), lambda t, out: (*out, out[0])),
    mismatch("a dict with another key", lambda x: {"a": x}, lambda t, out: {"b": out["a"]}),
    error("two cotangents for a tuple", lambda t, x: t.func.vjp(lambda x: (x, x), x)[1](x, x), floats(3), fragment=STRUCTURE, raises="RuntimeError"),
    *[
        error(
            f"cotangent of shape {c.array.shape} for an output of shape {shape}",
            lambda t, x, c: t.func.vjp(lambda x: x * 2, x)[1](c),
            floats(*shape),
            c,
            fragment=r"Mismatch in shape: grad_output\[0\] has a shape of",
        )
        for shape, c in (((3,), values(1.0)), ((), values([1.0])), ((3,), values([[1.0], [1.0], [1.0]])), ((3,), values([1.0, 1.0])))
    ],
    error(
        "complex cotangent of a real output",
        lambda t, x: t.func.vjp(t.sin, x)[1](x * (1 + 0j)),
        floats(3),
        fragment="both grad_output and output are required to have the same dtype",
    ),
    error(
        "real cotangent of a complex output",
        lambda t, x: t.func.vjp(lambda x: x * 1j, x)[1](x),
        floats(3),
        fragment="both grad_output and output are required to have the same dtype",
    ),
    error(
        "a Python number as cotangent",
        lambda t, x: t.func.vjp(lambda x: x.sum(), x)[1](1.0),
        floats(3),
        fragment="gradients can be either Tensors or None, but got float",
    ),
    error(
        "no cotangent",
        lambda t, x: t.func.vjp(t.sin, x)[1](),
        floats(3),
        fragment="missing 1 required positional argument: 'cotangents'",
    ),
    error("keyword arguments of the function", lambda t, x: t.func.vjp(lambda x, k: x, x, k=1), floats(3), fragment="unexpected keyword argument"),
    *[
        error(
            f"the output is {out!r}",
            lambda t, x, out=out: t.func.vjp(lambda x: out, x),
            floats(3),
            fragment=r"vjp\(f, \*primals\): Expected f to be a function that has non-empty output",
        )
        for out in (None, (), {})
    ],
    *[
        error(
            f"the output is {title}",
            lambda t, x, f=f: t.func.vjp(f, x),
            floats(3),
            fragment=r"vjp\(f, \*primals\): expected f\(\*primals\) to return only tensors, got unsupported type",
        )
        for title, f in {
            "a float": lambda x: 1.0,
            "a string": lambda x: "abc",
            "a tensor and None": lambda x: (x, None),
            "a tensor and a number": lambda x: (x, 1),
        }.items()
    ],
    *[
        error(
            f"an output of dtype {name}",
            lambda t, x, name=name: t.func.vjp(lambda x: (x, x.to(getattr(t, name))), x),
            floats(3),
            fragment=r"vjp\(f, \.\.\.\): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype",
        )
        for name in ("int64", "bool")
    ],
    *[
        error(
            f"with aux, the output is {title}",
            lambda t, x, f=f: t.func.vjp(f, x, has_aux=True),
            floats(3),
            fragment=r"vjp\(f, \*primals\): output of function f should be a tuple: \(output, aux\)",
        )
        for title, f in {"a tensor": lambda x: x, "a list": lambda x: [x, x], "three": lambda x: (x, x, x)}.items()
    ],
    *[
        error(
            f"aux is {aux!r}",
            lambda t, x, aux=aux: t.func.vjp(lambda x: (x, aux), x, has_aux=True),
            floats(3),
            fragment="Expected tensors, got unsupported type",
        )
        for aux in (1, None, "s")
    ],
    error(
        "cotangent None for an output with axes",
        lambda t, x: t.func.vjp(t.sin, x)[1](None),
        floats(3),
        fragment="grad can be implicitly created only for scalar outputs",
    ),
    error(
        "vjp_fn after its graph was freed",
        lambda t, x: after_release(t, x),
        floats(3),
        fragment="Trying to backward through the graph a second time",
    ),
    right(
        "a cotangent dict is matched by key",
        lambda t, x: t.func.vjp(lambda x: {"a": x * 2, "b": x * 3}, x)[1]({"b": t.zeros(3), "a": t.ones(3)}),
        floats(3),
        expected=lambda x: ([2.0, 2.0, 2.0],),
        why="PyTorch refuses another order of the keys",
    ),
]


def after_release(t, x):
    vjp_fn = t.func.vjp(lambda x: x * x, x)[1]
    vjp_fn(x, retain_graph=False)
    return vjp_fn(x)


CASES = [*RESULTS, *MISUSE]
