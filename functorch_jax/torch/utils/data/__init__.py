"""Loading of data: data sets, samplers and `DataLoader`. Source: torch.utils.data."""

from __future__ import annotations

from functorch_jax.torch.utils.data import distributed as distributed
from functorch_jax.torch.utils.data.collate import default_collate as default_collate
from functorch_jax.torch.utils.data.collate import default_convert as default_convert
from functorch_jax.torch.utils.data.dataloader import DataLoader as DataLoader
from functorch_jax.torch.utils.data.dataset import ChainDataset as ChainDataset
from functorch_jax.torch.utils.data.dataset import ConcatDataset as ConcatDataset
from functorch_jax.torch.utils.data.dataset import Dataset as Dataset
from functorch_jax.torch.utils.data.dataset import IterableDataset as IterableDataset
from functorch_jax.torch.utils.data.dataset import StackDataset as StackDataset
from functorch_jax.torch.utils.data.dataset import Subset as Subset
from functorch_jax.torch.utils.data.dataset import TensorDataset as TensorDataset
from functorch_jax.torch.utils.data.dataset import random_split as random_split
from functorch_jax.torch.utils.data.sampler import BatchSampler as BatchSampler
from functorch_jax.torch.utils.data.sampler import DistributedSampler as DistributedSampler
from functorch_jax.torch.utils.data.sampler import RandomSampler as RandomSampler
from functorch_jax.torch.utils.data.sampler import Sampler as Sampler
from functorch_jax.torch.utils.data.sampler import SequentialSampler as SequentialSampler
from functorch_jax.torch.utils.data.sampler import SubsetRandomSampler as SubsetRandomSampler
from functorch_jax.torch.utils.data.sampler import WeightedRandomSampler as WeightedRandomSampler
from functorch_jax.torch.utils.data.workers import get_worker_info as get_worker_info
