"""Writes the checkpoints of tests/golden/checkpoints with PyTorch: `python -m tests.oracle.record_checkpoints`."""

from __future__ import annotations

import torch

from tests.oracle.checkpoints import FOLDER, LEGACY, PROGRAMS, network


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        torch.save(program(torch), FOLDER / f"{program.__name__}.pt")
    for program in LEGACY:
        path = FOLDER / f"{program.__name__}_legacy.pt"
        torch.save(program(torch), path, _use_new_zipfile_serialization=False)
    torch.save(network(torch), FOLDER / "module.pt")
    torch.save(torch.sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3,)), FOLDER / "sparse.pt")


if __name__ == "__main__":
    main()
