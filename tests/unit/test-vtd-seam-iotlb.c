/*
 * The VT-d engine's IOTLB, interrupted at each of its seams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two translations contend for one slot.  All that tells them apart differs,
 * and so does all that is found.  See vtd-seam.h.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/iotlb.h"
#include "vtd-seam.h"
#include "tests/vtd/numbers.h"


/* It never grows here */
static VtdIotlb *iotlb_new(void)
{
    VtdIotlbConfig config = { .slots_max = VTD_IOTLB_SLOTS_MIN };

    return vtd_iotlb_new(&config);
}

typedef struct Slot {
    VtdIotlb *iotlb;
    VtdTables tables[2];
    uint64_t iova[2];
    VtdIotlbEntry entry[2];
    VtdIotlbEntry found[2];
    bool hit[2];
} Slot;

static void slot_insert(Slot *s, unsigned i)
{
    VtdIotlbKey key = vtd_iotlb_key(&s->tables[i]);

    vtd_iotlb_insert(s->iotlb, &key, s->iova[i], &s->entry[i],
                     vtd_iotlb_epoch(s->iotlb));
}

static void slot_drop(Slot *s, unsigned i)
{
    VtdRange page = { s->iova[i], s->iova[i] + QVTD_PAGE - 1 };

    vtd_iotlb_drop_ranges(s->iotlb, s->tables[i].did, &page, 1);
}

static void slot_lookup(Slot *s, unsigned i)
{
    VtdIotlbKey key = vtd_iotlb_key(&s->tables[i]);

    uint64_t word = vtd_iotlb_lookup(s->iotlb, &key, s->iova[i]);

    s->found[i] = (VtdIotlbEntry) {
        .addr = word & VTD_PAGE_MASK, .level = VTD_IOTLB_LEVEL(word),
        .read = word & VTD_IOTLB_READ, .write = word & VTD_IOTLB_WRITE,
    };
    s->hit[i] = word;
}

/* What was found is the one that was looked up, every word of it */
static void slot_check(const Slot *s, unsigned i)
{
    if (s->hit[i]) {
        g_assert_cmphex(s->found[i].addr, ==, s->entry[i].addr);
        g_assert_cmpuint(s->found[i].level, ==, s->entry[i].level);
        g_assert_cmpint(s->found[i].read, ==, s->entry[i].read);
        g_assert_cmpint(s->found[i].write, ==, s->entry[i].write);
    }
}

static void slot_lookup_first(void *opaque)
{
    slot_lookup(opaque, 0);
}

static void slot_lookup_both(void *opaque)
{
    slot_lookup(opaque, 0);
    slot_check(opaque, 0);
    slot_lookup(opaque, 1);
    slot_check(opaque, 1);
}

static void slot_drop_first(void *opaque)
{
    slot_drop(opaque, 0);
}

/* The second has no other way, and the first is the next to lose */
static void slot_evict(void *opaque)
{
    slot_insert(opaque, 1);
}

static void slot_replace(void *opaque)
{
    slot_drop(opaque, 0);
    slot_insert(opaque, 1);
}

static void slot_replace_all(void *opaque)
{
    Slot *s = opaque;

    vtd_iotlb_drop_global(s->iotlb);
    slot_insert(s, 1);
}

/* The slot is as it was but for how often it was written */
static void slot_replace_twice(void *opaque)
{
    slot_replace(opaque);
    slot_drop(opaque, 1);
    slot_insert(opaque, 0);
}

/* The other ways of the second */
static void slot_fill(const Slot *slot)
{
    Slot s = *slot;

    for (unsigned i = 1; i < VTD_IOTLB_WAYS; i++) {
        s.tables[1].top += 8 * QVTD_PAGE;
        slot_insert(&s, 1);
    }
}

#define RIVAL                   1       /* to be found by slot_rival() */

/*
 * A page of the second's that has the slot of the first: if its other ways are
 * taken, its insertion costs the first its place
 */
static uint64_t slot_rival(const Slot *slot)
{
    for (uint64_t page = slot->iova[0]; ; page += QVTD_PAGE) {
        Slot s = *slot;

        s.iotlb = iotlb_new();
        s.iova[1] = page;
        slot_insert(&s, 0);
        slot_fill(&s);
        slot_insert(&s, 1);
        slot_lookup(&s, 0);
        vtd_iotlb_free(s.iotlb);
        if (!s.hit[0]) {
            return page;
        }
    }
}

/* With the first entry, and no other way for the second than where it is */
static Slot *slot_new(unsigned how)
{
    static Slot slots[] = {
        {   /* other pages */
            .tables = { { 0x1000, 1, 3 }, { 0x1000, 1, 3 } },
            .iova = { 0x5000, RIVAL },
        }, {    /* other tables */
            .tables = { { 0x1000, 1, 3 }, { 0x2000, 1, 3 } },
            .iova = { 0x5000, 0x5000 },
        }, {    /* another number of levels */
            .tables = { { 0x1000, 1, 3 }, { 0x1000, 1, 4 } },
            .iova = { 0x5000, 0x5000 },
        }, {    /* other domains */
            .tables = { { 0x1000, 1, 3 }, { 0x1000, 2, 3 } },
            .iova = { 0x5000, RIVAL },
        },
    };
    Slot *s = g_new(Slot, 1);

    if (how == G_N_ELEMENTS(slots)) {
        g_free(s);
        return NULL;
    }
    *s = slots[how];
    s->entry[0] = (VtdIotlbEntry) { 0x123000, 1, true, false };
    s->entry[1] = (VtdIotlbEntry) { 0x456000, 1, false, true };
    if (s->iova[1] == RIVAL) {
        s->iova[1] = slots[how].iova[1] = slot_rival(s);
    }
    s->iotlb = iotlb_new();
    slot_insert(s, 0);
    slot_fill(s);
    return s;
}

static void slot_free(Slot *s)
{
    vtd_iotlb_free(s->iotlb);
    g_free(s);
}

/* A lookup during which the slot is written */
static void test_lookup(void)
{
    static SeamActor *const others[] = {
        slot_drop_first, slot_evict, slot_replace, slot_replace_all,
        slot_replace_twice,
    };
    Slot *s;

    for (unsigned how = 0; (s = slot_new(how)); how++) {
        slot_free(s);
        for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
            bool more = true;
            unsigned at, hits = 0;

            for (at = 0; more; at++) {
                s = slot_new(how);
                more = seam_interrupt(slot_lookup_first, others[i], s, at);
                slot_check(s, 0);
                hits += s->hit[0];
                slot_free(s);
            }
            /* levels, seq, three words of the tag, two more, seq, epochs */
            g_assert_cmpuint(at, >, 9);
            g_assert_cmpuint(hits, >, 1);
        }
    }
}

/* Lookups while a slot is written: at most half of it is there */
static void test_write(void)
{
    static SeamActor *const writers[] = {
        slot_drop_first, slot_evict, slot_replace, slot_replace_all,
        slot_replace_twice,
    };
    Slot *s;

    seam_in_locks = true;
    for (unsigned how = 0; (s = slot_new(how)); how++) {
        slot_free(s);
        for (unsigned i = 0; i < G_N_ELEMENTS(writers); i++) {
            bool more = true;
            unsigned at;

            for (at = 0; more; at++) {
                s = slot_new(how);
                more = seam_interrupt(writers[i], slot_lookup_both, s, at);
                slot_free(s);
            }
            g_assert_cmpuint(at, >, 7);
        }
    }
    seam_in_locks = false;
}

/* Nothing of a hit may come late */
static void test_orders(void)
{
    Slot *s = slot_new(0);

    seam_relaxed = 0;
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);
    g_assert_cmpuint(seam_relaxed, ==, 0);

    /* Of a write, seq before and as it becomes odd: the next is a release */
    seam_relaxed = 0;
    slot_insert(s, 0);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    seam_relaxed = 0;
    slot_drop(s, 0);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    vtd_iotlb_drop_domain(s->iotlb, 1);
    vtd_iotlb_drop_global(s->iotlb);
    g_assert_cmpuint(seam_relaxed, ==, 2);
    slot_free(s);
}

static void nothing(void *opaque)
{
}

static unsigned lookup_seams(Slot *s)
{
    unsigned at = 0;

    while (seam_interrupt(slot_lookup_first, nothing, s, at)) {
        at++;
    }
    return at;
}

/* Of a size that no live entry has, the slots are not looked at */
static void test_sizes(void)
{
    Slot *s = slot_new(0);
    unsigned small, more;

    vtd_iotlb_drop_global(s->iotlb);
    s->iova[0] += 0x123000;
    small = lookup_seams(s);
    s->iova[0] -= 0x123000;

    slot_insert(s, 0);
    slot_lookup(s, 0);
    g_assert_true(s->hit[0]);
    s->iova[0] += 0x123000;
    more = lookup_seams(s);
    g_assert_false(s->hit[0]);
    g_assert_cmpuint(more, >=, small + 2 * VTD_IOTLB_WAYS);
    slot_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/seam-iotlb/lookup", test_lookup);
    g_test_add_func("/vtd/seam-iotlb/write", test_write);
    g_test_add_func("/vtd/seam-iotlb/orders", test_orders);
    g_test_add_func("/vtd/seam-iotlb/sizes", test_sizes);

    return g_test_run();
}
