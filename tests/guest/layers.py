# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest in a guest: what runs at each layer, and how it is told to.

L0 is QEMU on this machine, under TCG. Its guest, L1, has our QEMU and an
initramfs for L2 in its own initramfs. Both guests run the same agent, which
does lines of shell; tests/guest/functions.sh has what they are made of.
"""

import json
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import initramfs
from cases import ONE_CPU
from checks import BAD_LOG
from machine import Qmp

HERE = Path(__file__).parent
INNER_BOOT = 400                # seconds for L2 to answer

OUTER_DRIVERS = ("kvm_amd", "vfio_pci", "vfio_iommu_type1", "vhost_net",
                 "tun", "nvme", "e1000e", "igb", "virtio_pci", "virtio_net")
VDPA_DRIVERS = ("vp_vdpa", "vhost_vdpa")         # of a kernel that has them
INNER_DRIVERS = ("vfio_pci", "vfio_iommu_type1", "nvme", "e1000e", "igb",
                 "virtio_pci", "virtio_net")

KERNEL_PARAMETERS = (
    "console=ttyS0 panic=-1 no_timer_check nosoftlockup "
    "rcupdate.rcu_cpu_stall_suppress=1 mitigations=off "
    "vfio_iommu_type1.dma_entry_limit=1048576")
# QEMU 10.0's TCG can lose an interrupt on the way into or out of a guest's
# guest (see "Testing" in docs/devel/intel-iommu.rst). The next tick of a timer
# that goes on by itself makes up for it; one that is set for each tick stops.
STEADY_TICK = "nohz=off highres=off"
FIRMWARE = ("bios-256k.bin", "linuxboot_dma.bin", "kvmvapic.bin")


# Linux 6.1 warns once, whatever the hardware, when VFIO unmaps a range of a
# first stage that is not aligned to its size, and then aligns it.
KNOWN_WARNING = re.compile(
    r"^.*WARNING: .* qi_flush_piotlb\+.*\n(.*\n){1,30}?.*Call Trace:\n",
    re.MULTILINE)


class Failure(Exception):
    """A guest did not do what it was told to."""


class Outer:
    """L0's QEMU and its guest, L1."""

    def __init__(self, qemu, arguments, directory, parameters="", suite=""):
        self.directory = directory
        self.console = directory / "l1.log"
        ours, theirs = socket.socketpair()
        command = [
            qemu, "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-smp", "2", "-m", "3G",
            "-kernel", directory / f"vmlinuz{suite}", "-initrd",
            directory / f"l1{suite}.cpio", "-append",
            f"{KERNEL_PARAMETERS} {ONE_CPU} {STEADY_TICK} intel_iommu=on "
            f"iommu.strict=1 {parameters}",
            "-serial", f"file:{self.console}",
            "-chardev", "stdio,id=agent,signal=off",
            "-serial", "chardev:agent",
            "-chardev", f"socket,id=qmp,fd={theirs.fileno()}",
            "-mon", "chardev=qmp,mode=control", *arguments]
        with theirs, open(directory / "l0-qemu.log", "w") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, text=True,
                errors="replace", pass_fds=[theirs.fileno()])
        self.qmp = Qmp(ours)
        self.log = open(directory / "talk.log", "w")
        self._judged = 0            # so much of the console

    def _give_up(self):
        """Keep what may tell why L1 hangs, and end it."""
        with open(self.directory / "l1-hung.log", "w") as file:
            file.write(self.console.read_text(errors="replace"))
            for command in ("info registers -a", "info lapic 0",
                            "info lapic 1", "info registers -a"):
                file.write(self.qmp.command(
                    "human-monitor-command", **{"command-line": command}))
        self.process.kill()

    def _answer(self, limit):
        """Return the output of what the agent did, and its status."""
        lines = []
        timer = threading.Timer(limit, self._give_up)
        timer.start()
        try:
            for line in self.process.stdout:
                print(f"    {line}", end="", file=self.log, flush=True)
                if line.startswith("@done "):
                    return "".join(lines), int(line.split()[1])
                lines.append(line)
        finally:
            timer.cancel()
        raise Failure(f"L1 is gone, or did not answer in {limit} s; "
                      f"its last words: {''.join(lines)[-500:]}")

    def booted(self, limit=100):
        """Wait for the agent."""
        self._answer(limit)

    def tell(self, command, limit=200):
        """Let L1 do one line of shell; return its output and status."""
        print(command, file=self.log, flush=True)
        print(command, file=self.process.stdin, flush=True)
        return self._answer(limit)

    def do(self, command, limit=200):
        """The same; return the output. Failure if the status is not 0."""
        text, status = self.tell(command, limit)
        if status:
            raise Failure(f"L1: {command}: status {status}: {text[-1000:]}")
        return text

    def faults(self):
        """Lines that L1's log must not have, since this was asked last.

        The log goes on when L1 is reset.
        """
        text = self.console.read_text(errors="replace")[self._judged:]
        self._judged += len(text)
        text = KNOWN_WARNING.sub("", text)
        return [line for line in text.splitlines() if BAD_LOG.search(line)]

    def stats(self):
        """The counters of L0's IOMMU; none, if it is QEMU's own."""
        try:
            return self.qmp.command("qom-get", property="stats",
                                    path="/machine/peripheral/iommu")
        except RuntimeError:
            return {}

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Inner:
    """L1's QEMU and its guest, L2."""

    def __init__(self, outer, arguments, parameters="", traced=True,
                 memory="512M", prefix=()):
        self.outer = outer
        self.useless = ""           # a line that is no error in this case
        command = [
            *prefix, "/bin/qemu", "-L", "/firmware",
            "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "q35,kernel-irqchip=split", "-accel", "kvm",
            "-cpu", "host", "-m", memory, "-kernel", "/l2/vmlinuz",
            "-initrd", "/l2/initrd", "-append",
            f"{KERNEL_PARAMETERS} {parameters}",
            "-serial", "file:/tmp/l2.log",
            "-chardev", "pipe,id=agent,path=/tmp/agent",
            "-serial", "chardev:agent",
            "-chardev", "pipe,id=qmp,path=/tmp/qmp",
            "-mon", "chardev=qmp,mode=control",
            *(("-trace", "vfio_iommu_map_notify", "-D", "/tmp/trace.log",
               "-msg", "timestamp=on") if traced else ()),
            *arguments]
        outer.do("rm -f /tmp/trace.log; inner_open; "
                 f"{shlex.join(command)} >/tmp/qemu.log 2>&1 & inner_pid=$!")
        try:
            self.qmp("qmp_capabilities")
            self.booted()
        except Failure as failure:
            log = outer.tell("tail -n 5 /tmp/l2.log /tmp/qemu.log")[0]
            raise Failure(f"{failure}{log}") from None

    def booted(self):
        """Wait for the agent of a guest that starts."""
        text, status = self.outer.tell(f"patience={INNER_BOOT} inner_await",
                                       INNER_BOOT + 20)
        if status:
            raise Failure(f"L2 did not boot: {text}")

    def qmp(self, name, /, **arguments):
        """A QMP command of L1's QEMU; Failure if it has an error."""
        command = json.dumps({"execute": name, "arguments": arguments})
        text = self.outer.do(f"qmp {shlex.quote(command)}")
        answer = json.loads(text.splitlines()[-1])
        if "return" not in answer:
            raise Failure(f"L1's QEMU: {name}: {text}")
        return answer["return"]

    def tell(self, command, limit=200):
        """Let L2 do one line of shell; return its output and status."""
        return self.outer.tell(
            f"patience={limit} inner {shlex.quote(command)}", limit + 20)

    def send(self, command):
        """Let L2 do a line that it will not live to answer."""
        self.outer.do(f"echo {shlex.quote(command)} >&5")

    def do(self, command, limit=200):
        """As tell(); return the output. Failure if the status is not 0."""
        text, status = self.tell(command, limit)
        if status:
            raise Failure(f"L2: {command}: status {status}: {text[-1000:]}")
        return text

    def stats(self):
        """The counters of L2's IOMMU, if it has one of ours."""
        try:
            return self.qmp("qom-get", property="stats",
                            path="/machine/peripheral/iommu")
        except Failure:
            return {}

    def ioctls(self):
        """What VFIO was asked for on the IOMMU's behalf, if that is traced.

        MAPs, UNMAPs, and the pages of 4 KiB that those were of.
        """
        text = self.outer.do("ioctls </tmp/trace.log", limit=3600)
        return dict(zip(("maps", "unmaps", "pages"), map(int, text.split())))

    def trace(self):
        """The last of these: time, M or U, first page, pages."""
        return self.outer.do("ioctl_list </tmp/trace.log", limit=3600)

    def faults(self):
        """Lines that L2's log must not have, also if it is busy or gone.

        The log goes on when L2 is reset.
        """
        return self.outer.tell(
            f"grep -aE {shlex.quote(BAD_LOG.pattern)} /tmp/l2.log")[0]

    def errors(self):
        """What L1's QEMU complained of."""
        # KVM in an L1 with one CPU recommends one for L2.  By iommufd VFIO
        # cannot map BARs, which it tries where L2 does not translate, and
        # warns, with the errno of whatever came before; what an IOMMU has it
        # map is an error if it fails.
        useless = f"/{self.useless}$/d; " if self.useless else ""
        return self.outer.do(
            f"sed '{useless}/recommended cpus supported by KVM/d; "
            "/warning: IOMMU_IOAS_MAP failed: .*, PCI BAR?$/d; "
            "/warning: vfio_container_dma_map(.*) = -14 (Bad address)$/d; "
            "/: PCI peer-to-peer transactions on BARs are not supported/d' "
            "/tmp/qemu.log")

    def kill(self):
        self.outer.tell("kill -9 $inner_pid; wait $inner_pid")

    def quit(self):
        self.qmp("quit")
        self.outer.tell("wait $inner_pid")


def nic_with_shadow(name, address):
    """What L0 has for a NIC at an address, with a shadow in its group.

    Linux takes the functions of an Intel NIC to be apart. It does not below a
    port without ACS, whose group is one. name: of the NIC's netdev.
    """
    return ("-device", f"pcie-root-port,id={name}-port,addr={address},"
            f"chassis={int(address[:2], 16)},disable-acs=on",
            "-device", f"e1000e,bus={name}-port,addr=00.0,multifunction=on,"
            f"netdev={name},romfile=",
            "-device", f"vtd-testdev,bus={name}-port,addr=00.1,"
            f"id={name}-shadow,record=off")


def firmware_of(tools):
    """Where the firmware is for QEMU as it was built there."""
    return tools / "qemu-bundle/usr/local/share/qemu-firmware"


def _with_libraries(name, program, directory):
    """Return pairs of paths, in a guest and here, for a stripped program."""
    stripped = directory / name
    subprocess.run(["strip", "-s", "-o", stripped, program], check=True)
    return [(f"bin/{name}", stripped),
            *((str(library).lstrip("/"), library)
              for library in initramfs.libraries(program))]


def prepare(directory, cache, tools, qemus, programs=(), suites=("",)):
    """Make the initramfs of L2, and around it that of L1.

    tools: where QEMU was built. qemus: {name in L1: path here}. programs:
    more of them, pairs of a path in L1 and a path here. suites: whose kernels
    L1 boots, as of initramfs.build(); L2 boots the system's own.
    """
    functions = {"functions": (HERE / "functions.sh").read_text()}
    agent = HERE / "agent"
    inner = directory / "l2.cpio"
    image_tool = _with_libraries("qemu-img", tools / "qemu-img", directory)
    kernel = initramfs.build(cache, INNER_DRIVERS, functions, inner, agent,
                             image_tool)
    programs = [("l2/vmlinuz", kernel), ("l2/initrd", inner), *image_tool,
                *programs]
    for name, path in qemus.items():
        programs += _with_libraries(name, path, directory)
    firmware = firmware_of(tools)
    programs += [(f"firmware/{name}", firmware / name) for name in FIRMWARE]
    for suite in suites:
        more = VDPA_DRIVERS if suite == initramfs.IOMMUFD else ()
        kernel = initramfs.build(cache, OUTER_DRIVERS + more, functions,
                                 directory / f"l1{suite}.cpio", agent,
                                 dict(programs).items(), suite)
        shutil.copyfile(kernel, directory / f"vmlinuz{suite}")


def wait_for(condition, limit=60):
    """Wait until a function returns a true value; return the last value."""
    end = time.monotonic() + limit
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return value
