/*
 * The VT-d unit's paging-structure cache: what each invalidation drops
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A device has read a page through a table of leaves.  Then the entry above
 * leads to another table, which has other pages: by the page that a request
 * comes to, one sees which table it was read through.  Only a page that no
 * request had before tells that, since others are in the IOTLB.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/look.h"
#include "hw/i386/vtd/vtd.h"
#include "vtd-host.h"

#define SID                     0x0208
#define DID                     5
#define IOVA                    (0x40ull << 30)
#define USER                    (QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D)

/* Pages of 2 MiB from IOVA on, so far apart that none is read ahead */
#define APART                   40
#define AT(n)                   (IOVA + (n) * APART * QVTD_PAGE)
/* What such a page is, by the table of then and now */
#define OLD(n)                  (0x1000000ull + (n) * QVTD_PAGE)
#define NEW(n)                  (0x2000000ull + (n) * QVTD_PAGE)

typedef enum Kind {
    LEGACY,
    SECOND,
    FIRST,
    NESTED,
    KINDS,
} Kind;

typedef struct Unit {
    Host *h;
    Device *d;
    Kind kind;
    QVtdDomain domain;
    QVtdFirst first;
    uint64_t parent;            /* where the entry above the leaves is */
    uint64_t new_parent;        /* what will be in it */
    uint64_t old_parent;
} Unit;

static uint64_t entry(Unit *u, uint64_t iova, unsigned level)
{
    return u->kind < FIRST
           ? qvtd_entry(&u->h->vtd, &u->domain, iova, level)
           : qvtd_first_entry(&u->h->vtd, &u->first, iova, level);
}

static void put_leaf(Unit *u, uint64_t iova, uint64_t pa)
{
    if (u->kind < FIRST) {
        qvtd_map(&u->h->vtd, &u->domain, iova, pa, 1, QVTD_RW);
    } else {
        qvtd_first_map(&u->h->vtd, &u->first, iova, pa, 1, USER);
    }
}

static Unit unit_new(Kind kind)
{
    VtdConfig config = host_config;
    Unit u = { .kind = kind };
    QVtd *vtd;

    if (kind != LEGACY) {
        config.scalable_mode = true;
        config.first_stage = config.second_stage = config.nested = true;
        config.rid_pasid = true;
    }
    u.h = host_new(&config);
    vtd = &u.h->vtd;
    if (kind == LEGACY) {
        queue_start(u.h, 0);
    } else {
        qvtd_use_scalable(vtd);
    }
    qvtd_enable(vtd);
    u.d = device_new(u.h, SID);
    if (kind != FIRST) {
        u.domain = qvtd_domain_new(vtd, DID, 4);
    }
    if (kind >= FIRST) {
        u.first = qvtd_first_new(vtd, DID, 4, kind == NESTED ? &u.domain
                                                             : NULL);
        qvtd_sm_attach_first(vtd, SID, &u.first);
    } else if (kind == SECOND) {
        qvtd_sm_attach_second(vtd, SID, &u.domain);
    } else {
        qvtd_attach(vtd, SID, &u.domain);
    }
    u.parent = entry(&u, IOVA, 2);
    for (unsigned new = 0; new < 2; new++) {
        for (unsigned page = 0; page < 8; page++) {
            put_leaf(&u, AT(page), new ? NEW(page) : OLD(page));
        }
        if (new) {
            u.new_parent = host_get(u.h, u.parent);
        } else {
            u.old_parent = host_get(u.h, u.parent);
            host_put(u.h, u.parent, 0);
        }
    }
    host_put(u.h, u.parent, u.old_parent);
    qvtd_invalidate_all(vtd);
    return u;
}

/* Whether the page, which no request had so far, is read by the table of old */
static bool is_old(Unit *u, unsigned page)
{
    VtdTranslation t;

    g_assert_cmphex(outcome(u->d, AT(page), VTD_ACCESS_READ, &t), ==, 0);
    g_assert_true(t.addr == OLD(page) || t.addr == NEW(page));
    return t.addr == OLD(page);
}

/* Nothing but the old table is cached, and memory leads to the new one */
static void change(Unit *u)
{
    host_put(u->h, u->parent, u->old_parent);
    qvtd_invalidate_all(&u->h->vtd);
    g_assert_true(is_old(u, 0));
    host_put(u->h, u->parent, u->new_parent);
    g_assert_cmpint(is_old(u, 1), ==, u->kind != NESTED);
}

#define PASID                   0
#define PAGES(iova, am)         QVTD_INV_IOTLB_PAGES(DID, iova, am)
#define PASID_PAGES(iova, am)   QVTD_INV_PASID_IOTLB_PAGES(DID, PASID, iova, am)
#define OF(kind)                (1u << (kind))
#define SECONDS                 (OF(LEGACY) | OF(SECOND))
#define ALL                     (SECONDS | OF(FIRST))

/* Of what each descriptor drops the table (7.7) */
static const struct {
    const char *name;
    QVtdDesc desc;
    unsigned dropped;
    bool scalable;              /* alone */
} rows[] = {
    { "global", QVTD_INV_IOTLB_GLOBAL, ALL },
    { "domain", QVTD_INV_IOTLB_DOMAIN(DID), ALL },
    { "another domain", QVTD_INV_IOTLB_DOMAIN(DID + 1), 0 },
    { "the page", PAGES(IOVA, 0), ALL },
    { "another page of the table", PAGES(IOVA + MIB2 - QVTD_PAGE, 0), ALL },
    { "2 MiB", PAGES(IOVA, 9), ALL },
    { "1 GiB", PAGES(IOVA, 18), ALL },
    /* Of a first stage the whole domain goes, whatever the address */
    { "the page, leaves", PAGES(IOVA | QVTD_IVA_IH, 0), OF(FIRST) },
    { "1 GiB, leaves", PAGES(IOVA | QVTD_IVA_IH, 18), OF(FIRST) },
    { "the page before", PAGES(IOVA - QVTD_PAGE, 0), OF(FIRST) },
    { "the page behind", PAGES(IOVA + MIB2, 0), OF(FIRST) },
    { "of another domain", QVTD_INV_IOTLB_PAGES(DID + 1, IOVA, 18), 0 },
    { "PASID", QVTD_INV_PASID_IOTLB_ALL(DID, PASID), OF(FIRST), true },
    { "another PASID", QVTD_INV_PASID_IOTLB_ALL(DID, PASID + 1), 0, true },
    { "PASID of another domain", QVTD_INV_PASID_IOTLB_ALL(DID + 1, PASID), 0,
      true },
    { "the page of the PASID", PASID_PAGES(IOVA, 0), OF(FIRST), true },
    { "the last of them", PASID_PAGES(IOVA + MIB2 - QVTD_PAGE, 0), OF(FIRST),
      true },
    { "1 GiB of the PASID", PASID_PAGES(IOVA, 18), OF(FIRST), true },
    { "the page of the PASID, leaves", PASID_PAGES(IOVA | QVTD_IVA_IH, 0), 0,
      true },
    { "the page before, of the PASID", PASID_PAGES(IOVA - QVTD_PAGE, 0), 0,
      true },
    { "the page behind, of the PASID", PASID_PAGES(IOVA + MIB2, 0), 0, true },
    { "the page of another PASID",
      QVTD_INV_PASID_IOTLB_PAGES(DID, PASID + 1, IOVA, 0), 0, true },
    { "contexts", QVTD_INV_CONTEXT_GLOBAL, 0 },
    { "PASID cache", QVTD_INV_PASID_CACHE_GLOBAL, 0, true },
};

static void test_queue(void)
{
    for (Kind kind = LEGACY; kind < KINDS; kind++) {
        Unit u = unit_new(kind);

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            bool kept = kind != NESTED && !(rows[i].dropped & OF(kind));

            if (rows[i].scalable && kind == LEGACY) {
                continue;
            }
            g_test_message("%s, kind %u", rows[i].name, kind);
            change(&u);
            qvtd_invalidate(&u.h->vtd, rows[i].desc);
            g_assert_cmpint(is_old(&u, 2), ==, kept);
            g_assert_cmpint(is_old(&u, 3), ==, kept);
        }
        host_free(u.h);
    }
}

/* The registers, which are there in legacy mode */
static void test_registers(void)
{
    Unit u = unit_new(LEGACY);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned type = rows[i].desc.lo & 0xf;

        if (type == 1 || type == 2) {
            g_test_message("%s", rows[i].name);
            change(&u);
            qvtd_invalidate_by_register(&u.h->vtd, rows[i].desc);
            g_assert_cmpint(is_old(&u, 2), ==, !(rows[i].dropped & OF(LEGACY)));
        }
    }
    host_free(u.h);
}

/* Descriptors that are carried out together: one has more than leaves */
static void test_together(void)
{
    static const struct {
        uint64_t first, second;
        bool dropped;
    } table[] = {
        { IOVA + 0x4000, IOVA + 0x5000, true },
        { IOVA + 0x4000, (IOVA + 0x5000) | QVTD_IVA_IH, true },
        { (IOVA + 0x4000) | QVTD_IVA_IH, IOVA + 0x5000, true },
        { (IOVA + 0x4000) | QVTD_IVA_IH, (IOVA + 0x5000) | QVTD_IVA_IH, false },
        { IOVA + MIB2, IOVA + 0x5000, true },
    };
    Unit u = unit_new(LEGACY);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        QVtdDesc first = PAGES(table[i].first, 0);
        QVtdDesc second = PAGES(table[i].second, 0);

        change(&u);
        queue_put(u.h, first.lo, first.hi);
        queue_put(u.h, second.lo, second.hi);
        queue_kick(u.h);
        g_assert_cmpint(is_old(&u, 2), ==, !table[i].dropped);
    }
    host_free(u.h);
}

/* With a root table that is set, and with state that comes in, all goes */
static void test_all(void)
{
    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        Unit u = unit_new(kind);
        QVtd *vtd = &u.h->vtd;
        VtdSaved saved;

        change(&u);
        qvtd_latch_root(vtd, qvtd_read64(vtd, QVTD_RTADDR));
        g_assert_false(is_old(&u, 2));

        change(&u);
        vtd_save(u.h->v, &saved);
        g_assert_null(vtd_load(u.h->v, &saved));
        vtd_load_finish(u.h->v);
        g_assert_false(is_old(&u, 2));
        host_free(u.h);
    }
}

/* Whatever the table of old has not for a request is looked up anew */
static void test_no_leaf(void)
{
    static const uint64_t wrong[] = {
        0, OLD(2) | QVTD_W, OLD(2) | QVTD_RW | QVTD_SNP,
        QVTD_MSI_ADDR | QVTD_RW,
    };
    Unit u = unit_new(LEGACY);
    uint64_t old = (u.old_parent & BITS(47, 12)) + 2 * 8 * APART;

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        host_put(u.h, old, wrong[i]);
        change(&u);
        g_assert_false(is_old(&u, 2));
    }
    /* what is denied by the levels above is, too */
    host_put(u.h, old, OLD(2) | QVTD_RW);
    u.old_parent &= ~QVTD_W;
    change(&u);
    assert_maps(u.d, AT(2), VTD_ACCESS_WRITE, NEW(2));
    g_assert_false(is_old(&u, 3));
    u.old_parent |= QVTD_W;

    /* and what is there is what it is now */
    change(&u);
    host_put(u.h, old, NEW(0) | QVTD_RW);
    assert_maps(u.d, AT(2), VTD_ACCESS_READ, NEW(0));
    /* no memory any more */
    host_put(u.h, old, OLD(2) | QVTD_RW);
    change(&u);
    host_set_ram(u.h, u.old_parent & BITS(47, 12), false);
    g_assert_false(is_old(&u, 2));
    host_free(u.h);
}

/* A miss in a table that is cached costs one read */
static void test_reads(void)
{
    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        Unit u = unit_new(kind);
        unsigned before;

        g_assert_true(is_old(&u, 0));
        before = u.h->reads;
        g_assert_true(is_old(&u, 1));
        g_assert_cmpuint(u.h->reads, ==, before + 1);
        host_free(u.h);
    }
}

/* It is said that a table is stale, and when it is not */
static void test_explain(void)
{
    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        Unit u = unit_new(kind);
        VtdExplained e;

        g_assert_true(is_old(&u, 0));
        for (unsigned page = 0; page < 2; page++) {
            vtd_explain(u.d->space, VTD_NO_PASID, AT(page), VTD_ACCESS_READ,
                        &e);
            g_assert_false(e.table_stale);
        }
        vtd_explain(u.d->space, VTD_NO_PASID, IOVA + MIB2, VTD_ACCESS_READ,
                    &e);
        g_assert_false(e.table_stale);

        change(&u);
        vtd_explain(u.d->space, VTD_NO_PASID, AT(3), VTD_ACCESS_READ, &e);
        g_assert_true(e.table_stale && !e.iotlb_cached);
        g_assert_cmphex(e.out.addr, ==, NEW(3));

        /* less is permitted on the way, or there is no table */
        host_put(u.h, u.parent, u.old_parent & ~QVTD_W);
        vtd_explain(u.d->space, VTD_NO_PASID, AT(3), VTD_ACCESS_READ, &e);
        g_assert_true(e.table_stale);
        host_put(u.h, u.parent, 0);
        vtd_explain(u.d->space, VTD_NO_PASID, AT(3), VTD_ACCESS_READ, &e);
        g_assert_true(e.table_stale && e.reason);
        host_put(u.h, u.parent, u.old_parent);
        vtd_explain(u.d->space, VTD_NO_PASID, AT(3), VTD_ACCESS_READ, &e);
        g_assert_false(e.table_stale);
        host_free(u.h);
    }
}

/* More pages, side by side, in the table of old */
#define LINE                    8
#define BLOCK                   32
#define NEARS                   (4 * BLOCK)
#define NEAR(n)                 (IOVA + (10 * BLOCK + (n)) * QVTD_PAGE)

static uint64_t near_leaf(Unit *u, unsigned page)
{
    return entry(u, NEAR(page), 1);
}

static uint64_t near_bits(const Unit *u)
{
    return u->kind < FIRST ? QVTD_RW : USER;
}

static Unit near_new(Kind kind)
{
    Unit u = unit_new(kind);

    for (unsigned page = 0; page < NEARS; page++) {
        put_leaf(&u, NEAR(page), OLD(page));
    }
    return u;
}

/* Reads of memory that the request takes */
static unsigned reads_of(Unit *u, unsigned page)
{
    unsigned before = u->h->reads;

    assert_maps(u->d, NEAR(page), VTD_ACCESS_READ, OLD(page));
    return u->h->reads - before;
}

/* Requests in order, up or down, read a line of entries at a time, then more */
static void test_ahead(void)
{
    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        for (unsigned down = 0; down < 2; down++) {
            Unit u = near_new(kind);

            g_assert_true(is_old(&u, 7));
            for (unsigned i = 0; i < NEARS; i++) {
                /* with its line, that of the next, the block of the third */
                bool ahead = i == 1 || i == LINE || i == 2 * LINE ||
                             (i && i % BLOCK == 0);

                g_assert_cmpuint(reads_of(&u, down ? NEARS - 1 - i : i), ==,
                                 i == 0 ? 1 : ahead ? 2 : 0);
            }
            host_free(u.h);
        }
    }
}

/* Those that are far from each other read the entries that they need */
static void test_not_ahead(void)
{
    static const struct {
        unsigned page, reads;
    } row[] = {
        { 0, 1 }, { BLOCK + 1, 1 }, { 0, 0 },
        /* not so far: all of the block, but not the one behind it */
        { 1, 2 }, { 7, 0 }, { BLOCK - 1, 0 }, { BLOCK, 2 },
        /* beside the last: the line, but not the one behind it */
        { 3 * BLOCK, 1 }, { 3 * BLOCK + 7, 2 }, { 3 * BLOCK + 6, 0 },
        { 3 * BLOCK + 8, 2 },
    };

    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        Unit u = near_new(kind);

        g_assert_true(is_old(&u, 7));
        for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
            g_test_message("row %u", i);
            g_assert_cmpuint(reads_of(&u, row[i].page), ==, row[i].reads);
        }
        host_free(u.h);
    }
}

/* What is read ahead grants what a request of its own would be granted */
static void test_ahead_grants(void)
{
    static const struct {
        Kind kind;
        uint64_t entry;
        bool read, write;
    } row[] = {
        { LEGACY, 0x5000000 | QVTD_RW, true, true },
        { LEGACY, 0x5000000 | QVTD_R, true, false },
        { LEGACY, 0x5000000 | QVTD_W, false, true },
        { LEGACY, 0x5000000, false, false },
        { LEGACY, 0x5000000 | QVTD_RW | QVTD_SNP, false, false },
        { LEGACY, QVTD_MSI_ADDR | QVTD_RW, false, false },
        { FIRST, 0x5000000 | USER, true, true },
        { FIRST, 0x5000000 | (USER & ~QVTD_FS_RW), true, false },
        { FIRST, 0x5000000 | (USER & ~QVTD_FS_US), false, false },
        { FIRST, 0x5000000 | (USER & ~QVTD_FS_P), false, false },
        /* nobody has used it: its bits are not set for it */
        { FIRST, 0x5000000 | (USER & ~QVTD_FS_D), true, false },
        { FIRST, 0x5000000 | (USER & ~(QVTD_FS_A | QVTD_FS_D)), false, false },
        { FIRST, QVTD_MSI_ADDR | USER, false, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        Unit u = near_new(row[i].kind);
        uint64_t addr = row[i].entry & BITS(47, 12);

        host_put(u.h, near_leaf(&u, 5), row[i].entry);
        reads_of(&u, 0);
        reads_of(&u, 1);
        g_assert_cmphex(host_get(u.h, near_leaf(&u, 5)), ==, row[i].entry);
        /* from now on only what is cached is there */
        host_put(u.h, near_leaf(&u, 5), 0);
        for (unsigned write = 0; write < 2; write++) {
            VtdAccess access = write ? VTD_ACCESS_WRITE : VTD_ACCESS_READ;

            g_test_message("row %u, write %u", i, write);
            if (write ? row[i].write : row[i].read) {
                assert_maps(u.d, NEAR(5), access, addr);
            } else {
                VtdTranslation t;

                g_assert_cmphex(outcome(u.d, NEAR(5), access, &t), !=, 0);
            }
        }
        host_free(u.h);
    }
}

/* It goes by the page, as if a request had asked for it */
static void test_ahead_dropped(void)
{
    for (Kind kind = LEGACY; kind < NESTED; kind++) {
        Unit u = near_new(kind);

        for (unsigned page = 0; page < LINE; page++) {
            uint64_t addr = NEAR(page) | QVTD_IVA_IH;

            qvtd_invalidate_all(&u.h->vtd);
            for (unsigned i = 0; i < LINE; i++) {
                host_put(u.h, near_leaf(&u, i), OLD(i) | near_bits(&u));
            }
            assert_maps(u.d, NEAR(0), VTD_ACCESS_READ, OLD(0));
            assert_maps(u.d, NEAR(1), VTD_ACCESS_READ, OLD(1));
            for (unsigned i = 0; i < LINE; i++) {
                host_put(u.h, near_leaf(&u, i), NEW(i) | near_bits(&u));
            }
            qvtd_invalidate(&u.h->vtd, kind == FIRST
                            ? PASID_PAGES(addr, 0) : PAGES(addr, 0));
            /* but it is not read ahead over what is there */
            for (unsigned i = LINE; i--; ) {
                assert_maps(u.d, NEAR(i), VTD_ACCESS_READ,
                            i == page ? NEW(i) : OLD(i));
            }
        }
        host_free(u.h);
    }
}

/* The entry of the request itself replaces one that did not grant it */
static void test_ahead_upgrade(void)
{
    Unit u = near_new(LEGACY);
    unsigned before;

    host_put(u.h, near_leaf(&u, 1), OLD(1) | QVTD_R);
    reads_of(&u, 0);
    reads_of(&u, 1);
    host_put(u.h, near_leaf(&u, 1), OLD(1) | QVTD_RW);
    assert_maps(u.d, NEAR(1), VTD_ACCESS_WRITE, OLD(1));
    before = u.h->reads;
    assert_maps(u.d, NEAR(1), VTD_ACCESS_WRITE, OLD(1));
    g_assert_cmpuint(u.h->reads, ==, before);
    host_free(u.h);
}

/* A first stage whose tables come to be behind a second one */
static void test_ahead_nested(void)
{
    Unit u = near_new(FIRST);
    QVtd *vtd = &u.h->vtd;
    QVtdDomain below = qvtd_domain_new(vtd, DID, 4);

    for (uint64_t gpa = 0; gpa < RAM_SIZE; gpa += MIB2) {
        qvtd_map(vtd, &below, gpa, gpa, 2, QVTD_RW);
    }
    qvtd_map(vtd, &below, OLD(0), NEW(0), 2, QVTD_RW);
    reads_of(&u, 0);
    reads_of(&u, 1);
    u.first.under = &below;
    qvtd_sm_attach_first(vtd, SID, &u.first);
    /* the very same table, which is where the guest says in both cases */
    host_put(u.h, qvtd_pasid_entry(vtd, SID, 0) + 16, u.first.top);
    qvtd_invalidate(vtd, QVTD_INV_PASID_CACHE_GLOBAL);
    for (unsigned page = 0; page < LINE; page++) {
        assert_maps(u.d, NEAR(page), VTD_ACCESS_READ, NEW(page));
    }
    host_free(u.h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/paging/queue", test_queue);
    g_test_add_func("/vtd/paging/registers", test_registers);
    g_test_add_func("/vtd/paging/together", test_together);
    g_test_add_func("/vtd/paging/all", test_all);
    g_test_add_func("/vtd/paging/no-leaf", test_no_leaf);
    g_test_add_func("/vtd/paging/reads", test_reads);
    g_test_add_func("/vtd/paging/explain", test_explain);
    g_test_add_func("/vtd/paging/ahead", test_ahead);
    g_test_add_func("/vtd/paging/not-ahead", test_not_ahead);
    g_test_add_func("/vtd/paging/ahead-grants", test_ahead_grants);
    g_test_add_func("/vtd/paging/ahead-dropped", test_ahead_dropped);
    g_test_add_func("/vtd/paging/ahead-upgrade", test_ahead_upgrade);
    g_test_add_func("/vtd/paging/ahead-nested", test_ahead_nested);

    return g_test_run();
}
