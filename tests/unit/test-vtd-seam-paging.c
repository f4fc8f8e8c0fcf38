/*
 * The VT-d engine's paging-structure cache, interrupted at each of its seams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two tables contend for one slot.  What is found is what was looked up,
 * whatever happens meanwhile; and what tells the two apart is one thing each
 * time.  See vtd-seam.h.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/paging.h"
#include "vtd-seam.h"
#include "tests/vtd/numbers.h"

#define IOVA                    0x40005000ull

/* In pairs: the second takes the slot of the first */
static const struct {
    VtdTables tables;
    uint64_t iova;
} keys[][2] = {
    /* another 2 MiB */
    { { { 0x1000, 1, 3 }, IOVA },
      { { 0x1000, 1, 3 }, IOVA + (VTD_PAGING_SLOTS << 21) } },
    /* other tables, other numbers of levels, other bits to set */
    { { { 0x1000, 1, 3 }, IOVA }, { { 0x2000, 1, 3 }, IOVA } },
    { { { 0x1000, 1, 3 }, IOVA }, { { 0x1000, 1, 4 }, IOVA } },
    { { { 0x1000, 1, 4, .accessed = QVTD_SS_A }, IOVA },
      { { 0x1000, 1, 4 }, IOVA } },
    { { { 0x1000, 1, 4, .first = true, .accessed = QVTD_FS_A }, IOVA },
      { { 0x1000, 1, 4, .first = true, .accessed = QVTD_FS_A | QVTD_FS_EA },
        IOVA } },
};

typedef struct Slot {
    VtdPaging *paging;
    uint64_t now;
    unsigned pair;
    VtdLeafTable leaves[2], found[2];
    bool hit[2];
} Slot;

static void slot_insert(Slot *s, unsigned i)
{
    vtd_paging_insert(s->paging, &keys[s->pair][i].tables,
                      keys[s->pair][i].iova, &s->leaves[i], s->now);
}

static void slot_drop(Slot *s, unsigned i)
{
    const VtdTables *tables = &keys[s->pair][i].tables;
    VtdRange page = { keys[s->pair][i].iova, keys[s->pair][i].iova };

    if (tables->first) {
        vtd_paging_drop_pasid_range(s->paging, tables->did, tables->pasid,
                                    &page, ++s->now);
    } else {
        vtd_paging_drop_ranges(s->paging, tables->did, &page, 1, ++s->now);
    }
}

/* What was found is the one that was looked up, every word of it */
static void slot_lookup(Slot *s, unsigned i)
{
    s->hit[i] = vtd_paging_lookup(s->paging, &keys[s->pair][i].tables,
                                  keys[s->pair][i].iova, &s->found[i]);
    if (s->hit[i]) {
        g_assert_cmphex(s->found[i].addr, ==, s->leaves[i].addr);
        g_assert_cmphex(s->found[i].permission, ==, s->leaves[i].permission);
    }
}

static void slot_lookup_first(void *opaque)
{
    slot_lookup(opaque, 0);
}

static void slot_lookup_both(void *opaque)
{
    slot_lookup(opaque, 0);
    slot_lookup(opaque, 1);
}

static void slot_drop_first(void *opaque)
{
    slot_drop(opaque, 0);
}

static void slot_take(void *opaque)
{
    slot_insert(opaque, 1);
}

static void slot_replace(void *opaque)
{
    Slot *s = opaque;

    vtd_paging_drop_global(s->paging, ++s->now);
    slot_insert(s, 1);
}

/* The slot is as it was but for how often it was written */
static void slot_take_twice(void *opaque)
{
    slot_insert(opaque, 1);
    slot_insert(opaque, 0);
}

static SeamActor *const writers[] = {
    slot_drop_first, slot_take, slot_replace, slot_take_twice,
};

static Slot *slot_new(unsigned pair)
{
    Slot *s = g_new0(Slot, 1);

    s->paging = vtd_paging_new();
    s->now = 1;
    s->pair = pair;
    s->leaves[0] = (VtdLeafTable) { 0x123000, 3 };
    s->leaves[1] = (VtdLeafTable) { 0x456000, 1 };
    slot_insert(s, 0);
    return s;
}

static void slot_free(Slot *s)
{
    vtd_paging_free(s->paging);
    g_free(s);
}

/* A lookup during which the slot is written */
static void test_lookup(void)
{
    for (unsigned pair = 0; pair < G_N_ELEMENTS(keys); pair++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(writers); i++) {
            unsigned at, hits = 0;
            bool more = true;

            for (at = 0; more; at++) {
                Slot *s = slot_new(pair);

                more = seam_interrupt(slot_lookup_first, writers[i], s, at);
                hits += s->hit[0];
                slot_free(s);
            }
            g_assert_cmpuint(at, >, 8);
            g_assert_cmpuint(hits, >, 1);
        }
    }
}

/* Lookups while a slot is written: at most half of it is there */
static void test_write(void)
{
    seam_in_locks = true;
    for (unsigned pair = 0; pair < G_N_ELEMENTS(keys); pair++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(writers); i++) {
            unsigned at;
            bool more = true;

            for (at = 0; more; at++) {
                Slot *s = slot_new(pair);

                more = seam_interrupt(writers[i], slot_lookup_both, s, at);
                slot_free(s);
            }
            g_assert_cmpuint(at, >, 7);
        }
    }
    seam_in_locks = false;
}

/* The first is found; the second only when it has been inserted, and alone */
static void test_keys(void)
{
    for (unsigned pair = 0; pair < G_N_ELEMENTS(keys); pair++) {
        Slot *s = slot_new(pair);

        slot_lookup_both(s);
        g_assert_true(s->hit[0] && !s->hit[1]);
        slot_insert(s, 1);
        slot_lookup_both(s);
        g_assert_true(!s->hit[0] && s->hit[1]);
        slot_free(s);
    }
}

/* What names invalidations tells tables apart, of 16 and of 20 bits */
static void test_tags(void)
{
    VtdPaging *paging = vtd_paging_new();
    VtdLeafTable leaves = { 0x123000, 3 }, found;
    VtdTables tables = { 0x1000, 1, 4 };

    vtd_paging_insert(paging, &tables, IOVA, &leaves, 1);
    for (unsigned did = 0; did <= UINT16_MAX; did++) {
        tables.did = did;
        g_assert_cmpint(vtd_paging_lookup(paging, &tables, IOVA, &found), ==,
                        did == 1);
    }
    tables.did = 1;
    tables.first = true;
    tables.pasid = 7;
    vtd_paging_insert(paging, &tables, IOVA, &leaves, 1);
    for (unsigned pasid = 0; pasid < 1 << 20; pasid++) {
        tables.pasid = pasid;
        g_assert_cmpint(vtd_paging_lookup(paging, &tables, IOVA, &found), ==,
                        pasid == 7);
    }
    vtd_paging_free(paging);
}

/* What was walked before an invalidation is not found after it */
static void test_epochs(void)
{
    Slot *s = slot_new(0);

    slot_drop(s, 0);
    s->now--;
    slot_insert(s, 0);
    slot_lookup(s, 0);
    g_assert_false(s->hit[0]);
    s->now++;
    slot_insert(s, 0);
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);

    vtd_paging_drop_domain(s->paging, 1, s->now + 1);
    slot_insert(s, 0);
    slot_lookup(s, 0);
    g_assert_false(s->hit[0]);
    s->now++;
    slot_insert(s, 0);
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);

    /* Ranges that are as wide as can be have all of a domain, no other's */
    vtd_paging_drop_ranges(s->paging, 2, &(VtdRange) { 0, UINT64_MAX }, 1,
                           ++s->now);
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);
    vtd_paging_drop_ranges(s->paging, 1, &(VtdRange) { 0, UINT64_MAX }, 1,
                           ++s->now);
    slot_lookup(s, 0);
    g_assert_false(s->hit[0]);
    slot_free(s);
}

/* All that is read without the lock is read in order */
static void test_orders(void)
{
    Slot *s = slot_new(0);

    seam_relaxed = 0;
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);
    g_assert_cmpuint(seam_relaxed, ==, 0);

    /* Of a write, seq before and as it becomes odd: the next is a release */
    slot_insert(s, 0);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    seam_relaxed = 0;
    slot_drop(s, 0);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    vtd_paging_drop_domain(s->paging, 1, ++s->now);
    vtd_paging_drop_global(s->paging, ++s->now);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    slot_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/seam-paging/lookup", test_lookup);
    g_test_add_func("/vtd/seam-paging/write", test_write);
    g_test_add_func("/vtd/seam-paging/keys", test_keys);
    g_test_add_func("/vtd/seam-paging/tags", test_tags);
    g_test_add_func("/vtd/seam-paging/epochs", test_epochs);
    g_test_add_func("/vtd/seam-paging/orders", test_orders);

    return g_test_run();
}
