# SPDX-License-Identifier: GPL-2.0-or-later
"""
What QEMU's own device does wrong, as the qtests of ours see it.

The rows are those of the table in docs/devel/intel-iommu-review.rst.
"""

import re
import subprocess

# Test program, case, and what is said of QEMU's own device; the row passes if
# the case fails there with these words.
ROWS = (
    ("shadow-event", "shadow/2-unchanged",
     r"row 'global context': steps.remapped is 0x[1-9a-f]"),
    ("shadow-event", "shadow/2-unchanged",
     r"row 'IOTLB register, global': shadow is 0x0,"),
    ("shadow-share", "shadow/reader",
     r"row 'in lockstep': testdev_reader_stop\(&w.a\) is 0x[1-9a-f]"),
    ("shadow-share", "shadow/10-hotplug",
     r"row 'device comes, round 0': testdev_count\(&hot, TESTDEV_UNMAPS\) is "
     r"0x[1-9a-f]"),
    ("shadow-walk", "shadow/8-interrupt-range",
     r"Assertion `entry->iova >= notifier->start"),
    ("shadow", "shadow/first/interrupts",
     r"Assertion `entry->iova >= notifier->start"),
    ("shadow", "shadow/first/split",
     r"row 'becomes 512 leaves to one page': UNMAP that cuts a mapping is "
     r"0x[1-9a-f]"),
    ("shadow-walk", "shadow/6-sizes",
     r"row 'pages, same bytes': steps.remapped is 0x[1-9a-f]"),
    ("shadow", "shadow/4-fewest-unmaps",
     r"row 'go': steps.unmaps is 0x200, expected 0x1"),
    ("shadow", "shadow/4-dirty-tracking",
     r"row 'dirty tracking': shadow is 0x\w+, expected 0x0"),
    ("shadow", "shadow/5-not-ram",
     r"row 'registers': target not in one RAM section is 0x[1-9a-f]"),
    ("shadow-event", "shadow/1-events",
     r"row 'page IOTLB, address in the middle': shadow is 0x\w+, "
     r"expected 0x0"),
    ("shadow-memory", "shadow/memory-bar",
     r"row 'on, 0': mapped_to\(.*\) is 0x0, expected 0x6"),
    ("shadow-memory", "shadow/memory-dimm",
     r"row 'plugged, 0': mapped_to\(.*\) is 0x0, expected 0xb"),
    ("shadow-vhost", "shadow/12-host-fails",
     r"row 'and then for more, flush 0': shadow is 0x0,"),
    ("auto", "auto/maps",
     r"row 'round 0': testdev_count\(&t, TESTDEV_MAPS\) is 0x0"),
    ("", "registers/register-invalidation",
     r"row 'context, queue on, 64 bits': got >> 63 is 0x1, expected 0x0"),
    ("queue", "queue/wait",
     r"row 'neither': qvtd_read64\(d, QVTD_IQH\) is 0x80, expected 0x90"),
    ("queue", "queue/queue-errors",
     r"row 'tail at the end of the queue': qvtd_read64\(d, QVTD_IQERCD\) is "
     r"0x0, expected 0x1"),
    ("cache", "cache/iotlb", r"row 'one page, with bit 48, queue': .* is 0x0"),
    ("fault", "fault/output-range", r"row 'level 2, 0xff000 after 0x100000': "
     r"fault.reason is 0xe, expected 0x0"),
    ("fault", "fault/root", r"row 'TTM 10': !dma\(.*\) is 0x0, expected 0x1"),
    ("intr", "intr/compatibility",
     r"row 'remapping on': qvtd_take_fault\(.*\) is 0x0, expected 0x1"),
    ("x2apic", "x2apic/high-event", r"row 'CPU 287': address_sent\(&log\) is "
     r"0xfee1f000, expected 0x100fee1f000"),
)


def program(name):
    return "-".join(part for part in ("intel-iommu", name, "test") if part)


def said(qemu, name, case):
    """What a case says with QEMU's own device, and whether it failed."""
    run = [qemu.build / "tests/qtest" / program(name)]
    env = {"QTEST_QEMU_BINARY": qemu.stock}
    # The first part of a path is made of the binary's name.
    paths = subprocess.run([*run, "-l"], env=env, check=False, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    paths = [path for path in paths if path.split("/intel-iommu/")[-1] == case]
    if len(paths) != 1:
        return f"no case {case}", False
    done = subprocess.run([*run, "--tap", "-k", "-p", paths[0]], env=env,
                          check=False, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout, done.returncode != 0


def judge(qemu):
    """(title, faults) of each row."""
    outputs = {}
    for name, case, words in ROWS:
        if (name, case) not in outputs:
            outputs[name, case] = said(qemu, name, case)
        text, failed = outputs[name, case]
        found = re.search(words, text)
        line = text[text.rfind("\n", 0, found.start()) + 1:].split(
            "\n")[0] if found else ""
        print(f"    QEMU's own: {line}" if found else "")
        yield (f"stock/{program(name)}/{case}",
               [] if failed and found else
               [f"not seen: {words}", *text.splitlines()[-5:]])
