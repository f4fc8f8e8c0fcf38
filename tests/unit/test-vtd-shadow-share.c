/*
 * The VT-d engine's shadows: sharing, contexts, views, replay
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For whom tables are looked at, and who hears of it.  Which notices a change
 * of tables makes: test-vtd-shadow.c.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"

#define SID                     0x10
#define OTHER                   0x18

/* Sharing */

/* A difference found for one brings all along, in the same step */
static void test_brought_along(void)
{
    Host *h = mirror_host(NULL);
    Mirror *a = mirror_new(h, SID, 1, 0, 4);
    Mirror *b = mirror_new(h, OTHER, 1, a->table, 4);
    Mirror *c = mirror_new(h, 0x100, 2, a->table, 4);
    Mirror *all[] = { a, b, c };

    mirror_map(a, GIB, 1, 4, TARGET | QVTD_RW);
    inv_context(h, QVTD_SELECT, 1, SID, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_counts(all[i], 0, 4);
        assert_step(all[i], 0);
    }
    mirror_map(a, GIB, 1, 1, (TARGET + GIB) | QVTD_RW);
    mirror_unmap(a, GIB + 3 * QVTD_PAGE, 1, 1);
    inv_iotlb(h, QVTD_DOMAIN, 2, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_counts(all[i], 2, 1);
        assert_step(all[i], 0);
    }
    mirror_flush(a);
    for (unsigned i = 0; i < 3; i++) {
        assert_quiet(all[i]);
        mirror_free(all[i]);
    }
    host_free(h);
}

/* One domain id, two tables: both are looked at, neither is the other's */
static void test_two_roots_of_one_domain(void)
{
    Host *h = mirror_host(NULL);
    Mirror *a = mirror_new(h, SID, 1, 0, 4);
    Mirror *b = mirror_new(h, OTHER, 1, 0, 4);
    Mirror *c = mirror_new(h, 0x100, 1, a->table, 3);

    mirror_map(a, GIB, 1, 2, TARGET | QVTD_RW);
    mirror_map(b, GIB, 1, 3, (TARGET + GIB) | QVTD_RW);
    inv_iotlb(h, QVTD_SELECT, 1, GIB, 2);
    assert_counts(a, 0, 2);
    assert_step(a, 0);
    assert_counts(b, 0, 3);
    assert_step(b, 0);
    /* The same table with fewer levels is another one */
    mirror_flush(a);
    assert_exact(c);
    mirror_free(a);
    mirror_free(b);
    mirror_free(c);
    host_free(h);
}

/* N devices on one table are one copy and one look */
static void test_one_copy(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m[8];
    uint64_t bytes, compared, unchanged;

    m[0] = mirror_new(h, 0x200, 1, 0, 4);
    for (unsigned i = 0; i < 512; i++) {
        mirror_map(m[0], i * QVTD_PAGE, 1, 1,
                   (TARGET + (i * 7 & 511) * QVTD_PAGE) | QVTD_RW);
    }
    mirror_flush(m[0]);
    bytes = vtd_stat(h->v, VTD_STAT_SHADOW_BYTES);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_LEAVES), ==, 512);
    for (unsigned i = 1; i < 8; i++) {
        m[i] = mirror_new(h, 0x200 + i, 1 + i % 2, m[0]->table, 4);
        assert_exact(m[i]);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, bytes);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_LEAVES), ==, 512);

    compared = vtd_stat(h->v, VTD_STAT_COMPARED);
    mirror_flush(m[0]);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_COMPARED), ==,
                     compared + 512);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_COMPARED), ==,
                     compared + 1024);
    unchanged = vtd_stat(h->v, VTD_STAT_UNCHANGED);
    host_put(h, mirror_entry(m[0], 5 * QVTD_PAGE, 1), TARGET | QVTD_RW);
    inv_iotlb(h, QVTD_SELECT, 1, 4 * QVTD_PAGE, 2);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_COMPARED), ==,
                     compared + 1028);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_UNCHANGED), ==, unchanged + 3);
    for (unsigned i = 0; i < 8; i++) {
        mirror_free(m[i]);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_BYTES), ==, 0);
    host_free(h);
}

/* A device moved gets the difference between the two tables */
static void test_moved(void)
{
    Host *h = mirror_host(NULL);
    Mirror *a = mirror_new(h, SID, 1, 0, 4);
    Mirror *b = mirror_new(h, OTHER, 2, 0, 3);
    uint64_t table = a->table;

    mirror_map(a, 0, 1, 512, TARGET | QVTD_RW);
    mirror_map(b, 0, 1, 512, TARGET | QVTD_RW);
    mirror_map(b, 3 * QVTD_PAGE, 1, 1, (TARGET + GIB) | QVTD_RW);
    mirror_unmap(b, 7 * QVTD_PAGE, 1, 1);
    mirror_map(b, 2 * MIB, 2, 1, (TARGET + 2 * MIB) | QVTD_RW);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    assert_step(a, 0);
    assert_step(b, 0);

    a->table = b->table;
    a->levels = 3;
    a->did = 2;
    mirror_attach(a);
    assert_notices(a, UNMAPS(3 * QVTD_PAGE, QVTD_PAGE),
                   MAPS(3 * QVTD_PAGE, QVTD_PAGE, (TARGET + GIB) | QVTD_RW),
                   UNMAPS(7 * QVTD_PAGE, QVTD_PAGE),
                   MAPS(2 * MIB, 2 * MIB, (TARGET + 2 * MIB) | QVTD_RW));
    assert_quiet(b);
    assert_step(a, 0);
    a->table = table;
    a->levels = 4;
    a->did = 1;
    mirror_attach(a);
    assert_counts(a, 2, 2);
    assert_step(a, 0);

    /* Unplugged and plugged in between, and moved where nobody is */
    mirror_free(b);
    b = mirror_new(h, OTHER, 1, a->table, 4);
    assert_counts(b, 0, 0);     /* replay told it all before the step */
    g_assert_cmpuint(strict_count(b->s), ==, 512);
    b->table = host_pages(h, 1);
    b->did = 3;
    mirror_attach(b);
    assert_counts(b, 1, 0);
    assert_step(b, 0);
    assert_quiet(a);
    mirror_free(b);
    mirror_free(a);
    host_free(h);
}

/* A device whose bus has another number now has another context entry */
static void test_renumbered(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t other = host_pages(h, 1);

    mirror_map(m, 0, 1, 8, TARGET | QVTD_RW);
    mirror_flush(m);
    m->table = other;
    mirror_map(m, 0, 1, 8, TARGET | QVTD_RW);
    mirror_map(m, 3 * QVTD_PAGE, 1, 1, (TARGET + GIB) | QVTD_RW);
    set_context(h, OTHER, other | QVTD_P, context_hi(4, 2));
    mirror_begin(m);

    m->d->sid = OTHER;
    vtd_sources_changed(h->v);
    assert_notices(m, UNMAPS(3 * QVTD_PAGE, QVTD_PAGE),
                   MAPS(3 * QVTD_PAGE, QVTD_PAGE, (TARGET + GIB) | QVTD_RW));
    assert_step(m, 0);
    vtd_sources_changed(h->v);
    assert_quiet(m);
    mirror_free(m);
    host_free(h);
}

/*
 * Several contexts change in one invalidation, and tables as well: who
 * leaves a table is not told of what changed in it.
 */
static void test_moved_together(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m[3];
    uint64_t table[4];

    for (unsigned i = 0; i < 4; i++) {
        table[i] = host_pages(h, 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        m[i] = mirror_new(h, SID + i, 1 + i, table[i], 4);
        mirror_map(m[i], 0, 1, 64, TARGET | QVTD_RW);
        mirror_flush(m[i]);
        assert_step(m[i], 0);
    }
    /* Each goes to the table of the next one, which changes meanwhile */
    for (unsigned i = 0; i < 3; i++) {
        m[i]->table = table[i + 1];
        mirror_map(m[i], 0, 1, 64, TARGET | QVTD_RW);
        mirror_map(m[i], (8 + i) * QVTD_PAGE, 1, 1, (TARGET + GIB) | QVTD_RW);
        attach(m[i]->d, m[i]->table, 4, 1 + i);
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_counts(m[i], 1, 1);
        assert_step(m[i], 0);
        mirror_free(m[i]);
    }
    host_free(h);
}

/*
 * Devices that change places, each table with a change of its own: nobody is
 * brought along with what it leaves; who stays is brought along.
 */
static void test_changed_places(unsigned count)
{
    Host *h = mirror_host(NULL);
    Mirror *m[3], *stays;
    uint64_t table[3];

    for (unsigned i = 0; i < count; i++) {
        table[i] = host_pages(h, 1);
        m[i] = mirror_new(h, SID + i, 1 + i, table[i], 4);
        mirror_map(m[i], 0, 1, 64, TARGET | QVTD_RW);
        mirror_map(m[i], 2 * GIB, 2, 1, TARGET | QVTD_RW);
        mirror_map(m[i], 5 * GIB, 3, 1, GIB | QVTD_RW);
        mirror_map(m[i], 7 * GIB + i * QVTD_PAGE, 1, 1, TARGET | QVTD_RW);
    }
    stays = mirror_new(h, SID + count, 9, table[0], 4);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        assert_step(m[i], 0);
    }
    assert_step(stays, 0);
    for (unsigned i = 0; i < count; i++) {
        mirror_map(m[i], (8 + i) * QVTD_PAGE, 1, 1, (TARGET + GIB) | QVTD_RW);
    }
    for (unsigned i = 0; i < count; i++) {
        m[i]->table = table[(i + 1) % count];
        attach(m[i]->d, m[i]->table, 4, 1 + i);
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        /* What differs: the page changed, the one that the table alone has */
        assert_counts(m[i], 2, 2);
        assert_step(m[i], 0);
    }
    assert_counts(stays, 1, 1);
    assert_step(stays, 0);
    for (unsigned i = 0; i < count; i++) {
        mirror_free(m[i]);
    }
    mirror_free(stays);
    host_free(h);
}

static void test_two_changed_places(void)
{
    test_changed_places(2);
}

static void test_three_changed_places(void)
{
    test_changed_places(3);
}

/* Contexts */

static const struct {
    uint64_t lo, hi;            /* bits to flip */
} bad_contexts[] = {
    { QVTD_P, 0 }, { BIT(4), 0 }, { BIT(11), 0 }, { QVTD_TT(3), 0 },
    { QVTD_TT(1), 0 },
    { BIT(47), 0 }, { BIT(50), 0 }, { 0, 4 }, { 0, 6 }, { 0, BIT(7) },
    { 0, BIT(24) }, { 0, BIT(63) },
};

static void test_context_ends(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    Mirror *other = mirror_new(h, OTHER, 2, 0, 4);
    uint64_t entry = context_entry(h, SID), root = h->vtd.root;
    uint64_t lo = host_get(h, entry), hi = host_get(h, entry + 8);

    mirror_map(m, 0, 1, 40, TARGET | QVTD_RW);
    mirror_map(m, 5 * GIB, 2, 3, TARGET | QVTD_RW);
    mirror_map(other, GIB, 1, 3, TARGET | QVTD_RW);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    assert_step(m, 0);
    assert_step(other, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_contexts); i++) {
        set_context(h, SID, lo ^ bad_contexts[i].lo, hi ^ bad_contexts[i].hi);
        inv_context(h, QVTD_SELECT, 1, SID, 0);
        g_assert_cmpuint(strict_count(m->s), ==, 0);
        assert_step(m, 0);
        set_context(h, SID, lo, hi);
        inv_context(h, QVTD_SELECT, 1, SID, 0);
        assert_counts(m, 0, 43);
        assert_step(m, 0);
    }
    assert_quiet(other);
    g_assert_cmpuint(m->d->switches, ==, 1);

    /* No root entry; no root table */
    lo = host_get(h, root);
    host_put(h, root, lo | BIT(5));
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_cmpuint(strict_count(m->s), ==, 0);
    g_assert_cmpuint(strict_count(other->s), ==, 0);
    host_put(h, root, lo);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    assert_exact(m);
    g_assert_cmpuint(strict_count(m->s), ==, 43);
    h->vtd.root = RAM_SIZE;
    set_root_table(h, h->vtd.root);
    g_assert_cmpuint(strict_count(m->s), ==, 0);
    h->vtd.root = root;
    set_root_table(h, h->vtd.root);
    assert_exact(m);
    g_assert_cmpuint(strict_count(m->s), ==, 43);
    mirror_free(other);
    mirror_free(m);
    host_free(h);
}

/* Views: a region is toggled when its state changes, and starts empty */
static void test_views(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    uint64_t entry = context_entry(h, SID), lo = host_get(h, entry);

    mirror_map(m, 0, 1, 8, TARGET | QVTD_RW);
    mirror_flush(m);
    g_assert_cmpuint(m->d->switches, ==, 1);
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = m->d->switches;

        for (unsigned j = 0; j < 2; j++) {
            if (i == 0) {
                host_put(h, entry, lo | QVTD_TT(2));
                inv_context(h, QVTD_GLOBAL, 0, 0, 0);
            } else {
                gcmd(h, QVTD_TE, false);
            }
        }
        g_assert_cmpint(m->d->view, !=, VTD_VIEW_TRANSLATED);
        g_assert_cmpuint(m->d->switches, ==, before + 1);
        g_assert_cmpuint(strict_count(m->s), ==, 0);
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SHADOW_LEAVES), ==, 0);
        mirror_begin(m);
        if (i == 0) {
            host_put(h, entry, lo);
            inv_context(h, QVTD_GLOBAL, 0, 0, 0);
        } else {
            gcmd(h, QVTD_TE, true);
        }
        g_assert_cmpint(m->d->view, ==, VTD_VIEW_TRANSLATED);
        g_assert_cmpuint(m->d->switches, ==, before + 2);
        assert_counts(m, 0, 8); /* by replay */
        assert_exact(m);
    }
    vtd_reset(h->v);
    g_assert_cmpuint(strict_count(m->s), ==, 0);
    mirror_begin(m);
    set_root_table(h, h->vtd.root);
    gcmd(h, QVTD_TE, true);
    assert_counts(m, 0, 8);
    assert_exact(m);
    mirror_free(m);
    host_free(h);
}

/* Replay */

static void test_replay(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, SID, 1, 0, 4);
    static const struct {
        uint64_t first, last;
        unsigned mappings;
    } ranges[] = {
        { 0, UINT64_MAX, 12 }, { 0, 0xfedfffff, 11 },
        { 0xfef00000, UINT64_MAX, 1 }, { 3 * QVTD_PAGE, 3 * QVTD_PAGE, 1 },
        { 3 * QVTD_PAGE, 5 * QVTD_PAGE - 1, 2 },
        { 9 * QVTD_PAGE, 2 * MIB - 1, 0 },
        { 3 * MIB, 3 * MIB, 1 }, { 4 * MIB - 1, 4 * MIB, 2 },
    };

    mirror_map(m, 0, 1, 8, TARGET | QVTD_RW);
    mirror_map(m, 2 * MIB, 2, 2, (TARGET + 2 * MIB) | QVTD_R);
    mirror_map(m, GIB, 3, 1, (TARGET + GIB) | QVTD_RW);
    mirror_map(m, 5 * GIB, 1, 1, TARGET | QVTD_W);
    mirror_flush(m);
    mirror_begin(m);
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        Strict *s = strict_replay(m->d, ranges[i].first, ranges[i].last);

        assert_strict(s);
        g_assert_cmpuint(strict_count(s), ==, ranges[i].mappings);
        g_assert_cmpuint(strict_unmaps(s), ==, 0);
        strict_free(s);
    }
    assert_quiet(m);            /* others hear nothing of it */

    /* A listener that comes again starts from nothing */
    strict_unlisten(m->s);
    mirror_unmap(m, 0, 1, 8);
    m->s = strict_listen(m->d, true);
    g_assert_cmpuint(strict_count(m->s), ==, 4);
    assert_exact(m);
    mirror_free(m);
    host_free(h);
}

/* Who only forgets is told the range, with no look at the tables */
static void test_unmap_only(void)
{
    Host *h = mirror_host(NULL);
    Device *d = device_new(h, SID);
    Strict *s = strict_listen(d, false);
    Forget *forget;

    attach(d, host_pages(h, 1), 4, 1);
    inv_context(h, QVTD_SELECT, 1, SID, 0);
    for (unsigned am = 0; am <= 18; am++) {
        g_array_set_size(h->forgets, 0);
        inv_iotlb(h, QVTD_SELECT, 2, 7 * GIB, am);
        g_assert_cmpuint(h->forgets->len, ==, 0);
        inv_iotlb(h, QVTD_SELECT, 1, 7 * GIB, am);
        g_assert_cmpuint(h->forgets->len, ==, 1);
        forget = &g_array_index(h->forgets, Forget, 0);
        g_assert_cmphex(forget->first, ==, 7 * GIB);
        g_assert_cmphex(forget->last, ==, 7 * GIB + (QVTD_PAGE << am) - 1);
        g_assert_false(forget->device_tlb);
    }
    for (unsigned i = 0; i < 3; i++) {
        g_array_set_size(h->forgets, 0);
        if (i < 2) {
            inv_iotlb(h, i ? QVTD_GLOBAL : QVTD_DOMAIN, 1, 0, 0);
        } else {
            inv_context(h, QVTD_SELECT, 1, SID, 0);
        }
        g_assert_cmpuint(h->forgets->len, ==, 1);
        forget = &g_array_index(h->forgets, Forget, 0);
        g_assert_cmphex(forget->first, ==, 0);
        g_assert_cmphex(forget->last, ==, UINT64_MAX);
    }
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_SYNCS), ==, 0);
    strict_unlisten(s);
    host_free(h);
}

/*
 * Whoever caches translations hears of a domain that requests may be in:
 * that of the cached entry, and that of the one in memory
 */
static void test_told_of_both_domains(void)
{
    static const uint16_t told[] = { 1, 2 };
    Host *h = mirror_host(NULL);
    Device *d = device_new(h, SID);
    Strict *s = strict_listen(d, false);
    uint64_t table = host_pages(h, 1);

    map(h, table, 4, 0x5000, 1, TARGET | QVTD_RW);
    attach(d, table, 4, 1);
    inv_context(h, QVTD_SELECT, 1, SID, 0);
    assert_maps(d, 0x5000, VTD_ACCESS_READ, TARGET);
    attach(d, table, 4, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(told); i++) {
        g_array_set_size(h->forgets, 0);
        inv_iotlb(h, QVTD_DOMAIN, 3, 0, 0);
        g_assert_cmpuint(h->forgets->len, ==, 0);
        inv_iotlb(h, QVTD_DOMAIN, told[i], 0, 0);
        g_assert_cmpuint(h->forgets->len, ==, 1);
    }
    /* Nothing of the first is left once its entry is not cached any more */
    inv_context(h, QVTD_SELECT, 1, SID, 0);
    g_array_set_size(h->forgets, 0);
    inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    g_assert_cmpuint(h->forgets->len, ==, 0);
    strict_unlisten(s);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow-share/brought-along", test_brought_along);
    g_test_add_func("/vtd/shadow-share/two-roots-of-one-domain",
                    test_two_roots_of_one_domain);
    g_test_add_func("/vtd/shadow-share/one-copy", test_one_copy);
    g_test_add_func("/vtd/shadow-share/moved", test_moved);
    g_test_add_func("/vtd/shadow-share/renumbered", test_renumbered);
    g_test_add_func("/vtd/shadow-share/moved-together", test_moved_together);
    g_test_add_func("/vtd/shadow-share/two-changed-places",
                    test_two_changed_places);
    g_test_add_func("/vtd/shadow-share/three-changed-places",
                    test_three_changed_places);
    g_test_add_func("/vtd/shadow-share/context-ends", test_context_ends);
    g_test_add_func("/vtd/shadow-share/views", test_views);
    g_test_add_func("/vtd/shadow-share/replay", test_replay);
    g_test_add_func("/vtd/shadow-share/unmap-only", test_unmap_only);
    g_test_add_func("/vtd/shadow-share/told-of-both-domains",
                    test_told_of_both_domains);

    return g_test_run();
}
