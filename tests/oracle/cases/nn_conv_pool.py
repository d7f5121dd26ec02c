"""Convolution, pooling, patches, resizing, sampling, padding and attention."""

from __future__ import annotations

from typing import Any

from tests.oracle.case import Row, bools, case, complexes, error, floats, ints


def _f(name: str, *args: Any, **kwargs: Any) -> Any:
    """A program that calls a function of nn.functional with its inputs first."""
    return lambda t, *xs: getattr(t.nn.functional, name)(*xs, *args, **kwargs)


CONV: list[Row] = [
    *(
        case(
            f"conv{n}d {options}",
            _f(f"conv{n}d", **options),
            floats(2, 4, *size),
            floats(6, channels, *kernel),
            grad=True,
        )
        for n, size, kernel in ((1, (8,), (3,)), (2, (7, 6), (3, 2)), (3, (5, 4, 5), (2, 3, 2)))
        for options, channels in (
            ({}, 4),
            ({"stride": 2, "padding": 1}, 4),
            ({"dilation": 2, "padding": 2, "groups": 2}, 2),
        )
    ),
    case("conv2d with bias", _f("conv2d"), floats(2, 3, 5, 5), floats(4, 3, 3, 3), floats(4), grad=True),
    case("conv1d with bias, no batch", _f("conv1d"), floats(3, 5), floats(4, 3, 3), floats(4), grad=True),
    case("conv2d, no batch", _f("conv2d"), floats(3, 5, 5), floats(4, 3, 3, 3)),
    case("conv2d, padding same", _f("conv2d", padding="same"), floats(1, 2, 5, 6), floats(3, 2, 2, 3), grad=True),
    case(
        "conv2d, padding same, dilated",
        _f("conv2d", padding="same", dilation=2),
        floats(1, 2, 7, 6),
        floats(3, 2, 2, 3),
    ),
    case("conv2d, padding valid", _f("conv2d", padding="valid", stride=2), floats(1, 2, 5, 6), floats(3, 2, 2, 3)),
    case(
        "conv2d by pairs",
        _f("conv2d", stride=(2, 1), padding=(0, 2), dilation=(1, 2)),
        floats(1, 2, 7, 6),
        floats(3, 2, 2, 3),
    ),
    case("conv2d depthwise", _f("conv2d", groups=4), floats(2, 4, 5, 5), floats(8, 1, 3, 3), grad=True),
    case("conv2d, float64", _f("conv2d"), floats(1, 2, 5, 5, dtype="float64"), floats(3, 2, 3, 3, dtype="float64")),
    case("conv2d of integers", _f("conv2d"), ints(1, 2, 5, 5), ints(3, 2, 3, 3)),
    case("conv2d of complex numbers", _f("conv2d"), complexes(1, 2, 5, 5), complexes(3, 2, 3, 3)),
    case("conv2d of no images", _f("conv2d"), floats(0, 2, 5, 5), floats(3, 2, 3, 3)),
    case(
        "torch.conv1d, conv2d",
        lambda t, x, w: (t.conv1d(x[:, :, 0], w[:, :, 0]), t.conv2d(x, w)),
        floats(2, 2, 6, 6),
        floats(3, 2, 3, 3),
    ),
    *(
        case(
            f"conv_transpose{n}d {options}",
            _f(f"conv_transpose{n}d", **options),
            floats(2, 4, *size),
            floats(4, 3, *kernel),
            floats(3 * options.get("groups", 1)),
            grad=True,
        )
        for n, size, kernel in ((1, (5,), (3,)), (2, (4, 3), (3, 2)), (3, (3, 2, 3), (2, 3, 2)))
        for options in (
            {},
            {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
            {"dilation": 2, "stride": (3,) * n},
        )
    ),
    case(
        "vmap of grad of conv2d: a gradient for each image",
        lambda t, w, x: t.func.vmap(
            t.func.grad(lambda w, x: t.nn.functional.conv2d(x[None], w).pow(2).sum()), (None, 0)
        )(w, x),
        floats(3, 2, 3, 3),
        floats(4, 2, 6, 6),
    ),
    case(
        "vmap of conv2d over weights",
        lambda t, w, x: t.func.vmap(lambda w: t.nn.functional.conv2d(x, w, padding=1))(w),
        floats(5, 3, 2, 3, 3),
        floats(4, 2, 6, 6),
    ),
    case(
        "hessian of conv1d",
        lambda t, w, x: t.func.hessian(lambda w: t.nn.functional.conv1d(x, w).pow(3).sum())(w),
        floats(2, 2, 2),
        floats(1, 2, 4),
    ),
]

IMAGE, KERNEL = floats(1, 2, 8, 8), floats(4, 2, 3, 3)
CONV_ERRORS: list[Row] = [
    error(
        "conv2d, channels",
        _f("conv2d"),
        floats(1, 3, 8, 8),
        KERNEL,
        fragment=r"expected input\[1, 3, 8, 8\] to have 2 channels",
    ),
    error(
        "conv2d, rank",
        _f("conv2d"),
        floats(8, 8),
        KERNEL,
        fragment=r"Expected 3D \(unbatched\) or 4D \(batched\) input",
    ),
    error(
        "conv1d, rank",
        _f("conv1d"),
        floats(8),
        floats(4, 2, 3),
        fragment=r"Expected 2D \(unbatched\) or 3D \(batched\)",
    ),
    error(
        "conv2d, kernel too large",
        _f("conv2d"),
        IMAGE,
        floats(4, 2, 9, 3),
        fragment="can't be greater than actual input",
    ),
    error(
        "conv2d, bias",
        _f("conv2d"),
        IMAGE,
        KERNEL,
        floats(3),
        fragment="expected bias to be 1-dimensional with 4 elements",
    ),
    error(
        "conv2d, dtypes",
        _f("conv2d"),
        floats(1, 2, 8, 8, dtype="float64"),
        KERNEL,
        fragment="expected scalar type Double but found Float",
    ),
    error(
        "conv2d, dtype of bias",
        _f("conv2d"),
        IMAGE,
        KERNEL,
        floats(4, dtype="float64"),
        fragment=r"bias type \(double\) should be the same",
    ),
    error(
        "conv2d, groups",
        _f("conv2d", groups=2),
        floats(1, 4, 8, 8),
        floats(3, 2, 3, 3),
        fragment="expected weight to be divisible by 2",
    ),
    error("conv2d, stride 0", _f("conv2d", stride=0), IMAGE, KERNEL, fragment="non-positive stride is not supported"),
    error("conv2d, padding -1", _f("conv2d", padding=-1), IMAGE, KERNEL, fragment="negative padding is not supported"),
    error(
        "conv2d, three strides", _f("conv2d", stride=(1, 2, 3)), IMAGE, KERNEL, fragment="a list of 2 values to match"
    ),
    error(
        "conv2d, same with stride",
        _f("conv2d", stride=2, padding="same"),
        IMAGE,
        KERNEL,
        fragment="not supported for strided",
    ),
    error("conv2d, unknown padding", _f("conv2d", padding="x"), IMAGE, KERNEL, fragment="Invalid padding string"),
    error(
        "conv_transpose2d, channels", _f("conv_transpose2d"), IMAGE, KERNEL, fragment="to have 4 channels, but got 2"
    ),
    error(
        "conv_transpose2d, output_padding",
        _f("conv_transpose2d", output_padding=1),
        IMAGE,
        floats(2, 2, 3, 3),
        fragment="output padding must be smaller",
    ),
]

POOLS: dict[str, list[dict[str, Any]]] = {
    "max_pool": [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    ],
    "avg_pool": [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        {"kernel_size": 2, "stride": 2, "ceil_mode": True},
    ],
    "adaptive_avg_pool": [{"output_size": 1}, {"output_size": 3}, {"output_size": 5}],
    "adaptive_max_pool": [{"output_size": 1}, {"output_size": 3}, {"output_size": 5}],
    "lp_pool": [{"norm_type": 2, "kernel_size": 2}, {"norm_type": 3.0, "kernel_size": 3, "stride": 2}],
}
TIES = [[[[1.0, 1.0, 2.0, 0.0], [1.0, 1.0, 2.0, 2.0], [0.0, 3.0, 3.0, 1.0], [3.0, 0.0, 3.0, 3.0]]]]
NAN = [[[[1.0, float("nan")], [2.0, 5.0]]]]

POOL: list[Row] = [
    *(
        case(f"{name}{n}d {options}", _f(f"{name}{n}d", **options), floats(2, 2, *size, low=0.1, high=3.0), grad=True)
        for name, calls in POOLS.items()
        for n, size in ((1, (9,)), (2, (7, 6)), (3, (5, 6, 5)))
        for options in calls
    ),
    case("max_pool2d, ties go to the first", _f("max_pool2d", 2), TIES, grad=True),
    case("max_pool2d, ties in windows that overlap", _f("max_pool2d", 3, 1, 1), TIES, grad=True),
    case("max_pool2d of nan", _f("max_pool2d", 2), NAN, grad="reverse"),
    case("max_pool2d, indices", _f("max_pool2d", 2, return_indices=True), floats(2, 2, 6, 6), grad=True),
    case("max_pool2d, indices of ties", _f("max_pool2d", 3, 2, 1, return_indices=True), TIES),
    case("max_pool2d_with_indices", _f("max_pool2d_with_indices", 2), floats(1, 2, 6, 6)),
    case(
        "max_pool1d and 3d, indices",
        lambda t, x: (
            t.nn.functional.max_pool1d(x[0], 2, return_indices=True),
            t.nn.functional.max_pool3d(x, 2, return_indices=True),
        ),
        floats(2, 4, 4, 6),
    ),
    case("adaptive_max_pool2d, indices", _f("adaptive_max_pool2d", (3, 2), return_indices=True), floats(1, 2, 7, 6)),
    case("max_pool2d, long windows", _f("max_pool2d", 20, 3), floats(1, 1, 40, 40), grad=True),
    case("avg_pool2d, long windows", _f("avg_pool2d", 20, 3), floats(1, 1, 40, 40), grad=True),
    case("max_pool2d of integers", _f("max_pool2d", 2), ints(1, 1, 4, 4)),
    case("max_pool2d, no batch", _f("max_pool2d", 2), floats(3, 4, 4)),
    case("max_pool2d by pairs", _f("max_pool2d", (2, 3), (1, 2)), floats(1, 1, 6, 7), grad=True),
    case("avg_pool2d, divisor", _f("avg_pool2d", 2, divisor_override=3), floats(1, 1, 4, 4), grad=True),
    case("avg_pool2d, ceil with padding", _f("avg_pool2d", 3, 2, 1, True), floats(1, 1, 6, 6), grad=True),
    case("adaptive_avg_pool2d, None", _f("adaptive_avg_pool2d", (None, 2)), floats(1, 2, 5, 6), grad=True),
    case("adaptive_avg_pool2d, larger", _f("adaptive_avg_pool2d", (7, 9)), floats(1, 2, 3, 4), grad=True),
    case(
        "torch.max_pool1d, avg_pool1d",
        lambda t, x: (t.max_pool1d(x, 2), t.avg_pool1d(x, 2), t.adaptive_avg_pool1d(x, 3)),
        floats(2, 2, 7),
    ),
    case(
        "max_unpool1d, two values for one place",
        lambda t, x, i: t.func.grad(lambda x: (t.nn.functional.max_unpool1d(x, i, 2) ** 2).sum())(x),
        floats(1, 3),
        [[1, 1, 4]],
    ),
    case(
        "max_unpool2d",
        lambda t, x: t.nn.functional.max_unpool2d(*t.nn.functional.max_pool2d(x, 2, return_indices=True), 2),
        floats(2, 2, 4, 6),
        grad=True,
    ),
    case(
        "max_unpool1d, output_size",
        lambda t, x: t.nn.functional.max_unpool1d(
            *t.nn.functional.max_pool1d(x, 2, return_indices=True), 2, output_size=[7]
        ),
        floats(1, 2, 7),
        grad=True,
    ),
    case(
        "vmap of grad of max_pool2d",
        lambda t, x: t.func.vmap(t.func.grad(lambda x: t.nn.functional.max_pool2d(x[None], 2).pow(2).sum()))(x),
        floats(3, 2, 6, 6),
    ),
    error("max_pool2d, too small", _f("max_pool2d", 3), floats(1, 1, 2, 2), fragment="Output size is too small"),
    error(
        "max_pool2d, padding", _f("max_pool2d", 2, padding=2), floats(1, 1, 4, 4), fragment="pad should be at most half"
    ),
    error(
        "max_pool2d, stride 0", _f("max_pool2d", 2, stride=0), floats(1, 1, 4, 4), fragment="stride should not be zero"
    ),
    error(
        "max_pool2d, three sizes",
        _f("max_pool2d", (2, 2, 2)),
        floats(1, 1, 4, 4),
        fragment="must either be a single int, or a tuple of two",
    ),
    error("max_pool2d, rank", _f("max_pool2d", 2), floats(2, 2), fragment="non-empty 3D or 4D"),
    error("max_pool1d, too small", _f("max_pool1d", 5), floats(1, 1, 4), fragment="Invalid computed output size: 0"),
    error("avg_pool2d, too small", _f("avg_pool2d", 3), floats(1, 1, 2, 2), fragment="Output size is too small"),
    error(
        "avg_pool2d, divisor 0",
        _f("avg_pool2d", 2, divisor_override=0),
        floats(1, 1, 4, 4),
        fragment="divisor must be not zero",
    ),
    error(
        "adaptive_avg_pool2d, rank",
        _f("adaptive_avg_pool2d", 2),
        floats(4, 4),
        fragment="Expected 3D or 4D tensor, but got",
    ),
    error(
        "adaptive_avg_pool2d, sizes",
        _f("adaptive_avg_pool2d", (2, 2, 2)),
        floats(1, 1, 4, 4),
        fragment="output_size must be 2",
    ),
]

PATCHES: list[Row] = [
    case("unfold", _f("unfold", 2), floats(2, 3, 4, 5), grad=True),
    case("unfold, all settings", _f("unfold", (2, 3), dilation=2, padding=1, stride=2), floats(1, 2, 7, 8), grad=True),
    case("unfold, no batch", _f("unfold", 2), floats(3, 4, 4)),
    case("fold", _f("fold", (4, 5), 2), floats(2, 12, 12), grad=True),
    case("fold, all settings", _f("fold", (7, 8), (2, 3), 2, 1, 2), floats(1, 12, 12), grad=True),
    error("unfold, too small", _f("unfold", 3), floats(1, 1, 2, 2), fragment="its components must be at least one"),
    error("fold, blocks", _f("fold", (3, 3), 2), floats(1, 4, 5), fragment=r"number of sliding blocks 2 \* 2 = 4"),
    case("pixel_shuffle", _f("pixel_shuffle", 2), floats(2, 8, 2, 3), grad=True),
    case("pixel_unshuffle", _f("pixel_unshuffle", 2), floats(2, 2, 4, 6), grad=True),
    case("channel_shuffle", _f("channel_shuffle", 2), floats(2, 6, 3, 3), grad=True),
    error("pixel_shuffle, channels", _f("pixel_shuffle", 2), floats(1, 3, 2, 2), fragment="divisible by the square"),
]

CUBIC: Any = {"rtol": 1e-4, "atol": 1e-4, "reason": "weights are cubic polynomials, whose terms cancel"}

RESIZE: list[Row] = [
    *(
        case(f"interpolate {size} {options}", _f("interpolate", **options), floats(2, 2, *size), grad=True)
        for size, options in (
            ((5,), {"size": 8}),
            ((5,), {"scale_factor": 2}),
            ((6,), {"scale_factor": 0.6}),
            ((5,), {"scale_factor": 1.7, "mode": "linear"}),
            ((5,), {"size": 9, "mode": "linear", "align_corners": True}),
            ((4, 5), {"scale_factor": 2}),
            ((4, 5), {"size": (7, 3)}),
            ((4, 5), {"size": (7, 3), "mode": "nearest-exact"}),
            ((4, 5), {"scale_factor": 2, "mode": "bilinear"}),
            ((4, 5), {"scale_factor": (1.5, 0.5), "mode": "bilinear"}),
            ((4, 5), {"scale_factor": 1.6, "mode": "bilinear", "recompute_scale_factor": True}),
            ((4, 5), {"size": (2, 9), "mode": "bilinear", "align_corners": True}),
            ((4, 5), {"size": (2, 9), "mode": "bicubic"}),
            ((4, 5), {"size": (7, 9), "mode": "bicubic", "align_corners": True}),
            ((8, 9), {"size": (3, 4), "mode": "bilinear", "antialias": True}),
            ((8, 9), {"size": (3, 4), "mode": "bicubic", "antialias": True}),
            ((4, 5), {"size": (2, 3), "mode": "area"}),
            ((3, 4, 2), {"scale_factor": 2}),
            ((3, 4, 2), {"scale_factor": 2, "mode": "trilinear"}),
        )
    ),
    case("upsample", lambda t, x: _quiet(lambda: t.nn.functional.upsample(x, scale_factor=2)), floats(1, 1, 3, 3)),
    case(
        "upsample_bilinear",
        lambda t, x: _quiet(lambda: t.nn.functional.upsample_bilinear(x, scale_factor=2)),
        floats(1, 1, 3, 3),
    ),
    error(
        "interpolate, nothing",
        _f("interpolate"),
        floats(1, 1, 2, 2),
        fragment="either size or scale_factor should be defined",
    ),
    error(
        "interpolate, both",
        _f("interpolate", size=3, scale_factor=2),
        floats(1, 1, 2, 2),
        fragment="only one of size or scale_factor",
    ),
    error(
        "interpolate, sizes",
        _f("interpolate", size=(3, 3, 3)),
        floats(1, 1, 2, 2),
        fragment="same number of spatial dimensions",
    ),
    error("interpolate, mode", _f("interpolate", size=3, mode="foo"), floats(1, 1, 2, 2), fragment=r"got foo"),
    error(
        "interpolate, mode of another rank",
        _f("interpolate", size=3, mode="linear"),
        floats(1, 1, 2, 2),
        fragment="linear mode needs 3D input",
    ),
    error(
        "interpolate, align_corners",
        _f("interpolate", size=3, align_corners=True),
        floats(1, 1, 2, 2),
        fragment="align_corners option can only be set",
    ),
    *(
        case(
            f"grid_sample {mode}, {padding}, align_corners={align}",
            _f("grid_sample", mode=mode, padding_mode=padding, align_corners=align),
            floats(2, 2, 4, 5),
            floats(2, 3, 4, 2, low=-1.4, high=1.4),
            grad="reverse",  # PyTorch has no forward mode here
            **(CUBIC if mode == "bicubic" else {}),
        )
        for mode in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border", "reflection")
        for align in (False, True)
    ),
    case(
        "grid_sample of a volume",
        _f("grid_sample", align_corners=False),
        floats(1, 2, 3, 4, 5),
        floats(1, 2, 2, 3, 3, low=-1.2, high=1.2),
        grad="reverse",
    ),
    *(
        case(
            f"affine_grid {size}, align_corners={align}",
            _f("affine_grid", size, align_corners=align),
            floats(2, *rows),
            grad=True,
        )
        for size, rows in (((2, 1, 3, 4), (2, 3)), ((2, 1, 2, 3, 4), (3, 4)), ((2, 1, 1, 3), (2, 3)))
        for align in (False, True)
    ),
    error(
        "grid_sample, last axis",
        _f("grid_sample", align_corners=True),
        floats(1, 1, 2, 2),
        floats(1, 1, 1, 3),
        fragment="to have size 2 in last dimension",
    ),
    error(
        "grid_sample, batch",
        _f("grid_sample", align_corners=True),
        floats(1, 1, 2, 2),
        floats(2, 1, 1, 2),
        fragment="same batch size",
    ),
    error(
        "grid_sample, mode",
        _f("grid_sample", mode="x"),
        floats(1, 1, 2, 2),
        floats(1, 1, 1, 2),
        fragment="expected mode to be",
    ),
    error(
        "affine_grid, shape",
        _f("affine_grid", (1, 1, 2, 2), align_corners=True),
        floats(1, 2, 2),
        fragment="Expected a batch of 2D affine matrices",
    ),
]


def _quiet(fn: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fn()


PAD: list[Row] = [
    case("pad one axis", _f("pad", (1, 2)), floats(2, 3), grad=True),
    case("pad two axes with a value", _f("pad", (1, 2, 0, 3), value=2.5), floats(2, 3), grad=True),
    case("pad takes away", _f("pad", (-1, 2, 1, -1)), floats(3, 4), grad=True),
    case("pad integers with 2.5", _f("pad", (1, 1), value=2.5), ints(1, 3)),
    case("pad bools", _f("pad", (1, 1)), bools(3)),
    *(
        case(f"pad {mode} {widths}", _f("pad", widths, mode=mode), floats(*size), grad=True)
        for mode in ("reflect", "replicate", "circular")
        for size, widths in (((2, 2, 5), (2, 1)), ((1, 2, 4, 5), (1, 2, 3, 0)), ((1, 1, 3, 4, 5), (1, 1, 2, 0, 1, 2)))
    ),
    case("pad replicate takes away", _f("pad", (-1, 2), mode="replicate"), floats(1, 2, 5), grad=True),
    error("pad, odd", _f("pad", (1,)), floats(2, 3), fragment="Padding length must be divisible by 2"),
    error("pad, too many", _f("pad", (1, 1, 1, 1)), floats(3), fragment="less than or equal to two times"),
    error(
        "pad reflect, too wide",
        _f("pad", (3, 1), mode="reflect"),
        floats(1, 2, 3),
        fragment="less than the corresponding input",
    ),
    error(
        "pad circular, too wide",
        _f("pad", (4, 1), mode="circular"),
        floats(1, 2, 3),
        fragment="wrapping around more than once",
    ),
    error(
        "pad reflect, rank",
        _f("pad", (1, 1, 1, 1), mode="reflect"),
        floats(2, 3),
        fragment="Padding size 4 is not supported for 2D",
    ),
    error("pad, mode", _f("pad", (1, 1), mode="x"), floats(1, 2, 3), fragment="Unrecognised padding mode x"),
    error(
        "pad reflect, value",
        _f("pad", (1, 1), mode="reflect", value=3.0),
        floats(1, 2, 3),
        fragment="doesn't take in value",
    ),
    error("pad takes away too much", _f("pad", (-2, -2)), floats(1, 2, 3), fragment="must be non-negative"),
]

Q, K, V = floats(2, 3, 4, 5), floats(2, 3, 6, 5), floats(2, 3, 6, 7)
ATTENTION: list[Row] = [
    case("attention", _f("scaled_dot_product_attention"), Q, K, V, grad="reverse"),
    case("attention, causal", _f("scaled_dot_product_attention", is_causal=True), Q, K, V, grad="reverse"),
    case("attention, scale", _f("scaled_dot_product_attention", scale=0.3), Q, K, V),
    case("attention of matrices", _f("scaled_dot_product_attention"), floats(4, 5), floats(6, 5), floats(6, 7)),
    case(
        "attention, mask of bools",
        lambda t, q, k, v, m: t.nn.functional.scaled_dot_product_attention(q, k, v, m),
        Q,
        K,
        V,
        bools(4, 6),
    ),
    case(
        "attention, mask of floats",
        lambda t, q, k, v, m: t.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=m),
        Q,
        K,
        V,
        floats(4, 6),
        grad="reverse",
    ),
    case(
        "attention, everything masked",
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v, t.zeros(4, 6, dtype=t.bool)),
        Q,
        K,
        V,
    ),
    case(
        "attention, grouped",
        _f("scaled_dot_product_attention", enable_gqa=True),
        floats(1, 4, 3, 5),
        floats(1, 2, 3, 5),
        floats(1, 2, 3, 5),
    ),
    error(
        "attention, mask and causal",
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v, t.zeros(4, 6), is_causal=True),
        Q,
        K,
        V,
        fragment="Explicit attn_mask should not be set when is_causal",
    ),
    error(
        "attention, mask of integers",
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v, t.zeros(4, 6, dtype=t.int64)),
        Q,
        K,
        V,
        fragment="Expected attn_mask dtype to be bool or float",
    ),
]

CASES: list[Row] = [*CONV, *CONV_ERRORS, *POOL, *PATCHES, *RESIZE, *PAD, *ATTENTION]
