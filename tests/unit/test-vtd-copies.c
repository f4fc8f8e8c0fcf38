/*
 * What is composed of copies of a second stage's tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random edits of two nested stages, syncs of all of them and of parts, and
 * vCPUs that write while a sync looks.  What is seen is compared with what one
 * who has no copies sees.  TEST_SEED=N repeats one world; -m slow makes it
 * sixty times as many.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/compose.h"
#include "tests/vtd/numbers.h"

/* Memory: some tables; their input addresses are the same */
enum {
    FIRST_4 = 1, FIRST_3, FIRST_2, FIRST_1,             /* four of these */
    SECOND_3 = FIRST_1 + 4, SECOND_2, SECOND_1,         /* and of these */
    MEMORY_PAGES = SECOND_1 + 4,
};
#define INPUT_PAGES             (4 * VTD_ENTRIES)
#define TARGET                  (1ull << 30)
#define HAW                     46
#define USED                    (QVTD_FS_A | QVTD_FS_D)
#define STEPS                   60

typedef struct World {
    GRand *rand;
    guint32 seed;
    VtdFormat first, second, composed;
    VtdSeenStats stats;
    VtdSeenConfig config;
    VtdTables tables;
    uint64_t (*memory)[VTD_ENTRIES];
    bool by_calls;              /* no table can be read in place */
    bool busy;                  /* vCPUs write meanwhile */
    uint64_t refused;           /* a table in which no bit can be set */
    uint64_t *edited, before;   /* the entry that was edited last */
    unsigned reads;             /* of whole tables */
    unsigned reads_small;
    unsigned differences;
} World;

static unsigned pick(World *w, unsigned n)
{
    return g_rand_int_range(w->rand, 0, n);
}

static uint64_t page(unsigned n)
{
    return (uint64_t)n << VTD_PAGE_SHIFT;
}

/* Edits */

static void put(World *w, unsigned table, unsigned i, uint64_t entry)
{
    w->edited = &w->memory[table][i];
    w->before = *w->edited;
    *w->edited = GUINT64_TO_LE(entry);
}

/* What is as it was before, and what was seen may be something else */
static void put_back(World *w)
{
    if (w->edited) {
        *w->edited = w->before;
        w->edited = NULL;
    }
}

static void edit_first(World *w)
{
    static const uint64_t bits[] = {
        QVTD_FS_USER, QVTD_FS_USER | USED, QVTD_FS_P | QVTD_FS_US, 0,
        QVTD_FS_P | QVTD_FS_RW,
    };
    uint64_t entry = bits[pick(w, G_N_ELEMENTS(bits))];
    unsigned i = pick(w, VTD_ENTRIES);

    switch (pick(w, 8)) {
    case 0:
        i = pick(w, 4);
        put(w, FIRST_2, pick(w, 2) ? i : pick(w, 6), page(FIRST_1 + i) | entry);
        break;
    case 1:
        put(w, FIRST_2, pick(w, 6), page(VTD_ENTRIES * pick(w, 5)) | QVTD_PS |
            entry);
        break;
    case 2:
        for (i = 0; i < VTD_ENTRIES; i++) {
            put(w, FIRST_1, i, (page(VTD_ENTRIES) + page(i)) | QVTD_FS_USER);
        }
        break;
    default:
        put(w, FIRST_1 + pick(w, 4), i, page(pick(w, INPUT_PAGES)) | entry);
        break;
    }
}

static void edit_second(World *w)
{
    unsigned table = pick(w, 4), i = pick(w, VTD_ENTRIES), n;

    switch (pick(w, 8)) {
    case 0:
        put(w, SECOND_2, table,
            page(SECOND_1 + pick(w, 4)) | pick(w, 4));
        break;
    case 1:
        put(w, SECOND_2, 1 + pick(w, 3), TARGET | QVTD_PS | pick(w, 4));
        break;
    case 2:
        /* All as it should be */
        n = table * VTD_ENTRIES;
        put(w, SECOND_2, table, page(SECOND_1 + table) | QVTD_RW);
        for (i = 0; i < VTD_ENTRIES; i++, n++) {
            put(w, SECOND_1 + table, i,
                (n < VTD_ENTRIES ? page(n) : TARGET + page(n)) | QVTD_RW);
        }
        break;
    default:
        put(w, SECOND_1 + table, i,
            (i < MEMORY_PAGES && !table ? page(i)
                                        : TARGET + page(pick(w, 4096))) |
            pick(w, 4));
        break;
    }
}

static void edit(World *w)
{
    if (pick(w, 3)) {
        edit_first(w);
    } else {
        edit_second(w);
    }
}

/* Guest memory */

static void at_work(World *w)
{
    if (w->busy && pick(w, 4) == 0) {
        edit(w);
    } else if (w->busy && pick(w, 8) == 0) {
        put_back(w);
    }
}

static void memory_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    World *w = host;
    uint64_t size = page(MEMORY_PAGES);

    at_work(w);
    *ram = (VtdRam) { size, UINT64_MAX, true, NULL };
    if (gpa < size) {
        /* A page each, so that the next one is asked for as well */
        gpa &= ~(QVTD_PAGE - 1);
        *ram = (VtdRam) {
            gpa, gpa + QVTD_PAGE - 1, true,
            w->by_calls ? NULL : (uint8_t *)w->memory + gpa,
        };
    }
}

static bool memory_read(void *host, uint64_t gpa, void *buf, size_t len)
{
    World *w = host;

    at_work(w);
    w->reads += len > 8;
    w->reads_small += len <= 8;
    if (gpa > page(MEMORY_PAGES) - len) {
        return false;
    }
    memcpy(buf, (uint8_t *)w->memory + gpa, len);
    return true;
}

static bool memory_swap(void *host, uint64_t gpa, uint64_t old, uint64_t new)
{
    World *w = host;
    uint64_t now;

    at_work(w);
    if (w->busy && pick(w, 8) == 0) {
        /* That very entry */
        put(w, gpa >> VTD_PAGE_SHIFT, gpa % QVTD_PAGE / 8,
            page(pick(w, INPUT_PAGES)) | QVTD_FS_USER);
    }
    if ((gpa & ~(QVTD_PAGE - 1)) == w->refused ||
        !memory_read(w, gpa, &now, sizeof(now)) || now != old) {
        return false;
    }
    memcpy((uint8_t *)w->memory + gpa, &new, sizeof(new));
    return true;
}

/* Syncs */

static void count(void *opaque, const VtdDiff *diff)
{
    World *w = opaque;

    w->differences += diff->kind != VTD_DIFF_KEPT;
}

static void sync_range(World *w, VtdSeen *seen, uint64_t first, uint64_t last)
{
    do {
        first = vtd_seen_sync(seen, first, last, false, count, w);
    } while (first);
}

static void sync_all(World *w, VtdSeen *seen)
{
    vtd_seen_begin(seen, true);
    sync_range(w, seen, 0, UINT64_MAX);
}

static void sync_some(World *w, VtdSeen *seen)
{
    uint64_t first = page(pick(w, 6 * VTD_ENTRIES));

    vtd_seen_begin(seen, false);
    sync_range(w, seen, first, first + page(1 + pick(w, 700)) - 1);
}

/* What one sees who looks for the first time, and has no copies */
static void assert_seen(World *w, VtdSeen *seen)
{
    VtdSeen *anew = vtd_seen_new(&w->config, &w->tables);

    sync_range(w, anew, 0, UINT64_MAX);
    w->differences = 0;
    vtd_seen_compare(seen, anew, 0, UINT64_MAX, false, count, w);
    if (w->differences) {
        g_error("TEST_SEED=%u: %u differences", w->seed, w->differences);
    }
    vtd_seen_free(anew);
}

static void world_init(World *w, guint32 seed)
{
    *w = (World) { .rand = g_rand_new_with_seed(seed), .seed = seed };
    vtd_format_first_stage(&w->first, HAW, false, false, false);
    vtd_format_second_stage(&w->second, HAW, false, false, true);
    vtd_format_composed(&w->composed, HAW);
    w->config = (VtdSeenConfig) {
        .second = &w->second, .composed = &w->composed, .ram = memory_ram,
        .read = memory_read, .swap = memory_swap, .opaque = w,
        .max_leaves = UINT32_MAX, .max_bytes = 1 << 20, .work = UINT32_MAX,
        .stats = &w->stats,
    };
    w->tables = (VtdTables) {
        .top = page(FIRST_4), .levels = 4, .first = true,
        .format = &w->first, .accessed = QVTD_FS_A, .dirty = QVTD_FS_D,
        .marks_snooped = true, .second_top = page(SECOND_3),
        .second_levels = 3,
    };
    w->memory = g_malloc0_n(MEMORY_PAGES, QVTD_PAGE);
    put(w, FIRST_4, 0, page(FIRST_3) | QVTD_FS_USER);
    put(w, FIRST_3, 0, page(FIRST_2) | QVTD_FS_USER);
    put(w, SECOND_3, 0, page(SECOND_2) | QVTD_RW);
    for (unsigned i = 0; i < 4; i++) {
        put(w, FIRST_2, i, page(FIRST_1 + i) | QVTD_FS_USER);
        put(w, SECOND_2, i, page(SECOND_1 + i) | QVTD_RW);
    }
    for (unsigned i = 0; i < INPUT_PAGES; i++) {
        put(w, SECOND_1 + i / VTD_ENTRIES, i % VTD_ENTRIES,
            (i < VTD_ENTRIES ? page(i) : TARGET + page(i)) | QVTD_RW);
        put(w, FIRST_1 + i / VTD_ENTRIES, i % VTD_ENTRIES,
            page(VTD_ENTRIES + pick(w, 3 * VTD_ENTRIES)) | QVTD_FS_USER);
    }
}

static void world_free(World *w)
{
    g_rand_free(w->rand);
    g_free(w->memory);
}

static void one_world(guint32 seed)
{
    World w;
    VtdSeen *seen;

    world_init(&w, seed);
    w.by_calls = pick(&w, 2);
    w.tables.second_dirty = pick(&w, 2);
    w.config.work = pick(&w, 2) ? UINT32_MAX : 4;
    seen = vtd_seen_new(&w.config, &w.tables);
    for (unsigned step = 0; step < STEPS; step++) {
        for (unsigned n = pick(&w, 4); n; n--) {
            edit(&w);
        }
        w.busy = pick(&w, 2);
        w.refused = page(pick(&w, 2 * MEMORY_PAGES));
        if (pick(&w, 2)) {
            sync_some(&w, seen);
            if (pick(&w, 2)) {
                put_back(&w);
            }
        }
        sync_all(&w, seen);
        w.busy = false;
        w.refused = 0;
        if (pick(&w, 4) == 0) {
            put_back(&w);
        }
        sync_all(&w, seen);
        assert_seen(&w, seen);
        w.differences = 0;
        sync_all(&w, seen);
        g_assert_cmpuint(w.differences, ==, 0);
    }
    vtd_seen_free(seen);
    world_free(&w);
}

static void test_random(void)
{
    const char *seed = g_getenv("TEST_SEED");
    unsigned worlds = g_test_slow() ? 1200 : 20;

    if (seed) {
        one_world(g_ascii_strtoull(seed, NULL, 0));
        return;
    }
    for (unsigned i = 1; i <= worlds; i++) {
        one_world(i);
    }
}

/* What a sync of all reads where nothing has changed: each table, once */
static void test_idle(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 1);
    w.by_calls = true;
    w.tables.second_dirty = true;
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    w.reads = w.reads_small = 0;
    sync_all(&w, seen);
    /*
     * Three above the last level, four of that; six of the second stage, in
     * which the first sync has set bits
     */
    g_assert_cmpuint(w.reads, ==, 3 + 4 + 6);
    g_assert_cmpuint(w.reads_small, ==, 0);

    /* A table of one stage is read once more, and what depends on it */
    put(&w, FIRST_1 + 2, 9, 0);
    w.reads = w.differences = 0;
    sync_all(&w, seen);
    g_assert_cmpuint(w.differences, ==, 1);
    g_assert_cmpuint(w.reads, ==, 13 + 1);
    put(&w, SECOND_1 + 3, 0, 0);
    w.reads = w.reads_small = 0;
    sync_all(&w, seen);
    g_assert_cmpuint(w.reads, <=, 13 + 4 + 1);
    g_assert_cmpuint(w.reads_small, ==, 0);
    assert_seen(&w, seen);
    vtd_seen_free(seen);
    world_free(&w);
}

/* What there is no room for is composed each time, and right */
static void test_no_room(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 2);
    for (uint64_t room = 4096; room <= 64 << 10;
         room += room < 4200 ? 8 : 2000) {
        seen = vtd_seen_new(&w.config, &w.tables);
        seen->copied = w.config.max_bytes - room;
        for (unsigned i = 0; i < 20; i++) {
            edit(&w);
            sync_all(&w, seen);
            g_assert_cmpuint(seen->copied, <=, w.config.max_bytes);
            assert_seen(&w, seen);
        }
        vtd_seen_free(seen);
    }
    world_free(&w);
}

/* The same pages of the second stage, which permits what one leaf asks for */
static void test_rights(void)
{
    World w;
    VtdSeen *seen;
    uint64_t input = page(VTD_ENTRIES);

    world_init(&w, 4);
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        put(&w, SECOND_1 + 1, i, TARGET | QVTD_W);
    }
    put(&w, FIRST_2, 0, input | QVTD_PS | QVTD_FS_P | QVTD_FS_US);
    put(&w, FIRST_2, 1, input | QVTD_PS | QVTD_FS_USER);
    put(&w, FIRST_2, 2, 0);
    put(&w, FIRST_2, 3, 0);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    g_assert_cmpuint(vtd_seen_pages(seen), ==, VTD_ENTRIES);
    vtd_seen_free(seen);
    world_free(&w);
}

/* Nothing is left of copies once nothing is mapped */
static void test_account(void)
{
    World w;
    VtdSeen *seen;
    uint64_t copied;

    world_init(&w, 3);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    copied = seen->copied;
    /* Four blocks and six tables, and what is around them */
    g_assert_cmpuint(copied, >=, 10 * QVTD_PAGE);
    g_assert_cmpuint(copied, <=, 13 * QVTD_PAGE);
    sync_all(&w, seen);
    g_assert_cmpuint(seen->copied, ==, copied);
    put(&w, FIRST_4, 0, 0);
    put(&w, SECOND_3, 0, 0);
    sync_all(&w, seen);
    g_assert_cmpuint(seen->copied, <, 7 * QVTD_PAGE);
    vtd_seen_free(seen);
    world_free(&w);
}

/* A page alone, the last of its piece of memory too, is read in place */
static void test_in_place(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 1);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    sync_all(&w, seen);
    g_assert_cmpuint(vtd_seen_pages(seen), ==, INPUT_PAGES);
    g_assert_cmpuint(w.reads, ==, 0);
    vtd_seen_free(seen);
    world_free(&w);
}

/* Less is permitted above a table that is as it was, or that is a leaf */
static void test_upper(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 5);
    put(&w, FIRST_2, 2, page(VTD_ENTRIES) | QVTD_PS | QVTD_FS_USER);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    assert_seen(&w, seen);
    for (unsigned i = 1; i <= 2; i++) {
        put(&w, FIRST_2, i, GUINT64_FROM_LE(w.memory[FIRST_2][i]) &
            ~QVTD_FS_RW);
        w.differences = 0;
        sync_all(&w, seen);
        g_assert_cmpuint(w.differences, >, 0);
        assert_seen(&w, seen);
        put_back(&w);
        w.differences = 0;
        sync_all(&w, seen);
        g_assert_cmpuint(w.differences, >, 0);
        assert_seen(&w, seen);
    }
    vtd_seen_free(seen);
    world_free(&w);
}

/*
 * An entry that a device may not use becomes, bit by bit, what was composed of
 * the one before: a flush of its page is not to be deceived
 */
static void test_disguised(void)
{
    World w;
    VtdSeen *seen;
    uint64_t was, now;

    world_init(&w, 8);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    was = GUINT64_FROM_LE(w.memory[FIRST_1][5]);
    now = TARGET + (was & ~(QVTD_PAGE - 1));
    put(&w, FIRST_1, 5, now | QVTD_FS_P | QVTD_FS_RW);
    w.differences = 0;
    vtd_seen_begin(seen, false);
    sync_range(&w, seen, page(5), page(6) - 1);
    g_assert_cmpuint(w.differences, ==, 1);
    assert_seen(&w, seen);
    vtd_seen_free(seen);
    world_free(&w);
}

static void note_kept(void *opaque, const VtdDiff *diff)
{
    g_assert_cmpint(diff->kind, ==, VTD_DIFF_KEPT);
    g_array_append_val((GArray *)opaque, *diff);
}

/* Of a few pages that are as they were, those that are mapped are told of */
static void test_glance(void)
{
    g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(VtdDiff));
    const VtdDiff *diff;
    World w;
    VtdSeen *seen;

    world_init(&w, 9);
    w.tables = (VtdTables) {
        .top = page(SECOND_3), .levels = 3, .format = &w.second,
    };
    put(&w, SECOND_1 + 1, 10, 0);
    put(&w, SECOND_2, 2, TARGET | QVTD_PS | QVTD_RW);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    for (unsigned first = 8; first <= 11; first++) {
        g_array_set_size(kept, 0);
        w.stats.compared = 0;
        vtd_seen_begin(seen, false);
        g_assert_cmpuint(vtd_seen_sync(seen, page(VTD_ENTRIES + first),
                                       page(VTD_ENTRIES + 13) - 1, false,
                                       note_kept, kept), ==, 0);
        g_assert_cmpuint(w.stats.compared, ==, 13 - first);
        g_assert_cmpuint(kept->len, ==, first < 10 ? 2 : 1);
        diff = &g_array_index(kept, VtdDiff, kept->len - 1);
        g_assert_cmphex(diff->first, ==, page(VTD_ENTRIES + 11));
        g_assert_cmphex(diff->last, ==, page(VTD_ENTRIES + 13) - 1);
        diff = &g_array_index(kept, VtdDiff, 0);
        g_assert_cmphex(diff->first, ==,
                        page(VTD_ENTRIES + (first == 10 ? 11 : first)));
        g_assert_cmphex(diff->last, ==,
                        page(VTD_ENTRIES + (first < 10 ? 10 : 13)) - 1);
        g_assert_cmpuint(diff->level, ==, 1);
    }

    /* A superpage, and a table of the same pages in its place */
    for (unsigned level = 2; level >= 1; level--) {
        for (unsigned i = 0; level == 1 && i < VTD_ENTRIES; i++) {
            put(&w, SECOND_1 + 2, i, (TARGET + page(i)) | QVTD_RW);
        }
        if (level == 1) {
            put(&w, SECOND_2, 2, page(SECOND_1 + 2) | QVTD_RW);
        }
        g_array_set_size(kept, 0);
        vtd_seen_sync(seen, page(2 * VTD_ENTRIES + 5),
                      page(2 * VTD_ENTRIES + 6) - 1, false, note_kept, kept);
        g_assert_cmpuint(kept->len, ==, 1);
        diff = &g_array_index(kept, VtdDiff, 0);
        g_assert_cmphex(diff->first, ==, page(2 * VTD_ENTRIES));
        g_assert_cmphex(diff->last, ==, page(3 * VTD_ENTRIES) - 1);
    }
    assert_seen(&w, seen);
    vtd_seen_free(seen);
    world_free(&w);
}

/* Pages of two tables, of which the second is not linked any more */
static void test_across(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 10);
    w.tables = (VtdTables) {
        .top = page(SECOND_3), .levels = 3, .format = &w.second,
    };
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    put(&w, SECOND_2, 2, 0);
    w.differences = 0;
    sync_range(&w, seen, page(2 * VTD_ENTRIES - 2),
               page(2 * VTD_ENTRIES + 2) - 1);
    g_assert_cmpuint(w.differences, ==, 1);
    vtd_seen_free(seen);
    world_free(&w);
}

/* A table that becomes a leaf, of which the bits are those of its entries */
static void test_table_to_leaf(void)
{
    World w;
    VtdSeen *seen;

    world_init(&w, 11);
    w.tables = (VtdTables) {
        .top = page(SECOND_3), .levels = 3, .format = &w.second,
    };
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        put(&w, 0, i, (TARGET + page(i)) | QVTD_RW);
    }
    put(&w, SECOND_2, 3, QVTD_RW);
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    put(&w, SECOND_2, 3, QVTD_RW | QVTD_PS);
    w.differences = 0;
    sync_range(&w, seen, page(3 * VTD_ENTRIES + 7),
               page(3 * VTD_ENTRIES + 8) - 1);
    g_assert_cmpuint(w.differences, >, 0);
    assert_seen(&w, seen);
    vtd_seen_free(seen);
    world_free(&w);
}

/* What the first stage leads to is more than the second can translate */
static void test_beyond(void)
{
    World w;
    VtdSeen *seen;
    uint64_t beyond = 1ull << 39, pages = INPUT_PAGES;

    world_init(&w, 6);
    put(&w, FIRST_1, 5, beyond | page(VTD_ENTRIES) | QVTD_FS_USER);
    pages--;
    put(&w, FIRST_2, 1, beyond | page(VTD_ENTRIES) | QVTD_PS | QVTD_FS_USER);
    pages -= VTD_ENTRIES;
    put(&w, FIRST_2, 2, beyond | page(FIRST_1 + 2) | QVTD_FS_USER);
    pages -= VTD_ENTRIES;
    seen = vtd_seen_new(&w.config, &w.tables);
    sync_all(&w, seen);
    g_assert_cmpuint(vtd_seen_pages(seen), ==, pages);
    vtd_seen_free(seen);
    world_free(&w);
}

/*
 * There are only so many copies, whatever room there is.  Once one was
 * refused, all make way for those that are of use; then they stay again.
 */
static void test_number(void)
{
    World w;
    VtdSeen *seen;
    VtdRam ram = { 0 };
    unsigned n = 0;
    uint64_t made;

    world_init(&w, 7);
    w.config.max_bytes = UINT32_MAX;
    seen = vtd_seen_new(&w.config, &w.tables);
    while (n < 10000 && vtd_copies_get(seen, &ram, page(n))) {
        n++;
    }
    g_assert_cmpuint(n, ==, 8192);
    g_assert_nonnull(vtd_copies_get(seen, &ram, page(n - 1)));
    sync_all(&w, seen);
    g_assert_cmpuint(g_hash_table_size(seen->copies), ==, 6);
    made = seen->copies_made;
    sync_all(&w, seen);
    g_assert_cmpuint(seen->copies_made, ==, made);
    vtd_seen_free(seen);
    world_free(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/copies/random", test_random);
    g_test_add_func("/vtd/copies/idle", test_idle);
    g_test_add_func("/vtd/copies/no-room", test_no_room);
    g_test_add_func("/vtd/copies/rights", test_rights);
    g_test_add_func("/vtd/copies/account", test_account);
    g_test_add_func("/vtd/copies/in-place", test_in_place);
    g_test_add_func("/vtd/copies/upper", test_upper);
    g_test_add_func("/vtd/copies/disguised", test_disguised);
    g_test_add_func("/vtd/copies/glance", test_glance);
    g_test_add_func("/vtd/copies/across", test_across);
    g_test_add_func("/vtd/copies/table-to-leaf", test_table_to_leaf);
    g_test_add_func("/vtd/copies/beyond", test_beyond);
    g_test_add_func("/vtd/copies/number", test_number);
    return g_test_run();
}
