# SPDX-License-Identifier: GPL-2.0-or-later
"""Rates as text for a person, at most 80 columns wide."""

from collections import defaultdict, deque

from rates import DEVICE

LEVELS = "▁▂▃▄▅▆▇█"
HISTORY = 12            # samples in a sparkline


def humanised(number):
    """Seven characters at most."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5:
            return (f"{number:.0f}" if not unit or number >= 99.95
                    else f"{number:.1f}") + unit
        number /= 1000
    return f"{number:.0f}T"


def spark(samples):
    """A bar for each sample, the highest of them is full."""
    top = max(samples, default=0)
    return "".join(" " if not each else
                   LEVELS[min(7, int(each / top * 8))] for each in samples)


class Screen:
    """Remembers what is drawn in sparklines."""

    def __init__(self):
        self.past = defaultdict(lambda: deque(maxlen=HISTORY))

    def line(self, name, samples, key):
        self.past[key].append(samples[0])
        return (f"{name[:24]:<24}" +
                "".join(f"{humanised(each):>8}" for each in samples) + "  " +
                spark(self.past[key])).rstrip()

    def lines(self, sample):
        """The lines of what rates() returned."""
        lines = [f"{'per second':<24}" +
                 "".join(f"{name[:7]:>8}" for name in
                         ("transl.", *list(DEVICE)[1:]))]
        for each in sample["devices"]:
            name = each["device"] + (f" {each['id']}" if each["id"] else "")
            lines.append(self.line(name, list(each["rates"].values()),
                                   each["device"]))
        lines += ["", f"{'invalidations':<24}{'all':>8}"]
        lines += [self.line(name, [each], f"inv {name}") for name, each in
                  sample["invalidations"].items()]
        return lines
