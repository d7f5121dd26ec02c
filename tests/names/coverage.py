"""What of PyTorch's interface is here: how the names of a list divide into supported, gap and unexplained."""

import functools

from functorch_jax import gaps
from tests.names import existing, read


@functools.cache
def divided(file):
    """`{section: (supported, [(name, gap)], unexplained)}` of a list; names are short, gaps are `gaps.Gap`."""
    table = {}
    for section, names in read(file).items():
        place = section.rpartition(": ")[2]
        supported, declared, unexplained = [], [], []
        for name in names:
            full = f"{place}.{name}"
            if existing(full):
                supported.append(name)
            elif gap := gaps.find(full):
                declared.append((name, gap))
            else:
                unexplained.append(name)
        table[section] = supported, declared, unexplained
    return table
