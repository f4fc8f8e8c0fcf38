# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a nested run: what each layer has, and what it does.

A case is a function that gets a Run. It tells the guests what to do and
states what must be true; what is counted on the way becomes its row of the
summary.
"""

import contextlib
from dataclasses import dataclass
from typing import Callable

import dpdk
import dpdk_cases
import nested_domain
import refused
from initramfs import IOMMUFD
from layers import wait_for

DATA, SENT = 64, 8              # MiB of data that L1 makes, and gets back
NVME = "0000:00:04.0"
NIC = "0000:01:00.0"
VIRTIO = "0000:00:07.0"
NVME_IN_L2 = "0000:01:00.0"
NIC_IN_L2 = "0000:00:06.0"
INNER_NVME = ("-device", "pcie-root-port,id=socket,addr=05.0,chassis=1",
              "-device", f"vfio-pci,host={NVME},bus=socket,id=nvme")
BY_IOMMUFD = ("-object", "iommufd,id=iommufd", *INNER_NVME[:-1],
              f"{INNER_NVME[-1]},iommufd=iommufd")
INNER_NIC = ("-device", f"vfio-pci,host={NIC},addr=06.0,id=nic")
INNER_ATS = ("-device",
             "intel-iommu,caching-mode=on,device-iotlb=on,id=iommu")
INNER_IOMMU = ("-device", "intel-iommu,caching-mode=on,id=iommu")
SECOND, FIRST = "x-scalable-mode=on", "x-scalable-mode=on,x-flts=on"
FULL = "x-scalable-mode=on,x-scalable-full=on,aw-bits=57"
STRICT = "intel_iommu=on iommu.strict=1"
PT = "intel_iommu=on iommu=pt"
# Below a port, since virtio has ATS nowhere else
VHOST = ("-netdev", "tap,id=tap,ifname=tap0,script=no,downscript=no,vhost=on",
         "-device", "pcie-root-port,id=uplink,addr=07.0,chassis=1",
         "-device", "virtio-net-pci,bus=uplink,netdev=tap,romfile=,packed=on,"
         "disable-legacy=on,iommu_platform=on")
VHOST_IN_L2 = "0000:01:00.0"
# The layout of the nvme's image: the first half is the host's pattern, and
# guests write to the second.


def disk_check(run, guest, mib, name):
    """Read, write and verify so many MiB of the nvme at a guest."""
    run.equal(guest.do(f"disk_read nvme0n1 0 {mib}", limit=3600).strip(),
              run.disk.digest(0, mib), f"{name}: {mib} MiB read match")
    guest.do(f"disk_copy nvme0n1 0 {run.disk.half} {mib}", limit=3600)
    run.equal(guest.do(f"disk_read nvme0n1 {run.disk.half} {mib}",
                       limit=3600).strip(),
              run.disk.digest(0, mib),
              f"{name}: {mib} MiB written match, inside")
    run.equal(run.disk.digest(run.disk.half, mib), run.disk.digest(0, mib),
              f"{name}: {mib} MiB written match, outside")
    run.moved += 3 * mib


def disk_copy_check(run, guest, mib, name):
    """Read and write so many MiB of the nvme at a guest; verify outside."""
    guest.do(f"disk_copy nvme0n1 0 {run.disk.half} {mib}", limit=3600)
    run.equal(run.disk.digest(run.disk.half, mib), run.disk.digest(0, mib),
              f"{name}: {mib} MiB read and written match")
    run.moved += 2 * mib


def inner_is_clean(run, inner):
    """No fault in L2's log, no error of its QEMU's; count what it did."""
    logs_are_clean(run, inner)
    run.count(inner)


def logs_are_clean(run, inner):
    """The same of an L2 that may be gone, but for the counters."""
    run.equal(inner.faults(), "", "L2's log has no fault")
    run.equal(inner.errors(), "", "L1's QEMU has no error")


def copy_forever(run, inner):
    """Have L2 copy on its nvme; return when that is under way."""
    before = run.shadow().maps
    inner.send("while :; do disk_copy nvme0n1 0 "
               f"{run.disk.half} {DATA}; done")
    run.true(wait_for(lambda: run.shadow().maps > before + 1000),
             "a transfer is under way", f"{run.shadow().maps - before} MAPs")


def assigned_disk(run, iommu=(), parameters="", mib=None, rounds=1,
                  device=INNER_NVME):
    """L2 drives the nvme that L1 has bound to vfio-pci."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*iommu, *device], parameters)
    uses_iommufd(run, device != INNER_NVME)
    disk_check(run, inner, mib or run.mib, "L2's nvme")
    for i in range(1, rounds):
        run.disk.renew(i)
        disk_copy_check(run, inner, mib or run.mib, f"round {i + 1}")
    nothing_refused(run, inner)
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def uses_iommufd(run, does):
    """State which way L1's QEMU has to VFIO."""
    files = run.outer.do("ls -l /proc/$inner_pid/fd").split()
    run.equal("/dev/iommu" in files, does,
              f"L1's QEMU maps by {'iommufd' if does else 'a container'}")


def nothing_refused(run, inner):
    """State that VFIO mapped all that an IOMMU of ours asked for."""
    stats = inner.stats()
    if stats:
        run.equal(stats["shadow-refused"], 0, "no MAP was refused")


def disk_iommufd(run):
    """Three layers; L1's QEMU maps by iommufd, then by a container."""
    for device in BY_IOMMUFD, INNER_NVME:
        assigned_disk(run, INNER_IOMMU, STRICT, device=device)
    assigned_disk(run, INNER_IOMMU, PT, mib=DATA, device=BY_IOMMUFD)


def both_iommufd(run):
    """The nvme by iommufd and the NIC by a container, in one L2."""
    run.outer.do(f"give {NVME} vfio-pci; give {NIC} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *BY_IOMMUFD, *INNER_NIC], STRICT)
    uses_iommufd(run, True)
    inner.do(f"net_up {NIC_IN_L2} 10.0.10.15/24")
    disk_check(run, inner, min(run.mib, DATA), "L2's nvme")
    net_check(run, inner, "10.0.10.2", SENT, "L2's NIC")
    nothing_refused(run, inner)
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def disk_plain(run):
    """L2 without an IOMMU: all of its memory is mapped."""
    assigned_disk(run)


def disk_strict(run):
    """L2 with an IOMMU of ours, every buffer mapped and unmapped."""
    assigned_disk(run, INNER_IOMMU, STRICT)


def disk_passthrough(run):
    """The same with iommu=pt."""
    assigned_disk(run, INNER_IOMMU, PT)


def disk_strict_long(run):
    """Three layers, more than ten times, other data each time."""
    assigned_disk(run, INNER_IOMMU, STRICT, rounds=11)


@contextlib.contextmanager
def without_remapping(run):
    """L0's IOMMU remaps no interrupts."""
    yield ["-global", "intel-iommu.intremap=off"]


def scalable(options):
    """L0's IOMMU has options of scalable mode, which L1 then uses."""
    @contextlib.contextmanager
    def setting(run):
        yield [word for option in options.split(",")
               for word in ("-global", f"intel-iommu.{option}")]
    return setting


def scalable_layers(run, assigned, options, told, mib=None):
    """Three layers, two of IOMMUs with these options, each in strict mode.

    told: the counter of what a kernel says of pages that it unmaps.
    """
    # L1's QEMU must not ask for more than L1's VFIO has.
    inner = options.removesuffix(",aw-bits=57")
    assigned(run, ("-device", f"intel-iommu,caching-mode=on,{inner},id=iommu"),
             STRICT, mib)
    for layer, stats in (("L1", run.outer.stats()), ("L2", run.row)):
        run.true(stats["inv-pasid-cache"] > 0, f"{layer} is in scalable mode",
                 stats)
        run.true(stats[told] > 0,
                 f"{layer}'s tables are of that stage: {told}", stats)


def disk_second(run):
    """Three layers in scalable mode, tables of the second stage."""
    scalable_layers(run, assigned_disk, SECOND, "inv-iotlb-page")


def disk_first(run):
    """The same with tables of the first stage."""
    scalable_layers(run, assigned_disk, FIRST, "inv-pasid-iotlb-page")


def disk_full(run):
    """The same with all that there is: both stages, 57 bits at L1."""
    scalable_layers(run, assigned_disk, FULL, "inv-pasid-iotlb-page")


def nic_first(run):
    """Three layers, first-stage tables, and the assigned NIC."""
    # Each buffer that is received has all first-stage tables looked at.
    scalable_layers(run, nic_assigned, FIRST, "inv-pasid-iotlb-page",
                    min(run.mib, 16))


def disk_unsafe(run):
    """L0 remaps no interrupts, and L1's VFIO is told to do without."""
    run.outer.do("echo Y >/sys/module/vfio_iommu_type1/parameters/"
                 "allow_unsafe_interrupts")
    assigned_disk(run, INNER_IOMMU, STRICT, mib=DATA)


def disk_outer(run):
    """L1 drives the nvme itself."""
    run.outer.do(f"give {NVME} nvme")
    disk_check(run, run.outer, run.mib, "L1's nvme")


def vfio_read(run, guest, address, name, mib=DATA):
    """A program of a guest's drives the nvme, by VFIO."""
    guest.do(f"give {address} vfio-pci")
    run.equal(guest.do(f"disk_read_by_vfio {address} {mib}",
                       limit=600).strip(),
              run.disk.digest(0, mib), f"{name}: {mib} MiB read by VFIO "
              "match")
    run.moved += mib


def disk_vfio(run):
    """A program in L1 drives the nvme by VFIO (qemu-img's own driver)."""
    vfio_read(run, run.outer, NVME, "L1")
    run.nothing_left()


def net_check(run, guest, host, mib, name):
    """Receive so many MiB from L0's side by TCP, and send some."""
    server = run.server
    size, sent = min(mib, DATA), min(mib, SENT)
    for i in range(max(1, mib // DATA)):
        expected = server.renew(f"{name} {i}", size)
        run.equal(guest.do(f"net_fetch {host} {server.port}",
                           limit=3600).strip(), expected,
                  f"{name}: {size} MiB received match ({i + 1})")
    digest = guest.do(f"net_give {sent} {host} {server.port}",
                      limit=3600).strip()
    run.true(wait_for(lambda: server.taken(digest)),
             f"{name}: {sent} MiB sent match")
    run.moved += mib + sent


def virtio_outer(run):
    """L1 drives the virtio-net itself: TCP to the outside."""
    before = run.outer.stats()
    run.outer.do(f"net_up {VIRTIO} 10.0.30.15/24")
    net_check(run, run.outer, "10.0.30.2", run.mib, "L1's virtio-net")
    after = run.outer.stats()
    if after:
        # Each time for 64 KiB at most
        run.true(after["translations"] - before["translations"]
                 > 16 * run.moved, "L0's IOMMU translates what moves")


def nic_assigned(run, iommu=(), parameters="", mib=None, rounds=1):
    """L2 drives the NIC that L1 has bound to vfio-pci."""
    run.outer.do(f"give {NIC} vfio-pci")
    inner = run.inner([*iommu, *INNER_NIC], parameters)
    inner.do(f"net_up {NIC_IN_L2} 10.0.10.15/24")
    for i in range(rounds):
        net_check(run, inner, "10.0.10.2", mib or run.mib, f"round {i + 1}")
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def nic_plain(run):
    """L2 without an IOMMU and the assigned NIC: TCP to the outside."""
    nic_assigned(run)


def nic_strict(run):
    """The same in three layers."""
    nic_assigned(run, INNER_IOMMU, STRICT)


def nic_passthrough(run):
    """The same with iommu=pt."""
    nic_assigned(run, INNER_IOMMU, PT)


def nic_strict_long(run):
    """Three layers, more than ten times, little data, but other each time."""
    nic_assigned(run, INNER_IOMMU, STRICT, mib=2, rounds=11)


def _vhost(run, iommu, device, parameters=STRICT):
    outer = run.outer
    outer.do("[ -e /tmp/data ] || { tunctl -t tap0 && "
             "ip addr add 10.0.20.2/24 dev tap0 && ip link set tap0 up && "
             f"dd if=/dev/urandom of=/tmp/data bs=1M count={DATA}; }}")
    inner = run.inner([*iommu, *device], parameters)
    inner.do(f"net_up {VHOST_IN_L2} 10.0.20.15/24")
    outer.do("nc -l -p 5000 </tmp/data >/dev/null 2>&1 &")
    inner.do("net_take 10.0.20.2 5000 >/tmp/data", limit=600)
    run.equal(inner.do("sum </tmp/data"), outer.do("sum </tmp/data"),
              f"{DATA} MiB received match")
    # Each buffer that goes out is new to vhost, and asked for: slow
    outer.do("net_receive -l -p 5001 >/tmp/sent & sent_pid=$!")
    inner.do(f"head -c {SENT}m /tmp/data | nc 10.0.20.2 5001 >/dev/null",
             limit=600)
    run.equal(outer.do("wait $sent_pid; cat /tmp/sent"),
              outer.do(f"head -c {SENT}m /tmp/data | sum"),
              f"{SENT} MiB sent match")
    run.moved += DATA + SENT
    inner_is_clean(run, inner)
    run.uses_ats(inner.stats(), iommu == INNER_ATS)
    inner.quit()


def vhost(run):
    """L2's virtio-net is the kernel's vhost in L1, behind L2's IOMMU."""
    _vhost(run, INNER_IOMMU, VHOST)


def vhost_passthrough(run):
    """The same with iommu=pt."""
    _vhost(run, INNER_IOMMU, VHOST, PT)


def vhost_ats(run):
    """The same with ATS: L2's device-TLB invalidations reach vhost."""
    _vhost(run, INNER_ATS, (*VHOST[:-1], f"{VHOST[-1]},ats=on"))


def rebind(run):
    """The nvme goes from L2 to L1's own driver and back, L2 being gone."""
    for iommu, parameters in (((), ""), (INNER_IOMMU, STRICT)):
        assigned_disk(run, iommu, parameters, mib=DATA)
        run.outer.do(f"give {NVME} nvme")
        disk_check(run, run.outer, DATA, "L1's nvme")


def hotplug(run):
    """The nvme is unplugged from a running L2, and plugged in again."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    for i in range(2):
        disk_check(run, inner, DATA, f"before unplug {i + 1}")
        inner.qmp("device_del", id="nvme")
        run.true(wait_for(lambda: "nvme" not in {
            device["name"] for device in
            inner.qmp("qom-list", path="/machine/peripheral")}),
            f"unplug {i + 1} completes")
        inner.do("await test ! -e /dev/nvme0n1")
        run.nothing_left()
        inner.qmp("device_add", driver="vfio-pci", host=NVME, bus="socket",
                  id="nvme")
    disk_check(run, inner, DATA, "after the last plug")
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def reboot_inner(run):
    """L2 reboots with its nvme in use, by itself and by its reset button."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    for how in ("reboot", "reset"):
        disk_check(run, inner, DATA, f"before the {how}")
        if how == "reboot":
            inner.send("reboot -f")
        else:
            copy_forever(run, inner)
            inner.qmp("system_reset")
        inner.booted()
    disk_check(run, inner, DATA, "after both")
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def reboot_outer(run):
    """L1 is reset while L2 uses its nvme."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    copy_forever(run, inner)
    inner_is_clean(run, inner)      # L1's files do not outlive it
    run.outer.qmp.command("system_reset")
    run.nothing_left()
    run.outer.booted()
    assigned_disk(run, INNER_IOMMU, STRICT, mib=DATA)


def kill_inner(run):
    """L2's QEMU is killed in the middle of a transfer."""
    for i in range(3):
        run.outer.do(f"give {NVME} vfio-pci")
        inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
        disk_check(run, inner, DATA, f"before kill {i + 1}")
        copy_forever(run, inner)
        run.count(inner)
        run.outer.do(f"sleep 0.{3 * i + 1}")
        inner.kill()
        run.nothing_left()
        logs_are_clean(run, inner)
        run.outer.do(f"give {NVME} nvme")
        run.equal(run.outer.do(f"disk_read nvme0n1 0 {DATA}").strip(),
                  run.disk.digest(0, DATA),
                  f"after kill {i + 1}: {DATA} MiB read in L1 match")


@contextlib.contextmanager
def _step(run, name):
    """Trace what L0's shadows are told meanwhile; that some is mapped."""
    run.trace.start(name)
    yield
    maps, unmaps = run.trace.stop()
    run.true(maps > 0, f"{name}: {maps} MAPs, {unmaps} UNMAPs at L0")


def switch(run):
    """The nvme moves between its kernel's domain and VFIO's, at L1 and L2.

    What L0 does about it is traced: which table it follows, and what it maps
    and unmaps on the way.
    """
    run.outer.do(f"give {NVME} nvme")
    home = run.trace.table()
    with _step(run, "L1's kernel to VFIO"):
        run.outer.do(f"give {NVME} vfio-pci")
        inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    away = run.trace.table()
    run.true(away not in (home, None), "L0 follows the nvme to VFIO's table",
             f"tables: {home}, {away}")
    run.true(run.shadow().mappings > 0, "L0's shadow has what VFIO mapped")
    for i in range(2):
        disk_check(run, inner, DATA, f"L2's own driver {i + 1}")
        program = f"a program in L2 ({i + 1})"
        with _step(run, "L2's kernel to VFIO"):
            vfio_read(run, inner, NVME_IN_L2, program, mib=1)
        vfio_read(run, inner, NVME_IN_L2, program)
        with _step(run, "VFIO to L2's kernel"):
            inner.do(f"give {NVME_IN_L2} nvme; await test -b /dev/nvme0n1")
    disk_check(run, inner, DATA, "L2's own driver again")
    inner_is_clean(run, inner)
    with _step(run, "VFIO to L1's kernel"):
        inner.quit()
        run.outer.do(f"give {NVME} nvme; await test -b /dev/nvme0n1")
    run.equal(run.trace.table(), home,
              "L0 follows the nvme back to the kernel's table")
    disk_check(run, run.outer, DATA, "L1's own driver")
    run.record = run.trace.kept


# What L1's QEMU is given, and what it then says; CAP has CM at 0x80.  Its
# first bit, ESRTPS, is not looked at: not every QEMU has it.
IOMMU, ASSIGNED = "-device intel-iommu", f"-device vfio-pci,host={NVME}"
ASKED = (
    (f"{IOMMU}", "CAP 0x00d2008c222f0606"),
    (f"{IOMMU} {ASSIGNED}", "CAP 0x00d2008c222f0686"),
    (f"{IOMMU},caching-mode=on {ASSIGNED}", "CAP 0x00d2008c222f0686"),
    (f"{IOMMU},caching-mode=off {ASSIGNED}",
     "needs -device intel-iommu,caching-mode=on"),
    (f"{IOMMU},snoop-control=on {ASSIGNED}",
     "needs -device intel-iommu,snoop-control=off"),
    (f"{ASSIGNED} {IOMMU}",
     "-device intel-iommu must come before -device vfio-pci"),
    (f"-M default-bus-bypass-iommu=on {IOMMU},caching-mode=off {ASSIGNED}",
     "CAP 0x00d2008c222f0606"),
)


def interrupts(run):
    """L2 has two CPUs, and remaps the NIC's interrupts from one to another.

    KVM in L1 delivers them, by routes that have to follow each change.
    """
    run.outer.do(f"give {NIC} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NIC, "-smp", "2"], STRICT)
    inner.do(f"net_up {NIC_IN_L2} 10.0.10.15/24")
    run.true("Enabled IRQ remapping" in inner.do("dmesg | grep DMAR-IR"),
             "L2 remaps interrupts")
    for cpu in (1, 0, 1):
        inner.do(f"irqs_to_cpu eth0 {cpu}")
        before = inner.do("irqs_of eth0").split()
        inner.do(f"net_give 1 10.0.10.2 {run.server.port}")
        after = inner.do("irqs_of eth0").split()
        counts = [int(b) - int(a) for a, b in zip(before, after)]
        # One that is under way may still come where it went before.
        run.true(counts[cpu] > 10 > counts[1 - cpu],
                 f"interrupts come to CPU {cpu}", f"{counts}")
    inner_is_clean(run, inner)
    inner.quit()
    run.nothing_left()


def asked(run):
    """L1's QEMU takes vfio-pci, or refuses it and says why; no L2 boots."""
    run.outer.do(f"give {NVME} vfio-pci")
    for arguments, said in ASKED:
        text, _ = run.outer.tell(
            "printf 'xp /1gx 0xfed90008\\nquit\\n' | /bin/qemu -L /firmware "
            "-nodefaults -no-user-config -display none -machine q35 -S "
            f"-accel tcg -m 256M -monitor stdio {arguments} 2>&1 | "
            "sed 's/^0*fed90008:/CAP/; s/^CAP 0x8/CAP 0x0/'")
        run.true(said in text, f"{arguments}: {said}", text)


@dataclass(frozen=True)
class Case:
    """A row: a name, what runs, and when."""
    name: str
    run: Callable
    short: bool = False             # in the short form, too
    ours: tuple = ()                # layers whose device must be ours
    # The id of the device whose shadow at L0 is judged and counted, if any
    shadow: str | None = None
    # A context: what L0 has more for an L1 of this case's own, if anything
    setting: Callable = lambda run: contextlib.nullcontext(())
    # Whose kernel L1 boots, as of initramfs.build()
    suite: str = ""
    # What L1 has more: pairs of a path there and a path here
    programs: Callable = lambda cache: ()
    # It makes faults at L0, and judges what is said of them itself
    faulty: bool = False


def _cases():
    def disk(name, run, **more):
        return Case(name, run, shadow="disk-shadow", **more)

    def nic(name, run, **more):
        return Case(name, run, shadow="nic-shadow", **more)

    def wire(name, run, setting=dpdk_cases.with_wire):
        return Case(name, run, shadow="wire-shadow", setting=setting,
                    programs=dpdk.programs)

    return (
        disk("disk-l1", disk_outer),
        disk("disk-l1-vfio", disk_vfio),
        Case("net-l1", virtio_outer, short=True),
        disk("asked", asked, short=True, ours=("l1",)),
        disk("disk-plain", disk_plain, short=True),
        disk("disk-strict", disk_strict, short=True),
        disk("disk-pt", disk_passthrough),
        disk("disk-strict-11", disk_strict_long),
        disk("disk-no-ir", disk_unsafe, setting=without_remapping),
        disk("disk-second", disk_second, setting=scalable(SECOND),
             ours=("l0", "l1")),
        disk("disk-first", disk_first, setting=scalable(FIRST),
             ours=("l0", "l1")),
        disk("disk-full", disk_full, setting=scalable(FULL),
             ours=("l0", "l1")),
        nic("nic-first", nic_first, setting=scalable(FIRST),
            ours=("l0", "l1")),
        nic("nic-plain", nic_plain),
        nic("nic-strict", nic_strict),
        nic("nic-pt", nic_passthrough),
        nic("nic-strict-11", nic_strict_long),
        nic("interrupts", interrupts, short=True),
        Case("vhost", vhost, short=True),
        Case("vhost-pt", vhost_passthrough),
        Case("vhost-ats", vhost_ats),
        disk("rebind", rebind),
        disk("hotplug", hotplug),
        disk("reboot-l2", reboot_inner),
        disk("reboot-l1", reboot_outer),
        disk("kill-l2", kill_inner),
        disk("switch", switch, ours=("l0",)),
        disk("iommufd", disk_iommufd, suite=IOMMUFD),
        disk("iommufd-both", both_iommufd, suite=IOMMUFD),
        disk("nested-domain", nested_domain.nested_domain,
             setting=scalable(FULL), suite=IOMMUFD, ours=("l0",),
             programs=nested_domain.programs),
        disk("refused", refused.refused, setting=refused.narrow,
             ours=("l0", "l1"), programs=refused.programs, faulty=True),
        disk("refused-iommufd", refused.refused_iommufd,
             setting=refused.narrow, suite=IOMMUFD, ours=("l0", "l1"),
             programs=refused.programs_iommufd, faulty=True),
        Case("refused-vdpa", refused.refused_vdpa, suite=IOMMUFD,
             ours=("l0", "l1"), programs=refused.programs_vdpa, faulty=True),
        wire("testpmd-4k", dpdk_cases.testpmd_small),
        wire("testpmd-huge", dpdk_cases.testpmd_huge),
        wire("vhost-user", dpdk_cases.vhost_user, dpdk_cases.with_backend),
        wire("vhost-user-ats", dpdk_cases.vhost_user_ats,
             dpdk_cases.with_backend_ats))


CASES = {case.name: case for case in _cases()}
