"""PyTorch's ops, a family a file. Importing this package registers them all."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def __getattr__(name: str) -> object:
    from functorch_jax.torch._names import missing

    raise missing("torch.ops", name)
