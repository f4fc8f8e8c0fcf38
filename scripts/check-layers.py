#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
See that no file calls or includes one of a floor above; in TAP.

    scripts/check-layers.py

The floors are the tables under "Floors", for the engine, and under "Floors of
the test device" in docs/devel/intel-iommu.rst.  Files of one floor do not know
each other either.  What is called is taken from the objects of the unit tests'
build; the test device is not all in it, so there from the sources.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
ENGINE = TOP / "hw/i386/vtd"
TESTDEV = TOP / "hw/misc"
BUILD = TOP / "build/unit"
DOCUMENT = TOP / "docs/devel/intel-iommu.rst"


def read_floors(text, heading="Floors"):
    """{file, without .c: number of its floor}, of the document's table."""
    section = re.search(
        rf"^{heading}\n([=-])\1+\n(.*?)(?=^\S[^\n]*\n[=-]+\n|\Z)", text,
        re.M | re.S)
    floors = {}
    for number, names in re.findall(
            r"^(\d+) +((?:``[\w/-]+\.c``(?:, )?)+)", section[2], re.M):
        for name in re.findall(r"``([\w/-]+)\.c``", names):
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
    if not (ENGINE / f"{name}.c").exists():
        return source_symbols((TESTDEV / f"{name}.c").read_text())
    stem = str((ENGINE / name).relative_to(TOP)).replace("/", "_")
    output = subprocess.run(
        ["nm", BUILD / f"libunit.a.p/{stem}.c.o"], check=True, text=True,
        stdout=subprocess.PIPE).stdout
    found = re.findall(r"^[0-9a-f ]* ([A-Za-z]) (\w+)$", output, re.M)
    return ({symbol for kind, symbol in found if kind in "TDRBVW"},
            {symbol for kind, symbol in found if kind == "U"})


def source_symbols(text):
    """Functions that a source defines for others, and all words in it."""
    defined = re.findall(
        r"^(?!static\b)\w[\w *]*?(\w+)\([^;{}]*\)\n\{", text, re.M)
    return set(defined), set(re.findall(r"\w+", text)) - set(defined)


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


def includes(names, directory=ENGINE):
    """(file, header, file that the header is of), the same."""
    uses = []
    for name in names:
        for path in (directory / f"{name}.c", directory / f"{name}.h"):
            if not path.exists():
                continue
            for header in re.findall(r'^#include "([\w/-]+)\.h"',
                                     path.read_text(), re.M):
                uses.append((name, f"{header}.h",
                             header.removeprefix("hw/i386/vtd/")))
    return uses


def faults_of(heading, directory, pattern):
    """(what is right, what does not keep to it) of the files there."""
    names = sorted(str(path.relative_to(directory).with_suffix(""))
                   for path in directory.glob(pattern))
    floors = read_floors(DOCUMENT.read_text(), heading)
    return (
        (f"{heading}: every file has one",
         [f"{name}.c" for name in sorted(set(names) ^ set(floors))]),
        (f"{heading}: no include goes up",
         going_up(floors, includes(names, directory))),
        (f"{heading}: no call goes up", going_up(floors, calls(names))),
    )


def main():
    cases = (*faults_of("Floors", ENGINE, "**/*.c"),
             *faults_of("Floors of the test device", TESTDEV,
                        "vtd-testdev*.c"))
    print(f"1..{len(cases)}")
    for number, (title, faults) in enumerate(cases, 1):
        print("not ok" if faults else "ok", number, "-", title)
        for fault in faults:
            print(f"# {fault}")
    return any(faults for _, faults in cases)


if __name__ == "__main__":
    sys.exit(main())
