/*
 * VT-d qtests: QEMU's trace, and what else it says
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a log of some of QEMU's trace events, or of its errors, in a file that
 * is gone on stop.
 */

#ifndef TESTS_VTD_TRACE_H
#define TESTS_VTD_TRACE_H

#include "qemu/osdep.h"

typedef struct TraceLog {
    char *path;
    char *args;                 /* for QEMU's command line */
    size_t read;                /* bytes that were looked at */
} TraceLog;

/* Of @events, whose names are separated by blanks. */
void trace_log_start(TraceLog *log, const char *events);
/* Of what it says on its standard error; these are the last arguments. */
void trace_log_start_errors(TraceLog *log);
/* Of what -d guest_errors gives. */
void trace_log_start_guest_errors(TraceLog *log);
void trace_log_stop(TraceLog *log);
/*
 * The next line of @event, from the name on; NULL if there was none since
 * the last one.  What else was logged up to it is passed over.
 */
char *trace_log_take(TraceLog *log, const char *event);
/* How many lines of @event there are; all that was logged is passed over. */
unsigned trace_log_count(TraceLog *log, const char *event);

#endif
