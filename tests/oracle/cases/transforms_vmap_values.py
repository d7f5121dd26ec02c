"""vmap: chunks, randomness, values that a mapped tensor does not have, and writes."""

from __future__ import annotations

import copy
import pickle

import numpy as np

from tests.oracle.case import case, error, floats, functorch, ints, right

X = floats(2, 3)
V = floats(3)

# ---- chunks ----------------------------------------------------------------------------------------------------------


CHUNKS = [
    *[
        case(f"chunk_size={n} of five rows", lambda t, x, n=n: t.vmap(lambda x: (x * 2, {"s": x.sum()}), chunk_size=n)(x), floats(5, 2))
        for n in (None, 1, 2, 3, 5, 9)
    ],
    case("chunk_size with in_dims and out_dims", lambda t, x, y: t.vmap(lambda x, y: (x * y, x), (1, None), (1, 0), chunk_size=2)(x, y), floats(3, 5), V),
    case("chunk_size with an unmapped output", lambda t, x, y: t.vmap(lambda x: y * 2, chunk_size=2)(x), floats(5, 2), V),
    case("chunk_size with keyword arguments", lambda t, x, y: t.vmap(lambda x, k: x * k, chunk_size=2)(x, k=y), floats(5, 3), V),
    case("chunk_size under grad", lambda t, x: t.func.grad(lambda x: t.vmap(t.sin, chunk_size=2)(x).sum())(x), floats(5)),
    case("chunk_size with grad inside", lambda t, x: t.vmap(t.func.grad(t.sin), chunk_size=2)(x), floats(5)),
    *[
        error(f"chunk_size={n} is refused at once", lambda t, n=n: t.vmap(t.sin, chunk_size=n), fragment="chunk_size should be None or greater than 0")
        for n in (0, -1)
    ],
    error("chunk_size=1.5", lambda t, x: t.vmap(t.sin, chunk_size=1.5)(x), floats(5), fragment=".", raises="TypeError"),
    error("chunk_size by position", lambda t: t.vmap(t.sin, 0, 0, "error", 2), fragment="positional argument"),
    *[
        case(f"chunk_vmap: chunks={n} of five rows", lambda t, x, n=n: functorch(t).experimental.chunk_vmap(lambda x: (x * 2, x.sum()), chunks=n)(x), floats(5, 2))
        for n in (1, 2, 3, 9)
    ],
    case("chunk_vmap with dims", lambda t, x, y: functorch(t).experimental.chunk_vmap(lambda x, y: x * y, (1, None), 1)(x, y), floats(3, 5), V),
    *[
        error(f"chunk_vmap: chunks={n}", lambda t, x, n=n: functorch(t).experimental.chunk_vmap(t.sin, chunks=n)(x), floats(5), fragment="expects `chunks` to be greater than 0")
        for n in (0,)
    ],
    right(
        "chunk_size with out_dims None",
        lambda t, x, y: t.vmap(lambda x: (x * 2, y), out_dims=(0, None), chunk_size=2)(x),
        floats(5),
        V,
        expected=lambda x, y: ((x * 2).astype("float32"), y.astype("float32")),
        why="PyTorch concatenates what is not mapped, and fails",
    ),
    right(
        "chunk_size with out_dims=(1,)",
        lambda t, x: t.vmap(lambda x: x * 2, out_dims=(1,), chunk_size=2)(x),
        floats(5, 2),
        expected=lambda x: (x * 2).T.astype("float32"),
        why="PyTorch fails in an assertion, and works without chunks",
    ),
    right(
        "chunk_size of an empty batch",
        lambda t, x: t.vmap(lambda x: x * 2, chunk_size=2)(x),
        floats(0, 2),
        expected=lambda x: x.astype("float32"),
        why="PyTorch fails in an assertion, and works without chunks",
    ),
]

# ---- randomness ------------------------------------------------------------------------------------------------------

ERROR_MODE = "called random operation while in randomness error mode"
BATCHED_PARAMETERS = "Vmap does not currently support same randomness with a batched tensor input"
UNBATCHED_WRITE = "different inplace randomness on an unbatched tensor"


def kinds(rows):
    """What does not depend on the generator: shape, and how many rows are unlike each other."""
    return [rows.shape, len({tuple(r.flatten().tolist()) for r in rows})]


DRAWS = {
    "rand": lambda t, x: t.rand(5),
    "randn": lambda t, x: t.randn(5),
    "randint": lambda t, x: t.randint(0, 1000, (5,)),
    "randperm": lambda t, x: t.randperm(50),
    "rand_like": lambda t, x: t.rand_like(x),
    "randn_like": lambda t, x: t.randn_like(x),
    "dropout": lambda t, x: t.nn.functional.dropout(t.ones(50)),
    "dropout of a mapped tensor": lambda t, x: t.nn.functional.dropout(x * 0 + 1, 0.5),
    "alpha_dropout": lambda t, x: t.nn.functional.alpha_dropout(t.ones(50), training=True),
    "gumbel_softmax": lambda t, x: t.nn.functional.gumbel_softmax(t.ones(5)),
    "randint_like": lambda t, x: t.randint_like(x, 1000),
    "multinomial of a tensor that is not mapped": lambda t, x: t.multinomial(t.ones(50), 20),
    "nn.Dropout": lambda t, x: t.nn.Dropout()(t.ones(50)),
    "normal_ on a mapped tensor": lambda t, x: x.clone().normal_(),
}

W = floats(3, 40)

RANDOM = [
    *[error(f"randomness='error': {name}", lambda t, x, f=f: t.vmap(lambda x: f(t, x))(x), W, fragment=ERROR_MODE) for name, f in DRAWS.items()],
    *[
        case(f"randomness={mode!r}: {name}", lambda t, x, f=f, mode=mode: kinds(t.vmap(lambda x: f(t, x), randomness=mode)(x)), W)
        for name, f in DRAWS.items()
        for mode in ("same", "different")
        if (name, mode) != ("gumbel_softmax", "different")  # PyTorch refuses the in-place draw that it makes of it
    ],
    error("randomness='error': normal_ on a tensor that is not mapped", lambda t, x: t.vmap(lambda x: t.zeros(3).normal_())(x), X, fragment=ERROR_MODE),
    case("randomness='same': normal_ on a tensor that is not mapped", lambda t, x: kinds(t.vmap(lambda x: t.zeros(3).normal_(), randomness="same")(x)), X),
    error("randomness='different': normal_ on a tensor that is not mapped", lambda t, x: t.vmap(lambda x: t.zeros(3).normal_(), randomness="different")(x), X, fragment=UNBATCHED_WRITE),
    *[
        row
        for name, f in {
            "bernoulli": lambda t, x: t.bernoulli(x.sigmoid()),
            "multinomial": lambda t, x: t.multinomial(x.exp(), 5, True),
            "normal": lambda t, x: t.normal(x, 1.0),
        }.items()
        for row in (
            error(f"randomness='error': {name} with mapped parameters", lambda t, x, f=f: t.vmap(lambda x: f(t, x))(x), W, fragment=ERROR_MODE),
            error(f"randomness='same': {name} with mapped parameters", lambda t, x, f=f: t.vmap(lambda x: f(t, x), randomness="same")(x), W, fragment=BATCHED_PARAMETERS),
            case(f"randomness='different': {name} with mapped parameters", lambda t, x, f=f: t.vmap(lambda x: f(t, x), randomness="different")(x).shape, W),
        )
    ],
    *[
        case(f"randomness='error': {name}", lambda t, x, f=f: t.vmap(lambda x: f(t, x))(x), X)
        for name, f in {
            "dropout with p=0": lambda t, x: t.nn.functional.dropout(x, 0.0),
            "dropout that is not training": lambda t, x: t.nn.functional.dropout(x, training=False),
            "nn.Dropout in eval": lambda t, x: t.nn.Dropout().eval()(x),
        }.items()
    ],
    case("randomness='same', out_dims None", lambda t, x: t.vmap(lambda x: t.rand(3), out_dims=None, randomness="same")(x).shape, X),
    error("randomness='different', out_dims None", lambda t, x: t.vmap(lambda x: t.rand(3), out_dims=None, randomness="different")(x), X, fragment="can not return a BatchedTensor when out_dim is None"),
    error("another randomness is refused at once", lambda t: t.vmap(t.sin, randomness="some"), fragment="Only allowed values for randomness are 'error', 'different', or 'same'"),
    case("nested: same outside different", lambda t, x: nested(t, x, "same", "different"), X),
    case("nested: different outside same", lambda t, x: nested(t, x, "different", "same"), X),
    case("nested: different twice", lambda t, x: nested(t, x, "different", "different"), X),
    case("nested: same twice", lambda t, x: nested(t, x, "same", "same"), X),
    error("nested: error outside", lambda t, x: nested(t, x, "error", "different"), X, fragment=ERROR_MODE),
    error("nested: error inside", lambda t, x: nested(t, x, "different", "error"), X, fragment=ERROR_MODE),
    case("grad and jvp do not mind", lambda t, x: [t.func.grad(lambda x: (x * t.rand(3)).sum())(x).shape, t.func.jvp(lambda x: x * t.rand(3), (x,), (x,))[1].shape], V),
    case("'different' draws one batch", lambda t, x: drawn_like(t, x, "different", lambda: t.rand(2, 3)), X),
    case("'same' draws once", lambda t, x: drawn_like(t, x, "same", lambda: t.rand(3).expand(2, 3)), X),
]


def nested(t, x, outer, inner):
    out = t.vmap(lambda r: t.vmap(lambda e: t.rand(()), randomness=inner)(r), randomness=outer)(x)
    return [out.shape, len(set(out[0].tolist())), len({r[0].item() for r in out})]


def drawn_like(t, x, randomness, plain):
    t.manual_seed(3)
    mapped = t.vmap(lambda x: t.rand(3), randomness=randomness)(x)
    after = t.rand(())
    t.manual_seed(3)
    return [bool((mapped == plain()).all()), bool(after == t.rand(()))]


# ---- values ----------------------------------------------------------------------------------------------------------

ITEM = r"item\(\) on a Tensor"
BRANCH = "data-dependent control flow"


def python_while(x):
    while x.sum() < 10:
        x = x * 2
    return x


def asserted(x):
    assert x.sum() < 100
    return x


READS = {
    ".item()": (lambda t, x: x[0].item() * x, ITEM),
    "float()": (lambda t, x: float(x[0]) * x, ITEM),
    "int()": (lambda t, x: int(x[0]) * x, ITEM),
    "a format": (lambda t, x: x * len(f"{x[0]:.2f}"), ITEM),
    "range()": (lambda t, x: [x for _ in range(x[0].long())], ITEM),
    "the index of a list": (lambda t, x: [x, x][x[0].long()], ITEM),
    "if": (lambda t, x: x if x[0] > 0 else -x, BRANCH),
    "bool()": (lambda t, x: x * bool(x[0]), BRANCH),
    "while": (lambda t, x: python_while(x), BRANCH),
    "not": (lambda t, x: x * (not x[0]), BRANCH),
    "and": (lambda t, x: x * (x[0] and x[1]), BRANCH),
    "max()": (lambda t, x: max(x), BRANCH),
    "is_nonzero": (lambda t, x: x * t.is_nonzero(x[0]), BRANCH),
    "any() as a condition": (lambda t, x: x if (x > 0).any() else -x, BRANCH),
    "a boolean index": (lambda t, x: x[x > 0], "Attempting to batch over indexing with a boolean mask"),
    "nonzero": (lambda t, x: t.nonzero(x), "We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::nonzero"),
    "where with one argument": (lambda t, x: t.where(x > 0), "We do not support batching operators that can output dynamic shape"),
    "unique": (lambda t, x: t.unique(x), "We do not support batching operators that can output dynamic shape"),
    "masked_select": (lambda t, x: t.masked_select(x, x > 0), "Attempted to vmap over `mask` in torch.masked_select"),
    "tolist": (lambda t, x: x * x.tolist()[0], "Cannot access data pointer of Tensor that doesn't have storage"),
    "data_ptr": (lambda t, x: x * x.data_ptr(), "Cannot access data pointer of Tensor that doesn't have storage"),
    "pickle": (lambda t, x: x * len(pickle.dumps(x)), "Cannot access storage of BatchedTensorImpl"),
    "torch.equal": (lambda t, x: x * t.equal(x, x), "Batching rule not implemented for aten::equal. We could not generate a fallback"),
    "allclose": (lambda t, x: x * t.allclose(x, x), "vmap over torch.allclose isn't supported yet"),
    "as_strided out of bounds": (lambda t, x: x.as_strided((3,), (1,), 20), "This is not supported inside of vmap|out of bounds for storage"),
    "repeat_interleave by a tensor": (lambda t, x: t.repeat_interleave(x, x.abs().long()), "stack expects each tensor to be equal size|item"),
    "bincount without minlength": (lambda t, x: t.bincount((x * 10).abs().long()), "stack expects each tensor to be equal size"),
    "int() under a loop": (lambda t, x: sum(x for _ in range(int(x[0]))), ITEM),
    "a slice by a tensor": (lambda t, x: [1, 2, 3][: x[0].long()], ITEM),
    "assert": (lambda t, x: asserted(x), BRANCH),
    "numpy()": (lambda t, x: x.numpy(), "Cannot access data pointer of Tensor that doesn't have storage"),
    "np.asarray": (lambda t, x: x * np.asarray(x).sum(), "Cannot access data pointer of Tensor that doesn't have storage"),
}

VALUES = [
    *[error(f"vmap: {name}", lambda t, x, f=f: t.vmap(lambda x: f(t, x))(x), X, fragment=fragment) for name, (f, fragment) in READS.items()],
    *[
        error(f"vmap of grad: {name}", lambda t, x, f=f: t.vmap(t.func.grad(lambda x: f(t, x).sum()))(x), X, fragment=fragment)
        for name, f in {".item()": READS[".item()"][0], "if": READS["if"][0]}.items()
        for fragment in (ITEM, BRANCH)
        if (fragment is ITEM) == (name == ".item()")
    ],
    case("where with three arguments", lambda t, x: t.vmap(lambda x: t.where(x > 0, x, -x))(x), X),
    case("masked_fill", lambda t, x: t.vmap(lambda x: x.masked_fill(x > 0, 0.0))(x), X),
    case("iteration", lambda t, x: t.vmap(lambda x: sum(e * e for e in x))(x), X),
    case("an index that is a mapped tensor", lambda t, x, i: t.vmap(lambda x, i: x[i])(x, i), X, ints(2, 2, high=3)),
    case("an index into a tensor that is not mapped", lambda t, x, i: t.vmap(lambda i: x[i])(i), X, ints(4, high=2)),
    case("a tensor that is not mapped has a value", lambda t, x, y: t.vmap(lambda x: x * y[0].item() if y.sum() > -100 else x)(x), X, V),
    case("a shape may be branched on", lambda t, x: t.vmap(lambda x: x if x.shape[0] > 2 else -x)(x), X),
    case("tensors as keys of a dict", lambda t, x: t.vmap(lambda x: {x: x * 2}[x])(x), X),
    case("bincount with minlength", lambda t, i: t.vmap(lambda i: t.bincount(i, minlength=5))(i), ints(2, 4, high=5)),
    case("str() of a mapped tensor", lambda t, x: printed(t, x), X),
    right(
        "torch.tensor of mapped tensors",
        lambda t, x: t.vmap(lambda x: t.tensor([x[0], x[1]]))(x),
        X,
        expected=lambda x: x[:, :2].astype("float32"),
        why="PyTorch calls .item() and refuses",
    ),
    case("isclose", lambda t, x: t.vmap(lambda x: t.isclose(x, x).all())(x), X),
    right(
        "deepcopy of a mapped tensor",
        lambda t, x: t.vmap(lambda x: copy.deepcopy(x) * 2)(x),
        X,
        expected=lambda x: (x * 2).astype("float32"),
        why="PyTorch cannot access the storage of a batched tensor",
    ),
]


def printed(t, x):
    texts = []
    t.vmap(lambda x: texts.append(str(x)) or x)(x)
    return ["Batched" in text for text in texts]


# ---- writes ----------------------------------------------------------------------------------------------------------

UNMAPPED = r"vmap: .*\(self, \*extra_args\) is not possible because"


def set_first(x, value):
    x[0] = value
    return x



def set_slice(c, x):
    c[1:] = x[1:]
    return c


WRITES = [
    *[
        case(f"write into a mapped tensor: {name}", lambda t, x, y, f=f: [t.vmap(lambda x: f(x, y))(x), x], X, V)
        for name, f in {
            "add_": lambda x, y: x.add_(y),
            "mul_": lambda x, y: x.mul_(y),
            "sin_": lambda x, y: x.sin_(),
            "copy_": lambda x, y: x.copy_(y),
            "item": lambda x, y: set_first(x, y[0]),
            "fill_": lambda x, y: x.fill_(2.0),
            "clamp_": lambda x, y: x.clamp_(0),
        }.items()
    ],
    case("write into a mapped tensor gives the argument itself", lambda t, x: t.vmap(t.Tensor.sin_)(x) is x, X),
    case("write a mapped value into another mapped tensor", lambda t, x, y: [t.vmap(lambda x, y: x.add_(y))(x, y), x], X, X),
    case("write into a clone", lambda t, x: [t.vmap(lambda x: x.clone().add_(1))(x), x], X),
    case("write into an unmapped tensor is seen outside", lambda t, x, c: [t.vmap(lambda x: (c.add_(1), x)[1])(x), c], X, V),
    case("write into a view of a mapped tensor", lambda t, x: [t.vmap(lambda x: (x[1:].mul_(2), x)[1])(x), x], X),
    case("write into new_zeros", lambda t, x: t.vmap(lambda x: set_first(x.new_zeros(3), x[1]))(x), X),
    case("write into zeros_like", lambda t, x: t.vmap(lambda x: t.zeros_like(x).add_(x))(x), X),
    *[
        error(f"write a mapped value into a captured tensor: {name}", lambda t, x, c, f=f: t.vmap(lambda x: f(c, x))(x), X, V, fragment=UNMAPPED)
        for name, f in {
            "mul_": lambda c, x: c.mul_(x),
            "copy_": lambda c, x: c.copy_(x),
            "item": lambda c, x: set_first(c, x[0]),
            "fill_": lambda c, x: c.fill_(x[0]),
            "masked_fill_": lambda c, x: c.masked_fill_(x > 0, 0.0),
            "addcmul_": lambda c, x: c.addcmul_(x, x),
            "pow_": lambda c, x: c.pow_(x),
            "clamp_": lambda c, x: c.clamp_(x),
            "lerp_": lambda c, x: c.lerp_(x, 0.5),
            "scatter_": lambda c, x: c.scatter_(0, x.abs().long() * 0, x),
            "scatter_add_": lambda c, x: c.scatter_add_(0, x.abs().long() * 0, x),
            "index_add_": lambda c, x: c.index_add_(0, x.abs().long() * 0, x),
            "index_put_": lambda c, x: c.index_put_((x.abs().long() * 0,), x),
            "a slice": lambda c, x: set_slice(c, x),
        }.items()
    ],
    error(
        "write a mapped value into a captured tensor: add_",
        lambda t, x, c: t.vmap(lambda x: c.add_(x))(x),
        X,
        V,
        fragment=r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]",
    ),
    error(
        "write a mapped value into a captured tensor: bitwise_and_",
        lambda t, x, c: t.vmap(lambda x: c.bitwise_and_(x))(x),
        ints(2, 3),
        ints(3),
        fragment=r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]",
    ),
    right(
        "setting by a mapped boolean mask",
        lambda t, x: t.vmap(lambda x: set_masked(x.clone(), x > 0))(x),
        X,
        expected=lambda x: np.where(x > 0, 0, x).astype("float32"),
        why="PyTorch refuses; the result has the same shape whatever the mask",
    ),
    right(
        "out= a tensor made inside",
        lambda t, x: t.vmap(lambda x: t.mul(x, x, out=t.empty(3)))(x),
        X,
        expected=lambda x: (x * x).astype("float32"),
        why="PyTorch's vmap has no out=",
    ),
    error("out= a captured tensor", lambda t, x, c: t.vmap(lambda x: t.mul(x, x, out=c))(x), X, V,
          fragment="the fallback path doesn't work on out= or view ops"),
    right(
        "index_add_ of mapped values into zeros made inside",
        lambda t, x: t.vmap(lambda x: t.zeros(2).index_add_(0, t.tensor([0, 1, 1]), x))(x),
        X,
        expected=lambda x: np.stack([x[:, 0], x[:, 1] + x[:, 2]], 1).astype("float32"),
        why="PyTorch refuses: zeros(2) is not mapped",
    ),
    right(
        "a mapped value into a view of zeros made inside",
        lambda t, x: t.vmap(lambda x: into_row(t, x))(x),
        X,
        expected=lambda x: np.stack([0 * x, x], 1).astype("float32"),
        why="PyTorch refuses: zeros is not mapped",
    ),
    right(
        "write a mapped value into zeros made inside inside",
        lambda t, x: t.vmap(lambda x: set_first(t.zeros(3), x[1]))(x),
        X,
        expected=lambda x: np.stack([x[:, 1], 0 * x[:, 1], 0 * x[:, 1]], 1).astype("float32"),
        why="PyTorch refuses: zeros(3) is not mapped",
    ),
    right(
        "add a mapped value to zeros made inside",
        lambda t, x: t.vmap(lambda x: t.zeros(3).add_(x))(x),
        X,
        expected=lambda x: x.astype("float32"),
        why="PyTorch refuses: zeros(3) is not mapped",
    ),
]

def set_masked(x, mask):
    x[mask] = 0.0
    return x


def into_row(t, x):
    out = t.zeros(2, 3)
    out[1].copy_(x)
    return out


CASES = [*CHUNKS, *RANDOM, *VALUES, *WRITES]
