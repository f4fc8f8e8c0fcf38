# SPDX-License-Identifier: GPL-2.0-or-later
"""What is booted: the devices that every guest has, and the cases.

Only tables live here. A new case is a new row in CASES; a new disk or NIC
is a new row in DISKS or NICS, and its driver one more name in DRIVERS.
"""

from dataclasses import dataclass

CPUS = 4

# Kernel modules to load; their dependencies are found by initramfs.py.
DRIVERS = ("nvme", "ahci", "sd_mod", "e1000e", "igb",
           "virtio_pci", "virtio_blk", "virtio_net")

# Linux starts with one CPU, and has the others from its init on: while QEMU
# 10.0's TCG changes the memory map, as each BAR that is sized or moved does,
# what another CPU writes to its local APIC may go elsewhere (see "Testing" in
# docs/devel/intel-iommu.rst). A lost EOI hangs the guest.
ONE_CPU = "maxcpus=1"

KERNEL_PARAMETERS = (
    f"{ONE_CPU} console=ttyS0 panic=-1 intel_iommu=on iommu.strict=1 "
    # A busy host must not look like a broken guest.
    "no_timer_check nosoftlockup rcupdate.rcu_cpu_stall_suppress=1 "
    "mitigations=off")

# Packed rings: 10.0.13 gives every queue 1024 entries, and in a split ring of
# that size an entry of the used ring (8 bytes, at 4 modulo 8) lies across two
# pages. Behind an IOMMU, of any kind, address_space_write_cached_slow() then
# translates the first page only and writes past its end in guest memory.
VIRTIO = "iommu_platform=on,disable-legacy=on,packed=on"


@dataclass(frozen=True)
class Disk:
    """A disk; its back end is a -drive with the disk's name as its id."""
    name: str
    address: str        # PCI address of its controller, as the guest has it
    block: str          # name of the block device in the guest's /dev
    device: str         # argument of -device
    read: int = 1024    # KiB of what the guest reads at once


@dataclass(frozen=True)
class Nic:
    """A NIC; its back end is a -netdev with the NIC's name as its id."""
    name: str
    address: str
    device: str


# A command's list of buffers starts at a multiple of 128 bytes. QEMU's ahci
# maps the list as a whole, and ends the command with an error ("PRDT length
# for NCQ command is smaller") if it lies in two pages that are not neighbours
# in memory, as behind an IOMMU they need not be. A list of eight entries of
# 64 KiB never does; one of 1 MiB does at some tags, for some guests.
AHCI_READ = 256

# virtio-blk runs in an I/O thread: its DMA is translated without the BQL.
DISKS = (
    Disk("nvme", "0000:00:04.0", "nvme0n1", "nvme,addr=04.0,serial=guest"),
    Disk("ahci", "0000:00:1f.2", "sda", "ide-hd,bus=ide.0", AHCI_READ),
    Disk("virtio-blk", "0000:00:05.0", "vda",
         f"virtio-blk-pci,addr=05.0,iothread=io,queue-size=1024,{VIRTIO}"),
)

# igb sits behind a root port, so its bus number is the firmware's choice.
NICS = (
    Nic("e1000e", "0000:00:06.0", "e1000e,addr=06.0"),
    Nic("igb", "0000:01:00.0", "igb,bus=rootport"),
    Nic("virtio-net", "0000:00:07.0", f"virtio-net-pci,addr=07.0,{VIRTIO}"),
)

# It reads where nothing is mapped, for the guest to tell of the fault.
FAULTY = "0000:00:08.0"
FAULTY_DEVICE = "vtd-testdev,addr=08.0,unmap-only=on,table=off,record=off"

OTHER_DEVICES = ("-object", "iothread,id=io",
                 "-device", "pcie-root-port,id=rootport,addr=03.0,chassis=1",
                 "-device", FAULTY_DEVICE)

# All behind such a bridge are one to the IOMMU, by the bridge's number. What
# Linux maps for the rings of the NIC is so mapped for the device beside it,
# which listens as VFIO does.
WATCHED = "conventional"
WATCHED_DEVICES = (
    "-device", f"i82801b11-bridge,id={WATCHED},addr=09.0",
    "-device", f"vtd-testdev,bus={WATCHED},addr=1,record=off",
    "-netdev", "user,id=rings", "-device",
    f"virtio-net-pci,bus={WATCHED},addr=2,netdev=rings,romfile=,{VIRTIO}")

# Nothing is mapped there, since Linux starts below 4 GiB.
FAULTY_IOVA = 0x123456000

# What is done to the unit at the end, as the guest's init reads it: messages
# of the same device, one for an entry that Linux leaves free and one in
# compatibility format; where it reads, and what reads after it; the registers.
ENTRY = 0x7000
SECOND_IOVA = FAULTY_IOVA + 0x10000
SECOND = "0000:00:0a.0"
HARM = (f"{0xfee00010 | ENTRY << 5:#x} 0xfee00000 {SECOND_IOVA:#x} {SECOND} "
        "0xfed90000")
HARMING_DEVICE = ("-device", "vtd-testdev,addr=0a.0,unmap-only=on,table=off,"
                  "record=off")

# A suite of Debian's with another kernel
NEWER = "trixie"


@dataclass(frozen=True)
class Case:
    """One boot: what is asked for, and what must then be seen."""
    name: str
    iommu: str = ""                 # properties added to -device intel-iommu
    kernel: str = ""                # parameters added for the kernel
    smp: str = str(CPUS)            # argument of -smp
    hot_cpu: int = 0                # id of a CPU that comes later, if any
    group: str = "DMA"              # type of every device's IOMMU group
    remapping: bool = True          # interrupts are remapped
    linux: str = ""                 # suite of its kernel, if not the system's
    log: tuple = ()                 # texts that the kernel's log must have
    # Where the faulty device reads, and what the kernel's log says of it
    iova: int = FAULTY_IOVA
    fault: str = "[fault reason 0x06] PTE Read access is not set"
    short: bool = True              # in the test command, too
    watched: bool = False           # by scripts/vtd-top and vtd-map
    harmed: bool = False            # in the end, as HARM says
    positive: tuple = ("translations", "inv-iotlb-page")
    once: tuple = ()                # counters that must be 1
    zero: tuple = ()                # counters that must be 0


# What the kernel says of a fault tells which tables it has made: a reason of
# scalable mode, for a page that is missing in the first stage, or the second.
NOT_IN_FIRST = ("[fault reason 0x71] SM: "
                "Present bit in first-level paging entry is clear")
NOT_IN_SECOND = ("[fault reason 0x79] SM: "
                 "Read/Write permission error in second-level paging entry")
PASSED_THROUGH = ("[fault reason 0x83] SM: "
                  "Address beyond the DMA hardware max")

SCALABLE = "x-scalable-mode=on"
FULL = f"{SCALABLE},x-scalable-full=on"


def _scalable():
    """Scalable mode, each with two kernels."""
    def case(name, iommu, kernel="", **more):
        kernel = f"intel_iommu=sm_on {kernel}"
        short = more.pop("short", ())
        for suffix, linux in (("", ""), ("-newer", NEWER)):
            yield Case(name + suffix, iommu=iommu, kernel=kernel, linux=linux,
                       short=name + suffix in short, **more)

    first = {"fault": NOT_IN_FIRST,
             "positive": ("translations", "inv-pasid-iotlb-page")}
    through = {"group": "identity", "iova": 1 << 56, "fault": PASSED_THROUGH,
               "positive": (), "once": ("translations",)}

    yield from case("sm-second", SCALABLE, fault=NOT_IN_SECOND)
    yield from case("sm-second-caching", f"{SCALABLE},caching-mode=on",
                    fault=NOT_IN_SECOND)
    yield from case("sm-first", f"{SCALABLE},x-flts=on", short=("sm-first",),
                    **first)
    yield from case("sm-first-lazy", f"{SCALABLE},x-flts=on",
                    "iommu.strict=0", group="DMA-FQ", fault=NOT_IN_FIRST,
                    positive=("translations", "inv-pasid-iotlb"))
    yield from case("sm-pt", SCALABLE, "iommu=pt", **through)
    yield from case("sm-full", f"{FULL},caching-mode=on,device-iotlb=on",
                    **first)
    # With four levels, such an address is not canonical.
    yield from case("sm-57", f"{FULL},aw-bits=57", short=("sm-57-newer",),
                    **first | {"iova": 1 << 50})
    yield from case("sm-57-pt", f"{FULL},aw-bits=57", "iommu=pt", **through)


CASES = {case.name: case for case in (
    # In xAPIC mode, with KVM in x2APIC mode
    Case("default", harmed=True,
         # Else no program may reach the unit's registers
         kernel="iomem=relaxed",
         log=("Enabled IRQ remapping in ",
              "Host address width 48",
              "TLB invalidation policy: strict mode")),
    Case("caching-mode", iommu="caching-mode=on", watched=True,
         log=("IOMMU batching disallowed due to virtualization",),
         positive=("translations", "inv-iotlb-page", "inv-context-device")),
    # The last CPU's id does not fit into the eight bits of an xAPIC.
    Case("x2apic", iommu="eim=on",
         smp=f"{CPUS - 1},maxcpus=288,sockets=288",
         hot_cpu=287,
         log=("Enabled IRQ remapping in x2apic mode",)),
    Case("pt", kernel="iommu=pt", group="identity",
         log=("Default domain type: Passthrough",),
         iova=1 << 56, fault="[fault reason 0x04] Access beyond MGAW",
         # A device reaches memory without asking for translations; that what
         # it asks for is beyond memory is for one to find.
         positive=(), once=("translations",)),
    Case("lazy", kernel="iommu.strict=0", group="DMA-FQ",
         log=("TLB invalidation policy: lazy mode",),
         positive=("translations", "inv-iotlb-domain")),
    Case("aw39", iommu="aw-bits=39,eim=off",
         log=("Host address width 39",
              "Enabled IRQ remapping in xapic mode")),
    Case("no-ir", iommu="intremap=off", remapping=False,
         zero=("interrupts-remapped",)),
    *_scalable(),
)}
