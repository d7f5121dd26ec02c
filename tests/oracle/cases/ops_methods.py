"""Methods that leave tensors, change dtype or device, copy, write, or tell what a tensor is."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np

from tests.oracle.case import case, error, floats

X = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
I = [3, 1, 2]

PLAIN = {
    "item": lambda t, x: (x[0, 1].item(), t.tensor(True).item(), t.tensor(1 + 2j).item(), t.tensor([[2.5]]).item()),
    "tolist": lambda t, x: (x.tolist(), t.tensor(3).tolist(), t.tensor([True]).tolist(), t.zeros(0, 2).tolist()),
    "numbers": lambda t, x: (int(t.tensor([2.7])), float(x[1, 0]), bool(x[0, 1]), complex(t.tensor(1j))),
    "as indices": lambda t, x: (list(range(t.tensor(3))), [1, 2, 3][t.tensor(1)], "ab" * t.tensor(2)),
    "math": lambda t, x: (math.sqrt(x[1, 1]), round(float(t.tensor(2.6))), max(x[0]).item(), sorted(x[1].tolist())),
    "numpy": lambda t, x: [(a.tolist(), a.dtype.name) for a in (x.numpy(), np.asarray(x), np.array(x[0]), t.tensor([1]).numpy())],
    "numpy of what is detached": lambda t, x: t.ones(1, requires_grad=True).detach().numpy().tolist(),
    "numpy by force": lambda t, x: t.ones(1, requires_grad=True).numpy(force=True).tolist(),
    "sizes": lambda t, x: (x.size(), x.size(0), x.size(-1), x.dim(), x.ndimension(), x.ndim, x.numel(), x.nelement()),
    "memory": lambda t, x: (x.element_size(), x.itemsize, x.nbytes, x.storage_offset(), x[1, 2].storage_offset()),
    "strides": lambda t, x: (x.stride(), x.stride(0), x.t().stride(-1), x.is_contiguous(), x.t().is_contiguous()),
    "channels_last": lambda t, x: (
        t.zeros(2, 3, 4, 5).to(memory_format=t.channels_last).shape,
        t.zeros(2, 3, 4, 5).is_contiguous(memory_format=t.channels_last),
    ),
    "types": lambda t, x: (x.type(), t.tensor([1]).type(), t.tensor([True]).type(), t.tensor([1j]).type()),
    "type as a conversion": lambda t, x: (x.type(t.int64), x.type("torch.DoubleTensor"), x.type(t.LongTensor)),
    "casts": lambda t, x: [
        getattr(x, n)()
        for n in ("double", "half", "long", "int", "short", "char", "byte", "bool", "bfloat16", "cfloat", "cdouble", "float")
    ],
    "casts out of range": lambda t, x: (
        t.tensor([-1.5, 300.0, 256.0]).byte(), t.tensor([3e9, -3e9, float("nan"), float("inf")]).int(),
        t.tensor([300, -129]).char(), t.tensor([float("nan"), 0.0, 2.0]).bool(), t.tensor([1.9, -1.9]).long(),
    ),
    "to a dtype": lambda t, x: (x.to(t.float64), x.to(dtype=t.int32), x.to(t.float32) is x, x.to(t.float32, copy=True) is x),
    "to a device": lambda t, x: (x.to("cpu") is x, x.cpu() is x, x.to(t.device("cpu")) is x),
    "to a device and dtype": lambda t, x: (x.to("cpu", t.float64), x.to(device="cpu", dtype=t.int32, non_blocking=True)),
    "to like another": lambda t, x: (x.to(t.tensor([1])), x.type_as(t.tensor([1])), x.to(t.tensor([1.0])) is x),
    "kinds": lambda t, x: (
        x.is_floating_point(), t.is_floating_point(t.tensor(1)), x.is_complex(), t.is_complex(t.tensor(1j)), x.is_signed(),
    ),
    "where it is": lambda t, x: (
        str(x.device), x.device.type, x.is_cuda, x.is_cpu, x.is_meta, x.is_sparse, x.is_quantized, x.get_device(),
        str(x.layout), x.is_mps,
    ),
    "autograd attributes": lambda t, x: (
        x.requires_grad, x.is_leaf, x.grad is None, x.grad_fn is None, x.requires_grad_().requires_grad,
        x.requires_grad_(False).requires_grad, x.detach().requires_grad,
    ),
    "clone and contiguous": lambda t, x: (x.clone() is x, x.contiguous() is x, x.t().contiguous(), t.clone(x)),
    "fill_ and zero_": lambda t, x: (x.clone().fill_(2), x.clone().fill_(t.tensor(3)), x.clone().zero_(), x),
    "fill_ of ints with a fraction": lambda t, x: t.tensor([1, 2]).fill_(1.5),
    "copy_": lambda t, x: (x.clone().copy_(t.tensor([7, 8, 9])), x.clone().copy_(5.0), x.clone().copy_(x * 2)),
    "set_ and resize_": lambda t, x: (x.clone().resize_(3, 2), x.clone().resize_((4,))),
    "apply_ and map_": lambda t, x: (x.clone().apply_(lambda v: v * 2), x.clone().map_(x, lambda a, b: a + b)),
    "deepcopy": lambda t, x: (copy.deepcopy(x), copy.deepcopy(t.ones(1, requires_grad=True)).requires_grad),
    "deepcopy keeps one tensor one": lambda t, x: (lambda p: p[0] is p[1])(copy.deepcopy([x, x])),
    "pickle": lambda t, x: (pickle.loads(pickle.dumps(x)), pickle.loads(pickle.dumps(t.ones(2, dtype=t.bfloat16)))),
    "data_ptr": lambda t, x: (
        x.data_ptr() == x.view(-1).data_ptr(), x.data_ptr() == x[1].data_ptr(), x.data_ptr() == x.clone().data_ptr(),
    ),
    "is_set_to": lambda t, x: (x.is_set_to(x.view(2, 3)), x.is_set_to(x.clone())),
    "hash and identity": lambda t, x: (len({x, x.clone(), x}), x in {x: 1}),
    "dlpack": lambda t, x: t.from_dlpack(x),
    "equality of shapes": lambda t, x: (x.shape == (2, 3), x.shape == t.Size([2, 3]), list(x.shape) == [2, 3], *x.shape),
    "attributes of one's own": lambda t, x: (setattr(x, "tag", 5), x.tag, hasattr(x, "nothing"), getattr(x, "nothing", 3))[1:],
    "is_nonzero": lambda t, x: (x[0, 1].is_nonzero(), t.is_nonzero(x[0, 0])),
    "bool of one element": lambda t, x: (bool(t.tensor([[1]])), not t.tensor(0.0), bool(t.tensor(False))),
    "grad set": lambda t, x: (setattr(x, "grad", t.ones(2, 3)), x.grad, setattr(x, "grad", None), x.grad)[1::2],
    "deep names": lambda t, x: (t.Tensor.add(x, x), t.Tensor.size(x, 0), callable(t.Tensor.view)),
    "0-dim and shape ()": lambda t, x: (t.tensor(1.0).shape, t.tensor(1.0).size(), t.tensor(1.0).numel(), t.tensor(1.0).stride()),
}  # fmt: skip

DERIVED = {
    "clone": lambda t, x: x.clone() * x,
    "to float64": lambda t, x: x.to(t.float64) * 2,
    "double and back": lambda t, x: (x.double() ** 2).float(),
    "contiguous": lambda t, x: x.t().contiguous(),
    "copy_ into a fresh tensor": lambda t, x: t.zeros(2, 3).copy_(x * x),
    "type_as": lambda t, x: x.type_as(x.double()),
    "detach": lambda t, x: x * x.detach(),
    "data": lambda t, x: x * x.data,
    "fill_ of a value": lambda t, x: (x * 1).fill_(x[0, 0]) * x,
    "zero_": lambda t, x: (x * 2).zero_() + x,
}


def within(transform, read):
    """What `read` gives inside a transform."""

    def program(t):
        seen = []

        def f(x):
            seen.append(read(t, x))
            return (x * x).sum()

        transform(t, f)(t.tensor([1.5, 2.5]))
        return seen

    return program


GRAD = {
    "grad": lambda t, f: t.func.grad(f),
    "jvp": lambda t, f: lambda x: t.func.jvp(f, (x,), (x,)),
    "grad of grad": lambda t, f: t.func.grad(lambda x: t.func.grad(f)(x).sum()),
}

READ = {
    "item": lambda t, x: (x[0].item(), float(x[1]), int(x[1]), bool(x[0] > 1)),
    "tolist": lambda t, x: x.tolist(),
    "format and math": lambda t, x: (f"{x[0]:.1f}", math.sin(x[1])),
    "branch": lambda t, x: "big" if x.sum() > 3 else "small",
    "range": lambda t, x: list(range(int(x[1]))),
    "max and sorted": lambda t, x: (float(max(x)), [float(v) for v in sorted(x)]),
}

UNDER = {
    "data blocks one level": lambda t: (
        t.func.grad(lambda x: x.data**2 * x)(t.tensor(3.0)),
        t.func.grad(t.func.grad(lambda x: x**3 - x * x.data**2))(t.tensor(3.0)),
        t.func.jvp(t.func.grad(lambda x: x**3 - x * x.data**2), (t.tensor(3.0),), (t.tensor(1.0),)),
    ),
    "detach blocks every level": lambda t: (
        t.func.grad(t.func.grad(lambda x: x**3 - x * x.detach() ** 2))(t.tensor(3.0)),
        t.func.jvp(lambda x: x.detach() ** 2 * x, (t.tensor(3.0),), (t.tensor(1.0),)),
    ),
    "data of a captured value": lambda t: t.func.grad(
        lambda x: t.func.grad(lambda z: z * x.data**2)(t.tensor(1.0)) * x
    )(t.tensor(3.0)),
    "write through data": lambda t: t.func.grad(lambda x: (lambda y: (y.data.mul_(2.0), y * x)[1])(x.clone()))(
        t.tensor(3.0)
    ),
    "tensors as keys under vmap": lambda t: t.vmap(lambda x: {x: 1}[x] * x)(t.ones(2)),
    "shapes under vmap": lambda t: (
        lambda seen: (t.vmap(lambda x: (seen.append((x.shape, x.dim(), x.numel(), len(x))), x)[1])(t.ones(2, 3)), seen)
    )([]),
    "requires_grad inside grad": lambda t: (
        lambda seen: (
            t.func.grad(lambda x, y: (seen.append((x.requires_grad, x.is_leaf, y.requires_grad)), x * y)[1])(
                t.tensor(1.0), t.tensor(2.0)
            ),
            seen,
        )
    )([]),
}

ERRORS = [
    ("item of many", lambda t, x: x.item(), "a Tensor with 6 elements cannot be converted to Scalar"),
    ("bool of many", lambda t, x: bool(x), "Boolean value of Tensor with more than one value is ambiguous"),
    ("bool of none", lambda t, x: bool(x[:0]), "Boolean value of Tensor with no values is ambiguous"),
    ("float of many", lambda t, x: float(x), "only one element tensors can be converted to Python scalars"),
    ("float of complex", lambda t, x: float(t.tensor(1j)), "value cannot be converted to type double without overflow"),
    ("index of floats", lambda t, x: [1, 2][x[0, 1]], "only integer tensors of a single element can be converted to an index"),
    ("numpy of what requires grad", lambda t, x: x.requires_grad_().numpy(), r"Can't call numpy\(\) on Tensor that requires grad"),
    ("np.asarray of what requires grad", lambda t, x: np.asarray(x.requires_grad_()), r"Can't call numpy\(\) on Tensor that requires grad"),
    ("numpy of bfloat16", lambda t, x: x.bfloat16().numpy(), "Got unsupported ScalarType BFloat16"),
    ("format of many", lambda t, x: f"{x:.2f}", "unsupported format string passed to Tensor.__format__"),
    ("size out of range", lambda t, x: x.size(5), "Dimension out of range"),
    ("no such attribute", lambda t, x: x.foo, "'Tensor' object has no attribute 'foo'"),
    ("no such function", lambda t, x: t.foo, "module 'torch' has no attribute 'foo'"),
    ("no such dunder", lambda t, x: t.__foo__, "module 'torch' has no attribute '__foo__'"),
    ("ints require grad", lambda t, x: t.tensor([1]).requires_grad_(), "only Tensors of floating point dtype can require gradients"),
    ("fill_ by a vector", lambda t, x: x.fill_(t.tensor([1.0])), "fill_ only supports 0-dimension value tensor"),
    ("fill_ by a string", lambda t, x: x.fill_("a"), r"fill_\(\) received an invalid combination of arguments"),
    ("copy_ of a list", lambda t, x: x.copy_([1]), "must be Tensor, not list"),
    ("write to a leaf", lambda t, x: x.requires_grad_().fill_(1), "a leaf Variable that requires grad is being used in an in-place operation"),
    ("write to a view of a leaf", lambda t, x: x.requires_grad_().view(6).fill_(1), "a view of a leaf Variable that requires grad is being used in an in-place operation"),
    ("setitem of a leaf", lambda t, x: x.requires_grad_().__setitem__(0, 1), "a view of a leaf Variable that requires grad"),
    ("detach_ of a view", lambda t, x: x[0].detach_(), "Can't detach views in-place"),
    ("grad of another shape", lambda t, x: setattr(x, "grad", t.ones(1)), "a (gradient of size|different size)"),
    ("grad of no tensor", lambda t, x: setattr(x, "grad", 1), "assigned grad expected to be a Tensor or None"),
    ("cuda where there is none", lambda t, x: x.cuda(), "Torch not compiled with CUDA enabled"),
    ("to cuda where there is none", lambda t, x: x.to("cuda"), "Torch not compiled with CUDA enabled"),
    ("retain_grad in grad", lambda t, x: t.func.grad(lambda x: (x.retain_grad(), x.sum())[1])(x), r"Tensor.retain_grad\(\)"),
    ("retain_grad in vmap", lambda t, x: t.vmap(lambda x: (x.retain_grad(), x.sum())[1])(x), "can't retain_grad on Tensor that has requires_grad=False"),
    ("vmap: item", lambda t, x: t.vmap(lambda x: x[0].item())(x), r"\.item\(\) on a Tensor"),
    ("vmap: float", lambda t, x: t.vmap(lambda x: float(x[0]))(x), r"\.item\(\) on a Tensor"),
    ("vmap: if", lambda t, x: t.vmap(lambda x: x if x[0] else -x)(x), "data-dependent control flow"),
    ("vmap: format", lambda t, x: t.vmap(lambda x: f"{x[0]:.1f}")(x), r"\.item\(\) on a Tensor"),
    ("vmap: tolist", lambda t, x: t.vmap(lambda x: x.tolist())(x), "Cannot access data pointer of Tensor that doesn't have storage"),
    ("vmap: numpy", lambda t, x: t.vmap(lambda x: x.numpy())(x), "Cannot access data pointer of Tensor that doesn't have storage"),
    ("vmap: range", lambda t, x: t.vmap(lambda x: range(x[0].long()))(x), r"\.item\(\) on a Tensor"),
    ("numpy in grad", lambda t, x: t.func.grad(lambda x: x.numpy().sum())(x), r"Can't call numpy\(\) on Tensor that requires grad"),
]  # fmt: skip

CASES = [
    *[case(name, program, X) for name, program in PLAIN.items()],
    *[case(f"derivative of {name}", program, floats(2, 3), grad=True) for name, program in DERIVED.items()],
    *[
        case(f"{name} inside {where}", within(transform, read))
        for where, transform in GRAD.items()
        for name, read in READ.items()
    ],
    *[case(name, program) for name, program in UNDER.items()],
    *[error(name, program, X, fragment=fragment) for name, program, fragment in ERRORS],
]
