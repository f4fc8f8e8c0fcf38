# SPDX-License-Identifier: GPL-2.0-or-later
"""
Compare our intel-iommu with QEMU's own, in one run on one machine.

Both get the same test device as the listener of a shadow, and the same
driver (tests/qtest/bench), which programs their tables over qtest.  Times are
CPU time of QEMU's process, without what the listener itself takes; medians of
several processes, which take turns.  A ratio is the median of the turns'.
Prints a table for each size and layout, one of the instructions that our
engine alone takes (which no other load disturbs), what that takes in each mode
of translation (--modes: this alone), what a translation costs a device's
thread (--dma: this alone), and each bar and whether it is met.  --workload
boots guests instead, and measures their own work.  Writes
build/bench/bench.json and two pictures beside it: what an idle flush costs,
and what a read by DMA does.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from havetool import have                           # noqa: E402
from dma import (draw_dma, judge_dma, measure_dma,  # noqa: E402
                 print_dma)
from instructions import (judge_engine,             # noqa: E402
                          measure_engine)
from modes import (judge_modes, measure_modes,      # noqa: E402
                   print_modes)
from picture import draw                            # noqa: E402
from processes import BUILD, build, run             # noqa: E402
from report import (print_bars, print_engine,       # noqa: E402
                    print_table)
from workload import (measure_workload,             # noqa: E402
                      print_workload)
from results import (BAR_PAGES, CURVE, KI,          # noqa: E402
                     LAYOUTS, PAGES, Results, judge)

OUT = BUILD / "bench"


def cpu_model():
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)", text, re.M)
    return model[1] if model else "unknown"


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--device", choices=("ours", "stock", "both"),
                        default="both")
    parser.add_argument("--pages", type=int, action="append", metavar="N",
                        help="so many pages only, n * 512; can be repeated")
    parser.add_argument("--runs", type=int, default=3,
                        help="processes for each median (3)")
    parser.add_argument("--modes", action="store_true",
                        help="the table of modes alone, in seconds; needs no "
                             "QEMU")
    parser.add_argument("--dma", action="store_true",
                        help="the table of translations alone")
    parser.add_argument("--workload", action="store_true",
                        help="a guest's disks and network alone")
    parser.add_argument("--quick", action="store_true",
                        help="4 Ki and 256 Ki pages, one run, a short curve")
    args = parser.parse_args()
    args.load = os.getloadavg()[0]      # before ours
    if args.quick:
        args.runs = 1
        args.pages = args.pages or [4 * KI, BAR_PAGES]
    args.curve = [p for p in CURVE
                  if p <= (KI * KI if args.quick else CURVE[-1])]
    if args.pages:
        if any(p < 512 or p % 512 for p in args.pages):
            parser.error("pages come in tables of 512")
        if not args.quick:
            args.curve = []
    else:
        args.pages = PAGES
    return args


def conditions(args):
    """What a result is worth nothing without."""
    return {"cpu": cpu_model(), "cpus": os.cpu_count(),
            "load": args.load, "runs": args.runs}


def write(name, args, **results):
    """A file of results."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(conditions(args) | results, indent=1) + "\n")
    print(f"\n{os.path.relpath(path)}")


def failed(judged):
    """The exit status."""
    return 1 if any(not bar["met"] for bar in judged) else 0


def bench_modes(args):
    """The table of modes alone."""
    modes = measure_modes(args.runs)
    judged = judge_modes(modes)
    print_modes(modes)
    print_bars(judged)
    write("modes", args, modes=modes, bars=judged)
    return failed(judged)


def draw_curve(dma, devices):
    """The picture of what a read by DMA takes."""
    path = OUT / "dma.svg"
    draw_dma(dma, devices, path)
    print(os.path.relpath(path))


def bench_dma(args, devices):
    """The table of translations alone."""
    dma = measure_dma(devices, args.runs)
    judged = judge_dma(dma)
    print_dma(dma)
    print_bars(judged)
    write("dma", args, dma=dma, bars=judged)
    if have("gnuplot", "gnuplot-nox", "the picture"):
        draw_curve(dma, devices)
    return failed(judged)


def bench_workload(args, devices):
    """A guest's own work alone; there is no bar."""
    workload = measure_workload(devices, args.runs, OUT)
    print_workload(workload)
    write("workload", args, workload=workload)
    return 0


def main():
    args = parse_arguments()
    if args.modes:
        return bench_modes(args)
    devices = (["stock", "ours"] if args.device == "both"
               else [args.device])
    build(devices)
    OUT.mkdir(parents=True, exist_ok=True)
    if args.dma:
        return bench_dma(args, devices)
    if args.workload:
        return bench_workload(args, devices)
    picture = bool(args.curve) and have("gnuplot", "gnuplot-nox",
                                        "the pictures")
    engine = None
    if "ours" in devices and have("valgrind", "valgrind",
                                  "the count of instructions"):
        engine = measure_engine()
    modes = measure_modes(args.runs) if "ours" in devices else None
    results = Results()
    print(f"\nmeasuring; load {args.load:.1f} on {os.cpu_count()} CPUs, "
          f"{cpu_model()}")
    for repeat in range(args.runs):
        for pages in args.pages:
            if repeat and pages > BAR_PAGES:
                continue        # they take long, and no bar is at stake
            for layout in LAYOUTS:
                run(results, devices, layout, pages, repeat, False)
    for pages in args.curve:
        for layout in LAYOUTS:
            if pages not in args.pages:
                run(results, devices, layout, pages, 0, True)

    dma = measure_dma(devices, args.runs)

    for layout in LAYOUTS:
        for pages in args.pages:
            print_table(results, devices, layout, pages)
    judged = judge(results) + judge_dma(dma)
    if engine:
        print_engine(engine)
        judged += judge_engine(engine)
    print_dma(dma)
    if modes:
        print_modes(modes)
        judged += judge_modes(modes)
    if judged:
        print_bars(judged)
    write("bench", args, results=results.json(), instructions=engine,
          modes=modes, dma=dma, bars=judged)
    if picture:
        path = OUT / "idle-flush.svg"
        draw(results, devices, path)
        print(os.path.relpath(path))
        draw_curve(dma, devices)
    return failed(judged)


if __name__ == "__main__":
    sys.exit(main())
