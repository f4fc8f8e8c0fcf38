# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of QEMU, and the data that its guest moves.

The guest reports on its second serial port, which is QEMU's standard input
and output. The kernel's console goes to a file. When the guest says "end",
the device's counters are read by QMP and the guest is told to power off.
"""

import contextlib
import json
import random
import socket
import subprocess
import threading
import time

import initramfs
from cases import (CPUS, DISKS, DRIVERS, FAULTY, HARM, HARMING_DEVICE,
                   KERNEL_PARAMETERS, NICS, OTHER_DEVICES, WATCHED_DEVICES)
from watch import Watch

MIB = 1 << 20
DISK_HALF = 16 * MIB        # the sizes are in the guest's init, too
NET_SIZE = 4 * MIB


class Server:
    """Takes one connection: receives until its end, then sends."""

    def __init__(self, data):
        self.data = data
        self.received = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                while chunk := connection.recv(MIB):
                    self.received += chunk
                connection.sendall(self.data)
        except OSError:
            pass            # what is missing is seen when data is compared


class Qmp:
    """The client's end of a QMP connection."""

    def __init__(self, connection):
        self.file = connection.makefile("rw")
        self.file.readline()                            # greeting
        self.command("qmp_capabilities")

    def command(self, name, /, **arguments):
        """Return the command's result; RuntimeError if QEMU has an error."""
        print(json.dumps({"execute": name, "arguments": arguments}),
              file=self.file, flush=True)
        for line in self.file:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
        raise RuntimeError("QEMU closed its QMP connection")


class Machine:
    """A guest of one case. After run(), the attributes say what happened."""

    def __init__(self, case, directory):
        self.case = case
        self.directory = directory
        self.console = directory / "console.log"
        self.errors = directory / "qemu.log"
        self.facts = {}             # key: list of the values reported
        self.stats = None           # the device's counters, if it has any
        self.stats_error = "the guest did not reach its end"
        self.boot_seconds = self.seconds = 0.0
        self.watch = Watch(directory) if case.watched else None
        self.exit_status = None
        self.timed_out = False
        pattern = random.Random(case.name)
        self.disk_data = {disk: pattern.randbytes(DISK_HALF)
                          for disk in DISKS}
        self.servers = {nic: Server(pattern.randbytes(NET_SIZE))
                        for nic in NICS}

    # Interrupts can be remapped if KVM has no I/O APIC of its own.
    ACCELS = {
        "tcg": ("-machine", "q35", "-accel", "tcg,thread=multi"),
        "kvm": ("-machine", "q35,kernel-irqchip=split", "-accel", "kvm"),
    }
    accel = "tcg"

    @staticmethod
    def source(index):
        """The disk that the guest copies to disk index, or sends by NIC."""
        return DISKS[(index + 1) % len(DISKS)]

    def image(self, disk):
        """The path of a disk's image."""
        return self.directory / f"{disk.name}.img"

    def fact(self, key):
        """The value that the guest reported for key, or ""."""
        return self.facts.get(key, [""])[0]

    def _guest_files(self):
        disks = "".join(
            f"{disk.name} {disk.address} {disk.block} "
            f"{self.source(i).block} {disk.read}\n"
            for i, disk in enumerate(DISKS))
        nics = "".join(
            f"{nic.name} {nic.address} 10.0.{10 + i} "
            f"{self.servers[nic].port} {self.source(i).block}\n"
            for i, nic in enumerate(NICS))
        harm = f"{HARM}\n" if self.case.harmed else ""
        return {"disks": disks, "nics": nics, "cpus": f"{CPUS}\n",
                "faulty": f"{FAULTY} {self.case.iova:#x}\n", "harm": harm}

    def _arguments(self, kernel, initrd, parameters, qmp_fd):
        arguments = [
            "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", *self.ACCELS[self.accel],
            "-cpu", "max", "-smp", self.case.smp, "-m", "1G",
            "-kernel", str(kernel), "-initrd", str(initrd), "-append",
            f"{KERNEL_PARAMETERS} {self.case.kernel} {parameters}",
            "-serial", f"file:{self.console}",
            "-chardev", "stdio,id=facts,signal=off",
            "-serial", "chardev:facts",
            "-chardev", f"socket,id=qmp,fd={qmp_fd}",
            "-mon", "chardev=qmp,mode=control",
            "-device", ",".join(
                filter(None, ("intel-iommu,id=iommu", self.case.iommu))),
            *OTHER_DEVICES]
        if self.case.harmed:
            arguments += HARMING_DEVICE
        if self.watch:
            arguments += [*WATCHED_DEVICES, *self.watch.arguments]
        for disk in DISKS:
            arguments += ["-drive", f"if=none,id={disk.name},format=raw,"
                          f"file={self.image(disk)}",
                          "-device", f"{disk.device},drive={disk.name}"]
        for i, nic in enumerate(NICS):
            arguments += ["-netdev",
                          f"user,id={nic.name},net=10.0.{10 + i}.0/24",
                          "-device",
                          f"{nic.device},netdev={nic.name},romfile="]
        return arguments

    def _listen(self, process, qmp):
        for line in process.stdout:
            key, _, value = line.strip().partition(" ")
            self.facts.setdefault(key, []).append(value)
            self.seconds = time.monotonic() - self.started
            if key == "kernel":
                self.boot_seconds = self.seconds
            if key == "kernel" and self.watch:
                self.watch.start()
            if key == "kernel" and self.case.hot_cpu:
                qmp.command("device_add", **{
                    "driver": "max-x86_64-cpu", "id": "hot-cpu",
                    "socket-id": self.case.hot_cpu, "module-id": 0,
                    "die-id": 0, "core-id": 0, "thread-id": 0})
            if key == "end":
                try:
                    self.stats = qmp.command(
                        "qom-get", path="/machine/peripheral/iommu",
                        property="stats")
                except RuntimeError as error:
                    self.stats_error = str(error)
                if self.watch:
                    self.watch.end()
                process.stdin.write("off\n")
                process.stdin.flush()

    def _give_up(self, process):
        self.timed_out = True
        process.kill()

    def run(self, qemu, cache, parameters, extra, limit):
        """Boot the guest; return when QEMU is gone, after limit seconds."""
        for disk, data in self.disk_data.items():
            self.image(disk).write_bytes(data + bytes(DISK_HALF))
        initrd = self.directory / "initramfs.cpio"
        kernel = initramfs.build(cache, DRIVERS, self._guest_files(), initrd,
                                 suite=self.case.linux)
        ours, theirs = socket.socketpair()
        self.console.write_bytes(b"")
        self.started = time.monotonic()
        with theirs, open(self.errors, "w") as errors:
            process = subprocess.Popen(
                [qemu, *self._arguments(kernel, initrd, parameters,
                                        theirs.fileno()), *extra],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                text=True, errors="replace", pass_fds=[theirs.fileno()])
        timer = threading.Timer(limit, self._give_up, [process])
        timer.start()
        try:
            # When QEMU breaks off, its exit status tells.
            with contextlib.suppress(RuntimeError, OSError):
                self._listen(process, Qmp(ours))
            self.exit_status = process.wait()
        finally:
            timer.cancel()
            if self.watch:
                self.watch.stop()
            process.kill()
            process.wait()
