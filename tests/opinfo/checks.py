"""What must agree between PyTorch's operator and ours, a check a function.

A check takes an entry's name and how many samples to try, and returns how many samples it could judge, what was wrong,
and why PyTorch did not do the others. A sample that PyTorch itself refuses says nothing; where that is every sample,
the pair of entry and check stands in `silent.py`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from functorch_jax import func
from functorch_jax import torch as ours
from functorch_jax.torch._names import MissingName
from tests.opinfo.entries import ENTRIES, arguments, map_tensors, our_operator, rebound, samples, to_numpy, to_ours

__all__ = ["CHECKS", "RANDOM", "SAMPLES", "UNDEFINED", "Verdict", "applies"]


class Verdict(NamedTuple):
    """How many samples a check could judge, what was wrong with some, and why PyTorch did not do the others."""

    judged: int
    wrong: list[str]
    refused: list[str]


# values are whatever is in memory, or an address
UNDEFINED = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_",
             "resize_as_", "hash_tensor"}  # fmt: skip
RANDOM = {
    name
    for name in ENTRIES
    if name.split(":")[0]
    in """bernoulli cauchy exponential geometric log_normal multinomial normal rand_like randint randint_like randn
    randn_like uniform nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d
    nn.functional.feature_alpha_dropout nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
    nn.functional.rrelu svd_lowrank pca_lowrank""".split()
}


# ---- agreement -------------------------------------------------------------------------------------------------------

# dtype: how far apart, relative to the number itself and to the largest one
TOLERANCE = {"float32": (1e-5, 1e-5), "complex64": (1e-5, 1e-5), "float64": (1e-7, 1e-8), "complex128": (1e-7, 1e-8),
             "float16": (2e-3, 1e-3), "bfloat16": (2e-2, 1e-2)}  # fmt: skip


def disagreement(got: Any, wanted: Any, path: str = "") -> str | None:
    """The first difference between our result and PyTorch's, in words."""
    if isinstance(wanted, torch.Tensor):
        if not isinstance(got, ours.Tensor):
            return f"{path or 'result'}: {type(got).__name__} in place of a tensor"
        if str(got.dtype) != str(wanted.dtype):
            return f"{path or 'result'}: dtype {got.dtype}, not {wanted.dtype}"
        if tuple(got.shape) != tuple(wanted.shape):
            return f"{path or 'result'}: shape {tuple(got.shape)}, not {tuple(wanted.shape)}"
        if wanted.dtype in (torch.bfloat16, torch.float16):
            return _apart(np.asarray(got.array, np.float32), wanted.float().numpy(), str(wanted.dtype)[6:], path)
        return _apart(np.asarray(got.array), to_numpy(wanted), str(wanted.dtype)[6:], path)
    if isinstance(wanted, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(wanted):
            return f"{path or 'result'}: {type(got).__name__} in place of {len(wanted)} values"
        for i, (g, w) in enumerate(zip(got, wanted, strict=True)):
            if (found := disagreement(g, w, f"{path}[{i}]")) is not None:
                return found
        return None
    if isinstance(wanted, float):
        return _apart(np.float64(got), np.float64(wanted), "float32", path)
    return None if got == wanted else f"{path or 'result'}: {got!r}, not {wanted!r}"


def _apart(got: Any, wanted: Any, dtype: str, path: str) -> str | None:
    if wanted.dtype.kind in "fc":
        rtol, atol = TOLERANCE[dtype]
        finite = np.abs(wanted[np.isfinite(wanted)]) if wanted.ndim else np.abs(wanted)
        largest = float(np.max(finite, initial=0.0)) if np.all(np.isfinite(finite)) else 0.0
        with np.errstate(all="ignore"):
            same = np.isclose(got, wanted, rtol, atol * max(1.0, largest), equal_nan=True)
            if wanted.dtype.kind == "c":  # a complex number that is not finite is one infinity, or not a number
                same |= ~np.isfinite(got) & ~np.isfinite(wanted)
    else:
        same = np.asarray(got == wanted)
    if same.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~same)[0]) if same.ndim else ()
    return f"{path or 'result'}: {int((~same).sum())} of {same.size} differ, at {at} {got[at]!r}, not {wanted[at]!r}"


# ---- what checks share -----------------------------------------------------------------------------------------------


def describe(sample: Any) -> str:
    def brief(x: Any) -> Any:
        return map_tensors(lambda t: Shown(f"{str(t.dtype)[6:]}{list(t.shape)}"), x)

    text = f"{brief(sample.input)} {brief(sample.args)} {brief(sample.kwargs)}"
    return text if len(text) < 300 else text[:300] + "…"


class Shown(str):
    def __repr__(self) -> str:
        return str(self)


def judged(name: str, dtypes: Iterator[Any], limit: int | None, judge: Callable[[Any, Any], str | None]) -> Verdict:
    """Run `judge(entry, sample)` over samples; it returns what is wrong, or raises Refused where PyTorch does."""
    entry, verdict, kinds = ENTRIES[name], Verdict(0, [], []), list(dtypes)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for dtype, share in kinds:
            capped = None if limit is None else max(1, round(limit * share))
            for sample in samples(entry, dtype, capped):
                verdict = _with(verdict, entry, sample, judge)
        if verdict.judged or limit is None:
            return verdict
        # PyTorch refuses what was chosen: the first sample that it does not refuse has to do
        for sample in (sample for dtype, _ in kinds for sample in samples(entry, dtype, None)):
            verdict = _with(verdict, entry, sample, judge)
            if verdict.judged:
                break
    return verdict


def _with(verdict: Verdict, entry: Any, sample: Any, judge: Callable[[Any, Any], str | None]) -> Verdict:
    count, wrong, refused = verdict
    try:
        problem = judge(entry, sample)
    except Refused as e:
        return Verdict(count, wrong, [*refused, str(e)])
    except Exception as e:
        problem = f"{type(e).__name__}: {str(e)[:300]}"
    return Verdict(count + 1, wrong if problem is None else [*wrong, f"{describe(sample)}: {problem}"], refused)


class Refused(Exception):
    """PyTorch does not do this."""


def asked(run: Callable[[], Any]) -> Any:
    """What PyTorch answers. It refuses with a RuntimeError; anything else is a mistake of these checks."""
    try:
        torch.manual_seed(0)
        return run()
    except RuntimeError as e:
        raise Refused(str(e)) from e


def supports(entry: Any, *dtypes: tuple[Any, float]) -> Iterator[Any]:
    return ((dtype, share) for dtype, share in dtypes if dtype in entry.dtypes)


def call(op: Any, sample: Any, convert: Callable[[Any], Any] = lambda x: x) -> Any:
    x, args, kwargs = arguments(sample)
    return op(convert(x), *convert(args), **convert(kwargs))


def clones(x: Any) -> Any:
    return map_tensors(lambda t: t.clone(), x)


# ---- forward ---------------------------------------------------------------------------------------------------------


def forward(name: str, limit: int | None) -> Verdict:
    """Values, shapes, dtypes and structure: float32, integers, bools and complex64, as the entry allows."""

    def judge(entry: Any, sample: Any) -> str | None:
        wanted = asked(lambda: call(entry.op, sample, clones))
        ours.manual_seed(0)
        got = call(our_operator(name), sample, to_ours)
        return disagreement(gauged(entry, sample, got, ours), gauged(entry, sample, wanted, torch))

    entry = ENTRIES[name]
    kinds = ((torch.float32, 1.0), (torch.int64, 0.5), (torch.bool, 0.4), (torch.complex64, 0.5))
    return judged(name, supports(entry, *kinds), limit, judge)


# Factors of a decomposition are unique up to signs or phases: which output is compared by absolute value.
UP_TO_PHASE = {"svd": (0, 2), "linalg.svd": (0, 2), "linalg.eigh": (1,), "linalg.eig": (1,), "svd_lowrank": (0, 2),
               "pca_lowrank": (0, 2)}  # fmt: skip


def gauged(entry: Any, sample: Any, result: Any, t: Any) -> Any:
    """A result without what PyTorch leaves undefined."""
    if entry.name in UP_TO_PHASE and isinstance(result, tuple):
        result = [t.abs(x) if i in UP_TO_PHASE[entry.name] else x for i, x in enumerate(result)]
        if entry.name == "linalg.svd":  # what fills U and V up to a basis is arbitrary
            k = result[1].shape[-1]
            result = [result[0][..., :k], result[1], result[2][..., :k, :]]
        return result
    if entry.name == "argsort" and sample.input.dtype in (torch.int64, torch.bool) and not sample.kwargs.get("stable"):
        x = sample.input if t is torch else to_ours(sample.input)
        return x.gather(sample.args[0] if sample.args else sample.kwargs.get("dim", -1), result)
    if entry.name in ("topk", "kthvalue") or (entry.name == "sort" and not sample.kwargs.get("stable")):
        return result[0]  # not which of equal elements come first
    if entry.name == "mode" and sample.input.numel() > 16:  # beyond that PyTorch's sort is not stable
        return result[0]
    return result


# ---- derivatives -----------------------------------------------------------------------------------------------------


def direction(shape: Any, index: int, is_complex: bool) -> np.ndarray[Any, Any]:
    """A fixed cotangent or tangent: no two entries alike, none zero."""
    place = np.arange(math.prod(shape), dtype=np.float64).reshape(tuple(shape)) + 2 * index
    out = 1 + 0.75 * np.cos(place)
    return out + 1j * (0.5 + 0.25 * np.sin(place)) if is_complex else out


class Problem:
    """An operator at a sample as a function of its differentiable tensors alone, under PyTorch and under ours.

    The database's `gradcheck_wrapper` makes an argument symmetric or triangular where the operator reads one triangle.
    """

    def __init__(self, name: str, entry: Any, sample: Any) -> None:
        self.name, self.entry, self.sample = name, entry, sample
        self.process = getattr(sample, "output_process_fn_grad", None) or (lambda out: out)
        # what the masked functions' wrapper leaves out, by names private to PyTorch, has no slope anyway
        self.wrapper = _plain if entry.name.startswith("masked.") else entry.gradcheck_wrapper
        self.only_input = False
        self.places: list[int] = []
        leaves = self._leaves()
        self.outputs = self._outputs(leaves)

    def _leaves(self) -> list[torch.Tensor]:
        found: list[torch.Tensor] = []

        def take(t: torch.Tensor) -> torch.Tensor:
            found.append(t)
            return t

        map_tensors(take, arguments(self.sample))
        first = 1 if isinstance(self.sample.input, torch.Tensor) else len(self.sample.input or ())
        self.places = [
            i for i, t in enumerate(found)
            if (t.is_floating_point() or t.is_complex()) and (not self.only_input or i < first)
        ]  # fmt: skip
        return [found[i].detach().clone().requires_grad_() for i in self.places]

    def fill(self, leaves: Any, convert: Callable[[Any], Any], kind: Any = torch.Tensor) -> Any:
        """The arguments with `leaves` in their places, the rest as `convert` gives it."""
        rest, counter = dict(zip(self.places, leaves, strict=True)), iter(range(10**6))

        def put(t: torch.Tensor) -> Any:
            i = next(counter)
            return rest[i] if i in rest else convert(t)

        filled = map_tensors(put, arguments(self.sample))
        return filled if convert is _same else _convert_rest(filled)

    def torch_call(self, *leaves: Any) -> list[Any]:
        x, args, kwargs = self.fill(leaves, _same)
        torch.manual_seed(0)
        return flat(self.process(self.wrapper(self.entry.op, x, *args, **kwargs)), torch.Tensor)

    def our_call(self, *leaves: Any) -> tuple[Any, ...]:
        x, args, kwargs = self.fill(leaves, to_ours)
        ours.manual_seed(0)
        process, wrapper = rebound(self.process), rebound(self.wrapper)
        out = flat(process(wrapper(our_operator(self.name), x, *args, **kwargs)), ours.Tensor)
        return tuple(out[i] for i in self.outputs)

    def _outputs(self, leaves: list[torch.Tensor]) -> list[int]:
        """Which outputs PyTorch can differentiate: in every floating argument, or in the input alone."""
        reason = "nothing that can be differentiated comes out"
        for only_input in (False, True):
            if only_input:
                self.only_input = True
                leaves = self._leaves()
            try:
                out = self.torch_call(*[x.clone() for x in leaves])
            except RuntimeError as e:  # an argument "is not differentiable"
                reason = str(e)
                continue
            outputs = [i for i, x in enumerate(out) if x.requires_grad]
            if outputs and leaves:
                return outputs
        raise Refused(reason)

    def torch_vjp(self, *, create_graph: bool = False) -> tuple[list[Any], list[Any], list[Any]]:
        """(leaves, cotangents, gradients)."""
        leaves = self._leaves()
        out = self.torch_call(*[x.clone() if self.name.endswith("_") else x for x in leaves])
        chosen = [out[i] for i in self.outputs]
        cotangents = [torch.tensor(direction(x.shape, i, x.is_complex())).to(x.dtype) for i, x in enumerate(chosen)]
        grads = torch.autograd.grad(chosen, leaves, cotangents, allow_unused=True, create_graph=create_graph)
        return leaves, cotangents, [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)]

    def primals(self) -> tuple[Any, ...]:
        return tuple(map(to_ours, self._leaves()))

    def our_vjp(self, primals: Any) -> tuple[Any, ...]:
        out, pull = func.vjp(self.our_call, *primals)
        return pull(tuple(cotangent(x, i) for i, x in enumerate(out)))


def _plain(op: Any, *args: Any, **kwargs: Any) -> Any:
    return op(*args, **kwargs)


def cotangent(x: Any, i: int) -> Any:
    return ours.tensor(direction(x.shape, i, x.is_complex())).to(x.dtype)


def _same(x: Any) -> Any:
    return x


def _convert_rest(x: Any) -> Any:
    if isinstance(x, ours.Tensor):
        return x
    if type(x) in (list, tuple):
        return type(x)(map(_convert_rest, x))
    if type(x) is dict:
        return {k: _convert_rest(v) for k, v in x.items()}
    return to_ours(x)


def flat(x: Any, kind: Any) -> list[Any]:
    if isinstance(x, kind):
        return [x]
    if isinstance(x, (tuple, list)):
        return [leaf for e in x for leaf in flat(e, kind)]
    return []


def _derivative_dtypes(entry: Any, complex_too: bool = False) -> Iterator[Any]:
    real, other = (torch.float64, torch.complex128)
    if real not in entry.dtypes:
        real, other = torch.float32, torch.complex64
    if real in entry.dtypes and not complex_too:
        return supports(entry, (real, 1.0))
    return supports(entry, (real, 1.0), (other, 0.4))


def gradient(name: str, limit: int | None) -> Verdict:
    """The reverse-mode gradient of every differentiable output with respect to every floating input."""

    def judge(entry: Any, sample: Any) -> str | None:
        problem = Problem(name, entry, sample)
        wanted = asked(lambda: problem.torch_vjp()[2])
        return disagreement(problem.our_vjp(problem.primals()), wanted)

    return judged(name, _derivative_dtypes(ENTRIES[name], complex_too=True), limit, judge)


def tape(name: str, limit: int | None) -> Verdict:
    """The same gradient by imperative autograd: every output that PyTorch records is recorded here."""

    def judge(entry: Any, sample: Any) -> str | None:
        problem = Problem(name, entry, sample)
        wanted = asked(lambda: problem.torch_vjp()[2])
        leaves = [x.requires_grad_() for x in problem.primals()]
        out = problem.our_call(*[x.clone() for x in leaves] if name.endswith("_") else leaves)
        lost = [i for i, x in enumerate(out) if not x.requires_grad]
        if lost:
            return f"outputs {lost} of {len(out)} do not require grad"
        cotangents = [cotangent(x, i) for i, x in enumerate(out)]
        grads = ours.autograd.grad(out, leaves, cotangents, allow_unused=True)
        return disagreement([ours.zeros_like(x) if g is None else g for x, g in zip(leaves, grads)], wanted)

    return judged(name, _derivative_dtypes(ENTRIES[name]), limit, judge)


def second(name: str, limit: int | None) -> Verdict:
    """The gradient of the gradient, in a fixed direction."""

    def along(x: Any, i: int, t: Any) -> Any:
        return t.tensor(direction(x.shape, i + 3, x.is_complex())).to(x.dtype)

    def wanted_of(problem: Problem) -> list[Any]:
        leaves, _, grads = problem.torch_vjp(create_graph=True)
        live = [(g, along(g, i, torch)) for i, g in enumerate(grads) if g.requires_grad]
        if not live:
            return [torch.zeros_like(x) for x in leaves]
        found = torch.autograd.grad([g for g, _ in live], leaves, [v for _, v in live], allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]

    def judge(entry: Any, sample: Any) -> str | None:
        problem = Problem(name, entry, sample)
        wanted = asked(lambda: wanted_of(problem))
        primals = problem.primals()
        grads, pull = func.vjp(lambda *xs: problem.our_vjp(xs), *primals)
        return disagreement(pull(tuple(along(g, i, ours) for i, g in enumerate(grads))), wanted)

    return judged(name, _derivative_dtypes(ENTRIES[name]), limit, judge)


def forward_mode(name: str, limit: int | None) -> Verdict:
    """The forward-mode tangent: PyTorch's, or one that is the transpose of PyTorch's gradient."""

    def judge(entry: Any, sample: Any) -> str | None:
        problem = Problem(name, entry, sample)
        leaves, cotangents, grads = asked(problem.torch_vjp)
        directions = [direction(x.shape, i, x.is_complex()) for i, x in enumerate(leaves)]
        tangents = tuple(ours.tensor(v).to(getattr(ours, str(x.dtype)[6:])) for v, x in zip(directions, leaves))
        _, moved = func.jvp(problem.our_call, problem.primals(), tangents)
        backward = sum(_inner(_host(g), v) for g, v in zip(grads, directions, strict=True))
        ahead = sum(_inner(_host(u), _host(m)) for u, m in zip(cotangents, moved, strict=True))
        scale = [np.abs(_host(g) * v).sum() for g, v in zip(grads, directions, strict=True)]
        tolerance = 1e-7 if leaves[0].dtype in (torch.float64, torch.complex128) else 1e-4
        if math.isclose(backward, ahead, rel_tol=tolerance, abs_tol=tolerance * max(1.0, float(sum(scale)))):
            return None
        try:
            theirs = asked(lambda: _torch_jvp(problem, directions))
        except Refused:
            return f"the gradient moves by {backward}, the tangent by {ahead}; PyTorch has no forward mode here"
        return disagreement(list(moved), theirs)

    return judged(name, _derivative_dtypes(ENTRIES[name]), limit, judge)


def _torch_jvp(problem: Problem, directions: list[Any]) -> list[Any]:
    leaves = tuple(x.detach() for x in problem._leaves())
    tangents = tuple(torch.tensor(v).to(x.dtype) for v, x in zip(directions, leaves, strict=True))
    return torch.func.jvp(lambda *xs: [problem.torch_call(*xs)[i] for i in problem.outputs], leaves, tangents)[1]


def _inner(x: Any, y: Any) -> float:
    return float((np.conj(x) * y).real.sum())


def _host(x: Any) -> Any:
    return to_numpy(x) if isinstance(x, torch.Tensor) else np.asarray(x.array)


# ---- vmap ------------------------------------------------------------------------------------------------------------


def vmap(name: str, limit: int | None) -> Verdict:
    """`vmap` over all tensors, and over the first alone, against PyTorch's operator in a loop.

    Where PyTorch's `vmap` refuses, ours may refuse too, or be right.
    """

    def judge(entry: Any, sample: Any) -> str | None:
        original = arguments(sample)
        tensors = flat(list(_positions(original)), torch.Tensor)
        if not tensors:
            raise Refused("no tensor goes in")
        for chosen in {tuple(range(len(tensors))), (0,)}:
            problem = _vmap_problem(name, entry, sample, original, tensors, set(chosen))
            if problem is not None:
                return problem
        return None

    entry = ENTRIES[name]
    kinds = list(supports(entry, (torch.float32, 1.0)))
    kinds = kinds or list(supports(entry, (torch.int64, 1.0), (torch.bool, 0.5), (torch.complex64, 1.0)))
    return judged(name, iter(kinds), limit, judge)


def _positions(arguments: Any) -> Iterator[torch.Tensor]:
    found: list[torch.Tensor] = []
    map_tensors(lambda t: found.append(t) or t, arguments)
    return iter(found)


def _vmap_problem(
    name: str, entry: Any, sample: Any, original: Any, tensors: list[Any], chosen: set[int]
) -> str | None:
    def member(t: torch.Tensor, k: int) -> torch.Tensor:
        return t * (1 - 0.25 * k) if t.is_floating_point() else t

    def torch_op(k: int | None, batched: Any) -> Any:
        rest, counter = dict(zip(sorted(chosen), batched)), iter(range(10**6))
        x, args, kwargs = map_tensors(lambda t: rest.get(next(counter), t), original)
        return _only_tensors(entry.op(clones(x), *args, **kwargs))

    stacked = asked(lambda: [torch.stack([member(tensors[i], k) for k in (0, 1)]) for i in sorted(chosen)])
    loop = asked(lambda: [torch_op(k, [s[k] for s in stacked]) for k in (0, 1)])
    if not loop[0]:
        raise Refused("no tensor comes out")
    refusal = None
    try:
        asked(lambda: torch.vmap(lambda *xs: torch_op(None, xs), randomness="same")(*stacked))
        wanted = asked(lambda: [torch.stack(parts) for parts in zip(*loop, strict=True)])
    except Refused as e:
        refusal = e

    def our_op(*batched: Any) -> Any:
        rest, counter = dict(zip(sorted(chosen), batched)), iter(range(10**6))
        x, args, kwargs = _convert_rest(map_tensors(lambda t: rest.get(next(counter), t), original))
        return tuple(flat(our_operator(name)(x, *args, **kwargs), ours.Tensor))

    ours.manual_seed(0)
    try:
        got = func.vmap(our_op, randomness="same")(*map(to_ours, stacked))
    except (RuntimeError, MissingName):  # what ours refuses too, in words of its own; anything else is a mistake
        if refusal is not None:
            raise refusal from None
        raise
    if refusal is not None:
        try:
            wanted = [torch.stack(parts) for parts in zip(*loop, strict=True)]
        except RuntimeError:
            return f"{[tuple(x.shape) for x in got]}, where the shape depends on the values"
    return disagreement(gauged(entry, sample, got, ours), gauged(entry, sample, tuple(wanted), torch))


def _only_tensors(x: Any) -> tuple[Any, ...]:
    return tuple(flat(x, torch.Tensor))


# ---- the table -------------------------------------------------------------------------------------------------------

CHECKS: dict[str, Callable[[str, int | None], Verdict]] = {
    "forward": forward, "gradient": gradient, "tape": tape, "second": second, "forward-mode": forward_mode,
    "vmap": vmap,
}  # fmt: skip

# How many samples of the main dtype a run without `--samples` takes.
SAMPLES = {"forward": 3, "gradient": 2, "tape": 1, "second": 1, "forward-mode": 1, "vmap": 2}


def applies(name: str, check: str) -> bool:
    """Whether a check says anything about an entry, as far as the database knows."""
    entry = ENTRIES[name]
    if entry.name in UNDEFINED or (name in RANDOM and check != "forward"):
        return False
    inexact = bool(entry.dtypes & {torch.float32, torch.float64})
    if check in ("gradient", "tape", "forward-mode"):
        return inexact and entry.supports_autograd
    if check == "second":
        return inexact and entry.supports_autograd and entry.supports_gradgrad
    return True
