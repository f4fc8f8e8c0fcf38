# SPDX-License-Identifier: GPL-2.0-or-later
"""
Show what the Intel IOMMU of a running QEMU does, per device and second.

Invalidations are of the whole unit: a guest makes them for domains.
"""

import argparse
import json
import sys
import time

sys.dont_write_bytecode = True

from asking import Monitor, add_socket              # noqa: E402
from rates import rates                             # noqa: E402
from screen import Screen                           # noqa: E402

CLEAR = "\033[H\033[2J"


def samples(query, interval):
    """The rates of each interval, without end."""
    before, start = query(), time.monotonic()
    while True:
        time.sleep(interval)
        after, end = query(), time.monotonic()
        yield rates(before, after, end - start)
        before, start = after, end


def positive(text):
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("has to be above 0")
    return number


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/vtd-top", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_socket(parser)
    parser.add_argument("--interval", type=positive, default=1.0,
                        metavar="SECONDS", help="default: 1")
    parser.add_argument("--once", action="store_true",
                        help="show one interval, and end")
    parser.add_argument("--json", action="store_true",
                        help="print a line of JSON for each interval")
    options = parser.parse_args()
    monitor = Monitor(options)
    screen = Screen()
    refresh = sys.stdout.isatty() and not options.once
    try:
        for sample in samples(monitor.query, options.interval):
            if options.json:
                print(json.dumps(sample), flush=True)
            else:
                print((CLEAR if refresh else "") +
                      "\n".join(screen.lines(sample)), flush=True)
            if options.once:
                break
    except KeyboardInterrupt:
        pass
    finally:
        monitor.close()


if __name__ == "__main__":
    main()
