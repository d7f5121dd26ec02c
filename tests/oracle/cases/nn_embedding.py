"""Embeddings: rows scaled down, gradients by frequency, bags under vmap."""

from tests.oracle.case import case, error, values

TABLE = values([[3.0, 4.0], [0.1, 0.2], [1.0, 1.0], [6.0, 8.0]])
INDEX = values([[0, 2], [0, 1]])
PAIR = (INDEX, TABLE)


def cubes(t, index, weight, **options):
    return t.nn.functional.embedding(index, weight, **options).pow(3).sum()


def gradient(**options):
    return lambda t, i, w: t.func.grad(lambda w: cubes(t, i, w, **options))(w)


def by_frequency(name):
    """A transform of the cubes of rows whose gradients are divided by how often they are looked up."""

    def program(t, i, w):
        return getattr(t.func, name)(lambda w: cubes(t, i, w, scale_grad_by_freq=True))(w)

    return program


def forward(t, i, w, **options):
    return t.func.jvp(lambda w: cubes(t, i, w, **options), (w,), (t.ones_like(w),))


def each(t, i, w):
    loss = t.func.grad(lambda w, i: cubes(t, i, w, scale_grad_by_freq=True))
    return t.func.vmap(loss, (None, 0))(w, i), t.func.vmap(loss, (0, None))(t.stack([w, w + 1]), i)


def layer(t, i, w, name="Embedding", **options):
    made = getattr(t.nn, name)(4, 2, _weight=w.clone(), **options)
    out = made(i)
    out.pow(3).sum().backward()
    return out, made.weight, made.weight.grad, repr(made)


def bounded(t, i, w, **options):
    w = w.clone()
    return t.nn.functional.embedding(i, w, **options), w


def bounded_in_grad(t, i, w):
    def loss(w):
        scaled = w * 1
        return t.nn.functional.embedding(i, scaled, max_norm=1.0).pow(2).sum(), scaled

    return t.func.grad(loss, has_aux=True)(w)


def recorded(t, i, w):
    w = w.clone().requires_grad_()
    scaled = w * 1
    out = t.nn.functional.embedding(i, scaled, max_norm=1.0)
    out.pow(2).sum().backward()
    return out, scaled, w.grad


def bags(offsets, **options):
    def program(t, w, p):
        at, index = t.tensor(offsets), t.tensor([[0, 1, 2], [1, 2, 3]])
        bag = t.nn.functional.embedding_bag
        if options.get("mode") == "sum":
            return t.func.vmap(lambda i, o, p: bag(i, w, o, per_sample_weights=p, **options))(index, at, p)
        return t.func.vmap(lambda i, o: bag(i, w, o, **options))(index, at), t.func.vmap(
            lambda o: bag(index[0], w, o, **options), in_dims=1
        )(at.T)

    return program


WEIGHTS = values([[1.0, -2.0, 3.0], [0.5, 0.5, 2.0]])

CASES = [
    case("gradients by frequency", gradient(scale_grad_by_freq=True), *PAIR),
    case("gradients by frequency, padded", gradient(scale_grad_by_freq=True, padding_idx=0), *PAIR),
    case("gradients by frequency, hessian", by_frequency("hessian"), *PAIR),
    case("gradients by frequency, forward mode", lambda t, i, w: forward(t, i, w, scale_grad_by_freq=True), *PAIR),
    case("gradients by frequency under vmap", each, *PAIR),
    case(
        "torch.embedding, gradients by frequency",
        lambda t, i, w: t.func.grad(lambda w: t.embedding(w, i, scale_grad_by_freq=True).pow(3).sum())(w),
        *PAIR,
    ),
    case("padding in forward mode", lambda t, i, w: forward(t, i, w, padding_idx=0), *PAIR),
    case("Embedding, gradients by frequency", lambda t, i, w: layer(t, i, w, scale_grad_by_freq=True), *PAIR),
    case("Embedding with max_norm", lambda t, i, w: layer(t, i, w, max_norm=1.0), *PAIR),
    *(
        case(f"embedding, {o}", lambda t, i, w, o=o: bounded(t, i, w, **o), *PAIR)
        for o in (
            {"max_norm": 1.0, "norm_type": float("inf")},
            {"max_norm": 2.0, "norm_type": 1},
            {"max_norm": 0.0},
            {"max_norm": -1.0},
        )
    ),
    case("max_norm inside grad is not differentiated", bounded_in_grad, *PAIR),
    case("max_norm and backward()", recorded, *PAIR),
    case("max_norm keeps tangents as they are", lambda t, i, w: forward(t, i, w * 1, max_norm=1.0), *PAIR),
    case("embedding_bag, mapped offsets", bags([[0, 1], [0, 2]]), TABLE, WEIGHTS),
    case("embedding_bag, mapped offsets and weights", bags([[0, 1], [0, 2]], mode="sum"), TABLE, WEIGHTS),
    case("embedding_bag, mapped offsets, the largest", bags([[0, 1], [0, 0]], mode="max"), TABLE, WEIGHTS),
    error("embedding_bag, a mapped offset past the end", bags([[0, 1], [0, 4]]), TABLE, WEIGHTS, fragment="of 4"),
    error("embedding_bag, a mapped offset that begins later", bags([[0, 1], [1, 2]]), TABLE, WEIGHTS, fragment="got 1"),
    error(
        "max_norm of a captured table under vmap",
        lambda t, i, w: t.func.vmap(lambda i: t.nn.functional.embedding(i, w, max_norm=1.0))(i),
        *PAIR,
        fragment="being vmapped over but `self` not being vmapped over",
    ),
    error(
        "padding out of range",
        lambda t, i, w: t.nn.functional.embedding(i, w, padding_idx=4),
        *PAIR,
        fragment="Padding_idx must be within num_embeddings",
    ),
    error(
        "embedding_renorm_ of a parameter",
        lambda t, i, w: t.embedding_renorm_(t.nn.Parameter(w), i, 1.0, 2.0),
        *PAIR,
        fragment="a leaf Variable that requires grad",
    ),
]
