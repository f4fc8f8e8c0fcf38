# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a translation costs, above an IOMMU that answers at once.

A thread of the test device reads 4 bytes by DMA in a loop.  The same loop
through that other IOMMU, in turns with it, is the floor: what no IOMMU can
save.  Ratios are of what is above the floor.
"""

import statistics
import subprocess

from processes import DMA_DRIVER, Driver
from results import KI, ratio

# The driver's name for it, pages in use, what it is to a reader, the bar: so
# many times less above the floor than with QEMU's own device
ROWS = (
    ("dma-64", 64, "64 pages", 4),
    ("dma-512", 512, "512 pages", 4),
    ("dma-4096", 4 * KI, "4 Ki pages", 15),
    ("dma-32768", 32 * KI, "32 Ki pages", None),
    ("dma-262144", 256 * KI, "256 Ki pages", 12),
    ("dma-random-4096", 4 * KI, "4 Ki pages at random", None),
    ("dma-random-65536", 64 * KI, "64 Ki pages at random", 3),
    ("dma-random-262144", 256 * KI, "256 Ki pages at random", None),
    ("dma-64-threads", 64, "2 threads, 2 devices, 64 pages", None),
    ("dma-random-65536-threads", 64 * KI, "the same, 64 Ki at random", None),
    ("dma-64-flushes", 64, "64 pages, while others are flushed", 8),
)
# Two threads take at most so many times what one alone takes, floor and all
THREADS = (("dma-64-threads", "dma-64"),
           ("dma-random-65536-threads", "dma-random-65536"))
THREADS_BAR = 1.5
CURVE = ("dma-64", "dma-512", "dma-4096", "dma-32768", "dma-262144")

# Turns of each row in a run, and in each of them so many samples with so many
# reads: some ms, in which a machine stays as fast as it is, so that what is
# above the floor does not depend on that.
TURNS = 3
SAMPLES = 5
READS = 100000


def measure_turns(samples, devices):
    """All rows in a process for each device, which take turns."""
    drivers = [Driver(device, DMA_DRIVER, "--ask",
                      "--samples", str(SAMPLES), "--count", str(READS))
               for device in devices]
    for _ in range(TURNS):
        for op, *_ in ROWS:
            for driver in drivers:
                records, _ = driver.turn(op)
                samples.setdefault((op, driver.device), []).extend(records)
    for driver in drivers:
        driver.end()


def measure_dma(devices, runs):
    """{row: {device: {floor, ns, above}, ratio}}, medians of all turns."""
    samples = {}
    for run in range(runs):
        measure_turns(samples, devices)
        print(f"  translations, run {run + 1}", flush=True)
    return {op: measured_row(samples, devices, op) for op, *_ in ROWS}


def measured_row(samples, devices, op):
    """What came out, and how many times less above the floor it is."""
    def values(device, what):
        return [record[what] for record in samples[op, device]]

    row = {device: {what: statistics.median(values(device, what))
                    for what in ("floor", "ns", "above")}
           for device in devices}
    if len(devices) == 2:
        row["ratio"] = ratio(values("stock", "above"),
                             values("ours", "above"))
    return row


def floor_of(row):
    """The same for both devices but for what disturbed them."""
    return statistics.median(row[device]["floor"]
                             for device in ("stock", "ours") if device in row)


def print_dma(dma):
    row = "{:<38}{:>10}{:>10}{:>10}{:>8}"
    print("\nOne read of 4 bytes by DMA in a thread: ns, above the floor: "
          "ratio")
    print(row.format("", "floor", "stock", "ours", "ratio"))
    for op, _, title, _ in ROWS:
        values = [dma[op][device]["ns"] if device in dma[op] else None
                  for device in ("stock", "ours")]
        floor = floor_of(dma[op])
        print(row.format(title, f"{floor:.0f}",
                         *("" if v is None else f"{v:.0f}" for v in values),
                         f'{dma[op]["ratio"]:.1f}' if "ratio" in dma[op]
                         else "").rstrip())


def judge_dma(dma):
    """The bars, as results.judge() has them."""
    judged = []

    def add(op, pages, title, value, limit, met, text):
        judged.append({
            "pages": pages, "layout": "", "op": op, "what": "ratio",
            "limit": limit, "value": value, "met": met, "title": title,
            "bar": text})

    for op, pages, title, limit in ROWS:
        value = dma[op].get("ratio")
        if limit and value is not None:
            add(op, pages, f"a read by DMA: {title}", value, limit,
                value >= limit, f">= {limit} times less")
    for op, alone in THREADS:
        if "ours" in dma[op]:
            value = dma[op]["ours"]["ns"] / dma[alone]["ours"]["ns"]
            pages = next(p for name, p, *_ in ROWS if name == op)
            add(op, pages, "a read by DMA: two threads", value, THREADS_BAR,
                value <= THREADS_BAR, f"<= {THREADS_BAR} times one")
    return judged


def draw_dma(dma, devices, path):
    """The curve of ns against pages in use, as gnuplot draws it."""
    style = {"floor": "#777777", "stock": "#b5541c", "ours": "#1f6f8b"}
    pages = {op: n for op, n, *_ in ROWS}
    lines = {device: [(pages[op], dma[op][device]["ns"]) for op in CURVE]
             for device in devices}
    lines["floor"] = [(pages[op], floor_of(dma[op])) for op in CURVE]
    data = [f"${name} << EOD\n" +
            "\n".join(f"{x} {y}" for x, y in points) + "\nEOD"
            for name, points in lines.items()]
    plots = [f"${name} using 1:2 with linespoints lc rgb "
             f'"{style[name]}" lw 2 pt 7 ps 0.6 title "{name}"'
             for name in lines]
    ticks = ", ".join(f'"{n // KI} Ki" {n}' if n >= KI else f'"{n}" {n}'
                      for n in (pages[op] for op in CURVE))
    script = "\n".join(data + [
        'set terminal svg size 800,500 font "sans-serif,14" '
        'background rgb "white"',
        f'set output "{path}"',
        'set title "A read of 4 bytes by DMA, page after page"',
        "set logscale x", "set key left top", 'set grid lc rgb "#dddddd"',
        'set xlabel "pages in use"', f"set xtics ({ticks})",
        'set ylabel "ns"', "set yrange [0:*]",
        "plot " + ", ".join(plots)])
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
