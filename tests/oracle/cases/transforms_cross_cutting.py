"""What all transforms share: names and signatures, trees, argnums, which inputs differentiate, zeros, nesting."""

from __future__ import annotations

import copy
import inspect
import threading
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from functools import partial

import numpy as np

from tests.oracle.case import case, error, floats, functorch, ints, right, values

Pair = namedtuple("Pair", "a b")

# ---- names and signatures --------------------------------------------------------------------------------------------

SIGNATURES = {
    "grad": "func argnums has_aux",
    "grad_and_value": "func argnums has_aux",
    "vjp": "func primals has_aux",
    "jvp": "func primals tangents strict has_aux",
    "linearize": "func primals",
    "jacrev": "func argnums has_aux chunk_size",
    "jacfwd": "func argnums has_aux randomness",
    "hessian": "func argnums",
    "vmap": "func in_dims out_dims randomness chunk_size",
    "functionalize": "func remove",
    "functional_call": "module parameter_and_buffer_dicts args kwargs tie_weights strict",
    "stack_module_state": "models",
    "replace_all_batch_norm_modules_": "root",
    "debug_unwrap": "tensor recurse",
}


def parameters(function, names):
    """Kind and default of each named parameter, and the positional ones in order (further keywords are extensions)."""
    found = inspect.signature(function).parameters
    keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    return {
        "named": [
            [n, found[n].kind.name, "required" if found[n].default is inspect._empty else repr(found[n].default)]
            for n in names.split()
        ],
        "positional": [n for n, p in found.items() if p.kind not in keyword],
    }


def caught_warnings(make):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
    return [w.category.__name__ for w in caught]


NAMES = [
    *[
        case(f"signature of {name}", lambda t, name=name, p=p: parameters(getattr(t.func, name), p))
        for name, p in SIGNATURES.items()
    ],
    case("torch.func exports these names", lambda t: sorted(t.func.__all__)),
    case("torch.vmap is torch.func.vmap", lambda t: t.vmap is t.func.vmap),
    case(
        "functorch has the old names too",
        lambda t: [
            callable(getattr(functorch(t), n))
            for n in (
                "grad grad_and_value vjp jvp jacrev jacfwd hessian vmap functionalize make_functional "
                "make_functional_with_buffers combine_state_for_ensemble"
            ).split()
        ],
    ),
    right(
        "functorch's own transforms are not deprecated",
        lambda t: caught_warnings(lambda: functorch(t).grad(t.sin)),
        expected=[],
        why="PyTorch warns that functorch.grad moved to torch.func; this package keeps the name functorch",
    ),
    case("a wrapper keeps the name", lambda t: t.func.grad(partial_free).__name__),
    case("a wrapper keeps the docstring", lambda t: t.func.vmap(partial_free).__doc__),
    case("a wrapper keeps the original", lambda t: t.func.grad(partial_free).__wrapped__ is partial_free),
    case("a wrapper keeps the signature", lambda t: str(inspect.signature(t.func.jacrev(partial_free)))),
    case(
        "every wrapper keeps the name",
        lambda t: [
            getattr(t.func, n)(partial_free).__name__
            for n in "grad grad_and_value jacrev jacfwd hessian vmap functionalize".split()
        ],
    ),
    case(
        "a wrapper of a partial has no name of its own to keep",
        lambda t, x: t.func.grad(partial(lambda a, x: a * x, 2.0))(x),
        values(3.0),
    ),
    case("grad of a number fails only when called", lambda t: callable(t.func.grad(3))),
    error("calling grad of a number", lambda t, x: t.func.grad(3)(x), values(3.0), fragment="not callable", raises="TypeError"),
    case("a wrapper can be deep-copied", lambda t, x: copy.deepcopy(t.func.grad(t.sin))(x), values(0.0)),
    case("a transform as a method decorator", lambda t, x: decorated(t)().slope(x), values(3.0)),
    error(
        "hessian has no has_aux",
        lambda t: t.func.hessian(t.sin, has_aux=True),
        fragment="unexpected keyword argument 'has_aux'",
    ),
]


def partial_free(x, y=1, *, z=2):
    """Sum with defaults."""
    return (x * y * z).sum()


def decorated(t):
    class Model:
        scale = 2.0

        def slope(self, x):
            return t.func.grad(self.value)(x)

        def value(self, x):
            return self.scale * x * x

    return Model


# ---- trees -----------------------------------------------------------------------------------------------------------


def squares(tree):
    """Sum of squares over the containers that the rows use."""
    if isinstance(tree, dict):
        return sum(squares(v) for v in tree.values())
    if isinstance(tree, (tuple, list, deque)):
        return sum(squares(v) for v in tree)
    return (tree * tree).sum()


TREES = [
    case("tree: tuple", lambda t, x, y: t.func.grad(squares)((x, y)), floats(3), floats()),
    case("tree: list", lambda t, x, y: t.func.grad(squares)([x, [y]]), floats(3), floats()),
    case("tree: dict keeps insertion order", lambda t, x, y: t.func.grad(squares)({"b": x, "a": y}), floats(3), floats()),
    case("tree: dict with keys of two types", lambda t, x, y: t.func.grad(squares)({1: x, "a": y}), floats(3), floats()),
    case("tree: namedtuple", lambda t, x, y: t.func.grad(squares)(Pair(x, y)), floats(3), floats()),
    case("tree: OrderedDict", lambda t, x, y: t.func.grad(squares)(OrderedDict(b=x, a=y)), floats(3), floats()),
    case("tree: defaultdict", lambda t, x, y: t.func.grad(squares)(defaultdict(list, b=x, a=y)), floats(3), floats()),
    case("tree: deque", lambda t, x, y: t.func.grad(squares)(deque([x, y])), floats(3), floats()),
    case("tree: nested", lambda t, x, y: t.func.grad(squares)({"q": (x, [y]), "p": Pair(y, x)}), floats(3), floats()),
    case("tree: empty tuple", lambda t, x: t.func.grad(lambda e, x: x * 2)((), x), floats()),
    case("tree: empty dict", lambda t, x: t.func.grad(lambda e, x: x * 2, argnums=(0, 1))({}, x), floats()),
    case(
        "tree: return types are nodes",
        lambda t, x: t.vmap(lambda r: t.max(r, 0))(x),
        floats(2, 3),
    ),
    error(
        "tree: None is a leaf, and not a tensor",
        lambda t, x: t.func.grad(lambda p: (p[0] * 2).sum())((x, None)),
        floats(3),
        fragment="Thing passed to transform API must be Tensor, got <class 'NoneType'>",
    ),
    error(
        "tree: a set is a leaf",
        lambda t, x: t.func.grad(lambda p: x)({1, 2}),
        values(1.0),
        fragment="Thing passed to transform API must be Tensor, got <class 'set'>",
    ),
    case("tree: what is not differentiated may be anything", lambda t, x: t.func.grad(lambda x, o: x * len(o))(x, {1, 2}), floats()),
    case("tree: None in what is not differentiated", lambda t, x: t.func.grad(lambda x, o: x * (o is None))(x, None), floats()),
]

# ---- argnums ---------------------------------------------------------------------------------------------------------

TAKE_ARGNUMS = "grad grad_and_value jacrev jacfwd hessian".split()


def apply(name, argnums, *, inputs=2):
    def program(t, *xs):
        def f(*xs):
            out = xs[0] * xs[0]
            for x in xs[1:]:
                out = out * x
            return out

        return getattr(t.func, name)(f, argnums=argnums)(*xs[:inputs])

    return program


XY = (values(2.0), values(3.0))

WRONG = {
    ("jacfwd", -1): 4.0,
    ("jacfwd", -2): 12.0,
    ("jacfwd", (0, -1)): (12.0, 4.0),
    ("jacfwd", (-1,)): (4.0,),
    ("hessian", -2): 6.0,
    ("hessian", (0, -1)): ((6.0, 4.0), (4.0, 0.0)),
}

ARGNUMS = [
    *[
        case(f"{name}: argnums={argnums!r}", apply(name, argnums), *XY)
        for name in TAKE_ARGNUMS
        for argnums in (0, 1, -1, -2, (0,), (1, 0), (0, -1), (-1,), True)
        if (name, argnums) not in WRONG
    ],
    *[
        right(f"{name}: argnums={argnums!r}", apply(name, argnums), *XY, expected=expected, why="PyTorch gives zeros for a negative argnum")
        for (name, argnums), expected in WRONG.items()
    ],
    *[
        error(f"{name}: argnums={argnums!r} is refused", apply(name, argnums), *XY, fragment=fragment)
        for name in TAKE_ARGNUMS
        for argnums, fragment in (
            ([0, 1], r"argnums must be int or Tuple\[int, \.\.\.\], got: <class 'list'>"),
            (0.0, r"argnums must be int or Tuple\[int, \.\.\.\], got: <class 'float'>"),
            ("x", r"argnums must be int or Tuple\[int, \.\.\.\], got: <class 'str'>"),
            (np.int64(0), r"argnums must be int or Tuple\[int, \.\.\.\], got: <class 'numpy.int64'>"),
            ((0, 1.0), r"argnum must be int, got:"),
            (2, r"Got argnum=2, but only 2 positional inputs"),
            (-3, r"Got argnum=-3, but only 2 positional inputs"),
            ((0, 2), r"Got argnum=2, but only 2 positional inputs"),
            ((), r"argnums must be non-empty"),
            ((0, 0), r"argnums elements must be unique, got \(0, 0\)"),
            ((0, -2), r"argnums elements must be unique, got \(0, 0\)"),
        )
    ],
    *[
        error(
            f"{name}: argnums=None is refused",
            apply(name, None),
            *XY,
            fragment=r"argnums must be int or Tuple\[int, \.\.\.\], got: <class 'NoneType'>",
        )
        for name in ("grad", "grad_and_value", "jacrev")
    ],
    *[
        error(f"{name}: no positional argument", apply(name, 0, inputs=0), fragment="Got argnum=0, but only 0 positional inputs")
        for name in TAKE_ARGNUMS
    ],
    error(
        "grad: the argument is passed by keyword",
        lambda t, x: t.func.grad(lambda x: x * 2)(x=x),
        values(2.0),
        fragment="Got argnum=0, but only 0 positional inputs",
    ),
]

# ---- which inputs differentiate --------------------------------------------------------------------------------------

REVERSE = "grad jacrev".split()

DIFFERENTIABLE = [
    *[
        error(
            f"{name}: a {type(leaf).__name__} leaf",
            lambda t, x, name=name, leaf=leaf: getattr(t.func, name)(lambda p: x * 2)(leaf),
            values(2.0),
            fragment=f"Thing passed to transform API must be Tensor, got <class '{type(leaf).__name__}'>",
        )
        for name in REVERSE
        for leaf in (2.0, "s", None)
    ],
    *[
        error(
            f"{name}: an input of dtype {x.dtype}",
            lambda t, x, name=name: getattr(t.func, name)(lambda x: (x * 2.0).sum())(x),
            x,
            fragment="only Tensors of floating point dtype can require gradients",
        )
        for name in REVERSE
        for x in (values([1, 2]), values([True, False]))
    ],
    error(
        "vjp: an integer input",
        lambda t, x: t.func.vjp(lambda x: x * 2.0, x),
        ints(3),
        fragment="only Tensors of floating point dtype can require gradients",
    ),
    error(
        "vjp: a float input",
        lambda t: t.func.vjp(lambda x: t.ones(()) * x, 2.0),
        fragment="Thing passed to transform API must be Tensor, got <class 'float'>",
    ),
    *[
        error(
            f"{name}: an integer input",
            lambda t, x, name=name: getattr(t.func, name)(lambda x: (x * 2.0).sum())(x),
            ints(3),
            fragment="Expected primal to be floating point or complex, but got: torch.int64",
        )
        for name in ("jacfwd",)
    ],
    case("integer arguments that are not differentiated", lambda t, x, i: t.func.grad(lambda x, i: x[i].sum())(x, i), floats(4), [0, 2, 2]),
    case("Python arguments that are not differentiated", lambda t, x: t.func.grad(lambda x, n, s: x**n)(x, 3, "s"), values(2.0)),
    case("gradient of an unused input is zeros", lambda t, x, y: t.func.grad(lambda x, y: x.sum(), (0, 1))(x, y), floats(2), floats(2, 3)),
    *[
        case(
            f"gradient has the input's dtype: {dtype}",
            lambda t, x: t.func.grad(lambda x: (x.double() * 2).sum())(x),
            floats(3, dtype=dtype),
        )
        for dtype in ("float16", "bfloat16", "float32", "float64")
    ],
    case("gradient of float32 times a float64 tensor without axes", lambda t, x, y: t.func.grad(lambda x: (x * y).sum())(x), floats(3), floats(dtype="float64")),
    case("gradient of mixed dtypes", lambda t, x, y: t.func.grad(lambda x, y: (x * y).sum(), (0, 1))(x, y), floats(3), floats(3, dtype="float64")),
]


def seen_inside(t, x, y):
    seen = []

    def f(x, y):
        seen.append([x.requires_grad, y.requires_grad, (x * y).requires_grad, type(x).__name__])
        return (x * y).sum()

    t.func.grad(f)(x, y)
    return seen



INSIDE = [
    case("inside grad: requires_grad", seen_inside, floats(3), floats(3)),
    case("inside grad: is_leaf", lambda t, x: leaves_inside(t, x), floats(3)),
    case("inside grad: a Parameter is a Tensor", lambda t, x: seen_inside(t, t.nn.Parameter(x), x), floats(3)),
    case("the .grad of inputs is not written", lambda t, x: [t.func.grad(t.sin)(x.requires_grad_()).shape, x.grad], values(1.0)),
    case("the result of grad requires no grad", lambda t, x: t.func.grad(t.sin)(x).requires_grad, values(1.0)),
    case("outer autograd: result tracks an input that requires grad", lambda t, x: t.func.grad(t.sin)(x.requires_grad_()).requires_grad, values(1.0)),
    case(
        "outer autograd: differentiates through grad",
        lambda t, x: t.autograd.grad(t.func.grad(lambda x: x**3)(x.requires_grad_()), x),
        values(2.0),
    ),
    case(
        "outer autograd: differentiates through a captured tensor",
        lambda t, x, w: t.autograd.grad(w.requires_grad_() * t.func.grad(lambda x: w**2 * x**3)(x), w),
        values(2.0),
        values(3.0),
    ),
]


def leaves_inside(t, x):
    seen = []

    def f(x):
        seen.extend([x.is_leaf, (x * 2).is_leaf])
        return x.sum()

    t.func.grad(f)(x)
    return seen


# ---- nesting ---------------------------------------------------------------------------------------------------------


def repeat(transform, n, f):
    for _ in range(n):
        f = transform(f)
    return f


def forward(t, f):
    return lambda x: t.func.jvp(f, (x,), (t.ones_like(x),))[1]


def in_thread(work):
    out = []
    thread = threading.Thread(target=lambda: out.append(work()))
    thread.start()
    thread.join()
    return out[0]


def mixed(t, x):
    return t.func.grad(forward(t, t.func.grad(forward(t, lambda x: x**6))))(x)


NESTING = [
    case("grad six deep", lambda t, x: repeat(t.func.grad, 6, t.sin)(x), values(1.0)),
    case("jacrev four deep", lambda t, x: repeat(t.func.jacrev, 4, lambda x: x**6)(x), values(1.5)),
    case("jacfwd four deep", lambda t, x: repeat(t.func.jacfwd, 4, lambda x: x**6)(x), values(1.5)),
    case("jvp four deep", lambda t, x: repeat(partial(forward, t), 4, lambda x: x**6)(x), values(1.5)),
    case("vmap five deep", lambda t, x: repeat(t.vmap, 5, lambda x: x * 2 + x.sum())(x), floats(1, 2, 1, 2, 1, 2)),
    case("grad of jvp of grad of jvp", mixed, values(1.5)),
    case("hessian of a vector function", lambda t, x: t.func.hessian(lambda x: (x**3).sum())(x), floats(2)),
    case("vmap of hessian", lambda t, x: t.vmap(t.func.hessian(lambda x: (x**3).sum()))(x), floats(2, 2)),
    case("no perturbation confusion, reverse", lambda t, x: t.func.grad(lambda x: x * t.func.grad(lambda y: x + y)(t.tensor(1.0)))(x), values(1.0)),
    case("no perturbation confusion, forward", lambda t, x: forward(t, lambda x: x * forward(t, lambda y: x + y)(t.tensor(1.0)))(x), values(1.0)),
    case("no perturbation confusion, mixed", lambda t, x: t.func.grad(lambda x: x * forward(t, lambda y: x * y)(t.tensor(1.0)))(x), values(3.0)),
    case("grad in a thread", lambda t, x: in_thread(lambda: t.func.grad(t.sin)(x)), values(1.0)),
    case("grad in a thread inside grad", lambda t, x: t.func.grad(lambda x: x * in_thread(lambda: t.func.grad(t.sin)(t.tensor(1.0))))(x), values(1.0)),
    case("keyword arguments pass through a stack", lambda t, x: t.vmap(t.func.grad(lambda x, k: (x * k).sum()))(x, k=2.0), floats(2, 3)),
]

CASES = [*NAMES, *TREES, *ARGNUMS, *DIFFERENTIABLE, *INSIDE, *NESTING]
