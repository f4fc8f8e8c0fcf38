#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Rules that compilers do not know, for the C sources of the tree; in TAP.

    scripts/check-style.py

MIN, MAX, CLAMP and ABS are GLib's in the unit tests' build, which evaluate an
argument twice.  So none has a call, an assignment, ++ or -- in it.

A name that the device's headers define has that one meaning: tests/ defines
none of them.
"""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ('hw', 'include', 'tests', 'util')

MACRO = re.compile(r'\b(MIN|MAX|CLAMP|ABS)\s*\(')
EFFECT = re.compile(r'\+\+|--|[^=!<>]=(?!=)|<<=|>>='
                    r'|\b(?!sizeof\b)[a-z_]\w*\s*\(')
DEFINED = re.compile(r'^#define\s+(\w+)|^\}\s*(\w+);'
                     r'|^[a-zA-Z][\w \t*]*?\b(\w+)\((?!.*\)\()', re.M)
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                     r"'(?:\\.|[^'\\\n])+'", re.S)

# What must be found, and what must not
BAD = (
    'n = MIN(511, from + pick(w, 20));', 'MAX(n++, 1)', 'MIN(1, --n)',
    'ABS(a = b)', 'CLAMP(a,\n      next (b), c)', 'MAX(a, MIN(b, f(c)))',
    'MIN(a, ROW(t, find(t, a)).x)', 'MAX(1, n <<= 1)', 'MIN(a, p->next())',
)
GOOD = (
    'MIN(a, b);\nn = f(c);', 'MAX((int)a, b - 1)', 'MIN(sizeof(a), b)',
    'MIN(a == b, c <= d)', 'MAX(ROW(t, i).x, !=b)', '/* MIN(f(x), y) */',
    'puts("MIN(f(x), y)");', 'VTD_MIN(f(x))', 'MIN(a, /* f(x) */ b)',
)


def faults(text):
    """The numbers of the lines of @text that break the rule."""
    def blank(match):
        return re.sub(r'[^\n]', ' ', match[0])

    text = NO_CODE.sub(blank, text)
    for macro in MACRO.finditer(text):
        depth, end = 1, macro.end()
        while depth and end < len(text):
            depth += {'(': 1, ')': -1}.get(text[end], 0)
            end += 1
        if EFFECT.search(text, macro.end(), end):
            yield text.count('\n', 0, macro.start()) + 1


def sources():
    """The C sources of the tree."""
    for source in SOURCES:
        for where, _, names in os.walk(os.path.join(TOP, source)):
            yield from (os.path.join(where, name) for name in sorted(names)
                        if name.endswith(('.c', '.h')))


def defined(paths):
    """The names that files define: macros, types and functions."""
    found = {}
    for path in paths:
        with open(path, encoding='utf-8') as f:
            for match in DEFINED.finditer(NO_CODE.sub('', f.read())):
                found.setdefault(match[match.lastindex], path)
    return found


def names():
    """What tests define that the device's headers define otherwise."""
    paths = list(sources())
    device = defined(path for path in paths if path.endswith('.h') and
                     path.startswith(os.path.join(TOP, 'hw/i386/')))
    if len(device) < 100:
        return [f'{len(device)} names in hw/i386']
    tests = defined(path for path in paths
                    if path.startswith(os.path.join(TOP, 'tests/')))
    return [f'{os.path.relpath(tests[name], TOP)}: {name} is the name of '
            f'something in {os.path.relpath(device[name], TOP)}'
            for name in sorted(device.keys() & tests.keys())]


def self_test():
    """What is wrong with the check itself."""
    return ([f'not found: {text!r}' for text in BAD if not any(faults(text))] +
            [f'no fault: {text!r}' for text in GOOD if any(faults(text))])


def tree():
    """The places in the tree that break the rule."""
    paths = list(sources())
    if len(paths) < 50:
        return [f'{len(paths)} sources in {TOP}']
    found = []
    for path in paths:
        with open(path, encoding='utf-8') as f:
            found += [f'{os.path.relpath(path, TOP)}:{line}: '
                      'a macro may evaluate this twice'
                      for line in faults(f.read())]
    return found


def main():
    failed = False
    cases = (('/style/self-test', self_test), ('/style/side-effects', tree),
             ('/style/names', names))
    print(f'1..{len(cases)}')
    for n, (name, case) in enumerate(cases, 1):
        found = case()
        failed |= bool(found)
        print(*(f'# {line}' for line in found), sep='\n',
              end='\n' if found else '')
        print('not ok' if found else 'ok', n, name)
    return failed


if __name__ == '__main__':
    sys.exit(main())
