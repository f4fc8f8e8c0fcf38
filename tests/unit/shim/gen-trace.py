#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Turns a trace-events file into a header for the unit build.  Each event
# becomes a function that does nothing, but whose format the compiler still
# checks against the arguments.
#
# usage: gen-trace.py TRACE-EVENTS HEADER

import re
import sys

EVENT = re.compile(r'(?:disable\s+)?(?P<name>[a-z]\w*)\((?P<args>[^)]*)\)\s*'
                   r'(?P<fmt>".*)$')
PROLOGUE = '''\
/* Generated from trace-events: do not edit. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#ifndef trace_event_get_state
#define trace_event_get_state(id) ((bool)id##_ENABLED)
#define trace_event_get_state_backends(id) ((bool)id##_ENABLED)
#endif
'''
FUNCTION = '''
#define TRACE_{upper}_ENABLED 0
static inline void trace_{name}({args})
{{
    if (0) {{
        printf("{name} " {fmt} "\\n"{values});
    }}
}}
'''


def event(line, where):
    m = EVENT.match(line)
    if not m:
        sys.exit(f'{where}: not an event: {line}')
    args = m['args'].strip()
    names = [] if args == 'void' else [re.search(r'(\w+)$', a.strip())[1]
                                       for a in args.split(',')]
    return FUNCTION.format(name=m['name'], upper=m['name'].upper(),
                           args=args, fmt=m['fmt'].strip(),
                           values=''.join(', ' + n for n in names))


def main(source, header):
    out = PROLOGUE
    with open(source, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if line and not line.startswith('#'):
                out += event(line, f'{source}:{number}')
    with open(header, 'w', encoding='utf-8') as f:
        f.write(out)


main(*sys.argv[1:])
