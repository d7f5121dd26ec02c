"""`python -m functorch_jax script.py`: run a PyTorch program, unedited, on JAX."""

from functorch_jax.launch import main

if __name__ == "__main__":
    main()
