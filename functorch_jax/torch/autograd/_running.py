"""`torch.autograd.backward` and `torch.autograd.grad`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functorch_jax import jaxapi, levels
from functorch_jax.torch import _engine
from functorch_jax.torch._graph import AccumulateGrad, Node
from functorch_jax.torch._tape import edge_of, trace_of
from functorch_jax.torch._tensor import Tensor, wrap
from functorch_jax.torch.autograd.graph import GradientEdge

__all__ = ["backward", "grad"]


def _listed(x: Any) -> tuple[Any, ...]:
    return (x,) if isinstance(x, (Tensor, jax.Array, GradientEdge)) else tuple(x)


def _cotangents(given: Any, count: int) -> tuple[Any, ...]:
    if given is None:
        return (None,) * count
    found = _listed(given)
    if len(found) != count:
        raise RuntimeError(f"got {count} tensors and {len(found)} gradients")
    return found


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` to the `grad` of the leaves they were computed from.

    Args:
        tensors: a tensor, or a sequence of them.
        grad_tensors: their cotangents; None for a scalar means 1.
        retain_graph: keep what a second backward needs; `create_graph` unless given.
        create_graph: record the backward too, for higher derivatives.
        inputs: the tensors whose `grad` is wanted; all leaves unless given.

    Raises: RuntimeError for a tensor with no history, a cotangent of another shape, or a graph that has been freed.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> torch.autograd.backward((x * x).sum())
        >>> x.grad
        tensor([2., 4.])

    Source: torch.autograd.backward.
    """
    if inputs is not None and not isinstance(inputs, (Tensor, GradientEdge)) and len(inputs) == 0:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = _listed(tensors)
    cotangents = _cotangents(grad_tensors, len(roots))
    wanted = None
    if inputs is not None:
        chosen = tuple(inputs.values()) if isinstance(inputs, dict) else _listed(inputs)
        here = jaxapi.trace_ref()
        wanted = [_wanted(i, x, "backward", here) for i, x in enumerate(chosen)]
        for x, (node, nr) in zip(chosen, wanted, strict=True):
            if not isinstance(node, AccumulateGrad) and isinstance(x, Tensor):
                _engine.retain(x, node, nr)
    retain = create_graph if retain_graph is None else retain_graph
    _engine.run(roots, cotangents, retain, create_graph, wanted)


def _where(roots: Sequence[Any]) -> Any:
    """The trace of the graph to go through: where this runs, or where `roots` were made, outside of what runs.

    A transformed function may read gradients off a graph that is there already, `vmap(lambda v: grad(y, x, v))`: the
    pass is a function of the cotangents alone.
    """
    here = jaxapi.trace_ref()
    made = {trace_of(x) for x in roots}
    if len(made) == 1 and here not in made:
        (trace,) = made
        if any(level.outer_trace is trace for level in levels.stack()):
            return trace
    return here


def _wanted(i: int, x: Any, call: str, here: Any) -> tuple[Node, int]:
    """The edge at which the gradient of the input `x` arrives."""
    if isinstance(x, GradientEdge):
        return x.node, x.output_nr
    if not isinstance(x, Tensor):
        raise RuntimeError(
            f"all inputs have to be Tensors or GradientEdges, but got {type(x).__name__} ({call}, input {i})"
        )
    node, nr = edge_of(x, here)
    if node is not None:
        return node, nr
    if not x.requires_grad:
        raise RuntimeError(
            f"One of the differentiated Tensors given as 'inputs' to {call} does not require grad"
            if call == "backward"
            else "One of the differentiated Tensors does not require grad"
        )
    raise RuntimeError(
        f"{call}(): element {i} of inputs belongs to another transform than the one that is running. The tape must "
        "live inside of the transformed function: differentiate with respect to a tensor made there (x.detach()"
        ".requires_grad_()), or use functorch's transforms inside (grad, vjp, jacrev)"
    )


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of the sum of `outputs` with respect to each of `inputs`; no `grad` is touched.

    Args:
        outputs, inputs: a tensor, or a sequence of them; `inputs` may be a dict.
        grad_outputs: the cotangents of the outputs; None for a scalar means 1.
        retain_graph: keep what a second backward needs; `create_graph` unless given.
        create_graph: record the computation, so that the gradients can be differentiated.
        allow_unused: give None for an input that the outputs do not depend on, and do not raise.
        is_grads_batched: the cotangents have a leading axis, and so have the gradients.
        materialize_grads: give zeros in place of None.

    Returns: a tuple with the shapes of the inputs, or a dict for a dict.

    Raises: RuntimeError for an input that requires no grad, or was not used, and what `backward` raises.

    Example:
        >>> from functorch_jax import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (dx,) = torch.autograd.grad(x**3, x, create_graph=True)
        >>> torch.autograd.grad(dx, x)
        (tensor(18.),)

    Source: torch.autograd.grad.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if allow_unused is None:
        allow_unused = materialize_grads
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    names = list(inputs) if isinstance(inputs, dict) else None
    chosen = tuple(inputs.values()) if isinstance(inputs, dict) else _listed(inputs)
    if not chosen:
        raise ValueError("grad requires non-empty inputs.")
    roots = _listed(outputs)
    cotangents = _cotangents(grad_outputs, len(roots))
    retain = create_graph if retain_graph is None else retain_graph
    here = _where(roots)
    edges = [_engine.root_edge(i, x, here) for i, x in enumerate(roots)]
    wanted = [_wanted(i, x, "grad", here) for i, x in enumerate(chosen)]
    if is_grads_batched:
        results = _batched(roots, cotangents, retain, create_graph, wanted, edges)
    else:
        captured = _engine.run(roots, cotangents, retain, create_graph, wanted, accumulate=False, edges=edges)
        results = [captured.get(edge) for edge in wanted]
    found: list[Any] = []
    for i, (x, gradient) in enumerate(zip(chosen, results, strict=True)):
        if gradient is None:
            if not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
            found.append(_zeros(x) if materialize_grads else None)
        else:
            found.append(_engine.finished(gradient))
    return dict(zip(names, found, strict=True)) if names is not None else tuple(found)


def _zeros(x: Any) -> Tensor:
    array = x.array if isinstance(x, Tensor) else jnp.zeros(*x.node.kinds[x.output_nr])
    return wrap(jnp.zeros(array.shape, array.dtype))


def _batched(
    roots: Sequence[Any],
    cotangents: Sequence[Any],
    retain: bool,
    create: bool,
    wanted: Sequence[tuple[Node, int]],
    edges: Sequence[tuple[Node, int]],
) -> list[Any]:
    """The gradients for each row of the cotangents: the backward pass under vmap."""
    from functorch_jax.transforms import vmap

    for i, (tensor, cotangent) in enumerate(zip(roots, cotangents, strict=True)):
        if cotangent is not None:
            _engine.initial(i, tensor, cotangent, batched=True)
    used: list[bool] = []

    def one(*rows: Any) -> tuple[Any, ...]:
        captured = _engine.run(roots, rows, True, create, wanted, accumulate=False, edges=edges)
        used[:] = [captured.get(edge) is not None for edge in wanted]
        return tuple(_engine.finished(captured[edge]) for edge in wanted if captured.get(edge) is not None)

    mapped = tuple(None if c is None else 0 for c in cotangents)
    rows = iter(vmap(one, in_dims=mapped)(*cotangents) if any(m == 0 for m in mapped) else one(*cotangents))
    if not retain:
        _engine.release(edges)
    return [next(rows) if u else None for u in used]
