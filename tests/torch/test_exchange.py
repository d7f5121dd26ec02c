"""What is shared with NumPy, JAX and PyTorch, and what is copied: by the address of the memory."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functorch_jax import torch
from tests.test_golden import live


def address(x):
    if isinstance(x, np.ndarray):
        return x.__array_interface__["data"][0]
    return (x.jax() if isinstance(x, torch.Tensor) else x).unsafe_buffer_pointer()


def aligned(n, dtype=np.float32):
    """A NumPy array at an address that JAX can use."""
    memory = np.zeros(n * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -address(memory) % 64
    return memory[start : start + n * np.dtype(dtype).itemsize].view(dtype)


def test_jax_arrays_are_shared():
    a = jnp.arange(4.0)
    assert torch.from_jax(a).jax() is a
    assert torch.from_jax(a).detach().jax() is a
    assert jax.dlpack.from_dlpack(torch.from_jax(a)).unsafe_buffer_pointer() == address(a)


def test_numpy_sees_a_tensor_without_a_copy_and_cannot_write_to_it():
    x = torch.arange(4.0)
    for array in (np.asarray(x), np.from_dlpack(x)):
        assert address(array) == address(x)
        assert not array.flags.writeable


def test_numpy_gives_a_copy_that_may_be_written():
    x = torch.arange(4.0)
    x.numpy()[0] = 7
    np.array(x)[0] = 7
    assert x[0].item() == 0


def test_memory_that_may_be_written_is_copied():
    a = aligned(16)
    made = [
        torch.from_numpy(a),
        torch.tensor(a),
        torch.as_tensor(a),
        torch.asarray(a),
        torch.frombuffer(a, dtype=torch.float32),
    ]
    a[0] = 7
    assert [x[0].item() for x in made] == [0.0] * 5


def test_dlpack_shares_aligned_memory():
    a = aligned(16)
    x = torch.from_dlpack(a)
    assert address(x) == address(a)
    x.add_(1)  # in-place operations of ours make another array
    assert a[0] == 0 and x[0].item() == 1
    assert address(torch.from_dlpack(a, copy=True)) != address(a)


def test_dlpack_copies_what_numpy_does_not_give_away():
    x = torch.arange(4.0)
    assert torch.from_dlpack(np.asarray(x)).tolist() == [0, 1, 2, 3]


def test_a_capsule_shares():
    x = torch.arange(4.0)
    assert address(torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))) == address(x)


def test_under_transforms():
    assert torch.func.grad(lambda x: (x * torch.from_dlpack(x.detach())).sum())(torch.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(NotImplementedError, match="vmap"):
        torch.vmap(lambda x: np.from_dlpack(x) is None)(torch.ones(2))


@live
def test_pytorch_shares_our_memory_and_we_its():
    import torch as pytorch

    x = torch.arange(8.0)
    assert pytorch.from_dlpack(x).data_ptr() == address(x)
    assert pytorch.from_dlpack(x.bfloat16()).dtype == pytorch.bfloat16
    y = pytorch.arange(1024.0)  # aligned to 64 bytes, as PyTorch allocates
    assert address(torch.from_dlpack(y)) == y.data_ptr()
    assert torch.from_dlpack(pytorch.arange(6.0).reshape(2, 3).t()).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert torch.utils.dlpack.from_dlpack(pytorch.utils.dlpack.to_dlpack(y[:3])).tolist() == [0, 1, 2]
    with pytest.raises(BufferError, match="require gradient"):
        torch.from_dlpack(pytorch.ones(2, requires_grad=True))
