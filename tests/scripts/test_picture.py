# SPDX-License-Identifier: GPL-2.0-or-later
"""What an address space's picture is drawn from: any QEMU's trace."""

import subprocess
import unittest
from pathlib import Path

from picture import lives_of

FUNCTIONS = Path(__file__).resolve().parents[1] / "guest/functions.sh"

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


def awk_knows_hex():
    """As busybox's does, which the guests have."""
    return subprocess.run(["awk", "BEGIN { exit \"0x10\" + 0 != 16 }"],
                          check=False).returncode == 0


class Picture(unittest.TestCase):

    @unittest.skipUnless(awk_knows_hex(), "awk knows no hexadecimal numbers")
    def test_stamps(self):
        for name, stamp in STAMPS.items():
            trace = "".join(f"{stamp(time)}vfio_iommu_map_notify iommu {what}"
                            "\n" for time, what in EVENTS)
            trace += f"{stamp(3)}vfio_other 1\n"
            with self.subTest(name):
                listed = subprocess.run(
                    ["sh", "-c", f". {FUNCTIONS}; ioctl_list"], check=True,
                    input=trace, text=True, stdout=subprocess.PIPE).stdout
                lives, unmaps, touched = lives_of(listed)
                self.assertEqual(lives, ["0.000000 1 1.000000 0",
                                         "0.250000 512 1.750000 0",
                                         "1.000500 1 0.999500 0"])
                self.assertEqual(unmaps, ["1.000000 1"])
                self.assertEqual(touched, ["1.000500 1"])
