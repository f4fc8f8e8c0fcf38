/*
 * The VT-d unit's caches: what each invalidation drops, and what it leaves
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each test changes the tables under all that is cached, invalidates some of
 * it, and looks at what then comes from where.  Tests of invalidations run
 * through the queue and through the registers.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-host.h"

#define DEVICES                 8

/* A unit with some devices, each in a domain of its own: 1, 2, 3... */
typedef struct Unit {
    Host *h;
    Device *d[DEVICES];
    uint64_t table[DEVICES];
} Unit;

static uint16_t unit_did(unsigned i)
{
    return i + 1;
}

static Unit unit_new(const VtdConfig *config, unsigned devices, bool queue)
{
    Unit u = { .h = host_new(config) };

    host_enable(u.h);
    if (queue) {
        queue_start(u.h, 0);
    }
    for (unsigned i = 0; i < devices; i++) {
        u.d[i] = device_new(u.h, 0x0200 + i);
        u.table[i] = host_pages(u.h, 1);
        attach(u.d[i], u.table[i], 4, unit_did(i));
    }
    return u;
}

static void test_hit(void)
{
    Unit u = unit_new(NULL, 2, true);

    for (unsigned level = 1; level <= 3; level++) {
        uint64_t size = 1ull << (12 + 9 * (level - 1)), iova = 4 * size;

        map(u.h, u.table[0], 4, iova, level, 8 * size | QVTD_RW);
        assert_cached(u.d[0], iova, 8 * size, false);
        assert_cached(u.d[0], iova, 8 * size, true);
        assert_cached(u.d[0], iova + size - 1, 9 * size - 1, true);
        /* another domain's; another page */
        assert_blocked(u.d[1], iova, VTD_ACCESS_READ, QVTD_F_READ);
        assert_blocked(u.d[0], iova + size, VTD_ACCESS_READ, QVTD_F_READ);
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
    }
    host_free(u.h);
}

/* Global and domain-selective, several domains */
static void test_domains(gconstpointer opaque)
{
    Unit u = unit_new(NULL, 4, GPOINTER_TO_INT(opaque));

    for (unsigned victim = 0; victim <= 4; victim++) {
        for (unsigned i = 0; i < 4; i++) {
            uint64_t old = (16 + i) << 12;

            map(u.h, u.table[i], 4, 0x5000, 1, old | QVTD_RW);
            map(u.h, u.table[i], 4, 1 << 21, 2, 5ull << 21 | QVTD_RW);
            map(u.h, u.table[i], 4, 1 << 30, 3, 5ull << 30 | QVTD_RW);
            inv_iotlb(u.h, QVTD_DOMAIN, unit_did(i), 0, 0);
            assert_cached(u.d[i], 0x5000, old, false);
            assert_cached(u.d[i], 1 << 21, 5ull << 21, false);
            assert_cached(u.d[i], 1 << 30, 5ull << 30, false);
            map(u.h, u.table[i], 4, 0x5000, 1,
                (old + QVTD_PAGE * 16) | QVTD_RW);
            map(u.h, u.table[i], 4, 1 << 21, 2, 6ull << 21 | QVTD_RW);
            map(u.h, u.table[i], 4, 1 << 30, 3, 6ull << 30 | QVTD_RW);
        }
        inv_iotlb(u.h, victim < 4 ? QVTD_DOMAIN : QVTD_GLOBAL, unit_did(victim),
                  0, 0);
        for (unsigned i = 0; i < 4; i++) {
            bool left = victim < 4 && i != victim;
            uint64_t addr = (16 + i) << 12;

            assert_cached(u.d[i], 0x5000, left ? addr : addr + QVTD_PAGE * 16,
                          left);
            assert_cached(u.d[i], 1 << 21, (left ? 5ull : 6ull) << 21, left);
            assert_cached(u.d[i], 1 << 30, (left ? 5ull : 6ull) << 30, left);
        }
    }
    host_free(u.h);
}

/* All orders: the first and last page of the range, and their neighbours */
static void test_page_orders(gconstpointer opaque)
{
    Unit u = unit_new(NULL, 2, GPOINTER_TO_INT(opaque));

    for (unsigned am = 0; am <= 18; am++) {
        uint64_t size = QVTD_PAGE << am, base = 6 * size;
        const uint64_t at[] = {
            base - QVTD_PAGE, base, base + ((size / 2) & ~0xfffull),
            base + size - QVTD_PAGE, base + size,
        };
        /* wherever in the range the address points (1.9) */
        const uint64_t named[] = { base, base + size - QVTD_PAGE };

        for (unsigned n = 0; n < G_N_ELEMENTS(named); n++) {
            for (unsigned i = 0; i < 2; i++) {
                for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
                    map(u.h, u.table[i], 4, at[k], 1, 0x100000 | QVTD_RW);
                }
            }
            inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
            for (unsigned i = 0; i < 2; i++) {
                for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
                    assert_maps(u.d[i], at[k], VTD_ACCESS_READ, 0x100000);
                }
                for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
                    map(u.h, u.table[i], 4, at[k], 1, 0x200000 | QVTD_RW);
                }
            }
            inv_iotlb(u.h, QVTD_SELECT, unit_did(0), named[n], am);
            for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
                bool left = at[k] < base || at[k] >= base + size;

                /* what was dropped may have been read ahead since */
                if (left) {
                    assert_cached(u.d[0], at[k], 0x100000, true);
                } else {
                    assert_maps(u.d[0], at[k], VTD_ACCESS_READ, 0x200000);
                }
                assert_cached(u.d[1], at[k], 0x100000, true);
            }
        }
    }
    host_free(u.h);
}

/* Bits from the width of input addresses up are not looked at (1.9) */
static void test_ignored_bits(gconstpointer opaque)
{
    static const uint8_t widths[] = { 39, 48 };
    static const uint64_t iovas[] = { 0x5000, 0x40000000, 0x7fffffe000 };

    for (unsigned w = 0; w < G_N_ELEMENTS(widths); w++) {
        VtdConfig config = host_config;
        unsigned levels = widths[w] == 39 ? 3 : 4;
        uint64_t table;
        Device *d;
        Host *h;

        config.aw_bits = widths[w];
        config.haw_bits = 50;
        h = host_new(&config);
        table = host_pages(h, 1);
        d = device_new(h, 0x0200);
        host_enable(h);
        if (GPOINTER_TO_INT(opaque)) {
            queue_start(h, 0);
        }
        attach(d, table, levels, 1);
        for (unsigned i = 0; i < G_N_ELEMENTS(iovas); i++) {
            for (unsigned bit = widths[w]; bit <= 64; bit++) {
                uint64_t high = bit < 64 ? BIT(bit) : BITS(63, widths[w]);

                map(h, table, levels, iovas[i], 1, 0x100000 | QVTD_RW);
                inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
                assert_maps(d, iovas[i], VTD_ACCESS_READ, 0x100000);
                map(h, table, levels, iovas[i], 1, 0x200000 | QVTD_RW);
                inv_iotlb(h, QVTD_SELECT, 1, iovas[i] | high, bit % 19);
                assert_maps(d, iovas[i], VTD_ACCESS_READ, 0x200000);
            }
        }
        host_free(h);
    }
}

/* A superpage goes with any page of it, also one that is handed in pieces */
static void test_superpages(gconstpointer opaque)
{
    static const struct {
        uint64_t iova;
        unsigned level;
        uint64_t probe;         /* translated, in the same leaf */
        uint64_t named;
        unsigned am;
        bool dropped;
    } table[] = {
        { 1 << 21, 2, 1 << 21, 1 << 21, 0, true },
        { 1 << 21, 2, 1 << 21, (2 << 21) - QVTD_PAGE, 0, true },
        { 1 << 21, 2, (2 << 21) - QVTD_PAGE, 1 << 21, 9, true },
        { 1 << 21, 2, 1 << 21, 0, 18, true },
        { 1 << 21, 2, 1 << 21, (1 << 21) - QVTD_PAGE, 0, false },
        { 1 << 21, 2, 1 << 21, 2 << 21, 9, false },
        { 1 << 30, 3, 1 << 30, 1 << 30, 0, true },
        { 1 << 30, 3, 0x45678000, 0x45678000, 0, true },
        { 1 << 30, 3, 1 << 30, (2ull << 30) - QVTD_PAGE, 0, true },
        { 1 << 30, 3, 1 << 30, (1 << 30) + (5 << 21), 9, true },
        { 1 << 30, 3, 1 << 30, 1 << 30, 18, true },
        { 1 << 30, 3, 1 << 30, 0, 18, false },
        /* 1 GiB around the interrupt range: pieces of all sizes */
        { 3ull << 30, 3, 0xc0000000, 0xc0000000, 18, true },
        { 3ull << 30, 3, 0xfedff000, 0xc0000000, 18, true },
        { 3ull << 30, 3, 0xfef00000, 0xc0000000, 18, true },
        { 3ull << 30, 3, 0xfef00000, QVTD_MSI_ADDR, 9, true },
        { 3ull << 30, 3, 0xfef00000, 0xfef00000, 0, true },
    };
    Unit u = unit_new(NULL, 1, GPOINTER_TO_INT(opaque));

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        uint64_t size = 1ull << (12 + 9 * (table[i].level - 1));
        uint64_t probe = table[i].probe, offset = probe - table[i].iova;

        g_test_message("row %u", i);
        map(u.h, u.table[0], 4, table[i].iova, table[i].level,
            64 * size | QVTD_RW);
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
        assert_cached(u.d[0], probe, 64 * size + offset, false);
        map(u.h, u.table[0], 4, table[i].iova, table[i].level,
            128 * size | QVTD_RW);
        inv_iotlb(u.h, QVTD_SELECT, unit_did(0), table[i].named, table[i].am);
        assert_cached(u.d[0], probe,
                      (table[i].dropped ? 128 : 64) * size + offset,
                      !table[i].dropped);
        host_put(u.h, table_entry(u.h, u.table[0], 4, table[i].iova,
                                  table[i].level), 0);
    }
    host_free(u.h);
}

/* One domain id over two tables: neither serves the other, both are dropped */
static void test_shared_domain(gconstpointer opaque)
{
    Unit u = unit_new(NULL, 2, GPOINTER_TO_INT(opaque));

    attach(u.d[1], u.table[1], 4, unit_did(0));
    for (unsigned granularity = QVTD_GLOBAL; granularity <= QVTD_SELECT;
         granularity++) {
        for (unsigned i = 0; i < 2; i++) {
            map(u.h, u.table[i], 4, 0x5000, 1, (16 + i) << 12 | QVTD_RW);
        }
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
        for (unsigned round = 0; round < 2; round++) {
            for (unsigned i = 0; i < 2; i++) {
                assert_cached(u.d[i], 0x5000, (16 + i) << 12, round);
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            map(u.h, u.table[i], 4, 0x5000, 1, (32 + i) << 12 | QVTD_RW);
        }
        inv_iotlb(u.h, granularity, unit_did(0), 0x5000, 0);
        for (unsigned i = 0; i < 2; i++) {
            assert_cached(u.d[i], 0x5000, (32 + i) << 12, false);
        }
    }
    host_free(u.h);
}

/*
 * Context cache: by function mask, by domain, all.  Every device has a second
 * table and domain that its context is changed to.
 */
static void assert_contexts(Unit *u, const bool dropped[DEVICES],
                            const uint64_t next[DEVICES],
                            unsigned granularity, uint16_t did, uint16_t sid,
                            unsigned fm)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        attach(u->d[i], u->table[i], 4, unit_did(i));
    }
    inv_context(u->h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        assert_maps(u->d[i], 0x5000, VTD_ACCESS_READ, 0x10000);
        attach(u->d[i], next[i], 4, 0x100 + i);
    }
    inv_context(u->h, granularity, did, sid, fm);
    for (unsigned i = 0; i < DEVICES; i++) {
        assert_maps(u->d[i], 0x5000, VTD_ACCESS_READ,
                    dropped[i] ? 0x20000 : 0x10000);
    }
}

static void test_contexts(gconstpointer opaque)
{
    Unit u = unit_new(NULL, DEVICES, GPOINTER_TO_INT(opaque));
    uint64_t next[DEVICES];

    for (unsigned i = 0; i < DEVICES; i++) {
        next[i] = host_pages(u.h, 1);
        map(u.h, u.table[i], 4, 0x5000, 1, 0x10000 | QVTD_RW);
        map(u.h, next[i], 4, 0x5000, 1, 0x20000 | QVTD_RW);
    }
    for (unsigned victim = 0; victim < DEVICES; victim++) {
        bool dropped[DEVICES];

        for (unsigned fm = 0; fm < 4; fm++) {
            for (unsigned i = 0; i < DEVICES; i++) {
                dropped[i] = !((victim ^ i) & ~qvtd_functions(fm));
            }
            assert_contexts(&u, dropped, next, QVTD_SELECT, unit_did(victim),
                            0x0200 + victim, fm);
        }
        for (unsigned i = 0; i < DEVICES; i++) {
            dropped[i] = i == victim;
        }
        assert_contexts(&u, dropped, next, QVTD_DOMAIN, unit_did(victim), 0, 0);
        memset(dropped, false, sizeof(dropped));
        assert_contexts(&u, dropped, next, QVTD_DOMAIN, 0x77, 0, 0);
        assert_contexts(&u, dropped, next, QVTD_SELECT, 1, 0x0300 + victim, 3);
        memset(dropped, true, sizeof(dropped));
        assert_contexts(&u, dropped, next, QVTD_GLOBAL, 0, 0, 0);
    }
    host_free(u.h);
}

/* CAP.ESRTPS: SRTP drops all that is cached, also of the same root table */
static void test_root_pointer(void)
{
    Unit u = unit_new(NULL, 2, true);
    uint64_t next = host_pages(u.h, 1);

    for (unsigned i = 0; i < 2; i++) {
        map(u.h, u.table[i], 4, 0x5000, 1, 0x10000 | QVTD_RW);
        assert_maps(u.d[i], 0x5000, VTD_ACCESS_READ, 0x10000);
    }
    map(u.h, next, 4, 0x5000, 1, 0x20000 | QVTD_RW);
    attach(u.d[0], next, 4, unit_did(0));
    map(u.h, u.table[1], 4, 0x5000, 1, 0x20000 | QVTD_RW);
    for (unsigned i = 0; i < 2; i++) {
        assert_maps(u.d[i], 0x5000, VTD_ACCESS_READ, 0x10000);
    }
    set_root_table(u.h, u.h->vtd.root);
    for (unsigned i = 0; i < 2; i++) {
        assert_maps(u.d[i], 0x5000, VTD_ACCESS_READ, 0x20000);
    }
    host_free(u.h);
}

/* The context cache's invalidation leaves the IOTLB alone (7.2) */
static void test_context_only(void)
{
    Unit u = unit_new(NULL, 1, true);

    map(u.h, u.table[0], 4, 0x5000, 1, 0x10000 | QVTD_RW);
    assert_maps(u.d[0], 0x5000, VTD_ACCESS_READ, 0x10000);
    map(u.h, u.table[0], 4, 0x5000, 1, 0x20000 | QVTD_RW);
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    assert_maps(u.d[0], 0x5000, VTD_ACCESS_READ, 0x10000);
    inv_iotlb(u.h, QVTD_SELECT, unit_did(0), 0x5000, 0);
    assert_maps(u.d[0], 0x5000, VTD_ACCESS_READ, 0x20000);
    host_free(u.h);
}

/* Permissions of a present entry, lower and higher, after an invalidation */
static void test_permissions(void)
{
    static const uint8_t perms[] = {
        QVTD_R, QVTD_RW, QVTD_W, QVTD_RW, QVTD_R, QVTD_W,
    };
    Unit u = unit_new(NULL, 1, true);

    for (unsigned i = 0; i < G_N_ELEMENTS(perms); i++) {
        map(u.h, u.table[0], 4, 0x5000, 1, 0x10000 | perms[i]);
        inv_iotlb(u.h, QVTD_SELECT, unit_did(0), 0x5000, 0);
        for (unsigned round = 0; round < 2; round++) {
            VtdTranslation t;

            g_assert_cmphex(outcome(u.d[0], 0x5000, VTD_ACCESS_READ, &t), ==,
                            perms[i] & QVTD_R ? 0 : 0x06);
            g_assert_cmphex(outcome(u.d[0], 0x5000, VTD_ACCESS_WRITE, &t),
                            ==, perms[i] & QVTD_W ? 0 : 0x05);
        }
        /* A probe is content with what there is */
        {
            unsigned reads = u.h->reads;
            VtdTranslation t;

            g_assert_cmphex(outcome(u.d[0], 0x5000, VTD_ACCESS_PROBE, &t),
                            ==, 0);
            g_assert_cmpuint(u.h->reads, ==, reads);
        }
    }
    host_free(u.h);
}

/* With CM=0 what was not present works at once when it is (7.1) */
static void test_not_present_not_cached(void)
{
    static const struct {
        uint64_t bad;           /* instead of the entry, or added to it */
        bool instead;
        unsigned reason;
    } table[] = {
        { 0, true, 0x06 }, { BITS(63, 2), true, 0x06 },
        { BIT(62), false, 0x0c }, { BIT(11), false, 0x0c },
        { BITS(47, 40), false, 0x07 },
    };
    Unit u = unit_new(NULL, 1, true);
    const uint64_t iova = 0x665544332000;

    map(u.h, u.table[0], 4, iova, 1, 0x10000 | QVTD_RW);
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t entry = table_entry(u.h, u.table[0], 4, iova, level);
        uint64_t good = host_get(u.h, entry);

        for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
            if (level == 1 && table[i].reason == QVTD_F_TABLE_ACCESS) {
                continue;
            }
            host_put(u.h, entry, table[i].instead ? table[i].bad :
                                 good | table[i].bad);
            inv_iotlb(u.h, QVTD_DOMAIN, unit_did(0), 0, 0);
            assert_blocked(u.d[0], iova, VTD_ACCESS_READ, table[i].reason);
            host_put(u.h, entry, good);
            assert_maps(u.d[0], iova, VTD_ACCESS_READ, 0x10000);
        }
    }
    host_free(u.h);
}

/* More pages than there is room for: always right, and not all forgotten */
static void test_many(void)
{
    const unsigned pages = 6000;
    Unit u = unit_new(NULL, 2, true);
    unsigned reads;

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < pages; k++) {
            map(u.h, u.table[i], 4, k * QVTD_PAGE, 1,
                (k + 1 + i) * QVTD_PAGE | QVTD_RW);
        }
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned k = 0; k < pages; k++) {
            for (unsigned i = 0; i < 2; i++) {
                assert_maps(u.d[i], k * QVTD_PAGE, VTD_ACCESS_WRITE,
                            (k + 1 + i) * QVTD_PAGE);
            }
        }
    }
    reads = u.h->reads;
    for (unsigned k = pages - 50; k < pages; k++) {
        assert_maps(u.d[0], k * QVTD_PAGE, VTD_ACCESS_WRITE,
                    (k + 1) * QVTD_PAGE);
    }
    /* at most a few of the last ones were lost: 4 reads each */
    g_assert_cmpuint(u.h->reads - reads, <=, 50);
    host_free(u.h);
}

/* With more pages in use than it holds, those that are used most stay */
static void test_crowd(void)
{
    const unsigned pages = 48u << 10, hot = 64, apart = 70;
    Unit u = unit_new(NULL, 2, true);
    unsigned reads, rounds = 0;

    for (unsigned k = 0; k < pages; k++) {
        map(u.h, u.table[0], 4, k * QVTD_PAGE, 1, QVTD_PAGE | QVTD_RW);
    }
    for (unsigned k = 0; k < 2 * pages; k++) {
        assert_maps(u.d[0], k * 1025ull % pages * QVTD_PAGE, VTD_ACCESS_READ,
                    QVTD_PAGE);
    }
    do {
        reads = u.h->reads;
        for (unsigned k = 0; k < hot; k++) {
            assert_maps(u.d[0], k * apart * QVTD_PAGE, VTD_ACCESS_READ,
                        QVTD_PAGE);
        }
        rounds++;
    } while (u.h->reads != reads);
    /* one miss of a few takes a slot, not none */
    g_test_message("%u rounds", rounds);
    g_assert_cmpuint(rounds, >, 2);
    g_assert_cmpuint(rounds, <, 100);
    host_free(u.h);
}

/* What runs in the middle of a walk, once */
typedef struct Midway {
    Unit *u;
    uint64_t at;                /* when this was read */
    unsigned what;
} Midway;

enum { MID_GLOBAL, MID_DOMAIN, MID_PAGE, MID_CONTEXT, MID_DETACH, MIDS };

static void midway(Host *h, uint64_t gpa)
{
    Midway *m = h->opaque;
    Unit *u = m->u;

    if (gpa != m->at) {
        return;
    }
    h->after_read = NULL;
    switch (m->what) {
    case MID_GLOBAL:
    case MID_DOMAIN:
    case MID_PAGE:
        map(h, u->table[0], 4, 0x5000, 1, 0x20000 | QVTD_RW);
        inv_iotlb(h, m->what + 1, unit_did(0), 0x5000, 0);
        break;
    case MID_CONTEXT:
        attach(u->d[0], u->table[1], 4, unit_did(1));
        inv_context(h, QVTD_SELECT, unit_did(0), u->d[0]->sid, 0);
        inv_iotlb(h, QVTD_DOMAIN, unit_did(0), 0, 0);
        break;
    case MID_DETACH:
        detach(u->d[0]);
        inv_context(h, QVTD_SELECT, unit_did(0), u->d[0]->sid, 0);
        inv_iotlb(h, QVTD_DOMAIN, unit_did(0), 0, 0);
        break;
    }
}

/*
 * An invalidation meets a request half way, at each of its reads.  The
 * request itself may pass as before or as after it, or be blocked if there
 * was nothing for a moment; a later one is never served from before it.
 */
static void test_midway(gconstpointer opaque)
{
    for (unsigned what = 0; what < MIDS; what++) {
        for (unsigned at = 0; at < 6; at++) {
            Unit u = unit_new(NULL, 2, GPOINTER_TO_INT(opaque));
            Midway m = { &u, .what = what };
            uint64_t context = context_entry(u.h, u.d[0]->sid);
            VtdTranslation t;

            map(u.h, u.table[0], 4, 0x5000, 1, 0x10000 | QVTD_RW);
            map(u.h, u.table[1], 4, 0x5000, 1, 0x20000 | QVTD_RW);
            m.at = at == 0 ? u.h->vtd.root + (u.d[0]->sid >> 8) * 16 :
                   at == 1 ? context :
                   table_entry(u.h, u.table[0], 4, 0x5000, 6 - at);
            u.h->after_read = midway;
            u.h->opaque = &m;
            device_translate(u.d[0], 0x5000, VTD_ACCESS_PROBE, &t);
            g_assert_null(u.h->after_read);

            if (what == MID_DETACH) {
                assert_blocked(u.d[0], 0x5000, VTD_ACCESS_READ, QVTD_F_CONTEXT);
                /*
                 * Nothing of the domain is cached, and nothing uses its
                 * tables: they change, and come back, without more ado.
                 */
                map(u.h, u.table[0], 4, 0x5000, 1, 0x20000 | QVTD_RW);
                attach(u.d[0], u.table[0], 4, unit_did(0));
            }
            g_test_message("case %u at read %u", what, at);
            assert_maps(u.d[0], 0x5000, VTD_ACCESS_READ, 0x20000);
            host_free(u.h);
        }
    }
}

static void add_both(const char *name, GTestDataFunc func)
{
    g_autofree char *queue = g_strdup_printf("/vtd/cache/%s/queue", name);
    g_autofree char *registers = g_strdup_printf("/vtd/cache/%s/registers",
                                                 name);

    g_test_add_data_func(queue, GINT_TO_POINTER(true), func);
    g_test_add_data_func(registers, GINT_TO_POINTER(false), func);
}

/* The rows that the qtests have too */

static const uint16_t rows_sids[] = { QVTD_SID_A, QVTD_SID_B, 0 };

static void check_rows(void (*rows)(QVtd *d), const uint16_t *sids)
{
    Host *h = host_new(NULL);

    while (*sids) {
        device_new(h, *sids++);
    }
    rows(&h->vtd);
    host_free(h);
}

static void test_iotlb_rows(void)
{
    check_rows(qvtd_rows_iotlb, rows_sids);
}

static void test_context_rows(void)
{
    check_rows(qvtd_rows_contexts, qvtd_context_sids);
}

static void test_disappearances(void)
{
    check_rows(qvtd_rows_disappearances, rows_sids);
}

static void test_appearances(void)
{
    for (unsigned caching_mode = 0; caching_mode < 2; caching_mode++) {
        VtdConfig config = host_config;
        Host *h;

        config.caching_mode = caching_mode;
        h = host_new(&config);
        device_new(h, QVTD_SID_A);
        qvtd_rows_appearances(&h->vtd, caching_mode);
        host_free(h);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/cache/hit", test_hit);
    add_both("domains", test_domains);
    add_both("page-orders", test_page_orders);
    add_both("ignored-bits", test_ignored_bits);
    add_both("superpages", test_superpages);
    add_both("shared-domain", test_shared_domain);
    add_both("contexts", test_contexts);
    g_test_add_func("/vtd/cache/root-pointer", test_root_pointer);
    g_test_add_func("/vtd/cache/context-only", test_context_only);
    g_test_add_func("/vtd/cache/permissions", test_permissions);
    g_test_add_func("/vtd/cache/not-present-not-cached",
                    test_not_present_not_cached);
    g_test_add_func("/vtd/cache/many", test_many);
    g_test_add_func("/vtd/cache/crowd", test_crowd);
    add_both("midway", test_midway);
    g_test_add_func("/vtd/cache/rows/iotlb", test_iotlb_rows);
    g_test_add_func("/vtd/cache/rows/contexts", test_context_rows);
    g_test_add_func("/vtd/cache/rows/appearances", test_appearances);
    g_test_add_func("/vtd/cache/rows/disappearances", test_disappearances);

    return g_test_run();
}
