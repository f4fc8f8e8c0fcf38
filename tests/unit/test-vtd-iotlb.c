/*
 * The VT-d engine's IOTLB by itself
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <pthread.h>
#include <stdatomic.h>
#include "hw/i386/vtd/spec.h"
#include "hw/i386/vtd/iotlb.h"

#define SLOTS                   VTD_IOTLB_SLOTS_MIN
#define LINE                    8
#define BLOCK                   0x10000ull      /* whose slots are in a row */

static GPtrArray *deferred;     /* slots that were replaced */

static void defer(void *opaque, void *ptr, void (*free_fn)(void *))
{
    g_assert_true(free_fn == g_free);
    g_ptr_array_add(deferred, ptr);
}

/* With room for @slots at most */
static VtdIotlb *iotlb_new(unsigned slots)
{
    VtdIotlbConfig config = { .slots_max = slots, .defer_free = defer };

    return vtd_iotlb_new(&config);
}

static bool lookup(VtdIotlb *t, const VtdTables *tables, uint64_t iova,
                   VtdIotlbEntry *entry)
{
    VtdIotlbKey key = vtd_iotlb_key(tables);

    uint64_t word = vtd_iotlb_lookup(t, &key, iova);

    *entry = (VtdIotlbEntry) {
        .addr = word & VTD_PAGE_MASK, .level = VTD_IOTLB_LEVEL(word),
        .read = word & VTD_IOTLB_READ, .write = word & VTD_IOTLB_WRITE,
    };
    return word;
}

static void insert_entry(VtdIotlb *t, const VtdTables *tables, uint64_t iova,
                         const VtdIotlbEntry *entry, uint64_t now)
{
    VtdIotlbKey key = vtd_iotlb_key(tables);

    vtd_iotlb_insert(t, &key, iova, entry, now);
}

static uint64_t page_mask(unsigned level)
{
    return (1ull << (12 + 9 * (level - 1))) - 1;
}

static void insert(VtdIotlb *t, VtdTables key, uint64_t iova,
                   unsigned level, uint64_t addr)
{
    VtdIotlbEntry entry = { addr, level, true, false };

    insert_entry(t, &key, iova, &entry, vtd_iotlb_epoch(t));
}

/* The address that @key has for @iova, or 0 */
static uint64_t find(VtdIotlb *t, VtdTables key, uint64_t iova)
{
    VtdIotlbEntry entry = { 0 };

    if (!lookup(t, &key, iova, &entry)) {
        return 0;
    }
    g_assert_cmphex(entry.addr, !=, 0);
    return entry.addr;
}

static const VtdTables key0 = { 0x1000, 1, 3 };

/* Each part of what names an entry tells it from others */
static void test_key(void)
{
    static const struct {
        VtdTables key;
        uint64_t iova;
    } table[] = {
        { { 0x1000, 1, 3 }, 0x5000 }, { { 0x2000, 1, 3 }, 0x5000 },
        { { 0x1000, 2, 3 }, 0x5000 }, { { 0x1000, 1, 4 }, 0x5000 },
        { { 0x1000, 1, 3 }, 0x6000 }, { { 0x1000, 1, 3 }, 0x205000 },
        { { 0x1000, 1, 3 }, 0x7fffffffff000 }, { { 0x1000, 1, 3 }, 0 },
        { { 0, 0, 3 }, 0 }, { { 0x1000, 0xffff, 3 }, 0x5000 },
        { { 0xfffffffff000, 0xffff, 4 }, 0xfffffffff000 },
    };
    VtdIotlb *t = iotlb_new(SLOTS);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        g_assert_cmphex(find(t, table[i].key, table[i].iova), ==, 0);
        insert(t, table[i].key, table[i].iova, 1, 0x10000 + i * 0x1000);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        g_assert_cmphex(find(t, table[i].key, table[i].iova | 0xabc), ==,
                        0x10000 + i * 0x1000);
    }
    vtd_iotlb_free(t);

    /* all domains: some share a set with the one that has an entry */
    t = iotlb_new(SLOTS);
    insert(t, key0, 0x5000, 1, 0x9000);
    for (unsigned did = 0; did <= UINT16_MAX; did++) {
        VtdTables key = { key0.top, did, key0.levels };

        g_assert_cmphex(find(t, key, 0x5000), ==,
                        did == key0.did ? 0x9000 : 0);
    }
    vtd_iotlb_free(t);
}

static void test_entry(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);

    for (unsigned i = 0; i < 12; i++) {
        VtdIotlbEntry entry = { (i + 1ull) << 30, 1 + i / 4, i & 1, i & 2 };
        uint64_t iova = (uint64_t)i << 32;
        VtdIotlbEntry found;

        insert_entry(t, &key0, iova | 0x234, &entry, vtd_iotlb_epoch(t));
        g_assert_true(lookup(t, &key0,
                                       iova | page_mask(entry.level),
                                       &found));
        g_assert_cmphex(found.addr, ==, entry.addr);
        g_assert_cmpuint(found.level, ==, entry.level);
        g_assert_cmpint(found.read, ==, entry.read);
        g_assert_cmpint(found.write, ==, entry.write);
        g_assert_false(lookup(t, &key0,
                                        iova + page_mask(entry.level) + 1,
                                        &found));

        /* the newest is what counts */
        entry.addr += 1ull << 40;
        insert_entry(t, &key0, iova, &entry, vtd_iotlb_epoch(t));
        g_assert_cmphex(find(t, key0, iova), ==, entry.addr);
    }
    vtd_iotlb_free(t);
}

static void test_drop_domain(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);
    const uint16_t dids[] = { 0, 1, 2, 0x8001, 0xffff };

    for (unsigned i = 0; i <= G_N_ELEMENTS(dids); i++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(dids); k++) {
            insert(t, (VtdTables) { 0x1000, dids[k], 3 }, 0x5000, 1,
                   0x9000);
            insert(t, (VtdTables) { 0x2000, dids[k], 4 }, 1 << 30, 3,
                   1ull << 30);
        }
        if (i < G_N_ELEMENTS(dids)) {
            vtd_iotlb_drop_domain(t, dids[i]);
        } else {
            vtd_iotlb_drop_global(t);
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(dids); k++) {
            bool left = i < G_N_ELEMENTS(dids) && k != i;

            g_assert_cmpint(!!find(t, (VtdTables) { 0x1000, dids[k], 3 },
                                   0x5000), ==, left);
            g_assert_cmpint(!!find(t, (VtdTables) { 0x2000, dids[k], 4 },
                                   1 << 30), ==, left);
        }
    }
    vtd_iotlb_free(t);
}

/* Each range against each page size; roots do not matter, domains do */
static void drop_range(VtdIotlb *t, uint16_t did, uint64_t first,
                       uint64_t last)
{
    VtdRange range = { first, last };

    vtd_iotlb_drop_ranges(t, did, &range, 1);
}

static void test_drop_ranges(void)
{
    static const VtdRange range[] = {
        { 0x3000, 0x3fff }, { 0x1000, 0x1fff }, { 0x200000, 0x200fff },
    };
    VtdIotlb *t = iotlb_new(SLOTS);

    for (uint64_t page = 0x1000; page < 0x6000; page += 0x1000) {
        insert(t, key0, page, 1, page);
    }
    insert(t, key0, 0x200000, 2, 0x200000);
    insert(t, key0, 0x400000, 2, 0x400000);
    vtd_iotlb_drop_ranges(t, key0.did, range, G_N_ELEMENTS(range));
    for (uint64_t page = 0x1000; page < 0x6000; page += 0x1000) {
        g_assert_cmphex(find(t, key0, page), ==,
                        page == 0x1000 || page == 0x3000 ? 0 : page);
    }
    g_assert_cmphex(find(t, key0, 0x200000), ==, 0);
    g_assert_cmphex(find(t, key0, 0x400000), ==, 0x400000);
    vtd_iotlb_free(t);
}

static void test_drop_range(void)
{
    for (unsigned level = 1; level <= 3; level++) {
        uint64_t mask = page_mask(level), page = 8ull << 30;

        for (unsigned order = 0; order <= 36; order++) {
            uint64_t size = 0x1000ull << order;
            const struct {
                uint64_t first, last;
            } range[] = {
                { page & ~(size - 1), page | (size - 1) },
                { (page - 1) & ~(size - 1), (page - 1) | (size - 1) },
                { (page + mask) & ~(size - 1), (page + mask) | (size - 1) },
                { (page + mask + 1) & ~(size - 1),
                  (page + mask + 1) | (size - 1) },
                { 0, UINT64_MAX }, { page + 0x1000, page + 0x1fff },
                { page, page }, { page + mask, page + mask },
                { page - 1, page - 1 }, { page + mask + 1, page + mask + 1 },
            };

            for (unsigned i = 0; i < G_N_ELEMENTS(range); i++) {
                bool meets = range[i].first <= page + mask &&
                             range[i].last >= page;
                VtdIotlb *t = iotlb_new(SLOTS);

                insert(t, key0, page, level, page);
                insert(t, (VtdTables) { 0x2000, 1, 4 }, page, level, page);
                insert(t, (VtdTables) { 0x1000, 2, 3 }, page, level, page);
                drop_range(t, 1, range[i].first, range[i].last);
                g_assert_cmpint(!find(t, key0, page), ==, meets);
                g_assert_cmpint(!find(t, (VtdTables) { 0x2000, 1, 4 },
                                      page), ==, meets);
                g_assert_cmphex(find(t, (VtdTables) { 0x1000, 2, 3 },
                                     page), ==, page);
                vtd_iotlb_free(t);
            }
        }
    }
}

/* Of what is inserted again only the newest is left, in whichever slot */
static void test_again(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);

    for (unsigned i = 0; i < SLOTS; i++) {
        insert(t, key0, i * 0x1000ull, 1, 0x1000);
    }
    for (unsigned round = 2; round < 8; round++) {
        for (unsigned i = 0; i < SLOTS; i++) {
            if (find(t, key0, i * 0x1000ull)) {
                insert(t, key0, i * 0x1000ull, 1, round * 0x1000ull);
                g_assert_cmphex(find(t, key0, i * 0x1000ull), ==,
                                round * 0x1000ull);
            }
        }
    }
    vtd_iotlb_free(t);
}

/* A walk that began before an invalidation leaves nothing after it */
static void test_in_flight(void)
{
    VtdIotlbEntry entry = { 0x9000, 1, true, true };

    for (unsigned how = 0; how < 4; how++) {
        VtdIotlb *t = iotlb_new(SLOTS);
        uint64_t now = vtd_iotlb_epoch(t);

        switch (how) {
        case 0:
            vtd_iotlb_drop_global(t);
            break;
        case 1:
            vtd_iotlb_drop_domain(t, key0.did);
            break;
        case 2:
            drop_range(t, key0.did, 0x5000, 0x5fff);
            break;
        case 3:
            vtd_iotlb_drop_domain(t, key0.did + 1);     /* another's */
            break;
        }
        insert_entry(t, &key0, 0x5000, &entry, now);
        g_assert_cmphex(find(t, key0, 0x5000), ==, how == 3 ? 0x9000 : 0);
        insert(t, key0, 0x5000, 1, 0xa000);
        g_assert_cmphex(find(t, key0, 0x5000), ==, 0xa000);
        vtd_iotlb_free(t);
    }
}

static bool *found_of(VtdIotlb *t, unsigned n, unsigned *count)
{
    bool *found = g_new(bool, n);

    *count = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t addr = find(t, key0, i * 0x1000ull);

        g_assert_true(addr == 0 || addr == (i + 1) * 0x1000ull);
        found[i] = addr;
        *count += found[i];
    }
    return found;
}

/* Bounded; a full set loses one entry for the new one, and none else */
static void test_full(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);
    unsigned n = 4 * SLOTS, count;
    bool *before, *after;

    for (unsigned i = 0; i < n; i++) {
        insert(t, key0, i * 0x1000ull, 1, (i + 1) * 0x1000ull);
        g_assert_cmphex(find(t, key0, i * 0x1000ull), ==,
                        (i + 1) * 0x1000ull);
    }
    g_free(found_of(t, n, &count));
    g_assert_cmpuint(count, <=, SLOTS);
    /* well spread: dense pages use nearly all of it */
    g_assert_cmpuint(count, >, SLOTS * 9 / 10);

    for (unsigned i = n; i < n + 64; i++) {
        unsigned lost = 0;

        before = found_of(t, i, &count);
        insert(t, key0, i * 0x1000ull, 1, (i + 1) * 0x1000ull);
        after = found_of(t, i, &count);
        for (unsigned k = 0; k < i; k++) {
            lost += before[k] && !after[k];
            g_assert_false(after[k] && !before[k]);
        }
        g_assert_cmpuint(lost, <=, 1);
        g_free(before);
        g_free(after);
    }

    /* what an invalidation emptied is used again before others are lost */
    before = found_of(t, n, &count);
    for (unsigned i = 0; i < n; i += 61) {
        if (before[i]) {
            drop_range(t, key0.did, i * 0x1000ull,
                                 i * 0x1000ull + 0xfff);
            g_assert_cmphex(find(t, key0, i * 0x1000ull), ==, 0);
            insert(t, key0, i * 0x1000ull, 1, (i + 1) * 0x1000ull);
        }
    }
    after = found_of(t, n, &count);
    g_assert_cmpmem(before, n * sizeof(bool), after, n * sizeof(bool));
    g_free(before);
    g_free(after);

    /* a range of more pages than there are slots leaves nothing in any */
    drop_range(t, key0.did, 0, (n + 64) * 0x1000ull - 1);
    g_free(found_of(t, n + 64, &count));
    g_assert_cmpuint(count, ==, 0);
    vtd_iotlb_free(t);
}

/* What is used a lot gets more room, and nothing is lost by that */
static void test_grow(void)
{
    const unsigned n = VTD_IOTLB_SLOTS_MAX / 2;
    VtdIotlb *t = iotlb_new(VTD_IOTLB_SLOTS_MAX);
    unsigned size = vtd_iotlb_size(t), grown = 0, lost = 0;

    deferred = g_ptr_array_new_with_free_func(g_free);
    g_assert_cmpuint(size, ==, SLOTS);
    for (unsigned i = 0; i < 4 * n; i++) {
        uint64_t iova = i % n * 0x1000ull;

        insert(t, key0, iova, 1, iova + 0x1000);
        if (vtd_iotlb_size(t) == size) {
            continue;
        }
        g_assert_cmpuint(vtd_iotlb_size(t), >, size);
        g_assert_cmpuint(vtd_iotlb_used(t), >, size * 9 / 10);
        size = vtd_iotlb_size(t);
        grown++;
        g_assert_cmphex(find(t, key0, iova), ==, iova + 0x1000);
    }
    g_assert_cmpuint(grown, >, 0);
    g_assert_cmpuint(size, <=, VTD_IOTLB_SLOTS_MAX);
    g_assert_cmpuint(deferred->len, ==, grown);
    for (unsigned i = 0; i < n; i++) {
        lost += find(t, key0, i * 0x1000ull) != (i + 1) * 0x1000ull;
    }
    g_assert_cmpuint(lost, <, n / 20);

    /* and is dropped as before */
    drop_range(t, key0.did, 0x5000, 0x6fff);
    g_assert_cmphex(find(t, key0, 0x5000), ==, 0);
    g_assert_cmphex(find(t, key0, 0x6000), ==, 0);
    g_assert_cmphex(find(t, key0, 0x7000), ==, 0x8000);
    vtd_iotlb_drop_domain(t, key0.did);
    g_assert_cmpuint(vtd_iotlb_used(t), ==, 0);
    g_assert_cmphex(find(t, key0, 0x7000), ==, 0);
    vtd_iotlb_free(t);
    g_clear_pointer(&deferred, g_ptr_array_unref);
}

/* Growing loses no entry: each that is there before is there afterwards */
static void test_grow_all(void)
{
    VtdIotlb *t = iotlb_new(4 * SLOTS);
    g_autofree bool *before = NULL, *after = NULL;
    unsigned n = 0, count;

    deferred = g_ptr_array_new_with_free_func(g_free);
    while (vtd_iotlb_size(t) == SLOTS) {
        /* Close to where it grows, a look before each */
        if (n > 4000) {
            g_free(before);
            before = found_of(t, n, &count);
        }
        insert(t, key0, n * 0x1000ull, 1, (n + 1) * 0x1000ull);
        n++;
    }
    after = found_of(t, n - 1, &count);
    for (unsigned i = 0, lost = 0; i < n - 1; i++) {
        /* The one that the last insertion cost its place */
        lost += before[i] && !after[i];
        g_assert_cmpuint(lost, <=, 1);
        g_assert_false(after[i] && !before[i]);
    }
    g_assert_cmphex(find(t, key0, (n - 1) * 0x1000ull), ==, n * 0x1000ull);
    vtd_iotlb_free(t);
    g_clear_pointer(&deferred, g_ptr_array_unref);
}

/* Ranges as they are taken page by page, and of all slots at once */
static void test_ranges(void)
{
    static const struct {
        uint64_t first, pages;
    } table[] = {
        { 0x5000, 1 }, { 0x5000, 2 }, { 0, SLOTS / 4 - 1 }, { 0, SLOTS / 4 },
        { 0x1ff000, SLOTS / 4 }, { 0, SLOTS / 4 + 1 },
        { 0x1ff000, SLOTS / 4 + 1 }, { 0, SLOTS },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        VtdIotlb *t = iotlb_new(SLOTS);
        VtdTables other = { 0x1000, 2, 3 };
        uint64_t last = table[i].first + table[i].pages * 0x1000 - 1;
        g_autofree bool *before = NULL, *after = NULL;
        unsigned count;

        for (unsigned page = 0; page < 2000; page++) {
            insert(t, key0, page * 0x1000ull, 1, (page + 1) * 0x1000ull);
        }
        insert(t, other, 0x5000, 1, 0x9000);
        before = found_of(t, 2000, &count);
        g_assert_cmpuint(count, >, 1900);
        drop_range(t, key0.did, table[i].first, last);
        after = found_of(t, 2000, &count);
        for (unsigned page = 0; page < 2000; page++) {
            uint64_t iova = page * 0x1000ull;
            bool stays = iova < table[i].first || iova > last;

            g_assert_cmpint(after[page], ==, before[page] && stays);
        }
        g_assert_cmphex(find(t, other, 0x5000), ==, 0x9000);
        vtd_iotlb_free(t);
    }
}

/*
 * Random operations.  Each insertion has an address of its own, so that a
 * found one tells when its walk began: not before what dropped it.
 */
#define OPERATIONS              60000
#define PAGES                   48
#define KEYS                    6

typedef struct Inserted {
    unsigned began;
    uint8_t key, level, page;
} Inserted;

static uint64_t random_page(unsigned i)
{
    /* some neighbours, some far apart, all sizes meet */
    return (i & 7) * 0x1000ull + (i >> 3 & 1) * 0x200000ull +
           (i >> 4) * 0x40000000ull;
}

static void test_random(void)
{
    static const VtdTables keys[KEYS] = {
        { 0x1000, 1, 3 }, { 0x1000, 1, 4 }, { 0x2000, 1, 3 },
        { 0x1000, 2, 3 }, { 0x2000, 3, 4 }, { 0x3000, 0, 3 },
    };
    VtdIotlb *t = iotlb_new(SLOTS);
    Inserted *inserted = g_new0(Inserted, OPERATIONS + 1);
    unsigned dropped[KEYS][4][PAGES] = { 0 };   /* by key, level, page */
    uint64_t now = vtd_iotlb_epoch(t);
    unsigned began = 0, hits = 0;

    for (unsigned op = 1; op <= OPERATIONS; op++) {
        unsigned k = g_test_rand_int_range(0, KEYS);
        unsigned level = g_test_rand_int_range(1, 4);
        unsigned page = g_test_rand_int_range(0, PAGES);
        unsigned what = g_test_rand_int_range(0, 100);
        uint64_t first = 0, last = UINT64_MAX;
        VtdIotlbEntry entry = { (uint64_t)op << 30, level, true, true };
        int did = -1;

        if (what < 45) {
            if (what < 40) {
                now = vtd_iotlb_epoch(t);
                began = op;
            }
            insert_entry(t, &keys[k], random_page(page), &entry, now);
            inserted[op] = (Inserted) { began, k, level, page };
            if (began == op) {
                g_assert_true(lookup(t, &keys[k],
                                               random_page(page), &entry));
            }
            continue;
        }
        if (what < 90) {
            Inserted *i;

            if (!lookup(t, &keys[k], random_page(page), &entry)) {
                continue;
            }
            hits++;
            i = &inserted[entry.addr >> 30];
            g_assert_cmpuint(i->key, ==, k);
            g_assert_cmpuint(i->level, ==, entry.level);
            g_assert_cmphex(random_page(i->page) & ~page_mask(i->level), ==,
                            random_page(page) & ~page_mask(i->level));
            g_assert_cmpuint(i->began, >=, dropped[k][i->level][page]);
            continue;
        }
        if (what < 98) {
            did = keys[k].did;
            if (what < 96) {
                first = random_page(page) & ~page_mask(level);
                last = first | page_mask(level);
                drop_range(t, did, first, last);
            } else {
                vtd_iotlb_drop_domain(t, did);
            }
        } else {
            vtd_iotlb_drop_global(t);
        }
        for (k = 0; k < KEYS; k++) {
            for (level = 1; level <= 3; level++) {
                for (page = 0; page < PAGES; page++) {
                    uint64_t start = random_page(page) & ~page_mask(level);

                    if ((did < 0 || did == keys[k].did) && start <= last &&
                        (start | page_mask(level)) >= first) {
                        dropped[k][level][page] = op;
                    }
                }
            }
        }
    }
    g_test_message("%u hits", hits);
    g_assert_cmpuint(hits, >, OPERATIONS / 20);
    g_free(inserted);
    vtd_iotlb_free(t);
}

/*
 * Lookups meet the writing of a slot: twice as many pages as a set has room
 * for are inserted into one set, and each must be found as its own.
 */
#define CROWD                   (2 * VTD_IOTLB_WAYS)
#define INSERTIONS              1500000
#define LOOKUPS                 500000

typedef struct Crowd {
    VtdIotlb *iotlb;
    uint64_t page[CROWD];
    _Atomic unsigned done;      /* lookups */
    _Atomic bool stop;
    unsigned hits;              /* the thread's */
} Crowd;

/* Pages that share slots: of each the insertion costs page 0 its entry */
static void find_crowd(Crowd *crowd)
{
    VtdIotlb *t = iotlb_new(SLOTS);
    uint64_t page = BLOCK;

    for (unsigned i = 1; i < CROWD; page += BLOCK) {
        if (!find(t, key0, 0)) {
            insert(t, key0, 0, 1, 0x1000);
        }
        insert(t, key0, page, 1, 0x1000);
        if (!find(t, key0, 0)) {
            crowd->page[i++] = page;
        }
    }
    vtd_iotlb_free(t);
}

static void insert_one(Crowd *crowd, unsigned i)
{
    VtdIotlbEntry entry = { (i + 1ull) << 30, 1, i & 1, i & 2 };

    insert_entry(crowd->iotlb, &key0, crowd->page[i], &entry,
                     vtd_iotlb_epoch(crowd->iotlb));
}

static void *lookup_crowd(void *opaque)
{
    Crowd *crowd = opaque;

    for (unsigned n = 0; !atomic_load(&crowd->stop); n++) {
        unsigned i = n % CROWD;
        VtdIotlbEntry entry;

        if (lookup(crowd->iotlb, &key0, crowd->page[i], &entry)) {
            crowd->hits++;
            g_assert_cmphex(entry.addr, ==, (i + 1ull) << 30);
            g_assert_cmpint(entry.read, ==, i & 1);
            g_assert_cmpint(entry.write, ==, !!(i & 2));
        }
        atomic_fetch_add_explicit(&crowd->done, 1, memory_order_relaxed);
    }
    return NULL;
}

static void test_threads(void)
{
    Crowd crowd = { .iotlb = iotlb_new(SLOTS) };
    pthread_t thread;

    find_crowd(&crowd);
    g_assert_cmpint(pthread_create(&thread, NULL, lookup_crowd, &crowd), ==,
                    0);
    for (unsigned n = 0; n < INSERTIONS || atomic_load(&crowd.done) < LOOKUPS;
         n++) {
        insert_one(&crowd, (n + n / CROWD * 3) % CROWD);
        if (n % 64 == 0) {
            drop_range(crowd.iotlb, key0.did, crowd.page[0],
                                 crowd.page[0]);
        }
    }
    atomic_store(&crowd.stop, true);
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    g_test_message("%u hits in %u lookups", crowd.hits,
                   atomic_load(&crowd.done));
    g_assert_cmpuint(crowd.hits, >, 0);
    vtd_iotlb_free(crowd.iotlb);
}

/* Lookups go on while there come to be more slots */
#define GROWN                   (2 * VTD_IOTLB_SLOTS_MAX)

static void *lookup_grown(void *opaque)
{
    Crowd *crowd = opaque;

    for (unsigned n = 0; !atomic_load(&crowd->stop); n++) {
        uint64_t iova = n % GROWN * 0x1000ull;
        uint64_t addr = find(crowd->iotlb, key0, iova);

        g_assert_true(!addr || addr == iova + 0x1000);
        crowd->hits += addr != 0;
        atomic_fetch_add_explicit(&crowd->done, 1, memory_order_relaxed);
    }
    return NULL;
}

static void test_grow_threads(void)
{
    Crowd crowd = { .iotlb = iotlb_new(VTD_IOTLB_SLOTS_MAX) };
    pthread_t thread;

    deferred = g_ptr_array_new_with_free_func(g_free);
    g_assert_cmpint(pthread_create(&thread, NULL, lookup_grown, &crowd), ==,
                    0);
    for (unsigned n = 0; n < GROWN || atomic_load(&crowd.done) < LOOKUPS;
         n++) {
        uint64_t iova = n % GROWN * 0x1000ull;

        insert(crowd.iotlb, key0, iova, 1, iova + 0x1000);
    }
    atomic_store(&crowd.stop, true);
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    g_assert_cmpuint(crowd.hits, >, 0);
    g_assert_cmpuint(vtd_iotlb_size(crowd.iotlb), ==, VTD_IOTLB_SLOTS_MAX);
    vtd_iotlb_free(crowd.iotlb);
    g_clear_pointer(&deferred, g_ptr_array_unref);
}

/* The entries of a line: all but one are there */
static void insert_line(VtdIotlb *t, VtdTables tables, uint64_t iova,
                        uint64_t now)
{
    VtdIotlbKey key = vtd_iotlb_key(&tables);
    VtdIotlbEntry entry[LINE];
    uint64_t first = iova & ~(LINE * 0x1000ull - 1);

    for (unsigned i = 0; i < LINE; i++) {
        entry[i] = (VtdIotlbEntry) {
            .addr = first + 0x10000 + i * 0x1000, .level = 1,
            .read = i != 6, .write = i % 2 && i != 6,
        };
    }
    entry[6] = (VtdIotlbEntry) { 0 };
    vtd_iotlb_insert_ahead(t, &key, iova, entry, LINE, now);
}

static void test_line(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);
    VtdIotlbEntry entry;

    /* One stays as it is, and one is of the page that is asked for */
    insert(t, key0, 0x12000, 1, 0x777000);
    insert(t, key0, 0x13000, 1, 0x777000);
    insert_line(t, key0, 0x13abc, vtd_iotlb_epoch(t));
    for (unsigned i = 0; i < LINE; i++) {
        bool there = lookup(t, &key0, 0x10000 + i * 0x1000ull, &entry);

        g_assert_cmpint(there, ==, i != 6);
        if (there && i != 2) {
            g_assert_cmphex(entry.addr, ==, 0x20000 + i * 0x1000);
            g_assert_true(entry.read);
            g_assert_cmpint(entry.write, ==, i % 2);
            g_assert_cmpint(entry.level, ==, 1);
        }
    }
    g_assert_cmphex(find(t, key0, 0x12000), ==, 0x777000);
    g_assert_cmphex(find(t, key0, 0xf000), ==, 0);
    g_assert_cmphex(find(t, key0, 0x18000), ==, 0);
    g_assert_cmpuint(vtd_iotlb_used(t), ==, LINE - 1);

    /* what is dead does not stay */
    vtd_iotlb_drop_domain(t, key0.did);
    insert_line(t, key0, 0x13000, vtd_iotlb_epoch(t));
    g_assert_cmphex(find(t, key0, 0x12000), ==, 0x22000);
    vtd_iotlb_free(t);
}

/* What was read before an invalidation is not inserted after it */
static void test_line_in_flight(void)
{
    VtdIotlb *t = iotlb_new(SLOTS);
    uint64_t now = vtd_iotlb_epoch(t);

    drop_range(t, key0.did, 0x99000, 0x99000);
    insert_line(t, key0, 0x13000, now);
    g_assert_cmpuint(vtd_iotlb_used(t), ==, 0);
    now = vtd_iotlb_epoch(t);
    vtd_iotlb_drop_domain(t, key0.did);
    insert_line(t, key0, 0x13000, now);
    g_assert_cmphex(find(t, key0, 0x13000), ==, 0);
    vtd_iotlb_free(t);
}

/* Pages in order: they get the slots that were free, then those of others */
static void test_lines(void)
{
    VtdIotlb *t = iotlb_new(VTD_IOTLB_SLOTS_MAX);
    unsigned found = 0;

    deferred = g_ptr_array_new_with_free_func(g_free);
    for (uint64_t iova = 0; iova < 4ull * SLOTS * 0x1000; iova += 0x8000) {
        insert_line(t, key0, iova, vtd_iotlb_epoch(t));
        for (unsigned i = 0; i < LINE; i++) {
            g_assert_cmpint(!find(t, key0, iova + i * 0x1000), ==, i == 6);
        }
    }
    g_assert_cmpuint(vtd_iotlb_size(t), ==, VTD_IOTLB_SLOTS_MAX);
    vtd_iotlb_drop_global(t);
    /* half of the slots: few are lost, as each page has a choice of ways */
    for (uint64_t iova = 0; iova < SLOTS * 0x1000ull; iova += 0x8000) {
        for (unsigned did = 1; did < 3; did++) {
            VtdTables key = key0;

            key.did = did;
            insert_line(t, key, iova, vtd_iotlb_epoch(t));
        }
    }
    for (uint64_t iova = 0; iova < SLOTS * 0x1000ull; iova += 0x1000) {
        for (unsigned did = 1; did < 3; did++) {
            VtdTables key = key0;

            key.did = did;
            found += find(t, key, iova) != 0;
        }
    }
    g_test_message("%u found", found);
    g_assert_cmpuint(found, >, 2 * SLOTS / LINE *
                               (LINE - 1) * 97 / 100);
    vtd_iotlb_free(t);
    g_clear_pointer(&deferred, g_ptr_array_unref);
}

static bool crowded(VtdIotlb *t, VtdTables tables, uint64_t iova)
{
    VtdIotlbKey key = vtd_iotlb_key(&tables);

    return vtd_iotlb_crowded(t, &key, iova, 1);
}

static void test_crowded(void)
{
    VtdIotlb *t = iotlb_new(SLOTS), *larger = iotlb_new(4 * SLOTS);
    unsigned n = 0;

    g_assert_false(crowded(t, key0, 0));
    for (uint64_t i = 0; i < 8 * SLOTS; i++) {
        insert(t, key0, i * 0x1000, 1, 0x1000);
    }
    for (uint64_t i = 0; i < 16 * SLOTS; i++) {
        bool there = find(t, key0, i * 0x1000);

        g_assert_false(there && crowded(t, key0, i * 0x1000));
        n += !there && crowded(t, key0, i * 0x1000);
    }
    g_assert_cmpuint(n, >, 12 * SLOTS);
    /* what is dead is room */
    vtd_iotlb_drop_domain(t, key0.did);
    for (uint64_t i = 0; i < 16 * SLOTS; i++) {
        g_assert_false(crowded(t, key0, i * 0x1000));
    }
    vtd_iotlb_free(t);

    /* As long as it can grow it is not */
    for (uint64_t i = 0; vtd_iotlb_used(larger) < SLOTS - 8; i++) {
        insert(larger, key0, i * 0x1000, 1, 0x1000);
        g_assert_false(crowded(larger, key0, (i + SLOTS) * 0x1000));
    }
    g_assert_cmpuint(vtd_iotlb_size(larger), ==, SLOTS);
    vtd_iotlb_free(larger);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/iotlb/key", test_key);
    g_test_add_func("/vtd/iotlb/entry", test_entry);
    g_test_add_func("/vtd/iotlb/drop-domain", test_drop_domain);
    g_test_add_func("/vtd/iotlb/drop-range", test_drop_range);
    g_test_add_func("/vtd/iotlb/drop-ranges", test_drop_ranges);
    g_test_add_func("/vtd/iotlb/again", test_again);
    g_test_add_func("/vtd/iotlb/in-flight", test_in_flight);
    g_test_add_func("/vtd/iotlb/full", test_full);
    g_test_add_func("/vtd/iotlb/grow", test_grow);
    g_test_add_func("/vtd/iotlb/grow-all", test_grow_all);
    g_test_add_func("/vtd/iotlb/ranges", test_ranges);
    g_test_add_func("/vtd/iotlb/line", test_line);
    g_test_add_func("/vtd/iotlb/line-in-flight", test_line_in_flight);
    g_test_add_func("/vtd/iotlb/lines", test_lines);
    g_test_add_func("/vtd/iotlb/crowded", test_crowded);
    g_test_add_func("/vtd/iotlb/random", test_random);
    g_test_add_func("/vtd/iotlb/threads", test_threads);
    g_test_add_func("/vtd/iotlb/grow-threads", test_grow_threads);

    return g_test_run();
}
