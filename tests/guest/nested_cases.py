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
from layers import Inner, wait_for

DATA, SENT = 64, 8              # MiB of data that L1 makes, and gets back
NVME = "0000:00:04.0"
NIC = "0000:00:06.0"
NVME_IN_L2 = "0000:01:00.0"
INNER_NVME = ("-device", "pcie-root-port,id=socket,addr=05.0,chassis=1",
              "-device", f"vfio-pci,host={NVME},bus=socket,id=nvme")
INNER_NIC = ("-device", f"vfio-pci,host={NIC},addr=06.0,id=nic")
INNER_ATS = ("-device",
             "intel-iommu,caching-mode=on,device-iotlb=on,id=iommu")
INNER_IOMMU = ("-device", "intel-iommu,caching-mode=on,id=iommu")
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
    run.equal(inner.do("faults"), "", "L2's log has no fault")
    run.equal(inner.errors(), "", "L1's QEMU has no error")
    run.count(inner)


def nothing_left(run):
    """L0's shadow of the assigned device is empty: no page stays mapped."""
    run.true(wait_for(lambda: not run.shadow().mappings, 20),
             "nothing stays mapped in L0's shadow of the device",
             f"{run.shadow()}")


def assigned_disk(run, iommu=(), parameters="", mib=None, rounds=1):
    """L2 drives the nvme that L1 has bound to vfio-pci."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*iommu, *INNER_NVME], parameters)
    disk_check(run, inner, mib or run.mib, "L2's nvme")
    for i in range(1, rounds):
        run.disk.renew(i)
        disk_copy_check(run, inner, mib or run.mib, f"round {i + 1}")
    inner_is_clean(run, inner)
    inner.quit()
    nothing_left(run)


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


def disk_unsafe(run):
    """L0 remaps no interrupts, and L1's VFIO is told to do without."""
    run.outer.do("echo Y >/sys/module/vfio_iommu_type1/parameters/"
                 "allow_unsafe_interrupts")
    assigned_disk(run, INNER_IOMMU, STRICT, mib=DATA)


def disk_outer(run):
    """L1 drives the nvme itself."""
    run.outer.do(f"give {NVME} nvme")
    disk_check(run, run.outer, run.mib, "L1's nvme")


def vfio_read(run, guest, address, name):
    """A program of a guest's drives the nvme, by VFIO."""
    guest.do(f"give {address} vfio-pci")
    run.equal(guest.do(f"disk_read_by_vfio {address} {DATA}",
                       limit=600).strip(),
              run.disk.digest(0, DATA), f"{name}: {DATA} MiB read by VFIO "
              "match")
    run.moved += DATA


def disk_vfio(run):
    """A program in L1 drives the nvme by VFIO (qemu-img's own driver)."""
    vfio_read(run, run.outer, NVME, "L1")
    nothing_left(run)


def nic_assigned(run, iommu, parameters):
    """L2 drives the NIC that L1 has bound to vfio-pci: TCP to L0's side."""
    run.outer.do(f"give {NIC} vfio-pci")
    inner = run.inner([*iommu, *INNER_NIC], parameters)
    inner.do(f"net_up {NIC} 10.0.10.15/24")
    server = run.server
    for i in range(max(1, run.mib // server.mib)):
        run.equal(inner.do(f"net_fetch 10.0.10.2 {server.port}",
                           limit=3600).strip(), server.digest,
                  f"{server.mib} MiB received match ({i + 1})")
        run.moved += server.mib
    sent = inner.do(f"net_give {SENT} 10.0.10.2 {server.port}",
                    limit=3600).strip()
    run.true(wait_for(lambda: server.taken(sent)),
             f"{SENT} MiB sent match")
    run.moved += SENT
    inner_is_clean(run, inner)
    inner.quit()


def nic_plain(run):
    """L2 without an IOMMU and the assigned NIC: TCP to the outside."""
    nic_assigned(run, (), "")


def nic_strict(run):
    """The same in three layers."""
    nic_assigned(run, INNER_IOMMU, STRICT)


def nic_passthrough(run):
    """The same with iommu=pt."""
    nic_assigned(run, INNER_IOMMU, PT)


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
        nothing_left(run)
        inner.qmp("device_add", driver="vfio-pci", host=NVME, bus="socket",
                  id="nvme")
    disk_check(run, inner, DATA, "after the last plug")
    inner_is_clean(run, inner)
    inner.quit()
    nothing_left(run)


def reboot_inner(run):
    """L2 reboots with its nvme in use, by itself and by its reset button."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    for how in ("reboot", "reset"):
        disk_check(run, inner, DATA, f"before the {how}")
        if how == "reboot":
            inner.send("reboot -f")
        else:
            inner.send(f"disk_copy nvme0n1 0 {run.disk.half} {DATA}")
            inner.qmp("system_reset")
        inner.booted()
    disk_check(run, inner, DATA, "after both")
    inner_is_clean(run, inner)
    inner.quit()
    nothing_left(run)


def reboot_outer(run):
    """L1 is reset while L2 uses its nvme."""
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    inner.send(f"disk_copy nvme0n1 0 {run.disk.half} {DATA}")
    run.true(wait_for(lambda: run.shadow().mappings > 0),
             "pages are mapped before the reset")
    run.outer.qmp.command("system_reset")
    nothing_left(run)
    run.outer.booted()
    assigned_disk(run, INNER_IOMMU, STRICT, mib=DATA)


def kill_inner(run):
    """L2's QEMU is killed in the middle of a transfer."""
    for i in range(3):
        run.outer.do(f"give {NVME} vfio-pci")
        inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
        disk_check(run, inner, DATA, f"before kill {i + 1}")
        inner.send("while :; do disk_copy nvme0n1 0 "
                   f"{run.disk.half} {DATA}; done")
        run.outer.do(f"sleep 0.{3 * i + 1}")
        inner.kill()
        nothing_left(run)
        run.outer.do(f"give {NVME} nvme")
        run.equal(run.outer.do(f"disk_read nvme0n1 0 {DATA}").strip(),
                  run.disk.digest(0, DATA),
                  f"after kill {i + 1}: {DATA} MiB read in L1 match")


def switch(run):
    """The nvme moves between its kernel's domain and VFIO's, at L1 and L2.

    What L0 does about it is traced: which table it follows, and what it maps
    and unmaps on the way.
    """
    run.outer.do(f"give {NVME} nvme")
    home = run.trace.table()
    run.trace.start()
    run.outer.do(f"give {NVME} vfio-pci")
    inner = run.inner([*INNER_IOMMU, *INNER_NVME], STRICT)
    away = run.trace.table()
    run.true(away not in (home, None), "L0 follows the nvme to VFIO's table",
             f"tables: {home}, {away}")
    maps, unmaps = run.trace.stop()
    run.true(0 < run.shadow().mappings <= maps,
             f"L0's shadow has what {maps} MAPs and {unmaps} UNMAPs left",
             f"{run.shadow()}")
    for i in range(2):
        disk_check(run, inner, DATA, f"L2's own driver {i + 1}")
        vfio_read(run, inner, NVME_IN_L2, f"a program in L2 ({i + 1})")
        inner.do(f"give {NVME_IN_L2} nvme")
    disk_check(run, inner, DATA, "L2's own driver again")
    inner_is_clean(run, inner)
    run.trace.start()
    inner.quit()
    run.outer.do(f"give {NVME} nvme")
    run.equal(run.trace.table(), home,
              "L0 follows the nvme back to the kernel's table")
    _, unmaps = run.trace.stop()
    run.true(0 < unmaps, "what VFIO's table mapped is unmapped on the way")
    disk_check(run, run.outer, DATA, "L1's own driver")


# What L1's QEMU is given, and what it then says; CAP has CM at 0x80.
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
    inner.do(f"net_up {NIC} 10.0.10.15/24")
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


def asked(run):
    """L1's QEMU takes vfio-pci, or refuses it and says why; no L2 boots."""
    if run.options.l1 == "stock":
        return                  # it says other things
    run.outer.do(f"give {NVME} vfio-pci")
    for arguments, said in ASKED:
        text, _ = run.outer.tell(
            "printf 'xp /1gx 0xfed90008\\nquit\\n' | /bin/qemu -L /firmware "
            "-nodefaults -no-user-config -display none -machine q35 -S "
            f"-accel tcg -m 256M -monitor stdio {arguments} 2>&1 | "
            "sed 's/^0*fed90008:/CAP/'")
        run.true(said in text, f"{arguments}: {said}", text)


@dataclass(frozen=True)
class Case:
    """A row: a name, what runs, and when."""
    name: str
    run: Callable
    short: bool = False             # in the short form, too
    traced: bool = False            # only with a device of ours at L0
    # A context: what L0 has more for an L1 of this case's own, if anything
    setting: Callable = lambda run: contextlib.nullcontext(())
    # What L1 has more: pairs of a path there and a path here
    programs: Callable = lambda cache: ()


CASES = {case.name: case for case in (
    Case("disk-l1", disk_outer),
    Case("disk-l1-vfio", disk_vfio),
    Case("asked", asked, short=True),
    Case("disk-plain", disk_plain, short=True),
    Case("disk-strict", disk_strict, short=True),
    Case("disk-pt", disk_passthrough),
    Case("disk-strict-11", disk_strict_long),
    Case("disk-no-ir", disk_unsafe, setting=without_remapping),
    Case("nic-plain", nic_plain),
    Case("nic-strict", nic_strict),
    Case("nic-pt", nic_passthrough),
    Case("interrupts", interrupts, short=True),
    Case("vhost", vhost, short=True),
    Case("vhost-pt", vhost_passthrough),
    Case("vhost-ats", vhost_ats),
    Case("rebind", rebind),
    Case("hotplug", hotplug),
    Case("reboot-l2", reboot_inner),
    Case("reboot-l1", reboot_outer),
    Case("kill-l2", kill_inner),
    Case("switch", switch, traced=True),
    Case("testpmd-4k", dpdk_cases.testpmd_small,
         setting=dpdk_cases.with_wire, programs=dpdk.programs),
    Case("testpmd-huge", dpdk_cases.testpmd_huge,
         setting=dpdk_cases.with_wire, programs=dpdk.programs),
    Case("vhost-user", dpdk_cases.vhost_user,
         setting=dpdk_cases.with_backend, programs=dpdk.programs),
    Case("vhost-user-ats", dpdk_cases.vhost_user_ats,
         setting=dpdk_cases.with_backend_ats, programs=dpdk.programs),
)}
