/*
 * VT-d tests: expectations that name the row they belong to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the name of the current row of a table of values.  A failed
 * expectation prints that name with both values, fails the test and lets it
 * go on, so that one run shows all the rows that are wrong.
 */

#ifndef TESTS_VTD_EXPECT_H
#define TESTS_VTD_EXPECT_H

/* Name the row that the next expectations belong to. */
void qvtd_row(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Use expect_eq(); true if the values are equal. */
bool qvtd_expect_at(const char *file, int line, const char *what,
                   uint64_t got, uint64_t want);

/* The value of @got, which is printed as the reader sees it, is @want. */
#define expect_eq(got, want) \
    qvtd_expect_at(__FILE__, __LINE__, #got, (got), (want))

#define expect_true(condition) \
    qvtd_expect_at(__FILE__, __LINE__, #condition, !!(condition), true)

/* Fail unless @haystack has @needle in it, in any case of letters. */
#define expect_mentions(haystack, needle) \
    qvtd_expect_mentions_at(__FILE__, __LINE__, (haystack), (needle))
void qvtd_expect_mentions_at(const char *file, int line, const char *haystack,
                            const char *needle);

#endif
