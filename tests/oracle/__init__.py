"""Recorded truth: rows that run through PyTorch once, and through functorch_jax ever after."""
