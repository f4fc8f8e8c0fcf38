# SPDX-License-Identifier: GPL-2.0-or-later
"""
Edits of QEMU's files, as rows of the tables in */wiring.py.

A row is tried as often as the tree is wired, so each leaves alone what it has
done before.  Lines that are put in end in a mark, where the file's language
has comments, and go before all rows are tried again.
"""

import os
import re
from collections import namedtuple

MARKS = {'.c': '  /* wired */', '.h': '  /* wired */', '.hx': '  /* wired */',
         '.rst': ''}
MARK = '  # wired'              # in all other files

# Replace the one place that matches; it is `what` to a reader.
Replace = namedtuple('Replace', 'what pattern text')

# Put lines behind the one line that matches, or at the end ('').
Behind = namedtuple('Behind', 'what anchor lines')

# Delete all lines that begin with what matches, if there are any.
Drop = namedtuple('Drop', 'pattern')

# Delete from lists the names that match and, with the suffix, are no file's
# here: those of files that we replace.
DropMissing = namedtuple('DropMissing', 'pattern suffix')

# Do what another row says unless a line has what matches.
Unless = namedtuple('Unless', 'pattern row')

# In a function of a C file, put a line before or behind the one statement
# that begins like the pattern.
InFunction = namedtuple('InFunction', 'function pattern before behind')


class Mismatch(Exception):
    """A file of QEMU's tree is not as a row expects."""


def expand(text, names):
    """Lines made of one with @NAME@ in it: for a list, one for each."""
    lines = [text]
    for name, value in names.items():
        if f'@{name}@' in text:
            values = [value] if isinstance(value, str) else value
            lines = [line.replace(f'@{name}@', each) for line in lines
                     for each in values]
    return lines


class Edited:
    """
    One file of QEMU's tree, written back only if it changed.

    It has one path, or several: its names in one version or another.
    """

    def __init__(self, tree, path):
        if not isinstance(path, str):
            path = next((each for each in path if os.path.exists(
                os.path.join(tree, each))), ' or '.join(path))
        self.path = path
        self.full = os.path.join(tree, path)
        self.mark = MARKS.get(os.path.splitext(path)[1], MARK)
        try:
            with open(self.full, encoding='utf-8') as f:
                self.old = f.read()
        except OSError as e:
            raise Mismatch(f'{path}: {e.strerror}') from e
        self.text = self.old
        if self.mark:
            self.drop(Drop(f'.*{re.escape(self.mark)}$'))

    def apply(self, row, names):
        """Try a row; @NAME@ in its text stands for @names['NAME']."""
        if isinstance(row, Replace):
            self.replace(row._replace(text=expand(row.text, names)[0]))
        elif isinstance(row, Behind):
            self.behind(row._replace(lines=[
                line for text in row.lines for line in expand(text, names)]))
        elif isinstance(row, InFunction):
            self.in_function(row)
        elif isinstance(row, DropMissing):
            self.drop_missing(row)
        elif isinstance(row, Unless):
            if not re.search(row.pattern, self.text, re.M):
                self.apply(row.row, names)
        else:
            self.drop(row)

    def replace(self, row):
        new, n = re.subn(row.pattern, lambda m: m.expand(row.text), self.text,
                         flags=re.M)
        self.expect(n, row.what)
        self.text = new

    def behind(self, row):
        marked = [line + self.mark for line in row.lines]
        lines = [line for line in self.text.splitlines()
                 if self.mark or line not in marked]
        at = [i for i, line in enumerate(lines)
              if re.search(row.anchor, line)] if row.anchor else [len(lines)-1]
        self.expect(len(at), row.what)
        lines[at[0] + 1:at[0] + 1] = marked
        self.text = '\n'.join(lines) + '\n'

    def in_function(self, row):
        body = re.compile(rf'^[^\n#]*\b{row.function}\([^;{{]*\)\n'
                          r'\{\n.*?^\}\n', re.M | re.S)
        found = body.findall(self.text)
        self.expect(len(found), f'{row.function}()')
        before, behind = (line and f'{line}{self.mark}\n'
                          for line in (row.before, row.behind))
        end = r'[^;]*;\n' if behind else r'.*\n'
        new, n = re.subn(rf'^({row.pattern}{end})',
                         lambda m: before + m[1] + behind, found[0],
                         flags=re.M)
        self.expect(n, f'{row.pattern} in {row.function}()')
        self.text = self.text.replace(found[0], new)

    def drop(self, row):
        self.text = re.sub(rf'^{row.pattern}.*\n', '', self.text, flags=re.M)

    def drop_missing(self, row):
        here = os.path.dirname(self.full)

        def keep(match):
            name = (match[1] or match[2]) + row.suffix
            there = os.path.exists(os.path.join(here, name))
            return match[0] if there else ''

        name = rf"'({row.pattern})'"
        self.text = re.sub(rf'^ *{name},\n|{name}(?! *:)(?:, *)?', keep,
                           self.text, flags=re.M)

    def expect(self, n, what):
        if n != 1:
            raise Mismatch(f'{self.path}: expected {what} once, found it '
                           f'{n} times')

    def close(self):
        """Write it back; return whether anything changed."""
        if self.text == self.old:
            return False
        with open(self.full + '.tmp', 'w', encoding='utf-8') as f:
            f.write(self.text)
        os.replace(self.full + '.tmp', self.full)
        return True
