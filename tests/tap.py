# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads and counts results in the Test Anything Protocol."""

import re


# What is kept of what a failed case says of itself
LINES = 10


class Count:
    """How many cases passed and were skipped, and the names of the failed.

    Below a name may stand what its case said, in lines of their own.
    """

    def __init__(self, passed=0):
        self.passed, self.skipped, self.failed = passed, 0, []

    def __str__(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def count_tap(name, text, success):
    """Count the cases in TAP output of a program that ended.

    success: its exit status was 0. It may skip itself with a reason, but one
    that runs nothing has failed.
    """
    count = Count()
    plan, reason = None, ""
    room = 0                    # for what the last case says of itself
    for line in text.splitlines():
        if room and line.startswith("#"):
            count.failed[-1] += f"\n    {line[1:].strip()}"
            room -= 1
            continue
        room = 0
        if result := re.match(r"(not )?ok\b *\d*(?: -)? *(.*)", line):
            if result[1]:
                count.failed.append(f"{name}: {result[2]}")
                room = LINES
            elif re.search(r"# *skip", result[2], re.I):
                count.skipped += 1
            else:
                count.passed += 1
        elif header := re.match(r"1\.\.(\d+)(?: +# *skip\S* +(\S.*))?", line,
                                re.I):
            plan, reason = int(header[1]), header[2]
        elif line.startswith("Bail out!"):
            success = False
    seen = count.passed + count.skipped + len(count.failed)
    if plan == 0 and not seen and reason and success:
        count.skipped = 1       # the whole program skips itself
    elif plan != seen:
        count.failed.append(f"{name}: {seen} results, planned: {plan}")
    elif not seen:
        count.failed.append(f"{name}: no case ran")
    elif not success and not count.failed:
        count.failed.append(f"{name}: failed, though all its cases passed")
    return count
