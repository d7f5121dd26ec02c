"""Runs checks over the database and prints what fails and the rates."""

from __future__ import annotations

import argparse
import time

from tests.opinfo.checks import CHECKS, SAMPLES, Verdict, applies
from tests.opinfo.entries import ENTRIES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.opinfo", description=__doc__)
    parser.add_argument("-k", default="", help="only entries with one of these in the name, separated by commas")
    parser.add_argument("-x", action="store_true", help="-k gives whole names")
    parser.add_argument("--check", choices=CHECKS, action="append", help="only this check (may be repeated)")
    parser.add_argument("--samples", help="how many samples of the main dtype, or 'all'")
    parser.add_argument("--show", type=int, default=2, help="how many failures of a check to show")
    parser.add_argument("--refused", action="store_true", help="show why PyTorch did not do some samples")
    parser.add_argument("--part", default="0/1", help="i/n: the i-th of n interleaved parts")
    options = parser.parse_args()
    limits: dict[str, int | None] = dict(SAMPLES)
    if options.samples is not None:
        limits = dict.fromkeys(CHECKS, None if options.samples == "all" else int(options.samples))
    words = options.k.split(",")
    part, parts = map(int, options.part.split("/"))
    chosen = [n for n in ENTRIES if (n in words if options.x else any(w in n for w in words))]
    names = chosen[part::parts]
    import jax

    count = dict.fromkeys(CHECKS, 0)
    good = dict.fromkeys(CHECKS, 0)
    for i, name in enumerate(names):
        if i % 40 == 39:
            jax.clear_caches()
        for check in options.check or CHECKS:
            if not applies(name, check):
                continue
            start = time.perf_counter()
            try:
                judged, wrong, refused = CHECKS[check](name, limits[check])
            except Exception as e:
                judged, wrong, refused = Verdict(1, [f"{type(e).__name__}: {e}"], [])
            if options.refused:
                for line in refused:
                    print(f"REFUSED {name} [{check}] {line}", flush=True)
            if not judged:
                print(f"SILENT {name} [{check}] {sorted(set(refused))}", flush=True)
                continue
            count[check] += 1
            good[check] += not wrong
            if wrong:
                took = time.perf_counter() - start
                print(f"FAIL {name} [{check}] {len(wrong)} of {judged} ({took:.1f} s)", flush=True)
                for line in wrong[: options.show]:
                    print(f"     {line}")
    print()
    for check in options.check or CHECKS:
        if count[check]:
            print(f"{check:13} {good[check]:4} of {count[check]:4}  {100 * good[check] / count[check]:5.1f} %")


if __name__ == "__main__":
    main()
