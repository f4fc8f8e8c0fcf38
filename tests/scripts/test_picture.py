# SPDX-License-Identifier: GPL-2.0-or-later
"""What an address space's picture is drawn from: any QEMU's trace."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from picture import listed, lives_of

GUEST = Path(__file__).resolve().parents[1] / "guest"
FUNCTIONS = GUEST / "functions.sh"

# A page that is mapped, unmapped and mapped at once; one that stays; another
# event
EVENTS = ((0, "MAP @ 0x1000 - 0x1fff"), (0.25, "MAP @ 0x200000 - 0x3fffff"),
          (1, "UNMAP @ 0x1000 - 0x1fff"), (1.0005, "MAP @ 0x1000 - 0x1fff"),
          (2, "UNMAP @ 0x9000 - 0x9fff"))

# Lines of traces, as QEMU 10.0 has them and as 10.2
STAMPS = {
    "thread": lambda time: f"7@{1764190800 + time:.6f}:",
    "date": lambda time: f"2025-11-26T21:00:{time:09.6f}Z ",
}


def trace_of(stamp):
    return "".join(f"{stamp(time)}vfio_iommu_map_notify iommu {what}\n"
                   for time, what in EVENTS) + f"{stamp(3)}vfio_other 1\n"


def awk_knows_hex():
    """As busybox's does, which the guests have."""
    return subprocess.run(["awk", "BEGIN { exit \"0x10\" + 0 != 16 }"],
                          check=False).returncode == 0


class Picture(unittest.TestCase):

    def check_drawn(self, trace):
        lives, unmaps, touched = lives_of(trace)
        self.assertEqual(lives, ["0.000000 1 1.000000 0",
                                 "0.250000 512 1.750000 0",
                                 "1.000500 1 0.999500 0"])
        self.assertEqual(unmaps, ["1.000000 1"])
        self.assertEqual(touched, ["1.000500 1"])

    @unittest.skipUnless(awk_knows_hex(), "awk knows no hexadecimal numbers")
    def test_stamps(self):
        for name, stamp in STAMPS.items():
            with self.subTest(name):
                self.check_drawn(subprocess.run(
                    ["sh", "-c", f". {FUNCTIONS}; ioctl_list"], check=True,
                    input=trace_of(stamp), text=True,
                    stdout=subprocess.PIPE).stdout)

    def test_listed(self):
        for name, stamp in STAMPS.items():
            with self.subTest(name):
                self.check_drawn(listed(trace_of(stamp).splitlines()))

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_command(self):
        with tempfile.TemporaryDirectory() as scratch:
            trace, output = Path(scratch, "trace"), Path(scratch, "x.svg")
            command = [sys.executable, GUEST / "picture.py", trace, output]
            trace.write_text(trace_of(STAMPS["thread"]))
            subprocess.run(command, check=True)
            self.assertIn("touched", output.read_text())
            trace.write_text("nothing\n")
            done = subprocess.run(command, check=False, text=True,
                                  stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has no event", done.stderr)
