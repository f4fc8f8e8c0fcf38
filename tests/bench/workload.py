# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a guest's own work takes: with no translation, with ours, with QEMU's.

Debian's kernel under TCG, with virtio-blk in an I/O thread, nvme and
virtio-net, whose back ends cost next to nothing.  Strict guests unmap and
invalidate with each request, lazy ones flush their domain now and then.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from processes import BINARY, BUILD, FIRMWARE

sys.path.append(str(Path(__file__).resolve().parents[1] / "guest"))

import initramfs                                    # noqa: E402
from cases import VIRTIO                            # noqa: E402
from machine import MIB, Server                     # noqa: E402

INIT = Path(__file__).with_name("workload-init")
DRIVERS = ("nvme", "virtio_pci", "virtio_blk", "virtio_net")
DEPTH = 4                       # processes that read at once
COUNT = 5000                    # requests of each
NET_MIB = 32
LIMIT = 300                     # seconds

# name, device or None for any, the kernel's parameters, what it is to a reader
CASES = (
    ("off", None, "intel_iommu=off", "no translation"),
    ("strict-ours", "ours", "intel_iommu=on iommu.strict=1", "strict, ours"),
    ("strict-stock", "stock", "intel_iommu=on iommu.strict=1",
     "strict, QEMU's own"),
    ("lazy-ours", "ours", "intel_iommu=on iommu.strict=0", "lazy, ours"),
    ("lazy-stock", "stock", "intel_iommu=on iommu.strict=0",
     "lazy, QEMU's own"),
)
# The guest's name for it, what it is to a reader, its amount
WORK = (
    ("virtio-blk", "virtio-blk, requests/s", DEPTH * COUNT),
    ("nvme", "nvme, requests/s", DEPTH * COUNT),
    ("virtio-net", "virtio-net, MiB/s", NET_MIB),
)


def boot(device, parameters, directory):
    """{work: amount in a second}; ends the program if the guest fails."""
    server = Server(bytes(NET_MIB * MIB))
    initrd = directory / "initramfs.cpio"
    kernel = initramfs.build(
        BUILD / "guest", DRIVERS,
        {"work": f"{DEPTH} {COUNT} 10.0.2.2 {server.port}\n"}, initrd,
        init=INIT)
    disk = f"driver=null-co,read-zeroes=on,size={1024 * MIB},node-name="
    command = [
        BINARY[device], "-L", FIRMWARE, "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-machine", "q35", "-accel",
        "tcg,thread=multi", "-cpu", "max", "-m", "1G",
        "-kernel", kernel, "-initrd", initrd, "-append",
        f"console=ttyS0 panic=-1 mitigations=off no_timer_check {parameters}",
        "-serial", f"file:{directory}/console.log", "-serial", "stdio",
        "-device", "intel-iommu,id=iommu", "-object", "iothread,id=io",
        "-blockdev", f"{disk}blk", "-blockdev", f"{disk}nvm",
        "-device", f"virtio-blk-pci,drive=blk,iothread=io,{VIRTIO}",
        "-device", "nvme,drive=nvm,serial=1",
        "-netdev", "user,id=net", "-device",
        f"virtio-net-pci,netdev=net,romfile=,{VIRTIO}"]
    done = subprocess.run([str(each) for each in command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, timeout=LIMIT, check=False)
    facts = [line.split() for line in done.stdout.splitlines()]
    ticks = {fact[0]: fact[1] for fact in facts if len(fact) == 2}
    if ["end"] not in facts:
        sys.exit(f"bench: the guest did not end; {directory}/console.log")
    translated = ticks.get("group", "").startswith("DMA")
    if translated != parameters.startswith("intel_iommu=on"):
        sys.exit(f"bench: the guest's groups are {ticks.get('group')!r}")
    return {name: amount / (int(ticks[name]) / 100)
            for name, _, amount in WORK}


def measure_workload(devices, runs, out):
    """{case: {work: median of the amount in a second}}."""
    cases = [case for case in CASES if case[1] in (None, *devices)]
    samples = {}
    for repeat in range(runs):
        for name, device, parameters, title in cases:
            directory = out / f"workload-{name}"
            os.makedirs(directory, exist_ok=True)
            for work, rate in boot(device or devices[-1], parameters,
                                   directory).items():
                samples.setdefault((name, work), []).append(rate)
            print(f"  a guest's work, {title:<18} run {repeat + 1}",
                  flush=True)
    return {name: {work: statistics.median(samples[name, work])
                   for work, *_ in WORK} for name, *_ in cases}


def print_workload(workload):
    row = "{:<24}" + "{:>26}" * len(WORK)
    print("\nA guest's own work under TCG; in brackets of that without "
          "translation")
    print(row.format("", *(title for _, title, _ in WORK)))
    for name, _, _, title in CASES:
        if name in workload:
            print(row.format(title, *(
                f"{workload[name][work]:.0f} "
                f"({100 * workload[name][work] / workload['off'][work]:.0f}"
                " %)" for work, *_ in WORK)))
