"""`python -m tests.names.record`: write public.txt, the public names of the PyTorch that is installed."""

import functools
import importlib
import types
import warnings

from tests.names import write

MODULES = """
    torch torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.rnn torch.nn.utils.parametrize
    torch.nn.utils.parametrizations torch.nn.parallel torch.linalg torch.fft torch.special torch.func functorch
    functorch.compile torch.autograd torch.autograd.functional torch.autograd.forward_ad torch.optim
    torch.optim.lr_scheduler torch.distributions torch.random torch.utils torch.utils.data torch.testing torch.amp
    torch.cuda torch.cuda.amp torch.jit torch.compiler torch.library torch.overrides torch.hub torch.profiler
    torch.sparse torch.fx torch.storage torch.types
"""
CLASSES = "Tensor Generator Size nn.Module optim.Optimizer distributions.Distribution"
OTHERS_NAMES = {  # module: what it imports for itself
    "torch.nn": "factory_kwargs",
    "torch.nn.functional": "BroadcastingList1 BroadcastingList2 BroadcastingList3 DType",
    "torch.nn.utils.rnn": "bind",
    "torch": "PRIVATE_OPS USE_GLOBAL_DEPS classproperty get_file_path thread_safe_generator",
    "torch.compiler": "F",
}
COMMENT = [
    "The public functions, classes and constants of PyTorch 2.13, as `python -m tests.names.record` lists them.",
    "The list of names is data about PyTorch's interface; nothing else is taken from it.",
]


def public(module):
    """What a module offers for use: its `__all__`, and what else in it was defined in PyTorch."""
    listed = getattr(module, "__all__", [])
    for name in sorted({*dir(module), *listed}):
        value = getattr(module, name, None)
        if name.startswith("_") or isinstance(value, types.ModuleType) or value is None:
            continue
        if name in OTHERS_NAMES.get(module.__name__, "").split():
            continue
        home = getattr(value, "__module__", None) or type(value).__module__
        if name in listed or (_own(module.__name__, home) and not isinstance(value, (str, dict, bool, frozenset))):
            yield name


def _own(module, home):
    """Whether what was defined in `home` is offered by `module`, and not only used there."""
    if module in ("torch", "torch.nn.functional", "torch.linalg", "functorch", "functorch.compile"):
        return home.partition(".")[0] in ("torch", "functorch", "builtins")
    return f"{home}.".startswith((f"{module}.", "torch._C.")) or (module, home) == ("torch.nn", "torch.nn.modules")


def main():
    warnings.simplefilter("ignore")
    sections = {name: list(public(importlib.import_module(name))) for name in MODULES.split()}
    import torch

    for path in CLASSES.split():
        kind = functools.reduce(getattr, path.split("."), torch)
        sections[f"torch.{path}"] = [name for name in dir(kind) if not name.startswith("_")]
    write("public.txt", COMMENT, sections)


if __name__ == "__main__":
    main()
