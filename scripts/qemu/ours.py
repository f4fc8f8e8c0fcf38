# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of our files have a place in QEMU's tree, and the names of them."""

import os
import re
from fnmatch import fnmatchcase

import wiring

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Directories whose files go to the same path in QEMU's tree.
DIRS = ('hw', 'include', 'qapi', 'util', 'docs', 'tests/qtest', 'tests/unit',
        'tests/vtd')
STOCK_DIRS = ('hw/misc', 'include/hw/misc')
SUFFIXES = ('.c', '.h', '.json', '.rst', '/trace-events')


def matches(path, patterns):
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def our_files(dirs=DIRS):
    """Paths of all files there that have a place in QEMU's tree."""
    for top in dirs:
        for here, below, files in os.walk(os.path.join(REPO, top)):
            below.sort()
            for name in sorted(files):
                path = os.path.relpath(os.path.join(here, name), REPO)
                if (('/' + path).endswith(SUFFIXES)
                        and not matches(path, wiring.STAYS)):
                    yield path


def read(path):
    with open(os.path.join(REPO, path), encoding='utf-8') as f:
        return f.read()


def maintained(section):
    """The F: lines of a section of our MAINTAINERS."""
    text = re.search(rf'^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)',
                     read('MAINTAINERS'), re.M | re.S)
    return re.findall(r'^F: (\S+)$', text[1], re.M)


class Names:
    """
    What names between @ in the tables stand for: some files of ours.

    A name has a list, of which each makes a line.
    """

    def __init__(self, files):
        self.files = sorted(files)
        self.lists = {
            'DEVICE': self.named('hw/i386/intel_iommu*.c', 'hw/i386/') +
            self.named('hw/i386/vtd/*.c', 'hw/i386/'),
            'ENGINE': self.named('hw/i386/vtd/*.c', ''),
            'TESTDEV': self.named('hw/misc/vtd-testdev*.c', 'hw/misc/'),
            'QTEST': [name[:-2] for name in self.named(
                'tests/qtest/*-test.c', 'tests/qtest/')],
            'HELPER': [name for name in self.named(
                'tests/qtest/vtd-*.c', 'tests/qtest/')
                if not name.endswith('-test.c')] +
            [f'../{name}' for name in self.named('tests/vtd/*.c', 'tests/')],
            'BENCH': self.named('tests/qtest/bench/bench-*.c',
                                'tests/qtest/'),
            'UNIT_HOST': self.named('tests/unit/vtd-*.c', 'tests/unit/') +
            [f'../{name}' for name in self.named('tests/vtd/*.c', 'tests/')],
            'UNIT_TREE': [name[:-2] for name in self.named(
                'tests/unit/test-iova-*.c', 'tests/unit/')],
            'UNIT_VTD': [name[:-2] for name in self.named(
                'tests/unit/test-vtd-*.c', 'tests/unit/')],
            'DEVICE_PAGE': self.named('docs/system/devices/*.rst',
                                      'docs/system/devices/'),
            'SPEC_PAGE': self.named('docs/specs/*.rst', 'docs/specs/'),
            'DEVEL_PAGE': self.named('docs/devel/*.rst', 'docs/devel/'),
            'EVENT': re.findall(r'^(\w+)\(', read(wiring.EVENTS), re.M)
            if self.has(wiring.EVENTS) else [],
        }
        # QEMU's list has one of this name.
        self.lists['QTEST_MORE'] = [name for name in self.lists['QTEST']
                                    if name != 'intel-iommu-test']
        for each in ('SPEC_PAGE', 'DEVEL_PAGE'):
            self.lists[each] = [name[:-4] for name in self.lists[each]]

    def named(self, pattern, there):
        return [path[len(there):] for path in self.files
                if fnmatchcase(path, pattern)]

    def has(self, pattern):
        """Is one of the files such a one?"""
        return any(fnmatchcase(path, pattern) for path in self.files)

    def maintained(self, section):
        """Those F: lines of a section that a file is for."""
        def is_for(line, path):
            return (path.startswith(line) if line.endswith('/')
                    else fnmatchcase(path, line))

        return [line for line in maintained(section)
                if any(is_for(line, path) for path in self.files)]

    def expand(self, text):
        """Lines made of one with @NAME@ in it, one for each of the list."""
        lines = [text]
        for name, values in self.lists.items():
            if f'@{name}@' in text:
                lines = [line.replace(f'@{name}@', each) for line in lines
                         for each in values]
        return lines
