# SPDX-License-Identifier: GPL-2.0-or-later
"""The instructions that the engine alone takes, which no load disturbs."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from results import BAR_PAGES, LAYOUTS

TOP = Path(__file__).resolve().parents[2]
ENGINE = TOP / "build/bench/engine"


def count_instructions(layout):
    """Instructions of the engine for each operation, and how many times."""
    program = ENGINE / "tests/unit/bench-engine"
    # What memcmp() takes is to be the same on every machine.
    env = dict(os.environ, G_SLICE="always-malloc",
               GLIBC_TUNABLES="glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,"
                              "-AVX512VL,-AVX512BW")
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "profile")
        command = ["valgrind", "-q", "--tool=callgrind",
                   "--collect-atstart=no", "--toggle-collect=measured",
                   "--zero-before=measured", "--dump-after=measured",
                   f"--callgrind-out-file={out}",
                   program, "--pages", str(BAR_PAGES)]
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
    """Build the engine, and count."""
    build_engine()
    return {layout: count_instructions(layout) for layout in LAYOUTS}
