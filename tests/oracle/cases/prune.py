"""torch.nn.utils.prune: masks, hooks, what is left when pruning is removed."""

import importlib

from tests.oracle.case import case, error, values

WEIGHT = values([[0.1, -0.5, 0.3], [0.9, -0.2, 0.05]])
SCORES = values([[3.0, -1.0, 2.0], [0.5, 4.0, -6.0]])


def pruning(t):
    return importlib.import_module(f"{t.__name__}.nn.utils.prune")


def layer(t, weight=None):
    found = t.nn.Linear(3, 2)
    weight = t.tensor([[0.1, -0.5, 0.3], [0.9, -0.2, 0.05]]) if weight is None else weight
    found.load_state_dict({"weight": weight, "bias": t.tensor([0.4, -0.1])})
    return found


def looked_at(module):
    hooks = [(type(h).__name__, h._tensor_name) for h in module._forward_pre_hooks.values()]
    return module.weight, dict(module.named_parameters()), dict(module.named_buffers()), hooks


def pruned(call):
    """The module after a call of `prune`, which gives the module back, and what pruning leaves behind."""

    def program(t, weight, scores):
        prune = pruning(t)
        module = layer(t, weight)
        t.manual_seed(0)
        same = eval(f"prune.{call}", {"prune": prune, "module": module, "t": t, "scores": scores}) is module
        found = looked_at(module)
        named = [name for name, h in (("weight", "weight_mask"), ("bias", "bias_mask")) if hasattr(module, h)]
        again = [prune.remove(module, name) is module for name in named]
        return same, found, again, looked_at(module), prune.is_pruned(module)

    return case(call, program, WEIGHT, SCORES)


CASES = [
    pruned("l1_unstructured(module, 'weight', amount=2)"),
    pruned("l1_unstructured(module, 'weight', 0.34)"),
    pruned("l1_unstructured(module, 'weight', 1.0)"),
    pruned("l1_unstructured(module, 'weight', 3, importance_scores=scores)"),
    pruned("l1_unstructured(module, 'bias', 0)"),
    pruned("random_unstructured(module, 'weight', 3)"),
    pruned("random_unstructured(module, 'weight', 0.5)"),
    pruned("random_structured(module, 'weight', 2, dim=1)"),
    pruned("random_structured(module, 'weight', 0, dim=0)"),
    pruned("ln_structured(module, 'weight', amount=0.5, n=2, dim=-1)"),
    pruned("ln_structured(module, 'weight', 1, float('inf'), 0)"),
    pruned("ln_structured(module, 'weight', 2, 1, 1, importance_scores=scores)"),
    pruned("custom_from_mask(module, 'weight', t.eye(3)[:2])"),
    pruned("custom_from_mask(module, name='weight', mask=scores > 0)"),
    pruned("identity(module, 'weight')"),
]


def again(t):
    prune, module = pruning(t), layer(t)
    prune.l1_unstructured(module, "weight", amount=1)
    prune.ln_structured(module, "weight", amount=1, n=2, dim=1)
    prune.l1_unstructured(module, "weight", amount=0.5)
    prune.identity(module, "bias")
    (container, other) = module._forward_pre_hooks.values()
    methods = [type(m).__name__ for m in container], len(container), container[0].amount, type(other).__name__
    found = looked_at(module)
    return found, methods, prune.is_pruned(t.nn.Sequential(module)), prune.remove(module, "weight").weight


def channels(t):
    """A structured method counts the channels that are left."""
    prune, module = pruning(t), layer(t)
    prune.custom_from_mask(module, "weight", t.tensor([[1.0, 0.0, 1.0]] * 2))
    return prune.ln_structured(module, "weight", amount=0.5, n=1, dim=1).weight_mask


def calls(t):
    """The weight follows its original at each call, and the gradient is masked."""
    prune, module = pruning(t), layer(t)
    original = module.weight
    prune.l1_unstructured(module, "weight", amount=2)
    with t.no_grad():
        module.weight_orig.fill_(3.0)
    before = module.weight.detach().clone()
    out = module(t.ones(1, 3))
    out.sum().backward()
    found = before, out, module.weight_orig.grad, module.weight.requires_grad
    prune.remove(module, "weight")
    return found, module.weight is original, module.weight, module.state_dict()


def transformed(t):
    prune, module = pruning(t), layer(t)
    prune.l1_unstructured(module, "weight", amount=2)
    params = {k: p.detach() for k, p in module.named_parameters()}
    x = t.arange(6.0).reshape(2, 3)

    def loss(params, x):
        return t.func.functional_call(module, params, (x,)).square().sum()

    return t.func.vmap(t.func.grad(loss), (None, 0))(params, x)


def states(t):
    prune, module, other = pruning(t), layer(t), layer(t, t.zeros(2, 3))
    prune.l1_unstructured(module, "weight", amount=2)
    prune.identity(other, "weight")
    other.load_state_dict(module.state_dict())
    return other(t.ones(3)), other.weight_mask


def everywhere(t, scores=None):
    prune, a, b = pruning(t), layer(t), layer(t)
    prune.identity(a, "weight")
    given = None if scores is None else {(a, "weight"): scores}
    nothing = prune.global_unstructured(
        [(a, "weight"), (b, "bias")], prune.L1Unstructured, importance_scores=given, amount=3
    )
    return nothing, looked_at(a), b.bias_mask, [type(h).__name__ for h in b._forward_pre_hooks.values()]


def tensors(t, x, scores):
    prune = pruning(t)
    method = prune.L1Unstructured(2)
    return method.prune(x), method.prune(x, default_mask=(x > 0).float()), method.prune(x, importance_scores=scores)


def own(t):
    prune, module = pruning(t), layer(t)

    class Positive(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def __init__(self, bound):
            self.bound = bound

        def compute_mask(self, t, default_mask):
            mask = default_mask.clone()
            mask[t > self.bound] = 0
            return mask

    hook = Positive.apply(module, "weight", bound=0.1)
    return vars(hook), looked_at(module)


def convolution(t):
    conv = t.nn.Conv2d(2, 3, 2)
    conv.weight.data.copy_(t.arange(24.0).reshape(3, 2, 2, 2).cos())
    return pruning(t).ln_structured(conv, "weight", amount=0.3, n=1, dim=0).weight_mask


CASES += [
    case("pruned again and again", again),
    case("a structured method counts the channels that are left", channels),
    case("calls, gradients and removal of a pruned module", calls),
    case("a pruned module under vmap of grad", transformed),
    case("a pruned module loads a state dict", states),
    case("global_unstructured", everywhere),
    case("global_unstructured, by other scores", everywhere, SCORES),
    case("methods prune tensors", tensors, WEIGHT, SCORES),
    case("a method of one's own", own),
    case("channels of a convolution", convolution),
]


def bad(text, fragment):
    def program(t):
        return eval(f"prune.{text}", {"t": t, "prune": pruning(t), "m": layer(t)})

    return error(text, program, fragment=fragment)


def kept(t):
    """A call that fails leaves the module alone."""
    prune, module = pruning(t), layer(t)
    prune_failed = False
    try:
        prune.ln_structured(module, "weight", amount=1, n=2, dim=5)
    except IndexError:
        prune_failed = True
    return prune_failed, module.weight, sorted(name for name, _ in module.named_parameters()), prune.is_pruned(module)


CASES += [
    case("a call that fails leaves the module alone", kept),
    bad("l1_unstructured(m, 'weight', amount=-1)", "amount=-1 should either be a float in the range"),
    bad("l1_unstructured(m, 'weight', amount=1.5)", "amount=1.5 should either be a float in the range"),
    bad("l1_unstructured(m, 'weight', amount=7)", "amount=7 should be smaller than the number of parameters"),
    bad("l1_unstructured(m, 'weight', amount='a')", "Invalid type for amount: a. Must be int or float"),
    bad("l1_unstructured(m, 'nope', amount=1)", "'Linear' object has no attribute 'nope'"),
    bad(
        "l1_unstructured(m, 'weight', 1, importance_scores=t.ones(5))", "should have the same shape as parameter weight"
    ),
    bad("ln_structured(m, 'bias', 1, 2, 0)", "can only be applied to multidimensional tensors"),
    bad("ln_structured(m, 'weight', 1, 2, 3)", "Invalid index 3 for tensor of size"),
    bad("random_structured(m, 'weight', 7, 1)", "amount=7 should be smaller"),
    bad("custom_from_mask(m, 'weight', t.ones(2, 2))", "must match self.mask shape"),
    bad("remove(m, 'weight')", "has to be pruned before pruning can be removed"),
    bad("is_pruned(3)", "named_modules"),
    bad("global_unstructured(3, prune.L1Unstructured)", "parameters is not an Iterable"),
    bad("global_unstructured([(m, 'weight')], prune.RandomStructured, amount=1)", "of type structured"),
    bad("global_unstructured([(m, 'weight')], prune.L1Unstructured, [1], amount=1)", "must be of type dict"),
    bad("BasePruningMethod()", "abstract"),
    bad("PruningContainer().add_pruning_method(3)", "is not a BasePruningMethod subclass"),
    bad("L1Unstructured(1).prune(t.ones(3), importance_scores=t.ones(2))", "same shape as tensor t"),
]
