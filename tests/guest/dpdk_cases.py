# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a nested run that have DPDK's testpmd as their driver.

testpmd forwards what comes: in L1 from a NIC that is bound to vfio-pci, or
on this machine as the vhost-user back end of L1's virtio-net. These cases
need more of L0 than the others, and so an L1 of their own each.
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
from layers import Failure, wait_for

NIC = "0000:01:00.0"            # with a vtd-testdev in its group:
SHADOW = "nic-shadow"
FRAMES, WINDOW = 20000, 16
SHORTEST, LONGEST = 60, 1514    # bytes of a frame, without its checksum
MEMORY = 64                     # MiB that testpmd has in L1
TESTPMD = "/testpmd"            # its directory there
PORTS = ("0000:00:08.0", "0000:00:09.0")
MOVED = 2                       # MiB of each TCP connection
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
    """testpmd on this machine: two vhost-user ports, one to the other."""

    def __init__(self, cache, directory, log):
        self.log = log
        self.paths = [f"{directory}/port{i}" for i in range(len(PORTS))]
        command = dpdk.command(
            cache, dpdk.unpack(cache), ["net_vhost"],
            ["-l", "0,1", "--no-huge", "-m", "128", "--no-pci",
             f"--file-prefix={Path(directory).name}",
             *(f"--vdev=net_vhost{i},iface={path},iommu-support=1"
               for i, path in enumerate(self.paths))],
            ["--no-mlockall", "--total-num-mbufs=4096"])
        # It polls all the time; let guests have the processors before it.
        with open(log, "w") as output:
            self.process = subprocess.Popen(
                ["nice", "-n", "19", *command], stdin=subprocess.PIPE, stdout=output,
                stderr=output, text=True)
        if not wait_for(lambda: all(Path(path).exists()
                                    for path in self.paths)):
            self.close()
            raise Failure(f"testpmd does not start: {log.read_text()}")
        # A frame for a buffer whose address is yet unknown is to wait for
        # the IOMMU's answer. testpmd drops it if it is not told to try again.
        print("set fwd io retry", "set burst tx delay 20 retry 5000", "start",
              sep="\n", file=self.process.stdin, flush=True)

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
        # Linux takes the functions of an Intel NIC to be apart. It does not
        # below a port without ACS, whose group is one.
        yield ["-device", "pcie-root-port,id=nic-port,addr=08.0,chassis=8,"
               "disable-acs=on",
               "-netdev", run.wire.netdev, "-device", "e1000e,"
               "bus=nic-port,addr=00.0,multifunction=on,netdev=wire,romfile=",
               "-device", "vtd-testdev,bus=nic-port,addr=00.1,"
               f"id={SHADOW},record=off"]


@contextlib.contextmanager
def with_backend(run, ats="off"):
    """Two virtio-nets whose device side is testpmd, on shared memory."""
    with tempfile.TemporaryDirectory(prefix="testpmd-") as directory:
        with contextlib.closing(Backend(
                run.cache, directory,
                run.directory / "testpmd.log")) as run.backend:
            arguments = ["-object",
                         "memory-backend-memfd,id=ram,size=3G,share=on",
                         "-machine", "memory-backend=ram",
                         "-global", f"intel-iommu.device-iotlb={ats}"]
            for i, path in enumerate(run.backend.paths):
                arguments += [
                    "-chardev", f"socket,id=port{i},path={path}",
                    "-netdev", f"vhost-user,id=net{i},chardev=port{i}",
                    "-device", f"virtio-net-pci,addr={PORTS[i][-4:]},"
                    f"netdev=net{i},mac=52:54:00:00:30:0{i},romfile=,"
                    f"disable-legacy=on,iommu_platform=on,ats={ats},"
                    # frames go through as they are: nothing is left to do
                    "csum=off,guest_csum=off,gso=off"]
            yield arguments


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
    same = 0
    window = []
    for number, frame in enumerate(_random_frames(run.case.name), 1):
        run.wire.send(frame)
        window.append(frame)
        if number % WINDOW == 0:
            for sent in window:
                same += run.wire.receive(60) == sent
            window.clear()
    return same


def _testpmd(run, arguments):
    """Forward frames by testpmd in L1; return how much its shadow held."""
    outer = run.outer
    command = dpdk.command(
        run.cache, TESTPMD, ["net_e1000"],
        ["-l", "0,1", "-a", NIC, "--iova-mode=va", "-m", str(MEMORY),
         *arguments],
        ["--auto-start", "--total-num-mbufs=2048", "--port-topology=loop"])
    outer.do(f"give {NIC} vfio-pci; chmod 755 /; mkdir -p /var/run; "
             "rm -f /tmp/testpmd.in; mkfifo /tmp/testpmd.in; "
             "exec 9<>/tmp/testpmd.in; "
             f"{shlex.join(command)} <&9 >/tmp/testpmd.log 2>&1 & "
             "testpmd_pid=$!")
    outer.do("await sh -c \"grep -q 'testpmd> ' /tmp/testpmd.log || "
             "! kill -0 $testpmd_pid\"; "
             "kill -0 $testpmd_pid || { cat /tmp/testpmd.log; false; }")
    mappings = run.shadow(SHADOW).mappings
    run.equal(_echo(run), FRAMES, f"{FRAMES} frames come back as they were")
    run.equal(run.wire.receive(0.5), b"", "nothing else comes")
    outer.do("echo quit >&9; exec 9>&-; wait $testpmd_pid || "
             "{ cat /tmp/testpmd.log; false; }")
    run.true(wait_for(lambda: not run.shadow(SHADOW).mappings, 20),
             "nothing stays mapped in L0's shadow of the NIC",
             f"{run.shadow(SHADOW)}")
    run.equal(run.shadow(SHADOW).errors, 0,
              "L0's shadow of the NIC broke no rule of VFIO's")
    return mappings


def testpmd_small(run):
    """testpmd in L1 drives a NIC by VFIO, its memory in pages of 4 KiB."""
    run.outer.do("echo never >/sys/kernel/mm/transparent_hugepage/enabled")
    mappings = _testpmd(run, ["--no-huge"])
    # Neighbours by chance may be mapped as one
    run.true(MEMORY << 7 < mappings <= MEMORY << 8,
             f"{MEMORY} MiB are mapped by pages of 4 KiB", mappings)


def testpmd_huge(run):
    """The same with huge pages, of 2 MiB."""
    run.outer.do(f"echo {MEMORY >> 1} >/sys/kernel/mm/hugepages/"
                 "hugepages-2048kB/nr_hugepages")
    run.equal(_testpmd(run, []), MEMORY >> 1,
              f"{MEMORY} MiB are mapped by so many pages")


def _used_iommu(run, before):
    """State that the back end asked L0's IOMMU for what it accessed."""
    features = re.findall(r"port(\d)\) negotiated Virtio features: (\S+)",
                          run.backend.log.read_text())
    for i in range(len(PORTS)):
        last = [int(text, 16) for port, text in features if port == str(i)][-1:]
        run.true(last and last[0] >> VIRTIO_F_ACCESS_PLATFORM & 1,
                 f"port {i} is behind the IOMMU", features)
    after = run.outer.stats()
    print({k: after[k]-before[k] for k in after if after[k]-before[k]})


def vhost_user(run):
    """L1's virtio-nets are testpmd's vhost-user ports: TCP between them."""
    outer = run.outer
    before = outer.stats()
    # Each has a namespace of its own, whose processes see no other way
    outer.do("on() { pid=$1; shift; "
             "nsenter -t $pid -n sh -c \". /etc/functions; $*\"; }")
    for i, port in enumerate(PORTS):
        outer.do(f"unshare -n sleep 1000000 & net{i}=$!")
        outer.do(f"net=$(interface_of {port}); "
                 f"await ip link set $net netns $net{i} && on $net{i} "
                 f"\"ip addr add 10.0.30.{i + 1}/24 dev $net && "
                 "ip link set $net up\"")
    for source, sink in ((0, 1), (1, 0)):
        expected = outer.do("dd if=/dev/urandom of=/tmp/data bs=1M "
                            f"count={MOVED} status=none; sum </tmp/data")
        outer.do(f"on $net{sink} 'net_receive -l -p 5000 >/tmp/taken' & "
                 "sink_pid=$!")
        outer.do(f"await on $net{sink} 'netstat -ltn | grep -q :5000'")
        outer.do(f"on $net{source} 'nc 10.0.30.{sink + 1} 5000 </tmp/data "
                 ">/dev/null'", limit=120)
        run.equal(outer.do("wait $sink_pid; cat /tmp/taken"), expected,
                  f"{MOVED} MiB from port {source} to port {sink} match")
        run.moved += MOVED
    _used_iommu(run, before)
