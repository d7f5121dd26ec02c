"""Reductions of segments along an axis."""

from tests.oracle.case import case, error, floats

X = floats(6)


def reduced(kind, *lengths, **settings):
    return lambda t, x: t.segment_reduce(x, kind, lengths=t.tensor(lengths), **settings)


CASES = [
    *[case(f"{kind} of full and empty segments", reduced(kind, 2, 0, 4), X) for kind in ("sum", "mean", "prod", "max", "min")],
    *[case(f"{kind} from an initial value", reduced(kind, 2, 0, 4, initial=3.0), X) for kind in ("sum", "mean", "prod", "max")],
    *[case(f"gradient of {kind}", reduced(kind, 2, 4), X, grad="reverse") for kind in ("sum", "mean", "prod", "max", "min")],
    case("offsets", lambda t, x: t.segment_reduce(x, "sum", offsets=t.tensor([0, 2, 6])), X),
    case("along the second axis", reduced("max", [1, 2], [3, 0], axis=1), floats(2, 3, 2)),
    case("unsafe: what is left is not looked at", reduced("sum", 1, 2, unsafe=True), X),
    error("lengths that do not add up", reduced("sum", 1, 2), X, fragment="Expected all rows of lengths along axis to sum to"),
    error("a negative length", reduced("sum", -1, 7), X, fragment="lengths contains negative value"),
    error("an unknown reduction", reduced("median", 6), X, fragment="reduce argument must be either sum, prod, mean, amax or amin, got median"),
    error("neither lengths nor offsets", lambda t, x: t.segment_reduce(x, "sum"), X, fragment="Either lengths or offsets must be defined"),
    error("of integers", lambda t, x: reduced("sum", 6)(t, x.long()), X, fragment='"_segment_reduce_cpu" not implemented for .Long'),
]  # fmt: skip
