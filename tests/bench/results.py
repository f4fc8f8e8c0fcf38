# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured, what came out, and the bars that it is held to."""

import statistics

KI = 1024
# Bars hold for so many pages.
BAR_PAGES = 256 * KI
LAYOUTS = ("scattered", "contiguous")
PAGES = (4 * KI, 64 * KI, BAR_PAGES, KI * KI)
CURVE = (4 * KI, 16 * KI, 64 * KI, BAR_PAGES, KI * KI, 4 * KI * KI)

# Operations in the order of the table: name, what it is to a reader
TIMES = (
    ("first-sync", "first sync, all pages appear"),
    ("sync-again", "the same after a teardown"),
    ("idle", "domain flush, nothing changed"),
    ("idle-cold", "the same, tables out of the caches"),
    ("changed", "domain flush, one page changed"),
    ("many-changed", "domain flush, 64 Ki random changes"),
    ("teardown", "domain flush, all leaves cleared"),
    ("page", "page flush, nothing changed"),
    ("page-map", "page flush, the page appeared"),
    ("page-unmap", "page flush, the page went"),
    ("hot", "neighbours' flushes, nothing changed"),
    ("hot-map", "neighbours' flushes, pages appeared"),
    ("hot-unmap", "neighbours' flushes, pages went"),
    ("strict-map", "one page and a wait, it appeared"),
    ("strict-unmap", "one page and a wait, it went"),
    ("page-unheard", "page flush, nobody listens"),
    ("hot-unheard", "neighbours' flushes, nobody listens"),
    ("kick", "one page flush a kick, wall time"),
    ("kick-own", "the same, less a write to RAM"),
    ("context", "global context flush, nothing changed"),
    ("move", "device to a domain 99% the same"),
    ("wait", "wait descriptor"),
)
# Those that look at all pages, to be divided by them
WHOLE = ("first-sync", "idle", "teardown")
MEMORY = (
    ("memory", "metadata, bytes a page"),
    ("memory-changed", "after a million random changes"),
    ("memory-undone", "after they are undone"),
)

# Those of page flushes hold for each of these.
PAGE_FLUSH_PAGES = (4 * KI, 64 * KI, BAR_PAGES)

# layout, operation, what of it, bar: at least so many times as fast, or so
# many UNMAPs or bytes at most
BARS = (
    ("scattered", "idle", "times", 100),
    ("scattered", "idle-cold", "times", 100),
    ("contiguous", "idle-cold", "times", 100),
    ("scattered", "changed", "times", 100),
    ("scattered", "teardown", "times", 200),
    ("scattered", "teardown", "unmaps", 16),
    ("scattered", "first-sync", "times", 3),
    ("scattered", "memory", "bytes", 9),
    ("scattered", "memory-changed", "bytes", 9),
    ("contiguous", "memory", "bytes", 1),
    # What a first sync leaves in the process, with what it needed meanwhile
    ("contiguous", "memory", "resident", 2),
    ("contiguous", "memory-undone", "bytes", 1),
)
# A little below of what was reached, as machines differ
PAGE_FLUSH_BARS = (
    ("page", 5),
    ("page-map", 4),
    ("page-unmap", 4),
    ("hot", 5),
    ("hot-map", 4),
    ("hot-unmap", 4),
    ("page-unheard", 5),
    ("hot-unheard", 5),
    ("wait", 1.5),
    # It is the trip through qtest but for some per cent.
    ("kick", 1),
    ("kick-own", 1),
)


def ratio(stock, ours):
    """
    How many times as much @stock is, the median of turns: what disturbs both
    in a turn leaves their ratio, what disturbs one makes it an outlier.
    """
    return statistics.median(a / max(b, 0.1)
                             for a, b in zip(stock, ours, strict=True))


class Results:
    """What all processes said: device, layout, pages, operation, values."""

    def __init__(self):
        self.runs = {}

    def add(self, device, layout, pages, record):
        key = (device, layout, pages, record.pop("op"))
        values = self.runs.setdefault(key, {})
        for name, value in record.items():
            values.setdefault(name, []).append(value)

    def get(self, device, layout, pages, op, value="ns"):
        """The median, None if there is none."""
        values = self.runs.get((device, layout, pages, op), {}).get(value)
        return statistics.median(values) if values else None

    def times(self, layout, pages, op, value="ns"):
        """QEMU's own beside ours, None if there is not both."""
        stock, ours = (
            self.runs.get((device, layout, pages, op), {}).get(value)
            for device in ("stock", "ours"))
        return ratio(stock, ours) if stock and ours else None

    def json(self):
        return [{"device": d, "layout": l, "pages": p, "op": o,
                 "median": {n: statistics.median(v)
                            for n, v in values.items()},
                 "runs": values}
                for (d, l, p, o), values in self.runs.items()]


def all_bars():
    """pages, layout, operation, what of it, limit"""
    return ([(BAR_PAGES, *bar) for bar in BARS] +
            [(pages, "scattered", op, "times", limit)
             for op, limit in PAGE_FLUSH_BARS for pages in PAGE_FLUSH_PAGES])


def judge(results):
    """The bars: each with its value, and whether it is met."""
    titles = dict(TIMES + MEMORY)
    judged = []
    for pages, layout, op, what, limit in all_bars():
        def get(value):
            return results.get("ours", layout, pages, op, value)

        if what == "times":
            value = results.times(layout, pages, op)
            text = f">= {limit} times as fast"
        elif what == "unmaps":
            value = get("unmaps")
            text = f"<= {limit} UNMAPs"
        elif what == "resident":
            value = get("resident_per_page")
            text = f"< {limit} resident"
        else:
            value = get("bytes_per_page")
            text = f"<= {limit} bytes" if limit > 1 else "< 1 byte"
        if value is not None:
            met = (value >= limit if what == "times" else
                   value < limit if limit == 1 else value <= limit)
            judged.append({"pages": pages, "layout": layout, "op": op,
                           "what": what, "limit": limit, "value": value,
                           "met": met, "title": titles[op], "bar": text})
    return judged
