"""Benchmarks: `python -m benchmarks` runs all, `python -m benchmarks NAME ...` some. RESULTS.md has figures."""
