"""`torch.masked`: reductions and normalisations of what a mask keeps."""

from __future__ import annotations

from tests.oracle.case import Row, case, error, floats, ints, values

KEEP = values([[True, False, True, True], [False, False, True, False], [False, False, False, False]])
REDUCTIONS = ["sum", "mean", "amax", "amin", "prod", "argmax", "argmin", "logsumexp", "median"]
SLOPES = {"argmax": False, "argmin": False}


def call(name: str, *args: object, **kwargs: object):
    return lambda t, x, mask: getattr(t.masked, name)(x, *args, mask=mask, **kwargs)


CASES: list[Row] = [
    *[case(name, call(name, 1), floats(3, 4), KEEP, grad=SLOPES.get(name, True)) for name in REDUCTIONS],
    *[case(f"{name} of one row of the mask", lambda t, x, mask, name=name: getattr(t.masked, name)(x, 0, mask=mask[0]), floats(3, 4), KEEP) for name in ("sum", "amax")],
    *[case(f"{name} with no mask", lambda t, x, name=name: getattr(t.masked, name)(x, 1, keepdim=True), floats(3, 4)) for name in ("sum", "mean", "amin")],
    *[case(f"{name} of integers", call(name, 1), ints(3, 4), KEEP) for name in ("sum", "prod", "amax", "argmin")],
    case("var and std", lambda t, x, mask: (t.masked.var(x, 1, unbiased=False, mask=mask[:2]), t.masked.std(x, 1, unbiased=True, mask=mask[:1])), floats(2, 4), KEEP),
    case("norm", lambda t, x, mask: (t.masked.norm(x, 2.0, 1, mask=mask), t.masked.norm(x, float("inf"), 1, mask=mask)), floats(3, 4), KEEP, grad=True),
    case("softmax, log_softmax, softmin", lambda t, x, mask: [getattr(t.masked, n)(x, 1, mask=mask) for n in ("softmax", "log_softmax", "softmin")], floats(3, 4), KEEP),
    case("cumsum and cumprod", lambda t, x, mask: (t.masked.cumsum(x, 1, mask=mask), t.masked.cumprod(x, 0, mask=mask)), floats(3, 4), KEEP, grad=True),
    case("normalize", lambda t, x, mask: t.masked.normalize(x, 2.0, 1, mask=mask), floats(3, 4), KEEP),
    case("into float64", call("sum", 0, dtype=None), floats(3, 4), KEEP),
    error("a mask with more axes", lambda t, x, mask: t.masked.sum(x, 0, mask=mask), floats(4), KEEP, fragment="mask dimensionality higher than of the input"),
    error("a mask that does not broadcast", lambda t, x, mask: t.masked.sum(x, 0, mask=mask), floats(3, 5), KEEP, fragment=r"The expanded size of the tensor \(5\) must match the existing size \(4\)"),
    error("amax of bools", lambda t, x: t.masked.amax(x > 0, 0, mask=x > 0), floats(3), fragment="identity of amax on torch.bool input"),
]
