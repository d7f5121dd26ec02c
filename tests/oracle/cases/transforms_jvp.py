"""jvp: results, strict, dtypes, and every misuse."""

from __future__ import annotations

from collections import namedtuple

from tests.oracle.case import case, error, floats, ints, right, values

Pair = namedtuple("Pair", "a b")


def pushed(f, **options):
    """jvp of `f` at the first half of the inputs along the second half."""

    def program(t, *xs):
        n = len(xs) // 2
        return t.func.jvp(f, tuple(xs[:n]), tuple(xs[n:]), **options)

    return program


V = (floats(3), floats(3))

RESULTS = [
    case("one primal", pushed(lambda x: x.sin()), *V),
    case("two primals", pushed(lambda x, y: x * y), *V, *V),
    case("an unused primal", pushed(lambda x, y: x * 2), *V, *V),
    case("a primal that is a dict", pushed(lambda p: p["a"] * p["b"]), {"a": floats(3), "b": floats(3)}, {"a": floats(3), "b": floats(3)}),
    case("a primal that is a nested list", pushed(lambda p: p[0] * p[1][0]), [floats(3), [floats(3)]], [floats(3), [floats(3)]]),
    case("output is a tuple", pushed(lambda x: (x.sin(), x.sum())), *V),
    case("output is a list", pushed(lambda x: [x.sin(), x.sum()]), *V),
    case("output is a dict", pushed(lambda x: {"b": x.sin(), "a": x.sum()}), *V),
    case("output is a namedtuple", pushed(lambda x: Pair(x.sin(), x.sum())), *V),
    case("with aux", pushed(lambda x: (x.sin(), {"c": x.cos()}), has_aux=True), *V),
    case("with an integer aux", pushed(lambda x: (x.sin(), x.argmax()), has_aux=True), *V),
    case("output independent of the input", lambda t, x, v, c: t.func.jvp(lambda x: c * 2, (x,), (v,)), *V, floats(2)),
    case("a detached output", pushed(lambda x: x.detach()), *V),
    case("an integer output", pushed(lambda x: x.argsort()), *V),
    case("a bool output", pushed(lambda x: x > 0), *V),
    case("a float output next to an integer one", pushed(lambda x: (x * 2, x.argsort())), *V),
    case("identity", pushed(lambda x: x), *V),
    case("a float64 tangent of a float32 primal", pushed(lambda x: x * x), floats(3), floats(3, dtype="float64"), gap="a tangent of JAX's has the dtype of its primal"),
    case("a float16 primal", pushed(lambda x: x * x), floats(3, dtype="float16"), floats(3, dtype="float16")),
    case("float64", pushed(lambda x: x.exp()), floats(3, dtype="float64"), floats(3, dtype="float64")),
    case("strict, and all outputs depend", pushed(lambda x: (x * 2, x.sum()), strict=True), *V),
    case("strict, times zero", pushed(lambda x: x * 0, strict=True), *V),
    case("strict, an unused second primal", pushed(lambda x, y: x * 2, strict=True), *V, *V),
    case("strict with aux", pushed(lambda x: (x * 2, x.sum()), strict=True, has_aux=True), *V),
    case("empty input", pushed(lambda x: x * 2), floats(0, 3), floats(0, 3)),
    case("values may be read inside", pushed(lambda x: x * float(x.sum()) if x[0] > -100 else x), *V),
    case("a scalar times an integer", pushed(lambda x: x * 2), values(2.0), values(1.0)),
    case("a scalar to a float power", pushed(lambda x: x**2.0), values(2.0), values(1.0)),
    case("a vector times a float", pushed(lambda x: x * 2.5), *V),
    case("jvp of jvp", lambda t, x: t.func.jvp(lambda x: t.func.jvp(lambda x: x**3, (x,), (x,))[1], (x,), (x,)), floats(3)),
    case("jvp of grad", lambda t, x: t.func.jvp(t.func.grad(lambda x: (x**3).sum()), (x,), (x,)), floats(3)),
    case("grad of jvp", lambda t, x: t.func.grad(lambda x: t.func.jvp(lambda x: (x**3).sum(), (x,), (x,))[1])(x), floats(3)),
    case("vmap of jvp over tangents", lambda t, x: t.vmap(lambda v: t.func.jvp(lambda x: x * x.sum(), (x,), (v,))[1])(t.eye(3)), floats(3)),
    case("vmap of jvp", lambda t, x, v: t.vmap(lambda x, v: t.func.jvp(t.sin, (x,), (v,)))(x, v), floats(2, 3), floats(2, 3)),
    case("jvp of vmap", lambda t, x, v: t.func.jvp(t.vmap(t.sin), (x,), (v,)), floats(2, 3), floats(2, 3)),
    case("primals and tangents by keyword", lambda t, x, v: t.func.jvp(func=t.sin, primals=(x,), tangents=(v,)), *V),
    case("a captured tensor has no tangent", lambda t, x, v, c: t.func.jvp(lambda x: x * c, (x,), (v,)), *V, floats(3)),
    case("the same tensor twice", lambda t, x, v: t.func.jvp(lambda a, b: a * a * b, (x, x), (v, v)), *V),
    case("an in-place operation on a clone", pushed(lambda x: x.clone().mul_(x)), *V),
    *[
        right(
            f"tangent of a scalar {title} stays float32",
            pushed(f),
            values(4.0),
            values(1.0),
            expected=expected,
            why="PyTorch gives a float64 tangent where a tensor with no axes meets a Python float",
        )
        for title, f, expected in (
            ("times a float", lambda x: x * 2.0, lambda x, v: ((x * 2).astype("float32"), (v * 2).astype("float32"))),
            ("divided by a float", lambda x: x / 2.0, lambda x, v: ((x / 2).astype("float32"), (v / 2).astype("float32"))),
            ("under a float", lambda x: 2.0 / x, lambda x, v: ((2 / x).astype("float32"), (-2 / x**2).astype("float32"))),
        )
    ],
]

PREFIX = r"jvp\(f, primals, tangents\): "


def refused(title, f, primals, tangents, fragment, **options):
    """`primals(x)` and `tangents(x)` make the arguments of jvp."""
    return error(title, lambda t, x: t.func.jvp(f, primals(x), tangents(x), **options), floats(3), fragment=fragment)


def one(x):
    return (x,)


def same(x):
    return x


MISUSE = [
    refused("primals in a list", same, lambda x: [x], lambda x: [x], f"{PREFIX}Expected primals to be a tuple"),
    refused("primals a tensor", same, same, same, f"{PREFIX}Expected primals to be a tuple"),
    *[
        refused(f"structure: {title}", lambda *xs: xs[0], primals, tangents, f"{PREFIX}Expected primals and tangents to have the same python structure")
        for title, primals, tangents in (
            ("tangents a tensor", one, same),
            ("tangents a list", one, lambda x: [x]),
            ("too many tangents", one, lambda x: (x, x)),
            ("too few tangents", lambda x: (x, x), one),
            ("another key", lambda x: ({"a": x},), lambda x: ({"b": x},)),
            ("a tuple for a tensor", one, lambda x: ((x,),)),
        )
    ],
    refused("no tensor in primals", lambda e: e, lambda x: ((),), lambda x: ((),), f"{PREFIX}Expected primals to contain at least one Tensor"),
    refused("no primals", lambda: 1, lambda x: (), lambda x: (), f"{PREFIX}Expected primals to contain at least one Tensor"),
    refused("a number as primal", same, lambda x: (1.0,), one, f"{PREFIX}Expected primals to only contain Tensors, got"),
    refused("None as primal", lambda x, y: x, lambda x: (x, None), lambda x: (x, x), f"{PREFIX}Expected primals to only contain Tensors, got"),
    refused("a number as tangent", same, one, lambda x: (1.0,), f"{PREFIX}Expected tangents to only contain Tensors, got"),
    refused("None as tangent", same, one, lambda x: (None,), f"{PREFIX}Expected tangents to only contain Tensors, got"),
    *[
        refused(f"the output is {out!r}", lambda x, out=out: out, one, one, f"{PREFIX}Expected f to be a function that has non-empty output")
        for out in (None, ())
    ],
    *[
        refused(f"the output is {title}", f, one, one, f"{PREFIX}expected f\\(\\*primals\\) to return only tensors, got unsupported type")
        for title, f in {"a float": lambda x: 1.0, "a tensor and None": lambda x: (x, None)}.items()
    ],
    *[
        refused(f"with aux, the output is {title}", f, one, one, f"{PREFIX}output of function f should be a tuple: \\(output, aux\\)", has_aux=True)
        for title, f in {"a tensor": same, "a list": lambda x: [x, x], "three": lambda x: (x, x, x)}.items()
    ],
    *[
        refused(f"aux is {aux!r}", lambda x, aux=aux: (x, aux), one, one, "Expected tensors, got unsupported type", has_aux=True)
        for aux in (1, None)
    ],
    *[
        refused(
            f"strict, and the output is {title}",
            f,
            one,
            one,
            r"jvp\(f, primals, tangents, strict=True\): The output of f is independent of",
            strict=True,
        )
        for title, f in {
            "detached": lambda x: x.detach(),
            "rounded through integers": lambda x: x.long().float(),
            "half detached": lambda x: (x * 2, x.detach()),
        }.items()
    ],
    *[
        error(
            f"tangent of shape {shape}",
            lambda t, x, v: t.func.jvp(t.sin, (x,), (v,)),
            floats(3),
            floats(*shape),
            fragment="Trying to set a forward gradient that has a different size than that of the original Tensor",
        )
        for shape in ((2,), (), (1, 3))
    ],
    error("an integer primal", lambda t, x, v: t.func.jvp(lambda x: x * 2, (x,), (v,)), ints(3), floats(3), fragment="Expected primal to be floating point or complex"),
    error("an integer tangent", lambda t, x, v: t.func.jvp(lambda x: x * 2, (x,), (v,)), floats(3), ints(3), fragment="Expected tangent to be floating point or complex"),
    error("strict by position", lambda t, x: t.func.jvp(t.sin, (x,), (x,), True), floats(3), fragment="takes 3 positional arguments"),
    error("keyword arguments of the function", lambda t, x: t.func.jvp(lambda x, k: x, (x,), (x,), k=1), floats(3), fragment="unexpected keyword argument"),
]

CASES = [*RESULTS, *MISUSE]
