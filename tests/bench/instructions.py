# SPDX-License-Identifier: GPL-2.0-or-later
"""The instructions that the engine alone takes, which no load disturbs.

The bars here: once all that monitors can ask has been asked, what is done most
takes as much as in a process where nobody ever asked.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from results import BAR_PAGES, LAYOUTS

# What is done most
OFTEN = (
    ("hit", "request, cached"),
    ("miss", "request, not cached"),
    ("page", "page flush, nothing changed"),
    ("hot", "neighbours' flushes, nothing changed"),
)
ASKED_BAR = 1.01

TOP = Path(__file__).resolve().parents[2]
ENGINE = TOP / "build/bench/engine"


def count_instructions(layout, *options):
    """Instructions of the engine for one of each operation."""
    program = ENGINE / "tests/unit/bench-engine"
    # What memcmp() takes is to be the same on every machine, and no operation
    # is the one that has a function looked up.
    env = dict(os.environ, G_SLICE="always-malloc", LD_BIND_NOW="1",
               GLIBC_TUNABLES="glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,"
                              "-AVX512VL,-AVX512BW")
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "profile")
        command = ["valgrind", "-q", "--tool=callgrind",
                   "--collect-atstart=no", "--toggle-collect=measured",
                   "--zero-before=measured", "--dump-after=measured",
                   f"--callgrind-out-file={out}",
                   program, "--pages", str(BAR_PAGES), *options]
        if layout == "scattered":
            command.append("--scattered")
        done = subprocess.run(command, stdout=subprocess.PIPE, env=env,
                              check=True, text=True)
        counts = {}
        base = 0
        for i, line in enumerate(done.stdout.splitlines()):
            record = json.loads(line)
            with open(f"{out}.{i + 1}", encoding="utf-8") as f:
                total = int(re.search(r"^summary: (\d+)", f.read(),
                                      re.M)[1])
            if record["n"] == 0:
                base = total
            else:
                counts[record["op"]] = (total - base) / record["n"]
    return counts


def build_engine():
    """As QEMU does, without sanitizers."""
    meson = shutil.which("meson") or "/usr/bin/meson"
    if not (ENGINE / "build.ninja").exists():
        subprocess.run([meson, "setup", "-Db_sanitize=none", ENGINE, TOP],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", ENGINE, "tests/unit/bench-engine"],
                   check=True, stdout=subprocess.DEVNULL)


def measure_engine():
    """Build the engine, and count: {layout: {operation: instructions}}."""
    build_engine()
    return {layout: count_instructions(layout) | {
                f"{op}-asked": value for op, value in
                count_instructions(layout, "--ask").items()}
            for layout in LAYOUTS}


def judge_engine(engine):
    """The bars, as results.judge() has them."""
    judged = []
    for layout in LAYOUTS:
        for op, title in OFTEN:
            value = engine[layout][f"{op}-asked"] / engine[layout][op]
            judged.append({
                "pages": BAR_PAGES, "layout": layout, "op": f"{op}-asked",
                "what": "instructions", "limit": ASKED_BAR, "value": value,
                "met": value <= ASKED_BAR, "title": title,
                "bar": f"<= {ASKED_BAR}, once asked"})
    return judged
