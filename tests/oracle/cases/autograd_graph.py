"""torch.autograd.graph, and hooks where no gradient arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.case import Row, case, error


def leaves(t: Any) -> Any:
    return [t.tensor(x, requires_grad=True) for x in (2.0, 3.0, 5.0)]


def plain(x: Any) -> Any:
    """Gradients as numbers, None as it is."""
    if x is None:
        return "none"
    return [plain(e) for e in x] if isinstance(x, (list, tuple)) else x.tolist()


def several(mode: str, programs: Callable[[Any, Any, Any, Any], None]) -> Callable[[Any], Any]:
    """What a hook on three leaves is told."""

    def run(t: Any) -> Any:
        a, b, c = leaves(t)
        seen: list[Any] = []
        handle = t.autograd.graph.register_multi_grad_hook((a, b, c), lambda g: seen.append(plain(g)), mode=mode)
        programs(t, a, b, c)
        handle.remove()
        (a * b * c).backward()
        return seen

    return run


def passes(t: Any, a: Any, b: Any, c: Any) -> None:
    (a * b).backward()
    (a * b * c).backward()
    (c * 2).backward()


def any_of_two(t: Any) -> Any:
    """Of two tensors one requires no grad."""
    a, b, _ = leaves(t)
    seen: list[Any] = []
    t.autograd.graph.register_multi_grad_hook((b.detach(), a), lambda g: seen.append(plain(g)), mode="any")
    (a * b).backward()
    return seen


def inner(t: Any) -> Any:
    """A hook on tensors that are no leaves, in passes that come to one or both."""
    a, b, c = leaves(t)
    x = a * b
    y = x * c
    seen: list[Any] = []
    t.autograd.graph.register_multi_grad_hook((x, y), lambda g: seen.append(plain(g)))
    (y * 2).backward(retain_graph=True)
    for wanted in (a, x, c):
        t.autograd.grad(y * 3, [wanted], retain_graph=True)
    return seen


def after_a_raise(t: Any) -> Any:
    """A hook that raised is called again in the next pass."""
    a, b, _ = leaves(t)
    seen: list[Any] = []

    def hook(gradients: Any) -> None:
        seen.append(plain(gradients))
        if len(seen) == 1:
            raise ValueError("stop")

    t.autograd.graph.register_multi_grad_hook((a, b), hook)
    try:
        (a * b).backward()
    except ValueError:
        seen.append("raised")
    (a * b * 2).backward()
    return seen


def one_sided(t: Any) -> Any:
    """A product whose backward gives its second argument no gradient."""

    class OneSided(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    return OneSided


def no_gradient(t: Any) -> Any:
    """The hooks of what a pass comes to without a gradient are told None."""
    a, b, _ = leaves(t)
    seen: list[Any] = []
    c = b * 2
    c.register_hook(lambda g: seen.append(("tensor", plain(g))))
    c.grad_fn.register_prehook(lambda g: seen.append(("before", plain(g))))
    c.grad_fn.register_hook(lambda _, g: seen.append(("after", plain(g))))
    b.register_hook(lambda g: seen.append(("leaf", plain(g))))
    b.register_post_accumulate_grad_hook(lambda p: seen.append("accumulated"))
    c.retain_grad()
    one_sided(t).apply(a, c).backward()
    return seen, plain([a.grad, b.grad, c.grad])


def replaces_none(t: Any) -> Any:
    a, b, _ = leaves(t)
    b.register_hook(lambda g: t.tensor(1.0))
    one_sided(t).apply(a, b).backward()


def materialised(materialise: bool) -> Callable[[Any], Any]:
    """Whether the backward of a function that no gradient arrives at is called, and with what."""

    def run(t: Any) -> Any:
        a, b, _ = leaves(t)
        seen: list[Any] = []

        class Noting(t.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.set_materialize_grads(materialise)
                return x * 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                seen.append(plain(g))
                return g

        one_sided(t).apply(a, Noting.apply(b)).backward()
        return seen, plain(b.grad)

    return run


def refused(t: Any) -> Any:
    """What entering a block of hooks says where such hooks are off; afterwards they work again."""
    graph, seen = t.autograd.graph, []

    def enter(block: Any) -> None:
        try:
            with block:
                seen.append("entered")
        except RuntimeError as e:
            seen.append(str(e))

    def hooks() -> Any:
        return graph.saved_tensors_hooks(lambda x: x, lambda x: x)

    with graph.disable_saved_tensors_hooks("off"):
        enter(hooks())
        with graph.disable_saved_tensors_hooks("off inside"):
            enter(hooks())
        enter(graph.save_on_cpu())
    enter(hooks())
    return seen


def disabled_late(t: Any) -> None:
    with t.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):  # noqa: SIM117
        with t.autograd.graph.disable_saved_tensors_hooks("too late"):
            pass


def written(t: Any) -> Any:
    """Writes over what the backward pass reads."""
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        w = t.tensor([1.0, 2.0], requires_grad=True)
        v = w.clone()
        y = (v**2).sum() + v.exp().sum()
        v.sin_()
        (y + v.sum()).backward()
    return w.grad


def written_before(t: Any) -> Any:
    v = t.tensor([1.0, 2.0], requires_grad=True).clone()
    y = (v**2).sum()
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        v.sin_()
        y.backward()


def nested(t: Any) -> None:
    with t.autograd.graph.allow_mutation_on_saved_tensors(), t.autograd.graph.allow_mutation_on_saved_tensors():
        pass


def counted(t: Any) -> Any:
    x = t.ones(2)
    before = x._version
    t.autograd.graph.increment_version(x)
    t.autograd.graph.increment_version([x, x])
    return x._version - before


def counted_backward(t: Any) -> None:
    v = t.tensor([1.0, 2.0], requires_grad=True).clone()
    y = (v**2).sum()
    t.autograd.graph.increment_version(v)
    y.backward()


def switches(t: Any) -> Any:
    import importlib

    module = importlib.import_module(f"{t.__name__}.autograd.grad_mode")
    with module.no_grad(), module.set_multithreading_enabled(False):
        return module.enable_grad is t.enable_grad, t.is_grad_enabled()


CHANGED = "has been modified by an inplace operation"

def packed(pack: Any, unpack: Any) -> Any:
    def program(t: Any) -> None:
        x = t.ones(3, requires_grad=True)
        with t.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = x.exp().sin()
        y.sum().backward()

    return program


PROGRAMS = {
    "one hook for three leaves": several("all", passes),
    "one hook for any of three leaves, once a pass": lambda t: len(several("any", passes)(t)),
    "one hook for any of two tensors, one of which requires no grad": any_of_two,
    "one hook for inner tensors": inner,
    "one hook, after it raised": after_a_raise,
    "hooks where no gradient arrives": no_gradient,
    "a function where no gradient arrives": materialised(True),
    "a function where no gradient arrives, not materialised": materialised(False),
    "disable_saved_tensors_hooks": refused,
    "allow_mutation_on_saved_tensors": written,
    "increment_version": counted,
    "grad_mode by its module": switches,
}

ERRORS = {
    "one hook, another mode": (several("first", passes), "Expects mode to be one of"),
    "one hook, no grad required": (
        lambda t: t.autograd.graph.register_multi_grad_hook((t.ones(2),), print),
        "Expected gradient function to be set",
    ),
    "what is unpacked is no tensor": (packed(lambda x: x, lambda x: 5), "unpack_hook expected to be a Tensor but got result of type int"),
    "a hook writes what it packs": (packed(lambda x: x.mul_(2), lambda x: x), "A saved tensor pack hook is modifying its input in place"),
    "a hook makes a gradient of None": (replaces_none, "can't replace a None gradient with a non-None value"),
    "disable_saved_tensors_hooks, in force already": (disabled_late, "too late"),
    "allow_mutation_on_saved_tensors, recorded before": (written_before, CHANGED),
    "allow_mutation_on_saved_tensors, nested": (nested, "contexts cannot be nested"),
    "increment_version, then backward": (counted_backward, CHANGED),
    "increment_version of a number": (
        lambda t: t.autograd.graph.increment_version(3),
        r"increment_version expect a Iterable\[Tensor\]",
    ),
}

CASES: list[Row] = [
    *[case(name, program) for name, program in PROGRAMS.items()],
    *[error(name, program, fragment=fragment) for name, (program, fragment) in ERRORS.items()],
]
