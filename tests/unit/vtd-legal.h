/*
 * What random tests of the VT-d engine expect
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The unit caches: after an edit and before an invalidation that covers it,
 * what was right at any time since the last such invalidation may come out.
 * Not, without caching mode, what was not present or faulty: that is not
 * cached (7.1).  What a cache of tables adds, which is read when it is asked
 * for, is in vtd-old.h.
 */

#ifndef TESTS_UNIT_VTD_LEGAL_H
#define TESTS_UNIT_VTD_LEGAL_H

#define OUTCOMES                100

/* What a request met: a reason (0 if none, or SILENT), or what came out */
typedef struct Outcome {
    unsigned reason;
    uint64_t result;            /* the address, or an interrupt, packed */
    bool read, write;
    bool cacheable;             /* may still be met when entries change */
    bool context_cacheable;     /* the same when contexts change */
} Outcome;

/* What a request may meet now, all different; @now is what memory says */
typedef struct Legal {
    Outcome now;
    Outcome outcome[OUTCOMES];
    unsigned n;
} Legal;

/* Below @n; 64 bits; true so often in 100 */
unsigned rnd(unsigned n);
uint64_t rnd64(void);
bool chance(unsigned percent);

bool outcome_equal(const Outcome *a, const Outcome *b);
/* Memory changed: it says @now.  @context: contexts did, else entries */
void legal_add(Legal *legal, Outcome now, bool context);
/* @other is right as well */
void legal_add_other(Legal *legal, const Outcome *other);
/* What may have been cached has been invalidated */
void legal_settle(Legal *legal);
/* False with a message */
bool is_legal(const Legal *legal, const Outcome *found);

#endif
