# SPDX-License-Identifier: GPL-2.0-or-later
"""
Edits of QEMU's files, as rows of the tables in */wiring.py.

A row is tried as often as the tree is wired, so each leaves alone what it has
done before.  Lines that are put in end in a mark, where the file's language
has comments, and go before all rows are tried again.  In a series of patches,
which is made of a tree as it was, they have none.
"""

import glob
import os
import re
from collections import namedtuple

MARKS = {'.c': '  /* wired */', '.h': '  /* wired */', '.hx': '  /* wired */',
         '.rst': '', 'MAINTAINERS': ''}
MARK = '  # wired'              # in all other files

# Replace the one place that matches; it is `what` to a reader.
Replace = namedtuple('Replace', 'what pattern text')

# Put lines behind the one line that matches, or at the end ('').
Behind = namedtuple('Behind', 'what anchor lines')

# Delete all lines that begin with what matches, if there are any.
Drop = namedtuple('Drop', 'pattern')

# Delete from lists the names that match where there is no file: those of files
# that we replace.  The file's name is that of the list unless it is given, and
# can have groups of the pattern.
DropMissing = namedtuple('DropMissing', 'pattern file', defaults=[r'\g<0>'])

# Do what another row says unless a line has what matches.
Unless = namedtuple('Unless', 'pattern row')

# Do what other rows say if a file of ours that matches takes part (For), or if
# none does (Until).
For = namedtuple('For', 'pattern rows')
Until = namedtuple('Until', 'pattern rows')

# Name our files in a section of MAINTAINERS, and none that is gone.
Maintained = namedtuple('Maintained', 'section')

# In a function of a C file, put a line before or behind the one statement
# that begins like the pattern.
InFunction = namedtuple('InFunction', 'function pattern before behind')


class Mismatch(Exception):
    """A file of QEMU's tree is not as a row expects."""


class Edited:
    """
    One file of QEMU's tree, written back only if it changed.

    It has one path, or several: its names in one version or another.  Without
    @marked its lines get no mark, and whether there is a file is for @exists
    to say, which takes its path.
    """

    def __init__(self, tree, path, marked=True, exists=None):
        self.tree = tree
        self.exists = exists or (lambda each: os.path.exists(
            os.path.join(tree, each)))
        if not isinstance(path, str):
            path = next((each for each in path if os.path.exists(
                os.path.join(tree, each))), ' or '.join(path))
        self.path = path
        self.full = os.path.join(tree, path)
        name, suffix = os.path.splitext(os.path.basename(path))
        self.marked = marked
        self.mark = MARKS.get(suffix or name, MARK) if marked else ''
        try:
            with open(self.full, encoding='utf-8') as f:
                self.old = f.read()
        except OSError as e:
            raise Mismatch(f'{path}: {e.strerror}') from e
        self.text = self.old
        if self.mark:
            self.drop(Drop(f'.*{re.escape(self.mark)}$'))

    def apply(self, row, names):
        """Try a row; @NAME@ in its text stands for a list of @names."""
        if isinstance(row, (For, Until)):
            if names.has(row.pattern) == isinstance(row, For):
                for each in row.rows:
                    self.apply(each, names)
        elif isinstance(row, Replace):
            self.replace(row._replace(text='\n'.join(
                line for text in row.text.replace('@MARK@',
                                                  self.mark).split('\n')
                for line in names.expand(text))))
        elif isinstance(row, Behind):
            if self.marked and not self.mark:
                self.drop_stale(row)
            self.behind(row._replace(lines=[
                line for text in row.lines for line in names.expand(text)]))
        elif isinstance(row, InFunction):
            self.in_function(row)
        elif isinstance(row, DropMissing):
            self.drop_missing(row)
        elif isinstance(row, Unless):
            if not re.search(row.pattern, self.text, re.M):
                self.apply(row.row, names)
        elif isinstance(row, Maintained):
            self.maintain(row.section, names.maintained(row.section))
        else:
            for pattern in names.expand(row.pattern):
                self.drop(Drop(pattern))

    def replace(self, row):
        new, n = re.subn(row.pattern, lambda m: m.expand(row.text), self.text,
                         flags=re.M)
        self.expect(n, row.what)
        self.text = new

    def behind(self, row):
        marked = [line + self.mark for line in row.lines]
        lines = self.text.splitlines()
        if self.marked and not self.mark:
            lines = [line for line in lines if line not in marked]
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
        here = os.path.dirname(self.path)

        def keep(match):
            name = re.search("'(.*?)'", match[0])[1]
            file = re.fullmatch(row.pattern, name).expand(row.file)
            there = self.exists(os.path.normpath(os.path.join(here, file)))
            return match[0] if there else ''

        name = f"'(?:{row.pattern})'"
        self.text = re.sub(rf'^ *{name},\n|{name}(?! *:)(?:, *)?', keep,
                           self.text, flags=re.M)

    def drop_stale(self, row):
        """
        Without marks, pages that are named as lines of a row and are gone.

        Such a line is a path, with or without its suffix.
        """
        here = os.path.dirname(self.path)

        def keep(match):
            page = os.path.join(here, match[0].strip())
            there = any(self.exists(page + each) for each in ('', '.rst'))
            there = there or re.search(row.anchor, match[0])
            return match[0] if there else ''

        for line in row.lines:
            if '@' in line:
                pattern = re.sub('@.*?@', r'[\\w.-]+', re.escape(line))
                self.text = re.sub(f'^{pattern}\n', keep, self.text,
                                   flags=re.M)

    def found(self, pattern):
        """Is there a file of such a name?"""
        return any(self.exists(os.path.relpath(full, self.tree)) for full in
                   glob.glob(os.path.join(self.tree, pattern)))

    def maintain(self, section, wanted):
        """What is named beside our files stays, if it is there."""
        at = re.search(rf'^{section}\n(?:[A-Z]: .*\n)*', self.text, re.M)
        self.expect(1 if at else 0, f'the section {section}')
        lines = at[0].splitlines()
        files = {line for line in lines if line.startswith('F: ')}
        files |= {f'F: {path}' for path in wanted}
        files = sorted(line for line in files
                       if line[3:] in wanted or self.found(line[3:]))
        lines = [line for line in lines if not line.startswith('F: ')]
        self.text = (self.text[:at.start()] + '\n'.join(lines + files) + '\n' +
                     self.text[at.end():])

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
