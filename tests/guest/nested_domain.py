# SPDX-License-Identifier: GPL-2.0-or-later
"""The case of a guest that nests domains, by a program that is built for it.

A guest with iommufd can have its kernel put first-stage tables of a program's
under a domain of the second stage, as a VMM does with those of its own guest.
QEMU 10.0 does not, so a program does (nested-domain.c).
"""

import subprocess
from pathlib import Path

NVME, TESTDEV = "0000:00:04.0", "0000:00:04.1"
PROGRAM = "nested-domain"
SOURCE = Path(__file__).with_name(f"{PROGRAM}.c")


def programs(cache):
    """Build the program; the pair of its paths, in a guest and here."""
    # Debian 12's own headers are too old, those in QEMU's source are not.
    headers = cache.parent / "qemu/linux-headers"
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-static",
                    "-I", headers, "-o", cache / PROGRAM, SOURCE], check=True)
    return [(f"bin/{PROGRAM}", cache / PROGRAM)]


def nested_domain(run):
    """A program in L1 puts tables of its own under its kernel's."""
    run.outer.do(f"give {NVME} vfio-pci; give {TESTDEV} vfio-pci")
    text, status = run.outer.tell(
        f"{PROGRAM} /dev/vfio/devices/$(ls /sys/bus/pci/devices/{TESTDEV}/"
        "vfio-dev)")
    details = "\n".join(line for line in text.splitlines() if line[:1] == "#")
    for line in text.splitlines():
        result, _, name = line.partition("ok ")
        if result in ("", "not "):
            run.true(not result, name, details)
    run.equal(status, 0, "the program comes to its end")
    stats = run.outer.stats()
    run.true(stats["inv-pasid-iotlb"] > 0 and stats["inv-pasid-iotlb-page"] > 0
             and stats["inv-iotlb-page"] > 0,
             "both stages were invalidated", stats)
    run.nothing_left()
