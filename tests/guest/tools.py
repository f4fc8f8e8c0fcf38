# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what a command runs, unless it is told not to."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
QEMU = TOP / "build/qemu-system-x86_64"


def add_build_options(parser, qemu=True):
    """What tells build() to build nothing; qemu: one can be named."""
    parser.add_argument("--no-build", action="store_true",
                        help="use what is built")
    if qemu:
        parser.add_argument("--qemu", type=Path, default=QEMU, metavar="BIN",
                            help="use this QEMU; default: build and use "
                            "build/qemu-system-x86_64")


def build(options, *binaries, stock=False):
    """Build QEMU, if it is to be; stock: with its own device, too.

    Exits if a binary is not there afterwards.
    """
    if not options.no_build and getattr(options, "qemu", QEMU) == QEMU:
        for script in ("build", *(["build-stock"] if stock else [])):
            if subprocess.run([TOP / "scripts" / script], check=False
                              ).returncode:
                sys.exit(1)
    for binary in binaries:
        if not os.access(binary, os.X_OK):
            sys.exit(f"no {binary}; scripts/build and scripts/build-stock "
                     "build it")
