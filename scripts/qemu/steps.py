# SPDX-License-Identifier: GPL-2.0-or-later
"""
The steps of the series that scripts/export-series makes.

Each file of ours that has a place in QEMU's tree is of exactly one step: that
with its path, or else the first whose pattern fits.  What is edited in QEMU's
own files with it is in wiring.py.
"""

from collections import namedtuple

from ours import matches, our_files

# What it is to a reader; the message behind that; its files: paths, or
# patterns.  The step that is HEADERS brings the headers of newer names that a
# tree has not.
Step = namedtuple('Step', 'subject body files')

HEADERS = 'include: headers by their newest names'


def step(subject, body, *files):
    return Step(subject, body.strip() + '\n', files)


STEPS = (
    step(HEADERS, '''
The files that follow include some headers by names that newer versions
have.  A header that is not there yet includes the one of the older name.
'''),

    step('util/iova-tree: ranges that never overlap', '''
A tree of ranges on a GTree, with the calls that vhost-vdpa and shadow
virtqueues make.  An insertion says what is wrong with it, a lookup
finds any mapping that overlaps, and the search for free space ends
where there is none.  One test goes through each call, another one holds
random sequences against a plain list.
''',
         'util/iova-tree.c', 'include/qemu/iova-tree.h',
         'tests/unit/test-iova-tree*.c'),

    step('hw/misc: tell the IOMMU what became of a MAP', '''
A notifier returns nothing, so an IOMMU that keeps a shadow never hears
that VFIO or vDPA could not map a page, and takes it for mapped from
then on.  Let the two leave the result for whoever notified them.
''',
         'hw/misc/iommu-refusal.c', 'include/hw/misc/iommu-refusal.h'),

    step('hw/misc: a test device that listens to its IOMMU', '''
It registers for notifications as VFIO does for an assigned device, and
keeps the rules of VFIO's type1 over what it is told: which mappings
there are, what overlapped or was cut, and in which order all came.
Besides that it DMAs where it is told to.  A device for IOMMU tests that
only DMAs (iommu-testdev) does not see a shadow; this one fits beside
it, and works with any IOMMU.
''',
         'hw/misc/vtd-testdev*', 'include/hw/misc/vtd-testdev.h',
         'docs/specs/vtd-testdev.rst'),

    step('tests/vtd: a driver of VT-d for tests', '''
What software does to the registers, the queue and the tables, over a
port of a few calls, so that unit tests and qtests have it in common.
It has the numbers of the specification a second time.
''',
         'tests/vtd/driver.[ch]', 'tests/vtd/expect.[ch]',
         'tests/vtd/numbers.h', 'tests/vtd/port.h', 'tests/vtd/runs.[ch]',
         'tests/vtd/tables*.c', 'tests/vtd/words.h'),

    step('tests/qtest: the test device, by itself', '''
A driver of it for qtests, and what it does without any IOMMU.
''',
         'tests/qtest/vtd-driver.[ch]', 'tests/qtest/vtd-port.[ch]',
         'tests/qtest/vtd-testdev.[ch]', 'tests/qtest/vtd-testdev-test.c'),

    step('hw/i386/vtd: the specification in numbers', '''
Registers, entries and descriptors, each layout once; and a page that
says what of the specification is emulated, and how, which comments of
the code refer to by section.
''',
         'hw/i386/vtd/spec.h', 'docs/specs/intel-vtd.rst'),

    step('hw/i386/vtd: the events of VT-d in a file of their own', '''
They are those that there are, with the same arguments, and a few more.
The device that tells them now includes both headers.
''',
         'hw/i386/vtd/trace-events', 'hw/i386/vtd/trace.h'),

    step('hw/i386/vtd: what the engine is to others', '''
The engine does all that the specification says and knows nothing of
QEMU's object model.  It is reached by the calls of vtd.h and reaches
the world by the table VtdOps.  So it builds and is tested alone.  Its
files follow, each with its job, and are compiled into a library for
tests/unit; the device comes when all of them are there.
''',
         'hw/i386/vtd/*.h'),

    step('hw/i386/vtd: registers', '''
The register image, a table that says of each register what is writable
and what a write sets off, and the commands.
''',
         'hw/i386/vtd/csr.c', 'hw/i386/vtd/piece.c', 'hw/i386/vtd/regs.c',
         'hw/i386/vtd/command.c'),

    step('hw/i386/vtd: the invalidation queue', '''
A row for each descriptor, and the order in which caches hear of an
invalidation.  However a queue is filled, a call is over in bounded
time.
''',
         'hw/i386/vtd/queue*.c', 'hw/i386/vtd/invalidate*.c',
         'hw/i386/vtd/drain.c',
         'hw/i386/vtd/ram.c'),

    step('hw/i386/vtd: events and faults', '''
Event messages can be masked, held back and sent later; fault records,
from any thread; and what users are told of a guest's mistakes.
''',
         'hw/i386/vtd/event.c', 'hw/i386/vtd/fault.c', 'hw/i386/vtd/log.c',
         'hw/i386/vtd/history.c', 'hw/i386/vtd/words.c'),

    step('hw/i386/vtd: root and context entries', '''
They are decoded once and read without a lock afterwards.  A number that
each invalidation advances says whether what was read may be cached.
''',
         'hw/i386/vtd/context*.c', 'hw/i386/vtd/pasid*.c'),

    step('hw/i386/vtd: page walks and the IOTLB', '''
The format of a table is data, for one walk that serves requests.  The
IOTLB is read without a lock, and never dropped for being full.
''',
         'hw/i386/vtd/walk*.c', 'hw/i386/vtd/stages*.c',
         'hw/i386/vtd/mark.c',
         'hw/i386/vtd/iotlb.c', 'hw/i386/vtd/paging.c',
         'tests/unit/test-vtd-iotlb.c'),

    step('hw/i386/vtd: the way of a DMA', '''
From context and IOTLB to the address, or to the fault that names the
first cause in the order of the specification.
''',
         'hw/i386/vtd/translate*.c'),

    step('hw/i386/vtd: interrupt remapping', '''
Remapped messages with their table and a cache of it, and those in the
compatibility format, which pass if software lets them.
''',
         'hw/i386/vtd/interrupt*.c'),

    step('hw/i386/vtd: views of devices', '''
A device meets memory as it is, or translation.  Its view changes when
that really changes, for a switch makes whoever mapped for it drop all.
''',
         'hw/i386/vtd/space*.c'),

    step('hw/i386/vtd: what was last seen of a table', '''
A shadow is only right if every difference between two looks at a table
is told, and quick if nothing else is.  So what was seen is kept, once
for all devices on a table: as the guest wrote it, or as one number
where pages are contiguous.  A look compares whole tables in place.
''',
         'hw/i386/vtd/seen.c', 'hw/i386/vtd/diff.c', 'hw/i386/vtd/sync.c',
         'hw/i386/vtd/compose.c', 'hw/i386/vtd/copies.c',
         'hw/i386/vtd/guest.c', 'hw/i386/vtd/glance.c',
         'hw/i386/vtd/place.c',
         'tests/unit/test-vtd-copies.c',
         'tests/unit/test-vtd-limits-random.c'),

    step('hw/i386/vtd: differences as MAPs and UNMAPs', '''
A page that is as it was gets no notification.  Pages that went are
unmapped in the fewest ranges that touch no page that stays.  VFIO
cannot split a mapping, so what was sent wider than a page is recorded.
What a listener refused is tried again.
''',
         'hw/i386/vtd/send.c', 'hw/i386/vtd/notify.c',
         'hw/i386/vtd/extents.c', 'hw/i386/vtd/refused.c',
         'hw/i386/vtd/replay.c', 'tests/unit/test-vtd-extents.c'),

    step('hw/i386/vtd: shadows in step', '''
Devices that follow one table are brought along together, RAM that comes
or goes is a difference too, and the events of walks tell what the walks
of old told.
''',
         'hw/i386/vtd/share*.c', 'hw/i386/vtd/memory.c',
         'hw/i386/vtd/tracewalk.c'),

    step('hw/i386/vtd: migration', '''
The state of a unit, and what of it is refused: a stream can be hostile,
and what is let in is no worse than what a guest can write.
''',
         'hw/i386/vtd/save.c'),

    step('hw/i386/vtd: a unit', '''
Its life, CAP and ECAP, counters.  With this the engine is whole; its
tests follow.
''',
         'hw/i386/vtd/unit.c', 'hw/i386/vtd/explain.c',
         'hw/i386/vtd/query.c', 'hw/i386/vtd/ranges.c'),

    step('tests/vtd: judges of shadows', '''
A slow walk of what the guest wrote, which shares nothing with the
engine, and a judge of what one step did to a shadow: nothing that did
not change was touched, what had to go went in the fewest UNMAPs.
''',
         'tests/vtd/plain*.[ch]', 'tests/vtd/judge.[ch]'),

    step('tests/unit: the VT-d engine in a made-up host', '''
Guest memory, devices, listeners as strict as VFIO, and a guest, for the
tests of the engine; and those of units and of the judge itself.
''',
         'tests/unit/vtd-*', 'tests/vtd/edits.h', 'tests/vtd/rows.h',
         'tests/unit/test-vtd-judge.c', 'tests/unit/test-vtd-unit.c'),

    step('tests/unit: registers, the queue, faults and caches of VT-d', '''
Rows of tables, in tests/vtd where qtests try them as well.
''',
         'tests/vtd/rows-queue.c', 'tests/vtd/rows-fault.c',
         'tests/vtd/rows-cache.c', 'tests/unit/test-vtd-regs.c',
         'tests/unit/test-vtd-queue.c', 'tests/unit/test-vtd-fault.c',
         'tests/unit/test-vtd-cache.c'),

    step('tests/unit: scalable mode of VT-d', '''
Rows for each check of its entries and of both stages, for the queue of
256 bits, and for what is dropped; the plain walk has to agree.
''',
         'tests/vtd/*-sm*', 'tests/unit/test-vtd-scalable*.c'),

    step('tests/unit: translation and interrupts of VT-d', '''
Contexts, the way of a DMA, remapped messages, and both of them at
random against a second opinion; the lines on faults; threads.
''',
         'tests/unit/test-vtd-context*.c', 'tests/unit/test-vtd-translate*.c',
         'tests/unit/test-vtd-log.c',
         'tests/unit/test-vtd-pasid*.c', 'tests/unit/test-vtd-interrupt*.c',
         'tests/unit/test-vtd-random-*.c', 'tests/unit/test-vtd-threads.c'),

    step('tests/unit: shadows of VT-d', '''
What a shadow does about edits of tables, rule by rule.
''',
         'tests/vtd/rows-edits.c', 'tests/unit/test-vtd-shadow.c',
         'tests/unit/test-vtd-shadow-event.c', 'tests/unit/test-vtd-sink.c',
         'tests/unit/test-vtd-shadow-share.c', 'tests/unit/test-vtd-pieces.c'),

    step('tests/unit: shadows of VT-d at their limits, and at random', '''
Refused MAPs, memory that comes and goes, limits and what they cost, and
random events of several devices, judged after each.
''',
         'tests/unit/test-vtd-shadow-*.c', 'tests/unit/test-vtd-limits*.c',
         'tests/unit/test-vtd-memory.c', 'tests/unit/test-vtd-refused.c'),

    step('tests/unit: migration of VT-d', '''
States that go on where they were, and streams that are refused.
''',
         'tests/unit/test-vtd-save*.c'),

    step('tests/unit: more of VT-d', '''
The rest of the tests of the engine.
''',
         'tests/unit/test-vtd-*.c'),

    step('hw/i386/intel_iommu: the engine as the device', '''
A shell around the engine takes the place of the device that was there:
QOM, the guest's memory and its layout, address spaces, the APIC,
options, devices of the host, bridges, migration.  Options, stream and
place are the same, and what differs on purpose is listed in the manual.
The files that go are named here by their objects' ids, without their
text.
''',
         'hw/i386/intel_iommu*', 'include/hw/i386/intel_iommu.h',
         'include/hw/i386/intel_iommu_hmp.h', 'hw/misc/vtd-query-stub.c',
         'qapi/vtd.json',
         'docs/system/devices/intel-iommu*.rst',
         'tests/qtest/intel-iommu-test.c'),

    step('tests/qtest: helpers for VT-d', '''
A board, a local APIC that is read, a device that DMAs of its own, the
trace, and a listener that is judged.
''',
         'tests/qtest/vtd-board.[ch]', 'tests/qtest/vtd-lapic.[ch]',
         'tests/qtest/vtd-edu.[ch]', 'tests/qtest/vtd-trace.[ch]',
         'tests/qtest/vtd-shadow.[ch]', 'tests/qtest/vtd-migrate.[ch]'),

    step('tests/qtest: registers, the queue and faults of VT-d', '''
The rows of the unit tests once more, through QEMU; events, options,
reset.
''',
         'tests/qtest/intel-iommu-queue-test.c',
         'tests/qtest/intel-iommu-fault-test.c',
         'tests/qtest/intel-iommu-cache-test.c',
         'tests/qtest/intel-iommu-event-test.c',
         'tests/qtest/intel-iommu-log-test.c',
         'tests/qtest/intel-iommu-props-test.c',
         'tests/qtest/intel-iommu-reset-test.c',
         'tests/qtest/intel-iommu-symptom-test.c',
         'tests/qtest/intel-iommu-trace-test.c'),

    step('tests/qtest: DMA of VT-d', '''
DMA of each kind of device, bridges and buses, memory of CXL, what ACPI
says, assigned devices without an option.
''',
         'tests/qtest/intel-iommu-dma*-test.c',
         'tests/qtest/intel-iommu-bus-test.c',
         'tests/qtest/intel-iommu-cxl-test.c',
         'tests/qtest/intel-iommu-auto-test.c',
         'tests/qtest/intel-iommu-topology-test.c'),

    step('tests/qtest: interrupts of VT-d', '''
Messages of devices and of the I/O APIC, x2APIC, KVM's routes.
''',
         'tests/qtest/intel-iommu-intr-test.c',
         'tests/qtest/intel-iommu-iec-test.c',
         'tests/qtest/intel-iommu-apic-test.c',
         'tests/qtest/intel-iommu-x2apic-test.c',
         'tests/qtest/intel-iommu-kvm-test.c'),

    step('tests/qtest: shadows of VT-d', '''
What listeners of each kind are told, through QEMU's memory core.
''',
         'tests/qtest/intel-iommu-shadow*-test.c'),

    step('tests/qtest: migration of VT-d', '''
Each field of the stream, streams that are refused, and guests that go
on where they were.
''',
         'tests/qtest/intel-iommu-migrate-test.c',
         'tests/qtest/intel-iommu-stream-test.c'),

    step('tests/qtest: VT-d against another one, bit by bit', '''
The same inputs to this device and to that of another binary: what a
guest can see is compared, and what may differ is a list.
''',
         'tests/qtest/vtd-subject*.[ch]', 'tests/qtest/vtd-compare.[ch]',
         'tests/qtest/vtd-differences.c',
         'tests/qtest/intel-iommu-compare-test.c'),

    step('tests/qtest: more of VT-d', '''
Random inputs, and the rest of the tests of the device.
''',
         'tests/qtest/intel-iommu-*-test.c', 'tests/qtest/vtd-*'),

    step('tests/qtest: measure VT-d', '''
A program that has a device build tables and flush them, and says what
that took; it is no test.
''',
         'tests/qtest/bench/*'),

    step('docs/devel: how VT-d works here', '''
What each file owns, which lock guards it, the rules of shadows, what
can be traced; and a page for whoever reviews this.
''',
         'docs/devel/*.rst'),
)


class Unplaced(Exception):
    """A file of ours is of no step, or of two."""


def place(paths, steps=STEPS):
    """The files of each step, as a list of lists."""
    files = [[] for _ in steps]
    wrong = []
    for path in paths:
        exact = [i for i, each in enumerate(steps) if path in each.files]
        found = exact or [i for i, each in enumerate(steps)
                          if matches(path, each.files)][:1]
        if len(found) != 1:
            wrong.append(f'{path} is of {len(found)} steps')
        for i in found[:1]:
            files[i].append(path)
    wrong += [f'{each.subject}: no file is {pattern}'
              for i, each in enumerate(steps) for pattern in each.files
              if '*' not in pattern and not any(
                  matches(path, (pattern,)) for path in files[i])]
    if wrong:
        raise Unplaced('\n'.join(wrong))
    return files


def our_steps():
    return place(list(our_files()))
