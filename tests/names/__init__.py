"""PyTorch's names, as lists: what the tests of names and the table in docs/support.md are held against."""

from pathlib import Path

HERE = Path(__file__).parent


def read(file):
    """`{section: [names]}` of one of the lists here, such as `{"torch.linalg": ["cholesky", …]}`."""
    sections = {}
    for line in (HERE / file).read_text().splitlines():
        if line.startswith("["):
            names = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            names += line.split()
    return sections


def write(file, comment, sections):
    """The reverse of `read`."""
    import textwrap

    text = "".join(f"# {line}\n" for line in comment)
    for place, names in sections.items():
        text += f"\n[{place}]\n" + "".join(f"{line}\n" for line in textwrap.wrap(" ".join(names), 118))
    (HERE / file).write_text(text)


def existing(name):
    """Whether the dotted name, such as "torch.nn.Linear" or "functorch.vmap", is there in functorch_jax."""
    import importlib

    import functorch_jax

    root, *path = name.split(".")
    value = functorch_jax
    module = "functorch_jax"
    if root == "torch":
        path.insert(0, "torch")
    for part in path:
        module = f"{module}.{part}"
        try:
            value = getattr(value, part)
        except AttributeError:
            try:
                value = importlib.import_module(module)
            except ImportError:
                return False
    return True
