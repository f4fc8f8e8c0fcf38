/*
 * VT-d tests: expectations that name the row they belong to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the name of the current row.
 */

#include "qemu/osdep.h"
#include "tests/vtd/expect.h"

static char row[256];

void qvtd_row(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_vsnprintf(row, sizeof(row), fmt, ap);
    va_end(ap);
}

bool qvtd_expect_at(const char *file, int line, const char *what,
                   uint64_t got, uint64_t want)
{
    if (got == want) {
        return true;
    }
    g_test_message("%s:%d: row '%s': %s is 0x%" PRIx64 ", expected 0x%" PRIx64,
                   file, line, row, what, got, want);
    g_test_fail();
    return false;
}

void qvtd_expect_mentions_at(const char *file, int line, const char *haystack,
                            const char *needle)
{
    g_autofree char *hay = g_ascii_strdown(haystack, -1);
    g_autofree char *sought = g_ascii_strdown(needle, -1);

    if (!strstr(hay, sought)) {
        g_test_message("%s:%d: row '%s': no '%s' in: %s",
                       file, line, row, needle, haystack);
        g_test_fail();
    }
}
