"""Tensors from data and shapes, the dtypes they get, and what dtypes and devices are."""

from __future__ import annotations

import numpy as np

from tests.oracle.case import case, error, floats, ints, right, values

V = [0.5, 1.5, -2.0]

DATA = {
    "floats": lambda t: t.tensor([1.0, 2.5]),
    "ints": lambda t: t.tensor([[1, 2], [3, 4]]),
    "bools": lambda t: t.tensor([True, False]),
    "complex": lambda t: t.tensor([1, 2j]),
    "mixed": lambda t: (t.tensor([1, 2.5, True]), t.tensor([True, 2])),
    "numbers": lambda t: (t.tensor(3), t.tensor(2.5), t.tensor(True), t.tensor(1j)),
    "empty": lambda t: (t.tensor([]), t.tensor([[], []])),
    "range and tuple": lambda t: (t.tensor(range(3)), t.tensor((1.0, 2.0))),
    "NumPy array": lambda t: (t.tensor(np.arange(3.0)), t.tensor(np.array([1], np.int8)), t.tensor(np.float32(2))),
    "NumPy scalars": lambda t: (t.tensor([np.float64(1)]), t.tensor([np.float32(1), 2.0]), t.tensor([np.int32(1)])),
    "list of arrays": lambda t: t.tensor([np.arange(3), np.arange(3)]),
    "tensors in a list": lambda t: (t.tensor([t.tensor(1.0), t.tensor(2)]), t.tensor([[t.tensor([1.0])]])),
    "tensors of other dtypes": lambda t: t.tensor([t.tensor(1.0, dtype=t.float64), t.tensor(2)]),
    "dtype": lambda t: (t.tensor([1, 2], dtype=t.float64), t.tensor(1.5, dtype=t.int64), t.tensor([1.5, 0], dtype=bool)),
    "float8": lambda t: t.tensor([1.0], dtype=t.bfloat16),
    "a tensor": lambda t: t.tensor(t.tensor([1, 2])),
    "as_tensor": lambda t: (t.as_tensor([1, 2.0]), t.as_tensor(np.arange(2.0)), t.as_tensor([1], dtype=t.float16)),
    "as_tensor of a tensor": lambda t: (lambda x: (t.as_tensor(x) is x, t.as_tensor(x, dtype=t.float64)))(t.ones(2)),
    "asarray": lambda t: t.asarray([1, 2]),
    "from_numpy": lambda t: (t.from_numpy(np.arange(3.0)), t.from_numpy(np.array([[True]]))),
    "frombuffer": lambda t: t.frombuffer(bytearray(b"\x01\x00\x00\x00"), dtype=t.int32),
    "scalar_tensor": lambda t: (t.scalar_tensor(2), t.scalar_tensor(2, dtype=t.int32)),
    "Tensor": lambda t: (t.Tensor([1, 2]), t.Tensor([[1.5]]), t.Tensor(2, 3).shape, t.Tensor()),
    "Tensor of a tuple, of a Size": lambda t: (t.Tensor((2, 3)), t.Tensor(t.Size([2, 2])).shape),
    "Tensor of a tensor keeps the dtype": lambda t: t.Tensor(t.tensor([1, 2])),
    "typed constructors": lambda t: (
        t.LongTensor([1, 2]), t.FloatTensor([1, 2]), t.DoubleTensor([1]), t.BoolTensor([1, 0]), t.ByteTensor([3]),
        t.IntTensor(2, 3).shape, t.LongTensor([1.5]), t.HalfTensor([1.0]), t.FloatTensor(np.array([1.0, 2.0])),
    ),
    "isinstance of typed constructors": lambda t: [
        isinstance(x, kind) for x in (t.ones(1), t.arange(2)) for kind in (t.FloatTensor, t.LongTensor, t.Tensor)
    ],
}  # fmt: skip

SHAPES = {
    "zeros": lambda t: (t.zeros(2, 3), t.zeros((2,)), t.zeros([2, 1]), t.zeros(()), t.zeros(size=(2,)), t.zeros(0)),
    "ones": lambda t: (t.ones(2), t.ones((2, 1), dtype=t.int64), t.ones(2, dtype=t.bool)),
    "empty": lambda t: (t.empty(2, 3).shape, t.empty((0,)), t.empty(1, dtype=t.int32).dtype),
    "full": lambda t: (t.full((2,), 1.5), t.full((2,), 3), t.full((2,), True), t.full([2], 1j), t.full((), 2.0)),
    "full of a tensor": lambda t: (t.full((2,), t.tensor(1.0, dtype=t.float64)), t.full((1,), t.tensor(2))),
    "full, dtype": lambda t: t.full((2,), 1.5, dtype=t.int64),
    "a Size with a tensor": lambda t: t.zeros([2, t.tensor(3)]),
    "Python types as dtypes": lambda t: (t.zeros(1, dtype=float), t.zeros(1, dtype=int), t.zeros(1, dtype=complex)),
    "eye": lambda t: (t.eye(2), t.eye(2, 3), t.eye(3, 2, dtype=t.int64), t.eye(0)),
    "empty_strided": lambda t: (t.empty_strided((2, 3), (1, 2)).stride(), t.empty_permuted((2, 3), (1, 0)).shape),
    "requires_grad": lambda t: (t.zeros(1, requires_grad=True).requires_grad, t.zeros(1).requires_grad),
    "device": lambda t: (t.zeros(1, device="cpu"), t.zeros(1, device=t.device("cpu"))),
    "arange": lambda t: (t.arange(5), t.arange(1, 4), t.arange(0, -3, -1), t.arange(0), t.arange(1, 10, 3)),
    "arange of floats": lambda t: (t.arange(3.0), t.arange(0, 1, 0.1), t.arange(1.0, 10, 3), t.arange(0.5, 3)),
    "arange of floats as integers": lambda t: [
        t.arange(*numbers, dtype=dtype)
        for numbers in ((0.0, -8.000001, -4.0), (0.5, 5.5, 1.5), (0.0, 8.5, 2.0), (-1.5, 2.5, 1))
        for dtype in (t.int64, t.int32)
    ],
    "arange of floats as integers, no step": lambda t: t.arange(0, 1, 0.5, dtype=t.int32),
    "arange of tensors": lambda t: (t.arange(t.tensor(3)), t.arange(t.tensor(2.0)), t.arange(0, 1, t.tensor(0.5))),
    "arange by keyword": lambda t: (t.arange(end=3), t.arange(start=1, end=3), t.arange(3, dtype=t.float64)),
    "range": lambda t: (t.range(1, 3), t.range(0, 1, 0.5)),
    "linspace": lambda t: (t.linspace(0, 1, 5), t.linspace(-1, 1, 4), t.linspace(3, 3, 2), t.linspace(0, 1, 1)),
    "linspace, dtype": lambda t: (t.linspace(0, 10, 4, dtype=t.int64), t.linspace(0, 1, 3, dtype=t.float64)),
    "linspace of complex": lambda t: t.linspace(0, 1j, 3),
    "linspace of tensors": lambda t: t.linspace(t.tensor(0.0), t.tensor(2.0), 3),
    "linspace, many": lambda t: t.linspace(-3, 5, 101),
    "logspace of integers": lambda t: (t.logspace(0, 1.9, 2, 5, dtype=t.int64), t.logspace(4.3, 0, 3, 2, dtype=t.int32)),
    "logspace": lambda t: (t.logspace(0, 2, 3), t.logspace(0, 2, 3, base=2), t.logspace(-1, 1, 5)),
    "out": lambda t: (lambda y: (t.arange(2.0, out=y), y))(t.zeros(2)),
    "set_default_dtype": lambda t: with_default(t, lambda: (t.zeros(1), t.tensor([1.0]), t.tensor(1j), t.arange(2.0))),
    "set_default_tensor_type": lambda t: with_default(t, lambda: t.ones(1), t.DoubleTensor),
    "default device": lambda t: in_device(t),
}


def with_default(t, make, kind=None):
    try:
        t.set_default_dtype(t.float64) if kind is None else t.set_default_tensor_type(kind)
        return make(), t.get_default_dtype() is t.float64
    finally:
        t.set_default_dtype(t.float32)


def in_device(t):
    with t.device("cpu"):
        return t.zeros(1), t.tensor(1).device.type


LIKE = {
    "zeros_like": lambda t, x: (t.zeros_like(x), t.zeros_like(x, dtype=t.float64)),
    "ones_like": lambda t, x: t.ones_like(x),
    "full_like": lambda t, x: (t.full_like(x, 1.5), t.full_like(x, 2, dtype=t.int64)),
    "empty_like": lambda t, x: (t.empty_like(x).shape, t.empty_like(x).dtype == x.dtype),
    "requires_grad": lambda t, x: t.zeros_like(x, dtype=t.float32, requires_grad=True).requires_grad,
    "new_zeros": lambda t, x: (x.new_zeros(2, 3), x.new_zeros((2,)), x.new_zeros(1, dtype=t.float64)),
    "new_ones": lambda t, x: x.new_ones((2, 1)),
    "new_full": lambda t, x: x.new_full((2,), 1.5),
    "new_empty": lambda t, x: (x.new_empty(2).dtype == x.dtype, x.new_empty((0,))),
    "new_tensor": lambda t, x: x.new_tensor([1.5, 2]),
    "new": lambda t, x: x.new(2, 3).shape,
}

INFO = {
    "finfo": lambda t: [repr(t.finfo(d)) for d in (t.float16, t.bfloat16, t.float32, t.float64)],
    "finfo of the default, of complex": lambda t: (t.finfo().eps, t.finfo(t.complex64).eps, t.finfo(t.float32).bits),
    "iinfo": lambda t: [(repr(t.iinfo(d)), t.iinfo(d).max, t.iinfo(d).bits) for d in (t.int8, t.uint8, t.int64)],
    "promote_types": lambda t: [
        str(t.promote_types(a, b))
        for a in (t.bool, t.uint8, t.int8, t.int64, t.float16, t.bfloat16, t.float32, t.complex64)
        for b in (t.bool, t.int32, t.float16, t.float64, t.complex64)
    ],
    "result_type": lambda t: [
        str(t.result_type(a, b))
        for a in (t.arange(2), t.ones(2), t.tensor(1), t.tensor(1.0, dtype=t.float64), 1, 1.5)
        for b in (t.arange(2, dtype=t.int8), t.ones(2, dtype=t.float16), t.tensor(2.5), 2, 1.5, 1j)
    ],
    "can_cast": lambda t: [t.can_cast(a, b) for a in (t.bool, t.int64, t.float32) for b in (t.int8, t.float16, t.bool)],
    "dtype attributes": lambda t: [
        (d.is_floating_point, d.is_complex, d.is_signed, d.itemsize, str(d))
        for d in (t.bool, t.uint8, t.int64, t.half, t.float, t.double, t.cfloat)
    ],
    "dtype conversions": lambda t: (str(t.float32.to_complex()), str(t.complex128.to_real())),
    "constants": lambda t: (t.pi, t.e, t.inf, str(t.nan), t.newaxis),
    "device": lambda t: [
        repr(d) for d in (t.device("cpu"), t.device("cuda:1"), t.device("cuda", 1), t.device(type="cpu"), t.device("mps"))
    ],
    "device attributes": lambda t: (t.device("cuda:1").index, t.device("cpu").index, str(t.device("cuda", 1))),
    "device equality": lambda t: (
        t.device("cpu") == t.device("cpu"), t.device("cpu") == t.device("cpu:0"), len({t.device("cpu"), t.device("cpu")})
    ),
    "layouts and formats": lambda t: (str(t.strided), str(t.channels_last), str(t.contiguous_format), str(t.preserve_format)),
    "Size": lambda t: (
        t.Size([2, 3]) + (1,), t.Size([2, 3]).numel(), t.Size([2, 3])[1:], repr(t.Size([2])), t.Size([2]) == (2,)
    ),
    "is_tensor": lambda t: (t.is_tensor(t.ones(1)), t.is_tensor(1), t.is_storage(1)),
    "typename": lambda t: (t.typename(t.ones(1)), t.typename(1)),
    "threads": lambda t: (t.set_num_threads(2), t.get_num_threads() > 0)[1],
    "matmul precision": lambda t: (t.set_float32_matmul_precision("highest"), t.get_float32_matmul_precision()),
}  # fmt: skip

UNDER = {
    "tensor of tensors under grad is detached": (
        lambda t, x: t.func.grad(lambda v: (t.tensor([v[0], v[1]]) * v[:2]).sum())(x),
        V,
    ),
    "tensor of a tensor under grad is detached": (lambda t, x: t.func.grad(lambda v: (t.tensor(v) * v).sum())(x), V),
    "as_tensor under grad is not": (lambda t, x: t.func.grad(lambda v: (t.as_tensor(v) * v).sum())(x), V),
    "zeros_like follows a mapped tensor": (
        lambda t, x: t.vmap(lambda v: t.zeros_like(v).copy_(v) + v.new_ones(()))(x),
        floats(2, 3),
    ),
    "full of the number in a tensor under grad": (
        lambda t, x: t.func.grad(lambda v: (t.full((3,), v[0].item()) * v).sum())(x),
        V,
    ),
    "requires_grad of a new tensor under grad": (
        lambda t, x: t.func.grad(lambda v: (v * t.ones(3, requires_grad=True)).sum())(x),
        V,
    ),
}

ERRORS = [
    ("ragged", lambda t: t.tensor([[1, 2], [3]]), r"expected sequence of length 2 at dim 1 \(got 1\)"),
    ("a string", lambda t: t.tensor("a"), "invalid data type 'str'"),
    ("None", lambda t: t.tensor(None), "Could not infer dtype of NoneType"),
    ("None in a list", lambda t: t.tensor([None]), "Could not infer dtype of NoneType"),
    ("a dict", lambda t: t.tensor({}), "Could not infer dtype of dict"),
    ("too large an int", lambda t: t.tensor([2**70]), "Overflow when unpacking long"),
    ("vectors in a list", lambda t: t.tensor([t.ones(2)]), "only one element tensors can be converted to Python scalars"),
    ("ints that require grad", lambda t: t.tensor([1], requires_grad=True), "Only Tensors of floating point and complex dtype can require gradients"),
    ("negative size", lambda t: t.zeros(-1), "Dimension size must be non-negative"),
    ("float size", lambda t: t.zeros(2.0), r"zeros\(\): argument 'size' \(position 1\) must be tuple of ints, not float"),
    ("no size", lambda t: t.zeros(), r'zeros\(\) missing 1 required positional arguments: "size"'),
    ("full of an int size", lambda t: t.full(2, 1.0), r"full\(\): argument 'size' \(position 1\) must be tuple of ints, not int"),
    ("a string for a dtype", lambda t: t.zeros(1, dtype="float32"), "must be (a )?torch.dtype, not str"),
    ("arange with step 0", lambda t: t.arange(1, 2, 0), "step must be nonzero"),
    ("arange with step 0, once whole", lambda t: t.arange(0, 1, 0.5, dtype=t.int64), "step must be nonzero"),
    ("arange the wrong way", lambda t: t.arange(1, 0, 1), "upper bound and lower bound inconsistent with step sign"),
    ("linspace of vectors", lambda t: t.linspace(t.tensor([0.0]), t.tensor(1.0), 3), "only supports 0-dimensional start and end tensors"),
    ("linspace of -1", lambda t: t.linspace(0, 1, -1), "number of steps must be non-negative"),
    ("eye of -1", lambda t: t.eye(-1), "n must be greater or equal to 0, got -1"),
    ("from_numpy of a list", lambda t: t.from_numpy([1]), r"expected np.ndarray \(got list\)"),
    ("complex of ints", lambda t: t.complex(t.tensor(1), t.tensor(2.0)), "Expected both inputs to be Half, Float or Double tensors but got Long and Float"),
    ("complex of two dtypes", lambda t: t.complex(t.tensor(1.0), t.tensor(2.0, dtype=t.float64)), "Expected object of scalar type Float but got scalar type Double for second argument"),
    ("default dtype of ints", lambda t: t.set_default_dtype(t.int64), "only floating-point types are supported as the default type"),
    ("finfo of ints", lambda t: t.finfo(t.int8), r"requires a floating point input type. Use torch.iinfo"),
    ("iinfo of floats", lambda t: t.iinfo(t.float32), r"requires an integer input type. Use torch.finfo"),
    ("no such device", lambda t: t.zeros(1, device="foo"), "Expected one of cpu, cuda.* device type at start of device string: foo"),
    ("a bad device string", lambda t: t.zeros(1, device="cuda:x"), "Invalid device string: 'cuda:x'"),
    ("a float for a device", lambda t: t.zeros(1, device=3.0), r"argument 'device' must be torch.device, not float"),
    ("cuda where there is none", lambda t: t.zeros(1, device="cuda"), "Torch not compiled with CUDA enabled"),
    ("Tensor of a float", lambda t: t.Tensor(2.5), "data must be a sequence"),
    ("LongTensor of a float tensor", lambda t: t.LongTensor(t.ones(1)), "expected "),
    ("vmap: tensor of a mapped value by item", lambda t: t.vmap(lambda v: t.full((2,), v.item()))(t.ones(3)), r"\.item\(\) on a Tensor"),
]  # fmt: skip

CASES = [
    *[case(f"tensor: {name}", program) for name, program in DATA.items()],
    *[case(f"shape: {name}", program) for name, program in SHAPES.items()],
    *[case(f"like floats: {name}", program, floats(2, 3)) for name, program in LIKE.items()],
    *[case(f"like ints: {name}", program, ints(3)) for name, program in LIKE.items()],
    *[case(f"info: {name}", program) for name, program in INFO.items()],
    *[case(name, program, *inputs) for name, (program, *inputs) in UNDER.items()],
    case("complex", lambda t, x, y: t.complex(x, y), floats(2, 3), floats(3), grad="reverse"),
    case("polar", lambda t, x, y: t.polar(x, y), floats(3, positive=True), floats(3), grad="reverse"),
    right(
        "linspace has a derivative",
        lambda t, a, b: t.func.grad(lambda a, b: t.linspace(a, b, 4)[1], argnums=(0, 1))(a, b),
        values(1.0),
        values(4.0),
        expected=(np.float32(2 / 3), np.float32(1 / 3)),
        why="PyTorch drops the derivative without a word",
    ),
    right(
        "vmap: tensor of mapped values",
        lambda t, x: t.vmap(lambda v: t.tensor([v[1], v[0]]))(x),
        [[1.0, 2.0], [3.0, 4.0]],
        expected=[[2.0, 1.0], [4.0, 3.0]],
        why="PyTorch reads each value with .item(), which vmap refuses; stacking them needs no value",
    ),
    *[error(name, program, fragment=fragment) for name, program, fragment in ERRORS],
]
