"""The tape: backward, grad accumulation, leaves, in-place writes, hooks, and how it meets transforms."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np

from tests.oracle.case import Row, case, error, floats, right, values

X = values([0.5, -1.0, 2.0])


def leaf(x: Any) -> Any:
    return x.clone().requires_grad_()


def grads(make: Any) -> Any:
    """The row's program: `make(t, x)` on a leaf, and the leaf's gradient after it."""

    def program(t: Any, x: Any) -> Any:
        x = leaf(x)
        result = make(t, x)
        return result, x.grad

    return program


def accumulated(t: Any, x: Any) -> Any:
    (x**2).sum().backward()
    first = x.grad
    (3 * x).sum().backward()
    return first is x.grad, first


def shared(t: Any, x: Any) -> None:
    y = x.exp()
    (y * y + y).sum().backward()


def several_roots(t: Any, x: Any) -> None:
    t.autograd.backward([(x * 2).sum(), x * x], [None, t.ones(3)])


def chosen_inputs(t: Any, x: Any) -> Any:
    w = t.ones(3, requires_grad=True)
    (x * w).sum().backward(inputs=[w])
    return w.grad


def retained(t: Any, x: Any) -> Any:
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, y.retains_grad, y.is_leaf


def twice_kept(t: Any, x: Any) -> None:
    y = x.sin().sum()
    y.backward(retain_graph=True)
    y.backward()


def created(t: Any, x: Any) -> Any:
    (g,) = t.autograd.grad((x**3).sum(), x, create_graph=True)
    (h,) = t.autograd.grad((g * g).sum(), x, create_graph=True)
    return g, h, t.autograd.grad(h.sum(), x)[0]


def unused(t: Any, x: Any) -> Any:
    w = t.ones(2, requires_grad=True)
    y = x.sum()
    return (
        t.autograd.grad(y, [x, w], allow_unused=True, retain_graph=True),
        t.autograd.grad(y, [x, w], materialize_grads=True),
    )


def batched(t: Any, x: Any) -> Any:
    y = x**2
    return t.autograd.grad(y, x, t.eye(3), is_grads_batched=True)


def of_inner(t: Any, x: Any) -> Any:
    y = x.exp()
    z = (y * x).sum()
    return t.autograd.grad(z, [y, x])


def written(t: Any, x: Any) -> None:
    y = x * 1
    y[0] = 5.0
    y[1:].mul_(x[0])
    y.add_(x)
    y.sum().backward()


def view_first(t: Any, x: Any) -> None:
    y = x * 1
    view = y[:2]
    y.mul_(3)
    (view * view).sum().backward()


def copied(t: Any, x: Any) -> None:
    y = t.zeros(2, 3)
    y[1].copy_(x)
    (y * y).sum().backward()


def mixed_precision(t: Any, x: Any) -> None:
    (x.double() * 2).sum().backward()


def without(t: Any, x: Any) -> Any:
    with t.no_grad():
        y = x * 2
        x.add_(1)
    with t.inference_mode():
        z = x * 2
    return y.requires_grad, x.is_leaf, z.requires_grad, x.detach().requires_grad, (x.detach() * x).requires_grad


def threads(t: Any, x: Any) -> None:
    """Four threads add to the gradient of one leaf."""
    all_ready = threading.Barrier(4)

    def work() -> None:
        y = (x * 2).sum()
        all_ready.wait()
        y.backward()

    started = [threading.Thread(target=work) for _ in range(4)]
    for each in started:
        each.start()
    for each in started:
        each.join()


def detached(t: Any, x: Any) -> None:
    (x.detach() * x).sum().backward()


def through_data(t: Any, x: Any) -> Any:
    x.data.mul_(2)
    (x * x).sum().backward()
    return x


def hooked(t: Any, x: Any) -> Any:
    log = []
    y = x * 2
    y.register_hook(lambda g: log.append(g.clone()))
    handle = y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    x.register_post_accumulate_grad_hook(lambda p: log.append(p.grad.clone()))
    y.sum().backward(retain_graph=True)
    handle.remove()
    x.grad = None
    y.sum().backward()
    return log


def node_hooks(t: Any, x: Any) -> Any:
    log = []
    y = x * 2
    y.grad_fn.register_prehook(lambda outs: (outs[0] * 3,))
    y.grad_fn.register_hook(lambda ins, outs: log.append(outs[0]))
    y.sum().backward()
    return log, type(y.grad_fn).__name__, y.grad_fn.name()


def node_of_two(t: Any, x: Any) -> Any:
    """A node has a place for each input, also for a constant: its hooks and its callers see None there."""
    log = []
    y = t.ones(3) * x
    z = y * 2
    z.grad_fn.register_hook(lambda ins, outs: log.append(ins))
    z.sum().backward(retain_graph=True)
    edges = [[(None if node is None else node.name(), nr) for node, nr in each.grad_fn.next_functions] for each in (y, z)]
    meta = z.grad_fn._input_metadata[0]
    return log, edges, z.grad_fn(t.ones(3)), meta.shape, meta.dtype == z.dtype, meta.device.type


def order_of_leaves(t: Any, x: Any) -> Any:
    log = []
    w = x.detach().clone().requires_grad_()
    x.register_hook(lambda g: log.append("x"))
    w.register_hook(lambda g: log.append("w"))
    (x * w).sum().backward()
    return log


def retained_through_writes(t: Any, x: Any) -> Any:
    base = x * 1
    base.retain_grad()
    base.mul_(2)
    view = base[:2]
    view.retain_grad()
    base[0] = 7.0
    (base.sum() + (view * view).sum()).backward()
    return base.grad, view.grad


def from_edges(t: Any, x: Any) -> Any:
    edge = t.autograd.graph.get_gradient_edge
    y = x * 2
    z = y.sum()
    first = t.autograd.grad(edge(y), x, t.ones(3), retain_graph=True)
    t.autograd.backward(edge(z))
    return first, edge(y)._fields


def names(t: Any, x: Any) -> Any:
    made = [
        x + 1, x * x, x.sum(), x.mean(), x**2, x.exp(), x @ x, x[0], x[1:], x.view(3, 1), x.relu(),
        t.cat([x, x]), x.clone(), t.stack([x]), x.sigmoid(),
    ]  # fmt: skip
    return [y.grad_fn.name() for y in made], x.grad_fn is None, made[0].grad_fn.next_functions[0][0].name()


def module_hooks(t: Any, x: Any) -> Any:
    net, log = t.nn.Linear(3, 2), []
    with t.no_grad():
        net.weight.fill_(0.5)
        net.bias.zero_()
    net.register_full_backward_pre_hook(lambda m, outs: (outs[0] * 2,))
    net.register_full_backward_hook(lambda m, ins, outs: log.append((ins[0].clone(), outs[0].clone())))
    net.register_full_backward_hook(lambda m, ins, outs: (ins[0] * 10,))
    net(x).sum().backward()
    return log, net.weight.grad, net.bias.grad


def trained(t: Any, x: Any) -> Any:
    net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1))
    with t.no_grad():
        for p in net.parameters():
            p.copy_(t.linspace(-1, 1, p.numel()).view(p.shape))
    opt, losses = t.optim.Adam(net.parameters(), lr=0.1), []
    for _ in range(4):
        opt.zero_grad()
        loss = (net(x) - 1).pow(2).mean()
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    return losses


def model_inside(t: Any, x: Any) -> Any:
    net = t.nn.Linear(3, 2)
    with t.no_grad():
        net.weight.copy_(t.arange(6.0).view(2, 3))
    jacobians = t.vmap(t.func.jacrev(lambda x: net(x).tanh()))(t.stack([x, x * 2]) / 10)
    jacobians.pow(2).sum().backward()
    return net.weight.grad


def maml(t: Any, x: Any) -> Any:
    w = t.tensor(2.0, requires_grad=True)

    def task(x: Any) -> Any:
        return (w - 0.1 * t.func.grad(lambda p: (p * p * x).sin())(w)) ** 2

    t.vmap(task)(x).sum().backward()
    return w.grad


def gradient_of_transform(t: Any, x: Any) -> Any:
    (g,) = t.autograd.grad(t.vmap(lambda r: r**3 * x.sum())(x).sum(), x, create_graph=True)
    return g, t.autograd.grad(g.sum(), x)[0]


def rows_of_gradients(t: Any, x: Any) -> Any:
    """The Jacobian of a graph that is there already: vmap over the cotangents."""
    w, eye = t.ones(3, requires_grad=True), t.eye(3)
    y = x**3
    (g,) = t.autograd.grad((y * x.sum()).sum(), x, create_graph=True)
    return (
        t.vmap(lambda v: t.autograd.grad(y, x, v, retain_graph=True)[0])(eye),
        t.vmap(lambda v: t.autograd.grad(g, x, v, retain_graph=True)[0], chunk_size=2)(eye),
        t.vmap(lambda u: t.vmap(lambda v: t.autograd.grad(y, x, v * u, retain_graph=True)[0])(eye))(x),
        t.vmap(lambda v: t.autograd.grad(y, [x, w], v, materialize_grads=True, retain_graph=True))(eye),
    )


def rows_differentiated(t: Any, x: Any) -> Any:
    y = x**3
    rows = t.vmap(lambda v: t.autograd.grad(y, x, v, create_graph=True)[0])(t.eye(3))
    return rows, t.autograd.grad((rows * rows).sum(), x)


def function_of_cotangents(t: Any, x: Any) -> Any:
    y = x**3
    pulled = lambda v: t.autograd.grad(y, x, v, create_graph=True)[0]
    v = t.ones(3)
    return t.func.jvp(pulled, (v,), (x.detach(),)), t.func.jacrev(pulled)(v), t.func.grad(lambda v: pulled(v).pow(2).sum())(v)


def pullback_recorded(t: Any, x: Any) -> Any:
    w = t.tensor(2.0, requires_grad=True)
    _, pull = t.func.vjp(lambda x: (w * x * x).sum(), x)
    pull(t.tensor(1.0))[0].sum().backward()
    return w.grad


def strided(t: Any, x: Any) -> Any:
    """A view by strides of a leaf that shares another tensor's memory, and of a part of what was computed."""
    leaf = t.arange(9.0).reshape(3, 3).detach().requires_grad_()
    ((leaf.as_strided((2, 2), (1, 2), 1) ** 2).sum() + (x * 2)[1:].as_strided((2,), (1,)).sum()).backward()
    return leaf.grad, x.grad


def gathered_nothing(t: Any, x: Any) -> Any:
    none = x.gather(0, t.zeros(0, dtype=t.int64))
    none.sum().backward()
    return none, x.grad


def reads_grad_of_inner(t: Any, x: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (x * 2).grad
    return [w.category.__name__ for w in caught]


PROGRAMS = {
    "as_strided": strided,
    "gather of nothing": gathered_nothing,
    "grad accumulates in place": accumulated,
    "a value used twice": shared,
    "several roots": several_roots,
    "backward to chosen inputs": chosen_inputs,
    "retain_grad": retained,
    "a second backward of what was retained": twice_kept,
    "create_graph, thrice": created,
    "unused inputs": unused,
    "is_grads_batched": batched,
    "grad of an inner tensor": of_inner,
    "in-place writes": written,
    "a view follows its base": view_first,
    "copy_ into a row": copied,
    "the gradient has the leaf's dtype": mixed_precision,
    "no_grad and inference_mode": without,
    "threads": threads,
    "detach cuts": detached,
    "a write through data is not seen": through_data,
    "tensor hooks": hooked,
    "node hooks": node_hooks,
    "the inputs of a node": node_of_two,
    "leaves in the order of their use": order_of_leaves,
    "retain_grad and writes": retained_through_writes,
    "a pass from an edge": from_edges,
    "names of nodes": names,
    "module hooks": module_hooks,
    "a loop of training": trained,
    "parameters captured by vmap(jacrev)": model_inside,
    "inner grad under vmap, outer backward": maml,
    "second derivative of a transform": gradient_of_transform,
    "vmap over the cotangents of a graph outside": rows_of_gradients,
    "what vmap over cotangents gives, differentiated": rows_differentiated,
    "a transform of the pass through a graph outside": function_of_cotangents,
    "backward of what vjp_fn gives": pullback_recorded,
    "grad of an inner tensor warns": reads_grad_of_inner,
}


def overwritten(t: Any, x: Any) -> None:
    y = (x * 1).exp()
    z = y.sum()
    y.add_(1)
    z = y.sum() + z
    z.backward()


def inference_tracked(t: Any, x: Any) -> Any:
    with t.inference_mode():
        y = x * 2
    return y.requires_grad_()


def inference_saved(t: Any, x: Any) -> Any:
    with t.inference_mode():
        y = t.ones(3)
    return x * y


ERRORS = {
    "freed inside vmap": (lambda t, x: (lambda x: (lambda y: (t.vmap(lambda v: t.autograd.grad(y, x, v)[0])(t.eye(3)), y.sum().backward()))(x**3))(leaf(x)), "backward through the graph a second time"),
    "no scalar": (lambda t, x: (leaf(x) * 2).backward(), "grad can be implicitly created only for scalar outputs"),
    "no history": (lambda t, x: x.sum().backward(), "element 0 of tensors does not require grad and does not have a grad_fn"),
    "freed": (lambda t, x: (lambda y: (y.backward(), y.backward()))(leaf(x).sin().sum()), "backward through the graph a second time"),
    "a cotangent of another shape": (lambda t, x: (leaf(x) * 2).backward(t.ones(2)), r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[2\]\)"),
    "a leaf written": (lambda t, x: leaf(x).add_(1), "a leaf Variable that requires grad is being used in an in-place operation"),
    "a saved result written": (lambda t, x: overwritten(t, leaf(x)), r"modified by an inplace operation: \[torch.FloatTensor \[3\]\], which is output 0 of Exp(Backward0)?, is at version 1; expected version 0"),
    "unused": (lambda t, x: t.autograd.grad(leaf(x).sum(), [t.ones(1, requires_grad=True)]), "appears to not have been used in the graph"),
    "an input without grad": (lambda t, x: t.autograd.grad(leaf(x).sum(), [x]), "One of the differentiated Tensors does not require grad"),
    "inputs that are no tensors": (lambda t, x: t.autograd.grad(leaf(x).sum(), [3.0]), "all inputs have to be Tensors or GradientEdges, but got float"),
    "no inputs": (lambda t, x: leaf(x).sum().backward(inputs=[]), "cannot be empty"),
    "requires_grad off for a computed tensor": (lambda t, x: (leaf(x) * 2).requires_grad_(False), "you can only change requires_grad flags of leaf variables"),
    "out= of what requires grad": (lambda t, x: t.mul(leaf(x), 2, out=t.empty(3)), "don't support automatic differentiation"),
    "an inference tensor to require grad": (inference_tracked, "Setting requires_grad=True on inference tensor outside InferenceMode"),
    "an inference tensor saved": (lambda t, x: inference_saved(t, leaf(x)), "Inference tensors cannot be saved for backward"),
    "numpy of what requires grad": (lambda t, x: (leaf(x) * 2).numpy(), r"Can't call numpy\(\) on Tensor that requires grad"),
    "a hook that gives another dtype": (lambda t, x: (lambda x: (x.register_hook(lambda g: g.double()), x.sum().backward()))(leaf(x)), r"has changed the type of value \(was torch.FloatTensor got torch.DoubleTensor\)"),
    "a hook that gives another shape": (lambda t, x: (lambda x: (x.register_hook(lambda g: g[:2]), x.sum().backward()))(leaf(x)), "has changed the size of value"),
    "a hook that gives a number": (lambda t, x: (lambda x: (x.register_hook(lambda g: 5), x.sum().backward()))(leaf(x)), "expected Variable, but hook returned 'int'"),
    "a node's hook that gives too much": (lambda t, x: (lambda y: (y.grad_fn.register_hook(lambda ins, outs: (*ins, None)), y.sum().backward()))(leaf(x) * 2), r"has returned an incorrect number of values \(got 3, but expected 2\)"),
    "a node's prehook that gives too much": (lambda t, x: (lambda y: (y.grad_fn.register_prehook(lambda outs: outs * 2), y.sum().backward()))(leaf(x) * 2), r"has returned an incorrect number of values \(got 2, but expected 1\)"),
    "an edge of no scalar": (lambda t, x: t.autograd.backward(t.autograd.graph.get_gradient_edge(leaf(x) * 2)), "grad can be implicitly created only for scalar outputs"),
    "a hook without grad": (lambda t, x: x.register_hook(print), "cannot register a hook on a tensor that doesn't require gradient"),
}  # fmt: skip


def inside(t: Any, x: Any) -> Any:
    y = x.detach().requires_grad_()
    (y**3).sum().backward()
    return y.grad


CASES: list[Row] = [
    *[case(name, grads(make), X) for name, make in PROGRAMS.items()],
    *[error(name, make, X, fragment=fragment) for name, (make, fragment) in ERRORS.items()],
    right(
        "backward inside vmap",
        lambda t, x: t.vmap(lambda x: inside(t, x))(x),
        floats(2, 3),
        expected=lambda x: (3 * np.asarray(x) ** 2).astype("float32"),
        why="PyTorch refuses requires_grad_() inside a transform",
    ),
]
