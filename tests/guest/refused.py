# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a host that refuses to map: VFIO itself, iommufd and vDPA.

Root may lock all memory that there is, so L1's QEMU runs without that right.
Its limit of locked memory and VFIO's of mappings are then made too small, or
something else is mapped where L2 is going to map (taken-iova.c).
"""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import initramfs
from checks import note
from havetool import have
from layers import wait_for

NVME, NVME_IN_L2 = "0000:00:04.0", "0000:01:00.0"
PORT = ("-device", "pcie-root-port,id=socket,addr=05.0,chassis=1")
ASSIGNED = ("-device", f"vfio-pci,host={NVME},bus=socket,id=nvme")
BY_IOMMUFD = ("-object", "iommufd,id=iommufd", *PORT, "-device",
              f"{ASSIGNED[1]},iommufd=iommufd")
IOMMU = "intel-iommu,caching-mode=on,id=iommu"
STRICT = "intel_iommu=on iommu.strict=1"
UNPRIVILEGED = ("/bin/setpriv", "--bounding-set", "-ipc_lock")
UNLIMITED = ("/bin/prlimit", "--memlock=unlimited")
# L1's virtio-net as a device of vDPA's, and what L2 has of that
VIRTIO, NIC_IN_L2 = "0000:00:07.0", "0000:01:00.0"
BY_VDPA = ("-netdev", "vhost-vdpa,vhostdev=/dev/vhost-vdpa-0,id=vdpa",
           "-device", "pcie-root-port,id=uplink,addr=07.0,chassis=1",
           "-device", "virtio-net-pci,bus=uplink,netdev=vdpa,romfile=,id=nic,"
           "packed=on,disable-legacy=on,iommu_platform=on")
# Enough for L2's memory and the driver's queues, not for 1 MiB of buffers
ENTRIES, ENTRIES_USUAL = 40, 1048576
LIMIT = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
WARNING = ("intel-iommu: the host refuses to map what the guest maps for a "
           "device: ")
LOCKED = ("Cannot allocate memory; raise the limit of locked memory (ulimit "
          "-l; hard_limit of libvirt's memtune)")
SPACE = ("No space left on device; raise dma_entry_limit of the host's module "
         "vfio_iommu_type1, or use hugepages")
TAKEN = "File exists"
UNKNOWN = ("Input/output error; vDPA tells no reason; perhaps raise the limit "
           "of locked memory (ulimit -l; hard_limit of libvirt's memtune)")
# Each UNMAP has QEMU's vhost tell vDPA to drop what it caches; there is no
# call for that, and nothing is cached.
USELESS = "Fail to invalidate device iotlb"
VFIO, VDPA = "vfio_container_dma_map", "vhost_vdpa_dma_map"
TAKER = "taken-iova"
MIB = 1 << 20
INTERRUPTS = 0xfee00000, 0xfef00000


def programs(_, names=("setpriv", "prlimit")):
    """What sets limits, in a guest and here."""
    found = []
    for name in names:
        program = Path(shutil.which(name))
        found += [(f"bin/{name}", program),
                  *((str(library).lstrip("/"), library)
                    for library in initramfs.libraries(program))]
    return found


def programs_iommufd(cache):
    """The same, and what takes addresses of an iommufd."""
    # Debian 12's own headers have none, those in QEMU's source have.
    headers = cache.parent / "qemu/linux-headers"
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-static",
                    "-I", headers, "-o", cache / TAKER,
                    Path(__file__).with_name(f"{TAKER}.c")], check=True)
    return [*programs(cache), (f"bin/{TAKER}", cache / TAKER)]


@contextlib.contextmanager
def narrow(run):
    """L0's IOMMU has 39 bits."""
    yield ["-global", "intel-iommu.aw-bits=39"]


def read_little(inner):
    """Read 1 MiB in L2, a page at a time; return its digest and status."""
    text, status = inner.tell("dd if=/dev/nvme0n1 of=/tmp/little bs=4k "
                              "count=256 iflag=direct status=none && "
                              "sum </tmp/little")
    return text.strip(), status


def refused_ranges(inner, device="nvme"):
    """What x-query-vtd lists as refused of a device."""
    answer = inner.qmp("x-query-vtd", device=device, limit=16)
    return [each for space in answer["spaces"]
            for each in space.get("refused", ())]


def told(run, inner, errno, words, function):
    """State that QEMU says this errno, and the unit these words, once."""
    said = inner.errors()
    run.true(re.search(rf"{function}\(.*\) = {errno} \(", said),
             f"QEMU says that {function}() = {errno}", said[-2000:])
    run.equal(said.count(WARNING + words), 1, f"the unit says once '{words}'")


@contextlib.contextmanager
def refusal(run, inner, errno, words, faulty=True, function=VFIO):
    """Have the host refuse; all that must be true meanwhile and afterwards.

    faulty: nothing is mapped there instead.
    """
    before = inner.stats()["shadow-refused"]
    blocked = run.outer.stats()
    yield
    # What QEMU has sent meanwhile stands before the answer to a command. It
    # sends one in a second, so that this one may be yet to come.
    ask = "qmp '{\"execute\": \"query-status\"}'"
    run.true(wait_for(lambda: '"VTD_MAP_REFUSED"' in run.outer.do(ask), 10),
             f"{errno}: there is an event")
    told(run, inner, errno, words, function)
    stats = inner.stats()
    run.true(stats["shadow-refused"] > before, f"{errno}: it is counted",
             stats)
    after = run.outer.stats()
    if faulty:
        run.true(any(after[key] > blocked[key] for key in
                     ("faults-recorded", "faults-lost")),
                 f"{errno}: L0 blocks what is not mapped", after)


def recovers(run, inner, errno):
    """State that the nvme can be read."""
    run.equal(read_little(inner), (run.disk.digest(0, 1), 0),
              f"{errno}: L2 reads its nvme afterwards")


def starts_anew(run, inner):
    """State that nothing stays refused when L2's driver maps anew.

    A page that it maps once and for all, when there was no room, is tried
    again when it is flushed, and not before.
    """
    inner.do(f"echo {NVME_IN_L2} >/sys/bus/pci/drivers/nvme/unbind; "
             f"give {NVME_IN_L2} nvme; await test -b /dev/nvme0n1")
    run.equal(refused_ranges(inner), [], "nothing stays refused")
    recovers(run, inner, "anew")


def few_entries(run, inner):
    """More mappings than VFIO takes."""
    with refusal(run, inner, -28, SPACE):
        inner.tell(f"disk_copy nvme0n1 0 {run.disk.half} 4", limit=300)
    recovers(run, inner, -28)


def little_memory(run, inner):
    """More locked memory than there may be, until there may be more."""
    with refusal(run, inner, -12, LOCKED):
        run.outer.do("prlimit --pid $inner_pid --memlock=4096:unlimited")
        # QEMU's nvme takes no notice of a write to memory that is blocked
        run.true(read_little(inner) != (run.disk.digest(0, 1), 0),
                 "-12: L2 does not get what it reads")
    run.outer.do("prlimit --pid $inner_pid --memlock=unlimited:unlimited")
    recovers(run, inner, -12)


def holes(inner):
    """Pairs of an address and a length that L2 could map next.

    Linux maps from 4 GiB downwards.
    """
    ranges, after = [INTERRUPTS, (1 << 32, 1 << 32)], 0
    while after is not None:
        space, = inner.qmp("x-query-vtd", device="nvme", first=after)["spaces"]
        ranges += [(each["iova"], each["iova"] + each["size"])
                   for each in space["ranges"]]
        after = space.get("next")
    ranges.sort()
    at = ranges[0][0] - 16 * MIB
    for first, end in ranges:
        if first > at:
            yield at, first - at
        at = max(at, end)


def taken(run, inner):
    """Something else of L1's is mapped where L2 maps, for some time."""
    pairs = " ".join(f"{first:#x} {length:#x}"
                     for first, length in holes(inner))
    with refusal(run, inner, -17, TAKEN, faulty=False):
        run.outer.do(f"{TAKER} map $inner_pid {pairs}")
        run.true(read_little(inner) != (run.disk.digest(0, 1), 0),
                 "-17: L2 does not get what it reads")
    run.outer.do(f"{TAKER} unmap $inner_pid {pairs}")
    recovers(run, inner, -17)


def not_started(run):
    """What L1's QEMU does not start with, and says why."""
    for limit, options, words in (
            (65536, "", " = -12 (Cannot allocate memory)"),
            ("unlimited", f"-device {IOMMU},aw-bits=48",
             "aw-bits=48 is wider than the 39 bits of the host's IOMMU, use "
             "-device intel-iommu,aw-bits=39")):
        text, _ = run.outer.tell(
            f"(ulimit -l {limit}; {' '.join(UNPRIVILEGED)} timeout 60 "
            "/bin/qemu -L /firmware -nodefaults -no-user-config -display none "
            "-machine q35 -S -accel tcg -m 256M -monitor none "
            f"{options} -device vfio-pci,host={NVME} 2>&1)")
        run.true(words in text, f"at the start: {words.strip()}", text)


def faults_told(run):
    """State that L1's Linux and L0's QEMU tell of the nvme's, and no more."""
    faults = run.outer.faults()
    lines = [line for line in faults
             if "DRHD: handling fault status" not in line]
    linux = re.compile(r"DMAR: \[DMA (Read|Write) NO_PASID\] Request device "
                       r"\[00:04\.0\] fault addr \S+ \[fault reason 0x0"
                       r"[56]\] PTE (Read|Write) access is not set")
    run.true(lines and all(map(linux.search, lines)),
             f"L1's Linux tells of {len(lines)} faults of the nvme",
             "\n".join(faults))
    log = (run.directory / "l0-qemu.log").read_text().splitlines()
    ours = re.compile(r"vtd_iommu_translate: detected translation failure "
                      r"\(dev=00:04:00, ")
    run.true(log and all(map(ours.search, log)),
             "L0's QEMU tells of the nvme's, too", "\n".join(log))


def refused(run):
    """VFIO in L1 refuses what L2 maps; QEMU says so, and L2 goes on."""
    run.outer.do(f"give {NVME} vfio-pci")
    not_started(run)
    run.outer.do(f"echo {ENTRIES} >{LIMIT}")
    inner = run.inner(["-device", f"{IOMMU},aw-bits=39", *PORT, *ASSIGNED],
                      STRICT, prefix=(*UNLIMITED, *UNPRIVILEGED))
    run.outer.do(f"echo {ENTRIES_USUAL} >{LIMIT}")
    few_entries(run, inner)
    little_memory(run, inner)
    starts_anew(run, inner)
    inner.quit()
    faults_told(run)
    run.nothing_left()


def refused_iommufd(run):
    """The same by iommufd: too little memory, and addresses that are taken."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner(["-device", f"{IOMMU},aw-bits=39", *BY_IOMMUFD], STRICT,
                      prefix=(*UNLIMITED, *UNPRIVILEGED))
    run.true("/dev/iommu" in run.outer.do("ls -l /proc/$inner_pid/fd"),
             "L1's QEMU maps by iommufd")
    little_memory(run, inner)
    taken(run, inner)
    starts_anew(run, inner)
    inner.quit()
    faults_told(run)
    run.nothing_left()


def programs_vdpa(cache):
    """The same, and what makes devices of vDPA's."""
    if not have("vdpa", "iproute2", "a device of vDPA's", note):
        sys.exit(1)
    return programs(cache, ("setpriv", "prlimit", "vdpa"))


def refused_vdpa(run):
    """vDPA in L1 has a NIC for L2, and too little memory for some time."""
    run.outer.do(f"give {VIRTIO} vp-vdpa && vdpa dev add name vdpa0 mgmtdev "
                 f"pci/{VIRTIO} && await test -c /dev/vhost-vdpa-0")
    inner = run.inner(["-device", IOMMU, *BY_VDPA], STRICT, prefix=UNLIMITED)
    inner.useless = USELESS
    inner.do(f"net_up {NIC_IN_L2} 10.0.30.15/24")
    expected = run.server.renew("vdpa", 1)

    def received():
        return inner.do("timeout 15 nc 10.0.30.2 "
                        f"{run.server.port} </dev/null | sum").split()[0]

    run.equal(received(), expected, "vDPA: L2 receives by its NIC")
    run.equal(inner.stats()["shadow-refused"], 0, "vDPA: no MAP was refused")
    run.equal(inner.errors(), "", "vDPA: L1's QEMU has no error")
    run.true(USELESS in run.outer.do("tail -n 5 /tmp/qemu.log"),
             f"vDPA: vhost says '{USELESS}'")
    with refusal(run, inner, -5, UNKNOWN, function=VDPA):
        run.outer.do("prlimit --pid $inner_pid --memlock=4096:unlimited")
        run.true(received() != expected, "vDPA: L2 does not receive")
    run.outer.do("prlimit --pid $inner_pid --memlock=unlimited:unlimited")
    run.equal(received(), expected, "vDPA: L2 receives afterwards")
    run.equal(refused_ranges(inner, "nic"), [], "nothing stays refused")
    inner.quit()
    run.outer.do("vdpa dev del vdpa0")
