# SPDX-License-Identifier: GPL-2.0-or-later
"""The cover letter of the series."""

from report import duration, size, times
from results import BAR_PAGES, BARS, MEMORY, TIMES

SUBJECT = "intel-iommu: an engine of its own, with shadows that do not flap"

TEXT = '''\
This is intel-iommu anew, for those who assign devices to a guest that
uses it (vfio-pci, vhost, vDPA), and the IOVA tree beside it.  The
options, the migration stream and the place in the tree that there are
stay.

What changes for users:

* A mapping that the guest did not change is never unmapped, whatever it
  invalidates.  Today a flush takes mappings away and brings them back,
  and a device whose DMA is under way meets the gap.
* A flush costs what has changed, and not what is mapped.
* Assigned devices need no option: caching-mode=auto.
* Scalable mode has both stages, nested ones and 57 bits, and devices
  can be assigned in each: a shadow of first-stage tables hears of new
  mappings by write buffer flushes (CAP.RWBF), nested tables are composed
  for it.  It needs nothing of the host's IOMMU but MAP and UNMAP.
* What a guest writes can end QEMU in some places today, and does not.
* RAM that comes and goes is mapped and unmapped at once; what a host
  refuses to map is told of and tried again.
* info vtd, x-query-vtd and x-vtd-explain say what the unit does for a
  device and where the way of a request ends; events of QMP tell of
  faults, a stopped queue, refused mappings and the limit.

docs/devel/intel-iommu-review.rst, in the last patch, is for whoever
reviews this: why it is laid out so, and what is wrong today, each row
with the test that shows it.

How to read it: the IOVA tree is by itself.  A test device and a driver
for tests follow, then the engine, file by file.  An engine of which
files call each other can be linked only when all of them are there.
So each of its patches is compiled into a library for tests/unit, with
those tests that need no more; the others follow when it is whole.
Until then the device that is there is not touched, but for its trace
events, which move.  Then the device follows in one patch, with what
monitors can ask and the registers' test, and then qtests.

{gone}
{measured}
{base}{subjects}

{stat}
'''

GONE = '''\
Files that go are deleted by their objects' ids, without their text:
git am needs no more, and refuses a file that is not the one of the id.

{files}
'''

MEASURED = '''\
Measured by scripts/bench of the project that this comes from
({cpus} CPUs, {cpu}, {runs}; CPU time of QEMU):
{tables}
Of the bars that it is held to, {met} of {bars} are met.
'''

NOT_MEASURED = '''\
Nothing was measured for this letter.
'''

OPERATIONS = ('first-sync', 'idle', 'changed', 'teardown', 'page', 'page-map',
              'page-unmap', 'context')


# Of one operation, in a row of its own: title, what of it, and how it is shown
MORE = {
    'teardown': ('    UNMAPs of that', 'unmaps', '{:.0f}'.format),
    'memory': (dict(MEMORY)['memory'], 'bytes_per_page', '{:.2f}'.format),
}


def table(medians, layout):
    """One of what operations take, as lines."""
    row = '{:<42}{:>9}{:>9}{:>8}'

    def line(op, title, what, show):
        values = [medians.get((device, layout, op), {}).get(what)
                  for device in ('stock', 'ours')]
        if all(values):
            yield row.format(title, *map(show, values),
                             times(values[0] / values[1])).rstrip()

    yield ''
    yield row.format(f'{size(BAR_PAGES)} pages, {layout}', 'today', 'series',
                     'times')
    for op, title in TIMES + MEMORY:
        if op in OPERATIONS:
            yield from line(op, title, 'ns', duration)
        if op in MORE:
            yield from line(op, *MORE[op])


def measured(bench):
    if not bench:
        return NOT_MEASURED
    medians = {(each['device'], each['layout'], each['op']): each['median']
               for each in bench['results'] if each['pages'] == BAR_PAGES}
    tables = [line for layout in dict.fromkeys(bar[0] for bar in BARS)
              for line in table(medians, layout)]
    runs = bench['runs']
    return MEASURED.format(
        cpus=bench['cpus'], cpu=bench['cpu'],
        runs='one run' if runs == 1 else f'medians of {runs} runs',
        tables='\n'.join(tables) + '\n',
        met=sum(bar['met'] for bar in bench['bars']), bars=len(bench['bars']))


def body(version, commit, gone, bench, subjects, stat):
    """Its text: what the tree is, what goes of it, what was measured."""
    files = '\n'.join(f'  {path}' for path in gone)
    return TEXT.format(
        gone=GONE.format(files=files) if gone else '',
        measured=measured(bench),
        base=f'base-commit: {commit}\n\n' if commit else
        f'The series is for QEMU {version}.\n\n',
        subjects='\n'.join(f'  {subject}' for subject in subjects), stat=stat)
