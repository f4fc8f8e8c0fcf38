# SPDX-License-Identifier: GPL-2.0-or-later
"""What a nested run has at L0, beside L1: data, and ways to look at L1."""

import contextlib
import hashlib
import os
import random
import re

from machine import MIB, Server


class Disk:
    """The image of the nvme: a pattern, and as much room behind it."""

    def __init__(self, path, mib):
        self.path = path
        self.half = mib             # where guests write, in MiB
        self.size = mib
        self.renew(0)
        os.truncate(path, 2 * mib * MIB)

    def renew(self, seed):
        """Another pattern; a guest must not have cached the old one."""
        pattern = random.Random(seed)
        mode = "r+b" if self.path.exists() else "wb"
        with open(self.path, mode) as file:
            for _ in range(self.size):
                file.write(pattern.randbytes(MIB))

    def digest(self, first, mib):
        """The checksum of so many MiB from a MiB on."""
        digest = hashlib.sha256()
        with open(self.path, "rb") as file:
            file.seek(first * MIB)
            for _ in range(mib):
                digest.update(file.read(MIB))
        return digest.hexdigest()


class EndlessServer(Server):
    """A server of random data, and a taker of what is sent to it."""

    def __init__(self):
        self._taken = set()
        super().__init__(b"")

    def renew(self, seed, mib):
        """Other data; return the checksum."""
        self.data = random.Random(seed).randbytes(mib * MIB)
        return hashlib.sha256(self.data).hexdigest()

    def taken(self, digest):
        """Whether data of this checksum came."""
        return digest in self._taken

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, contextlib.suppress(OSError):
                received = b"".join(iter(lambda: connection.recv(MIB), b""))
                if received:
                    self._taken.add(hashlib.sha256(received).hexdigest())
                else:
                    connection.sendall(self.data)


class Trace:
    """What L0's device says that it does to its shadows.

    source: the source id of a device, whose table is looked at.
    """

    EVENTS = ("vtd_shadow_map", "vtd_shadow_unmap")

    def __init__(self, qmp, path, source):
        self._qmp = qmp
        self._path = path
        self._source = source
        self._start = 0
        self.kept = ""          # what was traced between start() and stop()

    def table(self):
        """The table that the device was last seen to use."""
        tables = re.findall(rf"vtd_shadow_follow source {self._source:#x} "
                            r".* to table (\S+)", self._path.read_text())
        return tables[-1] if tables else None

    def _enable(self, enable):
        for event in self.EVENTS:
            self._qmp.command("trace-event-set-state", name=event,
                              enable=enable)

    def start(self, title):
        """Trace each notification from now on."""
        self.kept += f"# {title}\n"
        self._start = self._path.stat().st_size
        self._enable(True)

    def stop(self):
        """Stop that; return how many MAPs and UNMAPs there were."""
        self._enable(False)
        text = self._path.read_text()[self._start:]
        self.kept += text
        return tuple(text.count(f"{event} ") for event in self.EVENTS)


def devices(bus):
    """The devices of a bus in QMP's form, and those behind its bridges."""
    for device in bus["devices"]:
        yield device
        if "devices" in device.get("pci_bridge", ()):
            yield from devices(device["pci_bridge"])


class Shadow:
    """What a test device of L0's has seen, in the group that it is in."""

    # vtd-testdev.h: TESTDEV_COUNTER()
    COUNTERS = {"maps": 0, "unmaps": 1, "mappings": 7, "errors": 21}

    def __init__(self, qmp, name):
        self._qmp = qmp
        self._bar = next(
            region["address"] for bus in qmp.command("query-pci")
            for device in devices(bus) if device["qdev_id"] == name
            for region in device["regions"])
        for name, number in self.COUNTERS.items():
            setattr(self, name, self._read(0x100 + 8 * number))

    def _read(self, register):
        text = self._qmp.command(
            "human-monitor-command",
            **{"command-line": f"xp /2wx {self._bar + register:#x}"})
        low, high = re.findall(r"0x([0-9a-f]{8})\b", text.split(":", 1)[1])
        return int(high + low, 16)

    def __str__(self):
        return f"{self.mappings} mappings, {self.errors} errors"
