"""The cross entropy of a linear layer's outputs: the layer, its options, its errors."""

from tests.oracle.case import case, error, floats

CLASSES = [0, 3, 1, 3, 2]


def loss(target=CLASSES, **options):
    """The loss and its gradients, with the layer's initial weights."""

    def program(t, x):
        t.manual_seed(0)
        made = {k: t.tensor(v) if k == "weight" else v for k, v in options.items()}
        module = t.nn.LinearCrossEntropyLoss(3, 4, **made)
        params = {k: p.detach() for k, p in module.named_parameters()}
        wanted = t.tensor(target)

        def total(params, x):
            out = t.func.functional_call(module, params, (x, wanted))
            return (out * t.arange(1.0, out.numel() + 1).reshape(out.shape)).sum(), out

        return t.func.grad(total, (0, 1), has_aux=True)(params, x), repr(module), module.state_dict()

    return program


def chunked(t, x):
    """Options change nothing but how the work is split."""
    t.manual_seed(0)
    options = t.nn.LinearCrossEntropyOptions(batch_chunk_size=2)
    module = t.nn.LinearCrossEntropyLoss(3, 4, options=options)
    out = module(x, t.tensor(CLASSES))
    out.backward()
    return out, module.linear.weight.grad, repr(options), options == t.nn.LinearCrossEntropyOptions(False, 2)


PROBABILITIES = [[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.9, 0.1], [0.25, 0.25, 0.25, 0.25]]

CASES = [
    case("LinearCrossEntropyLoss", loss(CLASSES), floats(5, 3)),
    case("LinearCrossEntropyLoss, bias, none", loss(CLASSES, bias=True, reduction="none"), floats(5, 3)),
    case(
        "LinearCrossEntropyLoss, weights, an ignored class, smoothing",
        loss(CLASSES, weight=[1.0, 2.0, 0.5, 3.0], ignore_index=3, label_smoothing=0.1, reduction="sum"),
        floats(5, 3),
    ),
    case("LinearCrossEntropyLoss of probabilities", loss(PROBABILITIES), floats(5, 3)),
    case("LinearCrossEntropyLoss of one input", loss(2), floats(3)),
    case(
        "LinearCrossEntropyLoss, further axes",
        loss([[0, 1], [3, 2]], out_features=(2,), bias=True, reduction="none"),
        floats(2, 3),
    ),
    case("LinearCrossEntropyLoss, options", chunked, floats(5, 3)),
    case("LinearCrossEntropyLoss of a dtype", lambda t: t.nn.LinearCrossEntropyLoss(3, 4, dtype=t.float64).linear.weight.dtype),
]


def bad(text, fragment):
    def program(t):
        given = {
            "t": t,
            "x": t.ones(5, 3),
            "w": t.ones(4, 3),
            "wide": t.ones(4, 2, 3),
            "y": t.zeros(5, dtype=t.int64),
            "F": t.nn.functional.linear_cross_entropy,
            "L": t.nn.LinearCrossEntropyLoss,
            "O": t.nn.LinearCrossEntropyOptions,
        }
        return eval(text, given)

    return error(f"linear_cross_entropy: {text}", program, fragment=fragment)


CASES += [
    bad("L(3, 4, reduction='x')(x, y)", "x is not a valid value for reduction"),
    bad("L(3, 4, weight=t.ones(3))", "expected weight shape to be"),
    bad("L(3, 4, label_smoothing=2.0)", "expected label_smoothing to be in range"),
    bad("L(3, 4, ignore_index=1)(x, t.ones(5, 4))", "ignore_index cannot be specified when target contains"),
    bad("L(3, 4)(x[:, :2], y)", "expected equal input and linear_weight last dimensions"),
    bad("L(3, 4)(x, y[:4])", "Expected input batch_size"),
    bad("F(x[None], w, y)", "expected input with dimensionality 1 or 2, got 3"),
    bad("F(x, w[0], y)", "expected linear_weight with dimensionality at least 2, got 1"),
    bad("F(x, w, y, linear_bias=t.ones(3))", "expected linear_bias shape"),
    bad("F(x[0], wide, y)", "requires batched input"),
    bad("O(batch_chunk_size=0)", "batch_chunk_size must be positive int or None, got 0"),
    bad("O(chunking_method='x')", "invalid chunking_method: 'x'"),
    bad("O(chunking_method='aspect_ratio:0')", "invalid chunking_method"),
    bad("O(acc_policy='x')", "invalid acc_policy: 'x'"),
    bad("O(acc_dtype=t.int64)", "acc_dtype must be one of"),
    bad("setattr(O(), 'acc_policy', 'auto')", "cannot assign to field"),
]
