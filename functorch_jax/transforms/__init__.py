"""functorch's transforms: one family a file."""
