# SPDX-License-Identifier: GPL-2.0-or-later
"""Move a guest from QEMU to QEMU while it does checked DMA.

Debian's kernel under TCG copies and sums up data on virtio-blk and ahci
behind our intel-iommu. Meanwhile it is taken back by a snapshot, goes through
a file and through sockets, also with its memory coming after it; with --stock
it goes to a QEMU with its own device and back. After each move the guest's
sums must be right, and nothing else may be seen of the move. Prints TAP; the
exit status is 0 if every check passed.
"""

import argparse
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import tools                                        # noqa: E402
from cases import CASES                             # noqa: E402
from checks import BAD_LOG, Tap, note               # noqa: E402
from migrate_machine import (Broken, Guest, HALF, MOVING_DISKS,  # noqa: E402
                             Unavailable)

TOP = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/migrate", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    tools.add_build_options(parser)
    parser.add_argument("--qemu-img", default=TOP / "build/qemu-img",
                        metavar="BIN", help="default: build/...")
    parser.add_argument("--stock", metavar="COMMAND", type=shlex.split,
                        help="a QEMU with its own device, with the arguments "
                        "that it needs; default: none")
    parser.add_argument("--other", metavar="COMMAND", type=shlex.split,
                        action="append", default=[], help="another QEMU, of "
                        "any version, with any device; may be repeated: it "
                        "goes from one to the next and all the way back, and "
                        "makes no other moves")
    parser.add_argument("--machine", default="q35", metavar="TYPE",
                        help="one that all have, if they are of several "
                        "versions; default: q35")
    parser.add_argument("--build", type=Path, default=TOP / "build/guest",
                        metavar="DIR", help="where packages, logs and "
                        "images go; default: build/guest")
    parser.add_argument("--case", action="append", choices=CASES,
                        help="which guest; may be repeated; default: default")
    parser.add_argument("--all", action="store_true", help="every guest")
    parser.add_argument("--short", action="store_true", help="the moves of "
                        "the test command: none to or from QEMU's own device "
                        "through a file")
    parser.add_argument("--times", type=int, default=1, metavar="N",
                        help="how often it makes all the moves; default: 1")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS",
                        help="a guest that takes longer hangs; default: 300")
    return parser.parse_args()


def give_up(*_):
    raise Broken("it takes too long")


def name_of(command):
    """What a QEMU says that it is, and where it is from."""
    said = subprocess.run([*command, "--version"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()[0]
    path = Path(command[0]).resolve()
    return (f"{said.removeprefix('QEMU emulator version ')}, "
            f"{os.path.relpath(path, TOP)}")


def round_trip(guest, ours, others):
    """Yield the moves to each of the others, and back through all of them."""
    way = [*others, *reversed(others[:-1]), ours]
    for command in way:
        yield (f"to {name_of(command)}",
               lambda command=command: guest.move_by_socket(command))


def moves(guest, options):
    """Yield each move: its name, and what to call."""
    ours = [str(options.qemu)]
    for _ in range(options.times):
        if options.other:
            yield from round_trip(guest, ours, options.other)
            continue
        yield "savevm and loadvm", guest.go_back
        yield "through a file", lambda: guest.move_by_file(ours)
        yield "through a socket", lambda: guest.move_by_socket(ours)
        yield "before its memory", lambda: guest.move_by_postcopy(ours)
        stock = options.stock and "x-scalable-full" not in guest.case.iommu
        if stock:
            yield ("to QEMU's own device",
                   lambda: guest.move_by_socket(options.stock))
            yield ("from QEMU's own device",
                   lambda: guest.move_by_socket(ours))
        if stock and not options.short:
            yield ("to QEMU's own device, through a file",
                   lambda: guest.move_by_file(options.stock))
            yield ("from QEMU's own device, through a file",
                   lambda: guest.move_by_file(ours))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def wrong_rounds(guest, disk):
    """The rounds of a disk that are not as they must be, as text."""
    own = sha256(guest.data[disk])
    other = sha256(guest.data[guest.source(disk)])
    wrong = [f"{disk.name}: round {number}: {first} {second}"
             for number, first, second in guest.rounds(disk)
             if (first, second) != (own, other if number % 2 else own)]
    numbers = [number for number, _, _ in guest.rounds(disk)]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"{disk.name}: rounds {numbers}")
    return wrong


def check_stats(tap, guest, name):
    """What our unit has counted since it was started."""
    stats = guest.stats()
    if stats is None:
        return
    wanted = ["translations"] * (guest.case.group != "identity")
    wanted += ["interrupts-remapped"] * guest.case.remapping
    bad = {key: stats[key] for key in wanted if not stats[key]}
    bad |= {key: stats[key] for key in ("faults-recorded", "faults-lost")
            if stats[key]}
    tap.check(not bad, f"{name}: it translates, and counts no fault", bad)


def make_moves(tap, guest, options):
    """Boot, and make all the moves; the guest has reached its end then."""
    case = guest.case.name
    guest.boot([options.qemu])
    guest.await_rounds(1)
    for move, make in moves(guest, options):
        name = f"{case}: {move}"
        try:
            make()
        except Unavailable as reason:
            tap.skip(name, reason)
            continue
        # One was under way; the other has begun here.
        guest.await_rounds(2)
        wrong = [text for disk in MOVING_DISKS
                 for text in wrong_rounds(guest, disk)]
        tap.check(not wrong, f"{name}: the data is right", "\n".join(wrong))
        check_stats(tap, guest, name)
    guest.finish()
    tap.check(True, f"{case}: the guest goes on to its end")


def check_end(tap, guest):
    """Disks, as seen from outside, and the guest's log."""
    case = guest.case.name
    for disk in MOVING_DISKS:
        number = len(guest.rounds(disk))
        last = guest.data[guest.source(disk) if number % 2 else disk]
        tap.check(guest.contents(disk) == guest.data[disk] + last,
                  f"{case}: {disk.name}: {HALF >> 20} MiB written in each of "
                  "the rounds match")
    if guest.case.remapping:
        used = [line for line in guest.facts
                if line.startswith("interrupts ") and "PCI-MSI" in line]
        tap.check(used and all("IR-PCI-MSI" in line for line in used),
                  f"{case}: interrupts are remapped", "\n".join(used))
    log = guest.console.read_text(errors="replace")
    bad = [line for line in log.splitlines() if BAD_LOG.search(line)]
    tap.check(log and not bad, f"{case}: log has no fault or warning",
              "\n".join(bad[:20]) or "the log is empty")


def test(case, options, tap):
    directory = options.build / "run" / f"migrate-{case.name}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    print(f"# {case.name}: booting; log: {directory}/console.log", flush=True)
    failed = tap.failed
    guest = Guest(case, directory, options)
    signal.setitimer(signal.ITIMER_REAL, options.limit)
    try:
        make_moves(tap, guest, options)
        status = guest.power_off()
        tap.check(status == 0, f"{case.name}: the guest powers off",
                  f"QEMU's exit status: {status}")
        check_end(tap, guest)
    except (Broken, RuntimeError, OSError) as error:
        tap.check(False, f"{case.name}: the guest goes on to its end", error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        guest.end()
        for large in (*directory.glob("*.qcow2"), *directory.glob("*.img"),
                      directory / "state", directory / "initramfs.cpio"):
            large.unlink(missing_ok=True)
    note(f"{case.name}: rounds: " + ", ".join(
        f"{disk.name} {len(guest.rounds(disk))}" for disk in MOVING_DISKS))
    if tap.failed > failed:
        for file in (guest.console, directory / "qemu.log"):
            note(f"--- end of {file}")
            note(file.read_text(errors="replace")[-2000:])


def main():
    options = arguments()
    tools.build(options, options.qemu, options.qemu_img)
    # An ended script must not leave its QEMU behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, give_up)
    options.build.mkdir(parents=True, exist_ok=True)
    tap = Tap()
    with open(options.build / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in CASES if options.all else options.case or ["default"]:
            test(CASES[name], options, tap)
    tap.plan()
    return tap.verdict()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:      # apt, qemu-img
        sys.exit(f"scripts/migrate: {error}\n{error.stdout or ''}")
