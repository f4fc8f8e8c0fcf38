# SPDX-License-Identifier: GPL-2.0-or-later
"""
Draw what was mapped for an assigned device over time, as an SVG.

The trace is what any QEMU writes with -trace vfio_iommu_map_notify; it names
no device, so with several of them on different tables the picture is of all.
"""

import argparse
import datetime
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HEAD = """\
set terminal svg size 1000,{height} font "sans-serif,13" background "white"
set output "{output}"
set multiplot layout {rows},1
set xlabel "seconds"
set ylabel "4-KiB pages of IOVA"
set format y "0x%x"
set key outside top horizontal
set style arrow 1 nohead lw 1 lc rgb "#3a7d44"
"""

PANEL = """\
set title "{title}" noenhanced
plot "{lives}" using 1:2:3:4 with vectors arrowstyle 1 title "mapped", \\
     "{unmaps}" using 1:2 with points pt 7 ps 0.15 lc rgb "#c1121f" \\
         title "unmapped", \\
     "{touched}" using 1:2 with points pt 7 ps 0.3 lc rgb "#1d3557" \\
         title "touched (mapped again at once)"
"""

# A line of QEMU 10.0, THREAD@TIME:EVENT, or of 10.2, DATE EVENT
NOTIFY = re.compile(r"(?:\d+@)?(\S+?)(?::| )vfio_\w+ .*iommu (UN)?MAP @ "
                    r"0x([0-9a-f]+) - 0x([0-9a-f]+)\s*$")
PAGE = 4096

AT_ONCE = 0.001         # seconds between an UNMAP and a MAP of one page


def seconds(time):
    """A trace's time in seconds; from QEMU 10.2 on it is a date."""
    if "T" in time:
        return datetime.datetime.fromisoformat(time).timestamp()
    return float(time)


def listed(trace):
    """A trace as QEMU writes it, as the lines that lives_of() takes."""
    found = filter(None, map(NOTIFY.match, trace))
    return "\n".join(
        f"{time} {'U' if gone else 'M'} {int(first, 16) // PAGE} "
        f"{(int(last, 16) + 1 - int(first, 16)) // PAGE}"
        for time, gone, first, last in map(re.Match.groups, found))


def lives_of(trace):
    """Turn a trace into what is drawn.

    trace: lines of a time, M or U, first page and pages. Returns lines of
    text: how long runs of pages were mapped (start, page, duration,
    pages - 1), UNMAPs (time, page), and MAPs of what went just before.
    """
    rows = [(seconds(time), kind, int(first), int(pages)) for
            time, kind, first, pages in map(str.split, trace.splitlines())]
    zero, end = rows[0][0], rows[-1][0]
    mapped, gone = {}, {}
    lives, unmaps, touched = [], [], []

    def live(first, pages, since, until):
        lives.append(f"{since - zero:.6f} {first} {until - since:.6f} 0")

    for time, kind, first, pages in rows:
        if kind == "M":
            mapped[first] = (time, pages)
            if time - gone.get(first, 0) < AT_ONCE:
                touched.append(f"{time - zero:.6f} {first}")
            continue
        # An UNMAP may take many with it, and name far more than there are.
        hit = ([first] if pages == 1 else
               [page for page in mapped if first <= page < first + pages])
        for page in hit:
            if page in mapped:
                since, size = mapped.pop(page)
                live(page, size, since, time)
                gone[page] = time
                unmaps.append(f"{time - zero:.6f} {page}")
    for page, (since, size) in mapped.items():
        live(page, size, since, end)
    return lives, unmaps, touched


def draw(traces, directory, output):
    """Draw one panel for each of {title: trace}."""
    panels = {title: lives_of(trace) for title, trace in traces.items()}
    script = HEAD.format(height=60 + 360 * len(panels), output=output,
                         rows=len(panels))
    for number, (title, drawn) in enumerate(panels.items()):
        paths = {}
        for name, lines in zip(("lives", "unmaps", "touched"), drawn):
            paths[name] = directory / f"picture-{number}-{name}.txt"
            # gnuplot refuses a file without a point.
            paths[name].write_text("\n".join(lines or ["0 NaN 0 0"]) + "\n")
        script += PANEL.format(title=title, **paths)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    for file in directory.glob("picture-*.txt"):
        file.unlink()


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/vtd-picture", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path, metavar="TRACE")
    parser.add_argument("output", type=Path, metavar="OUT.svg")
    options = parser.parse_args()
    if not shutil.which("gnuplot"):
        sys.exit("no gnuplot; as root: apt-get install gnuplot-nox")
    try:
        with open(options.trace, encoding="utf-8", errors="replace") as file:
            trace = listed(file)
    except OSError as error:
        sys.exit(str(error))
    if not trace:
        sys.exit(f"{options.trace} has no event vfio_iommu_map_notify")
    with tempfile.TemporaryDirectory() as scratch:
        draw({options.trace.name: trace}, Path(scratch), options.output)


if __name__ == "__main__":
    main()
