# SPDX-License-Identifier: GPL-2.0-or-later
"""
What shadows and translation cost in each mode, in the engine alone.

QEMU's own device keeps no shadow of a first stage, and has no nested tables,
so there is nothing to compare these with but a comparison of the same tables
with a copy in memory (no look at them can cost less), and legacy mode.
"""

import json
import statistics
import subprocess

from instructions import ENGINE, build_engine
from report import duration, size, times
from results import BAR_PAGES, LAYOUTS

MODES = ("legacy", "ss", "fs", "nested")
REPEATS = 15

# operation, what it is to a reader
OPERATIONS = (
    ("first-sync", "first sync, all pages appear"),
    ("idle", "flush of all, nothing changed"),
    ("memcmp", "comparison of the tables in memory"),
    ("changed", "flush of all, one page changed"),
    ("second-changed", "the same, in the second stage below"),
    ("teardown", "flush of all, all leaves cleared"),
    ("page", "page flush, nothing changed"),
    ("page-map", "page flush, the page appeared"),
    ("page-unmap", "page flush, the page went"),
    ("hit", "request, cached"),
    ("miss", "request, not cached"),
)

# mode, operation, of what, in which mode: at most so many times that.  A
# little above of what was reached, as machines differ, and other load takes
# the caches.
BARS = (
    ("legacy", "idle", "memcmp", "legacy", 2),
    ("ss", "idle", "memcmp", "ss", 2),
    ("fs", "idle", "memcmp", "fs", 2),
    ("nested", "idle", "memcmp", "nested", 2.5),
    ("fs", "changed", "memcmp", "fs", 2.2),
    ("nested", "changed", "memcmp", "nested", 2.7),
    ("ss", "idle", "idle", "legacy", 1.5),
    ("fs", "idle", "idle", "legacy", 1.5),
    ("fs", "hit", "hit", "legacy", 2),
    ("nested", "hit", "hit", "legacy", 2),
    ("nested", "miss", "miss", "legacy", 8),
)


def measure_modes(runs):
    """{layout: {mode: {operation: medians of ns for one}}}."""
    build_engine()
    samples = {}
    for _ in range(runs):
        for layout in LAYOUTS:
            for mode in MODES:
                command = [ENGINE / "tests/unit/bench-engine", "--mode", mode,
                           "--pages", str(BAR_PAGES),
                           "--repeats", str(REPEATS)]
                if layout == "scattered":
                    command.append("--scattered")
                done = subprocess.run(command, stdout=subprocess.PIPE,
                                      check=True, text=True)
                for record in map(json.loads, done.stdout.splitlines()):
                    if record["n"]:
                        samples.setdefault(
                            (layout, mode, record["op"]), []).append(
                                record["ns"] / record["n"])
    return {layout: {mode: {op: statistics.median(samples[layout, mode, op])
                            for op, _ in OPERATIONS
                            if (layout, mode, op) in samples}
                     for mode in MODES}
            for layout in LAYOUTS}


def judge_modes(modes):
    """The bars, as results.judge() has them."""
    judged = []
    for layout in LAYOUTS:
        for mode, op, base, base_mode, limit in BARS:
            value = modes[layout][mode][op] / modes[layout][base_mode][base]
            text = base if base != op else base_mode
            judged.append({
                "pages": BAR_PAGES, "layout": layout, "op": op, "mode": mode,
                "base": base, "base_mode": base_mode, "what": "ratio",
                "limit": limit, "value": value, "met": value <= limit,
                "title": f"{mode}: {op}, beside {text}",
                "bar": f"<= {limit} times"})
    return judged


def print_modes(modes):
    row = "{:<38}" + "{:>12}" * len(MODES)
    for layout in LAYOUTS:
        print(f"\nThe engine alone, {size(BAR_PAGES)} pages, {layout}: "
              "time by mode")
        print(row.format("", *MODES))
        for op, title in OPERATIONS:
            values = [modes[layout][mode].get(op) for mode in MODES]
            print(row.format(title, *("" if v is None else duration(v)
                                      for v in values)).rstrip())
            if op in ("idle", "changed"):
                print(row.format("    times that comparison", *(
                    times(v / modes[layout][mode]["memcmp"])
                    for v, mode in zip(values, MODES))))
                print(row.format("    times legacy mode", *(
                    times(v / values[0]) for v in values)))
