# SPDX-License-Identifier: GPL-2.0-or-later
"""Assign devices to a guest in a guest, and check what they do there.

L0 is QEMU with our intel-iommu under TCG; its guest L1 gives an nvme and a
NIC to L2 by vfio-pci; L2 has an intel-iommu of its own, or none. Beside each
of them L0 has a device that keeps VFIO's rules (vtd-testdev) in the same IOMMU
group, so that there is a shadow to judge at L0 too.

Prints TAP, and a summary: a table, a row a case, beside it what other stacks
(--l0, --l1) have left; and draws an address space over time. Cases that passed
are not repeated by the next run with the same programs, which says so,
unless --again is given.
"""

import argparse
import fcntl
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "scripts"))

import layers                               # noqa: E402
import picture                              # noqa: E402
import tools                                # noqa: E402
from checks import Tap, note                # noqa: E402
from havetool import have                   # noqa: E402
from nested_cases import CASES              # noqa: E402
from outside import (Disk, EndlessServer,   # noqa: E402
                     Shadow, Trace)

SHORT_MIB, LONG_MIB = 64, 1024
PICTURED = "disk-strict"

# The columns of the summary behind the case's name: title, what of the row
COLUMNS = (
    ("seconds", "seconds"), ("MiB", "mib"), ("counted", "counted"),
    ("MAPs", "maps"), ("UNMAPs", "unmaps"), ("pages", "pages"),
    ("syncs", "shadow-syncs"),
    ("compared", "shadow-compared"), ("unchanged", "shadow-unchanged"),
    ("L0 MAPs", "l0-maps"), ("L0 UNMAPs", "l0-unmaps"),
    ("L0 errors", "l0-errors"))


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/nested", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES,
                        help="which; may be repeated; default: all")
    parser.add_argument("--short", action="store_true", help="the cases of "
                        f"the test command, {SHORT_MIB} MiB each")
    parser.add_argument("--mib", type=int, help="how much to move; default: "
                        f"{LONG_MIB}, or {SHORT_MIB} with --short")
    parser.add_argument("--again", action="store_true",
                        help="also what has passed before")
    for layer in ("l0", "l1"):
        parser.add_argument(f"--{layer}", choices=("ours", "stock"),
                            default="ours", help=f"the device in {layer}: "
                            "ours, or QEMU's own (scripts/build-stock)")
    tools.add_build_options(parser, qemu=False)
    parser.add_argument("--build", type=Path, default=TOP / "build",
                        metavar="DIR", help="default: build")
    parser.add_argument("--keep", action="store_true",
                        help="keep the disk's image")
    return parser.parse_args()


class Run:
    """What a case is done with, and what is counted of it."""

    def __init__(self, options, tap, directory):
        self.options = options
        self.tap = tap
        self.directory = directory
        self.mib = options.mib or (SHORT_MIB if options.short else LONG_MIB)
        self.disk = Disk(directory / "nvme.img", self.mib)
        self.server = EndlessServer()
        self.outer = None
        self.suite = ""             # whose kernel it boots
        self.trace = None
        self.cache = options.build / "guest"
        # Of the case that runs
        self.case = None
        self.row = {}
        self.moved = 0
        self.record = ""

    # What cases call

    def true(self, condition, name, details=""):
        """State something."""
        self.tap.check(condition, f"{self.case.name}: {name}", details)

    def equal(self, seen, expected, name):
        """State that two values are equal."""
        self.true(seen == expected, name,
                  f"seen: {seen!r}\nexpected: {expected!r}")

    def uses_ats(self, stats, ats):
        """State whether devices behind an IOMMU of ours use ATS."""
        if stats:
            count = stats["inv-device-tlb"]
            there_are = "there are" if ats else "there are no"
            self.true((count > 0) == ats,
                      f"{there_are} invalidations of device TLBs", count)

    def inner(self, arguments, parameters="", **more):
        """Boot L2."""
        started = time.monotonic()
        inner = layers.Inner(self.outer, arguments, parameters,
                             traced=self.traced(), **more)
        note(f"{self.case.name}: L2 booted in "
             f"{time.monotonic() - started:.1f} s")
        return inner

    def traced(self):
        """Whether each ioctl is traced: for much data that takes too long.

        Else the device's own counters tell what it asked VFIO for.
        """
        return (self.options.short or self.options.l1 == "stock"
                or self.case.name == PICTURED)

    def count(self, inner):
        """Add an L2's counters to the row."""
        stats = inner.stats()
        if stats:
            self.equal(stats["inv-errors"], 0,
                       "L2's IOMMU met no error in its queue")
            self.equal(stats["faults-recorded"], 0,
                       "L2's IOMMU recorded no fault")
        if self.traced():
            counts = inner.ioctls()
            self.record = inner.trace()
        else:
            counts = {count: stats.get(f"shadow-{key}") for count, key in
                      (("maps", "maps"), ("unmaps", "unmaps"),
                       ("pages", "unmapped-pages"))}
        for key, value in {**stats, **counts}.items():
            if value is not None:
                self.row[key] = self.row.get(key, 0) + value
        if self.traced():
            self.row["counted"] = "ioctls"
        elif stats:
            self.row["counted"] = "told"

    def shadow(self):
        """L0's shadow of the group of the device that the case is about."""
        return Shadow(self.outer.qmp, self.case.shadow)

    def nothing_left(self):
        """State that this shadow is empty, now or soon."""
        self.true(layers.wait_for(lambda: not self.shadow().mappings, 20),
                  "nothing stays mapped in L0's shadow of the device",
                  f"{self.shadow()}")

    def boot(self, arguments=()):
        """Boot L1; arguments: more for L0's QEMU."""
        if self.outer:
            self.outer.stop()
        started = time.monotonic()
        build = self.options.build
        trace = self.directory / "l0-trace.log"
        trace.unlink(missing_ok=True)
        self.outer = layers.Outer(
            qemu_of(build, self.options.l0),
            ["-L", layers.firmware_of(build / "qemu-build"),
             "-device", "intel-iommu,caching-mode=on,id=iommu",
             "-drive", "if=none,id=disk,format=raw,cache=unsafe,"
             f"file={self.disk.path}",
             "-device", "nvme,addr=04.0,multifunction=on,serial=nested,"
             "drive=disk",
             "-device", "vtd-testdev,addr=04.1,id=disk-shadow,record=off",
             *layers.nic_with_shadow("nic", "06.0"),
             "-netdev", "user,id=nic,net=10.0.10.0/24",
             "-netdev", "user,id=virtio,net=10.0.30.0/24",
             "-device", "virtio-net-pci,addr=07.0,netdev=virtio,romfile=,"
             "packed=on,disable-legacy=on,iommu_platform=on",
             *(("-trace", "vtd_shadow_follow", "-D", trace)
               if self.options.l0 == "ours" else ()),
             *arguments],
            self.directory, suite=self.case.suite)
        self.suite = self.case.suite
        self.trace = Trace(self.outer.qmp, trace, 0x21)     # disk-shadow
        self.outer.booted()
        note(f"L1 booted in {time.monotonic() - started:.1f} s")

    # What the command calls

    def do(self, case):
        """Run a case; return its row."""
        self.case, self.row, self.moved, self.record = case, {}, 0, ""
        failed = self.tap.failed
        started = time.monotonic()
        try:
            with case.setting(self) as arguments:
                if arguments or not self.outer or self.suite != case.suite:
                    self.boot(arguments)
                before = self.outer.stats(), case.shadow and self.shadow()
                case.run(self)
                self._clean(before)
                if arguments:       # the next case starts anew
                    self.outer.stop()
                    self.outer = None
        except (layers.Failure, RuntimeError, OSError) as failure:
            self.true(False, "the guests did their work", failure)
            if self.outer:
                self.outer.stop()
            self.outer = None       # the next case starts anew
        self.row |= {"seconds": round(time.monotonic() - started, 1),
                     "mib": self.moved, "passed": failed == self.tap.failed}
        return self.row

    def _clean(self, before):
        """What must be true after each case; before: L0's counters."""
        if not self.case.faulty:
            self.equal(self.outer.faults(), [], "L1's log has no fault")
            self.equal((self.directory / "l0-qemu.log").read_text(), "",
                       "L0's QEMU has no error")
        stats, shadow = before
        if shadow:
            now = self.shadow()
            for name in ("maps", "unmaps", "errors"):
                self.row[f"l0-{name}"] = (getattr(now, name)
                                          - getattr(shadow, name))
            self.true(self.row["l0-maps"] > 0, "L0's shadow had to follow")
        if self.options.l0 == "stock":
            return                  # what it breaks is counted
        if shadow:
            self.equal(self.row["l0-errors"], 0,
                       "L0's shadow broke no rule of VFIO's")
        for key, value in self.outer.stats().items():
            self.row[f"l0-{key}"] = value - stats[key]
        self.equal(self.row["l0-inv-errors"], 0,
                   "L0's IOMMU met no error in its queue")
        if not self.case.faulty:
            self.equal(self.row["l0-faults-recorded"], 0,
                       "L0's IOMMU recorded no fault")

    def end(self):
        """Stop what runs."""
        if self.outer:
            self.outer.stop()
        if not self.options.keep:
            for large in ("nvme.img", "l1*.cpio", "l2.cpio", "qemu",
                          "qemu-img"):
                for file in self.directory.glob(large):
                    file.unlink()


def qemu_of(build, device):
    """The path of QEMU with our device, or with its own."""
    if device == "stock":
        build = build / "stock"
    return build / "qemu-system-x86_64"


def fits(case, options):
    """Whether a case can run with the devices that were chosen."""
    return all(getattr(options, layer) == "ours" for layer in case.ours)


def fingerprint(options):
    """What a kept result is of: programs, data, and the tests themselves."""
    digest = hashlib.sha256(str(options.mib or options.short).encode())
    for path in (qemu_of(options.build, options.l0),
                 qemu_of(options.build, options.l1),
                 *sorted(Path(__file__).parent.glob("*[a-z]"))):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}"
                      .encode())
    return digest.hexdigest()


def others(directory, names):
    """Return {(case, stack): row} that other stacks have left, to compare."""
    rows = {(name, other.name): json.loads(file.read_text())
            for name in names
            for other in sorted(directory.parent.glob("*-*"))
            if other != directory
            and (file := other / f"results/{name}.json").exists()}
    return {key: row for key, row in rows.items() if row["passed"]}


def summary(rows, directory):
    """Print the table; rows of other stacks stand below those of this."""
    table = {(name, directory.name): row for name, row in rows.items()}
    table |= others(directory, rows)
    order = list(rows)
    lines = [["case", "L0-L1", *(title for title, _ in COLUMNS)]] + [
        [name if stack == directory.name else "", stack]
        + [str(row.get(key, "-")) for _, key in COLUMNS]
        for (name, stack), row in
        sorted(table.items(), key=lambda item: order.index(item[0][0]))]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        note("  ".join(field.ljust(width) if i < 2 else field.rjust(width)
                       for i, (field, width) in enumerate(zip(line, widths))))
    note("MAPs, UNMAPs and their pages: ioctls, as L1's QEMU traces them;")
    note("else what L2's IOMMU told VFIO. Those of L0: told to its shadow.")


def draw(directory):
    """Draw the address space of the strict disk, for all stacks there."""
    traces = {}
    for stack in sorted(directory.parent.glob("*-*")):
        file = stack / "results" / f"{PICTURED}.trace"
        if file.exists() and file.stat().st_size:
            text = file.read_text()
            traces[f"{PICTURED}, L0-L1: {stack.name}, the last "
                   f"{len(text.splitlines())} ioctls"] = text
    output = directory.parent / "address-space.svg"
    if traces and have("gnuplot", "gnuplot-nox", "the picture", note):
        picture.draw(traces, directory, output)
        note(f"picture: {output}")


def run_cases(options, tap, directory):
    """Run what is asked for; return {name: row}."""
    kept = directory / "results"
    kept.mkdir(exist_ok=True)
    print_of = fingerprint(options)
    names = options.case or [name for name, case in CASES.items()
                             if (case.short or not options.short) and
                             fits(case, options)]
    rows = {}
    for name in names:
        file = kept / f"{name}.json"
        if file.exists() and not options.again:
            row = json.loads(file.read_text())
            if row["fingerprint"] == print_of and row["passed"]:
                rows[name] = row
                tap.kept(name, row["checks"])
    todo = [name for name in names if name not in rows]
    if not todo:
        return rows
    build = options.build
    layers.prepare(directory, build / "guest",
                   build / "qemu-build",
                   {"qemu": qemu_of(build, options.l1)},
                   [pair for name in todo
                    for pair in CASES[name].programs(build / "guest")],
                   {CASES[name].suite for name in todo})
    run = Run(options, tap, directory)
    try:
        for number, name in enumerate(todo, 1):
            note(f"{name} ({number} of {len(todo)}): "
                 f"{CASES[name].run.__doc__.splitlines()[0]}")
            before = tap.passed
            row = run.do(CASES[name]) | {"checks": tap.passed - before,
                                         "fingerprint": print_of}
            rows[name] = row
            (kept / f"{name}.json").write_text(json.dumps(row, indent=1))
            (kept / f"{name}.trace").write_text(run.record)
    finally:
        run.end()
    return {name: rows[name] for name in names}


def main():
    options = arguments()
    used = {options.l0, options.l1}
    tools.build(options, *(qemu_of(options.build, device) for device in used),
                stock="stock" in used)
    for name in options.case or ():
        if not fits(CASES[name], options):
            sys.exit(f"scripts/nested: {name} needs a device of ours in "
                     f"{' and '.join(CASES[name].ours).upper()}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = (options.build / "guest/nested"
                 / ("short" if options.short else "long")
                 / f"{options.l0}-{options.l1}")
    directory.mkdir(parents=True, exist_ok=True)
    tap = Tap()
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = run_cases(options, tap, directory)
    tap.plan()
    note("")
    summary(rows, directory)
    draw(directory)
    return tap.verdict()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:      # apt or dpkg-deb
        sys.exit(f"scripts/nested: {error}\n{error.stdout or ''}")
