"""The PyTorch whose behaviour this is. Source: torch.version."""

__version__ = "2.13.0"
debug = False
cuda = None
hip = None
rocm = None
xpu = None
git_version = "Unknown"
