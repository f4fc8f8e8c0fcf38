# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a nested run that have DPDK's testpmd as their driver.

testpmd in L1 forwards what comes from a NIC that is bound to vfio-pci, and
whose wire ends here; it goes back at once, or by way of a virtio-net, whose
vhost-user back end is another testpmd, on this machine. These cases need more
of L0 than the others, and so an L1 of their own each.
"""

import contextlib
import random
import re
import shlex
import socket
import subprocess
import tempfile
from pathlib import Path

import dpdk
from layers import Failure, nic_with_shadow, wait_for
from machine import MIB

NIC = "0000:02:00.0"            # whose wire ends here
FRAMES, WINDOW = 8000, 16
SHORTEST, LONGEST = 60, 1514    # bytes of a frame, without its checksum
MEMORY = 64                     # MiB that testpmd has in L1
TESTPMD = "/testpmd"            # its directory there
NO_SPACE = ("Cannot set up DMA remapping, error 28 (No space left on "
            "device)")
# To the back end. testpmd starts it after the NIC, as it is behind it in
# order: if something is mapped or unmapped after its rings are set up, the
# back end may hold them for invalid, and never look at them again.
VIRTIO = "0000:03:00.0"
VIRTIO_F_ACCESS_PLATFORM = 33


class Wire:
    """The other end of a NIC's wire: frames, by a datagram socket."""

    def __init__(self, directory):
        self._theirs = f"{directory}/qemu"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"{directory}/wire")
        self.netdev = (f"dgram,id=wire,local.type=unix,local.path="
                       f"{self._theirs},remote.type=unix,"
                       f"remote.path={directory}/wire")

    def close(self):
        self._socket.close()

    def send(self, frame):
        self._socket.settimeout(60)
        self._socket.sendto(frame, self._theirs)

    def receive(self, limit):
        """A frame; b"" if none came in so many seconds."""
        self._socket.settimeout(limit)
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            return b""


class Backend:
    """testpmd on this machine, with a vhost-user port: it sends all back."""

    def __init__(self, cache, directory, log):
        self.path = f"{directory}/vhost"
        self.log = log
        command = dpdk.command(
            cache, dpdk.unpack(cache), ["net_vhost"],
            ["-l", "0,1", "--no-huge", "-m", "128", "--no-pci",
             f"--file-prefix={Path(directory).name}",
             f"--vdev=net_vhost0,iface={self.path},iommu-support=1"],
            ["--no-mlockall", "--total-num-mbufs=4096",
             "--port-topology=loop"])
        # It polls all the time; let guests have the processors before it.
        with open(log, "w") as output:
            self.process = subprocess.Popen(
                ["nice", "-n", "19", *command], stdin=subprocess.PIPE,
                stdout=output, stderr=output, text=True)
        if not wait_for(Path(self.path).exists):
            self.close()
            raise Failure(f"testpmd does not start: {log.read_text()}")
        # A frame for a buffer whose address is yet unknown is to wait for
        # the IOMMU's answer. testpmd drops it if it is not told to try again.
        print("set fwd io retry", "set burst tx delay 20 retry 5000", "start",
              sep="\n", file=self.process.stdin, flush=True)

    def features(self):
        """What it and L1's driver have agreed on, last."""
        found = re.findall(r"negotiated Virtio features: (\S+)",
                           self.log.read_text())
        return int(found[-1], 16) if found else 0

    def close(self):
        """End it, as its user would."""
        with contextlib.suppress(OSError):
            self.process.communicate("quit\n", timeout=30)
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def with_wire(run):
    """A NIC whose wire ends here, and a device that judges its shadow."""
    with (tempfile.TemporaryDirectory() as directory,
          contextlib.closing(Wire(directory)) as run.wire):
        yield ["-netdev", run.wire.netdev,
               *nic_with_shadow("wire", "08.0")]


@contextlib.contextmanager
def with_backend(run, ats="off"):
    """The same, and a virtio-net whose device is testpmd."""
    with (with_wire(run) as arguments,
          tempfile.TemporaryDirectory(prefix="testpmd-") as directory,
          contextlib.closing(Backend(run.cache, directory, run.directory
                                     / "testpmd.log")) as run.backend):
        yield [*arguments,
               "-object", "memory-backend-memfd,id=ram,size=3G,share=on",
               "-machine", "memory-backend=ram",
               "-global", f"intel-iommu.device-iotlb={ats}",
               "-chardev", f"socket,id=vhost,path={run.backend.path}",
               "-netdev", "vhost-user,id=vhost,chardev=vhost",
               "-device", "pcie-root-port,id=virtio-port,addr=09.0,chassis=9",
               "-device", "virtio-net-pci,bus=virtio-port,netdev=vhost,"
               f"romfile=,disable-legacy=on,iommu_platform=on,ats={ats}"]


def with_backend_ats(run):
    """The same with ATS."""
    return with_backend(run, "on")


def _random_frames(seed):
    generator = random.Random(seed)
    for _ in range(FRAMES):
        size = generator.choice((SHORTEST, LONGEST,
                                 generator.randint(SHORTEST, LONGEST)))
        # Addresses of no meaning, and the type that is for experiments
        header = bytes.fromhex("020000000001" "020000000002" "88b5")
        yield header + generator.randbytes(size - len(header))


def _echo(run):
    """Send frames in windows; return how many came back as they were."""
    same = size = 0
    window = []
    for number, frame in enumerate(_random_frames(run.case.name), 1):
        run.wire.send(frame)
        window.append(frame)
        if number % WINDOW == 0:
            for sent in window:
                came = run.wire.receive(60)
                if not came:
                    return same
                same += came == sent
                size += len(sent) + len(came)
            window.clear()
    run.moved += round(size / MIB)
    return same


def _prepare(run, arguments, devices):
    """Have L1 ready for testpmd; return its command line."""
    # Its main thread and the one that forwards; see ONE_CPU in cases.py.
    run.outer.do("echo 1 >/sys/devices/system/cpu/cpu1/online")
    for device in devices:
        run.outer.do(f"give {device} vfio-pci")
    run.outer.do("chmod 755 /; mkdir -p /var/run")
    return dpdk.command(
        run.cache, TESTPMD, ["net_e1000", "net_virtio"],
        ["-l", "0,1", *(f"-a{device}" for device in devices),
         "--iova-mode=va", "-m", str(MEMORY), *arguments],
        ["--auto-start", "--total-num-mbufs=2048",
         f"--port-topology={'paired' if devices[1:] else 'loop'}"])


def _refused(run, arguments):
    """State what testpmd says if VFIO takes no mapping."""
    command = _prepare(run, arguments, [NIC])
    limit = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
    before = run.outer.do(f"cat {limit}").strip()
    run.outer.do(f"echo 0 >{limit}")
    text, _ = run.outer.tell(f"timeout 60 {shlex.join(command)} </dev/null "
                             "2>&1; echo")
    run.outer.do(f"echo {before} >{limit}")
    run.true(NO_SPACE in text, f"testpmd says '{NO_SPACE}'", text[-4000:])


def _testpmd(run, arguments, devices=(NIC,)):
    """Forward frames by testpmd in L1; return how much its shadow held."""
    outer = run.outer
    command = _prepare(run, arguments, devices)
    outer.do("rm -f /tmp/testpmd.in; mkfifo /tmp/testpmd.in; "
             "exec 9<>/tmp/testpmd.in; "
             f"{shlex.join(command)} <&9 >/tmp/testpmd.log 2>&1 & "
             "testpmd_pid=$!")
    outer.do("await sh -c \"grep -q 'testpmd> ' /tmp/testpmd.log || "
             "! kill -0 $testpmd_pid\"; "
             "kill -0 $testpmd_pid || { cat /tmp/testpmd.log; echo; false; }")
    mappings = run.shadow().mappings
    run.equal(_echo(run), FRAMES, f"{FRAMES} frames come back as they were")
    run.equal(run.wire.receive(0.5), b"", "nothing else comes")
    outer.do("echo quit >&9; exec 9>&-; wait $testpmd_pid || "
             "{ cat /tmp/testpmd.log; echo; false; }")
    run.nothing_left()
    return mappings


def testpmd_small(run):
    """testpmd in L1 drives a NIC by VFIO, its memory in pages of 4 KiB."""
    run.outer.do("echo never >/sys/kernel/mm/transparent_hugepage/enabled")
    _refused(run, ["--no-huge"])
    mappings = _testpmd(run, ["--no-huge"])
    # Neighbours by chance may be mapped as one
    run.true(MEMORY << 7 < mappings <= MEMORY << 8,
             f"{MEMORY} MiB are mapped by pages of 4 KiB", mappings)


def _huge(run, devices):
    run.outer.do(f"echo {MEMORY >> 1} >/sys/kernel/mm/hugepages/"
                 "hugepages-2048kB/nr_hugepages")
    run.equal(_testpmd(run, [], devices), MEMORY >> 1,
              f"{MEMORY} MiB are mapped by so many pages")


def testpmd_huge(run):
    """The same with huge pages, of 2 MiB."""
    _huge(run, [NIC])


def _vhost_user(run, ats):
    _huge(run, [NIC, VIRTIO])
    run.true(run.backend.features() >> VIRTIO_F_ACCESS_PLATFORM & 1,
             "the back end knows of the IOMMU",
             run.backend.log.read_text()[-5000:])
    run.uses_ats(run.outer.stats(), ats)


def vhost_user(run):
    """The same, on to a virtio-net of vhost-user, and back from there.

    The virtio-net is not for L1's kernel: QEMU gives it rings of more than a
    page, pages that are no neighbours in memory if the kernel allocates them
    for a device behind an IOMMU; DPDK 22.11 takes them to be.
    """
    _vhost_user(run, ats=False)


def vhost_user_ats(run):
    """The same with ATS: L1's device-TLB invalidations reach the back end."""
    _vhost_user(run, ats=True)
