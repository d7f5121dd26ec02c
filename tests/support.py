"""`python -m tests.support`: write docs/support.md, what of PyTorch's interface is here and what is not."""

import textwrap
from pathlib import Path

from functorch_jax.gaps import GAPS
from tests.names.coverage import divided

PAGE = Path(__file__).parents[1] / "docs" / "support.md"
HEAD = """\
# What is supported

Written by `python -m tests.support`; a test fails when it is stale. For a program of yours,
`python -m functorch_jax check FILE|DIR…` says the same of the names that it uses.

The names are the public ones of PyTorch 2.13. That a name is here means that it does what PyTorch's does, or
the harmless part of it where its docstring says so.

| part of PyTorch | here | declared gaps | not yet |
|---|---|---|---|
"""


def page():
    text = HEAD
    not_yet = ""
    for place, (supported, declared, unexplained) in divided("public.txt").items():
        text += f"| `{place}` | {len(supported)} | {len(declared) or ''} | {len(unexplained) or ''} |\n"
        if unexplained:
            not_yet += f"\n`{place}`:\n{_wrapped(unexplained)}"
    text += "\n## Declared gaps\n\nEach is an error that says the same when a program touches it.\n"
    for gap in GAPS:
        text += f"\n### {gap.title}\n\n{textwrap.fill(f'Why: {gap.reason}.', 120)}\n\n"
        text += f"{textwrap.fill(f'Instead: {gap.instead}.', 120)}\n\n{_wrapped(gap.names.split())}"
        if gap.besides:
            text += f"\nBut these are here:\n{_wrapped(gap.besides.split())}"
    if not_yet:
        text += f"\n## Not yet\n{not_yet}"
    return text


def _wrapped(names):
    return textwrap.fill(", ".join(f"`{name}`" for name in names), 120, break_long_words=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
