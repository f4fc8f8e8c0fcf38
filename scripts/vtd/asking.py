# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a running QEMU what its Intel IOMMU does, by QMP."""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
QMP = TOP / "build/qemu/python"


def add_socket(parser):
    parser.add_argument("socket", metavar="SOCKET", help="where QEMU listens: "
                        "a path (-qmp unix:PATH,server=on,wait=off) or "
                        "HOST:PORT")
    parser.add_argument("--qmp", type=Path, default=QMP, metavar="DIR",
                        help="python/ of QEMU's tree; default: that of "
                        "build/qemu, or what is installed")


class Monitor:
    """A connection; what goes wrong ends the program with a message."""

    def __init__(self, options):
        if options.qmp.is_dir():
            sys.path.insert(0, str(options.qmp))
        try:
            from qemu.qmp import QMPError, legacy
        except ImportError as error:
            sys.exit(f"no QMP client ({error}); scripts/build unpacks QEMU's "
                     "into build/qemu, or name a tree's python/ with --qmp")
        self.errors = (QMPError, OSError)
        try:
            self.qmp = legacy.QEMUMonitorProtocol(
                legacy.QEMUMonitorProtocol.parse_address(options.socket))
            self.qmp.connect()
        except (*self.errors, legacy.QMPBadPortError) as error:
            sys.exit(f"cannot connect to {options.socket}: {error}")

    def query(self, **arguments):
        """What x-query-vtd returns."""
        try:
            info = self.qmp.cmd("x-query-vtd", **arguments)
            self.qmp.clear_events()
        except self.errors as error:
            sys.exit(f"x-query-vtd: {error}")
        if "unit" not in info:
            sys.exit("the machine has no Intel IOMMU")
        return info

    def whole(self, device):
        """A device's space with all of its ranges, however many."""
        return whole_of(self.query, device)

    def close(self):
        self.qmp.close()


def whole_of(query, device):
    """As Monitor.whole(); an answer has only some of the ranges."""
    space, ranges, refused, first = None, [], {}, 0
    while first is not None:
        found = query(device=device, first=first)["spaces"]
        if not found:
            sys.exit(f"no address space of {device}")
        space = found[0]
        ranges += space.get("ranges", [])
        for each in space.get("refused", []):
            refused[each["iova"]] = each
        after = space.get("next")
        # The guest goes on meanwhile; an answer that leads back is the last.
        first = after if after is not None and after > first else None
    return {**space, "ranges": ranges, "refused": list(refused.values())}
