# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with ours or with its own device, and the driver that measures it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from report import size

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
QEMU_BUILD = BUILD / "qemu-build"
DRIVER = QEMU_BUILD / "tests/qtest/vtd-bench"
DMA_DRIVER = QEMU_BUILD / "tests/qtest/vtd-bench-dma"
HEAP = QEMU_BUILD / "tests/qtest/libvtd-bench-heap.so"
FIRMWARE = QEMU_BUILD / "qemu-bundle/usr/local/share/qemu-firmware"
BINARY = {
    "stock": BUILD / "stock/qemu-system-x86_64",
    "ours": BUILD / "qemu-system-x86_64",
}


def build(devices):
    subprocess.run([TOP / "scripts/build", "qemu-system-x86_64",
                    DRIVER.relative_to(QEMU_BUILD),
                    DMA_DRIVER.relative_to(QEMU_BUILD),
                    HEAP.relative_to(QEMU_BUILD)], check=True)
    if "stock" in devices:
        subprocess.run([TOP / "scripts/build-stock"], check=True)


class Driver:
    """A process that measures one device, something at a time.

    The machine is faster at one time than at another: so both devices are
    there at once, and take turns.
    """

    def __init__(self, device, program, *options, preload=None):
        self.device = device
        self.command = [str(program), *options, "--args", f"-L {FIRMWARE}"]
        env = dict(os.environ, QTEST_QEMU_BINARY=str(BINARY[device]))
        if preload:
            env["LD_PRELOAD"] = str(preload)
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=env)

    def turn(self, what=""):
        """The records of the next measurement, and whether there are more."""
        records = []
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == "\n":
                return records, True
            if line.startswith("{"):
                records.append(json.loads(line))
        self.end()
        return records, False

    def end(self):
        self.process.stdin.close()
        if self.process.wait():
            sys.exit(f'bench: {" ".join(self.command)}: exit status '
                     f"{self.process.returncode}")


def run(results, devices, layout, pages, repeat, curve):
    """All operations, or those of the curve alone, in a process for each."""
    start = time.monotonic()
    drivers = [
        Driver(device, DRIVER, "--turns", "--pages", str(pages),
               "--seed", str(repeat + 1),
               *(["--scattered"] if layout == "scattered" else []),
               *(["--stats"] if device == "ours" else []),
               *(["--only", "idle"] if curve else []), preload=HEAP)
        for device in devices]
    more = True
    while more:
        for driver in drivers:
            records, more = driver.turn()
            for record in records:
                results.add(driver.device, layout, pages, record)
    print(f"  {size(pages):>6} pages, {layout:<10} "
          f'{"curve" if curve else f"run {repeat + 1}"}: '
          f"{time.monotonic() - start:.1f} s", flush=True)
