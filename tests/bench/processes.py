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


def run(results, device, layout, pages, repeat, curve):
    """One process: all operations, or those of the curve alone."""
    command = [str(DRIVER), "--pages", str(pages), "--seed", str(repeat + 1),
               "--args", f"-L {FIRMWARE}"]
    if layout == "scattered":
        command.append("--scattered")
    if device == "ours":
        command.append("--stats")
    if curve:
        command += ["--only", "idle"]
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False,
                          env=dict(os.environ, LD_PRELOAD=str(HEAP),
                                   QTEST_QEMU_BINARY=str(BINARY[device])))
    if done.returncode:
        sys.exit(f'bench: {" ".join(command)}\n{done.stderr}')
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            results.add(device, layout, pages, json.loads(line))
    print(f"  {size(pages):>6} pages, {layout:<10} {device:<5} "
          f'{"curve" if curve else f"run {repeat + 1}"}: '
          f"{time.monotonic() - start:.1f} s", flush=True)
