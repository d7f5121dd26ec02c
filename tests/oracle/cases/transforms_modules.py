"""functional_call, stack_module_state, replace_all_batch_norm_modules_, make_functional and combine_state_for_ensemble."""

from __future__ import annotations

import contextlib
import functools
import types

from tests.oracle.case import case, error, floats, functorch, right


def filled(t, module, shift=0.0):
    """The module with parameters that depend on nothing but their place and shape."""
    with t.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(t.arange(p.numel()).reshape(p.shape) * 0.1 - 0.25 * (i + 1) + shift)
    return module


def linear(t, shift=0.0):
    return filled(t, t.nn.Linear(3, 2), shift)


def mlp(t, shift=0.0):
    return filled(t, t.nn.Sequential(t.nn.Linear(3, 2), t.nn.Tanh(), t.nn.Linear(2, 1)), shift)


@functools.cache
def counter_class(t):
    class Counter(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = t.nn.Parameter(t.tensor([1.0, 2.0, 3.0]))
            self.register_buffer("n", t.zeros(()))

        def forward(self, x, scale=1.0):
            self.n.add_(1)
            return x * self.weight * scale + self.n

    return Counter


def counter(t):
    return counter_class(t)()


@functools.cache
def reassigning_class(t):
    class Counter(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("n", t.zeros(()))

        def forward(self, x):
            self.n = self.n + 1
            return x + self.n

    return Counter


def reassigning(t):
    return reassigning_class(t)()


@functools.cache
def tied_class(t):
    class Foo(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.foo = t.nn.Parameter(t.tensor([1.0, 2.0, 3.0]))
            self.foo_tied = self.foo
            self.bias = t.nn.Parameter(t.tensor([0.5]))

        def forward(self, x):
            return x * self.foo + self.foo_tied * 10 + self.bias

    return Foo


def tied(t):
    return tied_class(t)()


def params_of(module, scale=2.0):
    return {name: p.detach() * scale for name, p in module.named_parameters()}


def state(module):
    return {name: p.detach().clone() for name, p in module.state_dict().items()}


V = floats(3)
X = floats(4, 3)


def call(t, *args, **kwargs):
    return t.func.functional_call(*args, **kwargs)


def with_linear(program):
    """`program(t, module, its parameters doubled, x)`."""

    def run(t, x):
        module = linear(t)
        return program(t, module, params_of(module), x)

    return run


FUNCTIONAL_CALL = {
    "with a dict": lambda t, m, p, x: call(t, m, p, (x,)),
    "the argument alone stands for a tuple of one": lambda t, m, p, x: call(t, m, p, x),
    "with an empty dict": lambda t, m, p, x: call(t, m, {}, x),
    "with an empty tuple of dicts": lambda t, m, p, x: call(t, m, (), x),
    "with some of the names": lambda t, m, p, x: call(t, m, {"bias": p["bias"]}, x),
    "with two dicts in a tuple": lambda t, m, p, x: call(t, m, ({"weight": p["weight"]}, {"bias": p["bias"]}), x),
    "with two dicts in a list": lambda t, m, p, x: call(t, m, [{"weight": p["weight"]}, {"bias": p["bias"]}], x),
    "with the state dict": lambda t, m, p, x: call(t, m, m.state_dict(), x),
    "with parameters": lambda t, m, p, x: call(t, m, dict(m.named_parameters()), x),
    "with an unknown name": lambda t, m, p, x: call(t, m, {**p, "zzz": x}, x),
    "with weights of another shape": lambda t, m, p, x: call(t, m, {"weight": p["weight"][:1], "bias": p["bias"][:1]}, x),
    "leaves the module as it was": lambda t, m, p, x: [call(t, m, p, x), m(x), m.weight.requires_grad],
    "keyword arguments": lambda t, m, p, x: call(t, m, p, kwargs={"input": x}),
    "everything by keyword": lambda t, m, p, x: t.func.functional_call(module=m, parameter_and_buffer_dicts=p, args=(x,), kwargs=None, tie_weights=True, strict=False),
    "strict, and all names are there": lambda t, m, p, x: call(t, m, p, x, strict=True),
    "grad": lambda t, m, p, x: t.func.grad(lambda p: call(t, m, p, x).sum())(p),
    "grad of the captured module's input": lambda t, m, p, x: t.func.grad(lambda x: call(t, m, p, x).pow(2).sum())(x),
    "per-sample gradients": lambda t, m, p, x: t.vmap(t.func.grad(lambda p, x: call(t, m, p, x).pow(2).sum()), (None, 0))(p, x),
    "jvp in the parameters": lambda t, m, p, x: t.func.jvp(lambda p: call(t, m, p, x), (p,), (p,)),
    "jacrev in the parameters": lambda t, m, p, x: t.func.jacrev(lambda p: call(t, m, p, x[0]))(p),
    "hessian in the parameters": lambda t, m, p, x: t.func.hessian(lambda p: call(t, m, p, x[0]).pow(2).sum())(p),
    "vmap over parameters": lambda t, m, p, x: t.vmap(lambda p: call(t, m, p, x))({k: t.stack([v, v * 2]) for k, v in p.items()}),
    "restored after an exception": lambda t, m, p, x: after_raise(t, m, p, x),
    "reentrant": lambda t, m, p, x: call(t, m, {"weight": call(t, m, p, x)[:2, :1].expand(2, 3)}, x),
    "hooks run": lambda t, m, p, x: [m.register_forward_hook(lambda m, i, o: o * 100) and None, call(t, m, p, x)],
    "state_dict after grad": lambda t, m, p, x: [t.func.grad(lambda p: call(t, m, p, x).sum())(p) and None, state(m)],
}


def after_raise(t, m, p, x):
    with contextlib.suppress(Exception):
        call(t, m, p, x[:, :2])
    return m(x)


def bias_free(t, x):
    m = filled(t, t.nn.Linear(3, 2, bias=False))
    return call(t, m, {"bias": t.ones(2)}, x)


def two_counters(t, x, make):
    m = counter(t)
    dicts = make(m)
    out = call(t, m, dicts, x)
    return [out, dicts, m.n]


def reassigned(t, x, make):
    m = reassigning(t)
    dicts = make(t)
    out = call(t, m, dicts, x)
    return [out, dicts, m.n]


BUFFERS = [
    case("functional_call: a buffer changed in place is seen in the dict", lambda t, x: two_counters(t, x, state), V),
    case("functional_call: a buffer that is not passed changes the module", lambda t, x: two_counters(t, x, lambda m: {}), V),
    case("functional_call: a reassigned buffer is written into a single dict", lambda t, x: reassigned(t, x, lambda t: {"n": t.ones(())}), V),
    case("functional_call: a reassigned buffer is not written into a tuple of dicts", lambda t, x: reassigned(t, x, lambda t: ({"n": t.ones(())},)), V),
    case("functional_call: keyword arguments of forward", lambda t, x: call(t, counter(t), {}, (x,), {"scale": 3.0}), V),
    case("functional_call: a parameter where the module has None", bias_free, X),
    case("functional_call: nested names", lambda t, x: call(t, mlp(t), {"0.weight": t.ones(2, 3), "2.bias": t.ones(1)}, x), X),
    case("functional_call: a ParameterDict's contents", lambda t, x: call(t, linear(t), dict(params_of(linear(t))), x), X),
    right(
        "grad of a module that changes its own buffer",
        lambda t, x: (lambda m: [t.func.grad(lambda x: m(x).sum())(x), m.n])(counter(t)),
        V,
        expected=[[1.0, 2.0, 3.0], 1.0],
        why="PyTorch refuses to mutate a captured tensor",
    ),
]

TIED = [
    case("tied: one name sets both", lambda t, x: call(t, tied(t), {"foo": x * 2}, x), V),
    case("tied: the other name sets both", lambda t, x: call(t, tied(t), {"foo_tied": x * 2}, x), V),
    case("tied: both names with one tensor", lambda t, x: call(t, tied(t), {"foo": x, "foo_tied": x}, x), V),
    case("tied: tie_weights=False changes one", lambda t, x: call(t, tied(t), {"foo": x * 2}, x, tie_weights=False), V),
    case("tied: tie_weights=False with two tensors", lambda t, x: call(t, tied(t), {"foo": x * 2, "foo_tied": x * 3}, x, tie_weights=False), V),
    case("tied: strict, one name suffices", lambda t, x: call(t, tied(t), {"foo": x, "bias": x[:1]}, x, strict=True), V),
    case("tied: grad", lambda t, x: t.func.grad(lambda p: call(t, tied(t), p, x).sum())({"foo": x * 2}), V),
    error("tied: two tensors", lambda t, x: call(t, tied(t), {"foo": x, "foo_tied": x.clone()}, x), V, fragment=r"functional_call got multiple values for keys \['foo', 'foo_tied'\], which are tied"),
    error("tied: strict with tie_weights=False misses the other", lambda t, x: call(t, tied(t), {"foo": x, "bias": x[:1]}, x, tie_weights=False, strict=True), V, fragment=r"Missing key\(s\): 'foo_tied'\."),
]

NOT_DICTS = "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts"


def refused(title, program, fragment, **options):
    return error(f"functional_call: {title}", with_linear(program), X, fragment=fragment, **options)


MISUSE = [
    refused("the name of an attribute that is no tensor", lambda t, m, p, x: call(t, m, {**p, "in_features": x}, x), "is not an instance of torch.Tensor"),
    refused("one key in two dicts", lambda t, m, p, x: call(t, m, (p, p), x), "appeared in multiple dictionaries; behavior of functional call is ambiguous"),
    refused("an element that is no dict", lambda t, m, p, x: call(t, m, (p, 1), x), "Expected all elements of parameter_and_buffer_dicts to be dictionaries"),
    refused("an int", lambda t, m, p, x: call(t, m, 1, x), NOT_DICTS),
    refused("a generator", lambda t, m, p, x: call(t, m, (d for d in [p]), x), NOT_DICTS),
    refused("a ParameterDict", lambda t, m, p, x: call(t, m, t.nn.ParameterDict(p), x), NOT_DICTS),
    refused("a mapping that is no dict", lambda t, m, p, x: call(t, m, types.MappingProxyType(p), x), NOT_DICTS),
    refused("a missing submodule", lambda t, m, p, x: call(t, m, {"a.b": x}, x), "has no attribute `a`"),
    refused("strict, an unexpected name", lambda t, m, p, x: call(t, m, {**p, "zzz": x}, x, strict=True), r"Error\(s\) in reparametrizing for Linear:[\s\S]*Unexpected key\(s\): 'zzz'\."),
    refused("strict, missing names", lambda t, m, p, x: call(t, m, {}, x, strict=True), r"Missing key\(s\): 'bias', 'weight'\."),
    refused("strict, unexpected and missing", lambda t, m, p, x: call(t, m, {"zzz": x}, x, strict=True), r"Unexpected key\(s\): 'zzz'\.[\s\S]*Missing key\(s\): 'bias', 'weight'\."),
    refused("a value that is no tensor", lambda t, m, p, x: call(t, m, {"weight": 3.0}, x), "3.0 is not an instance of torch.Tensor"),
    refused("a list is one argument", lambda t, m, p, x: call(t, m, p, [x]), "must be Tensor, not list"),
    refused("an empty name", lambda t, m, p, x: call(t, m, {"": x}, x), "."),
    refused("a name that is an int", lambda t, m, p, x: call(t, m, {1: x}, x), "."),
    refused("a name below a parameter", lambda t, m, p, x: call(t, m, {"weight.x": x}, x), "is not an instance of torch.nn.Module"),
]

# ---- ensembles -------------------------------------------------------------------------------------------------------


def ensemble(t):
    return [mlp(t, 0.1 * i) for i in range(3)]


def stacked(t, models=None):
    params, buffers = t.func.stack_module_state(models or ensemble(t))
    return params, buffers


def run_ensemble(t, x):
    models = ensemble(t)
    params, buffers = t.func.stack_module_state(models)
    return t.vmap(lambda p, b: call(t, models[0], (p, b), x))(params, buffers)


def frozen(t, flag):
    out = linear(t)
    out.weight.requires_grad_(flag)
    return out


def stack_refused(title, models, fragment, **options):
    return error(f"stack_module_state: {title}", lambda t: t.func.stack_module_state(models(t)), fragment=fragment, **options)


STACK = [
    case("stack_module_state: names and values", lambda t: stacked(t)),
    case("stack_module_state: what the parameters are", lambda t: [[type(p).__name__, p.requires_grad, p.is_leaf] for p in stacked(t)[0].values()]),
    case("stack_module_state: frozen models", lambda t: [p.requires_grad for p in stacked(t, [frozen(t, False), frozen(t, False)])[0].values()]),
    case("stack_module_state: buffers", lambda t: stacked(t, [counter(t), counter(t)])),
    case("stack_module_state: tied names appear once", lambda t: stacked(t, [tied(t), tied(t)])),
    case("stack_module_state: runs an ensemble", run_ensemble, X),
    case("stack_module_state: per-model inputs", lambda t, x: (lambda ms: t.vmap(lambda p, x: call(t, ms[0], p, x))(stacked(t, ms)[0], x))(ensemble(t)), floats(3, 4, 3)),
    case("stack_module_state: the models are not changed", lambda t: (lambda ms: [stacked(t, ms) and None, state(ms[1])])(ensemble(t))),
    stack_refused("no models", lambda t: [], "stack_module_state: Expected at least one model, got 0"),
    stack_refused("training and eval", lambda t: [linear(t), linear(t).eval()], "stack_module_state: Expected all models to have the same training/eval mode"),
    stack_refused("two classes", lambda t: [linear(t), t.nn.Tanh()], "stack_module_state: Expected all models to be of the same class"),
    stack_refused("one frozen", lambda t: [frozen(t, True), frozen(t, False)], r"Expected weight from each model to have the same \.requires_grad"),
    stack_refused("two shapes", lambda t: [t.nn.Linear(3, 2), t.nn.Linear(2, 2)], "stack expects each tensor to be equal size"),
    stack_refused("a missing name", lambda t: [t.nn.Linear(3, 2), t.nn.Linear(3, 2, bias=False)], ".", raises="KeyError"),
]

# ---- the older names -------------------------------------------------------------------------------------------------


def made(program, make=linear, name="make_functional", **options):
    """`program(t, what make_functional gives, x)`."""

    def run(t, x):
        return program(t, getattr(functorch(t), name)(make(t), **options), x)

    return run


def with_buffers(program, make=counter, **options):
    return made(program, make, "make_functional_with_buffers", **options)


def run_combined(t, x):
    func, params, buffers = functorch(t).combine_state_for_ensemble(ensemble(t))
    return [t.vmap(func, (0, 0, None))(params, buffers, x), [p.requires_grad for p in params], type(func).__name__]


def combine_refused(title, models, fragment):
    return error(f"combine_state_for_ensemble: {title}", lambda t: functorch(t).combine_state_for_ensemble(models(t)), fragment=fragment)


OLDER = [
    case("make_functional: call", made(lambda t, fp, x: fp[0](fp[1], x)), X),
    case("make_functional: what it gives", made(lambda t, fp, x: [type(fp).__name__, type(fp[0]).__name__, type(fp[1]).__name__, [type(p).__name__ for p in fp[1]], [p.requires_grad for p in fp[1]]]), X),
    case("make_functional: the parameters", made(lambda t, fp, x: [p.detach() for p in fp[1]]), X),
    case("make_functional: disable_autograd_tracking", made(lambda t, fp, x: [p.requires_grad for p in fp[1]], disable_autograd_tracking=True), X),
    case("make_functional: param_names", made(lambda t, fp, x: [fp[0].param_names, fp[0].names_map], mlp), X),
    case("make_functional: the parameters are copies", lambda t, x: (lambda m: [functorch(t).make_functional(m)[1][0] is m.weight, state(m)])(linear(t)), X),
    case("make_functional: parameters in a list", made(lambda t, fp, x: fp[0](list(fp[1]), x)), X),
    case("make_functional: parameters of one's own", made(lambda t, fp, x: fp[0]([t.ones(2, 3), t.zeros(2)], x)), X),
    case("make_functional: too many parameters", made(lambda t, fp, x: fp[0]((*fp[1], x), x)), X),
    case("make_functional: tied parameters appear once", made(lambda t, fp, x: [len(fp[1]), fp[0](fp[1], x), fp[0].names_map], tied), V),
    case("make_functional: grad", made(lambda t, fp, x: t.func.grad(lambda p: fp[0](p, x).sum())(fp[1])), X),
    case("make_functional: per-sample gradients", made(lambda t, fp, x: t.vmap(t.func.grad(lambda p, x: fp[0](p, x).pow(2).sum()), (None, 0))(fp[1], x), mlp), X),
    case("make_functional: keyword arguments", made(lambda t, fp, x: fp[0](fp[1], input=x)), X),
    error("make_functional: a model with buffers", made(lambda t, fp, x: fp, counter), V, fragment=r"make_functional\(model\): `model` has buffers"),
    case("make_functional_with_buffers: call", with_buffers(lambda t, fpb, x: [fpb[0](fpb[1], fpb[2], x), [b.detach() for b in fpb[2]]]), V),
    case("make_functional_with_buffers: names", with_buffers(lambda t, fpb, x: [fpb[0].param_names, fpb[0].buffer_names, fpb[0].all_names_map, type(fpb[0]).__name__]), V),
    case("make_functional_with_buffers: without buffers", with_buffers(lambda t, fpb, x: [fpb[0](fpb[1], fpb[2], x), fpb[2]], linear), X),
    case("make_functional_with_buffers: disable_autograd_tracking", with_buffers(lambda t, fpb, x: [p.requires_grad for p in fpb[1]], disable_autograd_tracking=True), V),
    case("make_functional_with_buffers: grad", with_buffers(lambda t, fpb, x: t.func.grad(lambda p: fpb[0](p, fpb[2], x).sum())(fpb[1]), linear), X),
    case("combine_state_for_ensemble: runs", run_combined, X),
    combine_refused("no models", lambda t: [], "combine_state_for_ensemble: Expected at least one model, got 0"),
    combine_refused("training and eval", lambda t: [linear(t), linear(t).eval()], "combine_state_for_ensemble: Expected all models to have the same training/eval mode"),
    combine_refused("two classes", lambda t: [linear(t), t.nn.Tanh()], "combine_state_for_ensemble: Expected all models to be of the same class"),
]

# ---- batch norm ------------------------------------------------------------------------------------------------------


def norm_state(module):
    return [module.running_mean, module.running_var, module.num_batches_tracked, module.track_running_stats]


def replaced(t, make):
    net = make(t)
    out = t.func.replace_all_batch_norm_modules_(net)
    return [out is net, *[norm_state(m) for m in net.modules() if hasattr(m, "num_batches_tracked")]]


BATCH_NORM = [
    case("replace_all_batch_norm_modules_: the root", lambda t: replaced(t, lambda t: t.nn.BatchNorm1d(3))),
    case("replace_all_batch_norm_modules_: nested", lambda t: replaced(t, lambda t: t.nn.Sequential(t.nn.Linear(3, 3), t.nn.Sequential(t.nn.BatchNorm2d(3))))),
    case("replace_all_batch_norm_modules_: an instance norm is untouched", lambda t: norm_state(t.func.replace_all_batch_norm_modules_(t.nn.InstanceNorm1d(3, track_running_stats=True)))),
    case("replace_all_batch_norm_modules_: per-sample gradients", lambda t, x: (lambda m: t.vmap(t.func.grad(lambda x: m(x).pow(3).sum()))(x))(t.func.replace_all_batch_norm_modules_(t.nn.BatchNorm1d(3))), floats(2, 4, 3)),
    case("replace_all_batch_norm_modules_: eval uses the batch", lambda t, x: t.func.replace_all_batch_norm_modules_(t.nn.BatchNorm1d(3)).eval()(x).detach(), X),
    error("vmap of a training batch norm with running statistics", lambda t, x: t.vmap(t.nn.BatchNorm1d(3))(x), floats(2, 4, 3),
          fragment="Batch norm got a batched tensor as input while the running_mean or running_var"),
    case("vmap of batch norm in eval", lambda t, x: t.vmap(t.nn.BatchNorm1d(3).eval())(x).detach(), floats(2, 4, 3)),
    right(
        "grad of a training batch norm with its own statistics",
        lambda t, x: (lambda m: [t.func.grad(lambda x: m(x).sum())(x).abs().max() < 1e-4, m.num_batches_tracked])(t.nn.BatchNorm1d(3)),
        X,
        expected=[True, 1],
        why="PyTorch refuses to mutate a captured tensor",
    ),
]

CASES = [
    *[case(f"functional_call: {title}", with_linear(program), X) for title, program in FUNCTIONAL_CALL.items()],
    *BUFFERS,
    *TIED,
    *MISUSE,
    *STACK,
    *OLDER,
    *BATCH_NORM,
]
