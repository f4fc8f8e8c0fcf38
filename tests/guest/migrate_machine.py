# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that moves from one QEMU to another while it works.

What the guest writes to its second serial port comes here in the order of
the guest's own time: where a snapshot takes it back, what it wrote since is
forgotten, and a line that was cut by a move is joined. One thread does it
all, and reads the port between the commands to the monitor.
"""

import contextlib
import random
import select
import socket
import subprocess
import time

import initramfs
from cases import DISKS, KERNEL_PARAMETERS
from machine import Qmp

KIB = 1 << 10
MIB = 1 << 20
HALF = 4 * MIB              # of a disk; the size is in the guest's init, too
CPUS = 2

# QEMU's nvme cannot migrate.
MOVING_DISKS = tuple(disk for disk in DISKS if disk.name != "nvme")
DRIVERS = ("ahci", "sd_mod", "virtio_pci", "virtio_blk")


class Broken(Exception):
    """The guest cannot go on, or does not."""


class Unavailable(Exception):
    """The host cannot do this."""


class Process:
    """One QEMU: its monitor and the guest's serial port."""

    def __init__(self, command, errors):
        port, port_theirs = socket.socketpair()
        qmp, qmp_theirs = socket.socketpair()
        command = [*command,
                   "-chardev", f"socket,id=port,fd={port_theirs.fileno()}",
                   "-serial", "chardev:port",
                   "-chardev", f"socket,id=qmp,fd={qmp_theirs.fileno()}",
                   "-mon", "chardev=qmp,mode=control"]
        with port_theirs, qmp_theirs:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=errors,
                stderr=errors,
                pass_fds=[port_theirs.fileno(), qmp_theirs.fileno()])
        self.port = port
        self.port.setblocking(False)
        self.qmp = Qmp(qmp)

    def hmp(self, line):
        """A command of the human monitor that must have nothing to say."""
        answer = self.qmp.command("human-monitor-command",
                                  **{"command-line": line})
        if answer:
            raise Broken(f"{line}: {answer.strip()}")

    def postcopy(self, state):
        """Let migration bring memory after the guest, or not."""
        self.qmp.command("migrate-set-capabilities", capabilities=[
            {"capability": "postcopy-ram", "state": state}])

    def wait(self):
        """Wait for its end; return its exit status."""
        return self._process.wait()

    def kill(self):
        """End it at once, if it still runs."""
        self._process.kill()
        self._process.wait()

    def quit(self):
        """End it in order."""
        with contextlib.suppress(RuntimeError, OSError):
            self.qmp.command("quit")
        if self.wait() != 0:
            raise Broken(f"QEMU ended with status {self.wait()}")


class Guest:
    """A guest of one case, and the QEMU that it is in."""

    def __init__(self, case, directory, options):
        self.case = case
        self.directory = directory
        self.options = options
        self.console = directory / "console.log"
        self.errors = open(directory / "qemu.log", "w")
        pattern = random.Random(case.name)
        self.data = {disk: pattern.randbytes(HALF) for disk in MOVING_DISKS}
        self.facts = []             # lines, and the one that is not complete
        self.partial = b""
        self.process = None

    @staticmethod
    def source(disk):
        """The disk that a disk is filled from in odd rounds."""
        index = MOVING_DISKS.index(disk)
        return MOVING_DISKS[(index + 1) % len(MOVING_DISKS)]

    def image(self, disk):
        """The path of a disk's image."""
        return self.directory / f"{disk.name}.qcow2"

    def _make_images(self):
        for disk in MOVING_DISKS:
            raw = self.directory / f"{disk.name}.img"
            raw.write_bytes(self.data[disk] + bytes(HALF))
            self._convert("raw", raw, "qcow2", self.image(disk))
            raw.unlink()

    def _convert(self, from_format, from_file, to_format, to_file):
        subprocess.run([self.options.qemu_img, "convert", "-f", from_format,
                        "-O", to_format, from_file, to_file], check=True)

    def contents(self, disk):
        """What an image holds, after the guest's end."""
        raw = self.directory / f"{disk.name}.img"
        self._convert("qcow2", self.image(disk), "raw", raw)
        return raw.read_bytes()

    def _start(self, binary, *arguments):
        """Start a QEMU with the one machine that all of them have."""
        command = [
            *binary, "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-machine", self.options.machine,
            "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", str(CPUS), "-m", "512M",
            "-kernel", self.kernel, "-initrd", self.initrd, "-append",
            f"{KERNEL_PARAMETERS} {self.case.kernel}",
            "-chardev", f"file,id=console,append=on,path={self.console}",
            "-serial", "chardev:console",
            "-device", ",".join(
                filter(None, ("intel-iommu,id=iommu", self.case.iommu))),
            "-object", "iothread,id=io"]
        for disk in MOVING_DISKS:
            command += ["-drive", f"if=none,id={disk.name},format=qcow2,"
                        f"file={self.image(disk)}",
                        "-device", f"{disk.device},drive={disk.name}"]
        return Process([*map(str, command), *arguments], self.errors)

    def boot(self, binary):
        """Boot in a QEMU."""
        self._make_images()
        self.initrd = self.directory / "initramfs.cpio"
        disks = "".join(f"{disk.name} {disk.block} {self.source(disk).block}\n"
                        for disk in MOVING_DISKS)
        self.kernel = initramfs.build(
            self.options.build, DRIVERS, {"disks": disks}, self.initrd,
            init=initramfs.INIT.with_name("migrate-init"),
            suite=self.case.linux)
        self.console.write_bytes(b"")
        self.process = self._start(binary)

    # The serial port

    def read_port(self, wait=0.0):
        """Take what has come; False at the end of the connection."""
        port = self.process.port
        while select.select([port], [], [], wait)[0]:
            data = port.recv(64 * KIB)
            if not data:
                return False
            *lines, self.partial = (self.partial + data).split(b"\n")
            self.facts += [line.decode(errors="replace").strip()
                           for line in lines]
            wait = 0.0
        return True

    def rounds(self, disk):
        """The rounds that a disk has reported: (number, sum, sum)."""
        found = []
        for line in self.facts:
            key, *values = line.split()[:4] or [""]
            if key == f"{disk.name}.round" and len(values) == 3:
                found.append((int(values[0]), *values[1:]))
        return found

    def await_rounds(self, count):
        """Wait until every disk has done so many rounds more."""
        goal = {disk: len(self.rounds(disk)) + count for disk in MOVING_DISKS}
        while any(len(self.rounds(disk)) < goal[disk] for disk in goal):
            if not self.read_port(0.5):
                raise Broken("QEMU has ended")

    def finish(self):
        """Let the guest come to its end; return QEMU's exit status."""
        self.process.port.sendall(b"stop\n")
        while "end" not in self.facts:
            if not self.read_port(0.5):
                raise Broken("QEMU has ended")

    def power_off(self):
        """Let the guest power off; return QEMU's exit status."""
        self.process.port.sendall(b"off\n")
        while self.read_port(0.5):
            pass
        return self.process.wait()

    # The moves

    def _stop(self):
        """Stop the guest; what it wrote until then has been taken after."""
        self.process.qmp.command("stop")
        self.read_port()

    def go_back(self):
        """Save a snapshot, let the guest go on, and load it."""
        self._stop()
        then = list(self.facts), self.partial
        self.process.hmp("savevm before")
        self.process.qmp.command("cont")
        self.await_rounds(1)
        self._stop()
        self.process.hmp("loadvm before")
        self.facts, self.partial = then
        self.process.qmp.command("cont")
        self.process.hmp("delvm before")

    def _await_migration(self, process):
        while True:
            self.read_port()
            info = process.qmp.command("query-migrate")
            if info.get("status") in ("completed", "failed", "cancelled"):
                break
            time.sleep(0.02)
        if info["status"] != "completed":
            raise Broken(f"migration {info['status']}: "
                         f"{info.get('error-desc', 'no reason given')}")
        return info

    def _await_active(self):
        while self.process.qmp.command("query-migrate")["status"] != "active":
            time.sleep(0.02)

    def _send(self, uri):
        """Send the guest away: it has stopped then."""
        self.process.qmp.command(
            "migrate-set-parameters", **{"max-bandwidth": 10 << 30,
                                         "downtime-limit": 10000})
        self.process.qmp.command("migrate", uri=uri)
        self._await_migration(self.process)
        self.read_port()

    def _arrive(self, process):
        self.process.quit()
        self.process = process
        while not process.qmp.command("query-status")["running"]:
            self.read_port()
            time.sleep(0.02)

    def move_by_file(self, binary):
        """Save the guest to a file, and load that into another QEMU."""
        state = self.directory / "state"
        self._send(f"file:{state}")
        process = self._start(binary, "-incoming", f"file:{state}")
        try:
            self._arrive(process)
        except BaseException:
            process.kill()
            raise
        state.unlink()

    def move_by_socket(self, binary):
        """Move the guest to another QEMU that listens on a socket."""
        path = self.directory / "socket"
        process = self._start(binary, "-incoming", f"unix:{path}")
        try:
            self._send(f"unix:{path}")
            self._arrive(process)
        except BaseException:
            process.kill()
            raise

    def move_by_postcopy(self, binary):
        """Let the guest go on elsewhere first, and send its memory then."""
        path = self.directory / "socket"
        process = self._start(binary, "-incoming", "defer")
        try:
            try:
                process.postcopy(True)
            except RuntimeError as error:       # no userfaultfd
                raise Unavailable(str(error)) from error
            self.process.postcopy(True)
            process.qmp.command("migrate-incoming", uri=f"unix:{path}")
            # Slow, so that it does not end before its memory is waited for
            self.process.qmp.command("migrate-set-parameters",
                                     **{"max-bandwidth": MIB})
            self.process.qmp.command("migrate", uri=f"unix:{path}")
            self._await_active()
            self.process.qmp.command("migrate-start-postcopy")
            info = self._await_migration(self.process)
            if not info["ram"]["postcopy-requests"]:
                raise Broken("its memory was there before it")
            self.read_port()
            self._await_migration(process)
            self._arrive(process)
            process.postcopy(False)
        except BaseException:
            process.kill()
            raise

    def stats(self):
        """The counters of the unit since this QEMU was started, if any."""
        try:
            return self.process.qmp.command(
                "qom-get", path="/machine/peripheral/iommu", property="stats")
        except RuntimeError:
            return None

    def end(self):
        """Leave nothing behind that runs."""
        if self.process:
            self.process.kill()
        self.errors.close()
