# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot Debian's kernel with our intel-iommu, and check its DMA.

Prints TAP; the exit status is 0 if every check passed. Arguments after --
go to QEMU (for instance: -- -trace 'vtd_*' -D trace.log).
"""

import argparse
import fcntl
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import checks                               # noqa: E402
import tools                                # noqa: E402
from cases import CASES                     # noqa: E402
from machine import Machine                 # noqa: E402

TOP = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/boot", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    tools.add_build_options(parser)
    parser.add_argument("--build", type=Path, default=TOP / "build/guest",
                        metavar="DIR", help="where packages, logs and "
                        "images go; default: build/guest")
    parser.add_argument("--case", action="append", choices=CASES,
                        help="which boot; may be repeated; default: default")
    parser.add_argument("--short", action="store_true",
                        help="the cases of the test command")
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--accel", default="tcg", choices=Machine.ACCELS,
                        help="default: tcg")
    parser.add_argument("--kernel-params", default="", metavar="STRING",
                        help="added to the kernel's command line")
    parser.add_argument("--keep", action="store_true",
                        help="keep the disks' images")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS",
                        help="a guest that runs longer hangs; default: 300")
    parser.add_argument("qemu_args", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def boot(case, options, tap):
    directory = options.build / "run" / case.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    print(f"# {case.name}: booting; log: {directory}/console.log", flush=True)
    machine = Machine(case, directory)
    machine.accel = options.accel
    try:
        machine.run(options.qemu, options.build, options.kernel_params,
                    options.qemu_args, options.limit)
        checks.judge(tap, machine)
    finally:
        if not options.keep:
            for large in (*directory.glob("*.img"),
                          directory / "initramfs.cpio"):
                large.unlink(missing_ok=True)
    return machine


def main():
    options = arguments()
    tools.build(options, options.qemu)
    # An ended script must not leave its QEMU behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.build.mkdir(parents=True, exist_ok=True)
    tap = checks.Tap()
    with open(options.build / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        names = options.case or ["default"]
        if options.all or options.short:
            names = [name for name, case in CASES.items()
                     if case.short or options.all]
        machines = [boot(CASES[name], options, tap) for name in names]
    tap.plan()
    for machine in machines:
        checks.summary(machine)
    return tap.verdict()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:      # apt or dpkg-deb
        sys.exit(f"scripts/boot: {error}\n{error.stdout or ''}")
