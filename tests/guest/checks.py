# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges what a guest did: named checks, printed as TAP, and a summary."""

import hashlib
import re

from cases import CPUS, DISKS, ENTRY, FAULTY, NICS, SECOND_IOVA
from machine import DISK_HALF, MIB, NET_SIZE

# What a guest's log must not have: DMAR faults, queue errors, broken I/O.
# Guests grep for it, too: written as both Python and grep -E have it.
BAD_LOG = re.compile(
    r"DMAR: (\[|DRHD: handling fault|VT-d detected|.*malfunction)|"
    r"WARNING: |BUG: |Oops|Call Trace|Kernel panic|NETDEV WATCHDOG|"
    r"I/O error|exception Emask|QID [0-9]+ timeout|gave up waiting")


class Tap:
    """Prints checks as the Test Anything Protocol has them, and counts."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.before = 0             # checks that an earlier run has passed

    def _print(self, result, name):
        number = self.passed + self.failed + self.skipped
        print(f"{result} {number} - {name}", flush=True)

    def check(self, passed, name, details=""):
        """Print one check; its details, any lines, only if it failed."""
        self.passed += bool(passed)
        self.failed += not passed
        self._print("ok" if passed else "not ok", name)
        if not passed:
            note(details)

    def skip(self, name, reason):
        """Print a check that can't be made here."""
        self.skipped += 1
        self._print("ok", f"{name} # SKIP {reason}")

    def kept(self, name, checks):
        """Print what has passed so many checks in an earlier run."""
        self.before += checks
        self.skip(name, f"its {checks} checks passed before")

    def plan(self):
        """Print how many checks there were."""
        print(f"1..{self.passed + self.failed + self.skipped}", flush=True)

    def verdict(self):
        """Print the count as the last line; return the exit status.

        A run that checks nothing is no success.
        """
        words = []
        if self.passed or self.failed:
            words.append(f"{self.passed} passed, {self.failed} failed")
        if self.before:
            words.append(f"{self.before} passed before with this build "
                         "(--again repeats them)")
        note("; ".join(words) or "0 passed, 1 failed: nothing was checked")
        return 1 if self.failed or not words else 0


def note(text):
    """Print diagnostic lines."""
    for line in str(text).splitlines():
        print("#", line, flush=True)


def _interrupts(lines):
    """Return {number: (count, chip)} of the guest's /proc/interrupts."""
    cpus = len(lines[0].split()) if lines else 0
    table = {}
    for line in lines[1:]:
        number, *fields = line.split()
        if number[:-1].isdigit():
            counts = map(int, fields[:cpus])
            table[int(number[:-1])] = (sum(counts), fields[cpus])
    return table


def _check_interrupts(tap, name, used, chip):
    total = sum(count for count, _ in used)
    tap.check(total > 0 and all(c.startswith(chip) for _, c in used),
              f"{name}: interrupts arrive by {chip}",
              f"(count, chip): {used}")


def _check_devices(tap, machine):
    case = machine.case
    name = case.name
    prefix = "IR-" if case.remapping else ""
    table = _interrupts(machine.facts.get("interrupts", []))
    for device in DISKS + NICS:
        group = machine.fact(f"{device.name}.group")
        tap.check(group == case.group,
                  f"{name}: {device.name}: IOMMU group is {case.group}",
                  f"it is {group!r}")
        used = [table[int(n)] for n in
                machine.fact(f"{device.name}.irqs").split()
                if int(n) in table]
        _check_interrupts(tap, f"{name}: {device.name}", used,
                          f"{prefix}PCI-MSI")
    # Reads of ahci, one after the other, after its interrupt was moved
    moved = machine.fact("moved")
    tap.check(moved.isdigit() and int(moved) > 0,
              f"{name}: ahci: interrupts move to the last CPU",
              f"it had {moved or 'none'}")
    _check_interrupts(tap, f"{name}: IOAPIC",
                      [(n, chip) for n, chip in table.values()
                       if chip.endswith("IO-APIC")], f"{prefix}IO-APIC")


def _first_mib(machine, name):
    """The digest of what the guest reads first of a disk."""
    data, = (data for disk, data in machine.disk_data.items()
             if disk.name == name)
    return hashlib.sha256(data[:MIB]).hexdigest()


def _check_data(tap, machine):
    name = machine.case.name
    for i, disk in enumerate(DISKS):
        data = machine.disk_data[disk]
        expected = hashlib.sha256(data).hexdigest()
        seen = machine.fact(f"{disk.name}.read")
        tap.check(seen == expected,
                  f"{name}: {disk.name}: {DISK_HALF // MIB} MiB read match",
                  f"sha256 inside {seen or '(none)'}, outside {expected}")
        image = machine.image(disk).read_bytes()
        tap.check(image == data + machine.disk_data[machine.source(i)],
                  f"{name}: {disk.name}: {DISK_HALF // MIB} MiB written "
                  "match, and no other byte changed")
    for i, nic in enumerate(NICS):
        server = machine.servers[nic]
        expected = hashlib.sha256(server.data).hexdigest()
        seen = machine.fact(f"{nic.name}.received")
        tap.check(seen == expected,
                  f"{name}: {nic.name}: {NET_SIZE // MIB} MiB received match",
                  f"sha256 inside {seen or '(none)'}, outside {expected}")
        source = machine.disk_data[machine.source(i)]
        tap.check(server.received == source[:NET_SIZE],
                  f"{name}: {nic.name}: {NET_SIZE // MIB} MiB sent match",
                  f"{len(server.received)} bytes came")


def _take_fault(tap, case, bad):
    """Check the fault that was provoked, and take it out of the bad lines."""
    device = FAULTY.removeprefix("0000:")
    told = re.compile(rf"DMAR: \[DMA Read( NO_PASID)?\] Request device "
                      rf"\[{device}\] fault addr {case.iova:#x} "
                      + re.escape(case.fault))
    faults = [line for line in bad if told.search(line)]
    tap.check(len(faults) == 1, f"{case.name}: log has the fault of "
              f"{device} at {case.iova:#x}, '{case.fault}'",
              "\n".join(bad[:20]) or "it has no fault")
    status = [line for line in bad
              if "DRHD: handling fault status reg 2" in line]
    for line in faults[:1] + status[:1]:
        bad.remove(line)


def _harm():
    """Pairs of patterns: what the kernel says of HARM, and what QEMU does."""
    device = re.escape(FAULTY.removeprefix("0000:"))
    ours = device.replace(r"\.", ":0")
    return (
        (rf"DMAR: \[INTR-REMAP\] Request device \[{device}\] fault index "
         rf"{ENTRY:#x} \[fault reason 0x22\] Present field in the IRTE entry "
         "is clear",
         rf"vtd_irte_get: detected non-present IRTE \(index={ENTRY}, .*: "
         rf"dev={ours}, interrupt, reason 0x22: the interrupt entry is not "
         "present"),
        (rf"DMAR: \[INTR-REMAP\] Request device \[{device}\] fault index 0x0 "
         r"\[fault reason 0x25\] Blocked a compatibility format interrupt "
         "request",
         rf"dev={ours}, interrupt, reason 0x25: the interrupt is not "
         "remappable, and such are blocked"),
        ("DMAR: DRHD: handling fault status reg 3", None),
        ("DMAR: VT-d detected Invalidation Queue Error: Reason 1",
         "vtd_fetch_inv_desc: "),
    )


def _take_harm(tap, case, bad, said):
    """Check what guest and QEMU say of HARM; take it out of the bad lines."""
    for linux, ours in _harm():
        tap.check(any(re.search(linux, line) for line in bad),
                  f"{case.name}: log has '{linux}'", "\n".join(bad[:20]))
        if ours:
            tap.check(len(re.findall(ours, said)) == 1,
                      f"{case.name}: QEMU says once '{ours}'", said[-2000:])
    known = re.compile("|".join(
        [linux for linux, _ in _harm()]
        + ["DRHD: handling fault status reg (2|10)$",
           rf"DMAR: \[DMA Read NO_PASID\] .* fault addr {SECOND_IOVA:#x} "]))
    bad[:] = [line for line in bad if not known.search(line)]


def _check_log(tap, case, log, said):
    for text in ("DMAR: Intel(R) Virtualization Technology for Directed I/O",
                 *case.log):
        tap.check(text in log, f"{case.name}: log has '{text}'")
    if not case.remapping:
        tap.check("Enabled IRQ remapping" not in log,
                  f"{case.name}: log has no 'Enabled IRQ remapping'")
    bad = [line for line in log.splitlines() if BAD_LOG.search(line)]
    _take_fault(tap, case, bad)
    if case.harmed:
        _take_harm(tap, case, bad, said)
    tap.check(log and not bad, f"{case.name}: log has no fault or warning",
              "\n".join(bad[:20]) or "the log is empty")


def _check_counters(tap, machine):
    case, stats = machine.case, machine.stats or {}
    positive = case.positive + ("interrupts-remapped",) * case.remapping
    for key in positive:
        tap.check(stats.get(key, 0) > 0, f"{case.name}: counter {key} > 0",
                  f"it is {stats.get(key)}")
    # Of faults, those that are provoked
    exact = dict.fromkeys(case.zero, 0) | dict.fromkeys(case.once, 1) | {
        "faults-lost": 0, "faults-recorded": 1}
    if case.harmed:
        exact |= {"faults-lost": 1, "faults-recorded": 4, "inv-errors": 1}
    for key, value in exact.items():
        tap.check(stats.get(key) == value,
                  f"{case.name}: counter {key} is {value}",
                  f"it is {stats.get(key)}")
    tap.check(machine.fact("faulty.status")[-2:] == "02",
              f"{case.name}: the device's read there fails",
              f"its status is {machine.fact('faulty.status') or 'unknown'}")


def _check_complaints(tap, machine):
    """QEMU may tell of the fault that was provoked, and of nothing else.

    What it says of a device explains what the guest's driver makes of it.
    """
    case = machine.case
    log = machine.errors.read_text(errors="replace")
    known = [rf": vtd_.*\biova={case.iova:#x}\b"]
    if case.harmed:
        known += [ours for _, ours in _harm() if ours]
    bad = [line for line in log.splitlines()
           if not re.search("|".join(known), line)]
    tap.check(not bad, f"{case.name}: QEMU complains of nothing else",
              "\n".join(bad[:20]))
    reason = int(re.search(r"fault reason (0x[0-9a-f]+)", case.fault)[1], 16)
    device = FAULTY.removeprefix("0000:").replace(".", ":0")
    told = (f"vtd_iommu_translate: detected translation failure "
            f"(dev={device}, iova={case.iova:#x}): read, reason {reason:#x}: ")
    tap.check(log.count(told) == 1, f"{case.name}: QEMU tells of the fault",
              log[-2000:])


def _check_watch(tap, machine):
    name, watch = machine.case.name, machine.watch
    for what in "translations", "misses", "maps":
        tap.check(watch.most(what) > 0, f"{name}: vtd-top shows {what}",
                  f"{len(watch.rates)} intervals\n{watch.errors}")
    tap.check(watch.ranges() > 0, f"{name}: vtd-map draws what Linux maps",
              watch.errors or f"see {watch.picture}")
    tap.check(not watch.errors, f"{name}: neither complains", watch.errors)


def judge(tap, machine):
    """Print every check of a case; what the guest did not report fails."""
    name = machine.case.name
    failed = tap.failed
    log = machine.console.read_text(errors="replace")
    if machine.timed_out:
        note("the guest hung and was stopped")
    tap.check("end" in machine.facts, f"{name}: the guest did all its work")
    tap.check(machine.fact("cpus") == str(CPUS), f"{name}: {CPUS} CPUs",
              f"the guest counts {machine.fact('cpus') or 'none'}")
    _check_data(tap, machine)
    _check_devices(tap, machine)
    tap.check(machine.stats is not None, f"{name}: QEMU gives its counters",
              machine.stats_error)
    _check_counters(tap, machine)
    tap.check(machine.exit_status == 0, f"{name}: the guest powers off",
              f"QEMU's exit status: {machine.exit_status}")
    _check_complaints(tap, machine)
    if machine.watch:
        _check_watch(tap, machine)
    if machine.case.harmed:
        tap.check(machine.fact("harm.read") == _first_mib(machine, "ahci"),
                  f"{name}: ahci: 1 MiB read after the queue's error match",
                  machine.fact("harm.read"))
    _check_log(tap, machine.case, log,
               machine.errors.read_text(errors="replace"))
    if tap.failed > failed:
        note(f"--- end of {machine.console}")
        note("\n".join(log.splitlines()[-25:]))
        note(f"--- {machine.errors}")
        note(machine.errors.read_text(errors="replace")[-2000:])


def summary(machine):
    """Print what the IOMMU did, as far as its counters say."""
    left = dict(machine.stats or {})
    rates = []
    for key in [key for key in left if key.endswith("-hits")]:
        cache = key.removesuffix("-hits")
        hits, misses = left.pop(key), left.pop(f"{cache}-misses", 0)
        if hits + misses:
            rates.append(f"{cache} {100 * hits / (hits + misses):.1f} % of "
                         f"{hits + misses}")
    kinds = [f"{key.removeprefix('inv-')} {left.pop(key)}"
             for key in list(left) if key.startswith("inv-") if left[key]]
    # What never happened is not worth a word, unless it is a fault.
    left = {key: left[key] for key in sorted(left)
            if left[key] or key.startswith("faults-")}
    rows = {
        "to move": f"{DISK_HALF // MIB} MiB from and to each of "
        + ", ".join(disk.name for disk in DISKS)
        + f"; {NET_SIZE // MIB} MiB through each of "
        + ", ".join(nic.name for nic in NICS) + ", both ways",
        "counted": ", ".join(f"{k} {v}" for k, v in left.items()),
        "cache hits": ", ".join(rates),
        "invalidations": ", ".join(kinds) or "none",
    }
    note(f"{machine.case.name}: Linux {machine.fact('kernel')}, "
         f"{machine.fact('cpus')} CPUs, booted in "
         f"{machine.boot_seconds:.1f} s, done in {machine.seconds:.1f} s")
    for key, value in rows.items():
        if machine.stats:
            note(f"  {key:14} {value}")
