"""Errors about values that a transform does not have, which name the user's own line."""

from __future__ import annotations

import linecache
import os
import sys
from traceback import walk_tb
from types import FrameType, TracebackType

import jax

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_JAX = os.path.dirname(os.path.abspath(jax.__file__))

BRANCH = "data-dependent control flow"


def user_line(traceback: TracebackType | None = None) -> str:
    """Where the user's code called us: 'file.py:12: `if x > 0:`', or '' when it cannot be told.

    The innermost line of an error's `traceback`, when there is one, and else of the running program.
    """
    if traceback is not None:
        lines = [(frame, line) for frame, line in walk_tb(traceback) if _is_users(frame)]
        return _describe(*lines[-1]) if lines else ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_users(frame):
        frame = frame.f_back
    return "" if frame is None else _describe(frame, frame.f_lineno)


def _is_users(frame: FrameType) -> bool:
    path = os.path.abspath(frame.f_code.co_filename)
    return not path.startswith((_OURS + os.sep, _JAX + os.sep))


def _describe(frame: FrameType, line: int) -> str:
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    where = f"{os.path.basename(frame.f_code.co_filename)}:{line}"
    return f"{where}: `{source}`" if source else where


class DataDependenceError(RuntimeError):
    """A function under vmap asked for the value of a mapped tensor, which is many values."""


def data_dependent(what: str, traceback: TracebackType | None = None) -> DataDependenceError:
    """The error for `what` (such as ".item()" or "bool()") on a mapped value. The class and words are PyTorch's."""
    line = user_line(traceback)
    where = f" at {line}" if line else ""
    remedy = (
        "A mapped tensor has one value for each row, so Python cannot branch on it or turn it into a number. Write "
        "torch.where(condition, a, b) or functorch_jax.experimental.control_flow.cond for a branch, keep the value "
        'a tensor otherwise, or set functorch_jax.config.vmap_branches = "loop" to run this call row by row'
    )
    if what in ("bool()", "is_nonzero()"):
        return DataDependenceError(
            f"vmap: It looks like you're attempting to use a Tensor in some {BRANCH}{where}. We don't support that "
            f"yet: it would call .item() on a Tensor. {remedy}"
        )
    return DataDependenceError(
        f"vmap: It looks like you're calling .item() on a Tensor ({what}){where}. We don't support vmap over calling "
        f".item() on a Tensor, nor {BRANCH}. {remedy}"
    )


def traced_value(what: str) -> RuntimeError:
    """The error for `what` on a value of a program that is being compiled."""
    line = user_line()
    where = f" at {line}" if line else ""
    return RuntimeError(
        f"{what} was called{where} on a tensor inside a function that JAX is compiling (jax.jit, a control-flow "
        "operator, or vmap with chunk_size under jit): it has no value yet (trying to get value out of a tracing "
        "tensor). Use torch.where or torch.cond for a branch, or call the function without compiling it"
    )
