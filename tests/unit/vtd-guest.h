/*
 * Random guests of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a guest's memory with a few page tables of each level, two root
 * tables and their context tables, and random edits of all of these: in
 * vtd-guest.c, and of what scalable mode adds, in vtd-guest-sm.c.  Few
 * tables, few indices and few targets, so that tables are shared, unlinked
 * and linked again, sizes of leaves change over equal bytes, and what is
 * mapped in one place meets what is mapped in another.  One thread.
 */

#ifndef TESTS_UNIT_VTD_GUEST_H
#define TESTS_UNIT_VTD_GUEST_H

#include "vtd-host.h"

#define GUEST_DEVICES           5
#define GUEST_DOMAINS           3

/* Those of a level that may be linked with each other, and how many */
typedef struct GuestTables {
    uint64_t table[6][8];
    unsigned tables[6];
} GuestTables;

/* What leads a device's requests to its PASID entry, in scalable mode */
typedef struct GuestWay {
    uint64_t word[3];           /* root entry, context, directory entry */
    uint64_t entry;
} GuestWay;

typedef struct Guest {
    Host *h;
    GRand *rand;
    bool odd;                   /* see guest_new() */
    uint64_t high;              /* a bit that all targets have, or 0 */
    GuestTables second;
    uint64_t hole;              /* a page that is no RAM */
    uint64_t root_table[2];
    uint64_t context_table[2][2];       /* of a root table, by bus */
    unsigned active;            /* the root table that most edits go to */

    /* Of a unit with scalable mode, else all zero */
    bool scalable;
    bool legacy;                /* the mode is the other one at present */
    GuestTables first, nested;  /* the latter are input of a second stage, */
    uint64_t under[6];          /* this one, which has them one to one */
    GuestTables *now;           /* which of the three is edited */
    uint64_t sm_root_table[2];
    GuestWay way[2][GUEST_DEVICES];
    uint32_t pasid[GUEST_DEVICES];
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
/* What RTADDR has now */
uint64_t guest_rtaddr(const Guest *g);

/* Between the two files */
uint64_t guest_table(Guest *g, const GuestTables *set, unsigned level);
/* For a second stage's table, at its index */
uint64_t some_entry(Guest *g, unsigned level, unsigned index);
void guest_make_scalable(Guest *g);
void guest_edit_scalable(Guest *g);

#endif
