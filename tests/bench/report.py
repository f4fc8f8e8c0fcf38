# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as tables, to be read."""

from results import BAR_PAGES, KI, LAYOUTS, MEMORY, TIMES, WHOLE


def size(pages):
    for unit, name in ((KI * KI, "Mi"), (KI, "Ki")):
        if pages % unit == 0:
            return f"{pages // unit} {name}"
    return str(pages)


def duration(ns):
    for unit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if abs(ns) >= unit:
            return f"{ns / unit:.3g} {name}"
    return f"{ns:.3g} ns"


def times(ratio):
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"


def sent(results, device, layout, pages, op):
    maps = results.get(device, layout, pages, op, "maps")
    unmaps = results.get(device, layout, pages, op, "unmaps")
    return "" if maps is None else f"{maps:.0f}+{unmaps:.0f}"


def print_table(results, devices, layout, pages):
    row = "{:<38}{:>10}{:>10}{:>8}  {:>15}{:>15}"
    once = " (one process)" if pages > BAR_PAGES else ""
    print(f"\n{size(pages)} pages, {layout}{once}")
    print(row.format("", "stock", "ours", "ratio", "stock MAP+UNMAP",
                     "ours").rstrip())

    def cells(op, value, show, unit=1):
        values = [results.get(d, layout, pages, op, value)
                  if d in devices else None for d in ("stock", "ours")]
        ratio = results.times(layout, pages, op, value)
        return (["" if v is None else show(v / unit) for v in values] +
                ["" if ratio is None else times(ratio)])

    for op, title in TIMES:
        line = cells(op, "ns", duration)
        counts = [sent(results, d, layout, pages, op)
                  for d in ("stock", "ours")]
        print(row.format(title, *line, *counts).rstrip())
        if op in WHOLE:
            line = cells(op, "ns", duration, pages)
            print(row.format("    for each page", *line, "", "").rstrip())
    for op, title in MEMORY:
        line = cells(op, "bytes_per_page", "{:.2f}".format)
        print(row.format(title, *line, "", "").rstrip())


def print_engine(engine):
    print(f"\nThe engine alone, {size(BAR_PAGES)} pages: instructions")
    print(f"{'':<46}" + "".join(f"{layout:>12}" for layout in LAYOUTS))
    for op, title in TIMES:
        if op not in engine[LAYOUTS[0]]:
            continue
        for each, pages in (("", 1), (", for each page", BAR_PAGES)):
            if pages > 1 and op not in WHOLE:
                continue
            values = [engine[layout][op] / pages for layout in LAYOUTS]
            print(f"{title + each:<46}" + "".join(
                f"{v:>12.2f}" if pages > 1 else f"{v:>12.0f}"
                for v in values))


def print_bars(judged):
    print("\nBars")
    for bar in judged:
        value = (times(bar["value"]) if bar["what"] in ("times", "ratio")
                 else f'{bar["value"]:.4g}')
        print(f'{size(bar["pages"]):<7}{bar["layout"]:<11}'
              f'{bar["title"]:<39}{bar["bar"]:<22}'
              f'{value:>8}  {"met" if bar["met"] else "NOT MET"}')
