/*
 * VT-d qtests: a plain walk of what the guest wrote
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the walk and the lists of ranges that it gives.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vtd-plain.h"

#define ENTRIES                 512
#define INTERRUPTS              0xfee00000ull
#define INTERRUPTS_LAST         0xfeefffffull

/* A walk that finds more than this is not one to be done plainly */
#define MAX_LEAVES              (1u << 22)

void plain_init(Plain *p, QVtd *d, unsigned aw_bits)
{
    *p = (Plain) {
        .d = d,
        .aw_bits = aw_bits,
        .haw_bits = MAX(aw_bits, PLAIN_PHYS_BITS),
        .ram = PLAIN_RAM,
    };
}

/* Lists */

static GArray *new_runs(void)
{
    return g_array_new(false, false, sizeof(PlainRun));
}

static bool follows(const PlainRun *a, const PlainRun *b)
{
    return a->last + 1 == b->iova && a->perm == b->perm &&
           a->target + (b->iova - a->iova) == b->target;
}

void plain_append(GArray *runs, PlainRun run)
{
    PlainRun *end = runs->len ? &PLAIN_RUN(runs, runs->len - 1) : NULL;

    if (end) {
        g_assert_cmphex(end->last, <, run.iova);
    }
    if (end && follows(end, &run)) {
        end->last = run.last;
    } else {
        g_array_append_val(runs, run);
    }
}

GArray *plain_cover(const GArray *runs)
{
    GArray *cover = new_runs();

    for (unsigned i = 0; i < runs->len; i++) {
        const PlainRun *r = &PLAIN_RUN(runs, i);
        PlainRun *end = cover->len ? &PLAIN_RUN(cover, cover->len - 1) : NULL;

        if (end && end->last + 1 == r->iova) {
            end->last = r->last;
        } else {
            g_array_append_val(cover, ((PlainRun) { r->iova, r->last }));
        }
    }
    return cover;
}

static gint by_iova(gconstpointer a, gconstpointer b)
{
    const PlainRun *x = a, *y = b;

    return x->iova < y->iova ? -1 : x->iova > y->iova;
}

GArray *plain_union(GArray *runs)
{
    GArray *all = new_runs();

    g_array_sort(runs, by_iova);
    for (unsigned i = 0; i < runs->len; i++) {
        const PlainRun *r = &PLAIN_RUN(runs, i);
        PlainRun *end = all->len ? &PLAIN_RUN(all, all->len - 1) : NULL;

        if (end && r->iova <= end->last + 1) {
            end->last = MAX(end->last, r->last);
        } else {
            g_array_append_val(all, ((PlainRun) { r->iova, r->last }));
        }
    }
    g_array_free(runs, true);
    return all;
}

GArray *plain_common(const GArray *a, const GArray *b)
{
    GArray *common = new_runs();

    for (unsigned i = 0, j = 0; i < a->len && j < b->len; ) {
        const PlainRun *x = &PLAIN_RUN(a, i), *y = &PLAIN_RUN(b, j);
        uint64_t iova = MAX(x->iova, y->iova);
        uint64_t last = MIN(x->last, y->last);

        if (iova <= last && x->perm == y->perm &&
            x->target - x->iova == y->target - y->iova) {
            plain_append(common, (PlainRun) {
                iova, last, x->target + (iova - x->iova), x->perm,
            });
        }
        if (x->last == last) {
            i++;
        }
        if (y->last == last) {
            j++;
        }
        if (x->last != last && y->last != last) {
            /* No overlap: the one that lies below is through */
            if (x->last < y->iova) {
                i++;
            } else {
                j++;
            }
        }
    }
    return common;
}

uint64_t plain_pages(const GArray *runs)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < runs->len; i++) {
        pages += (PLAIN_RUN(runs, i).last - PLAIN_RUN(runs, i).iova) /
                 QVTD_PAGE + 1;
    }
    return pages;
}

unsigned plain_find(const GArray *runs, uint64_t iova)
{
    unsigned low = 0, high = runs->len;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (PLAIN_RUN(runs, mid).last < iova) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

bool plain_has_all(const GArray *runs, uint64_t iova, uint64_t last)
{
    unsigned i = plain_find(runs, iova);

    return i < runs->len && PLAIN_RUN(runs, i).iova <= iova &&
           PLAIN_RUN(runs, i).last >= last;
}

bool plain_has_any(const GArray *runs, uint64_t iova, uint64_t last)
{
    unsigned i = plain_find(runs, iova);

    return i < runs->len && PLAIN_RUN(runs, i).iova <= last;
}

bool plain_expect_same(const char *what, const GArray *got,
                       const GArray *want)
{
    static const PlainRun none = { UINT64_MAX, UINT64_MAX, 0, 0 };

    for (unsigned i = 0; i < got->len || i < want->len; i++) {
        const PlainRun *g = i < got->len ? &PLAIN_RUN(got, i) : &none;
        const PlainRun *w = i < want->len ? &PLAIN_RUN(want, i) : &none;

        if (g->iova != w->iova || g->last != w->last ||
            g->target != w->target || g->perm != w->perm) {
            g_test_message("%s: first difference: got 0x%" PRIx64 "-0x%"
                           PRIx64 " to 0x%" PRIx64 " perm %u, expected 0x%"
                           PRIx64 "-0x%" PRIx64 " to 0x%" PRIx64 " perm %u",
                           what, g->iova, g->last, g->target, g->perm,
                           w->iova, w->last, w->target, w->perm);
            return qvtd_expect_at(__FILE__, __LINE__, what, plain_pages(got),
                                  plain_pages(want)) && expect_true(false);
        }
    }
    return true;
}

/* The walk */

bool plain_is_ram(const Plain *p, uint64_t pa, uint64_t bytes)
{
    uint64_t end = pa < PLAIN_HIGH_RAM ? p->ram : p->high_ram;

    return pa < end && bytes <= end - pa &&
           (!p->hole || pa + bytes <= PLAIN_HOLE || pa > PLAIN_HOLE_LAST);
}

/* The page of entries at @pa; NULL if it cannot be read */
static const uint64_t *read_page(Plain *p, uint64_t pa)
{
    uint64_t *page = g_hash_table_lookup(p->pages, &pa);

    if (page || !plain_is_ram(p, pa, QVTD_PAGE)) {
        return page ? page + 1 : NULL;
    }
    /* The key goes before the entries */
    page = g_new(uint64_t, ENTRIES + 1);
    page[0] = pa;
    qtest_bufread(p->d->qts, pa, page + 1, QVTD_PAGE);
    for (unsigned i = 1; i <= ENTRIES; i++) {
        le64_to_cpus(&page[i]);
    }
    g_hash_table_add(p->pages, page);
    return page + 1;
}

void plain_end(Plain *p)
{
    if (p->pages) {
        g_hash_table_destroy(p->pages);
        p->pages = NULL;
    }
}

static void forget_pages(Plain *p)
{
    plain_end(p);
    p->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                     NULL);
}

static uint64_t bits(unsigned high, unsigned low)
{
    return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* Bits that must not be set in an entry that is present (3.2) */
static uint64_t reserved_bits(const Plain *p, unsigned level, bool leaf)
{
    uint64_t reserved = bits(51, p->haw_bits) | 1ull << 62;

    if (!leaf || !p->snoop_control) {
        reserved |= 1ull << 11;
    }
    if (level > 3) {
        reserved |= QVTD_PS;
    }
    if (leaf && level == 2) {
        reserved |= bits(20, 12);
    }
    if (leaf && level == 3) {
        reserved |= bits(29, 12);
    }
    return reserved;
}

static void walk(Plain *p, uint64_t table, unsigned level, uint64_t base,
                 uint8_t perm, GArray *leaves)
{
    uint64_t size = 1ull << (12 + 9 * (level - 1));
    const uint64_t *entries = read_page(p, table);

    for (unsigned i = 0; entries && i < ENTRIES; i++) {
        uint64_t entry = entries[i];
        uint64_t iova = base + i * size;
        uint64_t address = entry & bits(p->haw_bits - 1, 12);
        uint8_t granted = entry & perm;
        bool leaf = level == 1 || (level <= 3 && (entry & QVTD_PS));

        if (!(entry & QVTD_RW) || (entry & reserved_bits(p, level, leaf)) ||
            !granted) {
            continue;
        }
        if (leaf) {
            PlainRun run = { iova, iova + size - 1, address, granted };

            g_assert_cmpuint(leaves->len, <, MAX_LEAVES);
            g_array_append_val(leaves, run);
        } else {
            walk(p, address, level - 1, iova, granted, leaves);
        }
    }
}

GArray *plain_table_leaves(Plain *p, uint64_t top, unsigned levels)
{
    GArray *leaves = new_runs();

    forget_pages(p);
    walk(p, top, levels, 0, 3, leaves);
    return leaves;
}

GArray *plain_leaves(Plain *p, uint16_t sid, PlainView *view)
{
    const uint64_t high = bits(63, p->haw_bits);
    const uint64_t *table, *entry;
    GArray *none = new_runs();
    unsigned levels;

    *view = PLAIN_BLOCKED;
    forget_pages(p);
    table = read_page(p, p->root ? p->root : p->d->root);
    entry = table ? &table[(sid >> 8) * 2] : NULL;
    if (!entry || !(entry[0] & 1) || (entry[0] & (bits(11, 1) | high)) ||
        entry[1]) {
        return none;
    }
    table = read_page(p, entry[0] & bits(63, 12));
    entry = table ? &table[(sid & 0xff) * 2] : NULL;
    if (!entry || !(entry[0] & 1) || (entry[0] & bits(11, 4)) ||
        (entry[1] & (1ull << 7 | bits(63, 24)))) {
        return none;
    }
    levels = 2 + (entry[1] & 7);
    if (levels != 3 && (levels != 4 || p->aw_bits < 48)) {
        return none;
    }
    switch (entry[0] >> 2 & 3) {
    case 0:
        break;
    case 1:
        if (p->device_iotlb) {
            break;
        }
        return none;
    case 2:
        *view = PLAIN_PASS;
        return none;
    default:
        return none;
    }
    if (entry[0] & high) {
        return none;
    }
    *view = PLAIN_TABLES;
    walk(p, entry[0] & bits(63, 12), levels, 0, 3, none);
    return none;
}

GArray *plain_shadow(Plain *p, const GArray *leaves)
{
    GArray *runs = new_runs();

    for (unsigned i = 0; i < leaves->len; i++) {
        PlainRun page = PLAIN_RUN(leaves, i);
        uint64_t last = page.last;

        for (page.last = page.iova + QVTD_PAGE - 1; page.iova < last;
             page.iova += QVTD_PAGE, page.last += QVTD_PAGE,
             page.target += QVTD_PAGE) {
            if (plain_is_ram(p, page.target, QVTD_PAGE) &&
                (page.iova < INTERRUPTS || page.iova > INTERRUPTS_LAST)) {
                plain_append(runs, page);
            }
        }
    }
    return runs;
}
