# SPDX-License-Identifier: GPL-2.0-or-later
"""What an idle flush costs for how many pages, as gnuplot draws it."""

import subprocess

from report import size
from results import CURVE, LAYOUTS


def draw(results, devices, path):
    style = {"stock": "#b5541c", "ours": "#1f6f8b"}
    data, plots = [], []
    for device in devices:
        for layout in LAYOUTS:
            points = [(p, results.get(device, layout, p, "idle"))
                      for p in CURVE]
            points = [f"{p} {ns}" for p, ns in points if ns]
            if not points:
                continue
            dash = "" if layout == "scattered" else " dt 2"
            data.append(f"${device}_{layout} << EOD\n" + "\n".join(points) +
                        "\nEOD")
            plots.append(f"${device}_{layout} using 1:2 with linespoints "
                         f'lc rgb "{style[device]}" lw 2 pt 7 ps 0.6{dash} '
                         f'title "{device}, {layout}"')
    ticks = ", ".join(f'"{size(p)}" {p}' for p in CURVE)
    script = "\n".join(data + [
        'set terminal svg size 800,500 font "sans-serif,14" '
        'background rgb "white"',
        f'set output "{path}"',
        'set title "A domain flush that finds nothing changed"',
        "set logscale xy", "set key left top", 'set grid lc rgb "#dddddd"',
        'set xlabel "pages of 4 KiB mapped"', f"set xtics ({ticks})",
        'set ylabel "CPU time"',
        'set ytics ("1 us" 1e3, "10 us" 1e4, "100 us" 1e5, "1 ms" 1e6, '
        '"10 ms" 1e7, "100 ms" 1e8, "1 s" 1e9)',
        "set yrange [1e3:*]",
        "plot " + ", ".join(plots)])
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
