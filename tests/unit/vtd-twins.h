/*
 * A unit in scalable mode and its plain twin, which answer the same requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the requests that are tried, what each may meet while things are cached
 * (vtd-legal.h), and which accessed and dirty bits it may set: what the twin
 * finds in memory by itself (tests/vtd/plain-sm.c) decides.  What changes that
 * memory is for the test.  One thread.
 */

#ifndef TESTS_UNIT_VTD_TWINS_H
#define TESTS_UNIT_VTD_TWINS_H

#include "vtd-legal.h"
#include "vtd-old.h"
#include "vtd-strict.h"

#define DEVICES                 3
#define LEVELS                  5
#define TABLES                  (4 * LEVELS)    /* four a level, mostly */
#define IOVAS                   12
#define QUERIES                 (DEVICES * IOVAS * 3)
#define TABLE_MASK              0x1fffffull     /* what one table is for */
#define INDICES                 5               /* of a table, in use */
#define WORDS                   (TABLES * INDICES + LEVELS * INDICES)

typedef struct Query {
    Device *d;
    uint64_t iova;
    VtdAccess access;
    Legal legal;
    OldTables old;              /* since they were invalidated */
} Query;

typedef struct Twins {
    Host *h;
    Plain plain;
    Device *d[DEVICES];
    uint32_t pasid[DEVICES];
    uint64_t table[TABLES];
    /* A second stage that maps the tables one to one, from level 5 down */
    uint64_t one_to_one[LEVELS];
    uint64_t hole;
    Query query[QUERIES];
    uint64_t word[WORDS];       /* where they are that change */
    bool clean;                 /* nothing was edited since all was dropped */
    bool old_contexts;          /* contexts were, so that others are walked: */
    PlainContext old[DEVICES];  /* those */
    uint64_t passed, blocked, stale, marked, reasons[256];
} Twins;

PlainContext twins_context(Twins *w, const Device *d);
/* Contexts are about to change */
void twins_keep_contexts(Twins *w);
/*
 * Memory changes, or has changed.  Both are told, since bits that were set
 * meanwhile change what is right, too.  @context: contexts do, else entries.
 */
void twins_look(Twins *w, bool context);
void twins_edited(Twins *w, bool context);
/* With @fresh nothing is cached: it is all looked at by the request itself */
void twins_check(Twins *w, Query *q, bool fresh);
/* @n queries, any */
void twins_check_some(Twins *w, unsigned n);

#endif
