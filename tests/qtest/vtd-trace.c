/*
 * VT-d qtests: QEMU's trace, and what else it says
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the reading of the log.
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "vtd-trace.h"

static void open_file(TraceLog *log)
{
    int fd = g_file_open_tmp("vtd-trace-XXXXXX.log", &log->path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    log->read = 0;
}

void trace_log_start(TraceLog *log, const char *events)
{
    g_auto(GStrv) names = g_strsplit(events, " ", -1);
    g_autofree char *options = g_strjoinv(" -trace ", names);

    open_file(log);
    log->args = g_strdup_printf("-trace %s -D %s", options, log->path);
}

void trace_log_start_errors(TraceLog *log)
{
    open_file(log);
    /* A shell starts QEMU */
    log->args = g_strdup_printf("2>%s", log->path);
}

void trace_log_start_guest_errors(TraceLog *log)
{
    open_file(log);
    log->args = g_strdup_printf("-d guest_errors -D %s", log->path);
}

void trace_log_stop(TraceLog *log)
{
    g_unlink(log->path);
    g_free(log->path);
    g_free(log->args);
}

char *trace_log_take(TraceLog *log, const char *event)
{
    g_autofree char *text = NULL;
    g_autofree char *name = g_strconcat(event, " ", NULL);
    const char *at, *end;

    g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
    at = strstr(text + log->read, name);
    if (!at) {
        return NULL;
    }
    end = strchr(at, '\n');
    g_assert_nonnull(end);
    log->read = end + 1 - text;
    return g_strndup(at, end - at);
}

unsigned trace_log_count(TraceLog *log, const char *event)
{
    unsigned count = 0;
    char *line;
    struct stat st;

    while ((line = trace_log_take(log, event))) {
        g_free(line);
        count++;
    }
    g_assert_cmpint(g_stat(log->path, &st), ==, 0);
    log->read = st.st_size;
    return count;
}
