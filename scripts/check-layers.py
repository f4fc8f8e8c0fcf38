#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
See that no file of the engine calls or includes one of a floor above; in TAP.

    scripts/check-layers.py

The floors are the table under "Floors" in docs/devel/intel-iommu.rst.  Files
of one floor do not know each other either.  What is called is taken from the
objects of the unit tests' build.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
ENGINE = TOP / "hw/i386/vtd"
BUILD = TOP / "build/unit"
DOCUMENT = TOP / "docs/devel/intel-iommu.rst"


def read_floors(text):
    """{file, without .c: number of its floor}, of the document's table."""
    section = re.search(r"^Floors\n=+\n(.*?)(?=^\S[^\n]*\n=+\n|\Z)", text,
                        re.M | re.S)
    floors = {}
    for number, names in re.findall(
            r"^(\d+) +((?:``[\w/]+\.c``(?:, )?)+)", section[1], re.M):
        for name in re.findall(r"``([\w/]+)\.c``", names):
            if name in floors:
                raise ValueError(f"{name}.c is on two floors")
            floors[name] = int(number)
    return floors


def going_up(floors, uses):
    """What is wrong with uses: (file, what it uses, file that has it)."""
    return [f"{user}.c (floor {floors[user]}) uses {what} of {owner}.c "
            f"(floor {floors[owner]})"
            for user, what, owner in sorted(uses)
            if user != owner and user in floors and owner in floors
            and floors[user] <= floors[owner]]


def symbols(name):
    """The symbols that the object of a file defines, and those it uses."""
    stem = str((ENGINE / name).relative_to(TOP)).replace("/", "_")
    output = subprocess.run(
        ["nm", BUILD / f"libunit.a.p/{stem}.c.o"], check=True, text=True,
        stdout=subprocess.PIPE).stdout
    found = re.findall(r"^[0-9a-f ]* ([A-Za-z]) (\w+)$", output, re.M)
    return ({symbol for kind, symbol in found if kind in "TDRBVW"},
            {symbol for kind, symbol in found if kind == "U"})


def calls(names):
    """(file, symbol, file that defines it) of all calls between files."""
    if not (BUILD / "build.ninja").exists():
        subprocess.run([shutil.which("meson") or "/usr/bin/meson", "setup",
                        BUILD, TOP], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD, "libunit.a"], check=True,
                   stdout=subprocess.DEVNULL)
    objects = {name: symbols(name) for name in names}
    owners = {symbol: name for name, (defined, _) in objects.items()
              for symbol in defined}
    return [(name, f"{symbol}()", owners[symbol])
            for name, (_, used) in objects.items()
            for symbol in used if symbol in owners]


def includes(names):
    """(file, header, file that the header is of), the same."""
    uses = []
    for name in names:
        for path in (ENGINE / f"{name}.c", ENGINE / f"{name}.h"):
            if not path.exists():
                continue
            for header in re.findall(r'^#include "([\w/]+)\.h"',
                                     path.read_text(), re.M):
                uses.append((name, f"{header}.h",
                             header.removeprefix("hw/i386/vtd/")))
    return uses


def main():
    names = sorted(str(path.relative_to(ENGINE).with_suffix(""))
                   for path in ENGINE.glob("**/*.c"))
    floors = read_floors(DOCUMENT.read_text())
    cases = (
        ("every file has a floor",
         [f"{name}.c" for name in sorted(set(names) ^ set(floors))]),
        ("no include goes up", going_up(floors, includes(names))),
        ("no call goes up", going_up(floors, calls(names))),
    )
    print(f"1..{len(cases)}")
    for number, (title, faults) in enumerate(cases, 1):
        print("not ok" if faults else "ok", number, "-", title)
        for fault in faults:
            print(f"# {fault}")
    return any(faults for _, faults in cases)


if __name__ == "__main__":
    sys.exit(main())
