"""Run the benchmarks that the command line names, or all of them."""

import argparse
import importlib
import pkgutil

import benchmarks
from benchmarks import harness

INFRASTRUCTURE = ("__main__", "harness", "models")


def names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in INFRASTRUCTURE]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(names())}")
    parser.add_argument("--seconds", type=float, default=harness.SECONDS, help="to spend on each table")
    options = parser.parse_args()
    harness.SECONDS = options.seconds
    print(harness.machine())
    for name in options.name or names():
        print(f"\n## {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
