/*
 * Intel VT-d engine: a nested translation as one set of tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the composition of a first stage with the second stage below it (4.2)
 * into tables of a format of their own, a table at a time, for a sync: so what
 * keeps a shadow in step knows of one stage alone.  A leaf is as large as the
 * smaller page of both stages; where the second stage has smaller pages, the
 * first stage's leaf becomes a table.  [bql] calls only.
 */

#ifndef HW_I386_VTD_COMPOSE_H
#define HW_I386_VTD_COMPOSE_H

#include "copies.h"

/* One level of the second stage, as far as the last address led */
typedef struct VtdComposeLevel {
    uint64_t ref;               /* of the table, 0 for none */
    const uint64_t *table;      /* in place; NULL to be read by a call */
    VtdCopy *copy;              /* then that is @table */
    uint64_t uses;              /* VtdCopy.bit of this level and those above */
    bool unsure;                /* one of these has no copy */
    uint8_t granted;            /* VTD_RW, by the levels above */
} VtdComposeLevel;

typedef struct VtdCompose {
    const VtdSeenConfig *config;
    const VtdTables *tables;    /* of the first stage */
    VtdTables second;
    VtdSeen *seen;              /* with copies to compose of; or NULL */
    VtdRam ram;                 /* around the table that was read last */
    uint64_t last;              /* the last address, which led to these: */
    unsigned known;             /* the lowest level, 0 for none */
    VtdComposeLevel level[VTD_LEVELS_MAX + 1];
    /* Of the table that was composed last: */
    uint64_t uses;              /* VtdCopy.bit of all that it depends on */
    bool unsure;                /* it depends on more than copies */
    uint64_t from[VTD_ENTRIES]; /* entries of the first stage, if it had any */
} VtdCompose;

/* The format of what is composed, with physical addresses of @haw_bits */
void vtd_format_composed(VtdFormat *format, unsigned haw_bits);

/* @seen: where copies are, which were refreshed; or NULL to do without */
void vtd_compose_begin(VtdCompose *compose, const VtdSeenConfig *config,
                       const VtdTables *tables, VtdSeen *seen);

/*
 * Write the table of @level that @ref leads to: the first stage's top table,
 * or the address bits of an entry that was written before.  @upper is what the
 * levels above grant.  In the guest's byte order.  False if there is none.
 */
bool vtd_compose_table(VtdCompose *compose, uint64_t ref, unsigned level,
                       uint8_t upper, uint64_t *to);

/*
 * What the table of level 1 was composed of that vtd_compose_table() has just
 * written; NULL if that cannot be told, or there is no room
 */
VtdSource *vtd_compose_source(VtdCompose *compose, uint64_t ref,
                              uint8_t upper);

/* Whether the table would be what was composed of @source */
bool vtd_compose_as_before(VtdCompose *compose, const VtdSource *source,
                           uint64_t ref, uint8_t upper);

#endif
