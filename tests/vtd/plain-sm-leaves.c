/*
 * VT-d tests: all that a first stage maps, alone or nested
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the leaves of first-stage tables for users, in the lower half of their
 * addresses.  Nested, each is cut to what the second stage has at its
 * addresses, whose leaves are looked up in two lists: of reads, which may
 * want fewer bits set, and of all accesses.  See plain.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/numbers.h"
#include "tests/vtd/plain.h"

typedef struct Leaves {
    Plain *p;
    const PlainContext *c;
    bool nested;
    GArray *by_read, *by_all;   /* the second stage's, as a read, as a write */
    GArray *found;
} Leaves;

/* A table, and what its entries inherit */
typedef struct Table {
    uint64_t ref;               /* as entries have it */
    unsigned level;
    uint64_t base;              /* the first input address */
    uint64_t upper;             /* permissions of all levels above */
} Table;

static unsigned shift_of(unsigned level)
{
    return 12 + 9 * (level - 1);
}

bool plain_marked(const Plain *p, const PlainContext *context, uint64_t gpa,
                  uint64_t entry, uint64_t bits)
{
    return !(bits & ~entry) ||
           (context->snooped &&
            (!p->writable || p->writable(p->port, gpa)));
}

/* Where the table @ref is; false if it cannot be read */
static bool find_table(Leaves *l, uint64_t ref, uint64_t *gpa, bool *writable)
{
    const Run *run;

    *gpa = ref;
    *writable = true;
    if (!l->nested) {
        return true;
    }
    run = runs_find(l->by_read, ref);
    if (!run || run->first > ref) {
        return false;
    }
    *gpa = run->addr + (ref - run->first);
    run = runs_find(l->by_all, ref);
    *writable = run && run->first <= ref && run->perm & QVTD_W;
    return true;
}

/* The parts of @leaf that the second stage maps */
static void add_nested(Leaves *l, const Run *leaf)
{
    const GArray *second = leaf->perm & QVTD_W ? l->by_all : l->by_read;
    uint64_t last = leaf->addr + (leaf->last - leaf->first);

    for (uint64_t at = leaf->addr; at <= last; ) {
        const Run *run = runs_find(second, at);
        Run part;

        if (!run || run->first > last) {
            return;
        }
        at = MAX(at, run->first);
        part = (Run) {
            leaf->first + (at - leaf->addr),
            leaf->first + (MIN(last, run->last) - leaf->addr),
            run->addr + (at - run->first), leaf->perm & run->perm,
        };
        if (part.perm) {
            g_array_append_val(l->found, part);
        }
        at = run->last + 1;
    }
}

static void walk(Leaves *l, const Table *t)
{
    unsigned n = t->level == l->c->fs_levels ? 256 : 512;
    uint64_t size = 1ull << shift_of(t->level), table, entry;
    bool writable;

    if (!find_table(l, t->ref, &table, &writable)) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t all, bits, addr;
        bool leaf;

        if (!plain_read(l->p, table + i * 8, &entry)) {
            return;
        }
        all = t->upper & entry;
        leaf = t->level == 1 || (t->level <= 3 && entry & QVTD_PS);
        if (!(all & QVTD_FS_P) || !(all & QVTD_FS_US) ||
            entry & plain_fs_reserved(l->p, t->level, leaf)) {
            continue;
        }
        bits = QVTD_FS_A | (l->c->ea ? QVTD_FS_EA : 0) |
               (leaf && all & QVTD_FS_RW ? QVTD_FS_D : 0);
        if ((bits & ~entry && !writable) ||
            !plain_marked(l->p, l->c, table + i * 8, entry, bits)) {
            continue;
        }
        addr = entry & QVTD_BITS(l->p->haw_bits - 1, 12);
        if (leaf) {
            Run run = {
                t->base + i * size, t->base + i * size + size - 1,
                addr & ~(size - 1),
                QVTD_R | (all & QVTD_FS_RW ? QVTD_W : 0),
            };

            if (l->nested) {
                add_nested(l, &run);
            } else {
                g_array_append_val(l->found, run);
            }
        } else {
            walk(l, &(Table) { addr, t->level - 1, t->base + i * size, all });
        }
    }
}

void plain_sm_leaves(Plain *p, const PlainContext *context, GArray *leaves)
{
    Leaves l = {
        .p = p, .c = context, .found = leaves,
        .nested = context->pgtt == QVTD_PGTT_NESTED,
    };

    if (l.nested) {
        l.by_read = plain_ss_leaves(p, context, QVTD_R);
        l.by_all = plain_ss_leaves(p, context, QVTD_RW);
    }
    walk(&l, &(Table) {
        context->fs_top, context->fs_levels, 0, QVTD_FS_USER,
    });
    if (l.nested) {
        g_array_free(l.by_read, true);
        g_array_free(l.by_all, true);
    }
}
