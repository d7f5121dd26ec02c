"""Tensors of modules that are functions of others: parametrize, weight and spectral norm, orthogonal maps, fusion."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, right


def _p(t: Any) -> Any:
    return importlib.import_module(f"{t.__name__}.nn.utils.parametrize")


def _ready(t: Any) -> Any:
    return importlib.import_module(f"{t.__name__}.nn.utils.parametrizations")


def _module(t: Any, forward: Any, right_inverse: Any = None) -> Any:
    """A parametrization with these functions."""
    members = {"forward": lambda self, x: forward(x)}
    if right_inverse is not None:
        members["right_inverse"] = lambda self, x: right_inverse(x)
    return type("Given", (t.nn.Module,), members)()


def _symmetric(t: Any) -> Any:
    return _module(t, lambda x: x.triu() + x.triu(1).T, lambda a: a.triu())


def _doubled(t: Any) -> Any:
    return _module(t, lambda x: x * 2)


def _with(t: Any, made: Any, unsafe: bool = False, n: int = 2) -> Any:
    return _p(t).register_parametrization(t.nn.Linear(n, n), "weight", made, unsafe=unsafe)


def _registered(t: Any) -> Any:
    p, layer = _p(t), _with(t, _symmetric(t), n=3)
    about = [repr(layer), list(layer.state_dict()), [k for k, _ in layer.named_parameters()], type(layer).__name__]
    about += [
        p.is_parametrized(layer),
        p.is_parametrized(layer, "bias"),
        p.type_before_parametrizations(layer).__name__,
    ]
    values = [layer.weight.detach().clone()]
    layer.weight = t.eye(3) * 3
    values.append(layer(t.ones(3)).detach())
    p.register_parametrization(layer, "weight", _doubled(t))
    values.append(layer.weight.detach())
    p.remove_parametrizations(layer, "weight")
    about += [repr(layer), type(layer).__name__, list(layer.state_dict()), isinstance(layer.weight, t.nn.Parameter)]
    return about, values, layer.weight.detach()


def _left(t: Any) -> Any:
    layer = _with(t, _symmetric(t))
    _p(t).remove_parametrizations(layer, "weight", leave_parametrized=False)
    return layer.weight.detach(), hasattr(layer, "parametrizations")


def _buffer(t: Any) -> Any:
    module = t.nn.Module()
    module.register_buffer("b", t.ones(2))
    _p(t).register_parametrization(module, "b", _doubled(t))
    seen = [module.b, list(module.state_dict())]
    _p(t).remove_parametrizations(module, "b")
    return seen, module.b, [name for name, _ in module.named_buffers()]


def _cached(t: Any) -> Any:
    calls: list[int] = []
    layer = _with(t, _module(t, lambda x: calls.append(1) or x))
    calls.clear()
    with _p(t).cached():
        _ = layer.weight, layer.weight
        inside = len(calls)
    _ = layer.weight
    return inside, len(calls)


def _transforms(t: Any) -> Any:
    layer = _with(t, _symmetric(t))
    name = "parametrizations.weight.original"
    params = {name: t.ones(2, 2) * 2, "bias": t.zeros(2)}

    def f(p: Any, x: Any) -> Any:
        return t.func.functional_call(layer, p, (x,)).sin().sum()

    return [
        f(params, t.ones(2)),
        t.func.grad(f)(params, t.ones(2)),
        t.func.vmap(t.func.grad(f), (None, 0))(params, t.eye(2)),
        t.func.hessian(lambda w: f({**params, name: w}, t.ones(2)))(t.ones(2, 2)),
    ]


def _transferred(t: Any) -> Any:
    source, target = _with(t, _symmetric(t)), t.nn.Linear(2, 2)
    _p(t).transfer_parametrizations_and_params(source, target)
    return repr(target), (source.weight - target.weight).detach()


def _weight_norm(t: Any) -> Any:
    layer = _ready(t).weight_norm(t.nn.Linear(3, 2))
    out = [repr(layer), list(layer.state_dict()), layer.weight.detach().clone()]
    layer.weight = t.ones(2, 3)
    out += [layer.parametrizations.weight.original0.detach().clone(), layer.weight.detach()]
    out.append(_ready(t).weight_norm(t.nn.Conv1d(2, 3, 2), dim=1).parametrizations.weight.original0.shape)
    out.append(_ready(t).weight_norm(t.nn.Linear(3, 2), dim=None).parametrizations.weight.original0.detach())
    layer.load_state_dict({"weight_g": t.ones(2, 1) * 2, "weight_v": t.ones(2, 3), "bias": t.zeros(2)})
    out.append(layer.weight.detach())
    _p(t).remove_parametrizations(layer, "weight")
    return [*out, list(layer.state_dict())]


def _weight_norm_derivatives(t: Any, v: Any) -> Any:
    layer = _ready(t).weight_norm(t.nn.Linear(3, 2, bias=False))

    def f(v: Any) -> Any:
        g = {"parametrizations.weight.original0": t.ones(2, 1), "parametrizations.weight.original1": v}
        return t.func.functional_call(layer, g, t.ones(3)).pow(2).sum()

    return t.func.jacrev(t.func.grad(f))(v)


def _hessian_of_weight_norm(v: Any) -> Any:
    def f(flat: Any) -> Any:
        rows = flat.reshape(2, 3)
        return np.sum((rows.sum(1) / np.linalg.norm(rows, axis=1)) ** 2)

    flat, h = v.astype(np.float64).ravel(), 1e-4
    steps = np.eye(6) * h
    second = [[f(flat + a + b) - f(flat + a - b) - f(flat - a + b) + f(flat - a - b) for b in steps] for a in steps]
    return (np.array(second) / (4 * h * h)).reshape(2, 3, 2, 3).astype(np.float32)


def _spectral_norm(t: Any) -> Any:
    t.manual_seed(1)
    layer = _ready(t).spectral_norm(t.nn.Linear(3, 4))
    out = [repr(layer), list(layer.state_dict()), layer.weight.detach(), layer.weight.detach()]
    layer.eval()
    out += [layer.weight.detach(), layer.parametrizations.weight[0]._u]
    out.append(_ready(t).spectral_norm(t.nn.ConvTranspose1d(2, 3, 2)).weight.detach())
    return [*out, _ready(t).spectral_norm(t.nn.Linear(2, 2), "bias").bias.detach()]


def _orthogonal(shape: tuple[int, int], kind: str | None, trivialization: bool = True) -> Any:
    def program(t: Any) -> Any:
        t.manual_seed(2)
        layer = t.nn.Linear(*shape)
        return _ready(t).orthogonal(layer, orthogonal_map=kind, use_trivialization=trivialization).weight.detach()

    return program


def _orthogonal_assigned(t: Any) -> Any:
    layer = _ready(t).orthogonal(t.nn.Linear(2, 2))
    layer.weight = t.tensor([[0.6, 0.8], [-0.8, 0.6]])
    return layer.weight.detach(), repr(layer), list(layer.state_dict())


def _older_weight_norm(t: Any) -> Any:
    u, x = t.nn.utils, t.ones(3)
    layer = u.weight_norm(t.nn.Linear(3, 2))
    out = [list(layer.state_dict()), layer.weight_g.detach(), layer(x).detach()]
    layer.weight_g = t.nn.Parameter(layer.weight_g.detach() * 2)
    out.append(layer(x).detach())
    u.remove_weight_norm(layer)
    return [*out, list(layer.state_dict()), layer(x).detach(), repr(layer)]


def _older_spectral_norm(t: Any) -> Any:
    t.manual_seed(1)
    u, x = t.nn.utils, t.ones(3)
    layer = u.spectral_norm(t.nn.Linear(3, 4))
    out = [list(layer.state_dict()), layer(x).detach(), layer(x).detach(), layer.eval()(x).detach()]
    u.remove_spectral_norm(layer)
    return [*out, list(layer.state_dict()), layer.weight.detach()]


def _fused(t: Any) -> Any:
    u = t.nn.utils
    conv, bn = t.nn.Conv2d(2, 3, 2).eval(), t.nn.BatchNorm2d(3).eval()
    bn.running_mean += 0.5
    bn.running_var *= 2
    linear = u.fuse_linear_bn_eval(t.nn.Linear(2, 3, bias=False).eval(), t.nn.BatchNorm1d(3).eval())
    flipped = u.fuse_conv_bn_eval(t.nn.ConvTranspose1d(2, 3, 2).eval(), t.nn.BatchNorm1d(3).eval(), transpose=True)
    x = t.ones(1, 2, 2, 2)
    return [
        (u.fuse_conv_bn_eval(conv, bn)(x) - bn(conv(x))).abs().max().detach() < 1e-5,
        linear.weight.detach(),
        linear.bias.detach(),
        flipped.weight.detach(),
    ]


def _skipped(t: Any) -> Any:
    t.manual_seed(0)
    layer = t.nn.utils.skip_init(t.nn.Linear, 2, 3)
    return layer.weight.shape, t.rand(1)


def _norms(t: Any) -> Any:
    v, g = t.arange(12.0).reshape(2, 3, 2) + 1, t.arange(3.0).reshape(1, 3, 1)
    return [t.norm_except_dim(v, 2, dim) for dim in (0, 1, -1)] + [t.norm_except_dim(v, 1, 2), t._weight_norm(v, g, 1)]


def _several(t: Any) -> Any:
    layer = _ready(t).weight_norm(t.nn.Linear(1, 1))
    _p(t).remove_parametrizations(layer, "weight", leave_parametrized=False)


CASES: list[Row] = [
    case("registered, assigned, chained, removed", _registered),
    case("removed, with the original", _left),
    case("a buffer", _buffer),
    case("cached", _cached),
    case("under transforms", _transforms),
    case("transferred", _transferred),
    case("another shape, unsafe", lambda t: _with(t, _module(t, lambda x: x[:1]), unsafe=True).weight.shape),
    case("weight norm", _weight_norm),
    right(
        "weight norm to second order",
        _weight_norm_derivatives,
        [[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]],
        expected=lambda v: _hessian_of_weight_norm(v),
        why="PyTorch's second derivative is no symmetric matrix",
        rtol=1e-3,
        atol=1e-4,
        reason="the expected values are finite differences",
    ),
    case("spectral norm", _spectral_norm),
    case("orthogonal, square", _orthogonal((3, 3), None)),
    case("orthogonal, tall", _orthogonal((2, 4), "matrix_exp"), rtol=1e-4, atol=1e-5, reason="a QR factorisation"),
    case("orthogonal, wide", _orthogonal((4, 2), "cayley"), rtol=1e-4, atol=1e-5, reason="a QR factorisation"),
    case("orthogonal by Householder", _orthogonal((2, 4), "householder"), rtol=1e-4, atol=1e-5, reason="QR"),
    case("orthogonal without a base", _orthogonal((3, 3), "matrix_exp", False), rtol=1e-4, atol=1e-5, reason="QR"),
    case("orthogonal, assigned", _orthogonal_assigned),
    case("older weight norm", _older_weight_norm),
    case("older spectral norm", _older_spectral_norm),
    case("batch norm folded into layers", _fused),
    case("skip_init draws nothing", _skipped),
    case("norms of all axes but one", _norms),
    case(
        "derivatives of _weight_norm",
        lambda t, v, g: t._weight_norm(v, g, 0),
        [[1.0, 2.0], [3.0, -1.0]],
        [[2.0], [0.5]],
        grad="reverse",
    ),
    error(
        "no such tensor",
        lambda t: _p(t).register_parametrization(t.nn.ReLU(), "w", _doubled(t)),
        fragment="does not have a parameter, a buffer",
    ),
    error("another shape", lambda t: _with(t, _module(t, lambda x: x[:1])), fragment="may not change the shape"),
    error("another dtype", lambda t: _with(t, _module(t, lambda x: x.double())), fragment="may not change the dtype"),
    error("no tensor", lambda t: _with(t, _module(t, lambda x: 3)), fragment="must return a tensor. Got int"),
    error(
        "an inverse that is a string",
        lambda t: _with(t, _module(t, lambda x: x, lambda x: 3)),
        fragment="must return a Tensor or a Sequence",
    ),
    error(
        "assigned without an inverse",
        lambda t: setattr(_with(t, _doubled(t)), "weight", t.ones(2, 2)),
        fragment="does not implement",
    ),
    error("pickled", lambda t: pickle.dumps(_with(t, _doubled(t))), fragment="only supported through"),
    error(
        "removed, never there",
        lambda t: _p(t).remove_parametrizations(t.nn.ReLU(), "w"),
        fragment="does not have a parametrization on",
    ),
    error("several originals", _several, fragment="Cannot leave unparametrized"),
    error("an empty list", lambda t: _p(t).ParametrizationList([], t.ones(1)), fragment="requires one or more modules"),
    error(
        "orthogonal vector",
        lambda t: _ready(t).orthogonal(t.nn.Linear(2, 2), "bias"),
        fragment="Expected a matrix or batch",
    ),
    error(
        "orthogonal by an unknown map",
        lambda t: _ready(t).orthogonal(t.nn.Linear(2, 2), orthogonal_map="x"),
        fragment="orthogonal_map has to be one of",
    ),
    error(
        "spectral norm along no axis",
        lambda t: _ready(t).spectral_norm(t.nn.Linear(1, 1), dim=5),
        fragment="Dimension out of range",
    ),
    error(
        "older weight norm twice",
        lambda t: t.nn.utils.weight_norm(t.nn.utils.weight_norm(t.nn.Linear(1, 1))),
        fragment="Cannot register two weight_norm hooks",
    ),
    error(
        "no weight norm to remove", lambda t: t.nn.utils.remove_weight_norm(t.nn.Linear(1, 1)), fragment="not found in"
    ),
    error(
        "fusion in training",
        lambda t: t.nn.utils.fuse_conv_bn_eval(t.nn.Conv1d(1, 1, 1), t.nn.BatchNorm1d(1)),
        fragment="only for eval",
    ),
    error(
        "skip_init without a device", lambda t: t.nn.utils.skip_init(t.nn.ReLU), fragment="must support a 'device' arg"
    ),
    right(
        "two copies are independent",
        lambda t: _copied(t),
        expected=[True, False],
        why="PyTorch's copies share a class, so that removing from one breaks the other",
    ),
]


def _copied(t: Any) -> Any:
    import copy

    layer = _with(t, _symmetric(t))
    twin = copy.deepcopy(layer)
    _p(t).remove_parametrizations(twin, "weight")
    return t.tensor([layer.weight is not None, hasattr(twin, "parametrizations")])
