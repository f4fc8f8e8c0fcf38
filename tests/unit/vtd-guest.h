/*
 * Random guests of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a guest's memory with a few page tables of each level, two root
 * tables and their context tables, and random edits of all of these.  Few
 * tables, few indices and few targets, so that tables are shared, unlinked
 * and linked again, sizes of leaves change over equal bytes, and what is
 * mapped in one place meets what is mapped in another.  One thread.
 */

#ifndef TESTS_UNIT_VTD_GUEST_H
#define TESTS_UNIT_VTD_GUEST_H

#include "vtd-host.h"

#define GUEST_DEVICES           5
#define GUEST_DOMAINS           3

typedef struct Guest {
    Host *h;
    GRand *rand;
    bool odd;                   /* see guest_new() */
    uint64_t high;              /* a bit that all targets have, or 0 */
    uint64_t table[5][8];       /* the tables of a level, and how many */
    unsigned tables[5];
    uint64_t hole;              /* a page that is no RAM */
    uint64_t root_table[2];
    uint64_t context_table[2][2];       /* of a root table, by bus */
    unsigned active;            /* the root table that most edits go to */
} Guest;

/*
 * Empty tables.  @odd: some targets are no RAM or cross its borders, and
 * tables are linked where those of another level belong, themselves included.
 */
Guest *guest_new(const VtdConfig *config, bool odd, guint32 seed);
void guest_free(Guest *g);

/* Below @n; true once in @n times */
unsigned pick(Guest *g, unsigned n);
bool one_in(Guest *g, unsigned n);

/* The requester id of one of GUEST_DEVICES devices, on two buses */
uint16_t guest_sid(unsigned device);
/* An input address where something may be mapped */
uint64_t some_address(Guest *g);
/* Change something in guest memory */
void guest_edit(Guest *g);

#endif
